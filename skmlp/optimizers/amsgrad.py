"""AMSGrad: Adam whose rates never rise."""

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.moments import Moments


class AMSGrad(Moments):
    """w ← w - lr m̂ / (√(u / (1 - β₂ᵗ)) + ε), with the largest second moment so far, u ← max(u, v).

    m and v are Adam's moments of the gradient, m̂ = m / (1 - β₁ᵗ). The paper has no
    bias corrections; like PyTorch this has Adam's, with ε added to the corrected root.

    Parameters
    ----------
    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the first and the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Reddi, Kale & Kumar (2018), "On the convergence of Adam and beyond", ICLR.
    """

    @property
    def slots(self) -> tuple[str, ...]:
        """The two moments and the largest second one, without their factors 1 - β."""
        return ("first_moment", "second_moment", "largest_second_moment")

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the moments, then the parameters, in eleven passes."""
        first, second, largest = slots
        self.accumulate(scratch, grads, first, second)
        np.maximum(largest, second, out=largest)
        self.descend(scratch, params, first, largest)
