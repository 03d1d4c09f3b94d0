"""Lion: steps of one length along the sign of the momentum."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer
from skmlp.optimizers.signs import sign, steer

#: What keeps the metric finite where there is no momentum.
_EPSILON = 1e-8


class Lion(Optimizer):
    """w ← w - lr sign(β₁ m + (1 - β₁) g); then m ← β₂ m + (1 - β₂) g.

    The slot holds m without its factor 1 - β₂. The paper takes a learning rate three to
    ten times smaller than Adam's, and β₂ = 0.99; the estimators pass their own `beta_2`.

    Under an L1 penalty λ |w| each weight goes where c u + λ |u| is least among the u that
    a step can reach, c being what the sign is taken of: weights with |c| ≤ λ move
    towards zero and stop there.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Share of the momentum in the direction, in [0, 1).
    beta_2 : float, default=0.99
        Decay of the momentum, in [0, 1).

    References
    ----------
    Chen et al. (2023), "Symbolic discovery of optimization algorithms", NeurIPS.
    """

    constraints = {
        "beta_1": Interval(Real, 0, 1, closed="left"),
        "beta_2": Interval(Real, 0, 1, closed="left"),
    }

    def __init__(self, beta_1: float = 0.9, beta_2: float = 0.99) -> None:
        self.beta_1, self.beta_2 = float(beta_1), float(beta_2)

    @property
    def slots(self) -> tuple[str, ...]:
        """The momentum, without its factor 1 - β₂."""
        return ("momentum",)

    def prepare(self, lr: float) -> None:
        """Keep the learning rate, and fold the factor of m into its share of the direction."""
        self._lr = lr
        self._share = self.beta_1 * (1.0 - self.beta_2) / (1.0 - self.beta_1)

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move the momentum and the parameters, in nine passes."""
        self._interpolate(scratch, grads, slots[0])
        sign(scratch, spare=grads)
        np.multiply(scratch, self._lr, scratch)
        np.subtract(params, scratch, params)

    def sparse_update(
        self, strength: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Move each parameter to the least value of c u + strength · |u| in reach."""
        self._interpolate(scratch, grads, slots[0])
        steer(scratch, params, strength / (1.0 - self.beta_1), spare=grads)
        np.clip(scratch, -self._lr, self._lr, out=scratch)
        np.subtract(params, scratch, params)

    def _interpolate(self, scratch: Floats, grads: Floats, momentum: Floats) -> None:
        """Write c / (1 - β₁) = g + `_share` · m to `scratch`, and move the momentum."""
        np.multiply(momentum, self._share, scratch)
        np.add(scratch, grads, scratch)
        np.multiply(momentum, self.beta_2, momentum)
        np.add(momentum, grads, momentum)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write lr / |m̂|: the step is lr long, whatever the gradient."""
        factor = (1.0 - self.beta_2) / (1.0 - self.beta_2**self.steps)
        np.absolute(slots[0], out)
        np.add(out, _EPSILON / factor, out)
        np.divide(self._lr / factor, out, out)
