"""Activation functions: values, derivatives, edge values, memory."""

import functools
import pickle
import tracemalloc

import numpy as np
import pytest
import references as ref
from cases import ACTIVATION_CASES, DTYPES, in_one_case
from scipy.special import ndtr

from skmlp.activations import (
    ACTIVATIONS,
    PIECE,
    Activation,
    Celu,
    Gelu,
    HardShrink,
    LeakyRelu,
    Relu,
    Selu,
    SoftShrink,
)

TOLERANCE = {np.float32: 3e-7, np.float64: 5e-16}

#: Where a derivative may jump, on either side of zero.
KINKS = np.array([0, 0.1, 0.5, 1, 2, 3, 6])

#: Functions with arguments, and their textbook formulas.
VARIANTS = {
    "leaky_relu-0.3": (LeakyRelu(0.3), lambda z: ref.leaky_relu(z, 0.3)),
    "celu-0.5": (Celu(0.5), lambda z: ref.celu(z, 0.5)),
    "celu-3": (Celu(3), lambda z: ref.celu(z, 3)),
    "hard_shrink-0": (HardShrink(0), lambda z: z),
    "hard_shrink-2": (HardShrink(2), lambda z: ref.hard_shrink(z, 2)),
    "soft_shrink-0": (SoftShrink(0), lambda z: z),
    "soft_shrink-0.1": (SoftShrink(0.1), lambda z: ref.soft_shrink(z, 0.1)),
}
FUNCTIONS = {
    **{name: (member(), ACTIVATION_CASES[name]) for name, member in ACTIVATIONS.items()},
    **VARIANTS,
}

#: More than one piece in either type, and an odd rest.
LARGE = (41, 1001)

every_function = pytest.mark.parametrize(
    ("function", "textbook"), [pytest.param(*pair, id=name) for name, pair in FUNCTIONS.items()]
)
both_dtypes = in_one_case(dtype=DTYPES)


@pytest.fixture(autouse=True)
def as_in_the_engine():
    """Overflow where a function saturates is no error: training and prediction ignore it."""
    with np.errstate(all="ignore"):
        yield


def spread(dtype, shape=(16, 25)):
    """Numbers of both signs from 1e-6 to 1e2, none at a kink."""
    size = int(np.prod(shape))
    magnitudes = np.logspace(-6, 2, size)
    signs = np.where(np.arange(size) % 3 == 0, -1, 1)
    return (magnitudes * signs).reshape(shape).astype(dtype)


def smooth(shape):
    """Return the same numbers, further from each kink than a difference reaches."""
    z = spread(np.float64, shape)
    for kink in KINKS:
        z = np.where(np.abs(np.abs(z) - kink) < 0.01, z + np.sign(z) * 0.025, z)
    return z


class Pass:
    """A function with its buffers, and arrays filled with NaN for what it writes."""

    def __init__(self, function, z, *, dout=None, layout="C"):
        self.function, self.z = function, z
        self.s = {name: np.full(z.shape, np.nan, z.dtype) for name in function.buffers}
        self.out, self.dx = (np.full_like(z, np.nan, order=layout) for _ in range(2))
        self.dout = np.ones_like(z) if dout is None else dout

    def train(self):
        """Go forward in training."""
        self.function.train(self.z, self.out, self.s)
        return self

    def backward(self):
        """Go backward."""
        self.function.backward(self.out, self.dout, self.dx, self.s)
        return self.dx


def waves(z):
    """Return a gradient of both signs, none zero."""
    return (1.5 + np.cos(np.arange(z.size))).reshape(z.shape).astype(z.dtype) * np.sign(z)


def forward(function, z):
    """Return f(z) as in prediction."""
    out = np.full_like(z, np.nan)
    function.forward(z, out)
    return out


# -- values --------------------------------------------------------------------------


@in_one_case(shape=[(16, 25), (1, 400), (400, 1), (67, 5), LARGE])
@both_dtypes
@every_function
def test_values_are_the_textbook_ones(function, textbook, dtype, shape):
    z = spread(dtype, shape)
    z.flags.writeable = False
    out = forward(function, z)
    expected = textbook(z.astype(float))
    np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@in_one_case(shape=[(67, 5), LARGE])
@both_dtypes
@every_function
def test_training_has_the_values_of_prediction(function, textbook, dtype, shape):
    z = spread(dtype, shape)
    z.flags.writeable = False
    one = Pass(function, z).train()
    assert one.out.tobytes() == forward(function, z).tobytes()
    assert not any(np.isnan(array).any() for array in one.s.values())


@in_one_case(shape=[(67, 5), LARGE])
@both_dtypes
@every_function
def test_forward_over_its_input_changes_no_bit(function, textbook, dtype, shape):
    z = spread(dtype, shape)
    out = forward(function, z)
    function.forward(z, z)
    assert z.tobytes() == out.tobytes()


