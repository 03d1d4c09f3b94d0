"""What is predicted: shapes, types, agreement of the methods and of the kinds of input."""

import numpy as np
import pytest
import scipy.sparse as sp
from references import quantiles
from scipy.special import expit, softmax
from sklearn.preprocessing import StandardScaler
from trust import TASKS, estimator, kind_of, outputs, problem, same

from skmlp import MLPClassifier

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

CLASSIFICATION = ("binary", "multiclass", "multilabel")  # a matrix a prediction
DTYPES = (np.float32, np.float64)


def fitted(task, dtype=np.float64, **params):
    """Return a fitted estimator and its X."""
    X, y = problem(task, dtype=dtype)
    return estimator(task, max_iter=20, **params).set_params(**params).fit(X, y), X


def by_hand(est, X, activation):
    """Return the raw scores, as the textbook computes them."""
    for i, (W, b) in enumerate(zip(est.coefs_, est.intercepts_, strict=True)):
        X = X @ W + b
        if i < len(est.coefs_) - 1:
            X = activation(X)
    return X


# -- raw scores ----------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(), (7,), (9, 5), (3, 4, 5)])
@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("identity", lambda z: z),
        ("logistic", expit),
        ("tanh", np.tanh),
        ("relu", lambda z: np.maximum(z, 0)),
    ],
)
def test_scores_are_those_of_the_textbook(name, function, hidden):
    est, X = fitted("multiclass", activation=name, hidden_layer_sizes=hidden)
    expected = by_hand(est, X, function)
    np.testing.assert_allclose(est.decision_function(X), expected, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_methods_of_a_classifier_agree(task, dtype):
    est, X = fitted(task, dtype)
    scores, probabilities = est.decision_function(X), est.predict_proba(X)
    tolerance = 10 * np.finfo(dtype).eps
    np.testing.assert_allclose(np.exp(est.predict_log_proba(X)), probabilities, rtol=tolerance)
    if task == "multiclass":
        np.testing.assert_allclose(softmax(scores, axis=1), probabilities, rtol=tolerance)
        np.testing.assert_array_equal(est.predict(X), est.classes_[probabilities.argmax(axis=1)])
        np.testing.assert_array_equal(scores.argmax(axis=1), probabilities.argmax(axis=1))
    elif task == "binary":
        np.testing.assert_allclose(expit(scores), probabilities[:, 1], rtol=tolerance)
        np.testing.assert_array_equal(est.predict(X), (scores > 0).astype(int))
    else:
        np.testing.assert_allclose(expit(scores), probabilities, rtol=tolerance)
        np.testing.assert_array_equal(est.predict(X), (probabilities > 0.5).astype(int))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("task", CLASSIFICATION)
def test_probabilities_are_probabilities(task, dtype):
    est, X = fitted(task, dtype)
    probabilities = est.predict_proba(X * dtype(100))
    assert ((probabilities >= 0) & (probabilities <= 1)).all()
    if task != "multilabel":
        eps = np.finfo(dtype).eps
        np.testing.assert_allclose(probabilities.sum(axis=1), 1.0, rtol=4 * eps)


@pytest.mark.parametrize(
    ("task", "shapes"),
    [
        ("binary", {"predict": (60,), "predict_proba": (60, 2), "decision_function": (60,)}),
        ("multiclass", {"predict": (60,), "predict_proba": (60, 3), "decision_function": (60, 3)}),
        (
            "multilabel",
            {"predict": (60, 3), "predict_proba": (60, 3), "decision_function": (60, 3)},
        ),
        ("regression", {"predict": (60,)}),
        ("multi-output", {"predict": (60, 2)}),
        ("poisson", {"predict": (60,)}),
    ],
)
def test_shapes(task, shapes):
    est, X = fitted(task)
    for name, shape in shapes.items():
        assert getattr(est, name)(X).shape == shape
    if "predict_proba" in shapes:
        assert est.predict_log_proba(X).shape == shapes["predict_proba"]


@pytest.mark.parametrize("asked", ["auto", "float32", "float64"])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.int32, np.float16, bool])
@pytest.mark.parametrize("task", TASKS)
def test_types_are_those_of_the_fit(task, given, asked):
    X, y = problem(task)
    X = (3 * X).astype(given)
    est = estimator(task, dtype=asked).fit(X, y)
    auto = np.float32 if given is np.float32 else np.float64
    expected = np.dtype(auto if asked == "auto" else asked)
    assert {w.dtype for w in (*est.coefs_, *est.intercepts_)} == {expected}
    for other in (X, X.astype(np.float32), X.astype(np.float64), X.astype(int)):
        for name, values in outputs(est, other).items():
            is_label = name == "predict" and kind_of(task) is MLPClassifier
            assert values.dtype == (np.asarray(y).dtype if is_label else expected), name


