"""What a loss is."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.workspace import Buffer


class Loss(ABC):
    """A mean over rows of ℓ(y, raw scores), and its derivative.

    The loss sees raw scores and owns the link that makes predictions of them, so
    the logarithm and the exponential of a probability never meet.

    Attributes
    ----------
    link : str
        Name of the inverse link, scikit-learn's ``out_activation_``.
    lowest_target : float
        The smallest target the loss is defined for.
    """

    link: ClassVar[str]
    lowest_target: ClassVar[float] = -math.inf

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare the memory a batch needs; ``rows`` takes ℓ of each row."""
        return {"rows": Buffer()}

    def __call__(
        self,
        raw: Floats,
        y: NDArray[Any],
        weight: Floats | None,
        grad: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> float:
        """Return Σ wᵢ ℓᵢ and leave its derivative in `grad`.

        Parameters
        ----------
        raw : ndarray of shape (n, n_outputs)
            Raw scores; may be overwritten.
        y : ndarray of shape (n,) or (n, n_outputs)
            Encoded targets.
        weight : ndarray of shape (n,) or None
            Weights that sum to one; None for 1/n each.
        grad : ndarray of shape (n, n_outputs)
            Where the derivative with respect to `raw` goes.
        scratch : mapping of str to ndarray
            The declared buffers.
        """
        rows = self.rows(raw, y, grad, scratch)
        if weight is None:
            np.multiply(grad, 1.0 / len(rows), out=grad)
            return float(np.add.reduce(rows)) / len(rows)
        np.multiply(grad, weight[:, np.newaxis], out=grad)
        return float(np.dot(rows, weight))

    @abstractmethod
    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return ℓ of each row; leave dℓ/draw, not weighted, in `grad`."""

    @abstractmethod
    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into predictions, in place."""
