"""Weights go out and come in as plain values and files; what does not fit changes nothing."""

import copy
import math
import os
import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from cases import in_one_case
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.preprocessing import StandardScaler
from sklearn.utils.validation import check_is_fitted
from trust import (
    ESTIMATORS,
    REGRESSION,
    TASKS,
    estimator,
    first_partial_fit,
    is_plain,
    kind_of,
    outputs,
    problem,
    run_python,
    same,
    unchanged,
)

from skmlp import MLPClassifier, MLPRegressor
from skmlp.activations import LeakyRelu
from skmlp.estimators import weights
from skmlp.estimators.storage import files
from skmlp.losses import Huber

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

#: Parameters that between them make every kind of layer with numbers of its own.
NETS = {
    "plain": {},
    "deep": {"hidden_layer_sizes": (5, 4), "activation": ["tanh", "prelu"]},
    "linear": {"hidden_layer_sizes": ()},
    "batch norm": {"batch_norm": True},
    "batch norm of the input": {"batch_norm": "input", "dropout": 0.2},
    "layer norm": {"layer_norm": True, "parametric_activation": True},
    "standard": {"feature_scaling": "standard"},
    "robust": {"feature_scaling": "robust"},
    "maxabs": {"feature_scaling": "maxabs"},
    "smooth clip": {"feature_scaling": "smooth_clip", "batch_norm": True},
    "average": {"average": True},
    "L-BFGS": {"solver": "lbfgs"},
    "early stopping": {"early_stopping": True, "validation_fraction": 0.3},
}

SCALED = {"target_scaling": "standard", "output_range": (-50.0, 50.0)}


@pytest.fixture(params=["npz", "safetensors"])
def path(request, tmp_path):
    """A path that asks for a format, which is skipped where its package is missing."""
    if request.param == "safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"weights.{request.param}"


def fitted(task="multiclass", **params):
    """Return a fitted estimator and X."""
    X, y = problem(task)
    return estimator(task, **params).fit(X, y), X


def other_fit(est, X, task="multiclass"):
    """Return the same estimator fitted to other rows: with other weights of the same shapes."""
    rows = np.arange(len(X))[::-1][:40]
    return clone(est).set_params(random_state=1).fit(X[rows], problem(task)[1][rows])


# -- round trips ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_unfitted_estimator_becomes_the_saved_one(path, task, dtype):
    est, X = fitted(task, dtype=dtype)
    est.save_weights(path)
    loaded = kind_of(task)()
    assert loaded.load_weights(path) is loaded
    assert same(outputs(loaded, X), outputs(est, X))
    assert same(loaded.get_weights(), est.get_weights())
    assert loaded.score(*problem(task)) == est.score(*problem(task))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_every_layer_is_in_the_file(tmp_path, task, net):
    est, X = fitted(task, **NETS[net])
    est.save_weights(tmp_path / "weights")
    loaded = kind_of(task)().load_weights(tmp_path / "weights")
    assert same(outputs(loaded, X), outputs(est, X))


@pytest.mark.parametrize("task", REGRESSION)
def test_scaling_of_targets_is_in_the_file(path, task):
    own = {"poisson": {"target_scaling": "maxabs"}, "quantiles": {"target_scaling": "robust"}}
    est, X = fitted(task, **own.get(task, SCALED))
    est.save_weights(path)
    assert same(outputs(MLPRegressor().load_weights(path), X), outputs(est, X))


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_fitted_estimator_takes_over_the_saved_weights(tmp_path, task, net):
    scaling = {"target_scaling": "standard"} if task == "regression" else {}
    est, X = fitted(task, **NETS[net], **scaling)
    est.save_weights(tmp_path / "weights")
    other = other_fit(est, X, task)
    assert not same(outputs(other, X), outputs(est, X))
    assert other.load_weights(tmp_path / "weights") is other
    assert same(outputs(other, X), outputs(est, X))


LABELS = {
    "text": np.array(["no", "perhaps", "yes"]),
    "objects": np.array(["no", "perhaps", "yes"], dtype=object),
    "whole numbers": np.array([3, 7, 11], dtype=np.int16),
    "floats": np.array([-1.0, 0.0, 2.0], dtype=np.float32),
    "truth": np.array([False, True, True]),
    "wide text": np.array(["a", "b", "c"], dtype="<U30"),
}


