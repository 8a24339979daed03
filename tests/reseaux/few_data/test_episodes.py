"""Épisodes et prototypes ; oracles : scikit-learn, SciPy, formules."""

import warnings

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestCentroid

from reseaux import measures
from reseaux.errors import ReseauxError
from reseaux.few_data import episodes as ep

LABELS = np.repeat(np.arange(6), 8)


# --- épisodes -------------------------------------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    ways=st.integers(2, 6),
    shots=st.integers(1, 5),
    queries=st.integers(1, 3),
    seed=st.integers(0, 10**6),
)
def test_an_episode_is_what_it_says(ways, shots, queries, seed):
    for task in ep.sample(LABELS, ways, shots, queries, 3, seed):
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
        return [t.support.tolist() for t in ep.sample(LABELS, 3, 2, 2, 4, seed)]

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
        return list(ep.sample(labels, ways, shots, queries, 2, seed))

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
    for task in ep.sample(LABELS, 2, 1, 1, 3000, 0):
        counts[task.classes] += 1
    assert stats.chisquare(counts).pvalue > 0.001


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((LABELS, 7, 1, 1, 1, 0), "au plus 6 classes"),
        ((LABELS, 1, 1, 1, 1, 0), "au moins 2"),
        ((LABELS, 2, 0, 1, 1, 0), "au moins 1"),
        ((LABELS, 2, 1, 0, 1, 0), "« queries » vaut 0"),
        ((LABELS, 2, 1, 1, 0, 0), "« count » vaut 0"),
        ((LABELS, 2, 6, 3, 1, 0), "n'en a que 8"),
        ((np.append(LABELS, 9), 2, 1, 1, 1, 0), "la classe 9 n'en a que 1"),
        ((LABELS.reshape(6, 8), 2, 1, 1, 1, 0), "forme"),
        (([], 2, 1, 1, 1, 0), "une par image"),
        (([0.0, float("nan"), 1.0], 2, 1, 1, 1, 0), "float64"),
        ((["a", "b"], 2, 1, 1, 1, 0), "Numérotez"),
        (([[0], [0, 1]], 2, 1, 1, 1, 0), "une par image"),
        ((torch.zeros(3, device="meta"), 2, 1, 1, 1, 0), "une par image"),
        ((LABELS, 2, 1, "x", 1, 0), "« queries » vaut 'x'"),
    ],
)
def test_impossible_episodes_are_refused_at_the_call(arguments, words):
    with pytest.raises(ReseauxError, match=words):
        ep.sample(*arguments)  # avant tout tirage


# --- plus proche prototype ------------------------------------------------------------------------


def vectors(seed, ways=4, shots=3, queries=50, size=7):
    generator = torch.Generator().manual_seed(seed)
    support = torch.randn(ways, shots, size, generator=generator, dtype=torch.float64)
    return support, torch.randn(queries, size, generator=generator, dtype=torch.float64)


@pytest.mark.parametrize("seed", range(5))
def test_nearest_prototype_is_scikit_learn_nearest_centroid(seed):
    support, queries = vectors(seed)
    oracle = NearestCentroid().fit(support.flatten(0, 1), np.repeat(np.arange(4), 3))
    found = ep.nearest_prototype(support, queries).argmax(-1)
    assert found.tolist() == oracle.predict(queries).tolist()


def test_nearest_prototype_is_a_linear_classifier():
    support, queries = vectors(0)
    centers = support.mean(1)
    linear = queries @ (2 * centers).T - centers.square().sum(1)
    scores = ep.nearest_prototype(support, queries)
    gap = scores - linear  # −‖f(x)‖², le même pour toutes les classes
    torch.testing.assert_close(gap, -queries.square().sum(1, keepdim=True).expand_as(gap))


def test_scores_are_minus_squared_distances_for_any_leading_shape():
    support, queries = vectors(1)
    oracle = -torch.cdist(queries, support.mean(1)).square()
    torch.testing.assert_close(ep.nearest_prototype(support, queries), oracle)
    grid = ep.nearest_prototype(support, queries.reshape(5, 10, 7))
    torch.testing.assert_close(grid, oracle.reshape(5, 10, 4))


@pytest.mark.parametrize(
    ("support", "queries"), [((4, 7), (5, 7)), ((4, 3, 7), (5, 6)), ((4, 3, 7), ())]
)
def test_shapes_that_do_not_match_are_refused(support, queries):
    with pytest.raises(ReseauxError, match=r"\(N, K, D\)"):
        ep.nearest_prototype(torch.zeros(support), torch.zeros(queries))


@pytest.mark.parametrize("classify", [ep.nearest_prototype, ep.last_layer])
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


@pytest.mark.parametrize("classify", [ep.nearest_prototype, ep.last_layer])
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
    with pytest.raises(ReseauxError, match="9 images, et un épisode"):
        ep.evaluate(torch.zeros(9, 3), ep.sample(LABELS, 4, 1, 1, 5, 0))


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
    found = ep.last_layer(support, queries, strength).exp()
    torch.testing.assert_close(found, expected, atol=2e-3, rtol=0)
    grid = ep.last_layer(support, queries.reshape(5, 10, 60), strength).exp()
    torch.testing.assert_close(grid, found.reshape(5, 10, 4))


