"""The few array operations that dense and sparse batches share."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats, Matrix

#: Elements that are filled with zeros sooner than ``np.matmul`` starts.
LONGEST_FILLED = 2**14

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


def dense(x: Matrix, out: Floats) -> Floats:
    """Return `x`, or if it is sparse, `out` with its entries."""
    return x if isinstance(x, np.ndarray) else x.toarray(out=out)


def column_sums(a: Floats, out: Floats) -> None:
    """Write the sum of each column of `a` to `out`.

    A product with ones takes half the time of ``a.sum(axis=0)``.
    """
    if len(a) <= LONGEST_KEPT:
        constant(1, len(a), a.dtype).dot(a, out)
    else:
        np.add.reduce(a, axis=0, out=out)


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
