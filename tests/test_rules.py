"""The rules that make the estimators trustworthy, each with the tests that name it."""

import ast
import copy
import math
import pickle
import re
import threading
import tomllib
import tracemalloc
import warnings
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, KFold
from trust import (
    ESTIMATORS,
    LONGEST_MESSAGE,
    TASKS,
    estimator,
    first_partial_fit,
    is_plain,
    kind_of,
    outputs,
    problem,
    recorded,
    run_python,
    same,
    unchanged,
)

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.training import interrupts
from skmlp.losses import Loss

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SOLVERS = ("sgd", "adam", "lbfgs")

ROOT = Path(__file__).parent.parent

#: How scikit-learn says that training diverged.
DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


@contextmanager
def at_loss(monkeypatch, act):
    """Call `act` with the number of each evaluation of the loss, before it."""
    evaluate, count = Loss.__call__, 0

    def counting(self, *args):
        nonlocal count
        count += 1
        act(count)
        return evaluate(self, *args)

    with monkeypatch.context() as patch:
        patch.setattr(Loss, "__call__", counting)
        yield


def cut_short(error, monkeypatch, at, train, *args):
    """Train, and raise an error at the given evaluation of the loss."""

    def act(count):
        if count == at:
            raise error

    with at_loss(monkeypatch, act):
        return train(*args)


# -- 1: validate first, then change state ----------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_rule_01_fit_that_fails_midway_changes_nothing(task, solver, monkeypatch):
    X, y = problem(task)
    for est in (estimator(task, solver=solver), estimator(task, solver=solver).fit(X, y)):
        with unchanged(est, X), pytest.raises(OSError, match="gone"):
            cut_short(OSError("gone"), monkeypatch, 2, est.fit, X[::-1], y[::-1])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("task", TASKS)
def test_rule_01_partial_fit_that_fails_midway_changes_nothing(task, solver, monkeypatch):
    X, y = problem(task)
    params = {"solver": solver, "batch_size": 10}
    for est in (estimator(task, **params), first_partial_fit(estimator(task, **params), X, y)):
        with unchanged(est, X), pytest.raises(OSError, match="gone"):
            cut_short(OSError("gone"), monkeypatch, 4, first_partial_fit, est, X, y)


def test_rule_01_diverging_partial_fit_changes_nothing():
    X, y = problem("regression")
    est = estimator("regression", solver="sgd").partial_fit(X, y)
    with unchanged(est, X), pytest.raises(ValueError, match="non-finite"):
        est.partial_fit(X * 1e200, y)


def test_rule_01_refused_partial_fit_does_not_disturb_the_next():
    X, y = problem("multiclass")
    calm, disturbed = (estimator("multiclass").fit(X, y) for _ in range(2))
    with pytest.raises(ValueError, match="NaN"):
        disturbed.partial_fit(X * np.nan, y)
    assert same(outputs(calm.partial_fit(X, y), X), outputs(disturbed.partial_fit(X, y), X))


def test_rule_01_warning_turned_into_an_error_changes_nothing():
    X, y = problem("multiclass")
    est = estimator("multiclass")
    with warnings.catch_warnings(), unchanged(est, X):
        warnings.simplefilter("error", ConvergenceWarning)
        with pytest.raises(ConvergenceWarning):
            est.fit(X, y)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_rule_01_unfitted_estimator_stays_unfitted_after_a_refused_call(cls):
    est = cls()
    for train in (est.fit, est.partial_fit):
        with pytest.raises(ValueError, match=r"2D array|classes must be passed"):
            train([1.0, 2.0], [0, 1])
    assert set(vars(est)) == set(est.get_params())
    with pytest.raises(NotFittedError):
        est.predict([[1.0]])


# -- 2: freeze the fitted configuration ------------------------------------------------

