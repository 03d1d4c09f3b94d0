"""Log-loss of one or several yes-or-no questions."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from skmlp._linalg import row_sums
from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class BinaryLogLoss(Loss):
    """ℓ = Σⱼ log(1 + exp(zⱼ)) - yⱼ zⱼ, with dℓ/dz = 1 / (1 + exp(-z)) - y.

    Targets are 0 or 1: one column for two classes, a column a label for multilabel.

    References
    ----------
    Cox (1958), "The regression analysis of binary sequences".
    """

    link = "logistic"

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare a number a row and one an output."""
        return {"rows": Buffer(), "terms": Buffer(n_outputs, order="F")}

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return Σⱼ log(1 + exp(zⱼ)) - yⱼ zⱼ of each row, and its derivative."""
        terms = scratch["terms"]
        # log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), which never overflows.
        np.abs(raw, out=terms)
        np.negative(terms, out=terms)
        np.exp(terms, out=terms)
        np.log1p(terms, out=terms)
        np.maximum(raw, 0.0, out=grad)
        np.add(terms, grad, out=terms)
        np.multiply(y, raw, out=grad)
        np.subtract(terms, grad, out=terms)
        expit(raw, out=grad)
        np.subtract(grad, y, out=grad)
        return row_sums(terms, scratch["rows"])

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into probabilities of 1, in place."""
        expit(raw, out=raw)
        return raw