# -- one class -----------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("label", [0, 1, "only", True])
def test_single_class_is_certain(label, solver):
    X, _ = problem("binary")
    y = np.full(len(X), label)
    est = MLPClassifier((5,), max_iter=3, random_state=0, solver=solver).fit(X, y)
    np.testing.assert_array_equal(est.classes_, [label])
    np.testing.assert_array_equal(est.predict(X), y)
    np.testing.assert_array_equal(est.predict_proba(X), np.ones((len(X), 1)))
    np.testing.assert_array_equal(est.predict_log_proba(X), np.zeros((len(X), 1)))
    assert est.decision_function(X).shape == (len(X),)
    assert est.score(X, y) == 1.0


def test_single_class_with_early_stopping():
    X, _ = problem("binary")
    est = MLPClassifier((5,), max_iter=3, random_state=0, early_stopping=True)
    est.fit(X, np.ones(len(X)))
    assert est.score(X, np.ones(len(X))) == 1.0


# -- kinds of input --------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("hidden", [(), (7,), (200, 90)])
@pytest.mark.parametrize("task", TASKS)
def test_sparse_rows_give_what_dense_rows_give(task, hidden, dtype):
    est, X = fitted(task, dtype, hidden_layer_sizes=hidden)
    X[X < 0] = 0
    expected = outputs(est, X)
    for make in (sp.csr_array, sp.csr_matrix, sp.csc_array, sp.coo_array, sp.lil_array):
        for name, values in outputs(est, make(X)).items():
            np.testing.assert_allclose(
                values, expected[name], rtol=1e-4 if dtype == np.float32 else 1e-9
            )


