"""Targets that are not known, and scores over those that are."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: A score of known and predicted numbers, with weights.
Score = Callable[[NDArray[Any], NDArray[Any], NDArray[Any] | None], float]


def is_missing(y: NDArray[Any]) -> NDArray[np.bool_]:
    """Tell which entries are NaN; an array without entries where none can be."""
    # The sum of finite numbers is no NaN: one pass that allocates nothing.
    missing = np.zeros(0, dtype=np.bool_)
    if y.dtype.kind == "f" and y.ndim == 2 and np.isnan(np.add.reduce(y, axis=None)):
        missing = np.isnan(y)
    return missing


def mean_over_known(
    score: Score, y: NDArray[Any], predicted: NDArray[Any], weight: ArrayLike | None
) -> float:
    """Return the mean over columns of a score of the rows where y is known.

    Columns of which no row with a weight is known are left out; NaN if all are.
    """
    scores, weights = [], np.ones(len(y)) if weight is None else np.asarray(weight)
    for target, prediction in zip(y.T, predicted.T, strict=True):
        known = ~np.isnan(target) & (weights > 0)
        if known.any():
            scores.append(score(target[known], prediction[known], weights[known]))
    return float(np.mean(scores)) if scores else float("nan")


def accuracy_over_known(
    y: NDArray[Any], predicted: NDArray[Any], weight: ArrayLike | None
) -> float:
    """Return the share of rows whose known labels are all right.

    Rows of which nothing is known are left out; NaN if all are.
    """
    known = ~np.isnan(y)
    weights = known.any(axis=1) * (1.0 if weight is None else np.asarray(weight))
    if not weights.any():
        return float("nan")
    return float(np.average(((y == predicted) | ~known).all(axis=1), weights=weights))
