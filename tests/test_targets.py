"""Losses and kinds of targets in the estimators: what is learnt, predicted, scored and refused."""

import copy
import pickle
import warnings

import numpy as np
import pytest
import scipy.sparse as sp
from scipy.optimize import minimize, minimize_scalar
from scipy.special import expit, log_expit
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    PoissonRegressor,
    QuantileRegressor,
    TweedieRegressor,
)
from sklearn.metrics import d2_pinball_score, mean_pinball_loss, r2_score
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.multioutput import MultiOutputClassifier
from sklearn.svm import LinearSVC

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.targets import class_target
from skmlp.losses import (
    ElementwiseLoss,
    Huber,
    Loss,
    MultinomialLogLoss,
    Quantile,
    SquaredError,
    SquaredHinge,
    Tweedie,
)

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning"),
]

CLASSIFIER_LOSSES = ("log_loss", "focal", "squared_hinge")
REGRESSOR_LOSSES = (
    "squared_error",
    "absolute_error",
    "huber",
    "log_cosh",
    "quantile",
    "poisson",
    "gamma",
    "tweedie",
    "gaussian",
)
POSITIVE = ("poisson", "gamma", "tweedie")
SMALL = {"hidden_layer_sizes": (8,), "max_iter": 60, "learning_rate_init": 0.01, "random_state": 0}
LINEAR = {"hidden_layer_sizes": (), "solver": "lbfgs", "max_iter": 5000, "max_fun": 10**6}

regressor_losses = pytest.mark.parametrize("loss", REGRESSOR_LOSSES)
classifier_losses = pytest.mark.parametrize("loss", CLASSIFIER_LOSSES)


def numbers(loss="squared_error", n_targets=1, n=150, seed=0):
    """Return X and targets of a linear relation that the loss takes."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 4))
    z = X @ rng.normal(size=(4, n_targets)) / 2
    y = np.exp(z) * rng.gamma(5, 0.2, z.shape) if loss in POSITIVE else z + rng.normal(size=z.shape)
    return X, y[:, 0] if n_targets == 1 else y


def labels(kind, n=150, seed=0):
    """Return X and classes of a kind that can be learnt."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 4))
    z = X @ rng.normal(size=(4, 3)) + 0.3 * rng.normal(size=(n, 3))
    return X, {
        "binary": lambda: np.array(["no", "yes"])[(z[:, 0] > 0).astype(int)],
        "multiclass": lambda: np.array(["a", "b", "c"])[z.argmax(axis=1)],
        "multilabel": lambda: (z > 0).astype(int),
        "multioutput": lambda: np.c_[z.argmax(axis=1) + 5, (z[:, 1] > 0).astype(int)],
    }[kind]()


def listed(result):
    """Return a matrix as a list of one."""
    return result if isinstance(result, list) else [result]


def holes(y, share=0.3, seed=0):
    """Return a copy with some entries NaN, none of them in the first row."""
    missing = np.random.RandomState(seed).rand(*y.shape) < share
    missing[0] = False
    return np.where(missing, np.nan, y)


# -- every loss of the regressor ---------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n_targets", [1, 3])
@regressor_losses
def test_regressor_learns_with_every_loss(loss, n_targets, dtype):
    X, y = numbers(loss, n_targets)
    est = MLPRegressor(loss=loss, early_stopping=True, n_iter_no_change=60, **SMALL)
    est.fit(X.astype(dtype), y)
    predicted = est.predict(X.astype(dtype))
    assert predicted.shape == y.shape
    assert predicted.dtype == dtype
    assert est.loss_curve_[-1] < est.loss_curve_[0]
    assert est.score(X, y) > 0.1
    assert np.isfinite(est.validation_scores_).all()
    if loss in POSITIVE:
        assert (predicted > 0).all()
    loaded = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(loaded.predict(X), est.predict(X))


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@regressor_losses
def test_every_solver_makes_every_loss_small(loss, solver):
    X, y = numbers(loss)
    params = {**SMALL, "learning_rate_init": 0.002 if solver == "sgd" else 0.01}
    est = MLPRegressor(loss=loss, solver=solver, **params).fit(X, y)
    assert est.loss_curve_[-1] < est.loss_curve_[0] - 0.05
    assert est.score(X, y) > 0.05


@regressor_losses
def test_partial_fit_goes_on_with_every_loss(loss):
    X, y = numbers(loss)
    params = {**SMALL, "shuffle": False, "batch_size": 50}
    whole = MLPRegressor(loss=loss, **{**params, "max_iter": 4, "tol": 0}).fit(X, y)
    parts = MLPRegressor(loss=loss, **params)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y)))
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    assert parts.loss_curve_ == whole.loss_curve_


@pytest.mark.parametrize("n_targets", [1, 2])
@regressor_losses
def test_integer_weights_stand_for_repeated_rows(loss, n_targets):
    X, y = numbers(loss, n_targets, n=40)
    times = np.arange(40) % 3
    params = {"loss": loss, "random_state": 0, "hidden_layer_sizes": (4,), "max_iter": 20}
    weighted = MLPRegressor(batch_size=40, **params).fit(X, y, sample_weight=times)
    repeated = np.repeat(np.arange(40), times)
    twin = MLPRegressor(batch_size=len(repeated), **params).fit(X[repeated], y[repeated])
    np.testing.assert_allclose(weighted.predict(X), twin.predict(X), rtol=1e-6, atol=1e-9)


# -- what a constant prediction comes to -------------------------------------------------


def best_constant(loss, y, sample_weight=None, **params):
    """Return the prediction of a model that sees nothing but y."""
    est = MLPRegressor(loss=loss, **{**LINEAR, "tol": 1e-10, "alpha": 0.0, **params})
    return est.fit(np.zeros((len(y), 1)), y, sample_weight), np.zeros((1, 1))


@pytest.mark.parametrize("loss", ["squared_error", "poisson", "gamma", "tweedie", "gaussian"])
def test_constant_is_the_mean(loss):
    _, y = numbers("gamma")
    weight = np.random.RandomState(1).rand(len(y))
    est, x = best_constant(loss, y, weight, random_state=0)
    assert est.predict(x)[0] == pytest.approx(np.average(y, weights=weight), rel=1e-4)


