"""Losses against the textbook and scikit-learn, at ordinary and extreme raw scores."""

import numpy as np
import pytest
from cases import (
    DTYPES,
    LOSS_CASES,
    WEIGHT_CASES,
    as_dtype,
    each,
    loss_memory,
)
from references import central_differences

from skmlp.losses import LOSSES, BinaryLogLoss, MultinomialLogLoss, Poisson, SquaredError

TOLERANCE = {np.float32: 2e-6, np.float64: 1e-13}

every_loss = pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
every_weight = pytest.mark.parametrize("weights", WEIGHT_CASES)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)

NAMES = {kind: name for name, kind in LOSSES.items()}


def evaluate(kind, raw, y, weight=None):
    """Return value and gradient as a workspace would have them computed."""
    rows = loss_memory(NAMES[kind], *raw.shape, raw.dtype)
    np.copyto(rows.out[-1], raw)
    rows.dout[-1].fill(np.nan)
    with np.errstate(over="raise", divide="raise", invalid="raise"):
        value = kind()(rows.out[-1], y, weight, rows.dout[-1], rows.scratch)
    return value, rows.dout[-1].copy()


def draw(case, dtype=np.float64, weights="unweighted", n_rows=9):
    """Return raw scores, targets and weights that sum to one."""
    rng = np.random.RandomState(0)
    raw = rng.normal(size=(n_rows, case.n_outputs)).astype(dtype)
    y = as_dtype(case.targets(rng, n_rows, case.n_outputs), dtype)
    weight = WEIGHT_CASES[weights](rng, n_rows)
    return raw, y, None if weight is None else (weight / weight.sum()).astype(dtype)


def shares(weight, n_rows):
    """Return weights that sum to one, in float64."""
    return np.full(n_rows, 1 / n_rows) if weight is None else weight.astype(float)


@every_weight
@both_dtypes
@every_loss
def test_value_and_gradient_are_the_textbook_ones(name, case, dtype, weights):
    raw, y, weight = draw(case, dtype, weights)
    value, gradient = evaluate(LOSSES[name], raw, y, weight)
    wide, share = raw.astype(float), shares(weight, len(raw))

    def mean():
        return float(share @ case.value(y, wide))

    assert type(value) is float
    assert value == pytest.approx(mean(), rel=TOLERANCE[dtype])
    rtol, atol = (1e-5, 1e-7) if dtype == np.float32 else (1e-9, 1e-11)
    np.testing.assert_allclose(gradient, central_differences(mean, wide), rtol=rtol, atol=atol)


@every_weight
@every_loss
def test_value_is_scikit_learns(name, case, weights):
    raw, y, weight = draw(case, weights=weights)
    value, _ = evaluate(LOSSES[name], raw, y, weight)
    predictions = LOSSES[name]().inverse_link(raw.copy())
    assert value == pytest.approx(case.peer(y, predictions, weight), rel=1e-12)


@pytest.mark.parametrize("order", ["C", "F"])
@both_dtypes
@every_loss
def test_inverse_link_is_the_textbook_one_in_place(name, case, dtype, order):
    raw = np.asarray(draw(case, dtype)[0], order=order)
    expected = case.inverse_link(raw.astype(float))
    found = LOSSES[name]().inverse_link(raw)
    assert found is raw
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype])


@every_loss
def test_integer_weights_repeat_rows_and_zero_drops_them(name, case):
    raw, y, _ = draw(case)
    times = np.arange(len(raw)) % 4
    repeated = np.repeat(np.arange(len(raw)), times)
    value, gradient = evaluate(LOSSES[name], raw, y, times / times.sum())
    expected, parts = evaluate(LOSSES[name], raw[repeated], y[repeated])
    assert value == pytest.approx(expected, rel=1e-13)
    summed = np.zeros_like(gradient)
    np.add.at(summed, repeated, parts)
    np.testing.assert_allclose(gradient, summed, rtol=1e-12, atol=1e-16)


@both_dtypes
@every_loss
def test_equal_weights_are_no_weights(name, case, dtype):
    raw, y, _ = draw(case, dtype)
    plain = evaluate(LOSSES[name], raw, y)
    weighted = evaluate(LOSSES[name], raw, y, np.full(len(raw), 1 / len(raw), dtype))
    assert weighted[0] == pytest.approx(plain[0], rel=TOLERANCE[dtype])
    np.testing.assert_allclose(weighted[1], plain[1], rtol=TOLERANCE[dtype])


@every_loss
def test_order_of_rows_does_not_matter(name, case):
    raw, y, _ = draw(case)
    value, gradient = evaluate(LOSSES[name], raw, y)
    turned, turned_gradient = evaluate(LOSSES[name], raw[::-1], y[::-1])
    assert turned == pytest.approx(value, rel=1e-14)
    np.testing.assert_allclose(turned_gradient[::-1], gradient, rtol=1e-14)


