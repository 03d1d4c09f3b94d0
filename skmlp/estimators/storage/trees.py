"""Trees of plain values as one JSON text and numbered arrays.

A tree consists of dicts with strings as keys, lists, tuples, arrays and scalars of NumPy,
numbers, strings, booleans and None. JSON has no other kinds than lists, finite numbers,
strings, booleans and null, so that all else stands in it as ``{kind: content}``.
"""

import json
import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

#: Raised whenever older code could not read what newer code writes.
FORMAT = 1

#: The types that every format of files has.
DTYPES = frozenset(np.dtype(code) for code in "?bhiqBHIQefd")

#: No character has a larger number.
_LAST_CHARACTER = 0x10FFFF

#: What arrays of objects may hold.
_SINGLE = str | int | float | np.generic | None

_NOT_FINITE = {str(number): number for number in (math.nan, math.inf, -math.inf)}

Arrays = dict[str, NDArray[Any]]


# -- from a tree to text and arrays --------------------------------------------------


def taken_apart(tree: Any) -> tuple[str, Arrays]:
    """Return the text and the arrays of a tree.

    The arrays are row-major and of native byte order; they may share memory with those
    of the tree.

    Raises
    ------
    ValueError
        If something in the tree is no plain value; it names the place.
    """
    arrays: Arrays = {}
    document = {"format": FORMAT, "tree": _node(tree, arrays, "")}
    return json.dumps(document, allow_nan=False, separators=(",", ":")), arrays


def _node(value: Any, arrays: Arrays, place: str) -> Any:
    """Return what stands for a value in JSON; put its arrays among the others."""
    if value is None or isinstance(value, bool | str):
        return value
    if isinstance(value, dict):
        items = ((_key(key, place), item) for key, item in value.items())
        return {"dict": {key: _node(item, arrays, f"{place}[{key!r}]") for key, item in items}}
    if isinstance(value, list | tuple):
        nodes = [_node(item, arrays, f"{place}[{i}]") for i, item in enumerate(value)]
        return nodes if isinstance(value, list) else {"tuple": nodes}
    if isinstance(value, np.ndarray | np.generic):
        return _array_node(value, arrays, place)
    return _number(value, place)


def _key(key: Any, place: str) -> str:
    """Return the key of a dict, which has to be a string."""
    if not isinstance(key, str):
        raise ValueError(f"A key of a dict must be a string: that at tree{place} is {key!r}.")
    return key


def _number(value: Any, place: str) -> Any:
    """Return what stands for a number of Python."""
    if isinstance(value, int):
        return int(value)
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else {"float": str(float(value))}
    raise ValueError(
        f"A file can hold arrays, numbers, strings, lists and dicts of these. At tree{place} is "
        f"a {type(value).__qualname__}: pickle or skops can keep it."
    )


def _array_node(value: Any, arrays: Arrays, place: str) -> dict[str, Any]:
    """Return what stands for an array or scalar; characters go as their numbers."""
    array, kind = np.asarray(value), "scalar" if isinstance(value, np.generic) else "array"
    if array.dtype.kind == "O":
        return _objects_node(array, arrays, place)
    if array.dtype.kind == "U":
        array, kind = _character_numbers(array), "text"
    array = array.astype(array.dtype.newbyteorder("="), order="C", copy=False)
    if array.dtype not in DTYPES:
        raise ValueError(f"A file cannot hold arrays of {array.dtype}, as that at tree{place}.")
    name = str(len(arrays))
    arrays[name] = array
    return {kind: name}


def _objects_node(array: NDArray[Any], arrays: Arrays, place: str) -> dict[str, Any]:
    """Return what stands for an array of objects that are strings or numbers, as labels may be."""
    items = array.ravel().tolist()
    if not all(isinstance(item, _SINGLE) for item in items):
        raise ValueError(
            f"A file cannot hold arrays of objects other than strings and numbers, "
            f"as that at tree{place}."
        )
    nodes = [_node(item, arrays, place) for item in items]
    return {"objects": {"shape": list(array.shape), "items": nodes}}