@pytest.mark.parametrize("kind", LABELS)
def test_labels_keep_their_type(path, kind):
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, LABELS[kind][y])
    est.save_weights(path)
    loaded = MLPClassifier().load_weights(path)
    assert same(loaded.classes_, est.classes_)
    assert same(loaded.predict(X), est.predict(X))


def test_labels_of_several_columns_keep_their_types(path):
    X, y = problem("multiclass")
    columns = np.c_[LABELS["objects"][y], np.array(["a", "b"], dtype=object)[1 * (y > 0)]]
    est = estimator("multiclass").fit(X, columns)
    est.save_weights(path)
    loaded = MLPClassifier().load_weights(path)
    assert same(loaded.classes_, est.classes_)
    assert same(outputs(loaded, X), outputs(est, X))


def test_names_of_features_are_kept_and_checked(path):
    pandas = pytest.importorskip("pandas")
    X, y = problem("multiclass")
    frame = pandas.DataFrame(X, columns=["a", "b", "c", "d"])
    est = estimator("multiclass").fit(frame, y)
    est.save_weights(path)
    loaded = MLPClassifier().load_weights(path)
    assert same(loaded.predict(frame), est.predict(frame))
    with pytest.raises(ValueError, match="feature names"):
        loaded.predict(frame[["b", "a", "c", "d"]])
    other = estimator("multiclass").fit(frame[["b", "a", "c", "d"]], y)
    with unchanged(other, frame[["b", "a", "c", "d"]]), pytest.raises(ValueError, match="names"):
        other.load_weights(path)


@pytest.mark.parametrize("task", TASKS)
def test_loaded_estimator_is_like_any_fitted_one(tmp_path, task):
    est, X = fitted(task)
    est.save_weights(tmp_path / "weights")
    loaded = clone(est).load_weights(tmp_path / "weights")
    check_is_fitted(loaded)
    training_only = {"_label_weights"}
    assert set(vars(loaded)) | training_only == set(vars(est)) | training_only
    assert same(outputs(pickle.loads(pickle.dumps(loaded)), X), outputs(est, X))
    assert set(vars(clone(loaded))) == set(loaded.get_params())
    assert loaded.n_iter_ == 0
    assert (loaded.n_layers_, loaded.n_outputs_) == (est.n_layers_, est.n_outputs_)
    assert loaded.out_activation_ == est.out_activation_


@pytest.mark.parametrize("net", ["plain", "batch norm", "smooth clip", "average"])
@pytest.mark.parametrize("task", TASKS)
def test_loaded_estimator_can_be_trained_further(tmp_path, task, net):
    X, y = problem(task)
    est, _ = fitted(task, **NETS[net])
    est.save_weights(tmp_path / "weights")
    for call in ("fit", "partial_fit"):
        loaded = clone(est).set_params(warm_start=True).load_weights(tmp_path / "weights")
        getattr(loaded, call)(X, y)
        assert not same(loaded.coefs_, est.coefs_)
        assert all(np.isfinite(values).all() for values in outputs(loaded, X).values())


def test_plain_fit_forgets_what_was_loaded(tmp_path):
    est, X = fitted()
    est.save_weights(tmp_path / "weights")
    loaded = clone(est).load_weights(tmp_path / "weights").fit(*problem("multiclass"))
    ours, theirs = loaded.__getstate__(), est.__getstate__()
    assert {name for name in ours if not same(ours[name], theirs[name])} == set()
    assert same(outputs(loaded, X), outputs(est, X))


def test_training_further_needs_parameters_that_agree(tmp_path):
    est, X = fitted()
    est.save_weights(tmp_path / "weights")
    loaded = MLPClassifier((9,)).load_weights(tmp_path / "weights")
    with unchanged(loaded, X), pytest.raises(ValueError, match="hidden_layer_sizes"):
        loaded.partial_fit(*problem("multiclass"))


def test_parameters_of_the_constructor_stay(tmp_path):
    est, _ = fitted(activation="tanh", alpha=0.5)
    est.save_weights(tmp_path / "weights")
    loaded = MLPClassifier((9,), batch_size=17).load_weights(tmp_path / "weights")
    assert loaded.get_params() == MLPClassifier((9,), batch_size=17).get_params()


