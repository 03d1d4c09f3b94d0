"""Layers in order: the forward and the backward pass."""

import math
from collections.abc import Sequence

import numpy as np

from skmlp._arena import Layout
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Layer, Step
from skmlp.workspace import Place, Rows


class Network:
    """A chain of layers. The last one yields raw scores: the loss owns the link.

    It holds no numbers: parameters and buffers are handed to it.

    Parameters
    ----------
    layers : sequence of Layer
        From input to output.
    n_features : int
        Width of the input.

    Attributes
    ----------
    n_outputs : int
        Width of the raw scores.
    layout, statistics : Layout
        Where the parameters of each layer lie in a flat vector, and what training
        records for prediction in another.
    plan : list of Place
        What each layer needs of a workspace.
    adapts : bool
        Whether a layer fits its first parameters to data.
    widest : int
        Width of the widest layer, the input included.
    largest_product : int
        Multiply-adds a row of the largest matrix product.
    """

    def __init__(self, layers: Sequence[Layer], n_features: int) -> None:
        self.layers = tuple(layers)
        self.n_features = n_features
        widths, width = [], n_features
        for layer in self.layers:
            width = layer.build(width)
            widths.append(width)
        self.n_outputs = width
        self.layout = Layout([layer.parameters() for layer in self.layers])
        self.statistics = Layout([layer.statistics() for layer in self.layers])
        self.plan = [
            Place(width, self._over_input(i), layer.inplace, layer.buffers())
            for i, (layer, width) in enumerate(zip(self.layers, widths, strict=True))
        ]
        self.adapts = any(layer.adapts for layer in self.layers)
        self.widest = max(n_features, *widths)
        self.largest_product = max(
            math.prod(p.shape) for layer in self.layout.layers for p in layer
        )
        # Nobody asks for the derivative with respect to what lies before it.
        self._first = next(i for i, p in enumerate(self.layout.layers) if p)

    def _over_input(self, i: int) -> bool:
        """Tell whether layer `i` may write over its input.

        Not over the batch itself, which may be the user's array; nor over what its
        own backward pass or that of the layer before it will read.
        """
        if i == 0 or not self.layers[i].inplace or self.layers[i].reads_x:
            return False
        return not self.layers[i - 1].reads_out

    def initialize(self, params: Sequence[Views], rng: np.random.RandomState) -> None:
        """Draw the parameters, layer by layer."""
        for layer, p in zip(self.layers, params, strict=True):
            layer.initialize(p, rng)

    def adapt(
        self,
        params: Sequence[Views],
        x: Matrix,
        weight: Floats | None,
        rng: np.random.RandomState,
    ) -> None:
        """Let each layer fit the parameters that were drawn to rows of data, in order.

        Parameters
        ----------
        params : sequence of mapping of str to ndarray
            The parameters and statistics of each layer.
        x : ndarray or sparse array of shape (k, n_features)
            The rows.
        weight : ndarray of shape (k,) or None
            Their weights; None for equal ones.
        rng : RandomState
            Random numbers.
        """
        for layer, p, place in zip(self.layers, params, self.plan, strict=True):
            layer.adapt(x, p, weight, rng)
            x = layer.forward(x, np.empty((x.shape[0], place.width), x.dtype), p)

    def forget(self, params: Sequence[Views]) -> None:
        """Let the next batch alone decide the statistics."""
        for layer, p in zip(self.layers, params, strict=True):
            layer.forget(p)

    def forward(self, params: Sequence[Views], x: Matrix, outs: Sequence[Floats]) -> Matrix:
        """Return the raw scores of the rows `x`, as in prediction.

        Parameters
        ----------
        params : sequence of mapping of str to ndarray
            The parameters and statistics of each layer.
        x : ndarray or sparse array of shape (k, n_features)
            The rows; not written to.
        outs : sequence of ndarray
            Memory of the output of each layer.

        Returns
        -------
        ndarray of shape (k, n_outputs)
        """
        for layer, p, out in zip(self.layers, params, outs, strict=True):
            x = layer.forward(x, out, p)
        return x

    def train(self, params: Sequence[Views], x: Matrix, rows: Rows, step: Step) -> Floats:
        """Return the raw scores of a training batch.

        Parameters
        ----------
        params : sequence of mapping of str to ndarray
            The parameters and statistics of each layer; the latter are updated.
        x : ndarray or sparse array of shape (k, n_features)
            The batch; it is not written to.
        rows : Rows
            Buffers of `k` rows.
        step : Step
            Weights of the rows and random numbers.

        Returns
        -------
        ndarray of shape (k, n_outputs)
            In one of the buffers.
        """
        rows.inputs[:] = [x]
        for layer, p, out, s in zip(self.layers, params, rows.out, rows.layers, strict=True):
            x = layer.train(x, out, p, s, step)
            rows.inputs.append(x)
        scores: Floats = x
        return scores

    def backward(self, params: Sequence[Views], grads: Sequence[Views], rows: Rows) -> None:
        """Turn the gradient in the last of ``rows.dout`` into that of the parameters.

        Parameters
        ----------
        params : sequence of mapping of str to ndarray
            The parameters and statistics of each layer.
        grads : sequence of mapping of str to ndarray
            Where the gradients of the parameters go; overwritten.
        rows : Rows
            The buffers that ``train`` used.
        """
        dout = rows.dout
        for i in range(len(self.layers) - 1, self._first - 1, -1):
            x, out = rows.inputs[i : i + 2]
            dx = dout[i - 1] if i > self._first else None
            self.layers[i].backward(x, out, dout[i], dx, params[i], grads[i], rows.layers[i])
