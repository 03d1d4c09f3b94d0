"""The losses, by the name of the parameter or the kind of classification."""

from skmlp.losses.base import Loss
from skmlp.losses.binary_log_loss import BinaryLogLoss
from skmlp.losses.multinomial_log_loss import MultinomialLogLoss
from skmlp.losses.poisson import Poisson
from skmlp.losses.squared_error import SquaredError

LOSSES: dict[str, type[Loss]] = {
    "binary_log_loss": BinaryLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
    "squared_error": SquaredError,
    "poisson": Poisson,
}

__all__ = [
    "LOSSES",
    "BinaryLogLoss",
    "Loss",
    "MultinomialLogLoss",
    "Poisson",
    "SquaredError",
]
