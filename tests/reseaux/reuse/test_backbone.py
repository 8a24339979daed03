"""Lire un réseau à ses profondeurs, contre torchvision, timm et la définition."""

import copy
from collections.abc import Callable

import numpy as np
import pytest
import timm
import torch
from torch import nn
from torchvision import models
from torchvision.models.feature_extraction import create_feature_extractor

from experiments.glyph_network import GlyphNetwork
from reseaux.errors import ReseauxError
from reseaux.reuse import backbone, training, weights


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


def images(count: int, size: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(count, 3, size, size, generator=torch.Generator().manual_seed(seed))


def random_network(build: Callable[..., nn.Module], **options: object) -> nn.Module:
    torch.manual_seed(0)
    return build(**options).eval()


# ---------------------------------------------------------------------------------------------
# Les familles dont le découpage est écrit à la main


def stages(model: nn.Module) -> list[nn.Module]:
    """Le découpage défini à la main ; enchaînées, ses parties sont le réseau sans classifieur."""
    if hasattr(model, "features"):
        return list(model.features)  # type: ignore[arg-type]
    part = model.get_submodule
    if hasattr(model, "layer4"):
        first = nn.Sequential(part("conv1"), part("bn1"), part("relu"), part("maxpool"))
        return [first, *(part(f"layer{k}") for k in range(1, 5))]
    first = nn.Sequential(part("conv_stem"), part("bn1"))
    return [first, *part("blocks"), nn.Sequential(part("conv_head"), part("bn2"))]  # type: ignore[misc]


FAMILIES: list[Callable[[], nn.Module]] = [
    lambda: timm.create_model("tf_efficientnet_lite0"),
    *(
        lambda build=build: build(weights=None)
        for build in (
            models.resnet18,
            models.resnet50,
            models.efficientnet_v2_s,
            models.convnext_tiny,
            models.mobilenet_v2,
            models.mobilenet_v3_small,
        )
    ),
    lambda: GlyphNetwork(5),
]


@pytest.mark.parametrize("build", FAMILIES)
def test_depths_are_the_hand_written_stages(build: Callable[[], nn.Module]) -> None:
    model, x = random_network(build), images(2, 32)
    parts = stages(model)
    assert backbone.depth_names(model) == (
        "entrée", *(f"bloc {k}" for k in range(1, len(parts) - 1)), "fin",
    )  # fmt: skip
    found = backbone.extract_features(model, x)
    assert len(found) == len(parts)
    y = x.to(memory_format=torch.channels_last)
    with torch.inference_mode():
        for part, features in zip(parts, found, strict=True):
            y = part(y)
            np.testing.assert_allclose(features, y.mean(dim=(2, 3)).numpy(), rtol=1e-6, atol=1e-7)


@pytest.mark.parametrize("build", FAMILIES)
def test_what_a_depth_needs_is_what_comes_before_it(build: Callable[[], nn.Module]) -> None:
    model, x = random_network(build), images(1, 32)
    parts = stages(model)
    for depth in (0, len(parts) // 2, len(parts) - 1):
        model.zero_grad()
        backbone.Backbone(model, depth)(x).sum().backward()
        for k, part in enumerate(parts):
            assert all((p.grad is not None) == (k <= depth) for p in part.parameters())


def test_feature_sizes(net: weights.Pretrained) -> None:
    found = backbone.extract_features(net.model, torch.zeros(1, 3, 32, 32))
    sizes = [vectors.shape[1] for vectors in found]
    assert sizes == [32, 16, 24, 40, 80, 112, 192, 320, 1280]  # table 1 de Tan & Le 2019


def test_last_features_feed_the_classifier(net: weights.Pretrained) -> None:
    """Oracle : le classifieur de timm appliqué aux caractéristiques rend les scores de timm."""
    x = images(3, 64, seed=1)
    last = torch.from_numpy(backbone.extract_features(net.model, x)[-1])
    with torch.inference_mode():
        scores = net.model.get_submodule("classifier")(last)
        torch.testing.assert_close(scores, net.model(x), rtol=1e-4, atol=1e-4)


def test_batches_do_not_change_features(net: weights.Pretrained) -> None:
    x = images(5, 32, seed=3)
    one, many = (backbone.extract_features(net.model, x, size) for size in (1, 5))
    for a, b in zip(one, many, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)


def test_nothing_is_kept_between_calls(net: weights.Pretrained) -> None:
    """Deux réseaux de mêmes poids, des tableaux que l'appelant modifie : aucun ne se mêle."""
    x, twin = images(2, 32, seed=2), copy.deepcopy(net.model)
    first = backbone.extract_features(net.model, x)
    for vectors in first:
        vectors[:] = 0
    again = backbone.extract_features(net.model, x)
    assert all(vectors.any() for vectors in again)
    twin.get_submodule("bn1").bias.data += 1  # type: ignore[operator, union-attr]
    changed = backbone.extract_features(twin, x)
    assert not np.allclose(again[3], changed[3])
    assert not any(module._forward_hooks for module in twin.modules())  # les crochets sont retirés


def test_the_mode_of_the_network_comes_back(net: weights.Pretrained) -> None:
    model = copy.deepcopy(net.model).train()
    backbone.extract_features(model, images(1, 32))
    assert model.training
    with pytest.raises(ReseauxError, match="refuse un lot"):
        backbone.extract_features(model, torch.zeros(1, 4, 32, 32))
    assert model.training


# ---------------------------------------------------------------------------------------------
# Les autres réseaux


def vision(name: str, **options: object) -> Callable[[], nn.Module]:
    return lambda: getattr(models, name)(weights=None, **options)


@pytest.mark.parametrize(
    ("build", "size", "nodes", "channels"),
    [
        (vision("vgg16"), 32, {0: "features.1", 6: "features.16", 12: "features.30"}, 512),
        (vision("densenet121"), 32, {0: "features.pool0", 7: "features.norm5"}, 1024),
        (vision("squeezenet1_1"), 64, {0: "features.2", 8: "features.12.cat"}, 512),
        (
            vision("inception_v3", init_weights=False), 80,
            {0: "Conv2d_1a_3x3.relu", 12: "Mixed_6e.cat", 15: "Mixed_7c.cat_2"}, 2048,
        ),
        (vision("mnasnet0_5"), 32, {0: "layers.2", 9: "layers.16"}, 1280),
    ],
)  # fmt: skip
def test_convolutional_networks_of_torchvision(
    build: Callable[[], nn.Module], size: int, nodes: dict[int, str], channels: int
) -> None:
    """Oracle : l'extraction de torchvision, par le graphe de calcul (torch.fx)."""
    model, x = random_network(build), images(2, size)
    found = backbone.extract_features(model, x)
    assert found[-1].shape == (2, channels)
    assert len(found) == len(backbone.depth_names(model))
    theirs = create_feature_extractor(model, {node: str(k) for k, node in nodes.items()})
    with torch.inference_mode():
        for k, maps in theirs(x).items():
            expected = maps.mean(dim=(2, 3)).numpy()
            np.testing.assert_allclose(found[int(k)], expected, rtol=1e-3, atol=1e-4)


def test_channels_last_network() -> None:
    """Swin rend N×h×l×C ; à 384 pixels, sa première carte est 96×96×96."""
    model = random_network(vision("swin_t"))
    for size in (64, 384):
        x = images(1, size)
        found = backbone.extract_features(model, x)
        assert [f.shape[1] for f in found] == [96, 96, 192, 192, 384, 384, 768, 768]
        theirs = create_feature_extractor(model, {"features.0": "0", "norm": "7"})
        with torch.inference_mode():
            for k, maps in theirs(x).items():
                expected = maps.mean(dim=(1, 2)).numpy()
                np.testing.assert_allclose(found[int(k)], expected, rtol=1e-3, atol=1e-4)


def test_tokens_are_averaged_over_positions() -> None:
    """Oracle : les états intermédiaires que timm donne d'un transformeur."""
    model = random_network(timm.create_model, model_name="vit_tiny_patch16_224", img_size=32)
    x = images(2, 32)
    found = backbone.extract_features(model, x)
    assert [f.shape for f in found] == [(2, 192)] * 13
    with torch.inference_mode():
        tokens = model.forward_intermediates(  # type: ignore[operator]
            x, output_fmt="NLC", intermediates_only=True, return_prefix_tokens=True
        )
    for ours, (patches, prefix) in list(zip(found[1:], tokens, strict=True))[:-1]:
        expected = torch.cat([prefix, patches], dim=1).mean(dim=1).numpy()
        np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4)
    assert backbone.extract_features(
        random_network(vision("vit_b_16", image_size=32)), x
    )[-1].shape == (2, 768)  # fmt: skip


@pytest.mark.parametrize(
    ("name", "depths"),
    [
        ("resnet18", (0, 1, 2, 3, 4)),
        ("convnext_atto", (1, 2, 3, 4)),
        ("regnety_002", (0, 1, 2, 3, 4)),
    ],
)
def test_stages_of_timm(name: str, depths: tuple[int, ...]) -> None:
    """Oracle : les cartes que timm donne de chaque étage (``features_only``)."""
    model = random_network(timm.create_model, model_name=name)
    theirs = random_network(timm.create_model, model_name=name, features_only=True)
    theirs.load_state_dict(
        {k.replace("stages.", "stages_"): v for k, v in model.state_dict().items()}
        if name == "convnext_atto" else model.state_dict(), strict=False,
    )  # fmt: skip
    x = images(2, 64)
    found = backbone.extract_features(model, x)
    with torch.inference_mode():
        for depth, maps in zip(depths, theirs(x), strict=True):
            if (name, depth) != ("resnet18", 0):  # timm rend l'entrée avant sa réduction
                expected = maps.mean(dim=(2, 3)).numpy()
                np.testing.assert_allclose(found[depth], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["densenet121", "mobilenetv3_small_050", "ghostnet_100", "repvgg_a0", "levit_128s"]
)
def test_other_networks_of_timm(name: str) -> None:
    model = random_network(timm.create_model, model_name=name)
    size = 224 if name == "levit_128s" else 64
    found = backbone.extract_features(model, images(2, size))
    names = backbone.depth_names(model)
    assert len(found) == len(names) == len(set(names)) > 2
    assert {f.shape[0] for f in found} == {2}
    assert 1000 not in [f.shape[1] for f in found]  # aucun classifieur
    assert np.isfinite(np.concatenate(found, axis=1)).all()


def test_unreadable_networks_are_refused() -> None:
    with pytest.raises(ReseauxError, match="« Linear » ne se lit pas"):
        backbone.depth_names(nn.Linear(2, 2))
    crossed = random_network(timm.create_model, model_name="crossvit_tiny_240")
    with pytest.raises(ReseauxError, match="rend un résultat sans forme"):
        backbone.extract_features(crossed, images(1, 240))

    class Skipping(nn.Sequential):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self[3](self[0](x).mean(dim=(2, 3)))  # type: ignore[no-any-return]

    skipping = Skipping(nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.ReLU(), nn.Linear(4, 2))
    with pytest.raises(ReseauxError, match="n'appelle pas tous ses étages"):
        backbone.extract_features(skipping, images(1, 8))


# ---------------------------------------------------------------------------------------------
# Le début d'un réseau, sa sonde, son classifieur neuf


def test_backbone_is_every_depth(net: weights.Pretrained) -> None:
    x = images(2, 32)
    found = backbone.extract_features(net.model, x)
    with torch.inference_mode():
        for depth in (0, 5, 8, -1, -9):
            ours = backbone.Backbone(net.model, depth)(x).numpy()
            np.testing.assert_allclose(ours, found[depth], rtol=1e-3, atol=1e-4)
        head = nn.Linear(112, 3)
        scores = backbone.LinearProbe(backbone.Backbone(net.model, 5), head)(x)
        torch.testing.assert_close(scores, head(torch.from_numpy(found[5])), rtol=1e-3, atol=1e-4)


def test_backbone_stops_at_its_depth(net: weights.Pretrained) -> None:
    calls: list[str] = []
    model = copy.deepcopy(net.model)
    for name in ("bn1", "blocks.2", "blocks.3", "classifier"):
        model.get_submodule(name).register_forward_hook(lambda *_, name=name: calls.append(name))
    backbone.Backbone(model, 3)(images(1, 32))
    assert calls == ["bn1", "blocks.2"]


def test_a_linear_probe_has_the_depths_of_its_backbone(net: weights.Pretrained) -> None:
    x = images(2, 32)
    probe = backbone.LinearProbe(backbone.Backbone(net.model, 4), nn.Linear(80, 3))
    assert backbone.depth_names(probe) == ("entrée", "bloc 1", "bloc 2", "bloc 3", "fin")
    whole = backbone.extract_features(net.model, x)[:5]
    for a, b in zip(backbone.extract_features(probe, x), whole, strict=True):
        np.testing.assert_array_equal(a, b)
    shallow = backbone.LinearProbe(backbone.Backbone(net.model, 0), nn.Linear(32, 3))
    assert backbone.depth_names(shallow) == ("entrée",)


@pytest.mark.parametrize("depth", [9, -10])
def test_unknown_depth(net: weights.Pretrained, depth: int) -> None:
    with pytest.raises(ReseauxError, match="entre 0 et 8"):
        backbone.Backbone(net.model, depth)


@pytest.mark.parametrize(
    "name", ["efficientnet_v2_s", "resnet18", "convnext_tiny", "vgg16", "densenet121",
             "squeezenet1_1", "inception_v3", "swin_t"],
)  # fmt: skip
def test_new_head(name: str) -> None:
    options = {"init_weights": False} if name == "inception_v3" else {}
    model, x = random_network(vision(name, **options)), images(2, 80)
    state = torch.get_rng_state()
    head = backbone.new_head(model, 5, seed=0)
    assert torch.equal(state, torch.get_rng_state())
    assert head in list(model.modules())
    for mode in (True, False):  # Inception, à l'entraînement, rendait aussi un score auxiliaire
        assert model.train(mode)(x).shape == (2, 5)
    again = backbone.new_head(model, 5, seed=0)
    assert torch.equal(head.get_parameter("weight"), again.get_parameter("weight"))
    assert training.predict(model, x).shape == (2,)


def test_no_linear_layer_to_replace() -> None:
    with pytest.raises(ReseauxError, match="pas de couche linéaire"):
        backbone.new_head(nn.Conv2d(1, 1, 1), 2, seed=0)
