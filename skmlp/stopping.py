"""Patience on a score that should grow."""

import math
from collections.abc import Mapping
from numbers import Integral, Real
from typing import ClassVar

from skmlp._params import Constraint, Interval, Options


class Patience:
    """Count the epochs that brought no improvement.

    An epoch counts unless its score reaches the best so far plus a margin; NaN counts. The training
    has stalled once more than `n_iter_no_change` epochs in a row have counted.

    Parameters
    ----------
    tol : float, default=1e-4
        The margin.
    n_iter_no_change : int or inf, default=10
        How many epochs in a row may count.
    tol_mode : {'absolute', 'relative'}, default='absolute'
        Whether the margin is `tol`, or `tol` times the absolute value of the best score.

    Attributes
    ----------
    best : float
        The highest score so far; ``-inf`` before the first.
    count : int
        Epochs in a row without improvement.

    Examples
    --------
    >>> patience = Patience(tol=0.1, n_iter_no_change=1)
    >>> [patience.stalled(score) for score in (0.5, 0.55, 0.52)]
    [False, False, True]
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "tol": Interval(Real, 0, None, closed="left"),
        "n_iter_no_change": Interval(Integral, 1, None, closed="left") | Options([math.inf]),
        "tol_mode": Options(["absolute", "relative"]),
    }

    def __init__(
        self, tol: float = 1e-4, n_iter_no_change: float = 10, tol_mode: str = "absolute"
    ) -> None:
        self.tol, self.n_iter_no_change, self.tol_mode = tol, n_iter_no_change, tol_mode
        self.best = -math.inf
        self.count = 0

    def stalled(self, score: float) -> bool:
        """Take one epoch's score; tell whether patience has run out."""
        # In this order NaN, which compares as False, counts.
        self.count = 0 if score >= self.best + self._margin() else self.count + 1
        self.best = max(self.best, score)
        return self.count > self.n_iter_no_change

    def _margin(self) -> float:
        """Return what a score has to exceed the best so far by."""
        relative = self.tol_mode == "relative" and math.isfinite(self.best)
        return self.tol * abs(self.best) if relative else self.tol
