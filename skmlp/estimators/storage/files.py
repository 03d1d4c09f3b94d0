"""Trees of plain values in a file: written whole or not at all, read without trust.

There are two formats, safetensors and NumPy's npz, an archive of arrays. Neither can
make a reader run code.
"""

import io
import os
import secrets
import shutil
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any, TypeAlias
from zipfile import ZIP_STORED, ZipFile, ZipInfo

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from skmlp.estimators.storage.trees import Arrays, loads, put_together, taken_apart

StrPath: TypeAlias = "str | os.PathLike[str]"

#: The member of an npz file, or the key of a safetensors file, that has the structure.
TREE = "tree"

#: The first bytes of a zip archive, which an npz file is.
_ZIP = b"PK\x03\x04"

#: Bytes of the header of an array of 64 dimensions, at most; ours take 118.
_LONGEST_HEADER = 2_000

#: Characters of what a message says of the damage.
_LONGEST_REASON = 150


# -- writing -------------------------------------------------------------------------


def write(path: StrPath, tree: Any) -> None:
    """Write a tree to a file.

    The file has the new content or, if anything goes wrong, the old one. It is a
    safetensors file if its name ends in ".safetensors" and that package is installed,
    and otherwise an npz file.

    Parameters
    ----------
    path : str or PathLike
        The file; it is replaced.
    tree : object
        Dicts with strings as keys, lists and tuples of arrays, numbers, strings,
        booleans and None, nested at will. Arrays are of booleans, numbers or strings.

    Raises
    ------
    ValueError
        If the tree holds anything else; the message names the place.
    OSError
        If the file cannot be written.
    """
    path = Path(path).resolve()  # what a link leads to is replaced, not the link
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise FileExistsError(f"{str(path)!r} is a device or the like, which cannot be replaced.")
    text, arrays = taken_apart(tree)
    tensors = path.suffix == ".safetensors" and _has_safetensors()
    with _replacing(path) as file:
        (_write_safetensors if tensors else _write_npz)(file, text, arrays)


@contextmanager
def _replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a file that takes the place of another one when it is whole and on the disk."""
    aside = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.tmp")
    try:
        with aside.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        if path.exists():
            shutil.copymode(path, aside)
        aside.replace(path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _sync_folder(folder: Path) -> None:
    """Bring a folder's list of files to the disk, where there is such a thing."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _write_npz(file: IO[bytes], text: str, arrays: Arrays) -> None:
    """Write text and arrays as members of an archive."""
    members: dict[str, Any] = {TREE: np.frombuffer(text.encode(), np.uint8), **arrays}
    np.savez(file, **members)


def _write_safetensors(file: IO[bytes], text: str, arrays: Arrays) -> None:
    """Write arrays as tensors; text beside them, after a checksum, which the format lacks."""
    from safetensors.numpy import save  # noqa: PLC0415 (an optional package)

    file.write(save(arrays, {TREE: _checksum(text, arrays) + text}))


def _checksum(text: str, arrays: Arrays) -> str:
    """Return a checksum of text and arrays, eight characters."""
    crc = zlib.crc32(text.encode())
    for name, array in sorted(arrays.items()):
        crc = zlib.crc32(f"{name} {array.dtype.name} {array.shape}".encode(), crc)
        crc = zlib.crc32(array.reshape(-1).view(np.uint8).data, crc)
    return f"{crc:08x}"


def _has_safetensors() -> bool:
    """Tell whether the package is installed."""
    return find_spec("safetensors") is not None


# -- reading -------------------------------------------------------------------------


def read(path: StrPath) -> Any:
    """Return the tree in a file, which may come from anywhere.

    The format is told by the content. Nothing in the file is executed, and memory is
    taken in proportion to the size of the file, whatever the file says of sizes.

    Parameters
    ----------
    path : str or PathLike
        The file.

    Raises
    ------
    ValueError
        If the file was not written by ``write``, or was changed since.
    OSError
        If it cannot be opened.
    """
    with Path(path).open("rb") as file, _refusing_damage(path):
        return put_together(*_reader(file)(file))


@contextmanager
def _refusing_damage(path: StrPath) -> Iterator[None]:
    """Turn whatever goes wrong with a damaged file into a ``ValueError``.

    The archive, its members' headers and JSON each fail in ways of their own.
    """
    try:
        yield
    except Exception as error:
        message = f"{os.fspath(path)!r} cannot be read as a file of skmlp: {_reason(error)}."
        raise ValueError(message) from error


def _reason(error: Exception) -> str:
    """Say in a line what is wrong; what Python stumbles on rather than finds tells little."""
    found = type(error) is ValueError
    text = str(error) if found else f"it is damaged ({type(error).__name__}: {error})"
    return " ".join(text.split())[:_LONGEST_REASON].rstrip(".")


def _reader(file: IO[bytes]) -> "Callable[[IO[bytes]], tuple[str | bytes, Arrays]]":
    """Return what reads a file, by its first bytes."""
    start = file.read(9)
    file.seek(0)
    if start.startswith(_ZIP):
        return _read_npz
    if start.endswith(b"{") and len(start) == 9:
        return _read_safetensors
    raise ValueError("its first bytes are neither those of npz nor those of safetensors")


def _read_npz(file: IO[bytes]) -> tuple[bytes, Arrays]:
    """Return text and arrays of an archive."""
    with ZipFile(file) as archive:
        members = {member.filename.removesuffix(".npy"): member for member in archive.infolist()}
        if len(members) < len(archive.infolist()):
            raise ValueError("it has a member twice")
        _check_sizes(archive.infolist(), file.seek(0, os.SEEK_END))
        arrays = {name: _array(archive.read(member)) for name, member in members.items()}
    return arrays.pop(TREE).tobytes(), arrays


def _check_sizes(members: list[ZipInfo], size: int) -> None:
    """Refuse members that are larger than the file they come in."""
    if any(member.compress_type != ZIP_STORED for member in members):
        raise ValueError("it is compressed")
    if sum(member.file_size for member in members) > size:
        raise ValueError("its members claim to be larger than the file")


def _array(member: bytes) -> NDArray[Any]:
    """Return the array in a member of an archive; its size is that of the member."""
    stream = io.BytesIO(member)
    if npy.read_magic(stream) != (1, 0):
        raise ValueError("it has a member of another version than 1.0")
    shape, by_column, dtype = npy.read_array_header_1_0(stream, max_header_size=_LONGEST_HEADER)
    if dtype.hasobject or min(shape, default=0) < 0:
        raise ValueError(f"it has an array of type {dtype} and shape {shape}")
    flat = np.frombuffer(member, dtype, offset=stream.tell())
    return flat.reshape(shape, order="F" if by_column else "C").copy()


def _read_safetensors(file: IO[bytes]) -> tuple[str, Arrays]:
    """Return text and arrays of a safetensors file."""
    if not _has_safetensors():
        raise ValueError("it looks like safetensors, which needs `pip install safetensors`")
    from safetensors.numpy import load  # noqa: PLC0415 (an optional package)

    content = file.read()
    arrays = {name: array.copy() for name, array in load(content).items()}
    header = loads(content[8 : 8 + int.from_bytes(content[:8], "little")])
    checksum, text = header["__metadata__"][TREE][:8], header["__metadata__"][TREE][8:]
    if checksum != _checksum(text, arrays):
        raise ValueError("its checksum is not that of its content")
    return text, arrays
