"""The rows of a training set, one mini-batch after the other."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats, Indices, Matrix
from skmlp.workspace import Buffer, Memory


class TrainingSet(NamedTuple):
    """Validated rows, ready for the engine.

    Attributes
    ----------
    X : C-contiguous ndarray or CSR array of shape (n, n_features)
        The rows, never written to.
    y : ndarray of shape (n,) or (n, n_outputs)
        Encoded targets: class codes (``intp``) or numbers of X's dtype.
    weight : ndarray of shape (n,), float64, or None
        Sample weights.
    subset : ndarray of int or None
        The rows to train on; None for all.
    """

    X: Matrix
    y: NDArray[Any]
    weight: NDArray[np.float64] | None
    subset: Indices | None = None

    @property
    def n_rows(self) -> int:
        """Rows to train on."""
        return int(self.X.shape[0]) if self.subset is None else len(self.subset)


class Batch(NamedTuple):
    """A mini-batch.

    Attributes
    ----------
    X, y : array of k rows
        Its rows and targets.
    weight : ndarray of shape (k,) or None
        Its weights divided by their sum; None for equal ones.
    total : float
        The weight sum.
    """

    X: Matrix
    y: NDArray[Any]
    weight: Floats | None
    total: float


class Batches:
    """Cut a training set into mini-batches, in a new order each epoch.

    Dense rows are gathered into one buffer, which the next batch overwrites; nothing
    else is allocated. Without shuffling the batches are views of the data, and so is
    a batch of all rows, whose order does not matter.

    Parameters
    ----------
    data : TrainingSet
        The rows.
    size : int
        Rows of a batch; the last one of an epoch may have fewer.
    rng : RandomState or None
        Shuffles the rows; None keeps their order.
    order : ndarray of int or None
        The order to start from; None for that of the data.

    Attributes
    ----------
    order : ndarray of int or None
        The current order; None for that of the data.
    n_batches : int
        Mini-batches of an epoch.
    sparse : bool
        Whether the rows are.
    """

    def __init__(
        self,
        data: TrainingSet,
        size: int,
        rng: np.random.RandomState | None,
        order: Indices | None = None,
    ) -> None:
        self.n_rows, self.size = data.n_rows, size
        self.n_batches = -(-data.n_rows // size)
        self.sparse = not isinstance(data.X, np.ndarray)
        self._data, self._rng = data, rng
        self.order = data.subset if order is None else order.copy()
        if rng is not None and order is None:
            self.order = np.arange(self.n_rows) if data.subset is None else data.subset.copy()
        all_at_once = data.subset is None and size >= self.n_rows
        self._gathers = self.order is not None and not all_at_once
        self._X = self._memory(data.X)
        self._y = self._memory(data.y)
        self._weight = Memory(size, Buffer(), np.float64)
        self._share = Memory(size, Buffer(), data.X.dtype)
        self._gathered: dict[int, Batch] = {}

    def _memory(self, rows: Matrix) -> Memory:
        """Return room to gather a batch of `rows`; none is needed for views or a sparse one."""
        width = rows.shape[1] if rows.ndim == 2 else None
        room = self._gathers and isinstance(rows, np.ndarray)
        return Memory(self.size if room else 0, Buffer(width), rows.dtype)

    def __iter__(self) -> Iterator[Batch]:
        """Go once through the data. A batch without weight is left out."""
        if self._rng is not None:
            self._rng.shuffle(self.order)  # type: ignore[arg-type]
        for start in range(0, self.n_rows, self.size):
            batch = self._batch(slice(start, min(start + self.size, self.n_rows)))
            if batch.total > 0.0:
                yield batch

    def whole(self) -> Batch:
        """Return all rows as one batch."""
        return self._batch(slice(0, self.n_rows))

    def _batch(self, part: slice) -> Batch:
        """Return the rows of one part of the current order."""
        X, y, weight, _ = self._data
        if not self._gathers:
            weight = weight if weight is None else weight[part]
            return Batch(X[part], y[part], *self._shares(weight, part.stop - part.start))
        index = self.order[part]  # type: ignore[index]
        k = len(index)
        # The same rows of memory make the same batch, but for its weights.
        batch = self._gathered.get(k) or self._room(k)
        if self.sparse:
            batch = batch._replace(X=X[index])
        else:
            _gather(X, index, batch.X)
        _gather(y, index, batch.y)
        if weight is None:
            return batch
        share, total = self._shares(_gather(weight, index, self._weight.rows(k)), k)
        return batch._replace(weight=share, total=total)

    def _room(self, k: int) -> Batch:
        """Return memory for `k` rows as an unweighted batch, made once."""
        X = None if self.sparse else self._X.rows(k)
        self._gathered[k] = Batch(X, self._y.rows(k), None, float(k))
        return self._gathered[k]

    def _shares(self, weight: NDArray[np.float64] | None, k: int) -> tuple[Floats | None, float]:
        """Return the weights of `k` rows divided by their sum, and that sum."""
        if weight is None:
            return None, float(k)
        share, total = self._share.rows(k), float(weight.sum())
        if total > 0.0:
            np.divide(weight, total, out=share, casting="same_kind")
        return share, total


def _gather(rows: NDArray[Any], index: Indices, out: NDArray[Any]) -> NDArray[Any]:
    """Copy some rows to `out`; mode 'clip' spares NumPy a copy of its own."""
    return rows.take(index, axis=0, out=out, mode="clip")
