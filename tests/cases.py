"""What the shared tests run on: one line for each registered member.

A new member needs its line in one of the tables, and its textbook formula in
``references.py``. The rest of the module builds networks, batches and objectives.
"""

import functools
import inspect
import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import references as ref
from numpy.typing import DTypeLike, NDArray
from scipy.special import expit

from skmlp._arena import Arena, Layout, merged
from skmlp._noise import Noise
from skmlp.activations import ACTIVATIONS
from skmlp.layers import (
    Activate,
    AlphaDropout,
    BatchNorm,
    Bound,
    Dense,
    Dropout,
    GaussianNoise,
    Layer,
    LayerNorm,
    Parametric,
    PRelu,
    Rescale,
    SmoothClip,
    Step,
)
from skmlp.losses import LOSSES, Loss
from skmlp.network import Network, Passes
from skmlp.objective import Objective
from skmlp.optimizers import Optimizer
from skmlp.penalties import L1, PENALTIES, GroupL1, Penalty
from skmlp.solvers import Current, Minibatch
from skmlp.solvers.batches import Batch
from skmlp.workspace import Buffer, Place, Rows, Workspace

Array = NDArray[Any]
Table = Mapping[str, Mapping[str, Any]]
Test = Callable[..., None]

# -- what a case is ------------------------------------------------------------------


class Context(NamedTuple):
    """What a training step knows beside its input: the rows' shares, what a layer drew."""

    share: Array
    buffers: Mapping[str, Array]


class LayerCase(NamedTuple):
    """How to make a layer, and its textbook functions.

    That of prediction takes the input, and parameters and statistics by name; that of
    training the context besides. None stands for one that is the same.
    """

    make: Callable[[], Layer]
    value: Callable[[Array, Mapping[str, Array]], Array]
    training: Callable[[Array, Mapping[str, Array], Context], Array] | None = None

    def trained(self, x: Array, p: Mapping[str, Array], context: Context) -> Array:
        """Return the output for a training batch."""
        return self.value(x, p) if self.training is None else self.training(x, p, context)


class LossCase(NamedTuple):
    """Targets for a loss, its textbook value and link, and another library's function."""

    targets: Callable[[np.random.RandomState, int, int], Array]
    value: Callable[[Array, Array], Array]
    inverse_link: Callable[[Array], Array]
    peer: Callable[[Array, Array, Array | None], float] | None
    n_outputs: int
    arguments: dict[str, Any] = {}

    def make(self, name: str) -> Loss:
        """Return the loss of this name."""
        return LOSSES[name](**self.arguments)


class MemberCase(NamedTuple):
    """Constructor arguments of a member, and its textbook formula."""

    reference: Callable[..., Any]
    arguments: dict[str, Any]


def dense(n_units: int) -> LayerCase:
    """Return the case of a dense layer."""
    return LayerCase(lambda: Dense(n_units), ref.dense)


def activation(name: str) -> LayerCase:
    """Return the case of the layer that applies an activation."""
    value = ACTIVATION_CASES[name]
    return LayerCase(lambda: Activate(ACTIVATIONS[name]()), lambda x, p: value(x))


def parametric(name: str) -> LayerCase:
    """Return the case of the layer that learns how much of an activation to apply."""
    value = functools.partial(ref.parametric, ACTIVATION_CASES[name])
    return LayerCase(lambda: Parametric(ACTIVATIONS[name]()), value)


def random_layer(kind: type[Layer], training: Callable[..., Array], **argument: Any) -> LayerCase:
    """Return the case of a layer that is random in training and does nothing in prediction."""
    training = functools.partial(training, **argument)
    return LayerCase(lambda: kind(**argument), lambda x, p: x, training)


def losses(
    targets: Callable[[np.random.RandomState, int, int], Array],
    value: Callable[..., Array],
    inverse_link: Callable[[Array], Array],
    peer: Callable[..., float] | None,
    *,
    outputs: Iterable[int],
    **arguments: Any,
) -> dict[str, LossCase]:
    """Return the cases of a loss for several numbers of outputs."""
    label = "".join(f"-{name}={value}" for name, value in arguments.items())
    value = functools.partial(value, **arguments)
    peer = peer and functools.partial(peer, **arguments)
    return {
        f"{k}_outputs{label}": LossCase(targets, value, inverse_link, peer, k, arguments)
        for k in outputs
    }


