"""Stochastic gradient descent with momentum."""

from numbers import Real

import numpy as np

from skmlp._params import Boolean, Interval
from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer


class SGD(Optimizer):
    """v ← μ v - lr g; then w ← w + v, or with Nesterov's momentum w ← w + μ v - lr g.

    Parameters
    ----------
    momentum : float, default=0.9
        μ in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether to look ahead along the velocity.

    References
    ----------
    Sutskever, Martens, Dahl & Hinton (2013), "On the importance of initialization
    and momentum in deep learning", ICML.
    """

    constraints = {
        "momentum": Interval(Real, 0, 1, closed="both"),
        "nesterovs_momentum": Boolean(),
    }

    first_numbers = {"lasting_rate": 0.0}

    def __init__(self, momentum: float = 0.9, nesterovs_momentum: bool = True) -> None:
        self.momentum, self.nesterovs_momentum = float(momentum), bool(nesterovs_momentum)

    @property
    def slots(self) -> tuple[str, ...]:
        """The velocity."""
        return ("velocity",)

    def advance(self, lr: float) -> None:
        """Let r ← μ r + lr: the velocity that a lasting gradient of minus one has caused."""
        self.numbers["lasting_rate"] = self.momentum * self.numbers["lasting_rate"] + lr

    def prepare(self, lr: float) -> None:
        """Keep the learning rate."""
        self._lr = lr

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the velocity, then the parameters."""
        (velocity,) = slots
        np.multiply(grads, self._lr, scratch)
        np.multiply(velocity, self.momentum, velocity)
        np.subtract(velocity, scratch, velocity)
        if self.nesterovs_momentum:
            np.subtract(params, scratch, params)
            np.multiply(velocity, self.momentum, scratch)
            np.add(params, scratch, params)
        else:
            np.add(params, velocity, params)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write the last step along a lasting gradient: r, or lr + μ r with Nesterov's momentum.

        It is lr / (1 - μ) at a constant learning rate, and more while that falls.
        """
        rate = self.numbers["lasting_rate"] * self._pace
        out.fill(self._lr + self.momentum * rate if self.nesterovs_momentum else rate)
