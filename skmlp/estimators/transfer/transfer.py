"""What a network takes over from another one, layer by layer."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Self

import numpy as np

from skmlp._params import shown
from skmlp._typing import Floats, Views
from skmlp.estimators.architecture import per_layer
from skmlp.estimators.losses import alike
from skmlp.estimators.model import Arrays
from skmlp.estimators.scaling.scaling import Statistics
from skmlp.estimators.scaling.transformers import TRANSFORMER
from skmlp.estimators.transfer.heads import Head
from skmlp.estimators.transfer.matching import All, Matching, Places
from skmlp.network import Network

Layers = Sequence[Mapping[str, Floats]]

#: What decides, beside activations, what a layer computes with its weights.
COMPUTING = ("feature_scaling", "batch_norm", "layer_norm", "parametric_activation")

#: How a layer is called by the share of its weights that is taken over; others "matched".
TAKEN = {0.0: "drawn", 1.0: "copied"}


class Features(NamedTuple):
    """The inputs of a network.

    Attributes
    ----------
    n_inputs : int
        How many there are.
    names : list of str or None
        The names of the features, if they have any.
    transformed : bool
        Whether a transformer makes the inputs of the features.
    """

    n_inputs: int
    names: list[str] | None
    transformed: bool

    @classmethod
    def of(cls, architecture: Mapping[str, Any], names: Sequence[str] | None) -> Self:
        """Return the inputs of a network that an architecture describes."""
        transformed = architecture["feature_scaling"] == TRANSFORMER
        return cls(architecture["n_features"], None if names is None else list(names), transformed)

    def matched(self, other: "Features") -> All:
        """Return which of them are which of another network, by name if both have names.

        Raises
        ------
        ValueError
            If nobody can tell, or none is.
        """
        if self.names and other.names and self.names != other.names:
            if self.transformed:
                raise ValueError(
                    "Its features have other names than those of X, or another order, and a "
                    "transformer in feature_scaling does not tell what became of each."
                )
            return _by_name(self.names, other.names)
        if self.n_inputs != other.n_inputs:
            raise ValueError(
                f"It has {other.n_inputs} features, and the network for X has {self.n_inputs}. "
                "Only features with names, in both, can be matched if they are not the same."
            )
        return All()


def _by_name(mine: Sequence[str], others: Sequence[str]) -> All:
    """Return which names have which places among others."""
    places = {name: j for j, name in enumerate(others)}
    known = [(i, places[name]) for i, name in enumerate(mine) if name in places]
    if not known:
        raise ValueError(
            f"None of its features, {shown(others)}, has the name of one of X: {shown(mine)}."
        )
    i, j = np.array(known).T
    return Places(i, j, (len(mine), len(others)))


class Structure(NamedTuple):
    """What there is to know of a network but its numbers.

    Attributes
    ----------
    architecture : mapping of str to object
        What describes it.
    arrays : Arrays
        Its layers and the shapes of their numbers.
    head : Head
        Its output units.
    features : Features
        Its inputs.
    """

    architecture: Mapping[str, Any]
    arrays: Arrays
    head: Head
    features: Features

    @property
    def dense(self) -> list[int]:
        """The numbers of the dense layers."""
        return [i for i, shapes in enumerate(self.arrays.shapes) if "weight" in shapes]

    def block(self, number: int) -> list[int]:
        """Return a dense layer, counted among them, with the layers that go with it."""
        blocks, shapes = self.arrays.network.blocks, self.arrays.shapes
        return [i for i, block in enumerate(blocks) if block == number and shapes[i]]

    def width(self, number: int) -> int:
        """Return the units of a dense layer, counted among them."""
        return self.arrays.shapes[self.dense[number]]["bias"][0]


class Piece(NamedTuple):
    """A layer that takes over from another one.

    Attributes
    ----------
    mine, other : int
        Their numbers in their networks.
    rows, columns : Matching
        Which of its inputs are which, if it is a dense layer, and which of its outputs.
    """

    mine: int
    other: int
    rows: All
    columns: Matching

    def write(self, to: Views, given: Mapping[str, Floats]) -> None:
        """Write what is taken over."""
        for name, array in to.items():
            if array.ndim == 1:
                self.columns.write(array, given[name])
                continue
            part = array[self.rows.mine]
            self.columns.write(part, given[name][self.rows.other])
            array[self.rows.mine] = part


class Transfer(NamedTuple):
    """What a network takes over from another one.

    Attributes
    ----------
    pieces : list of Piece
        The layers that take anything over.
    rows : All
        Which features are which.
    taken : list of str
        For each dense layer 'copied', 'matched', if only some of its inputs or units
        are known, or 'drawn'.
    other : Network
        The other network.
    layers : sequence of mapping of str to ndarray
        Its numbers.
    statistics : mapping or None
        What is known there of the features, if it is taken over.
    """

    pieces: list[Piece]
    rows: All
    taken: list[str]
    other: Network
    layers: Layers
    statistics: Mapping[str, Any] | None

    def write(self, to: Sequence[Views], given: Layers) -> None:
        """Write what is taken over.

        Parameters
        ----------
        to, given : sequence of mapping of str to ndarray
            Numbers for each layer of the one and of the other network.
        """
        for piece in self.pieces:
            piece.write(to[piece.mine], given[piece.other])

    def same(self) -> "Transfer":
        """Return it without units that are computed from others."""
        return self._replace(
            pieces=[piece._replace(columns=piece.columns.same()) for piece in self.pieces]
        )

    def scaled(self, now: Statistics | None, *, incremental: bool) -> Statistics | None:
        """Return what is known of the features: of those taken over what was known there.

        Parameters
        ----------
        now : Statistics or None
            What the rows to train on say of them.
        incremental : bool
            Whether these rows are added to those before.
        """
        if now is None or self.statistics is None:
            return now
        known, rows = type(now)(**self.statistics), self.rows
        known = type(now)(known.total, known.centred, *(a[..., rows.other] for a in known.arrays))
        if incremental:
            seen = (array[..., rows.mine] for array in now.arrays)
            known = known.merged(type(now)(now.total, now.centred, *seen))
        arrays = [array.copy() for array in now.arrays]
        for array, values in zip(arrays, known.arrays, strict=True):
            array[..., rows.mine] = values
        return type(now)(known.total, known.centred, *arrays)


def adopted(
    mine: Structure, other: Structure, layers: Layers, statistics: Mapping[str, Any] | None
) -> Transfer:
    """Return what a new network takes over from any other one.

    Parameters
    ----------
    mine, other : Structure
        The one and the other.
    layers : sequence of mapping of str to ndarray
        The numbers of the other.
    statistics : mapping or None
        What is known there of the features.

    Raises
    ------
    ValueError
        If there is nothing to take over, or if it meant something else here.
    """
    rows, pairs = mine.features.matched(other.features), _pairs(mine, other)
    if not pairs:
        raise ValueError(
            f"No layer of it has the shape of one here: its weights have {_shapes(other)}, and "
            f"those here {_shapes(mine)}."
        )
    _check_computing(mine.architecture, other.architecture, pairs)
    scaled = statistics if pairs[0].mine == 0 else None
    return _transfer(mine, other, rows, pairs, layers, scaled)


def widened(mine: Structure, other: Structure, layers: Layers) -> Transfer:
    """Return what a network takes over from itself, as it was with fewer output units.

    Parameters
    ----------
    mine, other : Structure
        The network as it is to be, and as it was.
    layers : sequence of mapping of str to ndarray
        The numbers as they were.
    """
    return _transfer(mine, other, All(), _pairs(mine, other), layers, None)


# -- which layers --------------------------------------------------------------------


class Pair(NamedTuple):
    """Dense layers that agree, by their numbers among these, and which units are which."""

    mine: int
    other: int
    columns: Matching


def _pairs(mine: Structure, other: Structure) -> list[Pair]:
    """Return the hidden layers that agree, by their place from the input, and the output's."""
    last, others_last = len(mine.dense) - 1, len(other.dense) - 1
    columns = mine.head.matched(other.head)
    places = [(i, i) for i in range(min(last, others_last))]
    hidden = [Pair(i, j, All()) for i, j in places if mine.width(i) == other.width(j)]
    head = [Pair(last, others_last, columns)] if columns.known else []
    return [pair for pair in hidden + head if _same_inputs(mine, other, pair)]


