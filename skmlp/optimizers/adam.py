"""Adam: steps scaled by running moments of the gradient."""

import math
from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer


class Adam(Optimizer):
    """w ← w - lr m̂ / (√v̂ + ε), with bias-corrected moments m̂ and v̂ of the gradient.

    The slots hold the moments without their factors 1 - β: m ← β₁ m + g and
    v ← β₂ v + g². The factors and the bias corrections are folded into the learning
    rate and ε, which spares two passes over the parameters:

        lr' = lr √(1 - β₂ᵗ) / (1 - β₁ᵗ) · (1 - β₁) / √(1 - β₂),   ε' = ε / √(1 - β₂),
        w ← w - lr' m / (√v + ε').

    As in the paper's efficient form and in scikit-learn, ε is added to the root of
    the uncorrected second moment.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR.
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

    def prepare(self, lr: float) -> None:
        """Fold the factors and the bias corrections into rate and ε."""
        b1, b2, t = self.beta_1, self.beta_2, self.steps
        root = math.sqrt(1.0 - b2)
        self._lr = lr * math.sqrt(1.0 - b2**t) / (1.0 - b1**t) * (1.0 - b1) / root
        self._epsilon = self.epsilon / root

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in ten passes."""
        first, second = slots
        np.multiply(first, self.beta_1, out=first)
        np.add(first, grads, out=first)
        np.multiply(grads, grads, out=scratch)
        np.multiply(second, self.beta_2, out=second)
        np.add(second, scratch, out=second)
        np.sqrt(second, out=scratch)
        np.add(scratch, self._epsilon, out=scratch)
        np.divide(first, scratch, out=scratch)
        np.multiply(scratch, self._lr, out=scratch)
        np.subtract(params, scratch, out=params)
