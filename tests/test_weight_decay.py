"""Decoupled weight decay: PyTorch's formula, the same whatever the batch, weights alone."""

import numpy as np
import pytest
from sklearn.datasets import make_classification

from skmlp import MLPClassifier, MLPRegressor
from skmlp.optimizers import OPTIMIZERS

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

DECAY, RATE = 0.3, 0.02

#: Those that take decay from the parameters themselves.
PLAIN = [name for name, kind in OPTIMIZERS.items() if not kind.averages]


def data():
    """Return rows and two targets."""
    rng = np.random.RandomState(0)
    return rng.normal(size=(40, 5)), rng.normal(size=(40, 2))


def network(solver, **options):
    """Return a network on which steps are comparable."""
    model = MLPRegressor((6,), "tanh", solver=solver, alpha=0.0, weight_decay=DECAY, shuffle=False)
    model.set_params(batch_size=40, learning_rate_init=RATE, random_state=0, tol=0.0)
    return model.set_params(**options)


# -- PyTorch ---------------------------------------------------------------------------


def torch_net(model):
    """Return PyTorch's network with the weights of a model, and its weights and biases."""
    torch = pytest.importorskip("torch")
    layers = []
    for coef, bias in zip(model.coefs_, model.intercepts_, strict=True):
        linear = torch.nn.Linear(*coef.shape, dtype=torch.float64)
        linear.weight.data[...] = torch.from_numpy(coef.T.copy())
        linear.bias.data[...] = torch.from_numpy(bias.copy())
        layers += [linear, torch.nn.Tanh()]
    net = torch.nn.Sequential(*layers[:-1])
    return net, [layer.weight for layer in net[::2]], [layer.bias for layer in net[::2]]


def train_torch(net, step, rates):
    """Make full-batch steps with given learning rates."""
    torch = pytest.importorskip("torch")
    X, y = map(torch.from_numpy, data())
    for rate in rates:
        net.zero_grad()
        (((net(X) - y) ** 2).sum(dim=1).mean() / 2).backward()
        step(rate)