def grid(reference: Callable[..., Any], **values: Sequence[Any]) -> dict[str, MemberCase]:
    """Return a case for each combination of constructor arguments."""
    combined = [
        dict(zip(values, chosen, strict=True)) for chosen in itertools.product(*values.values())
    ]
    return {
        "-".join(f"{name}={value}" for name, value in arguments.items()): MemberCase(
            reference, arguments
        )
        for arguments in combined
    }


# -- targets -------------------------------------------------------------------------


def labels(rng: np.random.RandomState, n: int, k: int) -> Array:
    """Return an indicator matrix with both values in each column."""
    y = rng.randint(0, 2, (n, k)).astype(float)
    y[0], y[-1] = 0, 1
    return y


def codes(rng: np.random.RandomState, n: int, k: int) -> Array:
    """Return class codes, the first and the last among them."""
    y = rng.randint(0, k, n).astype(np.intp)
    y[0], y[-1] = 0, k - 1
    return y


def numbers(rng: np.random.RandomState, n: int, k: int) -> Array:
    """Return real targets."""
    return rng.normal(size=(n, k))


def counts(rng: np.random.RandomState, n: int, k: int) -> Array:
    """Return counts and rates, zero among them."""
    y = rng.poisson(2, (n, k)) * rng.choice([1.0, 0.3], (n, k))
    y[0] = 0
    return y


def positive(rng: np.random.RandomState, n: int, k: int) -> Array:
    """Return positive targets."""
    return rng.gamma(2, size=(n, k)) + 0.1


