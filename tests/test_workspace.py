"""Buffers: shared as the flags say, kept, and never read before they are written."""

import functools
import itertools

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    DTYPES,
    FEW_LOSS_CASES,
    FIRST_NOISE,
    LOSS_CASES,
    N_FEATURES,
    TAKE_SPARSE,
    WEIGHT_CASES,
    Recorder,
    all_penalties,
    as_dtype,
    build_network,
    dense,
    each,
    every_ordered_pair,
    garbage,
    in_one_case,
    layers_by_label,
    make_batch,
    make_objective,
    make_solver,
    poison_new_memory,
)

from skmlp.clipping import ClipNorm, ClipValue
from skmlp.inference import raw_scores
from skmlp.layers import Dense
from skmlp.losses import LOSSES
from skmlp.network import Network
from skmlp.optimizers import OPTIMIZERS
from skmlp.schedules import Constant, Progress
from skmlp.solvers import Average, Batches, Current, TrainingSet
from skmlp.workspace import Buffer, Memory, Workspace

LAYERS = layers_by_label()
N_ROWS, SIZE = 17, 7  # two full batches and a tail of three

every_pair = every_ordered_pair(LAYERS)
every_loss = pytest.mark.parametrize(("name", "case"), each(LOSS_CASES))
some_losses = pytest.mark.parametrize(("name", "case"), each(FEW_LOSS_CASES))
both_dtypes = in_one_case(dtype=DTYPES)


def workspace_of(chain, dtype=np.float64, loss="multinomial_log_loss", n_rows=SIZE):
    network = build_network(chain)
    return Workspace(n_rows, dtype, network.plan, LOSSES[loss]().buffers(network.n_outputs))


# -- memory --------------------------------------------------------------------------


@pytest.mark.parametrize("k", [1, 3, SIZE])
@both_dtypes
def test_rows_have_the_declared_shapes_and_are_contiguous(k, dtype):
    chain = [dense(4), LAYERS["tanh"], LAYERS["relu"], dense(2)]
    rows = workspace_of(chain, dtype).rows(k)
    assert [out.shape for out in rows.out] == [(k, 4), (k, 4), (k, 4), (k, 2)]
    assert [dout.shape for dout in rows.dout] == [out.shape for out in rows.out]
    assert {array.dtype for array in (*rows.out, *rows.dout)} == {np.dtype(dtype)}
    assert all(array.flags.c_contiguous for array in (*rows.out[:-1], *rows.dout[:-1]))
    assert rows.out[-1].flags.f_contiguous
    assert rows.dout[-1].flags.f_contiguous


def test_rows_are_made_once_and_share_the_memory():
    workspace = workspace_of([dense(4), LAYERS["relu"], dense(2)])
    few, many = workspace.rows(3), workspace.rows(SIZE)
    assert workspace.rows(3) is few
    assert workspace.rows(SIZE) is many
    for a, b in zip((*few.out, *few.dout), (*many.out, *many.dout), strict=True):
        assert np.shares_memory(a, b)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("k", [1, 2, 5])
def test_a_buffer_has_room_for_any_number_of_rows(order, k):
    part = Memory(5, Buffer(3, order=order), np.float32).rows(k)
    assert part.shape == (k, 3)
    assert part.dtype == np.float32
    assert part.flags.c_contiguous if order == "C" else part.flags.f_contiguous


def test_a_buffer_of_one_number_a_row_may_count_them():
    memory = Memory(5, Buffer(dtype=np.intp, counting=True), np.float32)
    np.testing.assert_array_equal(memory.rows(4), [0, 1, 2, 3])
    assert memory.rows(4).dtype == np.intp


@every_pair
def test_layers_share_memory_only_as_their_flags_allow(a, b):
    chain = [dense(4), LAYERS[a], LAYERS[b], dense(2)]
    layers = build_network(chain).layers
    rows = workspace_of(chain).rows(SIZE)
    for i in range(1, len(chain)):
        may_overwrite = layers[i].inplace and not layers[i].reads_x and not layers[i - 1].reads_out
        assert np.shares_memory(rows.out[i], rows.out[i - 1]) == may_overwrite
        assert np.shares_memory(rows.dout[i], rows.dout[i - 1]) == layers[i].inplace
    assert not any(np.shares_memory(x, y) for x in rows.out for y in rows.dout)


