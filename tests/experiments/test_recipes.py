"""Une recette : assez de pas, des lots égaux ; un réseau coupé, un réseau repris de zéro."""

import dataclasses

import numpy as np
import pytest
import torch
from torchvision import models

from experiments import comparison, recipes
from experiments.comparison import StartingPoint, Task
from experiments.recipes import Recipe
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights
from watched_network import watched


def test_untrained_keeps_the_shapes_and_loses_the_weights(glyphs: weights.Pretrained) -> None:
    state = torch.get_rng_state()
    one, two, three = (recipes.untrained(glyphs, seed).model for seed in (0, 0, 1))
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


@pytest.mark.parametrize("depth", [0, 1, 2, 4, 8])
def test_a_cut_network_is_the_beginning(net: weights.Pretrained, depth: int) -> None:
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    part = recipes.cut(net, depth, 32)
    kept, whole = transfer.extract_features(part.model, x), transfer.extract_features(net.model, x)
    assert len(kept) == depth + 1
    for a, b in zip(kept, whole, strict=False):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)
    assert part.model(x).shape == (2, 2)
    assert part.categories == part.categories_fr == ("0", "1")
    with torch.no_grad():
        next(part.model.parameters()).zero_()
    np.testing.assert_array_equal(transfer.extract_features(net.model, x)[0], whole[0])  # une copie


@pytest.mark.parametrize("depth", [9, -10])
def test_a_cut_elsewhere_is_refused(net: weights.Pretrained, depth: int) -> None:
    with pytest.raises(ReseauxError, match="entre 0 et 8"):
        recipes.cut(net, depth, 32)


@pytest.mark.parametrize(
    ("count", "epochs", "batch"),
    [(16, 30, 16), (65, 6, 13), (20, 15, 10), (200, 4, 16), (17, 15, 9)],
)
def test_a_recipe_has_enough_steps_and_even_batches(count: int, epochs: int, batch: int) -> None:
    recipe = Recipe(1e-3, batch_size=16, min_steps=30, min_epochs=4)
    assert (recipe.epochs_for(count), recipe.even_batch_size(count)) == (epochs, batch)
    assert recipe.epochs_for(count) * -(-count // recipe.even_batch_size(count)) >= 30


def test_a_recipe_tunes_a_cut_network(net: weights.Pretrained, bars: Task) -> None:
    """Seul le début du réseau et le classifieur neuf apprennent."""
    pool = bars[0]
    x, y = transfer.prepare(net, pool, 32), torch.from_numpy(pool.labels)
    recipe = Recipe(1e-2, min_steps=2, min_epochs=1, depth=3)
    tuned = recipes.fine_tune(net, x, y, 2, recipe, seed=0)
    assert tuned(x).shape == (len(pool), 2)
    before, after = net.model.state_dict(), tuned.state_dict()
    moved = {k for k in before if not before[k].equal(after[f"backbone.network.{k}"])}
    assert {k.split(".")[0] if k[1] != "l" else k[:8] for k in moved} == {
        "conv_stem", "bn1", "blocks.0", "blocks.1", "blocks.2",
    }  # fmt: skip


def test_the_whole_recipe_reaches_the_training(bars: Task, monkeypatch: pytest.MonkeyPatch) -> None:
    """Six images par lots de deux, sept pas au moins : trois époques, à leur taille."""
    sides, told = set[int](), dict[str, object]()
    pretrained = watched("resnet18", sides)

    def noted(given: weights.Pretrained, *_: object, **options: object) -> torch.nn.Module:
        told.update(options)
        return given.model

    monkeypatch.setattr(transfer, "fine_tune", noted)
    x = transfer.prepare(pretrained, bars[0].images[:6], 40)
    y = torch.from_numpy(bars[0].labels[:6])
    recipes.fine_tune(pretrained, x, y, 2, Recipe(0.02, 0.3, 2, 7, 1, depth=1), seed=4)
    assert told == {
        "epochs": 3, "learning_rate": 0.02, "backbone_rate": 0.3, "batch_size": 2, "seed": 4,
    }  # fmt: skip
    assert sides == {40}


@pytest.mark.parametrize(
    "changes", [{"batch_size": 0}, {"min_steps": 0}, {"min_epochs": -1}, {"learning_rate": 0.0}]
)
def test_a_recipe_that_makes_no_step_is_refused(
    changes: dict[str, float], glyphs: weights.Pretrained, bars: Task
) -> None:
    x, y = transfer.prepare(glyphs, bars[0], 32), torch.from_numpy(bars[0].labels)
    with pytest.raises(ReseauxError, match=r"^\d+ images et Recipe\(|« learning_rate » vaut 0\.0"):
        recipes.fine_tune(glyphs, x, y, 2, Recipe(1e-2)._replace(**changes), 0)


def test_a_layer_that_would_keep_what_it_learned_is_refused(glyphs: weights.Pretrained) -> None:
    transformer = dataclasses.replace(glyphs, model=models.vit_b_32(weights=None, image_size=32))
    with pytest.raises(
        ReseauxError, match="couche « VisionTransformer » de « glyphes » ne sait pas"
    ):
        recipes.untrained(transformer, 0)


def test_the_seed_of_a_draw_reaches_the_training(
    glyphs: weights.Pretrained, bars: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """La graine donnée est celle du classifieur neuf et de l'ordre des images, à chaque tirage."""
    x, y = transfer.prepare(glyphs, bars[0], 32), torch.from_numpy(bars[0].labels)
    recipe = Recipe(1e-2, min_steps=1, min_epochs=1)
    same, again, other = (recipes.fine_tune(glyphs, x, y, 2, recipe, seed) for seed in (0, 0, 1))
    name = list(same.state_dict())[-2]  # les poids du classifieur
    assert torch.equal(same.state_dict()[name], again.state_dict()[name])
    assert not torch.equal(same.state_dict()[name], other.state_dict()[name])
    seeds = []

    def noted(*arguments: object) -> torch.nn.Module:
        seeds.append(arguments[-1])
        return same

    monkeypatch.setattr(comparison, "fine_tune", noted)
    start = StartingPoint(glyphs, 32, recipe, None)
    comparison.compare({"barres": bars}, {"glyphes": start}, (2, 3), 3)
    assert seeds == [0, 1, 2, 0, 1, 2]
