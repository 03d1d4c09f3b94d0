"""RAdam: Adam that does not scale steps before it can."""

import math

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.adam import Adam


class RAdam(Adam):
    """w ← w - lr r m̂ / (√v̂ + ε̂), or w ← w - lr m̂ while ρ ≤ 5 and the variance of 1/√v̂ is unknown.

    r² = (ρ - 4) (ρ - 2) ρ∞ / ((ρ∞ - 4) (ρ∞ - 2) ρ), with ρ∞ = 2 / (1 - β₂) - 1 and
    ρ = ρ∞ - 2 t β₂ᵗ / (1 - β₂ᵗ). Moments and ε̂ are Adam's: as in PyTorch, ε is added
    to the root of the uncorrected second moment.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Liu et al. (2020), "On the variance of the adaptive learning rate and beyond", ICLR.
    """

    def prepare(self, lr: float) -> None:
        """Fold r, or leave the rate without what belongs to the second moment."""
        super().prepare(lr)
        self._rectification = _rectification(self.beta_2, self.steps)
        if self._rectification > 0.0:
            self._lr *= self._rectification
        else:
            self._lr = lr / self._lasting

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in ten passes, or seven at first."""
        first, second = slots
        self.accumulate(scratch, grads, first, second)
        if self._rectification > 0.0:
            self.descend(scratch, params, first, second)
        else:
            np.multiply(first, self._lr, scratch)
            np.subtract(params, scratch, params)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write Adam's times r, or lr at first."""
        if self._rectification > 0.0:
            super().rates(out, *slots)
        else:
            out.fill(self._lr * self._lasting)


def _rectification(beta_2: float, step: int) -> float:
    """Return r, or zero where it is not defined."""
    last = 2.0 / (1.0 - beta_2) - 1.0
    power = beta_2**step
    rho = last - 2.0 * step * power / (1.0 - power)
    if rho <= 5.0:
        return 0.0
    return math.sqrt((rho - 4.0) * (rho - 2.0) * last / ((last - 4.0) * (last - 2.0) * rho))