@pytest.mark.parametrize("flags", list(itertools.product([False, True], repeat=3)), ids=str)
def test_output_lies_over_the_input_only_where_nobody_needs_the_input(flags):
    """In place, and neither its own derivative nor that of the layer before reads it."""
    inplace, reads_x, read_before = flags
    before = type("Before", (Dense,), {"reads_out": read_before})(3)
    layer = type("After", (Dense,), {"inplace": inplace, "reads_x": reads_x})(3)
    network = Network([before, layer], n_features=3)
    assert network.plan[1].over_input == (inplace and not reads_x and not read_before)
    assert network.plan[1].inplace == inplace


def test_the_first_layer_never_writes_over_the_batch():
    for name, layer in LAYERS.items():
        assert not build_network([layer, dense(2)]).plan[0].over_input, name


# -- poison --------------------------------------------------------------------------


def poison(objective, rows):
    """Fill every buffer that a step may write with garbage."""
    declared = objective.loss.buffers(objective.network.n_outputs)
    scratch = [array for name, array in rows.scratch.items() if not declared[name].counting]
    kept = [array for buffers in rows.layers for array in buffers.values()]
    for array in (*rows.out, *rows.dout, *kept, *scratch, objective.grads.flat, objective.scratch):
        array.fill(garbage(array.dtype))


def step(objective, batch, workspace):
    """Evaluate one batch, with the same random numbers; return the bits of all that it left."""
    objective.noise.restore(FIRST_NOISE)
    objective.network.forget(objective.views)
    with np.errstate(all="ignore"):
        value = objective(*batch, workspace.rows(batch.X.shape[0]))
    return value, objective.grads.flat.tobytes(), objective.statistics.flat.tobytes()


def draw_rows(case, weights, dtype, n_rows):
    """Return X, y and weights."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
    y = as_dtype(case.targets(rng, n_rows, case.n_outputs), dtype)
    return X, y, WEIGHT_CASES[weights](rng, n_rows)


def check_poison(chain, name, case, dtype=np.float64):
    """Compare batches of several sizes in poisoned memory with the same in memory of their own."""
    objective = make_objective(chain, case.make(name), penalties=all_penalties(), dtype=dtype)
    workspace = objective.workspace(SIZE)
    batch = make_batch(*draw_rows(case, "unweighted", dtype, SIZE))
    for k in (SIZE, 3, 1, SIZE):
        few = batch._replace(X=batch.X[:k], y=batch.y[:k], total=float(k))
        clean = step(objective, few, objective.workspace(k))
        poison(objective, workspace.rows(SIZE))
        assert step(objective, few, workspace) == clean


@in_one_case(first=[False, True])
@every_pair
def test_poison_changes_no_bit_for_any_pair_of_layers(a, b, first):
    case = LOSS_CASES["multinomial_log_loss"]["4_outputs"]
    below = [] if first else [dense(4)]
    for above in ([dense(4)], [dense(4), LAYERS[a]]):
        check_poison([*below, LAYERS[a], LAYERS[b], *above], "multinomial_log_loss", case)


@every_loss
def test_poison_changes_no_bit_for_any_loss(name, case):
    for dtype in DTYPES:
        check_poison([dense(4), LAYERS["tanh"], dense(case.n_outputs)], name, case, dtype)


@pytest.mark.parametrize("layer", [label for label in LAYERS if label != "dense"])
@some_losses
def test_poison_changes_no_bit_for_scores_that_end_in_any_layer(name, case, layer):
    for dtype in DTYPES:
        check_poison([dense(4), dense(case.n_outputs), LAYERS[layer]], name, case, dtype)


@pytest.mark.parametrize(
    ("kind", "dtype", "shuffled"),
    [
        pytest.param(np.asarray, np.float32, True, id="dense-shuffled"),
        pytest.param(np.asarray, np.float64, False, id="dense-slices"),
        pytest.param(sp.csr_array, np.float64, True, id="sparse"),
    ],
)
@some_losses
def test_poison_changes_no_bit_for_any_batch(name, case, kind, dtype, shuffled):
    chain = [*(LAYERS[layer] for layer in TAKE_SPARSE[1:]), dense(4), LAYERS["relu"]]
    for weights in WEIGHT_CASES:
        check_batches([*chain, dense(case.n_outputs)], name, case, dtype, kind, weights, shuffled)


def check_batches(chain, name, case, dtype, kind, weights, shuffled):
    """Compare the batches of two epochs in poisoned memory with those in their own."""
    X, y, weight = draw_rows(case, weights, dtype, N_ROWS)
    objective = make_objective(chain, case.make(name), penalties=all_penalties(), dtype=dtype)
    data = TrainingSet(kind(X), y, weight)
    batches, twins = (
        Batches(data, SIZE, np.random.RandomState(1) if shuffled else None) for _ in range(2)
    )
    memory = functools.partial(objective.workspace, sparse=batches.sparse)
    workspace = memory(SIZE)
    for _ in range(2):
        for batch, twin in zip(batches, twins, strict=True):
            clean = step(objective, twin, memory(twin.X.shape[0]))
            poison(objective, workspace.rows(SIZE))
            assert step(objective, batch, workspace) == clean
            for array in owned(batch, data):
                array.fill(garbage(array.dtype))


def owned(batch, data):
    """Return the arrays of a batch that are not the user's data."""
    parts = [(batch.y, data.y), (batch.weight, data.weight)]
    if isinstance(batch.X, np.ndarray):
        parts.append((batch.X, data.X))
    return [mine for mine, given in parts if mine is not None and not np.shares_memory(mine, given)]


