"""Why a training diverged, and what to do about it."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from skmlp._typing import Matrix
from skmlp.solvers import TrainingSet

#: scikit-learn's sentence, which its tests look for.
SENTENCE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)

#: Values and rates beyond these are named as a cause.
LARGE_VALUE, LARGE_RATE = 1e3, 0.1


def explained(settings: Mapping[str, Any], data: TrainingSet, names: ArrayLike | None) -> str:
    """Return what to tell the user.

    Parameters
    ----------
    settings : mapping of str to object
        The estimator's parameters.
    data : TrainingSet
        What it was trained on.
    names : array-like of str or None
        Names of the features.
    """
    return f"{SENTENCE} {causes(settings, data, names)}"


def causes(settings: Mapping[str, Any], data: TrainingSet, names: ArrayLike | None) -> str:
    """Return what may be wrong with parameters and data, and the remedies."""
    found = (_of_features(settings, data.X, names), _of_targets(data.y), _of_rate(settings))
    return " ".join([*(cause for cause in found if cause), _remedy(settings)])


def _of_features(settings: Mapping[str, Any], X: Matrix, names: ArrayLike | None) -> str:
    """Name the feature with the largest values, if it is large and not scaled."""
    largest = _largest(X)
    j = int(np.argmax(largest))
    if settings["feature_scaling"] is not None or largest[j] < LARGE_VALUE:
        return ""
    name = f"Feature {j}" if names is None else f"Feature {str(np.asarray(names)[j])!r}"
    return (
        f"{name} has values up to {largest[j]:.3g}: set feature_scaling='standard', or use "
        "StandardScaler."
    )


def _largest(X: Matrix) -> NDArray[Any]:
    """Return the largest absolute value of each feature, without a copy of X."""
    high, low = X.max(axis=0), X.min(axis=0)
    if not isinstance(X, np.ndarray):
        high, low = high.toarray().ravel(), low.toarray().ravel()
    largest: NDArray[Any] = np.maximum(high, -low)
    return largest


def _of_targets(y: NDArray[Any]) -> str:
    """Give the size of the targets, if they are large numbers."""
    largest = float(np.nanmax(np.abs(y))) if y.dtype.kind == "f" and y.size else 0.0
    if largest < LARGE_VALUE:
        return ""
    return f"y has values up to {largest:.3g}: set target_scaling='standard'."


def _of_rate(settings: Mapping[str, Any]) -> str:
    """Give the learning rate, if it is large."""
    rate = settings["learning_rate_init"]
    return f"learning_rate_init={rate:g} is large." if rate > LARGE_RATE else ""


def _remedy(settings: Mapping[str, Any]) -> str:
    """Say what may help besides."""
    if settings["solver"] == "lbfgs":
        return "Scale the data, or try solver='adam' with a low learning_rate_init."
    rate = settings["learning_rate_init"]
    return f"Scale the data, lower learning_rate_init (now {rate:g}), or set max_grad_norm=1."
