"""Activations, learned activations and initial weights against PyTorch's."""

import numpy as np
import pytest
from cases import DTYPES

from skmlp._noise import Noise
from skmlp.activations import ACTIVATIONS, Celu, HardShrink, LeakyRelu, SoftShrink
from skmlp.initializers import BIAS_INITIALIZERS, INITIALIZERS
from skmlp.layers import Parametric, PRelu
from skmlp.layers.base import Step

torch = pytest.importorskip("torch")
F = torch.nn.functional

PEERS = {
    "identity": lambda x: x * 1,
    "logistic": torch.sigmoid,
    "tanh": torch.tanh,
    "relu": F.relu,
    "leaky_relu": F.leaky_relu,
    "elu": F.elu,
    "celu": F.celu,
    "selu": F.selu,
    "gelu": F.gelu,
    "gelu_tanh": lambda x: F.gelu(x, approximate="tanh"),
    "silu": F.silu,
    "mish": F.mish,
    "softplus": F.softplus,
    "log_sigmoid": F.logsigmoid,
    "softsign": F.softsign,
    "hard_sigmoid": F.hardsigmoid,
    "hard_tanh": F.hardtanh,
    "hard_swish": F.hardswish,
    "relu6": F.relu6,
    "hard_shrink": F.hardshrink,
    "soft_shrink": F.softshrink,
    "tanh_shrink": F.tanhshrink,
}
PAIRS = {
    **{name: (member(), PEERS.get(name)) for name, member in ACTIVATIONS.items()},
    "leaky_relu-0.3": (LeakyRelu(0.3), lambda x: F.leaky_relu(x, 0.3)),
    "celu-2": (Celu(2), lambda x: F.celu(x, 2)),
    "hard_shrink-1": (HardShrink(1), lambda x: F.hardshrink(x, 1)),
    "soft_shrink-1": (SoftShrink(1), lambda x: F.softshrink(x, 1)),
}

#: PyTorch's softplus is linear from z = 20 on, and its 1/6 is a float32 number.
LOOSE = {"softplus": 3e-9, "hard_sigmoid": 1e-8, "hard_swish": 1e-8}

every_pair = pytest.mark.parametrize("name", PAIRS)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def grid(dtype):
    """Numbers from -40 to 40, and each kink."""
    z = np.concatenate([np.linspace(-40, 40, 4001), np.linspace(-7, 7, 2003)])
    kinks = [0.0, 0.5, 1.0, 3.0, 6.0]
    return np.concatenate([z, kinks, np.negative(kinks)])[:, None].astype(dtype)


def gradients(value, dout, *inputs):
    """Return the value and its derivatives as arrays."""
    found = torch.autograd.grad(value, inputs, torch.tensor(dout))
    return [array.detach().numpy() for array in (value, *found)]


def tolerances(name, dtype):
    """Return what may differ: rounding, which grows with the values that cancel."""
    if dtype == np.float32:
        return {"rtol": 3e-6, "atol": 3e-6}
    return {"rtol": LOOSE.get(name, 1e-13), "atol": LOOSE.get(name, 1e-14)}


def trained(layer, x, p, dout):
    """Return the output of a layer and its derivatives."""
    s = {name: np.full_like(x, np.nan) for name in layer.buffers()}
    out, dx = np.full_like(x, np.nan), np.full_like(x, np.nan)
    dp = {name: np.full_like(array, np.nan) for name, array in p.items()}
    layer.train(x, out, p, s, Step(None, Noise()))
    value = out.copy()
    layer.backward(x, out, dout, dx, p, dp, s)
    return [value, dx, *dp.values()]


@both_dtypes
@every_pair
def test_value_and_derivative_are_those_of_torch(name, dtype):
    function, peer = PAIRS[name]
    z = grid(dtype)
    dout = np.cos(np.arange(z.size)).reshape(z.shape).astype(dtype)
    s = {buffer: np.full_like(z, np.nan) for buffer in function.buffers}
    out, dx, x = np.empty_like(z), np.empty_like(z), torch.tensor(z, requires_grad=True)
    expected = gradients(peer(x), dout, x)
    with np.errstate(all="ignore"):
        function.train(z, out, s)
        value = out.copy()
        function.backward(out, dout, dx, s)
    for found, theirs in zip((value, dx), expected, strict=True):
        assert found.dtype == theirs.dtype
        np.testing.assert_allclose(found, theirs, **tolerances(name, dtype))


