"""Adamax: Adam with the infinity norm."""

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.moments import Moments


class Adamax(Moments):
    """w ← w - lr m̂ / u, with a decaying maximum u ← max(β₂ u, |g| + ε) of the gradient.

    m ← β₁ m + (1 - β₁) g and m̂ = m / (1 - β₁ᵗ). The paper has no ε; it is added where
    PyTorch adds it.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first moment and of the maximum, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Kingma & Ba (2015), "Adam: a method for stochastic optimization", ICLR, section 7.
    """

    @property
    def slots(self) -> tuple[str, ...]:
        """The first moment without its factor 1 - β₁, and the maximum."""
        return ("first_moment", "infinity_norm")

    def prepare(self, lr: float) -> None:
        """Fold the factor and the bias correction into the rate."""
        self._lasting = (1.0 - self.beta_1**self.steps) / (1.0 - self.beta_1)
        self._lr = lr / self._lasting

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move moment and maximum, then the parameters, in nine passes."""
        first, norm = slots
        np.multiply(first, self.beta_1, first)
        np.add(first, grads, first)
        np.absolute(grads, scratch)
        np.add(scratch, self.epsilon, scratch)
        np.multiply(norm, self.beta_2, norm)
        np.maximum(norm, scratch, out=norm)
        np.divide(first, norm, scratch)
        np.multiply(scratch, self._lr, scratch)
        np.subtract(params, scratch, params)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write lr / u."""
        np.divide(self._lr * self._lasting, slots[1], out)
