"""Trois façons d'enrichir un ensemble, et le petit réseau ; oracles : leurs formules."""

import random

import numpy as np
import pytest
import torch
from torch import nn
from torchvision.transforms import v2

from reseaux.errors import ReseauxError
from reseaux.few_data import strategies
from reseaux.reuse import random_state, training

# --- les trois stratégies -------------------------------------------------------------------------

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def test_enlarge_keeps_the_examples_then_adds_transformed_copies():
    images, labels = strategies.enlarge(X, Y, v2.RandomHorizontalFlip(p=1), copies=2, seed=0)
    torch.testing.assert_close(images, torch.cat([X, X.flip(-1), X.flip(-1)]))
    assert labels.tolist() == Y.tolist() * 3
    assert strategies.enlarge(X, Y, v2.RandomHorizontalFlip(p=1), 0, 0)[0] is X
    centered, _ = strategies.enlarge(X, Y, lambda image: 4 * image - 2, copies=1, seed=0)
    assert torch.equal(centered[6:], 4 * X - 2)  # une image déjà normalisée sort de [0, 1]


def test_enlarge_draws_per_image_repeats_and_leaves_the_generator_alone():
    same = X[:1].repeat(6, 1, 1, 1)
    before = torch.get_rng_state()
    first, second, other = (
        strategies.enlarge(same, Y, v2.RandomRotation(90), 1, seed)[0] for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert len(first[6:].unique(dim=0)) == 6


class Fixed(nn.Module):
    """Rend toujours les mêmes scores."""

    def __init__(self, probabilities):
        super().__init__()
        self.scores = torch.tensor(probabilities).log()

    def forward(self, x):
        return self.scores[: len(x)]


def test_pseudo_labels_keep_the_sure_answers_only():
    h = Fixed([[0.5, 0.3, 0.2], [0.05, 0.9, 0.05], [0.2, 0.2, 0.6]])
    images, answers, kept = strategies.pseudo_label(h, X[:3], 0.55)
    assert kept.tolist() == [False, True, True]
    assert answers.tolist() == [1, 2]
    assert torch.equal(images, X[1:3])
    assert len(strategies.pseudo_label(h, X[:3], 0.0)[1]) == 3
    assert len(strategies.pseudo_label(h, X[:3], 1.0)[1]) == 0


@pytest.mark.parametrize("kind", strategies.COMBINATIONS)
def test_combined_labels_are_probabilities_of_the_two_sources(kind):
    images, shares = strategies.combine(X, Y, 3, kind, copies=5, seed=0)
    assert images.shape == (36, 1, 8, 8)
    assert shares.shape == (36, 3)
    torch.testing.assert_close(shares.sum(1), torch.ones(36))
    assert torch.equal(images[:6], X)
    assert shares[:6].argmax(1).tolist() == Y.tolist()
    assert len({round(float(s.max()), 4) for s in shares[6:]}) > 5  # un mélange par paire


def test_mixup_is_its_formula():
    flat = torch.stack([torch.full((1, 4, 4), value) for value in (0.0, 1.0)])
    images, shares = strategies.combine(flat, torch.tensor([0, 1]), 2, "mixup", copies=4, seed=0)
    # Une image vaut 0, l'autre 1 : un pixel du mélange est la part de la seconde.
    torch.testing.assert_close(images[:, 0, 0, 0], shares[:, 1])
    assert all(len(image.unique()) == 1 for image in images)


def test_cutmix_is_its_formula():
    flat = torch.stack([torch.full((1, 8, 8), value) for value in (0.0, 1.0)])
    images, shares = strategies.combine(flat, torch.tensor([0, 1]), 2, "cutmix", copies=8, seed=0)
    assert set(images.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(images.mean((1, 2, 3)), shares[:, 1])


@pytest.mark.parametrize("kind", strategies.COMBINATIONS)
def test_the_seed_repeats_pairs_and_shares_which_change_at_each_copy(kind):
    before = torch.get_rng_state()
    first, again, other = (
        strategies.combine(X, torch.arange(6), 6, kind, copies=8, seed=seed)[1][6:]
        for seed in (0, 0, 1)
    )
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    pairs = {tuple(row.nonzero().flatten().tolist()) for row in first if (row > 0).sum() == 2}
    assert len(pairs) > 5  # huit fois les mêmes voisins n'en feraient que trois
    two = first.reshape(24, 2, 6)  # deux par deux : ce que l'un perd, l'autre le prend
    torch.testing.assert_close(
        two.sum(1).sort(1).values, torch.tensor([0.0] * 4 + [1.0] * 2).expand(24, -1)
    )
    for copy in first.reshape(8, 6, 6):  # chaque passage prend chacun des six exemples
        torch.testing.assert_close(copy.sum(0), torch.ones(6))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: strategies.enlarge(X, Y[:5], v2.Identity(), 1, 0), r"étiquettes de forme \(5,\)"),
        (lambda: strategies.enlarge(X, Y, v2.Identity(), -1, 0), "« copies » vaut -1"),
        (lambda: strategies.pseudo_label(nn.Flatten(), X, 1.1), "« threshold »"),
        (lambda: strategies.pseudo_label(nn.Flatten(), X, float("nan")), "« threshold »"),
        (lambda: strategies.pseudo_label(nn.Flatten(), X * float("nan"), 0.5), "NaN"),
        (lambda: strategies.pseudo_label(nn.Identity(), X, 0.5), "N×K scores"),
        (lambda: strategies.enlarge(X, Y, lambda x: x[:, 1:], 1, 0), "Resize"),
        (lambda: strategies.enlarge(X, Y, lambda x: None, 1, 0), "Resize"),
        (lambda: strategies.combine((X * 255).byte(), Y, 3, "cutmix", 1, 0), "flottants"),
        (lambda: strategies.combine(X, Y.float(), 3, "mixup", 1, 0), "entiers"),
        (lambda: strategies.combine(X, Y - 1, 3, "mixup", 1, 0), "de -1 à 1"),
        (lambda: strategies.combine(X[:0], Y[:0], 3, "mixup", 1, 0), "au moins une image"),
        (lambda: strategies.fit(nn.Flatten(), X, Y, 0), "Flatten"),
        (lambda: strategies.combine(X, Y, 3, "mix-up!", 1, 0), "Vouliez-vous dire « mixup »"),
        (lambda: strategies.combine(X, Y, 2, "mixup", 1, 0), "de 0 à 1"),
        (lambda: strategies.combine(X, Y[:2], 3, "mixup", 1, 0), r"étiquettes de forme \(2,\)"),
        (
            lambda: strategies.fit(strategies.small_network(3, 0), X[:0], Y[:0], 0),
            "au moins une image",
        ),
        (lambda: strategies.fit(strategies.small_network(3, 0), X, Y[:1], 0), r"forme \(1,\)"),
        (lambda: training.accuracy(strategies.small_network(3, 0), X, Y[:1]), "1 étiquettes"),
    ],
)
def test_bad_requests_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words):
        call()


