"""One line that is written again and again for a person; a line an epoch for everybody else."""

import io
import math
import os
import re
import subprocess
import sys
import threading
import time
from contextlib import contextmanager, redirect_stdout
from importlib.util import find_spec

import numpy as np
import pytest
from trust import estimator, problem, same

from skmlp import LossCurveDisplay
from skmlp.estimators.display import display, progress_line
from skmlp.estimators.display.line import cut, say
from skmlp.estimators.display.plain_line import PlainLine
from skmlp.estimators.display.progress_line import ProgressLine
from skmlp.estimators.observers import Epoch

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore:The validation set"),
]

#: What the process in the terminal does first.
START = """
import os, signal, sys, time, warnings
import numpy as np
from joblib import Parallel, delayed
from sklearn.exceptions import ConvergenceWarning
from threading import Thread
from skmlp import MLPClassifier
from skmlp.estimators.display import progress_line

warnings.simplefilter("ignore", ConvergenceWarning)
os.environ["PYTHONWARNINGS"] = "ignore"  # in workers
X = np.random.RandomState(0).randn(200, 3)
y = X[:, 0] > 0

def quiet(n):
    pass

def fit(max_iter=10, between=quiet, scored=True, **params):
    n_scores = 0
    def score(est, X, y):
        nonlocal n_scores
        n_scores += 1
        between(n_scores)
        return est.score(X, y)
    if scored:
        params = {"early_stopping": True, "scoring": score, "n_iter_no_change": 99, **params}
    est = MLPClassifier((4,), max_iter=max_iter, random_state=0, **{"verbose": True, **params})
    return est.fit(X, y)

def lasting(n):
    time.sleep(0.06)

def resize(columns):
    import fcntl, struct, termios
    fcntl.ioctl(1, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
"""

#: What it does then, each under a name.
SCENES = {
    "one line": "fit(between=lasting); print('after')",
    "others write": """
progress_line.INTERVAL = 0.0
def between(n):
    if n == 4: print("printed")
    if n == 6: warnings.warn("careful")
    if n == 8: sys.stderr.writelines(["two ", "parts\\n"])
fit(between=between)
print("after", sys.stdout is sys.__stdout__, sys.stderr is sys.__stderr__)
""",
    "half lines": """
def between(n):
    if n > 3: print(".", end="")
    if n == 9: print("done")
fit(between=between)
""",
    "error": """
def between(n):
    if n == 6: raise OSError("no score")
try: fit(between=between)
except OSError as error: print(error, sys.stdout is sys.__stdout__)
""",
    "interrupt": """
signal.signal(signal.SIGINT, signal.default_int_handler)  # a parent may have it ignored
def between(n):
    if n == 6:
        sys.__stdout__.write("^C")
        signal.raise_signal(signal.SIGINT)
print("after", fit(between=between).stopped_by_, sys.stdout is sys.__stdout__)
""",
    "lbfgs": "fit(5, scored=False, solver='lbfgs')",
    "refit": "fit(4, refit=True, best_of_ties='last', learning_rate_init=0.1)",
    "fast": "progress_line.INTERVAL = 9.9; fit(2); progress_line.INTERVAL = 0.0",
    "stall": "fit(tol=9, n_iter_no_change=3)",
    "nested": """
def between(n):
    if n == 5: fit(3)
fit(between=between)
""",
    "20 columns": "resize(20); fit(6)",
    "45 columns": "resize(45); fit(6)",
    "60 columns": "resize(60); fit(6)",
    "132 columns": "resize(132); fit(6); resize(80)",
    "more verbose": "fit(3, scored=False, verbose=2)",
    "one epoch": "MLPClassifier(verbose=True).partial_fit(X, y, classes=[False, True])",
    "dumb": "os.environ['TERM'] = 'dumb'; fit(2, scored=False); os.environ['TERM'] = 'xterm'",
    "processes": "Parallel(n_jobs=2)(delayed(fit)(3, scored=False) for _ in range(2))",
    "threads": """
threads = [Thread(target=fit, args=(3,)) for _ in range(2)]
for thread in threads: thread.start()
for thread in threads: thread.join()
""",
    "progress bar": """
try:
    from sklearn.callback import ProgressBar
except ImportError:
    print("none")
else:
    bar = ProgressBar() if "rich" in sys.modules and sys.modules["rich"] else None
    print("none") if bar is None else MLPClassifier(
        verbose=True, max_iter=3).set_callbacks(bar).fit(X, y)
""",
}


