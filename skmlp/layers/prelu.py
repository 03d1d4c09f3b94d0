"""The rectifier with a learned slope below zero."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import column_sums
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer

#: Elements of a piece of the batch that the products with the slope are computed in.
PIECE = 2**15


class PRelu(Layer):
    """out = max(x, 0) + a min(x, 0), with a slope a to learn for each unit.

    The derivatives are dx = dout where x > 0 and a dout elsewhere, and
    da = Σ dout min(x, 0). Penalties spare the slopes: they would pull the function
    towards relu.

    Parameters
    ----------
    slope_init : float, default=0.25
        What each slope starts from.

    References
    ----------
    He, Zhang, Ren & Sun (2015), "Delving deep into rectifiers: surpassing human-level
    performance on ImageNet classification", ICCV.
    """

    reads_x = True

    def __init__(self, slope_init: float = 0.25) -> None:
        self.slope_init = float(slope_init)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare the slope of each unit."""
        return (Parameter("slope", (self.n_in,)),)

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Set every slope to its start."""
        p["slope"].fill(self.slope_init)

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write max(x, 0) + a min(x, 0) to `out`, a piece of the rows at a time."""
        n_rows = max(1, PIECE // self.n_in)
        scratch = np.empty((min(n_rows, len(x)), self.n_in), out.dtype)
        for start in range(0, len(x), n_rows):
            rows = slice(start, start + n_rows)
            below = scratch[: len(x[rows])]
            np.clip(x[rows], -np.inf, 0.0, out=below)
            np.multiply(below, p["slope"], out=below)
            np.clip(x[rows], 0.0, np.inf, out=out[rows])
            np.add(out[rows], below, out=out[rows])
        return out

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write Σ dout min(x, 0) and, if asked, dout times 1 or a."""
        np.clip(x, -np.inf, 0.0, out=out)
        np.multiply(out, dout, out=out)
        column_sums(out, dp["slope"])
        if dx is not None:
            self.backward_frozen(x, out, dout, dx, p, s)

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Write dout times 1 or a."""
        # 1 where x > 0, and its complement, which becomes a.
        np.clip(x, 0.0, 1.0, out=dx)
        np.ceil(dx, out=dx)
        np.subtract(1.0, dx, out=out)
        np.multiply(out, p["slope"], out=out)
        np.add(dx, out, out=dx)
        np.multiply(dx, dout, out=dx)
