"""Copies of the weights as they were on the way."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from skmlp._arena import Arena, merged
from skmlp._typing import Views
from skmlp.estimators.model import Model
from skmlp.estimators.observers import Epoch, Observer


class KeptWeights(Observer):
    """Copy the weights every few epochs.

    Parameters
    ----------
    every : int
        How many.
    arenas : sequence of Arena
        Parameters and statistics, as prediction uses them.
    kept : list of dict
        Copies made so far; others are added.
    """

    def __init__(self, every: int, arenas: Sequence[Arena], kept: list[dict[str, Any]]) -> None:
        self._every, self._arenas, self._kept = every, arenas, kept

    def epoch_end(self, epoch: Epoch) -> None:
        """Copy the weights, if it is time."""
        if epoch.number % self._every == 0:
            params, statistics = (arena.flat.copy() for arena in self._arenas)
            self._kept.append({"epoch": epoch.number, "params": params, "statistics": statistics})


def stages(model: Model, kept: Sequence[Mapping[str, Any]]) -> Iterator[Sequence[Views]]:
    """Yield what each layer takes, copy by copy."""
    network, dtype = model.network, model.dtype
    for copies in kept:
        arenas = Arena(network.layout, dtype), Arena(network.statistics, dtype)
        for arena, name in zip(arenas, ("params", "statistics"), strict=True):
            np.copyto(arena.flat, copies[name])
        yield merged(*arenas)
