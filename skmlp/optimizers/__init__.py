"""The first-order optimizers, by their solver name."""

from skmlp.optimizers.adam import Adam
from skmlp.optimizers.base import Optimizer
from skmlp.optimizers.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
}

__all__ = ["OPTIMIZERS", "SGD", "Adam", "Optimizer"]