class Screen:
    """What a terminal shows after some output, as far as lines are concerned."""

    def __init__(self):
        self.rows, self.column = [""], 0

    def feed(self, text):
        for part in re.findall(r"\x1b\[[0-9;?]*[A-Za-z]|[\s\S]", text):
            self._take(part)
        return [row.rstrip() for row in self.rows]

    def _take(self, part):
        if part == "\n":
            self.rows.append("")
            self.column = 0
        elif part == "\r":
            self.column = 0
        elif part.endswith("K"):
            self.rows[-1] = ""
        elif not part.startswith("\x1b"):
            row = self.rows[-1].ljust(self.column)
            self.rows[-1] = row[: self.column] + part + row[self.column + 1 :]
            self.column += 1


def in_terminal(code):
    """Run Python code in a terminal of 80 columns; return all that was written."""
    pty = pytest.importorskip("pty")  # not on Windows
    ours, theirs = pty.openpty()
    hidden = {"COLUMNS", "LINES", "NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE"}
    inherited = {name: value for name, value in os.environ.items() if name not in hidden}
    path = os.pathsep.join(filter(None, sys.path))
    process = subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**inherited, "PYTHONPATH": path, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    written = b"".join(iter(lambda: _read(ours), b""))
    os.close(ours)
    assert process.wait(60) == 0, written.decode()
    return written.decode().replace("\r\n", "\n")


def _read(descriptor):
    try:
        return os.read(descriptor, 65536)
    except OSError:  # the other side is closed
        return b""


WITHOUT_RICH = pytest.param("import sys; sys.modules['rich'] = None\n", id="plain")
WITH_RICH = pytest.param(
    "import rich\n",
    id="rich",
    marks=pytest.mark.skipif(find_spec("rich") is None, reason="rich is not installed"),
)
both = pytest.mark.parametrize("before", [WITHOUT_RICH, WITH_RICH])


@pytest.fixture(scope="module", params=[WITHOUT_RICH, WITH_RICH])
def scenes(request):
    """Return what each scene writes to a terminal."""
    parts = [f"print('=== {name}', flush=True)\n{code}\n" for name, code in SCENES.items()]
    written = in_terminal("".join([request.param, START, "resize(80)\n", *parts]))
    _, *found = re.split(r"^=== (.*)\n", written, flags=re.MULTILINE)
    return dict(zip(found[::2], found[1::2], strict=True))


# -- in a terminal ---------------------------------------------------------------------


def test_one_line_is_left(scenes):
    written = scenes["one line"]
    line, *rest = Screen().feed(written)
    numbers = r"loss 0\.\d+, val 0\.\d+, best 0\.\d+"
    assert re.search(rf"Epoch 10/10, {numbers}, in \d\.\d s, rate 0\.001$", line)
    assert rest == ["after", ""]
    assert re.search(rf"Epoch  [2-5]/10, {numbers}, \d\.\d s left", written)


@pytest.mark.parametrize("columns", [20, 45, 60, 132])
def test_line_fits_into_the_terminal(columns, scenes):
    written = scenes[f"{columns} columns"]
    line, rest = Screen().feed(written)
    assert rest == ""
    assert "Epoch 6/6" in line
    text = re.sub(r"\x1b[^A-Za-z]*[A-Za-z]", "", written)
    assert max(map(len, re.split("[\r\n]", text))) < columns
    assert ("rate" in line) == (columns == 132)


def test_others_write_above_the_line(scenes):
    rows = Screen().feed(scenes["others write"])
    assert rows[0] == "printed"
    assert rows[1].endswith("UserWarning: careful")
    assert rows[2] == "two parts"
    assert "Epoch 10/10" in rows[3]
    assert rows[4:] == ["after True True", ""]


