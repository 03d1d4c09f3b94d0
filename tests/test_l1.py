"""The L1 penalty: the prox is the argmin, zeros are exact, solutions are scikit-learn's."""

import warnings

import numpy as np
import pytest
from sklearn.datasets import make_classification, make_regression
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import ElasticNet, LogisticRegression

from skmlp import MLPClassifier, MLPRegressor
from skmlp.estimators.training.solving import build_penalties
from skmlp.optimizers import OPTIMIZERS
from skmlp.optimizers.base import Optimizer
from skmlp.penalties import L2
from skmlp.solvers import lbfgs

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: A learning rate at which full-batch training on standardised data gets near the minimum.
RATES = {"sgd": 0.05, "lion": 0.001, "adadelta": 1.0, "adagrad": 0.3}

#: What is left of the error after 1500 steps: some go on taking steps of one length.
ERRORS = {"lion": 0.05, "rmsprop": 0.02, "adadelta": 0.01, "schedulefree": 0.01}

#: How the optimum is reached to many digits.
TIGHT = {"solver": "lbfgs", "tol": 1e-9, "max_iter": 5000, "max_fun": 50_000}


def regression(n=200, n_features=30):
    """Return data of which a few features matter."""
    X, y = make_regression(n, n_features, n_informative=6, noise=5.0, random_state=0)
    return X, y / y.std()


def classes(n_classes=2):
    """Return labelled data of which some features matter."""
    return make_classification(
        300, 20, n_informative=6, n_redundant=0, n_classes=n_classes, random_state=0
    )


def full_batch(solver, n, **options):
    """Return settings for many steps on all rows."""
    long = {"tol": 0.0, "n_iter_no_change": 10**9, "max_iter": 1500, "shuffle": False}
    rate = RATES.get(solver, 0.01)
    return {
        "solver": solver, "batch_size": n, "learning_rate_init": rate, **long, **options,
    }  # fmt: skip


def weights(model):
    """Return all weights of a fitted model."""
    return np.concatenate([coef.ravel() for coef in model.coefs_])


# -- the prox --------------------------------------------------------------------------


@pytest.mark.parametrize("strength", [1e-3, 0.1, 2.0])
@pytest.mark.parametrize(
    "name", [n for n, kind in OPTIMIZERS.items() if kind.shrink is Optimizer.shrink]
)
def test_prox_is_the_argmin_on_a_grid(name, strength):
    """Of ½ (u - w)² / d + strength · |u|, with the rates d of the step before."""
    rng, optimizer, n = np.random.RandomState(0), OPTIMIZERS[name](), 40
    params, grads = rng.normal(scale=0.1, size=(2, n))
    optimizer.bind(params, grads)
    for _ in range(3):
        grads[:] = rng.normal(size=n)
        optimizer.step(0.05)
    w, d = params.copy(), np.empty(n)
    optimizer.rates_of(slice(0, n), d)
    slots = optimizer.state()
    optimizer.shrink(
        strength, np.empty(n), params, grads, *(slots[slot] for slot in optimizer.slots)
    )
    grid = np.linspace(-1.0, 1.0, 2001)
    reach = np.abs(w).max()
    values = (reach * grid[:, None] - w) ** 2 / (2 * d) + strength * np.abs(reach * grid)[:, None]
    np.testing.assert_allclose(params, reach * grid[values.argmin(axis=0)], atol=reach / 1000)
    assert np.array_equal(params == 0, np.abs(w) <= strength * d)


# -- zeros -----------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", ["lbfgs", *OPTIMIZERS])
def test_zeros_are_exact_and_biases_and_norms_are_spared(solver, dtype):
    X, y = classes(3)
    settings = full_batch(solver, len(X), max_iter=250) if solver in OPTIMIZERS else TIGHT
    model = MLPClassifier((12,), "tanh", batch_norm=True, alpha=6.0, l1_ratio=1.0, random_state=0)
    model.set_params(**{**settings, "max_iter": 250}, dtype=dtype).fit(X, y)
    assert 0.1 < np.mean(weights(model) == 0) < 1.0
    assert all(bias.all() for bias in model.intercepts_[1:])
    (norm,) = model.layer_params_
    assert norm["gamma"].all()
    assert norm["beta"].all()
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("average", [True, 0.9])
def test_zeros_of_averaged_weights_are_exact(average):
    X, y = classes()
    model = MLPClassifier((10,), alpha=20.0, l1_ratio=1.0, average=average, max_iter=60)
    assert 0.2 < np.mean(weights(model.fit(X, y)) == 0) < 1.0


