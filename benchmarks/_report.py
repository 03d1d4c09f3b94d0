"""Plain-text tables of the measurements, at most 110 columns wide."""

from __future__ import annotations

import os
import platform
import textwrap
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from statistics import median
from typing import Any

from _measure import Rounds
from _rows import LIBRARIES, SKLEARN, TORCH, Row

WIDTH = 110
PEERS = (SKLEARN, TORCH)
NAMES = ["skmlp", "sklearn", "PyTorch"]
HEADS = [(f"/ {name}", "target") for name in NAMES[1:]]
Times = Mapping[str, Mapping[str, list[float]]]  # by library and clock, a number a round


def section(title: str, *paragraphs: str) -> None:
    """Print a heading and what follows it."""
    print(f"\n{title}\n{'-' * len(title)}", *paragraphs, sep="\n", flush=True)


def header(about: list[dict[str, Any]]) -> str:
    """Name the machine, the libraries and the BLAS."""
    versions = {TORCH: "not installed or left out"}
    for part in about:
        versions |= part["versions"]
    blas = {" ".join(pool) for pool in about[0]["blas"]}
    lines = [
        f"Machine: {cpu_name()}, {os.cpu_count()} CPUs, {platform.system()}; {load()}",
        f"Python {platform.python_version()}, " + ", ".join(map(" ".join, versions.items())),
        f"BLAS of NumPy and SciPy: {', '.join(sorted(blas))}",
    ]
    return "\n".join(map(wrapped, lines))


def wrapped(text: str) -> str:
    """Break long lines."""
    return textwrap.fill(text, WIDTH, break_on_hyphens=False)


def load() -> str:
    """The load average, which tells whether the machine is shared."""
    if not hasattr(os, "getloadavg"):
        return "load unknown"
    return "load average {:.2f} {:.2f} {:.2f}".format(*os.getloadavg())