def test_constant_of_the_gaussian_loss_is_mean_and_standard_deviation():
    _, y = numbers(n_targets=2)
    est, x = best_constant("gaussian", y, random_state=0)
    mean, deviation = est.predict(x, return_std=True)
    np.testing.assert_allclose(mean[0], y.mean(axis=0), rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(deviation[0], y.std(axis=0), rtol=1e-4)


@pytest.mark.parametrize(
    ("loss", "params", "rho"),
    [
        ("huber", {}, lambda r: np.where(abs(r) < 1.35, r**2 / 2, 1.35 * (abs(r) - 0.675))),
        (
            "huber",
            {"huber_epsilon": 0.2},
            lambda r: np.where(abs(r) < 0.2, r**2 / 2, 0.2 * (abs(r) - 0.1)),
        ),
        ("log_cosh", {}, lambda r: np.log(np.cosh(r))),
    ],
)
def test_constant_of_a_robust_loss_is_the_m_estimate(loss, params, rho):
    _, y = numbers()
    y[:10] += 8
    est, x = best_constant(loss, y, random_state=0, **params)
    expected = minimize_scalar(lambda c: rho(y - c).sum(), bracket=(-1, 1)).x
    assert est.predict(x)[0] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize("level", [0.1, 0.5, 0.9])
def test_constant_of_the_pinball_loss_is_the_quantile(level):
    _, y = numbers(n=400)
    settings = {"solver": "adam", "max_iter": 1500, "learning_rate_init": 0.01, "tol": 0.0}
    settings |= {"batch_size": 400, "learning_rate": "cosine", "random_state": 0}
    est, x = best_constant("quantile", y, quantile=level, **settings)
    assert est.predict(x)[0] == pytest.approx(np.quantile(y, level), abs=0.03)
    if level == 0.5:
        est, x = best_constant("absolute_error", y, **settings)
        assert est.predict(x)[0] == pytest.approx(np.median(y), abs=0.03)


# -- linear models of scikit-learn -------------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "params", "peer"),
    [
        ("poisson", {}, PoissonRegressor),
        ("gamma", {}, GammaRegressor),
        ("tweedie", {}, lambda **options: TweedieRegressor(power=1.5, **options)),
        ("tweedie", {"power": 3}, lambda **options: TweedieRegressor(power=3, **options)),
    ],
)
def test_linear_net_is_the_generalised_linear_model(loss, params, peer):
    X, y = numbers("gamma", n=300)
    theirs = peer(alpha=0.1, tol=1e-9, max_iter=5000).fit(X, y)
    ours = MLPRegressor(loss=loss, alpha=0.1 * 300, tol=1e-9, random_state=0, **LINEAR, **params)
    ours.fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_, rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(ours.predict(X), theirs.predict(X), rtol=1e-4)


@pytest.mark.parametrize("level", [0.2, 0.5])
def test_linear_net_is_the_quantile_regression(level):
    X, y = numbers(n=300)
    theirs = QuantileRegressor(quantile=level, alpha=0).fit(X, y)
    ours = MLPRegressor(
        (), loss="quantile", quantile=level, alpha=0, max_iter=1500, batch_size=300,
        learning_rate="cosine", learning_rate_init=0.01, tol=0, random_state=0,
    ).fit(X, y)  # fmt: skip
    best = mean_pinball_loss(y, theirs.predict(X), alpha=level)
    assert mean_pinball_loss(y, ours.predict(X), alpha=level) <= 1.002 * best


def test_linear_net_with_squared_hinge_is_the_support_vector_machine():
    X, y = labels("binary", n=200)
    theirs = LinearSVC(C=0.5, intercept_scaling=100.0, tol=1e-9, max_iter=10**6).fit(X, y)
    # LinearSVC makes ½ ‖w‖² + C Σ loss small: alpha is 1 / C for the sum of losses.
    ours = MLPClassifier(loss="squared_hinge", alpha=2.0, tol=1e-9, random_state=0, **LINEAR)
    ours.fit(X, y)
    np.testing.assert_allclose(ours.coefs_[0][:, 0], theirs.coef_[0], rtol=1e-3, atol=1e-4)
    np.testing.assert_allclose(
        ours.decision_function(X), theirs.decision_function(X), rtol=1e-2, atol=1e-3
    )


def test_one_against_the_rest_is_a_machine_a_class():
    X, y = labels("multiclass", n=200)
    ours = MLPClassifier(loss="squared_hinge", alpha=2.0, tol=1e-9, random_state=0, **LINEAR)
    ours.fit(X, y)
    assert ours.out_activation_ == "identity"
    scores = ours.decision_function(X)
    for j, label in enumerate(ours.classes_):
        alone = clone(ours).fit(X, y == label)
        np.testing.assert_allclose(scores[:, j], alone.decision_function(X), rtol=1e-3, atol=1e-4)
    np.testing.assert_array_equal(ours.predict(X), ours.classes_[scores.argmax(axis=1)])
    assert ours.score(X, y) > 0.8


# -- quantiles ---------------------------------------------------------------------------

LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def spread(n, seed=0):
    """Return one feature and normal numbers whose deviation grows with it."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-2, 2, (n, 1))
    deviation = np.exp(X[:, 0] / 2)
    return X, np.sin(X[:, 0]) + deviation * rng.normal(size=n), deviation


def flexible(loss, **params):
    """Return a net for the data above."""
    settings = {"max_iter": 150, "learning_rate_init": 0.01, "learning_rate": "cosine"}
    return MLPRegressor((20,), loss=loss, random_state=0, tol=0, **settings, **params)


@pytest.fixture(scope="module")
def quantile_net():
    X, y, _ = spread(1500)
    return flexible("quantile", quantile=LEVELS).fit(X, y)


def test_quantiles_cover_their_share(quantile_net):
    X, y, _ = spread(2000, seed=1)
    predicted = quantile_net.predict(X)
    assert predicted.shape == (2000, 5)
    shares = (y[:, None] <= predicted).mean(axis=0)
    np.testing.assert_allclose(shares, LEVELS, atol=0.05)
    for left in (True, False):  # not only over all rows, but at either end
        rows = (X[:, 0] < 0) == left
        shares = (y[rows, None] <= predicted[rows]).mean(axis=0)
        np.testing.assert_allclose(shares, LEVELS, atol=0.08)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [1, 1e3, 1e30])
def test_quantiles_never_cross_wherever_they_are_asked(quantile_net, scale, dtype):
    X = scale * np.random.RandomState(1).standard_cauchy((3000, 1))
    predicted = quantile_net.predict(X.astype(dtype))
    assert np.isfinite(predicted).all()
    assert (np.diff(predicted, axis=1) >= 0).all()


@pytest.mark.parametrize("seed", range(20))
def test_quantiles_of_random_nets_never_cross(seed):
    rng = np.random.RandomState(seed)
    X, y = rng.normal(size=(30, 3)), rng.normal(size=(30, 2))
    est = MLPRegressor(
        (5, 5), loss="quantile", quantile=[0.1, 0.4, 0.8], max_iter=2, random_state=seed
    ).fit(X, y)
    for weights in (*est.coefs_, *est.intercepts_):
        weights[...] = rng.normal(size=weights.shape) * 10 ** rng.uniform(-2, 3)
    predicted = est.predict(10 * rng.normal(size=(500, 3)))
    assert predicted.shape == (500, 2, 3)
    assert (np.diff(predicted, axis=2) >= 0).all()


@pytest.mark.parametrize(
    ("quantile", "n_targets", "shape"),
    [
        (0.3, 1, ()),
        (0.3, 2, (2,)),
        ([0.3], 1, (1,)),
        ([0.3], 2, (2, 1)),
        ((0.1, 0.5, 0.9), 1, (3,)),
        (np.array([0.1, 0.5, 0.9]), 2, (2, 3)),
    ],
)
def test_shape_of_quantiles(quantile, n_targets, shape):
    X, y = numbers(n_targets=n_targets)
    est = MLPRegressor(loss="quantile", quantile=quantile, **{**SMALL, "max_iter": 3}).fit(X, y)
    assert est.predict(X).shape == (len(X), *shape)
    assert est.n_outputs_ == n_targets * np.size(quantile)
    assert est.out_activation_ == "quantiles"
    assert pickle.loads(pickle.dumps(est)).predict(X).shape == (len(X), *shape)


def test_axis_of_levels_belongs_to_each_target():
    X, y = numbers(n_targets=2)
    est = MLPRegressor(loss="quantile", quantile=[0.1, 0.9], **{**SMALL, "max_iter": 400})
    y += np.array([0, 10])
    predicted = est.fit(X, y).predict(X)
    np.testing.assert_allclose(predicted.mean(axis=(0, 2)), y.mean(axis=0), atol=1)
    assert (predicted[:, :, 0] <= predicted[:, :, 1]).all()


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("quantile", [0.8, [0.2, 0.8]])
def test_score_of_quantiles_is_the_share_of_pinball_loss_explained(quantile, n_targets):
    X, y = numbers(n_targets=n_targets)
    weight = np.random.RandomState(0).rand(len(X))
    est = MLPRegressor(loss="quantile", quantile=quantile, **SMALL).fit(X, y)
    predicted = est.predict(X).reshape(len(X), n_targets, -1)
    parts = [
        d2_pinball_score(y, predicted[..., k].reshape(y.shape), sample_weight=weight, alpha=level)
        for k, level in enumerate(np.atleast_1d(quantile))
    ]
    assert est.score(X, y, weight) == pytest.approx(np.mean(parts), rel=1e-12)
    assert cross_val_score(est, X, y, cv=3).shape == (3,)


# -- mean and deviation ------------------------------------------------------------------


def test_deviation_is_learnt():
    X, y, _ = spread(1500)
    est = flexible("gaussian").fit(X, y)
    X, y, deviation = spread(1000, seed=1)
    mean, found = est.predict(X, return_std=True)
    assert np.abs(np.log(found / deviation)).mean() < 0.15
    assert np.abs(mean - np.sin(X[:, 0])).mean() < 0.15
    assert np.std((y - mean) / found) == pytest.approx(1, abs=0.1)
    np.testing.assert_array_equal(mean, est.predict(X))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_deviation_is_positive_and_finite_however_far(dtype):
    X, y, _ = spread(100)
    est = flexible("gaussian", dtype=np.dtype(dtype).name).set_params(max_iter=5).fit(X, y)
    far = np.array([[-1e30], [-1e5], [1e5], [1e30]])
    for part in est.predict(far, return_std=True):
        assert part.dtype == dtype
        assert np.isfinite(part).all()
    assert (part > 0).all()


@pytest.mark.parametrize("loss", [loss for loss in REGRESSOR_LOSSES if loss != "gaussian"])
def test_only_the_gaussian_loss_has_deviations(loss):
    X, y = numbers(loss)
    est = MLPRegressor(loss=loss, **{**SMALL, "max_iter": 2}).fit(X, y)
    with pytest.raises(ValueError, match="return_std=True needs a fit with loss='gaussian'"):
        est.predict(X, return_std=True)


# -- targets that a loss does not take ---------------------------------------------------


@pytest.mark.parametrize(
    ("loss", "params", "bad"),
    [
        ("poisson", {}, -0.5),
        ("gamma", {}, -0.5),
        ("gamma", {}, 0.0),
        ("tweedie", {}, -0.5),
        ("tweedie", {"power": 2}, 0.0),
        ("tweedie", {"power": 3.5}, 0.0),
        ("tweedie", {"power": 1}, -1.0),
    ],
)
def test_targets_that_the_loss_is_not_defined_for_are_refused(loss, params, bad):
    X, y = numbers("gamma")
    est = MLPRegressor(loss=loss, **SMALL, **params)
    wrong = y.copy()
    wrong[3] = bad
    message = f"y has the value {bad:g}, for which the loss {loss.title()}.*range [\\[(]0, inf"
    for train in (est.fit, est.partial_fit):
        with pytest.raises(ValueError, match=message):
            train(X, wrong)
    before = est.fit(X, y).predict(X)
    with pytest.raises(ValueError, match=message):
        est.partial_fit(X, np.where(np.arange(len(y)) == 3, bad, y))
    np.testing.assert_array_equal(est.predict(X), before)


@pytest.mark.parametrize(
    ("params", "low"),
    [({"power": -1}, -3.0), ({"power": 0}, -3.0), ({"power": 1.2}, 0.0), ({"power": 2.5}, 1e-3)],
)
def test_targets_at_the_end_of_the_domain_are_taken(params, low):
    X, y = numbers("gamma")
    y[:20] = low
    est = MLPRegressor(loss="tweedie", **SMALL, **params).fit(X, y)
    assert np.isfinite(est.loss_)
    assert (est.predict(X) > 0).all()


@pytest.mark.parametrize(
    ("params", "positive"),
    [
        ({"loss": "squared_error"}, False),
        ({"loss": "poisson"}, True),
        ({"loss": "gamma"}, True),
        ({"loss": "tweedie"}, True),
        ({"loss": "tweedie", "power": 0}, False),
        ({"loss": "nonsense"}, False),
        ({"loss": "tweedie", "power": "nonsense"}, False),
        ({"loss": Huber()}, False),
    ],
)
def test_tags_tell_of_targets_that_have_to_be_positive(params, positive):
    assert MLPRegressor(**params).__sklearn_tags__().target_tags.positive_only is positive


# -- every loss of the classifier --------------------------------------------------------


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
@classifier_losses
def test_classifier_learns_with_every_loss(loss, kind, dtype):
    X, y = labels(kind)
    X = X.astype(dtype)
    est = MLPClassifier(loss=loss, early_stopping=True, n_iter_no_change=60, **SMALL).fit(X, y)
    predicted = est.predict(X)
    assert predicted.shape == y.shape
    assert predicted.dtype == y.dtype
    assert est.loss_curve_[-1] < est.loss_curve_[0]
    assert est.score(X, y) == np.mean((predicted == y).reshape(len(y), -1).all(axis=1)) > 0.4
    assert {scores.dtype for scores in listed(est.decision_function(X))} == {np.dtype(dtype)}
    loaded = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(loaded.predict(X), predicted)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
def test_focal_loss_with_gamma_zero_is_the_log_loss(kind):
    X, y = labels(kind)
    focal = MLPClassifier(loss="focal", focal_gamma=0, **SMALL).fit(X, y)
    plain = MLPClassifier(**SMALL).fit(X, y)
    np.testing.assert_allclose(focal.loss_curve_, plain.loss_curve_, rtol=1e-9)


def test_focal_loss_is_less_certain_than_the_log_loss():
    X, y = labels("binary", n=400)
    focal, plain = (
        MLPClassifier(loss=loss, random_state=0, **LINEAR).fit(X, y).predict_proba(X)
        for loss in ("focal", "log_loss")
    )
    assert np.abs(focal - 0.5).mean() < np.abs(plain - 0.5).mean()


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.6])
@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
def test_smoothed_labels_pull_the_probabilities_to_equal_ones(kind, smoothing):
    """Without features the probabilities are the shares of the smoothed labels."""
    _, y = labels(kind)
    est = MLPClassifier(label_smoothing=smoothing, alpha=0, tol=1e-9, random_state=0, **LINEAR)
    p = est.fit(np.zeros((len(y), 1)), y).predict_proba(np.zeros((1, 1)))
    if kind == "multilabel":
        expected = (1 - smoothing) * y.mean(axis=0) + smoothing / 2
        np.testing.assert_allclose(p[0], expected, atol=1e-5)
        return
    columns, found = (y.T, p) if kind == "multioutput" else ([y], [p])
    for column, part in zip(columns, found, strict=True):
        shares = np.unique(column, return_counts=True)[1] / len(y)
        expected = (1 - smoothing) * shares + smoothing / len(shares)
        np.testing.assert_allclose(part[0], expected, atol=1e-5)


@pytest.mark.parametrize("loss", [MultinomialLogLoss(), SquaredHinge()])
def test_strata_are_the_classes(loss):
    _, y = labels("multiclass")
    kind = class_target("multiclass", np.unique(y), loss, loss)
    strata = kind.strata(kind.encode(y, np.float64))
    np.testing.assert_array_equal(kind.classes[strata], y)
    columns = class_target("multioutput", [np.unique(y)] * 2, loss, loss)
    assert columns.strata(columns.encode(np.c_[y, y], np.float64)) is None


def test_margins_are_no_probabilities():
    X, y = labels("multiclass")
    est = MLPClassifier(loss="squared_hinge", **{**SMALL, "max_iter": 2})
    for fitted in (est, clone(est).fit(X, y)):
        assert not hasattr(fitted, "predict_proba")
        assert not hasattr(fitted, "predict_log_proba")
        with pytest.raises(AttributeError, match="predict_proba") as caught:
            _ = fitted.predict_proba
        assert "Probabilities are not available for loss='squared_hinge'" in str(
            caught.value.__cause__
        )
        assert hasattr(fitted, "decision_function")


def test_probabilities_depend_on_the_fit_not_on_the_parameter():
    X, y = labels("multiclass")
    est = MLPClassifier(**{**SMALL, "max_iter": 2}).fit(X, y)
    expected = est.predict_proba(X)
    np.testing.assert_array_equal(est.set_params(loss="squared_hinge").predict_proba(X), expected)
    assert not hasattr(MLPClassifier(loss="squared_hinge"), "predict_proba")
    assert hasattr(MLPClassifier(loss="nonsense"), "predict_proba")
    assert hasattr(MLPClassifier(loss=3), "predict_proba")


# -- several columns of classes ----------------------------------------------------------


def columns(dtype, n=120, seed=0):
    """Return X and three columns of labels that can be learnt, one with a single class."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, 3))
    codes = np.c_[np.digitize(X[:, 0], [-0.5, 0.5]), X[:, 1] > 0, np.zeros(n)].astype(int)
    if np.dtype(dtype).kind in "OU":
        return X, np.array(["red", "green", "blue"], dtype)[codes]
    return X, (codes + 3).astype(dtype)


