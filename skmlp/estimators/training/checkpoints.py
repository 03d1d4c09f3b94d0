"""A training that is written to a file as it goes, and goes on from there after a crash."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from skmlp._params import shown
from skmlp.estimators.observers import Epoch, Observer
from skmlp.estimators.storage import files
from skmlp.estimators.training.task import Task
from skmlp.estimators.training.training import Training
from skmlp.solvers import TrainingSet

#: Parameters that have no influence on the result.
UNIMPORTANT = {"verbose", "checkpoint_path", "checkpoint_every"}

#: Kinds of parameters that a training that was cut short has changed.
_MOVING = np.random.RandomState

#: Bytes that are hashed at a time.
BLOCK = 2**24


class Checkpoints(ABC):
    """Where an unfinished training is kept."""

    @abstractmethod
    def load(self) -> Mapping[str, Any]:
        """Return what was saved last; empty if there is nothing."""

    @abstractmethod
    def follow(self, training: Training, found: Mapping[str, Any]) -> None:
        """Save a training from now on, with what an earlier one has found."""

    @abstractmethod
    def finish(self) -> None:
        """Forget the training, which is over."""


class NoCheckpoints(Checkpoints):
    """Nothing is kept."""

    def load(self) -> Mapping[str, Any]:
        """Return nothing."""
        return {}

    def follow(self, training: Training, found: Mapping[str, Any]) -> None:
        """Save nothing."""

    def finish(self) -> None:
        """Have nothing to forget."""


class CheckpointFile(Checkpoints):
    """An unfinished training is kept in a file, which it has for itself.

    Parameters
    ----------
    path : str or PathLike
        The file.
    every : int
        Epochs after which it is written again.
    of : mapping of str to object
        What tells the task from others. A file about another one is refused.
    """

    def __init__(self, path: Any, every: int, of: Mapping[str, Any]) -> None:
        self._path, self._every, self._of = Path(path), every, dict(of)

    def load(self) -> Mapping[str, Any]:
        """Return what was saved last; empty if there is no file.

        Raises
        ------
        ValueError
            If the file is damaged, or about another task; if there is no such folder.
        """
        if not self._path.parent.is_dir():
            raise ValueError(f"checkpoint_path: there is no folder {str(self._path.parent)!r}.")
        try:
            tree = files.read(self._path)
        except FileNotFoundError:
            return {}
        if not isinstance(tree, dict) or tree.keys() != {"of", "found", "training"}:
            raise ValueError(f"checkpoint_path: {str(self._path)!r} is no checkpoint. {REMEDY}")
        other = [name for name, value in self._of.items() if tree["of"].get(name) != value]
        if other or tree["of"].keys() != self._of.keys():
            raise ValueError(
                f"checkpoint_path: the training in {str(self._path)!r} has other {shown(other)}. "
                f"{REMEDY}"
            )
        return tree

    def follow(self, training: Training, found: Mapping[str, Any]) -> None:
        """Save a training from now on, with what an earlier one has found."""
        training.monitor.observers.append(_Saver(self, training, found))

    def finish(self) -> None:
        """Delete the file, and what a crash amid its writing may have left."""
        with suppress(OSError):
            for litter in self._path.parent.glob(f".{self._path.name[:100]}.*.tmp"):
                litter.unlink(missing_ok=True)
            self._path.unlink(missing_ok=True)

    def save(self, training: Training, found: Mapping[str, Any]) -> None:
        """Write the file, if its time has come."""
        if training.monitor.history.n_epochs % self._every == 0:
            tree = {"of": self._of, "found": dict(found), "training": training.snapshot()}
            files.write(self._path, tree)


REMEDY = "Delete the file to start from the beginning, or choose another path."


class _Saver(Observer):
    """Write the file before each epoch, when all that belongs to the last one is done."""

    def __init__(self, file: CheckpointFile, training: Training, found: Mapping[str, Any]) -> None:
        self._file, self._training, self._found = file, training, found
        self._due = False

    def epoch_begin(self) -> None:
        """Save what is new."""
        if self._due:
            self._file.save(self._training, self._found)

    def epoch_end(self, epoch: Epoch) -> None:
        """Take note that there is something new."""
        self._due = True


def checkpoints(task: Task, origin: Mapping[str, Any]) -> Checkpoints:
    """Return where the parameters say that an unfinished training is kept.

    Parameters
    ----------
    task : Task
        What the training is to do.
    origin : mapping of str to object
        Where it starts from.
    """
    path = task.settings["checkpoint_path"]
    if path is None or task.incremental:
        return NoCheckpoints()
    of = _fingerprint(task, origin.get("start"))
    return CheckpointFile(path, task.settings["checkpoint_every"], of)


def _fingerprint(task: Task, start: Any) -> dict[str, Any]:
    """Return what tells a task from others, in words and checksums."""
    parameters = {
        name: _described(value) for name, value in task.settings.items() if name not in UNIMPORTANT
    }
    validation = task.validation and _checksum(task.validation.data)
    return {
        **parameters,
        "data": _checksum(task.data),
        "validation data": validation,
        "groups": _content(task.groups),
        "weights to start from": _described(start),
    }


def _described(value: Any) -> Any:
    """Return a value in words, or as a checksum, that another process would use as well."""
    if value is None or isinstance(value, bool | int | float | str):
        return str(value)
    if isinstance(value, list | tuple):
        return [_described(item) for item in value]
    if isinstance(value, Mapping):
        return {str(name): _described(item) for name, item in value.items()}
    named = value if hasattr(value, "__qualname__") else type(value)
    name = f"{named.__module__}.{named.__qualname__}"
    return name if named is value or isinstance(value, _MOVING) else [name, _content(value)]


def _content(value: Any) -> str | None:
    """Return a checksum of an object's content; None if it cannot be pickled."""
    try:
        return str(joblib.hash(value))
    except Exception:
        return None


def _checksum(data: TrainingSet) -> str:
    """Return a checksum of rows, targets and weights."""
    digest = hashlib.blake2b(digest_size=16)
    X = [data.X.data, data.X.indices, data.X.indptr] if issparse(data.X) else [data.X]
    for array in (*X, data.y, data.weight):
        if array is not None:
            digest.update(f"{array.dtype}{array.shape}".encode())
            for part in _bytes(array):
                digest.update(part)
    return digest.hexdigest()


def _bytes(array: NDArray[Any]) -> "list[memoryview]":
    """Return the bytes of an array, copied only if they do not lie side by side."""
    flat = np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    return [flat[start : start + BLOCK] for start in range(0, len(flat), BLOCK)]
