"""Dropout for self-normalising networks."""

import math

import numpy as np

from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class AlphaDropout(Layer):
    """out = a (m x + (1 - m) α') + b, with α' the value that SELU saturates at.

    m is 0 at a share `rate` of the places, else 1. With the share kept q,
    a = (q + α'² q (1 - q))^-½ and b = -a (1 - q) α' keep mean zero and variance one.
    Prediction leaves units as they are.

    Parameters
    ----------
    rate : float
        Share of units to replace, in [0, 1).

    References
    ----------
    Klambauer, Unterthiner, Mayr & Hochreiter (2017), "Self-normalizing neural
    networks", NeurIPS.
    """

    inplace = True

    #: -λ α of SELU.
    saturation = -1.7580993408473766

    def __init__(self, rate: float) -> None:
        self.rate = float(rate)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare the factor of each unit: 0 or a."""
        return {"mask": Buffer(self.n_in)}

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Return `x`."""
        return x

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Replace units."""
        mask, low = s["mask"], self.saturation
        kept = step.noise.mask(self.rate * step.noise.strength, mask)
        a = 1.0 / math.sqrt(kept + low**2 * kept * (1.0 - kept))
        np.multiply(mask, a, out=mask)
        # a m (x - α') + a α' + b
        np.subtract(x, low, out=out)
        np.multiply(out, mask, out=out)
        return np.add(out, a * low - a * (1.0 - kept) * low, out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout a m to `dx`."""
        if dx is not None:
            np.multiply(dout, s["mask"], out=dx)
