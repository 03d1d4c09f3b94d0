"""Saved estimators come back the same, go on the same, are small, and are checked."""

import copy
import functools
import io
import math
import pickle

import joblib
import numpy as np
import pytest
from cases import pairwise
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from trust import (
    ESTIMATORS,
    TASKS,
    estimator,
    first_partial_fit,
    is_plain,
    outputs,
    problem,
    run_python,
    same,
)

from skmlp import MLPClassifier, MLPRegressor

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


def by_joblib(est):
    """Go through a file of joblib."""
    buffer = io.BytesIO()
    joblib.dump(est, buffer)
    buffer.seek(0)
    return joblib.load(buffer)


def by_cloudpickle(est):
    """Go through cloudpickle, as distributed workers do."""
    cloudpickle = pytest.importorskip("cloudpickle")
    return cloudpickle.loads(cloudpickle.dumps(est))


def by_pickle(protocol):
    """Return the round trip through a protocol of pickle."""
    return lambda est: pickle.loads(pickle.dumps(est, protocol))


ROUND_TRIPS = {
    "pickle 2": by_pickle(2),
    "pickle 4": by_pickle(4),
    "pickle 5": by_pickle(5),
    "joblib": by_joblib,
    "deepcopy": copy.deepcopy,
    "copy": copy.copy,
    "cloudpickle": by_cloudpickle,
}


# -- round trips ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("task", "trip", "solver"), pairwise(TASKS, list(ROUND_TRIPS), ["sgd", "adam", "lbfgs"])
)
def test_predictions_and_state_survive(task, trip, solver):
    X, y = problem(task)
    est = estimator(task, solver=solver, early_stopping=True).fit(X, y)
    loaded = ROUND_TRIPS[trip](est)
    assert type(loaded) is type(est)
    assert loaded.get_params() == est.get_params()
    assert same(outputs(loaded, X), outputs(est, X))
    assert same(loaded.__getstate__(), est.__getstate__())
    assert loaded.score(X, y) == est.score(X, y)


@pytest.mark.parametrize(
    ("task", "trip", "solver"), pairwise(TASKS, list(ROUND_TRIPS), ["sgd", "adam"])
)
def test_partial_fit_goes_on_to_the_same_bits(task, trip, solver):
    X, y = problem(task)
    est = first_partial_fit(estimator(task, solver=solver, batch_size=20), X, y)
    loaded = ROUND_TRIPS[trip](est)
    for _ in range(3):
        est.partial_fit(X, y)
        loaded.partial_fit(X, y)
    assert same(loaded.__getstate__(), est.__getstate__())


@pytest.mark.parametrize(
    ("trip", "solver", "early_stopping"),
    pairwise(list(ROUND_TRIPS), ["sgd", "adam", "lbfgs"], [False, True]),
)
def test_warm_start_goes_on_to_the_same_bits(trip, solver, early_stopping):
    X, y = problem("multiclass")
    params = {"solver": solver, "early_stopping": early_stopping, "batch_size": 20}
    est = estimator("multiclass", warm_start=True, **params).fit(X, y)
    loaded = ROUND_TRIPS[trip](est)
    assert same(loaded.fit(X, y).__getstate__(), est.fit(X, y).__getstate__())


@pytest.mark.parametrize("seed", [None, 3, np.random.RandomState(3)], ids=["none", "int", "stream"])
def test_kind_of_seed_does_not_matter(seed):
    X, y = problem("multiclass")
    est = estimator("multiclass", random_state=seed, warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(est))
    assert same(outputs(loaded, X), outputs(est, X))
    loaded.fit(X, y).partial_fit(X, y)


