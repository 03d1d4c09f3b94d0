"""Weighted rows, looked at a block at a time."""

from abc import ABC, abstractmethod
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Indices, Matrix

Numbers = NDArray[np.float64]

#: Numbers that are looked at together: rows for moments, columns for quantiles.
BLOCK = 2**17


class Rows:
    """Rows with weights, a block at a time; those without weight are left out.

    Parameters
    ----------
    X : ndarray or CSR array of shape (n, n_columns)
        The rows, not written to.
    weight : ndarray of shape (n,) or None
        Their weights, not all zero; None for equal ones.
    subset : ndarray of int or None
        Which rows; None for all.

    Attributes
    ----------
    n : int
        Rows that have weight.
    total : float
        The sum of their weights; one each if there are none.
    sparse : bool
        Whether X is.
    """

    def __init__(
        self, X: Matrix, weight: Numbers | None = None, subset: Indices | None = None
    ) -> None:
        if weight is not None and not np.all(weight):
            subset = np.flatnonzero(weight) if subset is None else subset[weight[subset] > 0]
        self._X, self._subset = X, subset
        self._weight = weight if weight is None or subset is None else weight[subset]
        self.n = X.shape[0] if subset is None else len(subset)
        self.total = float(self.n) if self._weight is None else float(self._weight.sum())
        self.sparse = not isinstance(X, np.ndarray)

    def blocks(self) -> Iterator[tuple["Block", float]]:
        """Yield some rows and their weight sum, until all have been seen."""
        kind = SparseBlock if self.sparse else DenseBlock
        size = self._rows_of_a_block()
        for start in range(0, self.n, size):
            part = slice(start, min(start + size, self.n))
            x = self._X[part] if self._subset is None else self._X[self._subset[part]]
            weight = np.ones(part.stop - start) if self._weight is None else self._weight[part]
            total = float(weight.sum())
            yield kind(x.astype(np.float64), weight / total), total

    def _rows_of_a_block(self) -> int:
        """Return a number of rows with about ``BLOCK`` numbers, or one for each column."""
        n_rows, n_columns = self._X.shape
        stored = int(self._X.nnz) if self.sparse else n_rows * n_columns
        return max(1, int(max(BLOCK, n_columns) * n_rows // max(stored, 1)))

    def columns(self) -> Iterator[tuple[Numbers, Numbers | None]]:
        """Yield the values of each column, free to write to, and their weights."""
        return self._sparse_columns() if self.sparse else self._dense_columns()

    def _dense_columns(self) -> Iterator[tuple[Numbers, Numbers | None]]:
        """Copy a few columns at a time: those of one row lie side by side."""
        size = max(1, BLOCK // self.n)
        for start in range(0, self._X.shape[1], size):
            part = self._X[:, start : start + size]
            part = part if self._subset is None else part[self._subset]
            for column in part.T.astype(np.float64, order="C"):
                yield column, self._weight

    def _sparse_columns(self) -> Iterator[tuple[Numbers, Numbers]]:
        """Yield what is stored, and one zero with the weight of all that is not."""
        rows = self._X if self._subset is None else self._X[self._subset]
        by_column = rows.tocsc(copy=True)
        by_column.sum_duplicates()
        weight = np.ones(self.n) if self._weight is None else self._weight
        for start, stop in zip(by_column.indptr[:-1], by_column.indptr[1:], strict=True):
            stored = weight[by_column.indices[start:stop]]
            rest = max(self.total - float(stored.sum()), 0.0) if stop - start < self.n else 0.0
            values = by_column.data[start:stop].astype(np.float64)
            yield np.append(values, 0.0), np.append(stored, rest)


class Block(ABC):
    """Some rows, to compute with in place: columns have means and can be moved."""

    @abstractmethod
    def largest(self) -> Numbers:
        """Return the largest absolute value of each column."""

    @abstractmethod
    def mean(self) -> Numbers:
        """Return the weighted mean of each column."""

    @abstractmethod
    def multiply(self, factor: Numbers) -> None:
        """Multiply each column by a number."""

    @abstractmethod
    def subtract(self, shift: Numbers) -> None:
        """Subtract a number from each column."""

    @abstractmethod
    def square(self) -> None:
        """Square all numbers."""


class DenseBlock(Block):
    """Rows of an array, and their weights, which sum to one."""

    def __init__(self, x: Numbers, share: Numbers) -> None:
        self._x, self._share = x, share

    def largest(self) -> Numbers:
        """Return the largest absolute value of each column."""
        largest: Numbers = np.maximum(-np.minimum.reduce(self._x), np.maximum.reduce(self._x))
        return largest

    def mean(self) -> Numbers:
        """Return the weighted mean of each column."""
        return self._share @ self._x

    def multiply(self, factor: Numbers) -> None:
        """Multiply each column by a number."""
        np.multiply(self._x, factor, out=self._x)

    def subtract(self, shift: Numbers) -> None:
        """Subtract a number from each column."""
        np.subtract(self._x, shift, out=self._x)

    def square(self) -> None:
        """Square all numbers."""
        np.multiply(self._x, self._x, out=self._x)


class SparseBlock(Block):
    """Rows of a CSR array: stored numbers, and one for all others of a column."""

    def __init__(self, x: Matrix, share: Numbers) -> None:
        x.sum_duplicates()
        self._data, self._column, self._width = x.data, x.indices, x.shape[1]
        self._share = np.repeat(share, np.diff(x.indptr))
        self._rest = np.zeros(self._width)
        everywhere = np.bincount(self._column, minlength=self._width) == x.shape[0]
        others = np.maximum(1.0 - self._sums(self._share), 0.0)
        self._rest_share = np.where(everywhere, 0.0, others)

    def _sums(self, values: Numbers) -> Numbers:
        """Return the sum of stored values of each column."""
        sums = np.bincount(self._column, weights=values, minlength=self._width)
        return sums.astype(np.float64, copy=False)

    def largest(self) -> Numbers:
        """Return the largest absolute value of each column."""
        largest = np.abs(self._rest)
        np.maximum.at(largest, self._column, np.abs(self._data))
        return largest

    def mean(self) -> Numbers:
        """Return the weighted mean of each column."""
        mean: Numbers = self._sums(self._share * self._data) + self._rest_share * self._rest
        return mean

    def multiply(self, factor: Numbers) -> None:
        """Multiply each column by a number."""
        np.multiply(self._data, factor[self._column], out=self._data)
        np.multiply(self._rest, factor, out=self._rest)

    def subtract(self, shift: Numbers) -> None:
        """Subtract a number from each column."""
        np.subtract(self._data, shift[self._column], out=self._data)
        np.subtract(self._rest, shift, out=self._rest)

    def square(self) -> None:
        """Square all numbers."""
        np.multiply(self._data, self._data, out=self._data)
        np.multiply(self._rest, self._rest, out=self._rest)
