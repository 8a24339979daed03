"""Réseau des lettres, coupe, comparaison et entraînements suivis, sur de petits cas."""

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from experiments import resemblance
from experiments.resemblance import Method, Recipe, Source
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, training, transfer, weights


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("lettres") / "lettres.pt"
    resemblance.learn_glyphs(path, ("latin",), epochs=2, width=4)
    return path


@pytest.fixture(scope="module")
def glyphs(saved: Path) -> weights.Pretrained:
    return resemblance.load_glyphs(saved)


@pytest.fixture(scope="module")
def bars() -> resemblance.Task:
    """Une tâche dont la réponse est connue : la moitié gauche est claire, ou la droite."""
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 0.2, (60, 8, 8)).astype(np.float32)
    labels = np.arange(60) % 2
    images[labels == 0, :, :4] += 0.7
    images[labels == 1, :, 4:] += 0.7
    whole = data.LabeledImages(images, labels.astype(np.int64), ("gauche", "droite"))
    return whole.sample(15, seed=0)


# Le réseau des lettres


def test_glyph_network_shapes(glyphs: weights.Pretrained) -> None:
    x = torch.zeros(3, 3, 32, 32)
    assert glyphs.model(x).shape == (3, 26)
    assert transfer.depth_names(glyphs) == ("entrée", "bloc 1", "bloc 2", "fin")
    assert [f.shape for f in transfer.extract_features(glyphs.model, x)] == [
        (3, 4),
        (3, 8),
        (3, 16),
        (3, 32),
    ]


