"""The layers a network is made of."""

from skmlp.layers.activation import Activate
from skmlp.layers.base import Layer
from skmlp.layers.dense import Dense

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "activation": Activate,
}

__all__ = ["LAYERS", "Activate", "Dense", "Layer"]
