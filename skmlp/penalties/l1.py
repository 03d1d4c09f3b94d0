"""The sum of absolute weights."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.penalties.base import Penalty


class L1(Penalty):
    """Ω(w) = alpha · l1_ratio · Σ |w|. Biases are spared.

    It has no derivative at zero, where it holds weights: the solver treats it by a
    soft threshold, which leaves exact zeros, and no gradient is added here.

    Parameters
    ----------
    alpha : float, default=0.0001
        Strength of both norms.
    l1_ratio : float, default=0.0
        Share of this one, in [0, 1]; the rest is L2.

    References
    ----------
    Tibshirani (1996), "Regression shrinkage and selection via the lasso", Journal of
    the Royal Statistical Society B 58.
    """

    constraints = {
        "alpha": Interval(Real, 0, None, closed="left"),
        "l1_ratio": Interval(Real, 0, 1, closed="both"),
    }

    def __init__(self, alpha: float = 0.0001, l1_ratio: float = 0.0) -> None:
        self.alpha, self.l1_ratio = float(alpha), float(l1_ratio)
        self.strength = self.alpha * self.l1_ratio

    @property
    def active(self) -> bool:
        """Whether there is any penalty."""
        return self.strength > 0.0

    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return scale · Ω(w)."""
        np.abs(weights, out=scratch)
        return self.threshold(scale) * float(np.add.reduce(scratch))

    def threshold(self, scale: float) -> float:
        """Return scale · alpha · l1_ratio."""
        return scale * self.strength