@pytest.mark.parametrize("dtype", [int, np.int8, float, str, object])
@classifier_losses
def test_columns_of_classes_come_in_every_type(loss, dtype):
    X, y = columns(dtype)
    est = MLPClassifier(loss=loss, **{**SMALL, "max_iter": 150}).fit(X, y)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    assert isinstance(est.classes_, list)
    for ours, theirs in zip(est.classes_, forest.classes_, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    predicted = est.predict(X)
    assert predicted.shape == y.shape
    assert predicted.dtype == (y.astype(str).dtype if dtype is object else y.dtype)
    assert (predicted == y).mean() > 0.9
    assert est.n_outputs_ == 6
    assert est.score(X, y) == pytest.approx((predicted == y).all(axis=1).mean())


def test_predictions_are_lists_as_those_of_a_forest():
    X, y = columns(str)
    est = MLPClassifier(**SMALL).fit(X, y)
    forest = RandomForestClassifier(5, random_state=0).fit(X, y)
    for ours, theirs in zip(est.predict_proba(X), forest.predict_proba(X), strict=True):
        assert ours.shape == theirs.shape
        np.testing.assert_allclose(ours.sum(axis=1), 1, rtol=1e-12)
    triples = zip(
        est.predict_proba(X), est.predict_log_proba(X), est.decision_function(X), strict=True
    )
    for j, (p, log_p, scores) in enumerate(triples):
        np.testing.assert_allclose(np.log(p), log_p, rtol=1e-9, atol=1e-12)
        assert scores.shape == p.shape
        np.testing.assert_array_equal(est.classes_[j][p.argmax(axis=1)], est.predict(X)[:, j])


def test_score_of_columns_is_that_of_the_multi_output_classifier():
    X, y = columns(int)
    y = y[:, :2]
    est = MLPClassifier(**{**SMALL, "max_iter": 10}).fit(X, y)
    many = MultiOutputClassifier(MLPClassifier(**{**SMALL, "max_iter": 10})).fit(X, y)
    many.estimators_ = [_Column(est, j) for j in range(2)]
    assert est.score(X, y) == many.score(X, y)
    weight = np.random.RandomState(0).rand(len(X))
    right = (est.predict(X) == y).all(axis=1)
    assert est.score(X, y, weight) == pytest.approx(weight[right].sum() / weight.sum())


class _Column:
    """One column of a classifier's predictions."""

    def __init__(self, est, j):
        self._est, self._j = est, j

    def predict(self, X):
        return self._est.predict(X)[:, self._j]


@pytest.mark.parametrize("loss", ["log_loss", "squared_hinge"])
def test_columns_of_a_linear_model_are_learnt_as_if_alone(loss):
    """Without hidden layers nothing is shared, and losses and penalties are sums."""
    X, y = columns(int, n=200)
    y = np.c_[y[:, 0], (y[:, 0] + 2 * y[:, 1]) % 3]
    params = {"loss": loss, "alpha": 5.0, "tol": 1e-9, "random_state": 0, **LINEAR}
    together = MLPClassifier(**params).fit(X, y)
    for j, scores in enumerate(together.decision_function(X)):
        alone = MLPClassifier(**params).fit(X, y[:, j]).decision_function(X)
        shift = np.mean(scores - alone, axis=1, keepdims=True) if loss == "log_loss" else 0
        np.testing.assert_allclose(scores - shift, alone, rtol=1e-3, atol=1e-3)


@classifier_losses
def test_columns_are_learnt_batch_by_batch(loss):
    X, y = columns(str)
    classes = [np.unique(column) for column in y.T]
    params = {"loss": loss, "shuffle": False, "batch_size": 40, **SMALL}
    whole = MLPClassifier(**{**params, "max_iter": 3}).fit(X, y)
    parts = MLPClassifier(**params)
    for _ in range(3):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, y, classes=classes)))
    np.testing.assert_array_equal(parts.predict(X), whole.predict(X))
    few = y[:, 1] == y[0, 1]  # a batch without some of the classes
    parts.partial_fit(X[few], y[few]).partial_fit(X[:1], y[:1], classes=[list(c) for c in classes])
    for known, expected in zip(parts.classes_, classes, strict=True):
        np.testing.assert_array_equal(known, expected)


