"""The same seed gives the same bits, and nothing that should not matter does."""

import copy
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from cases import DTYPES, pairwise
from sklearn.model_selection import GridSearchCV, cross_validate
from trust import TASKS, estimator, first_partial_fit, outputs, problem, run_python, same

from skmlp import MLPClassifier

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ("sgd", "adam", "lbfgs")


def results(est, X, *data):
    """Fit; return everything that training left and what is predicted."""
    est.fit(X, *data)
    return [
        *est.coefs_,
        *est.intercepts_,
        est.loss_curve_,
        est.validation_scores_,
        est.n_iter_,
        outputs(est, X),
    ]


# -- the seed ---------------------------------------------------------------------------


CONTAINERS = [np.asarray, sp.csr_array, sp.csc_array]


@pytest.mark.parametrize(
    ("task", "solver", "dtype", "container", "early_stopping"),
    pairwise(TASKS, SOLVERS, DTYPES, CONTAINERS, [False, True]),
)
def test_same_seed_same_bits(task, solver, dtype, container, early_stopping):
    X, y = problem(task, dtype=dtype)
    weight = np.linspace(0.5, 1.5, len(X))
    est = estimator(task, solver=solver, early_stopping=early_stopping, batch_size=20)
    first = results(copy.deepcopy(est), container(X), y, weight)
    assert same(first, results(est, container(X), y, weight))
    assert same(first, results(est, container(X), y, weight))  # a fit leaves nothing behind
    est.set_params(random_state=1)
    assert not same(first, results(est, container(X), y, weight))


def fingerprints():
    """Return the first weights that each solver comes to, as text."""
    X, y = problem("multiclass")
    estimators = [estimator("multiclass", solver=name, early_stopping=True) for name in SOLVERS]
    return [est.fit(X, y).coefs_[0].tobytes().hex() for est in estimators]


def test_other_process_gives_the_same_bits():
    done = run_python(
        "import test_reproducibility as t; print(*t.fingerprints())",
        OMP_NUM_THREADS="1",
        PYTHONHASHSEED="1",  # not that of this process
        PYTHONWARNINGS="ignore",
    )
    assert done.stdout.split() == fingerprints(), done.stderr


def test_stream_of_the_user_goes_on():
    X, y = problem("multiclass")
    stream, seeded = np.random.RandomState(0), results(estimator("multiclass"), X, y)
    est = estimator("multiclass", random_state=stream)
    assert same(results(est, X, y), seeded)
    assert not same(results(est, X, y), seeded)
    assert est.random_state is stream


def of_a_generator(kind):
    """Return a stream whose bits are not those of the Mersenne twister."""
    return np.random.RandomState(getattr(np.random, kind)(3))


@pytest.mark.parametrize("kind", ["PCG64", "Philox", "SFC64"])
def test_stream_of_another_bit_generator(kind):
    X, y = problem("multiclass")
    params = {"dropout": 0.5, "early_stopping": True, "warm_start": True}
    one, other = (estimator("multiclass", random_state=of_a_generator(kind)) for _ in range(2))
    for est in (one, other):
        est.set_params(**params).fit(X, y)
    assert same(outputs(one, X), outputs(other, X))
    one.fit(X, y)
    one.partial_fit(X, y)


def test_stream_of_another_bit_generator_as_scikit_learn():
    X, y = problem("multiclass")
    losses = [
        kind(max_iter=5, random_state=of_a_generator("PCG64")).fit(X, y).loss_
        for kind in (MLPClassifier, sklearn.neural_network.MLPClassifier)
    ]
    assert losses[0] == pytest.approx(losses[1], rel=1e-9)


def test_checkpoints_refuse_a_stream_whose_state_they_cannot_keep(tmp_path):
    X, y = problem("multiclass")
    est = estimator("multiclass", random_state=of_a_generator("PCG64"))
    with pytest.raises(ValueError, match=r"checkpoint_path needs .* random_state to an int"):
        est.set_params(checkpoint_path=tmp_path / "training").fit(X, y)
    assert not hasattr(est, "coefs_")
    assert not list(tmp_path.iterdir())


def test_no_seed_takes_the_global_stream():
    X, y = problem("multiclass")
    est = estimator("multiclass", random_state=None)
    state = np.random.get_state()
    try:
        np.random.seed(0)
        assert same(results(est, X, y), results(estimator("multiclass"), X, y))
    finally:
        np.random.set_state(state)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_same_seed_same_bits_over_calls_of_partial_fit(solver):
    X, y = problem("multiclass")
    a, b = (estimator("multiclass", solver=solver, batch_size=20) for _ in range(2))
    for _ in range(3):
        first_partial_fit(a, X, y)
        first_partial_fit(b, X, y)
        assert same(a.coefs_, b.coefs_)


def test_interleaved_training_of_two_estimators_does_not_matter():
    X, y = problem("multiclass")
    alone, a, b = (estimator("multiclass", batch_size=20) for _ in range(3))
    for _ in range(3):
        first_partial_fit(alone, X, y)
    for _ in range(3):
        first_partial_fit(a, X, y)
        first_partial_fit(b, X[::-1], y[::-1])
    assert same(alone.coefs_, a.coefs_)


# -- what does not matter -------------------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("verbose", [True, 2])
def test_verbosity_does_not_matter(solver, verbose, capsys):
    X, y = problem("multiclass")
    params = {"solver": solver, "early_stopping": True}
    quiet = results(estimator("multiclass", **params), X, y)
    assert capsys.readouterr().out == ""
    loud = results(estimator("multiclass", verbose=verbose, **params), X, y)
    assert capsys.readouterr().out.count("\n") >= 2 * 3
    assert same(quiet, loud)


