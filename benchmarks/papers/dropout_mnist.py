"""Dropout on MNIST, permutation invariant: the table of Srivastava et al. (2014).

Their test errors (JMLR 15, Table 2): a standard net 1.60 %, with dropout 1.25 %, with dropout
and a bound on the norm of the weights into each unit 1.06 %.

The recipe is theirs in spirit: inputs in [0, 1], inputs dropped at 0.2 and hidden units at 0.5,
small batches, many epochs, a decaying learning rate. In place of SGD with momentum 0.95 it
has Adam, which needs fewer epochs. Learning rates were compared as `--validate` does, in 15 or 20
epochs on the first 50 000 rows, by the error of the last 10 000 rows of the training set: for the
standard net 0.001 and 0.003, for that with max-norm 0.001, 0.002 and 0.004. The net with dropout
alone has the latter's rate. The test set is for nets trained on all 60 000 rows to the end.

It takes hours on one core. A checkpoint is written every few epochs: started again with the
same options, the script goes on where it was.
"""

from __future__ import annotations

import os
import tempfile
import warnings
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, replace
from math import inf
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import joblib
from _paper import Cell, Data, command_line, error, load_mnist, report
from sklearn.exceptions import ConvergenceWarning

from skmlp import MLPClassifier

DROPOUT = {"dropout": 0.5, "input_dropout": 0.2}
LAST = 0.01  # the learning rate of the last step, as a share of the first
HELD_OUT = 10_000


@dataclass(frozen=True)
class Net:
    """A line of the table.

    `rate` is the learning rate at the start. A checkpoint is written every `every` epochs.
    """

    name: str
    paper: float
    hidden: tuple[int, ...]
    options: dict[str, Any]
    rate: float
    epochs: int
    batch: int = 128
    every: int = 5

    def shortened(self) -> Net:
        """A narrow net for a few epochs: a sanity check."""
        return replace(self, hidden=(256,) * len(self.hidden), epochs=20)

    def estimator(self, seed: int) -> MLPClassifier:
        """The untrained net. Only the number of epochs ends its training."""
        return MLPClassifier(
            self.hidden,
            alpha=0.0,
            batch_size=self.batch,
            learning_rate="exponential",  # of all epochs so far, so that a warm start goes on
            learning_rate_init=self.rate,
            lr_decay=LAST,
            lr_period=self.epochs,
            n_iter_no_change=inf,
            random_state=seed,
            warm_start=True,
            **self.options,
        )


NETS = {
    "standard": Net(
        "standard net, logistic", 1.60, (800, 800), {"activation": "logistic"}, rate=3e-3, epochs=40
    ),
    "dropout": Net("dropout, ReLU", 1.25, (1024,) * 3, DROPOUT, rate=2e-3, epochs=100),
    "max_norm": Net(
        "dropout, ReLU, max-norm",
        1.06,
        (1024,) * 3,
        {**DROPOUT, "max_norm": 2.0},
        rate=2e-3,
        epochs=200,
    ),
}


@dataclass
class Run:
    """A net on its way, which is what a checkpoint holds."""

    model: MLPClassifier
    epoch: int = 0
    wall: float = 0.0
    cpu: float = 0.0

    def advance(self, epochs: int, data: Data) -> None:
        """Train for so many more epochs."""
        wall, cpu = perf_counter(), process_time()
        self.model.set_params(max_iter=epochs).fit(data.X, data.y)
        self.wall += perf_counter() - wall
        self.cpu += process_time() - cpu
        self.epoch += epochs

    def save(self, file: Path) -> None:
        """Write a checkpoint; an interruption leaves the one before it."""
        unfinished = file.with_suffix(".part")
        joblib.dump(vars(self), unfinished)
        unfinished.replace(file)


def trained(net: Net, data: Data, seed: int, file: Path) -> Run:
    """Train a net to the end of its plan, from its checkpoint if there is one."""
    run = Run(**joblib.load(file)) if file.exists() else Run(net.estimator(seed))
    if run.epoch:
        print(f"{net.name}: goes on after epoch {run.epoch}, from {file}", flush=True)
    while run.epoch < net.epochs:
        # The first epoch alone, for an early estimate.
        run.advance(min(net.every if run.epoch else 1, net.epochs - run.epoch), data)
        run.save(file)
        print(progress(net, run), flush=True)
    return run


