"""Régler finement : la tête part de la sonde, le pas se choisit sans le test, tout est compté."""

import numpy as np
import pytest
import torch
from torch import nn

from experiments import glyph_network, tuning
from experiments.tuning import Recipe, Start
from reseaux.data import LabeledImages
from reseaux.reuse import training, transfer, weights

RECIPE = Recipe((1e-3, 1e-2), passes=120, epochs=(2, 10), batch_size=8)


@pytest.fixture(scope="module")
def known(
    bars: tuple[LabeledImages, LabeledImages], glyphs: weights.Pretrained
) -> tuple[torch.Tensor, np.ndarray]:
    return transfer.prepare(glyphs, bars[0], 32), bars[0].labels


def start(net: weights.Pretrained, head: object = None, first: int = 0) -> Start:
    return Start(net, head, first, frozen_statistics=True)  # type: ignore[arg-type]


def test_epochs_show_enough_images_within_bounds() -> None:
    assert [RECIPE.epochs_for(n) for n in (1, 12, 13, 50, 60, 1000)] == [10, 10, 10, 3, 2, 2]


def test_the_head_starts_as_the_probe(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    """Avec un pas presque nul, le réseau réglé répond comme la sonde."""
    images, labels = known
    vectors = transfer.extract_features(glyphs.model, images)[-1]
    head = tuning.probed_head(vectors, labels, 0.1)
    still = Recipe((1e-12,), passes=1, epochs=(1, 1), batch_size=8)
    tuned = tuning.tune(start(glyphs, head), images, labels, 2, still, 0)
    expected = transfer.linear_probe(vectors, labels, 0.1).predict_proba(vectors)
    with torch.no_grad():
        found = tuned.model(images).softmax(1).numpy()
    np.testing.assert_allclose(found, expected, atol=2e-3)
    # Et la tête n'a vu que les images choisies.
    half = np.arange(0, len(labels), 2)
    part = transfer.linear_probe(vectors[half], labels[half], 0.1)
    layer = head(half)
    scores = layer(torch.from_numpy(vectors)).softmax(1).numpy()
    np.testing.assert_allclose(scores, part.predict_proba(vectors), atol=1e-4)


def test_the_rate_is_chosen_on_the_labelled_images(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    images, labels = known
    for rates in ((1e-9, 1e-2), (1e-2, 1e-9)):
        recipe = Recipe(rates, passes=300, epochs=(2, 10), batch_size=8)
        tuned = tuning.tune(start(glyphs), images, labels, 2, recipe, 0)
        assert tuned.rate == 1e-2
        assert tuned.validation > 0.9


@pytest.mark.parametrize("few", [10_000, 1])
def test_passes_count_every_image(
    few: int, glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    images, labels = known
    recipe = Recipe((1e-3, 1e-2), passes=1, epochs=(2, 2), batch_size=8, few=few)
    tuned = tuning.tune(start(glyphs), images, labels, 2, recipe, 0)
    n = len(labels)  # 30 : trois parts de 10, ou une de 5 parmi six
    if few > n:
        assert tuned.passes == 2 * (3 * (3 * 2 * 20) + 30) + 3 * 2 * n
    else:
        assert tuned.passes == 2 * (3 * 2 * 25 + 5)


def test_with_many_images_the_validated_network_is_kept(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    """Sous « few » on réapprend sur tout ; au-dessus, les images tenues n'ont rien appris."""
    images, labels = known
    from sklearn.model_selection import StratifiedKFold

    _, held = next(StratifiedKFold(6, shuffle=True, random_state=0).split(labels, labels))
    lying = labels.copy()
    lying[held] = 1 - lying[held]

    def learnt(truth: np.ndarray, few: int) -> torch.Tensor:
        recipe = Recipe((1e-2,), passes=1, epochs=(3, 3), batch_size=8, few=few)
        model = tuning.tune(start(glyphs), images, truth, 2, recipe, 0).model
        return torch.cat([p.flatten() for p in model.parameters()])

    split = StratifiedKFold.split
    with pytest.MonkeyPatch.context() as patch:  # la même découpe, quelles que soient les classes
        patch.setattr(StratifiedKFold, "split", lambda s, x, _: split(s, labels, labels))
        assert torch.equal(learnt(labels, 1), learnt(lying, 1))
        assert not torch.equal(learnt(labels, 10_000), learnt(lying, 10_000))


def test_only_the_last_blocks_move(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    images, labels = known
    tuned = tuning.tune(start(glyphs, first=3), images, labels, 2, RECIPE, 0)
    before, after = glyphs.model.state_dict(), tuned.model.state_dict()
    still = [name for name in before if name.startswith(("features.0", "features.1", "features.2"))]
    assert still
    assert all(torch.equal(before[name], after[name]) for name in still)
    assert not torch.equal(before["features.3.0.weight"], after["features.3.0.weight"])


def test_cutting_at_the_end_keeps_the_network(glyphs: weights.Pretrained) -> None:
    assert tuning.cut(glyphs, 3, 32) is glyphs
    shorter = tuning.cut(glyphs, 1, glyph_network.SIZE)
    assert [p for p in shorter.model.modules() if isinstance(p, nn.Linear)][-1].in_features == 8


def test_dihedral_gives_the_eight_of_the_square_and_nothing_else() -> None:
    image = torch.arange(9.0).view(1, 1, 3, 3).expand(400, 3, 3, 3)
    turned = [torch.rot90(image[0], k, (1, 2)) for k in range(4)]
    eight = [*turned, *(t.flip(2) for t in turned)]
    found = tuning.dihedral(torch.Generator().manual_seed(0))(image)
    kinds = [next(k for k, e in enumerate(eight) if torch.equal(e, f)) for f in found]
    counts = np.bincount(kinds, minlength=8)
    assert counts.min() > 400 / 8 / 2
    again = tuning.dihedral(torch.Generator().manual_seed(0))(image)
    assert torch.equal(found, again)


def test_the_same_draw_gives_the_same_network(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    images, labels = known
    state = torch.get_rng_state()
    one, two, other = (
        tuning.tune(start(glyphs), images, labels, 2, RECIPE, draw, tuning.dihedral).model(images)
        for draw in (0, 0, 1)
    )
    assert torch.equal(one, two)
    assert not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_statistics_stay_those_of_the_start(
    glyphs: weights.Pretrained, known: tuple[torch.Tensor, np.ndarray]
) -> None:
    images, labels = known
    for frozen in (True, False):
        begin = Start(glyphs, None, 0, frozen_statistics=frozen)
        model = tuning.tune(begin, images, labels, 2, RECIPE, 0).model
        same = torch.equal(
            model.state_dict()["features.0.1.running_mean"],
            glyphs.model.state_dict()["features.0.1.running_mean"],
        )
        assert same == frozen
    assert training.accuracy(model, images, torch.from_numpy(labels)) > 0.8
