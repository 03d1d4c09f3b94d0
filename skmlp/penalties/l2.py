"""The squared norm of the weights."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.penalties.base import Penalty


class L2(Penalty):
    """Ω(w) = ½ alpha (1 - l1_ratio) ‖w‖², with derivative alpha (1 - l1_ratio) w.

    Biases are spared.

    Parameters
    ----------
    alpha : float, default=0.0001
        Strength of both norms.
    l1_ratio : float, default=0.0
        Share of L1, in [0, 1].

    References
    ----------
    Krogh & Hertz (1992), "A simple weight decay can improve generalization", NIPS.
    """

    constraints = {
        "alpha": Interval(Real, 0, None, closed="left"),
        "l1_ratio": Interval(Real, 0, 1, closed="both"),
    }

    def __init__(self, alpha: float = 0.0001, l1_ratio: float = 0.0) -> None:
        self.alpha, self.l1_ratio = float(alpha), float(l1_ratio)
        self.strength = self.alpha * (1.0 - self.l1_ratio)

    @property
    def active(self) -> bool:
        """Whether there is any penalty."""
        return self.strength > 0.0

    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return scale · Ω(w) and add its derivative to `grads`."""
        strength = self.strength * scale
        np.multiply(weights, np.array(strength, weights.dtype), scratch)
        np.add(grads, scratch, grads)
        return 0.5 * strength * float(weights.dot(weights))
