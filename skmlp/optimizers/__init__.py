"""The first-order optimizers, by their solver name."""

from skmlp.optimizers.adadelta import Adadelta
from skmlp.optimizers.adagrad import Adagrad
from skmlp.optimizers.adam import Adam
from skmlp.optimizers.adamax import Adamax
from skmlp.optimizers.adamw import AdamW
from skmlp.optimizers.amsgrad import AMSGrad
from skmlp.optimizers.base import Optimizer, Pace, Regulariser
from skmlp.optimizers.lion import Lion
from skmlp.optimizers.nadam import NAdam
from skmlp.optimizers.radam import RAdam
from skmlp.optimizers.rmsprop import RMSprop
from skmlp.optimizers.rprop import Rprop
from skmlp.optimizers.schedule_free import ScheduleFreeAdamW
from skmlp.optimizers.sgd import SGD

OPTIMIZERS: dict[str, type[Optimizer]] = {
    "sgd": SGD,
    "adam": Adam,
    "adamw": AdamW,
    "amsgrad": AMSGrad,
    "adamax": Adamax,
    "nadam": NAdam,
    "radam": RAdam,
    "adagrad": Adagrad,
    "rmsprop": RMSprop,
    "adadelta": Adadelta,
    "lion": Lion,
    "schedulefree": ScheduleFreeAdamW,
    "rprop": Rprop,
}

__all__ = [
    "OPTIMIZERS",
    "SGD",
    "AMSGrad",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Adamax",
    "Lion",
    "NAdam",
    "Optimizer",
    "Pace",
    "RAdam",
    "RMSprop",
    "Regulariser",
    "Rprop",
    "ScheduleFreeAdamW",
]
