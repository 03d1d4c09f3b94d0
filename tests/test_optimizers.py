"""Optimizers against the papers, over blocks, in both dtypes, and from saved states."""

import numpy as np
import pytest
from cases import DTYPES, OPTIMIZER_CASES, each, poison_new_memory

from skmlp._arena import BLOCK
from skmlp.optimizers import OPTIMIZERS, SGD

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
SIZE = 2 * BLOCK + 17
STEPS = 20

every_optimizer = pytest.mark.parametrize(("name", "case"), each(OPTIMIZER_CASES))
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def rate(step):
    """Return a learning rate that changes from step to step."""
    return 0.05 / (1 + step)


class Descent:
    """An optimizer on its way along given gradients."""

    def __init__(self, name, case, dtype=np.float64, size=SIZE):
        rng = np.random.RandomState(0)
        self.params = rng.normal(size=size).astype(dtype)
        self.start = self.params.copy()
        # Some gradients are so small that an epsilon in a divisor shows.
        self._scale = 10.0 ** rng.uniform(-9, 1, size)
        self.grads = np.full(size, np.nan, dtype)
        self.optimizer = OPTIMIZERS[name](**case.arguments)
        self.optimizer.bind(self.params, self.grads)

    def gradient(self, step):
        """Return the gradient of a step."""
        noise = np.random.RandomState(step).normal(size=self.params.size)
        return (self._scale * noise).astype(self.params.dtype)

    def run(self, first, last):
        """Make some steps."""
        for step in range(first, last):
            self.grads[:] = self.gradient(step)
            self.optimizer.step(rate(step))
        return self


@both_dtypes
@every_optimizer
def test_twenty_steps_are_those_of_the_paper(name, case, dtype):
    found = Descent(name, case, dtype).run(0, STEPS)
    expected = case.reference(found.start.astype(float), **case.arguments)
    for step in range(STEPS):
        expected.step(found.gradient(step).astype(float), rate(step))
    assert found.params.dtype == dtype
    np.testing.assert_allclose(
        found.params, expected.params, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype]
    )
    assert np.abs(found.params - found.start).max() > 0.01


@pytest.mark.parametrize("size", [1, 17, BLOCK - 1, BLOCK, BLOCK + 1])
@pytest.mark.parametrize("name", OPTIMIZER_CASES)
def test_blocks_do_not_show(name, size):
    case = next(iter(OPTIMIZER_CASES[name].values()))
    whole = Descent(name, case).run(0, 3)
    part = Descent(name, case, size=size)
    part.params[:], part._scale = whole.start[:size], whole._scale[:size]
    for step in range(3):
        part.grads[:] = whole.gradient(step)[:size]
        part.optimizer.step(rate(step))
    assert part.params.tobytes() == whole.params[:size].tobytes()


@both_dtypes
@every_optimizer
def test_restored_state_goes_on_bit_by_bit(name, case, dtype):
    straight = Descent(name, case, dtype).run(0, 7)
    saved = straight.optimizer.state()
    resumed = Descent(name, case, dtype).run(10, 13)
    resumed.params[:] = straight.params
    resumed.optimizer.restore(saved)
    straight.run(7, 15)
    resumed.run(7, 15)
    assert resumed.params.tobytes() == straight.params.tobytes()


@every_optimizer
def test_state_is_a_copy_of_arrays_and_numbers(name, case):
    descent = Descent(name, case, size=5).run(0, 2)
    state = descent.optimizer.state()
    assert set(state) == {"steps", *descent.optimizer.slots}
    assert state["steps"] == 2
    untouched = Descent(name, case, size=5).run(0, 2)
    for slot in descent.optimizer.slots:
        state[slot][...] = np.nan
    assert descent.run(2, 4).params.tobytes() == untouched.run(2, 4).params.tobytes()


@every_optimizer
def test_binding_again_starts_from_nothing(name, case):
    used, fresh = Descent(name, case, size=5).run(0, 4), Descent(name, case, size=5)
    used.params[:] = fresh.start
    used.optimizer.bind(used.params, used.grads)
    assert used.run(0, 4).params.tobytes() == fresh.run(0, 4).params.tobytes()


@both_dtypes
@every_optimizer
def test_step_reads_the_gradient_and_no_leftover_memory(name, case, dtype, monkeypatch):
    clean = Descent(name, case, dtype).run(0, 3)
    poison_new_memory(monkeypatch)
    poisoned = Descent(name, case, dtype).run(0, 3)
    assert poisoned.params.tobytes() == clean.params.tobytes()
    assert poisoned.grads.tobytes() == clean.gradient(2).tobytes()


@pytest.mark.parametrize("name", OPTIMIZER_CASES)
def test_each_block_is_penalised_once_before_it_moves(name):
    case = next(iter(OPTIMIZER_CASES[name].values()))
    split, whole = Descent(name, case), Descent(name, case)
    seen = []

    def penalise(block):
        assert split.params[block].tobytes() == split.start[block].tobytes()
        seen.extend(range(SIZE)[block])
        split.grads[block] += split.params[block]
        return 0.5

    split.grads[:] = split.gradient(0)
    assert split.optimizer.step(rate(0), penalise) == pytest.approx(0.5 * 3)
    assert seen == list(range(SIZE))
    whole.grads[:] = whole.gradient(0) + whole.params
    whole.optimizer.step(rate(0))
    assert split.params.tobytes() == whole.params.tobytes()


def test_momentum_zero_is_gradient_descent():
    params, grads = np.array([1.0, -2.0]), np.array([0.5, 4.0])
    for nesterov in (False, True):
        w = params.copy()
        optimizer = SGD(momentum=0.0, nesterovs_momentum=nesterov)
        optimizer.bind(w, grads)
        optimizer.step(0.1)
        np.testing.assert_allclose(w, [0.95, -2.4], rtol=1e-15)
