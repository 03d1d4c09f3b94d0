"""Results for many rows, put together from those for a few rows each."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray


def put_together(n_rows: int, pieces: Iterable[tuple[slice, Any]]) -> Any:
    """Return one array, or a list or tuple of arrays, of which pieces are given.

    Parameters
    ----------
    n_rows : int
        Rows of all pieces.
    pieces : iterable of (slice, ndarray or sequence of ndarray)
        Which rows, and their part of each array; at least one piece.
    """
    whole: Any = None
    for part, piece in pieces:
        whole = _room(n_rows, piece) if whole is None else whole
        for array, values in zip(_arrays(whole), _arrays(piece), strict=True):
            array[part] = values
    return whole


def _room(n_rows: int, piece: Any) -> Any:
    """Return the same with another number of rows."""
    if isinstance(piece, list | tuple):
        return type(piece)(_room(n_rows, array) for array in piece)
    return np.empty((n_rows, *piece.shape[1:]), piece.dtype)


def _arrays(piece: Any) -> list[NDArray[Any]]:
    """Return the arrays of a result."""
    return list(piece) if isinstance(piece, list | tuple) else [piece]
