"""The fully connected layer."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import column_sums, product
from skmlp._typing import Floats, Matrix, Views
from skmlp.initializers import glorot_uniform
from skmlp.layers.base import Layer


class Dense(Layer):
    """out = x W + b, with dW = xᵀ dout, db = Σ dout, dx = dout Wᵀ.

    Parameters
    ----------
    n_units : int
        Width of the output.
    glorot_factor : float, default=6.0
        Factor of the uniform Glorot initialiser; biases are drawn like weights.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by
    back-propagating errors", Nature 323.
    """

    reads_x = True

    def __init__(self, n_units: int, glorot_factor: float = 6.0) -> None:
        self.n_units, self.glorot_factor = n_units, glorot_factor

    def build(self, n_in: int) -> int:
        """Take the width of the input; return `n_units`."""
        self.n_in = n_in
        return self.n_units

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare the weight, which penalties act on, and the bias."""
        return (
            Parameter("weight", (self.n_in, self.n_units), penalised=True),
            Parameter("bias", (self.n_units,)),
        )

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Draw the weight, then the bias."""
        for name in ("weight", "bias"):
            p[name][...] = glorot_uniform(
                rng, p[name].shape, self.n_in, self.n_units, self.glorot_factor
            )

    def forward(self, x: Matrix, out: Floats, p: Views) -> None:
        """Write x W + b to `out`."""
        product(x, p["weight"], out)
        np.add(out, p["bias"], out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views
    ) -> None:
        """Write xᵀ dout, Σ dout and, if asked, dout Wᵀ."""
        product(x.T, dout, dp["weight"])
        column_sums(dout, dp["bias"])
        if dx is not None:
            product(dout, p["weight"].T, dx)
