"""Trees come back from a file as they were, whole files replace whole files, damage is refused."""

import copy
import io
import json
import math
import os
import pickle
import stat
import struct
import sys
import tracemalloc
import warnings
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of
from trust import run_python, same

from skmlp.estimators.storage import files

FORMATS = ("npz", "safetensors")

TREE = {
    "weights": [np.arange(6.0).reshape(2, 3), np.ones(3, np.float32)],
    "nested": {"empty": {}, "list": [], "tuple": (1, (2.5, "three"), [])},
    "numbers": [0, -1, 10**50, 0.1, -0.0, 5e-324, math.inf, -math.inf, True, False, None],
    "scalars": [np.float64(0.1), np.float32(0.1), np.int64(3), np.bool_(True)],
    "labels": np.array(["no", "perhaps", "é𝄞"]),
    "wide labels": np.array([["a"], ["b"]], dtype="<U20"),
    "objects": np.array(["a", "bc", 3, 0.5], dtype=object),
    "text": 'quotes " and \\ and \n and \x00 and \ud800',
    "": np.array(2.5),
}


@pytest.fixture(params=FORMATS)
def path(request, tmp_path):
    """A path that asks for a format, which is skipped where its package is missing."""
    if request.param == "safetensors":
        pytest.importorskip("safetensors")
    return tmp_path / f"tree.{request.param}"


# -- round trips ---------------------------------------------------------------------------


def test_tree_comes_back_with_the_same_types_and_bits(path):
    files.write(path, TREE)
    assert same(files.read(path), TREE)


def test_not_a_number_comes_back(path):
    files.write(path, [math.nan, np.array([np.nan, 1.0])])
    number, array = files.read(path)
    assert math.isnan(number)
    assert np.isnan(array).tolist() == [True, False]


PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(),
    arrays_of.arrays(
        st.sampled_from(["?", "i1", "u2", "i4", "u8", "i8", "f2", "f4", "f8", "U3"]),
        arrays_of.array_shapes(min_dims=0, min_side=0, max_side=4),
    ),
)
TREES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner, max_size=4),
    ),
    max_leaves=12,
)