@every_loss
def test_one_row_is_enough(name, case):
    raw, y, _ = draw(case)
    value, _ = evaluate(LOSSES[name], raw[:1], y[:1])
    assert value == pytest.approx(float(case.value(y[:1], raw[:1])[0]), rel=1e-13)


@every_loss
def test_loss_at_the_lowest_target_is_finite(name, case):
    lowest = LOSSES[name].lowest_target
    raw, y, _ = draw(case)
    if lowest > -np.inf:
        y = np.full_like(y, lowest)
        below = case.value(y - 1, raw)
        assert np.isnan(below).all()
    value, gradient = evaluate(LOSSES[name], raw, y)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()


# -- extreme raw scores: the limits are exact ----------------------------------------

HUGE = [1e3, 1e30]


@pytest.mark.parametrize("z", [sign * z for sign in (1, -1) for z in [*HUGE, 1e38]])
@pytest.mark.parametrize("y", [0.0, 1.0])
@both_dtypes
def test_binary_log_loss_of_extreme_scores(dtype, y, z):
    raw = np.full((3, 1), z, dtype)
    value, gradient = evaluate(BinaryLogLoss, raw, np.full((3, 1), y, dtype))
    assert value == pytest.approx(max(z, 0) - y * z, rel=1e-6)
    np.testing.assert_allclose(gradient * 3, float(z > 0) - y, rtol=1e-6)
    np.testing.assert_array_equal(BinaryLogLoss().inverse_link(raw), float(z > 0))


@pytest.mark.parametrize("z", [-40.0, -20.0, 20.0, 36.5, 40.0])
@pytest.mark.parametrize("y", [0.0, 1.0])
def test_binary_log_loss_of_large_scores_keeps_its_small_terms(y, z):
    value, _ = evaluate(BinaryLogLoss, np.array([[z]]), np.array([[y]]))
    wrong = -z if y else z
    expected = np.log1p(np.exp(wrong)) if wrong < 30 else wrong
    assert value == pytest.approx(expected, rel=1e-14)


@pytest.mark.parametrize("z", HUGE)
@both_dtypes
def test_multinomial_log_loss_of_extreme_scores(dtype, z):
    raw = (z * np.array([[1, -1, 0.5], [-0.5, 1, -1], [-1, -1, 1]])).astype(dtype)
    y = np.array([0, 0, 1], np.intp)
    value, gradient = evaluate(MultinomialLogLoss, raw, y)
    assert value == pytest.approx((0 + 1.5 + 2) * z / 3, rel=1e-6)
    expected = np.array([[0, 0, 0], [-1, 1, 0], [0, -1, 1]])
    np.testing.assert_allclose(gradient * 3, expected, rtol=1e-6, atol=1e-200)
    probabilities = MultinomialLogLoss().inverse_link(raw)
    np.testing.assert_allclose(probabilities, np.eye(3), rtol=1e-6, atol=1e-200)


@pytest.mark.parametrize("z", [-1e30, -1e3, 0.0, 1e3, 1e30])
@both_dtypes
def test_multinomial_log_loss_of_a_tie_is_the_log_of_the_classes(dtype, z):
    value, gradient = evaluate(
        MultinomialLogLoss, np.full((2, 4), z, dtype), np.array([1, 3], np.intp)
    )
    assert value == pytest.approx(np.log(4), rel=1e-6)
    expected = (0.25 - np.eye(4)[[1, 3]]) / 2
    np.testing.assert_allclose(gradient, expected, rtol=1e-6)


@pytest.mark.parametrize("z", [-1e3, -1e30])
@both_dtypes
def test_poisson_of_a_mean_that_underflows(dtype, z):
    raw = np.full((2, 1), z, dtype)
    value, gradient = evaluate(Poisson, raw, np.zeros((2, 1), dtype))
    assert value == 0
    np.testing.assert_array_equal(gradient, 0)
    value, gradient = evaluate(Poisson, raw, np.full((2, 1), 2, dtype))
    assert value == pytest.approx(-2.0 * z + 2 * np.log(2) - 2, rel=1e-6)
    np.testing.assert_array_equal(gradient * 2, -2)


@pytest.mark.parametrize("z", [80.0, 88.8, 800.0, 1e30])
@both_dtypes
def test_poisson_mean_is_never_infinite(dtype, z):
    with np.errstate(over="raise"):
        mean = Poisson().inverse_link(np.full((1, 2), z, dtype))
    info = np.finfo(dtype)
    expected = min(np.exp(min(z, 709.0)), float(info.max))
    assert np.isfinite(mean).all()
    np.testing.assert_allclose(mean, expected if z < 709 else info.max, rtol=1e-4)


@pytest.mark.parametrize("kind", [SquaredError, Poisson])
def test_perfect_prediction_costs_nothing(kind):
    y = np.array([[0.5, 2.0], [7.0, 1.0]])
    raw = np.log(y) if kind is Poisson else y
    value, gradient = evaluate(kind, raw, y)
    assert value == pytest.approx(0, abs=1e-15)
    np.testing.assert_allclose(gradient, 0, atol=1e-15)
