"""What an optimizer is."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from typing import Any, ClassVar, NamedTuple, Protocol

import numpy as np
from numpy.typing import DTypeLike

from skmlp._arena import BLOCK, aligned, blocks
from skmlp._params import Constraint, arguments
from skmlp._typing import Floats


class Regulariser(Protocol):
    """What is done to the penalised parameters beside the step."""

    @property
    def threshold(self) -> float:
        """The strength of the L1 penalty."""

    def before(self, scratch: Floats, params: Floats, grads: Floats) -> float:
        """Add to the gradient of a piece of them before the step; return the penalty's value."""

    def decay(self, lr: float) -> float:
        """Return the share of the penalised parameters that goes before the step."""


class _Nothing:
    """No penalty at all."""

    threshold = 0.0

    def before(self, scratch: Floats, params: Floats, grads: Floats) -> float:
        return 0.0

    def decay(self, lr: float) -> float:
        return 0.0


class Pace(NamedTuple):
    """A part of the parameters whose learning rate has a factor of its own."""

    part: slice
    factor: float


class Block(NamedTuple):
    """A piece of the vector that stays in the cache during a step.

    Attributes
    ----------
    part : slice
        Where it lies.
    vectors : tuple of ndarray
        Scratch, parameters, gradient and slots.
    head, tail : tuple of ndarray
        The same of the leading elements, which are penalised, and of the others; empty
        if there are none.
    """

    part: slice
    vectors: tuple[Floats, ...]
    head: tuple[Floats, ...]
    tail: tuple[Floats, ...]


