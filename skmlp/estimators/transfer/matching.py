"""Which entries along an axis of an array are those of another array."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from skmlp._typing import Floats, Indices


class Share(NamedTuple):
    """An entry times a factor."""

    entry: int
    factor: float = 1.0


class Matching(ABC):
    """Which entries along an axis are those of another array.

    Attributes
    ----------
    known : float
        The share of the entries that are.
    """

    known: float

    @abstractmethod
    def write(self, to: Floats, given: Floats) -> None:
        """Write to the last axis of `to` what is known of it from that of `given`."""

    def same(self) -> "Matching":
        """Return it without the entries that are computed from others."""
        return self


class All(Matching):
    """All of them, in their order.

    Attributes
    ----------
    mine, other : ndarray of int or slice
        Where the same entries are in the one array and in the other.
    """

    known = 1.0
    mine: Indices | slice = slice(None)
    other: Indices | slice = slice(None)

    def write(self, to: Floats, given: Floats) -> None:
        """Copy."""
        np.copyto(to, given)


class Places(All):
    """Some of them, each at a place of its own.

    Parameters
    ----------
    mine, other : ndarray of int
        Where the same entries are in the one array and in the other.
    lengths : (int, int)
        Those of the axis in both. An array of another length is about all entries
        together.
    """

    def __init__(self, mine: Indices, other: Indices, lengths: tuple[int, int]) -> None:
        self.mine, self.other, self._lengths = mine, other, lengths
        self.known = len(mine) / lengths[0]

    def write(self, to: Floats, given: Floats) -> None:
        """Copy these entries."""
        if (to.shape[-1], given.shape[-1]) == self._lengths:
            to[..., self.mine] = given[..., self.other]
        else:
            np.copyto(to, given)


class Shares(Matching):
    """Entries that are others times factors.

    Parameters
    ----------
    shares : mapping of int to Share
        For some entries, what they are.
    n_entries : int
        How many there are along the axis.
    """

    def __init__(self, shares: Mapping[int, Share], n_entries: int) -> None:
        self._shares, self._n_entries = shares, n_entries
        self.known = len(shares) / n_entries

    def write(self, to: Floats, given: Floats) -> None:
        """Write entry by entry."""
        for entry, (other, factor) in self._shares.items():
            to[..., entry] = given[..., other] * factor

    def same(self) -> Matching:
        """Return those with the factor one."""
        same = {entry: share for entry, share in self._shares.items() if share.factor == 1.0}
        return Shares(same, self._n_entries)


class Difference(Matching):
    """A single entry z = s (b - a); for an unknown a or b stands what z was.

    Parameters
    ----------
    shares : sequence of (Share or None)
        What a and b are.
    scale : float
        The factor s.
    """

    def __init__(self, shares: Sequence[Share | None], scale: float) -> None:
        self._shares, self._scale = shares, scale
        self.known = sum(share is not None for share in shares) / 2

    def write(self, to: Floats, given: Floats) -> None:
        """Write z."""
        z = to[..., 0]
        a, b = (z if s is None else given[..., s.entry] * s.factor for s in self._shares)
        to[..., 0] = (b - a) * self._scale
