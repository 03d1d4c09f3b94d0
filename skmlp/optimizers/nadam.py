"""NAdam: Adam with Nesterov's momentum."""

import math
from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.moments import Moments


class NAdam(Moments):
    """w ← w - lr [(1 - μₜ) g / (1 - Πₜ) + μₜ₊₁ m / (1 - Πₜ₊₁)] / (√v̂ + ε), with Πₜ = μ₁ … μₜ.

    m and v̂ are Adam's moments of the gradient, v̂ corrected for its bias. The momentum
    rises to β₁: μₜ = β₁ (1 - ½ · 0.96^(t · momentum_decay)). The form is PyTorch's.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.
    momentum_decay : float, default=0.004
        How fast the momentum rises.

    References
    ----------
    Dozat (2016), "Incorporating Nesterov momentum into Adam", ICLR workshop.
    """

    constraints = {
        **Moments.constraints,
        "momentum_decay": Interval(Real, 0, None, closed="left"),
    }

    first_numbers = {"momentum_product": 1.0}

    def __init__(
        self,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        momentum_decay: float = 0.004,
    ) -> None:
        super().__init__(beta_1, beta_2, epsilon)
        self.momentum_decay = float(momentum_decay)

    def _momentum(self, step: int) -> float:
        """Return μ of a step."""
        return self.beta_1 * (1.0 - 0.5 * math.pow(0.96, step * self.momentum_decay))

    def advance(self, lr: float) -> None:
        """Bring Π to the new step."""
        self.numbers["momentum_product"] *= self._momentum(self.steps)

    def prepare(self, lr: float) -> None:
        """Fold all factors: the direction is g + `_ahead` · m, with m without its 1 - β₁."""
        super().prepare(lr)
        now, then = self._momentum(self.steps), self._momentum(self.steps + 1)
        product = self.numbers["momentum_product"]
        newest = (1.0 - now) / (1.0 - product)
        self._ahead = then / (1.0 - product * then) * (1.0 - self.beta_1) / newest
        self._lr *= self._lasting * newest
        self._lasting = 1.0 + self._ahead * self._lasting

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in twelve passes."""
        first, second = slots
        self.accumulate(scratch, grads, first, second)
        np.multiply(first, self._ahead, scratch)
        np.add(grads, scratch, grads)
        self.descend(scratch, params, grads, second)