@pytest.mark.parametrize("solver", ["sgd", "adam", "adagrad", "rmsprop"])
def test_small_batches_leave_zeros_too(solver):
    """The penalty is divided by the rows of the batch."""
    X, y = regression()
    model = MLPRegressor((), solver=solver, alpha=0.2 * 20, l1_ratio=1.0, batch_size=20)
    model.set_params(learning_rate_init=RATES.get(solver, 0.01) / 5, max_iter=300, random_state=0)
    zero = model.fit(X, y).coefs_[0][:, 0] == 0
    informative = ElasticNet(alpha=0.2, l1_ratio=1.0).fit(X, y).coef_ != 0
    assert zero.sum() >= 15
    assert not (zero & informative).any()
    assert model.score(X, y) > 0.5


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_warm_start_keeps_zeros(solver):
    X, y = regression()
    settings = full_batch(solver, len(X)) if solver in OPTIMIZERS else TIGHT
    model = MLPRegressor((), alpha=20.0, l1_ratio=0.9, warm_start=True, random_state=0)
    before = model.set_params(**settings).fit(X, y).coefs_[0].copy()
    after = model.set_params(max_iter=5).fit(X, y).coefs_[0]
    assert (before == 0).sum() >= 15
    assert np.array_equal(before == 0, after == 0)
    np.testing.assert_allclose(after, before, atol=1e-6)


def test_a_strong_penalty_leaves_biases_alone():
    X, y = regression()
    for solver in ("lbfgs", "adam"):
        settings = full_batch(solver, len(X)) if solver in OPTIMIZERS else TIGHT
        model = MLPRegressor((5,), alpha=1e5, l1_ratio=1.0, random_state=0, **settings).fit(X, y)
        assert not weights(model).any()
        np.testing.assert_allclose(model.predict(X), y.mean(), atol=1e-3)


# -- the minimum of linear models ------------------------------------------------------


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("l1_ratio", [1.0, 0.5])
@pytest.mark.parametrize("alpha", [0.01, 0.1])
def test_lbfgs_finds_the_elastic_net(alpha, l1_ratio, weighted):
    X, y = regression()
    weight = np.random.RandomState(0).uniform(0.1, 3, len(X)) if weighted else None
    total = len(X) if weight is None else weight.sum()
    peer = ElasticNet(alpha=alpha, l1_ratio=l1_ratio, tol=1e-14, max_iter=10**6)
    peer.fit(X, y, weight)
    model = MLPRegressor((), alpha=alpha * total, l1_ratio=l1_ratio, random_state=0, **TIGHT)
    coef = model.fit(X, y, weight).coefs_[0][:, 0]
    assert np.array_equal(coef == 0, peer.coef_ == 0)
    np.testing.assert_allclose(coef, peer.coef_, atol=1e-6)
    np.testing.assert_allclose(model.intercepts_[0], peer.intercept_, atol=1e-6)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize(("C", "l1_ratio"), [(0.05, 1.0), (0.2, 1.0), (0.05, 0.5)])
def test_lbfgs_finds_the_logistic_regression(C, l1_ratio, n_classes):
    X, y = classes(n_classes)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        peer = LogisticRegression(
            penalty="elasticnet", C=C, l1_ratio=l1_ratio, solver="saga", tol=1e-9, max_iter=10**5
        ).fit(X, y)
    model = MLPClassifier((), alpha=1 / C, l1_ratio=l1_ratio, random_state=0, **TIGHT).fit(X, y)
    coef = model.coefs_[0].T
    assert np.count_nonzero(coef == 0) > 0
    assert np.array_equal(coef == 0, peer.coef_ == 0)
    np.testing.assert_allclose(coef, peer.coef_, atol=2e-6)
    np.testing.assert_allclose(model.predict_proba(X), peer.predict_proba(X), atol=1e-6)


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_every_optimizer_finds_the_elastic_net(solver):
    X, y = regression()
    peer = ElasticNet(alpha=0.05, l1_ratio=0.9, tol=1e-12, max_iter=10**6).fit(X, y)
    settings = full_batch(solver, len(X), alpha=0.05 * len(X), l1_ratio=0.9)
    model = MLPRegressor((), random_state=0, weight_decay=0.0, **settings).fit(X, y)
    coef = model.coefs_[0][:, 0]
    assert np.array_equal(coef == 0, peer.coef_ == 0)
    np.testing.assert_allclose(coef, peer.coef_, atol=ERRORS.get(solver, 1e-3))
    np.testing.assert_allclose(model.intercepts_[0], peer.intercept_, atol=1e-2)


