"""A bound on the weights that one unit reads."""

import math
from collections.abc import Sequence
from numbers import Real

import numpy as np
from numpy.typing import NDArray

from skmlp._params import Interval, Nothing
from skmlp._typing import Floats
from skmlp.penalties.base import Penalty, Rates, Weight

#: The error of a norm of n numbers is about this times √n roundings, or less.
_ROUNDING = 4.0


class MaxNorm(Penalty):
    """w ← w · min(1, max_norm / ‖w‖) after each step, w the weights into one unit.

    Weights within the bound keep every bit. Others come out shorter than the bound by
    a margin for rounding, so that they are within it and are not scaled again.

    Parameters
    ----------
    max_norm : float or None, default=None
        The largest Euclidean norm of the weights into a unit.

    References
    ----------
    Srebro & Shraibman (2005), "Rank, trace-norm and max-norm", COLT; with dropout:
    Srivastava et al. (2014), JMLR 15.
    """

    projects = True

    constraints = {"max_norm": Interval(Real, 0, None, closed="neither") | Nothing()}

    def __init__(self, max_norm: float | None = None) -> None:
        self.max_norm = None if max_norm is None else float(max_norm)
        self.limit = math.inf if self.max_norm is None else self.max_norm

    @property
    def active(self) -> bool:
        """Whether there is a bound."""
        return self.limit < math.inf

    def bind(self, weights: Sequence[Weight]) -> None:
        """Make two vectors as long as the widest layer."""
        widest = max(values.shape[1] for values, _ in weights)
        self._norms = np.empty(widest, weights[0].values.dtype)
        self._within = np.empty(widest, bool)

    def project(self, weights: Sequence[Weight], rates: Rates, scale: float) -> None:
        """Scale the columns that are too long."""
        for values, _ in weights:
            width = values.shape[1]
            self._project(values, self._norms[:width], self._within[:width])

    def _project(self, values: Floats, norms: Floats, within: NDArray[np.bool_]) -> None:
        """Scale the columns of one matrix that are too long."""
        longest = _norm_columns(values, norms)
        if longest == math.inf:  # squares overflow
            self._bound_peaks(values)
            longest = _norm_columns(values, norms)
        if longest > self.limit:
            margin = _ROUNDING * math.sqrt(len(values)) * float(np.finfo(values.dtype).eps)
            aim = self.limit * (1.0 - margin)
            np.less_equal(norms, self.limit, out=within)
            np.copyto(norms, aim, where=within)
            np.divide(aim, norms, out=norms)
            np.multiply(values, norms, out=values)

    def _bound_peaks(self, values: Floats) -> None:
        """Scale the columns with numbers above the bound so that the largest meets it."""
        peaks = np.maximum(values.max(axis=0), -values.min(axis=0))
        large = peaks > self.limit
        values[:, large] = values[:, large] / peaks[large] * self.limit


def _norm_columns(values: Floats, norms: Floats) -> float:
    """Write the Euclidean norm of each column to `norms`; return the largest."""
    np.einsum("ij,ij->j", values, values, out=norms)
    np.sqrt(norms, out=norms)
    return float(np.maximum.reduce(norms))
