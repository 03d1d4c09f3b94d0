"""Rows and targets as the user passed them in."""

from typing import Any, NamedTuple

from sklearn.utils import _safe_indexing

from skmlp._typing import Indices


class Examples(NamedTuple):
    """Rows with their targets and weights, not validated.

    Attributes
    ----------
    X, y : array-like
        The rows and their targets.
    weight : array-like or None
        Their weights.
    """

    X: Any
    y: Any
    weight: Any = None

    def taken(self, rows: Indices | None) -> "Examples":
        """Return some of the rows; None for all."""
        if rows is None:
            return self
        weight = None if self.weight is None else _safe_indexing(self.weight, rows)
        return Examples(_safe_indexing(self.X, rows), _safe_indexing(self.y, rows), weight)


def given_for_validation(X: Any, y: Any, weight: Any) -> Examples | None:
    """Return rows to validate on, if any are given.

    Raises
    ------
    ValueError
        If targets or weights are given without rows, or rows without targets.
    """
    if X is None and y is None and weight is None:
        return None
    if X is None or y is None:
        missing = "X_val" if X is None else "y_val"
        raise ValueError(f"{missing} is missing: pass X_val and y_val, or neither.")
    return Examples(X, y, weight)