# -- the minimum of a network ----------------------------------------------------------


def slopes(model, X, y):
    """Return the gradient of the mean log-loss of a binary tanh network, weights first."""
    (W, V), (b, c) = model.coefs_, model.intercepts_
    hidden = np.tanh(X @ W + b)
    d = (1 / (1 + np.exp(-(hidden @ V + c))) - y[:, None]) / len(X)
    dz = (d @ V.T) * (1 - hidden**2)
    return [X.T @ dz, hidden.T @ d], [dz.sum(axis=0), d.sum(axis=0)]


@pytest.mark.parametrize("l1_ratio", [1.0, 0.7])
def test_lbfgs_ends_where_the_conditions_of_optimality_hold(l1_ratio):
    """g + a₂ w = -a₁ sign(w) where w is not zero, and |g| <= a₁ where it is."""
    X, y = classes()
    tol = 1e-5
    model = MLPClassifier((8,), "tanh", alpha=2.0, l1_ratio=l1_ratio, random_state=0)
    model.set_params(solver="lbfgs", tol=tol, max_iter=5000, max_fun=50_000).fit(X, y)
    a1, a2 = (model.alpha * share / len(X) for share in (l1_ratio, 1 - l1_ratio))
    by_weight, by_bias = slopes(model, X, y)
    for w, g in zip(model.coefs_, by_weight, strict=True):
        zero = w == 0
        assert zero.any()
        assert (np.abs(g[zero]) <= a1 + tol).all()
        np.testing.assert_allclose((g + a2 * w + a1 * np.sign(w))[~zero], 0, atol=2 * tol)
    for g in by_bias:
        np.testing.assert_allclose(g, 0, atol=2 * tol)


def test_lbfgs_reports_no_failure_where_it_has_converged():
    X, y = classes()
    settings = {"alpha": 2.0, "l1_ratio": 1.0, "solver": "lbfgs", "max_iter": 5000}
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        MLPClassifier((8,), "tanh", random_state=0, **settings).fit(X, y)
    with pytest.warns(ConvergenceWarning, match=r"after 3 iteration.*Increase max_iter"):
        MLPClassifier((8,), "tanh", random_state=0, **{**settings, "max_iter": 3}).fit(X, y)


@pytest.mark.parametrize("n_iter", [1, 2, 7, 500])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_lbfgs_reports_the_objective_of_its_weights(dtype, n_iter):
    """On the way, too, where SciPy's function of u and v is larger."""
    X, y = classes()
    model = MLPClassifier((8,), "tanh", solver="lbfgs", alpha=2.0, l1_ratio=0.7, random_state=0)
    model.set_params(dtype=dtype, max_iter=n_iter).fit(X, y)
    expected = objective(model, X, y)
    assert model.coefs_[0].dtype == dtype
    assert model.loss_ == pytest.approx(expected, rel=1e-5 if dtype == "float32" else 1e-9)
    assert np.all(np.diff(model.loss_curve_) < 1e-5)


def ended_at(monkeypatch, change):
    """Let SciPy end elsewhere: `change` acts on its vector (u, bias, v) of a linear model."""
    original = lbfgs.minimize

    def minimize(function, start, **options):
        result = original(function, start, **options)
        change(result.x)
        result.fun = function(result.x)[0]
        return result

    monkeypatch.setattr(lbfgs, "minimize", minimize)


@pytest.mark.parametrize("size", [1e-16, 1e-10])
def test_lbfgs_clears_weights_of_the_size_of_rounding(monkeypatch, size):
    """A line search leaves such weights where a step ends near a bound, not at it."""
    X, y = regression()
    model = MLPRegressor((), alpha=20.0, l1_ratio=1.0, random_state=0, **TIGHT)
    clean = model.fit(X, y).coefs_[0].copy()
    ended_at(monkeypatch, lambda x: np.maximum(x[:30], size, out=x[:30]))
    found = model.fit(X, y).coefs_[0]
    assert np.array_equal(found == 0, clean == 0)
    np.testing.assert_allclose(found, clean, atol=1e-9)


