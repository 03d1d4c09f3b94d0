"""Schedules at work: every one with every solver, across calls, plans and pickles."""

import math
import pickle

import numpy as np
import pytest
from cases import pairwise
from trust import estimator, first_partial_fit, outputs, problem, same, unchanged

from skmlp.optimizers import OPTIMIZERS
from skmlp.schedules import SCHEDULES, Progress, factor, learning_rate

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

EPOCHS, BATCHES = 6, 3
PARAMS = {"max_iter": EPOCHS, "batch_size": 20, "learning_rate_init": 0.01, "lr_period": 2}
X, Y = problem("multiclass")

every_schedule = pytest.mark.parametrize("schedule", SCHEDULES)


def make(**params):
    """Return an unfitted classifier whose epochs have three batches."""
    return estimator("multiclass", **{**PARAMS, **params})


def weights(est):
    """Return what was learnt."""
    return [*est.coefs_, *est.intercepts_]


def rates(est, n):
    """Return the rate of each step of a plan of epochs with n batches, by the formula."""
    rate = learning_rate(est.get_params())
    return [
        rate(Progress(epoch, n * epoch + batch, len(X) * epoch, 0, batch, n, 0, EPOCHS))
        for epoch in range(EPOCHS)
        for batch in range(n)
    ]


@pytest.mark.parametrize(
    ("schedule", "solver", "warmup"), pairwise(list(SCHEDULES), list(OPTIMIZERS), [0.0, 0.5, 7])
)
def test_every_step_of_every_solver_has_its_rate(schedule, solver, warmup, monkeypatch):
    seen, step = [], OPTIMIZERS[solver].step
    monkeypatch.setattr(
        OPTIMIZERS[solver], "step", lambda self, lr, *rest: seen.append(lr) or step(self, lr, *rest)
    )
    est = make(learning_rate=schedule, solver=solver, warmup=warmup).fit(X, Y)
    batches = len(seen) // EPOCHS
    assert batches in (1, BATCHES)  # some solvers need all rows at once
    assert seen == rates(est, batches)
    assert est.learning_rate_curve_ == seen[batches - 1 :: batches]
    assert len(est.learning_rate_curve_) == len(est.loss_curve_) == EPOCHS
    assert all(np.isfinite(array).all() for array in weights(est))


@every_schedule
def test_a_function_of_the_same_formula_gives_the_same_bits(schedule):
    named = make(learning_rate=schedule).fit(X, Y)
    own = make(learning_rate=learning_rate(named.get_params())).fit(X, Y)
    assert same(weights(own), weights(named))
    assert own.learning_rate_curve_ == named.learning_rate_curve_


