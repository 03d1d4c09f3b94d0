"""Sparse input: as long as it stays sparse, no memory of rows times features is reserved."""

import itertools
import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    DTYPES,
    FIRST_NOISE,
    TAKE_SPARSE,
    WEIGHT_CASES,
    build_network,
    chain_problem,
    dense,
    layers_by_label,
    make_objective,
)
from trust import estimator, outputs, problem

from skmlp.network import Network

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:Got `batch_size`:UserWarning"),
]

LAYERS = layers_by_label()
ROWS = 5

#: The layers that hand a sparse input on as it came.
KEEP_SPARSE = ("dropout", "gaussian_noise", "rescale", "smooth_clip")

chains = pytest.mark.parametrize(
    "first",
    [
        chain
        for n in (1, 2)
        for chain in itertools.product(TAKE_SPARSE, repeat=n)
        if chain[0] in KEEP_SPARSE
    ],
    ids="-".join,
)
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def uncentred(objective):
    """Let no layer move a column of the input, which would make it dense."""
    for p in objective.views:
        if "centre" in p:
            p["centre"].fill(0.0)
    return objective


def n_kept(first):
    """Return how many layers come before the first that makes the input dense."""
    return len(list(itertools.takewhile(KEEP_SPARSE.__contains__, first)))


# -- the plan ------------------------------------------------------------------------


@chains
def test_layers_with_a_sparse_output_have_no_memory_and_others_what_they_had(first):
    objective = uncentred(
        make_objective([*(LAYERS[a] for a in first), dense(4), dense(2)], "squared_error")
    )
    rows, usual = (objective.workspace(ROWS, sparse=s).rows(ROWS) for s in (True, False))
    n = n_kept(first)
    assert not any(array.size for array in rows.out[:n])
    assert not any(rows.layers[:n])
    assert [a.shape for a in rows.out[n:]] == [a.shape for a in usual.out[n:]]
    for found, expected in zip(rows.layers[n:], usual.layers[n:], strict=True):
        assert {k: a.shape for k, a in found.items()} == {k: a.shape for k, a in expected.items()}
    assert [a.shape for a in rows.dout[n:]] == [a.shape for a in usual.dout[n:]]


def test_a_column_that_is_moved_makes_the_input_dense():
    objective = make_objective([LAYERS["rescale"], LAYERS["dropout"], dense(2)], "squared_error")
    for centre, expected in ((1.0, [3, 3, 2]), (0.0, [0, 0, 2])):
        objective.views[0]["centre"][:] = [0.0, 0.0, centre]
        for sparse, widths in ((True, expected), (False, [3, 3, 2])):
            places = objective.network.plan_for(objective.views, sparse=sparse)
            assert [place.width for place in places] == widths


@pytest.mark.parametrize("weights", WEIGHT_CASES)
@pytest.mark.parametrize("kind", [sp.csr_array, sp.csr_matrix])
@chains
def test_a_step_has_the_same_bits_without_that_memory(first, kind, weights):
    chain = [*(LAYERS[a] for a in first), dense(4), LAYERS["tanh"], dense(3)]
    objective, batch = chain_problem(chain, weights=weights)
    uncentred(objective)
    batch, bits = batch._replace(X=kind(np.where(np.abs(batch.X) > 0.5, batch.X, 0))), []
    for sparse in (True, False):
        objective.noise.restore(FIRST_NOISE)
        objective.network.forget(objective.views)
        rows = objective.workspace(ROWS, sparse=sparse).rows(ROWS)
        value = objective(*batch, rows)
        arenas = (objective.grads, objective.statistics)
        bits.append((value, *(arena.flat.tobytes() for arena in arenas)))
    assert bits[0] == bits[1]


# -- estimators ----------------------------------------------------------------------


#: Rows and columns; quantiles are found column by column, which takes its time.
WIDE, TALL = (2_000, 5_000), (20_000, 500)


