"""The classifier."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from sklearn.base import ClassifierMixin
from sklearn.utils import Tags, column_or_1d
from sklearn.utils.metaestimators import available_if
from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels

from skmlp._params import shown
from skmlp._typing import Floats
from skmlp.estimators.base import BaseMLP, is_first_order
from skmlp.estimators.inputs import training_input
from skmlp.estimators.targets import Binary, ClassTarget, Multiclass, Multilabel

MIXED = "y has labels of several types, which have no order; convert all to strings, say."


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
        Share of the rows to hold out, in [0, 1). Classes keep their
        shares, except with several labels a row.

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
    classes_ : ndarray of shape (n_classes,)
        The labels; for an indicator matrix the numbers of its columns.

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
        Accuracy of the held-out rows after each epoch; None if there were none.

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

    _kinds: ClassVar[dict[str, type[ClassTarget]]] = {
        "binary": Binary,
        "multiclass": Multiclass,
        "multilabel": Multilabel,
    }

    def _validate(self, X: Any, y: Any, **checks: Any) -> tuple[Any, NDArray[Any]]:
        """Return validated X and labels."""
        X, y = training_input(self, X, y, **checks)
        y = y.toarray() if issparse(y) else y
        y = column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y
        if y.ndim == 2 or y.dtype.kind in "fcOS":  # others cannot but be labels
            _check_labels(y)
        if y.ndim == 2 and type_of_target(y) != "multilabel-indicator":
            raise ValueError(
                "y has several columns of classes, which is not supported: fit one classifier "
                "a column (sklearn.multioutput.MultiOutputClassifier) or pass an indicator matrix."
            )
        return X, y

    def _describe_target(self, y: NDArray[Any], classes: ArrayLike | None) -> dict[str, Any]:
        """Set the classes; return the kind of target."""
        if y.ndim == 2:
            self.classes_ = np.arange(y.shape[1])
            self._check_same(classes)
            return {"target": "multilabel"}
        self.classes_ = _sorted_labels(y if classes is None else classes)
        return {"target": "binary" if len(self.classes_) <= 2 else "multiclass"}

    def _build_target(self, architecture: Mapping[str, Any]) -> ClassTarget:
        """Return the target of the described kind."""
        return self._kinds[architecture["target"]](self.classes_)  # type: ignore[call-arg]

    @available_if(is_first_order)  # type: ignore[untyped-decorator]
    def partial_fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        classes: ArrayLike | None = None,
    ) -> Self:
        """Train for one epoch on the given rows, going on from earlier calls.

        Optimizer state, patience and random stream go on as well: each call shuffles
        differently. Only for 'sgd' and 'adam'. A call that fails changes nothing.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.
        y : array-like of shape (n_samples,) or (n_samples, n_labels)
            Their labels; not every class need occur.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, not negative and not all zero; None for equal ones.
        classes : array-like of shape (n_classes,), default=None
            All classes of all calls. Needed in the first call.

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
        return self._trained_aside(X, y, sample_weight, incremental=True, classes=classes)

    def _check_classes(self, classes: ArrayLike | None) -> None:
        """Refuse missing classes in the first call and other ones in later calls."""
        if hasattr(self, "_model"):
            self._check_same(classes)
        elif classes is None:
            raise ValueError("classes must be passed on the first call to partial_fit.")

    def _check_same(self, classes: ArrayLike | None) -> None:
        """Refuse classes, if any are given, other than the known ones."""
        if classes is not None and not np.array_equal(self.classes_, unique_labels(classes)):
            raise ValueError(
                f"classes={shown(classes)} is not the same as on last call to partial_fit, was: "
                f"{shown(self.classes_)}"
            )

    def decision_function(self, X: Any) -> Floats:
        """Return the raw scores: the logits.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes)
            For two classes one number a row, positive where the second is predicted.
        """
        return self._infer(X, lambda _, raw: raw[:, 0] if raw.shape[1] == 1 else raw)

    def predict_proba(self, X: Any) -> Floats:
        """Return the probability of each class.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            The rows.

        Returns
        -------
        ndarray of shape (n_samples, n_classes)
            In the order of ``classes_``. Rows sum to one, except for an indicator
            matrix, where each column is the probability of one label.
        """
        return self._infer(X, lambda target, raw: target.probabilities(raw))

    def predict_log_proba(self, X: Any) -> Floats:
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
            In the order of ``classes_``.
        """
        return self._infer(X, lambda target, raw: target.log_probabilities(raw))

    def __sklearn_tags__(self) -> Tags:
        """Say what kind of target the estimator takes."""
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _check_labels(y: NDArray[Any]) -> None:
    """Refuse what are no labels, such as numbers that are not whole."""
    try:
        check_classification_targets(y)
    except TypeError as error:
        raise ValueError(MIXED) from error


def _sorted_labels(labels: ArrayLike) -> NDArray[Any]:
    """Return the different labels in order.

    Raises
    ------
    ValueError
        If there is no order: some are strings, some numbers.
    """
    # unique_labels knows more kinds of labels, and takes ten times as long.
    plain = isinstance(labels, np.ndarray) and labels.dtype.kind in "biuf"
    try:
        return np.unique(labels) if plain else unique_labels(labels)
    except TypeError as error:
        raise ValueError(MIXED) from error
