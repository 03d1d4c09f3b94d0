"""One call of ``fit`` or ``partial_fit``, from validated data to parameters."""

import warnings
from collections.abc import Mapping, Sequence
from numbers import Integral
from typing import Any

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state

from skmlp._noise import Noise
from skmlp._params import build
from skmlp._threads import threads_for
from skmlp._typing import Views
from skmlp.estimators import feature_scaling, interrupts
from skmlp.estimators.model import Model
from skmlp.estimators.monitor import EpochMonitor
from skmlp.estimators.solving import build_penalties, build_solver, is_first_order, solver_name
from skmlp.estimators.validation import HeldOut, both_weighted, split_rows
from skmlp.objective import Objective
from skmlp.schedules import Progress
from skmlp.solvers import Batches, DivergenceError, Outcome, TrainingSet
from skmlp.stopping import Patience

#: The most rows that layers see before training starts.
ADAPT_ROWS = 10_000

DIVERGED = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed. Scale the features, for instance by StandardScaler, or lower "
    "learning_rate_init."
)


class Training:
    """A run of a solver on one training set.

    Parameters
    ----------
    settings : mapping of str to object
        The estimator's parameters.
    model : Model
        What to train.
    data : TrainingSet
        All rows.
    start : sequence of mapping of str to ndarray, or None
        Parameters and statistics to start from; None draws them.
    saved : mapping or None
        What ``state`` returned after an earlier run, to go on from.
    features : mapping or None
        Statistics of the features in earlier runs.
    incremental : bool
        One epoch of ``partial_fit``: no rows are held out, patience is carried from
        call to call and reaching the end of the epoch is no failure to converge.

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
    """

    def __init__(
        self,
        settings: Mapping[str, Any],
        model: Model,
        data: TrainingSet,
        *,
        start: Sequence[Views] | None = None,
        saved: Mapping[str, Any] | None = None,
        features: Mapping[str, Any] | None = None,
        incremental: bool = False,
    ) -> None:
        self.planned = int(settings["max_iter"])
        once = {"max_iter": 1, "early_stopping": False} if incremental else {}
        self.settings = {**settings, **once}
        self.model, self.data, self.incremental = model, data, incremental
        self.saved = saved or {}
        self.first_order = is_first_order(settings)
        self.rng = self._random_stream()
        self.objective = Objective(
            model.network,
            model.target.training_loss(data.y),
            build_penalties(settings),
            model.dtype,
            self._noise(),
        )
        self._set_parameters(start)
        self.progress = self._planned()
        training, validation = self._split()
        self.features = feature_scaling.measured(
            model.architecture["feature_scaling"], features, training, incremental=incremental
        )
        feature_scaling.write(self.features, self.objective.views)
        if start is None:
            self._adapt(training)
        self.solver = build_solver(self.settings, self.objective)
        self._restore_solver()
        for views in (self.objective.views, self.solver.evaluated.views):
            feature_scaling.write(self.features, views)  # an earlier run had others
        held_out = validation and HeldOut(model, validation, self.solver.evaluated.views)
        self.monitor = EpochMonitor(
            self.solver.evaluated.arenas,
            self._patience(held_out),
            held_out,
            self.settings["verbose"],
        )
        self.batches = self._batches(training)

    def _random_stream(self) -> np.random.RandomState:
        """Return the stream that starts at, or goes on from, the seed.

        A user's own RandomState, or NumPy's global one, goes on by itself.
        """
        seed = self.settings["random_state"]
        goes_on = isinstance(seed, Integral) and self.saved.get("seed") == seed
        return _stream(self.saved["rng"]) if goes_on else check_random_state(seed)

    def _noise(self) -> Noise:
        """Return the stream of dropout and the like.

        Its seed is the next number of a copy of the main stream, so that the main
        stream is the same with and without it.
        """
        noise = Noise(_stream(self.rng.get_state(legacy=False)).randint(2**31))
        if "noise" in self.saved:
            noise.restore(self.saved["noise"])
        return noise

    def _planned(self) -> Progress:
        """Return the progress so far; a call of ``fit`` makes a plan for its own epochs."""
        progress = Progress(**self.saved.get("progress", {}))
        if not self.incremental:
            progress.stalls, progress.origin = 0, progress.epoch
        progress.planned = self.planned
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

    def _split(self) -> tuple[TrainingSet, TrainingSet | None]:
        """Hold out rows, the same ones when a warm start goes on with the same data."""
        self.split_state = None
        if not self.settings["early_stopping"]:
            return self.data, None
        self.split_state = self.saved.get("split") or self.rng.get_state(legacy=False)
        again = "split" in self.saved
        rows = split_rows(
            self.data.n_rows,
            self.settings["validation_fraction"],
            self.model.target.strata(self.data.y),
            _stream(self.split_state) if again else self.rng,
        )
        informative = self.model.target.informative(self.data.y, self.data.weight)
        if rows is None or not both_weighted(informative, rows):
            return self.data, None
        training, held_out = (self.data._replace(subset=subset) for subset in rows)
        return training, held_out

    def _patience(self, held_out: HeldOut | None) -> Patience | None:
        """Return what ends the training; without held-out rows L-BFGS has its own rule."""
        if not self.first_order and held_out is None:
            return None
        patience = build(Patience, self.settings)
        # Scores of held-out rows, which an earlier fit may have left, are no losses.
        if self.incremental and "split" not in self.saved and "patience" in self.saved:
            patience.best, patience.count = self.saved["patience"]
        return patience

    def _batches(self, training: TrainingSet) -> Batches:
        """Return the mini-batches, or for L-BFGS the one batch."""
        if not self.first_order:
            return Batches(training, training.n_rows, None)
        order = None if self.incremental else self.saved.get("order")
        if order is not None and (len(order) != training.n_rows or order.max() >= self.data.n_rows):
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
            If the loss or the parameters are no longer finite and no rows are held
            out, so that there are no best parameters to keep.
        """
        rows = self.batches.size
        with threads_for(rows * self.model.network.largest_product):
            outcome = self._solve()
        self.loss = outcome.loss
        self.solver.evaluated.refresh()
        self.monitor.restore_best()
        if not self.solver.evaluated.arenas[0].is_finite():  # interrupted amid divergence
            raise ValueError(DIVERGED)
        if not outcome.converged and not self.incremental:
            warnings.warn(outcome.message, ConvergenceWarning, stacklevel=2)

    def _solve(self) -> Outcome:
        """Run the solver; turn what cuts it short into an outcome."""
        try:
            return self.solver.solve(self.objective, self.batches, self.progress, self.monitor)
        except DivergenceError:
            self.monitor.diverged()
            if not self.monitor.scores:
                raise ValueError(DIVERGED) from None
            return Outcome(converged=False, message=f"{DIVERGED} The best parameters are kept.")
        except KeyboardInterrupt:
            if not interrupts.absorb():
                raise
            warnings.warn("Training interrupted by user.", UserWarning, stacklevel=2)
            return Outcome(converged=True)

    def state(self) -> dict[str, Any]:
        """Return what a later run needs to go on: arrays, numbers and strings."""
        saved: dict[str, Any] = {
            "solver": solver_name(self.settings),
            "optimizer": self.solver.state(),
            "shown": type(self.solver.evaluated).__name__,
            "evaluated": self.solver.evaluated.state(),
            "noise": self.objective.noise.state(),
            "progress": dict(vars(self.progress)),
        }
        if isinstance(self.settings["random_state"], Integral):
            saved["seed"] = int(self.settings["random_state"])
            saved["rng"] = self.rng.get_state(legacy=False)
        if self.split_state is not None:
            saved["split"] = self.split_state
        if self.settings["shuffle"] and not self.incremental:
            saved["order"] = self.batches.order
        if self.monitor.patience is not None:
            saved["patience"] = (self.monitor.patience.best, self.monitor.patience.count)
        return saved


def _stream(state: Mapping[str, Any]) -> np.random.RandomState:
    """Return a random stream in a saved state."""
    rng = np.random.RandomState()
    rng.set_state(state)  # type: ignore[arg-type]
    return rng
