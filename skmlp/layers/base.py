"""What a layer is."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from skmlp._arena import Parameter
from skmlp._noise import Noise
from skmlp._typing import Floats, Matrix, Views
from skmlp.workspace import Buffer


@dataclass(slots=True)
class Step:
    """What a layer may ask about a training step, beside its input.

    Attributes
    ----------
    weight : ndarray of shape (n,) or None
        Weights of the rows, which sum to one; None for equal ones.
    noise : Noise
        Random numbers.
    """

    weight: Floats | None
    noise: Noise


#: Takes the input and returns the output, in memory that it knows.
Train: TypeAlias = Callable[[Matrix, Step], Matrix]

#: Takes the input and the output of the same batch; the gradients are in memory that it knows.
Backward: TypeAlias = Callable[[Matrix, Matrix], None]


class Layer(ABC):
    """A function of a batch with learnable parameters, and its derivative.

    A layer owns neither parameters nor batch memory: both are handed to it. So one
    layer can serve several threads, and its gradients are written, never added.

    Attributes
    ----------
    inplace : bool
        ``forward`` and ``train`` may write over their input. Then ``dx`` is ``dout``
        as well.
    reads_x, reads_out : bool
        Whether ``backward`` needs the input, or the output, as ``train`` left it.
    adapts : bool
        Whether ``adapt`` does anything.
    """

    inplace: bool = False
    reads_x: bool = False
    reads_out: bool = False
    adapts: bool = False

    @abstractmethod
    def build(self, n_in: int) -> int:
        """Take the width of the input; return that of the output."""

    def parameters(self) -> tuple[Parameter, ...]:
        """Declare the learnable arrays."""
        return ()

    def statistics(self) -> tuple[Parameter, ...]:
        """Declare what training records for prediction, such as running means."""
        return ()

    def buffers(self) -> dict[str, Buffer]:
        """Declare the memory that a batch needs between ``train`` and ``backward``."""
        return {}

    def keeps_sparse(self, p: Views) -> bool:
        """Tell whether a sparse input gives a sparse output, for which no memory is needed.

        Then ``train`` and ``forward`` use neither `out` nor buffers, and the layer has
        no parameters.
        """
        return False

    def initialize(self, p: Views, rng: np.random.RandomState) -> None:
        """Draw the parameters and set the statistics in `p`."""

    def adapt(self, x: Matrix, p: Views, weight: Floats | None, rng: np.random.RandomState) -> None:
        """Fit the parameters that were drawn to rows of data, before training.

        Parameters
        ----------
        x : ndarray or sparse array of shape (n, n_in)
            What the layer reads of these rows.
        p : mapping of str to ndarray
            The parameters.
        weight : ndarray of shape (n,) or None
            Weights of the rows; None for equal ones.
        rng : RandomState
            Where random numbers come from.
        """

    def forget(self, p: Views) -> None:
        """Let the next batch alone decide the statistics in `p`."""

    @abstractmethod
    def forward(self, x: Matrix, out: Floats, p: Views) -> Matrix:
        """Return the prediction's output for the rows `x`.

        Parameters
        ----------
        x : ndarray or sparse array of shape (n, n_in)
            The input. Sparse arrays come from outside, or from a layer that was
            handed one.
        out : ndarray of shape (n, n_out)
            Where the output goes; `x` itself if the layer works in place.
        p : mapping of str to ndarray
            The parameters and the statistics.

        Returns
        -------
        ndarray or sparse array of shape (n, n_out)
            `out`; or `x`, if the layer does nothing; or a new sparse array.
        """

    def train(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Return the output for a training batch, and keep what ``backward`` needs.

        Parameters
        ----------
        x : ndarray or sparse array of shape (n, n_in)
            The input.
        out : ndarray of shape (n, n_out)
            Where the output goes; `x` itself if the layer works in place.
        p : mapping of str to ndarray
            The parameters, and the statistics, which are updated.
        s : mapping of str to ndarray
            The declared buffers.
        step : Step
            Weights and random numbers.

        Returns
        -------
        ndarray or sparse array of shape (n, n_out)
            As ``forward``.
        """
        return self.forward(x, out, p)

    def wire(
        self, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> tuple[Train, Backward]:
        """Return ``train`` and ``backward`` for memory that is the same in every step.

        A layer overrides this if there is something to look up once: on a small net such
        look-ups, not arithmetic, are what a step consists of.

        Parameters
        ----------
        out : ndarray of shape (n, n_out)
            Where the output goes.
        dout, dx : ndarray of shape (n, n_out), (n, n_in)
            As for ``backward``. Until then `dout` is free: ``train`` may use it as scratch.
        p, dp, s : mapping of str to ndarray
            As for ``backward``.
        """

        def train(x: Matrix, step: Step) -> Matrix:
            return self.train(x, out, p, s, step)

        def backward(x: Matrix, y: Matrix) -> None:
            self.backward(x, y, dout, dx, p, dp, s)

        return train, backward

    def wire_frozen(
        self, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> tuple[Train, Backward]:
        """Return ``train_frozen`` and ``backward_frozen`` likewise."""

        def train(x: Matrix, step: Step) -> Matrix:
            return self.train_frozen(x, out, p, s, step)

        def backward(x: Matrix, y: Matrix) -> None:
            self.backward_frozen(x, y, dout, dx, p, s)

        return train, backward

    def train_frozen(self, x: Matrix, out: Floats, p: Views, s: Views, step: Step) -> Matrix:
        """Return the output for a training batch while parameters and statistics are held.

        Arguments and result are those of ``train``.
        """
        return self.train(x, out, p, s, step)

    @abstractmethod
    def backward(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats | None, p: Views, dp: Views, s: Views
    ) -> None:
        """Turn the gradient at the output into those at the input and the parameters.

        Parameters
        ----------
        x, out : ndarray
            What ``train`` read and wrote. The layer is the last reader of `out`.
        dout : ndarray of shape (n, n_out)
            Derivative of the loss with respect to the output; may be overwritten.
        dx : ndarray of shape (n, n_in) or None
            Where the derivative with respect to the input goes; None if nobody
            asks for it, `dout` itself if the layer works in place.
        p, dp : mapping of str to ndarray
            The parameters and statistics, and where the parameters' gradients go.
        s : mapping of str to ndarray
            The buffers as ``train`` left them.
        """

    def backward_frozen(
        self, x: Matrix, out: Floats, dout: Floats, dx: Floats, p: Views, s: Views
    ) -> None:
        """Turn the gradient at the output into that at the input, after ``train_frozen``.

        Arguments are those of ``backward``. A layer with parameters has to override it.
        """
        self.backward(x, out, dout, dx, p, {}, s)