#: Another legal value of every parameter.
OTHER = {
    "hidden_layer_sizes": (3, 3),
    "activation": "tanh",
    "loss": "poisson",
    "solver": "sgd",
    "alpha": 1.0,
    "batch_size": 7,
    "learning_rate": "adaptive",
    "learning_rate_init": 0.5,
    "power_t": 2.0,
    "max_iter": 1,
    "shuffle": False,
    "random_state": 5,
    "tol": 1.0,
    "verbose": True,
    "validation_splitter": KFold(),
    "scoring": "neg_mean_absolute_error",
    "best_of_ties": "last",
    "refit": True,
    "tol_mode": "relative",
    "max_time": 1e-9,
    "on_divergence": "stop",
    "checkpoint_path": "unused",
    "checkpoint_every": 3,
    "keep_checkpoints": 2,
    "warm_start": True,
    "momentum": 0.1,
    "nesterovs_momentum": False,
    "early_stopping": True,
    "validation_fraction": 0.5,
    "beta_1": 0.1,
    "beta_2": 0.1,
    "epsilon": 1.0,
    "n_iter_no_change": 1,
    "max_fun": 1,
    "dtype": "float32",
    "feature_scaling": "standard",
    "target_scaling": "maxabs",
    "output_range": (0.0, 1.0),
    "dropout": 0.5,
    "input_dropout": 0.5,
    "input_noise": 1.0,
    "l1_ratio": 1.0,
    "input_group_l1": 1.0,
    "weight_decay": 1.0,
    "max_norm": 0.1,
    "max_grad_norm": 0.1,
    "max_grad_value": 0.1,
    "average": True,
    "learning_rate_factors": [1.0, 2.0],
    "frozen_layers": {0: 1},
    "warmup": 0.5,
    "lr_decay": 0.5,
    "lr_period": 1,
    "lr_period_growth": 2.0,
    "lr_power": 2.0,
    "lr_final": 0.5,
    "lr_rise": 0.5,
    "dropout_schedule": "flat_cos",
    "weight_decay_schedule": "flat_cos",
    "batch_norm": "input",
    "batch_norm_momentum": 1.0,
    "batch_norm_epsilon": 1.0,
    "layer_norm": True,
    "parametric_activation": True,
    "init": "zeros",
    "init_output": "zeros",
    "init_bias": "zeros",
    "class_weight": "balanced",
    "pretrained": "unused",
    "allow_new_classes": True,
    "label_smoothing": 0.5,
    "focal_gamma": 1.0,
    "quantile": 0.9,
    "huber_epsilon": 1.0,
    "power": 3.0,
}


@pytest.mark.parametrize("task", TASKS)
def test_rule_02_set_params_after_fit_changes_no_prediction(task):
    X, y = problem(task)
    est = estimator(task).fit(X, y)
    before = outputs(est, X)
    other = {name: OTHER[name] for name in est.get_params()}
    for name, value in other.items():
        est.set_params(**{name: value})
        assert same(outputs(est, X), before), name
    assert same(outputs(pickle.loads(pickle.dumps(est)), X), before)


@pytest.mark.parametrize("value", ["nonsense", None, -1])
def test_rule_02_bad_parameter_after_fit_changes_no_prediction(value):
    for task in ("multiclass", "poisson"):
        X, y = problem(task)
        est = estimator(task).fit(X, y)
        before = outputs(est, X)
        est.set_params(**dict.fromkeys(est.get_params(), value))
        assert same(outputs(est, X), before)


@pytest.mark.parametrize(
    ("task", "changed"),
    [
        ("multiclass", {"hidden_layer_sizes": (20,)}),
        ("multiclass", {"hidden_layer_sizes": (7, 7)}),
        ("multiclass", {"hidden_layer_sizes": ()}),
        ("multiclass", {"hidden_layer_sizes": [1] * 400}),
        ("multiclass", {"activation": "tanh"}),
        ("multiclass", {"dtype": "float32"}),
        ("regression", {"activation": "logistic"}),
        ("poisson", {"loss": "squared_error"}),
    ],
)
def test_rule_02_changed_architecture_is_refused(task, changed):
    X, y = problem(task)
    est = estimator(task, warm_start=True).fit(X, y).set_params(**changed)
    for train in (est.fit, est.partial_fit):
        with unchanged(est, X), pytest.raises(ValueError, match=next(iter(changed))) as caught:
            train(X, y)
        assert len(str(caught.value)) <= LONGEST_MESSAGE


@pytest.mark.parametrize("spelling", [7, [7], np.array([7]), (np.int64(7),)])
def test_rule_02_other_spelling_of_the_architecture_is_no_change(spelling):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True).fit(X, y)
    est.set_params(hidden_layer_sizes=spelling).fit(X, y).partial_fit(X, y)
    assert est.coefs_[0].shape == (4, 7)


def test_rule_02_list_changed_in_place_after_fit_changes_no_prediction():
    X, y = problem("multiclass")
    sizes = [7]
    est = estimator("multiclass", hidden_layer_sizes=sizes, warm_start=True).fit(X, y)
    before = outputs(est, X)
    sizes.append(3)
    assert same(outputs(est, X), before)
    with pytest.raises(ValueError, match="hidden_layer_sizes"):
        est.fit(X, y)


