"""Transfer on MNIST: digits 5 to 9 from few labelled rows, with and without digits 0 to 4.

A network learns digits 0 to 4. To learn shapes rather than these five, it sees the left part of
one digit beside the right part of another one, each shifted, turned, sheared and scaled a
little, in one of the eight symmetries of the square: which digits and which symmetry are
200 classes. Another network, for digits 5 to 9, starts from it by ``pretrained=`` and learns
from a few labelled rows. A third one of the same architecture learns from the same rows
and starts from nothing.

Learning rate, dropout and the share of that rate for hidden layers are chosen for both
among the same candidates: by the accuracy on training rows that neither is trained on, for
other draws of few rows than those that are reported. The accuracy that is reported is
that on the test rows.
"""

from __future__ import annotations

import itertools
import math
import warnings
from argparse import Namespace
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from papers._paper import Cell, Data, command_line, load_mnist, report
from scipy.ndimage import affine_transform
from sklearn.exceptions import ConvergenceWarning

from skmlp import MLPClassifier

Images = NDArray[np.float32]

#: Training rows of digits 5 to 9 that are for choosing among candidates.
HELD_OUT = 4_000

#: What the candidates are made of: the share of the learning rate is that of hidden layers.
CHOICES: dict[str, tuple[Any, ...]] = {
    "rate": (1e-3, 3e-3),
    "dropout": ((0.0, 0.0), (0.5, 0.3)),  # of hidden layers, and of the input
    "share": (1.0, 0.03),
}

#: Epochs of a network that learns from few rows.
EPOCHS = 100


class Plan(NamedTuple):
    """How much is done."""

    hidden: tuple[int, ...] = (512, 256)
    epochs: int = 20
    sizes: tuple[int, ...] = (25, 50, 100, 200, 400)
    choosing: int = 3
    draws: int = 10


QUICK = Plan((64,), 2, (25, 100), 1, 2)


# -- digits 0 to 4 ---------------------------------------------------------------------


def warped(images: Images, rng: np.random.Generator) -> Images:
    """Return the images, each shifted, turned, sheared and scaled a little."""
    out = np.empty_like(images).reshape(-1, 28, 28)
    for image, warp in zip(images.reshape(-1, 28, 28), out, strict=True):
        turn, shear, scale = rng.uniform((-0.26, -0.2, 0.85), (0.26, 0.2, 1.15))
        rotation = [[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]]
        matrix = np.array(rotation) @ [[1.0, shear], [0.0, 1.0]] / scale
        offset = 13.5 - matrix @ (13.5 + rng.uniform(-2.0, 2.0, 2))
        affine_transform(image, matrix, offset, output=warp, order=1)
    return out.reshape(len(images), -1)


def beside(images: Images, others: Images, rng: np.random.Generator) -> Images:
    """Return the left part of each image beside the right part of another one."""
    border = rng.integers(11, 18, (len(images), 1, 1))
    shape = (-1, 28, 28)
    parts = np.where(np.arange(28) < border, images.reshape(shape), others.reshape(shape))
    return parts.reshape(len(images), -1)


def symmetric(images: Images, kinds: NDArray[np.int64]) -> Images:
    """Return each image in one of eight symmetries: turned by quarters, and mirrored."""
    out = np.empty_like(images).reshape(-1, 28, 28)
    for kind in np.unique(kinds):
        some = images[kinds == kind].reshape(-1, 28, 28)
        mirrored = some[:, :, ::-1] if kind >= 4 else some
        out[kinds == kind] = np.rot90(mirrored, kind % 4, axes=(1, 2))
    return out.reshape(len(images), -1)


def pretrained(data: Data, plan: Plan, seed: int) -> MLPClassifier:
    """Return a network that knows digits 0 to 4."""
    net = MLPClassifier(
        plan.hidden,
        batch_size=128,
        max_iter=plan.epochs,
        learning_rate="cosine",
        learning_rate_init=1.5e-3,
        lr_final=0.02,
        dropout=0.1,
        random_state=seed,
    )
    rng, low = np.random.default_rng(seed), data.y < 5
    X, y = data.X[low], data.y[low]
    for epoch in range(plan.epochs):
        kinds, other, images = rng.integers(0, 8, len(y)), rng.permutation(len(y)), warped(X, rng)
        images = symmetric(beside(images, images[other], rng), kinds)
        net.partial_fit(images, (5 * y + y[other]) * 8 + kinds, classes=np.arange(200))
        print(f"digits 0 to 4: epoch {epoch + 1}, loss {net.loss_curve_[-1]:.4f}", flush=True)
    return net


# -- digits 5 to 9 ---------------------------------------------------------------------


class Few(NamedTuple):
    """A draw of few rows, and many to score."""

    X: Images
    y: NDArray[np.int64]
    X_many: Images
    y_many: NDArray[np.int64]

    def accuracy(self, settings: Mapping[str, Any], plan: Plan, seed: int) -> float:
        """Return the percentage of the many rows that a network classifies correctly."""
        net = MLPClassifier(
            plan.hidden,
            batch_size=len(self.y) // 5,
            max_iter=EPOCHS,
            n_iter_no_change=np.inf,
            random_state=seed,
            **settings,
        )
        return 100.0 * float(net.fit(self.X, self.y).score(self.X_many, self.y_many))


