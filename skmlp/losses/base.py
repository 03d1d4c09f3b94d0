"""What a loss is."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from numbers import Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._linalg import total
from skmlp._params import Constraint, Interval, arguments
from skmlp._typing import Floats
from skmlp.workspace import Buffer


class Loss(ABC):
    """A mean over rows of ℓ(y, raw scores), and its derivative.

    The loss sees raw scores and owns the link that makes predictions of them, so
    the logarithm and the exponential of a probability never meet.

    The public attributes and methods of this class are the protocol of a loss: an
    object that has them all can be given as the ``loss`` of an estimator. The easy way
    is a subclass: of ``ElementwiseLoss`` for a sum over targets, of this class for
    others. The estimator copies the object and never changes it; what it keeps between
    calls are its parameters alone, because memory is handed to it with each batch.

    Attributes
    ----------
    link : str
        Name of the inverse link, scikit-learn's ``out_activation_``. A classifier has
        probabilities where it is 'logistic' or 'softmax'; a regressor has standard
        deviations where it is 'gaussian', and several quantiles where it is
        'quantiles'.
    coded : bool
        Whether it takes class codes, for a row of raw scores that belong together,
        rather than a matrix of numbers, or of 0 and 1.
    domain : Interval
        The targets it is defined for, codes apart.
    constraints : mapping of str to Constraint
        What its parameters may be.
    """

    link: str
    coded: bool = False
    constraints: ClassVar[Mapping[str, Constraint]] = {}

    @property
    def domain(self) -> Interval:
        """Return the interval of the targets it is defined for."""
        return Interval(Real, None, None, closed="neither")

    def n_raw(self, n_targets: int) -> int:
        """Return how many raw scores a row of targets takes."""
        return n_targets

    def masked(self) -> "Loss":
        """Return the loss that leaves out targets that are NaN.

        Raises
        ------
        ValueError
            If that cannot be: targets that belong together cannot be left out.
        """
        raise ValueError(f"y contains NaN, which the loss {type(self).__name__} does not take.")

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare the memory for `n_outputs` raw scores a row; ``rows`` takes ℓ of each row."""
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
            Raw scores; not written to, as the last layer may read them again. Columns
            are contiguous.
        y : ndarray of shape (n,) or (n, n_targets)
            Encoded targets.
        weight : ndarray of shape (n,) or None
            Weights that sum to one; None for 1/n each.
        grad : ndarray of shape (n, n_outputs)
            Where the derivative with respect to `raw` goes. Columns are contiguous.
        scratch : mapping of str to ndarray
            The declared buffers.
        """
        rows = self.rows(raw, y, grad, scratch)
        if weight is None:
            np.multiply(grad, np.array(1.0 / len(rows), grad.dtype), grad)
            return total(rows) / len(rows)
        np.multiply(grad, weight[:, np.newaxis], grad)
        return float(np.dot(rows, weight))

    @abstractmethod
    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return ℓ of each row; leave dℓ/draw, not weighted, in `grad`."""

    @abstractmethod
    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into predictions, in place."""

    def __repr__(self) -> str:
        """Return the call that makes the loss."""
        given = [f"{name}={vars(self).get(name)!r}" for name in arguments(type(self))]
        return f"{type(self).__name__}({', '.join(given)})"