@pytest.mark.parametrize(
    "changed",
    [
        {"solver": "sgd"},
        {"learning_rate_init": 0.1},
        {"alpha": 10.0},
        {"beta_1": 0.0},
        {"beta_2": 0.5},
        {"epsilon": 0.1},
        {"batch_size": 7},
        {"shuffle": False},
        {"learning_rate": "invscaling"},
    ],
    ids=str,
)
@pytest.mark.parametrize("train", ["fit", "partial_fit"])
def test_rule_02_changed_training_parameter_takes_effect(changed, train):
    X, y = problem("multiclass")
    est = estimator("multiclass", warm_start=True, batch_size=20).fit(X, y)
    as_before = getattr(copy.deepcopy(est), train)(X, y)
    otherwise = getattr(est.set_params(**changed), train)(X, y)
    assert not same(as_before.coefs_, otherwise.coefs_)


# -- 3: divergence ---------------------------------------------------------------------

DIVERGING = {"solver": "sgd", "learning_rate_init": 1e6, "max_iter": 300, "random_state": 0}


def assert_diverges(est, X, y):
    """Check that a fit ends with the sentence on divergence and the cures."""
    with unchanged(est, X), pytest.raises(ValueError, match="non-finite") as caught:
        est.fit(X, y)
    message = str(caught.value)
    assert message.startswith(DIVERGED)
    assert "learning_rate_init" in message
    assert "scale" in message.lower()
    assert len(message) <= LONGEST_MESSAGE


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rule_03_divergence_raises(solver, dtype):
    X, y = problem("regression", dtype=dtype)
    large = np.sqrt(np.finfo(dtype).max).item() * 10
    est = estimator("regression", solver=solver)
    assert_diverges(est, X * dtype(large), y)
    est.fit(X, y)
    assert_diverges(est, X * dtype(large), y)


def test_rule_03_divergence_stops_at_once(monkeypatch):
    X, y = problem("regression")
    evaluations = []
    with at_loss(monkeypatch, evaluations.append):
        assert_diverges(MLPRegressor(**DIVERGING), X, y)
    assert len(evaluations) < 20  # of 300 epochs of one batch


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rule_03_divergence_with_early_stopping_keeps_the_best_weights(solver):
    X, y = problem("regression", n=200)
    rate = {"sgd": 1e3, "adam": 1e200}[solver]
    est = MLPRegressor(
        **{**DIVERGING, "solver": solver, "learning_rate_init": rate}, early_stopping=True
    )
    with pytest.warns(ConvergenceWarning, match="non-finite") as caught:
        est.fit(X, y)
    assert len(caught) == 1
    assert math.isnan(est.validation_scores_[-1])
    assert est.n_iter_ == len(est.validation_scores_) < 50
    assert all(np.isfinite(w).all() for w in (*est.coefs_, *est.intercepts_))
    assert np.isfinite(est.predict(X)).all()


def test_rule_03_divergence_with_early_stopping_has_a_best_score():
    X, y = problem("multiclass", n=200)
    y = y.astype(str)
    est = MLPClassifier((20,), solver="sgd", learning_rate_init=1e100, momentum=0)
    est.set_params(random_state=0, early_stopping=True, batch_size=180).fit(X, y)
    finite = [score for score in est.validation_scores_ if math.isfinite(score)]
    assert est.best_validation_score_ == max(finite, default=est.best_validation_score_)
    assert np.isin(est.predict(X), est.classes_).all()


# -- 4: own floating-point rules -------------------------------------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_rule_04_strict_floating_point_rules_do_not_matter(task, solver):
    X, y = problem(task, n=120)
    params = {"solver": solver, "early_stopping": solver != "lbfgs"}
    expected = outputs(estimator(task, **params).fit(X, y), X)
    with np.errstate(all="raise"):
        est = estimator(task, **params).fit(X, y)
        assert same(outputs(est, X), expected)
        if solver != "lbfgs":
            est.partial_fit(X, y)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e4, 1e18])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel", "poisson"])
def test_rule_04_extreme_input_gives_no_raw_warning(task, scale, dtype):
    X, y = problem(task, dtype=dtype)
    est = estimator(task).fit(X, y)
    X = X * dtype(scale)
    with np.errstate(all="raise"):
        try:
            est.fit(X, y)
        except ValueError as error:
            assert str(error).startswith(DIVERGED)  # noqa: PT017 - either is right
        for prediction in outputs(est, X).values():
            assert np.isfinite(prediction).all()


