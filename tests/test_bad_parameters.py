"""Every bad value of every parameter gives a ValueError that names and explains it."""

import copy
import functools
import inspect
import math
from decimal import Decimal
from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import KFold
from sklearn.preprocessing import Binarizer, StandardScaler
from trust import ESTIMATORS, LONGEST_MESSAGE, first_partial_fit, problem, unchanged

from skmlp.losses import SquaredError

pytestmark = [
    pytest.mark.filterwarnings("error::RuntimeWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]


class LongName:
    """An object that says too much."""

    def __repr__(self):
        return "long " * 10_000


#: What no parameter takes, but for the exceptions below.
WRONG = {
    "nan": math.nan,
    "inf": math.inf,
    "minus inf": -math.inf,
    "too large for a float": 10**400,
    "complex": 1j,
    "decimal": Decimal(1),
    "text": "something else",
    "bytes": b"ab",
    "None": None,
    "bool": True,
    "array": np.array([0.5, 1.5]),
    "array without dimensions": np.array(3),
    "2-D array": np.ones((2, 2), dtype=int),
    "ragged list": [[1], [2, 3]],
    "list": [0.5],
    "set": {3, 4},
    "dict": {3: 4},
    "generator": (n for n in [3]),
    "class": int,
    "long repr": LongName(),
    "long text": "x" * 10_000,
}


class Rule(NamedTuple):
    """What one parameter may be, as the message says it, and what it may not."""

    allowed: str
    out_of_range: list
    exceptions: tuple = ()


_COUNT = Rule("an int in the range [1, inf)", [0, -1, 1.5, 2.0], ("too large for a float",))
_NOT_NEGATIVE = Rule("a finite float in the range [0, inf)", [-1, -1e-300, np.float32(-1)])
_POSITIVE = Rule("a finite float in the range (0, inf)", [0, 0.0, -0.1])
_DECAY = Rule("a finite float in the range [0, 1)", [1, 1.0, -0.1, 2])
_BOOL = Rule("a bool", [0, 1, 2, "True"], ("bool",))
_SHARE = Rule("a finite float in the range [0, 1]", [-0.1, 1.1, 2])
_LIMIT = Rule("a finite float in the range (0, inf) or None", [0, 0.0, -1.0], ("None",))

RULES = {
    "hidden_layer_sizes": Rule(
        "a sequence, each item an int in the range [1, inf)",
        [0, -1, 1.5, (10, 0), [10, -1], (2.5,), (10, None), ("10",), (True,), ((3,),)],
        ("too large for a float",),
    ),
    "activation": Rule("'relu'", ["ReLU", "softmax", "", 1]),
    "loss": Rule("methods of skmlp.losses.Loss", ["mse", "binary_log_loss", 1, SquaredError]),
    "label_smoothing": _DECAY,
    "focal_gamma": _NOT_NEGATIVE,
    "quantile": Rule(
        "a finite float in the range (0, 1) or an increasing sequence",
        [0, 1, 0.0, 1.0, (0.5, 0.1), (0.5, 0.5), (), [0.1, 1.0], np.array([])],
        ("list",),
    ),
    "huber_epsilon": _POSITIVE,
    "power": Rule("range (-inf, 0] or a finite float in the range [1, inf)", [0.5, 1e-300, 0.99]),
    "solver": Rule("'adam'", ["Adam", "l-bfgs", "", 1]),
    "alpha": _NOT_NEGATIVE,
    "batch_size": _COUNT._replace(allowed="'auto' or an int in the range [1, inf)"),
    "learning_rate": Rule("'adaptive'", ["optimal", 0.1, ""]),
    "learning_rate_init": _POSITIVE,
    "power_t": _NOT_NEGATIVE,
    "max_iter": _COUNT,
    "shuffle": _BOOL,
    "random_state": Rule(
        "None, a numpy.random.RandomState or an int in the range [0, 2**32 - 1]",
        [-1, 2**32, 2**70, 1.5, np.random.default_rng(0), np.random],
        ("None",),
    ),
    "tol": _NOT_NEGATIVE,
    "verbose": Rule("a bool", [-1, 0.5, "True"], ("bool", "too large for a float")),
    "warm_start": _BOOL,
    "momentum": Rule("a finite float in the range [0, 1]", [-0.1, 1.1, 2]),
    "nesterovs_momentum": _BOOL,
    "early_stopping": _BOOL,
    "validation_fraction": _DECAY,
    "validation_splitter": Rule(
        "None or a cross-validation splitter", [5, "kfold", KFold, lambda X, y: None], ("None",)
    ),
    "scoring": Rule(
        "None or 'loss' or the name of a scorer",
        ["", "Accuracy", "log_loss", 1, ["accuracy"]],
        ("None",),
    ),
    "best_of_ties": Rule("one of {'first', 'last'}", ["First", 1, True]),
    "refit": _BOOL,
    "tol_mode": Rule("one of {'absolute', 'relative'}", ["rel", True, 0]),
    "max_time": _LIMIT,
    "checkpoint_path": Rule(
        "None or an instance of str or an instance of os.PathLike",
        [1, b"a", ["a"]],
        ("None", "text", "long text"),
    ),
    "checkpoint_every": _COUNT,
    "keep_checkpoints": _COUNT._replace(
        allowed="an int in the range [1, inf) or None", exceptions=(*_COUNT.exceptions, "None")
    ),
    "on_divergence": Rule("one of {'auto', 'raise', 'stop'}", ["warn", "ignore", True]),
    "beta_1": _DECAY,
    "beta_2": _DECAY,
    "epsilon": _POSITIVE,
    "n_iter_no_change": Rule(
        "an int in the range [1, inf) or inf", [0, -1, 1.5], ("inf", "too large for a float")
    ),
    "max_fun": _COUNT,
    "dtype": Rule("'float64'", ["float16", "double", np.float32, np.dtype("f8"), 64]),
    "feature_scaling": Rule(
        "None or one of {'standard', 'robust', 'maxabs', 'smooth_clip'} or a transformer",
        ["Standard", "minmax", "transformer", 1, StandardScaler, LogisticRegression()],
        ("None",),
    ),
    "target_scaling": Rule(
        "None or one of {'standard', 'robust', 'maxabs'} or a transformer",
        ["smooth_clip", "transformer", 1, StandardScaler, Binarizer()],
        ("None",),
    ),
    "output_range": Rule(
        "None or a pair of finite floats, the first below the second",
        [(1, 0), (0, 0), (0, math.inf), (0, 1, 2), (), (-1.7e308, 1.7e308), "ab", ("0", "1")],
        ("None", "array"),
    ),
    "dropout": _DECAY._replace(exceptions=("list",)),
    "input_dropout": _DECAY,
    "input_noise": _NOT_NEGATIVE,
    "l1_ratio": _SHARE,
    "input_group_l1": _NOT_NEGATIVE,
    "weight_decay": _NOT_NEGATIVE,
    "max_norm": _LIMIT,
    "max_grad_norm": _LIMIT,
    "max_grad_value": _LIMIT,
    "average": Rule(
        "a bool or a finite float in the range (0, 1)", [0, 0.0, 1, 1.0, -0.5, "ema"], ("bool",)
    ),
    "learning_rate_factors": Rule(
        "None or a sequence, each item a finite float in the range [0, inf)",
        [[-1, 1], [math.nan, 1], 0.5, "ab"],
        ("None", "list", "array"),  # the last two are too short, which another message says
    ),
    "frozen_layers": Rule(
        "a sequence, each item an int in the range (-inf, inf) or a dict, each key an int",
        [0, -1, [0.0], [True], {0: -1}, {0: 1.5}, {"0": 1}, {0: None}, {0: math.inf}],
        ("dict",),  # of a layer that is not there, which another message says
    ),
    "warmup": Rule(
        "a finite float in the range [0, 1) or an int in the range [1, inf)",
        [-0.1, 1.5, -1],
        ("too large for a float",),
    ),
    "lr_decay": Rule("a finite float in the range (0, 1]", [0, 1.1, -0.5]),
    "lr_period": _COUNT,
    "lr_period_growth": Rule("a finite float in the range [1, inf)", [0, 0.9, -1]),
    "lr_power": _NOT_NEGATIVE,
    "lr_final": _SHARE,
    "lr_rise": _DECAY,
    "dropout_schedule": Rule("or a callable", ["optimal", 0.1, ""]),
    "weight_decay_schedule": Rule("or a callable", ["optimal", 0.1, ""]),
    "batch_norm": Rule(
        "a bool or one of {'after', 'input', 'input_only'}", [0, 1, "True", "before"], ("bool",)
    ),
    "batch_norm_momentum": Rule("a finite float in the range (0, 1]", [0, 1.1, -0.1]),
    "batch_norm_epsilon": _POSITIVE,
    "layer_norm": _BOOL,
    "parametric_activation": _BOOL,
    "init": Rule("'unit_variance'", ["xavier", "", 1]),
    "init_output": Rule("'unit_variance'", ["xavier", "", 1]),
    "init_bias": Rule("'he5'", ["ones", "", 1]),
    "class_weight": Rule(
        "None or 'balanced' or an instance of dict",
        ["auto", 1, [1, 2]],
        ("None", "dict"),  # of the wrong classes, which another message says
    ),
    "pretrained": Rule(
        "None or what get_weights returned or the path of what save_weights wrote or a fitted",
        [1, ["a"], StandardScaler(), LogisticRegression()],
        ("None", "dict", "text", "long text"),  # without weights, which another message says
    ),
    "allow_new_classes": _BOOL,
}


def _bad_values(name):
    """Return the bad values of a parameter."""
    rule = RULES[name]
    return [v for k, v in WRONG.items() if k not in rule.exceptions] + rule.out_of_range


def _cases():
    """Yield class, parameter and bad values; of a parameter of both classes, each has half."""
    shared = set.intersection(*(set(cls().get_params()) for cls in ESTIMATORS))
    for i, cls in enumerate(ESTIMATORS):
        for j, name in enumerate(cls().get_params()):
            every, values = 1 + (name in shared), _bad_values(name)
            chosen = values[(i + j) % every :: every]
            yield pytest.param(cls, name, chosen, id=f"{cls.__name__}-{name}")


@functools.cache
def _data(cls):
    return problem("multiclass" if cls.__name__ == "MLPClassifier" else "regression")


@pytest.fixture(scope="module")
def fitted():
    return {
        cls: cls(hidden_layer_sizes=(5,), max_iter=2, random_state=0).fit(*_data(cls))
        for cls in ESTIMATORS
    }


def _assert_clear(error, cls, name):
    message = str(error.value)
    assert repr(name) in message
    assert cls.__name__ in message
    assert RULES[name].allowed in message
    assert len(message) <= LONGEST_MESSAGE


@pytest.mark.parametrize(("cls", "name", "values"), list(_cases()))
def test_bad_values_are_refused(cls, name, values, fitted):
    for value in values:
        _assert_refused(cls, name, value, fitted[cls])


def _assert_refused(cls, name, value, fitted):
    X, y = _data(cls)
    unfitted = cls(**{name: value})
    refitted = copy.deepcopy(fitted).set_params(**{name: value})
    for est in (unfitted, refitted):
        with unchanged(est, X):
            with pytest.raises(ValueError, match=name) as error:
                est.fit(X, y)
            _assert_clear(error, cls, name)
            with pytest.raises(ValueError, match=name) as error:
                first_partial_fit(est, X, y)
            _assert_clear(error, cls, name)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_every_parameter_has_a_rule(cls):
    assert set(inspect.signature(cls).parameters) <= set(RULES)


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_bad_values_pass_through_init_set_params_and_clone(cls):
    for name in cls().get_params():
        for value in WRONG.values():
            assert getattr(cls(**{name: value}), name) is value
            est = cls().set_params(**{name: value})
            assert est.get_params()[name] is value
    value = LongName
    assert clone(cls(alpha=value), safe=False).alpha is value


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_unknown_parameter_is_refused(cls):
    with pytest.raises(TypeError, match="hidden_layers"):
        cls(hidden_layers=(3,))
    with pytest.raises(ValueError, match="hidden_layers"):
        cls().set_params(hidden_layers=(3,))


def test_bad_parameter_of_a_warm_start_is_refused():
    cls = ESTIMATORS[0]
    X, y = _data(cls)
    est = cls(hidden_layer_sizes=(5,), max_iter=2, warm_start=True).fit(X, y)
    est.set_params(alpha=-1)
    with unchanged(est, X), pytest.raises(ValueError, match="'alpha' parameter"):
        est.fit(X, y)


#: Values that look unusual and are right.
GOOD = [
    ("hidden_layer_sizes", 3),
    ("hidden_layer_sizes", ()),
    ("hidden_layer_sizes", []),
    ("hidden_layer_sizes", [3, 2]),
    ("hidden_layer_sizes", np.array([3, 2])),
    ("hidden_layer_sizes", (np.int32(3),)),
    ("alpha", 0),
    ("alpha", np.float32(0.1)),
    ("alpha", Fraction(1, 10)),
    ("max_iter", np.int64(2)),
    ("max_iter", 10**400),
    ("batch_size", np.int16(7)),
    ("momentum", 1),
    ("beta_1", 0),
    ("beta_2", 0.0),
    ("power_t", 0),
    ("validation_fraction", 0),
    ("tol", 0),
    ("verbose", np.True_),
    ("shuffle", np.False_),
    ("random_state", None),
    ("random_state", np.uint32(2**32 - 1)),
    ("random_state", np.random.RandomState(0)),
    ("n_iter_no_change", math.inf),
    ("solver", np.str_("sgd")),
]


@pytest.mark.parametrize("cls", ESTIMATORS)
@pytest.mark.parametrize(
    ("name", "value"), GOOD, ids=[f"{name}-{i}" for i, (name, _) in enumerate(GOOD)]
)
def test_good_value_is_accepted(cls, name, value):
    params = {"hidden_layer_sizes": (3,), "max_iter": 2, "tol": 1e9, "n_iter_no_change": 1}
    X, y = _data(cls)
    assert np.isfinite(cls(**{**params, name: value}).fit(X, y).loss_)


#: Legal values so extreme that training may diverge, but nothing else may go wrong.
EXTREME = [
    {"alpha": 1e308},
    {"tol": 1e308},
    {"epsilon": 1e308},
    {"epsilon": 5e-324},
    {"learning_rate_init": 1e308},
    {"learning_rate_init": 5e-324},
    {"beta_1": math.nextafter(1, 0), "beta_2": math.nextafter(1, 0)},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 1e308},
    {"solver": "sgd", "learning_rate": "invscaling", "power_t": 150},
    {"solver": "sgd", "learning_rate": "adaptive", "tol": 1e308, "n_iter_no_change": 1},
    {"validation_fraction": 5e-324, "early_stopping": True},
    {"validation_fraction": math.nextafter(1, 0), "early_stopping": True},
    {"solver": "lbfgs", "alpha": 1e308},
    {"solver": "lbfgs", "tol": 1e308},
]


@pytest.mark.filterwarnings("ignore:The validation set is:UserWarning")
@pytest.mark.parametrize("params", EXTREME, ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("cls", ESTIMATORS)
def test_extreme_value_is_taken_or_diverges(cls, dtype, params):
    X, y = _data(cls)
    est = cls((3,), max_iter=30, random_state=0, dtype=dtype).set_params(**params)
    try:
        est.fit(X, y)
    except ValueError as error:
        assert str(error).startswith("Solver produced non-finite")  # noqa: PT017 - one of two
    else:
        assert np.isfinite(est.predict(X)).all()


@pytest.mark.parametrize("cls", ESTIMATORS)
def test_only_lbfgs_has_no_partial_fit(cls):
    for solver in ("sgd", "adam", "something else", None, [1]):
        assert hasattr(cls(solver=solver), "partial_fit")
    assert not hasattr(cls(solver="lbfgs"), "partial_fit")
