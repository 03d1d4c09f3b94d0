"""Targets: from the user's y to the engine's numbers, and from raw scores back."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar

import numpy as np
from numpy.typing import DTypeLike, NDArray
from scipy.special import log_expit, log_softmax
from sklearn.metrics import accuracy_score, r2_score

from skmlp._typing import Floats
from skmlp.losses import LOSSES, Loss

#: Characters of the labels that a message repeats.
LONGEST_LIST = 120


class Target(ABC):
    """One kind of y.

    Attributes
    ----------
    loss : Loss
        The loss on its encoded form.
    n_outputs : int
        Width of the raw scores.
    stratified : bool
        Whether held-out rows are to have the same shares of each encoded value.
    """

    loss: Loss
    n_outputs: int
    stratified: ClassVar[bool] = False

    @abstractmethod
    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return what the loss takes for validated `y`."""

    @abstractmethod
    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the predictions for raw scores, which may be overwritten."""

    @abstractmethod
    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return accuracy or R² of raw scores against encoded `y`."""


class ClassTarget(Target):
    """A target for which raw scores stand for probabilities."""

    @abstractmethod
    def logits(self, raw: Floats) -> Floats:
        """Return the logarithm of each column's probability, to full precision."""

    @abstractmethod
    def link(self, raw: Floats) -> Floats:
        """Return each column's probability, which may round to 0 or 1."""

    def probabilities(self, raw: Floats) -> Floats:
        """Return a column a class, neither 0 nor 1, so that logarithms are finite.

        Below the smallest normal float t, a probability p falls off as
        t / (1 + log t - log p): that keeps the order of the classes.
        """
        p = self.link(raw.copy())
        limits = np.finfo(p.dtype)
        if p.size and np.minimum.reduce(p, axis=None) < limits.tiny:
            low = p < limits.tiny
            gap = np.log(limits.tiny) - self.logits(raw)[low]
            p[low] = np.maximum(limits.tiny / (1 + gap), limits.smallest_subnormal)
        return np.minimum(p, 1.0 - float(limits.epsneg), out=p)

    def log_probabilities(self, raw: Floats) -> Floats:
        """Return the logarithms, from the raw scores: exact where p is tiny.

        Near one they are those of the rounded probabilities.
        """
        p = self.probabilities(raw)
        return np.log(p, out=self.logits(raw), where=p > 0.5)


class Binary(ClassTarget):
    """One of two classes, or always the same one.

    Parameters
    ----------
    classes : ndarray of shape (1,) or (2,)
        The labels, sorted.
    """

    n_outputs = 1
    stratified = True

    def __init__(self, classes: NDArray[Any]) -> None:
        if len(classes) not in (1, 2):
            raise ValueError(f"A binary target has one or two classes, not {len(classes)}.")
        self.classes = classes
        self.loss = LOSSES["binary_log_loss"]()

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a column: 1 for the second class, 0 for the first."""
        return class_codes(y, self.classes).astype(dtype).reshape(-1, 1)

    def _codes(self, raw: Floats) -> NDArray[np.intp]:
        """Return the code of the more probable class."""
        return np.minimum(raw[:, 0] > 0, len(self.classes) - 1, dtype=np.intp)

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the more probable labels."""
        return self.classes[self._codes(raw)]

    def probabilities(self, raw: Floats) -> Floats:
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

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return the accuracy."""
        return float(
            accuracy_score(y[:, 0].astype(np.intp), self._codes(raw), sample_weight=weight)
        )


class Multiclass(ClassTarget):
    """One of three or more classes.

    Parameters
    ----------
    classes : ndarray of shape (n_classes,)
        The labels, sorted.
    """

    stratified = True

    def __init__(self, classes: NDArray[Any]) -> None:
        self.classes = classes
        self.n_outputs = len(classes)
        self.loss = LOSSES["multinomial_log_loss"]()

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return class codes; no indicator matrix is made."""
        return class_codes(y, self.classes)

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the most probable labels."""
        labels: NDArray[Any] = self.classes[raw.argmax(axis=1)]
        return labels

    def logits(self, raw: Floats) -> Floats:
        """Return zⱼ - log Σ exp(z)."""
        logarithms: Floats = log_softmax(raw, axis=1)
        return logarithms

    def link(self, raw: Floats) -> Floats:
        """Return exp(zⱼ) / Σ exp(z)."""
        return self.loss.inverse_link(raw)

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return the accuracy."""
        return float(accuracy_score(y, raw.argmax(axis=1), sample_weight=weight))


