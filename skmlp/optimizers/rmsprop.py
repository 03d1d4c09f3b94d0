"""RMSprop: steps scaled by recent gradients."""

import math
from numbers import Real

import numpy as np

from skmlp._params import Boolean, Interval
from skmlp._typing import Floats
from skmlp.optimizers.adaptive import Adaptive, accumulate


class RMSprop(Adaptive):
    """w ← w - lr g / (√v + ε), with the running mean v ← ρ v + (1 - ρ) g² of squared gradients.

    Centered, v is the running variance, which is v less the square of the running mean
    a ← a + (1 - ρ) (g - a). It is kept as v ← ρ (v + (1 - ρ) (g - a)²) with the old a:
    the same number, but never negative. The slots leave out the constant factors of v,
    which lr and ε take over.

    Parameters
    ----------
    rho : float, default=0.9
        ρ, the decay of the running means, in (0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.
    centered : bool, default=False
        Whether to divide by the standard deviation of the gradient.

    References
    ----------
    Tieleman & Hinton (2012), "Lecture 6.5: RMSprop", Coursera. Centered: Graves (2013),
    "Generating sequences with recurrent neural networks", arXiv 1308.0850.
    """

    constraints = {
        "rho": Interval(Real, 0, 1, closed="neither"),
        "epsilon": Interval(Real, 0, None, closed="neither"),
        "centered": Boolean(),
    }

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-8, centered: bool = False) -> None:
        self.rho, self.epsilon, self.centered = float(rho), float(epsilon), bool(centered)

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean of the squares, or the mean and the variance."""
        return ("mean", "variance") if self.centered else ("mean_square",)

    def prepare(self, lr: float) -> None:
        """Fold the factor of v into rate and ε."""
        factor = self.rho / (1.0 - self.rho) if self.centered else 1.0 - self.rho
        root = math.sqrt(factor)
        self._lr, self._epsilon = lr / root, self.epsilon / root

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the running means, then the parameters, in eight or eleven passes."""
        if self.centered:
            np.subtract(grads, slots[0], scratch)
            np.multiply(scratch, 1.0 - self.rho, scratch)
            np.add(slots[0], scratch, slots[0])
            accumulate(scratch, scratch, self.rho, slots[1])
        else:
            accumulate(scratch, grads, self.rho, slots[0])
        self.descend(scratch, params, grads, slots[-1])
