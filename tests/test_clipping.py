"""Limits on the gradient: PyTorch, extremes, and what they do to a training."""

import math
import tracemalloc

import numpy as np
import pytest
from cases import DTYPES
from trust import estimator, outputs, problem, same

from skmlp._params import InvalidParameterError
from skmlp.clipping import CLIPS, ClipNorm, ClipValue
from skmlp.objective import Objective

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

X, Y = problem("multiclass")
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def gradient(dtype=np.float64, scale=1.0, n=1000):
    """Return a flat gradient."""
    return (scale * np.random.RandomState(0).normal(size=n)).astype(dtype)


def clipped(clip, g):
    """Return a limited copy."""
    found = g.copy()
    with np.errstate(over="ignore"):
        clip(found)
    return found


# -- by themselves -------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("limit", [1e-3, 0.5, 10.0])
def test_values_are_those_of_torch(limit, dtype):
    torch = pytest.importorskip("torch")
    g = gradient(dtype)
    peer = torch.nn.Parameter(torch.zeros_like(torch.tensor(g)))
    peer.grad = torch.tensor(g)
    torch.nn.utils.clip_grad_value_(peer, limit)
    found = clipped(ClipValue(limit), g)
    np.testing.assert_array_equal(found, peer.grad.numpy())
    assert found.dtype == dtype


@both_dtypes
@pytest.mark.parametrize("limit", [1e7, 1e8, 1e10])
def test_norms_are_those_of_torch(limit, dtype):
    """Of long gradients: PyTorch adds 1e-6 to the norm."""
    torch = pytest.importorskip("torch")
    g = gradient(dtype, scale=1e8)
    pieces = [
        torch.nn.Parameter(torch.zeros_like(torch.tensor(part))) for part in (g[:500], g[500:])
    ]
    for piece, part in zip(pieces, (g[:500], g[500:]), strict=True):
        piece.grad = torch.tensor(part)
    torch.nn.utils.clip_grad_norm_(pieces, limit)
    expected = np.concatenate([piece.grad.numpy() for piece in pieces])
    found = clipped(ClipNorm(limit), g)
    np.testing.assert_allclose(found, expected, rtol=1e-12 if dtype == np.float64 else 1e-6)
    assert found.dtype == dtype


@both_dtypes
@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e18, 3e37])
@pytest.mark.parametrize("limit", [1e-3, 1.0, 1e5])
def test_norm_is_at_most_the_limit_and_the_direction_stays(limit, scale, dtype):
    g = gradient(dtype, scale)
    found, wide = clipped(ClipNorm(limit), g).astype(float), g.astype(float)
    norm = np.linalg.norm(wide)
    factor = min(1.0, limit / norm)
    np.testing.assert_allclose(found, factor * wide, rtol=1e-5 if dtype == np.float32 else 1e-12)
    if norm <= limit:
        assert found.tobytes() == wide.tobytes()


@both_dtypes
def test_a_norm_whose_squares_overflow_is_found(dtype):
    largest = float(np.finfo(dtype).max)
    for g in (gradient(dtype, largest / 10), np.array([largest, -largest, 0.0], dtype)):
        found = clipped(ClipNorm(2.0), g)
        np.testing.assert_allclose(np.linalg.norm(found), 2, rtol=1e-5)
        unit = g / largest
        np.testing.assert_allclose(found / 2, unit / np.linalg.norm(unit), rtol=1e-4)


@both_dtypes
@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipValue(1.0)])
def test_zeros_stay_and_so_does_what_is_within(clip, dtype):
    for g in (np.zeros(5, dtype), gradient(dtype, 1e-4)):
        assert clipped(clip, g).tobytes() == g.tobytes()


@both_dtypes
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_norm_that_is_not_finite_is_not_hidden(bad, dtype):
    g = gradient(dtype)
    g[7] = bad
    with np.errstate(invalid="ignore"):
        assert not np.isfinite(clipped(ClipNorm(1.0), g)[7])


def test_an_entry_that_is_no_number_is_not_hidden():
    g = gradient()
    g[7] = np.nan
    assert np.isnan(clipped(ClipValue(1.0), g)).sum() == 1


@pytest.mark.parametrize("clip", [ClipNorm(1.0), ClipValue(1.0)])
@pytest.mark.parametrize("scale", [1.0, 1e200])
def test_nothing_is_allocated(clip, scale):
    g = gradient(scale=scale, n=10**5)
    tracemalloc.start()
    with np.errstate(over="ignore"):
        clip(g)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**17  # NumPy's own buffers


# -- in a training -------------------------------------------------------------------

