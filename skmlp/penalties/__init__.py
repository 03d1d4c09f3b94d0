"""The penalties on the weights."""

from skmlp.penalties.base import Penalty
from skmlp.penalties.l2 import L2

PENALTIES: dict[str, type[Penalty]] = {"l2": L2}

__all__ = ["L2", "PENALTIES", "Penalty"]