def test_other_process_predicts_the_same_bits(tmp_path):
    est, X = fitted(batch_norm=True)
    path = tmp_path / "weights"
    est.save_weights(path)
    np.save(path.with_name("X.npy"), X)
    done = run_python(
        "import numpy as np\n"
        "from skmlp import MLPClassifier\n"
        f"est = MLPClassifier().load_weights({str(path)!r})\n"
        f"X = np.load({str(path.with_name('X.npy'))!r})\n"
        "print(est.predict_proba(X).tobytes().hex())\n",
        OMP_NUM_THREADS="1",
    )
    assert done.stdout.strip() == est.predict_proba(X).tobytes().hex(), done.stderr


def test_file_is_little_more_than_the_weights(path):
    est, _ = fitted(hidden_layer_sizes=(200, 200), warm_start=True)
    est.save_weights(path)
    assert path.stat().st_size <= 1.1 * sum(a.nbytes for a in [*est.coefs_, *est.intercepts_])


def test_memory_mapped_estimator_can_be_saved_and_changed(path, tmp_path):
    est, X = fitted(batch_norm=True)
    joblib.dump(est, tmp_path / "estimator.joblib")
    mapped = joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")
    mapped.save_weights(path)
    assert same(outputs(MLPClassifier().load_weights(path), X), outputs(est, X))
    assert not any(isinstance(w, np.memmap) for w in mapped.get_weights()["coefs"])
    other = other_fit(est, X)
    mapped.set_weights(other.get_weights())
    assert same(outputs(mapped, X), outputs(other, X))


def test_subclass_of_a_user_keeps_its_class(path):
    class Own(MLPClassifier):
        def __init__(self, hidden_layer_sizes=(100,), activation="relu", *, alpha=0.1, **rest):
            super().__init__(hidden_layer_sizes, activation, alpha=alpha, **rest)

    est, X = fitted()
    est.save_weights(path)
    loaded = Own().load_weights(path)
    assert type(loaded) is Own
    assert same(outputs(loaded, X), outputs(est, X))


def test_module_reads_what_an_estimator_wrote(path):
    est, _ = fitted()
    est.save_weights(path)
    assert same(weights.read(path), est.get_weights())


def test_module_refuses_another_tree(path):
    files.write(path, {"weights": [1, 2]})
    with pytest.raises(ValueError, match="holds no weights"):
        weights.read(path)


# -- as plain values -----------------------------------------------------------------------


@in_one_case(task=TASKS, net=["plain", "smooth clip"])
def test_weights_are_plain_values(task, net):
    est, _ = fitted(task, **NETS[net])
    assert is_plain(est.get_weights())


def test_entries_are_those_that_are_known():
    est, _ = fitted()
    assert tuple(est.get_weights()) == weights._ENTRIES


def test_weights_are_copies():
    est, X = fitted(batch_norm=True, feature_scaling="standard")
    with unchanged(est, X):
        taken = est.get_weights()
        for array in (*taken["coefs"], *taken["intercepts"], taken["classes"]):
            array[...] = 0
        for layer in taken["layer_params"]:
            for array in layer.values():
                array[...] = 0
        taken["feature_statistics"]["mean"][...] = 0
        taken["architecture"]["hidden_layer_sizes"][0] = 99
        taken["coefs"].clear()


def test_weights_that_are_set_are_copied():
    est, X = fitted()
    given = other_fit(est, X).get_weights()
    est.set_weights(given)
    with unchanged(est, X):
        for array in (*given["coefs"], *given["intercepts"]):
            array[...] = 0


@pytest.mark.parametrize("net", NETS)
@pytest.mark.parametrize("task", ["multilabel", "multi-output"])
def test_weights_of_before_bring_back_the_predictions_of_before(task, net):
    X, y = problem(task)
    est = estimator(task, **NETS[net]).fit(X, y)
    taken, before = est.get_weights(), outputs(est, X)
    if est.solver != "lbfgs":
        est.partial_fit(X, y)
        assert not same(outputs(est, X), before)
    assert est.set_weights(taken) is est
    assert same(outputs(est, X), before)
    assert same(est.get_weights(), taken)


