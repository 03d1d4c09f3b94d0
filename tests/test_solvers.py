"""Solvers: they reach known minima, count, report, stop and refuse to diverge."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    DTYPES,
    FEW_LOSS_CASES,
    LOSS_CASES,
    N_FEATURES,
    OPTIMIZER_CASES,
    WEIGHT_CASES,
    Recorder,
    all_penalties,
    dense,
    each,
    in_one_case,
    layers_by_label,
    make_objective,
    make_solver,
    plain_forward,
)
from references import central_differences
from scipy.optimize import OptimizeResult, minimize

from skmlp import _noise
from skmlp.clipping import ClipNorm, ClipValue
from skmlp.layers import prelu
from skmlp.optimizers import OPTIMIZERS, SGD
from skmlp.penalties import L2
from skmlp.schedules import Adaptive, Constant, Exponential, InvScaling, Progress
from skmlp.solvers import (
    LBFGS,
    Average,
    Batches,
    Current,
    DivergenceError,
    TrainingSet,
    lbfgs,
)
from skmlp.solvers.averaging import Shown

LAYERS = layers_by_label()
N_ROWS = 23
ALPHA = 0.7
TARGETS = LOSS_CASES["squared_error"]["3_outputs"]

every_weight = in_one_case(weights=WEIGHT_CASES)
every_loss = pytest.mark.parametrize(("name", "case"), each(FEW_LOSS_CASES))
every_optimizer = pytest.mark.parametrize("name", OPTIMIZERS)

#: Learning rates to start from, where one is not good.
FIRST_RATES = {"sgd": 0.2, "adadelta": 300.0}


def draw(case=TARGETS, weights="unweighted", dtype=np.float64, n_rows=N_ROWS):
    """Return a training set."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
    y = case.targets(rng, n_rows, case.n_outputs)
    return TrainingSet(
        X, y.astype(dtype) if y.dtype.kind == "f" else y, WEIGHT_CASES[weights](rng, n_rows)
    )


def descend(
    objective, data, optimizer, schedule, max_iter, *, size=None, seed=0, monitor=None, **options
):
    """Train by mini-batches; return outcome, progress and monitor."""
    rng = None if seed is None else np.random.RandomState(seed)
    batches = Batches(data, size or data.n_rows, rng)
    progress, monitor = Progress(), monitor or Recorder()
    solver = make_solver(optimizer, objective, schedule, max_iter, **options)
    with np.errstate(all="ignore"):
        outcome = solver.solve(objective, batches, progress, monitor)
    return outcome, progress, monitor


def run_lbfgs(objective, data, monitor=None, **limits):
    """Train by L-BFGS; return outcome, progress and monitor."""
    progress, monitor = Progress(), monitor or Recorder()
    batches = Batches(data, data.n_rows, None)
    outcome = LBFGS(Current(objective), **limits).solve(objective, batches, progress, monitor)
    return outcome, progress, monitor


def ridge(data):
    """Return the weights and biases that minimise the penalised squared error."""
    d = np.ones(len(data.X)) if data.weight is None else data.weight
    x_mean, y_mean = (np.average(part, axis=0, weights=d) for part in (data.X, data.y))
    X, y = data.X - x_mean, data.y - y_mean
    W = np.linalg.solve(X.T @ (d[:, None] * X) + ALPHA * np.eye(N_FEATURES), X.T @ (d[:, None] * y))
    return {"weight": W, "bias": y_mean - x_mean @ W}


def assert_solved(views, solution, **tolerance):
    """Compare the parameters of a linear model with the solution."""
    for name, expected in solution.items():
        np.testing.assert_allclose(views[0][name], expected, **tolerance)


def textbook_value(chain, name, case, data, alpha):
    """Return the objective as a function of the flat parameters, by the textbook."""
    twin = make_objective(chain, case.make(name))
    weight = np.ones(len(data.X)) if data.weight is None else data.weight

    def value(flat):
        twin.params.flat[:] = flat
        raw = plain_forward(chain, twin.params.views, data.X)[-1]
        penalty = alpha / 2 * (flat[: twin.params.n_penalised] ** 2).sum()
        return float((weight @ case.value(data.y, raw) + penalty) / weight.sum())

    return value


# -- known minima --------------------------------------------------------------------


