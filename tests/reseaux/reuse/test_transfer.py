"""Préparer des images pour un réseau, et le régler finement."""

import copy
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn
from torchvision import models, transforms

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import training, transfer, weights

Few = tuple[torch.Tensor, torch.Tensor]


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="module")
def few(net: weights.Pretrained) -> Few:
    digits = data.digits().sample(2, seed=0)[0]
    return transfer.prepare(net, digits, 32), torch.from_numpy(digits.labels)


def of_torchvision(name: str) -> weights.Pretrained:
    """Un réseau de torchvision, poids au hasard, avec la préparation de ses vrais poids."""
    torch.manual_seed(0)
    model = models.get_model(name, weights=None).eval()
    transform = models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
    return weights.Pretrained(name, model, transform, (), ())


# ---------------------------------------------------------------------------------------------
# Préparer


def test_prepare_repeats_grey_and_scales(net: weights.Pretrained) -> None:
    images = np.zeros((2, 8, 8), np.float32)
    images[1] = 1
    out = transfer.prepare(net, images, 24)
    assert out.shape == (2, 3, 24, 24)
    assert torch.equal(out[0], torch.full((3, 24, 24), -1.0))
    torch.testing.assert_close(out[1], torch.ones(3, 24, 24))
    color = np.random.default_rng(0).random((1, 6, 6, 3)).astype(np.float32)
    kept = transfer.prepare(net, color, 6)
    np.testing.assert_allclose(kept[0].permute(1, 2, 0).numpy(), 2 * color[0] - 1, atol=1e-6)


@pytest.mark.parametrize(
    ("shape", "value", "message"),
    [
        ((2, 8), 0, "forme"),
        ((2, 8, 8, 4), 0, "forme"),
        ((0, 8, 8), 0, "forme"),
        ((1, 8, 8), 255, "divisez"),
    ],
)
def test_prepare_refuses(
    net: weights.Pretrained, shape: tuple[int, ...], value: float, message: str
) -> None:
    with pytest.raises(ReseauxError, match=message):
        transfer.prepare(net, np.full(shape, value, np.float32))


IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet50", IMAGENET),
        ("convnext_tiny", IMAGENET),
        ("efficientnet_v2_l", ((0.5,) * 3, (0.5,) * 3)),
    ],
)
def test_each_network_has_its_own_normalization(
    name: str, expected: tuple[tuple[float, ...], tuple[float, ...]]
) -> None:
    """Oracle : la normalisation de torchvision, canal par canal, à la même taille."""
    model = nn.Conv2d(3, 1, 1)
    transform = models.get_model_weights(name).DEFAULT.transforms()  # type: ignore[attr-defined]
    pretrained = weights.Pretrained(name, model, transform, (), ())
    np.testing.assert_allclose(transfer.normalization(pretrained), expected, atol=1e-5)
    photo = np.asarray(data.photo("coffee").resize((32, 32)))
    ours = transfer.prepare(pretrained, photo[None] / np.float32(255), 32)[0]
    theirs = transforms.Normalize(*expected)(
        transforms.functional.to_tensor(Image.fromarray(photo))
    )
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_the_complete_setting_on_a_processor() -> None:
    """Le réseau du réglage complet, poids au hasard : préparé, lu à chaque profondeur, réglé."""
    resnet = of_torchvision("resnet50")
    digits = data.digits().sample(1, seed=0)[0]
    x, y = transfer.prepare(resnet, digits, 96), torch.from_numpy(digits.labels)
    assert x.mean() < -0.2  # des chiffres sur fond noir, centrés comme ImageNet
    assert [v.shape[1] for v in transfer.extract_features(resnet.model, x)] == [
        64, 256, 512, 1024, 2048,
    ]  # fmt: skip
    tuned = transfer.fine_tune(resnet, x, y, 10, first_trained=4, epochs=1)
    assert tuned(x).shape == (10, 10)