@pytest.mark.parametrize("name", ["elu", "softplus", "log_sigmoid", "silu", "mish"])
@both_dtypes
def test_tiny_values_keep_their_digits(name, dtype):
    z = np.concatenate([-np.logspace(-6, 1.5, 200), np.logspace(-6, 1.5, 200)]).astype(dtype)
    expected = ACTIVATION_CASES[name](z.astype(np.longdouble))
    found = forward(ACTIVATIONS[name](), z[None])[0]
    np.testing.assert_allclose(found, expected.astype(float), rtol=8 * np.finfo(dtype).eps)


@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float32, 2e-6), (np.float64, 2e-14)])
def test_gelu_keeps_digits_where_it_is_small(dtype, tolerance):
    z = np.linspace(-5, 5, 2001).astype(dtype)
    expected = z.astype(float) * ndtr(z.astype(float))
    np.testing.assert_allclose(forward(Gelu(), z[None])[0], expected, rtol=tolerance)
    far = np.linspace(-10, -5, 2001).astype(dtype)
    expected = far.astype(float) * ndtr(far.astype(float))
    np.testing.assert_allclose(forward(Gelu(), far[None])[0], expected, rtol=1e-4)


def test_selu_keeps_mean_and_variance():
    z = np.linspace(-9, 9, 20_001)
    density = np.exp(-(z**2) / 2) / np.exp(-(z**2) / 2).sum()
    f = forward(Selu(), z[None])[0]
    assert f @ density == pytest.approx(0, abs=1e-7)
    assert f**2 @ density == pytest.approx(1, abs=1e-7)


# -- derivatives ---------------------------------------------------------------------


@in_one_case(shape=[(16, 25), (400, 1), (67, 5), LARGE])
@every_function
def test_derivative_is_that_of_the_value(function, textbook, shape):
    z = smooth(shape)
    one = Pass(function, z, dout=waves(z)).train()
    expected = ref.slope(textbook, z, step=1e-3) * one.dout
    np.testing.assert_allclose(one.backward(), expected, rtol=2e-9, atol=2e-11)


@both_dtypes
@every_function
def test_backward_over_its_gradient_changes_no_bit(function, textbook, dtype):
    z = spread(dtype, LARGE)
    apart, shared = (Pass(function, z, dout=waves(z)).train() for _ in range(2))
    shared.dx = shared.dout
    assert shared.backward().tobytes() == apart.backward().tobytes()


@both_dtypes
@every_function
def test_training_over_its_input_changes_no_derivative(function, textbook, dtype):
    apart = Pass(function, spread(dtype, LARGE))
    shared = Pass(function, apart.z.copy())
    shared.out = shared.z
    assert shared.train().backward().tobytes() == apart.train().backward().tobytes()


@every_function
def test_float32_derivative_is_the_float64_one_rounded(function, textbook):
    single = Pass(function, smooth((16, 25)).astype(np.float32)).train()
    double = Pass(function, single.z.astype(float)).train()
    np.testing.assert_allclose(single.backward(), double.backward(), rtol=1e-5, atol=3e-6)
    assert single.dx.dtype == np.float32


# -- layout --------------------------------------------------------------------------


@in_one_case(order=["C", "F"])
@in_one_case(layout=["C", "F"])
@both_dtypes
@every_function
def test_layout_changes_no_value(function, textbook, dtype, layout, order):
    z = spread(dtype, LARGE)
    plain = Pass(function, z, dout=waves(z))
    other = Pass(
        function,
        np.asarray(z, order=order),
        dout=np.asarray(waves(z), order=order),
        layout=layout,
    )
    for one in (plain, other):
        one.value = one.train().out.copy()
        one.backward()
    np.testing.assert_array_equal(other.value, plain.value)
    np.testing.assert_array_equal(other.dx, plain.dx)


@every_function
def test_arrays_that_are_not_contiguous_are_taken(function, textbook):
    wide = np.zeros((16, 60))
    z = spread(np.float64)
    wide[:, 5:30] = z
    function.forward(wide[:, 5:30], wide[:, 31:56])
    np.testing.assert_array_equal(wide[:, 31:56], forward(function, z))
    assert not wide[:, :5].any()
    assert not wide[:, [30, *range(56, 60)]].any()


@both_dtypes
@every_function
def test_memory_does_not_grow_with_the_batch(function, textbook, dtype):
    z = spread(dtype, (64, 8192))
    one = Pass(function, z)
    one.train().backward()
    tracemalloc.start()
    try:
        one.train().backward()
        function.forward(z, one.out)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 3 * PIECE + 2**16 < z.nbytes / 3


# -- extremes ------------------------------------------------------------------------


