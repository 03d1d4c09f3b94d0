"""The regressor."""

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metaestimators import available_if

from skmlp._params import Constraint, Options, check_parameters
from skmlp.estimators.base import BaseMLP, is_first_order
from skmlp.estimators.inputs import training_input
from skmlp.estimators.targets import Numeric, Target


class MLPRegressor(RegressorMixin, BaseMLP):
    """Multilayer perceptron regressor.

    A drop-in replacement of ``sklearn.neural_network.MLPRegressor``: with the same
    parameters, seed and float64 data it gives the same model, and small networks up to
    four times faster.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(100,)
        Units of each hidden layer; an empty sequence gives a linear model.

    activation : {'identity', 'logistic', 'tanh', 'relu'}, default='relu'
        Activation function of the hidden layers.

        - 'identity': f(x) = x, a linear bottleneck.
        - 'logistic': f(x) = 1 / (1 + exp(-x)).
        - 'tanh': f(x) = tanh(x).
        - 'relu': f(x) = max(0, x).

    loss : {'squared_error', 'poisson'}, default='squared_error'
        What to make small: half the squared error, or half the Poisson deviance of
        exp(raw score), which needs ``y >= 0``. Several targets are summed.

    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        What moves the weights: L-BFGS on all rows at once, or stochastic gradient
        descent or Adam on mini-batches.

    alpha : float, default=0.0001
        Strength of the L2 penalty ``0.5 * alpha * ||W||²`` on the weights, not the
        biases. As in scikit-learn it is divided by the weight sum of the batch.

    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch; 'auto' is ``min(200, n_samples)``.

    learning_rate : {'constant', 'invscaling', 'adaptive'}, default='constant'
        Schedule of the learning rate, for 'sgd' and 'adam'.

        - 'constant': ``learning_rate_init``.
        - 'invscaling': ``learning_rate_init / (1 + t) ** power_t`` where t counts the
          rows of finished epochs.
        - 'adaptive': divided by 5 each time training stalls, until it is 1e-6.

    learning_rate_init : float, default=0.001
        Learning rate at the start.

    power_t : float, default=0.5
        Exponent of 'invscaling'.

    max_iter : int, default=200
        The most epochs, or iterations of 'lbfgs', of one call of ``fit``.

    shuffle : bool, default=True
        Whether to shuffle the rows before each epoch.

    random_state : int, RandomState instance or None, default=None
        Seeds the initial weights, the held-out rows and the shuffles, drawn in
        scikit-learn's order.

    tol : float, default=1e-4
        The least improvement of loss or score that counts; for 'lbfgs' the largest
        gradient entry at which to stop.

    verbose : bool or int, default=False
        Whether to print a line an epoch.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the fitted weights, optimizer state and random
        stream, for up to `max_iter` more epochs.

    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].

    nesterovs_momentum : bool, default=True
        Whether 'sgd' uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score no longer improves, and keep
        the best weights. ``partial_fit`` holds out none.

    validation_fraction : float, default=0.1
        Share of the rows to hold out, in [0, 1).

    beta_1, beta_2 : float, default=0.9, 0.999
        Decay of the moments of 'adam', in [0, 1).

    epsilon : float, default=1e-8
        Added to the divisor of 'adam'.

    n_iter_no_change : int or inf, default=10
        Training ends when more than this many epochs in a row bring less than `tol`.

    max_fun : int, default=15000
        The most evaluations of the objective by 'lbfgs'.

    dtype : {'auto', 'float32', 'float64'}, default='auto'
        Type to compute in. 'auto' keeps float32 and float64 and turns others into
        float64; 'float32' is about twice as fast as 'float64'.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    coefs_ : list of ndarray
        The weight matrix of each layer, of shape (units in, units out).

    intercepts_ : list of ndarray
        The biases of each layer.

    loss_ : float
        Objective of the last epoch: mean loss plus penalty.

    loss_curve_ : list of float
        Objective of each epoch, or iteration of 'lbfgs'.

    best_loss_ : float or None
        The lowest of them; None if rows were held out.

    validation_scores_ : list of float or None
        R² of the held-out rows after each epoch; None if there were none.

    best_validation_score_ : float or None
        The highest of them.

    n_iter_ : int
        Epochs of the last ``fit``, plus those of ``partial_fit`` since.

    t_ : int
        Rows seen in training, repeats counted.

    n_layers_ : int
        Layers, input and output included.

    n_outputs_ : int
        Units of the output layer.

    out_activation_ : str
        Name of the output's inverse link.

    See Also
    --------
    MLPClassifier : The same for classes.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by back-propagating
    errors", Nature 323. Glorot & Bengio (2010), "Understanding the difficulty of
    training deep feedforward neural networks", AISTATS. Kingma & Ba (2015), "Adam: a
    method for stochastic optimization", ICLR.

    Examples
    --------
    >>> from sklearn.compose import TransformedTargetRegressor
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmlp import MLPRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> net = MLPRegressor(max_iter=300, tol=1e-3, random_state=0)
    >>> model = TransformedTargetRegressor(net, transformer=StandardScaler())
    >>> model = make_pipeline(StandardScaler(), model).fit(X, y)
    >>> bool(model.score(X, y) > 0.5)
    True
    """

    _losses: ClassVar[Mapping[str, Constraint]] = {"loss": Options(["squared_error", "poisson"])}
    _constraints: ClassVar[Mapping[str, Constraint]] = {**BaseMLP._constraints, **_losses}
    _frozen = (*BaseMLP._frozen, "loss")

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str = "relu",
        *,
        loss: str = "squared_error",
        solver: str = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str = "constant",
        learning_rate_init: float = 0.001,
        power_t: float = 0.5,
        max_iter: int = 200,
        shuffle: bool = True,
        random_state: int | np.random.RandomState | None = None,
        tol: float = 1e-4,
        verbose: bool | int = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: str = "auto",
    ) -> None:
        super().__init__(
            hidden_layer_sizes=hidden_layer_sizes,
            activation=activation,
            solver=solver,
            alpha=alpha,
            batch_size=batch_size,
            learning_rate=learning_rate,
            learning_rate_init=learning_rate_init,
            power_t=power_t,
            max_iter=max_iter,
            shuffle=shuffle,
            random_state=random_state,
            tol=tol,
            verbose=verbose,
            warm_start=warm_start,
            momentum=momentum,
            nesterovs_momentum=nesterovs_momentum,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            beta_1=beta_1,
            beta_2=beta_2,
            epsilon=epsilon,
            n_iter_no_change=n_iter_no_change,
            max_fun=max_fun,
            dtype=dtype,
        )
        self.loss = loss

    def _validate(self, X: Any, y: Any, **checks: Any) -> tuple[Any, NDArray[Any]]:
        """Return validated X and numbers."""
        if issparse(y):
            raise ValueError("y is sparse, which a regressor does not take: pass y.toarray().")
        X, y = training_input(self, X, y, y_numeric=True, **checks)
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        return X, y

    def _describe_target(self, y: NDArray[Any], classes: ArrayLike | None) -> dict[str, Any]:
        """Return the number of targets."""
        return {"n_outputs": 1 if y.ndim == 1 else int(y.shape[1])}

    def _build_target(self, architecture: Mapping[str, Any]) -> Target:
        """Return a numeric target with the fitted loss."""
        check_parameters("the saved architecture", architecture, self._losses)
        return Numeric(architecture["loss"], architecture["n_outputs"])

    @available_if(is_first_order)  # type: ignore[untyped-decorator]
    def partial_fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Train for one epoch on the given rows, going on from earlier calls.

        Optimizer state, patience and random stream go on as well: each call shuffles
        differently. Only for 'sgd' and 'adam'. A call that fails changes nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero; None for equal ones.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        ValueError
            For bad parameters or input, an architecture that differs from the fitted
            one, or divergence.
        """
        return self._trained_aside(X, y, sample_weight, incremental=True)

    def __sklearn_tags__(self) -> Tags:
        """Say what kind of target the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self.loss == "poisson"
        return tags
