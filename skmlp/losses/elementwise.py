"""Losses that are sums over targets, and the same with some targets missing."""

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from skmlp._linalg import row_sums
from skmlp._params import Interval
from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class ElementwiseLoss(Loss):
    """A sum over targets: ℓ = Σⱼ ℓⱼ(yⱼ, the raw scores of target j).

    A member writes the terms ℓⱼ and their derivatives. Where a target has several
    raw scores, the first ones of all targets come first, then the second ones.

    Attributes
    ----------
    n_scores : int
        Raw scores of a target.
    spare : tuple of str
        Names of further arrays of the shape of y that ``terms`` needs.
    """

    spare: ClassVar[tuple[str, ...]] = ()

    @property
    def n_scores(self) -> int:
        """Return how many raw scores a target has."""
        return 1

    def n_raw(self, n_targets: int) -> int:
        """Return how many raw scores a row of targets takes."""
        return n_targets * self.n_scores

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare a number a row, and one a target for the terms and for each spare array."""
        matrix = Buffer(n_outputs // self.n_scores, order="F")
        return {"rows": Buffer(), "terms": matrix, **dict.fromkeys(self.spare, matrix)}

    def masked(self) -> Loss:
        """Return the loss that leaves out targets that are NaN."""
        return MaskedLoss(self)

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return the sum of each row's terms, and their derivatives."""
        self.terms(raw, y, grad, scratch["terms"], scratch)
        return row_sums(scratch["terms"], scratch["rows"])

    @abstractmethod
    def terms(
        self,
        raw: Floats,
        y: NDArray[Any],
        grad: Floats,
        out: Floats,
        scratch: Mapping[str, NDArray[Any]],
    ) -> None:
        """Write ℓⱼ of each target to `out`, and dℓⱼ/draw to `grad`."""


class MaskedLoss(Loss):
    """ℓ = Σⱼ ℓⱼ over the targets that are known, those that are not NaN.

    Parameters
    ----------
    loss : ElementwiseLoss
        What ℓⱼ is.

    References
    ----------
    Little & Rubin (2002), "Statistical analysis with missing data", section 3.
    """

    def __init__(self, loss: ElementwiseLoss) -> None:
        self.loss = loss
        self.link = loss.link

    @property
    def domain(self) -> Interval:
        """Return the interval of the targets it is defined for."""
        return self.loss.domain

    def n_raw(self, n_targets: int) -> int:
        """Return how many raw scores a row of targets takes."""
        return self.loss.n_raw(n_targets)

    def masked(self) -> Loss:
        """Return the loss itself."""
        return self

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare what the loss needs, and what is missing."""
        buffers = self.loss.buffers(n_outputs)
        return {**buffers, "missing": buffers["terms"]._replace(dtype=np.bool_)}

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return the sum of each row's terms, and their derivatives; zero for what is missing."""
        terms, missing = scratch["terms"], scratch["missing"]
        np.isnan(y, out=missing)
        self.loss.terms(raw, y, grad, terms, scratch)
        np.copyto(terms, 0.0, where=missing)
        for slopes in columns(grad, grad.shape[1] // terms.shape[1]):
            np.copyto(slopes, 0.0, where=missing)
        return row_sums(terms, scratch["rows"])

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into predictions, in place."""
        return self.loss.inverse_link(raw)


def columns(scores: Floats, n_scores: int) -> list[Floats]:
    """Return the first, the second … scores of all targets, as views."""
    width = scores.shape[1] // n_scores
    return [scores[:, k * width : (k + 1) * width] for k in range(n_scores)]
