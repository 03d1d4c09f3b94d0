"""Learning rates as functions of progress."""

import numpy as np
import pytest
from cases import SCHEDULE_CASES, each

from skmlp.schedules import SCHEDULES, Adaptive, Constant, InvScaling, Progress

PROGRESS = [
    Progress(),
    Progress(epoch=1, step=3, samples=500),
    Progress(epoch=200, step=600, samples=100_000),
    Progress(epoch=7, step=70, samples=1400, stalls=3),
    Progress(epoch=10**6, step=10**9, samples=10**12, stalls=12),
]

every_schedule = pytest.mark.parametrize(("name", "case"), each(SCHEDULE_CASES))


@pytest.mark.parametrize("progress", PROGRESS, ids=repr)
@every_schedule
def test_rate_is_the_formula(name, case, progress):
    found = SCHEDULES[name](**case.arguments)(progress)
    assert found == pytest.approx(case.reference(progress, **case.arguments), rel=1e-14)


@every_schedule
def test_rate_is_a_python_float(name, case):
    """A NumPy float64 would make float64 of everything that it meets in float32."""
    arguments = {key: np.float64(value) for key, value in case.arguments.items()}
    assert type(SCHEDULES[name](**arguments)(PROGRESS[1])) is float


@every_schedule
def test_training_begins_at_the_initial_rate(name, case):
    schedule = SCHEDULES[name](**case.arguments)
    assert schedule(Progress()) == schedule.learning_rate_init


@every_schedule
def test_asking_changes_nothing(name, case):
    progress, schedule = Progress(3, 9, 1500, 2), SCHEDULES[name](**case.arguments)
    answers = {(schedule(progress), schedule.survives_stall(progress)) for _ in range(3)}
    assert len(answers) == 1
    assert progress == Progress(3, 9, 1500, 2)


def test_invscaling_counts_the_rows_of_finished_epochs():
    schedule = InvScaling(0.01, power_t=0.5)
    rates = [schedule(Progress(epoch=e, step=3 * e, samples=500 * e)) for e in (0, 1, 200)]
    np.testing.assert_allclose(rates, [0.01, 4.4676705e-4, 3.1622618e-5], rtol=1e-7)


def test_invscaling_survives_any_exponent():
    assert InvScaling(0.01, power_t=1e4)(Progress(samples=10**6)) == 0


def test_adaptive_divides_by_five_down_to_a_millionth():
    schedule, progress, rates = Adaptive(0.001), Progress(), []
    while schedule.survives_stall(progress):
        rates.append(schedule(progress))
        progress.stalls += 1
    np.testing.assert_allclose(rates, [1e-3, 2e-4, 4e-5, 8e-6, 1.6e-6], rtol=1e-12)


def test_a_stall_ends_the_training_unless_the_rate_adapts():
    assert not Constant(1.0).survives_stall(Progress())
    assert not InvScaling(1.0).survives_stall(Progress())
    assert Adaptive(1.0).survives_stall(Progress())
    assert not Adaptive(1e-6).survives_stall(Progress())