def test_a_function_sees_each_step_of_the_plan():
    seen = []
    make(learning_rate=lambda progress: seen.append(progress) or 0.01).fit(X, Y)
    assert [progress.step for progress in seen] == list(range(18))
    np.testing.assert_allclose([progress.fraction for progress in seen], np.arange(18) / 18)
    assert [progress.epoch for progress in seen] == [n // 3 for n in range(18)]
    assert [progress.samples for progress in seen] == [len(X) * (n // 3) for n in range(18)]


@pytest.mark.parametrize("value", [-0.01, math.nan, math.inf, None, "0.01"], ids=repr)
@pytest.mark.parametrize("after", [0, 7])
def test_a_function_that_returns_no_rate_is_refused_and_nothing_changes(value, after):
    bad = {"learning_rate": lambda p: 0.01 if p.step < after else value}
    for est in (make(**bad), make().fit(X, Y).set_params(**bad)):
        with unchanged(est, X), pytest.raises(ValueError, match="'learning_rate' parameter"):
            est.fit(X, Y)


def test_a_rate_of_zero_leaves_the_weights_alone():
    whole = make(learning_rate=lambda p: 0.01 if p.epoch < 2 else 0, max_iter=5).fit(X, Y)
    part = make(learning_rate=lambda p: 0.01, max_iter=2).fit(X, Y)
    assert same(weights(whole), weights(part))


# -- across calls --------------------------------------------------------------------


@every_schedule
def test_calls_of_partial_fit_go_through_one_plan(schedule):
    params = {"learning_rate": schedule, "shuffle": False, "warmup": 0.25}
    whole, parts = make(**params).fit(X, Y), first_partial_fit(make(**params), X, Y)
    for _ in range(EPOCHS - 1):
        parts = pickle.loads(pickle.dumps(parts)).partial_fit(X, Y)
    assert parts.learning_rate_curve_ == whole.learning_rate_curve_
    assert same(weights(parts), weights(whole))
    assert same(outputs(parts, X), outputs(whole, X))


def test_partial_fit_beyond_the_plan_stays_at_its_end():
    est = first_partial_fit(make(learning_rate="cosine", lr_final=0.1), X, Y)
    for _ in range(EPOCHS + 2):
        est.partial_fit(X, Y)
    assert est.learning_rate_curve_[EPOCHS:] == pytest.approx([0.001] * 3)


def test_each_fit_of_a_warm_start_has_a_plan_of_its_own():
    est = make(learning_rate="cosine", warm_start=True)
    curves = [est.fit(X, Y).learning_rate_curve_ for _ in range(3)]
    assert curves[0] == curves[1] == curves[2]
    est.set_params(max_iter=2 * EPOCHS).fit(X, Y)
    assert est.learning_rate_curve_[1::2] == pytest.approx(
        [0.005 * (1 + math.cos(math.pi * (6 * n + 5) / 36)) for n in range(EPOCHS)]
    )


@pytest.mark.parametrize("schedule", ["invscaling", "step", "exponential", "cyclic"])
def test_rates_by_the_epoch_go_on_in_a_warm_start(schedule):
    whole = make(learning_rate=schedule).fit(X, Y)
    parts, curve = make(learning_rate=schedule, warm_start=True, max_iter=2), []
    for _ in range(3):
        curve += parts.fit(X, Y).learning_rate_curve_
    assert curve == whole.learning_rate_curve_
    assert same(weights(parts), weights(whole))


def test_a_plan_starts_at_its_start_after_an_interrupt_amid_an_epoch():
    seen = []

    def impatient(progress):
        seen.append(progress)
        if len(seen) == 5:
            raise KeyboardInterrupt
        return 0.01

    est = make(learning_rate=impatient, warm_start=True, max_iter=2)
    with pytest.warns(UserWarning, match="interrupted"):
        est.fit(X, Y)
    est.fit(X, Y)
    assert [progress.fraction for progress in seen[5:]] == [n / 6 for n in range(6)]


def test_stalls_lower_the_rate_of_every_solver_with_an_adaptive_schedule():
    for solver in OPTIMIZERS:
        params = {"learning_rate": "adaptive", "tol": 1e9, "n_iter_no_change": 1, "solver": solver}
        curve = make(max_iter=50, **params).fit(X, Y).learning_rate_curve_
        distinct = sorted(set(curve), reverse=True)
        assert distinct == pytest.approx([0.01 / 5**k for k in range(7)])


@pytest.mark.parametrize("schedule", ["cosine", "one_cycle", "polynomial"])
def test_a_stall_ends_the_training_within_the_plan(schedule):
    est = make(learning_rate=schedule, tol=1e9, n_iter_no_change=2).fit(X, Y)
    assert est.n_iter_ == 4  # the first score counts as an improvement


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@every_schedule
def test_the_type_of_the_weights_stays(schedule, dtype):
    est = make(learning_rate=schedule, warmup=0.3, dtype=dtype).fit(X, Y)
    assert {array.dtype.name for array in weights(est)} == {dtype}
    assert {type(rate) for rate in est.learning_rate_curve_} == {float}


# -- dropout and weight decay --------------------------------------------------------

QUANTITIES = {"dropout_schedule": {"dropout": 0.5}, "weight_decay_schedule": {"weight_decay": 0.5}}

every_quantity = pytest.mark.parametrize("name", QUANTITIES)


@every_quantity
def test_a_factor_of_zero_is_the_quantity_left_out(name):
    without = make().fit(X, Y)
    off = make(**QUANTITIES[name], **{name: lambda progress: 0}).fit(X, Y)
    assert same(weights(off), weights(without))
    assert not same(weights(make(**QUANTITIES[name]).fit(X, Y)), weights(without))


@every_quantity
def test_a_factor_of_one_is_the_quantity_as_it_is(name):
    plain = make(**QUANTITIES[name]).fit(X, Y)
    on = make(**QUANTITIES[name], **{name: lambda progress: 1}).fit(X, Y)
    assert same(weights(on), weights(plain))


@every_quantity
def test_a_factor_multiplies_the_quantity(name):
    halved = {quantity: value / 2 for quantity, value in QUANTITIES[name].items()}
    expected = make(**halved).fit(X, Y)
    found = make(**QUANTITIES[name], **{name: lambda progress: 0.5}).fit(X, Y)
    for a, b in zip(weights(found), weights(expected), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-12)


@every_quantity
@every_schedule
def test_a_named_factor_leaves_the_learning_rate_alone(name, schedule):
    named = make(**QUANTITIES[name], warmup=2, **{name: schedule}).fit(X, Y)
    own = factor(name, named.get_params())
    expected = make(**QUANTITIES[name], warmup=2, **{name: own}).fit(X, Y)
    assert same(weights(named), weights(expected))
    assert named.learning_rate_curve_ == make(warmup=2).fit(X, Y).learning_rate_curve_


@pytest.mark.parametrize("value", [-0.1, 1.1, math.nan, None])
@every_quantity
def test_what_is_no_factor_is_refused_by_name(name, value):
    est = make(**QUANTITIES[name], **{name: lambda progress: value})
    with unchanged(est, X), pytest.raises(ValueError, match=f"'{name}' parameter must return"):
        est.fit(X, Y)
