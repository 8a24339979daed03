"""Reptile ; oracles : la formule fermée d'un modèle linéaire, une boucle ordinaire de PyTorch."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from reseaux.errors import ReseauxError
from reseaux.few_data import episodes
from reseaux.few_data import meta_learning as ml

LABELS = np.repeat(np.arange(6), 8)
IMAGES = torch.rand(48, 1, 6, 6, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def squared(outputs, answers):
    """Écart quadratique moyen aux réponses écrites en 0 et 1."""
    return (outputs - torch.eye(3, dtype=torch.float64)[answers]).square().mean()


def linear_network():
    network = nn.Sequential(nn.Flatten(), nn.Linear(36, 3, bias=False)).double()
    with torch.no_grad():
        network[1].weight.copy_(torch.linspace(-0.3, 0.3, 108).reshape(3, 36))
    return network


def after_descent(start, x, y, steps, rate):
    """Poids d'un modèle linéaire après k pas sur ‖XW − Y‖²/(3M) : W* + (I − αH)^k (W − W*)."""
    hessian = 2 * x.T @ x / y.numel()
    best = torch.linalg.pinv(x) @ y  # il y a moins d'exemples que de pixels : une des solutions
    shrink = torch.linalg.matrix_power(torch.eye(36, dtype=torch.float64) - rate * hessian, steps)
    return (best + shrink @ (start.T - best)).T


def small_tasks(count=8, seed=0):
    return episodes.sample(LABELS, 3, 2, 2, count, seed)


def table(task):
    """Les exemples d'un épisode, à plat, et leurs réponses en 0 et 1."""
    drawn = np.concatenate([task.support, task.queries], axis=1)
    answers = torch.arange(3).repeat_interleave(4)
    return IMAGES[drawn.ravel()].flatten(1), functional.one_hot(answers, 3).double()


@pytest.mark.parametrize("steps", [0, 1, 2, 7])
def test_adaptation_of_a_linear_model_is_its_closed_form(steps):
    tasks = list(small_tasks(4))
    pairs = [table(task) for task in tasks]
    x = torch.stack([x for x, _ in pairs]).reshape(4, 12, 1, 6, 6)
    answers = torch.stack([y.argmax(1) for _, y in pairs])
    network = linear_network()
    found = ml.adapt(network, x, answers, steps=steps, rate=0.3, loss=squared)["1.weight"]
    for weight, (inputs, targets) in zip(found, pairs, strict=True):
        expected = after_descent(network[1].weight.detach(), inputs, targets, steps, 0.3)
        torch.testing.assert_close(weight, expected)


@pytest.mark.parametrize("batch", [1, 2, 3, 8])
@pytest.mark.parametrize(("first_move", "options"), [(0.8, {"first_move": 0.8}), (1, {})])
def test_reptile_on_a_linear_model_is_its_closed_form(batch, first_move, options):
    expected = linear_network()[1].weight.detach().clone()
    tasks = list(small_tasks())
    batches = [tasks[i : i + batch] for i in range(0, 8, batch)]
    for number, drawn in enumerate(batches):
        ends = [after_descent(expected, *table(task), 5, 0.3) for task in drawn]
        move = first_move * (1 - number / len(batches))
        expected = expected + move * (torch.stack(ends).mean(0) - expected)
    network = ml.reptile(
        linear_network(),
        IMAGES,
        iter(tasks),
        steps=5,
        rate=0.3,
        batch_size=batch,
        loss=squared,
        **options,
    )
    torch.testing.assert_close(network[1].weight.detach(), expected)


def test_adaptation_is_an_ordinary_gradient_descent_for_each_task():
    network = ml.start_network(6, 3, seed=0).double()
    tasks = list(small_tasks(3))
    x = torch.stack([IMAGES[task.support.ravel()] for task in tasks])
    y = torch.arange(3).repeat_interleave(2)
    found = ml.adapt(network, x, y.expand(3, -1), steps=4, rate=0.2)
    for k in range(3):
        alone = copy.deepcopy(network)
        optimizer = torch.optim.SGD(alone.parameters(), lr=0.2)
        for _ in range(4):
            optimizer.zero_grad()
            functional.cross_entropy(alone(x[k]), y).backward()
            optimizer.step()
        for name, weight in alone.named_parameters():
            torch.testing.assert_close(found[name][k], weight.detach())


