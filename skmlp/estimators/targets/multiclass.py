"""One of several classes, whose raw scores belong together."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import log_softmax

from skmlp._typing import Floats
from skmlp.estimators.targets.base import SingleLabel
from skmlp.estimators.targets.labels import class_codes
from skmlp.losses import Loss


class Multiclass(SingleLabel):
    """One of several classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    loss : Loss
        The loss of class codes.
    """

    def __init__(self, classes: NDArray[Any], loss: Loss) -> None:
        self.classes, self.loss = classes, loss
        self.n_outputs = len(classes)

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return class codes; no indicator matrix is made."""
        return class_codes(y, self.classes)

    def codes(self, y: NDArray[Any]) -> NDArray[np.intp]:
        """Return the codes themselves."""
        return y.reshape(-1)

    def predicted_codes(self, raw: Floats) -> NDArray[np.intp]:
        """Return the code of the most probable class."""
        largest: NDArray[np.intp] = raw.argmax(axis=1)
        return largest

    def logits(self, raw: Floats) -> Floats:
        """Return zⱼ - log Σ exp(z)."""
        logarithms: Floats = log_softmax(raw, axis=1)
        return logarithms

    def link(self, raw: Floats) -> Floats:
        """Return exp(zⱼ) / Σ exp(z)."""
        return self.loss.inverse_link(raw)
