"""Worker processes, and the rounds in which they take turns."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from _rows import LONGEST, Row

HERE = Path(__file__).resolve().parent
THREAD_VARIABLES = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "BLIS_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)
Series = defaultdict[str, list[float]]


class Peer:
    """A worker process for one library, with `threads` threads (None: the library's default)."""

    def __init__(self, library: str, threads: int | None) -> None:
        self.library = library
        options = [] if threads is None else [str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, str(HERE / "_worker.py"), library, *options],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=environment(threads),
        )

    def ask(self, do: str, **arguments: Any) -> Any:
        """Send one request and wait for its answer."""
        print(json.dumps({"do": do, **arguments}), file=self._process.stdin, flush=True)
        answer = next(iter(self._process.stdout or ()), None)
        if answer is None:
            raise SystemExit(f"The worker of {self.library} ended early; its message is above.")
        return json.loads(answer)

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *exception: object) -> None:
        self._process.communicate()


def environment(threads: int | None) -> dict[str, str]:
    """The environment of a worker: thread settings, and this checkout first on the path."""
    env = {key: value for key, value in os.environ.items() if key not in THREAD_VARIABLES}
    if threads is not None:
        env |= dict.fromkeys(THREAD_VARIABLES, str(threads))
    paths = [str(HERE.parent), os.environ.get("PYTHONPATH", "")]
    return env | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


class Rounds:
    """Measurements of some libraries, which take turns.

    Attributes
    ----------
    times : dict
        Of each row, library and clock: the time of a call in each round.
    rates : dict
        Of each training row and clock: the matmul rate in each round.
    parts : dict
        Of each training row and part: the time in each round.
    """

    def __init__(self, threads: int | None, libraries: Iterable[str], rounds: int) -> None:
        self.threads, self.rounds = threads, rounds
        self._stack = ExitStack()
        self.peers = {name: self._stack.enter_context(Peer(name, threads)) for name in libraries}
        self.times: dict[str, dict[str, Series]] = {}
        self.rates: dict[str, Series] = {}
        self.parts: dict[str, Series] = {}

    def __enter__(self) -> Rounds:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def run(self, row: Row) -> None:
        """Time a row round after round."""
        names = [name for name in self.peers if name == "skmlp" or name in row.targets]
        self.times[row.name] = {name: defaultdict(list) for name in names}
        self.rates[row.name], self.parts[row.name] = defaultdict(list), defaultdict(list)
        for number in range(self.rounds):
            show(f"{row.name}: round {number + 1} of {self.rounds}")
            for name, series in self.times[row.name].items():
                if max(series["wall"], default=0.0) < LONGEST:
                    record(series, self.peers[name].ask("run", row=asdict(row)))
            if row.trains:
                self._step(row)

    def _step(self, row: Row) -> None:
        """Measure what a step is compared with, and with one thread its parts."""
        ours = self.peers["skmlp"]
        record(self.rates[row.name], ours.ask("matmul_rate", dtype=row.dtype))
        if self.threads == 1:
            record(self.parts[row.name], ours.ask("parts", row=asdict(row)))


def record(series: Series, values: dict[str, float]) -> None:
    """Append each value to the series of its name."""
    for name, value in values.items():
        series[name].append(value)


def show(text: str) -> None:
    """Show progress on a terminal; say nothing to a file."""
    if sys.stderr.isatty():
        print(f"\r{text:<60}\r", end="", file=sys.stderr, flush=True)


@contextmanager
def neighbours(count: int) -> Iterator[None]:
    """Keep some other processes busy, as on a shared machine."""
    spin = [sys.executable, "-c", "while True: pass"]
    others = [subprocess.Popen(spin) for _ in range(count)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()