def test_number_of_jobs_does_not_matter():
    X, y = problem("multiclass", n=120)
    est = estimator("multiclass", early_stopping=True)
    scores = [
        cross_validate(est, X, y, cv=3, n_jobs=n, return_train_score=True, return_estimator=True)
        for n in (1, 2)
    ]
    for name in ("test_score", "train_score"):
        assert same(*(score[name] for score in scores))
    for a, b in zip(*(score["estimator"] for score in scores), strict=True):
        assert same(outputs(a, X), outputs(b, X))


def test_order_of_a_search_does_not_matter():
    X, y = problem("multiclass", n=120)
    best = [
        GridSearchCV(estimator("multiclass"), {"alpha": alphas}, cv=3).fit(X, y).best_estimator_
        for alphas in ([1e-3, 100.0], [100.0, 1e-3])
    ]
    assert same(*(est.coefs_ for est in best))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_layout_of_the_data_does_not_matter(task, solver):
    X, y = problem(task)
    expected = results(estimator(task, solver=solver), X, y)
    wide = np.zeros((2 * len(X), 2 * X.shape[1]))
    wide[::2, ::2] = X
    for other in (np.asfortranarray(X), wide[::2, ::2], X.tolist(), X[::-1][::-1]):
        assert same(results(estimator(task, solver=solver), other, y)[:-1], expected[:-1])


@pytest.mark.parametrize("layout", ["csc", "coo", "lil", "dok", "bsr"])
@pytest.mark.parametrize("kind", ["array", "matrix"])
def test_format_of_sparse_data_does_not_matter(layout, kind):
    X, y = problem("multiclass")
    X[X < 0] = 0
    expected = results(estimator("multiclass"), sp.csr_array(X), y)
    make = sp.csr_array if kind == "array" else sp.csr_matrix
    assert same(results(estimator("multiclass"), make(X).asformat(layout), y), expected)


def test_type_of_the_indices_does_not_matter():
    X, y = problem("multiclass")
    narrow, wide = sp.csr_array(X), sp.csr_array(X)
    wide.indices, wide.indptr = wide.indices.astype(np.int64), wide.indptr.astype(np.int64)
    a, b = (results(estimator("multiclass"), A, y) for A in (narrow, wide))
    assert same(a, b)


@pytest.mark.parametrize("task", ["binary", "multiclass"])
def test_names_of_the_classes_do_not_matter(task):
    X, y = problem(task)
    expected = results(estimator(task, early_stopping=True), X, y)[:-1]
    for names in (np.array(["a", "b", "c"]), np.array([-5, 0, 70]), np.array([0.5, 1.5, 2.5])):
        labels = names[y]
        if labels.dtype.kind == "f":
            labels = np.array([f"{label}" for label in labels], dtype=object)
        est = estimator(task, early_stopping=True)
        assert same(results(est, X, labels)[:-1], expected)
        np.testing.assert_array_equal(est.predict(X), np.unique(labels)[predicted(task, X, y)])


def predicted(task, X, y):
    """Return the codes that are predicted for codes."""
    return estimator(task, early_stopping=True).fit(X, y).predict(X)


@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_of_one_are_no_weights(solver):
    X, y = problem("multiclass")
    plain = estimator("multiclass", solver=solver).fit(X, y)
    weighted = estimator("multiclass", solver=solver).fit(X, y, np.ones(len(X)))
    for a, b in zip(plain.coefs_, weighted.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-9)


def test_order_of_rows_does_not_matter_to_a_whole_batch():
    X, y = problem("regression")
    params = {"shuffle": False, "batch_size": len(X), "max_iter": 20}
    a = estimator("regression", **params).fit(X, y)
    b = estimator("regression", **params).fit(X[::-1], y[::-1])
    np.testing.assert_allclose(a.predict(X), b.predict(X), rtol=1e-7)


# -- predictions do not depend on the company ------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), (7,), (300, 50)])
@pytest.mark.parametrize("task", TASKS)
def test_predictions_do_not_depend_on_the_other_rows(task, hidden, dtype):
    X, y = problem(task, n=2_500, dtype=dtype)
    est = estimator(task, hidden_layer_sizes=hidden, max_iter=1).fit(X[:60], y[:60])
    whole = outputs(est, X)
    pieces = [0, 1, 2, 7, 8, 300, 1_001, 2_499, 2_500]
    parts = [outputs(est, X[a:b]) for a, b in itertools.pairwise(pieces)]
    tolerance = 50 * np.finfo(dtype).eps
    for name, expected in whole.items():
        joined = np.concatenate([part[name] for part in parts])
        assert joined.dtype == expected.dtype
        if joined.dtype.kind == "f":
            np.testing.assert_allclose(joined, expected, rtol=tolerance, atol=tolerance)
        else:
            np.testing.assert_array_equal(joined, expected)


def test_predictions_are_repeatable():
    X, y = problem("multiclass", n=3_000)
    est = estimator("multiclass").fit(X[:60], y[:60])
    first = outputs(est, X)
    for _ in range(3):
        assert same(outputs(est, X), first)


def test_training_does_not_depend_on_predictions_in_between():
    X, y = problem("multiclass")
    quiet, asked = (MLPClassifier((7,), random_state=0, batch_size=20) for _ in range(2))
    for _ in range(3):
        first_partial_fit(quiet, X, y)
        outputs(first_partial_fit(asked, X, y), X)
        asked.score(X, y)
    assert same(quiet.coefs_, asked.coefs_)
