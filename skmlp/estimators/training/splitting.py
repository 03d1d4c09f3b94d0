"""Which rows are held out for validation."""

import warnings
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import train_test_split

from skmlp._params import InvalidParameterError, Like, shown
from skmlp._typing import Indices
from skmlp.estimators.training.examples import Examples

#: The fewest rows whose score is let steer a training, unless they are a good share of all:
#: six, since the score of five goes in fifths.
FEWEST, GOOD_SHARE = 6, 0.2


class Splitter:
    """What a cross-validation splitter has."""

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Any:
        """Yield row numbers of training and test parts."""

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> Any:
        """Return how many pairs of parts ``split`` yields."""


#: What ``validation_splitter`` may be.
SPLITTER = Like(Splitter, "a cross-validation splitter: an object with split and get_n_splits")


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
        None, with a warning, where fewer than ``FEWEST`` rows would be held out, which
        are not a good share of all, fewer than two, or all.
    """
    n_held_out = int(np.ceil(fraction * n_rows))
    fewest = 2 if fraction >= GOOD_SHARE else FEWEST
    if not fewest <= n_held_out < n_rows:
        warnings.warn(
            f"The validation set is too small: {n_held_out} of {n_rows} row(s). Early stopping "
            f"watches the training loss instead. Set 'validation_fraction' to {GOOD_SHARE} or "
            "more, or pass X_val and y_val.",
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


def splitter_rows(splitter: Any, given: Examples, groups: Any) -> tuple[Indices, Indices]:
    """Return the first split of a cross-validation splitter.

    Parameters
    ----------
    splitter : object
        Has ``split(X, y, groups)``, as scikit-learn's splitters do.
    given : Examples
        What the user passed in.
    groups : array-like of shape (n_rows,) or None
        Of which group each row is, for splitters that ask.

    Returns
    -------
    training, held_out : ndarray of int

    Raises
    ------
    InvalidParameterError
        If there is no split, or if it is not one into two parts, neither empty, of rows
        that exist.
    """
    n_rows = given.X.shape[0] if hasattr(given.X, "shape") else len(given.X)
    first = next(iter(splitter.split(given.X, given.y, groups)), None)
    if first is not None and len(first) == 2:
        parts = [_rows(part, n_rows) for part in first]
        counts = np.bincount(np.concatenate(parts), minlength=n_rows)
        if all(part.size for part in parts) and counts.max() == 1:
            return parts[0], parts[1]
    raise InvalidParameterError(
        "The 'validation_splitter' parameter must split the rows into two parts, neither empty "
        f"and without a row in common. The first split of {shown(splitter)} does not."
    )


def _rows(part: Any, n_rows: int) -> Indices:
    """Return row numbers, given those, negative ones too, or a mask; none if one is wrong."""
    rows: Indices = np.arange(n_rows)
    try:
        chosen: Indices = rows[np.asarray(part)].ravel()
    except IndexError:
        return rows[:0]
    return chosen
