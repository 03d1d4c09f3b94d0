"""One of several classes, each told apart from the rest."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import log_expit, logsumexp

from skmlp._typing import Floats
from skmlp.estimators.targets.base import SingleLabel
from skmlp.estimators.targets.labels import class_codes
from skmlp.losses import Loss


class OneVsRest(SingleLabel):
    """One of several classes, as many yes-or-no questions as there are classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    loss : Loss
        The loss of a matrix of 0 and 1.
    """

    def __init__(self, classes: NDArray[Any], loss: Loss) -> None:
        self.classes, self.loss = classes, loss
        self.n_outputs = len(classes)

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a matrix with 1 in the column of the class."""
        encoded = np.zeros((len(y), self.n_outputs), dtype=dtype)
        encoded[np.arange(len(y)), class_codes(y, self.classes)] = 1
        return encoded

    def codes(self, y: NDArray[Any]) -> NDArray[np.intp]:
        """Return the column of the 1."""
        columns: NDArray[np.intp] = y.argmax(axis=1)
        return columns

    def predicted_codes(self, raw: Floats) -> NDArray[np.intp]:
        """Return the column of the largest score."""
        columns: NDArray[np.intp] = raw.argmax(axis=1)
        return columns

    def logits(self, raw: Floats) -> Floats:
        """Return log pⱼ - log Σ p, with p = 1 / (1 + exp(-z))."""
        logarithms: Floats = log_expit(raw)
        logarithms -= logsumexp(logarithms, axis=1, keepdims=True)
        return logarithms

    def link(self, raw: Floats) -> Floats:
        """Return pⱼ / Σ p, with p = 1 / (1 + exp(-z))."""
        return np.exp(self.logits(raw))
