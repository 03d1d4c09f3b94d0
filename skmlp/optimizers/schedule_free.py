"""Schedule-free AdamW: averaging instead of a schedule."""

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.adaptive import accumulate
from skmlp.optimizers.base import clip
from skmlp.optimizers.moments import Moments


class ScheduleFreeAdamW(Moments):
    """z ← z - lr g / (√v̂ + ε) - lr · weight_decay · y; x ← (1 - c) x + c z; y ← (1 - β₁) z + β₁ x.

    Gradients are taken at y, which the bound parameters are, and predictions are made
    with the average x, which ``evaluation`` writes. v̂ is Adam's second moment, corrected
    for its bias. The weight c = lr² / Σ lr² of the newest z has the largest learning rate
    so far in each term, so that the steps of a warm-up count less; no other schedule is
    needed. The slots are z, the distance x - z, and v without its factor 1 - β₂.

    An L1 penalty and projections act on z. An element of x is exactly zero where that
    of z is.

    Parameters
    ----------
    beta_1 : float, default=0.9
        Share of the average in the point where gradients are taken, in [0, 1).
    beta_2 : float, default=0.999
        Decay of the second moment, in [0, 1).
    epsilon : float, default=1e-8
        ε, keeps the divisor from zero.

    References
    ----------
    Defazio et al. (2024), "The road less scheduled", NeurIPS.
    """

    first_numbers = {"largest_rate": 0.0, "sum_of_squares": 0.0}

    averages = True

    @property
    def slots(self) -> tuple[str, ...]:
        """The iterate z, the distance x - z, and the second moment."""
        return ("iterate", "distance", "second_moment")

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Let z be the parameters, like y and x."""
        super().begin(params, *slots)
        np.copyto(slots[0], params)

    def advance(self, lr: float) -> None:
        """Bring the sum of weights to the new step."""
        largest = max(self.numbers["largest_rate"], lr)
        total = self.numbers["sum_of_squares"] + largest * largest  # a power would overflow
        self.numbers = {"largest_rate": largest, "sum_of_squares": total}

    def prepare(self, lr: float) -> None:
        """Fold the factor and the bias correction of v into rate and ε; there is no m."""
        super().prepare(lr)
        self._lr *= self._lasting
        self._lasting = 1.0
        self._kept = self._average_share()

    def _average_share(self) -> float:
        """Return 1 - c."""
        largest, total = self.numbers["largest_rate"], self.numbers["sum_of_squares"]
        return 1.0 - largest * largest / total if total > 0.0 else 1.0

    def decay(
        self, share: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Let z ← z - share · y, and leave x where it is."""
        iterate, distance, _ = slots
        np.multiply(params, share, scratch)
        np.subtract(iterate, scratch, iterate)
        np.add(distance, scratch, distance)

    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Move v, z, x - z and y, in twelve passes."""
        iterate, distance, second = slots
        accumulate(scratch, grads, self._decays[1], second)
        self.descend(scratch, iterate, grads, second)
        np.add(distance, scratch, distance)
        np.multiply(distance, self._kept, distance)
        self._interpolate(scratch, params, iterate, distance)

    def _interpolate(
        self, scratch: Floats, params: Floats, iterate: Floats, distance: Floats
    ) -> None:
        """Let y ← z + β₁ (x - z)."""
        np.multiply(distance, self._decays[0], scratch)
        np.add(iterate, scratch, params)

    def shrink(
        self, strength: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Apply the prox to z, as if x had not taken it in before; then y follows."""
        iterate, distance, _ = slots
        self.rates(scratch, *slots)
        np.multiply(scratch, strength, scratch)
        clip(iterate, scratch, out=grads)
        np.subtract(iterate, grads, iterate)
        self._follow(scratch, params, grads, iterate, distance)

    def _follow(
        self, scratch: Floats, params: Floats, moved: Floats, iterate: Floats, distance: Floats
    ) -> None:
        """Let x take in a z that has `moved` once more after the step, and y follow."""
        np.multiply(moved, self._kept, moved)
        np.add(distance, moved, distance)
        self._interpolate(scratch, params, iterate, distance)

    @property
    def iterate(self) -> Floats:
        """Z, which a projection has to change."""
        return self._state["iterate"]

    def settle(self) -> None:
        """Bring x and y in line with a z that was projected; y tells where it was."""
        for _, parts in self._paces:
            for block in parts:
                scratch, params, grads, iterate, distance, _ = block.vectors
                np.multiply(distance, self.beta_1, scratch)
                np.subtract(params, scratch, grads)
                np.subtract(grads, iterate, grads)
                self._follow(scratch, params, grads, iterate, distance)

    def evaluation(self, out: Floats) -> None:
        """Write x to `out`, and zero where z is zero; what does not move is as it was."""
        super().evaluation(out)
        for _, parts in self._paces:
            for block in parts:
                scratch, _, _, iterate, distance, _ = block.vectors
                average = out[block.part]
                np.add(iterate, distance, average)
                np.sign(iterate, out=scratch)
                np.square(scratch, scratch)
                np.multiply(average, scratch, average)
