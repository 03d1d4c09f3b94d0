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

    def parameters(
        self, coefs: Sequence[Floats], intercepts: Sequence[Floats]
    ) -> list[dict[str, Floats]]:
        """Return weights and biases as the network takes them."""
        pairs = zip(coefs, intercepts, strict=True)
        return [
            dict(zip(("weight", "bias"), next(pairs), strict=True)) if declared else {}
            for declared in self.network.layout.layers
        ]

    def raw_scores(self, X: Matrix, params: Sequence[dict[str, Floats]]) -> Floats:
        """Return the raw scores of validated rows, with as many threads as pay."""
        rows = min(X.shape[0], chunk_rows(self.network))
        with threads_for(rows * self.network.largest_product):
            return raw_scores(self.network, params, X, self.dtype)
