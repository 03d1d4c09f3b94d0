"""Dropout: units left out at random."""

import numpy as np

from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class Dropout(Layer):
    """out = m x / (1 - rate) with m = 0 at a share `rate` of the places, else 1.

    The division keeps the mean of each unit, so prediction leaves units as they are:
    inverted dropout. Of a sparse input the stored values are dropped.

    Parameters
    ----------
    rate : float
        Share of units to leave out, in [0, 1); taken to 2⁻¹⁶, and the divisor is the
        exact share kept.

    References
    ----------
    Srivastava, Hinton, Krizhevsky, Sutskever & Salakhutdinov (2014), "Dropout: a
    simple way to prevent neural networks from overfitting", JMLR 15.
    """

    inplace = True

    def __init__(self, rate: float) -> None:
        self.rate = float(rate)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare the factor of each unit: 0, or one over the share kept."""
        return {"mask": Buffer(self.n_in)}

    def keeps_sparse(self, p: Views) -> bool:
        """Work on the stored values of a sparse input."""
        return True

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Return `x`."""
        return x

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Leave units out."""
        rate = self.rate * step.noise.strength
        if not isinstance(x, np.ndarray):
            return _dropped(x, rate, step)
        kept = step.noise.mask(rate, s["mask"])
        np.multiply(s["mask"], 1.0 / kept, out=s["mask"])
        return np.multiply(x, s["mask"], out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout m / (1 - rate) to `dx`."""
        if dx is not None:
            np.multiply(dout, s["mask"], out=dx)


def _dropped(x: Matrix, rate: float, step: Step) -> Matrix:
    """Return a sparse array with stored values left out; it shares the structure."""
    values = np.empty_like(x.data)
    kept = step.noise.mask(rate, values)
    np.multiply(values, 1.0 / kept, out=values)
    np.multiply(values, x.data, out=values)
    return type(x)((values, x.indices, x.indptr), shape=x.shape, copy=False)
