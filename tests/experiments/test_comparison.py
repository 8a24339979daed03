"""La comparaison : chaque méthode, sur de petits cas dont on sait la réponse."""

import numpy as np
import pytest

from experiments import comparison as module
from experiments.comparison import Comparison, Method, MethodKind, StartingPoint, Task
from experiments.recipes import Recipe
from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights
from watched_network import MEAN, STD, watched


def test_comparison_has_every_method(comparison: Comparison) -> None:
    probes = [Method(MethodKind.PROBE, "lettres", depth) for depth in range(4)]
    assert comparison.methods == (
        Method(MethodKind.PIXELS),
        *probes,
        Method(MethodKind.FINE_TUNED, "lettres"),
        Method(MethodKind.SCRATCH, "lettres"),
    )
    assert comparison.scores.shape == (1, 7, 2, 2)
    assert ((comparison.scores >= 0) & (comparison.scores <= 1)).all()
    assert comparison.probes("lettres") == probes
    assert [str(m) for m in comparison.methods] == [
        "pixels bruts",
        "lettres : sonde, entrée",
        "lettres : sonde, bloc 1",
        "lettres : sonde, bloc 2",
        "lettres : sonde, fin",
        "lettres : réglage fin",
        "lettres : de zéro",
    ]


def test_a_task_with_a_known_answer(comparison: Comparison, bars: Task) -> None:
    """Les pixels la séparent ; une moyenne de l'entrée, qui ne sait pas où est la lumière, non."""
    assert comparison.of("barres", Method(MethodKind.PIXELS)).min() == 1
    pool, test = bars
    for column, count in enumerate((2, 6)):
        for seed in (0, 1):
            known, _ = pool.sample(count, seed)
            expected = transfer.linear_probe(module.pixels(known), known.labels).score(
                module.pixels(test), test.labels
            )
            assert comparison.scores[0, 0, column, seed] == expected


def test_probe_scores_are_those_of_the_features(
    comparison: Comparison, bars: Task, glyphs: weights.Pretrained
) -> None:
    pool, test = bars
    known = pool.sample(6, seed=1)[0]
    a, b = (
        transfer.extract_features(glyphs.model, transfer.prepare(glyphs, s, 32))[3]
        for s in (known, test)
    )
    expected = transfer.linear_probe(a, known.labels).score(b, test.labels)
    assert comparison.of("barres", Method(MethodKind.PROBE, "lettres", 3))[1, 1] == expected


def test_scores_by_depth_are_those_of_the_comparison(
    comparison: Comparison, bars: Task, glyphs: weights.Pretrained
) -> None:
    known, held = (
        transfer.extract_features(glyphs.model, transfer.prepare(glyphs, s, 32)) for s in bars
    )
    depths, pixels = module.by_depth(bars, known, held, per_class=6, seeds=2)
    np.testing.assert_array_equal(pixels, comparison.scores[0, 0, 1])
    np.testing.assert_array_equal(depths, comparison.scores[0, 1:5, 1].T)


def test_the_same_comparison_twice(
    comparison: Comparison, bars: Task, start: StartingPoint
) -> None:
    again = module.compare({"barres": bars}, {"lettres": start}, labels=(6,), seeds=2)
    np.testing.assert_array_equal(again.scores[:, :, 0], comparison.scores[:, :, 1])


def test_recipes_are_optional(bars: Task, start: StartingPoint) -> None:
    bare = module.compare({"t": bars}, {"l": StartingPoint(start.pretrained, 32)}, (2,), 1)
    kinds = [method.kind for method in bare.methods]
    assert kinds == [MethodKind.PIXELS, *[MethodKind.PROBE] * 4]


def test_best_probe() -> None:
    methods = (
        Method(MethodKind.PIXELS),
        Method(MethodKind.PROBE, "a", 0, "entrée"),
        Method(MethodKind.PROBE, "a", 1, "fin"),
    )
    scores = np.array([[[[0.5, 0.8]], [[0.9, 0.1]], [[0.8, 0.4]]]])
    toy = Comparison(("t",), methods, (2,), scores)
    assert toy.best_probe("t", "a", 2) == methods[2]