def one_in(
    scores: int, targets: Callable[[np.random.RandomState, int, int], Array]
) -> Callable[[np.random.RandomState, int, int], Array]:
    """Return a function that makes a target for so many raw scores."""
    return lambda rng, n, k: targets(rng, n, k // scores)


# -- the tables ----------------------------------------------------------------------

ACTIVATION_CASES: dict[str, Callable[[Array], Array]] = {
    "identity": ref.identity,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": ref.relu,
    "leaky_relu": ref.leaky_relu,
    "elu": ref.celu,
    "celu": ref.celu,
    "selu": ref.selu,
    "gelu": ref.gelu,
    "gelu_tanh": ref.gelu_tanh,
    "silu": ref.silu,
    "mish": ref.mish,
    "softplus": ref.softplus,
    "log_sigmoid": ref.log_sigmoid,
    "softsign": ref.softsign,
    "hard_sigmoid": ref.hard_sigmoid,
    "hard_tanh": ref.hard_tanh,
    "hard_swish": ref.hard_swish,
    "relu6": ref.relu6,
    "hard_shrink": ref.hard_shrink,
    "soft_shrink": ref.soft_shrink,
    "tanh_shrink": ref.tanh_shrink,
}

LAYER_CASES: dict[str, dict[str, LayerCase]] = {
    "dense": {"4_units": dense(4)},
    "activation": {name: activation(name) for name in ACTIVATION_CASES},
    "dropout": {"rate": random_layer(Dropout, ref.dropout, rate=0.375)},
    "alpha_dropout": {"rate": random_layer(AlphaDropout, ref.alpha_dropout, rate=0.375)},
    "gaussian_noise": {"scale": random_layer(GaussianNoise, ref.gaussian_noise, scale=0.3)},
    "batch_norm": {"default": LayerCase(BatchNorm, ref.batch_norm, ref.batch_norm_training)},
    "layer_norm": {"default": LayerCase(LayerNorm, ref.layer_norm)},
    "prelu": {"default": LayerCase(PRelu, ref.prelu)},
    "parametric": {f"parametric_{name}": parametric(name) for name in ("relu", "tanh", "silu")},
    "rescale": {"default": LayerCase(Rescale, ref.rescale)},
    "smooth_clip": {"default": LayerCase(SmoothClip, lambda x, p: ref.smooth_clip(x))},
    "bound": {"default": LayerCase(lambda: Bound(-1.0, 2.5), lambda x, p: ref.bound(x))},
}

LOSS_CASES: dict[str, dict[str, LossCase]] = {
    "binary_log_loss": {
        **losses(labels, ref.binary_log_loss, expit, ref.sklearn_binary, outputs=(1, 3)),
        **losses(labels, ref.binary_log_loss, expit, None, outputs=(1, 3), label_smoothing=0.2),
    },
    "multinomial_log_loss": {
        **losses(
            codes, ref.multinomial_log_loss, ref.softmax, ref.sklearn_multinomial, outputs=(2, 4)
        ),
        **losses(
            codes, ref.multinomial_log_loss, ref.softmax, None, outputs=(2, 4), label_smoothing=0.2
        ),
    },
    "binary_focal": {
        **losses(labels, ref.binary_focal, expit, None, outputs=(1, 3)),
        **losses(labels, ref.binary_focal, expit, None, outputs=(3,), focal_gamma=0.0),
        **losses(labels, ref.binary_focal, expit, None, outputs=(3,), focal_gamma=0.5),
    },
    "multinomial_focal": {
        **losses(codes, ref.multinomial_focal, ref.softmax, None, outputs=(2, 4)),
        **losses(codes, ref.multinomial_focal, ref.softmax, None, outputs=(4,), focal_gamma=0.0),
        **losses(codes, ref.multinomial_focal, ref.softmax, None, outputs=(4,), focal_gamma=0.5),
    },
    "squared_hinge": losses(labels, ref.squared_hinge, ref.identity, None, outputs=(1, 3)),
    "squared_error": losses(
        numbers, ref.squared_error, ref.identity, ref.sklearn_squared, outputs=(1, 3)
    ),
    "absolute_error": losses(
        numbers, ref.absolute_error, ref.identity, ref.sklearn_absolute, outputs=(1, 3)
    ),
    "huber": {
        **losses(numbers, ref.huber, ref.identity, ref.scipy_huber, outputs=(1, 3)),
        **losses(
            numbers, ref.huber, ref.identity, ref.scipy_huber, outputs=(3,), huber_epsilon=0.3
        ),
    },
    "log_cosh": losses(numbers, ref.log_cosh, ref.identity, None, outputs=(1, 3)),
    "quantile": {
        **losses(numbers, ref.quantile, ref.identity, ref.sklearn_pinball, outputs=(1, 3)),
        **losses(
            numbers, ref.quantile, ref.identity, ref.sklearn_pinball, outputs=(3,), quantile=0.9
        ),
        **losses(
            one_in(3, numbers),
            ref.quantile,
            functools.partial(ref.quantiles, n_levels=3),
            ref.sklearn_pinball,
            outputs=(3, 6),
            quantile=[0.1, 0.5, 0.95],
        ),
    },
    "poisson": losses(counts, ref.poisson, np.exp, ref.sklearn_poisson, outputs=(1, 3)),
    "gamma": losses(positive, ref.gamma, np.exp, ref.sklearn_gamma, outputs=(1, 3)),
    "tweedie": {
        **losses(counts, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(1, 3)),
        **losses(numbers, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=-0.5),
        **losses(numbers, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=0.0),
        **losses(counts, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=1.0),
        **losses(counts, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=1.9),
        **losses(positive, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=2.0),
        **losses(positive, ref.tweedie, np.exp, ref.sklearn_tweedie, outputs=(3,), power=3.0),
    },
    "gaussian": losses(
        one_in(2, numbers), ref.gaussian, ref.gaussian_link, ref.scipy_normal, outputs=(2, 6)
    ),
}

#: For tests that are about other things: each way to hand over targets.
FEW_LOSS_CASES: dict[str, dict[str, LossCase]] = {
    name: {label: case for label, case in LOSS_CASES[name].items() if not case.arguments}
    for name in ("binary_log_loss", "multinomial_log_loss", "squared_error", "poisson")
}

PENALTY_CASES: dict[str, dict[str, MemberCase]] = {
    "l2": grid(ref.L2, alpha=[0.0, 0.3], l1_ratio=[0.0, 0.25]),
    "l1": grid(ref.L1, alpha=[0.0, 0.3], l1_ratio=[0.0, 0.25]),
    "group_l1": grid(ref.GroupL1, input_group_l1=[0.0, 0.2]),
    "weight_decay": grid(ref.WeightDecay, weight_decay=[0.0, 0.4]),
    "max_norm": grid(ref.MaxNorm, max_norm=[None, 0.7]),
}

OPTIMIZER_CASES: dict[str, dict[str, MemberCase]] = {
    "sgd": grid(ref.SGD, momentum=[0.0, 0.9, 1.0], nesterovs_momentum=[False, True]),
    "adam": grid(ref.Adam, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8, 1e-3]),
    "adamw": grid(ref.AdamW, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8, 1e-3]),
    "amsgrad": grid(ref.AMSGrad, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8]),
    "adamax": grid(ref.Adamax, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8]),
    "nadam": grid(
        ref.NAdam, beta_1=[0.9, 0.0], beta_2=[0.999], epsilon=[1e-8], momentum_decay=[0.004, 1.0]
    ),
    "radam": grid(ref.RAdam, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8]),
    "adagrad": grid(ref.Adagrad, epsilon=[1e-8, 1e-3], initial_accumulator_value=[0.0, 0.1]),
    "rmsprop": grid(ref.RMSprop, rho=[0.9, 0.5], epsilon=[1e-8, 1e-3], centered=[False, True]),
    "adadelta": grid(ref.Adadelta, rho=[0.9, 0.5], epsilon=[1e-4, 1e-2]),
    "lion": grid(ref.Lion, beta_1=[0.9, 0.0], beta_2=[0.99, 0.5]),
    "schedulefree": grid(
        ref.ScheduleFreeAdamW, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8]
    ),
    "rprop": grid(
        ref.Rprop, eta_minus=[0.5], eta_plus=[1.2, 2.0], min_step=[1e-6, 0.03], max_step=[50.0, 0.1]
    ),
}

