"""Mini-batches: every row once, in scikit-learn's order, without copies or growth."""

import tracemalloc

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES
from hypothesis import given, settings
from hypothesis import strategies as st

from skmlp.solvers import Batches, TrainingSet

laws = settings(derandomize=True, deadline=None, max_examples=60)
sizes = st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(1, n)))
both_dtypes = pytest.mark.parametrize("dtype", DTYPES)


def numbered(n, dtype=np.float64, weight=None, subset=None, kind=np.asarray):
    """Return a training set whose rows carry their number, from 1 on."""
    number = np.arange(1, n + 1)
    X = np.column_stack([number, -number]).astype(dtype)
    return TrainingSet(kind(X), number.astype(np.intp), weight, subset)


def epoch(batches):
    """Return copies of the batches of an epoch, X dense."""
    return [
        batch._replace(
            X=batch.X.copy() if isinstance(batch.X, np.ndarray) else batch.X.toarray(),
            y=batch.y.copy(),
            weight=None if batch.weight is None else batch.weight.copy(),
        )
        for batch in batches
    ]


def rows_of(batches):
    """Return the numbers of the rows of an epoch, which X and y must agree on."""
    taken = epoch(batches)
    y = np.concatenate([batch.y for batch in taken])
    X = np.concatenate([batch.X for batch in taken])
    np.testing.assert_array_equal(X, np.column_stack([y, -y]))
    return y


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["slices", "shuffled"])
@laws
@given(n_size=sizes, share=st.floats(0.1, 1))
def test_every_row_comes_once_an_epoch(shuffled, kind, n_size, share):
    n, size = n_size
    chosen = np.random.RandomState(0).permutation(n)[: max(1, int(share * n))]
    for subset, expected in ((None, np.arange(n)), (chosen, np.sort(chosen))):
        rng = np.random.RandomState(1) if shuffled else None
        batches = Batches(numbered(n, subset=subset, kind=kind), size, rng)
        for _ in range(3):
            np.testing.assert_array_equal(np.sort(rows_of(batches)), expected + 1)


@laws
@given(n_size=sizes)
def test_all_batches_but_the_last_are_full(n_size):
    n, size = n_size
    lengths = [len(batch.y) for batch in epoch(Batches(numbered(n), size, None))]
    assert lengths[:-1] == [size] * (len(lengths) - 1)
    assert sum(lengths) == n
    assert 0 < lengths[-1] <= size


@pytest.mark.parametrize("subset", [None, np.array([5, 2, 9, 11, 3, 0])], ids=["all", "subset"])
def test_order_is_that_of_repeated_shuffles_in_place(subset):
    batches = Batches(numbered(13, subset=subset), 4, np.random.RandomState(42))
    twin = np.random.RandomState(42)
    order = np.arange(13) if subset is None else subset.copy()
    for _ in range(3):
        twin.shuffle(order)
        np.testing.assert_array_equal(rows_of(batches), order + 1)
        np.testing.assert_array_equal(batches.order, order)


def test_a_kept_order_goes_on_where_it_was():
    straight = Batches(numbered(13), 4, np.random.RandomState(42))
    for _ in range(2):
        rows_of(straight)
    stream, kept = np.random.RandomState(), straight.order.copy()
    stream.set_state(straight._rng.get_state())
    resumed = Batches(numbered(13), 4, stream, kept)
    for _ in range(2):
        np.testing.assert_array_equal(rows_of(resumed), rows_of(straight))
    assert not np.shares_memory(resumed.order, kept)


def test_subset_without_shuffling_keeps_its_order_and_is_not_changed():
    subset = np.array([5, 2, 9, 11, 3])
    data = numbered(13, subset=subset)
    np.testing.assert_array_equal(rows_of(Batches(data, 2, None)), subset + 1)
    rows_of(Batches(data, 2, np.random.RandomState(0)))
    np.testing.assert_array_equal(subset, [5, 2, 9, 11, 3])


def test_slices_are_views_of_the_data():
    data = numbered(10)
    for batch in Batches(data, 4, None):
        assert np.shares_memory(batch.X, data.X)
        assert np.shares_memory(batch.y, data.y)


@pytest.mark.parametrize("rng", [None, np.random.RandomState(0)], ids=["slices", "shuffled"])
def test_shuffled_batches_are_copies_and_the_data_is_only_read(rng):
    data = numbered(10, weight=np.ones(10))
    for array in data[:3]:
        array.flags.writeable = False
    for batch in Batches(data, 4, rng):
        assert np.shares_memory(batch.X, data.X) == (rng is None)
        assert not np.shares_memory(batch.weight, data.weight)


@pytest.mark.parametrize("size", [10, 15])
def test_a_batch_of_all_rows_is_a_view_and_the_order_goes_on(size):
    data, twin, order = numbered(10), np.random.RandomState(5), np.arange(10)
    batches = Batches(data, size, np.random.RandomState(5))
    for _ in range(3):
        (batch,) = batches
        assert np.shares_memory(batch.X, data.X)
        np.testing.assert_array_equal(batch.y, data.y)
        twin.shuffle(order)
        np.testing.assert_array_equal(batches.order, order)


