"""Plain-text tables of what components and optimizers cost, at most 110 columns wide."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from statistics import median

from _components import (
    COMPONENTS,
    LARGE_ROWS,
    LEAST_RATIOS,
    MODEL,
    OPTIMIZER_LIMIT,
    PEERED,
    PLAIN,
    Trials,
)
from _measure import Series
from _report import duration, ratios, wrapped
from _rows import TORCH, Row

FIRST, OTHER = "{:<22}", "{:>22}"
Judgement = tuple[str, bool]


def relative(series: Series, name: str, base: str) -> list[float]:
    """Return how many times longer one takes than another, round by round."""
    return [one / other for one, other in zip(series[name], series[base], strict=True)]


def word(met: bool | None) -> str:
    """Say whether a target is met, if there is one."""
    return "" if met is None else " ok" if met else " MISSED"


def line(label: str, cells: list[str]) -> str:
    """Lay out one line."""
    return (FIRST.format(label) + "".join(map(OTHER.format, cells))).rstrip()


def heading(rows: list[Row], what: str) -> list[str]:
    """Name the rows, their data and their nets."""
    names, sizes = [row.name for row in rows], [row.label[0] for row in rows]
    return [line(what, names), line("", sizes), line("", [str(row.hidden) for row in rows])]


def typical(rows: list[Row], series: dict[str, Series], name: str) -> str:
    """One line of median times."""
    return line(name, [duration(median(series[row.name][name])) for row in rows])


# -- components ----------------------------------------------------------------------


def step_table(rows: list[Row], run: Trials) -> str:
    """Tabulate what each component adds to the plain step, and the range below it."""
    out = [*heading(rows, "increase of the step"), typical(rows, run.steps, PLAIN)]
    for component in COMPONENTS:
        found = [relative(run.steps[row.name], component.name, PLAIN) for row in rows]
        met = [
            step_met(row, component.limit, values) for row, values in zip(rows, found, strict=True)
        ]
        limit = f"below {component.limit:.0%} if large" if component.limit else ""
        out.append(line(component.name, marked(found, met, lambda x: f"{x - 1:+.1%}")))
        out.append(
            line(f"  {limit}", [between(values, lambda x: f"{x - 1:+.0%}") for values in found])
        )
    return "\n".join(out)


def step_met(row: Row, limit: float | None, values: list[float]) -> bool | None:
    """Tell whether a component stays below its limit; None where there is none."""
    if limit is None or row.name not in LARGE_ROWS:
        return None
    return median(values) - 1.0 < limit


def marked(
    found: list[list[float]], met: list[bool | None], write: Callable[[float], str]
) -> list[str]:
    """Write medians, each with its verdict."""
    return [write(median(v)) + word(m) for v, m in zip(found, met, strict=True)]


def between(values: list[float], write: Callable[[float], str]) -> str:
    """Write the range."""
    return f"({write(min(values))} to {write(max(values))})"


# -- optimizers ----------------------------------------------------------------------


def move_table(rows: list[Row], run: Trials) -> str:
    """Tabulate the optimizer's part of a step as a multiple of Adam's, and the range below it."""
    out = [*heading(rows, "times Adam's part"), typical(rows, run.moves, MODEL)]
    for name in (name for name in run.optimizers if name != MODEL):
        found = [relative(run.moves[row.name], name, MODEL) for row in rows]
        met: list[bool | None] = [median(values) <= OPTIMIZER_LIMIT for values in found]
        out.append(line(name, marked(found, met, "{:.2f}".format)))
        out.append(line("", [between(values, "{:.2f}".format) for values in found]))
    return "\n".join(out)


# -- beside PyTorch ------------------------------------------------------------------


def peer_table(rows: list[Row], run: Trials) -> str:
    """Tabulate the CPU time of PyTorch's fit as a multiple of ours."""
    out = heading(rows, f"/ {TORCH}, CPU time")
    for component in PEERED:
        pairs = [(row, run.fits[row.name][component.name]) for row in rows]
        found = [ratios(times, TORCH, "cpu") for _, times in pairs]
        met = [median(v) >= LEAST_RATIOS[row.name] for v, row in zip(found, rows, strict=True)]
        ours = [duration(median(times["skmlp"]["cpu"])) for _, times in pairs]
        theirs = [duration(median(times[TORCH]["cpu"])) for _, times in pairs]
        out.append(line(component.name, marked(found, met, "{:.2f}".format)))
        out.append(line("", [between(values, "{:.2f}".format) for values in found]))
        out.append(line("  times", [f"{a} / {b}" for a, b in zip(ours, theirs, strict=True)]))
    out.append(line("least wanted", [f"{LEAST_RATIOS[row.name]:g}" for row in rows]))
    return "\n".join(out)


# -- targets -------------------------------------------------------------------------


def summary(rows: list[Row], run: Trials) -> str:
    """Count the targets met, and name the missed ones."""
    judged = [*step_judgements(rows, run), *move_judgements(rows, run), *peer_judgements(rows, run)]
    missed = [text for text, met in judged if not met]
    text = f"Targets met: {len(judged) - len(missed)} of {len(judged)}."
    return wrapped(f"{text} Missed: {'; '.join(missed) or 'none'}.")


def step_judgements(rows: list[Row], run: Trials) -> Iterator[Judgement]:
    """Yield each limit of a component with what was measured, and whether it is met."""
    for row in rows:
        for component in COMPONENTS:
            values = relative(run.steps[row.name], component.name, PLAIN)
            met = step_met(row, component.limit, values)
            if met is not None:
                increase = median(values) - 1.0
                yield f"{row.name} / {component.name} {increase:+.1%} of {component.limit:.0%}", met


def move_judgements(rows: list[Row], run: Trials) -> Iterator[Judgement]:
    """Yield the limit of each optimizer with what was measured, and whether it is met."""
    for row in rows:
        for name in (name for name in run.optimizers if name != MODEL):
            ratio = median(relative(run.moves[row.name], name, MODEL))
            yield (
                f"{row.name} / {name} {ratio:.2f} of {OPTIMIZER_LIMIT:g}",
                ratio <= OPTIMIZER_LIMIT,
            )


def peer_judgements(rows: list[Row], run: Trials) -> Iterator[Judgement]:
    """Yield each least ratio to PyTorch with what was measured, and whether it is met."""
    for row in rows:
        for component in PEERED:
            values = ratios(run.fits[row.name][component.name], TORCH, "cpu")
            if values:
                ratio, target = median(values), LEAST_RATIOS[row.name]
                text = f"{row.name} / {component.name} / {TORCH} {ratio:.2f} of {target:g}"
                yield text, ratio >= target