def test_some_of_the_weights_can_be_set():
    est, _ = fitted()
    before = est.get_weights()
    est.set_weights({"intercepts": [b + 1 for b in est.intercepts_]})
    assert same(est.coefs_, before["coefs"])
    assert same(est.intercepts_, [b + 1 for b in before["intercepts"]])
    est.set_weights(
        {"coefs": [w.tolist() for w in before["coefs"]], "intercepts": [[0] * 7, [0] * 3]}
    )
    assert same(est.coefs_, before["coefs"])
    assert same(est.intercepts_, [np.zeros(7), np.zeros(3)])


def test_weights_take_the_type_of_the_estimator():
    single, X = fitted(dtype="float32")
    double, _ = fitted(dtype="float64")
    single.set_weights(double.get_weights())
    assert {w.dtype for w in single.coefs_} == {np.dtype(np.float32)}
    assert single.predict_proba(X).dtype == np.float32
    assert np.allclose(single.predict_proba(X), double.predict_proba(X), atol=1e-5)


def test_targets_are_scaled_as_those_of_the_weights():
    est, X = fitted("regression", target_scaling="standard")
    y = problem("regression")[1]
    far = clone(est).fit(X, 1_000 + 50 * y)
    far.set_weights(est.get_weights())
    assert same(far.predict(X), est.predict(X))


def test_features_are_scaled_as_those_of_the_weights_in_later_calls_too():
    X, y = problem("multiclass")
    est, _ = fitted(feature_scaling="standard", learning_rate_init=1e-12)
    far = clone(est).fit(1_000 + 50 * X, y).set_weights(est.get_weights())
    far.set_params(warm_start=True).fit(X, y)
    assert np.allclose(far.predict_proba(X), est.predict_proba(X))


def test_state_of_the_optimizer_is_dropped_and_random_numbers_go_on():
    X, y = problem("multiclass")
    est = first_partial_fit(estimator("multiclass", batch_size=20), X, y)
    taken = est.get_weights()
    kept = copy.deepcopy(est).partial_fit(X, y)
    est.set_weights(taken)
    fresh = clone(est).fit(X, y).set_weights(taken)
    assert not same(est.partial_fit(X, y).coefs_, kept.coefs_)  # without Adam's moments
    assert not same(est.coefs_, fresh.partial_fit(X, y).coefs_)  # in another order of rows
    assert len(pickle.dumps(est)) == len(pickle.dumps(kept))


def test_estimator_with_set_weights_survives_a_pickle():
    X, y = problem("multiclass")
    est = first_partial_fit(estimator("multiclass"), X, y)
    est.set_weights(est.get_weights())
    loaded = pickle.loads(pickle.dumps(est))
    assert same(loaded.partial_fit(X, y).coefs_, est.partial_fit(X, y).coefs_)


def test_what_was_recorded_of_the_training_stays():
    est, X = fitted()
    before = copy.deepcopy((est.loss_curve_, est.n_iter_, est.t_))
    est.set_weights(other_fit(est, X).get_weights())
    assert (est.loss_curve_, est.n_iter_, est.t_) == before


def test_one_activation_is_the_same_for_each_layer():
    one, X = fitted(hidden_layer_sizes=(4, 4), activation="tanh")
    each, _ = fitted(hidden_layer_sizes=(4, 4), activation=["tanh", "tanh"], random_state=3)
    each.set_weights(one.get_weights())
    assert same(outputs(each, X), outputs(one, X))


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    "call",
    [
        lambda est, path: est.get_weights(),
        lambda est, path: est.set_weights({}),
        lambda est, path: est.save_weights(path),
    ],
    ids=["get", "set", "save"],
)
def test_unfitted_estimator_has_no_weights(tmp_path, cls, call):
    with pytest.raises(NotFittedError):
        call(cls(), tmp_path / "weights")
    assert list(tmp_path.iterdir()) == []


# -- objects -------------------------------------------------------------------------------

OBJECTS = {
    "feature_scaling": ("multiclass", {"feature_scaling": StandardScaler()}),
    "target_scaling": ("regression", {"target_scaling": StandardScaler()}),
    "activation": ("multiclass", {"activation": LeakyRelu(0.2)}),
    "activation of a layer": (
        "multiclass",
        {"hidden_layer_sizes": (4, 4), "activation": ["relu", LeakyRelu(0.2)]},
    ),
    "loss": ("regression", {"loss": Huber()}),
}