def test_the_start_network_is_two_normalised_hidden_layers():
    torch.manual_seed(3)
    oracle = nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(36, 64), nn.LayerNorm(64), nn.ReLU()),
        *(nn.Linear(64, 64), nn.LayerNorm(64), nn.ReLU()),
        nn.Linear(64, 5),
    )
    images = IMAGES[:4].float()
    torch.testing.assert_close(ml.start_network(6, 5, seed=3)(images), oracle(images))


def test_the_default_batches_are_of_twenty_tasks():
    tasks = list(small_tasks(30))
    starts = [ml.start_network(6, 3, seed=0).double() for _ in "ab"]
    ml.reptile(starts[0], IMAGES, tasks, steps=1, rate=0.2)
    ml.reptile(starts[1], IMAGES, tasks, steps=1, rate=0.2, batch_size=20)
    torch.testing.assert_close(starts[0](IMAGES), starts[1](IMAGES))


def test_evaluation_is_adaptation_then_counting():
    network = ml.start_network(6, 3, seed=0).double()
    tasks = list(small_tasks(12))
    found = ml.evaluate(network, IMAGES, iter(tasks), steps=3, rate=0.8, batch_size=2)
    for task, score in zip(tasks, found, strict=True):
        x, y = IMAGES[task.support.ravel()], torch.arange(3).repeat_interleave(2)
        weights = ml.adapt(network, x[None], y[None], steps=3, rate=0.8)
        outputs = torch.func.functional_call(
            network, {n: w[0] for n, w in weights.items()}, (IMAGES[task.queries.ravel()],)
        )
        assert score == (outputs.argmax(1).numpy() == task.answers.ravel()).mean()


def test_adaptation_leaves_the_start_alone_and_reptile_moves_it():
    network = ml.start_network(6, 3, seed=0).double()
    before = copy.deepcopy(network.state_dict())
    ml.evaluate(network, IMAGES, small_tasks(), steps=3, rate=0.2)
    assert all(torch.equal(before[n], w) for n, w in network.state_dict().items())
    ml.reptile(network, IMAGES, small_tasks(), steps=3, rate=0.2)
    assert not any(torch.equal(before[n], w) for n, w in network.state_dict().items())


def test_the_seeds_repeat_the_start_to_the_last_bit():
    def learned(seed):
        network = ml.start_network(6, 3, seed=0).double()
        ml.reptile(network, IMAGES, small_tasks(seed=seed), steps=3, rate=0.2, batch_size=3)
        return torch.cat([weight.detach().ravel() for weight in network.parameters()])

    before = torch.get_rng_state()
    assert torch.equal(learned(0), learned(0))
    assert not torch.equal(learned(0), learned(1))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_learned_start_is_better_than_a_random_one():
    generator = torch.Generator().manual_seed(0)
    # Dix classes, chacune un motif ; deux images d'une classe ont du bruit différent.
    labels = np.repeat(np.arange(10), 12)
    patterns = torch.rand(10, 1, 6, 6, generator=generator)
    images = patterns[labels] + 0.5 * torch.randn(120, 1, 6, 6, generator=generator)
    train, test = labels < 6, labels >= 6
    tasks = episodes.sample(labels[train], 4, 2, 2, 400, 0)

    def score(network):
        held = episodes.sample(labels[test], 4, 1, 5, 100, 1)
        return ml.evaluate(network, images[test], held, steps=5, rate=0.1).mean()

    random = score(ml.start_network(6, 4, seed=0))
    learned = score(
        ml.reptile(ml.start_network(6, 4, seed=0), images[train], tasks, steps=5, rate=0.1)
    )
    assert learned > random + 0.05


