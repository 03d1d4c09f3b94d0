"""Predictions between two limits."""

import copy
import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from trust import same, unchanged

from skmlp import MLPRegressor
from skmlp.layers import Bound

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

SCALINGS = [None, "standard", "robust", "maxabs", StandardScaler()]

each_scaling = pytest.mark.parametrize("scaling", SCALINGS, ids=str)


def problem(k=1, n=200, low=0.0, high=1.0):
    """Return rows and targets between two limits."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n, 4))
    y = low + (high - low) / (1 + np.exp(-X @ rng.normal(size=(4, k))))
    return X, (y[:, 0] if k == 1 else y)


def regressor(limits, **params):
    """Return a small regressor with limits."""
    defaults = {"hidden_layer_sizes": (7,), "max_iter": 20, "random_state": 0}
    return MLPRegressor(**{**defaults, **params, "output_range": limits})


@pytest.mark.parametrize("limits", [(0, 1), (-3.5, 2), (1e6, 1e6 + 1), (0.1, 0.3)])
@pytest.mark.parametrize("k", [1, 3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@each_scaling
def test_predictions_are_within_the_limits(scaling, k, dtype, limits):
    check_limits(scaling, k, dtype, limits)


@pytest.mark.parametrize(("dtype", "size"), [("float32", 1e30), ("float64", 1e300)])
@pytest.mark.parametrize("scaling", ["standard", "robust", "maxabs"])
def test_limits_may_be_huge(scaling, dtype, size):
    check_limits(scaling, 3, dtype, (-size, size))


def check_limits(scaling, k, dtype, limits):
    """Train, and predict for near and far rows."""
    X, y = problem(k, 60, *limits)
    y = y.astype(dtype).clip(*limits)
    est = regressor(limits, target_scaling=scaling, dtype=dtype).fit(X, y)
    for rows in (X, 1e6 * X, np.full((1, 4), 1e30), np.full((1, 4), -1e30)):
        predicted = est.predict(rows)
        assert predicted.dtype == dtype
        assert np.all((predicted >= limits[0]) & (predicted <= limits[1]))


@each_scaling
def test_targets_are_learnt(scaling):
    X, y = problem(2, low=-20, high=30)
    params = {"max_iter": 300, "learning_rate_init": 0.02}
    est = regressor((-20, 30), target_scaling=scaling, **params).fit(X, y)
    assert est.score(X, y) > 0.9
    assert -20 < est.predict(X).min() < est.predict(X).max() < 30


def test_prediction_is_the_formula():
    X, y = problem()
    est = regressor((-1, 4), hidden_layer_sizes=(), target_scaling="standard").fit(X, y)
    raw = X @ est.coefs_[0] + est.intercepts_[0]
    np.testing.assert_allclose(est.predict(X), (-1 + 5 / (1 + np.exp(-raw)))[:, 0], rtol=1e-12)
    assert isinstance(est._model.network.layers[-1], Bound)


def test_training_is_that_of_the_formula():
    """One step of gradient descent, derived by hand."""
    X, y = problem(n=10)
    params = {"hidden_layer_sizes": (), "solver": "sgd", "momentum": 0.0, "alpha": 0.0}
    est = regressor((-1, 4), max_iter=1, learning_rate_init=0.1, **params).fit(X, y)
    start = regressor((-1, 4), max_iter=1, learning_rate_init=1e-300, **params).fit(X, y)
    share = 1 / (1 + np.exp(-(X @ start.coefs_[0] + start.intercepts_[0])))
    slope = (-1 + 5 * share - y[:, np.newaxis]) * 5 * share * (1 - share) / 10
    np.testing.assert_allclose(est.coefs_[0], start.coefs_[0] - 0.1 * X.T @ slope, rtol=1e-12)
    assert start.loss_ == pytest.approx(np.mean((-1 + 5 * share[:, 0] - y) ** 2) / 2)


@pytest.mark.parametrize("loss", ["absolute_error", "huber", "log_cosh", "quantile"])
def test_losses_of_predictions_take_limits(loss):
    X, y = problem()
    est = regressor((0, 1), loss=loss, max_iter=200, learning_rate_init=0.02).fit(X, y)
    assert np.abs(est.predict(X) - y).mean() < 0.1


@pytest.mark.parametrize(
    ("loss", "more"),
    [
        ("poisson", {}),
        ("gamma", {}),
        ("tweedie", {}),
        ("gaussian", {}),
        ("quantile", {"quantile": [0.1, 0.9]}),
    ],
)
def test_losses_of_other_scores_do_not(loss, more):
    X, y = problem()
    est = regressor((0, 1), loss=loss, **more)
    with unchanged(est, X), pytest.raises(ValueError, match=r"output_range=.*loss="):
        est.fit(X, y)


@pytest.mark.parametrize("value", [-0.01, 1.01, 1e300])
@pytest.mark.parametrize("how", ["fit", "partial_fit", "later"])
def test_targets_outside_are_refused(value, how):
    X, y = problem(2)
    est = regressor((0, 1), target_scaling="standard")
    if how == "later":
        est.partial_fit(X, y)
    y = y.copy()
    y[3, 1] = value
    with unchanged(est, X), pytest.raises(ValueError, match=r"output_range=.*clip y"):
        (est.fit if how == "fit" else est.partial_fit)(X, y)


def test_limits_themselves_and_missing_targets_are_taken():
    X, y = problem(2)
    y = y.copy()
    y[0], y[1], y[2, 0] = 0, 1, np.nan
    for scaling in (None, "standard"):
        assert np.isfinite(regressor((0, 1), target_scaling=scaling).fit(X, y).predict(X)).all()


def test_transformed_limits_have_to_be_in_order():
    X, y = problem()
    increasing = FunctionTransformer(np.log1p, np.expm1)
    assert regressor((0, 1), target_scaling=increasing).fit(X, y).predict(X).min() >= 0
    decreasing = FunctionTransformer(np.negative, np.negative)
    with pytest.raises(ValueError, match="increasing"):
        regressor((0, 1), target_scaling=decreasing).fit(X, y)
    with pytest.raises(ValueError, match="infinite or NaN"), np.errstate(all="ignore"):
        regressor((0, 1), target_scaling=FunctionTransformer(np.log, np.exp)).fit(X, y)


@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
@pytest.mark.parametrize("more", [{}, {"early_stopping": True}, {"average": True}], ids=str)
def test_other_parts_go_with_it(solver, more):
    if solver == "lbfgs" and "average" in more:
        more = {}
    X, y = problem()
    params = {"batch_norm": True, "feature_scaling": "standard", "learning_rate_init": 0.1}
    est = regressor((0, 1), solver=solver, max_iter=100, **params, **more).fit(X, y)
    assert est.score(X, y) > 0.5


def test_saved_estimator_goes_on_to_the_same_bits():
    X, y = problem(2)
    est = regressor([0, 1], target_scaling="standard").partial_fit(X, y)
    loaded = pickle.loads(pickle.dumps(est))
    for one in (est, loaded):
        one.partial_fit(X, y)
    assert same(loaded.predict(X), est.predict(X))
    assert clone(est).output_range == [0, 1]


@pytest.mark.parametrize("other", [None, (0, 2), (-1, 1)])
def test_fitted_network_keeps_its_limits(other):
    X, y = problem()
    est = regressor((0, 1), warm_start=True).fit(X, y)
    est.set_params(output_range=other)
    for call in (est.fit, est.partial_fit):
        with unchanged(est, X), pytest.raises(ValueError, match="output_range="):
            call(X, y)
    est.set_params(output_range=[0.0, 1.0]).fit(X, y)


def test_limits_need_not_be_a_tuple_of_floats():
    X, y = problem()
    expected = regressor((0.0, 1.0)).fit(X, y)
    for limits in ([0, 1], np.array([0, 1]), (np.int64(0), np.float32(1))):
        est = regressor(limits).fit(X, y)
        assert same(est.predict(X), expected.predict(X))
        assert same(copy.deepcopy(est).predict(X), expected.predict(X))
