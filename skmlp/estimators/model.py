"""What a fitted estimator computes with, frozen at the time of the fit."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import DTypeLike

from skmlp._threads import threads_for
from skmlp._typing import Floats, Matrix, Views
from skmlp.estimators.architecture import build_network
from skmlp.estimators.pieces import put_together
from skmlp.estimators.targets import Target
from skmlp.inference import CHUNK, chunk_rows, raw_scores
from skmlp.network import Network


class Weights(NamedTuple):
    """All learned numbers, as the estimators show them.

    Attributes
    ----------
    coefs, intercepts : list of ndarray
        Weight and bias of each dense layer.
    others : list of dict of str to ndarray
        The named arrays of each other layer that has any.
    """

    coefs: Sequence[Floats]
    intercepts: Sequence[Floats]
    others: Sequence[Views]


class Arrays:
    """The learned numbers of a network, as its layers take them and as estimators show them.

    Parameters
    ----------
    network : Network
        The layers.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    shapes : list of dict of str to tuple of int
        For each layer the shapes of its parameters and statistics.
    """

    def __init__(self, network: Network, dtype: DTypeLike) -> None:
        self.network, self.dtype = network, np.dtype(dtype)
        layouts = (network.layout, network.statistics)
        self.shapes = [
            {p.name: p.shape for layout in layouts for p in layout.layers[i]}
            for i in range(len(network.layers))
        ]
        self._dense = [i for i, shapes in enumerate(self.shapes) if "weight" in shapes]
        self._others = [
            i for i, shapes in enumerate(self.shapes) if shapes and i not in self._dense
        ]

    def parameters(self, weights: Weights) -> list[Mapping[str, Floats]]:
        """Return what each layer of the network takes, in its type.

        Raises
        ------
        ValueError
            If there are more or fewer arrays than the network has.
        """
        dtype = self.dtype
        params: list[Mapping[str, Floats]] = [{}] * len(self.shapes)
        dense = zip(self._dense, weights.coefs, weights.intercepts, strict=True)
        for i, weight, bias in dense:
            params[i] = {"weight": np.asarray(weight, dtype), "bias": np.asarray(bias, dtype)}
        for i, arrays in zip(self._others, weights.others, strict=True):
            params[i] = {name: np.asarray(arrays[name], dtype) for name in self.shapes[i]}
        return params

    def weights(self, params: Sequence[Views]) -> Weights:
        """Return what each layer of the network has, sorted as the estimators show it."""
        dense = [p for p in params if "weight" in p]
        others = [dict(p) for p in params if p and "weight" not in p]
        return Weights([p["weight"] for p in dense], [p["bias"] for p in dense], others)


class Model(Arrays):
    """A network for one kind of target.

    Parameters
    ----------
    architecture : dict
        ``n_features``, ``dtype`` and the parameters that shape the network: plain
        values, kept by the estimator in place of its parameters, which the user may
        change after the fit.
    target : Target
        The kind of target.
    """

    def __init__(self, architecture: dict[str, Any], target: Target) -> None:
        self.architecture, self.target = architecture, target
        network = build_network(
            architecture, architecture["n_features"], target.n_outputs, target.bounds
        )
        super().__init__(network, architecture["dtype"])

    def changed(self, settings: Mapping[str, Any]) -> "Model":
        """Return the model with other values of some parameters."""
        return Model({**self.architecture, **settings}, self.target)

    def infer(
        self, X: Matrix, params: Sequence[Views], finish: Callable[[Target, Floats], Any]
    ) -> Any:
        """Return what `finish` makes of the target and the raw scores of validated rows.

        What it needs besides its result does not grow with the rows: it is handed the
        scores of a number of chunks, about ``CHUNK`` numbers.
        """
        n, width = X.shape[0], self.network.n_outputs
        if n * width <= CHUNK:
            return finish(self.target, self.raw_scores(X, params))
        rows = chunk_rows(self.network, params, X)
        size = rows * max(1, CHUNK // (width * rows))
        parts = (slice(start, min(start + size, n)) for start in range(0, n, size))
        scored = ((part, self.raw_scores(X[part], params)) for part in parts)
        return put_together(n, ((part, finish(self.target, raw)) for part, raw in scored))

    def raw_scores(self, X: Matrix, params: Sequence[Views]) -> Floats:
        """Return the raw scores of validated rows, with as many threads as pay."""
        rows = min(X.shape[0], chunk_rows(self.network, params, X))
        with threads_for(rows * self.network.largest_product):
            return raw_scores(self.network, params, X, self.dtype)