# ---------------------------------------------------------------------------------------------
# Régler


def test_middle_of_the_network_wins_far_from_imagenet(net: weights.Pretrained) -> None:
    train, test = data.digits().sample(20, seed=0)
    test, _ = test.sample(20, seed=0)
    known, held = (
        transfer.extract_features(net.model, transfer.prepare(net, part)) for part in (train, test)
    )
    scores = [
        transfer.linear_probe(known[d], train.labels).score(held[d], test.labels) for d in (0, 5, 8)
    ]
    assert scores[1] > scores[0] + 0.1
    assert scores[1] > scores[2] + 0.04


def parts_before(model: nn.Module, first: int) -> dict[str, bool]:
    """Chaque tenseur d'EfficientNet-Lite0 : est-il avant cette profondeur ? (à la main)"""
    stages = ["conv_stem bn1", *(f"blocks.{k}" for k in range(7)), "conv_head bn2", "classifier"]
    depth = {name: k for k, names in enumerate(stages) for name in names.split()}
    return {
        name: depth[next(part for part in depth if name.startswith(part + "."))] < first
        for name in model.state_dict()
    }


@pytest.mark.parametrize("first", [0, 5, 9])
def test_fine_tune_moves_only_what_is_thawed(net: weights.Pretrained, few: Few, first: int) -> None:
    before = {k: v.clone() for k, v in net.model.state_dict().items()}
    tuned = transfer.fine_tune(net, *few, 10, first_trained=first, epochs=1)
    assert all(torch.equal(before[k], v) for k, v in net.model.state_dict().items())
    frozen, after = parts_before(net.model, first), tuned.state_dict()
    stage_of = lambda name: ".".join(name.split(".")[: 2 if "blocks" in name else 1])  # noqa: E731
    moved = {stage_of(name) for name in after if not before[name].equal(after[name])}
    # Poids ET statistiques de normalisation : un étage gelé ne bouge pas du tout.
    assert moved == {stage_of(name) for name, still in frozen.items() if not still}
    assert tuned.get_submodule("classifier").out_features == 10  # type: ignore[comparison-overlap]
    assert not tuned.training


@pytest.mark.parametrize(
    ("name", "first", "frozen"),
    [
        ("densenet121", 5, ("features.conv0", "features.norm0", "features.denseblock1",
                            "features.transition1", "features.denseblock2",
                            "features.transition2")),
        ("swin_t", 3, ("features.0", "features.1", "features.2")),
        ("mobilenet_v3_small", 13, ("features",)),
    ],
)  # fmt: skip
def test_any_network_is_frozen_before_a_depth(
    name: str, first: int, frozen: tuple[str, ...]
) -> None:
    pretrained = of_torchvision(name)
    x = torch.randn(4, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    tuned = transfer.fine_tune(pretrained, x, torch.arange(4) % 2, 2, first_trained=first, epochs=1)
    before, after = pretrained.model.state_dict(), tuned.state_dict()
    for key in after:
        if key.startswith(tuple(f"{part}." for part in frozen)):
            assert before[key].equal(after[key])
    moving = {key for key in after if not before[key].equal(after[key])}
    assert moving
    assert not any(key.startswith(tuple(f"{part}." for part in frozen)) for key in moving)
    still = [key for key, p in tuned.named_parameters() if key not in moving]
    assert all(key.startswith(tuple(f"{part}." for part in frozen)) for key in still)


def test_fine_tune_is_reproducible_and_learns(net: weights.Pretrained, few: Few) -> None:
    x, y = few
    state = torch.get_rng_state()
    a, b = (
        transfer.fine_tune(net, x, y, 10, first_trained=7, epochs=12, batch_size=10)
        for _ in range(2)
    )
    assert all(torch.equal(p, q) for p, q in zip(a.parameters(), b.parameters(), strict=True))
    assert torch.equal(state, torch.get_rng_state())  # le hasard de l'appelant est intact
    assert training.accuracy(a, x, y) > 0.5


def test_fine_tune_refuses(net: weights.Pretrained) -> None:
    x, y = torch.zeros(2, 3, 32, 32), torch.tensor([0, 1])
    with pytest.raises(ReseauxError, match="« first_trained » vaut 10"):
        transfer.fine_tune(net, x, y, 2, first_trained=10)
    with pytest.raises(ReseauxError, match="numérotées à partir de 0"):
        transfer.fine_tune(net, x, y + 1, 2)


def moves(start: nn.Module, end: nn.Module, part: str) -> float:
    """Le plus grand déplacement d'un paramètre dont le nom commence ainsi."""
    known = dict(start.named_parameters())
    return max(
        float((p.detach() - known[name].detach()).abs().max())
        for name, p in end.named_parameters()
        if name.startswith(part) and name in known and p.shape == known[name].shape
    )


def test_the_backbone_moves_at_its_own_rate(net: weights.Pretrained, few: Few) -> None:
    """Le premier pas d'Adam déplace chaque paramètre d'au plus le pas (plus la décroissance)."""
    kind = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 20}
    slow = transfer.fine_tune(net, *few, 10, backbone_rate=0.1, **kind)
    fast = transfer.fine_tune(net, *few, 10, **kind)
    assert 0.5e-4 < moves(net.model, slow, "blocks.0") < 1.5e-4
    assert 0.5e-3 < moves(net.model, fast, "blocks.0") < 1.5e-3
    heads = [model.get_submodule("classifier") for model in (slow, fast)]
    torch.testing.assert_close(heads[0].weight, heads[1].weight)  # le même pas pour la tête


