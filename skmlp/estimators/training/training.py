"""One call of ``fit`` or ``partial_fit``, from validated data to parameters."""

import math
import warnings
from collections.abc import Callable, Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skmlp._noise import Noise
from skmlp._threads import threads_for
from skmlp._typing import Indices, Views
from skmlp.estimators.observers import StopTraining
from skmlp.estimators.scaling import feature_scaling
from skmlp.estimators.targets import ClassTarget
from skmlp.estimators.training import interrupts, streams
from skmlp.estimators.training.divergence import causes, explained
from skmlp.estimators.training.history import History
from skmlp.estimators.training.kept import KeptWeights
from skmlp.estimators.training.monitor import EpochMonitor
from skmlp.estimators.training.plateau import Plateau, is_constant, never
from skmlp.estimators.training.solving import (
    build_penalties,
    build_solver,
    is_first_order,
    solver_name,
)
from skmlp.estimators.training.splitting import both_weighted, split_rows, splitter_rows
from skmlp.estimators.training.task import Task, Validation
from skmlp.estimators.training.watching import build_monitor
from skmlp.objective import Objective
from skmlp.schedules import Progress
from skmlp.solvers import Batches, DivergenceError, Minibatch, Outcome, TrainingSet

#: What to tell the user of scores that are no numbers.
UNSCORED = (
    "Validation gave no finite score after any epoch: the weights of the last one are kept. Choose "
    "another scoring, or more rows to validate."
)

#: What to tell the user of a network that predicts a constant.
CONSTANT = "The network predicts the same for all rows: nothing was learnt."

#: The most rows that layers see before training starts.
ADAPT_ROWS = 10_000


