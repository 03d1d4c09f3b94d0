"""Rprop: a step size for each parameter, from the signs of the gradient alone."""

from numbers import Real

import numpy as np

from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer, clip, scalars
from skmlp.optimizers.signs import sign, steer

#: Times this, any gradient that matters is beyond one. The sign is the product clipped to
#: ±1, in two passes in place of the three of ``sign``, and an infinite gradient has one.
_LARGE = 1e33


class Rprop(Optimizer):
    """w ← w - Δ sign(g), with Δ ← η⁺ Δ where the sign of g stays and Δ ← η⁻ Δ where it turns.

    Where it turns there is no step, and the next one leaves Δ as it is. Each Δ starts
    from the learning rate and stays in [min_step, max_step]. The slot holds Δ / lr, so
    that schedules and factors of the rate act on every step; `min_step` and `max_step`
    are for the largest learning rate so far. At a constant rate this is PyTorch's form,
    which the paper calls the one without backtracking.

    It needs the gradient of all rows: that of a mini-batch changes its sign by chance.

    Under an L1 penalty λ |w| each weight goes where g u + λ |u| is least among the u that
    its step can reach, and Δ follows the sign of that move.

    Parameters
    ----------
    eta_minus, eta_plus : float, default=0.5, 1.2
        Factors of the step sizes, in (0, 1) and (1, 2].
    min_step, max_step : float, default=1e-6, 50.0
        Bounds of the step sizes.

    References
    ----------
    Riedmiller & Braun (1993), "A direct adaptive method for faster backpropagation
    learning: the RPROP algorithm", ICNN.
    """

    constraints = {
        "eta_minus": Interval(Real, 0, 1, closed="neither"),
        "eta_plus": Interval(Real, 1, 2, closed="right"),
        "min_step": Interval(Real, 0, None, closed="neither"),
        "max_step": Interval(Real, 0, None, closed="neither"),
    }

    first_numbers = {"largest_rate": 0.0}

    full_batch = True

    proportional = False

    def __init__(
        self,
        eta_minus: float = 0.5,
        eta_plus: float = 1.2,
        min_step: float = 1e-6,
        max_step: float = 50.0,
    ) -> None:
        self.eta_minus, self.eta_plus = float(eta_minus), float(eta_plus)
        self.min_step, self.max_step = float(min_step), float(max_step)

    @property
    def slots(self) -> tuple[str, ...]:
        """The sign of the last step, and the size of steps in learning rates."""
        return ("sign", "size")

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Let each step be as long as the learning rate, and make the scalars of the passes."""
        slots[1].fill(1.0)
        self._lr, self._large, self._one = scalars(params.dtype, 0.0, _LARGE, 1.0)
        below = np.nextafter(np.array([1.0, 2.0], params.dtype), 0.0)
        factors = np.minimum([self.eta_minus, self.eta_plus], below)
        self._factors = scalars(params.dtype, *factors)
        self._bounds = scalars(params.dtype, self.min_step, self.max_step)
        self._signs = scalars(params.dtype, -1.0, 1.0)

    def advance(self, lr: float) -> None:
        """Keep the largest learning rate."""
        self.numbers["largest_rate"] = max(self.numbers["largest_rate"], lr)

    def prepare(self, lr: float) -> None:
        """Keep the learning rate, and express the bounds in the largest one."""
        largest = self.numbers["largest_rate"] or 1.0
        self._lr.fill(lr)
        self._bounds[0].fill(self.min_step / largest)
        self._bounds[1].fill(self.max_step / largest)

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Adapt the sizes, then move the parameters, in twelve passes."""
        signs, sizes = slots
        np.multiply(grads, self._large, grads)
        grads.clip(*self._signs, out=grads)
        np.multiply(signs, grads, signs)
        self._adapt(signs, sizes)
        np.multiply(signs, grads, signs)
        np.multiply(sizes, signs, scratch)
        np.multiply(scratch, self._lr, scratch)
        np.subtract(params, scratch, params)

    def sparse_update(
        self, strength: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Move each parameter to the least value of g u + strength · |u| in reach."""
        signs, sizes = slots
        steer(grads, params, strength, spare=scratch)
        np.multiply(signs, grads, signs)
        sign(signs, spare=scratch)
        self._adapt(signs, sizes)
        np.multiply(sizes, signs, scratch)
        np.multiply(scratch, self._lr, scratch)
        clip(grads, scratch, out=signs)
        np.subtract(params, signs, params)
        sign(signs, spare=scratch)

    def _adapt(self, products: Floats, sizes: Floats) -> None:
        """Adapt the sizes to the products h of old and new sign; let h ← 0 if -1, or else 1.

        The factor of a size is 1 + h, clipped to [η⁻, η⁺]. In the dtype η⁻ is below one and
        η⁺ below two, if only by a rounding error: then h is the factor's whole part.
        """
        np.add(products, self._one, products)
        products.clip(*self._factors, out=products)
        np.multiply(sizes, products, sizes)
        sizes.clip(*self._bounds, out=sizes)
        np.floor(products, out=products)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write Δ, the step that a gradient of one makes, or any other."""
        np.multiply(slots[1], self._lr, out)
