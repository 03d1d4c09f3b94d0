"""What moves the parameters."""

from skmlp.solvers.averaging import Average, Current, Evaluated, Shown
from skmlp.solvers.base import DivergenceError, Monitor, Outcome
from skmlp.solvers.batches import Batches, TrainingSet
from skmlp.solvers.freezing import Freezing
from skmlp.solvers.lbfgs import LBFGS
from skmlp.solvers.minibatch import Minibatch

__all__ = [
    "LBFGS",
    "Average",
    "Batches",
    "Current",
    "DivergenceError",
    "Evaluated",
    "Freezing",
    "Minibatch",
    "Monitor",
    "Outcome",
    "Shown",
    "TrainingSet",
]
