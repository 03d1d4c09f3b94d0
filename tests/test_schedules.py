"""Learning rates as functions of progress."""

import itertools
import math
import pickle

import numpy as np
import pytest
from cases import SCHEDULE_CASES, each

from skmlp.schedules import (
    SCHEDULES,
    Adaptive,
    Constant,
    Cosine,
    CosineRestarts,
    CosLog4,
    Cyclic,
    FlatCos,
    InvScaling,
    OneCycle,
    Progress,
    UserFunction,
    WarmUp,
    factor,
    learning_rate,
)

#: Schedules that depend on the share of the plan alone.
PLANNED = {"polynomial", "cosine", "one_cycle", "coslog4", "flat_cos"}

FALLING = {"constant", "invscaling", "step", "exponential", "polynomial", "cosine", "flat_cos"}

JUMPS = {"invscaling", "step", "cosine_restarts"}

SETTINGS = {"learning_rate": "constant", "learning_rate_init": 0.5, "warmup": 0.0}

every_schedule = pytest.mark.parametrize(("name", "case"), each(SCHEDULE_CASES))
every_name = pytest.mark.parametrize("name", SCHEDULES)


def of_kinds(names):
    """Return the cases of some schedules."""
    return each({name: SCHEDULE_CASES[name] for name in sorted(names)})


def some_progress(n=40):
    """Yield the beginning, places in and beyond plans, and one that is very late."""
    yield Progress()
    yield Progress(epoch=1, step=3, samples=500)
    yield Progress(epoch=7, step=70, samples=1400, stalls=3, planned=200)
    yield Progress(10**6, 10**9, 10**12, 12, batch=3, batches=10**3, planned=10**7)
    rng = np.random.RandomState(0)
    for batches, planned, epoch in rng.randint([1, 1, 0], [9, 90, 99], (n, 3)):
        batch, origin = rng.randint(batches), rng.randint(epoch + 1)
        place = [epoch, epoch * batches + batch, 7 * epoch, rng.randint(5), batch, batches, origin]
        yield Progress(*map(int, place), int(planned))


PROGRESS = list(some_progress())


def plan(planned, batches):
    """Yield the progress before each step of a plan."""
    for epoch, batch in itertools.product(range(planned), range(batches)):
        step = epoch * batches + batch
        yield Progress(epoch, step, 7 * epoch, 0, batch, batches, 0, planned)


def at(share):
    """Return the progress at a share of a plan, in thousandths of it."""
    done = round(1000 * share)
    return Progress(batch=done, batches=1000, step=done)


def at_fifteenths(n):
    """Return the progress at so many fifteenths of a plan."""
    return Progress(epoch=n, step=n, planned=15)


# -- progress ------------------------------------------------------------------------


def test_fraction_is_the_share_of_the_plan():
    fractions = [progress.fraction for progress in plan(4, 5)]
    np.testing.assert_allclose(fractions, np.arange(20) / 20, rtol=1e-15)
    assert fractions[0] == 0


def test_fraction_is_one_at_the_end_of_the_plan_and_beyond():
    for epoch, batch in [(4, 0), (4, 1), (5, 0), (10**9, 3)]:
        assert Progress(epoch, batch=batch, batches=5, planned=4).fraction == 1
    assert Progress(3, batch=4, batches=5, planned=4).fraction < 1


def test_a_plan_begins_at_its_origin():
    progress = Progress(epoch=7, batch=1, batches=4, origin=5, planned=10)
    assert (progress.done, progress.total, progress.fraction) == (9, 40, 9 / 40)


def test_the_start_of_a_plan_without_batches_is_its_start():
    assert Progress().fraction == 0
    assert Progress(epoch=3, origin=3).fraction == 0


def test_periods_count_epochs_from_the_first_and_their_parts():
    progress = Progress(epoch=7, batch=1, batches=4, origin=5, planned=10)
    assert progress.periods(1) == 7.25
    assert progress.periods(2) == 3.625


def test_the_end_of_an_epoch_is_the_start_of_the_next():
    progress = Progress(epoch=2, step=15, samples=40, batch=5, batches=5, planned=3)
    assert progress.fraction == 1
    progress.end_epoch(20)
    assert progress == Progress(epoch=3, step=15, samples=60, batch=0, batches=5, planned=3)
    assert progress.fraction == 1


