"""The drop-in promise: the same parameters, seed and float64 data give the same model.

Numbers agree to 1e-9 of the largest number of their array after 20 epochs, and to 1e-6
after 20 iterations of L-BFGS, which blows rounding errors up: each line search divides
by differences of nearly equal numbers.

Where scikit-learn's objective is wrong, the comparison is with scikit-learn after that one
function has been corrected here; `docs/migrating.md` names these places.
"""

import inspect
import math

import numpy as np
import pytest
import scipy.sparse as sp
import sklearn.neural_network
from scipy.special import logsumexp
from sklearn.base import is_classifier
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.neural_network import _multilayer_perceptron as sklearn_mlp
from sklearn.preprocessing import scale
from sklearn.utils.validation import has_fit_parameter

import skmlp

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    # scikit-learn's own: probabilities that underflow, momentum that overshoots.
    pytest.mark.filterwarnings("ignore::RuntimeWarning:sklearn"),
]

since_1_7 = pytest.mark.skipif(
    not has_fit_parameter(sklearn.neural_network.MLPClassifier, "sample_weight"),
    reason="scikit-learn's networks have no sample weights and no Poisson loss before 1.7",
)

CLASSIFICATION = ["binary", "multiclass", "multilabel"]
REGRESSION = ["regression", "multioutput", pytest.param("poisson", marks=since_1_7)]
WEIGHTS = [False, pytest.param(True, marks=since_1_7)]
SOLVERS = ["sgd", "adam", "lbfgs"]
ACTIVATIONS = ["identity", "logistic", "tanh", "relu"]
TOLERANCE = {"sgd": 1e-9, "adam": 1e-9, "lbfgs": 1e-6}

BackPropagation = sklearn_mlp.BaseMultilayerPerceptron._backprop


def pair(task, **params):
    """Return scikit-learn's estimator and ours with the same parameters."""
    name = "MLPClassifier" if task in CLASSIFICATION else "MLPRegressor"
    if task == "poisson":
        params["loss"] = "poisson"
    params = {"hidden_layer_sizes": (8, 5), "max_iter": 20, "random_state": 0, **params}
    return getattr(sklearn.neural_network, name)(**params), getattr(skmlp, name)(**params)


def fit_both(models, X, y, sample_weight=None):
    """Fit both estimators; scikit-learn before 1.7 takes no weights at all."""
    for model in models:
        model.fit(X, y, **({} if sample_weight is None else {"sample_weight": sample_weight}))
    return models


def relative_error(expected, found):
    """Return the largest difference, as a share of the largest expected number."""
    expected, found = np.asarray(expected, float), np.asarray(found, float)
    assert expected.shape == found.shape
    return np.abs(expected - found).max() / (np.abs(expected).max() or 1.0)


def numbers_of(model, X):
    """Return all numbers of a fitted model by name, predictions for X included."""
    numbers = {f"coefs_[{i}]": weights for i, weights in enumerate(model.coefs_)}
    numbers |= {f"intercepts_[{i}]": biases for i, biases in enumerate(model.intercepts_)}
    for name in (
        "loss_",
        "loss_curve_",
        "best_loss_",
        "validation_scores_",
        "best_validation_score_",
    ):
        if getattr(model, name, None) is not None:
            numbers[name] = getattr(model, name)
    return numbers | {"prediction": (getattr(model, "predict_proba", model.predict))(X)}


def assert_same_model(theirs, ours, X):
    """Compare every fitted attribute and the predictions for X."""
    for name in ("n_iter_", "n_layers_", "n_outputs_", "n_features_in_", "out_activation_"):
        assert getattr(theirs, name) == getattr(ours, name), name
    expected, found = numbers_of(theirs, X), numbers_of(ours, X)
    if theirs.solver != "lbfgs":  # scikit-learn's L-BFGS leaves fewer attributes
        assert expected.keys() == found.keys()
        assert theirs.t_ == ours.t_
    for name, value in expected.items():
        assert relative_error(value, found[name]) <= TOLERANCE[theirs.solver], name
    if is_classifier(theirs):
        np.testing.assert_array_equal(theirs.classes_, ours.classes_)
        np.testing.assert_array_equal(theirs.predict(X), ours.predict(X))


# -- scikit-learn's objective, corrected --


def summed_squared_error(y, predicted, sample_weight=None):
    """Return ½ Σⱼ (pⱼ - yⱼ)², averaged over rows; scikit-learn averages over j as well."""
    return 0.5 * np.average(((y - predicted) ** 2).sum(axis=1), weights=sample_weight)


