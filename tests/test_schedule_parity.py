"""The same learning rates as PyTorch's schedulers, where both have the formula.

PyTorch computes most rates from the one before, so they carry the rounding errors of
all steps; a rate near zero is compared with the largest.
"""

import itertools

import pytest

from skmlp.schedules import (
    Constant,
    Cosine,
    CosineRestarts,
    Cyclic,
    Exponential,
    OneCycle,
    Polynomial,
    Progress,
    Step,
    WarmUp,
)

torch = pytest.importorskip("torch")
schedulers = torch.optim.lr_scheduler

INIT, EPOCHS, BATCHES = 0.3, 12, 5
STEPS = EPOCHS * BATCHES


def steps(epochs=EPOCHS, batches=BATCHES):
    """Return the progress before each step."""
    places = itertools.product(range(epochs), range(batches))
    return [
        Progress(epoch, epoch * batches + batch, 0, 0, batch, batches, 0, epochs)
        for epoch, batch in places
    ]


def by_step(make, n=STEPS):
    """Return PyTorch's rate of each step, its scheduler advanced after each."""
    optimizer = torch.optim.SGD([torch.zeros(1)], INIT)
    scheduler, rates = make(optimizer), []
    for _ in range(n):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return rates


def by_epoch(make):
    """Return PyTorch's rate of each step, its scheduler advanced after each epoch."""
    return [rate for rate in by_step(make, EPOCHS) for _ in range(BATCHES)]


def assert_same(schedule, expected, progress=None):
    found = [schedule(place) for place in progress or steps()]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-13 * INIT)


@pytest.mark.parametrize("gamma", [0.1, 0.8, 1.0])
@pytest.mark.parametrize("period", [1, 3, 20])
def test_step(period, gamma):
    expected = by_epoch(lambda opt: schedulers.StepLR(opt, period, gamma))
    assert_same(Step(INIT, gamma, period), expected)


@pytest.mark.parametrize("gamma", [0.1, 0.8, 1.0])
def test_exponential_at_the_start_of_each_epoch(gamma):
    expected = by_step(lambda opt: schedulers.ExponentialLR(opt, gamma), EPOCHS)
    assert_same(Exponential(INIT, gamma, 1), expected, steps(batches=1))
    assert_same(Exponential(INIT, gamma, 1), expected, steps()[::BATCHES])


@pytest.mark.parametrize("period", [1, 4])
def test_exponential_at_each_step(period):
    gamma = 0.5 ** (1 / (period * BATCHES))
    expected = by_step(lambda opt: schedulers.ExponentialLR(opt, gamma))
    assert_same(Exponential(INIT, 0.5, period), expected)


@pytest.mark.parametrize("power", [0.5, 1.0, 2.5])
def test_polynomial(power):
    expected = by_step(lambda opt: schedulers.PolynomialLR(opt, STEPS, power))
    assert_same(Polynomial(INIT, lr_power=power), expected)


@pytest.mark.parametrize("final", [0.0, 0.1])
def test_cosine(final):
    expected = by_step(lambda opt: schedulers.CosineAnnealingLR(opt, STEPS, final * INIT))
    assert_same(Cosine(INIT, final), expected)


@pytest.mark.parametrize("final", [0.0, 0.1])
@pytest.mark.parametrize("growth", [1, 2, 3])
@pytest.mark.parametrize("period", [1, 3])
def test_cosine_restarts(period, growth, final):
    optimizer = torch.optim.SGD([torch.zeros(1)], INIT)
    scheduler = schedulers.CosineAnnealingWarmRestarts(optimizer, period, growth, final * INIT)
    expected = []
    for progress in steps():
        scheduler.step(progress.epoch + progress.batch / progress.batches)
        expected.append(optimizer.param_groups[0]["lr"])
    schedule = CosineRestarts(INIT, final, period, growth)
    found = [schedule(progress) for progress in steps()]
    assert found == pytest.approx(expected, rel=1e-12, abs=1e-13 * INIT)


@pytest.mark.parametrize("rise", [0.1, 0.3, 0.7])
@pytest.mark.parametrize("final", [1e-6, 0.01])
def test_one_cycle(final, rise):
    """PyTorch's plan ends at its last step, not after it, and so does its rise."""
    n = STEPS + 1
    expected = by_step(
        lambda opt: schedulers.OneCycleLR(
            opt,
            INIT,
            total_steps=n,
            pct_start=(rise * STEPS + 1) / n,
            final_div_factor=1 / (25 * final),
            cycle_momentum=False,
        ),
        STEPS,
    )
    assert_same(OneCycle(INIT, final, rise), expected)


@pytest.mark.parametrize("final", [0.0, 0.25])
@pytest.mark.parametrize("period", [2, 4, 10])
def test_cyclic(period, final):
    half = period * BATCHES // 2
    expected = by_step(
        lambda opt: schedulers.CyclicLR(opt, final * INIT, INIT, half, cycle_momentum=False)
    )
    assert_same(Cyclic(INIT, final, period), expected)


@pytest.mark.parametrize("warmup", [2, 6, 0.25])
@pytest.mark.parametrize("rest", ["constant", "exponential", "cosine"])
def test_warm_up(rest, warmup):
    ours, theirs = {
        "constant": (Constant(INIT), lambda opt: schedulers.ConstantLR(opt, 1.0)),
        "exponential": (Exponential(INIT, 0.5, 4), lambda opt: _halving(opt, 4 * BATCHES)),
        "cosine": (Cosine(INIT), lambda opt: schedulers.CosineAnnealingLR(opt, STEPS)),
    }[rest]
    n = warmup if warmup > 1 else warmup * STEPS

    def chained(opt):
        line = schedulers.LinearLR(opt, 1 / n, 1.0, int(n) - 1)
        return schedulers.ChainedScheduler([line, theirs(opt)], opt)

    assert_same(WarmUp(ours, warmup), by_step(chained))


def _halving(optimizer, n):
    """Return the scheduler that halves the rate in n steps."""
    return schedulers.ExponentialLR(optimizer, 0.5 ** (1 / n))
