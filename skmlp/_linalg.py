"""The few array operations that dense and sparse batches share."""

from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats, Matrix

LONGEST_KEPT = 2**15


def product(a: Matrix, b: Matrix, out: Floats) -> None:
    """Write a @ b to `out`; `a` may be a SciPy sparse array.

    The dense product allocates nothing. SciPy's sparse product has no ``out``, so
    the sparse one makes an array of the size of `out`.
    """
    if isinstance(a, np.ndarray):
        np.matmul(a, b, out=out)
    else:
        np.copyto(out, a @ b)


def column_sums(a: Floats, out: Floats) -> None:
    """Write the sum of each column of `a` to `out`.

    A product with ones takes half the time of ``a.sum(axis=0)``.
    """
    if len(a) <= LONGEST_KEPT:
        np.matmul(constant(1, len(a), a.dtype), a, out=out)
    else:
        np.add.reduce(a, axis=0, out=out)


def row_sums(a: Floats, out: Floats) -> Floats:
    """Write the sum of each row of `a` to `out`, and return it."""
    np.add.reduce(a, axis=1, out=out)
    return out


def folded(*arrays: Floats) -> tuple[Floats, ...]:
    """Return views of arrays of one shape with fewer, longer rows, if all are contiguous.

    Operations that combine each row with a vector run one loop a row, and short
    loops cost more than they compute.
    """
    n, width = arrays[0].shape
    fold = _fold(n)
    shape = (n // fold, fold * width)
    for a in arrays:
        if not a.flags.c_contiguous:
            return arrays
    return tuple([a.reshape(shape) for a in arrays])


@lru_cache(maxsize=256)
def _fold(n: int) -> int:
    """Return the largest divisor of `n` up to 64."""
    return next(fold for fold in range(min(n, 64), 0, -1) if n % fold == 0)


@lru_cache(maxsize=64)
def constant(value: int, length: int, dtype: Any) -> NDArray[Any]:
    """Return a read-only vector that repeats `value`, kept for the next call.

    NumPy's elementwise loops are up to three times faster for an array operand than
    for a scalar, so the training loop keeps such vectors. They should be short.
    """
    vector = np.full(length, value, dtype=dtype)
    vector.flags.writeable = False
    return vector