def few_entries(n, n_features, dtype=np.float64):
    """Return rows of which a thousandth is stored, and classes."""
    X = sp.random_array((n, n_features), density=1e-3, format="csr", random_state=0, dtype=dtype)
    return X, np.arange(n) % 2


def peak_of(act):
    """Return what a call allocates at a time, in bytes."""
    tracemalloc.start()
    act()
    used = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return used


@both_dtypes
@pytest.mark.parametrize(
    ("shape", "params"),
    [
        (WIDE, {"feature_scaling": "maxabs", "input_dropout": 0.2, "input_noise": 0.1}),
        (WIDE, {"feature_scaling": "standard", "init": "unit_variance", "init_bias": "he5"}),
        (WIDE, {"feature_scaling": "maxabs", "solver": "lbfgs", "max_iter": 2}),
        (WIDE, {"input_dropout": 0.2, "dropout": 0.5, "alpha": 0.1, "l1_ratio": 0.5}),
        (TALL, {"feature_scaling": "smooth_clip", "batch_norm": True, "early_stopping": True}),
    ],
    ids=str,
)
def test_fit_and_predict_take_no_memory_of_rows_times_features(shape, params, dtype):
    """A batch of all rows would take seven times as much in one dense array of its type."""
    X, y = few_entries(*shape, dtype)
    params = {"hidden_layer_sizes": (2,), "max_iter": 1, "batch_size": X.shape[0], **params}
    est, limit = estimator("binary", **params), X.shape[0] * X.shape[1] * X.dtype.itemsize / 7
    estimator("binary", **params).fit(X[:50, :20], y[:50])  # what is imported once
    assert peak_of(lambda: est.fit(X, y)) < limit
    assert peak_of(lambda: est.predict_proba(X)) < limit
    if params.get("solver") != "lbfgs":
        assert peak_of(lambda: est.partial_fit(X, y)) < limit


def test_predictions_of_wide_sparse_rows_come_in_few_chunks(monkeypatch):
    X, y = few_entries(300, 150_000)
    est = estimator("binary", hidden_layer_sizes=(2,), max_iter=1).fit(X, y)
    chunks, forward = [], Network.forward

    def counted(self, params, x, outs):
        chunks.append(x.shape[0])
        return forward(self, params, x, outs)

    monkeypatch.setattr(Network, "forward", counted)
    est.predict(X)
    assert chunks == [300]


@pytest.mark.parametrize("task", ["multiclass", "multilabel", "multi-output"])
@pytest.mark.parametrize("scaling", ["maxabs", "smooth_clip", None])
@pytest.mark.parametrize(
    "params",
    [
        {"input_dropout": 0.3, "input_noise": 0.2},
        {"input_dropout": 0.3, "batch_norm": "input", "batch_norm_momentum": 0.5},
        {"init": "unit_variance", "init_bias": "he5"},
        {"solver": "lbfgs", "layer_norm": True},
    ],
    ids=str,
)
def test_rows_of_which_all_is_stored_train_and_predict_as_dense_ones(params, scaling, task):
    """Then noise is drawn for the same places. Medians are zero: no column is moved."""
    X, y = problem(task)
    X, y = np.concatenate([X, -X]), np.concatenate([y, y])
    make = {"feature_scaling": scaling, "batch_size": 25, "max_iter": 4, **params}
    full, sparse = (estimator(task, **make).fit(kind(X), y) for kind in (np.asarray, sp.csr_array))
    expected, found = outputs(full, X), outputs(sparse, sp.csr_array(X))
    for name, values in expected.items():
        np.testing.assert_allclose(found[name], values, rtol=1e-7, atol=1e-7, err_msg=name)


def test_the_network_of_no_layer_that_keeps_sparse_rows_is_planned_as_ever():
    network = build_network([dense(4), LAYERS["relu"], dense(2)])
    params = [{}] * 3
    assert network.plan_for(params, sparse=True) == network.plan_for(params, sparse=False)
