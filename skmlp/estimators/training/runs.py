"""The trainings of one call: one, or with ``refit=True`` two, from a checkpoint if there is one."""

from collections.abc import Callable, Mapping
from typing import Any

from skmlp.estimators.training.checkpoints import Checkpoints, checkpoints
from skmlp.estimators.training.summary import verdict
from skmlp.estimators.training.task import Task
from skmlp.estimators.training.training import Training

View = Callable[[Training], Any]
Follow = Callable[[Training], None]


def trained(
    task: Task, view: View, follow: Follow, kind: type[Training] = Training, **origin: Any
) -> tuple[Training, Mapping[str, Any]]:
    """Do a task.

    Parameters
    ----------
    task : Task
        What to do.
    view : callable
        Returns the estimator as it would be after a training.
    follow : callable
        Is told of each training that is about to start.
    kind : type
        The kind of training.
    **origin
        Where to start from, as that kind takes it.

    Returns
    -------
    training : Training
        The last one, whose weights are to be used.
    found : mapping of str to object
        The attributes that say what validation found: of the first one.
    """
    file = checkpoints(task, origin)
    unfinished = file.load()
    found, snapshot = unfinished.get("found", {}), unfinished.get("training", {})
    if not found:
        training = _trained(kind, task, view, follow, origin, file, found, snapshot)
        found, snapshot = verdict(training), {}
        if not (task.settings["refit"] and training.selects):
            return _finished(training, file), found
    task = task.on_all_rows(found["best_iter_"])
    training = _trained(kind, task, view, follow, origin, file, found, snapshot)
    return _finished(training, file), found


def _trained(
    kind: type[Training],
    task: Task,
    view: View,
    follow: Follow,
    origin: Mapping[str, Any],
    file: Checkpoints,
    found: Mapping[str, Any],
    snapshot: Mapping[str, Any],
) -> Training:
    """Train once, from a snapshot if it holds anything."""
    saved = origin.get("saved") or {}
    saved = {**saved, **{name: snapshot[name] for name in ("split", "parts") if name in snapshot}}
    training = kind(task, view, **{**origin, "saved": saved})
    if snapshot:
        training.resume(snapshot)
    file.follow(training, found)
    follow(training)
    training.run()
    return training


def _finished(training: Training, file: Checkpoints) -> Training:
    """Return a training; its file has done its work, unless the user interrupted it."""
    if training.stopped_by != "interrupt":
        file.finish()
    return training
