"""From names to layers."""

from collections.abc import Iterable

from skmlp.activations import ACTIVATIONS
from skmlp.layers import Activate, Dense, Layer
from skmlp.network import Network


def build_network(
    n_features: int, hidden_layer_sizes: Iterable[int], activation: str, n_outputs: int
) -> Network:
    """Return the multilayer perceptron: dense layers with activations in between.

    Parameters
    ----------
    n_features : int
        Width of the input.
    hidden_layer_sizes : iterable of int
        Widths of the hidden layers; none gives a linear model.
    activation : str
        Name of their activation function.
    n_outputs : int
        Width of the raw scores.

    Examples
    --------
    >>> network = build_network(4, [8], "relu", 3)
    >>> [type(layer).__name__ for layer in network.layers]
    ['Dense', 'Activate', 'Dense']
    """
    function = ACTIVATIONS[activation]()
    layers: list[Layer] = []
    for width in hidden_layer_sizes:
        layers += [Dense(width, function.glorot_factor), Activate(function)]
    return Network([*layers, Dense(n_outputs, function.glorot_factor)], n_features)
