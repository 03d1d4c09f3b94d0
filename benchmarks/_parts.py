"""What a training step of skmlp costs, part by part.

For one fit the public methods of the components are wrapped with timers, from outside: the
engine knows nothing of it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import wraps
from statistics import median
from time import perf_counter, process_time
from typing import Any
from unittest.mock import patch

import _peers
from _rows import Row

Method = Callable[..., Any]
# The CPU clock does not see other processes, but a look at it takes most of a microsecond: it
# is for steps of at least so many operations. Shorter ones are seldom interrupted.
LONG_STEP = 10**8


class Stopwatch:
    """Seconds of each part of each step; a call within a call counts for the inner part only."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._steps: dict[str, list[float]] = defaultdict(list)
        self._step: dict[str, float] = defaultdict(float)
        self._within = 0.0  # seconds of the timed calls within the present one

    def method(self, part: str, method: Method) -> Method:
        """Return the method with a timer around it."""

        @wraps(method)
        def timed(*args: Any, **kwargs: Any) -> Any:
            before, self._within = self._within, 0.0
            start = self._clock()
            result = method(*args, **kwargs)
            seconds = self._clock() - start
            self._step[part] += seconds - self._within
            self._within = before + seconds
            return result

        return timed

    def wire(self, part: str, wire: Method) -> Method:
        """Return the method with timers around what it returns: both passes of a layer."""

        @wraps(wire)
        def timed(*args: Any) -> tuple[Method, ...]:
            return tuple(self.method(part, wired) for wired in wire(*args))

        return timed

    def batches(self, iterate: Method) -> Method:
        """Return the iteration over batches with a timer; a step ends where the next begins."""

        @wraps(iterate)
        def timed(batches: Any) -> Iterator[Any]:
            start = self._clock()
            for batch in iterate(batches):
                self._step.clear()
                self._step["gather"] = self._clock() - start
                yield batch
                now = self._clock()
                self._step["step"] = now - start
                start = now
                for part, seconds in self._step.items():
                    self._steps[part].append(seconds)

        return timed

    def seconds(self) -> dict[str, float]:
        """Return the median over steps of each part.

        Medians leave out what is not typical: the last, smaller batch of an epoch, the
        shuffle before the first, and interruptions by other processes.
        """
        return {part: median(seconds) for part, seconds in self._steps.items()}


def methods() -> list[tuple[str, type, str]]:
    """List the part, the class and the name of each method to time."""
    from skmlp.layers import LAYERS
    from skmlp.losses import Loss
    from skmlp.penalties import PENALTIES

    layers = [
        ("products" if name == "dense" else name, layer, "wire") for name, layer in LAYERS.items()
    ]
    penalties = [
        ("penalty", penalty, method)
        for penalty in PENALTIES.values()
        for method in ("value_gradient", "matrix_value", "project")
        if method in vars(penalty)  # what it does not override does nothing
    ]
    return [*layers, ("loss", Loss, "__call__"), *penalties, *moves()]


def moves() -> list[tuple[str, type, str]]:
    """List the method that moves the parameters, for each class that has its own."""
    from skmlp.optimizers import OPTIMIZERS, Optimizer

    kinds = [Optimizer, *OPTIMIZERS.values()]
    return [("optimizer", kind, "step") for kind in kinds if "step" in vars(kind)]


def profile(row: Row) -> dict[str, float]:
    """Return the seconds of a typical training step by part; "rest" is what is left of it."""
    seconds = measured(row, methods())
    step = seconds.pop("step")
    return seconds | {"rest": step - sum(seconds.values()), "step": step}


def measured(row: Row, timers: list[tuple[str, type, str]]) -> dict[str, float]:
    """Return the seconds of a typical training step, and in it of the methods to time."""
    from skmlp.solvers import Batches

    X, y = _peers.make_data(row)
    watch = Stopwatch(process_time if row.step_flops > LONG_STEP else perf_counter)
    wrapped = [
        (kind, name, (watch.wire if name == "wire" else watch.method)(part, getattr(kind, name)))
        for part, kind, name in timers
    ]
    with ExitStack() as patches:
        iterate = watch.batches(Batches.__iter__)
        patches.enter_context(patch.object(Batches, "__iter__", iterate))
        for kind, name, timed in wrapped:
            patches.enter_context(patch.object(kind, name, timed))
        _peers.make_estimator("skmlp", row).fit(X, y)
    return watch.seconds()
