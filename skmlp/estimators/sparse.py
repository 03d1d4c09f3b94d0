"""Sparse arrays whose indices lead outside them.

SciPy does not check indices when an array is made, and its kernels then read and
write memory that is not theirs: the process dies. A sparse array from a file one does
not trust has to be checked before anything else looks at it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse


def checked_sparse(X: Any, name: str = "X") -> Any:
    """Return `X`, or refuse it if it is sparse and its indices lead outside.

    Lists of lists and dictionaries of keys are returned as CSR and COO; what is not
    sparse is returned as it is.

    Raises
    ------
    ValueError
        If the index pointers do not start at zero, decrease or run past the data,
        or an index is negative or too large.
    """
    if not issparse(X) or X.ndim != 2:
        return X
    X = X.tocoo() if X.format == "dok" else X
    if _CHECKS[X.format](X):
        return X.tocsr() if X.format == "lil" else X
    raise ValueError(
        f"{name} is a sparse array with invalid structure: its indptr or indices point outside "
        "the array. Build it again from its coordinates, e.g. with scipy.sparse.coo_array."
    )


def _compressed_sound(X: Any) -> bool:
    """Check pointers and indices of a CSR, CSC or BSR array."""
    rows, columns = (
        n // block for n, block in zip(X.shape, getattr(X, "blocksize", (1, 1)), strict=True)
    )
    n_major, n_minor = (columns, rows) if X.format == "csc" else (rows, columns)
    pointers, indices = X.indptr, X.indices
    return (
        pointers.ndim == indices.ndim == 1
        and len(pointers) == n_major + 1
        and pointers[0] == 0
        and bool(np.all(pointers[1:] >= pointers[:-1]))
        and pointers[-1] <= min(len(indices), len(X.data))
        and _inside(indices[: pointers[-1]], n_minor)
    )


def _coordinates_sound(X: Any) -> bool:
    """Check rows and columns of a COO array."""
    same_length = len(X.row) == len(X.col) == len(X.data)
    return same_length and _inside(X.row, X.shape[0]) and _inside(X.col, X.shape[1])


def _lists_sound(X: Any) -> bool:
    """Check the columns of an array of lists."""
    rows_fit = len(X.rows) == len(X.data) == X.shape[0]
    return rows_fit and all(
        len(columns) == len(values) and _inside(np.asarray(columns, dtype=np.intp), X.shape[1])
        for columns, values in zip(X.rows, X.data, strict=True)
    )


def _diagonals_sound(X: Any) -> bool:
    """Check that each diagonal has its place."""
    return bool(X.data.ndim == 2 and X.offsets.shape == X.data.shape[:1])


def _inside(indices: NDArray[Any], n: int) -> bool:
    """Tell whether all indices are in [0, n)."""
    return not indices.size or bool(indices.min() >= 0 and indices.max() < n)


_CHECKS: dict[str, Callable[[Any], bool]] = {
    "csr": _compressed_sound,
    "csc": _compressed_sound,
    "bsr": _compressed_sound,
    "coo": _coordinates_sound,
    "lil": _lists_sound,
    "dia": _diagonals_sound,
}
