"""The fitted attributes that a training leaves."""

import math
from typing import Any

from skmlp.estimators.training.training import Training


def summary(training: Training) -> dict[str, Any]:
    """Return the fitted attributes, by name; arrays share memory with the training."""
    model, monitor = training.model, training.monitor
    weights = model.weights(training.solver.evaluated.views)
    losses, known = monitor.history.loss, training.features
    loss = losses[-1] if losses else training.loss
    return {
        "coefs_": list(weights.coefs),
        "intercepts_": list(weights.intercepts),
        "layer_params_": list(weights.others),
        "learning_rate_curve_": monitor.history.learning_rate,
        "loss_curve_": losses,
        "loss_": loss,
        "best_loss_": None if monitor.decisive else min(losses, default=loss),
        "checkpoint_epochs_": [copies["epoch"] for copies in training.kept],
        "_checkpoints": training.kept,
        "n_iter_": monitor.history.n_epochs,
        "t_": training.progress.samples,
        "n_layers_": len(weights.coefs) + 1,
        "n_outputs_": model.target.n_outputs,
        "out_activation_": model.target.loss.link,
        "_no_improvement_count": monitor.patience.count if monitor.patience else 0,
        "_architecture": model.architecture,
        "_model": model,
        "_feature_statistics": None if known is None else dict(vars(known)),
        **verdict(training),
    }


def verdict(training: Training) -> dict[str, Any]:
    """Return those attributes that say what validation found, and why training ended."""
    history = training.monitor.history
    scores = history.validation_score
    best = max((score for score in scores if not math.isnan(score)), default=-math.inf)
    return {
        "validation_loss_curve_": history.validation_loss or None,
        "validation_scores_": scores or None,
        "best_validation_score_": best if scores else None,
        "best_iter_": training.best_epoch,
        "stopped_by_": training.stopped_by,
    }
