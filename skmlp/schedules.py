"""Learning rates: pure functions of how far the training has come.

A schedule is scaled by the learning rate; scaled by one, it is a factor for dropout or
weight decay.
"""

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from numbers import Integral, Real
from typing import Any, ClassVar, Protocol, TypeAlias

from skmlp._params import Constraint, Interval, InvalidParameterError, build, shown


@dataclass
class Progress:
    """How far the training has come, by itself and within a plan.

    ``fit`` makes a new plan, of `max_iter` epochs; calls of ``partial_fit`` go on in one.

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
    batch : int
        Mini-batches of the current epoch that are done.
    batches : int
        Mini-batches of an epoch.
    origin : int
        Epochs that were finished when the plan began.
    planned : int
        Epochs of the plan.
    """

    epoch: int = 0
    step: int = 0
    samples: int = 0
    stalls: int = 0
    batch: int = 0
    batches: int = 1
    origin: int = 0
    planned: int = 1

    @property
    def done(self) -> int:
        """Mini-batches of the plan that are done."""
        return (self.epoch - self.origin) * self.batches + self.batch

    @property
    def total(self) -> int:
        """Mini-batches of the plan."""
        return self.planned * self.batches

    @property
    def fraction(self) -> float:
        """Share of the plan that is done, in [0, 1]; 1 beyond its end."""
        return min(self.done / self.total, 1.0)

    def periods(self, length: int) -> float:
        """Return how many times `length` epochs are done, parts of an epoch counted."""
        return (self.epoch * self.batches + self.batch) / (length * self.batches)

    def end_epoch(self, rows: int) -> None:
        """Count a finished epoch of so many rows."""
        self.epoch += 1
        self.batch = 0
        self.samples += rows


class Rate(Protocol):
    """What a solver asks for a number before each step."""

    def __call__(self, progress: Progress) -> float:
        """Return the number for the next step."""

    def survives_stall(self, progress: Progress) -> bool:
        """Tell whether to go on, at another rate, once the score has stalled."""