def _character_numbers(text: NDArray[Any]) -> NDArray[Any]:
    """Return the numbers of the characters, along another axis."""
    length = max(text.dtype.itemsize // 4, 1)
    native = np.array(text[..., np.newaxis], dtype=f"=U{length}", order="C")
    return native.view(np.uint32)


# -- from text and arrays to a tree --------------------------------------------------


def put_together(text: str | bytes, arrays: Mapping[str, NDArray[Any]]) -> Any:
    """Return the tree of a text and arrays, which nobody has checked before.

    The arrays in the tree are those that are given.

    Raises
    ------
    ValueError
        If the text or an array is not one that ``taken_apart`` returns. A text nested
        beyond all measure raises a ``RecursionError``, and one of another structure
        what Python says of it, which the caller has to expect.
    """
    document = loads(text)
    if document["format"] != FORMAT:
        raise ValueError(f"it has format {document['format']}, and this skmlp reads {FORMAT}")
    left = {name: _sound(array) for name, array in arrays.items()}
    tree = _value(document["tree"], left)
    if left:
        raise ValueError(f"it has arrays with no place in the tree: {sorted(left)[:3]}")
    return tree


def loads(text: str | bytes) -> Any:
    """Return what a JSON text says, as the standard has it and this module writes it."""
    return json.loads(
        text, parse_float=_finite, parse_constant=_finite, object_pairs_hook=_without_twins
    )


def _finite(digits: str) -> float:
    """Return a number in JSON, which has no infinity."""
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"it has the number {digits}, which JSON does not know")
    return number


def _without_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the dict of some pairs, each with a key of its own."""
    together = dict(pairs)
    if len(together) < len(pairs):
        raise ValueError("it gives a key twice")
    return together


def _value(node: Any, arrays: Arrays) -> Any:
    """Return the value that stands in JSON; take its arrays from the others."""
    if isinstance(node, list):
        return [_value(item, arrays) for item in node]
    if isinstance(node, dict):
        ((kind, content),) = node.items()
        return _KINDS[kind](content, arrays)
    return node


def _dict(content: Any, arrays: Arrays) -> dict[str, Any]:
    return {key: _value(node, arrays) for key, node in content.items()}


def _tuple(content: Any, arrays: Arrays) -> tuple[Any, ...]:
    return tuple(_value(node, arrays) for node in content)


def _not_finite(content: Any, _: Arrays) -> float:
    return _NOT_FINITE[content]


def _array(content: Any, arrays: Arrays) -> NDArray[Any]:
    return arrays.pop(content)


def _scalar(content: Any, arrays: Arrays) -> Any:
    return arrays.pop(content)[()]


def _text(content: Any, arrays: Arrays) -> NDArray[Any]:
    """Return strings, of the numbers of their characters."""
    numbers = arrays.pop(content)
    if numbers.dtype != np.uint32 or numbers.max(initial=0) > _LAST_CHARACTER:
        raise ValueError("it has strings with characters that do not exist")
    text: NDArray[Any] = numbers.view(f"U{numbers.shape[-1]}")[..., 0]
    return text


def _objects(content: Any, arrays: Arrays) -> NDArray[Any]:
    """Return an array of objects: as many as there are, whatever the shape says."""
    items = [_value(node, arrays) for node in content["items"]]
    if not all(isinstance(item, _SINGLE) for item in items):
        raise ValueError("it has an array of other objects than strings and numbers")
    flat = np.empty(len(items), dtype=object)
    flat[:] = items
    return flat.reshape([int(length) for length in content["shape"]])


_KINDS: Mapping[str, Callable[[Any, Arrays], Any]] = {
    "dict": _dict,
    "tuple": _tuple,
    "float": _not_finite,
    "array": _array,
    "scalar": _scalar,
    "text": _text,
    "objects": _objects,
}


def _sound(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array of a plain type; a byte that is neither 0 nor 1 is no boolean."""
    if array.dtype not in DTYPES:
        raise ValueError(f"it has an array of type {array.dtype}")
    if array.dtype == np.bool_ and array.view(np.uint8).max(initial=0) > 1:
        raise ValueError("it has a boolean that is neither true nor false")
    return array
