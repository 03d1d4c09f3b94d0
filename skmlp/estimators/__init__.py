"""The estimators: the only code that knows scikit-learn."""

from skmlp.estimators.classifier import MLPClassifier
from skmlp.estimators.loss_curve_display import LossCurveDisplay
from skmlp.estimators.regressor import MLPRegressor

__all__ = ["LossCurveDisplay", "MLPClassifier", "MLPRegressor"]
