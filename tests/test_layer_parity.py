"""Whole trainings against PyTorch: the same weights after fifty steps from the same start."""

import numpy as np
import pytest
from trust import problem

from skmlp import MLPClassifier, MLPRegressor
from skmlp._noise import Noise

torch = pytest.importorskip("torch")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

N_ROWS, N_FEATURES, BATCH, EPOCHS = 100, 4, 20, 10
HIDDEN = (8, 6)
PARAMS = {
    "hidden_layer_sizes": HIDDEN,
    "solver": "adamw",
    "learning_rate": "cosine",
    "learning_rate_init": 0.01,
    "alpha": 0.0,
    "weight_decay": 0.05,
    "batch_size": BATCH,
    "max_iter": EPOCHS,
    "shuffle": False,
    "random_state": 0,
    "n_iter_no_change": 1000,
}
FUNCTIONS = {"relu": torch.nn.ReLU, "tanh": torch.nn.Tanh, "selu": torch.nn.SELU}

#: Losses by PyTorch, and what they take for targets.
TASKS = {
    "multiclass": lambda raw, y: torch.nn.functional.cross_entropy(raw, torch.tensor(y)),
    "binary": lambda raw, y: torch.nn.functional.binary_cross_entropy_with_logits(
        raw[:, 0], torch.tensor(y, dtype=raw.dtype)
    ),
    "multi-output": lambda raw, y: ((raw - torch.tensor(y)) ** 2).sum(axis=1).mean() / 2,
}


class MaskedDropout(torch.nn.Module):
    """Dropout with given masks, one a training step."""

    def __init__(self, masks, rate):
        super().__init__()
        self.masks, self.rate = iter(masks), rate

    def forward(self, x):
        """Drop, in training only."""
        return x * torch.tensor(next(self.masks)) / (1 - self.rate) if self.training else x


def build(est, masks=None):
    """Return the same network in PyTorch, of double precision."""
    norms = {"batch_norm": torch.nn.BatchNorm1d, "layer_norm": torch.nn.LayerNorm}
    layers, width = [], N_FEATURES
    if est.batch_norm in ("input", "input_only"):
        layers.append(norms["batch_norm"](width))
    for i, units in enumerate(HIDDEN):
        layers.append(torch.nn.Linear(width, units))
        normalised = []
        if est.batch_norm in (True, "input", "after"):
            normalised.append(norms["batch_norm"](units))
        if est.layer_norm:
            normalised.append(norms["layer_norm"](units))
        activated = [FUNCTIONS[est.activation]()]
        after = est.batch_norm == "after"
        layers += [*activated, *normalised] if after else [*normalised, *activated]
        if est.dropout:
            layers.append(MaskedDropout(masks[i], est.dropout))
        width = units
    layers.append(torch.nn.Linear(width, est.n_outputs_))
    return torch.nn.Sequential(*layers).double()


def pairs(est, net):
    """Yield the learnable arrays of both, and whether they are weights."""
    dense = zip(est.coefs_, est.intercepts_, strict=True)
    others = iter(est.layer_params_)
    for layer in net:
        if isinstance(layer, torch.nn.Linear):
            weight, bias = next(dense)
            yield weight.T, layer.weight, True
            yield bias, layer.bias, False
        elif isinstance(layer, torch.nn.BatchNorm1d | torch.nn.LayerNorm):
            p = next(others)
            yield p["gamma"], layer.weight, False
            yield p["beta"], layer.bias, False


def take_over(est, net):
    """Give PyTorch's network the arrays of an estimator, statistics too."""
    with torch.no_grad():
        for ours, theirs, _ in pairs(est, net):
            theirs.copy_(torch.tensor(ours.copy()))
    layers = [
        layer for layer in net if isinstance(layer, torch.nn.BatchNorm1d | torch.nn.LayerNorm)
    ]
    for p, layer in zip(est.layer_params_, layers, strict=True):
        if "mean" in p:
            layer.running_mean.copy_(torch.tensor(p["mean"]))
            layer.running_var.copy_(torch.tensor(p["variance"]))


