"""L'unique boucle d'entraînement : couches gelées, étiquettes douces, lots, parts inégales."""

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.few_data import strategies
from reseaux.reuse import training


def task(count: int = 24) -> tuple[torch.Tensor, torch.Tensor]:
    digits = data.digits()
    return torch.from_numpy(digits.images[:count, None]), torch.from_numpy(digits.labels[:count])


def normed() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10)
    )


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
    monkeypatch.setattr(training, "_summed", lambda totals, *_: totals.tolist())

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


@pytest.mark.parametrize("count", [0, 1, 3])
def test_accuracy_refuses_what_it_cannot_count(count: int) -> None:
    images = torch.rand(2 if count else 0, 1, 8, 8)
    with pytest.raises(ReseauxError, match="étiquettes"):
        training.accuracy(strategies.small_network(3, 0), images, torch.zeros(count).long())


def test_training_loop_matches_plain_gradient_descent() -> None:
    """Oracle : la régression logistique, dont le gradient s'écrit à la main."""
    rng = torch.Generator().manual_seed(0)
    x, y = torch.randn(12, 4, generator=rng), torch.randint(0, 3, (12,), generator=rng)
    model = nn.Linear(4, 3, bias=False)
    nn.init.zeros_(model.weight)
    training.train(
        model, x, y, optimizer=torch.optim.SGD(model.parameters(), lr=0.5), epochs=3, batch_size=12
    )
    w = torch.zeros(3, 4)
    for _ in range(3):
        w -= 0.5 * ((x @ w.T).softmax(1) - nn.functional.one_hot(y, 3)).T @ x / 12
    torch.testing.assert_close(model.weight.detach(), w)


def test_training_loop_refuses_and_reports() -> None:
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=1e30)
    # La même image sous deux étiquettes : aucun tirage ne peut lui donner raison.
    x, y = torch.full((4, 2), 1e10), torch.tensor([0, 1, 0, 1])
    with pytest.raises(ReseauxError, match="autant"):
        training.train(model, x, y[:3], optimizer=optimizer, epochs=1)
    with pytest.raises(ReseauxError, match="Diminuez le pas"):
        training.train(model, x, y, optimizer=optimizer, epochs=5, batch_size=2)