@pytest.mark.parametrize("kind", OBJECTS)
def test_objects_cannot_be_saved_but_by_pickle(tmp_path, kind):
    task, params = OBJECTS[kind]
    est, X = fitted(task, **params)
    message = rf"{kind.split()[0]}=.*pickle, joblib or skops"
    with unchanged(est, X), pytest.raises(ValueError, match=message):
        est.save_weights(tmp_path / "weights")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", OBJECTS)
def test_estimators_with_objects_can_exchange_weights(kind):
    task, params = OBJECTS[kind]
    est, X = fitted(task, **params)
    y = problem(task)[1]
    other = clone(est).set_params(random_state=5).fit(X, y)
    other.set_weights(est.get_weights())
    assert same(outputs(other, X), outputs(est, X))


# -- what does not fit ---------------------------------------------------------------------


def of(**entries):
    """Return a function that replaces entries of weights."""
    return lambda given: {**given, **entries}


def at(*place, value):
    """Return a function that replaces something inside weights."""

    def replace(given):
        node = given
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] = value
        return given

    return replace


def without(*place):
    """Return a function that removes something inside weights."""

    def remove(given):
        node = given
        for key in place[:-1]:
            node = node[key]
        del node[place[-1]]
        return given

    return remove


def spoilt(value):
    """Return a function that spoils a weight."""

    def spoil(given):
        given["coefs"][0][1, 2] = value
        return given

    return spoil