class Optimizer(ABC):
    """A first-order update of one flat vector of parameters.

    A member declares its `slots` and writes its formula in ``update``, for any piece
    of the vector. This class gives it the memory and runs it block by block, so
    that the operands of one pass are still in the cache for the next.
    """

    constraints: ClassVar[Mapping[str, Constraint]] = {}

    #: Numbers kept from step to step beside the slots, as they are at first.
    first_numbers: ClassVar[Mapping[str, float]] = {}

    #: The weight decay where none is asked for.
    default_weight_decay: ClassVar[float] = 0.0

    #: Whether it needs the gradient of all rows.
    full_batch: ClassVar[bool] = False

    #: Whether a step is the gradient, or a mean of it, times ``rates``.
    proportional: ClassVar[bool] = True

    #: Whether predictions are made with other parameters than gradients are.
    averages: ClassVar[bool] = False

    @property
    @abstractmethod
    def slots(self) -> tuple[str, ...]:
        """Names of the vectors kept from step to step, as long as the parameters."""

    def bind(
        self,
        params: Floats,
        grads: Floats,
        scratch: Floats | None = None,
        paces: Sequence[Pace] = (),
        n_penalised: int | None = None,
    ) -> None:
        """Take the vectors to work on, and start afresh.

        Parameters
        ----------
        params, grads : ndarray of shape (n,)
            The flat parameters, with the values to start from, changed in place by
            ``step``, and their gradient, which a step uses up.
        scratch : ndarray of shape (min(BLOCK, n),) or None
            Memory to work in; None makes some.
        paces : sequence of Pace
            Parts with their own factor of the learning rate, which together cover
            the vector; none for a factor of one throughout.
        n_penalised : int or None
            The leading parameters that are penalised; None for all.
        """
        if scratch is None:
            scratch = aligned(min(BLOCK, params.size), params.dtype)
        self._params = params
        zeros = partial(aligned, params.size, params.dtype, np.zeros)
        self._state: dict[str, Floats] = {name: zeros() for name in self.slots}
        self._cut = _Cut((params, grads, *self._state.values()), scratch, n_penalised)
        self._parts = tuple(paces) or (Pace(slice(0, params.size), 1.0),)
        self._begin()
        self.move([slice(0, params.size)])

    def _begin(self) -> None:
        """Let numbers and slots, which are zero, be what they are before the first step."""
        self.steps, self.numbers = 0, dict(self.first_numbers)
        self.begin(self._params, *self._state.values())

    def restart(self) -> None:
        """Start afresh from the parameters that predictions are made with."""
        self.evaluation(self._params)
        for vector in self._state.values():
            vector.fill(0.0)
        self._begin()

    def move(self, parts: Sequence[slice]) -> None:
        """Let steps change these parts of the vector only; the rest keeps every bit."""
        self._paces = [
            (pace.factor, [self._cut(b) for part in parts for b in _common(pace.part, part)])
            for pace in self._parts
        ]

    def step(self, lr: float, regulariser: Regulariser | None = None) -> float:
        """Move the parameters once along the bound gradient.

        Parameters
        ----------
        lr : float
            The learning rate.
        regulariser : Regulariser or None
            Told of each penalised block before it moves, so that penalties find the
            block in the cache, too; its L1 penalty acts after the move.

        Returns
        -------
        float
            The value of the penalties.
        """
        regulariser = regulariser or _NOTHING
        self._step_lr = lr
        self.steps += 1
        self.advance(lr)
        penalty = 0.0
        strength = regulariser.threshold
        for factor, parts in self._paces:
            self._prepare_pace(factor)
            share = regulariser.decay(lr * factor)
            for _, vectors, head, tail in parts:
                if head:
                    penalty += regulariser.before(*head[:3])
                    if share > 0.0:
                        self.decay(share, *head)
                    if strength > 0.0:
                        self.sparse_update(strength, *head)
                        vectors = tail
                if vectors:
                    self.update(*vectors)
        return penalty

    def __repr__(self) -> str:
        """Return the call that makes it; a member keeps its arguments under their names."""
        own = [(name, getattr(self, name)) for name in arguments(type(self))]
        return f"{type(self).__name__}({', '.join(f'{name}={value!r}' for name, value in own)})"

    def begin(self, params: Floats, *slots: Floats) -> None:
        """Write to the slots, zero so far, what they are before the first step."""

    def advance(self, lr: float) -> None:
        """Bring `numbers` to a new step, before ``prepare``."""

    def _prepare_pace(self, factor: float) -> None:
        """Prepare for parts whose learning rate has this factor, which members may read."""
        self._pace = factor
        self.prepare(self._step_lr * factor)

    @abstractmethod
    def prepare(self, lr: float) -> None:
        """Compute the numbers that are the same for every element of a step.

        Called several times in a step, if parts have paces of their own.
        """

    @abstractmethod
    def update(self, scratch: Floats, params: Floats, grads: Floats, *slots: Floats) -> None:
        """Apply the formula to one block, in place.

        Parameters
        ----------
        scratch, params, grads : ndarray of shape (m,)
            Free memory, parameters, and gradient, which may be overwritten.
        *slots : ndarray of shape (m,)
            The slots, in their declared order.
        """

    def decay(
        self, share: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Take a share of the parameters of one block away, before the update."""
        np.multiply(params, 1.0 - share, params)

    def sparse_update(
        self, strength: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Update one block under a penalty strength · |w|: the formula, then the prox."""
        self.update(scratch, params, grads, *slots)
        self.shrink(strength, scratch, params, grads, *slots)

    @abstractmethod
    def rates(self, out: Floats, *slots: Floats) -> None:
        """Write the metric of the step just made to `out`.

        It is the step per unit of gradient, for each element, that a gradient
        which lasts would cause: the learning rate of plain gradient descent.
        """

    def shrink(
        self, strength: float, scratch: Floats, params: Floats, grads: Floats, *slots: Floats
    ) -> None:
        """Apply the prox of strength · |w| in the optimizer's metric: w ← w - clip(w, ±t).

        With t = strength · rates it is argmin_u |u| t + ½ (u - w)², a soft threshold,
        which leaves exact zeros. Called right after ``update``, with the same memory:
        the gradient is used up.

        References
        ----------
        Duchi & Singer (2009), "Efficient online and batch learning using forward
        backward splitting", JMLR 10.
        """
        self.rates(scratch, *slots)
        np.multiply(scratch, strength, scratch)
        clip(params, scratch, out=grads)
        np.subtract(params, grads, params)

    def rates_of(self, part: slice, out: Floats) -> None:
        """Write the metric of the step just made for a part of the vector to `out`."""
        pace = next(p for p in self._parts if p.part.start <= part.start < p.part.stop)
        self._prepare_pace(pace.factor)
        self.rates(out, *(slot[part] for slot in self._state.values()))

    @property
    def iterate(self) -> Floats:
        """The vector that steps move: what a projection has to change."""
        return self._params

    def settle(self) -> None:
        """Bring the rest in line with an `iterate` that was changed after a step."""

    def evaluation(self, out: Floats) -> None:
        """Write the parameters that predictions are made with to `out`."""
        np.copyto(out, self._params)

    def state(self) -> dict[str, Any]:
        """Return copies of what the next step depends on, beside the parameters."""
        slots = {name: vector.copy() for name, vector in self._state.items()}
        return {"steps": self.steps, **self.numbers, **slots}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on from what ``state`` returned; bind first.

        Raises
        ------
        ValueError
            If it is the state of another optimizer, or of other parameters of it.
        """
        missing = {"steps", *self.numbers, *self._state} - state.keys()
        if missing:
            raise ValueError(
                f"The saved state is not that of {type(self).__name__} with the parameters it has: "
                f"it lacks {sorted(missing)}."
            )
        self.steps = int(state["steps"])
        self.numbers = {name: float(state[name]) for name in self.numbers}
        for name, vector in self._state.items():
            np.copyto(vector, state[name])


def _common(one: slice, other: slice) -> Iterator[slice]:
    """Yield the blocks of what two parts have in common."""
    return blocks(min(one.stop, other.stop), max(one.start, other.start))


class _Cut:
    """Cuts vectors, and scratch memory, into blocks."""

    def __init__(
        self, vectors: tuple[Floats, ...], scratch: Floats, n_penalised: int | None
    ) -> None:
        self._vectors, self._scratch, self._n_penalised = vectors, scratch, n_penalised

    def __call__(self, part: slice) -> Block:
        """Return one block."""
        size = part.stop - part.start
        vectors = (self._scratch[:size], *(v[part] for v in self._vectors))
        n = size if self._n_penalised is None else min(self._n_penalised - part.start, size)
        if n <= 0 or n == size:
            return Block(part, vectors, head=vectors if n > 0 else (), tail=())
        return Block(part, vectors, tuple(v[:n] for v in vectors), tuple(v[n:] for v in vectors))


def scalars(dtype: DTypeLike, *values: float) -> list[Floats]:
    """Return arrays without dimensions.

    On a small net the conversion of a Python number takes half as long as a pass itself.
    """
    return [np.array(value, dtype) for value in values]


def clip(values: Floats, limits: Floats, out: Floats) -> None:
    """Write the values clipped to ±limits to `out`; the limits lose their sign.

    Three passes, which take half the time of NumPy's clip to the bounds of arrays.
    """
    np.minimum(values, limits, out=out)
    np.negative(limits, limits)
    np.maximum(out, limits, out=out)


_NOTHING = _Nothing()
