"""Time skmlp beside scikit-learn's MLP and PyTorch, and print the ratios.

Run `python benchmarks/speed.py`. Each library works in its own process; the processes take
turns (A B C A B C ...), so a change of the machine's speed meets all alike.
"""

from __future__ import annotations

import argparse
import json
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import _component_tables
import _report
from _components import ROW_NAMES, Trials, quicker
from _measure import Peer, Rounds, neighbours
from _report import section
from _rows import LIBRARIES, LONGEST, MEMORY_ROW, ROWS, SKLEARN, TORCH, Row


def one_thread(rows: list[Row], libraries: list[str], rounds: int) -> Rounds:
    """Measure with one thread; print speed, matmul rate and the parts of a step."""
    with Rounds(1, libraries, rounds) as run:
        print(_report.header([peer.ask("about") for peer in run.peers.values()]))
        for row in rows:
            run.run(row)
    section(
        f"One BLAS thread each: time of one call, median (range) of {rounds} rounds",
        _report.one_thread_table(rows, run),
        _report.summary(rows, run),
    )
    training = [row for row in rows if row.trains]
    if training:
        section("Fraction of the matmul rate, one thread", _report.rate_table(training, run))
        section("Cost of a step of skmlp by part, one thread", _report.parts_table(training, run))
    return run


def default_threads(rows: list[Row], libraries: list[str], rounds: int, single: Rounds) -> Rounds:
    """Measure with the libraries' default threads; print speed and matmul rate."""
    with Rounds(None, libraries, rounds) as run:
        for row in rows:
            run.run(row)
    section(
        f"Default threads of each library: time of one call, median (range) of {rounds} rounds",
        _report.default_threads_table(rows, run, single),
        "/one: wall time as a multiple of the same library's with one thread.",
    )
    training = [row for row in rows if row.trains]
    if training:
        section("Fraction of the matmul rate, default threads", _report.rate_table(training, run))
    return run


def components(rows: list[Row], libraries: list[str], rounds: int) -> dict[str, Any]:
    """Measure and print what components and optimizers cost, with one thread."""
    with Trials(libraries, rounds) as run:
        print(_report.header([peer.ask("about") for peer in run.peers.values()]))
        for row in rows:
            run.run(row)
    title = f"Components: increase of a training step of skmlp, median (range) of {rounds} rounds"
    section(title, _component_tables.step_table(rows, run))
    title = f"Optimizers: their part of a training step, median (range) of {rounds} rounds"
    section(title, _component_tables.move_table(rows, run))
    if TORCH in libraries:
        title = f"Components beside {TORCH}: CPU time of one call, median (range)"
        section(title, _component_tables.peer_table(rows, run))
    section("Targets", _component_tables.summary(rows, run))
    return {"steps": run.steps, "optimizers": run.moves, "fits": run.fits}


def memory() -> dict[str, dict[str, float]]:
    """Measure and print the peak memory of a fit, each library in a fresh process."""
    peaks = {}
    for library in ("skmlp", SKLEARN):
        with Peer(library, 1) as peer:
            peaks[library] = peer.ask("memory")
    title = "Peak resident memory of a fit: " + ", ".join(MEMORY_ROW.label)
    section(title, _report.memory_table(peaks))
    return peaks


def parse() -> argparse.Namespace:
    """Read the command line."""
    names = [row.name for row in ROWS]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    add = parser.add_argument
    add("--rows", nargs="+", choices=names, default=names, help="rows to run (default: all)")
    add("--repeats", type=int, default=5, help="rounds of the first table (default: 5)")
    add("--quick", action="store_true", help="one epoch of large nets, fewer calls, two rounds")
    add("--no-torch", action="store_true", help="leave PyTorch out")
    add("--busy", type=int, default=0, help="other busy processes beside the second table")
    add("--components", action="store_true", help="the cost of components and optimizers instead")
    add("--json", type=Path, metavar="FILE", help="also write every measurement here")
    return parser.parse_args()


def as_json(run: Rounds) -> dict[str, Any]:
    """All that was measured, in seconds and operations a second."""
    return {"times": run.times, "rates": run.rates, "parts": run.parts}


def comparison(
    options: argparse.Namespace, rows: list[Row], libraries: list[str]
) -> dict[str, Any]:
    """Compare the libraries with one thread and with several; measure peak memory."""
    if options.quick:
        rows = [row.shortened() for row in rows]
    single = one_thread(rows, libraries, options.repeats)
    with neighbours(options.busy):
        default = default_threads(rows, libraries, (options.repeats + 1) // 2, single)
    peaks = memory() if find_spec("resource") else {}  # Windows has no such module
    print(f"\nA call of more than {LONGEST:g} s is made once.")
    return {"one_thread": as_json(single), "default_threads": as_json(default), "memory": peaks}


def main() -> None:
    """Run the benchmark and print its tables."""
    options = parse()
    options.repeats = min(options.repeats, 2) if options.quick else options.repeats
    rows = [row for row in ROWS if row.name in options.rows]
    torch = not options.no_torch and find_spec("torch") is not None
    libraries = [name for name in LIBRARIES if name != TORCH or torch]
    if options.components:
        rows = [row.shortened() for row in rows if row.name in ROW_NAMES]
        rows = [quicker(row) for row in rows] if options.quick else rows
        libraries.remove(SKLEARN)
        results = components(rows, libraries, options.repeats)
    else:
        results = comparison(options, rows, libraries)
    print(f"\nAt the end: {_report.load()}.")
    if options.json:
        options.json.write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
