"""The squared norm of the weights."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.penalties.base import Penalty


class L2(Penalty):
    """Ω(w) = ½ alpha ‖w‖², with derivative alpha w. Biases are spared.

    Parameters
    ----------
    alpha : float, default=0.0001
        The strength.

    References
    ----------
    Krogh & Hertz (1992), "A simple weight decay can improve generalization", NIPS.
    """

    constraints = {"alpha": Interval(Real, 0, None, closed="left")}

    def __init__(self, alpha: float = 0.0001) -> None:
        self.alpha = float(alpha)

    def value_gradient(
        self, weights: Floats, grads: Floats, scale: float, scratch: Floats
    ) -> float:
        """Return ½ scale alpha ‖w‖² and add scale alpha w to `grads`."""
        strength = self.alpha * scale
        if strength == 0.0:
            return 0.0
        decay = scratch[: weights.size]
        np.multiply(weights, strength, out=decay)
        np.add(grads, decay, out=grads)
        return 0.5 * strength * float(np.dot(weights, weights))
