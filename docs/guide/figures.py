"""Draw the figures of the guide: ``python docs/guide/figures.py`` writes them beside the pages.

It needs matplotlib (``pip install ".[plot]"``) and scikit-learn 1.9, and takes a minute.
"""

import subprocess
import sys
import tempfile
import warnings
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from sklearn.callback import ScoringMonitor
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, train_test_split

from skmlp import LossCurveDisplay, MLPClassifier, MLPRegressor

FOLDER = Path(__file__).parent

BLUE, ORANGE, GREEN, GREY = "#1c7ed6", "#e8590c", "#2b8a3e", "#868e96"

#: Where a label stands beside its point.
ABOVE = {"xytext": (0, 7), "textcoords": "offset points", "ha": "center"}

STYLE = {
    "axes.grid": True,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": "medium",
    "figure.constrained_layout.use": True,
    "font.size": 10,
    "grid.color": "#e9ecef",
    "legend.frameon": False,
    "savefig.dpi": 110,
}


# -- early stopping ------------------------------------------------------------------


def early_stopping() -> Any:
    """Draw the losses of a fit with early stopping, and what it is worth on other rows."""
    X, y = load_diabetes(return_X_y=True)
    X_train, X_test, y_train, y_test = train_test_split(X, y, random_state=0)
    params = {"feature_scaling": "standard", "target_scaling": "standard", "random_state": 0}
    plain, stopped = (
        MLPRegressor(**params, max_iter=300, keep_checkpoints=1, early_stopping=early)
        for early in (False, True)
    )
    figure, (left, right) = plt.subplots(1, 2, figsize=(8.6, 3.4))
    LossCurveDisplay.from_estimator(stopped.fit(X_train, y_train), ax=left)
    left.set_title(f"Early stopping: epoch {stopped.best_iter_} of {stopped.n_iter_} is best")
    plain.fit(X_train, y_train)
    for net, color, name in ((plain, GREY, "without"), (stopped, GREEN, "with")):
        scores = [r2_score(y_test, values) for values in net.staged_predict(X_test)]
        end = net.best_iter_, scores[net.best_iter_ - 1]
        right.plot(net.checkpoint_epochs_, scores, color=color, label=f"{name} early stopping")
        right.plot(*end, "o", color=color)
        right.annotate(f"{end[1]:.2f}", end, color=color, **ABOVE)
    right.set(xlabel="Epoch", ylabel="R²", title="Score on the test rows", ylim=(-0.2, 0.5))
    right.legend(loc="lower right")
    return figure


# -- transfer learning ---------------------------------------------------------------


def transfer_digits() -> Any:
    """Draw the accuracy on ten digits of networks from scratch and from one that knows eight."""
    X, y = load_digits(return_X_y=True)
    X_old, X_new, y_old, y_new = train_test_split(
        X / 16, y, test_size=0.5, stratify=y, random_state=0
    )
    known = y_old < 8
    old = MLPClassifier((64,), random_state=0).fit(X_old[known], y_old[known])
    sizes, seeds = (20, 50, 100, 200, 400), range(5)
    figure, ax = plt.subplots(figsize=(5.6, 3.6))
    starts = (
        ("from the network for 0 to 7", BLUE, old.get_weights()),
        ("from scratch", ORANGE, None),
    )
    for name, color, start in starts:
        scores = np.array([[_score(X_new, y_new, n, seed, start) for seed in seeds] for n in sizes])
        ax.fill_between(sizes, scores.min(axis=1), scores.max(axis=1), color=color, alpha=0.2)
        ax.plot(sizes, scores.mean(axis=1), "o-", color=color, label=name)
    ax.axhline(old.score(X_new, y_new), color=GREY, ls="--", label="that network as it is")
    ax.set_xscale("log")
    ax.set_xticks(sizes, map(str, sizes))
    ax.minorticks_off()
    ax.set(xlabel="Labelled rows of all ten digits", ylabel="Accuracy on the other rows")
    ax.legend(loc="lower right")
    return figure


def _score(X: Any, y: Any, n_rows: int, seed: int, start: Any) -> float:
    """Return the accuracy, on the other rows, of a network that has learnt from a few."""
    X_train, X_test, y_train, y_test = train_test_split(
        X, y, train_size=n_rows, stratify=y, random_state=seed
    )
    net = MLPClassifier((64,), pretrained=start, random_state=seed).fit(X_train, y_train)
    return net.score(X_test, y_test)


