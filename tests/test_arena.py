"""The flat vector and its views."""

import warnings

import numpy as np
import pytest
from cases import DTYPES
from hypothesis import given, settings
from hypothesis import strategies as st

from skmlp._arena import BLOCK, LINE, Arena, Layout, Parameter, aligned, blocks, merged

laws = settings(derandomize=True, deadline=None, max_examples=60)
shapes = st.lists(st.integers(1, 4), min_size=1, max_size=3).map(tuple)
parameters = st.dictionaries(
    st.sampled_from(["weight", "bias", "gain"]), st.tuples(shapes, st.booleans()), max_size=3
)
declared = st.lists(
    parameters.map(lambda d: [Parameter(name, *rest) for name, rest in d.items()]), max_size=4
)

TWO_LAYERS = [
    [Parameter("weight", (2, 3), penalised=True), Parameter("bias", (3,))],
    [],
    [Parameter("weight", (3, 1), penalised=True), Parameter("bias", (1,))],
]


@laws
@given(declared)
def test_views_cover_the_vector_once_with_the_penalised_first(layers):
    layout = Layout(layers)
    flat = np.zeros(layout.size)
    for declared_layer, views in zip(layers, layout.views(flat), strict=True):
        assert list(views) == [p.name for p in declared_layer]
        for parameter in declared_layer:
            assert views[parameter.name].shape == parameter.shape
            views[parameter.name] += 1 if parameter.penalised else 2
    assert (flat[: layout.n_penalised] == 1).all()
    assert (flat[layout.n_penalised :] == 2).all()


@pytest.mark.parametrize("dtype", DTYPES)
def test_writing_to_a_view_writes_to_the_vector(dtype):
    arena = Arena(Layout(TWO_LAYERS), dtype)
    assert arena.flat.dtype == dtype
    assert not arena.flat.any()
    arena.views[2]["weight"][...] = 5
    np.testing.assert_array_equal(arena.flat, [0] * 6 + [5] * 3 + [0] * 4)
    arena.flat[:] = np.arange(13)
    np.testing.assert_array_equal(arena.views[0]["weight"], [[0, 1, 2], [3, 4, 5]])
    np.testing.assert_array_equal(arena.views[0]["bias"], [9, 10, 11])
    np.testing.assert_array_equal(arena.views[2]["bias"], [12])
    assert arena.views[1] == {}
    assert all(np.shares_memory(v, arena.flat) for d in arena.views for v in d.values())


def test_a_snapshot_of_the_vector_brings_every_view_back():
    arena = Arena(Layout(TWO_LAYERS), np.float64)
    arena.flat[:] = np.random.RandomState(0).normal(size=13)
    kept = [{name: v.copy() for name, v in views.items()} for views in arena.views]
    snapshot = arena.flat.copy()
    arena.flat.fill(np.nan)
    np.copyto(arena.flat, snapshot)
    for views, expected in zip(arena.views, kept, strict=True):
        for name, view in views.items():
            assert view.tobytes() == expected[name].tobytes()


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("place", [0, 6, 12])
def test_one_number_that_is_not_finite_is_found(dtype, bad, place):
    arena = Arena(Layout(TWO_LAYERS), dtype)
    assert arena.is_finite()
    arena.flat[place] = bad
    assert not arena.is_finite()


def test_opposite_infinities_do_not_cancel():
    arena = Arena(Layout(TWO_LAYERS), np.float64)
    arena.flat[:2] = np.inf, -np.inf
    with np.errstate(invalid="ignore"):
        assert not arena.is_finite()


@pytest.mark.parametrize("dtype", DTYPES)
def test_huge_numbers_whose_sum_overflows_are_finite(dtype):
    arena = Arena(Layout(TWO_LAYERS), dtype)
    arena.flat[:] = np.finfo(dtype).max
    with warnings.catch_warnings(), np.errstate(over="ignore"):
        assert arena.is_finite()


@laws
@given(declared)
def test_parts_are_the_places_of_the_views_in_order(layers):
    layout = Layout(layers)
    flat = np.arange(layout.size)
    parts = layout.parts()
    assert [i for _, part in parts for i in flat[part]] == list(flat)
    for i, views in enumerate(layout.views(flat)):
        for name, view in views.items():
            part = layout.part(i, name)
            assert (i, part) in parts
            np.testing.assert_array_equal(flat[part], view.ravel())


@pytest.mark.parametrize("size", [0, 1, 7, 1000])
@pytest.mark.parametrize("dtype", [*DTYPES, np.intp, bool])
def test_aligned_vectors_start_with_a_cache_line(dtype, size):
    vectors = [aligned(size, dtype) for _ in range(8)]
    assert all(v.ctypes.data % LINE == 0 for v in vectors if size)
    assert {(v.shape, v.dtype) for v in vectors} == {((size,), np.dtype(dtype))}
    zeros = aligned(size, dtype, np.zeros)
    np.testing.assert_array_equal(zeros, np.zeros(size, dtype))


def test_what_training_passes_over_is_aligned():
    arena = Arena(Layout(TWO_LAYERS), np.float32)
    assert arena.flat.ctypes.data % LINE == 0


def test_merged_views_are_those_of_all_arenas():
    first = Arena(Layout(TWO_LAYERS), np.float64)
    second = Arena(Layout([[], [Parameter("mean", (4,))], [Parameter("count", (1,))]]), np.float64)
    views = merged(first, second)
    assert [set(p) for p in views] == [{"weight", "bias"}, {"mean"}, {"weight", "bias", "count"}]
    views[1]["mean"][:] = 2
    views[2]["count"][:] = 3
    views[2]["bias"][:] = 4
    np.testing.assert_array_equal(second.flat, [2, 2, 2, 2, 3])
    np.testing.assert_array_equal(first.views[2]["bias"], [4])


@pytest.mark.parametrize("start", [0, 7, BLOCK, BLOCK + 3])
def test_blocks_may_begin_anywhere(start):
    stop = start + BLOCK + 5
    pieces = list(blocks(stop, start))
    assert [i for piece in pieces for i in range(piece.start, piece.stop)] == list(
        range(start, stop)
    )
    assert all(0 < piece.stop - piece.start <= BLOCK for piece in pieces)
    assert list(blocks(start, start)) == []


@pytest.mark.parametrize("size", [0, 1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK + 5])
def test_blocks_cut_the_vector_into_pieces_of_bounded_size(size):
    pieces = [range(size)[block] for block in blocks(size)]
    assert [i for piece in pieces for i in piece] == list(range(size))
    assert all(0 < len(piece) <= BLOCK for piece in pieces)
    assert all(len(piece) == BLOCK for piece in pieces[:-1])