def test_nested_classes_make_columns_of_an_indicator_matrix():
    X, y = labels("multilabel")
    est = MLPClassifier(**SMALL).partial_fit(X, y, classes=[[0, 1, 2], [0, 1], [0, 1]])
    assert [len(c) for c in est.classes_] == [3, 2, 2]
    assert [p.shape[1] for p in est.predict_proba(X)] == [3, 2, 2]
    flat = MLPClassifier(**SMALL).partial_fit(X, y, classes=[0, 1, 2])
    assert flat.predict_proba(X).shape == (len(X), 3)


@pytest.mark.parametrize(
    ("classes", "message"),
    [
        ([[3, 4], [3, 4], [3]], "`y` has classes not in"),
        ([[3, 4, 5], [3, 4]], "y must have 2 columns of classes"),
        ([[3, 4, 5], [3, 4], [3], [3]], "y must have 4 columns of classes"),
        ([["a", "b"], [3, 4], [3]], "`y` has classes not in"),
        ([3, 4, 5], "classes=.* not the same as"),
    ],
)
def test_classes_that_do_not_fit_the_columns_are_refused(classes, message):
    X, y = columns(int)
    est = MLPClassifier(**SMALL)
    with pytest.raises(ValueError, match=message):
        est.partial_fit(X, y, classes=classes)
    est.fit(X, y)
    before = est.predict(X)
    with pytest.raises(ValueError, match=r"classes=.* not the same as on last call"):
        est.partial_fit(X, y, classes=classes)
    np.testing.assert_array_equal(est.predict(X), before)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda y: y[:, 0],
        lambda y: y[:, :2],
        lambda y: np.c_[y, y],
        lambda y: y + 1,
        lambda y: (y > 3).astype(int),
        lambda y: y.astype(str),
    ],
)
def test_other_columns_are_refused_later(spoil):
    X, y = columns(int)
    est = MLPClassifier(warm_start=True, **SMALL).fit(X, y)
    for train in (est.fit, est.partial_fit):
        with pytest.raises(ValueError, match=r"y must have 3 columns|`y` has classes not in"):
            train(X, spoil(y))


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (lambda y: y + 0.5, "Unknown label type: continuous-multioutput"),
        (lambda y: np.where(y == y[0], np.nan, y), "y contains NaN"),
        (lambda y: np.where(y == y[0], None, y), "labels of several types"),
        (lambda y: np.array([[1, "a", 0]] * len(y), dtype=object), "nknown label type|several"),
    ],
)
def test_columns_that_are_no_classes_are_refused(y, message):
    X, good = columns(int)
    with pytest.raises(ValueError, match=message):
        MLPClassifier(**SMALL).fit(X, y(good))


def test_columns_take_sparse_rows_and_weights():
    X, y = columns(int)
    X[abs(X) < 0.5] = 0
    weight = np.random.RandomState(0).randint(0, 3, len(X)).astype(float)
    est = MLPClassifier(**{**SMALL, "batch_size": 1000, "max_iter": 10})
    dense = clone(est).fit(X, y, weight)
    sparse = clone(est).fit(sp.csr_array(X), y, weight)
    np.testing.assert_allclose(sparse.loss_curve_, dense.loss_curve_, rtol=1e-9)
    kept = np.repeat(np.arange(len(X)), weight.astype(int))
    repeated = clone(est).fit(X[kept], y[kept])
    np.testing.assert_allclose(repeated.loss_curve_, dense.loss_curve_, rtol=1e-6)


def test_weights_of_classes_count_in_each_column():
    X, y = columns(int)
    weights = [{3: 2.0}] * 3
    est = MLPClassifier(class_weight=weights, **{**SMALL, "max_iter": 5}).fit(X, y)
    weight = 2.0 ** (y == 3).sum(axis=1)
    other = MLPClassifier(**{**SMALL, "max_iter": 5}).fit(X, y, weight)
    np.testing.assert_allclose(est.loss_curve_, other.loss_curve_, rtol=1e-12)


