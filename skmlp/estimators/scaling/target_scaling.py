"""The scaling of numeric targets: y is scaled before training, predictions are undone."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._params import (
    Constraint,
    Interval,
    InvalidParameterError,
    Like,
    Nothing,
    Options,
    Range,
    Sequence,
    shown,
)
from skmlp._typing import Floats
from skmlp.estimators.scaling import transformers
from skmlp.estimators.scaling.rows import Numbers, Rows
from skmlp.estimators.scaling.scaling import SCALINGS
from skmlp.estimators.scaling.transformers import TRANSFORMER, InvertibleTransformer
from skmlp.losses import Loss

#: The ways of scaling a target.
NAMES = ("standard", "robust", "maxabs")

#: Links of losses for which moving targets and predictions together changes nothing.
MOVABLE = ("identity", "quantiles", "gaussian")

#: Links of losses that compare raw scores themselves with the targets.
DIRECT = ("identity", "quantiles")

#: What the parameters may be.
CONSTRAINTS: Mapping[str, Constraint] = {
    "target_scaling": Nothing()
    | Options(NAMES)
    | Like(
        InvertibleTransformer,
        "a transformer: an object with fit, transform and inverse_transform",
    ),
    "output_range": Nothing() | Range(),
}

#: What a fitted architecture may say of them.
DESCRIPTION: Mapping[str, Constraint] = {
    "target_scaling": Nothing() | Options([*NAMES, TRANSFORMER]),
    "output_range": Nothing() | Range(),
    "target_centre": Sequence(Interval(Real, None, None, closed="neither")),
    "target_scale": Sequence(Interval(Real, 0, None, closed="neither")),
}


class TargetScaling(ABC):
    """How targets are scaled, and between which limits they and predictions are.

    Parameters
    ----------
    limits : (float, float) or None
        The limits, not scaled.
    """

    def __init__(self, limits: tuple[float, float] | None) -> None:
        self._limits = limits

    @abstractmethod
    def _scaled(self, y: Numbers) -> Numbers:
        """Scale targets."""

    @abstractmethod
    def _unscaled(self, y: NDArray[Any]) -> NDArray[Any]:
        """Undo the scaling of an array of shape (n, n_targets, ...)."""

    @abstractmethod
    def decode_deviation(self, deviation: Floats) -> NDArray[Any]:
        """Return standard deviations of shape (n, n_targets) in the units of y."""

    def encode(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return scaled targets of shape (n, n_targets), in float64.

        Raises
        ------
        ValueError
            If one is outside the limits.
        """
        check_limits(y, self._limits)
        return self._scaled(y)

    def decode(self, predicted: Floats) -> NDArray[Any]:
        """Return predictions in the units of y, finite and of the same type."""
        original = self._unscaled(predicted)
        if original is predicted and self._limits is None:
            return predicted
        low, high = (-np.inf, np.inf) if self._limits is None else self._limits
        return self._finite(np.clip(original, low, high), predicted.dtype)

    @staticmethod
    def _finite(numbers: NDArray[Any], dtype: DTypeLike) -> NDArray[Any]:
        """Return numbers of a type; the largest float stands for more."""
        largest = float(np.finfo(dtype).max)
        finite: NDArray[Any] = np.clip(numbers, -largest, largest).astype(dtype)
        return finite

    def bounds(self, n_targets: int) -> tuple[list[float], list[float]] | None:
        """Return the limits of each scaled target, or None if there are none.

        Raises
        ------
        ValueError
            If a transformer does not keep their order.
        """
        if self._limits is None:
            return None
        limits = np.array(self._limits, dtype=float)
        low, high = self._scaled(np.repeat(limits[:, np.newaxis], n_targets, axis=1))
        if not np.all(np.isfinite(high - low) & (low < high)):
            raise ValueError(
                f"The transformer in target_scaling makes {low} and {high} of "
                f"output_range={self._limits}: it has to be increasing and finite there."
            )
        return low.tolist(), high.tolist()


class Unscaled(TargetScaling):
    """Targets as they are."""

    def _scaled(self, y: Numbers) -> Numbers:
        """Return `y`."""
        return y

    def _unscaled(self, y: NDArray[Any]) -> NDArray[Any]:
        """Return `y`."""
        return y

    def decode_deviation(self, deviation: Floats) -> NDArray[Any]:
        """Return standard deviations as they are."""
        return deviation


class Affine(TargetScaling):
    """s (y - c), with the centre c and the scale s of each target.

    Parameters
    ----------
    limits : (float, float) or None
        The limits, not scaled.
    centre, scale : list of float
        c and s.
    """

    def __init__(
        self,
        limits: tuple[float, float] | None,
        centre: list[float],
        scale: list[float],
    ) -> None:
        super().__init__(limits)
        self._centre, self._scale = np.array(centre, dtype=float), np.array(scale, dtype=float)

    def _scaled(self, y: Numbers) -> Numbers:
        """Scale targets."""
        scaled: Numbers = (y.astype(np.float64) - self._centre) * self._scale
        return scaled

    def _unscaled(self, y: NDArray[Any]) -> NDArray[Any]:
        """Undo the scaling."""
        shape = (-1, *[1] * (y.ndim - 2))
        original: NDArray[Any] = y / self._scale.reshape(shape) + self._centre.reshape(shape)
        return original

    def decode_deviation(self, deviation: Floats) -> NDArray[Any]:
        """Return standard deviations in the units of y: the centre has no part in them."""
        return self._finite(deviation / self._scale, deviation.dtype)