def test_stream_of_the_user_goes_on_where_it_was_saved():
    X, y = problem("multiclass")
    stream = np.random.RandomState(3)
    est = estimator("multiclass", random_state=stream, warm_start=True).fit(X, y)
    loaded = pickle.loads(pickle.dumps(est))
    assert same(loaded.fit(X, y).coefs_, est.fit(X, y).coefs_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("task", TASKS)
def test_memory_mapped_weights_predict_and_go_on(tmp_path, task, dtype):
    X, y = problem(task)
    est = first_partial_fit(estimator(task, dtype=dtype), X, y)
    joblib.dump(est, tmp_path / "estimator.joblib")
    loaded = joblib.load(tmp_path / "estimator.joblib", mmap_mode="r")
    assert isinstance(loaded.coefs_[0], np.memmap)
    assert same(outputs(loaded, X), outputs(est, X))
    assert same(loaded.partial_fit(X, y).loss_curve_, est.partial_fit(X, y).loss_curve_)
    assert same(outputs(loaded, X), outputs(est, X))


def test_other_process_predicts_the_same_bits(tmp_path):
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    joblib.dump((est, X), tmp_path / "estimator.joblib")
    done = run_python(
        "import joblib\n"
        f"est, X = joblib.load({str(tmp_path / 'estimator.joblib')!r})\n"
        "print(est.predict_proba(X).tobytes().hex())\n",
        OMP_NUM_THREADS="1",
    )
    assert done.stdout.strip() == est.predict_proba(X).tobytes().hex(), done.stderr


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize("trip", ROUND_TRIPS)
def test_unfitted_estimator_stays_unfitted(cls, trip):
    loaded = ROUND_TRIPS[trip](cls((3, 2), alpha=0.5))
    assert loaded.get_params() == cls((3, 2), alpha=0.5).get_params()
    with pytest.raises(NotFittedError):
        loaded.predict([[0.0]])


def test_clone_of_a_fitted_estimator_is_unfitted():
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True).fit(X, y)
    assert set(vars(clone(est))) == set(est.get_params())


def test_deep_copy_shares_no_memory():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    before = outputs(est, X)
    other = copy.deepcopy(est)
    for array in (*other.coefs_, *other.intercepts_):
        array[...] = 0
    assert same(outputs(est, X), before)


def test_pickling_changes_nothing():
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True).fit(X, y)
    identities = {name: id(value) for name, value in vars(est).items()}
    pickle.dumps(est)
    assert {name: id(value) for name, value in vars(est).items()} == identities


# -- skops ---------------------------------------------------------------------------------


def by_skops(est):
    """Go through skops, which makes no objects but those of trusted types."""
    skops = pytest.importorskip("skops.io")
    dumped = skops.dumps(est)
    kind = type(est)
    own = [f"{kind.__module__}.{kind.__qualname__}"]
    assert skops.get_untrusted_types(data=dumped) == own
    return skops.loads(dumped, trusted=own)


@pytest.mark.parametrize("how", ["plain", "warm start", "partial_fit"])
@pytest.mark.parametrize("task", TASKS)
def test_skops_has_only_the_estimator_to_trust(task, how):
    X, y = problem(task)
    params = {"feature_scaling": "robust", "batch_norm": True, "keep_checkpoints": 1}
    est = estimator(task, warm_start=how == "warm start", **params)
    est = first_partial_fit(est, X, y) if how == "partial_fit" else est.fit(X, y)
    loaded = by_skops(est)
    assert same(outputs(loaded, X), outputs(est, X))
    assert same(loaded.__getstate__(), est.__getstate__())


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
def test_warm_start_goes_on_from_skops_to_the_same_bits(solver):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, solver=solver, batch_size=20).fit(X, y)
    loaded = by_skops(est)
    assert same(loaded.fit(X, y).__getstate__(), est.fit(X, y).__getstate__())


def test_early_stopping_goes_on_from_skops_to_the_same_bits():
    X, y = problem("multiclass")
    est = estimator("multiclass", early_stopping=True)
    est.partial_fit(X, y, classes=np.arange(3), X_val=X[:20], y_val=y[:20])
    loaded = by_skops(est)
    for each in (loaded, est):
        each.partial_fit(X, y, X_val=X[:20], y_val=y[:20])
    assert same(loaded.__getstate__(), est.__getstate__())


# -- sizes ---------------------------------------------------------------------------------


def bytes_of(*arrays):
    """Return the bytes of arrays."""
    return sum(array.nbytes for array in arrays)


