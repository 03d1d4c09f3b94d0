"""Adam: steps scaled by running moments of the gradient."""

import math

from skmlp._typing import Floats
from skmlp.optimizers.moments import Moments


class Adam(Moments):
    """w ← w - lr m̂ / (√v̂ + ε̂), with bias-corrected moments m̂ and v̂ of the gradient.

    m ← β₁ m + (1 - β₁) g and v ← β₂ v + (1 - β₂) g². As in the paper's efficient form
    and in scikit-learn, ε is added to the root of the uncorrected second moment:
    ε̂ = ε / √(1 - β₂ᵗ).

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

    def prepare(self, lr: float) -> None:
        """Fold the factors and the bias corrections into the rate, the factors into ε."""
        super().prepare(lr)
        self._epsilon = self.epsilon / math.sqrt(1.0 - self.beta_2)

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in ten passes."""
        first, second = slots
        self.accumulate(scratch, grads, first, second)
        self.descend(scratch, params, first, second)