def test_lbfgs_keeps_small_weights_that_matter(monkeypatch):
    """Those of features with large numbers."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(50, 2)) * [1.0, 1e17]
    ended_at(monkeypatch, lambda x: np.copyto(x, [1.0, 1e-17, 0.0, 0.0, 0.0]))
    model = MLPRegressor((), solver="lbfgs", alpha=1e-3, l1_ratio=1.0)
    assert model.fit(X, X @ [1.0, 1e-17]).coefs_[0][:, 0].tolist() == [1.0, 1e-17]


def test_lbfgs_in_float32_finds_the_minimum_of_float64():
    X, y = regression()
    settings = {**TIGHT, "alpha": 10.0, "l1_ratio": 1.0, "tol": 1e-5, "random_state": 0}
    coefs = [
        MLPRegressor((), dtype=dtype, **settings).fit(X, y).coefs_[0][:, 0]
        for dtype in ("float32", "float64")
    ]
    assert coefs[0].dtype == np.float32
    assert np.array_equal(coefs[0] == 0, coefs[1] == 0)
    np.testing.assert_allclose(coefs[0], coefs[1], atol=1e-4)


def test_lbfgs_with_early_stopping_keeps_the_best_weights():
    X, y = classes()
    model = MLPClassifier((8,), "tanh", solver="lbfgs", alpha=5.0, l1_ratio=1.0, random_state=0)
    model.set_params(early_stopping=True, validation_fraction=0.3, n_iter_no_change=5).fit(X, y)
    assert model.n_iter_ == len(model.validation_scores_)
    assert model.best_validation_score_ == max(model.validation_scores_)
    best = 1 + int(np.argmax(model.validation_scores_))
    again = MLPClassifier(**model.get_params())
    again.set_params(n_iter_no_change=10**9, max_iter=best).fit(X, y)
    assert again.validation_scores_ == model.validation_scores_[:best]
    if np.argmax(again.validation_scores_) == best - 1:
        np.testing.assert_array_equal(weights(again), weights(model))


# -- the reported loss, and ratio zero -------------------------------------------------


def objective(model, X, y):
    """Return the mean log-loss of a binary network plus both penalties over the rows."""
    p = model.predict_proba(X)[np.arange(len(X)), y]
    w = weights(model).astype(float)
    l1, l2 = model.alpha * model.l1_ratio, model.alpha * (1 - model.l1_ratio)
    return -np.log(p).mean() + (l1 * np.abs(w).sum() + l2 / 2 * (w**2).sum()) / len(X)


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_reported_loss_has_both_penalties(solver):
    """The loss of an epoch is that before its step: here the one the model is left with."""
    X, y = classes()
    model = MLPClassifier((8,), solver=solver, alpha=3.0, l1_ratio=0.6, batch_size=len(X))
    model.set_params(random_state=0, max_iter=1, warm_start=True, shuffle=False, weight_decay=0.0)
    expected = objective(model.fit(X, y), X, y)
    assert model.fit(X, y).loss_curve_ == [pytest.approx(expected, rel=1e-10)]


@pytest.mark.parametrize("alpha", [1e-4, 0.3, 7.0])
def test_ratio_zero_is_the_l2_penalty_of_alpha_alone(alpha):
    settings = MLPClassifier(alpha=alpha).get_params()
    (penalty,) = build_penalties(settings)
    assert isinstance(penalty, L2)
    rng = np.random.RandomState(0)
    w, g = rng.normal(size=(2, 50))
    before = g.copy()
    value = penalty.value_gradient(w, g, 0.005, np.empty(50))
    strength = alpha * 0.005
    assert value == 0.5 * strength * np.dot(w, w)
    assert g.tobytes() == (before + w * strength).tobytes()


@pytest.mark.parametrize("solver", ["lbfgs", "sgd", "adam"])
def test_ratio_zero_changes_no_bit(solver):
    X, y = classes()
    plain = MLPClassifier((8,), solver=solver, alpha=0.3, max_iter=5, random_state=0)
    ratio = MLPClassifier((8,), solver=solver, alpha=0.3, max_iter=5, random_state=0, l1_ratio=0.0)
    assert weights(plain.fit(X, y)).tobytes() == weights(ratio.fit(X, y)).tobytes()