# -- callbacks -----------------------------------------------------------------------


def callbacks() -> Any:
    """Draw the score of each epoch of each fit of a grid search."""
    X, y = load_digits(return_X_y=True)
    rates, n_folds = (0.0001, 0.001, 0.01, 0.1), 3
    monitor = ScoringMonitor(scoring="accuracy")
    net = MLPClassifier((64,), max_iter=30, random_state=0).set_callbacks(monitor)
    search = GridSearchCV(net, {"learning_rate_init": rates}, cv=n_folds).fit(X / 16, y)
    log = monitor.get_logs().data_as_pandas
    log = log[(log["task_name"] == "epoch") & (log["task_id_path"].str[1] == 0)]
    curves = np.reshape(log["accuracy"], (len(rates), n_folds, -1))
    figure, ax = plt.subplots(figsize=(7.6, 3.4))
    epochs = np.arange(1, curves.shape[-1] + 1)
    found = search.cv_results_["mean_test_score"]
    for rate, folds, score in zip(rates, curves, found, strict=True):
        (line,) = ax.plot(epochs, folds.mean(axis=0), label=f"{rate:g}: {score:.2f}")
        low, high = folds.min(axis=0), folds.max(axis=0)
        ax.fill_between(epochs, low, high, color=line.get_color(), alpha=0.2)
    ax.set(xlabel="Epoch", ylabel="Accuracy on the rows trained on", ylim=(0, 1.02))
    title = "Learning rate: accuracy\non the folds left out"
    ax.legend(title=title, loc="center left", bbox_to_anchor=(1.0, 0.5), alignment="left")
    return figure


# -- persistence ---------------------------------------------------------------------

TRAIN = """
import os, sys
from sklearn.datasets import load_digits
from skmlp import MLPClassifier

class PowerCut:
    def setup(self, estimator, context): pass
    def teardown(self, estimator, context): pass
    def on_fit_task_begin(self, estimator, context): pass
    def on_fit_task_end(self, estimator, context):
        if estimator.n_iter_ == int(sys.argv[2]):
            os.kill(os.getpid(), 9)

X, y = load_digits(return_X_y=True)
net = MLPClassifier(
    (64,), dropout=0.3, batch_norm=True, max_iter=80, n_iter_no_change=80, random_state=0,
    verbose=2, checkpoint_path=sys.argv[1],
)
net.set_callbacks(PowerCut()).fit(X / 16, y)
"""


def persistence() -> Any:
    """Draw the losses of a fit whose process ends in the middle, and of one that is left alone."""
    with tempfile.TemporaryDirectory() as folder:
        path, other = (str(Path(folder, name)) for name in ("checkpoint", "other"))
        killed, resumed, whole = _losses(path, 30), _losses(path, 0), _losses(other, 0)
    figure, ax = plt.subplots(figsize=(6.4, 3.6))
    ax.plot(*whole, color=GREY, lw=6, alpha=0.4, label="a fit that is left alone")
    ax.plot(*killed, color=ORANGE, label="one that is killed after 30 epochs")
    ax.plot(*resumed, color=BLUE, label="and run again")
    ax.plot(killed[0][-1], killed[1][-1], "X", color=ORANGE, markersize=9)
    ax.set(xlabel="Epoch", ylabel="Training loss", yscale="log", yticks=(0.1, 0.2, 0.5, 1, 2))
    ax.minorticks_off()
    ax.yaxis.set_major_formatter("{x:g}")
    ax.legend()
    return figure


def _losses(path: str, end: int) -> tuple[list[int], list[float]]:
    """Return the epochs, and their losses, that a process says before it ends."""
    command = [sys.executable, "-u", "-c", TRAIN, path, str(end)]
    said = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    words = [line.replace(",", " ").split() for line in said.splitlines() if "loss" in line]
    return [int(w[1]) for w in words], [float(w[-1]) for w in words]


# -- all -----------------------------------------------------------------------------


def main() -> None:
    """Write all figures."""
    warnings.simplefilter("ignore", ConvergenceWarning)
    plt.switch_backend("agg")
    with plt.rc_context(STYLE):
        for draw in (early_stopping, transfer_digits, callbacks, persistence):
            draw().savefig(FOLDER / f"{draw.__name__}.png", metadata={"Software": None})


if __name__ == "__main__":
    main()
