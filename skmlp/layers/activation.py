"""The layer that applies an activation function."""

from skmlp._typing import Floats, Matrix, Views
from skmlp.activations import Activation
from skmlp.layers.base import Backward, Layer, Step, Train
from skmlp.workspace import Buffer


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

    def __init__(self, function: Activation) -> None:
        self.function = function
        # A function that keeps buffers has its derivative there.
        self.reads_out = not function.buffers

    def build(self, n_in: int) -> int:
        """Keep the width."""
        self.n_in = n_in
        return n_in

    def buffers(self) -> dict[str, Buffer]:
        """Declare what the function keeps of each element."""
        return {name: Buffer(self.n_in) for name in self.function.buffers}

    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Write f(x) to `out`."""
        self.function.forward(x, out)
        return out

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Write f(x) to `out` and keep what the derivative needs."""
        self.function.train(x, out, s)
        return out

    def wire(
        self, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> tuple[Train, Backward]:
        """Let the function look up what it needs."""
        apply = self.function.train
        multiply = None if dx is None else self.function.wire(out, dout, dx, s)

        def train(x: Matrix, _step: Step) -> Matrix:
            apply(x, out, s)
            return out

        def backward(_x: Matrix, _y: Matrix) -> None:
            if multiply is not None:
                multiply()

        return train, backward

    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Write dout · f'(x) to `dx`."""
        if dx is not None:
            self.function.backward(out, dout, dx, s)