class Schedule(ABC):
    """A learning rate as a function of progress; any optimizer takes any schedule.

    None exceeds `learning_rate_init`.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀, the largest rate.
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


# -- by the epoch --------------------------------------------------------------------

_PERIOD = Interval(Integral, 1, None, closed="left")


class Decaying(Schedule):
    """A rate that decays by a factor a period, whenever the training ends.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀.
    lr_decay : float, default=0.8
        The factor.
    lr_period : int, default=10
        Epochs in which the rate falls by the factor.
    """

    constraints = {
        **Schedule.constraints,
        "lr_decay": Interval(Real, 0, 1, closed="right"),
        "lr_period": _PERIOD,
    }

    def __init__(
        self, learning_rate_init: float = 0.001, lr_decay: float = 0.8, lr_period: int = 10
    ) -> None:
        super().__init__(learning_rate_init)
        self.lr_decay, self.lr_period = float(lr_decay), int(lr_period)


class Step(Decaying):
    """lr = lr₀ lr_decay^⌊epoch / lr_period⌋: a fall every few epochs.

    References
    ----------
    Ge, Kakade, Kidambi & Netrapalli (2019), "The step decay schedule: a near optimal,
    geometrically decaying learning rate procedure for least squares", NeurIPS.
    """

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ lr_decay^(periods over)."""
        return float(self.learning_rate_init * self.lr_decay ** (progress.epoch // self.lr_period))


class Exponential(Decaying):
    """lr = lr₀ lr_decay^(epochs / lr_period), parts of an epoch counted: a fall every step.

    References
    ----------
    Senior, Heigold, Ranzato & Yang (2013), "An empirical study of learning rates in
    deep neural networks for speech recognition", ICASSP.
    """

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ lr_decay^(periods done)."""
        return float(self.learning_rate_init * self.lr_decay ** progress.periods(self.lr_period))


# -- down to a last rate -------------------------------------------------------------


def _half_cosine(t: float) -> float:
    """Return (1 + cos(π t)) / 2, which falls from 1 at t = 0 to 0 at t = 1."""
    return 0.5 * (1.0 + math.cos(math.pi * t))


class Annealed(Schedule):
    """A rate between lr₀ and a small one: lr = lr₀ (f + (1 - f) height), f = lr_final.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀.
    lr_final : float, default=0.0
        The smallest rate, as a share of lr₀.
    """

    constraints = {**Schedule.constraints, "lr_final": Interval(Real, 0, 1, closed="both")}

    def __init__(self, learning_rate_init: float = 0.001, lr_final: float = 0.0) -> None:
        super().__init__(learning_rate_init)
        self.lr_final = float(lr_final)

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ (f + (1 - f) height)."""
        low = self.lr_final
        return self.learning_rate_init * (low + (1.0 - low) * self.height(progress))

    @abstractmethod
    def height(self, progress: Progress) -> float:
        """Return how far the rate is from the smallest, 0, to the largest, 1."""


class Polynomial(Annealed):
    """lr = lr₀ (f + (1 - f) (1 - t)^lr_power) with t the share done, f = lr_final.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀.
    lr_final : float, default=0.0
        The rate at the end, as a share of lr₀.
    lr_power : float, default=1.0
        The exponent; 1 for a straight line.

    References
    ----------
    Chen, Papandreou, Kokkinos, Murphy & Yuille (2018), "DeepLab: semantic image
    segmentation with deep convolutional nets, atrous convolution, and fully connected
    CRFs", IEEE Transactions on Pattern Analysis and Machine Intelligence 40.
    """

    constraints = {**Annealed.constraints, "lr_power": Interval(Real, 0, None, closed="left")}

    def __init__(
        self, learning_rate_init: float = 0.001, lr_final: float = 0.0, lr_power: float = 1.0
    ) -> None:
        super().__init__(learning_rate_init, lr_final)
        self.lr_power = float(lr_power)

    def height(self, progress: Progress) -> float:
        """Return (1 - t)^lr_power."""
        return float((1.0 - progress.fraction) ** self.lr_power)


class Cosine(Annealed):
    """lr = lr₀ (f + (1 - f) (1 + cos(π t)) / 2) with t the share done, f = lr_final.

    References
    ----------
    Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts",
    ICLR, with one cycle.
    """

    def height(self, progress: Progress) -> float:
        """Return (1 + cos(π t)) / 2."""
        return _half_cosine(progress.fraction)


class CosineRestarts(Annealed):
    """lr = lr₀ (f + (1 - f) (1 + cos(π t)) / 2) with t the share of the cycle, f = lr_final.

    The i-th cycle, from 0, has lr_period · lr_period_growthⁱ epochs.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀, at the start of each cycle.
    lr_final : float, default=0.0
        The rate at the end of each cycle, as a share of lr₀.
    lr_period : int, default=10
        Epochs of the first cycle.
    lr_period_growth : float, default=1.0
        How many times as long each cycle is as the one before.

    References
    ----------
    Loshchilov & Hutter (2017), "SGDR: stochastic gradient descent with warm restarts",
    ICLR.
    """

    constraints = {
        **Annealed.constraints,
        "lr_period": _PERIOD,
        "lr_period_growth": Interval(Real, 1, None, closed="left"),
    }

    def __init__(
        self,
        learning_rate_init: float = 0.001,
        lr_final: float = 0.0,
        lr_period: int = 10,
        lr_period_growth: float = 1.0,
    ) -> None:
        super().__init__(learning_rate_init, lr_final)
        self.lr_period, self.lr_period_growth = int(lr_period), float(lr_period_growth)

    def height(self, progress: Progress) -> float:
        """Return (1 + cos(π t)) / 2."""
        return _half_cosine(self._share(progress.periods(self.lr_period)))

    def _share(self, done: float) -> float:
        """Return the share of the cycle that is done after `done` times the first one's length."""
        if self.lr_period_growth == 1.0:
            return done % 1.0
        # Whole numbers are subtracted exactly, so that a restart is found by no logarithm.
        length = 1.0
        while done >= length:
            done -= length
            length *= self.lr_period_growth
        return done / length


class Cyclic(Annealed):
    """lr = lr₀ (f + (1 - f) (1 - |1 - 2t|)) with t the share of the cycle, f = lr_final.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀, in the middle of each cycle.
    lr_final : float, default=0.0
        The rate at the start and the end of each cycle, as a share of lr₀.
    lr_period : int, default=10
        Epochs of a cycle, up and down.

    References
    ----------
    Smith (2017), "Cyclical learning rates for training neural networks", WACV.
    """

    constraints = {**Annealed.constraints, "lr_period": _PERIOD}

    def __init__(
        self, learning_rate_init: float = 0.001, lr_final: float = 0.0, lr_period: int = 10
    ) -> None:
        super().__init__(learning_rate_init, lr_final)
        self.lr_period = int(lr_period)

    def height(self, progress: Progress) -> float:
        """Return 1 - |1 - 2t|."""
        return 1.0 - abs(1.0 - 2.0 * (progress.periods(self.lr_period) % 1.0))


class OneCycle(Schedule):
    """lr = lr₀ (a + (1 - a) (1 - cos(π s)) / 2): up from a = 1/25, then down to a = lr_final.

    s runs from 0 to 1 in the first `lr_rise` of the plan, and back in the rest.
    The momentum stays as it is.

    Parameters
    ----------
    learning_rate_init : float, default=0.001
        lr₀, the rate at the top.
    lr_final : float, default=0.0
        The rate at the end, as a share of lr₀.
    lr_rise : float, default=0.3
        The share of the plan in which the rate rises.

    References
    ----------
    Smith & Topin (2019), "Super-convergence: very fast training of neural networks
    using large learning rates", SPIE 11006, with half cosines for the straight lines.
    """

    start: ClassVar[float] = 0.04

    constraints = {
        **Annealed.constraints,
        "lr_rise": Interval(Real, 0, 1, closed="left"),
    }

    def __init__(
        self, learning_rate_init: float = 0.001, lr_final: float = 0.0, lr_rise: float = 0.3
    ) -> None:
        super().__init__(learning_rate_init)
        self.lr_final, self.lr_rise = float(lr_final), float(lr_rise)

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ (a + (1 - a) (1 - cos(π s)) / 2)."""
        t, rise = progress.fraction, self.lr_rise
        low, s = (self.start, t / rise) if t < rise else (self.lr_final, (1.0 - t) / (1.0 - rise))
        return self.learning_rate_init * (low + (1.0 - low) * _half_cosine(1.0 - s))


# -- by the share of the plan --------------------------------------------------------


class CosLog4(Schedule):
    """lr = lr₀ (1 - cos(2π log₂(1 + 15t))) / 2 with t the share done: four waves.

    They end at t = 1/15, 3/15, 7/15 and 1, where the rate is 0, as at the start.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS.
    """

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ (1 - cos(2π log₂(1 + 15t))) / 2."""
        waves = math.log2(1.0 + 15.0 * progress.fraction)
        return self.learning_rate_init * (1.0 - _half_cosine(2.0 * waves))


class FlatCos(Schedule):
    """lr = lr₀ (1 + cos(π max(0, 2t - 1))) / 2 with t the share done: flat, then a cosine.

    References
    ----------
    Holzmüller, Grinsztajn & Steinwart (2024), "Better by default: strong pre-tuned MLPs
    and boosted trees on tabular data", NeurIPS.
    """

    def __call__(self, progress: Progress) -> float:
        """Return lr₀ (1 + cos(π max(0, 2t - 1))) / 2."""
        return self.learning_rate_init * _half_cosine(max(0.0, 2.0 * progress.fraction - 1.0))


SCHEDULES: dict[str, type[Schedule]] = {
    "constant": Constant,
    "invscaling": InvScaling,
    "adaptive": Adaptive,
    "step": Step,
    "exponential": Exponential,
    "polynomial": Polynomial,
    "cosine": Cosine,
    "cosine_restarts": CosineRestarts,
    "one_cycle": OneCycle,
    "cyclic": Cyclic,
    "coslog4": CosLog4,
    "flat_cos": FlatCos,
}

# -- what a user makes of them -------------------------------------------------------

#: A user's own schedule.
Function: TypeAlias = Callable[[Progress], float]


class UserFunction:
    """A user's function, each value checked.

    Parameters
    ----------
    function : callable
        Takes a ``Progress``, a copy that it may keep, and returns a number.
    name : str
        The parameter that errors name.
    allowed : Interval
        What the function may return.
    """

    def __init__(self, function: Function, name: str, allowed: Interval) -> None:
        self.function, self.name, self.allowed = function, name, allowed

    def __call__(self, progress: Progress) -> float:
        """Return what the function returns, as a Python float.

        Raises
        ------
        InvalidParameterError
            If that is not allowed; a ``ValueError``.
        """
        value = self.function(replace(progress))
        if not self.allowed.accepts(value):
            raise InvalidParameterError(
                f"The {self.name!r} parameter must return {self.allowed}. At step "
                f"{progress.step} it returned {shown(value)} instead."
            )
        return float(value)

    def survives_stall(self, progress: Progress) -> bool:
        """End the training."""
        return False


class WarmUp:
    """lr = min(1, (k + 1) / n) · rate, with k the steps made: a straight line, then the rate.

    Parameters
    ----------
    rate : Rate
        The learning rate without warm-up.
    warmup : float or int
        A share below 1 (and above 0): n is that share of the plan's steps, and k counts
        from the plan's start. A whole number: n itself, and k counts from the start of
        the training.

    References
    ----------
    Goyal, Dollár, Girshick, Noordhuis, Wesolowski, Kyrola, Tulloch, Jia & He (2017),
    "Accurate, large minibatch SGD: training ImageNet in 1 hour".
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {
        "warmup": Interval(Real, 0, 1, closed="left") | Interval(Integral, 1, None, closed="left")
    }

    def __init__(self, rate: Rate, warmup: float) -> None:
        self.rate, self.warmup = rate, float(warmup) if warmup < 1 else int(warmup)

    def __call__(self, progress: Progress) -> float:
        """Return min(1, (k + 1) / n) · rate."""
        return self.rate(progress) * min(self._share(progress), 1.0)

    def _share(self, progress: Progress) -> float:
        """Return (k + 1) / n."""
        if self.warmup >= 1:
            return (progress.step + 1) / self.warmup
        return (progress.done + 1) / progress.total / self.warmup

    def survives_stall(self, progress: Progress) -> bool:
        """Go on if the rate without warm-up says so."""
        return self.rate.survives_stall(progress)


def learning_rate(settings: Mapping[str, Any]) -> Rate:
    """Return the learning rate that the parameters ask for, with its warm-up.

    Parameters
    ----------
    settings : mapping of str to object
        ``learning_rate``, a name or a function that returns the rate itself,
        ``warmup``, and what the named schedule takes.
    """
    rate = _rate("learning_rate", settings, Interval(Real, 0, None, closed="left"))
    return WarmUp(rate, settings["warmup"]) if settings["warmup"] else rate


def factor(name: str, settings: Mapping[str, Any]) -> Rate:
    """Return a schedule for another quantity, a factor in [0, 1].

    Parameters
    ----------
    name : str
        The parameter that holds the schedule: a name or a function that returns
        the factor.
    settings : mapping of str to object
        That parameter, and what the named schedule takes.
    """
    unscaled = {**settings, "learning_rate_init": 1.0}
    return _rate(name, unscaled, Interval(Real, 0, 1, closed="both"))


def _rate(name: str, settings: Mapping[str, Any], allowed: Interval) -> Rate:
    """Return the schedule in the parameter `name`."""
    asked = settings[name]
    if callable(asked):
        return UserFunction(asked, name, allowed)
    return build(SCHEDULES[asked], settings)
