"""Noise on the input."""

import numpy as np

from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class GaussianNoise(Layer):
    """out = x + scale · ε with ε standard normal, in training only.

    Of a sparse input the stored values get noise.

    Parameters
    ----------
    scale : float
        Standard deviation of the noise.

    References
    ----------
    Bishop (1995), "Training with noise is equivalent to Tikhonov regularization",
    Neural Computation 7.
    """

    inplace = True

    def __init__(self, scale: float) -> None:
        self.scale = float(scale)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare the noise."""
        return {"noise": Buffer(self.n_in)}

    def keeps_sparse(self, p: Views) -> bool:
        """Work on the stored values of a sparse input."""
        return True

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Return `x`."""
        return x

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Add noise."""
        if isinstance(x, np.ndarray):
            return np.add(x, self._drawn(s["noise"], step), out=out)
        values = np.add(x.data, self._drawn(np.empty_like(x.data), step))
        return type(x)((values, x.indices, x.indptr), shape=x.shape, copy=False)

    def _drawn(self, noise: Floats, step: Step) -> Floats:
        """Fill an array with noise."""
        step.noise.normal(noise)
        return np.multiply(noise, self.scale, out=noise)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout to `dx`."""
        if dx is not None and dx is not dout:
            np.copyto(dx, dout)
