"""Un réseau coupé à une profondeur, un réseau repris de zéro."""

import dataclasses

import numpy as np
import pytest
import torch
from torchvision import models

from experiments import starts
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights


def test_untrained_keeps_the_shapes_and_loses_the_weights(glyphs: weights.Pretrained) -> None:
    state = torch.get_rng_state()
    one, two, three = (starts.untrained(glyphs, seed).model for seed in (0, 0, 1))
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
    part = starts.cut(net, depth, 32)
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
        starts.cut(net, depth, 32)


def test_a_layer_that_would_keep_what_it_learned_is_refused(glyphs: weights.Pretrained) -> None:
    transformer = dataclasses.replace(glyphs, model=models.vit_b_32(weights=None, image_size=32))
    with pytest.raises(
        ReseauxError, match="couche « VisionTransformer » de « glyphes » ne sait pas"
    ):
        starts.untrained(transformer, 0)
