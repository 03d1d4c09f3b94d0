"""One of two classes."""

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import log_expit

from skmlp._typing import Floats
from skmlp.estimators.targets.base import SingleLabel
from skmlp.estimators.targets.labels import class_codes
from skmlp.losses import Loss


class Binary(SingleLabel):
    """One of two classes, or always the same one.

    Parameters
    ----------
    classes : ndarray of shape (1,) or (2,)
        The labels, sorted.
    loss : Loss
        The loss of a column of 0 and 1.
    """

    n_outputs = 1

    def __init__(self, classes: NDArray[Any], loss: Loss) -> None:
        if len(classes) not in (1, 2):
            raise ValueError(f"A binary target has one or two classes, not {len(classes)}.")
        self.classes, self.loss = classes, loss

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a column: 1 for the second class, 0 for the first."""
        return class_codes(y, self.classes).astype(dtype).reshape(-1, 1)

    def codes(self, y: NDArray[Any]) -> NDArray[np.intp]:
        """Return the column as codes."""
        return y[:, 0].astype(np.intp)

    def predicted_codes(self, raw: Floats) -> NDArray[np.intp]:
        """Return the code of the more probable class."""
        return np.minimum(raw[:, 0] > 0, len(self.classes) - 1, dtype=np.intp)

    def scores(self, raw: Floats) -> Floats:
        """Return one number a row, positive where the second class is predicted."""
        return raw[:, 0]

    def probabilities(self, raw: Floats) -> Any:
        """Return a column a class, neither 0 nor 1; ones for the only class."""
        return np.ones_like(raw) if len(self.classes) == 1 else super().probabilities(raw)

    def logits(self, raw: Floats) -> Floats:
        """Return log(1 / (1 + exp(±z))): zero for the only class."""
        if len(self.classes) == 1:
            return np.zeros_like(raw)
        return np.hstack([log_expit(-raw), log_expit(raw)])

    def link(self, raw: Floats) -> Floats:
        """Return 1 / (1 + exp(±z))."""
        second = self.loss.inverse_link(raw)
        return np.hstack([1 - second, second])
