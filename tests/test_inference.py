"""Raw scores of many rows, in chunks, and of huge ones."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import (
    DTYPES,
    N_FEATURES,
    build_network,
    dense,
    in_one_case,
    layers_by_label,
    make_objective,
    pairwise,
    plain_forward,
)

from skmlp import inference
from skmlp.inference import chunk_rows, raw_scores

LAYERS = layers_by_label()
TOLERANCE = {np.float32: 2e-5, np.float64: 1e-12}
N_ROWS = 53

every_layer = pytest.mark.parametrize("layer", LAYERS)
both_dtypes = in_one_case(dtype=DTYPES)


class Scorer:
    """A drawn network and rows to score."""

    def __init__(self, layer, dtype=np.float64, chain=None):
        self.chain = chain or [dense(6), LAYERS[layer], LAYERS[layer], dense(4)]
        objective = make_objective(self.chain, "squared_error", dtype=dtype)
        self.network, self.params = objective.network, objective.views
        self.dtype = dtype
        self.X = np.random.RandomState(1).normal(size=(N_ROWS, N_FEATURES)).astype(dtype)
        self.X[np.abs(self.X) < 0.3] = 0

    def __call__(self, X=None, subset=None):
        X = self.X if X is None else X
        return raw_scores(self.network, self.params, X, self.dtype, subset)

    def textbook(self, X=None):
        X = self.X if X is None else X
        wide = [{name: v.astype(float) for name, v in views.items()} for views in self.params]
        return plain_forward(self.chain, wide, X.astype(float))[-1]


def assert_close(found, expected, dtype):
    assert found.dtype == dtype
    np.testing.assert_allclose(found, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize(
    ("layer", "dtype", "chunk"), pairwise(list(LAYERS), DTYPES, [1, 6, 30, 200, 10_000])
)
def test_any_chunks_give_the_textbook_scores(layer, dtype, chunk, monkeypatch):
    monkeypatch.setattr(inference, "CHUNK", chunk)
    scorer = Scorer(layer, dtype)
    assert chunk_rows(scorer.network, scorer.params, scorer.X) == max(1, chunk // 6)
    assert_close(scorer(), scorer.textbook(), dtype)


@in_one_case(kind=[sp.csr_array, sp.csr_matrix])
@both_dtypes
@every_layer
def test_sparse_rows_score_as_dense_ones(layer, dtype, kind, monkeypatch):
    monkeypatch.setattr(inference, "CHUNK", 60)
    scorer = Scorer(layer, dtype)
    assert_close(scorer(kind(scorer.X)), scorer.textbook(), dtype)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("subset", [np.arange(N_ROWS)[::-1], np.array([3, 3, 0, 52]), [7]])
def test_a_subset_has_the_scores_of_its_rows_in_its_order(subset, kind, monkeypatch):
    monkeypatch.setattr(inference, "CHUNK", 18)
    scorer = Scorer("tanh")
    subset = np.asarray(subset)
    found = scorer(kind(scorer.X), subset)
    assert_close(found, scorer.textbook()[subset], np.float64)


@pytest.mark.parametrize("given", DTYPES)
@both_dtypes
def test_scores_have_the_type_of_the_parameters(dtype, given):
    scorer = Scorer("relu", dtype)
    X = scorer.X.astype(given)
    assert_close(scorer(X), scorer.textbook(X.astype(dtype)), dtype)


@pytest.mark.parametrize(
    "chain", [[dense(4)], [dense(4), LAYERS["tanh"]], [LAYERS["relu"], dense(4)]]
)
def test_shortest_networks(chain):
    scorer = Scorer("", chain=chain)
    assert_close(scorer(), scorer.textbook(), np.float64)


def test_chunks_of_the_widest_layer_fill_the_same_memory():
    for width in (8, 1000):
        scorer = Scorer("", chain=[dense(width), dense(2)])
        for kind in (np.asarray, sp.csr_array):
            rows = chunk_rows(scorer.network, scorer.params, kind(scorer.X))
            assert rows == inference.CHUNK // width


@pytest.mark.parametrize(("stored", "widest"), [(1, 2), (7, 14), (20_000, 40_000)])
@pytest.mark.parametrize("first", [[], ["dropout", "gaussian_noise"]], ids=len)
def test_of_wide_sparse_rows_what_is_stored_decides_the_chunk(stored, widest, first):
    n_features = 2 * inference.CHUNK
    chain = [*(LAYERS[name] for name in first), dense(2)]
    network, params = build_network(chain, n_features), [{}] * len(chain)
    columns = np.tile(np.arange(stored), 3)
    X = sp.csr_array((np.ones(3 * stored), columns, stored * np.arange(4)), shape=(3, n_features))
    assert chunk_rows(network, params, X) == inference.CHUNK // widest
    assert chunk_rows(network, params, np.empty((1, n_features))) == 1


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@both_dtypes
def test_memory_beside_the_scores_does_not_grow_with_the_rows(dtype, kind, monkeypatch):
    monkeypatch.setattr(inference, "CHUNK", 600)
    scorer, beside = Scorer("relu", dtype), []
    for n in (2000, 20_000):
        X = kind(np.resize(scorer.X, (n, N_FEATURES)))
        tracemalloc.start()
        scores = scorer(X)
        beside.append(tracemalloc.get_traced_memory()[1] - scores.nbytes)
        tracemalloc.stop()
    assert beside[1] < beside[0] + scores.nbytes / 10


def assert_only_read(scorer, X):
    """Score rows that must not be written to; compare them with a copy."""
    values = X if isinstance(X, np.ndarray) else X.data
    kept, values.flags.writeable = values.copy(), False
    with np.errstate(all="ignore"):
        scorer(X)
    assert values.tobytes() == kept.tobytes()


@every_layer
def test_rows_are_only_read_by_any_first_layer(layer):
    scorer = Scorer("", chain=[LAYERS[layer], dense(4)])
    assert_only_read(scorer, scorer.X)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_rows_are_only_read_where_their_scores_overflow(kind):
    scorer = Scorer("", chain=[dense(4)])
    scorer.params[0]["weight"][...] = 1000
    assert_only_read(scorer, kind(1e307 * np.abs(scorer.X)))


# -- huge rows -----------------------------------------------------------------------


def huge_rows(scorer, share):
    """Return rows, every third one near the largest float."""
    X = scorer.X.copy()
    X[::3] *= share * np.finfo(scorer.dtype).max / np.abs(X).max()
    return X


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("share", [1e-3, 1.0])
@both_dtypes
@every_layer
def test_scores_of_huge_rows_are_finite(layer, dtype, share, kind):
    scorer = Scorer(layer, dtype)
    with np.errstate(all="ignore"):
        scores = scorer(kind(huge_rows(scorer, share)))
    assert np.isfinite(scores).all()


@both_dtypes
@every_layer
def test_huge_rows_leave_the_scores_of_the_others_alone(layer, dtype):
    scorer = Scorer(layer, dtype)
    with np.errstate(all="ignore"):
        scores = scorer(huge_rows(scorer, 1.0))
    ordinary = np.arange(N_ROWS) % 3 != 0
    assert_close(scores[ordinary], scorer.textbook()[ordinary], dtype)


@both_dtypes
def test_scores_that_overflow_keep_their_sign(dtype):
    scorer = Scorer("relu", dtype, [dense(1), LAYERS["relu"], dense(2)])
    first, _, last = scorer.params
    first["weight"][...], first["bias"][...] = 3, 0
    last["weight"][...], last["bias"][...] = [[5, -5]], 1
    info = np.finfo(dtype)
    X = np.array([[1, 1, 1], [-1, -1, -1], [0, 0, 1e-3]], dtype) * info.max
    with np.errstate(all="ignore"):
        scores = scorer(X)
    assert np.isfinite(scores).all()
    assert scores[0, 0] > 1e30
    assert scores[0, 1] < -1e30
    np.testing.assert_array_equal(scores[1], 1)


def test_float32_scores_that_fit_are_right_though_a_sum_overflows():
    """Cancelling terms overflow in float32 only: the careful pass is in float64."""
    scorer = Scorer("", np.float32, [dense(2), dense(1)])
    first, last = scorer.params
    first["weight"][...], first["bias"][...] = [[4, 4], [0, 0], [0, 0]], 0
    last["weight"][...], last["bias"][...] = [[1], [-1]], 7
    with np.errstate(all="ignore"):
        scores = scorer(np.array([[2e38, 0, 0]], np.float32))
    np.testing.assert_array_equal(scores, [[7]])


@both_dtypes
def test_parameters_that_are_not_finite_are_not_hidden(dtype):
    scorer = Scorer("tanh", dtype)
    scorer.params[-1]["bias"][1] = np.nan
    with np.errstate(all="ignore"):
        scores = scorer()
    assert np.isnan(scores[:, 1]).all()
    assert np.isfinite(scores[:, 0]).all()