#: Changes of the weights of a classifier of 4 features, 7 units and 3 classes, with batch norm
#: and scaled features, that neither a fitted nor an unfitted estimator takes.
UNFIT = {
    "no weights": (lambda given: None, "saved|weights"),
    "list of weights": (lambda given: list(given.values()), "saved|weights"),
    "misspelt entry": (of(coef=[]), r"no entries \['coef'\], only .*'coefs'"),
    "format of the future": (of(format=99), "format 99.*format 1"),
    "format is text": (of(format="1"), "format '1'.*format 1"),
    "format is None": (of(format=None), "format None"),
    "of a regressor": (of(estimator="regressor"), "'regressor', not of a 'classifier'"),
    "coefs are None": (of(coefs=None), "damaged"),
    "coefs are a number": (of(coefs=3), "damaged"),
    "coefs are text": (of(coefs="ab"), "real numbers"),
    "coefs are a dict": (of(coefs={"0": 1}), "real numbers"),
    "layer too few": (without("coefs", 1), r"coefs_\[1\] has no array.*\(7, 3\)"),
    "layer too many": (
        lambda given: of(coefs=[*given["coefs"], np.ones((3, 3))])(given),
        r"coefs_\[2\] has shape \(3, 3\).*no array",
    ),
    "bias too few": (without("intercepts", 1), r"intercepts_\[1\] has no array.*\(3,\)"),
    "no biases": (of(intercepts=[]), "intercepts|damaged"),
    "transposed": (
        lambda given: at("coefs", 1, value=given["coefs"][1].T)(given),
        r"coefs_\[1\] has shape \(3, 7\).*needs shape \(7, 3\)",
    ),
    "other width": (at("coefs", 0, value=np.ones((4, 8))), r"coefs_\[0\] has shape \(4, 8\)"),
    "other inputs": (at("coefs", 0, value=np.ones((5, 7))), r"coefs_\[0\] has shape \(5, 7\)"),
    "flat": (at("coefs", 0, value=np.ones(28)), r"coefs_\[0\] has shape \(28,\)"),
    "ragged": (at("coefs", 0, value=[[1.0], [1.0, 2.0]]), r"\w+ \w+"),
    "number": (at("coefs", 0, value=1.0), r"coefs_\[0\] has shape \(\)"),
    "long bias": (at("intercepts", 0, value=np.ones(8)), r"intercepts_\[0\] has shape \(8,\)"),
    "NaN": (spoilt(np.nan), r"coefs_\[0\] does not consist of finite"),
    "infinity": (spoilt(np.inf), r"coefs_\[0\] does not consist of finite"),
    "complex": (at("coefs", 0, value=np.ones((4, 7), complex)), "real numbers.*complex"),
    "booleans": (at("coefs", 0, value=np.ones((4, 7), bool)), "real numbers.*bool"),
    "objects": (at("coefs", 0, value=np.ones((4, 7), object)), "real numbers.*object"),
    "text": (at("coefs", 0, value=np.full((4, 7), "1.0")), "real numbers.*<U3"),
    "weight is None": (at("coefs", 0, value=None), "real numbers.*object"),
    "no statistics of batch norm": (
        without("layer_params", 1, "mean"),
        r"layer_params_\[1\]\['mean'\] has no array.*\(7,\)",
    ),
    "statistics of another width": (
        at("layer_params", 1, "variance", value=np.ones(8)),
        r"layer_params_\[1\]\['variance'\] has shape \(8,\)",
    ),
    "unknown array of a layer": (
        at("layer_params", 1, "extra", value=np.ones(7)),
        r"layer_params_\[1\]\['extra'\] has shape \(7,\).*no array",
    ),
    "infinite variance": (at("layer_params", 1, "variance", value=[np.inf] * 7), "finite"),
    "layers are None": (of(layer_params=None), "damaged"),
    "layer is a list": (at("layer_params", 0, value=[1]), "damaged"),
    "no layers": (of(layer_params=[]), r"layer_params_\[0\]"),
    "no statistics of features": (of(feature_statistics=None), "damaged"),
    "other statistics of features": (
        of(feature_statistics={"total": 1.0, "centred": True, "largest": np.ones(4)}),
        "damaged",
    ),
    "NaN in statistics": (at("feature_statistics", "mean", value=np.full(4, np.nan)), "statistics"),
    "weight of rows is text": (at("feature_statistics", "total", value="1"), "damaged"),
    "architecture is None": (of(architecture=None), "damaged"),
    "architecture is a list": (of(architecture=[1]), "damaged"),
    "unknown activation": (at("architecture", "activation", value="sine"), "activation"),
    "number as activation": (at("architecture", "activation", value=[3]), "activation"),
    "too many activations": (at("architecture", "activation", value=["relu"] * 9), "activation"),
    "no batch norm": (at("architecture", "batch_norm", value=False), None),
    "unknown scaling": (at("architecture", "feature_scaling", value="cubic"), None),
    "transformer": (at("architecture", "feature_scaling", value="transformer"), None),
    "classes unsorted": (lambda given: of(classes=given["classes"][::-1].copy())(given), "classes"),
    "classes alike": (of(classes=np.array([1, 1, 2])), "classes"),
    "class too few": (of(classes=np.arange(2)), "classes|shape"),
    "class too many": (of(classes=np.arange(4)), "classes|shape"),
    "classes are text": (of(classes="abc"), "classes|damaged"),
    "classes of several columns": (of(classes=[np.arange(3)]), "classes|damaged|shape"),
    "classes as a matrix": (of(classes=np.arange(3).reshape(1, 3)), "classes"),
}

#: The same, that an unfitted estimator alone needs.
UNFIT_ALONE = {
    "no coefs": without("coefs"),
    "no classes": without("classes"),
    "no names": without("feature_names"),
    "no number of features": without("n_features"),
    "no architecture": without("architecture"),
    "no type": without("architecture", "dtype"),
    "no kind of target": without("architecture", "target"),
    "unknown kind of target": at("architecture", "target", value="ordinal"),
    "type of objects": at("architecture", "dtype", value="object"),
    "half precision": at("architecture", "dtype", value="float16"),
    "long text as type": at("architecture", "dtype", value="U1000000000"),
    "number as type": at("architecture", "dtype", value=8),
    "huge width": at("architecture", "hidden_layer_sizes", value=[10**12]),
    "width of many digits": at("architecture", "hidden_layer_sizes", value=[10**4000]),
    "width is a fraction": at("architecture", "hidden_layer_sizes", value=[7.5]),
    "huge number of features": at("architecture", "n_features", value=10**12),
    "features contradict": of(n_features=5),
    "features are a fraction": of(n_features=4.5),
    "features are text": of(n_features="4"),
    "name too few": of(feature_names=["a", "b", "c"]),
    "names are numbers": of(feature_names=[1, 2, 3, 4]),
    "names are a number": of(feature_names=3),
    "classes are None": of(classes=None),
    "classes are a list": of(classes=[0, 1, 2]),
    "classes mixed": of(classes=np.array([1, "a", 2], dtype=object)),
    "unknown loss": at("architecture", "loss", value="hinge"),
    "loss of a regressor": at("architecture", "loss", value="squared_error"),
}


