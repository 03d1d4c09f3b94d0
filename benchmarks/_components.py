"""The parts a network may have and the optimizers: what each is to cost, and the rounds."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from typing import Any

from _measure import Peer, Series, record, show
from _rows import TORCH, Row


@dataclass(frozen=True)
class Component:
    """Something that makes a training step longer.

    `limit` is the largest increase of the step that is wanted on large rows, as a share of the
    plain step. With `peered`, PyTorch has the same.
    """

    name: str
    options: dict[str, Any]
    limit: float | None = None
    peered: bool = False


DROPOUT = {"dropout": 0.5, "input_dropout": 0.5}
PLAIN = "plain step"
# Limits that random data reaches, so that each component has work to do.
COMPONENTS = (
    Component("dropout", DROPOUT, 0.15, peered=True),
    Component("batch_norm", {"batch_norm": True}, 0.20, peered=True),
    Component("dropout + batch_norm", {**DROPOUT, "batch_norm": True}, peered=True),
    Component("layer_norm", {"layer_norm": True}),
    Component("weight_decay", {"weight_decay": 0.01}),
    Component("l1_ratio", {"l1_ratio": 0.5}),
    Component("max_norm", {"max_norm": 0.5}),
    Component("average", {"average": True}),
    Component("max_grad_norm", {"max_grad_norm": 1e-3}),
    Component("max_grad_value", {"max_grad_value": 1e-3}),
)
PEERED = [component for component in COMPONENTS if component.peered]

ROW_NAMES = ("small", "medium", "wide", "deep")
LARGE_ROWS = ("wide", "deep")
LEAST_RATIOS = {"small": 3.0, "medium": 1.0, "wide": 1.0, "deep": 1.0}

MODEL = "adam"
OPTIMIZER_LIMIT = 1.3  # times the optimizer's part of a step with Adam

# Steps to measure: at least so many, and of at least so many operations.
LEAST_STEPS, LEAST_FLOPS = 12, 2 * 10**10


class Trials:
    """Measurements with one thread; everything takes its turn in each round.

    Attributes
    ----------
    steps, moves : dict
        Of each row, and component or optimizer: the seconds of a training step, or of the
        optimizer's part of it, in each round.
    fits : dict
        Of each row, component, library and clock: the time of a fit in each round.
    """

    def __init__(self, libraries: Iterable[str], rounds: int) -> None:
        self.rounds = rounds
        self._stack = ExitStack()
        self.peers = {name: self._stack.enter_context(Peer(name, 1)) for name in libraries}
        self.optimizers: list[str] = self.peers["skmlp"].ask("optimizers")
        self.steps: dict[str, Series] = {}
        self.moves: dict[str, Series] = {}
        self.fits: dict[str, dict[str, dict[str, Series]]] = {}

    def __enter__(self) -> Trials:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def run(self, row: Row) -> None:
        """Time a row with each component and each optimizer, round after round."""
        self.steps[row.name], self.moves[row.name] = defaultdict(list), defaultdict(list)
        self.fits[row.name] = {
            component.name: {name: defaultdict(list) for name in self.peers} for component in PEERED
        }
        for number in range(self.rounds):
            show(f"{row.name}: round {number + 1} of {self.rounds}")
            self._time_steps(row)
            self._time_moves(row)
            if TORCH in self.peers:
                self._time_fits(row)

    def _time_steps(self, row: Row) -> None:
        """Time the plain step and that with each component."""
        few = replace(row, samples=min(row.samples, steps_to_measure(row) * row.batch))
        for component in (Component(PLAIN, {}), *COMPONENTS):
            answer = self._ask("skmlp", "step", few, component.options)
            self.steps[row.name][component.name].append(answer["step"])

    def _time_moves(self, row: Row) -> None:
        """Time the optimizer's part of a step with each optimizer, without a penalty.

        Each epoch is one batch, which is what an optimizer for full batches sees, too.
        """
        epochs = min(300, steps_to_measure(row))
        steps = replace(row, samples=row.batch, epochs=epochs)
        for name in self.optimizers:
            answer = self._ask("skmlp", "move", steps, {"solver": name, "alpha": 0.0})
            self.moves[row.name][name].append(answer["optimizer"])

    def _time_fits(self, row: Row) -> None:
        """Time whole fits with the components that PyTorch has."""
        for component in PEERED:
            for name in self.peers:
                answer = self._ask(name, "run", row, component.options)
                record(self.fits[row.name][component.name][name], answer)

    def _ask(self, library: str, do: str, row: Row, options: dict[str, Any]) -> Any:
        """Ask a worker about a row with further parameters."""
        return self.peers[library].ask(do, row=asdict(replace(row, options=options)))


def steps_to_measure(row: Row) -> int:
    """Return a number of steps that is enough for a median over them."""
    return max(LEAST_STEPS, LEAST_FLOPS // row.step_flops)


def quicker(row: Row) -> Row:
    """The same row with fewer samples."""
    samples = max(row.samples // 3, LEAST_STEPS * row.batch)
    return replace(row, samples=min(samples, row.samples), calls=1)