def assert_same(model, weights, biases):
    for coef, bias, w, b in zip(model.coefs_, model.intercepts_, weights, biases, strict=True):
        np.testing.assert_allclose(coef, w.detach().numpy().T, rtol=1e-9, atol=1e-11)
        np.testing.assert_allclose(bias, b.detach().numpy(), rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("solver", ["adam", "adamw"])
def test_twenty_steps_are_those_of_adamw_in_pytorch(solver):
    """Adam adds ε elsewhere, so that it must not matter."""
    torch = pytest.importorskip("torch")
    start = network(solver, max_iter=1, learning_rate_init=1e-300, weight_decay=1e-300)
    net, weights, biases = torch_net(start.fit(*data()))
    groups = [{"params": weights}, {"params": biases, "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=RATE, eps=1e-14, weight_decay=DECAY)
    train_torch(net, lambda rate: optimizer.step(), [RATE] * 20)
    assert_same(network(solver, max_iter=20, epsilon=1e-14).fit(*data()), weights, biases)


def test_twenty_steps_of_sgd_are_the_decoupled_formula_beside_pytorch():
    """w ← (1 - lr λ) w before PyTorch's step with momentum, whose λ would be coupled."""
    torch = pytest.importorskip("torch")
    start = network("sgd", max_iter=1, learning_rate_init=1e-300, weight_decay=1e-300)
    net, weights, biases = torch_net(start.fit(*data()))
    optimizer = torch.optim.SGD([*weights, *biases], lr=RATE, momentum=0.9)

    def step(rate):
        with torch.no_grad():
            for weight in weights:
                weight.mul_(1 - rate * DECAY)
        optimizer.step()

    train_torch(net, step, [RATE] * 20)
    model = network("sgd", max_iter=20, nesterovs_momentum=False).fit(*data())
    assert_same(model, weights, biases)


# -- the decay alone -------------------------------------------------------------------


def without_gradient(solver, **options):
    """Return a linear model's start and end where the weights have no gradient."""
    X, y = np.zeros((40, 5)), data()[1]
    batch = 40 if OPTIMIZERS[solver].full_batch else 8
    settings = {"hidden_layer_sizes": (), "batch_size": batch, **options}
    still = network(solver, **{**settings, "weight_decay": 1e-300}).fit(X, y)
    return still, network(solver, **settings).fit(X, y)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("solver", PLAIN)
def test_weights_without_gradient_shrink_by_the_same_share_each_step(solver, dtype):
    still, model = without_gradient(solver, max_iter=6, dtype=dtype)
    steps = 6 * (1 if OPTIMIZERS[solver].full_batch else 5)
    expected = still.coefs_[0] * (1 - RATE * DECAY) ** steps
    np.testing.assert_allclose(
        model.coefs_[0], expected, rtol=1e-5 if dtype == "float32" else 1e-12
    )
    assert model.intercepts_[0].tobytes() == still.intercepts_[0].tobytes()
    assert model.coefs_[0].dtype == dtype


@pytest.mark.parametrize("solver", ["sgd", "adam", "adamw", "rmsprop"])
def test_a_step_takes_the_same_share_whatever_the_batch(solver):
    shares = []
    for batch, epochs in ((40, 12), (20, 6), (10, 3)):
        still, model = without_gradient(solver, batch_size=batch, max_iter=epochs)
        shares.append(model.coefs_[0] / still.coefs_[0])
    np.testing.assert_allclose(shares, (1 - RATE * DECAY) ** 12, rtol=1e-12)


def test_alpha_in_contrast_is_divided_by_the_batch():
    """What makes `weight_decay` another thing."""
    shares = []
    for batch in (40, 10):
        X, y = np.zeros((40, 5)), data()[1]
        model = network("sgd", hidden_layer_sizes=(), batch_size=batch, max_iter=1, momentum=0.0)
        still = model.set_params(weight_decay=0.0).fit(X, y).coefs_[0]
        shares.append(np.mean(model.set_params(alpha=4.0).fit(X, y).coefs_[0] / still))
    assert shares == pytest.approx([1 - RATE * 4 / 40, (1 - RATE * 4 / 10) ** 4])


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_the_schedules_of_rate_and_decay_multiply(solver):
    def rate(progress):
        return 0.01 * (1 + progress.step)

    def factor(progress):
        return 1 / (1 + progress.step)

    settings = {"learning_rate": rate, "weight_decay_schedule": factor, "max_iter": 2}
    still, model = without_gradient(solver, **settings)
    expected = still.coefs_[0] * (1 - 0.01 * DECAY) ** 10
    np.testing.assert_allclose(model.coefs_[0], expected, rtol=1e-12)


def test_a_named_schedule_ends_the_decay():
    """Polynomial of power one: 1 - t / T over the planned steps."""
    settings = {"weight_decay_schedule": "polynomial", "max_iter": 2}
    still, model = without_gradient("sgd", **settings)
    factors = 1 - np.arange(10) / 10
    expected = still.coefs_[0] * np.prod(1 - RATE * DECAY * factors)
    np.testing.assert_allclose(model.coefs_[0], expected, rtol=1e-12)


def test_factors_of_the_learning_rate_act_on_the_decay():
    X, y = np.zeros((40, 5)), data()[1]
    model = network("sgd", max_iter=3, learning_rate_factors=[0.5, 0.0])
    still = network("sgd", max_iter=3, learning_rate_factors=[0.5, 0.0], weight_decay=0.0)
    for found, start, factor in zip(
        model.fit(X, y).coefs_, still.fit(X, y).coefs_, (0.5, 0.0), strict=True
    ):
        expected = start * (1 - RATE * DECAY * factor) ** 3
        np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize("solver", OPTIMIZERS)
def test_every_optimizer_shrinks_weights_and_spares_the_rest(solver):
    """A strong decay: the weights vanish, what they are scaled and shifted by does not."""
    X, y = make_classification(60, 6, random_state=0)
    model = MLPClassifier((8,), solver=solver, batch_norm=True, layer_norm=True, random_state=0)
    model.set_params(batch_size=60, learning_rate_init=0.01, max_iter=120, alpha=0.0, tol=0.0)
    free = model.set_params(weight_decay=1e-300, n_iter_no_change=10**9).fit(X, y).coefs_
    decayed = model.set_params(weight_decay=20.0).fit(X, y)
    for coef, other in zip(decayed.coefs_, free, strict=True):
        assert np.linalg.norm(coef) < 0.7 * np.linalg.norm(other)
    for params in decayed.layer_params_:
        assert np.abs(params["gamma"]).mean() > 0.8
        assert params["beta"].all()
    assert all(bias.all() for bias in decayed.intercepts_)


def test_adamw_is_adam_with_a_decay_of_its_own():
    X, y = data()
    default = network("adamw", max_iter=5, weight_decay=0.0).fit(X, y)
    share = OPTIMIZERS["adamw"].default_weight_decay
    assert share > 0
    given = network("adamw", max_iter=5, weight_decay=share).fit(X, y)
    for a, b in zip(default.coefs_, given.coefs_, strict=True):
        assert a.tobytes() == b.tobytes()


def test_decay_is_no_part_of_the_reported_loss():
    X, y = data()
    model = network("adam", max_iter=1, warm_start=True).fit(X, y)
    expected = ((model.predict(X) - y) ** 2).sum(axis=1).mean() / 2
    assert model.fit(X, y).loss_curve_ == [pytest.approx(expected, rel=1e-12)]


@pytest.mark.parametrize("solver", ["sgd", "adam"])
def test_zero_changes_no_bit(solver):
    X, y = data()
    zero = network(solver, max_iter=5, weight_decay=0.0).fit(X, y)
    plain = MLPRegressor(**{**zero.get_params(), "weight_decay": MLPRegressor().weight_decay})
    for a, b in zip(zero.coefs_, plain.fit(X, y).coefs_, strict=True):
        assert a.tobytes() == b.tobytes()


def test_lbfgs_refuses_it_by_name():
    with pytest.raises(ValueError, match=r"'weight_decay'.*solver='lbfgs'.* Got 0\.3"):
        MLPRegressor(solver="lbfgs", weight_decay=DECAY).fit(*data())