def test_many_classes_of_one_example_are_ordinary():
    """scikit-learn demanderait, en anglais, si ce n'est pas une régression."""
    support, queries = torch.randn(25, 1, 7), torch.randn(3, 7)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert ep.last_layer(support, queries).shape == (3, 25)


def test_octets_are_compared_as_numbers():
    generator = torch.Generator().manual_seed(4)
    support = torch.randint(0, 256, (4, 3, 7), dtype=torch.uint8, generator=generator)
    queries = torch.randint(0, 256, (50, 7), dtype=torch.uint8, generator=generator)
    oracle = -torch.cdist(queries.double(), support.double().mean(1)).square()
    torch.testing.assert_close(
        ep.nearest_prototype(support, queries), oracle.float(), rtol=1e-5, atol=1e-2
    )
    torch.testing.assert_close(
        ep.last_layer(support, queries), ep.last_layer(support.double(), queries.double())
    )
    octets = torch.from_numpy(LABELS * 40).to(torch.uint8)[:, None]
    assert (ep.evaluate(octets, ep.sample(LABELS, 4, 1, 2, 9, 0)) == 1).all()


@pytest.mark.parametrize("classify", [ep.nearest_prototype, ep.last_layer])
def test_no_question_gets_no_answer(classify):
    support, queries = vectors(0)
    assert classify(support, queries[:0]).shape == (0, 4)
    assert classify(support, queries[:0].reshape(0, 5, 7)).shape == (0, 5, 4)


def test_last_layer_reads_what_a_network_is_still_learning():
    support, queries = vectors(0)
    expected = ep.last_layer(support, queries)
    assert torch.equal(ep.last_layer(support.requires_grad_(), queries), expected)


@pytest.mark.parametrize(
    ("features", "tasks", "words"),
    [
        (torch.zeros(48), [], "une ligne par image"),
        (torch.zeros(48, 3, device="meta"), [], "meta"),
        (torch.zeros(48, 3), [3], "pas un épisode"),
        (torch.zeros(48, 3), [ep.Episode(*3 * [np.array([[-1]])])], "d'un autre ensemble"),
        (torch.zeros(48, 3), [ep.Episode(*3 * [np.array([[48]])])], "l'image numéro 48"),
    ],
)
def test_what_is_not_an_episode_of_these_images_is_refused(features, tasks, words):
    with pytest.raises(ReseauxError, match=words):
        list(ep.verified(features, tasks))


def test_scores_of_another_shape_are_refused_instead_of_spread():
    def first_class_only(support, queries):
        return ep.nearest_prototype(support, queries)[:, :1]

    with pytest.raises(ReseauxError, match="par question et par classe"):
        ep.evaluate(torch.rand(48, 3), ep.sample(LABELS, 4, 1, 2, 5, 0), first_class_only)


def test_last_layer_needs_two_classes():
    with pytest.raises(ReseauxError, match="au moins deux"):
        ep.last_layer(*vectors(0, ways=1))


def test_evaluate_asks_the_classifier_it_is_given():
    noise = torch.randn(len(LABELS), 5, generator=torch.Generator().manual_seed(0))
    task = next(ep.sample(LABELS, 4, 2, 3, 1, 0))
    found = ep.last_layer(noise[task.support], noise[task.queries]).argmax(-1).numpy()
    score = ep.evaluate(noise, ep.sample(LABELS, 4, 2, 3, 1, 0), ep.last_layer)
    assert score == [(found == task.answers).mean()]


def test_evaluate_is_one_for_separated_classes_and_chance_for_noise():
    apart = torch.from_numpy(np.eye(6)[LABELS])
    assert (ep.evaluate(apart, ep.sample(LABELS, 4, 1, 2, 50, 0)) == 1).all()
    noise = torch.randn(len(LABELS), 5, generator=torch.Generator().manual_seed(0))
    chance = measures.mean_interval(ep.evaluate(noise, ep.sample(LABELS, 4, 1, 2, 600, 0)), 0.999)
    assert chance.low < 0.27 < chance.high + 0.05


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), known=st.integers(0, 49))
@pytest.mark.parametrize("classify", [ep.nearest_prototype, ep.last_layer])
def test_a_question_is_answered_from_the_support_alone(classify, seed, known):
    support, queries = vectors(seed)
    others = queries.flip(0) * 3 + 1
    others[known] = queries[known]
    answers = classify(support, queries)[known]
    torch.testing.assert_close(classify(support, others)[known], answers)
    torch.testing.assert_close(classify(support, queries[known]), answers)


@pytest.mark.parametrize("score", [np.nan, np.inf])
def test_scores_that_are_no_answer_are_refused(score):
    with pytest.raises(ReseauxError, match="infinis ou NaN"):
        ep.evaluate(
            torch.rand(12, 4),
            ep.sample(np.repeat([0, 1, 2], 4), 2, 1, 2, 1, 0),
            lambda support, queries: torch.full((2, 2, 2), score),
        )


def test_a_classifier_that_gives_no_scores_is_refused():
    with pytest.raises(ReseauxError, match="NoneType"):
        ep.evaluate(torch.rand(48, 2), ep.sample(LABELS, 2, 1, 2, 1, 0), lambda *_: None)
