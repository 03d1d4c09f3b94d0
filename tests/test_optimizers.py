"""Optimizers against the papers, over blocks, in both dtypes, and from saved states."""

import functools
import tracemalloc

import numpy as np
import pytest
from cases import DTYPES, OPTIMIZER_CASES, each, in_one_case, poison_new_memory

from skmlp._arena import BLOCK
from skmlp.optimizers import (
    OPTIMIZERS,
    SGD,
    AdamW,
    Lion,
    Pace,
    RMSprop,
    Rprop,
    ScheduleFreeAdamW,
)

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-12}
SIZE = 5003
LARGE = 2 * BLOCK + 17
STEPS = 20

every_optimizer = pytest.mark.parametrize(("name", "case"), each(OPTIMIZER_CASES))
every_name = pytest.mark.parametrize("name", OPTIMIZER_CASES)
both_dtypes = in_one_case(dtype=DTYPES)


def rate(step):
    """Return a learning rate that rises and falls from step to step."""
    return 0.05 * min(1.0, 0.3 + 0.2 * step) / (1 + step // 8)


def some_case(name):
    """Return the first case of an optimizer."""
    return next(iter(OPTIMIZER_CASES[name].values()))


class Regulariser:
    """Penalties as an optimizer sees them."""

    def __init__(self, threshold=0.0, before=None, weight_decay=0.0):
        self.threshold, self._before, self._decay = threshold, before, weight_decay

    def before(self, scratch, params, grads):
        """Do what was asked for."""
        return self._before(params, grads) if self._before else 0.0

    def decay(self, lr):
        """Return the share that weight decay takes."""
        return lr * self._decay


@functools.cache
def noise(step, size):
    """Return the random part of the gradient of a step."""
    return np.random.RandomState(step).normal(size=size)


class Descent:
    """An optimizer on its way along given gradients."""

    def __init__(self, name, case, dtype=np.float64, size=SIZE, **options):
        rng = np.random.RandomState(0)
        self.params = rng.normal(size=size).astype(dtype)
        self.start = self.params.copy()
        # Some gradients are so small that an epsilon in a divisor shows.
        self._scale = 10.0 ** rng.uniform(-9, 1, size)
        self.grads = np.full(size, np.nan, dtype)
        self.optimizer = OPTIMIZERS[name](**case.arguments)
        self.optimizer.bind(self.params, self.grads, **options)

    def gradient(self, step):
        """Return the gradient of a step."""
        return (self._scale * noise(step, self.params.size)).astype(self.params.dtype)

    def run(self, first, last, regulariser=None, factor=1.0):
        """Make some steps."""
        for step in range(first, last):
            self.grads[:] = self.gradient(step)
            self.optimizer.step(rate(step) * factor, regulariser)
        return self


# -- formulas ------------------------------------------------------------------------


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
    assert np.abs(found.params - found.start).max() > 0.001


def test_momentum_zero_is_gradient_descent():
    params, grads = np.array([1.0, -2.0]), np.array([0.5, 4.0])
    for nesterov in (False, True):
        w = params.copy()
        optimizer = SGD(momentum=0.0, nesterovs_momentum=nesterov)
        optimizer.bind(w, grads)
        optimizer.step(0.1)
        np.testing.assert_allclose(w, [0.95, -2.4], rtol=1e-15)


@both_dtypes
@every_name
def test_no_gradient_moves_nothing(name, dtype):
    descent = Descent(name, some_case(name), dtype)
    for _ in range(STEPS):
        descent.grads[:] = 0
        descent.optimizer.step(0.1)
    assert descent.params.tobytes() == descent.start.tobytes()


@in_one_case(size=[1e-30, 1e20, 1e25])
@every_name
def test_tiny_and_huge_gradients_leave_finite_parameters(name, size):
    """Squares of such float32 numbers are zero or infinite."""
    descent = Descent(name, some_case(name), np.float32, size=100)
    with np.errstate(all="ignore"):
        for step in range(STEPS):
            descent.grads[:] = size * np.random.RandomState(step).choice([-1, 1], 100)
            descent.optimizer.step(0.01)
    assert np.isfinite(descent.params).all()


@every_name
def test_infinite_gradients_are_not_hidden(name):
    """What diverges must be found at the end of the epoch, by its parameters."""
    descent = Descent(name, some_case(name), size=3)
    with np.errstate(all="ignore"):
        descent.grads[:] = np.nan
        descent.optimizer.step(0.01)
    assert np.isnan(descent.params).all()


def test_what_estimators_have_to_know_of_optimizers():
    def having(attribute):
        return {name for name, kind in OPTIMIZERS.items() if getattr(kind, attribute)}

    assert having("full_batch") == {"rprop"}
    assert having("averages") == {"schedulefree"}
    assert having("default_weight_decay") == {"adamw"}
    assert AdamW.default_weight_decay == 0.01


# -- blocks, memory, parts -----------------------------------------------------------


@every_name
def test_blocks_do_not_show(name):
    whole = Descent(name, some_case(name), size=LARGE).run(0, 3)
    for size in (1, 17, BLOCK - 1, BLOCK, BLOCK + 1):
        part = Descent(name, some_case(name), size=size)
        part.params[:], part._scale = whole.start[:size], whole._scale[:size]
        part.optimizer.bind(part.params, part.grads)
        for step in range(3):
            part.grads[:] = whole.gradient(step)[:size]
            part.optimizer.step(rate(step))
        assert part.params.tobytes() == whole.params[:size].tobytes(), size


@both_dtypes
@every_optimizer
def test_step_reads_the_gradient_and_no_leftover_memory(name, case, dtype, monkeypatch):
    clean = Descent(name, case, dtype).run(0, 3, Regulariser(0.01))
    with monkeypatch.context() as patch:
        poison_new_memory(patch)
        poisoned = Descent(name, case, dtype).run(0, 3, Regulariser(0.01))
    assert poisoned.params.tobytes() == clean.params.tobytes()


@in_one_case(strength=[0.0, 0.01])
@every_name
def test_a_step_allocates_nothing_that_grows(name, strength):
    descent, out = Descent(name, some_case(name), size=LARGE), np.empty(LARGE)
    descent.run(0, 1, Regulariser(strength))
    descent.grads[:] = descent.gradient(1)
    tracemalloc.start()
    descent.optimizer.step(0.01, Regulariser(strength))
    descent.optimizer.settle()
    descent.optimizer.rates_of(slice(5, 5 + BLOCK), out[:BLOCK])
    descent.optimizer.evaluation(out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**14


@every_name
def test_each_block_is_penalised_once_before_it_moves(name):
    split, whole = (Descent(name, some_case(name), size=LARGE) for _ in range(2))
    seen = []

    def penalise(params, grads):
        start = split.start[len(seen) :][: len(params)]
        assert params.tobytes() == start.tobytes()
        seen.extend(params)
        grads += params
        return 0.5

    split.grads[:] = split.gradient(0)
    assert split.optimizer.step(rate(0), Regulariser(before=penalise)) == pytest.approx(0.5 * 3)
    assert len(seen) == LARGE
    whole.grads[:] = whole.gradient(0) + whole.params
    whole.optimizer.step(rate(0))
    assert split.params.tobytes() == whole.params.tobytes()


@every_name
def test_only_the_head_is_decayed_and_thresholded(name):
    regulariser = Regulariser(0.01, weight_decay=1.0)
    spared, all_of_it = (
        Descent(name, some_case(name), size=LARGE).run(0, 3, other) for other in (None, regulariser)
    )
    for n in (0, 1000, BLOCK, LARGE):
        parted = Descent(name, some_case(name), size=LARGE, n_penalised=n).run(0, 3, regulariser)
        assert parted.params[:n].tobytes() == all_of_it.params[:n].tobytes()
        assert parted.params[n:].tobytes() == spared.params[n:].tobytes()


@every_name
def test_only_what_moves_is_touched(name):
    moving, averages = [slice(5, 100), slice(BLOCK - 1, BLOCK + 50)], np.empty((2, LARGE))
    whole, some = (Descent(name, some_case(name), size=LARGE) for _ in range(2))
    some.optimizer.move(moving)
    for descent, average in zip((whole, some), averages, strict=True):
        descent.run(0, 3, Regulariser(0.01, weight_decay=1.0)).optimizer.evaluation(average)
    held = np.ones(LARGE, bool)
    for part in moving:
        held[part] = False
        assert some.params[part].tobytes() == whole.params[part].tobytes()
        assert averages[1][part].tobytes() == averages[0][part].tobytes()
    assert some.params[held].tobytes() == averages[1][held].tobytes() == some.start[held].tobytes()
    some.optimizer.move([slice(0, LARGE)])
    assert (some.run(3, 5).params[held] != some.start[held]).any()


@every_name
def test_restart_is_a_new_optimizer_at_the_parameters_to_evaluate(name):
    used, new = (Descent(name, some_case(name)) for _ in range(2))
    used.run(0, 5).optimizer.evaluation(new.params)
    used.optimizer.restart()
    new.optimizer.bind(new.params, new.grads)
    for descent in (used, new):
        descent.run(5, 8)
    assert used.params.tobytes() == new.params.tobytes()


@in_one_case(strength=[0.0, 0.01])
@every_name
def test_each_part_goes_at_its_own_pace(name, strength):
    cut, factors, regulariser = 1000, (0.3, 2.0), Regulariser(strength)
    parts = slice(0, cut), slice(cut, SIZE)
    mixed = Descent(name, some_case(name), paces=list(map(Pace, parts, factors)))
    mixed.run(0, STEPS, regulariser)
    for part, factor in zip(parts, factors, strict=True):
        plain = Descent(name, some_case(name)).run(0, STEPS, regulariser, factor)
        np.testing.assert_allclose(mixed.params[part], plain.params[part], rtol=1e-12, atol=1e-12)
        rates, expected = np.empty(part.stop - part.start), np.empty(SIZE)
        mixed.optimizer.rates_of(part, rates)
        plain.optimizer.rates_of(slice(0, SIZE), expected)
        np.testing.assert_allclose(rates, expected[part], rtol=1e-9)


# -- state ---------------------------------------------------------------------------


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
    assert resumed.optimizer.state().keys() == straight.optimizer.state().keys()


@every_optimizer
def test_state_is_a_copy_of_arrays_and_numbers(name, case):
    descent = Descent(name, case, size=5).run(0, 2)
    state = descent.optimizer.state()
    numbers = descent.optimizer.numbers
    assert set(state) == {"steps", *numbers, *descent.optimizer.slots}
    assert state["steps"] == 2
    assert all(type(state[number]) is float for number in numbers)
    untouched = Descent(name, case, size=5).run(0, 2)
    for slot in descent.optimizer.slots:
        state[slot][...] = np.nan
    for number in numbers:
        state[number] = np.nan
    assert descent.run(2, 4).params.tobytes() == untouched.run(2, 4).params.tobytes()


@every_optimizer
def test_binding_again_starts_from_nothing(name, case):
    used, fresh = Descent(name, case, size=5).run(0, 4), Descent(name, case, size=5)
    used.params[:] = fresh.start
    used.optimizer.bind(used.params, used.grads)
    assert used.run(0, 4).params.tobytes() == fresh.run(0, 4).params.tobytes()


def test_state_of_another_optimizer_is_refused():
    params, grads = np.ones(3), np.ones(3)
    plain, centered = RMSprop(), RMSprop(centered=True)
    for optimizer in (plain, centered):
        optimizer.bind(params, grads)
    with pytest.raises(ValueError, match=r"RMSprop with the parameters it has.*variance"):
        centered.restore(plain.state())


# -- the metric and the prox of |w| --------------------------------------------------


@every_optimizer
def test_rates_are_the_steps_along_a_gradient_that_lasts(name, case):
    """Of size one here, as the step sizes of Rprop know nothing of it."""
    descent = Descent(name, case, size=6)
    optimizer, rates = descent.optimizer, np.empty(6)
    gradient = np.array([1.0, -1.0, 1.0, -1.0, 1.0, 1.0])
    for _ in range(300):
        before = optimizer.iterate.copy()
        descent.grads[:] = gradient
        optimizer.step(0.01)
    optimizer.rates_of(slice(0, 6), rates)
    # Adadelta's steps grow by themselves: its rates are those of the next one.
    tolerance = 0.01 if name == "adadelta" else 1e-6
    np.testing.assert_allclose(before - optimizer.iterate, rates * gradient, rtol=tolerance)
    optimizer.rates_of(slice(2, 4), rates[:2])
    assert rates[:2].tobytes() == rates[2:4].tobytes()


@in_one_case(nesterov=[False, True])
def test_rates_of_momentum_follow_a_falling_learning_rate(nesterov):
    """The velocity of the steps before outlasts their learning rate, and so does the prox."""
    params, grads, rates = np.zeros(1), np.ones(1), np.empty(1)
    optimizer = SGD(momentum=0.9, nesterovs_momentum=nesterov)
    optimizer.bind(params, grads)
    for step in range(50):
        before, grads[:] = params.copy(), 1
        optimizer.step(0.5**step)
        optimizer.rates_of(slice(0, 1), rates)
        np.testing.assert_allclose(before - params, rates, rtol=1e-12)


SIGNS = {"lion", "rprop"}
by_metric = pytest.mark.parametrize(
    ("name", "case"),
    each({name: cases for name, cases in OPTIMIZER_CASES.items() if name not in SIGNS}),
)


def least_on_a_grid(objective, low, high):
    """Return the least value of a function of each element on a grid, zero included."""
    grid = np.linspace(low, high, 2001)
    return np.minimum(objective(grid).min(axis=0), objective(np.clip(0.0, low, high)))


@in_one_case(strength=[1e-4, 0.01, 1.0])
@by_metric
def test_shrinking_is_the_prox_in_the_metric_of_the_step(name, case, strength):
    plain, shrunk = (Descent(name, case, size=300).run(0, 10) for _ in range(2))
    plain.run(10, 11)
    shrunk.run(10, 11, Regulariser(strength))
    start, found, rates = plain.optimizer.iterate, shrunk.optimizer.iterate, np.empty(300)
    plain.optimizer.rates_of(slice(0, 300), rates)

    def objective(u):
        return strength * np.abs(u) + (u - start) ** 2 / (2 * rates)

    assert (objective(found) <= least_on_a_grid(objective, -3 + start, 3 + start) + 1e-12).all()
    assert ((found == 0) == (np.abs(start) <= strength * rates)).all()
    moments = [name for name in plain.optimizer.slots if name not in ("iterate", "distance")]
    for slot in moments:
        assert plain.optimizer.state()[slot].tobytes() == shrunk.optimizer.state()[slot].tobytes()


@in_one_case(strength=[1e-4, 0.01, 1.0])
@pytest.mark.parametrize("case", OPTIMIZER_CASES["lion"].values(), ids=str)
def test_lion_goes_where_the_penalised_slope_is_least_in_reach(case, strength):
    lion = Descent("lion", case, size=300).run(0, 10)
    twin = case.reference(lion.start, **case.arguments)
    for step in range(10):
        twin.step(lion.gradient(step), rate(step))
    start, slope = lion.params.copy(), twin.direction(lion.gradient(10))
    lion.run(10, 11, Regulariser(strength))
    reach = rate(10)

    def objective(u):
        return slope * u + strength * np.abs(u)

    least = least_on_a_grid(objective, start - reach, start + reach)
    assert (objective(lion.params) <= least + 1e-12).all()
    assert (np.abs(lion.params - start) <= reach + 1e-15).all()
    reached = (np.abs(slope) < strength) & (np.abs(start) <= reach)
    assert ((lion.params == 0) == reached).all()
    assert reached.any() or strength < 1e-3


FACTORS = ("eta_minus", "eta_plus")
BOUNDS = ("min_step", "max_step")


@in_one_case(strength=[1e-4, 0.01, 1.0])
@pytest.mark.parametrize("case", OPTIMIZER_CASES["rprop"].values(), ids=str)
def test_rprop_goes_where_the_penalised_slope_is_least_in_reach(case, strength):
    rprop = Descent("rprop", case, size=300).run(0, 10, Regulariser(strength))
    before, start, slope = rprop.optimizer.state(), rprop.params.copy(), rprop.gradient(10)
    rprop.run(10, 11, Regulariser(strength))
    after = rprop.optimizer.state()
    reach = rate(10) * after["size"]
    downhill = np.where(np.abs(slope) > strength, np.sign(slope), np.sign(start))
    turned = downhill * before["sign"] < 0
    assert turned.any()
    assert not turned.all()

    def objective(u):
        return slope * u + strength * np.abs(u)

    least = least_on_a_grid(objective, start - reach, start + reach)
    assert (objective(rprop.params) <= least + 1e-12)[~turned].all()
    assert rprop.params[turned].tobytes() == start[turned].tobytes()
    assert (np.abs(rprop.params - start) <= reach + 1e-15).all()
    assert (after["sign"] == np.sign(start - rprop.params)).all()
    low, high = (case.arguments[bound] / max(map(rate, range(11))) for bound in BOUNDS)
    kept = downhill * before["sign"] > 0
    factor = np.select([turned, kept], [case.arguments[eta] for eta in FACTORS], 1.0)
    np.testing.assert_allclose(after["size"], np.clip(before["size"] * factor, low, high))


class Lasso:
    """½ (w - a)ᵀ Q (w - a) + strength ‖w‖₁, solved one coordinate at a time."""

    n = 12

    def __init__(self, strength):
        rng = np.random.RandomState(3)
        X = rng.normal(size=(60, self.n))
        self.strength, self.Q = strength, X.T @ X / 60 + 0.1 * np.eye(self.n)
        size = np.where(np.arange(self.n) % 3 == 0, 0.05, 1.0) * rng.uniform(0.5, 2, self.n)
        self.a = size * rng.choice([-1, 1], self.n)
        self.solution = np.zeros(self.n)
        for _ in range(300):
            for j in range(self.n):
                best = self.solution[j] - self.gradient(self.solution)[j] / self.Q[j, j]
                less = max(abs(best) - strength / self.Q[j, j], 0)
                self.solution[j] = np.sign(best) * less

    def gradient(self, w):
        """Return the derivative of the smooth part."""
        return self.Q @ (w - self.a)

    def descend(self, optimizer, lr, steps):
        """Return what an optimizer finds with a rate that falls to zero."""
        w, grads, found = np.linspace(-1, 1, self.n), np.empty(self.n), np.empty(self.n)
        optimizer.bind(w, grads)
        for step in range(steps):
            grads[:] = self.gradient(w)
            falling = 0.5 * (1 + np.cos(np.pi * step / steps))
            optimizer.step(lr * falling, Regulariser(self.strength))
        optimizer.evaluation(found)
        return found


solved = functools.cache(Lasso)

#: Learning rates, and how near the solution they lead.
LASSO = {
    "sgd": (0.02, 1e-12),
    "adam": (0.1, 1e-12),
    "adamw": (0.1, 1e-12),
    "amsgrad": (0.1, 1e-12),
    "adamax": (0.1, 1e-12),
    "nadam": (0.1, 1e-12),
    "radam": (0.1, 1e-12),
    "adagrad": (1.0, 1e-12),
    "rmsprop": (0.1, 1e-12),
    "adadelta": (30.0, 1e-3),
    "lion": (0.1, 1e-5),
    "schedulefree": (0.3, 1e-3),
    "rprop": (0.1, 1e-5),
}


@in_one_case(strength=[0.1, 0.5, 1.0, 5.0])
@every_name
def test_an_l1_penalty_leads_to_the_lasso_and_its_zeros(name, strength):
    lasso, (lr, tolerance) = solved(strength), LASSO[name]
    found = lasso.descend(OPTIMIZERS[name](), lr, 2000)
    zero = lasso.solution == 0
    assert zero.sum() == {0.1: 4, 0.5: 4, 1.0: 8, 5.0: 12}[strength]
    assert ((found == 0) == zero).all()
    np.testing.assert_allclose(found, lasso.solution, atol=tolerance)


@pytest.mark.parametrize(
    "optimizer",
    [SGD(0.0), SGD(0.5, nesterovs_momentum=False), Lion(beta_1=0.0), Lion(beta_2=0.999)],
    ids=lambda optimizer: str(vars(optimizer)),
)
def test_zeros_do_not_depend_on_the_momentum(optimizer):
    lasso = Lasso(1.0)
    found = lasso.descend(optimizer, 0.05, 6000)
    assert ((found == 0) == (lasso.solution == 0)).all()
    np.testing.assert_allclose(found, lasso.solution, atol=1e-3)


def test_a_variance_that_vanishes_leads_to_the_lasso_too():
    """A lasting gradient has none: then the divisor of RMSprop is epsilon alone."""
    lasso = Lasso(1.0)
    found = lasso.descend(RMSprop(centered=True, epsilon=0.1), 0.1, 3000)
    assert ((found == 0) == (lasso.solution == 0)).all()
    np.testing.assert_allclose(found, lasso.solution, atol=1e-12)


# -- weight decay --------------------------------------------------------------------


@every_name
def test_decay_takes_a_share_of_the_parameters_before_the_step(name):
    descent = Descent(name, some_case(name), paces=[Pace(slice(0, SIZE), 0.5)])
    descent.grads[:] = 0
    descent.optimizer.step(0.1, Regulariser(weight_decay=5.0))
    np.testing.assert_allclose(descent.optimizer.iterate, 0.75 * descent.start, rtol=1e-15)


@pytest.mark.parametrize("name", sorted(set(OPTIMIZERS) - {"schedulefree"}))
def test_decay_leaves_the_step_as_it_is(name):
    decayed, shrunk = (Descent(name, some_case(name)) for _ in range(2))
    decayed.run(0, 1, Regulariser(weight_decay=3.0))
    shrunk.params *= 1 - 3.0 * rate(0)
    shrunk.run(0, 1)
    assert decayed.params.tobytes() == shrunk.params.tobytes()


# -- schedule-free: what is evaluated ------------------------------------------------


every_schedule_free = pytest.mark.parametrize(
    "case", OPTIMIZER_CASES["schedulefree"].values(), ids=str
)


def follow(found, expected, first, last, decay_rate=0.0, change=lambda z, rates: z):
    """Step both; let `change` move z before it is averaged; compare x, y and z."""
    optimizer, size = found.optimizer, found.params.size
    rates, average = np.empty(size), np.empty(size)
    for step in range(first, last):
        lr, old = rate(step), expected.x
        found.run(step, step + 1, Regulariser(weight_decay=decay_rate))
        expected.step(found.gradient(step), lr, decay_rate)
        weights = np.maximum.accumulate(expected.rates) ** 2
        c = weights[-1] / weights.sum()
        optimizer.rates_of(slice(0, size), rates)
        expected.z = change(expected.z, rates)
        expected.x = (1 - c) * old + c * expected.z
        np.copyto(optimizer.iterate, change(optimizer.iterate.copy(), rates))
        optimizer.settle()
    optimizer.evaluation(average)
    np.testing.assert_allclose(average, np.where(expected.z == 0, 0, expected.x), atol=1e-12)
    np.testing.assert_allclose(optimizer.iterate, expected.z, atol=1e-12)
    np.testing.assert_allclose(found.params, expected.params, atol=1e-12)


@in_one_case(decay_rate=[0.0, 0.5])
@every_schedule_free
def test_average_is_that_of_the_paper_with_weight_decay_and_projections(case, decay_rate):
    found = Descent("schedulefree", case, size=300)
    expected = case.reference(found.start, **case.arguments)
    follow(found, expected, 0, 5, decay_rate)
    follow(found, expected, 5, 12, decay_rate, lambda z, rates: np.clip(z, -0.9, 0.9))
    average = np.empty(300)
    found.optimizer.evaluation(average)
    assert not np.allclose(average, found.params)
    assert (np.abs(found.optimizer.iterate) <= 0.9).all()


@every_schedule_free
def test_average_takes_in_what_the_prox_leaves(case):
    strength, size = 0.2, 300

    def soft(z, rates):
        return np.sign(z) * np.maximum(np.abs(z) - strength * rates, 0)

    shrunk = Descent("schedulefree", case, size=size).run(0, STEPS, Regulariser(strength))
    changed = Descent("schedulefree", case, size=size)
    follow(changed, case.reference(changed.start, **case.arguments), 0, STEPS, change=soft)
    averages = np.empty((2, size))
    for average, descent in zip(averages, (shrunk, changed), strict=True):
        descent.optimizer.evaluation(average)
    np.testing.assert_allclose(*averages, atol=1e-12)
    np.testing.assert_allclose(shrunk.params, changed.params, atol=1e-12)
    zero = shrunk.optimizer.iterate == 0
    assert 0 < zero.sum() < size
    assert (averages[0][zero] == 0).all()


@every_name
def test_evaluation_writes_what_predictions_are_made_with(name):
    descent = Descent(name, some_case(name), size=LARGE)
    out = np.full(LARGE, np.nan)
    descent.optimizer.evaluation(out)
    assert out.tobytes() == descent.start.tobytes()
    descent.run(0, 3).optimizer.evaluation(out)
    assert (out.tobytes() == descent.params.tobytes()) == (name != "schedulefree")


@every_name
def test_settling_after_nothing_changed_moves_nothing(name):
    descent = Descent(name, some_case(name)).run(0, 5)
    params, average, again = descent.params.copy(), np.empty(SIZE), np.empty(SIZE)
    descent.optimizer.evaluation(average)
    descent.optimizer.settle()
    descent.optimizer.evaluation(again)
    np.testing.assert_allclose(descent.params, params, rtol=1e-14, atol=1e-15)
    np.testing.assert_allclose(again, average, rtol=1e-14, atol=1e-15)


def test_steps_without_a_learning_rate_do_no_harm():
    """A warm-up may start from zero."""
    for kind in (ScheduleFreeAdamW, Rprop):
        params, grads = np.ones(3), np.ones(3)
        optimizer = kind()
        optimizer.bind(params, grads)
        optimizer.step(0.0)
        assert (params == 1).all()
        grads[:] = 1
        optimizer.step(0.1)
        assert (params < 1).all()


# -- Rprop ---------------------------------------------------------------------------


def test_step_sizes_of_rprop_follow_the_schedule_and_keep_to_their_bounds():
    params, grads = np.zeros(2), np.empty(2)
    optimizer = Rprop(min_step=0.02, max_step=0.5)
    optimizer.bind(params, grads)
    for step in range(30):
        before, grads[:] = params.copy(), (1.0, (-1.0) ** step)
        optimizer.step(0.1)
    np.testing.assert_allclose(before - params, [0.5, 0.0])
    before, grads[:] = params.copy(), 1.0
    optimizer.step(0.05)
    np.testing.assert_allclose(before - params, [0.25, 0.01])


@both_dtypes
def test_sizes_of_gradients_do_not_matter_to_rprop(dtype):
    """Squares of some of these numbers, and products with large ones, are out of range."""
    sizes = np.repeat([1.0, 1e-30, 1e30, 3e38, np.inf, 0.0], 50).astype(dtype)
    params, grads = np.ones(300, dtype), np.empty(300, dtype)
    optimizer = Rprop()
    optimizer.bind(params, grads)
    with np.errstate(over="ignore"):
        for step in range(12):
            signs = np.tile(np.random.RandomState(step).choice([-1.0, 1.0], 50), 6)
            np.copysign(sizes, signs, out=grads)
            optimizer.step(0.01)
    one, *others, none = np.split(params, 6)
    assert all(other.tobytes() == one.tobytes() for other in others)
    assert (one != 1).all()
    assert (none == 1).all()


@both_dtypes
def test_factors_of_rprop_next_to_their_limits(dtype):
    """In the dtype they may round to one and two: where the sign turns there is no step yet."""
    params, grads = np.zeros(2, dtype), np.empty(2, dtype)
    optimizer = Rprop(eta_minus=1 - 1e-12, eta_plus=2.0)
    optimizer.bind(params, grads)
    expected = np.array([[0.1, 0.3, 0.7, 1.5], [0.1, 0.1, 0.0, 0.0]])
    for sign, moved in zip([1, -1, -1, 1], expected.T, strict=True):
        grads[:] = 1, sign
        optimizer.step(0.1)
        np.testing.assert_allclose(-params, moved, atol=TOLERANCE[dtype])
