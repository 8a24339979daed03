"""Épisodes, prototypes, intervalles, stratégies ; oracles : scikit-learn, SciPy, formules."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid
from torch import nn
from torchvision.transforms import v2

from reseaux import measures
from reseaux.errors import ReseauxError
from reseaux.few_data import few_shot as fs

LABELS = np.repeat(np.arange(6), 8)


# --- épisodes --------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    ways=st.integers(2, 6),
    shots=st.integers(1, 5),
    queries=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_an_episode_is_what_it_says(ways, shots, queries, seed):
    for task in fs.episodes(LABELS, ways, shots, queries, 3, seed):
        assert task.support.shape == (ways, shots)
        assert task.queries.shape == task.answers.shape == (ways, queries)
        assert len(set(task.classes)) == ways
        assert (LABELS[task.support] == task.classes[:, None]).all()
        assert (LABELS[task.queries] == task.classes[:, None]).all()
        assert (task.answers == np.arange(ways)[:, None]).all()
        drawn = np.concatenate([task.support.ravel(), task.queries.ravel()])
        assert len(set(drawn)) == len(drawn)  # une question n'est jamais un exemple


def test_the_seed_repeats_the_episodes_and_another_changes_them():
    def first(seed):
        return [t.support.tolist() for t in fs.episodes(LABELS, 3, 2, 2, 4, seed)]

    assert first(0) == first(0) != first(1)


@settings(max_examples=40, deadline=None)
@given(
    sizes=st.lists(st.integers(1, 6), min_size=2, max_size=6),
    ways=st.integers(2, 7),
    shots=st.integers(1, 4),
    queries=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_any_classes_give_balanced_episodes_or_a_refusal(sizes, ways, shots, queries, seed):
    labels = np.random.default_rng(seed).permutation(np.repeat(np.arange(len(sizes)), sizes))

    def draw():
        return list(fs.episodes(labels, ways, shots, queries, 2, seed))

    if ways > len(sizes) or shots + queries > min(sizes):
        with pytest.raises(ReseauxError, match=r"au plus|Réduisez"):
            draw()
        return
    for task, again in zip(draw(), draw(), strict=True):
        assert np.array_equal(task.support, again.support)
        assert np.array_equal(task.queries, again.queries)
        assert not set(task.support.ravel()) & set(task.queries.ravel())
        assert np.bincount(labels[task.support.ravel()]).max() == shots
        assert np.bincount(labels[task.queries.ravel()]).max() == queries


def test_every_class_is_drawn_about_as_often():
    counts = np.zeros(6)
    for task in fs.episodes(LABELS, 2, 1, 1, 3000, 0):
        counts[task.classes] += 1
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((LABELS, 7, 1, 1, 1, 0), "au plus 6 classes"),
        ((LABELS, 1, 1, 1, 1, 0), "au moins 2"),
        ((LABELS, 2, 0, 1, 1, 0), "au moins 1"),
        ((LABELS, 2, 1, 0, 1, 0), "questions"),
        ((LABELS, 2, 1, 1, 0, 0), "épisodes"),
        ((LABELS, 2, 6, 3, 1, 0), "n'en a que 8"),
        ((np.append(LABELS, 9), 2, 1, 1, 1, 0), "la classe 9 n'en a que 1"),
        ((LABELS.reshape(6, 8), 2, 1, 1, 1, 0), "forme"),
        (([], 2, 1, 1, 1, 0), "une par image"),
        (([0.0, float("nan"), 1.0], 2, 1, 1, 1, 0), "float64"),
        ((["a", "b"], 2, 1, 1, 1, 0), "Numérotez"),
    ],
)
def test_impossible_episodes_are_refused_at_the_call(arguments, words):
    with pytest.raises(ReseauxError, match=words):
        fs.episodes(*arguments)  # avant tout tirage


# --- plus proche prototype -------------------------------------------------------------------


def vectors(seed, ways=4, shots=3, queries=50, size=7):
    generator = torch.Generator().manual_seed(seed)
    support = torch.randn(ways, shots, size, generator=generator, dtype=torch.float64)
    return support, torch.randn(queries, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_prototype_is_scikit_learn_nearest_centroid(seed):
    support, queries = vectors(seed)
    oracle = NearestCentroid().fit(support.flatten(0, 1), np.repeat(np.arange(4), 3))
    found = fs.nearest_prototype(support, queries).argmax(-1)
    assert found.tolist() == oracle.predict(queries).tolist()


def test_nearest_prototype_is_a_linear_classifier():
    support, queries = vectors(0)
    centers = support.mean(1)
    linear = queries @ (2 * centers).T - centers.square().sum(1)
    scores = fs.nearest_prototype(support, queries)
    gap = scores - linear  # −‖f(x)‖², le même pour toutes les classes
    torch.testing.assert_close(gap, -queries.square().sum(1, keepdim=True).expand_as(gap))


def test_scores_are_minus_squared_distances_for_any_leading_shape():
    support, queries = vectors(1)
    oracle = -torch.cdist(queries, support.mean(1)).square()
    torch.testing.assert_close(fs.nearest_prototype(support, queries), oracle)
    grid = fs.nearest_prototype(support, queries.reshape(5, 10, 7))
    torch.testing.assert_close(grid, oracle.reshape(5, 10, 4))


@pytest.mark.parametrize(
    ("support", "queries"), [((4, 7), (5, 7)), ((4, 3, 7), (5, 6)), ((4, 3, 7), ())]
)
def test_shapes_that_do_not_match_are_refused(support, queries):
    with pytest.raises(ReseauxError, match=r"\(N, K, D\)"):
        fs.nearest_prototype(torch.zeros(support), torch.zeros(queries))


@pytest.mark.parametrize("classify", [fs.nearest_prototype, fs.last_layer])
@pytest.mark.parametrize(
    ("support", "queries", "words"),
    [
        ((4, 0, 7), (5, 7), "Support vide"),
        ((0, 3, 7), (5, 7), "Support vide"),
        ((4, 3, 7), (5, 6), r"\(N, K, D\)"),
    ],
)
def test_empty_supports_and_other_sizes_are_refused(classify, support, queries, words):
    with pytest.raises(ReseauxError, match=words):
        classify(torch.zeros(support), torch.zeros(queries))


@pytest.mark.parametrize("classify", [fs.nearest_prototype, fs.last_layer])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_numbers_are_refused(classify, value):
    support, queries = vectors(0)
    wrong = queries.clone()
    wrong[3, 2] = value
    with pytest.raises(ReseauxError, match="une question"):
        classify(support, wrong)
    wrong = support.clone()
    wrong[1, 2, 0] = value
    with pytest.raises(ReseauxError, match="un exemple"):
        classify(wrong, queries)


def test_episodes_of_another_set_are_refused():
    for call in (
        lambda: fs.evaluate(torch.zeros(9, 3), fs.episodes(LABELS, 4, 1, 1, 5, 0)),
        lambda: fs.train_on_episodes(
            fs.small_network(4, 0), torch.zeros(9, 1, 8, 8), fs.episodes(LABELS, 4, 1, 1, 5, 0)
        ),
    ):
        with pytest.raises(ReseauxError, match="9 images, et un épisode"):
            call()


@pytest.mark.parametrize("shots", [1, 5])
@pytest.mark.parametrize("strength", [0.1, 10.0])
def test_last_layer_is_scikit_learn_logistic_regression(shots, strength):
    support, queries = vectors(2, shots=shots, size=60)
    oracle = LogisticRegression(C=strength, max_iter=5000, tol=1e-8)
    known = support.flatten(0, 1)
    center = known.mean(0)
    scale = (known - center).norm(dim=1).mean()
    oracle.fit(((known - center) / scale).numpy(), np.repeat(np.arange(4), shots))
    expected = torch.from_numpy(oracle.predict_proba(((queries - center) / scale).numpy()))
    found = fs.last_layer(support, queries, strength).exp()
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    grid = fs.last_layer(support, queries.reshape(5, 10, 60), strength).exp()
    torch.testing.assert_close(grid, found.reshape(5, 10, 4))


def test_last_layer_needs_two_classes():
    with pytest.raises(ReseauxError, match="au moins deux"):
        fs.last_layer(*vectors(0, ways=1))


def test_evaluate_asks_the_classifier_it_is_given():
    noise = torch.randn(len(LABELS), 5, generator=torch.Generator().manual_seed(0))
    task = next(fs.episodes(LABELS, 4, 2, 3, 1, 0))
    found = fs.last_layer(noise[task.support], noise[task.queries]).argmax(-1).numpy()
    score = fs.evaluate(noise, fs.episodes(LABELS, 4, 2, 3, 1, 0), fs.last_layer)
    assert score == [(found == task.answers).mean()]


def test_evaluate_is_one_for_separated_classes_and_chance_for_noise():
    apart = torch.from_numpy(np.eye(6)[LABELS])
    assert (fs.evaluate(apart, fs.episodes(LABELS, 4, 1, 2, 50, 0)) == 1).all()
    noise = torch.randn(len(LABELS), 5, generator=torch.Generator().manual_seed(0))
    chance = measures.mean_interval(fs.evaluate(noise, fs.episodes(LABELS, 4, 1, 2, 600, 0)), 0.999)
    assert chance.low < 0.27 < chance.high + 0.05


# --- intervalle de confiance -----------------------------------------------------------------


# --- les trois stratégies --------------------------------------------------------------------

X = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(0))
Y = torch.tensor([0, 1, 2, 0, 1, 2])


def test_enlarge_keeps_the_examples_then_adds_transformed_copies():
    images, labels = fs.enlarge(X, Y, v2.RandomHorizontalFlip(p=1), copies=2, seed=0)
    torch.testing.assert_close(images, torch.cat([X, X.flip(-1), X.flip(-1)]))
    assert labels.tolist() == Y.tolist() * 3
    assert fs.enlarge(X, Y, v2.RandomHorizontalFlip(p=1), 0, 0)[0] is X


def test_enlarge_draws_per_image_repeats_and_leaves_the_generator_alone():
    same = X[:1].repeat(6, 1, 1, 1)
    before = torch.get_rng_state()
    first, second, other = (
        fs.enlarge(same, Y, v2.RandomRotation(90), 1, seed)[0] for seed in (0, 0, 1)
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
    images, answers, kept = fs.pseudo_label(h, X[:3], 0.55)
    assert kept.tolist() == [False, True, True]
    assert answers.tolist() == [1, 2]
    assert torch.equal(images, X[1:3])
    assert len(fs.pseudo_label(h, X[:3], 0.0)[1]) == 3
    assert len(fs.pseudo_label(h, X[:3], 1.0)[1]) == 0


@pytest.mark.parametrize("kind", fs.COMBINATIONS)
def test_combined_labels_are_probabilities_of_the_two_sources(kind):
    images, shares = fs.combine(X, Y, 3, kind, copies=5, seed=0)
    assert images.shape == (36, 1, 8, 8)
    assert shares.shape == (36, 3)
    torch.testing.assert_close(shares.sum(1), torch.ones(36))
    assert torch.equal(images[:6], X)
    assert shares[:6].argmax(1).tolist() == Y.tolist()
    assert len({round(float(s.max()), 4) for s in shares[6:]}) > 5  # un mélange par paire


def test_mixup_is_its_formula():
    flat = torch.stack([torch.full((1, 4, 4), value) for value in (0.0, 1.0)])
    images, shares = fs.combine(flat, torch.tensor([0, 1]), 2, "mixup", copies=4, seed=0)
    # Une image vaut 0, l'autre 1 : un pixel du mélange est la part de la seconde.
    torch.testing.assert_close(images[:, 0, 0, 0], shares[:, 1])
    assert all(len(image.unique()) == 1 for image in images)


def test_cutmix_is_its_formula():
    flat = torch.stack([torch.full((1, 8, 8), value) for value in (0.0, 1.0)])
    images, shares = fs.combine(flat, torch.tensor([0, 1]), 2, "cutmix", copies=8, seed=0)
    assert set(images.unique().tolist()) == {0.0, 1.0}
    torch.testing.assert_close(images.mean((1, 2, 3)), shares[:, 1])


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: fs.enlarge(X, Y[:5], v2.Identity(), 1, 0), "6 images et 5 étiquettes"),
        (lambda: fs.enlarge(X, Y, v2.Identity(), -1, 0), "0 ou plus"),
        (lambda: fs.pseudo_label(nn.Flatten(), X, 1.1), "Seuil"),
        (lambda: fs.pseudo_label(nn.Flatten(), X, float("nan")), "Seuil"),
        (lambda: fs.combine(X, Y, 3, "mix-up!", 1, 0), "Vouliez-vous dire « mixup »"),
        (lambda: fs.combine(X, Y, 2, "mixup", 1, 0), "de 0 à 1"),
        (lambda: fs.combine(X, Y[:2], 3, "mixup", 1, 0), "2 étiquettes"),
        (lambda: fs.fit(fs.small_network(3, 0), X[:0], Y[:0], 0), "Aucun exemple"),
        (lambda: fs.fit(fs.small_network(3, 0), X, Y[:1], 0), "1 étiquettes"),
        (lambda: fs.accuracy(fs.small_network(3, 0), X, Y[:1]), "1 étiquettes"),
    ],
)
def test_bad_requests_are_explained_in_french(call, words):
    with pytest.raises(ReseauxError, match=words):
        call()


# --- le petit réseau -------------------------------------------------------------------------


def test_fit_learns_from_hard_and_soft_labels_and_repeats():
    soft = nn.functional.one_hot(Y, 3).float()
    for targets in (Y, soft):
        networks = [fs.fit(fs.small_network(3, 0), X, targets, seed=0, steps=60) for _ in "ab"]
        assert fs.accuracy(networks[0], X, Y) == 1
        torch.testing.assert_close(networks[0](X), networks[1](X))
        assert not networks[0].training


def test_small_network_depends_on_its_seed_only():
    a, b, c = (fs.small_network(3, seed)[0].weight for seed in (0, 0, 1))
    assert torch.equal(a, b)
    assert not torch.equal(a, c)


@pytest.mark.parametrize("side", [8, 16, 28])
def test_small_network_accepts_the_images_of_the_course(side):
    assert fs.small_network(5, 0)(torch.rand(2, 1, side, side)).shape == (2, 5)


def test_training_on_episodes_separates_classes_that_pixels_do_not():
    generator = torch.Generator().manual_seed(0)
    # Classe : la moitié, haute ou basse, qui contient un point. Sa place exacte est au hasard.
    images, labels = torch.zeros(200, 1, 8, 8), np.repeat([0, 1], 100)
    rows = torch.randint(0, 4, (200,), generator=generator) + torch.from_numpy(4 * labels)
    images[torch.arange(200), 0, rows, torch.randint(0, 8, (200,), generator=generator)] = 1

    def score(vectors):
        return fs.evaluate(vectors, fs.episodes(labels, 2, 1, 10, 100, seed=9)).mean()

    network = fs.small_network(8, 0)
    fs.train_on_episodes(network, images, fs.episodes(labels, 2, 2, 10, 80, seed=1))
    with torch.no_grad():
        assert score(network(images)) > score(images) + 0.2
