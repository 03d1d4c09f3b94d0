"""The regressor."""

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import RegressorMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metaestimators import available_if

from skmlp._params import Constraint, check_parameters
from skmlp.activations import Activation
from skmlp.estimators.architecture import plain
from skmlp.estimators.base import BaseMLP, is_first_order
from skmlp.estimators.inputs import naming, training_input
from skmlp.estimators.losses import (
    REGRESSOR,
    build_losses,
    described_loss,
    is_valid,
    loss_constraints,
)
from skmlp.estimators.scaling import target_scaling, transformers
from skmlp.estimators.scaling.transformers import TRANSFORMER
from skmlp.estimators.targets import Target, numeric_target
from skmlp.estimators.training.examples import Examples, given_for_validation
from skmlp.losses import Loss
from skmlp.optimizers import Optimizer
from skmlp.schedules import Progress


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

    loss : str or Loss, default='squared_error'
        What to make small. With r = f(x) - y, summed over several targets:

        - 'squared_error': ½ r². Predicts the mean.
        - 'absolute_error': abs(r). Predicts the median.
        - 'huber': squares up to `huber_epsilon`, absolute values beyond.
        - 'log_cosh': log cosh r, a smooth form of the same.
        - 'quantile': the pinball loss; predicts the quantiles of `quantile`.
        - 'poisson', 'gamma', 'tweedie': half the deviance of positive means
          exp(raw score). For counts (``y >= 0``), for sizes (``y > 0``), and for what
          lies between, as claims do, see `power`.
        - 'gaussian': the likelihood of a normal distribution with its own variance at
          each row: ``predict(X, return_std=True)``.
        - an object with the attributes and methods of ``skmlp.losses.Loss``.

    quantile : float or sequence of float, default=0.5
        Levels in (0, 1) for 'quantile', increasing. Several in one network never
        cross; predictions then have an axis more, the last.

    huber_epsilon : float, default=1.35
        Where the squares of 'huber' end, in the units of y.

    power : float, default=1.5
        The variance grows as this power of the mean for 'tweedie': 1 is Poisson's, 2
        the gamma and 3 the inverse Gaussian distribution. Between 1 and 2, y may be
        zero; for 0 and less, negative. There is none between 0 and 1.

    solver : {'lbfgs', 'sgd', 'adam'}, default='adam'
        What moves the weights: L-BFGS on all rows at once, or stochastic gradient
        descent or Adam on mini-batches.

    alpha : float, default=0.0001
        Strength of the L2 penalty ``0.5 * alpha * ||W||²`` on the weights, not the
        biases. As in scikit-learn it is divided by the weight sum of the batch.

    batch_size : int or 'auto', default='auto'
        Rows of a mini-batch; 'auto' is ``min(200, n_samples)``.

    learning_rate : str or callable, default='constant'
        Schedule of the learning rate, for every solver but 'lbfgs'. A callable gets
        the progress (:class:`skmlp.schedules.Progress`) and returns the rate. "Share"
        is that of the `max_iter` epochs that are done.

        - 'constant': ``learning_rate_init``.
        - 'invscaling': ``learning_rate_init / (1 + t) ** power_t`` where t counts the
          rows of finished epochs.
        - 'adaptive': divided by 5 each time training stalls, until it is 1e-6.
        - 'step': times `lr_decay` after every `lr_period` epochs.
        - 'exponential': the same, a little at every step.
        - 'polynomial': ``(1 - share) ** lr_power``.
        - 'cosine': half a cosine wave, from 1 to `lr_final`.
        - 'cosine_restarts': the same again every `lr_period` epochs.
        - 'one_cycle': up during `lr_rise`, then down to `lr_final`, both by cosines.
        - 'cyclic': up and down in straight lines every `lr_period` epochs.
        - 'coslog4': four cosine waves, each longer than the one before.
        - 'flat_cos': constant for half of the training, then a cosine to 0.

        None exceeds `learning_rate_init`. Only 'adaptive' answers a stall; with the
        others it ends the training: ``n_iter_no_change=np.inf`` runs a plan to its end.
        Each `fit` makes a new plan, calls of `partial_fit` go on in one; beyond its last
        epoch the rate stays at its end.

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
        True or 1 shows the progress: in a terminal or a notebook in one line that is
        written again and again (with a bar if rich is installed), elsewhere in a line an
        epoch. From 2 on it is always a line an epoch.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the fitted weights, optimizer state and random
        stream, for up to `max_iter` more epochs.

    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].

    nesterovs_momentum : bool, default=True
        Whether 'sgd' uses Nesterov's momentum.

    early_stopping : bool, default=False
        Whether to hold out rows, stop when their score no longer improves, and keep
        the best weights. Rows passed as `X_val` take their place. ``partial_fit`` holds
        out none. Where fewer than six rows, and less than a fifth, would be held out, or
        none can be, the training loss decides, with a warning.

    validation_fraction : float, default=0.1
        Share of the rows to hold out, in [0, 1).

    validation_splitter : cross-validation splitter or None, default=None
        Its first split says which rows to train on and which to hold out, for instance
        ``GroupShuffleSplit()`` with ``fit(..., groups=...)``, or ``TimeSeriesSplit(2)``.
        None draws a share of `validation_fraction`.

    scoring : str, callable or None, default=None
        What early stopping watches: the name of a scikit-learn scorer, a function
        ``scorer(estimator, X, y)``, 'loss' for the loss of the validation rows, or None
        for R², or what `score` returns.

    best_of_ties : {'first', 'last'}, default='first'
        Which of several epochs with the best score gives the weights.

    refit : bool, default=False
        Whether to train once more after early stopping, from the same start on all
        rows, those for validation included, for the best number of epochs.

    tol_mode : {'absolute', 'relative'}, default='absolute'
        Whether `tol` is a difference, or a share of the best loss or score.

    max_time : float or None, default=None
        Seconds after which the epoch under way is the last.

    on_divergence : {'auto', 'raise', 'stop'}, default='auto'
        What follows a loss that is no longer finite, at the end of its epoch: 'raise'
        an error, which leaves the estimator as it was, or 'stop' with a warning and
        the best weights, or the last finite ones. 'auto' stops if there are rows that
        decide which weights are best, and raises otherwise.

    keep_checkpoints : int or None, default=None
        Epochs after which a copy of the weights is kept in the estimator, again and
        again, for ``staged_predict``; None keeps none.

    checkpoint_path : str, PathLike or None, default=None
        A file for ``fit`` to write its state to as it goes. After a crash the same
        ``fit``, of the same parameters and data, goes on from there and ends with the
        same bits. The file is replaced whole, and deleted at the end. Each fit needs
        one of its own, so a search over parameters cannot use it. Not for 'lbfgs',
        whose memory is SciPy's.

    checkpoint_every : int, default=1
        Epochs after which the file is written again.

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

    feature_scaling : str, transformer or None, default=None
        How features are scaled before the network sees them, by what the rows trained
        on say, weights included; held-out rows have no part in it.

        - 'standard': (x - mean) / standard deviation.
        - 'robust': (x - median) / distance of the quartiles.
        - 'maxabs': x / max |x|.
        - 'smooth_clip': z / sqrt(1 + (z / 3)²), in (-3, 3), of the robust z. Where the
          quartiles meet, z is 2 (x - median) / (max - min); a constant feature is 0.

        ``partial_fit`` adds its rows: mean, deviation and maximum are then those of all
        rows, while quartiles are the weighted mean of those of each call. A warm start
        keeps the numbers. If the first X is sparse, features are divided only, and
        stay sparse. No copy of X is made. X is turned into `dtype` before: to float32,
        a spread of less than a millionth of the size is lost.

        An object with ``fit`` and ``transform``, such as
        ``sklearn.preprocessing.QuantileTransformer()``, is copied and fitted to the
        rows of the first call, those held out included, with weights if it takes any,
        and further by ``partial_fit`` if it has that. This needs a copy of X.

    target_scaling : str, transformer or None, default=None
        How targets are scaled, each by itself: 'standard', 'robust' or 'maxabs', with
        the formulas for features. The rows of the first call, weighted, fix the
        numbers: later calls of ``partial_fit`` and warm starts keep them. Predictions
        and scores are in the units of y, ``loss_`` and parameters of the loss in scaled
        ones. Targets of a loss with a logarithmic link can only be divided: by
        'maxabs'. A transformer needs ``inverse_transform``; scores of held-out rows are
        then those of transformed targets.

    output_range : (float, float), default=None
        Limits of the predictions: low + (high - low) / (1 + exp(-z)) is predicted where
        z would be. Targets outside are refused. The limits are reached only by
        infinite z: choose them a little wider than targets that are to be met.

    dropout : float or sequence of float, default=0.0
        Share of the units of each hidden layer that are left out of a training step, in
        [0, 1); a sequence has one for each hidden layer. Units that are kept are divided
        by the share kept, so prediction uses all as they are. With ``activation='selu'``
        it is alpha dropout. Noise has a random stream of its own: 0 changes nothing.

    input_dropout : float, default=0.0
        The same for the features; of a sparse X the stored values are left out.

    input_noise : float, default=0.0
        Standard deviation of normal noise that is added to the features in training; of
        a sparse X to the stored values.

    l1_ratio : float, default=0.0
        Share of L1 in the penalty: ``alpha * (l1_ratio * sum(|W|) + 0.5 * (1 - l1_ratio)
        * ||W||²)``. L1 makes weights exactly zero, with every solver.

    input_group_l1 : float, default=0.0
        Strength of the group penalty ``sqrt(k) * sum_j ||W_j||`` on the rows of the
        first weight matrix, k weights each, divided by the weight sum of the batch as
        `alpha` is. It removes whole features. Not for 'lbfgs' and 'rprop'.

    weight_decay : float, default=0.0
        Decoupled decay: before each step the weights, not the biases, are multiplied by
        ``1 - learning rate * weight_decay``. It does not depend on the batch size. With
        ``solver='adamw'`` 0 stands for 0.01.

    max_norm : float or None, default=None
        The largest norm of the weights into one unit, restored after each step. Not for
        'lbfgs' and 'rprop'.

    max_grad_norm : float or None, default=None
        The largest norm of the gradient of the loss, all parameters together.

    max_grad_value : float or None, default=None
        The largest absolute value of its entries.

    average : bool or float, default=False
        Weights for validation and prediction: False for those of the last step, True
        for the mean of all steps, a number d in (0, 1) for the exponential mean
        ``d * mean + (1 - d) * weights``. Running means of batch normalisation are
        averaged as well.

    learning_rate_factors : sequence of float or None, default=None
        Factors of the learning rate: one for each hidden layer and one for the output.

    frozen_layers : sequence of int or dict of int to int, default=()
        Layers of weights that do not learn: 0 is the first hidden one, -1 the output. A
        dict says for how many epochs of the call each stays frozen: ``{0: 10, 1: 5}``
        unfreezes layer 1 after five epochs and layer 0 after ten. Weights, biases, the
        parameters of the layer's normalisation and activation, and the running means of
        its batch normalisation, which it then normalises by, keep every bit; dropout
        acts. No penalty on frozen weights counts in the loss. When a layer thaws, the
        optimizer starts afresh: its moments are those of a new run. Calls of
        ``partial_fit`` go on counting epochs. With 'lbfgs' no layer can thaw.

    warmup : float or int, default=0.0
        The learning rate rises in a straight line over this share of the epochs, or
        over this number of steps if it is 1 or more.

    lr_decay : float, default=0.8
        Factor of a period of 'step' and 'exponential'.

    lr_period : int, default=10
        Epochs of a period of 'step' and 'exponential', and of the (first) cycle of
        'cosine_restarts' and 'cyclic'.

    lr_period_growth : float, default=1.0
        How many times longer each cycle of 'cosine_restarts' is than the one before.

    lr_power : float, default=1.0
        Exponent of 'polynomial'.

    lr_final : float, default=0.0
        Where 'polynomial', 'cosine', 'cosine_restarts', 'one_cycle' and 'cyclic' end, as
        a share of ``learning_rate_init``.

    lr_rise : float, default=0.3
        Share of the epochs in which 'one_cycle' rises.

    dropout_schedule : str or callable, default='constant'
        A schedule as of `learning_rate`; its share of the largest value multiplies
        `dropout` and `input_dropout`. 'flat_cos' ends training without dropout.

    weight_decay_schedule : str or callable, default='constant'
        The same for `weight_decay`.

    batch_norm : bool or {'after', 'input', 'input_only'}, default=False
        Batch normalisation with trainable scale and shift: True before each hidden
        activation, 'after' behind it, 'input' on the features as well as before each
        activation, 'input_only' on the features alone, which scales streamed data.

    batch_norm_momentum : float, default=0.1
        Weight of the newest batch in the running means that prediction uses, as
        PyTorch's; Keras's momentum is one minus it.

    batch_norm_epsilon : float, default=1e-5
        Added to the variance.

    layer_norm : bool, default=False
        Whether to normalise each row before each hidden activation.

    parametric_activation : bool, default=False
        Whether each hidden unit learns a share a of its activation f, starting from 1:
        ``x + a * (f(x) - x)``.

    init : str, default='auto'
        How the weights of hidden layers are drawn. 'auto' is scikit-learn's choice,
        'glorot_uniform' with a factor by activation. Others: 'glorot_uniform',
        'glorot_normal', 'he_uniform', 'he_normal', 'lecun_uniform', 'lecun_normal',
        'orthogonal', 'zeros', and 'unit_variance', which scales columns until each unit
        has variance 1 on up to 10 000 rows of the data.

    init_output : str, default='auto'
        The same for the output's weights; 'zeros' starts from equal predictions.

    init_bias : str, default='auto'
        How the biases of hidden layers are drawn. 'auto' is as scikit-learn draws them
        if `init` is 'auto', else zero. Others: 'zeros', 'uniform', and 'he5', which
        places the kink of each unit among five random rows.

    pretrained : dict, path, FrozenEstimator or None, default=None
        What a new network starts from: what ``get_weights`` returned, a file of
        ``save_weights``, or a fitted network, scikit-learn's too, inside
        ``sklearn.frozen.FrozenEstimator``. It may have learnt something else. Weights
        are drawn as always, and then replaced:

        - of hidden layers, by their place from the input, those of the same shape, with
          all that goes with them, such as batch normalisation;
        - the output layer, if it has as many targets and the same link. `target_scaling`
          is by the new y: the same raw scores are then in its units.

        Features are matched by their names, if both have any; otherwise there must be
        as many. `feature_scaling` keeps what is known of them; a transformer is fitted
        to X. An error says if nothing fits, or if a layer would compute something else,
        as with another `activation`. A warm start, and ``partial_fit`` after the first
        call, go on from their own weights.

    Attributes
    ----------
    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    pretrained_layers_ : list of str
        What each layer of weights has of `pretrained`: 'copied' is all of it, 'matched'
        some of its features, 'drawn' nothing. Only if that is given.

    coefs_ : list of ndarray
        The weight matrix of each layer, of shape (units in, units out).

    intercepts_ : list of ndarray
        The biases of each layer.

    layer_params_ : list of dict of str to ndarray
        The arrays of the other layers that have any, such as ``gamma``, ``beta``, and
        the running ``mean`` and ``variance`` of batch normalisation.

    feature_scaler_ : object
        The fitted transformer, if `feature_scaling` is one.

    target_scaler_ : object
        The fitted transformer, if `target_scaling` is one.

    loss_ : float
        Objective of the last epoch: mean loss plus penalty.

    loss_curve_ : list of float
        Objective of each epoch, or iteration of 'lbfgs'.

    best_loss_ : float or None
        The lowest of them; None if validation rows decided.

    learning_rate_curve_ : list of float
        Learning rate of the last step of each epoch; empty for 'lbfgs'.

    validation_loss_curve_ : list of float or None
        Loss of the validation rows after each epoch, without penalties; None if there
        were none.

    validation_scores_ : list of float or None
        Their score after each epoch: by `scoring`.

    best_validation_score_ : float or None
        The highest of them.

    best_iter_ : int
        The epoch whose weights the model has, counted from one: with early stopping
        the best one.

    checkpoint_epochs_ : list of int
        The epochs whose weights were kept; see `keep_checkpoints`.

    stopped_by_ : str or None
        What ended the training: 'tol', 'early_stopping', 'max_iter', 'max_fun',
        'line_search' (of 'lbfgs'), 'max_time', 'callback', 'interrupt' or 'divergence'.
        None after a ``partial_fit`` that another one may follow.

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

    _losses: ClassVar[Mapping[str, Constraint]] = loss_constraints(REGRESSOR)
    _constraints: ClassVar[Mapping[str, Constraint]] = {
        **BaseMLP._constraints,
        **_losses,
        **target_scaling.CONSTRAINTS,
    }
    _frozen = (*BaseMLP._frozen, *target_scaling.CONSTRAINTS)

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        loss: str | Loss = "squared_error",
        quantile: float | Sequence[float] = 0.5,
        huber_epsilon: float = 1.35,
        power: float = 1.5,
        solver: str | Optimizer = "adam",
        alpha: float = 0.0001,
        batch_size: int | str = "auto",
        learning_rate: str | Callable[[Progress], float] = "constant",
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
        validation_splitter: Any = None,
        scoring: str | Callable[..., float] | None = None,
        best_of_ties: str = "first",
        refit: bool = False,
        tol_mode: str = "absolute",
        max_time: float | None = None,
        on_divergence: str = "auto",
        keep_checkpoints: int | None = None,
        checkpoint_path: str | os.PathLike[str] | None = None,
        checkpoint_every: int = 1,
        beta_1: float = 0.9,
        beta_2: float = 0.999,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        dtype: str = "auto",
        feature_scaling: Any = None,
        target_scaling: Any = None,
        output_range: tuple[float, float] | None = None,
        dropout: float | Sequence[float] = 0.0,
        input_dropout: float = 0.0,
        input_noise: float = 0.0,
        l1_ratio: float = 0.0,
        input_group_l1: float = 0.0,
        weight_decay: float = 0.0,
        max_norm: float | None = None,
        max_grad_norm: float | None = None,
        max_grad_value: float | None = None,
        average: bool | float = False,
        learning_rate_factors: Sequence[float] | None = None,
        frozen_layers: Sequence[int] | Mapping[int, int] = (),
        warmup: float = 0.0,
        lr_decay: float = 0.8,
        lr_period: int = 10,
        lr_period_growth: float = 1.0,
        lr_power: float = 1.0,
        lr_final: float = 0.0,
        lr_rise: float = 0.3,
        dropout_schedule: str | Callable[[Progress], float] = "constant",
        weight_decay_schedule: str | Callable[[Progress], float] = "constant",
        batch_norm: bool | str = False,
        batch_norm_momentum: float = 0.1,
        batch_norm_epsilon: float = 1e-5,
        layer_norm: bool = False,
        parametric_activation: bool = False,
        init: str = "auto",
        init_output: str = "auto",
        init_bias: str = "auto",
        pretrained: Any = None,
    ) -> None:
        self._keep(locals())

    def _validate(self, X: Any, y: Any, **checks: Any) -> tuple[Any, NDArray[Any]]:
        """Return validated X and numbers."""
        if issparse(y):
            raise ValueError("y is sparse, which a regressor does not take: pass y.toarray().")
        X, y = training_input(self, X, y, **checks)
        with naming("y"):
            y = y.astype(np.float64) if y.dtype.kind in "OUS" else y
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        return X, y

    def _describe_target(
        self,
        y: NDArray[Any],
        classes: ArrayLike | None,
        weight: NDArray[np.float64] | None,
    ) -> dict[str, Any]:
        """Return the number of targets and how they are scaled."""
        target_scaling.check_loss(self._loss(), vars(self))
        target_scaling.check_limits(y, self.output_range)
        self.__dict__.pop("target_scaler_", None)
        scaling, y = plain(self.target_scaling), y.reshape(len(y), -1)
        if scaling == TRANSFORMER:
            self.target_scaler_ = transformers.fitted(self.target_scaling, y, weight)
        return {"n_targets": y.shape[1], **target_scaling.described(scaling, y, weight)}

    def _build_target(self, architecture: Mapping[str, Any]) -> Target:
        """Return a numeric target with the fitted loss."""
        allowed = {**self._losses, **target_scaling.DESCRIPTION}
        check_parameters("the saved architecture", architecture, allowed)
        loss, n_targets = build_losses(REGRESSOR, architecture)[0], architecture["n_targets"]
        transformer = getattr(self, "target_scaler_", None)
        scaling = target_scaling.build_scaling(architecture, n_targets, transformer)
        return numeric_target(loss, n_targets, scaling)

    def _shape(self) -> dict[str, Any]:
        """Return the parameters that shape network and loss, as plain values."""
        return {**super()._shape(), **described_loss(REGRESSOR, vars(self))}

    @available_if(is_first_order)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, going on from earlier calls.

        Optimizer state, patience and random stream go on as well: each call shuffles
        differently. Not for 'lbfgs'. A call that fails changes nothing.

        With ``early_stopping=True`` and rows to validate on, patience is with their
        score. When it has run out, the best weights so far are put back and
        ``stopped_by_`` is 'early_stopping'; a further call starts from them.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero; None for equal ones.

        X_val, y_val, sample_weight_val : array-like, default=None
            Rows to validate on, their targets and weights, as for ``fit``.

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
        given = Examples(X, y, sample_weight)
        validation = given_for_validation(X_val, y_val, sample_weight_val)
        return self._trained_aside(given, validation, incremental=True)

    def predict(self, X: Any, return_std: bool = False) -> Any:
        """Predict.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        return_std : bool, default=False
            Whether to return standard deviations, too: for ``loss='gaussian'``.

        Returns
        -------
        y : ndarray of shape (n_samples,) or (n_samples, n_targets)
            Numbers of the type the model was fitted in. For a list of quantiles with
            another axis, the last, of shape (n_quantiles,).
        deviation : ndarray
            Standard deviations of the shape of y; only if `return_std`.
        """
        if return_std:
            return self._infer(X, lambda target, raw: target.decode_with_deviation(raw))
        return super().predict(X)

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return R², the mean over targets; for ``loss='quantile'`` D² of its loss.

        Numbers that are NaN are left out where there are several targets.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_targets)
            Their numbers.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; None for equal ones.

        Returns
        -------
        float
            1 at best, 0 for constant predictions. D² is the share that is explained
            of the pinball loss of constant quantiles, the mean over the levels.
        """
        return self._evaluate(X, y, sample_weight)

    def _is_positive(self) -> bool:
        """Tell whether the loss takes no negative targets."""
        if not is_valid(REGRESSOR, vars(self)):
            return False
        return not self._loss().domain.accepts(-1.0)

    def _loss(self) -> Loss:
        """Return the loss that the parameters describe."""
        return build_losses(REGRESSOR, described_loss(REGRESSOR, vars(self)))[0]

    def __sklearn_tags__(self) -> Tags:
        """Say what kind of target the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        tags.target_tags.positive_only = self._is_positive()
        return tags
