"""Layer normalisation."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import column_sums, constant, dense
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class LayerNorm(Layer):
    """out = γ x̂ + β with x̂ = (x - μ) / √(σ² + ε), row by row.

    μ and σ² are mean and variance of a row, so rows do not depend on each other and
    prediction is the same as training. With d = γ dout and ⟨·⟩ the mean of a row

        dγ = Σ dout x̂,   dβ = Σ dout,   dx = (d - ⟨d⟩ - x̂ ⟨d x̂⟩) / √(σ² + ε).

    Parameters
    ----------
    epsilon : float, default=1e-5
        ε, keeps the divisor from zero.

    References
    ----------
    Ba, Kiros & Hinton (2016), "Layer normalization".
    """

    inplace = True

    def __init__(self, epsilon: float = 1e-5) -> None:
        self.epsilon = float(epsilon)

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare γ and β."""
        return Parameter("gamma", (self.n_in,)), Parameter("beta", (self.n_in,))

    def buffers(self) -> dict[str, Buffer]:
        """Declare x̂, 1/√(σ² + ε) and one more number a row."""
        return {"normalised": Buffer(self.n_in), "inverse": Buffer(1), "row": Buffer(1)}

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Start with γ = 1 and β = 0."""
        p["gamma"].fill(1.0)

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Normalise each row."""
        row: Floats = np.empty((x.shape[0], 1), out.dtype)
        self._normalise(x, out, np.empty_like(out), row)
        return self._scale(out, out, p)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Normalise each row and keep x̂."""
        self._normalise(x, s["normalised"], out, s["inverse"])
        return self._scale(s["normalised"], out, p)

    def _normalise(self, x: Matrix, normalised: Floats, work: Floats, inverse: Floats) -> None:
        """Write x̂ and 1/√(σ² + ε); `work` may be `x` itself."""
        _row_means(dense(x, normalised), inverse)
        np.subtract(dense(x, normalised), inverse, out=normalised)
        np.multiply(normalised, normalised, out=work)
        _row_means(work, inverse)
        np.add(inverse, self.epsilon, out=inverse)
        np.sqrt(inverse, out=inverse)
        np.divide(1.0, inverse, out=inverse)
        np.multiply(normalised, inverse, out=normalised)

    @staticmethod
    def _scale(normalised: Floats, out: Floats, p: Views) -> Floats:
        """Write γ x̂ + β."""
        np.multiply(normalised, p["gamma"], out=out)
        return np.add(out, p["beta"], out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dγ, dβ and, if asked, the derivative through mean and variance."""
        np.multiply(dout, s["normalised"], out=out)
        column_sums(out, dp["gamma"])
        column_sums(dout, dp["beta"])
        if dx is not None:
            self._input_gradient(out, dout, dx, p, s)

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Write the derivative through mean and variance."""
        np.multiply(dout, s["normalised"], out=out)
        self._input_gradient(out, dout, dx, p, s)

    @staticmethod
    def _input_gradient(out: Floats, dout: Floats, dx: Floats, p: Views, s: Views) -> None:
        """Write dx, given dout x̂ in `out`."""
        normalised, row = s["normalised"], s["row"]
        np.multiply(out, p["gamma"], out=out)
        _row_means(out, row)
        np.multiply(normalised, row, out=normalised)
        np.multiply(dout, p["gamma"], out=dx)
        _row_means(dx, row)
        np.subtract(dx, row, out=dx)
        np.subtract(dx, normalised, out=dx)
        np.multiply(dx, s["inverse"], out=dx)


def _row_means(a: Floats, out: Floats) -> None:
    """Write the mean of each row to the column `out`."""
    np.dot(a, constant(1, a.shape[1], a.dtype), out=out[:, 0])
    np.multiply(out, 1.0 / a.shape[1], out=out)
