"""Any number of labels a row."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from scipy.special import log_expit

from skmlp._typing import Floats
from skmlp.estimators.targets.base import ClassTarget
from skmlp.estimators.targets.missing import accuracy_over_known, is_missing
from skmlp.losses import Loss


class Multilabel(ClassTarget):
    """Any number of labels a row, as an indicator matrix; NaN where it is not known.

    Parameters
    ----------
    classes : ndarray of shape (n_labels,)
        0 … n_labels - 1.
    loss : Loss
        The loss of a matrix of 0 and 1.
    """

    def __init__(self, classes: NDArray[Any], loss: Loss) -> None:
        if loss.coded:
            raise ValueError(
                f"y is an indicator matrix, and the loss {type(loss).__name__} takes class codes."
            )
        self.n_outputs, self.loss = len(classes), loss

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a matrix of 0 and 1, and NaN."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs or not is_indicator(y):
            raise ValueError(f"y must be an indicator matrix of {self.n_outputs} columns.")
        return np.ascontiguousarray(y, dtype=dtype)

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the labels more probable than not."""
        return (raw > 0).astype(int)

    def logits(self, raw: Floats) -> Floats:
        """Return log(1 / (1 + exp(-z)))."""
        logarithms: Floats = log_expit(raw)
        return logarithms

    def link(self, raw: Floats) -> Floats:
        """Return 1 / (1 + exp(-z))."""
        return self.loss.inverse_link(raw)

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return the share of rows whose known labels are all right."""
        if is_missing(y).any():
            return accuracy_over_known(y, self.decode(raw), weight)
        return float(np.average((y == self.decode(raw)).all(axis=1), weights=weight))

    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return the share of rows whose known labels are all right."""
        array = np.asarray(y)
        if is_missing(array).any():
            return accuracy_over_known(array, predicted, weight)
        return super().evaluate(y, predicted, weight)


def is_indicator(y: NDArray[Any]) -> bool:
    """Tell whether all entries are 0, 1 or NaN."""
    if y.dtype.kind not in "biuf":
        return False
    return y.dtype.kind == "b" or bool(np.all((y == 0) | (y == 1) | np.isnan(y)))
