"""All learnable numbers as one flat vector, with named views into it."""

import math
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._typing import Floats

#: Elements that whoever passes over a flat vector several times treats at once, so
#: that they stay in the cache between passes. Smaller blocks would fit a smaller cache
#: but cost more calls: of 2^13 to 2^20 this was fastest, by a tenth over 2^15.
BLOCK = 2**17

#: Bytes of a line of the cache.
LINE = 64


class Parameter(NamedTuple):
    """One learnable array of a layer.

    Attributes
    ----------
    name : str
        The key of its view.
    shape : tuple of int
        Its shape.
    penalised : bool
        Whether weight penalties act on it. Biases are spared.
    """

    name: str
    shape: tuple[int, ...]
    penalised: bool = False


class Layout:
    """Where the parameters of each layer lie in a flat vector.

    The penalised ones come first, so that a penalty is one operation on one slice.

    Parameters
    ----------
    layers : sequence of sequence of Parameter
        The parameters of each layer, in order.

    Attributes
    ----------
    size : int
        Length of the flat vector.
    n_penalised : int
        Length of its penalised head.

    Examples
    --------
    >>> layout = Layout([[Parameter("weight", (2, 3), True), Parameter("bias", (3,))]])
    >>> layout.size, layout.n_penalised
    (9, 6)
    """

    def __init__(self, layers: Sequence[Sequence[Parameter]]) -> None:
        self.layers = [tuple(layer) for layer in layers]
        self._start: dict[tuple[int, str], int] = {}
        self.n_penalised = self._place(penalised=True, start=0)
        self.size = self._place(penalised=False, start=self.n_penalised)

    def _place(self, *, penalised: bool, start: int) -> int:
        """Give each (un)penalised parameter its place; return the end."""
        for i, layer in enumerate(self.layers):
            for parameter in layer:
                if parameter.penalised == penalised:
                    self._start[i, parameter.name] = start
                    start += math.prod(parameter.shape)
        return start

    def part(self, layer: int, name: str) -> slice:
        """Return where a parameter lies in the flat vector."""
        shape = next(p.shape for p in self.layers[layer] if p.name == name)
        start = self._start[layer, name]
        return slice(start, start + math.prod(shape))

    def parts(self) -> list[tuple[int, slice]]:
        """Return the layer and the place of each parameter, in the order of the vector."""
        parts = [(i, self.part(i, p.name)) for i, layer in enumerate(self.layers) for p in layer]
        return sorted(parts, key=lambda part: part[1].start)

    def runs(self, layers: Collection[int]) -> list[slice]:
        """Return where the parameters of some layers lie, joined where they touch.

        Examples
        --------
        >>> layout = Layout([[Parameter("scale", (2,))], [], [Parameter("bias", (3,))]])
        >>> layout.runs({0, 2}), layout.runs({2})
        ([slice(0, 5, None)], [slice(2, 5, None)])
        """
        runs: list[slice] = []
        for part in (part for i, part in self.parts() if i in layers):
            if runs and runs[-1].stop == part.start:
                runs[-1] = slice(runs[-1].start, part.stop)
            else:
                runs.append(part)
        return runs

    def views(self, flat: Floats) -> list[dict[str, Floats]]:
        """Return, for each layer, its parameters as views into `flat`."""
        return [
            {p.name: self._view(flat, self._start[i, p.name], p.shape) for p in layer}
            for i, layer in enumerate(self.layers)
        ]

    @staticmethod
    def _view(flat: Floats, start: int, shape: tuple[int, ...]) -> Floats:
        return flat[start : start + math.prod(shape)].reshape(shape)


def aligned(size: int, dtype: DTypeLike, make: Callable[..., NDArray[Any]] = np.empty) -> Any:
    """Return a vector that starts with a line of the cache.

    Those of NumPy start anywhere; then the widest loads of a processor take two lines each,
    and an operation in the cache up to a third longer.

    Parameters
    ----------
    size : int
        Its length.
    dtype : dtype
        Its type.
    make : callable
        ``np.empty`` or ``np.zeros``.
    """
    itemsize = np.dtype(dtype).itemsize
    vector = make(size + LINE // itemsize, dtype)
    start = -vector.ctypes.data % LINE // itemsize
    return vector[start : start + size]


class Arena:
    """One flat vector of numbers and its views, layer by layer.

    Parameters
    ----------
    layout : Layout
        What lies where.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    flat : ndarray of shape (layout.size,)
        The numbers, zero at first.
    views : list of dict of str to ndarray
        For each layer its named arrays. Writing to a view writes to `flat`.
    """

    def __init__(self, layout: Layout, dtype: DTypeLike) -> None:
        self.flat: Floats = aligned(layout.size, dtype, np.zeros)
        self.views = layout.views(self.flat)
        self.n_penalised = layout.n_penalised

    def is_finite(self) -> bool:
        """Tell whether every number is finite.

        The sum is finite when all numbers are and none is huge: one pass over the
        vector that allocates nothing settles almost every call.
        """
        return math.isfinite(np.add.reduce(self.flat)) or bool(np.isfinite(self.flat).all())


def merged(*arenas: Arena) -> list[dict[str, Floats]]:
    """Return, for each layer, its named views into all of the arenas."""
    layers = zip(*(arena.views for arena in arenas), strict=True)
    return [{name: v for views in layer for name, v in views.items()} for layer in layers]


def blocks(stop: int, start: int = 0) -> Iterator[slice]:
    """Yield the slices that cut the part of a flat vector up to `stop` into blocks."""
    for first in range(start, stop, BLOCK):
        yield slice(first, min(first + BLOCK, stop))
