"""What a fitted estimator computes with, frozen at the time of the fit."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from skmlp._threads import threads_for
from skmlp._typing import Floats, Matrix
from skmlp.estimators.architecture import build_network
from skmlp.estimators.targets import Target
from skmlp.inference import chunk_rows, raw_scores


class Model:
    """A network for one kind of target.

    Parameters
    ----------
    architecture : dict
        ``n_features``, ``hidden_layer_sizes``, ``activation`` and ``dtype``: plain
        numbers and strings, kept by the estimator in place of its parameters, which
        the user may change after the fit.
    target : Target
        The kind of target.
    """

    def __init__(self, architecture: dict[str, Any], target: Target) -> None:
        self.architecture, self.target = architecture, target
        self.dtype = np.dtype(architecture["dtype"])
        self.network = build_network(
            architecture["n_features"],
            architecture["hidden_layer_sizes"],
            architecture["activation"],
            target.n_outputs,
        )
        self._weighted = [i for i, layer in enumerate(self.network.layout.layers) if layer]

    def parameters(
        self, coefs: Sequence[Floats], intercepts: Sequence[Floats]
    ) -> list[dict[str, Floats]]:
        """Return weights and biases as the network takes them, in its type."""
        dtype = self.dtype
        pairs = zip(coefs, intercepts, strict=True)
        params: list[dict[str, Floats]] = [{} for _ in self.network.layers]
        for i, (weight, bias) in zip(self._weighted, pairs, strict=True):
            params[i] = {"weight": np.asarray(weight, dtype), "bias": np.asarray(bias, dtype)}
        return params

    def raw_scores(self, X: Matrix, params: Sequence[dict[str, Floats]]) -> Floats:
        """Return the raw scores of validated rows, with as many threads as pay."""
        rows = min(X.shape[0], chunk_rows(self.network))
        with threads_for(rows * self.network.largest_product):
            return raw_scores(self.network, params, X, self.dtype)