def optimizer_of(est, net):
    """Return AdamW that decays weights alone, and a cosine over all steps."""
    weights = [theirs for _, theirs, is_weight in pairs(est, net) if is_weight]
    spared = [theirs for _, theirs, is_weight in pairs(est, net) if not is_weight]
    optimizer = torch.optim.AdamW(
        [
            {"params": weights, "weight_decay": est.weight_decay},
            {"params": spared, "weight_decay": 0.0},
        ],
        lr=est.learning_rate_init,
    )
    steps = EPOCHS * N_ROWS // BATCH
    return optimizer, torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)


def train(est, net, X, y, task):
    """Train PyTorch's network; return the mean loss of each epoch."""
    optimizer, schedule = optimizer_of(est, net)
    curve = []
    for _ in range(EPOCHS):
        losses = []
        for first in range(0, N_ROWS, BATCH):
            rows = slice(first, first + BATCH)
            optimizer.zero_grad()
            loss = TASKS[task](net(torch.tensor(X[rows])), y[rows])
            loss.backward()
            if est.max_grad_norm is not None:
                torch.nn.utils.clip_grad_norm_(net.parameters(), est.max_grad_norm)
            optimizer.step()
            schedule.step()
            losses.append(loss.item())
        curve.append(np.mean(losses))
    return curve


def make(task, **params):
    """Return an unfitted estimator."""
    kind = MLPRegressor if task == "multi-output" else MLPClassifier
    return kind(**{**PARAMS, **params})


def check_parity(task, masks=None, rtol=1e-8, **params):
    """Compare fifty steps from the same weights."""
    X, y = problem(task, n=N_ROWS, n_features=N_FEATURES)
    est = make(task, **params).fit(X, y)
    start = make(task, **params, learning_rate_init=1e-300).fit(X, y)
    net = build(est, masks)
    take_over(start, net)
    curve = train(est, net, X, y, task)
    for (ours, theirs, is_weight), (first, _, _) in zip(
        pairs(est, net), pairs(start, net), strict=True
    ):
        if is_weight:  # a bias that batch norm takes away again stays where it is
            assert np.abs(ours - first).max() > 0.01
        np.testing.assert_allclose(ours, theirs.detach().numpy(), rtol=rtol, atol=rtol)
    np.testing.assert_allclose(est.loss_curve_, curve, rtol=rtol)
    take_over(est, net)
    raw = net.eval()(torch.tensor(X)).detach().numpy()
    found = est.predict(X) if task == "multi-output" else est.decision_function(X)
    np.testing.assert_allclose(found.reshape(raw.shape), raw, rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("batch_norm", [False, True, "after", "input", "input_only"])
def test_fifty_steps_of_adamw_with_a_cosine_and_batch_norm(batch_norm, task):
    check_parity(task, batch_norm=batch_norm)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("activation", FUNCTIONS)
def test_fifty_steps_with_layer_norm(activation, task):
    check_parity(task, layer_norm=True, activation=activation)


def test_fifty_steps_with_both_norms():
    check_parity("multiclass", layer_norm=True, batch_norm="input")


@pytest.mark.parametrize("batch_norm", [False, True, "after"])
def test_fifty_steps_with_the_same_dropout(batch_norm, monkeypatch):
    """PyTorch is given the masks that were drawn."""
    drawn, mask, rate = [], Noise.mask, 0.375

    def spy(self, rate, out):
        kept = mask(self, rate, out)
        drawn.append(out.copy())
        return kept

    monkeypatch.setattr(Noise, "mask", spy)
    X, y = problem("multiclass", n=N_ROWS, n_features=N_FEATURES)
    make("multiclass", dropout=rate, batch_norm=batch_norm).fit(X, y)
    masks = [drawn[i::2] for i in range(2)]
    assert [len(each) for each in masks] == [EPOCHS * N_ROWS // BATCH] * 2
    assert [each[0].shape for each in masks] == [(BATCH, units) for units in HIDDEN]
    check_parity("multiclass", masks, dropout=rate, batch_norm=batch_norm)


def test_fifty_steps_with_a_limited_gradient():
    """PyTorch adds 1e-6 to the norm of the gradient."""
    check_parity("multiclass", batch_norm=True, max_grad_norm=0.1, rtol=1e-4)