def test_progress_is_saved_as_plain_integers():
    progress = Progress(3, 9, 1500, 2, 1, 4, 1, 10)
    state = dict(vars(progress))
    assert {type(value) for value in state.values()} == {int}
    assert Progress(**pickle.loads(pickle.dumps(state))) == progress


# -- formulas ------------------------------------------------------------------------


@every_schedule
def test_rate_is_the_formula(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    for progress in PROGRESS:
        expected = case.reference(progress, **case.arguments)
        # Near a rate of 0 differences of larger numbers are left; so are shares of late cycles.
        absolute = 1e-15 * (1000 + progress.epoch) * schedule.learning_rate_init
        assert schedule(progress) == pytest.approx(expected, rel=1e-12, abs=absolute), progress


@pytest.mark.parametrize("name", ["constant", "invscaling", "adaptive"])
def test_rate_is_the_formula_to_the_last_digits(name):
    for case in SCHEDULE_CASES[name].values():
        for progress in PROGRESS:
            found = SCHEDULES[name](**case.arguments)(progress)
            assert found == pytest.approx(case.reference(progress, **case.arguments), rel=1e-14)


@every_schedule
def test_rate_is_a_python_float(name, case):
    """A NumPy float64 would make float64 of everything that it meets in float32."""
    arguments = {key: np.asarray(value)[()] for key, value in case.arguments.items()}
    schedule = SCHEDULES[name](**arguments)
    assert {type(schedule(progress)) for progress in PROGRESS} == {float}


@every_schedule
def test_rate_is_never_negative_nor_above_the_initial_one(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    for progress in [*PROGRESS, *plan(14, 3), *(at(k / 1000) for k in range(1001))]:
        assert 0 <= schedule(progress) <= schedule.learning_rate_init


@pytest.mark.parametrize("init", [5e-324, 1e-300, 1e300])
@every_name
def test_rate_is_finite_for_extreme_initial_ones(name, init):
    schedule = SCHEDULES[name](init)
    assert all(0 <= schedule(progress) <= init for progress in PROGRESS)


@every_schedule
def test_asking_changes_nothing(name, case):
    progress, schedule = Progress(3, 9, 1500, 2, 1, 4, 1, 10), SCHEDULES[name](**case.arguments)
    answers = {(schedule(progress), schedule.survives_stall(progress)) for _ in range(3)}
    assert len(answers) == 1
    assert progress == Progress(3, 9, 1500, 2, 1, 4, 1, 10)


# -- shapes --------------------------------------------------------------------------


@every_schedule
def test_training_begins_at_the_initial_rate_or_rises_to_it(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    first = {"coslog4": 0, "cyclic": case.arguments.get("lr_final"), "one_cycle": 1 / 25}
    expected = 1 if case.arguments.get("lr_rise") == 0 else first.get(name, 1)
    assert schedule(Progress()) == expected * schedule.learning_rate_init


@pytest.mark.parametrize(("name", "case"), of_kinds(PLANNED))
def test_plans_end_at_the_final_rate(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    expected = 1 if case.arguments.get("lr_power") == 0 else case.arguments.get("lr_final", 0)
    assert schedule(at(1)) == expected * schedule.learning_rate_init
    assert schedule(Progress(epoch=10**9)) == schedule(at(1))


@every_schedule
def test_rates_change_little_from_step_to_step(name, case):
    """Jumps are for some schedules only, and where an epoch begins."""
    schedule = SCHEDULES[name](**{**case.arguments, "learning_rate_init": 1.0})
    steps = list(plan(20, 200))
    change = np.abs(np.diff([schedule(progress) for progress in steps]))
    jumps = [steps[i + 1] for i in np.flatnonzero(change > 0.025)]
    assert not jumps or name in JUMPS
    if case.arguments.get("lr_period_growth") != 1.5:
        assert all(progress.batch == 0 for progress in jumps)


@pytest.mark.parametrize(("name", "case"), of_kinds(FALLING))
def test_falling_rates_never_rise(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    assert max(np.diff([schedule(progress) for progress in plan(20, 7)])) <= 0


@pytest.mark.parametrize("name", sorted(PLANNED))
def test_planned_rates_depend_on_the_share_of_the_plan_alone(name):
    schedule = SCHEDULES[name]()
    progress = Progress(25, 9, 8, 7, batch=2, batches=4, origin=20, planned=11)
    assert progress.fraction == 0.5
    assert schedule(progress) == schedule(at(0.5))


@pytest.mark.parametrize("name", sorted(SCHEDULES.keys() - PLANNED))
def test_other_rates_go_on_from_plan_to_plan(name):
    schedule = SCHEDULES[name]()
    counts = [25, 9, 8, 2, 2, 4]
    rates = {schedule(Progress(*counts, *plan)) for plan in [(0, 1), (20, 10), (25, 300)]}
    assert len(rates) == 1


def test_a_period_counts_epochs():
    schedule = SCHEDULES["step"](1.0, lr_decay=0.5, lr_period=3)
    rates = [schedule(progress) for progress in plan(7, 2) if progress.batch == 1]
    assert rates == [1, 1, 1, 0.5, 0.5, 0.5, 0.25]
    schedule = SCHEDULES["exponential"](1.0, lr_decay=0.25, lr_period=1)
    assert [schedule(progress) for progress in plan(2, 2)] == [1, 0.5, 0.25, 0.125]


@pytest.mark.parametrize("batches", [1, 3, 7])
@pytest.mark.parametrize(
    ("growth", "starts"), [(1.0, [0, 4, 8, 12]), (2.0, [0, 4, 12, 28]), (5.0, [0, 4, 24, 124])]
)
def test_a_restart_is_at_the_full_rate_and_the_step_before_is_the_lowest(growth, starts, batches):
    schedule = CosineRestarts(0.5, lr_period=4, lr_period_growth=growth)
    steps = list(plan(starts[-1] + 1, batches))
    rates = np.array([schedule(progress) for progress in steps])
    assert np.flatnonzero(rates == 0.5).tolist() == [batches * start for start in starts]
    rises = np.flatnonzero(np.diff(rates) > 0) + 1
    assert rises.tolist() == [batches * start for start in starts[1:]]


def test_restarts_far_away_are_found_exactly():
    """A logarithm of the number of epochs would be off by one here."""
    schedule = CosineRestarts(1.0, lr_period=1, lr_period_growth=3.0)
    for n in range(1, 25):
        start = (3**n - 1) // 2
        assert schedule(Progress(epoch=start)) == 1
        assert schedule(Progress(epoch=start - 1, batch=999, batches=1000)) < 0.01


def test_one_cycle_has_its_top_where_it_is_asked_for():
    schedule = OneCycle(0.5, lr_rise=0.25)
    rates = [schedule(at(k / 1000)) for k in range(1001)]
    assert int(np.argmax(rates)) == 250
    assert rates[250] == 0.5
    assert rates[:251] == sorted(rates[:251])
    assert rates[250:] == sorted(rates[250:], reverse=True)


def test_cyclic_has_its_top_in_the_middle_of_each_cycle():
    schedule = Cyclic(1.0, lr_final=0.5, lr_period=2)
    rates = [schedule(progress) for progress in plan(4, 2)]
    assert rates == [0.5, 0.75, 1, 0.75] * 2


def test_coslog4_has_four_waves():
    schedule = CosLog4(2.0)
    for n in (0, 1, 3, 7, 15):
        assert schedule(at_fifteenths(n)) == pytest.approx(0, abs=1e-15)
    rates = np.array([schedule(at(k / 1000)) for k in range(1001)])
    tops = np.flatnonzero((rates[1:-1] > rates[:-2]) & (rates[1:-1] > rates[2:])) + 1
    waves = np.arange(4) + 0.5
    np.testing.assert_allclose(tops / 1000, (2**waves - 1) / 15, atol=1e-3)
    np.testing.assert_allclose(rates[tops], 2, rtol=1e-2)


def test_flat_cos_is_flat_for_half_of_the_plan():
    schedule = FlatCos(2.0)
    assert {schedule(at(k / 1000)) for k in range(501)} == {2.0}
    assert schedule(at(0.502)) < 2
    assert schedule(at(0.75)) == pytest.approx(1, rel=1e-14)


def test_invscaling_counts_the_rows_of_finished_epochs():
    schedule = InvScaling(0.01, power_t=0.5)
    rates = [schedule(Progress(epoch=e, step=3 * e, samples=500 * e)) for e in (0, 1, 200)]
    np.testing.assert_allclose(rates, [0.01, 4.4676705e-4, 3.1622618e-5], rtol=1e-7)


def test_invscaling_survives_any_exponent():
    assert InvScaling(0.01, power_t=1e4)(Progress(samples=10**6)) == 0


@pytest.mark.parametrize("huge", [10**30, 10**400])
def test_whole_numbers_may_be_huge(huge):
    """They need not fit into a float."""
    progress = Progress(5, 11, 35, 0, 1, 2, 0, huge)
    for name in ("step", "exponential", "cosine_restarts"):
        assert SCHEDULES[name](0.5, lr_period=huge)(progress) == pytest.approx(0.5)
    assert Cyclic(0.5, lr_period=huge)(progress) < 1e-28
    assert Cosine(0.5)(progress) == 0.5
    for warmup in (0.5, huge):
        assert WarmUp(Constant(0.5), warmup)(progress) < 1e-28


@pytest.mark.parametrize("growth", [1 + 1e-9, 1e300])
def test_cycles_may_grow_hardly_or_hugely(growth):
    schedule = CosineRestarts(0.5, lr_period=1, lr_period_growth=growth)
    assert all(0 <= schedule(Progress(epoch=epoch)) <= 0.5 for epoch in (0, 1, 2, 1000))


# -- stalls --------------------------------------------------------------------------


def test_adaptive_divides_by_five_down_to_a_millionth():
    schedule, progress, rates = Adaptive(0.001), Progress(), []
    while schedule.survives_stall(progress):
        rates.append(schedule(progress))
        progress.stalls += 1
    np.testing.assert_allclose(rates, [1e-3, 2e-4, 4e-5, 8e-6, 1.6e-6], rtol=1e-12)


@every_name
def test_a_stall_ends_the_training_unless_the_rate_adapts(name):
    settings = {**SETTINGS, "learning_rate": name}
    for warmup in (0.0, 0.5, 10):
        rate = learning_rate({**settings, "warmup": warmup})
        assert rate.survives_stall(Progress()) == (name == "adaptive")
    assert not SCHEDULES[name](1e-6).survives_stall(Progress())


def test_a_warm_up_does_not_make_an_adaptive_rate_too_small():
    rate = WarmUp(Adaptive(1e-3), 10**6)
    assert rate(Progress()) < Adaptive.smallest
    assert rate.survives_stall(Progress())
    assert rate(Progress(stalls=2)) == Adaptive(1e-3)(Progress(stalls=2)) * 1e-6


# -- warm-up -------------------------------------------------------------------------


@pytest.mark.parametrize("warmup", [0.25, 5, np.float32(0.25), np.int64(5)])
@every_name
def test_a_warm_up_is_a_straight_line_up_to_exactly_the_rate(name, warmup):
    settings = {**SETTINGS, "learning_rate": name}
    plain, warm = learning_rate(settings), learning_rate({**settings, "warmup": warmup})
    for k, progress in enumerate(plan(10, 2)):
        expected = pytest.approx(plain(progress) * (k + 1) / 5, rel=1e-14)
        assert warm(progress) == (expected if k < 4 else plain(progress))
        assert type(warm(progress)) is float


@pytest.mark.parametrize("warmup", [0.0, 0, np.float64(0.0)])
def test_no_warm_up_leaves_the_schedule_alone(warmup):
    assert isinstance(learning_rate({**SETTINGS, "warmup": warmup}), Constant)


@pytest.mark.parametrize("warmup", [1, 1e-12])
def test_a_warm_up_of_one_step_or_less_is_none(warmup):
    rate = learning_rate({**SETTINGS, "warmup": warmup})
    assert {rate(progress) for progress in plan(3, 4)} == {0.5}


def test_a_share_is_counted_in_each_plan_and_a_number_once():
    again = Progress(epoch=10, step=20, batches=2, origin=10, planned=10)
    share, number = (learning_rate({**SETTINGS, "warmup": warmup}) for warmup in (0.5, 10))
    assert share(Progress(batches=2, planned=10)) == share(again) == 0.05
    assert number(Progress(batches=2, planned=10)) == 0.05
    assert number(again) == 0.5


@pytest.mark.parametrize("warmup", [-0.1, 1.0, 1.5, 5.0, -1, math.nan, True, None, "linear", [1]])
def test_a_warm_up_is_a_share_or_a_number_of_steps(warmup):
    assert not WarmUp.constraints["warmup"].accepts(warmup)


@pytest.mark.parametrize("warmup", [0.0, 0, 0.999, 1, 10**6, np.float32(0.1), np.int32(7)])
def test_a_warm_up_may_be(warmup):
    assert WarmUp.constraints["warmup"].accepts(warmup)


# -- functions and factors -----------------------------------------------------------


def test_names_give_schedules_built_from_the_parameters():
    settings = {**SETTINGS, "learning_rate": "cosine", "lr_final": 0.1, "lr_rise": 0.9}
    rate = learning_rate(settings)
    assert isinstance(rate, Cosine)
    assert (rate.learning_rate_init, rate.lr_final) == (0.5, 0.1)


@pytest.mark.parametrize("value", [0, 0.25, 3, 1e300, np.float32(0.25), np.int64(2), np.float64(0)])
def test_a_function_of_the_progress_returns_the_rate_itself(value):
    rate = learning_rate({**SETTINGS, "learning_rate": lambda progress: value})
    assert rate(Progress()) == value
    assert type(rate(Progress())) is float


def test_a_function_sees_the_progress():
    rate = learning_rate({**SETTINGS, "learning_rate": lambda p: p.fraction + p.step})
    assert rate(Progress(step=3, batch=1, batches=4)) == 3.25


def test_a_function_is_warmed_up_too():
    rate = learning_rate({**SETTINGS, "learning_rate": lambda progress: 2.0, "warmup": 4})
    assert [rate(progress) for progress in plan(1, 5)] == [0.5, 1, 1.5, 2, 2]


def test_a_function_cannot_change_the_progress_and_may_keep_it():
    kept = []

    def meddle(progress):
        kept.append(progress)
        progress.epoch = 99
        return 0.1

    rate, progress = learning_rate({**SETTINGS, "learning_rate": meddle}), Progress(3, 6)
    rate(progress)
    progress.step += 1
    rate(progress)
    assert progress == Progress(3, 7)
    assert [seen.step for seen in kept] == [6, 7]


BAD_VALUES = [-1e-9, -1, math.nan, math.inf, -math.inf, None, True, "0.1", 1j, [0.1], np.ones(1)]


@pytest.mark.parametrize("value", BAD_VALUES, ids=repr)
def test_a_function_that_returns_no_rate_is_named(value):
    rate = learning_rate({**SETTINGS, "learning_rate": lambda progress: value})
    expected = r"'learning_rate' parameter must return a finite float in the range \[0, inf\)"
    with pytest.raises(ValueError, match=rf"{expected}\. At step 8 it returned"):
        rate(Progress(step=8))


@pytest.mark.parametrize("value", [*BAD_VALUES, 1 + 1e-9, 2], ids=repr)
def test_a_function_that_returns_no_factor_is_named(value):
    rate = factor("dropout_schedule", {"dropout_schedule": lambda progress: value})
    expected = r"'dropout_schedule' parameter must return a finite float in the range \[0, 1\]"
    with pytest.raises(ValueError, match=expected):
        rate(Progress())


@pytest.mark.parametrize("value", ["x" * 10_000, list(range(10_000))])
def test_the_message_is_short(value):
    with pytest.raises(ValueError, match="learning_rate") as caught:
        learning_rate({**SETTINGS, "learning_rate": lambda progress: value})(Progress())
    assert len(str(caught.value)) < 400


def test_errors_of_a_function_come_through():
    rate = learning_rate({**SETTINGS, "learning_rate": lambda progress: progress.nonsense})
    with pytest.raises(AttributeError, match="nonsense"):
        rate(Progress())


def test_a_stall_ends_the_training_under_a_function():
    rate = learning_rate({**SETTINGS, "learning_rate": lambda progress: 0.1})
    assert isinstance(rate, UserFunction)
    assert not rate.survives_stall(Progress())


@every_name
def test_a_factor_is_the_schedule_from_one_on(name):
    settings = {**SETTINGS, "weight_decay_schedule": name, "warmup": 5, "lr_final": 0.25}
    share = factor("weight_decay_schedule", settings)
    taken = {"lr_final": 0.25} if "lr_final" in SCHEDULES[name].constraints else {}
    expected = SCHEDULES[name](1.0, **taken)
    for progress in PROGRESS:
        assert share(progress) == expected(progress)
        assert 0 <= share(progress) <= 1


def test_the_constant_factor_changes_nothing():
    share = factor("dropout_schedule", {**SETTINGS, "dropout_schedule": "constant"})
    assert {share(progress) for progress in PROGRESS} == {1.0}


def test_a_schedule_is_a_function_of_the_progress_too():
    rate = learning_rate({**SETTINGS, "learning_rate": Cosine(0.2)})
    assert [rate(progress) for progress in PROGRESS] == [Cosine(0.2)(p) for p in PROGRESS]