def test_rule_04_callers_floating_point_rules_are_restored():
    X, y = problem("multiclass")
    with np.errstate(all="raise"):
        before = np.geterr()
        est = estimator("multiclass").fit(X, y)
        est.predict_proba(X)
        with pytest.raises(ValueError, match="NaN"):
            est.predict(X * np.nan)
        assert np.geterr() == before


# -- 5: log-sum-exp everywhere ---------------------------------------------------------


def saturated(task, dtype, scale):
    """Return an estimator whose raw scores are huge, and its input."""
    X, y = problem(task, dtype=dtype)
    est = estimator(task).fit(X, y)
    est.coefs_[-1][...] *= dtype(scale)
    return est, X


@pytest.mark.parametrize("scale", [1e3, 1e10, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_rule_05_log_probabilities_are_finite(task, dtype, scale):
    est, X = saturated(task, dtype, scale)
    with np.errstate(all="raise"):
        logs, probabilities = est.predict_log_proba(X), est.predict_proba(X)
    assert logs.dtype == dtype
    assert np.isfinite(logs).all()
    assert (logs <= 0).all()
    np.testing.assert_allclose(np.exp(logs), probabilities, rtol=1e-4, atol=np.finfo(dtype).eps)


def test_rule_05_log_probabilities_are_logits_where_probabilities_underflow():
    est, X = saturated("multiclass", np.float64, 1e6)
    logits = est.decision_function(X)
    expected = logits - logits.max(axis=1, keepdims=True)
    np.testing.assert_allclose(est.predict_log_proba(X), expected, atol=1)
    assert est.predict_log_proba(X).min() < -1e4


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("task", TASKS)
def test_rule_05_overflowing_scores_give_finite_predictions(task, dtype):
    est, X = saturated(task, dtype, np.finfo(dtype).max / 1e2)
    hidden = est.coefs_[0]
    hidden[...] *= np.finfo(dtype).max / 1e2
    with np.errstate(all="raise"):
        for name, values in outputs(est, X).items():
            assert np.isfinite(values).all(), name
    if kind_of(task) is MLPClassifier:
        p = np.hstack(est.predict_proba(X))
        assert (p >= 0).all()
        assert (p <= 1).all()


def test_rule_05_classes_agree_with_probabilities_where_scores_overflow():
    est, X = saturated("multiclass", np.float64, 1e300)
    est.coefs_[0][...] *= 1e300
    chosen = est.predict_proba(X).argmax(axis=1)
    np.testing.assert_array_equal(est.predict(X), est.classes_[chosen])
    assert len(set(chosen)) > 1


@pytest.mark.parametrize("task", ["binary", "multiclass", "multilabel"])
def test_rule_05_reported_loss_is_not_capped(task):
    X, y = problem(task)
    params = {"solver": "sgd", "learning_rate_init": 1e-12, "max_iter": 1, "warm_start": True}
    est = estimator(task, alpha=0.0, **params).fit(X, y)
    est.coefs_[-1][...] *= 1e6
    est.fit(X, y)
    assert 1e3 < est.loss_ < math.inf


# -- 6: sample weights -----------------------------------------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_rule_06_batch_without_weight_is_left_out(task):
    X, y = problem(task, n=80)
    weight = np.r_[np.zeros(20), np.ones(20), np.zeros(20), np.ones(20)]
    params = {"solver": "sgd", "shuffle": False, "batch_size": 20, "alpha": 0.1}
    weighted = estimator(task, **params).fit(X, y, weight)
    dropped = estimator(task, **params).fit(X[weight > 0], y[weight > 0])
    for a, b in zip(weighted.coefs_, dropped.coefs_, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)
    np.testing.assert_allclose(weighted.loss_curve_, dropped.loss_curve_, rtol=1e-12)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("scale", [2.0**-950, 2.0**-60, 2.0**60, 2.0**1000])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rule_06_scale_of_the_weights_does_not_matter(solver, scale, dtype):
    X, y = problem("regression", dtype=dtype)
    weight = np.random.RandomState(1).randint(1, 4, len(X)).astype(float)
    params = {"solver": solver, "alpha": 0.0, "batch_size": 20, "learning_rate_init": 1e-9}
    plain = estimator("regression", **params).fit(X, 1e6 * y, weight)
    scaled = estimator("regression", **params).fit(X, 1e6 * y, weight * scale)
    assert same(plain.coefs_, scaled.coefs_)
    np.testing.assert_allclose(plain.loss_curve_, scaled.loss_curve_, rtol=1e-12)


@pytest.mark.filterwarnings("ignore:The validation set has all of the weight or none:UserWarning")
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", ["binary", "multiclass", "regression"])
def test_rule_06_weights_may_leave_one_part_empty(task, solver):
    # One row has all the weight: either it is held out, or nothing else is.
    X, y = problem(task, n=120)
    for row in range(30):
        weight = np.zeros(len(X))
        weight[row] = 1.0
        est = estimator(task, solver=solver, early_stopping=True).fit(X, y, weight)
        assert np.isfinite(est.loss_curve_).all()
        assert all(np.isfinite(values).all() for values in outputs(est, X).values())


@pytest.mark.parametrize("task", TASKS)
def test_rule_06_negative_weights_are_refused(task):
    X, y = problem(task)
    for est in (estimator(task), estimator(task).fit(X, y)):
        with unchanged(est, X), pytest.raises(ValueError, match=r"Negative values .*sample_w"):
            est.fit(X, y, np.r_[-1e-9, np.ones(len(X) - 1)])


@pytest.mark.parametrize(
    ("class_weight", "message"),
    [({0: 1.0, 7: 2.0}, r"class_weight .*\[7\]"), ({0: -1.0}, r"class_weight must .*-1\.0")],
    ids=["unknown", "negative"],
)
def test_rule_06_bad_class_weights_are_refused(class_weight, message):
    X, y = problem("multiclass")
    est = estimator("multiclass", class_weight=class_weight)
    for train in (est.fit, lambda *data: first_partial_fit(est, *data)):
        with unchanged(est, X), pytest.raises(ValueError, match=message):
            train(X, y)


# -- 7: sparse input; every way to break it is among the tests of faults ---------------


def wide_sparse(n=10_000, n_features=3_000):
    """Return a sparse X of two megabytes, which would be 240 if dense, and y."""
    X = sp.random_array(
        (n, n_features), density=0.005, random_state=0, format="csr", dtype=np.float64
    )
    return X, (X @ np.ones(n_features) > X.sum() / n).astype(int)


@pytest.mark.parametrize("layout", ["csr", "csc"])
def test_rule_07_structure_is_checked_before_any_kernel(layout, monkeypatch):
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    A = sp.csr_array(X).asformat(layout)
    A.indices[3] = 10**8

    def refuse(*args, **kwargs):
        raise AssertionError("A kernel runs on unchecked indices.")

    monkeypatch.setattr(type(A), "_matmul_multivector", refuse)
    monkeypatch.setattr(type(A), "tocsr", refuse)
    for act in (est.predict, lambda A: est.fit(A, y), lambda A: est.partial_fit(A, y)):
        with pytest.raises(ValueError, match="sparse array with invalid structure"):
            act(A)


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_rule_07_sparse_input_is_never_made_dense(layout, solver, early_stopping):
    X, y = wide_sparse()
    X = X.asformat(layout)
    est = MLPClassifier((4,), max_iter=1, max_fun=3, solver=solver, early_stopping=early_stopping)
    tracemalloc.start()
    est.fit(X, y)
    est.predict_proba(X)
    if solver == "adam":
        est.partial_fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    dense = 8 * X.shape[0] * X.shape[1]
    assert peak < dense / 10


# -- 8: messages -----------------------------------------------------------------------


def test_rule_08_message_on_too_many_targets_names_both_numbers():
    X, y = problem("multi-output")
    est = estimator("multi-output").fit(X, y)
    with pytest.raises(ValueError, match=r"y has 3 target\(s\).* fitted on 2"):
        est.partial_fit(X, np.c_[y, y[:, 0]])


def test_rule_08_message_on_many_classes_is_short():
    X, _ = problem("multiclass", n=500)
    labels = np.array([f"{'class' * 20} {i}" for i in range(500)])
    est = estimator("multiclass").fit(X, labels)
    with unchanged(est, X), pytest.raises(ValueError, match="classes not in") as caught:
        est.partial_fit(X, np.char.add(labels, "!"))
    assert len(str(caught.value)) <= LONGEST_MESSAGE


# -- 9: interrupts ---------------------------------------------------------------------


@pytest.fixture
def no_earlier_interrupt(monkeypatch):
    """Forget the interrupts of other tests."""
    monkeypatch.setattr(interrupts, "_last", -math.inf)


def interrupted(est, X, y, monkeypatch, *, at, train="fit"):
    """Train with an interrupt at the given evaluation of the loss."""
    return cut_short(KeyboardInterrupt, monkeypatch, at, getattr(est, train), X, y)


@pytest.mark.parametrize("at", [1, 2, 12])
@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", ["multiclass", "multi-output"])
def test_rule_09_first_interrupt_ends_training_with_a_usable_model(
    task, solver, at, monkeypatch, no_earlier_interrupt
):
    X, y = problem(task)
    est = estimator(task, solver=solver, batch_size=20, max_iter=50, tol=0.0)
    with pytest.warns(UserWarning, match="interrupted") as caught:
        assert interrupted(est, X, y, monkeypatch, at=at) is est
    assert len(caught) == 1
    assert est.n_iter_ == len(est.loss_curve_) < 50
    for values in outputs(est, X).values():
        assert np.isfinite(values).all()
    assert same(outputs(pickle.loads(pickle.dumps(est)), X), outputs(est, X))


def test_rule_09_interrupted_lbfgs_keeps_the_last_iteration(monkeypatch, no_earlier_interrupt):
    X, y = problem("regression")
    params = {"solver": "lbfgs", "max_iter": 50}
    whole = estimator("regression", **params).fit(X, y)
    with pytest.warns(UserWarning, match="interrupted"):
        cut = interrupted(estimator("regression", **params), X, y, monkeypatch, at=12)
    shorter = estimator("regression", **{**params, "max_iter": cut.n_iter_}).fit(X, y)
    assert 0 < cut.n_iter_ < whole.n_iter_
    np.testing.assert_allclose(cut.coefs_[0], shorter.coefs_[0], rtol=1e-9)


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rule_09_interrupt_with_early_stopping_keeps_the_best_weights(
    solver, monkeypatch, no_earlier_interrupt
):
    X, y = problem("multiclass", n=100)
    params = {"solver": solver, "early_stopping": True, "max_iter": 50, "batch_size": 30}
    with pytest.warns(UserWarning, match="interrupted"):
        cut = interrupted(estimator("multiclass", **params), X, y, monkeypatch, at=19)
    epochs = int(np.argmax(cut.validation_scores_)) + 1
    best = estimator("multiclass", **{**params, "max_iter": epochs}).fit(X, y)
    assert (
        len(cut.validation_scores_) == 4
    )  # of three batches and validation each, then 2 batches of the next
    assert same(best.coefs_, cut.coefs_)


@pytest.mark.parametrize("solver", SOLVERS)
def test_rule_09_second_interrupt_gets_through(solver, monkeypatch, no_earlier_interrupt):
    X, y = problem("multiclass")
    est = estimator("multiclass", solver=solver, batch_size=20, max_iter=50, tol=0.0)
    with pytest.warns(UserWarning, match="interrupted"):
        interrupted(est, X, y, monkeypatch, at=3)
    with unchanged(est, X), pytest.raises(KeyboardInterrupt):
        interrupted(est, X[::-1], y, monkeypatch, at=3)
    unfitted = estimator("multiclass", solver=solver)
    with unchanged(unfitted, X), pytest.raises(KeyboardInterrupt):
        interrupted(unfitted, X, y, monkeypatch, at=1)


def test_rule_09_interrupt_long_after_the_first_is_a_first_one(monkeypatch):
    X, y = problem("multiclass")
    for seconds, error in ((0.0, KeyboardInterrupt), (2.9, KeyboardInterrupt), (3.1, None)):
        clock = iter([100.0, 100.0 + seconds])
        with monkeypatch.context() as patch:
            patch.setattr(interrupts, "_last", -math.inf)
            patch.setattr(interrupts.time, "monotonic", clock.__next__)
            est = estimator("multiclass")
            with pytest.warns(UserWarning, match="interrupted"):
                interrupted(est, X, y, monkeypatch, at=1)
            if error:
                with pytest.raises(error):
                    interrupted(est, X, y, monkeypatch, at=1)
            else:
                with pytest.warns(UserWarning, match="interrupted"):
                    interrupted(est, X, y, monkeypatch, at=1)


def test_rule_09_partial_fit_is_interrupted_like_fit(monkeypatch, no_earlier_interrupt):
    X, y = problem("multiclass")
    est = estimator("multiclass", batch_size=20).fit(X, y)
    with pytest.warns(UserWarning, match="interrupted"):
        interrupted(est, X, y, monkeypatch, at=2, train="partial_fit")
    with unchanged(est, X), pytest.raises(KeyboardInterrupt):
        interrupted(est, X, y, monkeypatch, at=2, train="partial_fit")


@pytest.mark.filterwarnings("ignore:Training interrupted:UserWarning")
def test_rule_09_search_over_many_fits_can_be_stopped(monkeypatch, no_earlier_interrupt):
    X, y = problem("multiclass")
    search = GridSearchCV(estimator("multiclass"), {"alpha": [0.1, 1.0]}, cv=3, error_score=-1)

    def two_interrupts(count):
        if count in (2, 6):
            raise KeyboardInterrupt

    with at_loss(monkeypatch, two_interrupts), pytest.raises(KeyboardInterrupt):
        search.fit(X, y)


@pytest.mark.filterwarnings("ignore:Training interrupted:UserWarning")
def test_rule_09_interrupt_amid_divergence_leaves_no_model(monkeypatch, no_earlier_interrupt):
    X, y = problem("regression")
    params = {**DIVERGING, "batch_size": 1, "shuffle": False}
    est = MLPRegressor(**params)
    with unchanged(est, X), pytest.raises(ValueError, match="non-finite"):
        interrupted(est, X, y, monkeypatch, at=60)


# -- 10: determinism -------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_rule_10_random_stream_and_optimizer_state_are_part_of_the_fitted_state(solver):
    X, y = problem("multiclass")
    whole = estimator("multiclass", solver=solver, batch_size=20)
    for _ in range(2):
        first_partial_fit(whole, X, y)
    loaded = pickle.loads(pickle.dumps(whole))
    for _ in range(3):
        whole.partial_fit(X, y)
        loaded.partial_fit(X, y)
    assert same(recorded(whole, X)[1], recorded(loaded, X)[1])
    assert same(whole.loss_curve_, loaded.loss_curve_)


def test_rule_10_calls_of_partial_fit_shuffle_differently(monkeypatch):
    X, y = problem("regression")
    est = estimator("regression", batch_size=20)
    orders, evaluate = [], Loss.__call__

    def watching(self, raw, targets, *args):
        orders.append(targets[:, 0].copy())
        return evaluate(self, raw, targets, *args)

    monkeypatch.setattr(Loss, "__call__", watching)
    for _ in range(3):
        est.partial_fit(X, y)
    calls = np.reshape(orders, (3, len(X)))
    np.testing.assert_array_equal(np.sort(calls, axis=1), np.tile(np.sort(y), (3, 1)))
    assert len({call.tobytes() for call in (y, *calls)}) == 4


def test_rule_10_epochs_and_losses_are_counted_over_calls():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    for _ in range(4):
        est.partial_fit(X, y)
    assert est.n_iter_ == len(est.loss_curve_) == 7
    assert est.t_ == 7 * len(X)


def test_rule_10_global_random_state_is_left_alone():
    X, y = problem("multiclass", n=120)
    before = np.random.get_state()
    estimator("multiclass", early_stopping=True).fit(X, y).partial_fit(X, y)
    assert same(before, np.random.get_state())


# -- 11: memory: the limits themselves are in test_memory.py ---------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rule_11_fit_adds_less_than_a_quarter_of_the_data(dtype, early_stopping):
    X, y = problem("multiclass", n=20_000, n_features=100, dtype=dtype)
    est = MLPClassifier((10,), max_iter=1, early_stopping=early_stopping)
    tracemalloc.start()
    est.fit(X, y)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 0.25 * X.nbytes


def test_rule_11_predictions_are_made_block_by_block():
    X, y = problem("multiclass", n=20_000)
    est = MLPClassifier((400,), max_iter=1, random_state=0).fit(X[:60], y[:60])
    tracemalloc.start()
    est.predict_proba(X)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20_000 * 400 * 8 / 20  # the hidden layer of all rows


@pytest.mark.parametrize(("how", "slots"), [("plain", 0), ("early stopping", 0), ("warm", 2)])
def test_rule_11_pickle_is_as_large_as_what_is_needed(how, slots):
    X, y = problem("multiclass", n=120)
    est = estimator("multiclass", hidden_layer_sizes=(200, 200), warm_start=how == "warm")
    est.set_params(early_stopping=how == "early stopping").fit(X, y)
    weights = sum(w.nbytes for w in (*est.coefs_, *est.intercepts_))
    assert len(pickle.dumps(est)) <= 1.1 * (1 + slots) * weights


# -- 12: files: the round trips are in test_persistence.py -----------------------------


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("task", TASKS)
def test_rule_12_state_is_plain(task, solver):
    X, y = problem(task, n=120)
    est = estimator(task, solver=solver, warm_start=True, early_stopping=True).fit(X, y)
    state = est.__getstate__()
    assert {name for name, value in state.items() if not is_plain(value)} == set()


#: What an altered state has in place of something right.
ALTERED = {
    "version": lambda state: state.update(_format=0),
    "shape": lambda state: state["coefs_"].__setitem__(0, state["coefs_"][0].T),
    "type": lambda state: state["coefs_"].__setitem__(0, state["coefs_"][0].astype("f4")),
    "finiteness": lambda state: state["intercepts_"][0].fill(np.nan),
    "activation": lambda state: state["_architecture"].update(activation="eval"),
}


@pytest.mark.parametrize("what", ALTERED)
def test_rule_12_state_is_checked_when_it_is_read(what):
    X, y = problem("multiclass")
    state = copy.deepcopy(estimator("multiclass").fit(X, y).__getstate__())
    ALTERED[what](state)
    with pytest.raises(ValueError, match=r"saved|finite|activation|shape"):
        object.__new__(MLPClassifier).__setstate__(state)


def test_rule_12_code_in_pickles_is_warned_of():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    assert "Pickles run code" in text


# -- 13: threads: more of them are in test_concurrency.py ------------------------------


@pytest.mark.parametrize("task", TASKS)
def test_rule_13_predicting_writes_nothing(task, monkeypatch):
    X, y = problem(task)
    est = estimator(task).fit(X, y)
    for array in (*est.coefs_, *est.intercepts_, X):
        array.flags.writeable = False
    identities = {name: id(value) for name, value in vars(est).items()}

    def refuse(self, name, value):
        raise AssertionError(f"{name} is set")

    monkeypatch.setattr(type(est), "__setattr__", refuse)
    with unchanged(est, X):
        outputs(est, X)
        outputs(est, sp.csr_array(X))
        est.score(X, y)
    assert {name: id(value) for name, value in vars(est).items()} == identities


def test_rule_13_training_one_object_in_several_threads_does_not_crash():
    X, y = problem("multiclass")
    est = estimator("multiclass").fit(X, y)
    threads = [threading.Thread(target=train_often, args=(est, X, y)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(50):
        assert np.isfinite(est.predict_proba(X)).all()
    for thread in threads:
        thread.join()
    assert np.isfinite(est.predict_proba(X)).all()


def train_often(est, X, y):
    """Train again and again, some rows or all."""
    for _ in range(10):
        est.partial_fit(X, y)


# -- 14: supply chain ------------------------------------------------------------------

#: Functions that run text or bytes as code, or start a process, and modules that do so.
FORBIDDEN_CALLS = {"eval", "exec", "compile", "__import__", "system", "popen"}
FORBIDDEN_MODULES = {"pickle", "marshal", "shelve", "subprocess", "ctypes", "socket", "urllib"}


def test_rule_14_nothing_is_needed_but_numpy_scipy_and_scikit_learn():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    names = {re.match(r"[\w-]+", needed)[0] for needed in project["dependencies"]}
    assert names == {"numpy", "scipy", "scikit-learn"}


def test_rule_14_package_works_without_anything_else():
    code = (
        "import sys\n"
        "missing = ('rich', 'pandas', 'polars', 'safetensors', 'skops', 'matplotlib')\n"
        "class Missing:\n"
        "    def find_spec(name, *_):\n"
        "        if name in missing:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Missing)\n"
        "import numpy as np, skmlp\n"
        "X = np.arange(20.0)[:, None]\n"
        "print(skmlp.MLPClassifier(max_iter=2, verbose=1).fit(X, X[:, 0] > 9).n_iter_)\n"
        "assert 'torch' not in sys.modules\n"
    )
    done = run_python(code, PYTHONWARNINGS="ignore")
    assert done.returncode == 0, done.stderr
    assert done.stdout.endswith("\n2\n")


def test_rule_14_data_never_become_code():
    found = []
    for path in sorted((ROOT / "skmlp").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = called_or_imported(node)
            found += [f"{path.name}:{node.lineno}: {name}" for name in names]
    assert found == []


def called_or_imported(node):
    """Return the forbidden names that a piece of source calls or imports."""
    if isinstance(node, ast.Call):
        name = getattr(node.func, "attr", getattr(node.func, "id", ""))
        return {name} & FORBIDDEN_CALLS
    names = [alias.name for alias in getattr(node, "names", []) if isinstance(alias, ast.alias)]
    names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
    return {name.partition(".")[0] for name in names} & FORBIDDEN_MODULES
