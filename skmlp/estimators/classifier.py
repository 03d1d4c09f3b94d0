"""The classifier."""

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, assert_all_finite, column_or_1d
from sklearn.utils.metaestimators import available_if

from skmlp._params import (
    Boolean,
    Constraint,
    InstanceOf,
    Nothing,
    OneOrMore,
    Options,
    check_parameters,
    shown,
)
from skmlp._typing import Floats
from skmlp.activations import Activation
from skmlp.estimators.base import BaseMLP, is_first_order
from skmlp.estimators.class_weights import (
    ClassWeight,
    LabelWeights,
    class_weighted,
    label_weights,
)
from skmlp.estimators.classes import Classes, check_labels, check_same, described, grown
from skmlp.estimators.inputs import training_input
from skmlp.estimators.losses import (
    CLASSIFIER,
    PROBABLE,
    build_losses,
    described_loss,
    loss_constraints,
)
from skmlp.estimators.model import Model
from skmlp.estimators.targets import CLASS_KINDS, ClassTarget, class_target, is_indicator
from skmlp.estimators.training.examples import Examples, given_for_validation
from skmlp.estimators.transfer.transfer import Transfer, widened
from skmlp.losses import Loss
from skmlp.optimizers import Optimizer
from skmlp.schedules import Progress

#: A column a class, or several such matrices.
Scores = Floats | list[Floats]


