"""Optimizers against PyTorch's, step by step."""

import numpy as np
import pytest

from skmlp.optimizers import OPTIMIZERS

torch = pytest.importorskip("torch")

SIZE, STEPS = 400, 30


def parity(name, peer, arguments=None, falling=True, **options):
    """Return a case: our arguments, PyTorch's class and its, and whether the rate falls."""
    case = (name, arguments or {}, getattr(torch.optim, peer), options, falling)
    return pytest.param(*case, id=f"{name}-{arguments or 'defaults'}")


#: Ours keeps the learning rate in the velocity, as scikit-learn does, and Rprop's steps
#: follow it: these two agree at a constant rate. Adam's epsilon has scikit-learn's place;
#: one that is next to nothing has none.
PLAIN = {"nesterovs_momentum": False}
STEPS_OF_RPROP = {"eta_minus": 0.3, "eta_plus": 1.7, "min_step": 0.01, "max_step": 0.07}
BETAS = {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 0.1}
betas = {"betas": (0.5, 0.9), "eps": 0.1}
NO_FIRST = {"beta_1": 0.0, "beta_2": 0.5}
no_first = {"betas": (0.0, 0.5)}
RHO = {"rho": 0.5, "epsilon": 0.1}
alpha = {"alpha": 0.5, "eps": 0.1}
SAME = [
    parity("sgd", "SGD", PLAIN | {"momentum": 0.0}),
    parity("sgd", "SGD", PLAIN, falling=False, momentum=0.9),
    parity("sgd", "SGD", {"momentum": 0.8}, falling=False, momentum=0.8, nesterov=True),
    parity("adam", "Adam", {"epsilon": 1e-40}, eps=1e-40),
    parity("adam", "Adam", NO_FIRST | {"epsilon": 1e-40}, **no_first, eps=1e-40),
    parity("adamw", "AdamW", weight_decay=0.0),
    parity("adamw", "AdamW", BETAS, weight_decay=0.0, **betas),
    parity("adamw", "AdamW", NO_FIRST, weight_decay=0.0, **no_first),
    parity("amsgrad", "Adam", amsgrad=True),
    parity("amsgrad", "Adam", BETAS, amsgrad=True, **betas),
    parity("adamax", "Adamax"),
    parity("adamax", "Adamax", BETAS, **betas),
    parity("nadam", "NAdam"),
    parity("nadam", "NAdam", BETAS | {"momentum_decay": 0.5}, momentum_decay=0.5, **betas),
    parity("nadam", "NAdam", NO_FIRST, **no_first),
    parity("radam", "RAdam"),
    parity("radam", "RAdam", BETAS, **betas),
    parity("radam", "RAdam", NO_FIRST, **no_first),
    parity("adagrad", "Adagrad", eps=1e-8),
    parity(
        "adagrad",
        "Adagrad",
        {"epsilon": 0.1, "initial_accumulator_value": 0.5},
        eps=0.1,
        initial_accumulator_value=0.5,
    ),
    parity("rmsprop", "RMSprop", alpha=0.9),
    parity("rmsprop", "RMSprop", RHO, **alpha),
    parity("rmsprop", "RMSprop", {"centered": True}, alpha=0.9, centered=True),
    parity("rmsprop", "RMSprop", RHO | {"centered": True}, centered=True, **alpha),
    parity("adadelta", "Adadelta", eps=1e-8),
    parity("adadelta", "Adadelta", RHO, rho=0.5, eps=0.1),
    parity("rprop", "Rprop", falling=False),
    parity(
        "rprop",
        "Rprop",
        STEPS_OF_RPROP,
        falling=False,
        etas=(0.3, 1.7),
        step_sizes=(0.01, 0.07),
    ),
]


@pytest.fixture(autouse=True)
def double_precision():
    """Let PyTorch keep NAdam's product of momenta as a double, too."""
    kept = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(kept)


class Decay:
    """A regulariser that is weight decay alone."""

    threshold = 0.0

    def __init__(self, strength):
        self.strength = strength

    def before(self, scratch, params, grads):
        """Add no gradient."""
        return 0.0

    def decay(self, lr):
        """Return the share of the parameters that goes."""
        return lr * self.strength


def both(name, arguments, peer, options, *, falling=True, foreach=False, decay=0.0):
    """Return the parameters after some steps, ours and PyTorch's."""
    rng = np.random.RandomState(0)
    params, grads, scale = rng.normal(size=SIZE), np.empty(SIZE), 10 ** rng.uniform(-3, 1, SIZE)
    theirs = torch.nn.Parameter(torch.tensor(params.copy()))
    descent = peer([theirs], lr=0.03, foreach=foreach, **options)
    ours = OPTIMIZERS[name](**arguments)
    ours.bind(params, grads)
    for step in range(STEPS):
        lr = 0.03 / (1 + 0.1 * step) if falling else 0.03
        grads[:] = scale * rng.normal(size=SIZE)
        theirs.grad = torch.tensor(grads.copy())
        descent.param_groups[0]["lr"] = lr
        descent.step()
        ours.step(lr, Decay(decay))
    return params, theirs.detach().numpy()


@pytest.mark.parametrize("foreach", [False, True])
@pytest.mark.parametrize(("name", "arguments", "peer", "options", "falling"), SAME)
def test_steps_equal_those_of_pytorch(name, arguments, peer, options, falling, foreach):
    ours, theirs = both(name, arguments, peer, options, falling=falling, foreach=foreach)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_decoupled_weight_decay_equals_that_of_pytorch():
    ours, theirs = both("adamw", {}, torch.optim.AdamW, {"weight_decay": 0.3}, decay=0.3)
    np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)


def test_every_optimizer_that_pytorch_has_is_compared():
    ours = {case.values[0] for case in SAME}
    assert set(OPTIMIZERS) - ours == {"lion", "schedulefree"}
