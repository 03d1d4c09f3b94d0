"""Learning rates: pure functions of how far the training has come."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from numbers import Real
from typing import ClassVar

from skmlp._params import Constraint, Interval


@dataclass
class Progress:
    """How far the training has come.

    Attributes
    ----------
    epoch : int
        Finished epochs.
    step : int
        Parameter updates made.
    samples : int
        Rows seen in finished epochs, repeats counted.
    stalls : int
        Times the training stopped improving and went on.
    """

    epoch: int = 0
    step: int = 0
    samples: int = 0
    stalls: int = 0


class Schedule(ABC):
    """A learning rate as a function of progress; any optimizer takes any schedule.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        The rate at the start.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "learning_rate_init": Interval(Real, 0, None, closed="neither")
    }

    def __init__(self, learning_rate_init: float = 0.001) -> None:
        self.learning_rate_init = float(learning_rate_init)

    @abstractmethod
    def __call__(self, progress: Progress) -> float:
        """Return the learning rate of the next step."""

    def survives_stall(self, progress: Progress) -> bool:
        """Tell whether to go on, at another rate, once the score has stalled."""
        return False


class Constant(Schedule):
    """lr = lr₀.

    References
    ----------
    Robbins & Monro (1951), "A stochastic approximation method", with a fixed step.
    """

    def __call__(self, progress: Progress) -> float:
        """Return lr₀."""
        return self.learning_rate_init


class InvScaling(Schedule):
    """lr = lr₀ / (1 + t)^power_t, where t counts the rows of finished epochs.

    The unit is scikit-learn's: rows, neither steps nor epochs, so the rate falls
    faster on larger data. After 200 epochs of 500 rows, 0.01 has become 3.2e-5.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀.
    power_t : float, default=0.5
        The exponent.

    References
    ----------
    Bottou (2010), "Large-scale machine learning with stochastic gradient descent".
    """

    constraints = {**Schedule.constraints, "power_t": Interval(Real, 0, None, closed="left")}

    def __init__(self, learning_rate_init: float = 0.001, power_t: float = 0.5) -> None:
        super().__init__(learning_rate_init)
        self.power_t = float(power_t)

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ / (1 + rows seen)^power_t."""
        # A negative exponent: what is too small for a float is 0, not an overflow.
        return float(self.learning_rate_init * (progress.samples + 1.0) ** -self.power_t)


class Adaptive(Schedule):
    """lr = lr₀ / 5^(stalls): divided by five each time the training stalls.

    The training ends at the first stall with a rate of 1e-6 or less.

    References
    ----------
    scikit-learn user guide, "Neural network models (supervised)".
    """

    factor: ClassVar[float] = 5.0
    smallest: ClassVar[float] = 1e-6

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ / 5^(stalls)."""
        # One division a stall: the rounding decides which rate is the first at 1e-6.
        rate = self.learning_rate_init
        for _ in range(progress.stalls):
            rate /= self.factor
        return rate

    def survives_stall(self, progress: Progress) -> bool:
        """Go on while the rate is above 1e-6."""
        return self(progress) > self.smallest


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
}