def test_comparison_errors(comparison: Comparison, bars: Task, start: StartingPoint) -> None:
    starts = {"lettres": start}
    with pytest.raises(ReseauxError, match="« seeds » vaut 0"):
        module.compare({"t": bars}, starts, (2,), 0)
    with pytest.raises(ReseauxError, match="mêmes classes"):
        module.compare({"t": (bars[0], data.digits())}, starts, (2,), 1)
    with pytest.raises(ReseauxError, match="un réseau de départ"):
        comparison.best_probe("barres", "lettre", 2)
    with pytest.raises(ReseauxError, match="un nombre d'étiquettes"):
        comparison.best_probe("barres", "lettres", 3)
    with pytest.raises(ReseauxError, match="au moins un de chaque"):
        module.compare({}, starts, (2,), 1)
    with pytest.raises(ReseauxError, match="99 images par classe demandées"):
        module.compare({"t": bars}, starts, (99,), 1)
    with pytest.raises(ReseauxError, match="« barre » ne désigne pas une tâche"):
        comparison.of("barre", comparison.methods[0])
    with pytest.raises(ReseauxError, match="ne désigne pas une méthode"):
        comparison.of("barres", Method(MethodKind.PROBE, "lettres", 9, "bloc 9"))


def test_a_probe_learns_the_chosen_images_and_answers_for_the_others() -> None:
    """Les images non choisies disent le contraire : les apprendre, ou s'y tester, se verrait."""
    labels = np.arange(40) % 2
    vectors = np.where(np.arange(40) < 10, labels, 1 - labels)[:, None].astype(np.float32)
    pixels = np.zeros((40, 1, 1), np.float32)
    pool = data.LabeledImages(pixels, labels, ("a", "b"))
    test = data.LabeledImages(pixels[:10], labels[:10], ("a", "b"))
    held = labels[:10, None].astype(np.float32)
    assert module.probe_score((pool, test), vectors, held, np.arange(10)) == 1.0
    assert module.probe_score((pool, test), vectors, 1 - held, np.arange(10)) == 0.0


def test_each_network_gets_its_own_images(bars: Task) -> None:
    """Deux réseaux, deux normalisations, deux tailles : aucun ne reçoit celles de l'autre."""
    one, two = set[int](), set[int]()
    recipe = Recipe(1e-3, min_steps=1, min_epochs=1)
    starts = {
        "un": StartingPoint(watched("resnet18", one), 32, recipe._replace(depth=1), recipe),
        "deux": StartingPoint(watched("squeezenet1_1", two, MEAN[::-1], STD[::-1]), 40, recipe),
    }
    module.compare({"t": bars}, starts, labels=(1,), seeds=1)
    assert (one, two) == ({32}, {40})


def test_pixels_are_a_copy(bars: Task) -> None:
    before = bars[0].images.copy()
    module.pixels(bars[0])[:] = 7
    assert np.array_equal(bars[0].images, before)


def test_by_depth_draws_anew_for_each_seed(bars: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Un tirage par graine, le même à chaque profondeur : sinon l'étendue serait fausse."""
    pool, _ = bars
    drawn: list[list[int]] = []

    def noted(task: Task, known: object, held: object, chosen: np.ndarray) -> float:
        drawn.append(chosen.tolist())
        return 0.0

    monkeypatch.setattr(module, "probe_score", noted)
    known, held = (module.pixels(part) for part in bars)
    module.by_depth(bars, [known], [held], per_class=2, seeds=3)
    draws = [pool.sample_indices(2, seed).tolist() for seed in range(3)]
    assert drawn == [draw for draw in draws for _ in range(2)]
    assert len({tuple(draw) for draw in draws}) == 3
    # Sans rien dire, cinq : autant que la page en annonce.
    assert [len(part) for part in module.by_depth(bars, [known], [held], 2)] == [5, 5]


def test_by_depth_wants_a_vector_for_each_image(bars: Task) -> None:
    known, held = (module.pixels(part) for part in bars)
    for a, b in (([known], []), ([known[:-1]], [held]), ([known], [held[:, :-1]])):
        with pytest.raises(ReseauxError, match="à chaque profondeur"):
            module.by_depth(bars, a, b, 2)
