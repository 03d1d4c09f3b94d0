"""One number a row, or several."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray
from sklearn.metrics import r2_score

from skmlp._typing import Floats
from skmlp.estimators.scaling.target_scaling import TargetScaling
from skmlp.estimators.targets.base import Target
from skmlp.estimators.targets.missing import is_missing, mean_over_known
from skmlp.losses import Loss


class Numeric(Target):
    """One number a row, or several; with several, NaN where one is not known.

    Where the loss takes several raw scores a target, the first ones are the
    predictions.

    Parameters
    ----------
    loss : Loss
        The loss of a matrix of numbers.
    n_targets : int
        Numbers a row.
    scaling : TargetScaling
        How they are scaled, and their limits.
    """

    def __init__(self, loss: Loss, n_targets: int, scaling: TargetScaling) -> None:
        if loss.coded:
            raise ValueError(f"The loss {type(loss).__name__} takes class codes, not numbers.")
        self.loss, self.n_targets, self.scaling = loss, n_targets, scaling
        self.n_outputs = loss.n_raw(n_targets)
        self.bounds = scaling.bounds(n_targets)

    def encode(self, y: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return a matrix of `dtype`.

        Raises
        ------
        ValueError
            For other than `n_targets` columns, a number the loss is not defined for
            or one too large for `dtype`.
        """
        y = y.reshape(len(y), -1)
        if y.shape[1] != self.n_targets:
            raise ValueError(
                f"y has {y.shape[1]} target(s), but the model was fitted on {self.n_targets}."
            )
        if np.isinf(y.astype(dtype)).any():
            raise ValueError(f"y has values too large for {np.dtype(dtype).name}; scale y.")
        self._check_domain(y)
        return np.ascontiguousarray(self.scaling.encode(y), dtype=dtype)

    def _check_domain(self, y: Floats) -> None:
        """Refuse numbers that the loss is not defined for; NaN is none."""
        for extreme in (np.fmin.reduce(y, axis=None), np.fmax.reduce(y, axis=None)):
            if not np.isnan(extreme) and not self.loss.domain.accepts(float(extreme)):
                raise ValueError(
                    f"y has the value {extreme:.6g}, for which the loss {self.loss!r} is not "
                    f"defined: y must be {self.loss.domain}. Choose another loss."
                )

    def decode(self, raw: Floats) -> NDArray[Any]:
        """Return the predictions: a vector for one target."""
        return self._shaped(self.scaling.decode(self._points(raw)))

    def decode_with_deviation(self, raw: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the predictions and their standard deviations."""
        raise ValueError(
            f"return_std=True needs a fit with loss='gaussian'; this is {self.loss!r}."
        )

    def _points(self, raw: Floats) -> Floats:
        """Return a prediction for each scaled target."""
        return self.loss.inverse_link(raw)[:, : self.n_targets]

    def _shaped(self, predicted: NDArray[Any]) -> NDArray[Any]:
        """Return a column as a vector."""
        return predicted[:, 0] if self.n_targets == 1 else predicted

    def score(self, y: NDArray[Any], raw: Floats, weight: Floats | None) -> float:
        """Return R², the mean over targets, of the numbers that are known."""
        return self._rate(y, self._points(raw), weight)

    def evaluate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return R², the mean over targets, of the numbers that are known."""
        return self._rate(y, predicted, weight)

    def _rate(self, y: ArrayLike, predicted: NDArray[Any], weight: ArrayLike | None) -> float:
        """Return R², the mean over targets, of the numbers that are known."""
        array = np.asarray(y)
        if is_missing(array).any():
            return mean_over_known(_r2, array, predicted, weight)
        return _r2(array, predicted, weight)


def _r2(y: NDArray[Any], predicted: NDArray[Any], weight: ArrayLike | None) -> float:
    """Return R²."""
    return float(r2_score(y, predicted, sample_weight=weight))
