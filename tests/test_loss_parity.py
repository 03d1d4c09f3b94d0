"""Values and gradients of the losses against PyTorch's losses and its differentiation."""

import numpy as np
import pytest
from cases import LOSS_CASES, WEIGHT_CASES, in_one_case, loss_memory

from skmlp.losses import LOSSES

torch = pytest.importorskip("torch")
F = torch.nn.functional


def binary(z, y, label_smoothing=0.0):
    t = (1 - label_smoothing) * y + label_smoothing / 2
    return F.binary_cross_entropy_with_logits(z, t, reduction="none").sum(1)


def multinomial(z, y, label_smoothing=0.0):
    return F.cross_entropy(z, y, reduction="none", label_smoothing=label_smoothing)


def binary_focal(z, y, focal_gamma=2.0):
    nll = F.binary_cross_entropy_with_logits(z, y, reduction="none")
    return ((1 - torch.exp(-nll)) ** focal_gamma * nll).sum(1)


def multinomial_focal(z, y, focal_gamma=2.0):
    nll = F.cross_entropy(z, y, reduction="none")
    return (1 - torch.exp(-nll)) ** focal_gamma * nll


def squared_hinge(z, y):
    return (F.relu(1 - (2 * y - 1) * z) ** 2).sum(1)


def huber(z, y, huber_epsilon=1.35):
    return F.huber_loss(z, y, reduction="none", delta=huber_epsilon).sum(1)


def log_cosh(z, y):
    return torch.log(torch.cosh(z - y)).sum(1)


def quantile(z, y, quantile=0.5):
    levels = torch.atleast_1d(torch.tensor(quantile, dtype=z.dtype))
    first, *steps = z.chunk(len(levels), dim=1)
    stacked = torch.stack([first, *map(F.softplus, steps)]).cumsum(0)
    error = y - stacked
    return torch.maximum(levels[:, None, None] * error, (levels[:, None, None] - 1) * error).sum(
        (0, 2)
    )


def poisson(z, y):
    """PyTorch leaves out y log y - y."""
    own = torch.special.xlogy(y, y) - y
    return (F.poisson_nll_loss(z, y, log_input=True, reduction="none") + own).sum(1)


def gamma(z, y):
    """Return the likelihood, less its value at the mean y; of shape one: half the deviance."""
    at = torch.distributions.Gamma(1.0, torch.exp(-z)).log_prob(y)
    best = torch.distributions.Gamma(1.0, 1 / y).log_prob(y)
    return (best - at).sum(1)


def tweedie(z, y, power=1.5):
    """Integrate the derivative μ^(2 - p) - y μ^(1 - p) from log y to z by Gauss' rule."""
    nodes, weights = (torch.tensor(v) for v in np.polynomial.legendre.leggauss(60))
    start = torch.log(y) if power else torch.log(abs(y))
    at = start + (z - start) * (nodes[:, None, None] + 1) / 2
    slope = torch.exp((2 - power) * at) - y * torch.exp((1 - power) * at)
    return ((z - start) / 2 * (weights[:, None, None] * slope).sum(0)).sum(1)


def gaussian(z, y):
    mean, log_variance = z.chunk(2, dim=1)
    loss = F.gaussian_nll_loss(mean, y, torch.exp(log_variance), reduction="none", eps=1e-30)
    return loss.sum(1)


PEERS = {
    "binary_log_loss": binary,
    "multinomial_log_loss": multinomial,
    "binary_focal": binary_focal,
    "multinomial_focal": multinomial_focal,
    "squared_hinge": squared_hinge,
    "squared_error": lambda z, y: F.mse_loss(z, y, reduction="none").sum(1) / 2,
    "absolute_error": lambda z, y: F.l1_loss(z, y, reduction="none").sum(1),
    "huber": huber,
    "log_cosh": log_cosh,
    "quantile": quantile,
    "poisson": poisson,
    "gamma": gamma,
    "tweedie": tweedie,
    "gaussian": gaussian,
}
CASES = [
    pytest.param(name, case, id=f"{name}-{label}")
    for name, members in LOSS_CASES.items()
    for label, case in members.items()
]


def test_every_loss_has_a_peer():
    assert PEERS.keys() == LOSSES.keys()


@in_one_case(weights=WEIGHT_CASES)
@pytest.mark.parametrize(("name", "case"), CASES)
def test_value_and_gradient_are_those_of_pytorch(name, case, weights):
    rng = np.random.RandomState(1)
    n, loss = 11, case.make(name)
    rows = loss_memory(loss, n, case.n_outputs, np.float64)
    raw = rows.out[-1]
    raw[:] = 2 * rng.normal(size=raw.shape)
    y = case.targets(rng, n, case.n_outputs)
    if name == "tweedie":  # what the integral needs; zero and less have their own tests
        y = abs(y) + 0.2
    weight = WEIGHT_CASES[weights](rng, n)
    share = np.full(n, 1 / n) if weight is None else weight / weight.sum()
    z = torch.tensor(raw.copy(), requires_grad=True)
    expected = (PEERS[name](z, torch.tensor(y), **case.arguments) * torch.tensor(share)).sum()
    expected.backward()
    value = loss(raw, y, None if weight is None else share, rows.dout[-1], rows.scratch)
    assert value == pytest.approx(expected.item(), rel=1e-10)
    np.testing.assert_allclose(rows.dout[-1], z.grad.numpy(), rtol=1e-9, atol=1e-13)
