"""What the shared tests run on: one line for each registered member.

A new member needs its line in one of the tables, and its textbook formula in
``references.py``. The rest of the module builds networks, batches and objectives.
"""

import itertools
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pytest
import references as ref
from numpy.typing import DTypeLike, NDArray
from scipy.special import expit

from skmlp._arena import Layout
from skmlp.activations import ACTIVATIONS
from skmlp.layers import Activate, Dense, Layer
from skmlp.losses import LOSSES
from skmlp.network import Network
from skmlp.objective import Objective
from skmlp.penalties import PENALTIES, Penalty
from skmlp.solvers.batches import Batch
from skmlp.workspace import Buffer, Place, Rows, Workspace

Array = NDArray[Any]
Table = Mapping[str, Mapping[str, Any]]

# -- what a case is ------------------------------------------------------------------


class LayerCase(NamedTuple):
    """How to make a layer, and its textbook function of the input and the parameters."""

    make: Callable[[], Layer]
    value: Callable[[Array, dict[str, Array]], Array]


class LossCase(NamedTuple):
    """Targets for a loss, its textbook value and link, and scikit-learn's function."""

    targets: Callable[[np.random.RandomState, int, int], Array]
    value: Callable[[Array, Array], Array]
    inverse_link: Callable[[Array], Array]
    peer: Callable[[Array, Array, Array | None], float]
    n_outputs: int


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


def losses(*case: Any, outputs: Iterable[int]) -> dict[str, LossCase]:
    """Return the cases of a loss for several numbers of outputs."""
    return {f"{k}_outputs": LossCase(*case, k) for k in outputs}


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


# -- the tables ----------------------------------------------------------------------

ACTIVATION_CASES: dict[str, Callable[[Array], Array]] = {
    "identity": ref.identity,
    "logistic": expit,
    "tanh": np.tanh,
    "relu": ref.relu,
}

LAYER_CASES: dict[str, dict[str, LayerCase]] = {
    "dense": {"4_units": dense(4)},
    "activation": {name: activation(name) for name in ACTIVATION_CASES},
}

LOSS_CASES: dict[str, dict[str, LossCase]] = {
    "binary_log_loss": losses(
        labels, ref.binary_log_loss, expit, ref.sklearn_binary, outputs=(1, 3)
    ),
    "multinomial_log_loss": losses(
        codes, ref.multinomial_log_loss, ref.softmax, ref.sklearn_multinomial, outputs=(2, 4)
    ),
    "squared_error": losses(
        numbers, ref.squared_error, ref.identity, ref.sklearn_squared, outputs=(1, 3)
    ),
    "poisson": losses(counts, ref.poisson, np.exp, ref.sklearn_poisson, outputs=(1, 3)),
}

PENALTY_CASES: dict[str, dict[str, MemberCase]] = {
    "l2": grid(ref.l2, alpha=[0.0, 0.3]),
}

OPTIMIZER_CASES: dict[str, dict[str, MemberCase]] = {
    "sgd": grid(ref.SGD, momentum=[0.0, 0.9, 1.0], nesterovs_momentum=[False, True]),
    "adam": grid(ref.Adam, beta_1=[0.9, 0.0], beta_2=[0.999, 0.5], epsilon=[1e-8, 1e-3]),
}

SCHEDULE_CASES: dict[str, dict[str, MemberCase]] = {
    "constant": grid(ref.constant, learning_rate_init=[0.001, 2.0]),
    "invscaling": grid(ref.invscaling, learning_rate_init=[0.01], power_t=[0.0, 0.5, 2.0]),
    "adaptive": grid(ref.adaptive, learning_rate_init=[0.001, 2.0]),
}

WEIGHT_CASES: dict[str, Callable[[np.random.RandomState, int], Array | None]] = {
    "unweighted": lambda rng, n: None,
    "weighted": lambda rng, n: rng.uniform(0.1, 3, n),
    "some_weightless": lambda rng, n: np.where(np.arange(n) % 3 == 1, 0, rng.uniform(0.1, 3, n)),
}

DTYPES = [np.float32, np.float64]


def each(table: Table) -> list[Any]:
    """Return the cases of a table as pytest parameters (name of the member, case)."""
    return [
        pytest.param(name, case, id=f"{name}-{label}")
        for name, members in table.items()
        for label, case in members.items()
    ]


