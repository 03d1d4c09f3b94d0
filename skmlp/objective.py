"""Mean loss plus penalties as a function of the parameters, with its gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._arena import BLOCK, Arena
from skmlp._typing import Floats, Matrix
from skmlp.losses.base import Loss
from skmlp.network import Network
from skmlp.penalties.base import Penalty
from skmlp.workspace import Rows, Workspace


class Objective:
    """What a solver makes small: Σ wᵢ ℓᵢ / Σ w + Ω(parameters) / Σ w.

    Parameters
    ----------
    network : Network
        Makes raw scores of a batch.
    loss : Loss
        Compares them with the targets.
    penalties : sequence of Penalty
        Added to the loss, divided by the weight sum of the batch as scikit-learn
        does.
    dtype : dtype
        float32 or float64.

    Attributes
    ----------
    params, grads : Arena
        The parameters, zero at first, and the gradient that the last call left.
    """

    def __init__(
        self, network: Network, loss: Loss, penalties: Sequence[Penalty], dtype: DTypeLike
    ) -> None:
        self.network, self.loss, self.penalties = network, loss, penalties
        self.params = Arena(network.layout, dtype)
        self.grads = Arena(network.layout, dtype)
        self._scratch: Floats = np.empty(min(BLOCK, network.layout.n_penalised), dtype)

    def workspace(self, n_rows: int) -> Workspace:
        """Return memory for batches of up to `n_rows` rows."""
        scratch = self.loss.buffers(self.network.n_outputs)
        return Workspace(n_rows, self.params.flat.dtype, self.network.plan, scratch)

    def __call__(
        self, X: Matrix, y: NDArray[Any], weight: Floats | None, total: float, rows: Rows
    ) -> float:
        """Return the value for one batch and leave the gradient in ``grads``.

        Parameters
        ----------
        X : ndarray or sparse array of shape (k, n_features)
            The batch.
        y : ndarray of shape (k,) or (k, n_outputs)
            Its encoded targets.
        weight : ndarray of shape (k,) or None
            Its weights divided by their sum; None for equal ones.
        total : float
            The weight sum, `k` for equal weights.
        rows : Rows
            Memory for `k` rows.
        """
        params, grads = self.params, self.grads
        raw = self.network.forward(params.views, X, rows)
        value = self.loss(raw, y, weight, rows.dout[-1], rows.scratch)
        self.network.backward(params.views, grads.views, X, rows)
        for penalty in self.penalties:
            value += penalty.value_gradient(
                params.penalised, grads.penalised, 1.0 / total, self._scratch
            )
        return value