class Multilabel(ClassTarget):
    """Any number of labels a row, as an indicator matrix.

    Parameters
    ----------
    classes : ndarray of shape (n_labels,)
        0 … n_labels - 1.
    """

    def __init__(self, classes: NDArray[Any]) -> None:
        self.n_outputs = len(classes)
        self.loss = LOSSES["binary_log_loss"]()

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a matrix of 0 and 1."""
        if y.ndim != 2 or y.shape[1] != self.n_outputs:
            raise ValueError(f"y must be an indicator matrix of {self.n_outputs} columns.")
        return np.ascontiguousarray(y != 0, dtype=dtype)

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
        """Return the share of rows whose labels are all right."""
        return float(accuracy_score(y.astype(int), self.decode(raw), sample_weight=weight))


class Numeric(Target):
    """One number a row, or several.

    Parameters
    ----------
    loss : str
        Name of the loss.
    n_outputs : int
        Numbers a row.
    """

    def __init__(self, loss: str, n_outputs: int) -> None:
        self.n_outputs = n_outputs
        self.loss = LOSSES[loss]()

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a matrix of `dtype`.

        Raises
        ------
        ValueError
            For other than `n_outputs` columns, a number the loss is not defined for
            or one too large for `dtype`.
        """
        encoded = np.ascontiguousarray(y.reshape(len(y), -1), dtype=dtype)
        if encoded.shape[1] != self.n_outputs:
            raise ValueError(
                f"y has {encoded.shape[1]} target(s), but the model was fitted on {self.n_outputs}."
            )
        if not np.isfinite(encoded).all():
            raise ValueError(f"y has values too large for {np.dtype(dtype).name}; scale y.")
        if not self.loss.domain.accepts(float(encoded.min())):
            raise ValueError(
                f"y has values below {self.loss.domain.low}, for which the loss "
                f"{type(self.loss).__name__} is not defined. Choose another loss."
            )
        return encoded

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the predictions: a vector for one target."""
        predicted = self.loss.inverse_link(raw)
        return predicted[:, 0] if self.n_outputs == 1 else predicted

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return R², the mean over targets."""
        return float(r2_score(y, self.loss.inverse_link(raw), sample_weight=weight))


def class_codes(y: NDArray[Any], classes: NDArray[Any]) -> NDArray[np.intp]:
    """Return the position of each label in the sorted `classes`.

    Raises
    ------
    ValueError
        If a label is not there.
    """
    if y.ndim != 1:
        raise ValueError(f"y must be one-dimensional: one class a row. Got shape {y.shape}.")
    comparable = (y.dtype.kind in "OUS") == (classes.dtype.kind in "OUS")
    if comparable:
        codes = np.searchsorted(classes, y).clip(max=len(classes) - 1)
        if np.array_equal(classes[codes], y):
            return codes
    raise ValueError(
        "`y` has classes not in `self.classes_`. "
        f"`self.classes_` has {_few(classes)}. 'y' has {_few(np.unique(y))}."
    )


def _few(labels: NDArray[Any]) -> str:
    """Show some labels in a message."""
    text = np.array2string(labels, threshold=8, max_line_width=10**6)
    return text if len(text) <= LONGEST_LIST else text[: LONGEST_LIST - 3] + "..."