def test_half_a_line_of_others_stays_whole(scenes):
    rows = Screen().feed(scenes["half lines"])
    assert sum(row.count(".") for row in rows if "Epoch" not in row) == 7
    assert any(row.endswith("done") for row in rows)
    assert all(row.count("Epoch") <= 1 for row in rows)
    assert "Epoch 10/10" in rows[-2]


def test_error_ends_the_line(scenes):
    line, *rest = Screen().feed(scenes["error"])
    assert "Epoch  5/10" in line
    assert rest == ["no score True", ""]


def test_interrupt_ends_the_line(scenes):
    line, *rest = Screen().feed(scenes["interrupt"])
    assert re.search(r"Epoch  5/10, .*, in \d\.\d s, rate 0\.001$", line)
    assert "Training interrupted by user." in "".join(rest)
    assert rest[-2:] == ["after interrupt True", ""]


def test_lbfgs_has_a_line(scenes):
    line, rest = Screen().feed(scenes["lbfgs"])
    assert re.search(r"Epoch \d/5, loss [\d.e-]+, in \d\.\d s$", line)
    assert rest == ""


def test_refit_has_a_line_of_its_own(scenes):
    first, second, rest = Screen().feed(scenes["refit"])
    assert "Epoch 4/4" in first
    assert "val" in first
    assert re.search(r"Epoch (\d)/\1, loss", second)
    assert "val" not in second
    assert rest == ""


def test_fast_training_has_a_line(scenes):
    line, rest = Screen().feed(scenes["fast"])
    assert "Epoch 2/2" in line
    assert rest == ""


def test_message_about_a_stall_stands_above(scenes):
    message, *rest = Screen().feed(scenes["stall"])
    assert message.startswith("Validation score did not improve more than tol=9.000000")
    assert "Epoch  5/10" in "".join(rest)
    assert rest[-1] == ""


def test_training_inside_a_training_does_not_mix_lines(scenes):
    rows = Screen().feed(scenes["nested"])
    assert all(len(re.findall("Epoch|Iteration|Validation", row)) <= 1 for row in rows)
    assert "Epoch 10/10" in rows[-2]
    assert any(re.search("Epoch 3/3|Iteration 3", row) for row in rows)


@pytest.mark.parametrize(
    ("scene", "n_epochs"), [("more verbose", 3), ("one epoch", 1), ("dumb", 2)]
)
def test_line_an_epoch(scene, n_epochs, scenes):
    expected = "".join(rf"Iteration {i}, loss = \d\.\d{{8}}\n" for i in range(1, n_epochs + 1))
    assert re.fullmatch(expected, scenes[scene])


@pytest.mark.parametrize("scene", ["processes", "threads"])
def test_parallel_trainings_print_whole_lines(scene, scenes):
    once = [f"Iteration {i}, loss = " for i in (1, 2, 3)]
    scores = 3 * ["Validation score: "] if scene == "threads" else []
    lines = [re.sub(r"[\d.]+$", "", line) for line in scenes[scene].splitlines()]
    assert sorted(lines) == sorted(2 * [*once, *scores])


def test_line_leaves_room_for_the_progress_bar_of_scikit_learn(scenes):
    rows = [row for row in Screen().feed(scenes["progress bar"]) if row]
    if rows == ["none"]:
        pytest.skip("scikit-learn has no progress bar, or no rich to draw it with")
    assert [row[:13] for row in rows[:3]] == [f"Iteration {i}, " for i in (1, 2, 3)]
    assert "MLPClassifier - fit" in rows[3]
    assert "100%" in rows[3]


# -- elsewhere -------------------------------------------------------------------------


@pytest.mark.parametrize("verbose", [True, 1, 2])
def test_pipes_get_lines(verbose, capsys):
    X, y = problem("multiclass", n=120)
    est = estimator("multiclass", verbose=verbose, early_stopping=True, max_iter=2).fit(X, y)
    expected = [
        text
        for i, (loss, score) in enumerate(
            zip(est.loss_curve_, est.validation_scores_, strict=True), 1
        )
        for text in (f"Iteration {i}, loss = {loss:.8f}", f"Validation score: {score:f}")
    ]
    assert capsys.readouterr().out.splitlines() == expected