X, Y = IMAGES[:6][None], torch.tensor([[0, 0, 1, 1, 2, 2]])
NETWORK = ml.start_network(6, 3, seed=0).double()
MIXED = [*small_tasks(1), *episodes.sample(LABELS, 3, 1, 2, 1, 0)]


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: ml.adapt(NETWORK, X, Y[:, :5], steps=1, rate=0.1), "autant de tâches"),
        (lambda: ml.adapt(NETWORK, X[:, :0], Y[:, :0], steps=1, rate=0.1), "au moins un exemple"),
        (lambda: ml.adapt(NETWORK, X, Y, steps=-1, rate=0.1), "« steps » vaut -1"),
        (lambda: ml.adapt(NETWORK, X, Y, steps=1, rate=0.0), "« rate » vaut 0.0"),
        (lambda: ml.adapt(NETWORK, X, Y, steps=1, rate=float("nan")), "« rate » vaut nan"),
        (lambda: ml.adapt(NETWORK, X * float("nan"), Y, steps=1, rate=0.1), "plus des nombres"),
        (lambda: ml.adapt(NETWORK, X[..., :5], Y, steps=1, rate=0.1), r"forme \(6, 1, 6, 5\)"),
        (lambda: ml.adapt(NETWORK, X, Y - 1, steps=1, rate=0.1), "Réponses de -1 à 1"),
        (lambda: ml.adapt(NETWORK, X, Y.int(), steps=1, rate=0.1), "int32"),
        (lambda: ml.adapt(nn.Flatten(), X, Y, steps=1, rate=0.1), "Flatten"),
        (lambda: ml.evaluate(NETWORK, IMAGES, MIXED, steps=1, rate=0.1), "autant de classes"),
        (lambda: ml.adapt(NETWORK, X, Y + 1, steps=1, rate=0.1), "Réponses de 1 à 3"),
        (
            lambda: ml.reptile(NETWORK, IMAGES, small_tasks(), steps=1, rate=0.1, first_move=1.5),
            "« first_move » vaut 1.5",
        ),
        (
            lambda: ml.reptile(NETWORK, IMAGES, small_tasks(), steps=1, rate=0.1, batch_size=0),
            "« batch_size » vaut 0",
        ),
        (
            lambda: ml.evaluate(NETWORK, IMAGES[:9], small_tasks(), steps=1, rate=0.1),
            "d'un autre ensemble",
        ),
    ],
)
def test_bad_requests_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words):
        call()


def test_a_frozen_weight_never_moves():
    network = ml.start_network(6, 3, 0).double()
    network[1].requires_grad_(False)
    before = {name: w.detach().clone() for name, w in network.named_parameters()}
    tasks = list(small_tasks())
    x, y = ml._examples(IMAGES, [task.support for task in tasks[:2]])
    adapted = ml.adapt(network, x, y, steps=2, rate=0.1)
    assert adapted.keys() == before.keys()
    assert all(torch.equal(w, before["1.weight"]) for w in adapted["1.weight"])
    assert not torch.equal(adapted["4.weight"][0], before["4.weight"])
    ml.reptile(network, IMAGES, tasks, steps=1, rate=0.1, batch_size=7)
    moved = {n for n, w in network.named_parameters() if not torch.equal(w, before[n])}
    assert moved == before.keys() - {"1.weight", "1.bias"}


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(36), nn.Dropout()])
def test_what_looks_at_the_whole_batch_says_to_evaluate(layer):
    network = nn.Sequential(nn.Flatten(), layer, nn.Linear(36, 3)).double()
    state = copy.deepcopy(network.state_dict())
    for run in (ml.reptile, ml.evaluate):
        with pytest.raises(ReseauxError, match=r"network\.eval\(\)"):
            run(network.train(), IMAGES, small_tasks(), steps=1, rate=0.1)
    assert all(torch.equal(state[name], value) for name, value in network.state_dict().items())
    assert len(ml.evaluate(network.eval(), IMAGES, small_tasks(), steps=1, rate=0.1)) == 8


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_adapting_takes_its_own_gradients(mode):
    expected = ml.evaluate(linear_network(), IMAGES, small_tasks(), steps=2, rate=0.1)
    network = linear_network()
    with mode():
        found = ml.evaluate(network, IMAGES, small_tasks(), steps=2, rate=0.1)
    assert np.array_equal(found, expected)