def _same_inputs(mine: Structure, other: Structure, pair: Pair) -> bool:
    """Tell whether layers read as many units, or both the features, which are matched."""
    if pair.mine == 0 or pair.other == 0:
        return pair.mine == pair.other
    return mine.width(pair.mine - 1) == other.width(pair.other - 1)


def _check_computing(
    mine: Mapping[str, Any], other: Mapping[str, Any], pairs: Sequence[Pair]
) -> None:
    """Refuse layers that would compute something else with the same weights."""
    for name in COMPUTING:
        _check_equal(name, mine[name], other[name])
    functions, others = per_layer(mine, "activation"), per_layer(other, "activation")
    for pair in pairs:
        if pair.mine < len(functions):
            _check_equal("activation", functions[pair.mine], others[pair.other])


def _check_equal(name: str, mine: Any, other: Any) -> None:
    """Refuse different values of a parameter."""
    if mine != other and not alike(mine, other):
        raise ValueError(
            f"It was trained with {name}={shown(other)}, and this estimator has "
            f"{name}={shown(mine)}: its layers would compute something else. Make them the same."
        )


def _transfer(
    mine: Structure,
    other: Structure,
    rows: All,
    pairs: Sequence[Pair],
    layers: Layers,
    statistics: Mapping[str, Any] | None,
) -> Transfer:
    """Return what is taken over by dense layers that agree."""
    pieces, taken = _pieces(mine, other, rows, pairs), _taken(mine, rows, pairs)
    return Transfer(pieces, rows, taken, other.arrays.network, layers, statistics)


def _pieces(mine: Structure, other: Structure, rows: All, pairs: Sequence[Pair]) -> list[Piece]:
    """Return the layers that go with dense layers that agree."""
    pieces = []
    for pair in pairs:
        inputs = rows if pair.mine == 0 else All()
        for i, j in zip(mine.block(pair.mine), other.block(pair.other), strict=True):
            columns = rows if i < mine.dense[0] else pair.columns
            pieces.append(Piece(i, j, inputs, columns))
    return pieces


def _taken(mine: Structure, rows: All, pairs: Sequence[Pair]) -> list[str]:
    """Return how much each dense layer takes over."""
    known = dict.fromkeys(range(len(mine.dense)), 0.0)
    for pair in pairs:
        known[pair.mine] = pair.columns.known * (rows.known if pair.mine == 0 else 1.0)
    return [TAKEN.get(share, "matched") for share in known.values()]


def _shapes(structure: Structure) -> str:
    """Return the shapes of the weights for a message."""
    return shown([structure.arrays.shapes[i]["weight"] for i in structure.dense])