#: The network of the catalogues.
NET = {"batch_norm": True, "feature_scaling": "standard"}


@pytest.mark.parametrize("kind", UNFIT)
def test_unfit_weights_change_nothing(kind):
    change, message = UNFIT[kind]
    est, X = fitted(**NET)
    given = change(est.get_weights())
    with unchanged(est, X), pytest.raises(ValueError, match=message):
        est.set_weights(given)


@pytest.mark.parametrize("kind", [kind for kind in {**UNFIT, **UNFIT_ALONE} if kind != "complex"])
def test_file_with_unfit_weights_changes_nothing(tmp_path, kind):
    change = UNFIT[kind][0] if kind in UNFIT else UNFIT_ALONE[kind]
    est, X = fitted(**NET)
    files.write(tmp_path / "weights", change(est.get_weights()))
    loaded = MLPClassifier((3,), alpha=0.5)
    with unchanged(loaded, X), pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        loaded.load_weights(tmp_path / "weights")


MEANINGS = {
    "activation": ("multiclass", {"activation": "tanh"}, {}),
    "activation of a layer": (
        "multiclass",
        {"hidden_layer_sizes": (4, 4), "activation": ["relu", "tanh"]},
        {"hidden_layer_sizes": (4, 4)},
    ),
    "loss": ("multiclass", {"loss": "focal"}, {}),
    "batch_norm": ("multiclass", {"batch_norm": "after"}, {"batch_norm": True}),
    "feature_scaling": (
        "multiclass",
        {"feature_scaling": "maxabs"},
        {"feature_scaling": "standard"},
    ),
    "target_scaling": ("regression", {"target_scaling": "robust"}, {"target_scaling": "standard"}),
    "target_scaling, of one": ("regression", {"target_scaling": "robust"}, {}),
    "output_range": ("regression", {"output_range": (-90, 90)}, {"output_range": (-99, 99)}),
    "loss of numbers": ("regression", {"loss": "huber"}, {}),
    "quantile": (
        "regression",
        {"loss": "quantile", "quantile": 0.9},
        {"loss": "quantile", "quantile": 0.1},
    ),
}


@pytest.mark.parametrize("kind", MEANINGS)
def test_weights_that_mean_something_else_change_nothing(tmp_path, kind):
    task, theirs, mine = MEANINGS[kind]
    other, X = fitted(task, **theirs)
    other.save_weights(tmp_path / "weights")
    est, _ = fitted(task, **mine)
    for call in (
        lambda: est.set_weights(other.get_weights()),
        lambda: est.load_weights(tmp_path / "weights"),
    ):
        with unchanged(est, X), pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
            call()


def test_message_names_parameter_and_both_values():
    est, _ = fitted()
    other, _ = fitted(activation="tanh")
    message = r"activation=\['tanh'\].*activation=\['relu'\].*unfitted"
    with pytest.raises(ValueError, match=message):
        est.set_weights(other.get_weights())


def test_weights_for_other_classes_are_refused():
    X, y = problem("multiclass")
    est, _ = fitted()
    other = estimator("multiclass").fit(X, y + 5)
    with unchanged(est, X), pytest.raises(ValueError, match=r"classes=array\(\[5, 6, 7\]\)"):
        est.set_weights(other.get_weights())


def test_weights_beyond_single_precision_are_refused():
    est, X = fitted(dtype="float32")
    given = est.get_weights()
    given["coefs"][0] = np.full((4, 7), 1e300)
    with unchanged(est, X), pytest.raises(ValueError, match=r"coefs_\[0\].*finite.*float32"):
        est.set_weights(given)


@pytest.mark.parametrize("fit", [True, False], ids=["fitted", "unfitted"])
def test_weights_of_a_classifier_are_not_those_of_a_regressor(tmp_path, fit):
    for ours, theirs in (("regression", "binary"), ("binary", "regression")):
        other, X = fitted(theirs)
        other.save_weights(tmp_path / "weights")
        est = fitted(ours)[0] if fit else kind_of(ours)()
        with unchanged(est, X), pytest.raises(ValueError, match="weights of a"):
            est.load_weights(tmp_path / "weights")


