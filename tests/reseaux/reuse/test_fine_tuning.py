"""Le réglage fin : ce qui bouge, à quel pas, et la reprise."""

import copy
import dataclasses
import math
from pathlib import Path

import pytest
import torch
from torch import nn
from torchvision import models

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
    with pytest.raises(ReseauxError, match=r"pas du réseau : 1\.0, et non 0\.1"):
        transfer.fine_tune(net, x, y, 10, resume=True, backbone_rate=0.1, **kind)
    with pytest.raises(ReseauxError, match="donnez aussi le fichier"):
        transfer.fine_tune(net, x, y, 10, resume=True)
    resumed = transfer.fine_tune(net, x, y, 10, resume=True, **kind)
    pairs = zip(direct.state_dict().values(), resumed.state_dict().values(), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)


def test_the_rate_follows_a_cosine_down(net: weights.Pretrained, few: Few, monkeypatch) -> None:
    """Oracle : la formule, ½ (1 + cos(π époque / époques)) ; à chaque groupe le sien."""
    rates: list[list[float]] = []
    plain = torch.optim.AdamW.step

    def step(self: torch.optim.AdamW, *args: object) -> object:
        rates.append([group["lr"] for group in self.param_groups])
        assert {group["weight_decay"] for group in self.param_groups} == {1e-2}
        return plain(self, *args)

    monkeypatch.setattr(torch.optim.AdamW, "step", step)
    kind = {"first_trained": 8, "epochs": 4, "batch_size": 10, "learning_rate": 0.02}
    transfer.fine_tune(net, *few, 10, backbone_rate=0.25, **kind)
    falls = [(1 + math.cos(math.pi * epoch / 4)) / 2 for epoch in range(4) for _ in range(2)]
    expected = [[0.02 * 0.25 * fall, 0.02 * fall] for fall in falls]
    torch.testing.assert_close(torch.tensor(rates), torch.tensor(expected))


def test_the_gradient_goes_through_a_frozen_network(net: weights.Pretrained) -> None:
    x = torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(0), requires_grad=True)
    frozen = copy.deepcopy(net.model).requires_grad_(False)
    transfer.Backbone(frozen, 3)(x).sum().backward()
    assert x.grad is not None
    assert x.grad.abs().sum() > 0
    assert all(p.grad is None for p in frozen.parameters())
    direct = torch.zeros_like(x).requires_grad_()
    with torch.no_grad():
        direct.copy_(x)
    stem = nn.Sequential(frozen.conv_stem, frozen.bn1, *list(frozen.blocks)[:3])  # type: ignore[arg-type]
    stem(direct).mean(dim=(2, 3)).sum().backward()
    torch.testing.assert_close(x.grad, direct.grad)


def test_labels_elsewhere_than_in_the_classes_write_nothing(
    net: weights.Pretrained, few: Few, tmp_path: Path
) -> None:
    x, y = few
    for labels in (y + 1, y - 1, y[:-1], y.float()):
        with pytest.raises(ReseauxError):
            transfer.fine_tune(net, x, labels, 10, epochs=1, checkpoint=tmp_path / "x.pt")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("other", [{"epochs": 4}, {"batch_size": 7}, {"learning_rate": 2e-3},
                                   {"frozen_statistics": True}, {"first_trained": 9}])  # fmt: skip
def test_a_resumed_training_has_the_same_settings(
    net: weights.Pretrained, few: Few, tmp_path: Path, other: dict[str, object]
) -> None:
    kind = {"first_trained": 8, "epochs": 1, "batch_size": 20, "checkpoint": tmp_path / "x.pt"}
    transfer.fine_tune(net, *few, 10, **kind)
    with pytest.raises(ReseauxError, match="entraînement différent"):
        transfer.fine_tune(net, *few, 10, resume=True, **{**kind, **other})
    with pytest.raises(ReseauxError, match="d'autres images"):
        transfer.fine_tune(net, few[0], few[1].flip(0), 10, resume=True, **kind)
    renamed = dataclasses.replace(net, name="autre")
    with pytest.raises(ReseauxError, match="entraînement du réseau"):
        transfer.fine_tune(renamed, *few, 10, resume=True, **kind)


def test_the_seed_draws_the_order_of_the_images(net: weights.Pretrained, few: Few) -> None:
    orders: list[torch.Tensor] = []
    kind = {"first_trained": 9, "epochs": 1, "batch_size": 20}
    kind["augment"] = lambda batch: orders.append(batch) or batch
    for seed in (0, 1):
        transfer.fine_tune(net, *few, 10, seed=seed, **kind)
    assert orders[0].shape == orders[1].shape
    assert not torch.equal(*orders)
    torch.testing.assert_close(orders[0].sum(0), orders[1].sum(0), atol=1e-3, rtol=0)


def test_only_the_first_process_writes_the_checkpoint(
    net: weights.Pretrained, few: Few, tmp_path: Path
) -> None:
    told: list[int] = []
    for rank in (0, 1):
        transfer.fine_tune(
            net, *few, 10, first_trained=9, epochs=1, checkpoint=tmp_path / f"{rank}.pt",
            worker=training.Worker(rank, 1), after_epoch=lambda epoch, rank=rank: told.append(rank),
        )  # fmt: skip
    assert [file.name for file in tmp_path.iterdir()] == ["0.pt"]
    assert told == [0, 1]  # l'autre va jusqu'au bout de son époque


class Dropping(nn.Sequential):
    """Trois étages, un dropout et un classifieur."""

    def __init__(self) -> None:
        blocks = [nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU()) for _ in range(3)]
        end = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(), nn.Linear(3, 2))
        super().__init__(*blocks, *end)


def dropping(dtype: torch.dtype = torch.float32) -> weights.Pretrained:
    torch.manual_seed(0)
    return weights.Pretrained("petit", Dropping().to(dtype).eval(), torch.as_tensor, (), ())


def tuned(net: weights.Pretrained, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    images = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(0)).to(dtype)
    end = transfer.fine_tune(net, images, torch.arange(6) % 2, 2, epochs=2, first_trained=1)
    return [weight.detach() for weight in end.parameters()]


@pytest.mark.parametrize("mode", [torch.enable_grad, torch.no_grad, torch.inference_mode])
def test_the_seed_draws_everything_and_leaves_the_caller_alone(mode: type[torch.no_grad]) -> None:
    expected = tuned(dropping())
    net = dropping()
    torch.manual_seed(99)
    before = torch.get_rng_state()
    with mode():
        found = tuned(net)
    assert torch.equal(torch.get_rng_state(), before)
    assert all(map(torch.equal, found, expected))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_any_floating_type_is_tuned(dtype: torch.dtype) -> None:
    assert {weight.dtype for weight in tuned(dropping(dtype))} == {dtype}
    assert {weight.dtype for weight in tuned(dropping(), dtype)} == {torch.float32}