class Refusing(io.StringIO):
    def isatty(self):
        return self.terminal

    def write(self, text):
        raise OSError("no space left on device")


def streams():
    """Return what standard output may be, apart from a file."""
    closed = io.StringIO()
    closed.close()
    lone, broken_file, broken_terminal = type("Lone", (), {"write": list})(), *2 * [None]
    broken_file, broken_terminal = Refusing(), Refusing()
    broken_file.terminal, broken_terminal.terminal = False, True
    ascii_only = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    return {
        "none": None,
        "closed": closed,
        "only write": lone,
        "nothing": object(),
        "full disk": broken_file,
        "dead terminal": broken_terminal,
        "ascii": ascii_only,
    }


@pytest.mark.parametrize("verbose", [True, 2])
@pytest.mark.parametrize("stream", streams())
def test_odd_output_does_not_matter(stream, verbose):
    X, y = problem("multiclass", n=120)
    params = {"early_stopping": True, "tol": 9, "n_iter_no_change": 1, "max_iter": 5}
    quiet = estimator("multiclass", **params).fit(X, y)
    odd, stderr = streams()[stream], sys.stderr
    with redirect_stdout(odd):
        loud = estimator("multiclass", verbose=verbose, **params).fit(X, y)
        assert sys.stdout is odd
    assert sys.stderr is stderr
    assert same(loud.coefs_, quiet.coefs_)


def test_no_output_is_no_output():
    with redirect_stdout(None):
        say("nobody hears this")


class Terminal(io.StringIO):
    def isatty(self):
        return True


@both
@pytest.mark.parametrize("solver", ["adam", "sgd", "lbfgs"])
def test_line_does_not_change_the_result(before, solver, monkeypatch):
    monkeypatch.setattr(progress_line, "INTERVAL", 0.0)
    if "None" in before:
        monkeypatch.setitem(sys.modules, "rich", None)
    X, y = problem("multiclass", n=120)
    params = {"solver": solver, "early_stopping": True, "warm_start": True, "max_iter": 8}
    quiet, terminal = estimator("multiclass", **params).fit(X, y), Terminal()
    with redirect_stdout(terminal):
        loud = estimator("multiclass", verbose=True, **params).fit(X, y)
    assert "Epoch 8/8" in terminal.getvalue()
    for name in ("coefs_", "intercepts_", "loss_curve_", "validation_scores_", "_resume"):
        assert same(getattr(loud, name), getattr(quiet, name))


# -- where a line is written again --------------------------------------------------------


def chosen(**settings):
    return display.build_display({"verbose": True, "max_iter": 9, "max_time": None, **settings})


@pytest.fixture(autouse=True)
def _usual_terminal(monkeypatch):
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "80")


def test_who_shows():
    cases = {
        "silent": {"verbose": False},
        "zero": {"verbose": 0},
        "line": {},
        "NumPy": {"verbose": np.int64(1)},
        "more": {"verbose": 3},
        "one epoch": {"max_iter": 1},
    }
    with redirect_stdout(Terminal()):
        kinds = {
            name: [type(observer) for observer in chosen(**settings)]
            for name, settings in cases.items()
        }
    assert kinds == {
        "silent": [],
        "zero": [],
        "line": [ProgressLine],
        "NumPy": [ProgressLine],
        "more": [display.Lines],
        "one epoch": [display.Lines],
    }


def test_notebooks_show_the_line():
    stream = type("OutStream", (io.StringIO,), {"__module__": "ipykernel.iostream"})()
    with redirect_stdout(stream):
        (observer,) = chosen()
    assert isinstance(observer, ProgressLine)
    assert isinstance(observer._line, PlainLine)


@pytest.mark.parametrize("module", ["idlelib.run", "rich.file_proxy"])
def test_pretenders_get_lines(module):
    with redirect_stdout(type("Stream", (Terminal,), {"__module__": module})()):
        assert type(chosen()[0]) is display.Lines


