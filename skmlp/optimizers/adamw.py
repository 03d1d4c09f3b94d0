"""AdamW: Adam with decoupled weight decay."""

from skmlp._typing import Floats
from skmlp.optimizers.moments import Moments


class AdamW(Moments):
    """w ← (1 - lr · weight_decay) w - lr m̂ / (√v̂ + ε), with moments m̂ and v̂ of the gradient.

    m ← β₁ m + (1 - β₁) g, m̂ = m / (1 - β₁ᵗ), v ← β₂ v + (1 - β₂) g², v̂ = v / (1 - β₂ᵗ).
    The decay is the estimators' parameter `weight_decay`, which is 0.01 here unless
    one is given. As in the paper and in PyTorch, ε is added to the root of the
    corrected second moment.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Loshchilov & Hutter (2019), "Decoupled weight decay regularization", ICLR.
    """

    default_weight_decay = 0.01

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in ten passes."""
        first, second = slots
        self.accumulate(scratch, grads, first, second)
        self.descend(scratch, params, first, second)