def test_last_features_feed_the_classifier(glyphs: weights.Pretrained) -> None:
    x = torch.rand(4, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    last = torch.from_numpy(transfer.extract_features(glyphs.model, x)[-1])
    with torch.inference_mode():
        torch.testing.assert_close(glyphs.model.classifier(last), glyphs.model(x))  # type: ignore[operator]


def test_learning_glyphs_learns_and_repeats(saved: Path, tmp_path: Path) -> None:
    again, other = tmp_path / "a.pt", tmp_path / "b.pt"
    history = resemblance.learn_glyphs(again, ("latin",), epochs=2, width=4)
    resemblance.learn_glyphs(other, ("latin",), epochs=2, width=4, seed=1)
    assert history[-1].loss < history[0].loss
    assert history[-1].accuracy > 3 / 26
    one, two, three = (checkpoints.load(p).state["model"] for p in (saved, again, other))
    assert all(torch.equal(one[name], two[name]) for name in one)
    assert not all(torch.equal(one[name], three[name]) for name in one)


def test_a_glyph_network_reads_an_image(glyphs: weights.Pretrained) -> None:
    letter = data.glyphs("latin", 16)[0].images[0]
    from PIL import Image

    image = Image.fromarray((255 * letter).astype(np.uint8))
    direct = transfer.prepare(letter[None], 32)
    torch.testing.assert_close(glyphs.transform(image), direct[0], atol=0.01, rtol=0)
    assert len(glyphs.predict(image, top=3)) == 3


def test_glyph_errors(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="Aucun alphabet"):
        resemblance.learn_glyphs(tmp_path / "x.pt", ())
    with pytest.raises(ReseauxError, match="« grecque » n'est pas un alphabet connu"):
        resemblance.learn_glyphs(tmp_path / "x.pt", ("grecque",))
    with pytest.raises(ReseauxError, match="n'existe pas"):
        resemblance.load_glyphs(tmp_path / "x.pt")


def test_no_distortion_changes_nothing_and_each_image_has_its_own() -> None:
    x = torch.rand(1, 1, 16, 16, generator=torch.Generator().manual_seed(0)).repeat(3, 1, 1, 1)
    same = resemblance.distort(torch.Generator().manual_seed(0), amount=0)(x)
    torch.testing.assert_close(same, x, atol=1e-5, rtol=0)
    moved = resemblance.distort(torch.Generator().manual_seed(0))(x)
    assert moved.shape == x.shape
    assert not torch.allclose(moved[0], moved[1], atol=0.05)


# De zéro, et coupé


def test_untrained_keeps_the_shapes_and_loses_the_weights(glyphs: weights.Pretrained) -> None:
    state = torch.get_rng_state()
    one, two, three = (resemblance.untrained(glyphs, seed).model for seed in (0, 0, 1))
    assert torch.equal(state, torch.get_rng_state())
    for name, tensor in glyphs.model.state_dict().items():
        assert one.state_dict()[name].shape == tensor.shape
        assert torch.equal(one.state_dict()[name], two.state_dict()[name])
    first = "features.0.0.weight"
    assert not torch.equal(one.state_dict()[first], glyphs.model.state_dict()[first])
    assert not torch.equal(one.state_dict()[first], three.state_dict()[first])
    moments = one.features[0][1]  # type: ignore[index]
    assert moments.running_mean.abs().max() == 0
    assert (moments.running_var == 1).all()


@pytest.mark.parametrize("depth", [2, 4, 8])
def test_a_cut_network_is_the_beginning(net: weights.Pretrained, depth: int) -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    part = resemblance.cut(net, depth, classes=5)
    kept, whole = transfer.extract_features(part.model, x), transfer.extract_features(net.model, x)
    assert len(kept) == depth + 1
    for a, b in zip(kept, whole, strict=False):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert part.model(x).shape == (2, 5)
    with torch.no_grad():
        next(part.model.parameters()).zero_()
    np.testing.assert_array_equal(transfer.extract_features(net.model, x)[0], whole[0])  # une copie


@pytest.mark.parametrize("depth", [1, 9, -1])
def test_a_cut_elsewhere_is_refused(net: weights.Pretrained, depth: int) -> None:
    with pytest.raises(ReseauxError, match="entre 2 et 8"):
        resemblance.cut(net, depth)


# La comparaison


def test_the_draw_is_the_one_of_the_data(bars: resemblance.Task) -> None:
    pool = bars[0]
    chosen = resemblance.sample_indices(pool, 4, seed=3)
    np.testing.assert_array_equal(pool.images[chosen], pool.sample(4, seed=3)[0].images)


@pytest.mark.parametrize(
    ("count", "passes", "batch"),
    [(16, 30, 16), (65, 6, 13), (20, 15, 10), (200, 4, 16), (17, 15, 9)],
)
def test_a_recipe_has_enough_steps_and_even_batches(count: int, passes: int, batch: int) -> None:
    recipe = Recipe(1e-3, batch_size=16, least=30, epochs=4)
    assert (recipe.passes(count), recipe.batches(count)) == (passes, batch)
    assert recipe.passes(count) * -(-count // recipe.batches(count)) >= 30


@pytest.fixture(scope="module")
def comparison(bars: resemblance.Task, glyphs: weights.Pretrained) -> resemblance.Comparison:
    recipe = Recipe(1e-2, least=12, epochs=1)
    return resemblance.compare(
        {"barres": bars},
        {"lettres": Source(glyphs, 32)},
        {"lettres": recipe._replace(depth=2)},
        labels=(2, 6),
        seeds=2,
        scratch={"lettres": recipe},
    )


def test_comparison_has_every_method(comparison: resemblance.Comparison) -> None:
    names = ["sonde, entrée", "sonde, bloc 1", "sonde, bloc 2", "sonde, fin"]
    assert comparison.methods == (
        Method("", resemblance.PIXELS),
        *(Method("lettres", name) for name in (*names, resemblance.TUNED, resemblance.SCRATCH)),
    )
    assert comparison.scores.shape == (1, 7, 2, 2)
    assert ((comparison.scores >= 0) & (comparison.scores <= 1)).all()
    assert [m.name for m in comparison.probes("lettres")] == names


def test_a_task_with_a_known_answer(
    comparison: resemblance.Comparison, bars: resemblance.Task
) -> None:
    """Les pixels la séparent ; une moyenne de l'entrée, qui ne sait pas où est la lumière, non."""
    assert comparison.of("barres", Method("", resemblance.PIXELS)).min() == 1
    pool, test = bars
    for column, count in enumerate((2, 6)):
        for seed in (0, 1):
            known, _ = pool.sample(count, seed)
            expected = transfer.linear_probe(transfer.pixels(known), known.labels).score(
                transfer.pixels(test), test.labels
            )
            assert comparison.scores[0, 0, column, seed] == expected


def test_probe_scores_are_those_of_the_features(
    comparison: resemblance.Comparison, bars: resemblance.Task, glyphs: weights.Pretrained
) -> None:
    pool, test = bars
    known = pool.sample(6, seed=1)[0]
    a, b = (
        transfer.extract_features(glyphs.model, transfer.prepare(s, 32))[3] for s in (known, test)
    )
    expected = transfer.linear_probe(a, known.labels).score(b, test.labels)
    assert comparison.of("barres", Method("lettres", "sonde, fin"))[1, 1] == expected


def test_the_same_comparison_twice(
    comparison: resemblance.Comparison, bars: resemblance.Task, glyphs: weights.Pretrained
) -> None:
    recipe = Recipe(1e-2, least=12, epochs=1)
    again = resemblance.compare(
        {"barres": bars},
        {"lettres": Source(glyphs, 32)},
        {"lettres": recipe._replace(depth=2)},
        labels=(6,),
        seeds=2,
        scratch={"lettres": recipe},
    )
    np.testing.assert_array_equal(again.scores[:, :, 0], comparison.scores[:, :, 1])


def test_ranking_and_best_probe() -> None:
    methods = (
        Method("", resemblance.PIXELS),
        Method("a", "sonde, entrée"),
        Method("a", "sonde, fin"),
    )
    scores = np.array([[[[0.5, 0.8]], [[0.9, 0.1]], [[0.8, 0.4]]]])
    toy = resemblance.Comparison(("t",), methods, (2,), scores)
    ranked = toy.ranking("t", 2)
    assert [str(m) for m, _ in ranked] == ["pixels bruts", "a : sonde, fin", "a : sonde, entrée"]
    np.testing.assert_allclose([value for _, value in ranked], [0.65, 0.6, 0.5])
    assert toy.best_probe("t", "a", 2) == methods[2]


def test_comparison_errors(
    comparison: resemblance.Comparison, bars: resemblance.Task, glyphs: weights.Pretrained
) -> None:
    sources = {"lettres": Source(glyphs, 32)}
    with pytest.raises(ReseauxError, match="« lettre » n'est pas un réseau de départ connu"):
        resemblance.compare({"t": bars}, sources, {"lettre": Recipe(1e-3)}, (2,), 1)
    with pytest.raises(ReseauxError, match="au moins un de chaque"):
        resemblance.compare({"t": bars}, sources, {}, (2,), 0)
    with pytest.raises(ReseauxError, match="99 images par classe demandées"):
        resemblance.compare({"t": bars}, sources, {}, (99,), 1)
    with pytest.raises(ReseauxError, match="« barre » n'est pas un nom de tâche connu"):
        comparison.of("barre", comparison.methods[0])
    with pytest.raises(ReseauxError, match="n'est pas un nom de méthode connu"):
        comparison.of("barres", Method("lettres", "sonde, bloc 9"))


# Deux entraînements


@pytest.fixture(scope="module")
def runs(bars: resemblance.Task, glyphs: weights.Pretrained) -> dict[str, resemblance.Run]:
    (x, labels), (z, truth) = ((transfer.prepare(s, 32), s.labels) for s in bars)
    return {
        how: resemblance.follow(
            glyphs, (x, labels), (z, truth), 2, how, Recipe(1e-2, least=8, epochs=4)
        )
        for how in (resemblance.WHOLE, resemblance.FROZEN, resemblance.DRIFTING)
    }


def _same(a: nn.Module, b: nn.Module, kind: str) -> bool:
    """Les étages des deux réseaux ont-ils les mêmes paramètres, ou les mêmes statistiques ?"""
    before, after = (dict(getattr(m.features, f"named_{kind}")()) for m in (a, b))
    return all(torch.equal(before[name], after[name]) for name in before)


def test_what_moves_in_each_training(
    runs: dict[str, resemblance.Run], glyphs: weights.Pretrained
) -> None:
    moved = {
        how: [not _same(glyphs.model, run.model, kind) for kind in ("parameters", "buffers")]
        for how, run in runs.items()
    }
    assert moved == {
        resemblance.WHOLE: [True, True],
        resemblance.FROZEN: [False, False],
        resemblance.DRIFTING: [False, True],
    }


def test_followed_scores_are_those_of_the_network(
    runs: dict[str, resemblance.Run], bars: resemblance.Task
) -> None:
    test = bars[1]
    for run in runs.values():
        assert [epoch.number for epoch in run.history] == [1, 2, 3, 4]
        assert len(run.test) == 4
        assert not run.model.training
        found = training.accuracy(
            run.model, transfer.prepare(test, 32), torch.from_numpy(test.labels)
        )
        assert run.test[-1] == found


def test_unknown_training(bars: resemblance.Task, glyphs: weights.Pretrained) -> None:
    x = transfer.prepare(bars[0], 32)
    with pytest.raises(ReseauxError, match="« gelé » n'est pas un nom d'entraînement connu"):
        resemblance.follow(glyphs, (x, bars[0].labels), (x, bars[0].labels), 2, "gelé", Recipe(1))


# Les figures


def test_confusion_counts_by_hand() -> None:
    truth, answers = np.array([0, 0, 1, 2]), np.array([0, 2, 1, 1])
    found = resemblance.confusion(truth, answers, 3)
    assert found.tolist() == [[1, 0, 1], [0, 1, 0], [0, 1, 0]]


def test_the_map_shows_and_frames_the_means(comparison: resemblance.Comparison) -> None:
    (ax,) = resemblance.draw_map(comparison).axes
    means = comparison.scores.mean(axis=3)[0]
    assert [t.get_text() for t in ax.texts] == [f"{100 * v:.0f}" for v in means.ravel()]
    framed = [(round(p.get_x() + 0.46), round(p.get_y() + 0.44)) for p in ax.patches]
    assert framed == list(enumerate(means.argmax(axis=0)))
    assert [t.get_text() for t in ax.get_yticklabels()] == [str(m) for m in comparison.methods]


def test_the_curves_show_the_spread(comparison: resemblance.Comparison) -> None:
    methods = comparison.methods[:3]
    (ax,) = resemblance.draw_curves(comparison, methods).axes
    assert len(ax.containers) == len(methods)
    for bars, method in zip(ax.containers, methods, strict=True):
        line, _, (spread,) = bars
        scores = comparison.of("barres", method)
        np.testing.assert_allclose(line.get_ydata(), scores.mean(axis=1))
        ends = np.array(spread.get_segments())[:, :, 1]
        np.testing.assert_allclose(ends, np.stack([scores.min(axis=1), scores.max(axis=1)], 1))


def test_runs_and_confusions_are_drawn(
    runs: dict[str, resemblance.Run], bars: resemblance.Task
) -> None:
    axes = resemblance.draw_runs(runs).axes
    assert [ax.get_title() for ax in axes] == list(runs)
    np.testing.assert_array_equal(axes[0].lines[1].get_ydata(), next(iter(runs.values())).test)
    truth = bars[1].labels
    (ax, _) = resemblance.draw_confusions(truth, {"a": truth, "b": 1 - truth}, ("g", "d")).axes
    assert sorted(t.get_text() for t in ax.texts) == [str(n) for n in sorted(np.bincount(truth))]
