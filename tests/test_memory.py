"""How much memory training and prediction take, counted by tracemalloc.

NumPy reports its arrays to tracemalloc, so the numbers are exact and the same on every run.
"""

import functools
import itertools
import tracemalloc
from contextlib import contextmanager

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES, LOSS_CASES, as_dtype, pairwise

from skmlp import MLPClassifier, MLPRegressor
from skmlp.activations import ACTIVATIONS
from skmlp.estimators.architecture import build_network
from skmlp.estimators.training.solving import build_penalties, build_solver
from skmlp.losses import LOSSES
from skmlp.objective import Objective
from skmlp.optimizers import OPTIMIZERS
from skmlp.schedules import Progress
from skmlp.solvers import Batches, TrainingSet

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: Slots of some optimizers, one of each number; the last has a vector for predictions besides.
SLOTS = {"sgd": 1, "adam": 2, "amsgrad": 3, "schedulefree": 4}

#: What a call may take besides: Python objects and a block of scratch. It grows with nothing.
CONSTANT = 2**19

#: Numbers of eight bytes a row: the order of the rows, the codes of y and a check of them.
PER_ROW = 3

#: The same where rows are held out: besides, the rows to train on and to hold out.
PER_ROW_HELD_OUT = 6

#: A buffer for one chunk of rows, in which held-out rows are scored and others predicted.
CHUNK = 2**20

#: What the loss of held-out rows, a few of them at a time, is computed in.
LOSS = 2**18

#: What an epoch may allocate: Python objects, the handles of views among them, and NumPy's
#: own buffers for operands of another shape or type, of a fixed number of elements.
IN_THE_LOOP = 3 * 8 * np.getbufsize() + 2**13


#: Pieces of a batch, of a fixed number of elements, that a layer may work in.
PIECES = 2**20


@pytest.fixture(scope="module", autouse=True)
def first_fit_is_over():
    """Fit and predict: what is imported or made once is no part of what a fit takes."""
    for dtype in DTYPES:
        X, y = data(1_000, 20, dtype)
        MLPClassifier((500,), max_iter=1, early_stopping=True).fit(X, y).predict_proba(X)


@contextmanager
def measured():
    """Yield a function that returns the peak of the allocations so far, in bytes."""
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    try:
        yield lambda: tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def data(n, n_features, dtype, n_classes=5):
    """Return C-contiguous X and class labels."""
    rng = np.random.RandomState(0)
    return rng.rand(n, n_features).astype(dtype), rng.randint(0, n_classes, n)


def parameter_count(n_features, hidden, n_outputs):
    """Return the number of weights and biases."""
    widths = [n_features, *hidden, n_outputs]
    return sum((a + 1) * b for a, b in itertools.pairwise(widths))


# -- fit -------------------------------------------------------------------------------

#: Rows, features, hidden layers, batch.
SHAPES = {
    "narrow": (20_000, 40, (20,), 200),
    "wide": (2_000, 200, (500, 400), 128),
    "deep": (6_000, 100, (60, 60, 60, 60), 256),
    "large batch": (8_000, 50, (100,), 4_000),
    "linear": (20_000, 40, (), 200),
}


def limit(shape, solver, itemsize, *, held_out=False):
    """Return the bytes that fit may take beyond X."""
    n, n_features, hidden, batch = shape
    vectors = parameter_count(n_features, hidden, 5) * (3 + SLOTS[solver])
    activations = 2 * batch * (n_features + sum(hidden) + 5)
    chunks = (1 + len(hidden)) * CHUNK + LOSS if held_out else 0
    rows = n * 8 * (PER_ROW_HELD_OUT if held_out else PER_ROW)
    return (vectors + activations) * itemsize + chunks + rows + CONSTANT


@pytest.mark.parametrize(
    ("shape", "solver", "dtype", "early_stopping", "weighted"),
    pairwise(list(SHAPES), list(SLOTS), DTYPES, [False, True], [False, True]),
)
def test_fit_takes_a_few_times_the_parameters(shape, solver, dtype, early_stopping, weighted):
    n, n_features, hidden, batch = SHAPES[shape]
    X, y = data(n, n_features, dtype)
    weight = np.ones(n) if weighted else None
    est = MLPClassifier(hidden, solver=solver, batch_size=batch, max_iter=1, random_state=0)
    est.set_params(early_stopping=early_stopping)
    est.fit(X, y, weight)  # makes the constant vectors of its sizes, which are kept
    with measured() as peak:
        est.fit(X, y, weight)
        assert peak() <= limit(SHAPES[shape], solver, X.itemsize, held_out=early_stopping)