def draws(data: Data, size: int, n: int, rng: np.random.Generator) -> list[Few]:
    """Return draws of as many rows of each digit, with the test rows."""
    found = []
    for _ in range(n):
        digits = [np.flatnonzero(data.y == digit) for digit in range(5, 10)]
        rows = np.concatenate([rng.choice(own, size // 5, replace=False) for own in digits])
        found.append(Few(data.X[rows], data.y[rows], data.X_test, data.y_test))
    return found


def only_high(data: Data) -> Data:
    """Return the rows of digits 5 to 9."""
    train, test = data.y >= 5, data.y_test >= 5
    return Data(data.X[train], data.y[train], data.X_test[test], data.y_test[test])


def candidates(start: Mapping[str, Any], plan: Plan) -> Iterator[dict[str, Any]]:
    """Yield the settings to choose from."""
    for rate, (dropout, of_input), share in itertools.product(*CHOICES.values()):
        yield {
            "learning_rate_init": rate,
            "dropout": dropout,
            "input_dropout": of_input,
            "learning_rate_factors": [share] * len(plan.hidden) + [1.0],
            **start,
        }


def chosen(few: list[Few], start: Mapping[str, Any], plan: Plan) -> dict[str, Any]:
    """Return the settings with the best mean accuracy."""

    def mean(settings: dict[str, Any]) -> float:
        return float(np.mean([draw.accuracy(settings, plan, i) for i, draw in enumerate(few)]))

    return max(candidates(start, plan), key=mean)


def described(settings: Mapping[str, Any]) -> str:
    """Return the settings that were chosen, for the table."""
    names = ("learning_rate_init", "dropout", "input_dropout")
    numbers = (*(settings[name] for name in names), settings["learning_rate_factors"][0])
    return " ".join(f"{number:g}" for number in numbers)


def rows(data: Data, net: MLPClassifier, plan: Plan, seed: int) -> Iterator[dict[str, Cell]]:
    """Yield a line of the table for each number of labelled rows."""
    high, rng = only_high(data), np.random.default_rng(seed)
    starts = {"scratch": {}, "transfer": {"pretrained": net.get_weights()}}
    for size in plan.sizes:
        choosing = draws(high.validation(HELD_OUT), size, plan.choosing, rng)
        reported = draws(high, size, plan.draws, rng)
        line: dict[str, Cell] = {"labelled rows": str(size)}
        accuracies = {}
        for name, start in starts.items():
            best = chosen(choosing, start, plan)
            found = [draw.accuracy(best, plan, i) for i, draw in enumerate(reported)]
            accuracies[name] = np.array(found)
            line[f"{name} %"], line[f"{name} ±"] = float(np.mean(found)), float(np.std(found))
            line[f"{name}: rate, dropouts, share"] = described(best)
        gain = accuracies["transfer"] - accuracies["scratch"]
        line["gain"], line["least gain"] = float(gain.mean()), float(gain.min())
        print(line, flush=True)
        yield line


# -- report ----------------------------------------------------------------------------


def draw(lines: list[dict[str, Cell]], file: Path) -> None:
    """Draw accuracy against the number of labelled rows."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    fig, ax = plt.subplots(figsize=(6.0, 3.8), layout="constrained")
    sizes = [int(line["labelled rows"]) for line in lines]
    names = {"transfer": "started from digits 0 to 4", "scratch": "started from nothing"}
    for (name, label), marker in zip(names.items(), "os", strict=True):
        means, spreads = ([float(line[f"{name} {c}"]) for line in lines] for c in "%±")
        ax.errorbar(sizes, means, spreads, marker=marker, capsize=3, label=label)
    ax.set_xscale("log")
    ax.set_xticks(sizes, [str(size) for size in sizes])
    ax.minorticks_off()
    ax.set(xlabel="labelled rows of digits 5 to 9", ylabel="accuracy on the test rows, %")
    ax.grid(visible=True, alpha=0.3)
    ax.legend(loc="lower right")
    fig.savefig(file, dpi=100)


def parse() -> Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    parser.add_argument("--figure", type=Path, metavar="FILE", help="draw the accuracies here")
    return parser.parse_args()


def main() -> None:
    """Train the networks, print the table and draw the figure."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    options = parse()
    data, plan = load_mnist(options.data), QUICK if options.quick else Plan()
    if options.quick:
        data = data.head(20_000, 2_000)
    lines = list(rows(data, pretrained(data, plan, options.seed), plan, options.seed))
    units = "x".join(map(str, plan.hidden))
    note = (
        f"Digits 5 to 9 of MNIST; hidden units {units}; means and standard deviations over "
        f"{plan.draws} draws of the labelled rows, seed {options.seed}. The gain is that of the "
        "same draw."
    )
    report("Transfer from digits 0 to 4", lines, [note], options.out)
    if options.figure is not None:
        draw(lines, options.figure)


if __name__ == "__main__":
    main()