ONE_STEP = {
    "solver": "sgd",
    "momentum": 0.0,
    "nesterovs_momentum": False,
    "learning_rate_init": 0.5,
    "max_iter": 1,
    "batch_size": 60,
    "alpha": 0.0,
}


def make(**params):
    """Return an unfitted classifier."""
    return estimator("multiclass", **params)


def flat(est):
    """Return all weights and biases as one vector."""
    return np.concatenate([array.ravel() for array in (*est.coefs_, *est.intercepts_)])


def step(**params):
    """Return the step that one batch causes."""
    start = flat(make(**{**ONE_STEP, "learning_rate_init": 1e-300}).fit(X, Y))
    return flat(make(**{**ONE_STEP, **params}).fit(X, Y)) - start


def test_a_step_is_as_long_as_the_norm_allows():
    plain, short = step(), step(max_grad_norm=0.01)
    assert np.linalg.norm(plain) > 0.05
    np.testing.assert_allclose(np.linalg.norm(short), 0.5 * 0.01, rtol=1e-10)
    cosine = plain @ short / np.linalg.norm(plain) / np.linalg.norm(short)
    assert cosine == pytest.approx(1, rel=1e-12)


def test_no_weight_moves_farther_than_the_value_allows():
    plain, short = step(), step(max_grad_value=0.003)
    np.testing.assert_allclose(short, np.clip(plain, -0.0015, 0.0015), rtol=1e-9, atol=1e-15)
    assert np.abs(plain).max() > 0.01


def test_values_are_limited_before_the_norm():
    both = step(max_grad_value=0.003, max_grad_norm=0.01)
    value = step(max_grad_value=0.003)
    norm = np.linalg.norm(value) / 0.5
    assert norm > 0.01
    np.testing.assert_allclose(both, value * 0.01 / norm, rtol=1e-9, atol=1e-15)


def test_penalties_are_not_limited():
    """What weight the limit leaves to the loss hardly moves; the penalty does."""
    start = flat(make(**{**ONE_STEP, "learning_rate_init": 1e-300}).fit(X, Y))
    n_weights = sum(w.size for w in make(**ONE_STEP).fit(X, Y).coefs_)
    moved = step(max_grad_norm=1e-12, alpha=30.0)[:n_weights]
    np.testing.assert_allclose(moved, -0.5 * 30.0 / 60 * start[:n_weights], rtol=1e-8)


@pytest.mark.parametrize("solver", ["adam", "sgd", "adagrad"])
def test_limits_that_are_never_reached_change_no_bit(solver):
    plain = make(solver=solver).fit(X, Y)
    limited = make(solver=solver, max_grad_norm=1e6, max_grad_value=1e6).fit(X, Y)
    assert same(plain.coefs_, limited.coefs_)
    assert same(outputs(plain, X), outputs(limited, X))


def test_every_step_of_a_training_is_limited(monkeypatch):
    """What the optimizer is handed is no longer than the limit."""
    norms, gradient_of = [], Objective.sweep

    def spy(self, *arguments, **options):
        norms.append(float(np.linalg.norm(self.grads.flat)))
        return gradient_of(self, *arguments, **options)

    monkeypatch.setattr(Objective, "sweep", spy)
    make(max_grad_norm=0.05, batch_size=20, max_iter=5).fit(X, Y)
    assert len(norms) == 15
    assert max(norms) <= 0.05 * (1 + 1e-12)
    assert min(norms) >= 0.05 * (1 - 1e-12)


def test_a_limit_tames_what_would_diverge():
    wild = 1e4 * X
    params = {"solver": "sgd", "learning_rate_init": 0.1, "momentum": 0.0, "max_iter": 30}
    regressor = {"task": "regression", **params}
    y = 1e6 * X[:, 0]
    with pytest.raises(ValueError, match="non-finite"):
        estimator(**regressor).fit(wild, y)
    est = estimator(**regressor, max_grad_norm=1.0).fit(wild, y)
    assert all(np.isfinite(weight).all() for weight in est.coefs_)
    assert math.isfinite(est.loss_)


@pytest.mark.parametrize("name", CLIPS)
@pytest.mark.parametrize("value", [0, -1.0, math.inf, math.nan, "1", True, [1.0]], ids=repr)
def test_bad_limits_are_refused_by_name(name, value):
    with pytest.raises(InvalidParameterError, match=name):
        make(**{name: value}).fit(X, Y)


@pytest.mark.parametrize("name", CLIPS)
def test_lbfgs_refuses_limits(name):
    with pytest.raises(InvalidParameterError, match=name):
        make(solver="lbfgs", **{name: 1.0}).fit(X, Y)
