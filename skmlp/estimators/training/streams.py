"""Random streams: what is kept of one, and what is made of that."""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np


def state(rng: np.random.RandomState) -> dict[str, Any] | None:
    """Return the state of a stream: plain values.

    None stands for that of another bit generator than the Mersenne twister, which seeds
    make and ``set_state`` knows.
    """
    found: dict[str, Any] = rng.get_state(legacy=False)
    return found if found["bit_generator"] == "MT19937" else None


def stream(state: Mapping[str, Any]) -> np.random.RandomState:
    """Return a stream in a state."""
    rng = np.random.RandomState(0)  # any seed: without one it asks the system for entropy
    rng.set_state(state)  # type: ignore[arg-type]
    return rng


def seed(rng: np.random.RandomState) -> Callable[[], int]:
    """Return a function that returns the next number of a copy of a stream as it is now."""
    known = state(rng)
    if known is None:
        twin = copy.deepcopy(rng)
        return lambda: int(twin.randint(2**31))
    return lambda: int(stream(known).randint(2**31))
