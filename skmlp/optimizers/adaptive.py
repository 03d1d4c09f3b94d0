"""What optimizers share that divide each step by the root of running squares."""

import numpy as np

from skmlp._typing import Floats
from skmlp.optimizers.base import Optimizer


class Adaptive(Optimizer):
    """w ← w - lr' d / (√s + ε') with a direction d and the last slot s.

    A member folds the constant factors of d and s into lr' and ε', which spares the
    passes over the parameters that would multiply by them.
    """

    _lr: float | Floats
    _epsilon: float | Floats

    #: What a gradient of one that lasts has made of the direction.
    _lasting = 1.0

    def descend(self, scratch: Floats, params: Floats, direction: Floats, squares: Floats) -> None:
        """Move the parameters in five passes, and leave the step in `scratch`."""
        np.sqrt(squares, out=scratch)
        np.add(scratch, self._epsilon, out=scratch)
        np.divide(direction, scratch, out=scratch)
        np.multiply(scratch, self._lr, out=scratch)
        np.subtract(params, scratch, out=params)

    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write lr' d / (√s + ε') for the direction that a lasting gradient of one has made."""
        np.sqrt(slots[-1], out=out)
        np.add(out, self._epsilon, out=out)
        np.divide(self._lr * self._lasting, out, out=out)


def accumulate(scratch: Floats, values: Floats, decay: float | Floats, squares: Floats) -> None:
    """Let s ← decay · s + values², in three passes."""
    np.square(values, out=scratch)
    np.multiply(squares, decay, out=squares)
    np.add(squares, scratch, out=squares)
