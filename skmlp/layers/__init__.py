"""The layers a network is made of."""

from skmlp.layers.activation import Activate
from skmlp.layers.alpha_dropout import AlphaDropout
from skmlp.layers.base import Layer, Step
from skmlp.layers.batch_norm import BatchNorm
from skmlp.layers.bound import Bound
from skmlp.layers.dense import Dense
from skmlp.layers.dropout import Dropout
from skmlp.layers.gaussian_noise import GaussianNoise
from skmlp.layers.layer_norm import LayerNorm
from skmlp.layers.parametric import Parametric
from skmlp.layers.prelu import PRelu
from skmlp.layers.rescale import Rescale
from skmlp.layers.smooth_clip import SmoothClip

LAYERS: dict[str, type[Layer]] = {
    "dense": Dense,
    "activation": Activate,
    "dropout": Dropout,
    "alpha_dropout": AlphaDropout,
    "gaussian_noise": GaussianNoise,
    "batch_norm": BatchNorm,
    "layer_norm": LayerNorm,
    "prelu": PRelu,
    "parametric": Parametric,
    "rescale": Rescale,
    "smooth_clip": SmoothClip,
    "bound": Bound,
}

__all__ = [
    "LAYERS",
    "Activate",
    "AlphaDropout",
    "BatchNorm",
    "Bound",
    "Dense",
    "Dropout",
    "GaussianNoise",
    "Layer",
    "LayerNorm",
    "PRelu",
    "Parametric",
    "Rescale",
    "SmoothClip",
    "Step",
]
