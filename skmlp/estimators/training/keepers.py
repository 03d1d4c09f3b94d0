"""Which epoch's weights a training leaves behind."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from skmlp._arena import Arena


class Keeper:
    """Keep nothing: the training leaves its last weights.

    Attributes
    ----------
    score : float
        The highest score of an epoch; ``-inf`` before the first.
    epoch : int
        Which epoch had it, counted from one; zero before the first.
    """

    def __init__(self) -> None:
        self.score, self.epoch = -math.inf, 0

    def offer(self, score: float, epoch: int) -> None:
        """Take note of an epoch's score, at its end."""
        if score > self.score:
            self.score, self.epoch = score, epoch

    def restore_last(self, epoch: int) -> int:
        """At the end of the training put back what is kept; return whose epoch it is."""
        return epoch

    def restore_finite(self) -> int | None:
        """After divergence do the same; None if nothing is kept."""
        return None

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on."""
        return {"score": self.score, "epoch": self.epoch}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self.score, self.epoch = float(state["score"]), int(state["epoch"])


class Copies(Keeper):
    """Keep a copy of the weights, statistics included.

    Parameters
    ----------
    arenas : sequence of Arena
        Parameters and statistics, as prediction uses them.
    """

    def __init__(self, arenas: Sequence[Arena]) -> None:
        super().__init__()
        self._arenas, self._kept_epoch = arenas, 0
        self._kept = [arena.flat.copy() for arena in arenas]

    def _keep(self, epoch: int) -> None:
        """Copy the weights as they are."""
        self._kept_epoch = epoch
        for kept, arena in zip(self._kept, self._arenas, strict=True):
            np.copyto(kept, arena.flat)

    def restore_finite(self) -> int | None:
        """Put back the copy."""
        for kept, arena in zip(self._kept, self._arenas, strict=True):
            np.copyto(arena.flat, kept)
        return self._kept_epoch

    def state(self) -> dict[str, Any]:
        """Return copies of the copies, too."""
        params, statistics = (kept.copy() for kept in self._kept)
        kept = {"kept_epoch": self._kept_epoch, "params": params, "statistics": statistics}
        return {**super().state(), **kept}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        super().restore(state)
        self._kept_epoch = int(state["kept_epoch"])
        for kept, name in zip(self._kept, ("params", "statistics"), strict=True):
            np.copyto(kept, state[name])


class LastFinite(Copies):
    """Keep the weights of the last epoch, in case that the next one diverges."""

    def offer(self, score: float, epoch: int) -> None:
        """Keep the weights, which have been found finite."""
        super().offer(score, epoch)
        self._keep(epoch)


class Best(Copies):
    """Keep the weights of the epoch with the highest score.

    Parameters
    ----------
    arenas : sequence of Arena
        Parameters and statistics, as prediction uses them.
    ties : {'first', 'last'}
        Which of several epochs with the same score.
    """

    def __init__(self, arenas: Sequence[Arena], ties: str) -> None:
        super().__init__(arenas)
        self._ties = ties

    def offer(self, score: float, epoch: int) -> None:
        """Keep the weights if no epoch was better."""
        if score > self.score or (score == self.score and self._ties == "last"):
            self.score, self.epoch = score, epoch
            self._keep(epoch)

    def restore_last(self, epoch: int) -> int:
        """Put back the best weights; leave the last ones if no epoch had a score."""
        if self.epoch == 0 and epoch > 0:
            return epoch
        self.restore_finite()
        return self._kept_epoch
