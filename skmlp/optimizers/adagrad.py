"""Adagrad: steps scaled by all gradients so far."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.adaptive import Adaptive


class Adagrad(Adaptive):
    """w ← w - lr g / (√s + ε), with the sum s ← s + g² of all squared gradients.

    Parameters
    ----------
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.
    initial_accumulator_value : float, default=0.0
        What the sum starts from.

    References
    ----------
    Duchi, Hazan & Singer (2011), "Adaptive subgradient methods for online learning and
    stochastic optimization", JMLR 12.
    """

    constraints = {
        "epsilon": Interval(Real, 0, None, closed="neither"),
        "initial_accumulator_value": Interval(Real, 0, None, closed="left"),
    }

    def __init__(self, epsilon: float = 1e-8, initial_accumulator_value: float = 0.0) -> None:
        self.epsilon = float(epsilon)
        self.initial_accumulator_value = float(initial_accumulator_value)

    @property
    def slots(self) -> tuple[str, ...]:
        """The sum of squared gradients."""
        return ("sum_of_squares",)

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Fill the sum with its first value."""
        slots[0].fill(self.initial_accumulator_value)

    def prepare(self, lr: float) -> None:
        """Keep rate and ε as they are."""
        self._lr, self._epsilon = lr, self.epsilon

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Add to the sum, then move the parameters, in seven passes."""
        (squares,) = slots
        np.square(grads, scratch)
        np.add(squares, scratch, squares)
        self.descend(scratch, params, grads, squares)
