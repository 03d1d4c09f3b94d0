"""The layers a network is made of."""

from skmlp.layers.activation import Activate
from skmlp.layers.alpha_dropout import AlphaDropout
from skmlp.layers.base import Layer, Step
from skmlp.layers.batch_norm import BatchNorm
from skmlp.layers.dense import Dense
from skmlp.layers.dropout import Dropout
from skmlp.layers.gaussian_noise import GaussianNoise
from skmlp.layers.layer_norm import LayerNorm

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "activation": Activate,
    "dropout": Dropout,
    "alpha_dropout": AlphaDropout,
    "gaussian_noise": GaussianNoise,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
}

__all__ = [
    "LAYERS",
    "Activate",
    "AlphaDropout",
    "BatchNorm",
    "Dense",
    "Dropout",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "Step",
]
