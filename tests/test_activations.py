"""Activation functions: values, derivatives, edge values, memory."""

import numpy as np
import pytest
from cases import ACTIVATION_CASES, DTYPES
from references import slope

from skmlp.activations import ACTIVATIONS, Relu

TOLERANCE = {np.float32: 3e-7, np.float64: 5e-16}

every_activation = pytest.mark.parametrize("name", ACTIVATION_CASES)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def spread(dtype, shape=(16, 25)):
    """Numbers of both signs from 1e-6 to 1e2, none at a kink."""
    size = int(np.prod(shape))
    magnitudes = np.logspace(-6, 2, size)
    signs = np.where(np.arange(size) % 3 == 0, -1, 1)
    return (magnitudes * signs).reshape(shape).astype(dtype)


@pytest.mark.parametrize("shape", [(16, 25), (1, 400), (400, 1), (7, 3), (67, 5)])
@both_dtypes
@every_activation
def test_values_are_the_textbook_ones(name, dtype, shape):
    z = spread(dtype, shape)
    out = np.full_like(z, np.nan)
    ACTIVATIONS[name]().forward(z, out)
    expected = ACTIVATION_CASES[name](z.astype(float))
    np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@both_dtypes
@every_activation
def test_forward_over_its_input_changes_no_bit(name, dtype):
    z, out = spread(dtype), np.empty((16, 25), dtype)
    function = ACTIVATIONS[name]()
    function.forward(z, out)
    function.forward(z, z)
    assert z.tobytes() == out.tobytes()


@both_dtypes
@every_activation
def test_backward_over_its_gradient_changes_no_bit(name, dtype):
    z, function = spread(dtype), ACTIVATIONS[name]()
    out, dout = np.empty_like(z), np.cos(np.arange(400, dtype=dtype)).reshape(16, 25)
    dx = np.empty_like(dout)
    function.forward(z, out)
    function.backward(out.copy(), dout, dx)
    function.backward(out, dout, dout)
    assert dout.tobytes() == dx.tobytes()


@pytest.mark.parametrize("shape", [(16, 25), (400, 1), (67, 5)])
@every_activation
def test_derivative_is_that_of_the_value(name, shape):
    z, function = spread(np.float64, shape), ACTIVATIONS[name]()
    z += np.sign(z) * 0.01  # further from a kink than a difference reaches
    dout = 1 + np.cos(np.arange(z.size)).reshape(shape)
    out, dx = np.empty_like(z), np.empty_like(z)

    def value(at):
        function.forward(at, out)
        return out.copy()

    expected = slope(value, z, step=1e-3) * dout
    value(z)
    function.backward(out, dout, dx)
    np.testing.assert_allclose(dx, expected, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("order", ["C", "F"])
@both_dtypes
@every_activation
def test_layout_changes_no_value(name, dtype, order):
    z, function = spread(dtype), ACTIVATIONS[name]()
    results = []
    for layout in ("C", order):
        out, dx = np.empty_like(z, order=layout), np.empty_like(z)
        dout = np.asarray(spread(dtype)[::-1], order=layout)
        function.forward(z, out)
        value = out.copy()
        function.backward(out, dout, dx)
        results.append((value, dx))
    np.testing.assert_array_equal(results[0][0], results[1][0])
    np.testing.assert_array_equal(results[0][1], results[1][1])


@both_dtypes
@every_activation
def test_huge_and_infinite_input_has_the_limit_as_value(name, dtype):
    info, function = np.finfo(dtype), ACTIVATIONS[name]()
    z = np.array([[info.max, -info.max, np.inf, -np.inf, 1e3, -1e3]], dtype)
    out = np.empty_like(z)
    function.forward(z, out)
    expected = ACTIVATION_CASES[name](z.astype(float))
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=np.finfo(dtype).eps)


# -- relu, whose derivative is made of bits ------------------------------------------


@pytest.mark.parametrize("shape", [(1, 8), (8, 1), (2, 4), (3, 8)])
@both_dtypes
def test_relu_slope_is_one_above_zero_only(dtype, shape):
    tiny = np.finfo(dtype).smallest_subnormal
    z = np.array([0.0, -0.0, tiny, -tiny, np.inf, -np.inf, 1.0, -1.0], dtype)
    slope = np.array([0, 0, 1, 0, 1, 0, 1, 0], dtype)
    z, slope = (np.resize(a, shape) for a in (z, slope))
    out, dx = np.empty_like(z), np.full_like(z, np.nan)
    relu = Relu()
    relu.forward(z, out)
    np.testing.assert_array_equal(out, np.maximum(z, 0))
    for factor in (-3.25, 3.25, tiny, np.finfo(dtype).max):
        relu.backward(out.copy(), np.full_like(z, factor), dx)
        np.testing.assert_array_equal(dx, slope * dtype(factor))


@both_dtypes
def test_relu_stops_an_infinite_gradient_where_it_is_flat(dtype):
    z, out, dx = np.array([[-1.0, 1.0]], dtype), np.empty((1, 2), dtype), np.empty((1, 2), dtype)
    relu = Relu()
    relu.forward(z, out)
    relu.backward(out, np.full((1, 2), np.inf, dtype), dx)
    np.testing.assert_array_equal(dx, np.array([[0, np.inf]], dtype))


@both_dtypes
@every_activation
def test_nan_is_not_hidden(name, dtype):
    z, out = np.full((3, 4), np.nan, dtype), np.zeros((3, 4), dtype)
    ACTIVATIONS[name]().forward(z, out)
    assert np.isnan(out).all()
