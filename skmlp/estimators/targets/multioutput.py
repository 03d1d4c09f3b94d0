"""Several columns of classes."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from skmlp._typing import Floats
from skmlp.estimators.targets.base import ClassTarget, SingleLabel
from skmlp.estimators.targets.multiclass import Multiclass
from skmlp.estimators.targets.one_vs_rest import OneVsRest
from skmlp.losses import GroupedLoss, Loss, groups


class MultiOutput(ClassTarget):
    """Several columns of classes; each has its own group of raw scores.

    Parameters
    ----------
    classes : sequence of ndarray
        The labels of each column, sorted.
    loss : Loss
        The loss of one column; those of the columns are summed.
    """

    def __init__(self, classes: Sequence[NDArray[Any]], loss: Loss) -> None:
        widths = [len(labels) for labels in classes]
        self.n_outputs, self._groups = sum(widths), groups(widths)
        self.loss: Loss
        self._columns: Sequence[SingleLabel]
        if loss.coded:
            self._columns = [Multiclass(labels, loss) for labels in classes]
            self.loss, self._encoded = GroupedLoss(loss, widths), groups([1] * len(widths))
        else:
            self._columns = [OneVsRest(labels, loss) for labels in classes]
            self.loss, self._encoded = loss, self._groups

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a column of class codes for each column, or a matrix of 0 and 1 side by side."""
        if y.ndim != 2 or y.shape[1] != len(self._columns):
            raise ValueError(f"y must have {len(self._columns)} columns of classes.")
        encoded = [column.encode(y[:, j], dtype) for j, column in enumerate(self._columns)]
        return np.column_stack(encoded)

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the most probable label of each column."""
        return np.column_stack([column.decode(part) for column, part in self._parts(raw)])

    def _parts(self, raw: Floats) -> list[tuple[SingleLabel, Floats]]:
        """Return each column's target and raw scores."""
        return [(c, raw[:, group]) for c, group in zip(self._columns, self._groups, strict=True)]

    def scores(self, raw: Floats) -> list[Floats]:
        """Return the raw scores of each column."""
        return [part.copy() for _, part in self._parts(raw)]

    def probabilities(self, raw: Floats) -> list[Floats]:
        """Return a matrix for each column, with a column a class."""
        return [column.probabilities(part) for column, part in self._parts(raw)]

    def log_probabilities(self, raw: Floats) -> list[Floats]:
        """Return the logarithms of the probabilities, a matrix for each column."""
        return [column.log_probabilities(part) for column, part in self._parts(raw)]

    def logits(self, raw: Floats) -> Floats:
        """Return the logarithm of each class's probability, the columns' side by side."""
        return np.hstack([column.logits(part) for column, part in self._parts(raw)])

    def link(self, raw: Floats) -> Floats:
        """Return each class's probability, the columns' side by side."""
        return np.hstack([column.link(part) for column, part in self._parts(raw)])

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return the share of rows whose classes are all right."""
        right = [
            column.codes(y[:, own]) == column.predicted_codes(part)
            for own, (column, part) in zip(self._encoded, self._parts(raw), strict=True)
        ]
        return float(np.average(np.all(right, axis=0), weights=weight))

    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return the share of rows whose classes are all right."""
        right = (np.asarray(y) == predicted).all(axis=1)
        return float(np.average(right, weights=None if weight is None else np.asarray(weight)))
