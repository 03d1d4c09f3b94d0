"""The buffers of one batch: who needs memory declares it, nobody allocates in the loop."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._arena import aligned
from skmlp._typing import Floats


class Buffer(NamedTuple):
    """A declared array with one row, or one number, for each row of a batch.

    Attributes
    ----------
    width : int or None
        Columns; None for one number a row.
    dtype : dtype or None
        Type of the numbers; None for that of the workspace.
    order : {'C', 'F'}
        Whether rows ('C') or columns ('F') are contiguous, for any number of rows.
    counting : bool
        Filled with 0, 1, 2, … and only read.
    n_rows : int or None
        A number of rows of its own; None for that of the batch.
    """

    width: int | None = None
    dtype: DTypeLike | None = None
    order: str = "C"
    counting: bool = False
    n_rows: int | None = None


class Place(NamedTuple):
    """What one layer needs of the workspace.

    Attributes
    ----------
    width : int
        Columns of its output.
    over_input : bool
        Its output lies in the memory of its input.
    inplace : bool
        Its input gradient lies in the memory of its output gradient.
    buffers : mapping of str to Buffer
        What it keeps of a batch.
    """

    width: int
    over_input: bool
    inplace: bool
    buffers: Mapping[str, Buffer] = MappingProxyType({})


class Memory:
    """Room for a buffer of up to `n_rows` rows.

    Parameters
    ----------
    n_rows : int
        The most rows it will hold.
    buffer : Buffer
        What it holds.
    dtype : dtype
        Type of the numbers unless the buffer names its own.
    """

    def __init__(self, n_rows: int, buffer: Buffer, dtype: DTypeLike) -> None:
        self._n_rows = n_rows if buffer.n_rows is None else buffer.n_rows
        size = self._n_rows * (1 if buffer.width is None else buffer.width)
        self._flat: NDArray[Any] = aligned(size, buffer.dtype or dtype)
        if buffer.counting:
            self._flat[...] = np.arange(size)
        self._buffer = buffer
        self._whole = self._view(self._n_rows)

    def rows(self, k: int) -> NDArray[Any]:
        """Return a contiguous view of `k` rows, or of the buffer's own number."""
        # Batches have the same size, but for the last one.
        own_number = self._buffer.n_rows is not None
        return self._whole if k == self._n_rows or own_number else self._view(k)

    def _view(self, k: int) -> NDArray[Any]:
        """Return a view of `k` rows."""
        width, order = self._buffer.width, self._buffer.order
        if width is None:
            return self._flat[:k]
        used = self._flat[: k * width]
        return used.reshape(k, width) if order == "C" else used.reshape(width, k).T


@dataclass(frozen=True, eq=False)
class Rows:
    """Views of `k` rows of every buffer of a workspace.

    Attributes
    ----------
    out, dout : list of ndarray
        Memory of the output of each layer, and of the loss's derivative with respect
        to it.
    layers : list of dict of str to ndarray
        What each layer declared.
    scratch : dict of str to ndarray
        What the loss declared.
    """

    out: list[Floats]
    dout: list[Floats]
    layers: list[dict[str, NDArray[Any]]]
    scratch: dict[str, NDArray[Any]]


class Workspace:
    """The memory one call of ``fit`` needs for batches of up to `n_rows` rows.

    It belongs to the call, never to the fitted estimator: concurrent calls do not
    meet, and pickles are small.

    Parameters
    ----------
    n_rows : int
        The most rows of a batch.
    dtype : dtype
        float32 or float64.
    plan : sequence of Place
        What each layer needs, in order.
    scratch : mapping of str to Buffer
        What the loss needs.
    """

    def __init__(
        self, n_rows: int, dtype: DTypeLike, plan: Sequence[Place], scratch: Mapping[str, Buffer]
    ) -> None:
        buffers = [Buffer(p.width, order=o) for p, o in zip(plan, _orders(plan), strict=True)]
        self._out = [
            None if place.over_input else Memory(n_rows, buffer, dtype)
            for place, buffer in zip(plan, buffers, strict=True)
        ]
        self._dout = [
            None if after and after.inplace else Memory(n_rows, buffer, dtype)
            for after, buffer in zip([*plan[1:], None], buffers, strict=True)
        ]
        declared = [*(place.buffers for place in plan), scratch]
        self._declared = [
            {name: Memory(n_rows, buffer, dtype) for name, buffer in buffers.items()}
            for buffers in declared
        ]
        self._rows: dict[int, Rows] = {}

    def rows(self, k: int) -> Rows:
        """Return views of `k` rows, made at the first call and kept."""
        if k not in self._rows:
            *layers, scratch = [
                {name: memory.rows(k) for name, memory in memories.items()}
                for memories in self._declared
            ]
            self._rows[k] = Rows(
                out=_views(self._out, k),
                dout=_views(self._dout[::-1], k)[::-1],
                layers=layers,
                scratch=scratch,
            )
        return self._rows[k]


def _orders(plan: Sequence[Place]) -> list[str]:
    """Return the memory order of each layer's output.

    The raw scores are few and the loss reduces over them row by row, which is several
    times faster where columns are contiguous. What lies in the memory of the raw
    scores has their order.
    """
    last = len(plan) - 1
    while last > 0 and plan[last].inplace:
        last -= 1
    return ["C"] * last + ["F"] * (len(plan) - last)


def _views(memories: Sequence[Memory | None], k: int) -> list[Floats]:
    """Return `k` rows of each memory; None stands for the one before it."""
    views: list[Floats] = []
    for memory in memories:
        views.append(views[-1] if memory is None else memory.rows(k))
    return views