class Trained:
    """The bits of all that some epochs leave."""

    everything = ["batch_norm", "gaussian_noise", "dropout", "dense", "layer_norm", "relu"]

    def __init__(self, name="squared_error", case=None, layers=everything):
        self.name, self.case = name, case or LOSS_CASES[name]["3_outputs"]
        self.chain = [*(LAYERS[layer] for layer in layers), dense(self.case.n_outputs)]

    def __call__(self, optimizer, dtype, weights, average=None):
        X, y, weight = draw_rows(self.case, weights, dtype, N_ROWS)
        objective = make_objective(
            self.chain, self.case.make(self.name), penalties=all_penalties(), dtype=dtype
        )
        evaluated = Current(objective) if average is None else Average(objective, average)
        batches = Batches(TrainingSet(X, y, weight), SIZE, np.random.RandomState(1))
        monitor, clips = Recorder(), [ClipValue(0.1), ClipNorm(0.05)]
        solver = make_solver(
            optimizer, objective, Constant(0.01), 3, evaluated=evaluated, clips=clips
        )
        with np.errstate(all="ignore"):
            solver.solve(objective, batches, Progress(), monitor)
            evaluated.refresh()
            scores = raw_scores(objective.network, evaluated.views, X, dtype)
        flats = [arena.flat.tobytes() for arena in (objective.params, *evaluated.arenas)]
        return flats, tuple(monitor.losses), scores.tobytes()


def check_training(train, optimizer, dtype, monkeypatch, choices):
    """Compare training in poisoned memory with the same in memory as it is."""
    clean = [train(OPTIMIZERS[optimizer](), dtype, *choice) for choice in choices]
    with monkeypatch.context() as patch:
        poison_new_memory(patch)
        assert [train(OPTIMIZERS[optimizer](), dtype, *choice) for choice in choices] == clean


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@both_dtypes
def test_training_by_any_optimizer_in_poisoned_memory_changes_no_bit(dtype, optimizer, monkeypatch):
    choices = [("unweighted", None), ("weighted", 1.0), ("some_weightless", 0.9)]
    check_training(Trained(), optimizer, dtype, monkeypatch, choices)


@both_dtypes
@every_loss
def test_training_on_any_loss_in_poisoned_memory_changes_no_bit(name, case, dtype, monkeypatch):
    train, choices = Trained(name, case), [(weights,) for weights in WEIGHT_CASES]
    check_training(train, "sgd", dtype, monkeypatch, choices)


@pytest.mark.parametrize("layer", LAYERS)
@both_dtypes
def test_training_any_layer_in_poisoned_memory_changes_no_bit(dtype, layer, monkeypatch):
    for layers in (["dense", layer, "dense", "tanh"], [layer, "dense", "tanh"]):
        train, choices = Trained(layers=layers), [(weights,) for weights in WEIGHT_CASES]
        check_training(train, "adam", dtype, monkeypatch, choices)
