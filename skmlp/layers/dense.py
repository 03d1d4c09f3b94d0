"""The fully connected layer."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import product, shift, summing
from skmlp._params import Options
from skmlp._typing import Floats, Matrix, Views
from skmlp.initializers import (
    BIAS_INITIALIZERS,
    INITIALIZERS,
    Shape,
    automatic,
    deviations,
    simplex_bias,
    zeros,
)
from skmlp.layers.base import Backward, Layer, Step, Train


class Dense(Layer):
    """out = x W + b, with dW = xᵀ dout, db = Σ dout, dx = dout Wᵀ.

    Parameters
    ----------
    n_units : int
        Width of the output.
    glorot_factor : float, default=6.0
        Factor of the uniform Glorot initialiser that ``init="auto"`` stands for.
    init : str, default="auto"
        A name in ``INITIALIZERS``, or "auto": scikit-learn's choice.
    init_bias : str, default="auto"
        A name in ``BIAS_INITIALIZERS``, or "auto": drawn like the weight where that is
        drawn by "auto", zero otherwise.
    gain : float, default=1.0
        The gain of the activation, for initializers that ask for it.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by
    back-propagating errors", Nature 323.
    """

    reads_x = True

    constraints = {
        "init": Options(["auto", *INITIALIZERS]),
        "init_bias": Options(["auto", *BIAS_INITIALIZERS]),
    }

    def __init__(
        self,
        n_units: int,
        glorot_factor: float = 6.0,
        init: str = "auto",
        init_bias: str = "auto",
        gain: float = 1.0,
    ) -> None:
        self.n_units, self.glorot_factor, self.gain = n_units, glorot_factor, gain
        self.init, self.init_bias = init, init_bias
        self.adapts = init == "unit_variance" or init_bias == "he5"

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
        unnamed = self._automatic if self.init == "auto" else zeros
        draw_weight = {"auto": self._automatic, **INITIALIZERS}[self.init]
        draw_bias = {"auto": unnamed, **BIAS_INITIALIZERS}[self.init_bias]
        for draw, view in ((draw_weight, p["weight"]), (draw_bias, p["bias"])):
            view[...] = draw(rng, view.shape, self.n_in, self.n_units, self.gain)

    def _automatic(
        self, rng: np.random.RandomState, shape: Shape, fan_in: int, fan_out: int, *_: float
    ) -> Floats:
        """Draw as scikit-learn does."""
        return automatic(rng, shape, fan_in, fan_out, self.glorot_factor)

    def adapt(self, x: Matrix, p: Views, weight: Floats | None, rng: np.random.RandomState) -> None:
        """Scale the weight to pre-activations of variance 1, place the bias among the data."""
        if not self.adapts:
            return
        z = np.asarray(x @ p["weight"].astype(np.float64))
        if self.init == "unit_variance":
            scale = deviations(z, weight)
            np.divide(p["weight"], scale, out=p["weight"], casting="same_kind")
            np.divide(z, scale, out=z)
        if self.init_bias == "he5":
            p["bias"][...] = simplex_bias(z, weight, rng)

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write x W + b to `out`."""
        product(x, p["weight"], out)
        return np.add(out, p["bias"], out)

    def wire(
        self, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> tuple[Train, Backward]:
        """Look up views of the parameters, and how best to add the bias."""
        weight, transposed = p["weight"], p["weight"].T
        d_weight, sum_rows = dp["weight"], summing(dout, dp["bias"])
        z, add_bias = shift(p["bias"], out, dout)

        def train(x: Matrix, _step: Step) -> Matrix:
            product(x, weight, z)
            add_bias()
            return out

        def backward(x: Matrix, _y: Matrix) -> None:
            product(x.T, dout, d_weight)
            sum_rows()
            if dx is not None:
                product(dout, transposed, dx)

        return train, backward

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write xᵀ dout, Σ dout and, if asked, dout Wᵀ."""
        self.wire(out, dout, dx, p, dp, s)[1](x, out)

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Write dout Wᵀ."""
        product(dout, p["weight"].T, dx)
