"""The few array operations that dense and sparse batches share."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats, Matrix

#: Elements that are filled with zeros sooner than ``np.matmul`` starts.
LONGEST_FILLED = 2**14

#: Numbers of a row that NumPy's loops take as it is.
LONG_ROW = 2**13

#: Length of the longest constant vector that is kept between calls.
LONGEST_KEPT = 2**15


def product(a: Matrix, b: Matrix, out: Floats) -> None:
    """Write a @ b to `out`; `a` may be a SciPy sparse array.

    The dense product allocates nothing. SciPy's sparse product has no ``out``, so
    the sparse one makes an array of the size of `out`. The method ``dot`` starts half a
    microsecond sooner than ``np.matmul``, but fills the memory with zeros first, and writes
    row-major arrays only: a column-major one is the transpose of such a one.
    """
    if not isinstance(a, np.ndarray):
        np.copyto(out, a @ b)
    elif out.size > LONGEST_FILLED:
        np.matmul(a, b, out)
    elif out.flags.c_contiguous:
        a.dot(b, out)
    else:
        b.T.dot(a.T, out.T)


def shift(bias: Floats, out: Floats, spare: Floats) -> tuple[Floats, Callable[[], object]]:
    """Return memory for a matrix, and a function that writes it plus a bias for each row to `out`.

    Parameters
    ----------
    bias : ndarray of shape (n_columns,)
        What to add.
    out : ndarray of shape (n_rows, n_columns)
        Where the sum goes; row-major or column-major.
    spare : ndarray of shape (n_rows, n_columns)
        Free memory in the order of `out`.
    """
    n_rows, n_columns = out.shape
    if not out.flags.c_contiguous:
        # BLAS takes up to twice as long to write a few columns than to write their rows.
        z = spare.T.reshape(n_rows, n_columns)
        return z, partial(np.add, z.T, bias[:, np.newaxis], out.T)
    repeats = _repeats(n_rows, n_columns)
    if repeats == 1:
        return out, partial(np.add, out, bias, out)
    rows = out.reshape(-1, repeats * n_columns)
    tile = spare.reshape(rows.shape)[0]
    tiles = tile.reshape(repeats, n_columns)

    def add() -> None:
        np.copyto(tiles, bias)
        np.add(rows, tile, rows)

    return out, add


def _repeats(n_rows: int, n_columns: int) -> int:
    """Return how many rows to treat as one.

    NumPy copies shorter rows than `LONG_ROW` to a buffer when it adds the same numbers to
    each. Their repetition should be at most half of the matrix.
    """
    least = -(-LONG_ROW // n_columns)
    found = (r for r in range(least, min(4 * least, n_rows // 2) + 1) if n_rows % r == 0)
    return next(found, 1)


def dense(x: Matrix, out: Floats) -> Floats:
    """Return `x`, or if it is sparse, `out` with its entries."""
    return x if isinstance(x, np.ndarray) else x.toarray(out=out)


def column_sums(a: Floats, out: Floats) -> None:
    """Write the sum of each column of `a` to `out`.

    A product with ones takes half the time of ``a.sum(axis=0)``.
    """
    summing(a, out)()


def summing(a: Floats, out: Floats) -> Callable[[], object]:
    """Return ``column_sums`` for arrays that are the same in every step."""
    if len(a) <= LONGEST_KEPT:
        return partial(constant(1, len(a), a.dtype).dot, a, out)
    return partial(np.add.reduce, a, axis=0, out=out)


def total(a: Floats) -> float:
    """Return the sum of a vector."""
    if len(a) <= LONGEST_KEPT:
        return float(constant(1, len(a), a.dtype).dot(a))
    return float(np.add.reduce(a))


def row_sums(a: Floats, out: Floats) -> Floats:
    """Write the sum of each row of `a` to `out`, and return it."""
    np.add.reduce(a, axis=1, out=out)
    return out


@lru_cache(maxsize=32)
def constant(value: int, shape: int | tuple[int, ...], dtype: Any) -> NDArray[Any]:
    """Return a read-only array that repeats `value`, kept for the next call.

    NumPy's elementwise loops are up to three times faster for an array operand than
    for a scalar, so the training loop keeps such arrays. They should be short.
    """
    array = np.full(shape, value, dtype=dtype)
    array.flags.writeable = False
    return array