def test_frames_of_columns_are_read():
    pandas = pytest.importorskip("pandas")
    X, y = columns(str)
    est = MLPClassifier(**SMALL).fit(X, pandas.DataFrame(y, columns=list("pqr")))
    np.testing.assert_array_equal(est.predict(X), MLPClassifier(**SMALL).fit(X, y).predict(X))


def test_damaged_columns_are_refused():
    X, y = columns(int)
    est = MLPClassifier(**{**SMALL, "max_iter": 2}).fit(X, y)
    for damage in (
        lambda state: state["classes_"].pop(),
        lambda state: state["_architecture"].update(target="multilabel"),
        lambda state: state["_architecture"].update(target="nonsense"),
        lambda state: state["_architecture"].update(loss="nonsense"),
        lambda state: state["_architecture"].update(label_smoothing=2.0),
        lambda state: state["_architecture"].pop("loss"),
    ):
        state = copy.deepcopy(est.__getstate__())
        damage(state)
        with pytest.raises(ValueError, match=r"saved|fit into"):
            MLPClassifier.__new__(MLPClassifier).__setstate__(state)


# -- missing targets ---------------------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
def test_known_numbers_alone_are_fitted(weighted):
    """A linear model without penalty: each column is the regression on its known rows."""
    X, y = numbers(n_targets=3)
    y = holes(y)
    weight = np.random.RandomState(1).rand(len(X)) if weighted else None
    est = MLPRegressor(alpha=0, tol=1e-10, random_state=0, **LINEAR).fit(X, y, weight)
    for j in range(3):
        known = ~np.isnan(y[:, j])
        alone = LinearRegression().fit(
            X[known], y[known, j], None if weight is None else weight[known]
        )
        np.testing.assert_allclose(est.coefs_[0][:, j], alone.coef_, rtol=1e-4, atol=1e-5)


def test_known_labels_alone_are_fitted():
    X, y = labels("multilabel")
    y = holes(y)
    params = {"alpha": 0, "tol": 1e-9, "random_state": 0, **LINEAR}
    X = X + 2 * np.random.RandomState(5).normal(size=X.shape)  # not to be separable
    est = MLPClassifier(**params).fit(X, y)
    for j in range(3):
        known = ~np.isnan(y[:, j])
        alone = MLPClassifier(**params).fit(X[known], y[known, j])
        np.testing.assert_allclose(
            est.decision_function(X)[:, j], alone.decision_function(X), rtol=1e-2, atol=1e-3
        )


@pytest.mark.parametrize("batch_size", [20, 1000])
@pytest.mark.parametrize("early_stopping", [False, True])
@regressor_losses
def test_value_of_what_is_missing_does_not_matter(loss, early_stopping, batch_size):
    """Weighting a row to nothing is the same as not knowing any of its numbers."""
    X, y = numbers(loss, n_targets=2)
    lost = np.arange(len(X)) % 4 == 1
    unknown = np.where(lost[:, None], np.nan, y)
    params = {**SMALL, "max_iter": 8, "batch_size": batch_size, "shuffle": False, "alpha": 0.0}
    est = MLPRegressor(loss=loss, early_stopping=early_stopping, **params).fit(X, unknown)
    assert np.isfinite(est.loss_curve_).all()
    if early_stopping:
        assert np.isfinite(est.validation_scores_).all()
        return
    twin = clone(est).set_params(batch_size=1000).fit(X, y, 1.0 - lost)
    if batch_size == 1000:
        share = 1 - lost.mean()
        np.testing.assert_allclose(est.loss_curve_[0], share * twin.loss_curve_[0], rtol=1e-9)


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_known_targets_in_a_float_matrix_change_nothing(task):
    X, y = numbers(n_targets=2) if task == "regression" else labels("multilabel")
    cls = MLPRegressor if task == "regression" else MLPClassifier
    full = cls(**SMALL).fit(X, y)
    np.testing.assert_array_equal(cls(**SMALL).fit(X, y.astype(float)).predict(X), full.predict(X))
    once = full.partial_fit(X, holes(y.astype(float)))
    assert np.isfinite(once.loss_)


def test_score_leaves_out_what_is_missing():
    X, y = numbers(n_targets=3)
    est = MLPRegressor(**SMALL).fit(X, y)
    weight = np.random.RandomState(0).rand(len(X))
    lacking, predicted = holes(y), est.predict(X)
    for w in (None, weight):
        parts = []
        for j in range(3):
            known = ~np.isnan(lacking[:, j])
            own = None if w is None else w[known]
            parts.append(r2_score(y[known, j], predicted[known, j], sample_weight=own))
        assert est.score(X, lacking, w) == pytest.approx(np.mean(parts), rel=1e-12)
    assert est.score(X, y, weight) == r2_score(y, predicted, sample_weight=weight)
    lacking[:, 1] = np.nan
    assert np.isfinite(est.score(X, lacking))


def test_accuracy_leaves_out_what_is_missing():
    X, y = labels("multilabel")
    est = MLPClassifier(**SMALL).fit(X, y)
    lacking = holes(y)
    lacking[5] = np.nan
    predicted = est.predict(X)
    right = [(p == t)[~np.isnan(t)].all() for p, t in zip(predicted, lacking, strict=True)]
    known = ~np.isnan(lacking).all(axis=1)
    assert est.score(X, lacking) == pytest.approx(np.mean(np.array(right)[known]))
    weight = np.random.RandomState(0).rand(len(X)) * known
    assert est.score(X, lacking, weight) == pytest.approx(np.average(right, weights=weight))


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_held_out_rows_are_scored_where_they_are_known(task):
    X, y = numbers(n_targets=3) if task == "regression" else labels("multilabel")
    cls = MLPRegressor if task == "regression" else MLPClassifier
    est = cls(early_stopping=True, validation_fraction=0.3, **SMALL).fit(X, holes(y))
    assert np.isfinite(est.validation_scores_).all()
    assert est.best_validation_score_ > 0.2


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_held_out_rows_of_which_nothing_is_known_are_not_watched(task):
    X, y = numbers(n_targets=3, n=10) if task == "regression" else labels("multilabel", n=10)
    cls = MLPRegressor if task == "regression" else MLPClassifier
    y = y.astype(float)
    y[1:] = np.nan
    est = cls(early_stopping=True, validation_fraction=0.5, **{**SMALL, "max_iter": 3})
    with pytest.warns(UserWarning, match="The validation set has all of the weight or none"):
        est.fit(X, y)
    assert est.validation_scores_ is None


