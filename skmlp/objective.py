"""Mean loss plus penalties as a function of the parameters, with its gradient."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from skmlp._arena import BLOCK, Arena, blocks
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
    scratch : ndarray
        Memory of one block, free between calls.
    """

    def __init__(
        self, network: Network, loss: Loss, penalties: Sequence[Penalty], dtype: DTypeLike
    ) -> None:
        self.network, self.loss, self.penalties = network, loss, penalties
        self.params = Arena(network.layout, dtype)
        self.grads = Arena(network.layout, dtype)
        self.scratch: Floats = np.empty(min(BLOCK, network.layout.size), dtype)

    def workspace(self, n_rows: int) -> Workspace:
        """Return memory for batches of up to `n_rows` rows."""
        scratch = self.loss.buffers(self.network.n_outputs)
        return Workspace(n_rows, self.params.flat.dtype, self.network.plan, scratch)

    def loss_gradient(self, X: Matrix, y: NDArray[Any], weight: Floats | None, rows: Rows) -> float:
        """Return the mean loss of one batch and leave its gradient in ``grads``.

        Parameters
        ----------
        X : ndarray or sparse array of shape (k, n_features)
            The batch.
        y : ndarray of shape (k,) or (k, n_outputs)
            Its encoded targets.
        weight : ndarray of shape (k,) or None
            Its weights divided by their sum; None for equal ones.
        rows : Rows
            Memory for `k` rows.
        """
        params, grads = self.params.views, self.grads.views
        raw = self.network.forward(params, X, rows)
        value = self.loss(raw, y, weight, rows.dout[-1], rows.scratch)
        self.network.backward(params, grads, X, rows)
        return value

    def penalise(self, total: float, block: slice) -> float:
        """Add the penalties' gradient for a block of the flat vector; return their value.

        Parameters
        ----------
        total : float
            The weight sum of the batch.
        block : slice
            The block; no longer than ``BLOCK``.

        Returns
        -------
        float
            Σ Ω(block) / total.
        """
        part = slice(block.start, min(block.stop, self.params.n_penalised))
        if part.start >= part.stop:
            return 0.0
        weights, grads, value = self.params.flat[part], self.grads.flat[part], 0.0
        for penalty in self.penalties:
            value += penalty.value_gradient(weights, grads, 1.0 / total, self.scratch)
        return value

    def __call__(
        self, X: Matrix, y: NDArray[Any], weight: Floats | None, total: float, rows: Rows
    ) -> float:
        """Return loss plus penalties of one batch and leave the gradient in ``grads``.

        Parameters
        ----------
        X, y, weight, rows
            As for ``loss_gradient``.
        total : float
            The weight sum, `k` for equal weights.
        """
        value = self.loss_gradient(X, y, weight, rows)
        return value + sum(self.penalise(total, b) for b in blocks(self.params.n_penalised))
