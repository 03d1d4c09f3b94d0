"""What the classifier and the regressor share."""

import copy
import os
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from skmlp._params import (
    Boolean,
    CallableObject,
    Constraint,
    InstanceOf,
    Interval,
    Nothing,
    Options,
    Seed,
    Sequence,
    arguments,
    check_parameters,
    shown,
)
from skmlp._typing import Floats, Views
from skmlp.clipping import CLIPS
from skmlp.estimators import state
from skmlp.estimators.architecture import SHAPING, TRANSIENT, plain
from skmlp.estimators.inputs import (
    about_validation,
    brief_messages,
    check_known,
    check_sample_weight,
    prediction_input,
)
from skmlp.estimators.losses import alike
from skmlp.estimators.model import Model, Weights
from skmlp.estimators.scaling import transformers
from skmlp.estimators.scaling.transformers import TRANSFORMER
from skmlp.estimators.targets import Target
from skmlp.estimators.training.callbacks import CallbackSupport, Listeners, with_callbacks
from skmlp.estimators.training.examples import Examples, given_for_validation
from skmlp.estimators.training.freezing import FROZEN_LAYERS
from skmlp.estimators.training.history import History
from skmlp.estimators.training.kept import stages
from skmlp.estimators.training.runs import trained
from skmlp.estimators.training.scoring import ScorerName
from skmlp.estimators.training.solving import check_combination
from skmlp.estimators.training.splitting import SPLITTER
from skmlp.estimators.training.summary import summary
from skmlp.estimators.training.task import Task, Validation
from skmlp.estimators.training.training import Training
from skmlp.estimators.transfer.heads import build_head
from skmlp.estimators.transfer.pretrained import PRETRAINED, transferred
from skmlp.estimators.transfer.transfer import Features, Structure, Transfer
from skmlp.estimators.transfer.transferred import Grown, Transferred
from skmlp.estimators.weights import PortableWeights
from skmlp.optimizers import OPTIMIZERS, Optimizer
from skmlp.penalties import PENALTIES
from skmlp.schedules import SCHEDULES, WarmUp
from skmlp.solvers import LBFGS, Minibatch, TrainingSet
from skmlp.stopping import Patience


def _constraints() -> dict[str, Constraint]:
    """Gather what the components and the estimators say of their parameters."""
    components: list[Any] = [Minibatch, LBFGS, Patience, WarmUp]
    for registry in (OPTIMIZERS, PENALTIES, SCHEDULES, CLIPS):
        components += registry.values()
    gathered = {name: c for kind in components for name, c in kind.constraints.items()}
    return {
        **gathered,
        **SHAPING,
        **TRANSIENT,
        "solver": Options(["lbfgs", *OPTIMIZERS]) | InstanceOf(Optimizer),
        "batch_size": Options(["auto"]) | Interval(Integral, 1, None, closed="left"),
        "learning_rate": Options(SCHEDULES) | CallableObject(),
        "dropout_schedule": Options(SCHEDULES) | CallableObject(),
        "weight_decay_schedule": Options(SCHEDULES) | CallableObject(),
        "learning_rate_factors": Nothing() | Sequence(Interval(Real, 0, None, closed="left")),
        "frozen_layers": FROZEN_LAYERS,
        "average": Boolean() | Interval(Real, 0, 1, closed="neither"),
        "shuffle": Boolean(),
        "random_state": Seed(),
        "verbose": Boolean() | Interval(Integral, 0, None, closed="left"),
        "warm_start": Boolean(),
        "early_stopping": Boolean(),
        "validation_fraction": Interval(Real, 0, 1, closed="left"),
        "validation_splitter": Nothing() | SPLITTER,
        "scoring": Nothing() | Options(["loss"]) | ScorerName() | CallableObject(),
        "best_of_ties": Options(["first", "last"]),
        "refit": Boolean(),
        "max_time": Interval(Real, 0, None, closed="neither") | Nothing(),
        "on_divergence": Options(["auto", "raise", "stop"]),
        "checkpoint_path": Nothing() | InstanceOf(str) | InstanceOf(os.PathLike),
        "keep_checkpoints": Interval(Integral, 1, None, closed="left") | Nothing(),
        "checkpoint_every": Interval(Integral, 1, None, closed="left"),
        "dtype": Options(["auto", "float32", "float64"]),
        "pretrained": PRETRAINED,
    }


