"""The demonstration that ``python -m skmlp`` runs: two grid searches on real data.

A Pipeline of StandardScaler and MLP is searched on data that scikit-learn ships,
once with skmlp and once with scikit-learn's own MLP. Parameters, folds, seeds and the
number of threads are the same, so the scores are comparable and the fit times too.
"""

import argparse
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any, TypeAlias

import numpy as np
import sklearn
import sklearn.neural_network
from sklearn.datasets import load_diabetes, load_digits
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import skmlp

LIBRARIES = {"skmlp": skmlp, "scikit-learn": sklearn.neural_network}

Tick: TypeAlias = Callable[[], None]
Progress: TypeAlias = Callable[[str, int], AbstractContextManager[Tick]]


@dataclass(frozen=True)
class Task:
    """A data set and the search that is run on it."""

    name: str
    load: Callable[..., Any]
    estimator: str
    score: str
    max_iter: int
    grid: Mapping[str, Sequence[float]]
    folds: int = 3

    @property
    def fits(self) -> int:
        """Count the fits of the search, the final one on all training rows included."""
        return self.folds * int(np.prod([len(values) for values in self.grid.values()])) + 1

    def split(self) -> Any:
        """Return the training and test rows: X_train, X_test, y_train, y_test."""
        X, y = self.load(return_X_y=True)
        return train_test_split(X, y, random_state=0)


TASKS = (
    Task(
        name="digits",
        load=load_digits,
        estimator="MLPClassifier",
        score="accuracy",
        max_iter=60,
        grid={"mlp__alpha": [1e-4, 1.0], "mlp__learning_rate_init": [1e-3, 1e-2]},
    ),
    Task(
        name="diabetes",
        load=load_diabetes,
        estimator="MLPRegressor",
        score="R2",
        max_iter=200,
        grid={"mlp__alpha": [1.0, 30.0], "mlp__learning_rate_init": [1e-2, 3e-2]},
    ),
)


@dataclass(frozen=True)
class Outcome:
    """What a search found and how long its fits took."""

    score: float
    seconds: float
    parameters: Mapping[str, float]
    predictions: Any


Results: TypeAlias = Sequence[tuple[Task, Mapping[str, Outcome]]]


@contextmanager
def dots(label: str, fits: int) -> Iterator[Tick]:
    """Show progress as a line of dots, one for each fit."""
    print(f"  {label:<13} ", end="", flush=True)
    start = time.perf_counter()
    yield lambda: print(".", end="", flush=True)
    print(f" {fits} fits, {time.perf_counter() - start:.1f} s", flush=True)


@contextmanager
def bar(label: str, fits: int) -> Iterator[Tick]:
    """Show progress as a bar of rich, which must be installed."""
    from rich.progress import (  # noqa: PLC0415 (an optional package)
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
    )

    columns = TextColumn(f"  {label:<13}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    with Progress(*columns) as progress:
        task = progress.add_task(label, total=fits)
        yield lambda: progress.advance(task)


def run_search(task: Task, library: Any, data: Any, tick: Tick) -> Outcome:
    """Search the grid of `task` with the estimator of one library."""
    X_train, X_test, y_train, y_test = data
    mlp = getattr(library, task.estimator)(max_iter=task.max_iter, random_state=0)
    pipeline = Pipeline([("scale", StandardScaler()), ("mlp", mlp)])

    def score(fitted: Any, X: Any, y: Any) -> float:
        tick()
        return float(fitted.score(X, y))

    search = GridSearchCV(pipeline, task.grid, scoring=score, cv=task.folds, error_score="raise")
    with warnings.catch_warnings():
        # The number of epochs is fixed, so that both libraries do the same work.
        warnings.simplefilter("ignore", ConvergenceWarning)
        search.fit(X_train, y_train)
    tick()  # the final fit, which no score follows
    return Outcome(
        score=float(search.best_estimator_.score(X_test, y_test)),
        seconds=total_fit_time(search),
        parameters=search.best_params_,
        predictions=predictions(search.best_estimator_, X_test),
    )


def total_fit_time(search: Any) -> float:
    """Add up the seconds that all fits of a search took."""
    return float(search.cv_results_["mean_fit_time"].sum() * search.n_splits_ + search.refit_time_)


def predictions(fitted: Any, X: Any) -> Any:
    """Return probabilities of a classifier, predictions of a regressor."""
    method = getattr(fitted, "predict_proba", fitted.predict)
    return method(X)


def run_task(task: Task, show: Progress) -> dict[str, Outcome]:
    """Run the search of `task` with each library."""
    data = task.split()
    rows, features = data[0].shape
    print(f"\n{task.name}: {task.estimator}, {rows} training rows, {features} features")
    outcomes = {}
    for name, library in LIBRARIES.items():
        with show(name, task.fits) as tick:
            outcomes[name] = run_search(task, library, data, tick)
    return outcomes


def print_table(results: Results) -> None:
    """Print scores and fit times of both libraries side by side."""
    row = "{:<10}{:<10}{:>8}{:>14}   {:>9}{:>14}{:>9}"
    print(f"\n{'score on test rows':>42}{'seconds in all fits':>26}")
    print(row.format("data", "score", *LIBRARIES, *LIBRARIES, "faster"))
    for task, outcomes in results:
        ours, theirs = (outcomes[name] for name in LIBRARIES)
        scores = f"{ours.score:.3f}", f"{theirs.score:.3f}"
        times = f"{ours.seconds:.2f}", f"{theirs.seconds:.2f}"
        ratio = f"{theirs.seconds / ours.seconds:.1f}x"
        print(row.format(task.name, task.score, *scores, *times, ratio))


def print_models(results: Results) -> None:
    """Print what each search chose and how far the two libraries' models agree."""
    for task, outcomes in results:
        print(f"\n{task.name}")
        for name, outcome in outcomes.items():
            print(f"  {name:<13} chose {chosen(outcome)}")
        ours, theirs = (outcomes[name].predictions for name in LIBRARIES)
        gap = np.max(np.abs(ours - theirs)) / np.max(np.abs(theirs))
        print(f"  predictions   differ by at most {gap:.1e} of the largest")


def chosen(outcome: Outcome) -> str:
    """Name the parameters that a search chose."""
    found = outcome.parameters.items()
    return ", ".join(f"{name.removeprefix('mlp__')}={value:g}" for name, value in found)


def shortened(task: Task) -> Task:
    """Return `task` with fewer epochs and folds."""
    return replace(task, max_iter=task.max_iter // 4, folds=2)


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m skmlp",
        description="Search a small grid of networks on real data, for a classifier and a "
        "regressor, and compare scores and fit times with scikit-learn's own MLP.",
    )
    parser.add_argument("--quick", action="store_true", help="fewer epochs and folds")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the demonstration.

    Parameters
    ----------
    arguments : sequence of str or None, default=None
        The command line without the program's name; ``None`` reads ``sys.argv``.
    """
    options = parse(arguments)
    show = bar if sys.stdout.isatty() and find_spec("rich") else dots
    print(f"skmlp {skmlp.__version__} beside scikit-learn {sklearn.__version__}")
    print("GridSearchCV over Pipeline(StandardScaler, MLP), one BLAS thread.")
    print("Parameters, folds and seed are the same for both.")
    tasks = [shortened(task) if options.quick else task for task in TASKS]
    with threadpool_limits(limits=1):
        results = [(task, run_task(task, show)) for task in tasks]
    print_table(results)
    print_models(results)
