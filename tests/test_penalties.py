"""Penalties: what each adds to the loss, what it does to weights in a step, what it spares."""

import tracemalloc

import numpy as np
import pytest
from cases import (
    DTYPES,
    LAYER_CASES,
    LOSS_CASES,
    PENALTY_CASES,
    Recorder,
    dense,
    each,
    in_one_case,
    layers_by_label,
    make_batch,
    make_objective,
    make_problem,
)

from skmlp._arena import BLOCK
from skmlp.optimizers import OPTIMIZERS, SGD, Adam
from skmlp.optimizers.base import Optimizer
from skmlp.penalties import PENALTIES, GroupL1, MaxNorm
from skmlp.schedules import Constant, Progress
from skmlp.solvers import Batches, Current, Minibatch, TrainingSet

RATE, N_ROWS = 0.03, 9
SQUARED = LOSS_CASES["squared_error"]["3_outputs"]

#: What NumPy's own buffers and the handles of views take.
IN_THE_LOOP = 3 * 8 * np.getbufsize() + 2**14

every_penalty = pytest.mark.parametrize(("name", "case"), each(PENALTY_CASES))
both_dtypes = in_one_case(dtype=DTYPES)

#: Optimizers that move the bound parameters themselves.
MOVING = [name for name, kind in OPTIMIZERS.items() if not kind.averages]

#: Those whose prox for L1 is that of a metric: the others have a rule of their own.
METRIC = [name for name in MOVING if OPTIMIZERS[name].sparse_update is Optimizer.sparse_update]


def chain():
    """Return a network with weights, biases and normalisation parameters."""
    normalised = LAYER_CASES["layer_norm"]
    return [dense(4), next(iter(normalised.values())), layers_by_label()["tanh"], dense(3)]


def matrices(objective):
    """Return copies of the weight matrices in float64."""
    return [weight.values.astype(float) for weight in objective.weights]


def draw(dtype=np.float64):
    """Return a training set with weights, and an objective's arguments to go with it."""
    rng = np.random.RandomState(3)
    X, y = rng.normal(size=(2, N_ROWS, 3)).astype(dtype)
    return TrainingSet(X, y, rng.uniform(0.1, 3, N_ROWS))


def descend(objective, data, optimizer, n_steps, decay=1.0):
    """Make steps on all rows; return the losses."""
    vectors = objective.params.flat, objective.grads.flat, objective.scratch
    optimizer.bind(*vectors, n_penalised=objective.params.n_penalised)
    solver = Minibatch(
        optimizer, Current(objective), Constant(RATE), n_steps, decay_rate=Constant(decay)
    )
    monitor = Recorder()
    with np.errstate(all="ignore"):
        solver.solve(objective, Batches(data, N_ROWS, None), Progress(), monitor)
    return monitor.losses


def textbook_steps(objective, data, optimizer, reference, n_steps, decay=1.0):
    """Make the same steps by the textbook on an objective without penalties."""
    total, losses = data.weight.sum(), []
    batch = Batches(data, N_ROWS, None).whole()
    rows = objective.workspace(N_ROWS).rows(N_ROWS)
    optimizer.bind(objective.params.flat, objective.grads.flat)
    for _ in range(n_steps):
        loss = objective.loss_gradient(*batch[:3], rows)
        weights = matrices(objective)
        losses.append(loss + reference.value(weights) / total)
        slopes = reference.gradient(weights)
        starts = reference.before(weights, RATE * decay)
        for (values, part), slope, start in zip(objective.weights, slopes, starts, strict=True):
            objective.grads.flat[part] += slope.ravel() / total
            values[...] = start
        optimizer.step(RATE)
        rates = [np.empty_like(values) for values, _ in objective.weights]
        for (_, part), rate in zip(objective.weights, rates, strict=True):
            optimizer.rates_of(part, rate.reshape(-1))
        ends = reference.after(matrices(objective), rates, 1 / total)
        for (values, _), end in zip(objective.weights, ends, strict=True):
            values[...] = end
    return losses


# -- in the loss -----------------------------------------------------------------------


@every_penalty
def test_objective_adds_value_and_gradient_divided_by_the_weight_sum(name, case):
    penalty, reference = PENALTIES[name](**case.arguments), case.reference(**case.arguments)
    plain, penalised = (
        make_problem(chain(), "squared_error", SQUARED, weights="weighted", penalties=penalties)
        for penalties in ([], [penalty])
    )
    weights, total = matrices(plain.objective), plain.batch.total
    added = penalised.value() - plain.value()
    assert added == pytest.approx(reference.value(weights) / total, rel=1e-10, abs=1e-14)
    change = penalised.gradient() - plain.gradient()
    slopes = np.concatenate([slope.ravel() for slope in reference.gradient(weights)])
    n = plain.objective.params.n_penalised
    np.testing.assert_allclose(change[:n], slopes / total, rtol=1e-9, atol=1e-14)
    assert not change[n:].any()