def test_defaults_are_one_group_of_adamw(net: weights.Pretrained, few: Few) -> None:
    """Oracle : la définition d'origine, un seul groupe de paramètres ; égale bit pour bit."""
    x, y = few
    ours = transfer.fine_tune(net, x, y, 10, first_trained=6, epochs=2, batch_size=8)
    plain = copy.deepcopy(net.model)
    frozen = parts_before(plain, 6)
    for name, parameter in plain.named_parameters():
        parameter.requires_grad_(not frozen[name])
    transfer.new_head(plain, 10, seed=0)
    plain = plain.to(memory_format=torch.channels_last)
    optimizer = torch.optim.AdamW(
        [p for p in plain.parameters() if p.requires_grad], lr=1e-3, weight_decay=1e-2
    )
    training.train(
        plain, x.contiguous(memory_format=torch.channels_last), y, optimizer=optimizer, epochs=2,
        batch_size=8, generator=torch.Generator().manual_seed(0),
        scheduler=torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 2),
    )  # fmt: skip
    pairs = zip(ours.state_dict().values(), plain.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_resume_is_exact_and_refuses_another_training(
    net: weights.Pretrained, few: Few, tmp_path: Path
) -> None:
    x, y = few
    file = tmp_path / "entrainement.pt"
    kind = {"first_trained": 8, "epochs": 3, "batch_size": 8, "checkpoint": file}
    direct = transfer.fine_tune(net, x, y, 10, **{**kind, "checkpoint": None})

    def stop(epoch: training.Epoch) -> None:
        if epoch.number == 1:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        transfer.fine_tune(net, x, y, 10, after_epoch=stop, **kind)
    with pytest.raises(ReseauxError, match="d'autres images"):
        transfer.fine_tune(net, x + 1, y, 10, resume=True, **kind)
    with pytest.raises(ReseauxError, match=r"graine : 0, et non 1"):
        transfer.fine_tune(net, x, y, 10, resume=True, seed=1, **kind)
    with pytest.raises(ReseauxError, match="donnez aussi le fichier"):
        transfer.fine_tune(net, x, y, 10, resume=True)
    resumed = transfer.fine_tune(net, x, y, 10, resume=True, **kind)
    pairs = zip(direct.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
