"""What optimizers share that divide each step by the root of running squares."""

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer, scalars


class Adaptive(Optimizer):
    """w ← w - lr' d / (√s + ε') with a direction d and the last slot s.

    A member folds the constant factors of d and s into lr' and ε', which spares the
    passes over the parameters that would multiply by them.
    """

    _lr: float
    _epsilon = 0.0

    #: What a gradient of one that lasts has made of the direction.
    _lasting = 1.0

    def _begin(self) -> None:
        """Make the scalars of the passes, too."""
        super()._begin()
        self._rate, self._floor = scalars(self._params.dtype, 0.0, 0.0)

    def _prepare_pace(self, factor: float) -> None:
        """Keep lr' and ε' as the passes take them."""
        super()._prepare_pace(factor)
        self._rate.fill(self._lr)
        self._floor.fill(self._epsilon)

    def descend(self, scratch: Floats, params: Floats, direction: Floats, squares: Floats) -> None:
        """Move the parameters in five passes, and leave the step in `scratch`."""
        np.sqrt(squares, scratch)
        np.add(scratch, self._floor, scratch)
        np.divide(direction, scratch, scratch)
        np.multiply(scratch, self._rate, scratch)
        np.subtract(params, scratch, params)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write lr' d / (√s + ε') for the direction that a lasting gradient of one has made."""
        np.sqrt(slots[-1], out)
        np.add(out, self._epsilon, out)
        np.divide(self._lr * self._lasting, out, out)


def accumulate(scratch: Floats, values: Floats, decay: float | Floats, squares: Floats) -> None:
    """Let s ← decay · s + values², in three passes."""
    np.square(values, scratch)
    np.multiply(squares, decay, squares)
    np.add(squares, scratch, squares)
