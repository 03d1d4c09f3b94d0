"""The sum of a loss over groups of raw scores."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from skmlp._typing import Floats
from skmlp.losses.base import Loss
from skmlp.workspace import Buffer


class GroupedLoss(Loss):
    """ℓ = Σⱼ ℓ(yⱼ, group j of the raw scores), for several columns of class codes.

    Parameters
    ----------
    loss : Loss
        The loss of one column of class codes.
    widths : sequence of int
        Raw scores of each group.

    References
    ----------
    Caruana (1997), "Multitask learning".
    """

    coded = True

    def __init__(self, loss: Loss, widths: Sequence[int]) -> None:
        self.loss, self.widths = loss, list(widths)
        self.link = loss.link
        self._groups = groups(widths)

    def n_raw(self, n_targets: int) -> int:
        """Return how many raw scores a row of targets takes."""
        return sum(self.widths)

    def buffers(self, n_outputs: int) -> dict[str, Buffer]:
        """Declare what the loss needs for each group, and the sum."""
        buffers = {"rows": Buffer()}
        for j, width in enumerate(self.widths):
            own = self.loss.buffers(width)
            buffers |= {f"{j}.{name}": buffer for name, buffer in own.items()}
        return buffers

    def rows(
        self, raw: Floats, y: NDArray[Any], grad: Floats, scratch: Mapping[str, NDArray[Any]]
    ) -> Floats:
        """Return the sum over groups of each row's losses, and its derivative."""
        total = scratch["rows"]
        total.fill(0)
        for j, group in enumerate(self._groups):
            part = _Part(scratch, f"{j}.")
            np.add(total, self.loss.rows(raw[:, group], y[:, j], grad[:, group], part), out=total)
        return total

    def inverse_link(self, raw: Floats) -> Floats:
        """Turn raw scores into predictions, in place."""
        for group in self._groups:
            self.loss.inverse_link(raw[:, group])
        return raw


class _Part(Mapping[str, NDArray[Any]]):
    """The buffers of one group."""

    def __init__(self, scratch: Mapping[str, NDArray[Any]], prefix: str) -> None:
        self._scratch, self._prefix = scratch, prefix

    def __getitem__(self, name: str) -> NDArray[Any]:
        return self._scratch[self._prefix + name]

    def __iter__(self) -> Iterator[str]:
        ours = (name for name in self._scratch if name.startswith(self._prefix))
        return (name.removeprefix(self._prefix) for name in ours)

    def __len__(self) -> int:
        return sum(1 for _ in self)


def groups(widths: Sequence[int]) -> list[slice]:
    """Return the columns of each group of raw scores."""
    return [slice(*ends) for ends in pairwise(accumulate(widths, initial=0))]
