"""What the relatives of Adam share: running moments of the gradient."""

import math
from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.adaptive import Adaptive, accumulate
from skmlp.optimizers.base import scalars


class Moments(Adaptive):
    """w ← w - lr m̂ / (√v̂ + ε), with bias-corrected moments m̂ and v̂ of the gradient.

    The slots hold the moments without their factors 1 - β: m ← β₁ m + g and
    v ← β₂ v + g². The factors and the bias corrections are folded into the learning
    rate and ε, which spares two passes over the parameters:

        m̂ = m / k₁ with k₁ = (1 - β₁ᵗ) / (1 - β₁),   √v̂ = k₂ √v with k₂² = (1 - β₂) / (1 - β₂ᵗ),
        lr' = lr / (k₁ k₂),   ε' = ε / k₂.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.
    """

    constraints = {
        "beta_1": Interval(Real, 0, 1, closed="left"),
        "beta_2": Interval(Real, 0, 1, closed="left"),
        "epsilon": Interval(Real, 0, None, closed="neither"),
    }

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.999, epsilon: float = 1e-8) -> None:
        self.beta_1, self.beta_2, self.epsilon = float(beta_1), float(beta_2), float(epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        """The two moments, without their factors 1 - β."""
        return ("first_moment", "second_moment")

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Make the scalars of the passes."""
        self._decays = scalars(params.dtype, self.beta_1, self.beta_2)

    def prepare(self, lr: float) -> None:
        """Fold the factors and the bias corrections into rate and ε."""
        b1, b2, t = self.beta_1, self.beta_2, self.steps
        root = math.sqrt((1.0 - b2) / (1.0 - b2**t))
        self._lasting = (1.0 - b1**t) / (1.0 - b1)
        self._lr, self._epsilon = lr / (root * self._lasting), self.epsilon / root

    def accumulate(self, scratch: Floats, grads: Floats, first: Floats, second: Floats) -> None:
        """Move the moments, in five passes."""
        decay, decay_of_squares = self._decays
        np.multiply(first, decay, first)
        np.add(first, grads, first)
        accumulate(scratch, grads, decay_of_squares, second)