UNFIT_REGRESSOR = {
    "huge number of targets": at("architecture", "n_targets", value=10**12),
    "no targets": at("architecture", "n_targets", value=0),
    "targets are text": at("architecture", "n_targets", value="2"),
    "target too few": at("architecture", "n_targets", value=1),
    "no number of targets": without("architecture", "n_targets"),
    "scale of another number": at("architecture", "target_scale", value=[1.0]),
    "scale is zero": at("architecture", "target_scale", value=[0.0, 1.0]),
    "scale is infinite": at("architecture", "target_scale", value=[1.0, math.inf]),
    "centre is NaN": at("architecture", "target_centre", value=[0.0, math.nan]),
    "centre is text": at("architecture", "target_centre", value="ab"),
    "transformer": at("architecture", "target_scaling", value="transformer"),
    "limits the wrong way": at("architecture", "output_range", value=[1.0, -1.0]),
    "limits are one": at("architecture", "output_range", value=[1.0]),
    "limits of nothing": at("architecture", "output_range", value={}),
}


def test_huge_number_of_unscaled_targets_is_refused(tmp_path):
    est, X = fitted("multi-output", output_range=(-50.0, 50.0))
    given = UNFIT_REGRESSOR["huge number of targets"](est.get_weights())
    files.write(tmp_path / "weights", given)
    with unchanged(est, X), pytest.raises(ValueError, match="no biases for 1000000000000"):
        MLPRegressor().load_weights(tmp_path / "weights")


@pytest.mark.parametrize("kind", UNFIT_REGRESSOR)
def test_file_with_an_unfit_regressor_changes_nothing(tmp_path, kind):
    est, X = fitted("multi-output", **SCALED)
    files.write(tmp_path / "weights", UNFIT_REGRESSOR[kind](est.get_weights()))
    loaded = MLPRegressor()
    with unchanged(loaded, X), pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        loaded.load_weights(tmp_path / "weights")


# -- damaged files -------------------------------------------------------------------------


def test_damaged_file_changes_nothing(path):
    est, X = fitted(**NET)
    est.save_weights(path)
    sound = path.read_bytes()
    unfitted = MLPClassifier()
    for length in np.linspace(0, len(sound) - 1, 25, dtype=int):
        path.write_bytes(sound[:length])
        for victim in (est, unfitted):
            with unchanged(victim, X), pytest.raises(ValueError, match=path.name):
                victim.load_weights(path)


def test_flipped_bits_are_refused_or_do_no_harm(path):
    est, X = fitted(**NET)
    est.save_weights(path)
    sound, before, rng = path.read_bytes(), outputs(est, X), np.random.RandomState(0)
    for _ in range(100):
        changed = bytearray(sound)
        changed[rng.randint(len(sound))] ^= 1 << rng.randint(8)
        path.write_bytes(changed)
        try:
            loaded = MLPClassifier().load_weights(path)
        except ValueError:
            continue
        assert same(outputs(loaded, X), before)


@pytest.mark.parametrize("how", ["fitted", "unfitted"])
def test_missing_file_is_no_value_error(tmp_path, how):
    est, X = fitted()
    victim = est if how == "fitted" else MLPClassifier()
    with unchanged(victim, X), pytest.raises(FileNotFoundError):
        victim.load_weights(tmp_path / "none")
    with unchanged(victim, X), pytest.raises((IsADirectoryError, PermissionError)):
        victim.load_weights(tmp_path)


def test_failure_to_write_leaves_the_old_file(path, monkeypatch):
    est, X = fitted()
    est.save_weights(path)
    other = other_fit(est, X)
    for module, name in ((os, "fsync"), (Path, "replace")):
        with monkeypatch.context() as patch:
            patch.setattr(module, name, lambda *args: (_ for _ in ()).throw(OSError(5, "I/O")))
            with unchanged(other, X), pytest.raises(OSError, match="I/O"):
                other.save_weights(path)
    assert [p.name for p in path.parent.iterdir()] == [path.name]
    assert same(outputs(MLPClassifier().load_weights(path), X), outputs(est, X))
