"""Numbers of which quantiles are predicted."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.metrics import d2_pinball_score

from skmlp._typing import Floats
from skmlp.estimators.scaling.target_scaling import TargetScaling
from skmlp.estimators.targets.missing import Score, mean_over_known
from skmlp.estimators.targets.numeric import Numeric


class Quantiles(Numeric):
    """One number a row, or several, of each of which quantiles are predicted.

    A list of levels adds an axis to the predictions, the last one.

    Parameters
    ----------
    loss : Quantile
        The loss; its ``quantile`` are the levels.
    n_targets : int
        Numbers a row.
    scaling : TargetScaling
        How they are scaled, and their limits.
    """

    def __init__(self, loss: Any, n_targets: int, scaling: TargetScaling) -> None:
        super().__init__(loss, n_targets, scaling)
        self._quantile: float | Sequence[float] = loss.quantile

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the quantiles: (n,), (n, n_targets), or either with an axis of levels."""
        predicted = self.scaling.decode(self._quantiles(raw))
        predicted = predicted[:, 0] if self.n_targets == 1 else predicted
        return np.ascontiguousarray(
            predicted[..., 0] if np.ndim(self._quantile) == 0 else predicted
        )

    def _quantiles(self, raw: Floats) -> Floats:
        """Return the quantiles of scaled targets as (n, n_targets, n_levels)."""
        predicted = self.loss.inverse_link(raw)
        return predicted.reshape(len(raw), -1, self.n_targets).transpose(0, 2, 1)

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return D² of the pinball loss, the mean over levels and targets."""
        return self.evaluate(y, self._quantiles(raw), weight)

    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return D² of the pinball loss, the mean over levels and targets.

        It is the share of the loss of constant quantiles that is explained.
        """
        array = np.asarray(y, dtype=float).reshape(len(predicted), self.n_targets)
        predicted = predicted.reshape(*array.shape, -1)
        scores = [
            mean_over_known(_d2(float(level)), array, predicted[..., k], weight)
            for k, level in enumerate(np.atleast_1d(self._quantile))
        ]
        return float(np.mean(scores))


def _d2(level: float) -> Score:
    """Return the share of the pinball loss of a level that is explained, as a function."""

    def score(y: NDArray[Any], predicted: NDArray[Any], weight: NDArray[Any] | None) -> float:
        return float(d2_pinball_score(y, predicted, sample_weight=weight, alpha=level))

    return score