@pytest.mark.parametrize("task", TASKS)
def test_one_row_gives_what_many_rows_give(task):
    est, X = fitted(task)
    many = outputs(est, X)
    for i in (0, 5, 59):
        for name, values in outputs(est, X[i : i + 1]).items():
            np.testing.assert_allclose(values, many[name][i : i + 1], rtol=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_chunks_give_what_one_piece_gives(task):
    # 3000 rows through 400 units are more than one chunk.
    est, X = fitted(task, hidden_layer_sizes=(400,))
    many, few = np.tile(X, (50, 1)), outputs(est, X)
    for name, values in outputs(est, many).items():
        once = few[name]
        np.testing.assert_allclose(values, np.concatenate([once] * 50), rtol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("task", TASKS)
def test_fast_path_gives_what_the_slow_path_gives(task, dtype):
    # A float array of the fitted type is let through at once; these are validated.
    est, X = fitted(task, dtype)

    class Rows(np.ndarray):
        """Rows that are not just an array."""

    for rows in (X, X[:1], X[::2]):
        fast = outputs(est, rows)
        assert same(outputs(est, rows.view(Rows)), fast)
        assert same(outputs(est, rows.tolist()), fast)
        assert same(outputs(est, rows.astype(np.float64)), fast)


@pytest.mark.parametrize("task", TASKS)
def test_layout_does_not_matter(task):
    est, X = fitted(task)
    wide = np.repeat(np.repeat(X, 2, axis=0), 3, axis=1)[::2, ::3]
    for rows in (np.asfortranarray(X), wide, X[::-1]):
        expected = outputs(est, np.ascontiguousarray(rows))
        for name, values in outputs(est, rows).items():
            np.testing.assert_allclose(values, expected[name], rtol=1e-12)


@pytest.mark.parametrize("task", TASKS)
def test_integers_give_what_floats_give(task):
    X, y = problem(task)
    X = np.round(3 * X)
    est = estimator(task).fit(X.astype(int), y)
    assert same(est.coefs_, estimator(task).fit(X, y).coefs_)
    for dtype in (int, np.int8, np.uint8, np.int64):
        rows = np.abs(X).astype(dtype)
        assert same(outputs(est, rows), outputs(est, rows.astype(float)))


def test_other_byte_order_is_read():
    est, X = fitted("multiclass")
    swapped = X.astype(X.dtype.newbyteorder())
    assert same(outputs(est, swapped), outputs(est, X))
    again = estimator("multiclass", max_iter=20).fit(swapped, problem("multiclass")[1])
    assert same(again.coefs_, est.coefs_)


@pytest.mark.parametrize("task", TASKS)
def test_frames_give_what_arrays_give(task):
    pandas = pytest.importorskip("pandas")
    X, y = problem(task)
    names = ["a", "b", "c", "d"]
    frame = pandas.DataFrame(X, columns=names)
    est = estimator(task).fit(frame, y)
    np.testing.assert_array_equal(est.feature_names_in_, names)
    unnamed = estimator(task).fit(X, y)
    assert not hasattr(unnamed, "feature_names_in_")
    assert same(est.coefs_, unnamed.coefs_)
    assert same(outputs(est, frame), outputs(unnamed, X))
    est.partial_fit(frame, y)


def test_feature_names_of_an_earlier_fit_are_forgotten():
    pandas = pytest.importorskip("pandas")
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(pandas.DataFrame(X, columns=list("abcd")), y).fit(X, y)
    assert not hasattr(est, "feature_names_in_")
    assert same(outputs(est, X), outputs(estimator("multiclass").fit(X, y), X))


def test_frames_of_polars_give_what_arrays_give():
    polars = pytest.importorskip("polars")
    X, y = problem("multiclass")
    frame = polars.DataFrame(X, schema=["a", "b", "c", "d"])
    est = estimator("multiclass").fit(frame, y)
    if hasattr(StandardScaler().fit(frame), "feature_names_in_"):  # old ones know pandas only
        np.testing.assert_array_equal(est.feature_names_in_, ["a", "b", "c", "d"])
    assert same(outputs(est, frame), outputs(estimator("multiclass").fit(X, y), X))


@pytest.mark.parametrize("container", ["frame", "series", "list", "column", "category"])
def test_labels_come_in_any_container(container):
    pandas = pytest.importorskip("pandas")
    X, y = problem("multiclass")
    labels = np.array(["red", "green", "blue"])[y]
    given = {
        "frame": lambda: pandas.DataFrame({"colour": labels}),
        "series": lambda: pandas.Series(labels, index=np.arange(100, 160)),
        "list": labels.tolist,
        "column": lambda: labels[:, np.newaxis],
        "category": lambda: pandas.Series(labels, dtype="category"),
    }[container]()
    est = estimator("multiclass")
    if container in ("frame", "column"):
        with pytest.warns(UserWarning, match="column-vector y"):
            est.fit(X, given)
    else:
        est.fit(X, given)
    np.testing.assert_array_equal(est.classes_, ["blue", "green", "red"])
    assert same(est.coefs_, estimator("multiclass").fit(X, labels).coefs_)


@pytest.mark.parametrize("dtype", [int, float, bool])
def test_indicator_matrices_come_dense_and_sparse(dtype):
    X, y = problem("multilabel")
    expected = estimator("multilabel").fit(X, y)
    for given in (y.astype(dtype), sp.csr_array(y.astype(dtype)), sp.csr_matrix(y.astype(dtype))):
        est = estimator("multilabel").fit(X, given)
        assert same(est.coefs_, expected.coefs_)
        np.testing.assert_array_equal(est.predict(X), expected.predict(X))


# -- without hidden layers -----------------------------------------------------------------------


@pytest.mark.parametrize("empty", [(), [], np.array([], dtype=int)], ids=["tuple", "list", "array"])
@pytest.mark.parametrize("task", TASKS)
def test_network_without_hidden_layers_is_linear(task, empty):
    est, X = fitted(task, hidden_layer_sizes=empty)
    assert len(est.coefs_) == 1
    assert est.n_layers_ == 2
    scores = X @ est.coefs_[0] + est.intercepts_[0]
    if kind_of(task) is MLPClassifier:
        found = est.decision_function(X)
        found = np.hstack(found) if isinstance(found, list) else found
    else:
        links = {"poisson": np.exp, "quantiles": lambda z: quantiles(z, 3)}
        found, scores = est.predict(X), links.get(task, np.asarray)(scores)
    np.testing.assert_allclose(found, np.squeeze(scores), rtol=1e-12)


# -- weights that the user changes -----------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_weights_changed_in_place_take_effect(task):
    est, X = fitted(task)
    before = outputs(est, X)
    est.coefs_[-1][...] = 0
    est.intercepts_[-1][...] = np.arange(1, 1 + est.n_outputs_)
    after = outputs(est, X)
    assert not same(before, after)
    if task in ("binary", "multiclass", "multilabel"):
        expected = np.tile(np.arange(1.0, 1 + est.n_outputs_), (len(X), 1))
        np.testing.assert_array_equal(after["decision_function"], np.squeeze(expected))


@pytest.mark.parametrize("task", TASKS)
def test_replaced_weights_take_effect(task):
    est, X = fitted(task)
    other, _ = fitted(task, random_state=9)
    est.coefs_ = [np.asfortranarray(w) for w in other.coefs_]
    est.intercepts_ = [b.copy() for b in other.intercepts_]
    expected = outputs(other, X)
    for name, values in outputs(est, X).items():
        np.testing.assert_allclose(values, expected[name], rtol=1e-12)


def test_training_goes_on_from_changed_weights():
    X, y = problem("regression")
    est = estimator("regression", warm_start=True, alpha=0.0).fit(X, y)
    est.coefs_[-1][...] = 0
    est.intercepts_[-1][...] = 1e6
    est.set_params(max_iter=1, learning_rate_init=1e-9)
    for train in (est.fit, est.partial_fit):
        assert train(X, y).loss_ == pytest.approx(np.mean((1e6 - y) ** 2) / 2, rel=1e-6)


def test_weights_of_another_type_take_effect():
    est, X = fitted("multiclass", np.float32)
    est.coefs_ = [w.astype(np.float64) for w in est.coefs_]
    before = fitted("multiclass", np.float32)[0].predict_proba(X)
    np.testing.assert_allclose(est.predict_proba(X), before, rtol=1e-5)
    assert est.predict_proba(X).dtype == np.float32


# -- records ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("task", TASKS)
def test_records_agree(task, solver, early_stopping):
    est, X = fitted(task, solver=solver, early_stopping=early_stopping)
    assert est.n_iter_ == len(est.loss_curve_)
    assert est.loss_ == est.loss_curve_[-1]
    assert est.n_layers_ == len(est.coefs_) + 1
    assert est.n_features_in_ == X.shape[1] == est.coefs_[0].shape[0]
    assert est.n_outputs_ == est.coefs_[-1].shape[1]
    if early_stopping:
        assert est.best_loss_ is None
        assert est.best_validation_score_ == max(est.validation_scores_)
    else:
        assert est.best_loss_ == min(est.loss_curve_)
        assert est.validation_scores_ is None


@pytest.mark.parametrize(
    ("task", "name"),
    [
        ("binary", "logistic"),
        ("multiclass", "softmax"),
        ("multilabel", "logistic"),
        ("regression", "identity"),
        ("poisson", "exp"),
    ],
)
def test_output_activation_is_named(task, name):
    assert fitted(task)[0].out_activation_ == name


def test_poisson_predictions_are_positive():
    est, X = fitted("poisson")
    assert (est.predict(X * 1e3) > 0).all()
