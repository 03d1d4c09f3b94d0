"""The losses, by the name of the parameter or the kind of classification."""

from typing import NamedTuple

from skmlp.losses.absolute_error import AbsoluteError
from skmlp.losses.base import Loss
from skmlp.losses.binary_focal import BinaryFocal
from skmlp.losses.binary_log_loss import BinaryLogLoss
from skmlp.losses.elementwise import ElementwiseLoss, MaskedLoss
from skmlp.losses.gamma import Gamma
from skmlp.losses.gaussian import Gaussian
from skmlp.losses.grouped import GroupedLoss, groups
from skmlp.losses.huber import Huber
from skmlp.losses.log_cosh import LogCosh
from skmlp.losses.multinomial_focal import MultinomialFocal
from skmlp.losses.multinomial_log_loss import MultinomialLogLoss
from skmlp.losses.poisson import Poisson
from skmlp.losses.quantile import Quantile
from skmlp.losses.squared_error import SquaredError
from skmlp.losses.squared_hinge import SquaredHinge
from skmlp.losses.tweedie import Tweedie


class ByClasses(NamedTuple):
    """What a loss of the classifier is: for yes-or-no questions, and for more classes."""

    binary: type[Loss]
    multiclass: type[Loss]


LOSSES: dict[str, type[Loss]] = {
    "binary_log_loss": BinaryLogLoss,
    "multinomial_log_loss": MultinomialLogLoss,
    "binary_focal": BinaryFocal,
    "multinomial_focal": MultinomialFocal,
    "squared_hinge": SquaredHinge,
    "squared_error": SquaredError,
    "absolute_error": AbsoluteError,
    "huber": Huber,
    "log_cosh": LogCosh,
    "quantile": Quantile,
    "poisson": Poisson,
    "gamma": Gamma,
    "tweedie": Tweedie,
    "gaussian": Gaussian,
}

#: The losses of the classifier, by the name of the parameter.
CLASSIFICATION: dict[str, ByClasses] = {
    "log_loss": ByClasses(BinaryLogLoss, MultinomialLogLoss),
    "focal": ByClasses(BinaryFocal, MultinomialFocal),
    "squared_hinge": ByClasses(SquaredHinge, SquaredHinge),
}

#: The losses of the regressor, by the name of the parameter.
REGRESSION: dict[str, type[Loss]] = {
    name: kind
    for name, kind in LOSSES.items()
    if not any(kind in kinds for kinds in CLASSIFICATION.values())
}

__all__ = [
    "CLASSIFICATION",
    "LOSSES",
    "REGRESSION",
    "AbsoluteError",
    "BinaryFocal",
    "BinaryLogLoss",
    "ByClasses",
    "ElementwiseLoss",
    "Gamma",
    "Gaussian",
    "GroupedLoss",
    "Huber",
    "LogCosh",
    "Loss",
    "MaskedLoss",
    "MultinomialFocal",
    "MultinomialLogLoss",
    "Poisson",
    "Quantile",
    "SquaredError",
    "SquaredHinge",
    "Tweedie",
    "groups",
]
