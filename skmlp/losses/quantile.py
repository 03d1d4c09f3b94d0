"""Pinball loss of one quantile, or of several that cannot cross."""

from collections.abc import Mapping, Sequence
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skmlp._params import Constraint, Increasing, Interval
from skmlp._typing import Floats
from skmlp.losses.elementwise import ElementwiseLoss, columns

_LEVEL = Interval(Real, 0, 1, closed="neither")


class Quantile(ElementwiseLoss):
    """ℓ = Σⱼ Σₖ ½ |rⱼₖ| + (½ - τₖ) rⱼₖ with r = q - y, the quantile's error.

    The first raw score is the lowest quantile, each further one is the step to the
    next: q₁ = z₁, qₖ = qₖ₋₁ + log(1 + exp(zₖ)). So quantiles are in order for any
    weights and any row.

    Parameters
    ----------
    quantile : float or sequence of float, default=0.5
        The levels τ, in (0, 1) and increasing.

    References
    ----------
    Koenker & Bassett (1978), "Regression quantiles". Gasthaus et al. (2019),
    "Probabilistic forecasting with spline quantile function RNNs", for steps that
    cannot be negative.
    """

    link = "quantiles"
    spare = ("quantile", "part")
    constraints: ClassVar[Mapping[str, Constraint]] = {"quantile": _LEVEL | Increasing(_LEVEL)}

    def __init__(self, quantile: float | Sequence[float] = 0.5) -> None:
        #: A float, or a list of floats.
        self.quantile = np.asarray(quantile, dtype=float).tolist()

    @property
    def levels(self) -> list[float]:
        """Return the levels as a list."""
        levels: list[float] = np.atleast_1d(self.quantile).tolist()
        return levels

    @property
    def n_scores(self) -> int:
        """Return the number of levels."""
        return len(self.levels)

    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write the sum over the levels for each target, and its derivative."""
        quantile, part, levels = scratch["quantile"], scratch["part"], self.levels
        scores, slopes = columns(raw, len(levels)), columns(grad, len(levels))
        np.copyto(quantile, scores[0])
        out.fill(0)
        for k, level in enumerate(levels):
            if k > 0:
                np.logaddexp(scores[k], 0.0, out=part)
                np.add(quantile, part, out=quantile)
            np.subtract(quantile, y, out=slopes[k])
            _add_pinball(slopes[k], level, out, part)
        # The quantile of a level moves with the steps of all lower ones.
        for k in range(len(levels) - 1, 0, -1):
            np.add(slopes[k - 1], slopes[k], out=slopes[k - 1])
            expit(scores[k], out=part)
            np.multiply(slopes[k], part, out=slopes[k])

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into quantiles, in place."""
        lower, *steps = columns(raw, self.n_scores)
        for step in steps:
            np.logaddexp(step, 0.0, out=step)
            np.add(lower, step, out=step)
            lower = step
        return raw


def _add_pinball(error: Floats, level: float, total: Floats, part: Floats) -> None:
    """Add ½ |r| + (½ - τ) r to `total` and write ½ sign(r) + ½ - τ over the errors r."""
    np.abs(error, out=part)
    np.multiply(part, 0.5, out=part)
    np.add(total, part, out=total)
    np.multiply(error, 0.5 - level, out=part)
    np.add(total, part, out=total)
    np.sign(error, out=error)
    np.multiply(error, 0.5, out=error)
    np.add(error, 0.5 - level, out=error)
