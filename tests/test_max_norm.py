"""The bound on the weights into a unit: kept after every step, and no bit more is changed."""

import numpy as np
import pytest
from cases import DTYPES
from sklearn.datasets import make_classification, make_regression

from skmlp import MLPClassifier, MLPRegressor
from skmlp.optimizers import OPTIMIZERS
from skmlp.penalties import MaxNorm, Weight

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

both_dtypes = pytest.mark.parametrize("dtype", DTYPES)

LIMIT = 0.7

#: Others take ever longer steps against a bound that turns no sign of the gradient.
SOLVERS = [name for name, kind in OPTIMIZERS.items() if kind.proportional]


def bounded(*matrices, limit=LIMIT):
    """Return copies of matrices after a projection."""
    weights = [Weight(w.copy(), slice(0, w.size)) for w in matrices]
    penalty = MaxNorm(limit)
    penalty.bind(weights)
    with np.errstate(all="ignore"):
        penalty.project(weights, lambda part, out: None, 1.0)
    return [weight.values for weight in weights]


def norms(w):
    """Return the length of each column, in twice the precision or more."""
    return np.linalg.norm(w.astype(np.longdouble), axis=0)


def draw(shape, dtype=np.float64, scale=1.0):
    """Return columns of different lengths."""
    rng = np.random.RandomState(0)
    return (scale * rng.normal(size=shape) * rng.uniform(0.01, 2, shape[1])).astype(dtype)


# -- the projection --------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("n_rows", [1, 2, 30, 3000])
def test_columns_are_within_the_bound_and_go_on_pointing_there(n_rows, dtype):
    w = draw((n_rows, 400), dtype, 3 / np.sqrt(n_rows))
    (found,) = bounded(w)
    long = norms(w) > LIMIT
    assert 0 < long.sum() < 400
    assert (norms(found) <= np.asarray(LIMIT, dtype)).all()
    rounding = 1e-4 if dtype == np.float32 else 1e-12
    np.testing.assert_allclose(norms(found)[long].astype(float), LIMIT, rtol=rounding)
    expected = w[:, long].astype(float) * LIMIT / norms(w)[long].astype(float)
    np.testing.assert_allclose(found[:, long], expected, rtol=rounding)


@both_dtypes
def test_columns_within_the_bound_keep_every_bit(dtype):
    w = draw((30, 400), dtype)
    short = norms(w) <= LIMIT
    (found,) = bounded(w)
    assert 0 < short.sum() < 400
    assert found[:, short].tobytes() == w[:, short].tobytes()
    (untouched,) = bounded(w[:, short])
    assert untouched.tobytes() == w[:, short].tobytes()


@both_dtypes
@pytest.mark.parametrize("n_rows", [1, 7, 300, 5000])
def test_a_second_projection_changes_no_bit(n_rows, dtype):
    w = draw((n_rows, 500), dtype, 3 / np.sqrt(n_rows))
    (once,) = bounded(w)
    assert not np.array_equal(once, w)
    assert bounded(once)[0].tobytes() == once.tobytes()


def test_every_matrix_is_bounded():
    matrices = [draw(shape) for shape in ((9, 4), (4, 11), (11, 4), (4, 1))]
    for found, w in zip(bounded(*matrices), matrices, strict=True):
        assert (norms(found) <= LIMIT).all()
        assert not np.array_equal(found, w)


@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e10])
def test_squares_that_overflow_do_no_harm(limit):
    """In float32 they do beyond 1e19."""
    w = np.array([[3e30, 1e38, 1e-9, 0], [4e30, -1e38, 2e-9, 0]], np.float32)
    expected = limit * np.array([[0.6, 0.5**0.5], [0.8, -(0.5**0.5)]])
    (found,) = bounded(w, limit=limit)
    np.testing.assert_allclose(found[:, :2], expected, rtol=1e-5)
    assert found[:, 2:].tobytes() == w[:, 2:].tobytes()


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_stays_so(bad):
    """Divergence has to show."""
    (found,) = bounded(np.array([[bad, 3.0], [1.0, 4.0]]))
    assert not np.isfinite(found[:, 0]).all()


