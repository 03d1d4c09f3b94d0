"""From names to layers."""

from collections.abc import Mapping
from numbers import Integral, Real
from typing import Any

from skmlp._params import (
    Boolean,
    Constraint,
    InstanceOf,
    Interval,
    InvalidParameterError,
    Like,
    Nothing,
    OneOrMore,
    Options,
    Sequence,
    build,
    shown,
)
from skmlp.activations import ACTIVATIONS, Activation, LeakyRelu
from skmlp.estimators.scaling.feature_scaling import scaling_layers
from skmlp.estimators.scaling.scaling import SCALINGS
from skmlp.estimators.scaling.transformers import TRANSFORMER, Transformer
from skmlp.layers import (
    LAYERS,
    Activate,
    BatchNorm,
    Bound,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    LayerNorm,
    Parametric,
    PRelu,
)
from skmlp.network import Network

_WIDTH = Interval(Integral, 1, None, closed="left")
_RATE = Interval(Real, 0, 1, closed="left")
_FUNCTION = Options([*ACTIVATIONS, "prelu"]) | InstanceOf(Activation)
_TRANSFORMER = Like(Transformer, "a transformer: an object with fit and transform")

#: Parameters that shape the network: a fitted one cannot change them.
SHAPING: Mapping[str, Constraint] = {
    "hidden_layer_sizes": _WIDTH | Sequence(_WIDTH),
    "activation": OneOrMore(_FUNCTION),
    "batch_norm": Boolean() | Options(["after", "input", "input_only"]),
    "batch_norm_epsilon": BatchNorm.constraints["batch_norm_epsilon"],
    "layer_norm": Boolean(),
    "parametric_activation": Boolean(),
    "feature_scaling": Nothing() | Options(SCALINGS) | _TRANSFORMER,
}

#: Parameters of layers that only training sees: each call may have its own.
TRANSIENT: Mapping[str, Constraint] = {
    "dropout": OneOrMore(_RATE),
    "input_dropout": _RATE,
    "input_noise": Interval(Real, 0, None, closed="left"),
    "batch_norm_momentum": BatchNorm.constraints["batch_norm_momentum"],
    "init": Dense.constraints["init"],
    "init_output": Dense.constraints["init"],
    "init_bias": Dense.constraints["init_bias"],
}


def plain(value: Any) -> Any:
    """Return a parameter of the network as plain numbers, strings and lists."""
    if isinstance(value, str | bool | Activation) or value is None:
        return value
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, Real):
        return float(value)
    return TRANSFORMER if _TRANSFORMER.accepts(value) else [plain(item) for item in value]


def hidden_sizes(settings: Mapping[str, Any]) -> list[int]:
    """Return the width of each hidden layer."""
    sizes = plain(settings["hidden_layer_sizes"])
    return sizes if isinstance(sizes, list) else [sizes]


def per_layer(settings: Mapping[str, Any], name: str) -> list[Any]:
    """Return the value of a parameter for each hidden layer.

    Raises
    ------
    InvalidParameterError
        If it is a sequence of another length.
    """
    value, n_layers = plain(settings[name]), len(hidden_sizes(settings))
    if not isinstance(value, list):
        return [value] * n_layers
    if len(value) != n_layers:
        raise InvalidParameterError(
            f"The {name!r} parameter has {len(value)} item(s), but hidden_layer_sizes has "
            f"{n_layers}: give one for each hidden layer, or one for all. Got {shown(value)}."
        )
    return value


def build_network(
    settings: Mapping[str, Any],
    n_features: int,
    n_outputs: int,
    bounds: tuple[list[float], list[float]] | None = None,
) -> Network:
    """Return the multilayer perceptron that the parameters describe.

    Parameters
    ----------
    settings : mapping of str to object
        The parameters in ``SHAPING`` and ``TRANSIENT``.
    n_features, n_outputs : int
        Width of the input and of the raw scores.
    bounds : (list of float, list of float) or None
        Limits of each raw score; None if there are none.

    Examples
    --------
    >>> settings = {
    ...     "hidden_layer_sizes": [8], "activation": "relu", "dropout": 0.5,
    ...     "input_dropout": 0.2, "input_noise": 0, "batch_norm": True, "layer_norm": False,
    ...     "feature_scaling": "standard", "parametric_activation": False,
    ...     "init": "auto", "init_output": "auto", "init_bias": "auto",
    ... }
    >>> network = build_network(settings, 4, 3)
    >>> [type(layer).__name__ for layer in network.layers]
    ['Rescale', 'Dropout', 'Dense', 'BatchNorm', 'Activate', 'Dropout', 'Dense']
    """
    activations, rates = per_layer(settings, "activation"), per_layer(settings, "dropout")
    layers = _input_layers(settings)
    for width, activation, rate in zip(hidden_sizes(settings), activations, rates, strict=True):
        layers += _hidden_layers(width, activation, rate, settings)
    last = _function([settings["activation"], *activations][-1])
    layers.append(Dense(n_outputs, last.glorot_factor, settings["init_output"]))
    bounded = [] if bounds is None else [Bound(*bounds)]
    return Network([*layers, *bounded], n_features)


def _input_layers(settings: Mapping[str, Any]) -> list[Layer]:
    """Return the layers before the first dense one."""
    layers = scaling_layers(settings["feature_scaling"])
    if settings["batch_norm"] in ("input", "input_only"):
        layers.append(build(BatchNorm, settings))
    if settings["input_noise"]:
        layers.append(GaussianNoise(settings["input_noise"]))
    if settings["input_dropout"]:
        layers.append(Dropout(settings["input_dropout"]))
    return layers


def _hidden_layers(
    width: int, activation: Any, rate: float, settings: Mapping[str, Any]
) -> list[Layer]:
    """Return a dense layer with what goes with it."""
    function = _function(activation)
    normalised: list[Layer] = []
    if settings["batch_norm"] in (True, "input", "after"):
        normalised.append(build(BatchNorm, settings))
    if settings["layer_norm"]:
        normalised.append(LayerNorm())
    activated = [_activated(activation, parametric=settings["parametric_activation"])]
    after = settings["batch_norm"] == "after"
    block = activated + normalised if after else normalised + activated
    dropped = [LAYERS[function.dropout](rate)] if rate else []  # type: ignore[call-arg]
    init, init_bias = settings["init"], settings["init_bias"]
    gain = 1.0 if init == init_bias == "auto" else function.gain()  # "auto" asks for none
    return [Dense(width, function.glorot_factor, init, init_bias, gain), *block, *dropped]


def _activated(value: Any, *, parametric: bool) -> Layer:
    """Return the layer that applies an activation."""
    if value == "prelu":
        return PRelu()
    return Parametric(_function(value)) if parametric else Activate(_function(value))


def _function(value: Any) -> Activation:
    """Return an activation function, given it or its name; of "prelu" as it starts."""
    if value == "prelu":
        return LeakyRelu(PRelu().slope_init)
    return ACTIVATIONS[value]() if isinstance(value, str) else value
