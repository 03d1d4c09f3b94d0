"""The number of BLAS threads follows the size of the products, and is put back afterwards."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_limits
from trust import run_python

from skmlp import MLPClassifier, MLPRegressor
from skmlp.layers import dense

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

#: Seconds after which a thread that should have come by is given up.
PATIENCE = 60

SMALL = {"hidden_layer_sizes": (50,), "max_iter": 1}  # 200 x 20 x 50 multiply-adds
LARGE = {"hidden_layer_sizes": (800, 800), "max_iter": 1}  # 200 x 800 x 800


@cache
def _libraries():
    return ThreadpoolController().select(user_api="blas").lib_controllers


def blas_threads():
    """Return how many threads each BLAS library of the process uses."""
    return {lib.num_threads for lib in _libraries()}


def release():
    """Let any thread set the number next.

    Since version 3.7 threadpoolctl listens to one thread only: the first to set a number,
    until its ``with threadpool_limits`` ends or the thread does.
    """
    for lib in _libraries():
        if hasattr(lib, "clear_controlling_thread"):
            lib.clear_controlling_thread(force=True)


@pytest.fixture
def two_threads(request):
    """Give BLAS two threads, as the process's own number or by a limit of this thread."""
    with threadpool_limits(2, user_api="blas"):
        if blas_threads() != {2}:
            pytest.skip("this BLAS cannot be given two threads")
        free = getattr(request, "param", "the process's") == "the process's"
        if free:
            release()
        # What fits in other threads make of it: they cannot lower another thread's limit.
        yield {1} if free or not hasattr(_libraries()[0], "clear_controlling_thread") else {2}
        assert blas_threads() == {2}
        release()


#: For tests in which several threads take part.
set_by_anybody = pytest.mark.parametrize("two_threads", ["the process's", "a limit"], indirect=True)


@pytest.fixture
def seen(monkeypatch):
    """Collect the numbers of threads that the products meet."""
    numbers, product = set(), dense.product

    def watching(*args):
        numbers.update(blas_threads())
        return product(*args)

    monkeypatch.setattr(dense, "product", watching)
    return numbers


def data(n=200):
    rng = np.random.RandomState(0)
    return rng.rand(n, 20), rng.randint(0, 3, n)


def fitted(**params):
    """Return an estimator fitted on so few rows that its products are small."""
    X, y = data(30)
    return MLPClassifier(random_state=0, **params).fit(X, y)


# -- sizes decide ----------------------------------------------------------------------


@pytest.mark.parametrize("solver", ["sgd", "adam", "lbfgs"])
@pytest.mark.parametrize(("size", "expected"), [(SMALL, 1), (LARGE, 2)], ids=["small", "large"])
def test_fit_takes_threads_by_the_size_of_its_products(two_threads, seen, size, expected, solver):
    X, y = data()
    MLPClassifier(solver=solver, max_fun=1, **size).fit(X, y)
    assert seen == {expected}
    assert blas_threads() == {2}


@pytest.mark.parametrize(("size", "expected"), [(SMALL, 1), (LARGE, 2)], ids=["small", "large"])
def test_partial_fit_takes_threads_by_the_size_of_its_products(two_threads, seen, size, expected):
    X, y = data()
    MLPRegressor(**size).partial_fit(X, y)
    assert seen == {expected}


@pytest.mark.parametrize(
    ("size", "rows", "expected"),
    [(SMALL, 200, 1), (SMALL, 20, 1), (LARGE, 3, 1), (LARGE, 1, 1), (LARGE, 200, 2)],
)
def test_predict_takes_threads_by_the_size_of_its_products(two_threads, seen, size, rows, expected):
    est = fitted(**size)
    X, _ = data(200)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        seen.clear()
        getattr(est, method)(X[:rows])
        assert seen == {expected}
        assert blas_threads() == {2}


def test_rows_of_a_batch_count_not_all_rows(two_threads, seen):
    X, y = data(2_000)
    for batch_size, expected in ((10, 1), (1_000, 2)):
        seen.clear()
        MLPClassifier((500, 500), batch_size=batch_size, max_iter=1).fit(X, y)
        assert seen == {expected}


