"""scikit-learn's callbacks, where scikit-learn has them: since version 1.9.

A context stands for a call of ``fit`` or ``partial_fit``, and one below it for each epoch.
"""

from collections.abc import Callable
from functools import cached_property
from typing import Any, TypeVar

from skmlp.estimators.observers import Epoch, Observer, StopTraining
from skmlp.estimators.training.examples import Examples
from skmlp.estimators.training.summary import summary
from skmlp.estimators.training.task import Task
from skmlp.estimators.training.training import Training

_Method = TypeVar("_Method", bound=Callable[..., object])

try:
    from sklearn.callback import CallbackSupportMixin
    from sklearn.callback import with_callbacks as _with_callbacks
except ImportError:  # scikit-learn < 1.9

    class CallbackSupportMixin:  # type: ignore[no-redef]
        """Supports none."""

    def _with_callbacks(method: _Method) -> _Method:
        return method


def with_callbacks(method: _Method) -> _Method:
    """Let a method that trains take leave of its callbacks, however it ends."""
    decorated: _Method = _with_callbacks(method)
    return decorated


class Listeners:
    """Who is told of the trainings of a call: nobody."""

    def follow(self, training: Training) -> None:
        """Learn of a training that is about to start."""

    def end(self) -> None:
        """Learn that the estimator is fitted."""


class CallbackSupport(CallbackSupportMixin):
    """What the estimators have to do with callbacks."""

    def _listeners(self, task: Task) -> Listeners:
        """Set up the callbacks, if there are any, and return who tells them of a task."""
        heard = hasattr(self, "_skl_callbacks")
        if not heard and not hasattr(self, "_parent_callback_ctx"):
            return Listeners()
        # In a search without callbacks for us the call has its place in the tree, too.
        context = self._init_callback_context(max_subtasks=_most_epochs(task))
        return Callbacks(self, context) if heard else Listeners()


def _most_epochs(task: Task) -> int:
    """Return how many epochs can begin at the most."""
    if task.incremental:
        return 1
    settings = task.settings
    # SciPy says what was an iteration after it, so that one begins that never ends.
    most = int(settings["max_iter"]) + (str(settings["solver"]) == "lbfgs")
    return 2 * most if settings["refit"] and settings["early_stopping"] else most


class Callbacks(Listeners):
    """Callbacks that are registered with an estimator.

    Parameters
    ----------
    estimator : BaseMLP
        Who is trained. Callbacks see its attributes as they are after each epoch.
    context : CallbackContext
        That of the call.
    """

    def __init__(self, estimator: Any, context: Any) -> None:
        self._estimator, self._context = estimator, context
        self._trainings: list[_Epochs] = []

    def follow(self, training: Training) -> None:
        """Tell them of each epoch of a training, and before the first one that it begins."""
        epochs = _Epochs(self._estimator, self._context, training)
        epochs.show()
        if self._trainings:
            self._trainings[-1].close()
        else:
            self._context.call_on_fit_task_begin(**epochs.arguments)
        self._trainings.append(epochs)
        training.monitor.observers.append(epochs)

    def end(self) -> None:
        """Tell them that the estimator has all of its fitted attributes."""
        last = self._trainings[-1]
        last.close()
        self._context.call_on_fit_task_end(**last.arguments, reconstruction_attributes={})


class _Epochs(Observer):
    """Tell callbacks of the epochs of one training.

    Parameters
    ----------
    estimator : BaseMLP
        Gets the attributes that it would have if the training ended now.
    context : CallbackContext
        That of the call.
    training : Training
        What is going on.
    """

    def __init__(self, estimator: Any, context: Any, training: Training) -> None:
        self._estimator, self._context, self._training = estimator, context, training
        self._open: Any = None
        # Functions are called only if a callback asks for what they return.
        self.arguments: dict[str, Any] = {
            "estimator": estimator,
            "X": lambda: self._given.X,
            "y": lambda: self._given.y,
            "metadata": self._metadata,
        }

    def epoch_begin(self) -> None:
        """Open a context."""
        self._open = self._context.subcontext(task_name="epoch")
        self._open.call_on_fit_task_begin(
            **self.arguments, reconstruction_attributes=self._snapshot
        )

    def epoch_end(self, epoch: Epoch) -> None:
        """Close it, and do what the callbacks ask for."""
        self.show()
        ended, self._open = self._open, None
        if ended.call_on_fit_task_end(**self.arguments, reconstruction_attributes=self._snapshot):
            raise StopTraining("callback")

    def close(self) -> None:
        """Close the context of an epoch that has begun and was none."""
        if self._open is not None:
            self._open.call_on_fit_task_end(estimator=self._estimator)
            self._open = None

    def show(self) -> None:
        """Let the estimator have the attributes of this moment."""
        self._estimator.__dict__.update(summary(self._training), _resume=None)

    @cached_property
    def _given(self) -> Examples:
        """The rows that are trained on, as the user passed them in."""
        return self._training.task.given.taken(self._training.subset)

    def _metadata(self) -> dict[str, Any] | None:
        """Return the weights of these rows, if there are any."""
        weight = self._given.weight
        return None if weight is None else {"sample_weight": weight}

    def _snapshot(self) -> dict[str, Any]:
        """Return the fitted attributes, with copies of all that training changes in place."""
        now = summary(self._training)
        curves = {name: value[:] for name, value in now.items() if isinstance(value, list)}
        return {
            **now,
            **curves,
            "coefs_": [weight.copy() for weight in now["coefs_"]],
            "intercepts_": [bias.copy() for bias in now["intercepts_"]],
            "layer_params_": [
                {name: array.copy() for name, array in layer.items()}
                for layer in now["layer_params_"]
            ],
        }
