"""The random numbers of layers that are stochastic in training."""

from collections.abc import Mapping
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
    seed : int
        Where the stream starts.

    Attributes
    ----------
    strength : float
        What a schedule multiplies dropout rates by; 1 without one.
    """

    def __init__(self, seed: int = 0) -> None:
        self._bits = np.random.SFC64(seed)
        self._generator = np.random.Generator(self._bits)
        self.strength = 1.0

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