@both_dtypes
@every_function
def test_huge_and_infinite_input_has_the_limit_as_value(function, textbook, dtype):
    info = np.finfo(dtype)
    z = np.array([[info.max / 2, -info.max, np.inf, -np.inf, 1e3, -1e3, 1e4, -1e4]], dtype)
    out, expected = forward(function, z), textbook(z.astype(float))
    np.testing.assert_allclose(out, expected, rtol=1e-6, atol=np.finfo(dtype).eps)


@both_dtypes
@every_function
def test_derivative_is_the_limit_at_large_values(function, textbook, dtype):
    large = np.array([60, 100, 1e3, 1e4])
    for z in (large, -large):
        limit = ref.slope(textbook, 60 * np.sign(z), 0.01)
        found = Pass(function, z[None].astype(dtype)).train().backward()[0]
        np.testing.assert_allclose(found, limit, rtol=1e-3, atol=1e-3)


@both_dtypes
@every_function
def test_tiny_input_is_finite(function, textbook, dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    z = np.array([[0.0, -0.0, tiny, -tiny, 1e3 * tiny, -1e3 * tiny]], dtype)
    one = Pass(function, z).train()
    np.testing.assert_allclose(one.out, textbook(z.astype(float)), atol=np.finfo(dtype).eps)
    assert np.isfinite(one.backward()).all()


@both_dtypes
@every_function
def test_nan_is_not_hidden(function, textbook, dtype):
    assert np.isnan(forward(function, np.full((3, 4), np.nan, dtype))).all()


# -- relu, whose derivative is made of bits ------------------------------------------


@in_one_case(shape=[(1, 8), (8, 1), (2, 4), (3, 8)])
@both_dtypes
def test_relu_slope_is_one_above_zero_only(dtype, shape):
    tiny = np.finfo(dtype).smallest_subnormal
    z = np.array([0.0, -0.0, tiny, -tiny, np.inf, -np.inf, 1.0, -1.0], dtype)
    slope = np.array([0, 0, 1, 0, 1, 0, 1, 0], dtype)
    z, slope = (np.resize(a, shape) for a in (z, slope))
    out = forward(Relu(), z)
    np.testing.assert_array_equal(out, np.maximum(z, 0))
    for factor in (-3.25, 3.25, tiny, np.finfo(dtype).max):
        dx = np.full_like(z, np.nan)
        Relu().backward(out.copy(), np.full_like(z, factor), dx, {})
        np.testing.assert_array_equal(dx, slope * dtype(factor))


@both_dtypes
def test_relu_stops_an_infinite_gradient_where_it_is_flat(dtype):
    out, dx = forward(Relu(), np.array([[-1.0, 1.0]], dtype)), np.empty((1, 2), dtype)
    Relu().backward(out, np.full((1, 2), np.inf, dtype), dx, {})
    np.testing.assert_array_equal(dx, np.array([[0, np.inf]], dtype))


# -- arguments -----------------------------------------------------------------------


def test_functions_are_equal_if_they_compute_the_same():
    assert LeakyRelu(0.2) == LeakyRelu(0.2)
    assert LeakyRelu(0.2) != LeakyRelu(0.3)
    assert Relu() == Relu()
    assert Relu() != LeakyRelu(0.2)
    assert SoftShrink(1) != HardShrink(1)
    assert len({LeakyRelu(0.2), LeakyRelu(0.2), LeakyRelu(0.3), Relu(), Relu()}) == 3


@every_function
def test_functions_survive_pickling_and_show_their_arguments(function, textbook):
    assert pickle.loads(pickle.dumps(function)) == function
    assert eval(repr(function), {type(function).__name__: type(function)}) == function  # noqa: S307


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_arguments_are_python_floats_within_their_constraints(name):
    function = ACTIVATIONS[name]()
    assert set(vars(function)) == set(function.constraints)
    for argument, constraint in function.constraints.items():
        assert constraint.accepts(getattr(function, argument))
        assert not any(constraint.accepts(value) for value in (None, -1, np.nan, "1", [1]))
        assert type(getattr(type(function)(np.float64(0.5)), argument)) is float


# -- gains ---------------------------------------------------------------------------


def test_gain_of_rectifiers_is_that_of_he():
    assert ACTIVATIONS["identity"]().gain() == pytest.approx(1, rel=1e-6)
    assert Selu().gain() == pytest.approx(1, rel=1e-6)
    for a in (0.01, 0.25, 0.9):
        assert LeakyRelu(a).gain() == pytest.approx(np.sqrt(2 / (1 + a**2)), rel=1e-6)
    assert Relu().gain() == pytest.approx(np.sqrt(2), rel=1e-6)


@functools.cache
def many_normal_numbers():
    """Return so many that their mean of squares is near one."""
    return np.random.RandomState(0).normal(size=(1, 400_000))


@every_function
def test_gain_keeps_the_variance(function: Activation, textbook):
    kept = (function.gain() * forward(function, many_normal_numbers())) ** 2
    assert kept.mean() == pytest.approx(1, abs=0.03)