def cpu_name() -> str:
    """The processor's own name for itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [text.partition(":")[2].strip() for text in lines if text.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def duration(seconds: float) -> str:
    """Write a time with three digits and its unit."""
    units = (("s", 1.0), ("ms", 1e-3), ("us", 1e-6))
    unit, scale = next((u for u in units if seconds >= u[1]), units[-1])
    number = seconds / scale
    return f"{number:.0f} {unit}" if number >= 100 else f"{number:.3g} {unit}"


def ratios(times: Times, peer: str, clock: str) -> list[float]:
    """Return how many times longer the peer took, round by round."""
    if peer not in times:
        return []
    pairs = zip(times[peer][clock], times["skmlp"][clock], strict=False)  # a slow one has fewer
    return [theirs / ours for theirs, ours in pairs]


def spread(values: list[float]) -> str:
    """Write the median and the range."""
    if not values:
        return "-"
    numbers = (median(values), min(values), max(values))
    return "{} ({}-{})".format(*(f"{x:.2f}" if x < 10 else f"{x:.3g}" for x in numbers))


def verdict(value: float, target: float) -> str:
    """Compare with the target, plainly."""
    return "ok" if value >= target else "MISSED"


def typical(times: Times, clock: str) -> dict[str, float]:
    """Return the median time of each library."""
    return {name: median(series[clock]) for name, series in times.items()}


def cells(values: Mapping[str, float], write: Callable[[float], str]) -> list[str]:
    """Write one cell a library, a dash for one that was not measured."""
    return [write(values[name]) if name in values else "-" for name in LIBRARIES]


def layout(label: str, kind: str, times: list[str], compared: list[tuple[str, str]]) -> str:
    """Lay out one line: label, kind of time, a time a library, ratio and verdict a peer."""
    left = "".join(f"{time:>8}" for time in times)
    right = "".join(f"{ratio:>17} {word:<10}" for ratio, word in compared)
    return f"{label:<25}{kind:<5}{left}{right}".rstrip()


def time_line(row: Row, times: Times, label: str, clock: str, judged: bool = False) -> str:
    """One line of times by one clock, with the ratios and, if judged, the targets."""
    compared = []
    for peer in PEERS:
        values, target = ratios(times, peer, clock), row.targets.get(peer, 0)
        word = f"{target:g} {verdict(median(values), target)}" if judged and values else ""
        compared.append((spread(values), word))
    return layout(label, clock, cells(typical(times, clock), duration), compared)


def one_thread_table(rows: list[Row], run: Rounds) -> str:
    """Tabulate CPU time, wall time below it, and the ratios of both."""
    out = [layout("work", "time", NAMES, HEADS)]
    for row in rows:
        work, net = row.label
        out.append(time_line(row, run.times[row.name], work, "cpu", judged=True))
        out.append(time_line(row, run.times[row.name], net, "wall"))
    return "\n".join(out)


def default_threads_table(rows: list[Row], run: Rounds, single: Rounds) -> str:
    """Tabulate wall time, and below it how that compares with the same library on one thread."""
    out = [layout("work", "time", NAMES, [(head, "") for head, _ in HEADS])]
    for row in rows:
        work, net = row.label
        alone = typical(single.times[row.name], "wall")
        walls = typical(run.times[row.name], "wall")
        relative = {name: wall / alone[name] for name, wall in walls.items()}
        out.append(time_line(row, run.times[row.name], work, "wall"))
        out.append(layout(net, "/one", cells(relative, "{:.2f}x".format), []))
    return "\n".join(out)


def summary(rows: list[Row], run: Rounds) -> str:
    """Count the targets met, and name the missed ones."""
    judged = list(judgements(rows, run))
    missed = [text for text, met in judged if not met]
    text = f"Targets met: {len(judged) - len(missed)} of {len(judged)}."
    return wrapped(f"{text} Missed: {'; '.join(missed) or 'none'}.")


def judgements(rows: list[Row], run: Rounds) -> Iterator[tuple[str, bool]]:
    """Yield each target with its measured ratio, and whether it is met."""
    for row in rows:
        for peer, target in row.targets.items():
            values = ratios(run.times[row.name], peer, "cpu")
            if values:
                ratio = median(values)
                yield f"{row.name} / {peer} {ratio:.2f} of {target:g}", ratio >= target


def rate_table(rows: list[Row], run: Rounds) -> str:
    """Tabulate the fraction of the matmul rate that a whole fit, and a step of skmlp, reach."""
    clock = "cpu" if run.threads == 1 else "wall"
    form = "{:<25}{:<25}{:>8}" + "{:>9}" * 3 + "{:>12}{:>12}"
    out = [form.format("work", "net", "GFLOP/s", *NAMES, "skmlp step", "aim").rstrip()]
    for row in rows:
        rates, times = run.rates[row.name][clock], run.times[row.name]
        flops = row.row_flops * row.samples * row.epochs
        fits = {name: reached(flops, series[clock], rates) for name, series in times.items()}
        written = [f"{median(rates) / 1e9:.0f}", *cells(fits, "{:.0%}".format)]
        out.append(form.format(*row.label, *written, *step_cells(row, run)).rstrip())
    return "\n".join(out)


def reached(flops: int, times: list[float], rates: list[float]) -> float:
    """Return the fraction of the matmul rate, compared round by round."""
    return median(flops / time / rate for time, rate in zip(times, rates, strict=False))


def step_cells(row: Row, run: Rounds) -> tuple[str, str]:
    """Write the fraction that a step reaches, if its time is known, and the aim."""
    steps = run.parts[row.name]["step"]
    if not steps:
        return "-", ""
    fraction = reached(row.step_flops, steps, run.rates[row.name]["cpu"])
    aim = f"{row.aim:.0%} {verdict(fraction, row.aim)}" if row.aim else ""
    return f"{fraction:.0%}", aim


def parts_table(rows: list[Row], run: Rounds) -> str:
    """Tabulate microseconds of a step by part, and below them the share of the step."""
    names = list(run.parts[rows[0].name])
    form = "{:<25}" + "".join(f"{{:>{max(9, len(name) + 2)}}}" for name in names)
    out = [form.format("us a step", *names)]
    for row in rows:
        times = {name: median(values) for name, values in run.parts[row.name].items()}
        shares = [f"{times[name] / times['step']:.0%}" for name in names]
        out.append(form.format(row.label[0], *(f"{times[name] * 1e6:.0f}" for name in names)))
        out.append(form.format(row.label[1], *shares))
    return "\n".join(out)


def memory_table(peaks: dict[str, dict[str, float]]) -> str:
    """Tabulate the peak resident memory of a fit beyond its data."""
    out = [f"{'library':<16}{'X and y, MB':>12}{'fit beyond them, MB':>22}"]
    for library, peak in peaks.items():
        out.append(f"{library:<16}{peak['data'] / 1e6:>12.1f}{peak['fit'] / 1e6:>22.1f}")
    return "\n".join(out)
