"""Targets: from the user's y to the engine's numbers, and from raw scores back.

One kind of y a file; the only place where labels and numbers meet.
"""

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from skmlp.estimators.scaling.target_scaling import TargetScaling
from skmlp.estimators.targets.base import ClassTarget, SingleLabel, Target
from skmlp.estimators.targets.binary import Binary
from skmlp.estimators.targets.labels import class_codes
from skmlp.estimators.targets.mean_and_deviation import MeanAndDeviation
from skmlp.estimators.targets.multiclass import Multiclass
from skmlp.estimators.targets.multilabel import Multilabel, is_indicator
from skmlp.estimators.targets.multioutput import MultiOutput
from skmlp.estimators.targets.numeric import Numeric
from skmlp.estimators.targets.one_vs_rest import OneVsRest
from skmlp.estimators.targets.quantiles import Quantiles
from skmlp.losses import Loss

#: The kinds of y that a classifier takes.
CLASS_KINDS = ("binary", "multiclass", "multilabel", "multioutput")

#: What predictions are, by the loss's link; one number a target for the others.
_NUMERIC = {"quantiles": Quantiles, "gaussian": MeanAndDeviation}


def class_target(
    kind: str, classes: NDArray[Any] | Sequence[NDArray[Any]], binary: Loss, multiclass: Loss
) -> ClassTarget:
    """Return the target of a classifier.

    Parameters
    ----------
    kind : {'binary', 'multiclass', 'multilabel', 'multioutput'}
        The kind of y.
    classes : ndarray, or list of ndarray for 'multioutput'
        The labels, sorted.
    binary, multiclass : Loss
        The loss of yes-or-no questions, and that of more classes.
    """
    labels: Any = classes
    if kind == "multilabel":
        return Multilabel(labels, binary)
    if kind == "multioutput":
        return MultiOutput(labels, multiclass)
    if kind == "binary":
        return Multiclass(labels, binary) if binary.coded else Binary(labels, binary)
    return Multiclass(labels, multiclass) if multiclass.coded else OneVsRest(labels, multiclass)


def numeric_target(loss: Loss, n_targets: int, scaling: TargetScaling) -> Numeric:
    """Return the target of a regressor.

    Parameters
    ----------
    loss : Loss
        The loss.
    n_targets : int
        Numbers a row.
    scaling : TargetScaling
        How they are scaled, and their limits.
    """
    return _NUMERIC.get(loss.link, Numeric)(loss, n_targets, scaling)


__all__ = [
    "CLASS_KINDS",
    "Binary",
    "ClassTarget",
    "MeanAndDeviation",
    "MultiOutput",
    "Multiclass",
    "Multilabel",
    "Numeric",
    "OneVsRest",
    "Quantiles",
    "SingleLabel",
    "Target",
    "class_codes",
    "class_target",
    "is_indicator",
    "numeric_target",
]
