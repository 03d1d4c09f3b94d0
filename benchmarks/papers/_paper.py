"""What the scripts share: the command line, the data and the table of results."""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Cell = str | float


class Data(NamedTuple):
    """Rows to train on, and rows to test on once everything has been chosen."""

    X: NDArray[np.float32] | csr_array
    y: NDArray[np.int64]
    X_test: NDArray[np.float32] | csr_array
    y_test: NDArray[np.int64]

    def head(self, n_train: int, n_test: int) -> Data:
        """The first rows of each part."""
        return Data(self.X[:n_train], self.y[:n_train], self.X_test[:n_test], self.y_test[:n_test])

    def validation(self, n_rows: int) -> Data:
        """The last training rows in place of the test set, which is left untouched."""
        return Data(self.X[:-n_rows], self.y[:-n_rows], self.X[-n_rows:], self.y[-n_rows:])

    def shuffled(self, seed: int) -> Data:
        """The same data with the training rows in another order."""
        order = np.random.default_rng(seed).permutation(len(self.y))
        return self._replace(X=self.X[order], y=self.y[order])


def load_mnist(folder: Path) -> Data:
    """Read `mnist.npz` with X_train, y_train, X_test, y_test: 784 numbers a row, 0 to 255.

    They are scaled to [0, 1], in the original order.
    """
    with np.load(folder / "mnist.npz") as file:
        X, y, X_test, y_test = (file[n] for n in ("X_train", "y_train", "X_test", "y_test"))
    return Data(_unit(X), y.astype(np.int64), _unit(X_test), y_test.astype(np.int64))


def _unit(pixels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return one row an image, scaled to [0, 1]."""
    return pixels.reshape(len(pixels), -1).astype(np.float32) / np.float32(255)


def load_text(file: Path) -> Data:
    """Read word counts: a CSR matrix (data, indices, indptr, shape), y, and a mask `train`."""
    with np.load(file) as parts:
        names = ("data", "indices", "indptr", "shape", "y", "train")
        counts, indices, indptr, shape, y, train = (parts[name] for name in names)
    X = csr_array((counts.astype(np.float32), indices, indptr), shape=tuple(shape))
    y = y.astype(np.int64)
    return Data(X[train], y[train], X[~train], y[~train])


def command_line(text: str | None) -> argparse.ArgumentParser:
    """Return a parser with the options that all scripts have."""
    parser = argparse.ArgumentParser(description=(text or "").partition("\n")[0])
    add = parser.add_argument
    add("--data", type=Path, required=True, metavar="DIR", help="where the data sets are")
    add("--quick", action="store_true", help="a minute's version, for a look at the script only")
    add("--seed", type=int, default=0, help="random_state of all networks (default: 0)")
    add("--out", type=Path, metavar="FILE", help="also write the table here: .md or .json")
    return parser


def error(model: object, X: object, y: NDArray[np.int64]) -> float:
    """Return the percentage of rows that are misclassified."""
    return 100.0 * float(np.mean(model.predict(X) != y))  # type: ignore[attr-defined]


def report(
    title: str,
    rows: Sequence[Mapping[str, Cell]],
    notes: Sequence[str],
    out: Path | None,
) -> None:
    """Print a table with its notes; write it as JSON or Markdown if asked."""
    text = "\n".join([f"## {title}", "", *_table(rows), "", *notes])
    print("\n" + text, flush=True)
    if out is not None:
        as_json = json.dumps({"title": title, "rows": list(rows), "notes": list(notes)}, indent=1)
        out.write_text((as_json if out.suffix == ".json" else text) + "\n")


def _table(rows: Sequence[Mapping[str, Cell]]) -> list[str]:
    """Return the lines of a Markdown table; numbers are aligned to the right."""
    names = list(rows[0])
    cells = [names, *([_written(row[name]) for name in names] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    numeric = [isinstance(rows[0][name], float) for name in names]
    rule = [
        "-" * (width - 1) + (":" if right else "-")
        for width, right in zip(widths, numeric, strict=True)
    ]
    lines = [cells[0], rule, *cells[1:]]
    return ["| " + " | ".join(_aligned(line, widths, numeric)) + " |" for line in lines]


def _aligned(line: list[str], widths: list[int], numeric: list[bool]) -> list[str]:
    """Return the cells of a line, each as wide as its column."""
    sides = zip(line, widths, numeric, strict=True)
    return [cell.rjust(width) if right else cell.ljust(width) for cell, width, right in sides]


def _written(cell: Cell) -> str:
    """Write a number with two digits after the point."""
    return f"{cell:.2f}" if isinstance(cell, float) else str(cell)
