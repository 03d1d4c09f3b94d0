"""Adadelta: steps as large as the last ones were."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer


class Adadelta(Optimizer):
    """w ← w - lr δ with δ = √(u + ε) / √(v + ε) · g, u and v the running means of δ² and g².

    v ← ρ v + (1 - ρ) g² before the step, u ← ρ u + (1 - ρ) δ² after it. The slots hold
    (u + ε) / (1 - ρ) and (v + ε) / (1 - ρ), so that nothing is added before the roots.
    The learning rate of the paper is 1, its ε 1e-6.

    Parameters
    ----------
    rho : float, default=0.9
        ρ, the decay of the running means, in (0, 1).
    epsilon : float, default=1e-8
        ε, gives the size of the first steps.

    References
    ----------
    Zeiler (2012), "ADADELTA: an adaptive learning rate method", arXiv 1212.5701.
    """

    constraints = {
        "rho": Interval(Real, 0, 1, closed="neither"),
        "epsilon": Interval(Real, 0, None, closed="neither"),
    }

    def __init__(self, rho: float = 0.9, epsilon: float = 1e-8) -> None:
        self.rho, self.epsilon = float(rho), float(epsilon)

    @property
    def slots(self) -> tuple[str, ...]:
        """The mean squares of gradients and steps, with ε."""
        return ("gradient_squares", "step_squares")

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Fill both slots with ε / (1 - ρ)."""
        for slot in slots:
            slot.fill(self.epsilon / (1.0 - self.rho))

    def prepare(self, lr: float) -> None:
        """Keep the learning rate."""
        self._lr = lr

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move v, then the parameters, then u, in thirteen passes."""
        gradients, steps = slots
        self._accumulate(scratch, grads, gradients)
        np.divide(steps, gradients, scratch)
        np.sqrt(scratch, scratch)
        np.multiply(grads, scratch, grads)
        self._accumulate(scratch, grads, steps)
        np.multiply(grads, self._lr, grads)
        np.subtract(params, grads, params)

    def _accumulate(self, scratch: Floats, values: Floats, squares: Floats) -> None:
        """Let s ← ρ s + values² + ε, which keeps the part ε / (1 - ρ) of s as it is."""
        np.square(values, scratch)
        np.add(scratch, self.epsilon, scratch)
        np.multiply(squares, self.rho, squares)
        np.add(squares, scratch, squares)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write lr √(u + ε) / √(v + ε), with u after the step: the next one's, if g lasts."""
        np.divide(slots[1], slots[0], out)
        np.sqrt(out, out)
        np.multiply(out, self._lr, out)