class Training:
    """A run of a solver on one training set.

    Parameters
    ----------
    task : Task
        What to do.
    view : callable
        Returns the estimator as it would be if this training, its argument, ended
        now. It shares memory with the training.
    start : sequence of mapping of str to ndarray, or None
        Parameters and statistics to start from; None draws them.
    saved : mapping or None
        What ``state`` returned after an earlier run, to go on from.
    features : mapping or None
        Statistics of the features in earlier runs.
    history : History or None
        Earlier epochs, to be followed by this run's.
    kept : sequence of mapping
        Copies of the weights that were kept in them.

    Attributes
    ----------
    objective : Objective
        What was made small; it holds the parameters.
    monitor : EpochMonitor
        What was recorded.
    progress : Progress
        Epochs, steps and rows so far, earlier runs included.
    features : Statistics or None
        What is known of the features, if the network scales them.
    subset : ndarray of int or None
        The rows of the task that it trains on; None for all.
    loss : float
        The objective at the end, if the solver knows it.
    stopped_by : str or None
        What ended the training; None where ``partial_fit`` may go on.
    kept : list of dict
        Copies of the weights on the way.
    best_epoch : int
        The epoch whose weights it leaves, counted from one.
    """

    def __init__(
        self,
        task: Task,
        view: "Callable[[Training], Any]",
        *,
        start: Sequence[Views] | None = None,
        saved: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        history: History | None = None,
        kept: Sequence[dict[str, Any]] = (),
    ) -> None:
        self.task, self.model = task, task.model
        self.settings = {**task.settings, "max_iter": 1} if task.incremental else task.settings
        self.saved = saved or {}
        self.first_order = is_first_order(self.settings)
        self.rng = self._random_stream()
        self.objective = self._objective()
        self._set_parameters(start)
        self.progress = self._planned()
        training, validation = self._split()
        self.subset = training.subset
        self.features = feature_scaling.measured(
            task.model.architecture["feature_scaling"],
            features,
            training,
            incremental=task.incremental,
        )
        feature_scaling.write(self.features, self.objective.views)
        if start is None:
            self._adapt(training)
        self.solver = build_solver(self.settings, self.objective)
        self._restore_solver()
        for views in (self.objective.views, self.solver.evaluated.views):
            feature_scaling.write(self.features, views)  # an earlier run had others
        self.solver.evaluated.refresh()  # what is kept if the first epoch diverges
        self.loss, self.best_epoch = math.nan, 0
        self.stopped_by: str | None = None
        self.monitor = self._monitor(
            history or History(),
            validation,
            lambda: view(self),
            self._plateau(training),
        )
        self.kept = list(kept)
        if self.settings["keep_checkpoints"] is not None:
            every, arenas = self.settings["keep_checkpoints"], self.solver.evaluated.arenas
            self.monitor.observers.append(KeptWeights(every, arenas, self.kept))
        self.batches = self._batches(training)

    def _random_stream(self) -> np.random.RandomState:
        """Return the stream that starts at, or goes on from, the seed.

        A user's own RandomState, or NumPy's global one, goes on by itself.
        """
        seed = self.settings["random_state"]
        goes_on = isinstance(seed, Integral) and self.saved.get("seed") == seed
        return streams.stream(self.saved["rng"]) if goes_on else check_random_state(seed)

    def _objective(self) -> Objective:
        """Return what is to be made small."""
        return Objective(
            self.model.network,
            self.model.target.training_loss(self.task.data.y),
            build_penalties(self.settings),
            self.model.dtype,
            self._noise(),
        )

    def _noise(self) -> Noise:
        """Return the stream of dropout and the like.

        Its seed is the next number of a copy of the main stream, so that the main
        stream is the same with and without it.
        """
        noise = Noise(streams.seed(self.rng))
        if "noise" in self.saved:
            noise.restore(self.saved["noise"])
        return noise

    def _planned(self) -> Progress:
        """Return the progress so far; a call of ``fit`` makes a plan for its own epochs."""
        progress = Progress(**self.saved.get("progress", {}))
        if not self.task.incremental:
            progress.stalls, progress.origin = 0, progress.epoch
        progress.planned = self.task.planned
        return progress

    def _set_parameters(self, start: Sequence[Views] | None) -> None:
        """Draw the parameters or copy those to start from."""
        if start is None:
            self.model.network.initialize(self.objective.views, self.rng)
            return
        for views, values in zip(self.objective.views, start, strict=True):
            for name, view in views.items():
                np.copyto(view, values[name])

    def _adapt(self, data: TrainingSet) -> None:
        """Let layers that start from data see some rows of it."""
        network, seen = self.model.network, np.arange(data.X.shape[0])
        if network.adapts:
            rows = self.rng.permutation(seen if data.subset is None else data.subset)[:ADAPT_ROWS]
            weight = None if data.weight is None else data.weight[rows]
            network.adapt(self.objective.views, data.X[rows], weight, self.rng)

    def _restore_solver(self) -> None:
        """Let the solver go on, if an earlier run had the same."""
        if self.saved.get("solver") == solver_name(self.settings):
            self.solver.restore(self.saved["optimizer"])
        if self.saved.get("shown") == type(self.solver.evaluated).__name__:
            self.solver.evaluated.restore(self.saved["evaluated"])

    def _split(self) -> tuple[TrainingSet, Validation | None]:
        """Return the rows to train on and those to validate on."""
        self.split_state: Mapping[str, Any] | None = None
        self.parts: tuple[Indices, Indices] | None = None
        data = self.task.data
        if self.task.validation or self.task.incremental or not self.settings["early_stopping"]:
            return data, self.task.validation
        rows = self._divided()
        informative = self.model.target.informative(data.y, data.weight)
        if rows is None or not both_weighted(informative, rows):
            return data, None
        training, held_out = (data._replace(subset=subset) for subset in rows)
        return training, Validation(held_out, self.task.given)

    def _divided(self) -> tuple[Indices, Indices] | None:
        """Divide the rows, in the same way when a warm start goes on with the same data."""
        splitter, data = self.settings["validation_splitter"], self.task.data
        if splitter is not None:
            given = self.task.given
            self.parts = self.saved.get("parts") or splitter_rows(splitter, given, self.task.groups)
            return self.parts
        again = self.saved.get("split")
        self.split_state = again or streams.state(self.rng)
        return split_rows(
            data.n_rows,
            self.settings["validation_fraction"],
            self.model.target.strata(data.y),
            streams.stream(again) if again else self.rng,
        )

    def _plateau(self, data: TrainingSet) -> Callable[[], bool]:
        """Return what tells whether a classifier has not begun to learn.

        Adaptive steps leave a plateau in time; those of plain gradient descent may not.
        """
        classes = isinstance(self.model.target, ClassTarget)
        if not classes or self.task.incremental or solver_name(self.settings) == "sgd":
            return never
        return Plateau(self.model, data, self.solver.evaluated.views)

    def _monitor(
        self,
        history: History,
        validation: Validation | None,
        view: Callable[[], Any],
        plateau: Callable[[], bool],
    ) -> EpochMonitor:
        """Return what watches the epochs; patience goes on from call to call."""
        monitor = build_monitor(
            self.settings,
            self.model,
            self.solver.evaluated,
            history,
            validation,
            view,
            plateau,
            patient=self.first_order,
        )
        if self.task.incremental:
            monitor.go_on(self.saved.get("watched", {}))
        return monitor

    def _batches(self, training: TrainingSet) -> Batches:
        """Return the mini-batches, or for L-BFGS the one batch."""
        if not self.first_order:
            return Batches(training, training.n_rows, None)
        order = None if self.task.incremental else self.saved.get("order")
        n_rows = self.task.data.n_rows
        if order is not None and (len(order) != training.n_rows or order.max() >= n_rows):
            order = None  # other data
        rng = self.rng if self.settings["shuffle"] else None
        return Batches(training, self._batch_size(training.n_rows), rng, order)

    def _batch_size(self, n_rows: int) -> int:
        asked = self.settings["batch_size"]
        if self.solver.full_batch:
            return n_rows
        if asked == "auto":
            return min(200, n_rows)
        if asked > n_rows:
            warnings.warn(
                "Got `batch_size` less than 1 or larger than sample size. It is going to be "
                "clipped.",
                UserWarning,
                stacklevel=2,
            )
        return min(int(asked), n_rows)

    def run(self) -> None:
        """Train.

        Raises
        ------
        ValueError
            If the loss or the parameters are no longer finite, and the weights of an
            earlier epoch are not to be kept.
        """
        rows = self.batches.size
        with threads_for(rows * self.model.network.largest_product):
            outcome = self._solve()
        self.loss = outcome.loss
        self.solver.evaluated.refresh()
        self._settle(outcome.stopped_by)
        as_planned = outcome.converged or self.task.incremental or self.task.exact
        if not as_planned or outcome.stopped_by == "divergence":
            warnings.warn(outcome.message, ConvergenceWarning, stacklevel=2)
        if self._unscored:
            warnings.warn(UNSCORED, ConvergenceWarning, stacklevel=2)
        if outcome.stopped_by == "tol" and not self.task.incremental:
            self._warn_of_a_constant()

    def _warn_of_a_constant(self) -> None:
        """Say that a training that ended by itself has learnt nothing, if that is so."""
        task = self.task
        if is_constant(self.model, task.data, self.solver.evaluated.views):
            reasons = causes(self.settings, task.data, task.names)
            warnings.warn(f"{CONSTANT} {reasons}", ConvergenceWarning, stacklevel=2)

    def _solve(self) -> Outcome:
        """Run the solver; turn what cuts it short into an outcome."""
        try:
            with self.monitor.observing():
                return self.solver.solve(self.objective, self.batches, self.progress, self.monitor)
        except StopTraining as stopped:
            return Outcome(converged=True, stopped_by=stopped.by)
        except DivergenceError:
            self.monitor.history.diverged()
            message = self._diverged()
            if not self._keeps_after_divergence():
                raise ValueError(message) from None
            which = "best" if self.monitor.decisive else "last finite"
            message = f"{message} The {which} weights are kept."
            return Outcome(converged=False, stopped_by="divergence", message=message)
        except KeyboardInterrupt:
            if not interrupts.absorb():
                raise
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=2)
            return Outcome(converged=True, stopped_by="interrupt")

    def _keeps_after_divergence(self) -> bool:
        """Tell whether finite weights, which are kept, do in place of an error."""
        wanted = self.settings["on_divergence"]
        return wanted == "stop" or (wanted == "auto" and self.monitor.decisive)

    def _diverged(self) -> str:
        """Say that nothing is finite any more, why that may be, and what to do."""
        return explained(self.settings, self.task.data, self.task.names)

    def _settle(self, by: str) -> None:
        """Put back the weights to leave, and say what ended the training."""
        self.stopped_by, self.best_epoch = self.monitor.settle(by, final=not self.task.incremental)
        if self.solver.evaluated.arenas[0].is_finite():
            return
        kept = self.monitor.keeper.restore_finite()  # interrupted amid divergence
        if kept is None:
            raise ValueError(self._diverged())
        self.best_epoch = kept

    @property
    def selects(self) -> bool:
        """Whether it has found out how many epochs are best."""
        by_validation = self.monitor.decisive and not self.task.incremental
        return by_validation and self.monitor.keeper.epoch > 0 and self.stopped_by != "interrupt"

    @property
    def _unscored(self) -> bool:
        """Whether validation has found out nothing."""
        watched = self.monitor.decisive and self.monitor.history.n_epochs > 0
        return watched and self.monitor.keeper.epoch == 0 and self.stopped_by != "interrupt"

    def snapshot(self) -> dict[str, Any]:
        """Return between two epochs what the same run needs to go on."""
        arenas = self.solver.evaluated.arenas
        return {
            **self.state(),
            "rng": self._savable_stream(),
            "weights": [arena.flat.copy() for arena in arenas],
            "monitor": self.monitor.state(),
            "kept": list(self.kept),
            **({} if self.parts is None else {"parts": self.parts}),
        }

    def _savable_stream(self) -> Mapping[str, Any]:
        """Return the state of the main stream, which a file is to keep."""
        state = streams.state(self.rng)
        if state is None:
            raise ValueError(
                "checkpoint_path needs a random stream of the kind that a seed makes: set "
                "random_state to an int, or leave the bit generator of the RandomState out."
            )
        return state

    def resume(self, snapshot: Mapping[str, Any]) -> None:
        """Go on from what ``snapshot`` returned."""
        mine = (self.objective.params, self.objective.statistics)
        for arena, values in zip(mine, snapshot["weights"], strict=True):
            np.copyto(arena.flat, values)
        self.solver.restore(snapshot["optimizer"])
        self.solver.evaluated.restore(snapshot["evaluated"])
        self.solver.evaluated.refresh()
        self.objective.noise.restore(snapshot["noise"])
        self.rng.set_state(snapshot["rng"])
        if self.batches.order is not None:
            np.copyto(self.batches.order, snapshot["order"])
        vars(self.progress).update(snapshot["progress"])
        self.monitor.restore(snapshot["monitor"])
        self.kept[:] = snapshot["kept"]
        if isinstance(self.solver, Minibatch):
            self.solver.done = self.monitor.history.n_epochs

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on: arrays, numbers and strings."""
        saved: dict[str, Any] = {
            **self._solver_state(),
            "noise": self.objective.noise.state(),
            "progress": dict(vars(self.progress)),
        }
        if isinstance(self.settings["random_state"], Integral):
            saved["seed"] = int(self.settings["random_state"])
            saved["rng"] = streams.state(self.rng)
        if self.split_state is not None:
            saved["split"] = self.split_state
        if self.settings["shuffle"] and not self.task.incremental:
            saved["order"] = self.batches.order
        saved["watched"] = self.monitor.kept(incremental=self.task.incremental)
        return saved

    def _solver_state(self) -> dict[str, Any]:
        """Return what the solver goes on from: nothing, where divergence left no numbers."""
        optimizer, evaluated = self.solver.state(), self.solver.evaluated.state()
        if not all(
            np.isfinite(value).all() for value in (*optimizer.values(), *evaluated.values())
        ):
            return {"solver": "", "optimizer": {}, "shown": "", "evaluated": {}}
        return {
            "solver": solver_name(self.settings),
            "optimizer": optimizer,
            "shown": type(self.solver.evaluated).__name__,
            "evaluated": evaluated,
        }