def batch_of(model, *args):
    """Return activations, targets and weights that a call of ``_backprop`` is about."""
    call = inspect.signature(BackPropagation).bind(model, *args).arguments
    return call["activations"], call["y"], call.get("sample_weight")


def average_by_weight(weights):
    """Return back-propagation whose loss scikit-learn's row counts average rightly.

    An epoch's loss is the mean of batch losses by row counts. With each one multiplied
    by the batch's mean weight over that of all rows, it is their mean by weight sums.
    """

    def backprop(model, *args):
        loss, *gradients = BackPropagation(model, *args)
        _, _, batch_weights = batch_of(model, *args)
        return loss * batch_weights.mean() / weights.mean(), *gradients

    return backprop


def log_loss_rows(link, raw, y):
    """Return the log-loss of each row, from raw scores."""
    if link == "softmax":
        return logsumexp(raw, axis=1) - (raw * y).sum(axis=1)
    return (np.logaddexp(0.0, raw) - raw * y).sum(axis=1)


def unclipped(model, *args):
    """Propagate back, and put right the loss where scikit-learn clips a probability."""
    loss, *gradients = BackPropagation(model, *args)
    activations, y, weights = batch_of(model, *args)
    eps = np.finfo(float).eps
    if np.any((activations[-1] < eps) | (activations[-1] > 1 - eps)):
        raw = activations[-2] @ model.coefs_[-1] + model.intercepts_[-1]
        weights = np.ones(len(raw)) if weights is None else weights
        penalty = 0.5 * model.alpha * sum((w**2).sum() for w in model.coefs_)
        loss = (weights @ log_loss_rows(model.out_activation_, raw, y) + penalty) / weights.sum()
    return loss, *gradients


@pytest.fixture
def correct(monkeypatch):
    """Return a function that corrects scikit-learn where a case meets one of its faults."""

    def patch(task, solver, weights):
        if task == "multioutput":
            losses = sklearn_mlp.LOSS_FUNCTIONS
            monkeypatch.setitem(losses, "squared_error", summed_squared_error)
        owner = sklearn_mlp.BaseMultilayerPerceptron
        if solver == "lbfgs" and task in CLASSIFICATION:
            monkeypatch.setattr(owner, "_backprop", unclipped)
        elif solver != "lbfgs" and weights is not None:
            monkeypatch.setattr(owner, "_backprop", average_by_weight(weights))

    return patch


# -- every solver × activation × task × weights --


@pytest.mark.parametrize("weighted", WEIGHTS)
@pytest.mark.parametrize("task", CLASSIFICATION + REGRESSION)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_same_model(solver, activation, task, weighted, make_data, sample_weight, correct):
    X, y = make_data(task)
    weights = sample_weight if weighted else None
    correct(task, solver, weights)
    # Batches of 16 leave two of the 50 rows for the last one.
    params = {} if solver == "lbfgs" else {"batch_size": 16, "learning_rate_init": 0.01}
    models = pair(task, solver=solver, activation=activation, **params)
    fit_both(models, X, y, weights)
    assert models[1].n_iter_ > 3
    assert_same_model(*models, X)


