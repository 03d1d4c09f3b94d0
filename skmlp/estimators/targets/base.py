"""What a target is."""

from abc import ABC, abstractmethod
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.metrics import accuracy_score

from skmlp._typing import Floats
from skmlp.estimators.targets.missing import is_missing
from skmlp.losses import Loss


class Target(ABC):
    """One kind of y.

    Attributes
    ----------
    loss : Loss
        The loss on its encoded form.
    n_outputs : int
        Width of the raw scores.
    bounds : (list of float, list of float) or None
        Limits of each raw score; None if there are none.
    """

    loss: Loss
    n_outputs: int
    bounds: tuple[list[float], list[float]] | None = None

    @abstractmethod
    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return what the loss takes for validated `y`."""

    @abstractmethod
    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the predictions for raw scores, which may be overwritten."""

    @abstractmethod
    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return accuracy, R² or the like of raw scores against encoded `y`."""

    @abstractmethod
    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return accuracy, R² or the like of predictions against the user's `y`."""

    def strata(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """Return a label for each row of encoded `y`.

        Held-out rows are to have the same shares of each; None if there are none.
        """
        return None

    def training_loss(self, y: NDArray[Any]) -> Loss:
        """Return the loss, without the entries of encoded `y` that are missing."""
        return self.loss.masked() if is_missing(y).any() else self.loss

    def informative(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Return the weights of rows of encoded `y`: zero where nothing is known."""
        missing = is_missing(y)
        if not missing.any():
            return weight
        known = np.asarray((~missing).any(axis=1), dtype=np.float64)
        return known if weight is None else np.multiply(known, weight)


@cache
def _limits(dtype: str) -> tuple[Any, Any, Any]:
    """Return the smallest normal number, the smallest one, and the largest one below 1."""
    limits = np.finfo(dtype)
    most = np.nextafter(limits.dtype.type(1), limits.dtype.type(0))
    return limits.smallest_normal, limits.smallest_subnormal, most


class ClassTarget(Target):
    """A target for which raw scores stand for classes.

    Where the loss has the link 'logistic' or 'softmax' they stand for probabilities.
    """

    @abstractmethod
    def logits(self, raw: Floats) -> Floats:
        """Return the logarithm of each column's probability, to full precision."""

    @abstractmethod
    def link(self, raw: Floats) -> Floats:
        """Return each column's probability, which may round to 0 or 1."""

    def scores(self, raw: Floats) -> Any:
        """Return the raw scores as the user sees them."""
        return raw

    def probabilities(self, raw: Floats) -> Any:
        """Return a column a class, neither 0 nor 1, so that logarithms are finite.

        Below the smallest normal float t, a probability p falls off as
        t / (1 + log t - log p): that keeps the order of the classes.
        """
        p = self.link(raw.copy())
        tiny, least, most = _limits(p.dtype.char)
        if p.size and np.minimum.reduce(p, axis=None) < tiny:
            low = p < tiny
            gap = np.log(tiny) - self.logits(raw)[low]
            p[low] = np.maximum(tiny / (1 + gap), least)
        return np.minimum(p, most, out=p)

    def log_probabilities(self, raw: Floats) -> Any:
        """Return the logarithms, from the raw scores: exact where p is tiny.

        Near one they are those of the rounded probabilities.
        """
        p = self.probabilities(raw)
        return np.log(p, out=self.logits(raw), where=p > 0.5)

    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return the accuracy."""
        return float(accuracy_score(y, predicted, sample_weight=weight))


class SingleLabel(ClassTarget):
    """One class a row.

    Attributes
    ----------
    classes : ndarray
        The labels, sorted.
    """

    classes: NDArray[Any]

    @abstractmethod
    def codes(self, y: NDArray[Any]) -> NDArray[np.intp]:
        """Return the class codes of encoded `y`."""

    @abstractmethod
    def predicted_codes(self, raw: Floats) -> NDArray[np.intp]:
        """Return the codes of the classes that raw scores stand for."""

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the predicted labels."""
        labels: NDArray[Any] = self.classes[self.predicted_codes(raw)]
        return labels

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return the accuracy."""
        return float(np.average(self.codes(y) == self.predicted_codes(raw), weights=weight))

    def strata(self, y: NDArray[Any]) -> NDArray[Any] | None:
        """Return the class codes."""
        return self.codes(y)
