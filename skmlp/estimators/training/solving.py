"""From names to what moves the parameters."""

from collections.abc import Mapping
from copy import copy
from typing import Any

import numpy as np

from skmlp._params import InvalidParameterError, build, shown
from skmlp.clipping import CLIPS
from skmlp.estimators.architecture import hidden_sizes, per_layer
from skmlp.estimators.training.freezing import frozen_epochs, thaws
from skmlp.network import Network
from skmlp.objective import Objective
from skmlp.optimizers import OPTIMIZERS, Optimizer
from skmlp.optimizers.base import Pace
from skmlp.penalties import PENALTIES, Penalty
from skmlp.schedules import Progress, factor, learning_rate
from skmlp.solvers import LBFGS, Average, Current, Evaluated, Freezing, Minibatch, Shown

#: What has no meaning for a solver that sees all rows and needs a smooth objective.
FIRST_ORDER_ONLY = (
    "dropout",
    "input_dropout",
    "input_noise",
    "input_group_l1",
    "weight_decay",
    "max_norm",
    "max_grad_norm",
    "max_grad_value",
    "average",
    "learning_rate_factors",
    "checkpoint_path",
)


def is_first_order(settings: Mapping[str, Any]) -> bool:
    """Tell whether an optimizer steps along gradients of mini-batches."""
    return not isinstance(settings["solver"], str) or settings["solver"] in OPTIMIZERS


def solver_name(settings: Mapping[str, Any]) -> str:
    """Return a name for the solver, to tell a saved state from that of another."""
    solver = settings["solver"]
    return solver if isinstance(solver, str) else type(solver).__qualname__


def check_combination(settings: Mapping[str, Any]) -> None:
    """Refuse parameters that do not go together.

    Raises
    ------
    InvalidParameterError
        It names the parameter.
    """
    per_layer(settings, "activation")
    per_layer(settings, "dropout")
    _check_factors(settings)
    frozen_epochs(settings)
    if is_first_order(settings):
        _check_optimizer(settings)
        return
    for name in FIRST_ORDER_ONLY:
        value = settings[name]
        if value is not None and np.any(value):
            raise _first_order_only(name, settings)
    if thaws(settings):
        raise _first_order_only("frozen_layers", settings)


def _first_order_only(name: str, settings: Mapping[str, Any]) -> InvalidParameterError:
    """Return the error that says which solvers a parameter needs."""
    return InvalidParameterError(
        f"The {name!r} parameter needs a first-order solver such as 'adam', and "
        f"solver={settings['solver']!r}. Got {shown(settings[name])}; leave it at its default."
    )


def _check_optimizer(settings: Mapping[str, Any]) -> None:
    """Refuse parameters that the optimizer cannot go with."""
    optimizer = build_optimizer(settings)
    reasons = {
        "average": "which averages by itself" if optimizer.averages else "",
        "input_group_l1": "" if optimizer.proportional else "whose steps follow signs alone",
        "max_norm": "" if optimizer.proportional else "whose steps follow signs alone",
    }
    for name, reason in reasons.items():
        if reason and settings[name]:
            raise InvalidParameterError(
                f"The {name!r} parameter does not go with solver={shown(settings['solver'])}, "
                f"{reason}. Got {shown(settings[name])}; leave it at its default."
            )


def _check_factors(settings: Mapping[str, Any]) -> None:
    """Refuse a number of learning-rate factors other than that of the dense layers."""
    factors, n_dense = settings["learning_rate_factors"], len(hidden_sizes(settings)) + 1
    if factors is not None and len(factors) != n_dense:
        raise InvalidParameterError(
            f"The 'learning_rate_factors' parameter must have one item for each of the "
            f"{n_dense} layers of weights: the hidden ones and the output's. Got {shown(factors)}."
        )


def build_penalties(settings: Mapping[str, Any]) -> list[Penalty]:
    """Return the penalties that do something."""
    optimizer = build_optimizer(settings) if is_first_order(settings) else None
    decay = settings["weight_decay"] or (optimizer.default_weight_decay if optimizer else 0.0)
    penalties = [build(kind, {**settings, "weight_decay": decay}) for kind in PENALTIES.values()]
    return [penalty for penalty in penalties if penalty.active]


def build_optimizer(settings: Mapping[str, Any]) -> Optimizer:
    """Return the optimizer; a user's own is copied."""
    solver = settings["solver"]
    return build(OPTIMIZERS[solver], settings) if isinstance(solver, str) else copy(solver)


def build_solver(settings: Mapping[str, Any], objective: Objective) -> "Minibatch | LBFGS":
    """Return the solver, bound to the parameters of the objective."""
    freezing = Freezing(frozen_epochs(settings))
    if not is_first_order(settings):
        objective.freeze(freezing(Progress()))
        return build(LBFGS, {**settings, "evaluated": Current(objective)})
    optimizer = build_optimizer(settings)
    optimizer.bind(
        objective.params.flat,
        objective.grads.flat,
        objective.scratch,
        _paces(settings, objective.network),
        objective.params.n_penalised,
    )
    return Minibatch(
        optimizer,
        build_evaluated(settings, objective, optimizer),
        learning_rate(settings),
        settings["max_iter"],
        [build(kind, settings) for name, kind in CLIPS.items() if settings[name] is not None],
        dropout_rate=factor("dropout_schedule", settings),
        decay_rate=factor("weight_decay_schedule", settings),
        freezing=freezing,
    )


def build_evaluated(
    settings: Mapping[str, Any], objective: Objective, optimizer: Optimizer
) -> Evaluated:
    """Return what validation and prediction use."""
    average = settings["average"]
    if average:
        return Average(objective, 1.0 if average is True else float(average))
    return Shown(objective, optimizer) if optimizer.averages else Current(objective)


def _paces(settings: Mapping[str, Any], network: Network) -> list[Pace]:
    """Return the parts of the parameters with their factors of the learning rate."""
    factors = settings["learning_rate_factors"]
    if factors is None:
        return []
    parts, blocks = network.layout.parts(), network.blocks
    return [Pace(part, float(factors[blocks[i]])) for i, part in parts]