# --- le petit réseau ------------------------------------------------------------------------------


def test_fit_learns_from_hard_and_soft_labels_and_repeats():
    soft = nn.functional.one_hot(Y, 3).float()
    for targets in (Y, soft):
        networks = [
            strategies.fit(strategies.small_network(3, 0), X, targets, seed=0, steps=60)
            for _ in "ab"
        ]
        assert training.accuracy(networks[0], X, Y) == 1
        torch.testing.assert_close(networks[0](X), networks[1](X))
        assert not networks[0].training


@pytest.mark.parametrize("batch_size", [4, 64])
def test_fit_is_an_ordinary_loop_over_random_batches(batch_size):
    oracle, learned = (strategies.small_network(3, 0) for _ in "ab")
    generator = torch.Generator().manual_seed(7)
    optimizer = torch.optim.Adam(oracle.parameters(), lr=5e-3)
    for _ in range(9):
        chosen = torch.randint(6, (min(batch_size, 6),), generator=generator)
        optimizer.zero_grad()
        nn.functional.cross_entropy(oracle(X[chosen]), Y[chosen]).backward()
        optimizer.step()
    strategies.fit(learned, X, Y, 7, steps=9, batch_size=batch_size)
    torch.testing.assert_close(learned(X), oracle(X), atol=1e-4, rtol=1e-3)