def test_other_threads_get_lines():
    found = []
    thread = threading.Thread(target=lambda: found.extend(chosen()))
    with redirect_stdout(Terminal()):
        thread.start()
        thread.join()
    assert [type(observer) for observer in found] == [display.Lines]


def test_progress_bar_of_scikit_learn_is_known_by_its_thread():
    pytest.importorskip("sklearn.callback")
    from sklearn.callback._progressbar import RichProgressMonitor

    assert issubclass(RichProgressMonitor, threading.Thread)


# -- the line --------------------------------------------------------------------------


class Page:
    """A line that takes note of what it is told."""

    def __init__(self):
        self.shown, self.calls = [], []

    def begin(self):
        self.calls.append("begin")

    def show(self, fields, done):
        self.shown.append((fields, done))

    def leave(self):
        self.calls.append("leave")

    def end(self):
        self.calls.append("end")


@pytest.fixture
def clock(monkeypatch):
    """Return a clock that stands still unless it is set."""
    now = [100.0]
    monkeypatch.setattr(progress_line, "monotonic", lambda: now[0])
    return now


def test_fields(clock):
    page = Page()
    line = ProgressLine(page, 200, None)
    line.training_begin()
    for number, score in enumerate([0.5, 0.75, math.nan], 1):
        clock[0] += 2.0
        line.epoch_end(Epoch(number, 0.25, 0.001, 0.3, score))
    line.training_end()
    start = ["Epoch   2/200", "loss 0.2500", "val 0.7500", "best 0.7500"]
    assert page.shown[1] == ([*start, "0:06:36 left", "rate 0.001"], 0.01)
    last = ["Epoch   3/200", "loss 0.2500", "val nan", "best 0.7500"]
    assert page.shown[-1] == ([*last, "in 6.0 s", "rate 0.001"], 0.015)
    assert page.calls == ["begin", "leave", "end"]


def test_time_left_goes_on_from_where_the_training_did(clock):
    page = Page()
    line = ProgressLine(page, 100, None)
    line.training_begin()
    for number in (91, 92):
        clock[0] += 1.0
        line.epoch_end(Epoch(number, 1.0))
    assert [fields[-1] for fields, _ in page.shown] == ["9.0 s left", "8.0 s left"]


def test_time_left_is_no_more_than_allowed(clock):
    page = Page()
    line = ProgressLine(page, 1000, 10.0)
    line.training_begin()
    for number in (1, 2, 3):
        clock[0] += 4.0
        line.epoch_end(Epoch(number, 1.0))
    left = [fields[-1] for fields, _ in page.shown]
    assert left == ["6.0 s left", "2.0 s left", "0.0 s left"]


def test_line_is_not_written_more_often_than_it_can_be_read(clock):
    page = Page()
    line = ProgressLine(page, 1000, None)
    line.training_begin()
    for number in range(1, 1001):
        clock[0] += 0.001
        line.epoch_end(Epoch(number, 1.0))
    line.training_end()
    assert 9 <= len(page.shown) <= 11
    assert page.shown[-1][1] == 1.0


def test_training_without_an_epoch_leaves_no_line():
    page = Page()
    line = ProgressLine(page, 10, None)
    line.training_begin()
    line.training_end()
    assert page.shown == []
    assert page.calls == ["begin", "end"]


@pytest.mark.parametrize("value", [1e300, -1e300, 1e-300, math.inf, -math.inf, math.nan])
def test_wild_numbers_are_short(value, clock):
    page = Page()
    line = ProgressLine(page, 10, None)
    line.training_begin()
    line.epoch_end(Epoch(1, value, 1e-12, value, value))
    line.training_end()
    assert max(map(len, page.shown[-1][0])) <= 18


def test_cut():
    fields = ["Epoch 1/9", "loss 0.5", "val 1"]
    assert cut(fields, 100) == "Epoch 1/9, loss 0.5, val 1"
    assert cut(fields, 26) == "Epoch 1/9, loss 0.5, val 1"
    assert cut(fields, 25) == "Epoch 1/9, loss 0.5"
    assert cut(fields, 9) == "Epoch 1/9"
    assert cut(fields, 4) == "Epoc"


