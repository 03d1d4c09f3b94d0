"""From the estimator's parameters to what watches the epochs."""

from collections.abc import Callable, Mapping
from typing import Any

from skmlp._params import build
from skmlp.estimators.display.display import build_display
from skmlp.estimators.model import Model
from skmlp.estimators.observers import Observer
from skmlp.estimators.training.history import History
from skmlp.estimators.training.keepers import Best, Keeper, LastFinite
from skmlp.estimators.training.monitor import EpochMonitor
from skmlp.estimators.training.plateau import never
from skmlp.estimators.training.scoring import UserScore
from skmlp.estimators.training.task import Validation
from skmlp.estimators.training.time_limit import TimeLimit
from skmlp.estimators.training.validation import HeldOut
from skmlp.solvers import Evaluated
from skmlp.stopping import Patience


def build_monitor(
    settings: Mapping[str, Any],
    model: Model,
    evaluated: Evaluated,
    history: History,
    validation: Validation | None,
    view: Callable[[], Any],
    plateau: Callable[[], bool],
    *,
    patient: bool,
) -> EpochMonitor:
    """Return what watches the epochs.

    Parameters
    ----------
    settings : mapping of str to object
        The estimator's parameters.
    model : Model
        What is trained.
    evaluated : Evaluated
        The weights that are validated and kept.
    history : History
        Where epochs are recorded.
    validation : Validation or None
        Rows to validate on.
    view : callable
        Returns the estimator as it is, for scorers.
    plateau : callable
        Tells whether the training has not begun to learn.
    patient : bool
        Whether a training loss that no longer improves ends the training.
    """
    decisive = validation is not None and settings["early_stopping"]
    return EpochMonitor(
        history,
        build(Patience, settings) if patient or decisive else None,
        validation and _held_out(settings["scoring"], model, evaluated, validation, view),
        _keeper(settings, evaluated, decisive=decisive),
        build_observers(settings),
        never if decisive else plateau,
        decisive=decisive,
    )


def _held_out(
    scoring: Any,
    model: Model,
    evaluated: Evaluated,
    validation: Validation,
    view: Callable[[], Any],
) -> HeldOut:
    """Return the rows to validate on, with the score that is asked for."""
    data, given = validation
    if scoring not in (None, "loss"):
        rows, weight = data.subset, data.weight
        given = given._replace(weight=weight).taken(rows)
        scoring = UserScore(scoring, view, given)
    return HeldOut(model, data, evaluated.views, scoring)


def _keeper(settings: Mapping[str, Any], evaluated: Evaluated, *, decisive: bool) -> Keeper:
    """Return what keeps the weights that the training is to leave."""
    if decisive:
        return Best(evaluated.arenas, settings["best_of_ties"])
    stops = settings["on_divergence"] == "stop"
    return LastFinite(evaluated.arenas) if stops else Keeper()


def build_observers(settings: Mapping[str, Any]) -> list[Observer]:
    """Return who else is told of each epoch."""
    observers = build_display(settings)
    limit = settings["max_time"]
    return observers if limit is None else [*observers, TimeLimit(limit)]