# -- in a model ------------------------------------------------------------------------


def classes():
    return make_classification(120, 10, n_informative=6, n_classes=3, random_state=0)


def assert_bounded(model, limit=LIMIT):
    """Check all matrices, and that some column is near the bound: averages are not at it."""
    limit = np.asarray(limit, model.coefs_[0].dtype)
    lengths = np.concatenate([norms(coef) for coef in model.coefs_])
    assert (lengths <= limit).all()
    assert (lengths > 0.9 * limit).any()


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", SOLVERS)
def test_weights_are_bounded_with_every_optimizer(solver, dtype):
    X, y = classes()
    model = MLPClassifier((12, 7), solver=solver, max_norm=LIMIT, dtype=dtype, random_state=0)
    model.set_params(batch_size=25, learning_rate_init=0.1, max_iter=8).fit(X, y)
    assert_bounded(model)
    assert all(bias.any() for bias in model.intercepts_)


@pytest.mark.parametrize("average", [False, True, 0.9])
def test_weights_are_bounded_after_every_call_of_partial_fit(average):
    X, y = classes()
    model = MLPClassifier((12,), max_norm=LIMIT, learning_rate_init=0.1, average=average)
    for _ in range(5):
        assert_bounded(model.partial_fit(X, y, classes=[0, 1, 2]))


def test_a_changed_bound_takes_effect_in_a_warm_start():
    X, y = classes()
    model = MLPClassifier((12,), max_norm=2.0, learning_rate_init=0.1, warm_start=True)
    assert_bounded(model.fit(X, y), 2.0)
    assert_bounded(model.set_params(max_norm=0.5, max_iter=1).fit(X, y), 0.5)


def test_weights_kept_by_early_stopping_are_bounded():
    X, y = classes()
    model = MLPClassifier((12,), max_norm=LIMIT, learning_rate_init=0.05, early_stopping=True)
    assert_bounded(model.fit(X, y))


def test_biases_and_normalisation_are_free():
    X, y = make_regression(100, 5, random_state=0)
    model = MLPRegressor((12,), max_norm=0.1, batch_norm=True, learning_rate_init=0.1)
    model.fit(X, 100 + y / y.std())
    assert_bounded(model, 0.1)
    assert abs(model.intercepts_[-1]).max() > 10
    assert np.abs(model.layer_params_[0]["gamma"]).max() > 1


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_a_bound_that_is_never_met_changes_no_bit(solver):
    X, y = classes()
    free, loose = (
        MLPClassifier((12,), solver=solver, max_norm=limit, max_iter=10, random_state=0).fit(X, y)
        for limit in (None, 1e6)
    )
    for a, b in zip(free.coefs_, loose.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()


def test_a_linear_model_ends_at_the_constrained_minimum():
    """Of least squares in the ball of radius r: (XᵀX + n μ) w = Xᵀy with ‖w‖ = r."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(80, 4))
    X -= X.mean(axis=0)
    y = X @ rng.normal(size=4)
    low, high = 0.0, 1e3
    for _ in range(200):
        middle = (low + high) / 2
        w = np.linalg.solve(X.T @ X + 80 * middle * np.eye(4), X.T @ y)
        low, high = (middle, high) if np.linalg.norm(w) > LIMIT else (low, middle)
    model = MLPRegressor((), solver="sgd", alpha=0.0, momentum=0.0, max_norm=LIMIT, tol=0.0)
    model.set_params(batch_size=80, learning_rate_init=0.1, max_iter=2000, shuffle=False)
    model.set_params(n_iter_no_change=10**9, nesterovs_momentum=False).fit(X, y)
    np.testing.assert_allclose(model.coefs_[0][:, 0], w, atol=1e-6)


def test_lbfgs_refuses_it_by_name():
    X, y = classes()
    with pytest.raises(ValueError, match=r"'max_norm'.*solver='lbfgs'.* Got 0\.7"):
        MLPClassifier(solver="lbfgs", max_norm=LIMIT).fit(X, y)