@both_dtypes
def test_prelu_is_that_of_torch(dtype):
    rng = np.random.RandomState(0)
    x, dout = rng.normal(size=(2, 300, 7)).astype(dtype)
    x[0] = 0
    slope = rng.normal(size=7).astype(dtype)
    layer = PRelu()
    layer.build(7)
    found = trained(layer, x, {"slope": slope}, dout)
    tensors = [torch.tensor(array, requires_grad=True) for array in (x, slope)]
    expected = gradients(F.prelu(*tensors), dout, *tensors)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-5 if dtype == np.float32 else 1e-12)


def test_prelu_starts_where_torch_starts():
    layer, p = PRelu(), {"slope": np.empty(3)}
    layer.initialize(p, np.random.RandomState(0))
    np.testing.assert_array_equal(p["slope"], torch.nn.PReLU(3).weight.detach().numpy())


@every_pair
def test_parametric_form_is_that_of_torch(name):
    function, peer = PAIRS[name]
    rng = np.random.RandomState(0)
    x, dout = rng.normal(size=(2, 300, 7))
    share = rng.normal(size=7)
    layer = Parametric(function)
    layer.build(7)
    found = trained(layer, x, {"share": share}, dout)
    z, a = (torch.tensor(array, requires_grad=True) for array in (x, share))
    expected = gradients(z + a * (peer(z) - z), dout, z, a)
    for mine, theirs in zip(found, expected, strict=True):
        np.testing.assert_allclose(mine, theirs, rtol=1e-7, atol=1e-7)


def test_every_activation_has_a_peer():
    assert set(PEERS) == set(ACTIVATIONS)


# -- initial weights -----------------------------------------------------------------

SHAPE = (200, 400)

#: Those of PyTorch; its weights have the shape (fan_out, fan_in).
WEIGHTS = {
    "glorot_uniform": torch.nn.init.xavier_uniform_,
    "glorot_normal": torch.nn.init.xavier_normal_,
    "he_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="relu"),
    "he_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="relu"),
    "lecun_uniform": lambda w: torch.nn.init.kaiming_uniform_(w, nonlinearity="linear"),
    "lecun_normal": lambda w: torch.nn.init.kaiming_normal_(w, nonlinearity="linear"),
    "orthogonal": torch.nn.init.orthogonal_,
    "zeros": torch.nn.init.zeros_,
}


@pytest.mark.parametrize("name", WEIGHTS)
def test_weights_have_the_spread_of_torch(name):
    torch.manual_seed(0)
    theirs = WEIGHTS[name](torch.empty(SHAPE[::-1], dtype=torch.float64)).numpy()
    mine = INITIALIZERS[name](np.random.RandomState(0), SHAPE, *SHAPE, 1.0)
    assert mine.shape == theirs.T.shape
    assert mine.std() == pytest.approx(theirs.std(), rel=0.01)
    assert (mine**4).mean() == pytest.approx((theirs**4).mean(), rel=0.05)
    if "uniform" in name:
        assert np.abs(mine).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)


def test_uniform_biases_have_the_bound_of_torch():
    torch.manual_seed(0)
    theirs = torch.nn.Linear(50, 20_000).bias.detach().numpy()
    mine = BIAS_INITIALIZERS["uniform"](np.random.RandomState(0), (20_000,), 50, 20_000, 1.0)
    assert np.abs(mine).max() == pytest.approx(np.abs(theirs).max(), rel=1e-3)
    assert mine.std() == pytest.approx(theirs.std(), rel=0.02)


@pytest.mark.parametrize("a", [0.01, 0.25, 0.5])
def test_gains_of_rectifiers_are_those_of_torch(a):
    gain = torch.nn.init.calculate_gain
    assert LeakyRelu(a).gain() == pytest.approx(gain("leaky_relu", a), rel=1e-6)
    assert ACTIVATIONS["relu"]().gain() == pytest.approx(gain("relu"), rel=1e-6)
    assert ACTIVATIONS["identity"]().gain() == pytest.approx(gain("linear"), rel=1e-6)