@pytest.mark.parametrize("task", ["regression", "multilabel"])
def test_a_column_without_values_is_refused(task):
    X, y = numbers(n_targets=3) if task == "regression" else labels("multilabel")
    cls = MLPRegressor if task == "regression" else MLPClassifier
    y = y.astype(float)
    y[:, 1] = np.nan
    est = cls(**{**SMALL, "max_iter": 2})
    with pytest.raises(ValueError, match=r"y has no value in column\(s\) \[1\]"):
        est.fit(X, y)
    first = {"classes": [0, 1, 2]} if cls is MLPClassifier else {}
    est.partial_fit(X, y, **first)  # later rows may have some
    with pytest.raises(ValueError, match="y has no value: all of it is NaN"):
        est.partial_fit(X, np.full(y.shape, np.nan))


def test_numbers_of_one_target_cannot_be_missing():
    X, y = numbers()
    y[3] = np.nan
    for shape in (y, y[:, None]):
        with pytest.raises(ValueError, match="y contains NaN"):
            MLPRegressor(**SMALL).fit(X, shape)


@pytest.mark.parametrize("loss", ["gamma", "quantile", "gaussian"])
def test_missing_numbers_with_several_scores_a_target(loss):
    X, y = numbers(loss, n_targets=2)
    quantile = [0.2, 0.8] if loss == "quantile" else 0.5
    est = MLPRegressor(loss=loss, quantile=quantile, **SMALL).fit(X, holes(y))
    assert est.loss_curve_[-1] < est.loss_curve_[0]
    assert np.isfinite(est.score(X, holes(y)))


def test_missing_numbers_come_in_frames():
    pandas = pytest.importorskip("pandas")
    X, y = numbers(n_targets=2)
    y = holes(y)
    expected = MLPRegressor(**SMALL).fit(X, y).predict(X)
    frame = pandas.DataFrame(y)
    for container in (frame, frame.astype("Float64"), y.tolist()):
        np.testing.assert_array_equal(MLPRegressor(**SMALL).fit(X, container).predict(X), expected)
    assert MLPRegressor(**SMALL).fit(X, frame).score(X, frame) > 0.2


# -- losses of one's own -----------------------------------------------------------------


class Expectile(ElementwiseLoss):
    """ℓ = |τ - (r > 0)| r² with r = z - y."""

    link = "identity"

    def __init__(self, level=0.5):
        self.level = level

    def terms(self, raw, y, grad, out, scratch):
        np.subtract(raw, y, out=grad)
        factor = np.where(grad > 0, 1 - self.level, self.level)
        np.multiply(grad, grad, out=out)
        np.multiply(out, factor, out=out)
        np.multiply(grad, 2 * factor, out=grad)

    def inverse_link(self, raw):
        return raw


class Margin(ElementwiseLoss):
    """ℓ = log(1 + exp(-s z)), one class against the rest."""

    link = "logistic"

    def terms(self, raw, y, grad, out, scratch):
        sign = 2 * y - 1
        out[...] = -log_expit(sign * raw)
        grad[...] = -sign * expit(-sign * raw)

    def inverse_link(self, raw):
        raw[...] = expit(raw)
        return raw


class Plain:
    """A loss that is no subclass: it hands everything on to another."""

    def __init__(self, other):
        self.other = other
        self.link, self.coded, self.domain = other.link, other.coded, other.domain
        self.constraints = {}

    def __call__(self, raw, y, weight, grad, scratch):
        return self.other(raw, y, weight, grad, scratch)

    def n_raw(self, n_targets):
        return self.other.n_raw(n_targets)

    def masked(self):
        return self.other.masked()

    def buffers(self, n_outputs):
        return self.other.buffers(n_outputs)

    def rows(self, raw, y, grad, scratch):
        return self.other.rows(raw, y, grad, scratch)

    def inverse_link(self, raw):
        return self.other.inverse_link(raw)


@pytest.mark.parametrize("level", [0.2, 0.5, 0.9])
def test_a_loss_of_ones_own_is_made_small(level):
    _, y = numbers()
    est, x = best_constant(Expectile(level), y, random_state=0)
    rho = lambda c: (np.where(c > y, 1 - level, level) * (c - y) ** 2).sum()
    assert est.predict(x)[0] == pytest.approx(minimize_scalar(rho, (-1, 1)).x, abs=1e-4)


@pytest.mark.parametrize("make", [SquaredError, lambda: Plain(SquaredError())])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_an_object_does_what_its_name_does(make, n_targets):
    X, y = numbers(n_targets=n_targets)
    named = MLPRegressor(**SMALL).fit(X, y)
    given = MLPRegressor(loss=make(), **SMALL).fit(X, y)
    np.testing.assert_array_equal(given.predict(X), named.predict(X))
    assert given.out_activation_ == "identity"
    if n_targets == 2:
        assert np.isfinite(given.fit(X, holes(y)).loss_)


def test_objects_have_parameters_of_their_own():
    X, y = numbers()
    given = MLPRegressor(loss=Huber(0.3), huber_epsilon=9.0, **SMALL).fit(X, y)
    named = MLPRegressor(loss="huber", huber_epsilon=0.3, **SMALL).fit(X, y)
    np.testing.assert_array_equal(given.predict(X), named.predict(X))


@pytest.mark.parametrize("loss", [Expectile(0.3), Quantile([0.2, 0.7]), Plain(Huber())])
def test_objects_are_copied_never_changed(loss):
    X, y = numbers()
    before = copy.deepcopy(vars(loss))
    est = MLPRegressor(loss=loss, warm_start=True, **{**SMALL, "max_iter": 3}).fit(X, y)
    est.fit(X, y).partial_fit(X, y)
    assert est.loss is loss
    assert vars(loss).keys() == before.keys()
    predicted = est.predict(X)
    loaded = pickle.loads(pickle.dumps(est))
    np.testing.assert_array_equal(loaded.predict(X), predicted)
    loaded.partial_fit(X, y)
    fresh = clone(est)
    assert fresh.loss is not loss
    fresh.fit(X, y)
    for name in vars(loss):
        setattr(loss, name, None)
    np.testing.assert_array_equal(est.predict(X), predicted)
    vars(loss).update(before)


@pytest.mark.parametrize(
    ("loss", "other"),
    [
        (Expectile(0.3), Expectile(0.4)),
        (Expectile(0.3), SquaredError()),
        (Expectile(0.3), "squared_error"),
        ("squared_error", Expectile(0.3)),
        (Quantile([0.2, 0.7]), Quantile([0.2, 0.8])),
        (Quantile([0.2, 0.7]), Quantile([0.2, 0.5, 0.7])),
    ],
)
def test_another_loss_is_refused_for_a_fitted_net(loss, other):
    X, y = numbers()
    est = MLPRegressor(loss=loss, warm_start=True, **{**SMALL, "max_iter": 3}).fit(X, y)
    est.set_params(loss=copy.deepcopy(loss)).fit(X, y)
    est.set_params(loss=other)
    for train in (est.fit, est.partial_fit):
        with pytest.raises(ValueError, match=r"loss=.* does not match the fitted network"):
            train(X, y)


