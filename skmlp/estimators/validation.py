"""The rows held out for early stopping."""

import math
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from skmlp._typing import Indices, Views
from skmlp.estimators.model import Model
from skmlp.inference import raw_scores
from skmlp.solvers import TrainingSet


class HeldOut:
    """Rows that are scored after each epoch and never trained on.

    Parameters
    ----------
    model : Model
        What to score.
    data : TrainingSet
        All rows; ``subset`` are those held out.
    params : sequence of mapping of str to ndarray
        Parameters and statistics, as they are at the time of the call.
    """

    def __init__(self, model: Model, data: TrainingSet, params: Sequence[Views]) -> None:
        self._model, self._params = model, params
        self._X, self._rows = data.X, data.subset
        self._y = data.y[data.subset]
        self._weight = None if data.weight is None else data.weight[data.subset]

    def score(self) -> float:
        """Return accuracy or R²; NaN where the scores overflow."""
        raw = raw_scores(self._model.network, self._params, self._X, self._model.dtype, self._rows)
        if not np.isfinite(raw).all():
            return math.nan
        return self._model.target.score(self._y, raw, self._weight)


def split_rows(
    n_rows: int, fraction: float, strata: NDArray[Any] | None, rng: np.random.RandomState
) -> tuple[Indices, Indices] | None:
    """Draw the rows to train on and those to hold out.

    Parameters
    ----------
    n_rows : int
        Rows to split.
    fraction : float
        Share to hold out.
    strata : ndarray of shape (n_rows,) or None
        Labels whose shares are kept; None for a plain draw. With a class too small
        to divide, the draw is plain and a warning says so.
    rng : RandomState
        Where the draw comes from.

    Returns
    -------
    training, held_out : ndarray of int, or None
        None, with a warning, where fewer than two rows would be held out or none
        left to train on.
    """
    n_held_out = int(np.ceil(fraction * n_rows))
    if n_held_out < 2 or n_held_out >= n_rows:
        warnings.warn(
            f"The validation set is too small: {n_held_out} of {n_rows} row(s). Early stopping "
            "watches the training loss instead. Increase 'validation_fraction' or the size of "
            "your dataset.",
            UserWarning,
            stacklevel=2,
        )
        return None
    rows = np.arange(n_rows)
    training, held_out = train_test_split(
        rows,
        test_size=fraction,
        random_state=rng,
        stratify=_divisible(strata, n_held_out),
    )
    return training, held_out


def _divisible(strata: NDArray[Any] | None, n_held_out: int) -> NDArray[Any] | None:
    """Return the strata if each can be divided; warn and return None if not."""
    if strata is None:
        return None
    _, counts = np.unique(strata, return_counts=True)
    if counts.min() >= 2 and len(counts) <= min(n_held_out, len(strata) - n_held_out):
        return strata
    warnings.warn(
        "The validation set is not stratified: the least populated class has "
        f"{counts.min()} row(s), and {n_held_out} row(s) are held out for {len(counts)} classes.",
        UserWarning,
        stacklevel=2,
    )
    return None


def both_weighted(weight: NDArray[np.float64] | None, rows: tuple[Indices, Indices]) -> bool:
    """Tell whether training and held-out rows have some weight each; warn if not."""
    if weight is None or all(weight[subset].any() for subset in rows):
        return True
    warnings.warn(
        "The validation set has all of the weight or none. Early stopping watches the training "
        "loss instead.",
        UserWarning,
        stacklevel=2,
    )
    return False