class MLPClassifier(ClassifierMixin, BaseMLP):
    """Multilayer perceptron classifier.

    A drop-in replacement of ``sklearn.neural_network.MLPClassifier``: with the same
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

    loss : str or Loss, default='log_loss'
        What to make small; several labels or columns of classes are summed.

        - 'log_loss': the negative logarithm of the probability of what is right.
        - 'focal': the same times (1 - p) ** `focal_gamma`, so that rows that are
          classified well count little.
        - 'squared_hinge': the square of what a score lacks to a margin of one, as in a
          linear support vector machine; one class against the rest. There are no
          probabilities.
        - an object with the attributes and methods of ``skmlp.losses.Loss``.

    label_smoothing : float, default=0.0
        Share, in [0, 1), of a label that 'log_loss' spreads evenly over the classes.

    focal_gamma : float, default=2.0
        Exponent of 'focal'; 0 is the log-loss.

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
        Share of the rows to hold out, in [0, 1). Classes keep their
        shares, except with several labels a row.

    validation_splitter : cross-validation splitter or None, default=None
        Its first split says which rows to train on and which to hold out, for instance
        ``GroupShuffleSplit()`` with ``fit(..., groups=...)``, or ``TimeSeriesSplit(2)``.
        None draws a share of `validation_fraction`.

    scoring : str, callable or None, default=None
        What early stopping watches: the name of a scikit-learn scorer, a function
        ``scorer(estimator, X, y)``, 'loss' for the loss of the validation rows, or None
        for the accuracy.

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

    class_weight : dict, list of dict, 'balanced' or None, default=None
        Weights of the classes, multiplied into those of the rows wherever these count;
        1 for a class that is left out. 'balanced' gives each class the same sum. A `y`
        of several columns takes a dict for each, or balances each by itself.

    pretrained : dict, path, FrozenEstimator or None, default=None
        What a new network starts from: what ``get_weights`` returned, a file of
        ``save_weights``, or a fitted network, scikit-learn's too, inside
        ``sklearn.frozen.FrozenEstimator``. It may have learnt something else. Weights
        are drawn as always, and then replaced:

        - of hidden layers, by their place from the input, those of the same shape, with
          all that goes with them, such as batch normalisation;
        - of the output layer the units of classes that both know, by label. Where one
          unit tells two classes apart, its score is that of the second class, and that
          of the first is zero.

        Features are matched by their names, if both have any; otherwise there must be
        as many. `feature_scaling` keeps what is known of them; a transformer is fitted
        to X. An error says if nothing fits, or if a layer would compute something else,
        as with another `activation`. A warm start, and ``partial_fit`` after the first
        call, go on from their own weights.

    allow_new_classes : bool, default=False
        Whether ``partial_fit``, and ``fit`` with `warm_start`, add output units for
        classes that are new. What is there keeps its weights and its optimizer state;
        new units are drawn. Patience starts afresh, and kept checkpoints are dropped.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,), or list of ndarray
        The labels; for an indicator matrix the numbers of its columns. For several
        columns of classes the labels of each.

    n_features_in_ : int
        Number of features.

    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the features, if X had any that are all strings.

    pretrained_layers_ : list of str
        What each layer of weights has of `pretrained`: 'copied' is all of it, 'matched'
        some of its features or classes, 'drawn' nothing. Only if that is given.

    coefs_ : list of ndarray
        The weight matrix of each layer, of shape (units in, units out).

    intercepts_ : list of ndarray
        The biases of each layer.

    layer_params_ : list of dict of str to ndarray
        The arrays of the other layers that have any, such as ``gamma``, ``beta``, and
        the running ``mean`` and ``variance`` of batch normalisation.

    feature_scaler_ : object
        The fitted transformer, if `feature_scaling` is one.

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
    MLPRegressor : The same for numbers.

    References
    ----------
    Rumelhart, Hinton & Williams (1986), "Learning representations by back-propagating
    errors", Nature 323. Glorot & Bengio (2010), "Understanding the difficulty of
    training deep feedforward neural networks", AISTATS. Kingma & Ba (2015), "Adam: a
    method for stochastic optimization", ICLR.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> net = MLPClassifier(max_iter=500, random_state=0)
    >>> model = make_pipeline(StandardScaler(), net).fit(X, y)
    >>> bool(model.score(X, y) > 0.95)
    True
    >>> model.predict_proba(X[:1]).shape
    (1, 3)
    """

    loss: str | Loss
    class_weight: ClassWeight
    allow_new_classes: bool
    classes_: Classes
    _label_weights: LabelWeights

    _losses: ClassVar[Mapping[str, Constraint]] = loss_constraints(CLASSIFIER)
    _constraints: ClassVar[Mapping[str, Constraint]] = {
        **BaseMLP._constraints,
        **_losses,
        "class_weight": Nothing() | Options(["balanced"]) | OneOrMore(InstanceOf(dict)),
        "allow_new_classes": Boolean(),
    }

    def __init__(
        self,
        hidden_layer_sizes: int | Iterable[int] = (100,),
        activation: str | Activation | Sequence[str | Activation] = "relu",
        *,
        loss: str | Loss = "log_loss",
        label_smoothing: float = 0.0,
        focal_gamma: float = 2.0,
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
        class_weight: ClassWeight = None,
        pretrained: Any = None,
        allow_new_classes: bool = False,
    ) -> None:
        self._keep(locals())

    def _validate(self, X: Any, y: Any, **checks: Any) -> tuple[Any, NDArray[Any]]:
        """Return validated X and labels."""
        X, y = training_input(self, X, y, **checks)
        y = y.toarray() if issparse(y) else y
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim == 2 and is_indicator(y):
            return X, y
        assert_all_finite(y, input_name="y")  # only of yes-or-no labels some may be missing
        if y.ndim == 2 or y.dtype.kind in "fcOS":  # others cannot but be labels
            check_labels(y)
        return X, y

    def _describe_target(
        self,
        y: NDArray[Any],
        classes: ArrayLike | None,
        weight: NDArray[np.float64] | None,
    ) -> dict[str, Any]:
        """Set the classes; return the kind of target."""
        kind, self.classes_ = described(y, classes)
        if self.allow_new_classes:
            kind, self.classes_ = grown(kind, self.classes_, y, None)
        return {"target": kind}

    def _grown(
        self, fitted: Model, y: NDArray[Any], classes: ArrayLike | None
    ) -> tuple[Model, Transfer | None]:
        """Return the network with units for classes that are new, and what it takes over."""
        if not self.allow_new_classes:
            return fitted, None
        kind, labels = grown(fitted.architecture["target"], self.classes_, y, classes)
        if labels is self.classes_:
            return fitted, None
        before, self.classes_ = self._structure(self._model), labels
        architecture = {**fitted.architecture, "target": kind}
        model = Model(architecture, self._build_target(architecture))
        layers = self._model.parameters(self._weights())
        return model, widened(self._structure(model), before, layers)

    def _build_target(self, architecture: Mapping[str, Any]) -> ClassTarget:
        """Return the target of the described kind."""
        constraints = {"target": Options(CLASS_KINDS), **self._losses}
        check_parameters("the saved architecture", architecture, constraints)
        binary, multiclass = build_losses(CLASSIFIER, architecture)
        return class_target(architecture["target"], self.classes_, binary, multiclass)

    def _shape(self) -> dict[str, Any]:
        """Return the parameters that shape network and loss, as plain values."""
        return {**super()._shape(), **described_loss(CLASSIFIER, vars(self))}

    def _learn_weights(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None, *, incremental: bool
    ) -> None:
        """Set the weight of each class."""
        self._label_weights = label_weights(
            self.class_weight, y, self.classes_, weight, incremental=incremental
        )

    def _weighted(
        self, y: NDArray[Any], weight: NDArray[np.float64] | None
    ) -> NDArray[np.float64] | None:
        """Return the weight of each row, that of its class included."""
        return class_weighted(self._label_weights, y, self.classes_, weight)

    @available_if(is_first_order)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
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
            Their labels; not every class need occur.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero; None for equal ones.
        classes : array-like of shape (n_classes,), default=None
            All classes of all calls; a list of them for several columns of classes.
            Needed in the first call. With ``allow_new_classes=True`` never needed: those
            that are new, here or in `y`, are added.

        X_val, y_val, sample_weight_val : array-like, default=None
            Rows to validate on, their targets and weights, as for ``fit``.

        Returns
        -------
        self : object
            The trained estimator.

        Raises
        ------
        ValueError
            For bad parameters or input, unknown classes, an architecture that differs
            from the fitted one, or divergence.
        """
        self._check_classes(classes)
        given = Examples(X, y, sample_weight)
        validation = given_for_validation(X_val, y_val, sample_weight_val)
        return self._trained_aside(given, validation, incremental=True, classes=classes)

    def _check_classes(self, classes: ArrayLike | None) -> None:
        """Refuse missing classes in the first call and other ones in later calls."""
        allowed = {"allow_new_classes": self.allow_new_classes}
        check_parameters(type(self).__name__, allowed, self._constraints)
        if self.allow_new_classes:
            return
        if hasattr(self, "_model"):
            check_same(classes, self.classes_)
        elif classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")

    def _has_probabilities(self) -> bool:
        """Tell whether the loss stands for probabilities; if not, say so.

        A loss that does not exist is refused in the call, by a better message.
        """
        if hasattr(self, "_model"):
            links = [self._model.target.loss.link]
        elif isinstance(self.loss, str):
            links = [kind.link for kind in CLASSIFIER.get(self.loss, ())]
        else:
            links = [getattr(self.loss, "link", "softmax")]
        if not PROBABLE.issuperset(links):
            raise AttributeError(f"Probabilities are not available for loss={shown(self.loss)}.")
        return True

    def decision_function(self, X: Any) -> Scores:
        """Return the raw scores: the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number a row, positive where the second is predicted.
            For several columns of classes a list, with a matrix for each.
        """
        scores: Scores = self._infer(X, lambda target, raw: target.scores(raw))
        return scores

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_proba(self, X: Any) -> Scores:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Rows sum to one, except for an indicator
            matrix, where each column is the probability of one label. For several
            columns of classes a list, with a matrix for each.
        """
        p: Scores = self._infer(X, lambda target, raw: target.probabilities(raw))
        return p

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def staged_predict_proba(self, X: Any) -> Iterator[Scores]:
        """Return probabilities by the weights that ``keep_checkpoints`` kept on the way.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Yields
        ------
        ndarray of shape (n_samples, n_classes)
            The probabilities after each of ``checkpoint_epochs_``.
        """
        yield from self._infer_staged(X, lambda target, raw: target.probabilities(raw))

    @available_if(_has_probabilities)  # type: ignore[untyped-decorator]
    def predict_log_proba(self, X: Any) -> Scores:
        """Return the logarithm of the probability of each class.

        It is computed from the raw scores, and so finite where the probability is
        too small for a float.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``; a list of them for several columns of classes.
        """
        log_p: Scores = self._infer(X, lambda target, raw: target.log_probabilities(raw))
        return log_p

    def score(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> float:
        """Return the accuracy: the share of rows whose label, or labels, are all right.

        Labels of an indicator matrix that are NaN are left out.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs)
            Their labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights; None for equal ones.

        Returns
        -------
        float
            Between 0 and 1.
        """
        return self._evaluate(X, y, sample_weight)

    def __sklearn_tags__(self) -> Tags:
        """Say what kind of target the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        tags.target_tags.multi_output = True
        return tags