def weight_bytes(est):
    """Return the bytes of weights and biases."""
    return bytes_of(*est.coefs_, *est.intercepts_)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_pickle_after_a_plain_fit_is_little_more_than_the_weights(
    task, solver, early_stopping, dtype
):
    X, y = problem(task, n=1_000)
    params = {"solver": solver, "early_stopping": early_stopping, "dtype": dtype}
    est = estimator(task, hidden_layer_sizes=(200, 200), **params).fit(X, y)
    assert len(pickle.dumps(est)) <= 1.1 * weight_bytes(est)


@pytest.mark.parametrize("how", ["warm start", "partial_fit"])
@pytest.mark.parametrize(("solver", "slots"), [("sgd", 1), ("adam", 2)])
@pytest.mark.parametrize("n", [60, 20_000])
def test_pickle_with_state_is_little_more_than_weights_and_state(solver, slots, how, n):
    X, y = problem("multiclass", n=n)
    params = {"solver": solver, "hidden_layer_sizes": (200, 200), "max_iter": 1, "batch_size": n}
    est = estimator("multiclass", warm_start=how == "warm start", **params)
    est = est.fit(X, y) if how == "warm start" else first_partial_fit(est, X, y)
    order = 8 * n if how == "warm start" else 0  # that of the rows, shuffled epoch by epoch
    assert len(pickle.dumps(est)) <= 1.1 * ((1 + slots) * weight_bytes(est) + order)


def test_state_is_dropped_by_a_plain_fit():
    X, y = problem("multiclass")
    est = estimator("multiclass", hidden_layer_sizes=(200, 200), warm_start=True).fit(X, y)
    est.set_params(warm_start=False).fit(X, y)
    assert len(pickle.dumps(est)) <= 1.1 * weight_bytes(est)


@pytest.mark.parametrize(
    ("task", "solver", "how"),
    pairwise(TASKS, ["sgd", "adam"], ["plain", "warm start", "partial_fit"]),
)
def test_state_consists_of_plain_values(task, solver, how):
    X, y = problem(task)
    est = estimator(task, solver=solver, early_stopping=True, warm_start=how == "warm start")
    est.fit(X, y)
    if how == "partial_fit":
        est.partial_fit(X, y)
    state = est.__getstate__()
    assert [name for name, value in state.items() if not is_plain(value)] == []
    assert set(est.get_params()) <= set(state)


# -- tampered files ----------------------------------------------------------------------------


@functools.cache
def fitted(task, **params):
    """Return an estimator that is not to be changed."""
    return estimator(task, warm_start=True, **params).fit(*problem(task))


def saved(task="multiclass", **params):
    """Return class and state of a saved estimator."""
    est = fitted(task, **params)
    return type(est), copy.deepcopy(est.__getstate__())


def load(cls, state):
    """Make an estimator of a state, as pickle does."""
    est = cls.__new__(cls)
    est.__setstate__(state)
    return est


def replaced(name, value):
    """Return a function that replaces an entry of a state."""
    return lambda state: state.__setitem__(name, value)


def inner(name, key, value):
    """Return a function that replaces an entry of a dict in a state."""
    return lambda state: state[name].__setitem__(key, value)


def without(name, *path):
    """Return a function that removes an entry of a state."""

    def remove(state):
        for key in (name, *path)[:-1]:
            state = state[key]
        del state[(name, *path)[-1]]

    return remove


def fill(value):
    """Return a function that spoils one weight."""
    return lambda state: state["coefs_"][0].__setitem__((0, 0), value)