@both_dtypes
@every_penalty
def test_weights_over_many_blocks_all_count_once(name, case, dtype):
    width = BLOCK // 40
    penalty, reference = PENALTIES[name](**case.arguments), case.reference(**case.arguments)
    wide = [dense(width), dense(50)]
    objective = make_objective(wide, "squared_error", penalties=[penalty], dtype=dtype)
    assert BLOCK < objective.params.n_penalised < objective.params.flat.size
    assert objective.params.n_penalised % BLOCK
    X, y = np.zeros((2, 3), dtype), np.zeros((2, 50), dtype)
    for view in objective.params.views:
        view["bias"][...] = 0
    batch = make_batch(X, y, np.array([1.0, 3.0]))
    value, weights = objective(*batch, objective.workspace(2).rows(2)), matrices(objective)
    accuracy = 1e-5 if dtype == np.float32 else 1e-12
    assert value == pytest.approx(reference.value(weights) / 4, rel=accuracy)
    slopes = np.concatenate([slope.ravel() for slope in reference.gradient(weights)]) / 4
    found = objective.grads.flat[: objective.params.n_penalised]
    np.testing.assert_allclose(found, slopes, rtol=accuracy)


@every_penalty
def test_only_what_does_something_is_active(name, case):
    reference, rng = case.reference(**case.arguments), np.random.RandomState(0)
    weights = [rng.normal(size=(5, 4))]
    does = [
        reference.value(weights) > 0,
        not np.array_equal(reference.before(weights, 0.1)[0], weights[0]),
        not np.array_equal(reference.after(weights, [np.ones((5, 4))], 1.0)[0], weights[0]),
    ]
    assert PENALTIES[name](**case.arguments).active == any(does)


# -- in a step -------------------------------------------------------------------------


def textbook_pairs():
    """Return each penalty case with the optimizers whose steps follow from a metric."""
    return [
        pytest.param(*case.values, optimizer, id=f"{case.id}-{optimizer}")
        for case in each(PENALTY_CASES)
        for optimizer in (METRIC if case.values[0] == "l1" else MOVING)
    ]


@in_one_case(decay=[1.0, 0.25])
@pytest.mark.parametrize(("name", "case", "optimizer"), textbook_pairs())
def test_steps_are_those_of_the_textbook(name, case, optimizer, decay):
    penalty, reference = PENALTIES[name](**case.arguments), case.reference(**case.arguments)
    objective = make_objective(chain(), "squared_error", penalties=[penalty])
    twin = make_objective(chain(), "squared_error")
    data, make = draw(), OPTIMIZERS[optimizer]
    losses = descend(objective, data, make(), 4, decay)
    expected = textbook_steps(twin, data, make(), reference, 4, decay)
    np.testing.assert_allclose(losses, expected, rtol=1e-10)
    np.testing.assert_allclose(objective.params.flat, twin.params.flat, rtol=1e-8, atol=1e-12)


@every_penalty
def test_float32_steps_are_those_of_float64(name, case):
    found = []
    for dtype in DTYPES:
        penalty = PENALTIES[name](**case.arguments)
        objective = make_objective(chain(), "squared_error", penalties=[penalty], dtype=dtype)
        descend(objective, draw(dtype), Adam(), 5)
        assert objective.params.flat.dtype == dtype
        found.append(objective.params.flat)
    np.testing.assert_allclose(found[0], found[1], rtol=1e-3, atol=1e-5)


def test_all_penalties_together_leave_what_each_promises():
    """The soft threshold, then whole rows, then long columns."""
    penalties = [PENALTIES[name](**list(c.values())[-1].arguments) for name, c in CASES]
    objective = make_objective([dense(6), dense(3)], "squared_error", penalties=penalties)
    for weight in objective.weights:
        weight.values[...] *= 10
    descend(objective, draw(), SGD(0.9), 30)
    for weight in objective.weights:
        assert (np.linalg.norm(weight.values, axis=0) <= 0.7).all()
    assert np.count_nonzero(objective.weights[0].values == 0) > 0
    assert all(p["bias"].all() for p in objective.params.views)


CASES = list(PENALTY_CASES.items())


# -- memory ----------------------------------------------------------------------------


@both_dtypes
@pytest.mark.parametrize("widths", [(700, 300), (BLOCK + 5,), (3,)])
@pytest.mark.parametrize("name", PENALTIES)
def test_a_step_allocates_nothing_that_grows(name, widths, dtype):
    penalty = PENALTIES[name](**list(PENALTY_CASES[name].values())[-1].arguments)
    layers = [*map(dense, widths), dense(3)]
    objective = make_objective(layers, "squared_error", penalties=[penalty], dtype=dtype)
    optimizer = Adam()
    optimizer.bind(
        objective.params.flat,
        objective.grads.flat,
        objective.scratch,
        n_penalised=objective.params.n_penalised,
    )

    def step():
        objective.grads.flat.fill(0.1)
        optimizer.step(RATE, objective.sweep(2.0))
        objective.project(2.0, optimizer.iterate, optimizer.rates_of)

    step()
    tracemalloc.start()
    try:
        step()
        assert tracemalloc.get_traced_memory()[1] < IN_THE_LOOP
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("kind", [GroupL1, MaxNorm])
def test_the_memory_of_a_penalty_does_not_grow_with_the_weights(kind):
    sizes = []
    for width in (BLOCK // 16, BLOCK // 4):
        objective = make_objective([dense(width), dense(width // 64)], "squared_error")
        tracemalloc.start()
        kind(0.5).bind(objective.weights)
        sizes.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(sizes) < 4 * BLOCK * 8 + 2**14