def test_threads_do_not_change_the_choice(seen):
    X, y = data()
    choices = []
    for _ in range(3):
        seen.clear()
        with threadpool_limits(2, user_api="blas"):
            MLPClassifier(**SMALL).fit(X, y)
        choices.append(set(seen))
    assert choices == [{1}] * 3


# -- the user's own number -----------------------------------------------------------------


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["small", "large"])
def test_users_limit_is_respected_and_restored(two_threads, seen, size):
    X, y = data()
    with threadpool_limits(1, user_api="blas"):
        est = MLPClassifier(**size).fit(X, y)
        est.predict(X)
        assert seen == {1}
        assert blas_threads() == {1}
    assert blas_threads() == {2}


def test_larger_number_of_the_user_is_kept(seen):
    X, y = data()
    with threadpool_limits(3, user_api="blas"):
        number = blas_threads()
        MLPClassifier(**LARGE).fit(X, y)
        assert seen == number
        MLPClassifier(**SMALL).fit(X, y)
        assert blas_threads() == number


def test_number_that_the_user_sets_meanwhile_is_kept(two_threads, monkeypatch):
    X, y = data()
    product = dense.product

    def setting(*args):
        threadpool_limits(3, user_api="blas")
        return product(*args)

    monkeypatch.setattr(dense, "product", setting)
    MLPClassifier(**SMALL).fit(X, y)
    meanwhile = blas_threads()
    threadpool_limits(2, user_api="blas")
    assert meanwhile == {3}


def numbers_seen():
    """Fit and predict; return the numbers of threads before, in between and after."""
    numbers, product = blas_threads(), dense.product

    def watching(*args):
        numbers.update(blas_threads())
        return product(*args)

    dense.product = watching
    for size in (SMALL, LARGE):
        X, y = data()
        MLPClassifier(**size).fit(X, y).predict(X)
    return numbers | blas_threads()


def test_environment_variable_is_respected():
    done = run_python(
        "import test_threads as t; print(t.numbers_seen())",
        OMP_NUM_THREADS="1",
        PYTHONWARNINGS="ignore",
    )
    assert done.stdout.split() == ["{1}"], done.stderr


# -- afterwards, and beside ------------------------------------------------------------------


def test_number_is_put_back_after_an_error(two_threads, monkeypatch):
    X, y = data()
    est = fitted(**SMALL)

    def failing(*args):
        assert blas_threads() == {1}
        raise OSError("gone")

    monkeypatch.setattr(dense, "product", failing)
    for act in (lambda: est.fit(X, y), lambda: est.partial_fit(X, y), lambda: est.predict(X)):
        with pytest.raises(OSError, match="gone"):
            act()
        assert blas_threads() == {2}


def test_number_is_put_back_after_refused_input(two_threads):
    X, y = data()
    est = fitted(**SMALL)
    for act in (lambda: est.fit(X * np.nan, y), lambda: est.predict(X * np.nan)):
        with pytest.raises(ValueError, match="NaN"):
            act()
        assert blas_threads() == {2}


def test_number_is_put_back_after_divergence(two_threads):
    X, y = data()
    with pytest.raises(ValueError, match="non-finite"):
        MLPRegressor((50,), solver="sgd", learning_rate_init=1e100).fit(X, y)
    assert blas_threads() == {2}