@pytest.mark.parametrize(
    ("cls", "loss", "name", "value"),
    [
        (MLPRegressor, "huber", "huber_epsilon", 2.0),
        (MLPRegressor, "quantile", "quantile", [0.1, 0.9]),
        (MLPRegressor, "tweedie", "power", 1.2),
        (MLPClassifier, "log_loss", "label_smoothing", 0.1),
        (MLPClassifier, "focal", "focal_gamma", 1.0),
    ],
)
def test_parameters_of_the_loss_are_frozen_with_it_and_others_are_not(cls, loss, name, value):
    X, y = numbers("tweedie") if cls is MLPRegressor else labels("binary")
    est = cls(loss=loss, warm_start=True, **{**SMALL, "max_iter": 2}).fit(X, y)
    others = {"huber_epsilon", "quantile", "power", "label_smoothing", "focal_gamma"} - {name}
    changes = {"huber_epsilon": 3.0, "quantile": 0.1, "power": 3.0}
    changes |= {"label_smoothing": 0.3, "focal_gamma": 3.0}
    kept = {other: changes[other] for other in others if other in est.get_params()}
    est.set_params(**kept).fit(X, y)
    est.set_params(**{name: value})
    with pytest.raises(ValueError, match=f"{name}=.* does not match the fitted network"):
        est.partial_fit(X, y)


def test_grids_go_over_names_parameters_and_objects():
    X, y = numbers()
    grid = [
        {"loss": [Expectile(0.1), Expectile(0.5), "squared_error"]},
        {"loss": ["huber"], "huber_epsilon": [0.1, 1.0]},
    ]
    search = GridSearchCV(MLPRegressor(**{**SMALL, "max_iter": 20}), grid, cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_params_ != {"loss": grid[0]["loss"][0]}


@pytest.mark.parametrize(
    "loss",
    [SquaredError, Loss, object(), lambda y, z: 0.0, None, 3, "mse", np.zeros(3), ["huber"]],
)
@pytest.mark.parametrize("cls", [MLPClassifier, MLPRegressor])
def test_what_is_no_loss_is_refused(cls, loss):
    X, y = labels("binary") if cls is MLPClassifier else numbers()
    with pytest.raises(ValueError, match=r"'loss' parameter.*methods of skmlp.losses.Loss"):
        cls(loss=loss).fit(X, y)


def test_an_object_that_lacks_a_method_is_refused():
    class Lacking(Plain):
        masked = property()

    X, y = numbers()
    with pytest.raises(ValueError, match="'loss' parameter"):
        MLPRegressor(loss=Lacking(SquaredError())).fit(X, y)


@pytest.mark.parametrize("loss", [Quantile([0.9, 0.1]), Quantile(2.0), Huber(-1.0), Tweedie(0.5)])
def test_an_object_with_parameters_that_are_not_allowed_is_refused(loss):
    X, y = numbers("gamma")
    est = MLPRegressor(loss=loss)
    assert est.__sklearn_tags__().target_tags.positive_only is False
    with pytest.raises(ValueError, match=r"'loss' parameter.*Got (Quantile|Huber|Tweedie)\("):
        est.fit(X, y)


def test_losses_of_codes_and_losses_of_numbers_do_not_mix():
    X, y = numbers()
    with pytest.raises(ValueError, match="MultinomialLogLoss takes class codes, not numbers"):
        MLPRegressor(loss=MultinomialLogLoss()).fit(X, y)
    X, y = labels("multilabel")
    with pytest.raises(ValueError, match="MultinomialLogLoss takes class codes"):
        MLPClassifier(loss=MultinomialLogLoss()).fit(X, y)


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multioutput"])
def test_a_loss_of_codes_is_taken_for_classes(kind):
    X, y = labels(kind)
    est = MLPClassifier(loss=MultinomialLogLoss(0.1), **SMALL).fit(X, y)
    assert est.score(X, y) > 0.6
    assert est.out_activation_ == "softmax"
    for p in listed(est.predict_proba(X)):
        np.testing.assert_allclose(p.sum(axis=1), 1, rtol=1e-12)
    if kind != "binary":
        named = MLPClassifier(label_smoothing=0.1, **SMALL).fit(X, y)
        np.testing.assert_array_equal(named.predict(X), est.predict(X))


@pytest.mark.parametrize("kind", ["binary", "multiclass", "multilabel", "multioutput"])
def test_a_loss_of_yes_or_no_is_taken_for_classes(kind):
    X, y = labels(kind)
    est = MLPClassifier(loss=Margin(), **SMALL).fit(X, y)
    assert est.score(X, y) > 0.5
    p, log_p = listed(est.predict_proba(X)), listed(est.predict_log_proba(X))
    for part, logs in zip(p, log_p, strict=True):
        np.testing.assert_allclose(np.log(part), logs, rtol=1e-6, atol=1e-9)
        if kind != "multilabel":
            np.testing.assert_allclose(part.sum(axis=1), 1, rtol=1e-9)
    if kind in ("binary", "multilabel"):
        named = MLPClassifier(**SMALL).fit(X, y)
        np.testing.assert_allclose(est.loss_curve_, named.loss_curve_, rtol=1e-9)


@pytest.mark.parametrize(
    "y", [[0, 1], [1, 1], [0.0, 1.0], [False, True]], ids=["int", "one", "float", "bool"]
)
def test_columns_of_zeros_and_ones_are_labels(y):
    X = np.random.RandomState(0).normal(size=(20, 2))
    est = MLPClassifier(**{**SMALL, "max_iter": 2}).fit(X, np.array([y, y[::-1]] * 10))
    np.testing.assert_array_equal(est.classes_, [0, 1])
    assert est.predict_proba(X).shape == (20, 2)


def test_a_copy_of_the_loss_is_what_is_frozen():
    """The textbook's optimum, found by SciPy, of a loss that is changed after the fit."""
    _, y = numbers()
    loss = Expectile(0.8)
    est, x = best_constant(loss, y, random_state=0)
    expected = minimize(lambda c: (np.where(c > y, 0.2, 0.8) * (c - y) ** 2).sum(), [0.0]).x
    loss.level = 0.1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        np.testing.assert_allclose(est.predict(x), expected, atol=1e-4)
