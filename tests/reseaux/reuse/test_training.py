"""L'unique boucle d'entraînement : couches gelées, étiquettes douces, lots, pas par groupe."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F
from torchvision import models

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.few_data import strategies
from reseaux.reuse import training, transfer, weights


def task(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    digits = data.digits()
    return torch.from_numpy(digits.images[:count, None]), torch.from_numpy(digits.labels[:count])


def normed() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)
    )


# ---------------------------------------------------------------------------------------------
# La boucle


@pytest.mark.parametrize("soft", [False, True])
def test_fit_is_bit_for_bit_the_plain_loop(soft: bool) -> None:
    """Oracle : la boucle d'Adam écrite en clair, dont viennent les nombres des pages."""
    x, y = task(20)
    targets = F.one_hot(y, 10).float() * 0.9 + 0.01 if soft else y
    ours = strategies.fit(
        strategies.small_network(10, 0), x, targets, seed=3, steps=7, batch_size=8
    )
    plain = strategies.small_network(10, 0)
    optimizer = torch.optim.Adam(plain.parameters(), lr=5e-3, fused=True)
    generator = torch.Generator().manual_seed(3)
    for _ in range(7):
        chosen = torch.randint(20, (8,), generator=generator)
        loss = F.cross_entropy(plain(x[chosen]), targets[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert all(
        torch.equal(p, q) for p, q in zip(ours.parameters(), plain.parameters(), strict=True)
    )
    assert not ours.training


def test_zero_steps_change_nothing() -> None:
    before = strategies.small_network(10, 0)
    after = strategies.fit(strategies.small_network(10, 0), *task(), seed=0, steps=0)
    assert all(
        torch.equal(p, q) for p, q in zip(before.parameters(), after.parameters(), strict=True)
    )


def test_soft_labels_count_their_likeliest_class() -> None:
    x, y = task(10)
    model = strategies.small_network(10, 0)
    soft = 0.8 * F.one_hot(y, 10) + 0.02
    with torch.no_grad():
        expected = F.cross_entropy(model(x), soft).item()
        right = (model(x).argmax(1) == y).double().mean().item()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    (epoch,) = training.train(model, x, soft, optimizer=optimizer, epochs=1, batch_size=4)
    assert epoch.loss == pytest.approx(expected, rel=1e-5)
    assert epoch.accuracy == pytest.approx(right)


def test_frozen_layers_keep_their_statistics() -> None:
    model = normed()
    model[1].requires_grad_(False)
    before = {k: v.clone() for k, v in model[1].state_dict().items()}
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    training.train(model, *task(), optimizer=optimizer, epochs=1)
    assert all(torch.equal(before[k], v) for k, v in model[1].state_dict().items())


@pytest.mark.parametrize("frozen", [False, True])
def test_frozen_statistics_with_learning_coefficients(frozen: bool) -> None:
    model = normed()
    before = {k: v.clone() for k, v in model[1].state_dict().items()}
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training.train(model, *task(), optimizer=optimizer, epochs=1, frozen_statistics=frozen)
    after = model[1].state_dict()
    assert torch.equal(before["running_mean"], after["running_mean"]) == frozen
    assert not torch.equal(before["weight"], after["weight"])
    assert model[0].training


def test_uneven_shares_add_up_to_the_whole_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trois parts d'un lot de 7 images, l'une après l'autre : la moyenne des gradients est celui
    du lot. Un quatrième processus, sans image quand le lot en a trois, ne compte pas.
    """
    x, y = task(7)
    monkeypatch.setattr(training, "_wrapped", lambda model, *_: model)
    monkeypatch.setattr(training, "_summed", lambda values, *_: values)

    def gradient(worker: training.Worker, count: int) -> torch.Tensor:
        model = strategies.small_network(10, 0)
        training.train(
            model, x[:count], y[:count], optimizer=torch.optim.SGD(model.parameters(), lr=0),
            epochs=1, worker=worker, generator=torch.Generator().manual_seed(0),
        )  # fmt: skip
        return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])

    for world, count in ((3, 7), (4, 3)):
        parts = [gradient(training.Worker(rank, world), count) for rank in range(world)]
        whole = gradient(training.ALONE, count)
        torch.testing.assert_close(torch.stack(parts).mean(0), whole, rtol=1e-4, atol=1e-6)
    assert not parts[3].any()


# ---------------------------------------------------------------------------------------------
# Réglage fin


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="module")
def few() -> tuple[torch.Tensor, torch.Tensor]:
    digits = data.digits().sample(2, seed=0)[0]
    return transfer.prepare(digits, 32), torch.from_numpy(digits.labels)


def moves(start: nn.Module, end: nn.Module, part: str) -> float:
    """Le plus grand déplacement d'un paramètre dont le nom commence ainsi."""
    known = dict(start.named_parameters())
    return max(
        float((p.detach() - known[name].detach()).abs().max())
        for name, p in end.named_parameters()
        if name.startswith(part) and name in known and p.shape == known[name].shape
    )


def test_the_backbone_moves_at_its_own_rate(net: weights.Pretrained, few) -> None:
    """Le premier pas d'Adam déplace chaque paramètre d'au plus le pas (plus la décroissance)."""
    kind = {"epochs": 1, "learning_rate": 1e-3, "batch_size": 20}
    slow = transfer.fine_tune(net, *few, 10, backbone_rate=0.1, **kind)
    fast = transfer.fine_tune(net, *few, 10, **kind)
    assert 0.5e-4 < moves(net.model, slow, "blocks.0") < 1.5e-4
    assert 0.5e-3 < moves(net.model, fast, "blocks.0") < 1.5e-3
    heads = [model.get_submodule("classifier") for model in (slow, fast)]
    torch.testing.assert_close(heads[0].weight, heads[1].weight)  # le même pas pour la tête


def test_defaults_are_one_group_of_adamw(net: weights.Pretrained, few) -> None:
    """Oracle : la définition d'origine, un seul groupe de paramètres ; égale bit pour bit."""
    import copy

    x, y = few
    ours = transfer.fine_tune(net, x, y, 10, first_trained=6, epochs=2, batch_size=8)
    plain = copy.deepcopy(net.model)
    for k, (_, part) in enumerate(transfer.stages(plain)):
        part.requires_grad_(k >= 6)
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
    net: weights.Pretrained, few, tmp_path: Path
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


@pytest.mark.parametrize("build", [models.efficientnet_v2_s, models.resnet18, models.convnext_tiny])
def test_torchvision_stages_are_the_whole_network(build: Callable[..., nn.Module]) -> None:
    """Oracle : la traversée de torchvision, coupée avant sa moyenne spatiale."""
    torch.manual_seed(0)
    model = build(weights=None).eval()
    seen: list[torch.Tensor] = []
    model.get_submodule("avgpool").register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    x = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        model(x)
        y = x
        for _, part in transfer.stages(model):
            y = part(y)
    torch.testing.assert_close(y, seen[0])
    head = transfer.new_head(model, 5, seed=0)
    assert model(x).shape == (2, 5)
    assert head in list(model.modules())


def test_no_linear_layer_to_replace() -> None:
    with pytest.raises(ReseauxError, match="pas de couche linéaire"):
        transfer.new_head(nn.Conv2d(1, 1, 1), 2, seed=0)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_accuracy_refuses_what_it_cannot_count(count: int) -> None:
    images = torch.rand(2 if count else 0, 1, 8, 8)
    with pytest.raises(ReseauxError, match="étiquettes"):
        training.accuracy(strategies.small_network(3, 0), images, torch.zeros(count).long())