class Gate:
    """Threads that stop at their first product, and live on after their work."""

    def __init__(self):
        self._events, self._threads = {}, []
        self.errors = []

    def pass_by(self):
        """Say that this thread has come by, and wait to be told to go on."""
        events = self._events.get(threading.current_thread())
        if events and not events["entered"].is_set():
            events["entered"].set()
            assert events["go on"].wait(PATIENCE)

    def start(self, act):
        """Start a thread, and wait until it stands at the gate."""
        thread = threading.Thread(target=self._run, args=(act,))
        names = ("entered", "go on", "done", "end")
        self._events[thread] = {name: threading.Event() for name in names}
        self._threads.append(thread)
        thread.start()
        assert self._events[thread]["entered"].wait(PATIENCE)
        return thread

    def _run(self, act):
        events = self._events[threading.current_thread()]
        try:
            act()
        except Exception as error:
            self.errors.append(error)
        events["done"].set()
        events["end"].wait(PATIENCE)

    def leave(self, thread):
        """Let a thread finish its work."""
        self._events[thread]["go on"].set()
        assert self._events[thread]["done"].wait(PATIENCE)
        assert self.errors == []

    def close(self):
        """Let all threads end."""
        for thread in self._threads:
            for event in self._events[thread].values():
                event.set()
            thread.join(PATIENCE)


@pytest.fixture
def gate(monkeypatch):
    """Stop the threads that it starts at their first product."""
    gate, product = Gate(), dense.product

    def gated(*args):
        gate.pass_by()
        return product(*args)

    monkeypatch.setattr(dense, "product", gated)
    yield gate
    gate.close()


def fit_small():
    MLPClassifier(**SMALL).fit(*data())


def fit_large():
    MLPClassifier(**LARGE).fit(*data())


def fit_and_fail():
    try:
        MLPRegressor((50,), solver="sgd", learning_rate_init=1e100).fit(*data())
    except ValueError:
        return
    raise AssertionError("the fit did not diverge")


@set_by_anybody
@pytest.mark.parametrize("order", list(itertools.permutations(range(3))), ids=str)
@pytest.mark.parametrize("last", [fit_small, fit_and_fail], ids=["good", "failing"])
def test_overlapping_fits_put_the_number_back_in_any_order(two_threads, gate, order, last):
    threads = [gate.start(act) for act in (fit_small, fit_small, last)]
    for i in order:
        assert blas_threads() == two_threads
        gate.leave(threads[i])
    assert blas_threads() == {2}


@set_by_anybody
def test_number_is_back_between_fits_and_lowered_again(two_threads, gate):
    for _ in range(2):
        thread = gate.start(fit_small)
        assert blas_threads() == two_threads
        gate.leave(thread)
        assert blas_threads() == {2}


def test_large_fit_changes_nothing_for_code_beside_it(two_threads, gate):
    thread = gate.start(fit_large)
    assert blas_threads() == {2}
    gate.leave(thread)
    assert blas_threads() == {2}


@set_by_anybody
def test_predictions_overlap_with_a_fit(two_threads, gate):
    est = fitted(**SMALL)
    X, _ = data()
    fit = gate.start(fit_small)
    est.predict(X)
    assert blas_threads() == {1}
    predict = gate.start(lambda: est.predict(X))
    gate.leave(fit)
    assert blas_threads() == {1}
    gate.leave(predict)
    assert blas_threads() == {2}


@set_by_anybody
def test_fit_in_this_thread_is_overlapped_by_one_that_ends_later(two_threads, gate, monkeypatch):
    X, y = data()
    beside, product = [], dense.product

    def starting(*args):
        if not beside:
            beside.append(None)
            beside[0] = gate.start(fit_small)
        return product(*args)

    with monkeypatch.context() as patch:
        patch.setattr(dense, "product", starting)
        MLPClassifier(**SMALL).fit(X, y)
    assert blas_threads() == {1}
    gate.leave(beside[0])
    assert blas_threads() == {2}


@set_by_anybody
def test_fit_leaves_the_number_to_other_threads(two_threads):
    numbers = []

    def limit_of_another_thread():
        with threadpool_limits(3, user_api="blas"):
            numbers.append(blas_threads())

    release()
    fit_small()
    thread = threading.Thread(target=limit_of_another_thread)
    thread.start()
    thread.join(PATIENCE)
    assert numbers == [{3}]


@set_by_anybody
def test_many_fits_in_many_threads_put_the_number_back(two_threads):
    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(act) for act in [fit_small, fit_and_fail] * 20]:
            future.result()
        assert blas_threads() == {2}
    assert blas_threads() == {2}
