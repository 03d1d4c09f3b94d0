"""What keeps weights small, by the name of its parameter."""

from skmlp.penalties.base import Penalty, Rates, Weight
from skmlp.penalties.group_l1 import GroupL1
from skmlp.penalties.l1 import L1
from skmlp.penalties.l2 import L2
from skmlp.penalties.max_norm import MaxNorm
from skmlp.penalties.weight_decay import WeightDecay

PENALTIES: dict[str, type[Penalty]] = {
    "l2": L2,
    "l1": L1,
    "group_l1": GroupL1,
    "weight_decay": WeightDecay,
    "max_norm": MaxNorm,
}

__all__ = [
    "L1",
    "L2",
    "PENALTIES",
    "GroupL1",
    "MaxNorm",
    "Penalty",
    "Rates",
    "Weight",
    "WeightDecay",
]
