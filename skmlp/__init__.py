"""skmlp: the multilayer perceptron for scikit-learn users, on NumPy and SciPy alone.

Two estimators replace scikit-learn's own by changing one import::

    from skmlp import MLPClassifier, MLPRegressor
"""

from skmlp.estimators import LossCurveDisplay, MLPClassifier, MLPRegressor

__version__ = "0.1.0"

__all__ = ["LossCurveDisplay", "MLPClassifier", "MLPRegressor", "__version__"]
