"""What the classifier and the regressor share."""

from abc import abstractmethod
from collections.abc import Callable, Mapping
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
from skmlp.estimators import state, transformers
from skmlp.estimators.architecture import SHAPING, TRANSIENT, plain
from skmlp.estimators.inputs import (
    brief_messages,
    check_known,
    check_sample_weight,
    prediction_input,
)
from skmlp.estimators.losses import alike
from skmlp.estimators.model import Model, Weights
from skmlp.estimators.solving import check_combination
from skmlp.estimators.targets import Target
from skmlp.estimators.training import Training
from skmlp.estimators.transformers import TRANSFORMER
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
        "average": Boolean() | Interval(Real, 0, 1, closed="neither"),
        "shuffle": Boolean(),
        "random_state": Seed(),
        "verbose": Boolean() | Interval(Integral, 0, None, closed="left"),
        "warm_start": Boolean(),
        "early_stopping": Boolean(),
        "validation_fraction": Interval(Real, 0, 1, closed="left"),
        "dtype": Options(["auto", "float32", "float64"]),
    }


class BaseMLP(BaseEstimator):
    """Parameters, training and raw scores of both estimators."""

    solver: str | Optimizer
    dtype: str
    warm_start: bool
    coefs_: list[Floats]
    intercepts_: list[Floats]
    layer_params_: list[Views]
    learning_rate_curve_: list[float]
    loss_curve_: list[float]
    n_iter_: int
    t_: int
    feature_scaling: Any
    feature_scaler_: Any
    _feature_statistics: dict[str, Any] | None
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

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
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
        return self._trained_aside(X, y, sample_weight, incremental=False)

    def _trained_aside(self, *data: Any, **options: Any) -> Self:
        """Train on a copy and take over its attributes, all at once, if that succeeds."""
        aside = object.__new__(type(self))
        aside.__dict__.update(self.__dict__)
        with np.errstate(all="ignore"), brief_messages():
            aside._train(*data, **options)
        self.__dict__ = aside.__dict__
        return self

    def _train(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None,
        *,
        incremental: bool,
        classes: ArrayLike | None = None,
    ) -> None:
        """Validate, train and set the fitted attributes."""
        settings = {name: getattr(self, name) for name in arguments(type(self))}
        check_parameters(type(self).__name__, settings, self._constraints)
        check_combination(settings)
        again = (incremental or self.warm_start) and hasattr(self, "_model")
        fitted = self._fitted_model() if again else None
        X, y = self._validate(X, y, dtype=self._working_type(again), reset=not again)
        check_known(y, each_column=not incremental)
        weight = check_sample_weight(sample_weight, X)
        target = {} if again else self._describe_target(y, classes, weight)
        weight = self._weighted(y, weight, incremental=incremental)
        X = self._transformed(X, weight, again=again, incremental=incremental)
        model = fitted or self._new_model(X, target)
        training = Training(
            settings,
            model,
            TrainingSet(X, model.target.encode(y, model.dtype), weight),
            start=model.parameters(self._weights()) if again else None,
            saved=self._saved() if again else None,
            features=self._feature_statistics if again else None,
            incremental=incremental,
        )
        training.run()
        self._adopt(training, earlier=again and incremental)

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
            return X
        if not again:
            self.feature_scaler_ = transformers.fitted(self.feature_scaling, X, weight)
        elif incremental:
            self.feature_scaler_ = transformers.updated(self.feature_scaler_, X, weight)
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

    def _weighted(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, *, incremental: bool
    ) -> NDArray[np.float64] | None:
        """Return the weight of each row, that of its class included."""
        return weight

    def _weights(self) -> Weights:
        """Return the fitted weights."""
        return Weights(self.coefs_, self.intercepts_, self.layer_params_)

    def _adopt(self, training: Training, *, earlier: bool) -> None:
        """Set the fitted attributes; with `earlier`, add to those of earlier calls."""
        monitor, model = training.monitor, training.model
        weights = model.weights(training.solver.evaluated.views)
        self.coefs_, self.intercepts_ = list(weights.coefs), list(weights.intercepts)
        self.layer_params_ = list(weights.others)
        self.learning_rate_curve_ = (
            self.learning_rate_curve_ if earlier else []
        ) + monitor.rate_curve
        self.loss_curve_ = (self.loss_curve_ if earlier else []) + monitor.loss_curve
        self.loss_ = self.loss_curve_[-1] if self.loss_curve_ else training.loss
        self.best_loss_ = None if monitor.scores else min(self.loss_curve_, default=self.loss_)
        self.validation_scores_ = monitor.scores or None
        self.best_validation_score_ = monitor.best_score if monitor.scores else None
        self.n_iter_ = (self.n_iter_ if earlier else 0) + len(monitor.loss_curve)
        self.t_ = training.progress.samples
        self.n_layers_ = len(self.coefs_) + 1
        self.n_outputs_ = model.target.n_outputs
        self.out_activation_ = model.target.loss.link
        self._no_improvement_count = monitor.patience.count if monitor.patience else 0
        self._architecture, self._model = model.architecture, model
        known = training.features
        self._feature_statistics = None if known is None else dict(vars(known))
        self._resume = training.state() if self.warm_start or training.incremental else None

    # -- prediction ------------------------------------------------------------------

    def _infer(self, X: Any, finish: Callable[[Any, Floats], Any]) -> Any:
        """Return what `finish` makes of the target and the raw scores of X."""
        if not hasattr(self, "_model"):
            check_is_fitted(self)
        model = self._model
        with np.errstate(all="ignore"):
            X = prediction_input(self, X, model.dtype)
            if model.architecture["feature_scaling"] == TRANSFORMER:
                X = transformers.transformed(
                    self.feature_scaler_, X, model.dtype, "feature_scaling"
                )
            raw = model.raw_scores(X, model.parameters(self._weights()))
            return finish(model.target, raw)

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

    def _evaluate(self, X: Any, y: Any, sample_weight: ArrayLike | None) -> float:
        """Return accuracy, R² or the like, as the kind of target has it."""
        score: float = self._infer(
            X, lambda target, raw: target.evaluate(y, target.decode(raw), sample_weight)
        )
        return score

    # -- what scikit-learn and pickle ask --------------------------------------------

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
        f"{name}={shown(fitted)}. Set it back, or fit a new estimator (sklearn.base.clone) to "
        "change it."
    )
