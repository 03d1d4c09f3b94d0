"""The layer that applies an activation function."""

from skmlp._typing import Floats, Matrix, Views
from skmlp.activations import Activation
from skmlp.layers.base import Layer


class Activate(Layer):
    """out = f(x), with dx = dout · f'(x), in the memory of its input.

    Parameters
    ----------
    function : Activation
        The elementwise function f.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by
    back-propagating errors", Nature 323.
    """

    inplace = True
    reads_out = True

    def __init__(self, function: Activation) -> None:
        self.function = function

    def build(self, n_in: int) -> int:
        """Keep the width."""
        return n_in

    def forward(self, x: Matrix, out: Floats, p: Views) -> None:
        """Write f(x) to `out`."""
        self.function.forward(x, out)

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views
    ) -> None:
        """Write dout · f'(x) to `dx`."""
        if dx is not None:
            self.function.backward(out, dout, dx)