@settings(
    max_examples=50, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(tree=TREES)
def test_any_tree_comes_back(path, tree):
    files.write(path, tree)
    assert same(files.read(path), tree)


@pytest.mark.parametrize(
    "array",
    [
        np.asfortranarray(np.arange(6.0).reshape(2, 3)),
        np.arange(24.0).reshape(2, 3, 4)[:, ::2, ::-1],
        np.arange(3, dtype=">i4"),
        np.array(["ab", "c"], dtype=">U2"),
        np.broadcast_to(np.float32(1), (2, 2)),
    ],
    ids=["column-major", "strided", "big-endian", "big-endian text", "broadcast"],
)
def test_layout_does_not_matter(path, array):
    files.write(path, array)
    loaded = files.read(path)
    assert loaded.flags.c_contiguous
    assert loaded.dtype.isnative
    assert np.array_equal(loaded, array)


def test_read_only_memory_map_can_be_written(path, tmp_path):
    np.save(tmp_path / "array.npy", np.arange(5.0))
    files.write(path, [np.load(tmp_path / "array.npy", mmap_mode="r")])
    assert same(files.read(path), [np.arange(5.0)])


def test_arrays_that_are_read_can_be_written_to(path):
    files.write(path, TREE)
    first = files.read(path)["weights"][0]
    first[...] = 7
    assert same(files.read(path), TREE)


def test_size_is_little_more_than_that_of_the_arrays(path):
    arrays = [np.random.RandomState(0).randn(300, 50) for _ in range(3)]
    files.write(path, arrays)
    assert path.stat().st_size < sum(array.nbytes for array in arrays) + 2_000


def test_same_tree_gives_the_same_file(path):
    files.write(path, TREE)
    first = path.read_bytes()
    files.write(path, TREE)
    assert path.read_bytes() == first


@pytest.mark.parametrize("kind", [str, Path], ids=["str", "Path"])
def test_path_may_be_text(tmp_path, kind):
    files.write(kind(tmp_path / "tree"), 3)
    assert files.read(kind(tmp_path / "tree")) == 3


# -- formats -------------------------------------------------------------------------------


def test_numpy_reads_the_arrays_of_an_archive(tmp_path):
    files.write(tmp_path / "tree.npz", TREE)
    with np.load(tmp_path / "tree.npz", allow_pickle=False) as archive:
        assert same(archive["0"], TREE["weights"][0])


def test_safetensors_reads_the_arrays_of_its_own_format(tmp_path):
    numpy = pytest.importorskip("safetensors.numpy")
    files.write(tmp_path / "tree.safetensors", TREE)
    assert same(numpy.load_file(tmp_path / "tree.safetensors")["0"], TREE["weights"][0])


def test_format_is_told_by_content(path):
    files.write(path, TREE)
    other = path.rename(path.with_suffix(".npz" if path.suffix != ".npz" else ".safetensors"))
    assert same(files.read(other), TREE)


def test_without_the_package_an_archive_is_written(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    files.write(tmp_path / "tree.safetensors", TREE)
    assert zipfile.is_zipfile(tmp_path / "tree.safetensors")
    assert same(files.read(tmp_path / "tree.safetensors"), TREE)


def test_without_the_package_safetensors_are_refused_by_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(files, "find_spec", lambda name: None)
    (tmp_path / "tree").write_bytes(safetensors({"0": floats(0, 8)}, bytes(8)))
    with pytest.raises(ValueError, match="pip install safetensors"):
        files.read(tmp_path / "tree")


# -- what no file holds --------------------------------------------------------------------

UNFIT = {
    "an object": ({"a": [object()]}, r"tree\['a'\]\[0\] is a object"),
    "a function": ({"a": {"b": len}}, r"tree\['a'\]\['b'\]"),
    "a set": ([{1}], r"tree\[0\] is a set"),
    "a complex number": (1j, "complex"),
    "bytes": (b"abc", "bytes"),
    "a number as key": ({3: 4}, "key of a dict must be a string"),
    "objects in an array": ([np.array([{}, 1], dtype=object)], r"objects.*tree\[0\]"),
    "complex array": (np.ones(2, complex), "arrays of complex128"),
    "dates": (np.array(["2020-01-01"], dtype="M8[D]"), "datetime64"),
    "records": (np.zeros(2, "i4,f4"), "arrays of"),
    "byte strings": (np.array([b"a"]), r"arrays of \|S1"),
}


@pytest.mark.parametrize("kind", UNFIT)
def test_what_is_no_plain_value_is_refused_by_its_place(tmp_path, kind):
    tree, message = UNFIT[kind]
    with pytest.raises(ValueError, match=message):
        files.write(tmp_path / "tree", tree)
    assert list(tmp_path.iterdir()) == []


# -- whole files only ----------------------------------------------------------------------


def failing(error):
    """Return a function that raises an error."""

    def fail(*args, **kwargs):
        raise error

    return fail


def half_written(file, **members):
    """Write part of an archive, then fail as a full disk does."""
    file.write(b"PK\x03\x04")
    raise OSError(28, "No space left on device")


FAILURES = {
    "full disk": lambda patch: patch.setattr(np, "savez", half_written),
    "no sync": lambda patch: patch.setattr(os, "fsync", failing(OSError(5, "I/O error"))),
    "no renaming": lambda patch: patch.setattr(Path, "replace", failing(OSError(1, "not now"))),
    "interrupt": lambda patch: patch.setattr(os, "fsync", failing(KeyboardInterrupt())),
    "no memory": lambda patch: patch.setattr(np, "savez", failing(MemoryError())),
}


@pytest.mark.parametrize("old", [True, False], ids=["old file", "no file"])
@pytest.mark.parametrize("kind", FAILURES)
def test_failure_leaves_the_old_file_and_no_other(tmp_path, monkeypatch, kind, old):
    if old:
        files.write(tmp_path / "tree.npz", TREE)
    with monkeypatch.context() as patch:
        FAILURES[kind](patch)
        with pytest.raises((OSError, KeyboardInterrupt, MemoryError)):
            files.write(tmp_path / "tree.npz", [1, 2, 3])
    assert [p.name for p in tmp_path.iterdir()] == ["tree.npz"] * old
    if old:
        assert same(files.read(tmp_path / "tree.npz"), TREE)


@pytest.mark.skipif(sys.platform == "win32", reason="no such signal")
def test_killed_process_leaves_the_old_file(tmp_path):
    files.write(tmp_path / "tree.npz", TREE)
    done = run_python(
        "import os, signal\n"
        "from skmlp.estimators.storage import files\n"
        "os.fsync = lambda descriptor: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"files.write({str(tmp_path / 'tree.npz')!r}, [1, 2, 3])\n"
    )
    assert done.returncode == -9
    assert same(files.read(tmp_path / "tree.npz"), TREE)


def test_content_is_on_the_disk_before_the_file_gets_its_name(tmp_path, monkeypatch):
    calls, fsync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda fd: calls.append("sync") or fsync(fd))
    monkeypatch.setattr(Path, "replace", lambda *paths: calls.append("name") or replace(*paths))
    files.write(tmp_path / "tree.npz", TREE)
    assert calls[:2] == ["sync", "name"]
    if os.name == "posix":
        assert calls[2:] == ["sync"]  # of the folder


def test_folder_that_cannot_be_synced_is_no_failure(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "open", failing(PermissionError(13, "a folder")))
    files.write(tmp_path / "tree.npz", TREE)
    assert same(files.read(tmp_path / "tree.npz"), TREE)


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_stay(tmp_path):
    path = tmp_path / "tree.npz"
    path.touch()
    fresh = stat.S_IMODE(path.stat().st_mode)
    path.unlink()
    files.write(path, 1)
    assert stat.S_IMODE(path.stat().st_mode) == fresh
    path.chmod(0o600)
    files.write(path, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.skipif(os.name != "posix", reason="links of POSIX")
def test_link_stays_a_link(tmp_path):
    (tmp_path / "link").symlink_to(tmp_path / "target")
    for tree in (1, 2):
        files.write(tmp_path / "link", tree)
        assert (tmp_path / "link").is_symlink()
        assert files.read(tmp_path / "target") == tree


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="pipes of POSIX")
def test_device_is_not_replaced(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileExistsError, match="pipe"):
        files.write(tmp_path / "pipe", TREE)
    assert (tmp_path / "pipe").is_fifo()


def test_errors_of_the_system_stay_what_they_are(tmp_path):
    with pytest.raises(FileNotFoundError):
        files.read(tmp_path / "none")
    with pytest.raises((IsADirectoryError, PermissionError)):  # the latter on Windows
        files.read(tmp_path)
    with pytest.raises(FileNotFoundError):
        files.write(tmp_path / "none" / "tree", 1)
    (tmp_path / "folder").mkdir()
    with pytest.raises((IsADirectoryError, PermissionError)):
        files.write(tmp_path / "folder", 1)
    assert [p.name for p in tmp_path.iterdir()] == ["folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_file_that_may_not_be_read_is_a_permission_error(tmp_path):
    files.write(tmp_path / "tree", 1)
    (tmp_path / "tree").chmod(0)
    with pytest.raises(PermissionError):
        files.read(tmp_path / "tree")


# -- damaged archives ----------------------------------------------------------------------

TWO = '{"format":1,"tree":[{"array":"0"},{"array":"1"}]}'
GOOD = {"0": np.arange(3.0), "1": np.ones((2, 2), np.float32)}


def npy(array, header=None, version=(1, 0)):
    """Return an array as a member of an archive, if need be under another header."""
    stream = io.BytesIO()
    np.lib.format.write_array(stream, np.asarray(array))
    if header is None:
        return stream.getvalue()
    size = struct.pack("<H" if version == (1, 0) else "<I", len(header))
    return b"\x93NUMPY" + bytes(version) + size + header.encode() + np.asarray(array).tobytes()


def header(descr="'<f8'", order="False", shape="(3,)"):
    """Return the text of a header."""
    return f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n"


def archive(members, compression=zipfile.ZIP_STORED):
    """Return an archive of (name, content) pairs."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", compression) as out, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names that are there already
        for name, content in members:
            out.writestr(zipfile.ZipInfo(name), content, compress_type=compression)
    return stream.getvalue()


def npz(text=TWO, members=None, **more):
    """Return an archive with a text and members, by name; those of the text by default."""
    text = text if isinstance(text, bytes) else text.encode()
    members = {f"{k}.npy": npy(v) for k, v in GOOD.items()} if members is None else members
    tree = [("tree.npy", npy(np.frombuffer(text, np.uint8)))]
    return archive([*tree, *members.items()], **more)


def of_tree(node):
    """Return an archive with another tree and the two arrays, where there may be none."""
    text = node if isinstance(node, str) else json.dumps(node)
    return npz(f'{{"format":1,"tree":{text}}}', {})


def with_first(member):
    """Return an archive whose first array is another member."""
    return npz(members={"0.npy": member, "1.npy": npy(GOOD["1"])})


def patched(data, old, new, which=-1):
    """Replace bytes at one of their places: the last, which is in the central directory."""
    places = [i for i in range(len(data)) if data.startswith(old, i)]
    place = places[which]
    return data[:place] + new + data[place + len(old) :]


def central(data, offset, fmt, value):
    """Overwrite a field of the last entry in the central directory of an archive."""
    place = data.rindex(b"PK\x01\x02") + offset
    new = struct.pack(fmt, value)
    return data[:place] + new + data[place + len(new) :]


def end(data, offset, fmt, value):
    """Overwrite a field of the end of the central directory."""
    place = data.rindex(b"PK\x05\x06") + offset
    new = struct.pack(fmt, value)
    return data[:place] + new + data[place + len(new) :]


def overlapping():
    """Return an archive whose many entries are all the same large member."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as out:
        out.writestr("0.npy", bytes(100_000))
        for i in range(1, 1_000):
            out.filelist.append(copy.copy(out.filelist[0]))
            out.filelist[-1].filename = f"{i}.npy"
    return stream.getvalue()


DEEP = 10_000

ARCHIVES = {
    "nothing but a magic": b"PK\x03\x04",
    "magic and noise": b"PK\x03\x04" + np.random.RandomState(0).bytes(1_000),
    "no central directory": npz()[: npz().index(b"PK\x01\x02")],
    "no members": b"PK\x03\x04" + archive([]),
    "compressed": npz(compression=zipfile.ZIP_DEFLATED),
    "bomb": npz(" " * 10**7 + TWO, compression=zipfile.ZIP_DEFLATED),
    "bomb of lzma": npz(compression=zipfile.ZIP_LZMA),
    "unknown compression": central(npz(), 10, "<H", 99),
    "encrypted": central(npz(), 8, "<H", 1),
    "patched data": central(npz(), 8, "<H", 0x20),
    "size beyond the file": central(npz(), 24, "<I", 2**32 - 2),
    "both sizes beyond the file": central(central(npz(), 20, "<I", 2**32 - 2), 24, "<I", 2**32 - 2),
    "member begins beyond the file": central(npz(), 42, "<I", 2**31),
    "wrong checksum": central(npz(), 16, "<I", 1),
    "directory begins before the file": end(npz(), 16, "<I", 2**31),
    "directory of another size": end(npz(), 12, "<I", 2**31),
    "overlapping members": overlapping(),
    "other name in the directory": patched(npz(), b"1.npy", b"2.npy"),
    "member twice": archive([("tree.npy", npy([1])), ("tree.npy", npy([1]))]),
    "member twice, once without suffix": archive([("0", npy([1])), ("0.npy", npy([1]))]),
    "no text": archive([("0.npy", npy([1.0]))]),
    "member too few": npz(members={"0.npy": npy(GOOD["0"])}),
    "member too many": npz('{"format":1,"tree":null}'),
    "absolute path": npz(members={"/etc/passwd": npy([1.0]), "1.npy": npy([1.0])}),
    "path upwards": npz(members={"../0.npy": npy([1.0]), "1.npy": npy([1.0])}),
    "folder": npz(members={"0.npy/": b"", "1.npy": npy([1.0])}),
    "empty member": with_first(b""),
    "member is no array": with_first(b"text" * 100),
    "version 2": with_first(npy(GOOD["0"], header(), version=(2, 0))),
    "version 9": with_first(npy(GOOD["0"], header(), version=(9, 9))),
    "header is cut": with_first(npy(GOOD["0"])[:40]),
    "header is longer than the member": with_first(b"\x93NUMPY\x01\x00\xff\xff{}"),
    "header is long": with_first(npy(GOOD["0"], header() + " " * 60_000)),
    "header is noise": with_first(npy(GOOD["0"], "noise ( [ {")),
    "header is an expression": with_first(npy(GOOD["0"], "__import__('os').getcwd()")),
    "header is nested": with_first(npy(GOOD["0"], "(" * 1_900)),
    "header is nested arithmetic": with_first(npy(GOOD["0"], "-" * 1_900 + "1")),
    "header is a list": with_first(npy(GOOD["0"], "[1, 2]")),
    "header with another key": with_first(npy(GOOD["0"], header()[:-3] + "'x': 1}")),
    "order is text": with_first(npy(GOOD["0"], header(order="'yes'"))),
    "shape is a number": with_first(npy(GOOD["0"], header(shape="3"))),
    "shape of fractions": with_first(npy(GOOD["0"], header(shape="(3.0,)"))),
    "negative shape": with_first(npy(GOOD["0"], header(shape="(-1,)"))),
    "two negative lengths": with_first(npy(GOOD["0"], header(shape="(-1, -3)"))),
    "huge shape": with_first(npy(GOOD["0"], header(shape="(1000000000000,)"))),
    "shape beyond 64 bits": with_first(npy(GOOD["0"], header(shape=f"({2**40}, {2**40})"))),
    "huge shape of nothing": with_first(npy([], header(shape=f"(0, {10**30})"))),
    "shape of 100 dimensions": with_first(npy([1.0], header(shape="(" + "1," * 100 + ")"))),
    "other shape": with_first(npy(GOOD["0"], header(shape="(4,)"))),
    "objects": with_first(npy(np.zeros(3), header("'|O'"))),
    "pickled objects": with_first(
        npy([], header("'|O'", shape="()")) + pickle.dumps(np.array([1, "a"], dtype=object))
    ),
    "records": with_first(npy(np.zeros(3), header("[('a', '<f4'), ('b', '|O')]"))),
    "records without objects": with_first(npy(np.zeros(3), header("[('a','<f4'),('b','<f4')]"))),
    "byte strings": with_first(npy(np.array([b"abc"]))),
    "text as an array": with_first(npy(np.array(["abc"]))),
    "dates": with_first(npy(np.zeros(3), header("'<M8[s]'"))),
    "complex numbers": with_first(npy(np.ones(3, complex))),
    "big-endian numbers": with_first(npy(np.arange(3.0), header("'>f8'"))),
    "huge items": with_first(npy(np.zeros(3), header("'|V2000000000'"))),
    "items of no size": with_first(npy(np.zeros(3), header("'<U0'"))),
    "unknown type": with_first(npy(np.zeros(3), header("'<f9'"))),
    "type is a number": with_first(npy(np.zeros(3), header("7"))),
    "boolean that is neither": with_first(npy(np.array([0, 1, 7], np.uint8), header("'|b1'"))),
    "text is empty": npz(""),
    "text of numbers": archive([("tree.npy", npy(np.arange(9.0)))]),
    "text is not UTF-8": npz(b'"\xff\xfe"'),
    "text is UTF-16 without end": npz('{"format"'.encode("utf-16")),
    "text is cut": npz(TWO[:-3]),
    "text goes on": npz(TWO + "{}"),
    "text is a list": npz("[1, 2]"),
    "text is a number": npz("3"),
    "no format": npz('{"tree":null}', {}),
    "format of the future": npz('{"format":2,"tree":null}', {}),
    "no tree": npz('{"format":1}', {}),
    "NaN": of_tree("[NaN]"),
    "infinity": of_tree("[-Infinity]"),
    "number too large": of_tree("[1e999]"),
    "number of 5000 digits": of_tree("1" * 5_000),
    "lists nested": of_tree("[" * DEEP + "]" * DEEP),
    "lists nested without end": of_tree("[" * 10 * DEEP),
    "dicts nested": of_tree('{"dict":{"":' * DEEP + "0" + "}}" * DEEP),
    "tuples nested": of_tree('{"tuple":[' * DEEP + "]}" * DEEP),
    "key twice": of_tree('{"dict":{"a":1,"a":2}}'),
    "unknown kind": of_tree({"call": "os.system"}),
    "two kinds": of_tree({"list": [], "dict": {}}),
    "no kind": of_tree({}),
    "dict is a list": of_tree({"dict": [1]}),
    "tuple is a number": of_tree({"tuple": 1}),
    "float is a number": of_tree({"float": 0.5}),
    "float is a list": of_tree({"float": []}),
    "array is a number": npz('{"format":1,"tree":{"array":0}}'),
    "array is a list": of_tree({"array": [0]}),
    "array is the text": of_tree({"array": "tree"}),
    "array twice": npz(
        '{"format":1,"tree":[{"array":"0"},{"array":"0"}]}', {"0.npy": npy(GOOD["0"])}
    ),
    "text of floats": npz('{"format":1,"tree":{"text":"0"}}', {"0.npy": npy(np.ones((2, 3)))}),
    "text of no characters": npz(
        '{"format":1,"tree":{"text":"0"}}', {"0.npy": npy(np.ones((2, 0), np.uint32))}
    ),
    "text of no dimension": npz(
        '{"format":1,"tree":{"text":"0"}}', {"0.npy": npy(np.array(7, np.uint32))}
    ),
    "characters that do not exist": npz(
        '{"format":1,"tree":{"text":"0"}}', {"0.npy": npy(np.full((2, 3), 0x110000, np.uint32))}
    ),
    "huge array of objects": of_tree({"objects": {"shape": [10**12], "items": ["a"]}}),
    "array of lists": of_tree({"objects": {"shape": [1], "items": [["a"]]}}),
    "array of objects without shape": of_tree({"objects": {"items": ["a"]}}),
    "array of objects is a list": of_tree({"objects": [1]}),
}


def assert_refused(path, data):
    """Check that a file is refused by one sentence, without much memory."""
    path.write_bytes(data)
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match=r"cannot be read as a file of skmlp: \w+") as caught:
            files.read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    message = str(caught.value)
    assert str(path) in message
    assert "\n" not in message
    assert len(message) < len(str(path)) + 220
    assert peak < 20e6 + 5 * len(data)


def test_archives_of_the_catalogue_would_be_read_if_they_were_sound(tmp_path):
    for data in (npz(), with_first(npy(GOOD["0"], header()))):
        (tmp_path / "tree").write_bytes(data)
        assert same(files.read(tmp_path / "tree"), list(GOOD.values()))


@pytest.mark.parametrize("kind", ARCHIVES)
def test_damaged_archive_is_refused(tmp_path, kind):
    if kind == "big-endian numbers":
        pytest.skip("sound where the machine is") if sys.byteorder == "big" else None
    assert_refused(tmp_path / "tree", ARCHIVES[kind])


OTHERS = {
    "nothing": b"",
    "a byte": b"P",
    "text": b"weights: 1 2 3\n",
    "JSON": b'{"format": 1, "tree": null}',
    "a pickle": pickle.dumps(TREE["weights"]),
    "an array": npy(np.arange(3.0)),
    "an empty archive": archive([]),
    "zeros": bytes(1_000),
    "gzip": b"\x1f\x8b\x08" + bytes(20),
}


@pytest.mark.parametrize("kind", OTHERS)
def test_file_of_another_kind_is_refused(tmp_path, kind):
    assert_refused(tmp_path / "tree", OTHERS[kind])


@pytest.fixture
def sound(path):
    """The bytes of a small file of a format."""
    files.write(path, {"a": np.arange(3.0), "b": [1, 0.5, "c"]})
    return path.read_bytes()


def test_truncated_file_is_refused(path, sound):
    for length in {*range(0, len(sound), 3), *range(len(sound) - 30, len(sound))}:
        path.write_bytes(sound[:length])
        with pytest.raises(ValueError, match="cannot be read"):
            files.read(path)


def test_every_flipped_bit_is_refused_or_does_no_harm(path, sound):
    rng = np.random.RandomState(0)
    for place in range(len(sound)):
        changed = bytearray(sound)
        changed[place] ^= 1 << rng.randint(8)
        path.write_bytes(changed)
        try:
            tree = files.read(path)
        except ValueError:
            continue
        assert same(tree, {"a": np.arange(3.0), "b": [1, 0.5, "c"]})


# -- damaged safetensors -------------------------------------------------------------------


def floats(start, stop, shape=None, dtype="F64"):
    """Return the description of a tensor."""
    shape = [(stop - start) // 8] if shape is None else shape
    return {"dtype": dtype, "shape": shape, "data_offsets": [start, stop]}


def safetensors(tensors, data, metadata=None, text=None):
    """Return a safetensors file, made by hand."""
    described = {**tensors} if metadata is None else {"__metadata__": metadata, **tensors}
    head = json.dumps(described).encode() if text is None else text.encode()
    return struct.pack("<Q", len(head)) + head + data


ARRAY = '{"format":1,"tree":{"array":"0"}}'


def checked(text=ARRAY, tensors=None, data=bytes(8), described="0 float64 (1,)", **more):
    """Return a safetensors file of one array, by default a zero, with the right checksum."""
    crc = zlib.crc32(data, zlib.crc32(described.encode(), zlib.crc32(text.encode())))
    metadata = {"tree": f"{crc:08x}{text}"}
    return safetensors({"0": floats(0, 8)} if tensors is None else tensors, data, metadata, **more)


TENSORS = {
    "length beyond the file": struct.pack("<Q", 10**6) + b"{}",
    "length of 16 exbibytes": struct.pack("<Q", 2**64 - 1) + b"{" + bytes(100),
    "header is cut": checked()[:30],
    "header is noise": safetensors({}, b"", text="{noise"),
    "header is nested": safetensors({}, b"", text='{"a":' * DEEP + "1" + "}" * DEEP),
    "header has a name twice": safetensors(
        {}, bytes(8), text="{{{0},{0}}}".format('"0":' + json.dumps(floats(0, 8)))
    ),
    "no metadata": safetensors({"0": floats(0, 8)}, bytes(8)),
    "no text": safetensors({"0": floats(0, 8)}, bytes(8), {"format": "pt"}),
    "no checksum": safetensors({"0": floats(0, 8)}, bytes(8), {"tree": ARRAY}),
    "wrong checksum": safetensors({"0": floats(0, 8)}, bytes(8), {"tree": "0" * 8 + ARRAY}),
    "text is short": safetensors({"0": floats(0, 8)}, bytes(8), {"tree": "{}"}),
    "text is a number": safetensors({}, b"", {"tree": 3}),
    "other data": checked().removesuffix(b"\x00") + b"\x01",
    "other name": checked(tensors={"1": floats(0, 8)}),
    "other type": checked(tensors={"0": floats(0, 8, [1], "I64")}),
    "other shape": checked(tensors={"0": floats(0, 8, [1, 1])}),
    "huge shape": checked(tensors={"0": floats(0, 8, [10**12])}),
    "shape beyond 64 bits": checked(tensors={"0": floats(0, 8, [2**40, 2**40])}),
    "negative shape": checked(tensors={"0": floats(0, 8, [-1])}),
    "offsets beyond the data": checked(tensors={"0": floats(0, 10**12, [125 * 10**9])}),
    "offsets backwards": checked(tensors={"0": floats(8, 0, [1])}),
    "hole": checked(tensors={"0": floats(8, 16, [1])}, data=bytes(16)),
    "overlap": checked(tensors={"0": floats(0, 8), "1": floats(0, 8)}),
    "data go on": checked(data=bytes(16)),
    "unknown type": checked(tensors={"0": floats(0, 8, [1], "F65")}),
    "type without NumPy's": checked(tensors={"0": floats(0, 8, [4], "BF16")}),
    "complex numbers": checked(
        tensors={"0": floats(0, 8, [1], "C64")}, described="0 complex64 (1,)"
    ),
    "boolean that is neither": checked(
        tensors={"0": floats(0, 8, [8], "BOOL")}, data=bytes([7] * 8), described="0 bool (8,)"
    ),
    "array too few": checked('{"format":1,"tree":[{"array":"0"},{"array":"1"}]}'),
    "array too many": checked('{"format":1,"tree":null}'),
    "tree nested": checked('{"format":1,"tree":' + "[" * DEEP + "]" * DEEP + "}"),
}


def test_tensors_of_the_catalogue_would_be_read_if_they_were_sound(tmp_path):
    pytest.importorskip("safetensors")
    (tmp_path / "tree").write_bytes(checked())
    assert same(files.read(tmp_path / "tree"), np.zeros(1))


@pytest.mark.parametrize("kind", TENSORS)
def test_damaged_safetensors_are_refused(tmp_path, kind):
    pytest.importorskip("safetensors")
    assert_refused(tmp_path / "tree", TENSORS[kind])


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="no such device")
def test_endless_file_is_refused():
    with pytest.raises(ValueError, match="first bytes"):
        files.read("/dev/zero")