@pytest.mark.parametrize("weights", [name for name in WEIGHT_CASES if name != "one_row"])
@every_optimizer
def test_minibatch_on_all_rows_reaches_the_ridge_solution(name, weights):
    data, optimizer = draw(weights=weights), OPTIMIZERS[name]()
    objective = make_objective([dense(3)], "squared_error", penalties=[L2(ALPHA)])
    evaluated = Shown(objective, optimizer) if optimizer.averages else Current(objective)
    schedule = Exponential(FIRST_RATES.get(name, 1.0), lr_decay=1e-7, lr_period=1000)
    descend(objective, data, optimizer, schedule, 1000, evaluated=evaluated)
    evaluated.refresh()
    assert_solved(evaluated.views, ridge(data), rtol=1e-6, atol=1e-6)


@every_weight
def test_lbfgs_reaches_the_ridge_solution(weights):
    data = draw(weights=weights)
    objective = make_objective([dense(3)], "squared_error", penalties=[L2(ALPHA)])
    outcome, _, _ = run_lbfgs(objective, data, tol=1e-9)
    assert outcome.converged
    assert_solved(objective.views, ridge(data), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_minibatches_with_a_tail_find_an_exact_linear_rule(kind):
    data = draw()
    rule = {"weight": np.arange(9.0).reshape(3, 3) / 9, "bias": np.array([1.0, -2, 0.5])}
    data = data._replace(X=kind(data.X), y=data.X @ rule["weight"] + rule["bias"])
    objective = make_objective([dense(3)], "squared_error")
    descend(objective, data, SGD(0.5), Constant(0.1), 400, size=7)
    assert_solved(objective.views, rule, rtol=1e-8, atol=1e-8)


@every_weight
@every_loss
def test_lbfgs_reaches_what_scipy_finds_on_the_textbook_objective(name, case, weights):
    data, chain = draw(case, weights), [dense(case.n_outputs)]
    objective = make_objective(chain, case.make(name), penalties=[L2(ALPHA)])
    value = textbook_value(chain, name, case, data, ALPHA)
    best = minimize(value, objective.params.flat.copy(), method="BFGS", options={"gtol": 1e-6})
    outcome, _, monitor = run_lbfgs(objective, data, tol=1e-8)
    assert outcome.converged
    assert monitor.losses[-1] == pytest.approx(best.fun, rel=1e-8, abs=1e-6)
    assert value(objective.params.flat) == pytest.approx(best.fun, rel=1e-8, abs=1e-6)


def test_lbfgs_makes_the_iterations_that_scipy_makes():
    data, chain = draw(), [dense(4), LAYERS["tanh"], dense(3)]
    objective = make_objective(chain, "squared_error", penalties=[L2(0.01)])
    value = textbook_value(chain, "squared_error", TARGETS, data, 0.01)

    def slope(x):
        return central_differences(lambda: value(x), x)

    start, losses = objective.params.flat.copy(), []
    result = minimize(
        value,
        start,
        jac=slope,
        method="L-BFGS-B",
        options={"maxiter": 12, "gtol": 1e-4, "maxfun": 15000},
        callback=lambda x: losses.append(value(x)),
    )
    outcome, progress, monitor = run_lbfgs(objective, data, max_iter=12)
    assert not outcome.converged
    assert progress.epoch == 12 == len(losses)
    np.testing.assert_allclose(monitor.losses, losses, rtol=1e-7)
    np.testing.assert_allclose(objective.params.flat, result.x, rtol=1e-5, atol=1e-7)


# -- one step ------------------------------------------------------------------------


@pytest.mark.parametrize("penalties", [[], [L2(ALPHA)]], ids=["plain", "l2"])
@every_loss
def test_one_epoch_of_gradient_descent_moves_against_the_whole_gradient(name, case, penalties):
    data = draw(case, "weighted")
    chain = [dense(4), LAYERS["batch_norm"], LAYERS["tanh"], dense(case.n_outputs)]
    objective, twin = (
        make_objective(chain, case.make(name), penalties=penalties) for _ in range(2)
    )
    batch = Batches(data, N_ROWS, None).whole()
    value = twin(*batch, twin.workspace(N_ROWS).rows(N_ROWS))
    _, _, monitor = descend(objective, data, SGD(0.0), Constant(0.1), 1, seed=None)
    assert monitor.losses == [pytest.approx(value, rel=1e-14)]
    moved = objective.params.flat - twin.params.flat
    np.testing.assert_allclose(moved, -0.1 * twin.grads.flat, rtol=1e-9, atol=1e-15)


@every_weight
@every_loss
def test_reported_loss_is_the_weighted_mean_over_all_rows(name, case, weights):
    """At a rate of almost zero, batches of any size add up to the loss of all rows."""
    data, chain = draw(case, weights), [dense(case.n_outputs)]
    objective = make_objective(chain, case.make(name))
    expected = textbook_value(chain, name, case, data, 0.0)(objective.params.flat.copy())
    _, _, monitor = descend(objective, data, SGD(0.0), Constant(1e-300), 2, size=5)
    assert monitor.losses == pytest.approx([expected] * 2, rel=1e-12)


# -- counting, reporting, stopping ---------------------------------------------------


def test_minibatch_counts_epochs_steps_and_rows():
    objective = make_objective([dense(3)], "squared_error")
    outcome, progress, monitor = descend(objective, draw(), SGD(), Constant(0.01), 4, size=7)
    assert progress == Progress(epoch=4, step=16, samples=4 * N_ROWS, batches=4)
    assert len(monitor.losses) == 4
    assert not outcome.converged
    assert "Maximum iterations (4) reached" in outcome.message


def test_counting_goes_on_in_a_second_run():
    objective = make_objective([dense(3)], "squared_error")
    solver, progress = make_solver(SGD(), objective, Constant(0.01), 3), Progress()
    for _ in range(2):
        solver.solve(objective, Batches(draw(), 7, None), progress, Recorder())
    assert progress == Progress(epoch=6, step=24, samples=6 * N_ROWS, batches=4)


def test_batches_without_weight_make_no_step():
    weight = np.zeros(N_ROWS)
    weight[10:12] = 1, 3
    objective = make_objective([dense(3)], "squared_error")
    data = draw()._replace(weight=weight)
    _, progress, monitor = descend(
        objective, data, SGD(), Constant(0.01), 2, size=5, seed=None, monitor=Recorder()
    )
    assert progress.step == 2
    alone = make_objective([dense(3)], "squared_error")
    rows = TrainingSet(data.X[10:12], data.y[10:12], weight[10:12])
    _, _, expected = descend(alone, rows, SGD(), Constant(0.01), 2, seed=None)
    assert monitor.losses == pytest.approx(expected.losses, rel=1e-13)
    np.testing.assert_allclose(objective.params.flat, alone.params.flat, rtol=1e-13)


@pytest.mark.parametrize("schedule", [Constant(0.01), InvScaling(0.01)])
def test_a_stall_ends_the_training(schedule):
    objective = make_objective([dense(3)], "squared_error")
    monitor = Recorder(stall_after=[3])
    outcome, progress, _ = descend(objective, draw(), SGD(), schedule, 50, monitor=monitor)
    assert outcome.converged
    assert outcome.message == ""
    assert (progress.epoch, progress.stalls) == (3, 0)
    assert monitor.rates == [None]


def test_a_stall_lowers_an_adaptive_rate_until_it_is_small():
    objective = make_objective([dense(3)], "squared_error")
    monitor = Recorder(stall_after=range(2, 50, 2))
    outcome, progress, _ = descend(objective, draw(), SGD(), Adaptive(1e-4), 50, monitor=monitor)
    assert outcome.converged
    assert monitor.rates == [*(pytest.approx(1e-4 / 5**k) for k in (1, 2, 3)), None]
    assert (progress.epoch, progress.stalls) == (8, 3)


def test_each_step_has_the_rate_of_its_progress():
    asked = []

    class Spy(Constant):
        def __call__(self, progress):
            asked.append((progress.epoch, progress.step, progress.samples))
            return super().__call__(progress)

    objective = make_objective([dense(3)], "squared_error")
    descend(objective, draw(), SGD(), Spy(0.01), 2, size=12)
    assert asked == [(0, 0, 0), (0, 1, 0), (1, 2, N_ROWS), (1, 3, N_ROWS)]


def test_lbfgs_reports_falling_values_of_the_objective():
    data, objective = draw(), make_objective([dense(3)], "squared_error", penalties=[L2(ALPHA)])
    value = textbook_value([dense(3)], "squared_error", TARGETS, data, ALPHA)
    outcome, progress, monitor = run_lbfgs(objective, data, max_iter=3, tol=1e-12)
    assert not outcome.converged
    assert "3 iteration" in outcome.message
    assert progress == Progress(epoch=3, samples=3 * N_ROWS)
    assert sorted(monitor.losses, reverse=True) == monitor.losses
    assert monitor.losses[-1] == pytest.approx(value(objective.params.flat), rel=1e-13)


def test_lbfgs_respects_the_limit_of_evaluations():
    chain = [dense(4), LAYERS["tanh"], dense(3)]
    objective = make_objective(chain, "squared_error")
    outcome, _, monitor = run_lbfgs(objective, draw(), max_fun=5, tol=1e-12)
    assert not outcome.converged
    assert 0 < len(monitor.losses) <= 5


class Watcher(Recorder):
    """Keeps the parameters of each epoch; after some epochs it stops or interrupts."""

    def __init__(self, objective, stall_after=(), interrupt_after=None):
        super().__init__(stall_after)
        self.objective, self.interrupt_after, self.seen = objective, interrupt_after, []

    def epoch_end(self, loss, learning_rate=None):
        self.seen.append(self.objective.params.flat.copy())
        stalled = super().epoch_end(loss)
        if len(self.losses) == self.interrupt_after:
            raise KeyboardInterrupt
        return stalled


def test_lbfgs_stops_when_the_monitor_says_so():
    objective = make_objective([dense(4), LAYERS["tanh"], dense(3)], "squared_error")
    watcher = Watcher(objective, stall_after=[4])
    outcome, progress, _ = run_lbfgs(objective, draw(), monitor=watcher, tol=1e-12)
    assert outcome.converged
    assert progress.epoch == 4
    assert watcher.rates == [None]
    assert objective.params.flat.tobytes() == watcher.seen[-1].tobytes()


def test_interrupted_lbfgs_leaves_the_parameters_of_its_last_iteration():
    objective = make_objective([dense(4), LAYERS["tanh"], dense(3)], "squared_error")
    watcher = Watcher(objective, interrupt_after=3)
    with pytest.raises(KeyboardInterrupt):
        run_lbfgs(objective, draw(), monitor=watcher, tol=1e-12)
    assert objective.params.flat.tobytes() == watcher.seen[-1].tobytes()


def test_lbfgs_shows_its_monitor_the_accepted_parameters_not_the_last_tried(monkeypatch):
    objective = make_objective([dense(3)], "squared_error")
    start, watcher = objective.params.flat.copy(), Watcher(objective)

    def one_iteration(function, x, callback, **options):
        function(x + 1)
        result = OptimizeResult(x=x + 0.5, fun=2.0, status=0, nit=1)
        callback(intermediate_result=result)
        return result

    monkeypatch.setattr(lbfgs, "minimize", one_iteration)
    run_lbfgs(objective, draw(), monitor=watcher)
    np.testing.assert_array_equal(watcher.seen, [start + 0.5])
    np.testing.assert_array_equal(objective.params.flat, start + 0.5)


def test_lbfgs_interrupted_in_a_line_search_leaves_accepted_parameters():
    objective = make_objective([dense(4), LAYERS["tanh"], dense(3)], "squared_error")
    watcher, calls = Watcher(objective), []
    evaluate = objective.loss

    def interrupting(*arguments):
        calls.append(1)
        if len(watcher.seen) == 3:
            raise KeyboardInterrupt
        return evaluate(*arguments)

    objective.loss = _Callable(interrupting, evaluate.buffers)
    with pytest.raises(KeyboardInterrupt):
        run_lbfgs(objective, draw(), monitor=watcher, tol=1e-12)
    assert objective.params.flat.tobytes() == watcher.seen[-1].tobytes()


class _Callable:
    """A loss with another call."""

    def __init__(self, call, buffers):
        self.call, self.buffers = call, buffers

    def __call__(self, *arguments):
        return self.call(*arguments)


# -- types and bits ------------------------------------------------------------------


def test_lbfgs_keeps_float32_parameters():
    data = draw(dtype=np.float32)
    objective = make_objective([dense(3)], "squared_error", penalties=[L2(ALPHA)], dtype=np.float32)
    outcome, _, _ = run_lbfgs(objective, data)
    assert outcome.converged
    assert objective.params.flat.dtype == np.float32
    wide = data._replace(X=data.X.astype(float), y=data.y.astype(float))
    assert_solved(objective.views, ridge(wide), rtol=1e-3, atol=1e-3)


@in_one_case(dtype=DTYPES)
@pytest.mark.parametrize(("optimizer", "member"), each(OPTIMIZER_CASES))
def test_same_seed_gives_the_same_bits(optimizer, member, dtype):
    chain = [dense(40), LAYERS["relu"], dense(3)]
    runs = []
    for seed in (0, 0, 1):
        objective = make_objective(chain, "squared_error", dtype=dtype)
        solver = OPTIMIZERS[optimizer](**member.arguments)
        data = draw(weights="weighted", dtype=dtype)
        descend(objective, data, solver, Constant(0.01), 3, size=7, seed=seed)
        runs.append(objective.params.flat.tobytes())
    assert runs[0] == runs[1] != runs[2]


# -- divergence ----------------------------------------------------------------------


def diverging(data, rate=0.01):
    """Train on what cannot end well; return the epochs that were reported."""
    objective, monitor = make_objective([dense(3)], "squared_error"), Recorder()
    with np.errstate(all="ignore"), pytest.raises(DivergenceError):
        descend(objective, data, SGD(), Constant(rate), 1000, monitor=monitor)
    return len(monitor.losses)


def test_minibatch_stops_at_the_first_epoch_that_is_not_finite():
    assert diverging(draw()._replace(y=np.full((N_ROWS, 3), 1e200))) == 0
    assert 1 < diverging(draw(), rate=1e3) < 300


def test_minibatch_finds_parameters_that_overflow_though_the_loss_is_finite():
    data = draw()
    assert diverging(data._replace(y=1e10 * data.y), rate=1e300) == 0


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_lbfgs_does_not_end_in_silence_where_the_loss_overflows(dtype):
    objective = make_objective([dense(3)], "squared_error", dtype=dtype)
    data = draw(dtype=dtype)._replace(y=np.full((N_ROWS, 3), np.finfo(dtype).max / 8, dtype))
    with np.errstate(all="ignore"), pytest.raises(DivergenceError):
        run_lbfgs(objective, data)


# -- memory --------------------------------------------------------------------------


class MemoryMonitor(Recorder):
    """Measures the most memory that is used within the third epoch."""

    peak = 0

    def epoch_end(self, loss, learning_rate=None):
        if len(self.losses) == 1:
            tracemalloc.reset_peak()
            self._before = tracemalloc.get_traced_memory()[0]
        elif len(self.losses) == 2:
            self.peak = tracemalloc.get_traced_memory()[1] - self._before
        return super().epoch_end(loss)


def peak_of_an_epoch(scale, optimizer="adam", name="squared_error", case=TARGETS, layer="relu"):
    """Return the most bytes in use beside what training holds from its start."""
    chain = [dense(10 * scale), LAYERS[layer], dense(8 * scale), LAYERS["tanh"]]
    objective = make_objective(
        [*chain, dense(case.n_outputs)], case.make(name), penalties=all_penalties()
    )
    solver, monitor = OPTIMIZERS[optimizer](), MemoryMonitor()
    data, clips = draw(case, n_rows=103 * scale), [ClipValue(0.1), ClipNorm(0.1)]
    options = {"size": 40 * scale, "clips": clips, "evaluated": Average(objective, 0.9)}
    tracemalloc.start()
    try:
        descend(objective, data, solver, Constant(1e-4), 3, monitor=monitor, **options)
    finally:
        tracemalloc.stop()
    return monitor.peak


def check_growth(**options):
    """NumPy's own buffers grow up to 8192 numbers; each batch here has more than those."""
    small, large = (peak_of_an_epoch(scale, **options) for scale in (8, 16))
    assert large < small + 1000


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_epoch_of_any_optimizer_allocates_nothing_that_grows(optimizer):
    check_growth(optimizer=optimizer)


@pytest.mark.parametrize(
    ("name", "case"), [(name, list(members.values())[-1]) for name, members in LOSS_CASES.items()]
)
def test_an_epoch_on_any_loss_allocates_nothing_that_grows(name, case):
    check_growth(name=name, case=case)


@pytest.mark.parametrize("layer", [name for name in LAYERS if name != "dense"])
def test_an_epoch_through_any_layer_allocates_nothing_that_grows(layer, monkeypatch):
    """Layers may work in pieces of a bounded size; here every batch is larger than those."""
    monkeypatch.setattr(_noise, "DRAWN", 2**10)
    monkeypatch.setattr(prelu, "PIECE", 2**10)
    check_growth(layer=layer)