@pytest.mark.parametrize("early_stopping", [False, True], ids=["all rows", "held out"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_fit_makes_no_copy_of_the_rows(dtype, early_stopping):
    peaks = []
    for n_features in (60, 160):  # both so many that held-out rows are several chunks
        X, y = data(40_000, n_features, dtype)
        est = MLPClassifier((10,), batch_size=200, max_iter=1, early_stopping=early_stopping)
        with measured() as peak:
            est.fit(X, y)
            peaks.append(peak())
    wider = 40_000 * 100 * np.dtype(dtype).itemsize
    assert peaks[1] - peaks[0] < wider / 40


@pytest.mark.parametrize("train", ["partial_fit", "warm fit"])
@pytest.mark.parametrize("solver", SLOTS)
def test_further_training_takes_no_more_than_the_saved_state_in_addition(solver, train):
    shape = SHAPES["wide"]
    X, y = data(shape[0], shape[1], np.float32)
    est = MLPClassifier(shape[2], solver=solver, batch_size=shape[3], max_iter=1, warm_start=True)
    est.fit(X, y)
    saved = SLOTS[solver] * parameter_count(shape[1], shape[2], 5) * X.itemsize
    with measured() as peak:
        est.partial_fit(X, y) if train == "partial_fit" else est.fit(X, y)
        assert peak() <= limit(shape, solver, X.itemsize) + saved


def test_sparse_fit_takes_memory_by_entries():
    X = sp.random_array(
        (20_000, 2_000), density=0.01, random_state=0, format="csr", dtype=np.float64
    )
    y = np.arange(20_000) % 5
    est = MLPClassifier((10,), batch_size=100, max_iter=1)
    with measured() as peak:
        est.fit(X, y)
        assert peak() <= limit((20_000, 2_000, (10,), 100), "adam", 8)


def test_fitted_estimator_keeps_the_parameters_only():
    X, y = data(2_000, 300, np.float32)
    est = MLPClassifier((400, 400), max_iter=1, early_stopping=True, random_state=0)
    tracemalloc.start()
    est.fit(X, y)
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    weights = sum(w.nbytes for w in (*est.coefs_, *est.intercepts_))
    assert kept <= 1.1 * weights + 2**18


# -- the loop ---------------------------------------------------------------------------


class LoopMonitor:
    """Measure what the epochs after the first allocate, when they end and in between."""

    def __init__(self):
        self.base, self.peak = None, None

    def epoch_begin(self):
        """Take no notice."""

    def epoch_end(self, loss, learning_rate=None):
        if self.base is None:
            tracemalloc.reset_peak()
            self.base = tracemalloc.get_traced_memory()[0]
        else:
            self.peak = tracemalloc.get_traced_memory()[1] - self.base
        return False

    def stalled(self, learning_rate):
        raise AssertionError("no epoch stalls")


#: A rate so small that nothing happens to the weights.
DEFAULTS = {**MLPClassifier().get_params(), "max_iter": 3, "learning_rate_init": 1e-6}


def loop_peak(loss, size, dtype=np.float32, rows=(), **options):
    """Return the bytes that two epochs allocate at a time, after a first one."""
    n, n_features, hidden, batch = size
    case = list(LOSS_CASES[loss].values())[-1]
    X, y = loop_data(case, n, n_features, dtype)
    settings = {**DEFAULTS, "hidden_layer_sizes": hidden, **options}
    network = build_network(settings, n_features, case.n_outputs)
    objective = Objective(network, case.make(loss), build_penalties(settings), dtype)
    rng = np.random.RandomState(0)
    network.initialize(objective.views, rng)
    weight = rng.rand(n) if "weighted" in rows else None
    subset = np.arange(n // 2) if "subset" in rows else None
    batches = Batches(TrainingSet(X, y, weight, subset), batch, None if "in order" in rows else rng)
    monitor = LoopMonitor()
    with measured():
        build_solver(settings, objective).solve(objective, batches, Progress(), monitor)
    return monitor.peak


def loop_data(case, n, n_features, dtype):
    """Return X and encoded targets for a loss."""
    rng = np.random.RandomState(0)
    return loop_rows(n, n_features, dtype), as_dtype(case.targets(rng, n, case.n_outputs), dtype)


@functools.cache
def loop_rows(n, n_features, dtype):
    """Return X."""
    return np.random.RandomState(0).rand(n, n_features).astype(dtype)


SIZES = [
    (200, 10, (10,), 50),
    (30_000, 10, (10,), 2_000),  # rows
    (200, 10_000, (10,), 50),  # features
    (600, 10, (700, 300), 300),  # widths and parameters
    (30_010, 10, (10,), 28_000),  # batch, and a smaller last one
]
#: Rows in the smaller sizes are enough where the optimizer alone differs.
FEW = [SIZES[2], SIZES[3]]


@pytest.mark.parametrize("loss", LOSSES)
def test_loop_allocates_nothing_that_grows_for_any_loss(loss):
    for size, dtype in zip(SIZES, itertools.cycle(DTYPES), strict=False):
        assert loop_peak(loss, size, dtype) < IN_THE_LOOP, size


@pytest.mark.parametrize(("solver", "size", "dtype"), pairwise(list(OPTIMIZERS), FEW, DTYPES))
def test_loop_allocates_nothing_that_grows_for_any_optimizer(solver, size, dtype):
    assert loop_peak("multinomial_log_loss", size, dtype, solver=solver) < IN_THE_LOOP


@pytest.mark.parametrize("activation", [*ACTIVATIONS, "prelu"])
def test_loop_allocates_nothing_that_grows_for_any_activation(activation):
    for size in SIZES[2:]:
        peak = loop_peak("multinomial_log_loss", size, activation=activation)
        assert peak < IN_THE_LOOP + PIECES, size


@pytest.mark.parametrize(
    "options",
    [
        {"dropout": 0.5, "input_dropout": 0.2},
        {"activation": "selu", "dropout": 0.1},
        {"input_noise": 0.1},
        {"batch_norm": True},
        {"batch_norm": "input", "average": 0.9},
        {"layer_norm": True},
        {"feature_scaling": "standard"},
        {"feature_scaling": "smooth_clip"},
        {"parametric_activation": True},
        {"alpha": 0.1, "l1_ratio": 0.5},
        {"input_group_l1": 0.1},
        {"weight_decay": 0.1},
        {"max_norm": 0.1},
        {"max_grad_norm": 0.1, "max_grad_value": 0.01},
        {"average": True},
        {"learning_rate_factors": [1.0, 2.0, 3.0]},
        {"frozen_layers": [0], "batch_norm": True, "average": True},
        {"frozen_layers": [1], "layer_norm": True, "activation": "prelu", "max_norm": 0.1},
    ],
    ids=str,
)
def test_loop_allocates_nothing_that_grows_for_any_component(options):
    for _, n_features, hidden, batch in SIZES[1:]:
        hidden = hidden if len(hidden) == 2 else (*hidden, 5)
        size = (4 * batch // 3, n_features, hidden, batch)
        peak = loop_peak("multinomial_log_loss", size, **options)
        assert peak < IN_THE_LOOP + PIECES, size


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "rows", [("in order",), ("subset",), ("weighted",), ("weighted", "subset")]
)
def test_loop_allocates_nothing_that_grows_for_any_choice_of_rows(rows, dtype):
    for n, batch in ((1_000, 50), (30_000, 500), (60_000, 28_000)):
        peak = loop_peak("squared_error", (n, 20, (10,), batch), dtype, rows)
        assert peak < IN_THE_LOOP, (n, batch)


# -- predict -------------------------------------------------------------------------------


def peak_of(act, X):
    """Return the peak of a prediction beyond its result, and the result."""
    act(X[:10])
    with measured() as peak:
        result = act(X)
        return peak() - result.nbytes, result


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("hidden", [(), (10,), (300,), (100, 200)])
@pytest.mark.parametrize("container", [np.asarray, sp.csr_array, np.asfortranarray])
def test_scores_of_more_rows_take_no_more_memory(hidden, dtype, container):
    X, y = data(120_000, 20, dtype)  # half of them are more than a piece
    X[:, 5:] = 0
    est = MLPClassifier(hidden, max_iter=1, random_state=0).fit(X[:100], y[:100])
    few, many = (peak_of(est.decision_function, container(X[:n]))[0] for n in (60_000, 120_000))
    pointers, copied = 120_000 * 8, container is not np.asarray
    assert many <= few + 2**12 + pointers * copied
    # A piece of the scores; of rows that are not C-contiguous a chunk and products are copies.
    assert many <= CONSTANT + CHUNK * (2 + len(hidden)) + 4 * CHUNK * copied


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("given", [np.float32, np.float64, np.int64])
def test_regression_of_more_rows_takes_no_more_memory(dtype, given):
    X, _ = data(40_000, 20, dtype)
    est = MLPRegressor((300,), max_iter=1, random_state=0).fit(X[:100], X[:100, :3])
    X = (X * 10).astype(given)
    few, many = (peak_of(est.predict, X[:n])[0] for n in (10_000, 40_000))
    converted = 0 if given != np.int64 else 30_000 * 20 * 8  # by scikit-learn's validation
    assert many <= few + 2**12 + converted


@pytest.mark.parametrize("n_classes", [2, 5, 50])
@pytest.mark.parametrize("method", ["predict", "predict_proba", "predict_log_proba"])
def test_classification_holds_no_more_than_a_few_scores_a_row(method, n_classes):
    X, y = data(20_000, 20, np.float64, n_classes)
    y[:n_classes] = np.arange(n_classes)
    est = MLPClassifier((800,), max_iter=1, random_state=0).fit(X[:1000], y[:1000])
    peak, _ = peak_of(getattr(est, method), X)
    assert peak <= CONSTANT + 2 * CHUNK + 5 * X.shape[0] * (n_classes + 1) * 8


def test_one_row_of_a_wide_network_takes_one_row_of_buffers():
    X, y = data(100, 20, np.float64)
    est = MLPClassifier((2_000,), max_iter=1, random_state=0).fit(X, y)
    peak, _ = peak_of(est.predict_proba, X[:1])
    assert peak < 2 * 2_000 * 8 + 2**14