TAMPERED = {
    "format of the past": replaced("_format", 1),
    "format of the future": replaced("_format", 10**6),
    "format as text": replaced("_format", "1"),
    "no format": without("_format"),
    "NaN weight": fill(np.nan),
    "infinite weight": fill(np.inf),
    "NaN bias": lambda state: state["intercepts_"][1].__setitem__(0, np.nan),
    "transposed weights": lambda state: state["coefs_"].__setitem__(0, state["coefs_"][0].T),
    "short bias": lambda state: state["intercepts_"].__setitem__(0, np.zeros(2)),
    "flat weights": lambda state: state["coefs_"].__setitem__(0, state["coefs_"][0].ravel()),
    "weights of another type": lambda state: state["coefs_"].__setitem__(
        0, state["coefs_"][0].astype(np.float32)
    ),
    "weights as objects": lambda state: state["coefs_"].__setitem__(
        0, state["coefs_"][0].astype(object)
    ),
    "weights as lists": lambda state: state["coefs_"].__setitem__(0, state["coefs_"][0].tolist()),
    "weights as text": lambda state: state["coefs_"].__setitem__(0, "weights"),
    "a layer too few": lambda state: state["coefs_"].pop(),
    "a layer too many": lambda state: state["coefs_"].append(np.zeros((3, 3))),
    "a bias too few": lambda state: state["intercepts_"].pop(),
    "weights are None": replaced("coefs_", None),
    "weights are a number": replaced("coefs_", 3),
    "unknown activation": inner("_architecture", "activation", "sine"),
    "too many activations": inner("_architecture", "activation", ["relu"] * 3),
    "activation is None": inner("_architecture", "activation", None),
    "unknown type": inner("_architecture", "dtype", "float1"),
    "type of objects": inner("_architecture", "dtype", "object"),
    "half precision": inner("_architecture", "dtype", "float16"),
    "widths are a fraction": inner("_architecture", "hidden_layer_sizes", 7.5),
    "negative width": inner("_architecture", "hidden_layer_sizes", [-7]),
    "width as text": inner("_architecture", "hidden_layer_sizes", ["7"]),
    "other width": inner("_architecture", "hidden_layer_sizes", [8]),
    "other number of features": inner("_architecture", "n_features", 5),
    "features as text": inner("_architecture", "n_features", "4"),
    "architecture is None": replaced("_architecture", None),
    "architecture is a list": replaced("_architecture", [4, 7, 3]),
    "features contradict the weights": replaced("n_features_in_", 5),
    "no architecture": without("_architecture"),
    "no weights": without("coefs_"),
    "no biases": without("intercepts_"),
    "no number of features": without("n_features_in_"),
    "no activation": without("_architecture", "activation"),
    "no widths": without("_architecture", "hidden_layer_sizes"),
    "no width of the input": without("_architecture", "n_features"),
    "no type": without("_architecture", "dtype"),
    "optimizer state is not finite": lambda state: state["_resume"]["optimizer"][
        "first_moment"
    ].fill(np.nan),
    "optimizer state has another shape": lambda state: state["_resume"]["optimizer"].update(
        second_moment=np.zeros(3)
    ),
    "optimizer state is no dict": lambda state: state["_resume"].update(optimizer=[1, 2]),
    "no optimizer steps": without("_resume", "optimizer", "steps"),
    "negative optimizer steps": lambda state: state["_resume"]["optimizer"].update(steps=-1),
    "resume is text": replaced("_resume", "yes"),
    "unknown patience": lambda state: state["_resume"]["watched"].update(
        patience={"best": 0.0, "count": 0, "tol": -1.0}
    ),
    "impatient": lambda state: state["_resume"]["watched"].update(
        patience={"best": 0.0, "count": -1}
    ),
    "best score is NaN": lambda state: state["_resume"]["watched"].update(
        patience={"best": math.nan, "count": 0}
    ),
    "watched is text": lambda state: state["_resume"].update(watched="yes"),
    "watched by nobody": lambda state: state["_resume"].update(watched={}),
    "kept weights of another shape": lambda state: state["_resume"]["watched"].update(
        keeper={
            "score": 0.5,
            "epoch": 1,
            "kept_epoch": 1,
            "params": np.zeros(3),
            "statistics": np.zeros(0),
        }
    ),
    "kept weights are incomplete": lambda state: state["_resume"]["watched"].update(
        keeper={"score": 0.5, "epoch": 1}
    ),
    "copies of another shape": replaced(
        "_checkpoints", [{"epoch": 1, "params": np.zeros(3), "statistics": np.zeros(0)}]
    ),
    "copies are a number": replaced("_checkpoints", 3),
    "number of features as text": replaced("n_features_in_", "4"),
    "names are too few": replaced("feature_names_in_", np.array(["a"], dtype=object)),
    "names are a list": replaced("feature_names_in_", ["a", "b", "c", "d"]),
    "order beyond the rows": lambda state: state["_resume"]["order"].fill(10**6),
    "order of fractions": lambda state: state["_resume"].update(order=np.full(60, 0.5)),
}

