"""The random numbers of layers that are stochastic in training."""

from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import numpy as np

from skmlp._typing import Floats

#: Elements that are drawn at once: bounds the memory of the drawn integers.
DRAWN = 2**15

#: Sixteen random bits decide about one element.
_LEVELS = 2**16


class Noise:
    """A stream of its own, so that drawing noise changes no other random number.

    Parameters
    ----------
    seed : int or callable
        Where the stream starts, or a function that returns it. It is asked when the first
        number is wanted: a stream takes as long to make as a step on a small net.

    Attributes
    ----------
    strength : float
        What a schedule multiplies dropout rates by; 1 without one.
    """

    def __init__(self, seed: int | Callable[[], int] = 0) -> None:
        self._seed = seed
        self.strength = 1.0

    @cached_property
    def _bits(self) -> np.random.SFC64:
        """The stream."""
        return np.random.SFC64(self._seed() if callable(self._seed) else self._seed)

    @cached_property
    def _generator(self) -> np.random.Generator:
        """What draws normal numbers from the stream."""
        return np.random.Generator(self._bits)

    def mask(self, rate: float, out: Floats) -> float:
        """Fill `out` with 0 at a share `rate` of its places, at random, and 1 elsewhere.

        Returns
        -------
        float
            The exact probability of 1, a multiple of 2⁻¹⁶.
        """
        dropped = min(round(rate * _LEVELS), _LEVELS - 1)
        flat = out.reshape(-1)
        for start in range(0, flat.size, DRAWN):
            part = flat[start : start + DRAWN]
            words: Any = self._bits.random_raw(-(-part.size // 4))
            np.copyto(part, words.view(np.uint16)[: part.size] >= dropped)
        return 1.0 - dropped / _LEVELS

    def normal(self, out: Floats) -> None:
        """Fill `out` with standard normal numbers."""
        self._generator.standard_normal(dtype=out.dtype, out=out)

    def state(self) -> dict[str, Any]:
        """Return where the stream is: arrays, numbers and strings."""
        return dict(self._bits.state)

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned."""
        self._bits.state = dict(state)  # type: ignore[assignment]
