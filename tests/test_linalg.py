"""The few shared array operations."""

import numpy as np
import pytest
import scipy.sparse as sp
from cases import DTYPES

from skmlp._linalg import (
    LONG_ROW,
    LONGEST_FILLED,
    LONGEST_KEPT,
    _repeats,
    column_sums,
    constant,
    dense,
    product,
    row_sums,
    shift,
    total,
)

TOLERANCE = {np.float32: 1e-5, np.float64: 1e-13}

both_dtypes = pytest.mark.parametrize("dtype", DTYPES)
KINDS = [np.asarray, sp.csr_array, sp.csc_array, sp.csr_matrix]


def draw(dtype, *shape):
    return np.random.RandomState(0).normal(size=shape).astype(dtype)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@both_dtypes
def test_product_of_dense_and_sparse_is_the_matrix_product(dtype, kind, transposed, order):
    a, b = draw(dtype, 5, 4), draw(dtype, 5 if transposed else 4, 3)
    a[np.abs(a) < 0.5] = 0
    plain, given = (a.T, kind(a).T) if transposed else (a, kind(a))
    out = np.full((len(plain), 3), np.nan, dtype, order=order)
    product(given, b, out)
    expected = np.einsum("ij,jk->ik", plain.astype(float), b.astype(float))
    np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [LONGEST_FILLED // 64, LONGEST_FILLED // 64 + 1])
@both_dtypes
def test_product_is_the_same_for_long_results(dtype, n, order, kind):
    a, b, out = draw(dtype, n, 5), draw(dtype, 5, 64), np.full((n, 64), np.nan, dtype, order=order)
    product(kind(a), b, out)
    expected = np.einsum("ij,jk->ik", a.astype(float), b.astype(float))
    np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=10 * TOLERANCE[dtype])


SHIFTED = [(6, 5), (1, 30), (256, 256), (200, 100), (199, 100), (150, 100), (6_000, 3), (9, 9_000)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("shape", SHIFTED, ids=str)
@both_dtypes
def test_shift_adds_the_present_bias_to_each_row(dtype, shape, order):
    a, bias = draw(dtype, *shape), draw(dtype, shape[1])
    out, spare = (np.full(shape, np.nan, dtype, order=order) for _ in range(2))
    z, add_bias = shift(bias, out, spare)
    for _ in range(2):
        z[...] = a
        add_bias()
        np.testing.assert_array_equal(out, a + bias)
        bias *= 2


@pytest.mark.parametrize("shape", SHIFTED, ids=str)
def test_repeated_rows_are_long_and_at_most_half_of_the_matrix(shape):
    n_rows, n_columns = shape
    repeats = _repeats(n_rows, n_columns)
    assert repeats == 1 or (repeats * n_columns >= LONG_ROW and n_rows % repeats == 0)
    assert repeats == 1 or 2 * repeats <= n_rows
    assert (repeats > 1) == (shape in [(256, 256), (200, 100), (6_000, 3)])


@pytest.mark.parametrize("n", [1, 300, LONGEST_KEPT, LONGEST_KEPT + 1])
@both_dtypes
def test_total(dtype, n):
    a = draw(dtype, n)
    scale = TOLERANCE[dtype] * np.sqrt(n) * 10
    np.testing.assert_allclose(total(a), a.sum(dtype=float), rtol=scale, atol=scale)
    assert type(total(a)) is float


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("n", [1, 7, 300, LONGEST_KEPT, LONGEST_KEPT + 1])
@both_dtypes
def test_column_sums(dtype, n, order):
    a, out = np.asarray(draw(dtype, n, 3), order=order), np.full(3, np.nan, dtype)
    column_sums(a, out)
    scale = TOLERANCE[dtype] * np.sqrt(n) * 10
    np.testing.assert_allclose(out, a.sum(axis=0, dtype=float), rtol=scale, atol=scale)


@pytest.mark.parametrize("order", ["C", "F"])
@both_dtypes
def test_row_sums_are_written_and_returned(dtype, order):
    a, out = np.asarray(draw(dtype, 6, 5), order=order), np.full(6, np.nan, dtype)
    assert row_sums(a, out) is out
    expected = a.sum(axis=1, dtype=float)
    np.testing.assert_allclose(out, expected, rtol=TOLERANCE[dtype], atol=TOLERANCE[dtype])


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int32, np.int64])
def test_constant_is_kept_and_cannot_be_changed(dtype):
    ones = constant(1, 5, dtype)
    assert ones.dtype == dtype
    np.testing.assert_array_equal(ones, [1] * 5)
    assert constant(1, 5, dtype) is ones
    with pytest.raises(ValueError, match="read-only"):
        ones[0] = 2


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("kind", KINDS[1:])
@both_dtypes
def test_dense_writes_the_entries_of_a_sparse_array(dtype, kind, order):
    a = draw(dtype, 5, 4)
    a[np.abs(a) < 0.5] = 0
    out = np.full((5, 4), np.nan, dtype, order=order)
    assert dense(kind(a), out) is out
    np.testing.assert_array_equal(out, a)


@both_dtypes
def test_dense_hands_on_what_is_dense(dtype):
    a, out = draw(dtype, 5, 4), np.full((5, 4), np.nan, dtype)
    assert dense(a, out) is a
    assert np.isnan(out).all()