def test_a_batch_of_all_rows_of_a_subset_is_gathered():
    subset = np.array([7, 2, 5])
    (batch,) = Batches(numbered(10, subset=subset), 3, np.random.RandomState(0))
    np.testing.assert_array_equal(np.sort(batch.y), [3, 6, 8])
    np.testing.assert_array_equal(batch.X[:, 0], batch.y)


@both_dtypes
@pytest.mark.parametrize("shuffled", [False, True], ids=["slices", "shuffled"])
def test_weights_of_a_batch_are_divided_by_their_sum(shuffled, dtype):
    weight = np.random.RandomState(0).uniform(0.1, 1e5, 17)
    rng = np.random.RandomState(1) if shuffled else None
    taken = epoch(Batches(numbered(17, dtype, weight), 5, rng))
    for batch in taken:
        assert batch.weight.dtype == dtype
        assert batch.weight.sum() == pytest.approx(1, rel=1e-6)
        own = weight[batch.y - 1]
        assert batch.total == pytest.approx(own.sum(), rel=1e-14)
        np.testing.assert_allclose(batch.weight, own / own.sum(), rtol=1e-6)
    assert sum(batch.total for batch in taken) == pytest.approx(weight.sum(), rel=1e-14)


def test_without_weights_each_row_counts_one():
    taken = epoch(Batches(numbered(17), 5, np.random.RandomState(0)))
    assert [batch.total for batch in taken] == [5, 5, 5, 2]
    assert all(batch.weight is None for batch in taken)


@pytest.mark.parametrize("kind", [np.asarray, sp.csr_array], ids=["dense", "sparse"])
def test_batches_without_weight_are_left_out(kind):
    weight = np.r_[np.zeros(4), 1, 0, 0, 2, np.zeros(3)]
    taken = epoch(Batches(numbered(11, weight=weight, kind=kind), 4, None))
    assert [list(batch.y) for batch in taken] == [[5, 6, 7, 8]]
    np.testing.assert_allclose(taken[0].weight, [1 / 3, 0, 0, 2 / 3])


@pytest.mark.parametrize("scale", [1e-300, 1e300])
@both_dtypes
def test_weights_of_any_size_are_shared_out(dtype, scale):
    weight = scale * np.arange(1.0, 6.0)
    (batch,) = epoch(Batches(numbered(5, dtype, weight), 5, None))
    np.testing.assert_allclose(batch.weight, np.arange(1, 6) / 15, rtol=1e-6)


@pytest.mark.parametrize("weight", [None, np.arange(11.0)], ids=["unweighted", "weighted"])
@pytest.mark.parametrize("shuffled", [False, True], ids=["slices", "shuffled"])
@both_dtypes
def test_sparse_batches_are_the_dense_ones(dtype, shuffled, weight):
    dense, sparse = (
        Batches(
            numbered(11, dtype, weight, kind=kind),
            4,
            np.random.RandomState(3) if shuffled else None,
        )
        for kind in (np.asarray, sp.csr_array)
    )
    for a, b in zip(epoch(dense), epoch(sparse), strict=True):
        np.testing.assert_array_equal(a.X, b.X)
        assert a.X.dtype == b.X.dtype == dtype
        np.testing.assert_array_equal(a.y, b.y)
        assert a.total == b.total


@pytest.mark.parametrize("subset", [None, np.array([7, 3, 5])], ids=["all", "subset"])
@pytest.mark.parametrize("weight", [None, np.arange(11.0)], ids=["unweighted", "weighted"])
def test_whole_is_one_batch_of_all_rows(subset, weight):
    data = numbered(11, weight=weight, subset=subset)
    batch = Batches(data, data.n_rows, None).whole()
    rows = np.arange(11) if subset is None else subset
    np.testing.assert_array_equal(batch.y, rows + 1)
    np.testing.assert_array_equal(batch.X[:, 0], rows + 1)
    expected = len(rows) if weight is None else weight[rows].sum()
    assert batch.total == expected


def peak_of_an_epoch(n, width, size, weight):
    """Return the bytes that an epoch has at most beside what was there before."""
    data = TrainingSet(np.ones((n, width)), np.zeros((n, 3)), weight)
    batches = Batches(data, size, np.random.RandomState(0))
    for _ in batches:
        pass
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for _ in batches:
        pass
    peak = tracemalloc.get_traced_memory()[1] - before
    tracemalloc.stop()
    return peak


@pytest.mark.parametrize("weighted", [False, True], ids=["unweighted", "weighted"])
def test_an_epoch_allocates_nothing_that_grows(weighted):
    small, large = (
        peak_of_an_epoch(n, width, size, np.ones(n) if weighted else None)
        for n, width, size in ((200, 3, 20), (20_000, 50, 2000))
    )
    assert large < small + 1000
