"""The rows that are validated and never trained on."""

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._typing import Floats, Views
from skmlp.estimators.model import Model
from skmlp.inference import raw_scores
from skmlp.losses import Loss
from skmlp.solvers import TrainingSet
from skmlp.workspace import Buffer, Memory

#: Numbers of one chunk whose loss is computed.
CHUNK = 2**11


class Result(NamedTuple):
    """What validation says of some weights.

    Attributes
    ----------
    loss : float
        The mean loss, without penalties; NaN where raw scores overflow.
    score : float
        The higher, the better; NaN where raw scores overflow.
    """

    loss: float
    score: float


class HeldOut:
    """Rows that are validated after each epoch.

    Parameters
    ----------
    model : Model
        What to validate.
    data : TrainingSet
        The rows, or those in ``subset``.
    params : sequence of mapping of str to ndarray
        Parameters and statistics, as they are at the time of the call.
    scoring : {'loss'}, callable or None
        What the score is: minus the loss, what the callable returns, or None for
        accuracy, R² or the like.
    """

    def __init__(
        self,
        model: Model,
        data: TrainingSet,
        params: Sequence[Views],
        scoring: str | Callable[[], float] | None = None,
    ) -> None:
        self._model, self._params, self._scoring = model, params, scoring
        self._X, self._rows = data.X, data.subset
        rows = slice(None) if data.subset is None else data.subset
        self._y = data.y[rows]
        self._weight = None if data.weight is None else data.weight[rows]
        loss = model.target.training_loss(self._y)
        self._loss = MeanLoss(loss, model.target.n_outputs, model.dtype)

    def evaluate(self) -> Result:
        """Return loss and score."""
        model = self._model
        raw = raw_scores(model.network, self._params, self._X, model.dtype, self._rows)
        if not np.isfinite(raw).all():
            return Result(math.nan, math.nan)
        loss = self._loss(raw, self._y, self._weight)
        if self._scoring == "loss":
            return Result(loss, -loss)
        if callable(self._scoring):
            return Result(loss, self._scoring())
        return Result(loss, model.target.score(self._y, raw, self._weight))


class MeanLoss:
    """Σ wᵢ ℓᵢ / Σ w of any number of rows.

    Parameters
    ----------
    loss : Loss
        Has ℓ.
    n_outputs : int
        Raw scores a row.
    dtype : dtype
        Their type.
    """

    def __init__(self, loss: Loss, n_outputs: int, dtype: DTypeLike) -> None:
        self._loss, self._size = loss, max(1, CHUNK // n_outputs)
        declared = {"raw": Buffer(n_outputs, order="F"), "grad": Buffer(n_outputs, order="F")}
        self._memory = {
            name: Memory(self._size, buffer, dtype)
            for name, buffer in {**declared, **loss.buffers(n_outputs)}.items()
        }

    def __call__(self, raw: Floats, y: NDArray[Any], weight: NDArray[np.float64] | None) -> float:
        """Return the mean; zero if no row has any weight.

        Parameters
        ----------
        raw : ndarray of shape (n, n_outputs)
            Raw scores.
        y : ndarray of shape (n,) or (n, n_targets)
            Encoded targets.
        weight : ndarray of shape (n,) or None
            Weights; None for equal ones.
        """
        value = total = 0.0
        for start in range(0, len(raw), self._size):
            part = slice(start, start + self._size)
            weights = None if weight is None else weight[part]
            added = float(len(raw[part]) if weights is None else weights.sum())
            if added > 0.0:
                total += added
                share = None if weights is None else (weights / added).astype(raw.dtype)
                value += (self._chunk(raw[part], y[part], share) - value) * (added / total)
        return value

    def _chunk(self, raw: Floats, y: NDArray[Any], share: Floats | None) -> float:
        """Return the mean of one chunk."""
        scratch = {name: memory.rows(len(raw)) for name, memory in self._memory.items()}
        by_column, grad = scratch.pop("raw"), scratch.pop("grad")
        np.copyto(by_column, raw)
        return self._loss(by_column, y, share, grad, scratch)
