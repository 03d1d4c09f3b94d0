"""An activation function of which each unit learns how much it takes."""

import numpy as np

from skmlp._arena import Parameter
from skmlp._linalg import column_sums
from skmlp._typing import Floats, Matrix, Views
from skmlp.activations import Activation
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Buffer


class Parametric(Layer):
    """out = x + a (f(x) - x), with a share a of the function f to learn for each unit.

    The derivatives are dx = dout + a (dout f'(x) - dout) and da = Σ dout (f(x) - x).
    Every share starts at 1, which is f. Penalties spare them.

    Parameters
    ----------
    function : Activation
        The elementwise function f.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS.
    """

    reads_x = True

    def __init__(self, function: Activation) -> None:
        self.function = function

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare the share of each unit."""
        return (Parameter("share", (self.n_in,)),)

    def buffers(self) -> dict[str, Buffer]:
        """Declare f(x), and what the function keeps of each element."""
        return {name: Buffer(self.n_in) for name in ("value", *self.function.buffers)}

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Set every share to 1."""
        p["share"].fill(1.0)

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write x + a (f(x) - x) to `out`."""
        self.function.forward(x, out)
        return self._mixed(x, out, out, p)

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Write x + a (f(x) - x) to `out` and keep f(x)."""
        self.function.train(x, s["value"], s)
        return self._mixed(x, s["value"], out, p)

    @staticmethod
    def _mixed(x: Matrix, value: Floats, out: Floats, p: Views) -> Floats:
        """Return the sum of x and a times the difference."""
        np.subtract(value, x, out=out)
        np.multiply(out, p["share"], out=out)
        return np.add(out, x, out=out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write Σ dout (f(x) - x) and, if asked, dout + a (dout f'(x) - dout)."""
        np.subtract(s["value"], x, out=out)
        np.multiply(out, dout, out=out)
        column_sums(out, dp["share"])
        if dx is not None:
            self.backward_frozen(x, out, dout, dx, p, s)

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Write dout + a (dout f'(x) - dout)."""
        self.function.backward(s["value"], dout, dx, s)
        np.subtract(dx, dout, out=dx)
        np.multiply(dx, p["share"], out=dx)
        np.add(dx, dout, out=dx)
