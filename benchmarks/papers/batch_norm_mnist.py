"""Batch normalisation in fewer steps: the MNIST experiment of Ioffe & Szegedy (2015).

Their section 4.1: three hidden layers of 100 sigmoid units, mini-batches of 60, 50 000 steps;
with batch norm the net is better after the same steps, and gets there much earlier. Held
against the claim here: how many steps the net with batch norm needs to reach the accuracy that
the plain net has at the end, as a share of all steps. A third, or less, is wanted. At a high rate
the plain net is there before its end; the last column compares with the first time that it is.

SGD without momentum. The learning rate of the plain net is the best of a grid on the last
10 000 training rows. The net with batch norm is given the same rate, and in another line the
rate of the grid with which it takes the fewest steps on those rows. Then both learn all rows.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from time import perf_counter
from typing import NamedTuple

import numpy as np
from _paper import Cell, Data, command_line, error, load_mnist, report

from skmlp import MLPClassifier

WIDTHS, BATCH = (100, 100, 100), 60
RATES = (0.1, 0.3, 1.0, 3.0)
TARGET = 1 / 3
HELD_OUT = 10_000


class Length(NamedTuple):
    """Steps of a run, and after how many each the net is scored."""

    steps: int
    every: int


class Curve(NamedTuple):
    """Accuracy in percent after so many steps."""

    steps: list[int]
    accuracy: list[float]

    def reaches(self, level: float) -> float:
        """Return the first scored step with that accuracy or more; infinity if there is none."""
        reached = (s for s, a in zip(self.steps, self.accuracy, strict=True) if a >= level)
        return float(next(reached, np.inf))


def learn(data: Data, length: Length, rate: float, seed: int, batch_norm: bool) -> Curve:
    """Train a net and score it on the way."""
    model = MLPClassifier(
        WIDTHS,
        "logistic",
        solver="sgd",
        momentum=0.0,
        nesterovs_momentum=False,
        alpha=0.0,
        batch_size=BATCH,
        learning_rate_init=rate,
        shuffle=False,  # the pieces are drawn at random
        random_state=seed,
        batch_norm=batch_norm,
    )
    curve, step = Curve([], []), 0
    for rows in pieces(len(data.y), length, seed):
        model.partial_fit(data.X[rows], data.y[rows], classes=np.arange(10))
        step += -(-len(rows) // BATCH)
        curve.steps.append(step)
        curve.accuracy.append(100.0 - error(model, data.X_test, data.y_test))
    return curve


def pieces(n_rows: int, length: Length, seed: int) -> Iterator[np.ndarray]:
    """Yield the rows between two scores, epoch after epoch in a new order."""
    rng, size, left = np.random.default_rng(seed), length.every * BATCH, length.steps * BATCH
    while left > 0:
        order = rng.permutation(n_rows)[:left]
        left -= len(order)
        yield from (order[start : start + size] for start in range(0, len(order), size))


def choose(data: Data, length: Length, seed: int) -> tuple[float, float]:
    """Return the learning rates of the plain net and of that with batch norm."""
    curves = {
        (rate, batch_norm): learn(data, length, rate, seed, batch_norm)
        for rate in RATES
        for batch_norm in (False, True)
    }
    plain = max(RATES, key=lambda rate: curves[rate, False].accuracy[-1])
    level = curves[plain, False].accuracy[-1]
    for rate in RATES:
        print(
            f"held-out rows, rate {rate:g}: plain {curves[rate, False].accuracy[-1]:.2f} %, "
            f"batch norm {curves[rate, True].accuracy[-1]:.2f} %, "
            f"{level:.2f} % after {curves[rate, True].reaches(level):g} steps",
            flush=True,
        )
    return plain, min(RATES, key=lambda rate: curves[rate, True].reaches(level))


def results(
    data: Data, length: Length, seed: int, rates: tuple[float, float]
) -> list[dict[str, Cell]]:
    """Return the lines of the table."""
    plain = learn(data, length, rates[0], seed, batch_norm=False)
    rows = [line("plain", rates[0], plain, plain)]
    # If the rates are the same, one line is enough.
    names = {rates[1]: "batch norm, own rate", rates[0]: "batch norm, same rate"}
    for rate, name in names.items():
        rows.append(line(name, rate, learn(data, length, rate, seed, batch_norm=True), plain))
    return rows


def line(name: str, rate: float, curve: Curve, plain: Curve) -> dict[str, Cell]:
    """Return a line of the table; the share of all steps is held against the target."""
    level = plain.accuracy[-1]
    steps, share = curve.reaches(level), curve.reaches(level) / plain.steps[-1]
    judged = curve is not plain
    return {
        "net": name,
        "learning rate": f"{rate:g}",
        "accuracy at the end %": curve.accuracy[-1],
        f"steps to {level:.2f} %": f"{steps:g}",
        "share of all": share,
        "wanted": f"{TARGET:.2f}" if judged else "",
        "difference": f"{share - TARGET:+.2f}" if judged else "",
        "share of the plain net's": steps / plain.reaches(level),
    }


def parse() -> Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--rate", type=float, help="learning rate of all nets: choose none")
    return parser.parse_args()


def main() -> None:
    """Choose the rates, train and print the table."""
    start, options = perf_counter(), parse()
    data, length = load_mnist(options.data), Length(50_000, 100)
    if options.quick:
        data, length = data.head(20_000, 2_000), Length(4_000, 100)
    rates = (options.rate, options.rate)
    if options.rate is None:
        rates = choose(data.validation(min(HELD_OUT, len(data.y) // 5)), length, options.seed)
    rows = results(data, length, options.seed, rates)
    minutes = (perf_counter() - start) / 60
    what = f"{length.steps} steps of {BATCH} rows, scored every {length.every}"
    notes = [f"Accuracy on the test set. {what}; seed {options.seed}; {minutes:.1f} minutes."]
    title = "Batch norm on MNIST: steps to the plain net's accuracy, Ioffe & Szegedy 2015"
    report(title, rows, notes, options.out)


if __name__ == "__main__":
    main()
