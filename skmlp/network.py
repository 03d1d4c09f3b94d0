"""Layers in order: the forward and the backward pass."""

import math
from collections.abc import Collection, Sequence
from itertools import accumulate, takewhile
from typing import Any

import numpy as np

from skmlp._arena import Layout
from skmlp._typing import Floats, Matrix, Views
from skmlp.layers.base import Backward, Layer, Step, Train
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
    blocks : list of int
        For each layer the number of the dense layer it goes with: that before it, or
        the first.
    plan : list of Place
        What each layer needs of a workspace if the input is dense.
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
        weights = [any(p.penalised for p in layer) for layer in self.layout.layers]
        self.blocks = [max(seen - 1, 0) for seen in accumulate(weights)]

    def lowest(self, frozen: Collection[int]) -> int:
        """Return the first layer that learns: nobody asks for derivatives before it."""
        layers = enumerate(self.layout.layers)
        return next(i for i, parameters in layers if parameters and i not in frozen)

    def _over_input(self, i: int) -> bool:
        """Tell whether layer `i` may write over its input.

        Not over the batch itself, which may be the user's array; nor over what its
        own backward pass or that of the layer before it will read.
        """
        if i == 0 or not self.layers[i].inplace or self.layers[i].reads_x:
            return False
        return not self.layers[i - 1].reads_out

    def plan_for(self, params: Sequence[Views], *, sparse: bool) -> list[Place]:
        """Return what each layer needs: nothing, as long as a sparse input stays sparse.

        Parameters
        ----------
        params : sequence of mapping of str to ndarray
            The parameters and statistics of each layer.
        sparse : bool
            Whether the input is.
        """
        if not sparse:
            return self.plan
        keep = (layer.keeps_sparse(p) for layer, p in zip(self.layers, params, strict=True))
        n = len(list(takewhile(bool, keep)))
        first_dense = self.plan[n]._replace(over_input=False, inplace=False)
        return [Place(0, over_input=False, inplace=False)] * n + [first_dense, *self.plan[n + 1 :]]

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
        plan = self.plan_for(params, sparse=not isinstance(x, np.ndarray))
        for layer, p, place in zip(self.layers, params, plan, strict=True):
            layer.adapt(x, p, weight, rng)
            x = layer.forward(x, np.empty((x.shape[0], place.width), x.dtype), p)

    def forget(self, params: Sequence[Views], frozen: Collection[int] = ()) -> None:
        """Let the next batch alone decide the statistics, but for those of frozen layers."""
        for i, (layer, p) in enumerate(zip(self.layers, params, strict=True)):
            if i not in frozen:
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


class Passes:
    """The forward and the backward pass of training, through the memory of one batch size.

    What each layer is handed is the same in every step, but for the batch: it is looked
    up once.

    Parameters
    ----------
    network : Network
        Whose layers.
    params, grads : sequence of mapping of str to ndarray
        The parameters and statistics of each layer, the latter updated by ``forward``,
        and where ``backward`` writes the gradients of the parameters.
    rows : Rows
        The memory.
    frozen : collection of int
        The layers whose parameters and statistics are held, not all that have any.
    """

    def __init__(
        self,
        network: Network,
        params: Sequence[Views],
        grads: Sequence[Views],
        rows: Rows,
        frozen: Collection[int] = (),
    ) -> None:
        first, dout = network.lowest(frozen), rows.dout
        layers = zip(network.layers, params, rows.out, rows.layers, strict=True)
        self._forward: list[Train] = []
        self._backward: list[tuple[int, Backward]] = []
        for i, (layer, p, out, s) in enumerate(layers):
            dx: Any = dout[i - 1] if i > first else None
            if i in frozen:
                train, backward = layer.wire_frozen(out, dout[i], dx, p, s)
            else:
                train, backward = layer.wire(out, dout[i], dx, p, grads[i], s)
            self._forward.append(train)
            if i >= first:
                self._backward.insert(0, (i, backward))
        self._inputs: list[Matrix] = []

    def forward(self, x: Matrix, step: Step) -> Floats:
        """Return the raw scores of a batch.

        Parameters
        ----------
        x : ndarray or sparse array of shape (k, n_features)
            The batch; it is not written to.
        step : Step
            Weights of the rows and random numbers.

        Returns
        -------
        ndarray of shape (k, n_outputs)
            In the memory.
        """
        self._inputs = [x]
        for train in self._forward:
            x = train(x, step)
            self._inputs.append(x)
        scores: Floats = x
        return scores

    def backward(self) -> None:
        """Turn the gradient in the last of ``rows.dout`` into that of the parameters.

        Gradients are overwritten, but for those of frozen layers.
        """
        inputs = self._inputs
        for i, backward in self._backward:
            backward(inputs[i], inputs[i + 1])