@pytest.mark.parametrize(("options", "width"), [({}, 16), ({"width": 8}, 8)])
def test_small_network_is_two_convolutions_and_a_linear_layer(options, width):
    torch.manual_seed(5)
    oracle = nn.Sequential(
        *(nn.Conv2d(1, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(width, 2 * width, 3, padding=1), nn.ReLU(), nn.AdaptiveMaxPool2d(4)),
        *(nn.Flatten(), nn.Linear(32 * width, 7)),
    )
    image = torch.rand(2, 1, 16, 16)
    torch.testing.assert_close(strategies.small_network(7, 5, **options)(image), oracle(image))


def test_small_network_depends_on_its_seed_only():
    a, b, c = (strategies.small_network(3, seed)[0].weight for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("side", [8, 16, 28])
def test_small_network_accepts_the_images_of_the_course(side):
    assert strategies.small_network(5, 0)(torch.rand(2, 1, side, side)).shape == (2, 5)


def test_pseudo_labels_are_given_without_dropout_and_the_threshold_is_kept():
    # Sans dropout, les scores sont (0, 0) : une confiance d'un demi, exactement le seuil.
    undecided = nn.Sequential(nn.Flatten(), nn.Dropout(0.5), nn.Linear(64, 2)).train()
    nn.init.constant_(undecided[2].weight, 1.0)
    undecided[2].weight.data[:, ::2] = -1.0
    nn.init.zeros_(undecided[2].bias)
    undecided[2].weight.data[1] = undecided[2].weight.data[0]
    kept, answers, mask = strategies.pseudo_label(undecided, torch.ones(5, 1, 8, 8), 0.5)
    assert mask.all()
    assert (len(kept), len(answers)) == (5, 5)
    assert all(part.training for part in undecided.modules())


def test_enlarge_draws_from_its_seed_whatever_the_source():
    def noisy(image):
        return image + float(np.random.rand()) + random.random()

    state = random_state.get()
    first = strategies.enlarge(X, Y, noisy, 2, 5)[0]
    after = random_state.get()
    assert [float(x) for x in state["numpy"][1:]] == [float(x) for x in after["numpy"][1:]]
    assert state["python"] == after["python"]
    assert torch.equal(first, strategies.enlarge(X, Y, noisy, 2, 5)[0])
    assert not torch.equal(first, strategies.enlarge(X, Y, noisy, 2, 6)[0])


def test_pseudo_labelling_gives_each_layer_its_mode_back():
    network = nn.Sequential(nn.Flatten(), nn.Dropout(), nn.Linear(64, 3)).train()
    strategies.pseudo_label(network, X, 0.5)
    assert [part.training for part in network] == [True, True, True]
    network[2].bias.data[:] = torch.nan
    with pytest.raises(ReseauxError, match="NaN"):
        strategies.pseudo_label(network, X, 0.5)


def test_enlarge_does_not_join_octets_and_floats():
    """« cat » garderait les uns de 0 à 255, les autres de 0 à 1."""
    octets = (255 * X).to(torch.uint8)
    for transform in (v2.ToDtype(torch.float32, scale=True), mixed([True, False] * 3)):
        with pytest.raises(ReseauxError, match=r"de type torch\.uint8"):
            strategies.enlarge(octets, Y, transform, copies=1, seed=0)


def mixed(plan):
    """Une transformation qui ne change qu'une partie des images en flottants."""
    drawn = iter(plan)
    return lambda image: image / 255 if next(drawn) else image
