"""What a layer is."""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np

from skmlp._arena import Parameter
from skmlp._typing import Floats, Matrix, Views


class Layer(ABC):
    """A function of a batch with learnable parameters, and its derivative.

    A layer owns neither parameters nor batch memory: both are handed to it. So one
    layer can serve several threads, and its gradients are written, never added.

    Attributes
    ----------
    inplace : bool
        ``forward`` may write over its input. Then ``dx`` is ``dout`` as well.
    reads_x, reads_out : bool
        Whether ``backward`` needs the input, or the output, as ``forward`` left it.
    """

    inplace: ClassVar[bool] = False
    reads_x: ClassVar[bool] = False
    reads_out: ClassVar[bool] = False

    @abstractmethod
    def build(self, n_in: int) -> int:
        """Take the width of the input; return that of the output."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare the learnable arrays."""
        return ()

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Draw the parameters `p`."""

    @abstractmethod
    def forward(self, x: Matrix, out: Floats, p: Views) -> None:
        """Write the output for the batch `x` to `out`.

        Parameters
        ----------
        x : ndarray or sparse array of shape (n, n_in)
            The input; only the first layer is handed a sparse one.
        out : ndarray of shape (n, n_out)
            Where the output goes; `x` itself if the layer works in place.
        p : mapping of str to ndarray
            The parameters.
        """

    @abstractmethod
    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views
    ) -> None:
        """Turn the gradient at the output into those at the input and the parameters.

        Parameters
        ----------
        x, out : ndarray
            What ``forward`` read and wrote. The layer is their last reader.
        dout : ndarray of shape (n, n_out)
            Derivative of the loss with respect to the output.
        dx : ndarray of shape (n, n_in) or None
            Where the derivative with respect to the input goes; None if nobody
            asks for it, `dout` itself if the layer works in place.
        p, dp : mapping of str to ndarray
            The parameters, and where their gradients go.
        """