TAMPERED_CLASSIFIER = {
    "unknown kind of target": inner("_architecture", "target", "ordinal"),
    "kind of target is None": inner("_architecture", "target", None),
    "no kind of target": without("_architecture", "target"),
    "no classes": without("classes_"),
    "too few classes": replaced("classes_", np.arange(2)),
    "too many classes": replaced("classes_", np.arange(4)),
    "classes in another order": replaced("classes_", np.array([2, 1, 0])),
    "a class twice": replaced("classes_", np.array([0, 1, 1])),
    "classes as a matrix": replaced("classes_", np.arange(3).reshape(3, 1)),
    "classes as a list": replaced("classes_", [0, 1, 2]),
    "classes mixed": replaced("classes_", np.array([1, "a", 2], dtype=object)),
    "classes are a number": replaced("classes_", 3),
    "classes are None": replaced("classes_", None),
}

TAMPERED_REGRESSOR = {
    "unknown loss": inner("_architecture", "loss", "hinge"),
    "loss of a classifier": inner("_architecture", "loss", "binary_log_loss"),
    "no loss": without("_architecture", "loss"),
    "other number of outputs": inner("_architecture", "n_targets", 2),
    "more outputs than memory": inner("_architecture", "n_targets", 10**15),
    "outputs as text": inner("_architecture", "n_targets", "1"),
    "no number of outputs": without("_architecture", "n_targets"),
}


def assert_refused(task, tamper):
    """Check that a tampered state is refused by a ValueError."""
    cls, state = saved(task)
    tamper(state)
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        load(cls, state)


@pytest.mark.parametrize("kind", TAMPERED)
@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_tampered_state_is_refused(task, kind):
    assert_refused(task, TAMPERED[kind])


@pytest.mark.parametrize("kind", TAMPERED_CLASSIFIER)
def test_tampered_classifier_is_refused(kind):
    assert_refused("multiclass", TAMPERED_CLASSIFIER[kind])


def test_binary_classifier_with_three_classes_is_refused():
    assert_refused("binary", replaced("classes_", np.arange(3)))


@pytest.mark.parametrize("kind", TAMPERED_REGRESSOR)
def test_tampered_regressor_is_refused(kind):
    assert_refused("regression", TAMPERED_REGRESSOR[kind])


@pytest.mark.parametrize("state", [None, [], "state", {}, {"_format": None}], ids=str)
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_state_that_is_none_is_refused(cls, state):
    with pytest.raises(ValueError, match=r"format|state"):
        load(cls, state)


def test_refusal_names_both_formats_and_a_remedy():
    cls, state = saved()
    state["_format"] = 99
    with pytest.raises(ValueError, match=r"format 99.*format \d+\. Load it with the version"):
        load(cls, state)


def test_refusal_names_the_array_and_both_shapes():
    cls, state = saved()
    state["coefs_"][1] = state["coefs_"][1].T
    message = r"coefs_\[1\] has shape \(3, 7\), where the network needs shape \(7, 3\)"
    with pytest.raises(ValueError, match=message):
        load(cls, state)


def test_state_of_a_classifier_is_no_regressor():
    _, state = saved("multiclass")
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        load(MLPRegressor, state)
    _, state = saved("regression")
    with pytest.raises(ValueError, match=r"\w+ \w+ \w+"):
        load(MLPClassifier, state)


@pytest.mark.parametrize("task", TASKS)
def test_untouched_state_is_accepted(task):
    X, _ = problem(task)
    for params in ({}, {"early_stopping": True}, {"solver": "lbfgs"}, {"dtype": "float32"}):
        cls, state = saved(task, **params)
        assert all(np.isfinite(values).all() for values in outputs(load(cls, state), X).values())


def test_weights_that_the_user_set_can_be_saved():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    est.coefs_ = [np.asfortranarray(2 * w) for w in est.coefs_]
    loaded = pickle.loads(pickle.dumps(est))
    assert same(outputs(loaded, X), outputs(est, X))
    assert math.isfinite(loaded.partial_fit(X, y).loss_)