@contextmanager
def working():
    """Give a line that works in a terminal, and the terminal."""
    with redirect_stdout(Terminal()) as terminal:
        line = PlainLine()
        line.begin()
        yield line, terminal
        line.leave()
        line.end()


def test_shorter_line_leaves_nothing_of_a_longer_one():
    with working() as (line, terminal):
        line.show(["a long line"], 0.1)
        line.show(["short"], 0.2)
    assert Screen().feed(terminal.getvalue()) == ["short", ""]


def test_half_a_line_before_the_first_line_stays():
    with working() as (line, terminal):
        print("half", end="")
        line.show(["working"], 0.1)
    assert Screen().feed(terminal.getvalue()) == ["half", "working", ""]


def test_echo_of_an_interrupt_is_wiped_out():
    with working() as (line, terminal):
        line.show(["working"], 0.1)
        terminal.write("^C")
        line.show(["working"], 0.1)
    assert Screen().feed(terminal.getvalue()) == ["working", ""]


def test_streams_are_put_back():
    with redirect_stdout(Terminal()) as terminal:
        stderr, line = sys.stderr, PlainLine()
        line.begin()
        assert sys.stdout is not terminal
        assert sys.stderr is not stderr
        line.end()
        assert sys.stdout is terminal
        assert sys.stderr is stderr


def test_streams_that_others_put_there_stay():
    theirs = io.StringIO()
    with redirect_stdout(Terminal()):
        line = PlainLine()
        line.begin()
        sys.stdout = theirs
        line.end()
        assert sys.stdout is theirs


def test_stand_in_writes_on_after_the_line():
    with working() as (line, terminal):
        line.show(["working"], 0.1)
        kept = sys.stdout
    print("later", file=kept)
    assert kept.isatty()
    assert kept is not terminal
    assert Screen().feed(terminal.getvalue()) == ["working", "later", ""]


def test_threads_that_print_do_not_break_the_line():
    stop = time.monotonic() + 0.3

    def talk(name):
        while time.monotonic() < stop:
            sys.stdout.write(f"{name}\n")

    threads = [threading.Thread(target=talk, args=(name,)) for name in ("one", "two")]
    with working() as (line, terminal):
        for thread in threads:
            thread.start()
        while time.monotonic() < stop:
            line.show(["working"], 0.5)
        for thread in threads:
            thread.join()
        line.show(["ended"], 1.0)
    rows = Screen().feed(terminal.getvalue())
    assert len(rows) > 10
    assert set(rows[:-2]) <= {"one", "two"}
    assert rows[-2:] == ["ended", ""]


# -- the plot --------------------------------------------------------------------------


@pytest.mark.parametrize("early_stopping", [False, True])
def test_loss_curve_display(early_stopping, monkeypatch):
    matplotlib = pytest.importorskip("matplotlib")
    matplotlib.use("Agg")
    from matplotlib import pyplot as plt

    X, y = problem("multiclass", n=120)
    est = estimator("multiclass", early_stopping=early_stopping, max_iter=5).fit(X, y)
    _, ax = plt.subplots()
    drawn = LossCurveDisplay.from_estimator(est, ax=ax, color="red")
    assert drawn.ax_ is ax
    assert drawn.figure_ is ax.figure
    curves = [est.loss_curve_, est.validation_loss_curve_][: 1 + early_stopping]
    assert [list(line.get_ydata()) for line in drawn.lines_] == curves
    assert [list(line.get_xdata()) for line in drawn.lines_] == [[1, 2, 3, 4, 5]] * len(curves)
    assert {line.get_color() for line in drawn.lines_} == {"red"}
    assert (ax.get_legend() is not None) == early_stopping
    assert drawn.plot() is drawn
    assert drawn.ax_ is not ax
    plt.close("all")


def test_loss_curve_display_wants_a_fitted_estimator():
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError):
        LossCurveDisplay.from_estimator(estimator("multiclass"))