def progress(net: Net, run: Run) -> str:
    """Say how far a net is and how long the rest will take."""
    each = run.wall / run.epoch
    return (
        f"{net.name}: epoch {run.epoch} of {net.epochs}, loss {run.model.loss_:.5f}, "
        f"{each:.1f} s an epoch ({run.cpu / run.epoch:.1f} s of CPU), "
        f"{each * (net.epochs - run.epoch) / 3600:.2f} h to go"
    )


def checkpoint(folder: Path, name: str, net: Net, rows: int, seed: int) -> Path:
    """Name the file after all that decides what is in it."""
    plan = f"{net.epochs}ep-rate{net.rate:g}-{rows}rows-seed{seed}"
    return folder / f"{name}-{plan}.joblib"


def results(nets: dict[str, Net], data: Data, seed: int, folder: Path) -> Iterator[dict[str, Cell]]:
    """Yield a line of the table for each net."""
    for name, net in nets.items():
        file = checkpoint(folder, name, net, len(data.y), seed)
        run = trained(net, data, seed, file)
        ours = error(run.model, data.X_test, data.y_test)
        print(f"{net.name}: {run.wall / 3600:.2f} h in all", flush=True)
        yield {
            "net": net.name,
            "units": "x".join(map(str, net.hidden)),
            "epochs": str(net.epochs),
            "paper %": net.paper,
            "ours %": ours,
            "difference": ours - net.paper,
            "minutes": run.wall / 60,
            "CPU minutes": run.cpu / 60,
        }


def validations(
    nets: dict[str, Net], data: Data, seed: int, folder: Path, rates: list[float]
) -> Iterator[dict[str, Cell]]:
    """Yield the error of held-out training rows for each net and learning rate."""
    for name, net in nets.items():
        for candidate in (replace(net, rate=rate) for rate in rates):
            file = checkpoint(folder, name, candidate, len(data.y), seed)
            run = trained(candidate, data, seed, file)
            held_out = error(run.model, data.X_test, data.y_test)
            yield {"net": net.name, "learning rate": f"{candidate.rate:g}", "error %": held_out}


def parse() -> Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--nets", nargs="+", choices=NETS, default=list(NETS), help="which nets (default: all)")
    add("--epochs", type=int, help="epochs of each net, in place of its own number")
    add("--validate", nargs="+", type=float, metavar="RATE", help="compare learning rates")
    add("--checkpoints", type=Path, default=Path("dropout_mnist"), metavar="DIR")
    return parser.parse_args()


def chosen(options: Namespace) -> dict[str, Net]:
    """Return the nets as the options want them."""
    nets = {name: NETS[name] for name in options.nets}
    if options.quick:
        nets = {name: net.shortened() for name, net in nets.items()}
    if options.epochs:
        nets = {name: replace(net, epochs=options.epochs) for name, net in nets.items()}
    return nets


def notes(options: Namespace, data: Data) -> list[str]:
    """Say what the table is of."""
    what = f"{len(data.y)} training rows, {len(data.y_test)} rows to test, seed {options.seed}"
    quick = ["--quick: narrow nets and few rows, not to be compared with the paper."]
    return [f"MNIST, permutation invariant; {what}; {os.cpu_count()} CPUs."] + (
        quick if options.quick else []
    )


def main() -> None:
    """Train the nets and print the table."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    options = parse()
    data, nets = load_mnist(options.data), chosen(options)
    if options.validate:
        data = data.validation(HELD_OUT)
    if options.quick:
        data = data.head(10_000, 10_000)
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary) if options.quick else options.checkpoints
        folder.mkdir(parents=True, exist_ok=True)
        arguments = (nets, data, options.seed, folder)
        if options.validate:
            rows = list(validations(*arguments, options.validate))
            title = "Learning rates compared on held-out training rows"
        else:
            rows = list(results(*arguments))
            title = "Dropout on MNIST: test error, Srivastava et al. 2014"
        report(title, rows, notes(options, data), options.out)


if __name__ == "__main__":
    main()