class Transformed(TargetScaling):
    """What a user's transformer makes of the targets.

    Parameters
    ----------
    limits : (float, float) or None
        The limits, not transformed.
    transformer : object
        Fitted.
    """

    def __init__(self, limits: tuple[float, float] | None, transformer: Any) -> None:
        super().__init__(limits)
        if transformer is None:
            raise ValueError("The saved state lacks the transformer of the targets.")
        self._transformer = transformer

    def _scaled(self, y: Numbers) -> Numbers:
        """Transform targets."""
        scaled = np.asarray(self._transformer.transform(transformers.read_only(y)), dtype=float)
        if not np.array_equal(np.isfinite(self._of_same_shape(scaled, y)), np.isfinite(y)):
            raise ValueError("The transformer in target_scaling makes y infinite or NaN.")
        return scaled

    def _unscaled(self, y: NDArray[Any]) -> NDArray[Any]:
        """Undo the transformation, for each further axis by itself."""
        if y.ndim > 2:
            parts = [self._unscaled(part) for part in np.moveaxis(y, -1, 0)]
            return np.stack(parts, axis=-1)
        undone = np.asarray(self._transformer.inverse_transform(y.astype(np.float64)))
        return self._of_same_shape(undone, y)

    @staticmethod
    def _of_same_shape(changed: NDArray[Any], y: NDArray[Any]) -> NDArray[Any]:
        """Refuse targets of another shape than before."""
        if changed.shape != y.shape:
            raise ValueError(
                f"The transformer in target_scaling made shape {changed.shape} of {y.shape}."
            )
        return changed

    def decode_deviation(self, deviation: Floats) -> NDArray[Any]:
        """Refuse: a transformer says nothing of deviations."""
        raise ValueError(
            "return_std=True needs target_scaling to be None or one of "
            f"{NAMES}: a transformer does not tell how standard deviations change."
        )


def check_limits(y: NDArray[Any], limits: tuple[float, float] | None) -> None:
    """Refuse targets outside the limits.

    Raises
    ------
    ValueError
        It names the parameter and the extremes of `y`.
    """
    least, largest = np.fmin.reduce(y, axis=None), np.fmax.reduce(y, axis=None)
    if limits is not None and (least < limits[0] or largest > limits[1]):
        raise ValueError(
            f"y has values in [{least:.6g}, {largest:.6g}], outside "
            f"output_range={tuple(limits)}. Widen it, or clip y."
        )


def described(name: str | None, y: NDArray[Any], weight: Numbers | None) -> dict[str, list[float]]:
    """Return centre and scale of each target; nothing unless they are scaled by numbers.

    Parameters
    ----------
    name : str or None
        How targets are scaled.
    y : ndarray of shape (n, n_targets)
        The targets, NaN where one is not known.
    weight : ndarray of shape (n,) or None
        The rows' weights.
    """
    if name not in NAMES:
        return {"target_centre": [], "target_scale": []}
    numbers = [_measured(name, column.astype(np.float64), weight) for column in y.T]
    centres, scales = zip(*numbers, strict=True)
    return {"target_centre": list(centres), "target_scale": list(scales)}


def _measured(name: str, column: Numbers, weight: Numbers | None) -> tuple[float, float]:
    """Return centre and scale of what is known of one target."""
    known = ~np.isnan(column)
    weight = known.astype(float) if weight is None else weight * known
    if not weight.any():
        return 0.0, 1.0
    statistics = SCALINGS[name].of(Rows(np.where(known, column, 0.0)[:, np.newaxis], weight))
    return float(statistics.centre[0]), float(statistics.scale[0])


def build_scaling(
    description: Mapping[str, Any], n_targets: int, transformer: Any
) -> TargetScaling:
    """Return the scaling that an architecture describes.

    Raises
    ------
    ValueError
        If there is not a number for each target, or no fitted transformer.
    """
    limits = None if description["output_range"] is None else tuple(description["output_range"])
    name = description["target_scaling"]
    if name is None:
        return Unscaled(limits)
    if name == TRANSFORMER:
        return Transformed(limits, transformer)
    centre, scale = description["target_centre"], description["target_scale"]
    if not len(centre) == len(scale) == n_targets:
        raise ValueError(f"The saved scaling is not that of {n_targets} target(s).")
    return Affine(limits, centre, scale)


def check_loss(loss: Loss, settings: Mapping[str, Any]) -> None:
    """Refuse what does not go with a loss.

    Raises
    ------
    InvalidParameterError
        It names both parameters.
    """
    scaling, limits = settings["target_scaling"], settings["output_range"]
    moved = scaling is not None and scaling != "maxabs"
    if moved and (loss.link not in MOVABLE or not loss.domain.accepts(-1.0)):
        raise InvalidParameterError(
            f"target_scaling={shown(scaling)} moves targets, for which loss={loss!r} is not made. "
            "Choose target_scaling='maxabs', which only multiplies them, or another loss."
        )
    if limits is not None and (loss.link not in DIRECT or loss.n_raw(1) != 1):
        raise InvalidParameterError(
            f"output_range={shown(limits)} does not go with loss={loss!r}, whose raw scores are "
            "not predictions. Choose output_range=None or another loss."
        )
