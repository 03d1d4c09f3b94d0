"""What losses of one class out of several share."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._linalg import column_sums, constant
from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class MultinomialLoss(Loss):
    """A function of the log-loss log Σⱼ exp(zⱼ) - z_y.

    Targets are class codes 0 … k - 1; no indicator matrix is made of them.
    """

    link = "softmax"
    coded = True

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare the numbers each row needs."""
        return {
            "rows": Buffer(),
            "picked": Buffer(),
            "top": Buffer(),
            "total": Buffer(),
            "row": Buffer(dtype=np.intp, counting=True),
            "index": Buffer(dtype=np.intp),
        }

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return the loss of each row, and its derivative."""
        rows, picked, total = scratch["rows"], scratch["picked"], scratch["total"]
        scores, columns, top, index = raw.T, grad.T, scratch["top"], scratch["index"]
        # Shifted by its row's maximum no exponential overflows.
        np.maximum.reduce(scores, axis=0, out=top)
        np.subtract(scores, top, columns)
        # Columns are contiguous: entry (i, j) is the (j n + i)-th.
        flat = columns.reshape(-1)
        np.multiply(y, np.array(len(y)), index)
        np.add(index, scratch["row"], index)
        flat.take(index, out=rows, mode="clip")
        np.exp(flat, flat)
        column_sums(columns, total)
        np.divide(columns, total, columns)
        flat.take(index, out=picked, mode="clip")
        np.subtract(picked, constant(1, (), picked.dtype), picked)
        flat.put(index, picked, "clip")
        np.log(total, total)
        np.subtract(total, rows, rows)
        self.finish(raw, grad, scratch)
        return rows

    @abstractmethod
    def finish(self, raw: Floats, grad: Floats, scratch: Mapping[str, NDArray[Any]]) -> None:
        """Turn the log-loss of each row, in ``rows``, and its derivative into those of the loss.

        Parameters
        ----------
        raw, grad : ndarray of shape (n, n_classes)
            Raw scores, and softmax(z) - onehot(y).
        scratch : mapping of str to ndarray
            The buffers: in ``picked`` the probability of y minus one, in ``top`` the
            largest score and in ``total`` the logarithm of Σⱼ exp(zⱼ - top), in
            ``index`` where the entries of y lie in the transposed matrix.
        """

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into softmax probabilities, in place."""
        np.subtract(raw, np.maximum.reduce(raw, axis=1, keepdims=True), out=raw)
        np.exp(raw, out=raw)
        np.divide(raw, np.add.reduce(raw, axis=1, keepdims=True), out=raw)
        return raw