SCHEDULE_CASES: dict[str, dict[str, MemberCase]] = {
    "constant": grid(ref.constant, learning_rate_init=[0.001, 2.0]),
    "invscaling": grid(ref.invscaling, learning_rate_init=[0.01], power_t=[0.0, 0.5, 2.0]),
    "adaptive": grid(ref.adaptive, learning_rate_init=[0.001, 2.0]),
    "step": grid(ref.step, learning_rate_init=[0.5], lr_decay=[0.1, 1.0], lr_period=[1, 7]),
    "exponential": grid(
        ref.exponential, learning_rate_init=[0.5], lr_decay=[0.1, 1.0], lr_period=[1, 7]
    ),
    "polynomial": grid(
        ref.polynomial, learning_rate_init=[0.5], lr_final=[0.0, 0.1, 1.0], lr_power=[0.0, 1.0, 2.5]
    ),
    "cosine": grid(ref.cosine, learning_rate_init=[0.5], lr_final=[0.0, 0.1, 1.0]),
    "cosine_restarts": grid(
        ref.cosine_restarts,
        learning_rate_init=[0.5],
        lr_final=[0.0, 0.1],
        lr_period=[1, 7],
        lr_period_growth=[1.0, 1.5, 3.0],
    ),
    "one_cycle": grid(
        ref.one_cycle, learning_rate_init=[0.5], lr_final=[0.0, 0.1], lr_rise=[0.0, 0.3, 0.9]
    ),
    "cyclic": grid(
        ref.cyclic, learning_rate_init=[0.5], lr_final=[0.0, 0.25, 1.0], lr_period=[1, 7]
    ),
    "coslog4": grid(ref.coslog4, learning_rate_init=[0.001, 2.0]),
    "flat_cos": grid(ref.flat_cos, learning_rate_init=[0.001, 2.0]),
}