def layers_by_label() -> dict[str, LayerCase]:
    """Return every layer case under one short name."""
    return {
        name if len(members) == 1 else label: case
        for name, members in LAYER_CASES.items()
        for label, case in members.items()
    }


# -- networks, batches, objectives ---------------------------------------------------

N_FEATURES = 3


def build_network(chain: Sequence[LayerCase], n_features: int = N_FEATURES) -> Network:
    """Return the network of a chain of layer cases."""
    return Network([case.make() for case in chain], n_features)


def plain_forward(chain: Sequence[LayerCase], views: Sequence[Any], X: Array) -> list[Array]:
    """Return the output of each layer by the textbook."""
    outputs = []
    for case, p in zip(chain, views, strict=True):
        X = case.value(X, p)
        outputs.append(X)
    return outputs


def make_objective(
    chain: Sequence[LayerCase],
    loss: str,
    *,
    penalties: Sequence[Penalty] = (),
    seed: int = 0,
    dtype: DTypeLike = np.float64,
) -> Objective:
    """Return an objective whose parameters are drawn."""
    objective = Objective(build_network(chain), LOSSES[loss](), penalties, dtype)
    objective.network.initialize(objective.params.views, np.random.RandomState(seed))
    return objective


def all_penalties() -> list[Penalty]:
    """Return the last case of every penalty."""
    cases = {name: list(members.values())[-1] for name, members in PENALTY_CASES.items()}
    return [PENALTIES[name](**case.arguments) for name, case in cases.items()]


def make_batch(X: Any, y: Array, weight: Array | None) -> Batch:
    """Return all rows as one batch that must not be written to."""
    for array in (X if isinstance(X, np.ndarray) else X.data, y):
        array.flags.writeable = False
    if weight is None:
        return Batch(X, y, None, float(X.shape[0]))
    return Batch(X, y, (weight / weight.sum()).astype(X.dtype), float(weight.sum()))


def as_dtype(y: Array, dtype: DTypeLike) -> Array:
    """Return targets as the engine takes them: codes stay codes."""
    return y.astype(dtype) if y.dtype.kind == "f" else y


class Problem(NamedTuple):
    """An objective and a batch for it."""

    objective: Objective
    batch: Batch

    def value(self) -> float:
        """Return the objective's value."""
        k = self.batch.X.shape[0]
        return self.objective(*self.batch, self.objective.workspace(k).rows(k))

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
        rng = np.random.RandomState(seed)
        objective = make_objective(chain, loss, penalties=penalties, seed=seed, dtype=dtype)
        X = rng.normal(size=(n_rows, N_FEATURES)).astype(dtype)
        if is_smooth([X, *plain_forward(chain, objective.params.views, X)]):
            break
    y = as_dtype(case.targets(rng, n_rows, case.n_outputs), dtype)
    return Problem(objective, make_batch(X, y, WEIGHT_CASES[weights](rng, n_rows)))


def is_smooth(inputs: Sequence[Array]) -> bool:
    """Tell whether no number is near zero, where a derivative may jump.

    Numbers that are exactly zero come from a rectifier and do not move.
    """
    return all(np.abs(z[z != 0]).min(initial=np.inf) > 0.005 for z in inputs)


def loss_memory(name: str, n_rows: int, n_outputs: int, dtype: DTypeLike) -> Rows:
    """Return the buffers in which a workspace hands raw scores to a loss."""
    buffers: Mapping[str, Buffer] = LOSSES[name]().buffers(n_outputs)
    plan = [Place(n_outputs, over_input=False, inplace=False)]
    return Workspace(n_rows, dtype, plan, buffers).rows(n_rows)


def zero_arena(layers: Sequence[Layer], dtype: DTypeLike = np.float64) -> list[dict[str, Array]]:
    """Return named arrays for the parameters of built layers."""
    layout = Layout([layer.parameters() for layer in layers])
    return layout.views(np.zeros(layout.size, dtype))


class Recorder:
    """A monitor that keeps what it is told, and stalls after given epochs."""

    def __init__(self, stall_after: Iterable[int] = ()) -> None:
        self.losses: list[float] = []
        self.rates: list[float | None] = []
        self._stall_after = set(stall_after)

    def epoch_end(self, loss: float) -> bool:
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
