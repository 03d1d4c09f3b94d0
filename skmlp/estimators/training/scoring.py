"""The score of validation rows that the user asks for."""

import inspect
from collections.abc import Callable
from numbers import Real
from typing import Any

from sklearn.metrics import check_scoring, get_scorer_names

from skmlp._params import Constraint, InvalidParameterError, shown
from skmlp.estimators.training.examples import Examples


class ScorerName(Constraint):
    """The name of one of scikit-learn's scorers."""

    def accepts(self, value: Any) -> bool:
        """Tell whether there is such a scorer."""
        return isinstance(value, str) and value in get_scorer_names()

    def __str__(self) -> str:
        """Return the constraint for an error message."""
        return "the name of a scorer (see sklearn.metrics.get_scorer_names())"


class UserScore:
    """What a scorer says of the estimator as it is at the time of the call.

    Parameters
    ----------
    scoring : str or callable
        A scorer, or its name.
    estimator : callable
        Returns the estimator.
    given : Examples
        The rows as the user passed them in, and their weights, those of classes
        included.
    """

    def __init__(
        self, scoring: str | Callable[..., float], estimator: Callable[[], Any], given: Examples
    ) -> None:
        self._estimator, self._given = estimator, given
        self._scorer = _scorer(scoring)
        weighted = given.weight is not None and _takes_weight(self._scorer)
        self._weight = {"sample_weight": given.weight} if weighted else {}

    def __call__(self) -> float:
        """Return the score.

        Raises
        ------
        InvalidParameterError
            If it is not a number.
        """
        score = self._scorer(self._estimator(), self._given.X, self._given.y, **self._weight)
        if not isinstance(score, Real):
            raise InvalidParameterError(
                f"The 'scoring' parameter must return one number. Got {shown(score)}."
            )
        return float(score)


def _scorer(scoring: str | Callable[..., float]) -> Callable[..., Any]:
    """Return a scorer, given it or its name.

    Raises
    ------
    InvalidParameterError
        For one of scikit-learn's metrics, which knows no estimator.
    """
    try:
        scorer: Callable[..., Any] = check_scoring(None, scoring)
    except ValueError as error:
        raise InvalidParameterError(f"The 'scoring' parameter is no scorer. {error}") from error
    return scorer


def _takes_weight(scorer: Callable[..., float]) -> bool:
    """Tell whether a callable has an argument for the rows' weights."""
    return "sample_weight" in inspect.signature(scorer).parameters