@since_1_7
@pytest.mark.parametrize("task", [*CLASSIFICATION, "regression", "poisson"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_weighted_loss_of_full_batches_agrees_uncorrected(solver, task, make_data, sample_weight):
    X, y = make_data(task)
    models = fit_both(pair(task, solver=solver), X, y, sample_weight)
    assert_same_model(*models, X)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_weights_of_several_targets_agree_uncorrected(solver, activation, make_data):
    X, y = make_data("multioutput")
    theirs, ours = fit_both(pair("multioutput", solver=solver, activation=activation), X, y)
    for expected, found in zip(
        theirs.coefs_ + theirs.intercepts_, ours.coefs_ + ours.intercepts_, strict=True
    ):
        assert relative_error(expected, found) <= TOLERANCE[solver]


# -- every other parameter --


VARIANTS = {
    "rows in order": {"shuffle": False, "batch_size": 7},
    "batches of one": {"batch_size": 1, "max_iter": 5},
    "strong penalty": {"alpha": 10.0, "batch_size": 16},
    "no penalty": {"alpha": 0.0, "batch_size": 16},
    "no momentum": {"solver": "sgd", "momentum": 0.0, "batch_size": 16},
    "classical momentum": {"solver": "sgd", "nesterovs_momentum": False, "batch_size": 16},
    "much momentum": {"solver": "sgd", "momentum": 0.99, "batch_size": 16},
    "momentum of one": {"solver": "sgd", "momentum": 1, "learning_rate_init": 1e-4},
    "invscaling": {"solver": "sgd", "learning_rate": "invscaling", "batch_size": 16},
    "slow invscaling": {"solver": "sgd", "learning_rate": "invscaling", "power_t": 0.1},
    "adaptive": {
        "solver": "sgd",
        "learning_rate": "adaptive",
        "learning_rate_init": 0.1,
        "tol": 0.01,
        "n_iter_no_change": 2,
        "max_iter": 100,
    },
    "moments": {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3, "batch_size": 16},
    "no moments": {"beta_1": 0.0, "beta_2": 0.0, "epsilon": 0.1},
    "stall": {"tol": 0.02, "n_iter_no_change": 3, "max_iter": 100, "learning_rate_init": 0.01},
    "endless patience": {"tol": 1e9, "n_iter_no_change": math.inf},
    "one hidden layer": {"hidden_layer_sizes": 8},
    "no hidden layer": {"hidden_layer_sizes": ()},
    "no hidden layer, lbfgs": {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 8},
    "three hidden layers": {"hidden_layer_sizes": [8, 1, 4]},
    "widths in an array": {"hidden_layer_sizes": np.array([8, 5])},
    "few evaluations": {"solver": "lbfgs", "max_fun": 10, "max_iter": 50},
    "large gradients pass": {"solver": "lbfgs", "tol": 0.1, "max_iter": 50},
    "no iteration": {"solver": "lbfgs", "tol": 1e3},
}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("variant", VARIANTS.values(), ids=VARIANTS.keys())
def test_same_model_for_other_parameters(variant, task, make_data, correct):
    X, y = make_data(task)
    params = {"learning_rate_init": 0.01, **variant}
    models = pair(task, **params)
    correct(task, models[0].solver, None)
    fit_both(models, X, y)
    assert_same_model(*models, X)


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("variant", ["stall", "adaptive"])
def test_stalled_before_the_last_epoch(variant, task, make_data):
    X, y = make_data(task)
    _, ours = pair(task, **VARIANTS[variant])
    ours.fit(X, y)
    assert 1 < ours.n_iter_ < ours.max_iter


# These are 1e-6 times a power of five: dividing by five again and again ends a rounding error
# above 1e-6 or at it, and that decides whether there is one more stall.
@pytest.mark.parametrize("rate", [5e-6, 2.5e-5, 1.25e-4, 6.25e-4, 3.125e-3, 1.5625e-2])
def test_adaptive_ends_at_the_same_rate(rate, make_data):
    X, y = make_data("regression")
    params = {"learning_rate": "adaptive", "learning_rate_init": rate, "max_iter": 200}
    models = pair("regression", solver="sgd", tol=0.1, n_iter_no_change=1, **params)
    fit_both(models, X, y)
    assert models[0].n_iter_ < models[0].max_iter
    assert_same_model(*models, X)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_batch_larger_than_the_data_is_clipped_with_a_warning(solver, make_data):
    X, y = make_data("multiclass")
    models = pair("multiclass", solver=solver, batch_size=len(X) + 1)
    for model in models:
        with pytest.warns(UserWarning, match="It is going to be clipped"):
            model.fit(X, y)
    assert_same_model(*models, X)


@pytest.mark.parametrize("extra", [{}, {"early_stopping": True}, {"tol": 1.0}])
def test_same_words_when_verbose(extra, make_data, capsys):
    X, y = make_data("binary")
    printed = []
    for model in pair("binary", verbose=True, **extra):
        model.fit(X, y)
        printed.append(capsys.readouterr().out)
    assert "Iteration 5, loss = " in printed[1]
    assert printed[0] == printed[1]


# -- early stopping --


EARLY = {
    "early_stopping": True,
    "validation_fraction": 0.3,
    "learning_rate_init": 0.05,
    "n_iter_no_change": 5,
    "max_iter": 200,
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(
    "task", ["binary", "multilabel", "regression", pytest.param("poisson", marks=since_1_7)]
)
def test_early_stopping(task, solver, make_data):
    X, y = make_data(task)
    models = fit_both(pair(task, solver=solver, batch_size=16, **EARLY), X, y)
    assert_same_model(*models, X)
    assert 1 < models[1].n_iter_ < EARLY["max_iter"]
    # So the last weights are not the best ones, and it was the best that agreed.
    assert np.argmax(models[1].validation_scores_) < models[1].n_iter_ - 1


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_early_stopping_for_several_targets(solver, make_data, correct):
    X, y = make_data("multioutput")
    correct("multioutput", solver, None)
    models = fit_both(pair("multioutput", solver=solver, batch_size=16, **EARLY), X, y)
    assert_same_model(*models, X)


@since_1_7
@pytest.mark.parametrize("task", ["binary", "regression"])
def test_early_stopping_with_weights(task, make_data, sample_weight):
    X, y = make_data(task)
    models = fit_both(pair(task, **EARLY), X, y, sample_weight)
    assert_same_model(*models, X)


def test_early_stopping_of_several_classes_but_for_the_split(make_data, monkeypatch):
    X, y = make_data("multiclass")
    split = sklearn_mlp.train_test_split

    def stratified(*arrays, stratify, **options):
        return split(*arrays, stratify=arrays[1].argmax(axis=1), **options)

    monkeypatch.setattr(sklearn_mlp, "train_test_split", stratified)
    models = fit_both(pair("multiclass", batch_size=16, **EARLY), X, y)
    assert_same_model(*models, X)


def test_early_stopping_with_an_adaptive_rate(make_data):
    X, y = make_data("binary")
    params = {**EARLY, "solver": "sgd", "learning_rate": "adaptive", "batch_size": 16}
    models = fit_both(pair("binary", **params), X, y)
    assert_same_model(*models, X)


# -- random numbers --


@pytest.mark.parametrize("task", ["multiclass", "regression"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_random_state_instance_goes_on_from_fit_to_fit(solver, task, make_data, correct):
    X, y = make_data(task)
    correct(task, solver, None)
    models = pair(task, solver=solver)
    for model in models:
        model.set_params(random_state=np.random.RandomState(3)).fit(X, y)
        first = model.coefs_[0]
        model.fit(X, y)
        assert not np.array_equal(first, model.coefs_[0])
    assert_same_model(*models, X)


@pytest.mark.parametrize("solver", SOLVERS)
def test_no_random_state_takes_the_global_stream(solver, make_data, correct):
    X, y = make_data("binary")
    correct("binary", solver, None)
    models = pair("binary", solver=solver, random_state=None)
    for model in models:
        np.random.seed(7)
        model.fit(X, y)
    assert_same_model(*models, X)


# -- partial_fit --


def partial_fit_both(models, X, y, calls, first=None):
    """Call ``partial_fit`` of both estimators, with `first` in the first call."""
    for model in models:
        model.partial_fit(X, y, **(first or {}))
        for _ in range(calls - 1):
            model.partial_fit(X, y)


def first_arguments(task, y):
    """Return what the first call of ``partial_fit`` needs."""
    if task not in CLASSIFICATION:
        return {}
    return {"classes": np.arange(y.shape[1]) if y.ndim == 2 else np.unique(y)}


def assert_same_but_n_iter(models, X):
    """Compare models of which scikit-learn's counts one epoch, whatever was done."""
    models[0].n_iter_ = models[1].n_iter_
    assert_same_model(*models, X)


@pytest.mark.parametrize("task", [*CLASSIFICATION, "regression"])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_first_partial_fit(solver, task, make_data):
    X, y = make_data(task)
    models = pair(task, solver=solver, batch_size=16)
    partial_fit_both(models, X, y, 1, first_arguments(task, y))
    assert_same_model(*models, X)


@pytest.mark.parametrize("task", [*CLASSIFICATION, "regression"])
@pytest.mark.parametrize(
    "params", [{"solver": "adam"}, {"solver": "sgd", "learning_rate": "adaptive"}]
)
def test_many_calls_of_partial_fit_in_order(params, task, make_data):
    X, y = make_data(task)
    models = pair(task, batch_size=16, shuffle=False, tol=0.01, n_iter_no_change=2, **params)
    partial_fit_both(models, X, y, 20, first_arguments(task, y))
    assert_same_but_n_iter(models, X)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_many_calls_of_partial_fit_with_a_random_state_instance(solver, make_data):
    X, y = make_data("regression")
    models = pair("regression", solver=solver, batch_size=16)
    for model in models:
        model.set_params(random_state=np.random.RandomState(3))
    partial_fit_both(models, X, y, 20)
    assert_same_but_n_iter(models, X)


def test_partial_fit_on_parts_of_the_data_and_of_the_classes(make_data):
    X, y = make_data("multiclass")
    order = np.argsort(y, kind="stable")
    models = pair("multiclass", shuffle=False)
    for model in models:
        for part in np.array_split(order, 5):
            model.partial_fit(X[part], y[part], classes=[0, 1, 2])
    assert_same_but_n_iter(models, X)


@since_1_7
def test_weighted_partial_fit(make_data, sample_weight):
    X, y = make_data("binary")
    models = pair("binary", shuffle=False)
    for model in models:
        for _ in range(5):
            model.partial_fit(X, y, sample_weight=sample_weight, classes=[0, 1])
    assert_same_but_n_iter(models, X)


# -- kinds of data --


@pytest.mark.parametrize("container", [sp.csr_matrix, sp.csc_matrix, sp.csr_array, sp.csc_array])
@pytest.mark.parametrize("solver", SOLVERS)
def test_sparse_rows(solver, container, make_data, correct):
    X, y = make_data("multiclass")
    X = container(np.where(np.abs(X) > 0.7, X, 0.0))
    correct("multiclass", solver, None)
    params = {} if solver == "lbfgs" else {"batch_size": 16}
    models = fit_both(pair("multiclass", solver=solver, **params), X, y)
    assert_same_model(*models, X)


@pytest.mark.parametrize("in_order", [True, False])
def test_sparse_rows_are_batched_like_dense_ones(in_order, make_data):
    X, y = make_data("regression")
    params = {"batch_size": 16, "shuffle": not in_order, "early_stopping": True}
    models = fit_both(pair("regression", **params), sp.csr_array(X), y)
    assert_same_model(*models, sp.csr_array(X))


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["pear", "apple", "fig"]),
        np.array(["pear", "apple", "fig"], dtype=object),
        np.array([3, -1, 2], dtype=np.int8),
        np.array([2.0, 0.0, 1.0]),
    ],
    ids=lambda labels: labels.dtype.str,
)
@pytest.mark.parametrize("n_classes", [2, 3])
def test_labels(labels, n_classes, make_data):
    X, y = make_data("binary" if n_classes == 2 else "multiclass")
    models = fit_both(pair("multiclass"), X, labels[y])
    assert_same_model(*models, X)
    assert models[0].predict(X).dtype == models[1].predict(X).dtype


def test_boolean_labels(make_data):
    X, y = make_data("binary")
    models = fit_both(pair("binary"), X, y.astype(bool))
    assert_same_model(*models, X)
    assert models[1].predict(X).dtype == bool


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_data_frames(task, make_data):
    pd = pytest.importorskip("pandas")
    X, y = make_data(task)
    X = pd.DataFrame(X, columns=[f"feature {i}" for i in range(X.shape[1])])
    models = fit_both(pair(task), X, pd.Series(y))
    assert_same_model(*models, X)
    np.testing.assert_array_equal(models[0].feature_names_in_, models[1].feature_names_in_)


@pytest.mark.parametrize(
    "change",
    [
        np.asfortranarray,
        lambda X: np.round(2 * X).astype(int),
        lambda X: X.astype(np.float16),
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X.tolist(),
    ],
    ids=["columns contiguous", "ints", "float16", "strided", "lists"],
)
def test_arrays(change, make_data):
    X, y = make_data("regression")
    models = fit_both(pair("regression", batch_size=16), change(X), y)
    assert_same_model(*models, change(X))


@pytest.mark.parametrize("task", ["binary", "regression"])
def test_a_column_of_targets_is_taken_with_a_warning(task, make_data):
    X, y = make_data(task)
    models = pair(task)
    for model in models:
        with pytest.warns(UserWarning, match="A column-vector y was passed"):
            model.fit(X, y[:, np.newaxis])
    assert_same_model(*models, X)


REAL = {
    "digits": ("multiclass", load_digits, 16.0),
    "breast cancer": ("binary", load_breast_cancer, None),
    "diabetes": ("regression", load_diabetes, None),
}


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize(("task", "load", "divisor"), REAL.values(), ids=REAL.keys())
def test_real_data_with_default_widths_and_batches(task, load, divisor, solver):
    X, y = load(return_X_y=True)
    X = scale(X) if divisor is None else X / divisor
    models = pair(task, solver=solver, hidden_layer_sizes=(100,), learning_rate_init=1e-4)
    assert_same_model(*fit_both(models, X, y), X)


# -- parameters --


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_takes_the_parameters_of_a_scikit_learn_estimator(name, make_data):
    theirs = getattr(sklearn.neural_network, name)(random_state=0, max_iter=5)
    ours = getattr(skmlp, name)(**theirs.get_params())
    X, y = make_data("binary")
    assert_same_model(*fit_both((theirs, ours), X, y), X)


@pytest.mark.parametrize("name", ["MLPClassifier", "MLPRegressor"])
def test_has_the_defaults_of_the_scikit_learn_estimator(name):
    defaults = getattr(skmlp, name)().get_params()
    expected = getattr(sklearn.neural_network, name)().get_params()
    assert {key: defaults[key] for key in expected} == expected