class BaseMLP(PortableWeights, CallbackSupport, BaseEstimator):
    """Parameters, training and raw scores of both estimators."""

    solver: str | Optimizer
    dtype: str
    warm_start: bool
    refit: bool
    coefs_: list[Floats]
    intercepts_: list[Floats]
    layer_params_: list[Views]
    learning_rate_curve_: list[float]
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    validation_scores_: list[float] | None
    n_iter_: int
    t_: int
    feature_scaling: Any
    feature_scaler_: Any
    pretrained: Any
    pretrained_layers_: list[str]
    _feature_statistics: dict[str, Any] | None
    _checkpoints: list[dict[str, Any]]
    _model: Model
    _resume: dict[str, Any] | None

    _constraints: ClassVar[Mapping[str, Constraint]] = _constraints()

    #: Parameters that shape the network: a fitted one cannot change them.
    _frozen: ClassVar[tuple[str, ...]] = tuple(SHAPING)

    def _keep(self, arguments: Mapping[str, Any]) -> None:
        """Keep the arguments of the constructor, as scikit-learn wants them: unchanged."""
        for name, value in arguments.items():
            if name != "self":
                setattr(self, name, value)

    # -- what the subclasses say of their targets ----------------------------------

    @abstractmethod
    def _validate(self, X: Any, y: Any, **checks: Any) -> tuple[Any, NDArray[Any]]:
        """Return validated X and y."""

    @abstractmethod
    def _describe_target(
        self,
        y: NDArray[Any],
        classes: ArrayLike | None,
        weight: NDArray[np.float64] | None,
    ) -> dict[str, Any]:
        """Return plain values from which ``_build_target`` makes the target."""

    @abstractmethod
    def _build_target(self, architecture: Mapping[str, Any]) -> Target:
        """Return the target that an architecture describes."""

    # -- training --------------------------------------------------------------------

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
        groups: ArrayLike | None = None,
    ) -> Self:
        """Fit the model to data.

        A fit that fails leaves the estimator as it was. With ``warm_start=True``, a
        fitted estimator goes on from its weights, optimizer state and random stream.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows. A C-contiguous float32 or float64 array is not copied; CSC is
            converted to CSR.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, an indicator matrix, or numbers. Entries of an indicator
            matrix, and of several columns of numbers, may be NaN: they are left out.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero; None for equal ones.
        X_val : {array-like, sparse matrix} of shape (n_val, n_features), default=None
            Rows to validate after each epoch. With ``early_stopping=True`` they decide
            when to stop and which weights to keep, and no row of X is held out;
            otherwise they are scored only.
        y_val : array-like of shape (n_val,) or (n_val, n_outputs), default=None
            Their targets, with no other classes than those of `y`.
        sample_weight_val : array-like of shape (n_val,), default=None
            Their weights.
        groups : array-like of shape (n_samples,), default=None
            The groups of the rows, for a `validation_splitter` that asks for them.

        Returns
        -------
        self : object
            The fitted estimator.

        Raises
        ------
        ValueError
            For a bad parameter or bad input, named in the message; if training
            diverged; if a warm start meets a changed architecture.
        """
        given = Examples(X, y, sample_weight)
        validation = given_for_validation(X_val, y_val, sample_weight_val)
        return self._trained_aside(given, validation, groups)

    def _trained_aside(
        self,
        given: Examples,
        validation: Examples | None,
        groups: ArrayLike | None = None,
        **options: Any,
    ) -> Self:
        """Train on a copy and take over its attributes, all at once, if that succeeds."""
        aside = copy.copy(self)
        with np.errstate(all="ignore"), brief_messages():
            aside._train(given, validation, groups, **options)  # noqa: SLF001 (a copy of self)
        self.__dict__ = aside.__dict__
        return self

    @with_callbacks
    def _train(
        self,
        given: Examples,
        validation: Examples | None,
        groups: ArrayLike | None,
        *,
        incremental: bool = False,
        classes: ArrayLike | None = None,
    ) -> None:
        """Validate, train and set the fitted attributes."""
        settings = {name: getattr(self, name) for name in arguments(type(self))}
        check_parameters(type(self).__name__, settings, self._constraints)
        check_combination(settings)
        again = (incremental or self.warm_start) and hasattr(self, "_model")
        fitted = self._fitted_model() if again else None
        X, y = self._validate(*given[:2], dtype=self._working_type(again), reset=not again)
        check_known(y, each_column=not incremental)
        given = given._replace(weight=check_sample_weight(given.weight, X))
        weight = given.weight
        target = {} if again else self._describe_target(y, classes, weight)
        fitted, transfer = self._grown(fitted, y, classes) if fitted else (None, None)
        self._learn_weights(y, weight, incremental=incremental)
        weight = self._weighted(y, weight)
        X = self._transformed(X, weight, again=again, incremental=incremental)
        model = fitted or self._new_model(X, target)
        transfer = transfer if again else self._taken_over(model)
        task = Task(
            settings,
            model,
            TrainingSet(X, model.target.encode(y, model.dtype), weight),
            given,
            planned=settings["max_iter"],
            validation=None if validation is None else self._validation_rows(validation, model),
            groups=groups,
            names=getattr(self, "feature_names_in_", None),
            incremental=incremental,
        )
        listeners = self._listeners(task)
        self._run(task, listeners, transfer, again=again)
        listeners.end()

    def _validation_rows(self, given: Examples, model: Model) -> Validation:
        """Return validated rows to validate on."""
        with about_validation():
            X, y = self._validate(given.X, given.y, dtype=model.dtype, reset=False)
            check_known(y, each_column=False)
            weight = self._weighted(y, check_sample_weight(given.weight, X))
            X = self._scaled_by_transformer(X)
            return Validation(TrainingSet(X, model.target.encode(y, model.dtype), weight), given)

    def _run(
        self, task: Task, listeners: Listeners, transfer: Transfer | None, *, again: bool
    ) -> None:
        """Train, with ``refit=True`` twice, and set the fitted attributes."""
        origin: dict[str, Any] = {} if transfer is None else {"transfer": transfer}
        if again:
            origin["saved"], origin["features"] = self._saved(), self._feature_statistics
        if again and task.incremental:
            origin["history"] = self._history()
        if again and transfer is None:
            origin["start"] = task.model.parameters(self._weights())
            origin["kept"] = self._checkpoints if task.incremental else ()
        kind = Training if transfer is None else Grown if again else Transferred
        training, found = trained(task, self._view, listeners.follow, kind, **origin)
        self.__dict__.update({**summary(training), **found})
        self._resume = training.state() if self.warm_start or task.incremental else None

    def _taken_over(self, model: Model) -> Transfer | None:
        """Return what a new network takes over from `pretrained`, if that is given."""
        self.__dict__.pop("pretrained_layers_", None)
        if self.pretrained is None:
            return None
        transfer = transferred(self.pretrained, type(self), self._structure(model))
        self.pretrained_layers_ = transfer.taken
        return transfer

    def _structure(self, model: Model) -> Structure:
        """Return what there is to know of a network for the classes that are known."""
        names, classes = (getattr(self, n, None) for n in ("feature_names_in_", "classes_"))
        head = build_head(model.architecture, classes)
        return Structure(model.architecture, model, head, Features.of(model.architecture, names))

    def _history(self) -> History:
        """Return what was recorded so far, of the fit and the calls of ``partial_fit`` since."""
        scores = self.validation_scores_ or []
        losses = self.validation_loss_curve_ or []
        return History(self.loss_curve_[:], self.learning_rate_curve_[:], losses[:], scores[:])

    def _saved(self) -> dict[str, Any]:
        """Return what training goes on from: without kept state, the rows seen."""
        return self._resume or {"progress": {"samples": self.t_}}

    def _working_type(self, again: bool) -> np.dtype[Any] | None:
        """Return the type to compute in; None keeps that of X."""
        asked = None if self.dtype == "auto" else np.dtype(self.dtype)
        if again and asked not in (None, self._model.dtype):
            raise ValueError(_changed("dtype", self.dtype, self._model.dtype.name))
        return self._model.dtype if again else asked

    def _transformed(
        self, X: Any, weight: NDArray[np.float64] | None, *, again: bool, incremental: bool
    ) -> Any:
        """Return what the user's transformer makes of X after it has learnt from it."""
        if plain(self.feature_scaling) != TRANSFORMER:
            self.__dict__.pop("feature_scaler_", None)
        elif not again:
            self.feature_scaler_ = transformers.fitted(self.feature_scaling, X, weight)
        elif incremental:
            self.feature_scaler_ = transformers.updated(self.feature_scaler_, X, weight)
        return self._scaled_by_transformer(X)

    def _scaled_by_transformer(self, X: Any) -> Any:
        """Return what the fitted transformer, if there is one, makes of X."""
        if not hasattr(self, "feature_scaler_"):
            return X
        return transformers.transformed(self.feature_scaler_, X, X.dtype, "feature_scaling")

    def _new_model(self, X: Any, target: Mapping[str, Any]) -> Model:
        """Return the network that the parameters and the data call for."""
        architecture = {
            "n_features": int(X.shape[1]),
            "dtype": X.dtype.name,
            **self._shape(),
            **{name: plain(getattr(self, name)) for name in TRANSIENT},
            **target,
        }
        return Model(architecture, self._build_target(architecture))

    def _shape(self) -> dict[str, Any]:
        """Return the parameters that shape the network, as plain values."""
        return {name: plain(getattr(self, name)) for name in self._frozen}

    def _fitted_model(self) -> Model:
        """Return the fitted network, if the parameters still describe it."""
        for name, now in self._shape().items():
            fitted = self._model.architecture[name]
            if _listed(now) != _listed(fitted) and not alike(now, fitted):
                raise ValueError(_changed(name, now, fitted))
        _check_same_kind(self)
        return self._model.changed({name: plain(getattr(self, name)) for name in TRANSIENT})

    def _grown(
        self, fitted: Model, y: NDArray[Any], classes: ArrayLike | None
    ) -> tuple[Model, Transfer | None]:
        """Return the network with units for what is new, and what it takes over: itself."""
        return fitted, None

    def _learn_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, *, incremental: bool
    ) -> None:
        """Find out what else rows are weighted by: nothing."""

    def _weighted(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Return the weight of each row."""
        return weight

    def _weights(self) -> Weights:
        """Return the fitted weights."""
        return Weights(self.coefs_, self.intercepts_, self.layer_params_)

    def _view(self, training: Training) -> Self:
        """Return the estimator as it would be if the training ended now.

        It shares the training's memory: a scorer may predict, but not keep it.
        """
        view = copy.copy(self)
        view.__dict__.update(summary(training))
        return view

    # -- prediction ------------------------------------------------------------------

    @np.errstate(all="ignore")
    def _infer(self, X: Any, finish: Callable[[Any, Floats], Any]) -> Any:
        """Return what `finish` makes of the target and the raw scores of X."""
        if not hasattr(self, "_model"):
            check_is_fitted(self)
        model, X = self._model, self._prediction_input(X)
        return model.infer(X, model.parameters(self._weights()), finish)

    def _prediction_input(self, X: Any) -> Any:
        """Return validated X, as the network takes it."""
        model = self._model
        X = prediction_input(self, X, model.dtype)
        if model.architecture["feature_scaling"] != TRANSFORMER:
            return X
        return transformers.transformed(self.feature_scaler_, X, model.dtype, "feature_scaling")

    def _infer_staged(self, X: Any, finish: Callable[[Any, Floats], Any]) -> Iterator[Any]:
        """Yield the same with the weights that were kept on the way, in order.

        Raises
        ------
        ValueError
            If none were kept.
        """
        check_is_fitted(self)
        model = self._model
        if not self._checkpoints:
            raise ValueError(
                "No weights were kept on the way: set keep_checkpoints=1, or a larger number of "
                "epochs, before the fit."
            )
        X = self._prediction_input(X)
        for params in stages(model, self._checkpoints):
            with np.errstate(all="ignore"):
                yield model.infer(X, params, finish)

    def predict(self, X: Any) -> NDArray[Any]:
        """Predict.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            Class labels, an indicator matrix, or numbers of the type the model was
            fitted in.
        """
        predicted: NDArray[Any] = self._infer(X, lambda target, raw: target.decode(raw))
        return predicted

    def staged_predict(self, X: Any) -> Iterator[NDArray[Any]]:
        """Predict with the weights that ``keep_checkpoints`` kept on the way.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        ndarray of shape (n_samples,) or (n_samples, n_outputs)
            The predictions after each of ``checkpoint_epochs_``.
        """
        yield from self._infer_staged(X, lambda target, raw: target.decode(raw))

    def _evaluate(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> float:
        """Return accuracy, R² or the like, as the kind of target has it."""
        predicted = self._infer(X, lambda target, raw: target.decode(raw))
        with np.errstate(all="ignore"):
            return self._model.target.evaluate(y, predicted, sample_weight)

    # -- what scikit-learn and pickle ask --------------------------------------------

    def __copy__(self) -> Self:
        """Return another estimator with the same attributes, not copied."""
        twin = object.__new__(type(self))
        twin.__dict__.update(self.__dict__)
        return twin

    def __sklearn_tags__(self) -> Tags:
        """Say what kind of input the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags

    def __getstate__(self) -> dict[str, Any]:
        """Return what to pickle."""
        return state.packed(super().__getstate__())

    def __setstate__(self, pickled: dict[str, Any]) -> None:
        """Take over a pickled state after checking it."""
        with state.refusing_damage():
            attributes = state.unpacked(pickled)
            super().__setstate__(attributes)
            if state.is_fitted(attributes):
                architecture = attributes["_architecture"]
                self._model = Model(architecture, self._build_target(architecture))
                state.check_weights(self._model, attributes)
                state.check_features(self._model, attributes)
                state.check_resume(self._model, attributes["_resume"])
                state.check_kept(self._model, attributes.get("_checkpoints", []))


def is_first_order(estimator: BaseMLP) -> bool:
    """Tell whether the solver can go on epoch by epoch; if not, say so.

    A solver that does not exist is refused in the call, by a better message.
    """
    if str(estimator.solver) == "lbfgs":
        raise AttributeError(
            "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
        )
    return True


def _listed(value: Any) -> Any:
    """Return one value as a list of one: for a single layer they mean the same."""
    return value if isinstance(value, list) else [value]


def _check_same_kind(estimator: BaseMLP) -> None:
    """Refuse transformers of other classes than the fitted ones'."""
    for name in ("feature_scaling", "target_scaling"):
        fitted = name.replace("scaling", "scaler_")
        now, known = getattr(estimator, name, None), getattr(estimator, fitted, None)
        if known is not None and type(now) is not type(known):
            raise ValueError(_changed(name, now, known))


def _changed(name: str, now: Any, fitted: Any) -> str:
    """Say that a parameter no longer describes the fitted network."""
    return (
        f"{name}={shown(now)} does not match the fitted network, which has "
        f"{name}={shown(fitted)}. Set it back, or fit a new estimator: with pretrained=... it "
        "takes over the layers that agree."
    )
