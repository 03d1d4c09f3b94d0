"""The same work in each library: a function without arguments that a worker can time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from typing import Any

import numpy as np
from _rows import N_CLASSES, SKLEARN, TORCH, Row

Work = Callable[[], object]
MODULES = {"skmlp": "skmlp", SKLEARN: "sklearn.neural_network"}


def make_data(row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Return the data of a row; nobody writes to it."""
    return _drawn(row.samples, row.features, row.dtype)


@lru_cache(maxsize=2)
def _drawn(samples: int, features: int, dtype: str) -> tuple[np.ndarray, np.ndarray]:
    """Draw standard normal features and random classes; every class occurs."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((samples, features), dtype=dtype)  # type: ignore[call-overload]
    y = rng.integers(N_CLASSES, size=samples)
    y[:N_CLASSES] = np.arange(min(N_CLASSES, samples))
    return X, y


def make_estimator(library: str, row: Row) -> Any:
    """Make the library's MLPClassifier that runs exactly `row.epochs` epochs."""
    return import_module(MODULES[library]).MLPClassifier(
        hidden_layer_sizes=row.hidden,
        batch_size=row.batch,
        max_iter=row.epochs,
        tol=0.0,
        n_iter_no_change=row.epochs + 1,
        random_state=0,
        **row.options,
    )


def torch_fit(row: Row, X: np.ndarray, y: np.ndarray) -> Any:
    """Train the same network by a plain eager PyTorch loop; return it."""
    import torch
    from torch import nn

    torch.manual_seed(0)
    inputs, labels = torch.from_numpy(X), torch.from_numpy(y)
    model = torch_model(row)
    loss = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)
    for _ in range(row.epochs):
        order = torch.randperm(row.samples)
        for start in range(0, row.samples, row.batch):
            rows = order[start : start + row.batch]
            optimizer.zero_grad(set_to_none=True)
            loss(model(inputs[rows]), labels[rows]).backward()
            optimizer.step()
    return model


def torch_model(row: Row) -> Any:
    """Stack linear layers with ReLU between them, and the dropout and batch norm of the options."""
    from torch import nn

    rates = [row.options.get(name, 0.0) for name in ("input_dropout", "dropout")]
    first, other = ([nn.Dropout(rate)] if rate else [] for rate in rates)
    layers, n_in = [*first], row.features
    for width in row.hidden:
        normalised = [nn.BatchNorm1d(width)] if row.options.get("batch_norm") else []
        layers += [nn.Linear(n_in, width), *normalised, nn.ReLU(), *other]
        n_in = width
    return nn.Sequential(*layers, nn.Linear(n_in, N_CLASSES))


def few_batches(row: Row) -> Row:
    """The same network and batch size, trained for two batches only."""
    return replace(row, samples=2 * row.batch, epochs=1)


def fit_work(library: str, row: Row) -> Work:
    """Return the fit of `row`, after a few batches that warm the library up."""

    def fit(row: Row, X: np.ndarray, y: np.ndarray) -> object:
        if library == TORCH:
            return torch_fit(row, X, y)
        return make_estimator(library, row).fit(X, y)

    few = few_batches(row)
    fit(few, *make_data(few))
    X, y = make_data(row)
    return lambda: fit(row, X, y)


def predict_work(library: str, row: Row) -> Work:
    """Return one call of a predict method on a network fitted beforehand."""
    model = make_estimator(library, row).fit(*make_data(few_batches(row)))
    X, _ = make_data(row)
    method = getattr(model, row.method)
    method(X)
    return lambda: method(X)


def make_work(library: str, row: Row) -> Work:
    """Prepare the data and models of `row`, and return the call to time."""
    return fit_work(library, row) if row.trains else predict_work(library, row)