WEIGHT_CASES: dict[str, Callable[[np.random.RandomState, int], Array | None]] = {
    "unweighted": lambda rng, n: None,
    "weighted": lambda rng, n: rng.uniform(0.1, 3, n),
    "some_weightless": lambda rng, n: np.where(np.arange(n) % 3 == 1, 0, rng.uniform(0.1, 3, n)),
    "one_row": lambda rng, n: np.where(np.arange(n) == n // 2, 0.7, 0),
}

#: The activations that stand for all in chains of layers: one with a kink, a smooth one
#: whose derivative follows from its value, and one that keeps its derivative.
IN_CHAINS = ("relu", "tanh", "silu")

DTYPES = [np.float32, np.float64]


def each(table: Table) -> list[Any]:
    """Return the cases of a table as pytest parameters (name of the member, case)."""
    return [
        pytest.param(name, case, id=f"{name}-{label}")
        for name, members in table.items()
        for label, case in members.items()
    ]


def in_one_case(**values: Iterable[Any]) -> Callable[[Test], Test]:
    """Return a decorator that runs a test for all combinations of values, as one case.

    For tests that take less time than a case of pytest's: that of ``parametrize`` is a
    case for each of them.
    """
    combined = [dict(zip(values, row, strict=True)) for row in itertools.product(*values.values())]

    def decorate(test: Test) -> Test:
        @functools.wraps(test)
        def loop(**others: Any) -> None:
            for chosen in combined:
                try:
                    test(**others, **chosen)
                except BaseException as error:
                    error.add_note(f"In the case of {chosen}")
                    raise

        asked = inspect.signature(test)
        left = [p for name, p in asked.parameters.items() if name not in values]
        loop.__signature__ = asked.replace(parameters=left)  # type: ignore[attr-defined]
        return loop

    return decorate


def every_ordered_pair(labels: Iterable[str]) -> Callable[[Test], Test]:
    """Return a decorator that runs a test for all labels a and b, one case for each a."""
    labels = list(labels)
    return lambda test: pytest.mark.parametrize("a", labels)(in_one_case(b=labels)(test))


def pairwise(*factors: Sequence[Any]) -> list[tuple[Any, ...]]:
    """Return few rows of the factors' product: any two values of two factors meet in one."""
    product = itertools.product(*(range(len(values)) for values in factors))
    meeting = {row: set(itertools.combinations(enumerate(row), 2)) for row in product}
    missing, rows = set().union(*meeting.values()), []
    while missing:
        row = max(meeting, key=lambda row: len(meeting[row] & missing))
        missing -= meeting.pop(row)
        rows.append(tuple(values[i] for values, i in zip(factors, row, strict=True)))
    return rows


def layers_by_label() -> dict[str, LayerCase]:
    """Return the layers of which chains are made: some activations, one case of each other."""
    last = {name: list(members.values())[-1] for name, members in LAYER_CASES.items()}
    del last["activation"]
    return {**last, **{label: LAYER_CASES["activation"][label] for label in IN_CHAINS}}


# -- networks, batches, objectives ---------------------------------------------------

N_FEATURES = 3

#: The layers that can be the first of a network for sparse rows, or follow one that
#: leaves them sparse.
TAKE_SPARSE = (
    "dense",
    "dropout",
    "gaussian_noise",
    "batch_norm",
    "layer_norm",
    "rescale",
    "smooth_clip",
)

#: Where the random numbers of each problem start.
FIRST_NOISE = Noise().state()


def build_network(chain: Sequence[LayerCase], n_features: int = N_FEATURES) -> Network:
    """Return the network of a chain of layer cases."""
    return Network([case.make() for case in chain], n_features)


def plain_forward(chain: Sequence[LayerCase], views: Sequence[Any], X: Array) -> list[Array]:
    """Return the output of each layer in prediction by the textbook."""
    outputs = []
    for case, p in zip(chain, views, strict=True):
        X = case.value(X, p)
        outputs.append(X)
    return outputs


def plain_training(chain: Sequence[LayerCase], objective: Objective, batch: Batch) -> list[Array]:
    """Return the output of each layer in training by the textbook, for drawn numbers.

    The network draws them; statistics are as they were before.
    """
    k, kept = batch.X.shape[0], objective.statistics.flat.copy()
    rows, x = objective.workspace(k).rows(k), batch.X
    objective.noise.restore(FIRST_NOISE)
    passes = Passes(objective.network, objective.views, objective.grads.views, rows)
    passes.forward(x, Step(batch.weight, objective.noise))
    objective.statistics.flat[:] = kept
    share = np.full(k, 1 / k) if batch.weight is None else batch.weight
    outputs = []
    for case, p, buffers in zip(chain, objective.views, rows.layers, strict=True):
        x = case.trained(x, p, Context(share, buffers))
        outputs.append(x)
    return outputs


def batch_shares(weight: Array | None, dtype: DTypeLike) -> Array | None:
    """Return weights divided by their sum, as a layer is handed them."""
    return None if weight is None else (weight / weight.sum()).astype(dtype)


def make_objective(
    chain: Sequence[LayerCase],
    loss: str | Loss,
    *,
    penalties: Sequence[Penalty] = (),
    seed: int = 0,
    dtype: DTypeLike = np.float64,
) -> Objective:
    """Return an objective whose parameters are drawn."""
    loss = LOSSES[loss]() if isinstance(loss, str) else loss
    objective = Objective(build_network(chain), loss, penalties, dtype)
    objective.network.initialize(objective.views, np.random.RandomState(seed))
    shake(objective.views, np.random.RandomState(seed + 1))
    return objective


def shake(views: Sequence[Mapping[str, Array]], rng: np.random.RandomState) -> None:
    """Change parameters and statistics that all start alike, so that each one shows."""
    for p in views:
        for name in sorted(p.keys() - {"weight", "bias", "count"}):
            p[name] *= rng.uniform(0.5, 1.5, p[name].shape)
            p[name] += rng.uniform(-0.3, 0.3, p[name].shape)


def all_penalties() -> list[Penalty]:
    """Return the last case of every penalty."""
    cases = {name: list(members.values())[-1] for name, members in PENALTY_CASES.items()}
    return [PENALTIES[name](**case.arguments) for name, case in cases.items()]


def smooth_penalties() -> list[Penalty]:
    """Return the last case of every penalty whose value has a derivative everywhere."""
    return [penalty for penalty in all_penalties() if not isinstance(penalty, L1 | GroupL1)]


def make_batch(X: Any, y: Array, weight: Array | None) -> Batch:
    """Return all rows as one batch that must not be written to."""
    for array in (X if isinstance(X, np.ndarray) else X.data, y):
        array.flags.writeable = False
    total = float(X.shape[0] if weight is None else weight.sum())
    return Batch(X, y, batch_shares(weight, X.dtype), total)


def as_dtype(y: Array, dtype: DTypeLike) -> Array:
    """Return targets as the engine takes them: codes stay codes."""
    return y.astype(dtype) if y.dtype.kind == "f" else y


class Problem(NamedTuple):
    """An objective and a batch for it."""

    objective: Objective
    batch: Batch

    def value(self) -> float:
        """Return the objective's value, each time for the same random numbers."""
        k, sparse = self.batch.X.shape[0], not isinstance(self.batch.X, np.ndarray)
        rows = self.objective.workspace(k, sparse=sparse).rows(k)
        self.objective.noise.restore(FIRST_NOISE)
        with np.errstate(all="ignore"):  # as the estimators do
            return self.objective(*self.batch, rows)

    def gradient(self) -> Array:
        """Return a copy of the gradient that a call leaves."""
        self.objective.grads.flat.fill(np.nan)
        self.value()
        return self.objective.grads.flat.copy()


def make_problem(
    chain: Sequence[LayerCase],
    loss: str,
    case: LossCase,
    *,
    weights: str = "unweighted",
    penalties: Sequence[Penalty] = (),
    dtype: DTypeLike = np.float64,
    n_rows: int = 5,
) -> Problem:
    """Return the first random problem on which the network is smooth."""
    for seed in itertools.count():
        rng, made = np.random.RandomState(seed), case.make(loss)
        objective = make_objective(chain, made, penalties=penalties, seed=seed, dtype=dtype)
        X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
        y = as_dtype(case.targets(rng, n_rows, case.n_outputs), dtype)
        batch = make_batch(X, y, WEIGHT_CASES[weights](rng, n_rows))
        outputs = plain_training(chain, objective, batch)
        if is_smooth([X, *outputs]) and not has_kink(case, y, outputs[-1]):
            break
    return Problem(objective, batch)


def is_smooth(inputs: Sequence[Array]) -> bool:
    """Tell whether no number is near zero, where a derivative may jump.

    Numbers that are exactly zero come from a rectifier and do not move.
    """
    return all(np.abs(z[z != 0]).min(initial=np.inf) > 0.005 for z in inputs)


def has_kink(case: LossCase, y: Array, raw: Array, step: float = 0.005) -> bool:
    """Tell whether the slope of a loss jumps near the raw scores: its second differences do."""
    here = case.value(y, raw)
    for move in step * np.eye(raw.shape[1]):
        if np.max(case.value(y, raw + move) + case.value(y, raw - move) - 2 * here) > 0.2 * step:
            return True
    return False


# -- gradients -----------------------------------------------------------------------

N_DIRECTIONS = 2


def check_gradient(problem: Problem) -> None:
    """Compare every entry of the gradient with central differences."""
    found = problem.gradient()
    numeric = ref.central_differences(problem.value, problem.objective.params.flat)
    assert np.abs(numeric).max() > 1e-3
    np.testing.assert_allclose(found, numeric, rtol=1e-7, atol=1e-10)


def check_slopes(problem: Problem) -> None:
    """Compare the gradient with differences along random directions.

    A fault in any entry shows in each of them.
    """
    found, flat = problem.gradient(), problem.objective.params.flat
    directions = np.random.RandomState(0).normal(size=(N_DIRECTIONS, flat.size))
    numeric = [ref.slope_along(problem.value, flat, direction) for direction in directions]
    assert np.abs(numeric).max() > 1e-4
    np.testing.assert_allclose(directions @ found, numeric, rtol=1e-7, atol=1e-8)


def chain_problem(chain: Sequence[LayerCase], **options: Any) -> Problem:
    """Return a problem with as many targets as a chain of layers has outputs."""
    targets = LOSS_CASES["squared_error"]["3_outputs"]
    case = targets._replace(n_outputs=build_network(chain).n_outputs)
    return make_problem(chain, "squared_error", case, **options)


def with_zeros(problem: Problem, kind: Callable[[Array], Any]) -> Problem:
    """Return a problem with a copy of its rows of another kind, small entries made zero."""
    X, y, weight, total = problem.batch
    rows = make_batch(kind(np.where(np.abs(X) > 0.5, X, 0)), y, None)
    return Problem(problem.objective, rows._replace(weight=weight, total=total))


# -- memory, monitors ------------------------------------------------------------------


def loss_memory(loss: Loss, n_rows: int, n_outputs: int, dtype: DTypeLike) -> Rows:
    """Return the buffers in which a workspace hands raw scores to a loss."""
    buffers: Mapping[str, Buffer] = loss.buffers(n_outputs)
    plan = [Place(n_outputs, over_input=False, inplace=False)]
    return Workspace(n_rows, dtype, plan, buffers).rows(n_rows)


def zero_arena(layers: Sequence[Layer], dtype: DTypeLike = np.float64) -> list[dict[str, Array]]:
    """Return named arrays for the parameters and statistics of built layers."""
    declared = ([layer.parameters() for layer in layers], [layer.statistics() for layer in layers])
    return merged(*(Arena(Layout(parts), dtype) for parts in declared))


def make_solver(
    optimizer: Optimizer, objective: Objective, schedule: Any, max_iter: int, **options: Any
) -> Minibatch:
    """Return the mini-batch solver; decay and L1 spare the biases."""
    optimizer.bind(
        objective.params.flat,
        objective.grads.flat,
        objective.scratch,
        n_penalised=objective.params.n_penalised,
    )
    evaluated = options.pop("evaluated", None) or Current(objective)
    return Minibatch(optimizer, evaluated, schedule, max_iter, **options)


class Recorder:
    """A monitor that keeps what it is told, and stalls after given epochs."""

    def __init__(self, stall_after: Iterable[int] = ()) -> None:
        self.losses: list[float] = []
        self.rates: list[float | None] = []
        self._stall_after = set(stall_after)

    def epoch_begin(self) -> None:
        """Keep nothing."""

    def epoch_end(self, loss: float, learning_rate: float | None = None) -> bool:
        """Keep the loss."""
        self.losses.append(loss)
        return len(self.losses) in self._stall_after

    def stalled(self, learning_rate: float | None) -> None:
        """Keep the rate."""
        self.rates.append(learning_rate)


def poison_new_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let ``numpy.empty`` return garbage, so that no result can rest on old memory."""

    def empty(*arguments: Any, **options: Any) -> Array:
        array = _EMPTY(*arguments, **options)
        array.fill(garbage(array.dtype))
        return array

    monkeypatch.setattr(np, "empty", empty)


_EMPTY = np.empty


def garbage(dtype: np.dtype[Any]) -> Any:
    """Return NaN, or for integers the largest one."""
    return np.iinfo(dtype).max if dtype.kind in "iu" else np.nan
