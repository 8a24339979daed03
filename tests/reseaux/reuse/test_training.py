"""L'unique boucle d'entraînement : couches gelées, étiquettes douces, lots, parts inégales."""

from pathlib import Path
from typing import Any

import pytest
import torch
import torch.distributed as dist
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
    with pytest.raises(ReseauxError, match=r"étiquettes|au moins une image"):
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


def flat(outputs: int = 2) -> nn.Sequential:
    """Une normalisation par lot sur un vecteur : une image seule n'y a pas de variance."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, outputs))


def points(count: int) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(count, 3, generator=generator), torch.arange(count) % 2


def sizes_of_batches(count: int, batch_size: int) -> list[int]:
    model, found = flat(), []
    model.register_forward_pre_hook(lambda _, inputs: found.append(len(inputs[0])))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    training.train(model, *points(count), optimizer=optimizer, epochs=1, batch_size=batch_size)
    return found


@pytest.mark.parametrize(
    ("count", "batch_size", "sizes"),
    [(9, 4, [4, 5]), (8, 4, [4, 4]), (10, 4, [4, 4, 2]), (5, 4, [5]), (4, 4, [4]), (3, 8, [3]),
     (7, 3, [3, 4])],
)  # fmt: skip
def test_no_image_is_left_alone(count: int, batch_size: int, sizes: list[int]) -> None:
    assert sizes_of_batches(count, batch_size) == sizes


@pytest.mark.parametrize(("count", "batch_size"), [(1, 4), (4, 1)])
def test_a_single_image_has_no_variance(count: int, batch_size: int) -> None:
    with pytest.raises(ReseauxError, match=r"au moins deux images.*frozen_statistics"):
        sizes_of_batches(count, batch_size)
    model = flat()
    training.train(
        model, *points(count), optimizer=torch.optim.SGD(model.parameters(), lr=0.1), epochs=1,
        batch_size=batch_size, frozen_statistics=True,
    )  # fmt: skip
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_process_of_a_group_learns_its_share(tmp_path: Path) -> None:
    """Un vrai groupe, d'un seul processus qui se croit à deux : sa moitié d'images identiques."""
    x, y = (part.repeat_interleave(4, dim=0) for part in task(1))
    model, plain = (strategies.small_network(10, 0) for _ in range(2))
    F.cross_entropy(plain(x), y).backward()  # type: ignore[no-untyped-call]
    torch.optim.SGD(plain.parameters(), lr=0.1).step()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    address = (tmp_path / "rendez-vous").as_uri()
    dist.init_process_group("gloo", init_method=address, rank=0, world_size=1)
    try:
        training.train(model, x, y, optimizer=optimizer, epochs=1, worker=training.Worker(0, 2))
    finally:
        dist.destroy_process_group()
    for ours, theirs in zip(model.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(ours, theirs)


def test_an_idle_process_needs_no_variance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training, "_wrapped", lambda model, *_: model)
    monkeypatch.setattr(training, "_summed", lambda totals, *_: totals.tolist())
    model = flat()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    (epoch,) = training.train(
        model, *points(2), optimizer=optimizer, epochs=1, worker=training.Worker(2, 3)
    )
    assert epoch == (1, 0, 0)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (torch.tensor([0, 2]), "3 classes pour un réseau à 2 sorties"),
        (torch.tensor([0, -100]), "négatives"),  # torch l'ignorerait en silence
        (torch.tensor([0.5, 0.5]), "autant d'étiquettes que d'images"),
        (torch.tensor([[0, 1], [1, 0]]), "autant d'étiquettes que d'images"),
        (torch.full((2, 3), 1 / 3), "3 classes pour un réseau à 2 sorties"),
        (torch.ones(2, 1), "1 classes pour un réseau à 2 sorties"),
        (torch.tensor([[0.5, 0.5], [torch.nan, 0.5]]), "NaN"),
        (torch.tensor([0]), "2 images"),
    ],
)
def test_labels_that_teach_nothing_are_refused(labels: torch.Tensor, message: str) -> None:
    model, x = flat(), points(2)[0]
    before = [p.clone() for p in model.parameters()]
    with pytest.raises(ReseauxError, match=message):
        training.train(
            model, x, labels, optimizer=torch.optim.SGD(model.parameters(), lr=1.0), epochs=1
        )
    assert all(torch.equal(a, b) for a, b in zip(before, model.parameters(), strict=True))


def test_narrow_integers_are_labels_too() -> None:
    model, (x, y) = flat(), points(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    (epoch,) = training.train(model, x, y.to(torch.int32), optimizer=optimizer, epochs=1)
    assert epoch.loss > 0
    whole = training.accuracy(model, x, y)
    assert training.accuracy(model, x, y.to(torch.uint8)) == whole
    assert training.accuracy(model, x, F.one_hot(y, 2).float()) == whole


def test_nothing_to_learn_is_refused() -> None:
    model, (x, y) = flat(), points(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    for images, message in ((torch.full((4, 3), torch.nan), "NaN"), (x.int(), "flottants")):
        with pytest.raises(ReseauxError, match=message):
            training.train(model, images, y, optimizer=optimizer, epochs=1)
    with pytest.raises(ReseauxError, match="gelés"):
        training.train(model.requires_grad_(False), x, y, optimizer=optimizer, epochs=1)


def test_an_empty_batch_is_no_step() -> None:
    model, (x, y) = flat(), points(4)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    lots = [torch.arange(4), torch.arange(0)]
    (epoch,) = training.train(model, x, y, optimizer=optimizer, epochs=1, batches=lambda: lots)
    assert epoch.loss > 0
    assert all(p.isfinite().all() for p in model.parameters())


def test_a_half_frozen_layer_still_learns_and_keeps_no_mode() -> None:
    model = flat()
    model[1].get_parameter("bias").requires_grad_(False)
    model[3].requires_grad_(False)
    training.train_mode(model)
    assert [part.training for part in model] == [True, True, True, False]


def test_the_schedule_moves_at_each_epoch() -> None:
    model, rates = flat(), []
    optimizer = torch.optim.SGD(model.parameters(), lr=1.0)
    training.train(
        model, *points(4), optimizer=optimizer, epochs=3, batch_size=2,
        scheduler=torch.optim.lr_scheduler.StepLR(optimizer, 1, gamma=0.5),
        after_epoch=lambda _: rates.append(optimizer.param_groups[0]["lr"]),
    )  # fmt: skip
    assert rates == [0.5, 0.25, 0.125]


def test_an_epoch_counts_the_images_it_saw() -> None:
    """Trois fois la même moitié : l'exactitude et la perte sont celles de cette moitié."""
    model, (x, y) = flat(), points(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.0)
    half = torch.arange(4)
    (twice,) = training.train(
        model, x, y, optimizer=optimizer, epochs=1, frozen_statistics=True,
        batches=lambda: [half, half, half],
    )  # fmt: skip
    (once,) = training.train(
        model, x[:4], y[:4], optimizer=optimizer, epochs=1, frozen_statistics=True
    )
    assert twice.accuracy == once.accuracy == training.accuracy(model, x[:4], y[:4]) > 0
    assert twice.loss == pytest.approx(once.loss)


def test_an_answer_does_not_depend_on_the_batch() -> None:
    """Réseau en mode évaluation, même s'il s'entraîne : une image seule répond pareil."""
    model = nn.Sequential(nn.BatchNorm1d(2)).train()
    x = torch.tensor([[5.0, 1.0], [9.0, 2.0], [7.0, 3.0]])  # normalisées ensemble : 0, 0, 1
    for batch_size in (1, 3):
        assert training.predict(model, x, batch_size).tolist() == [0, 0, 0]
    assert torch.equal(model[0].running_mean, torch.zeros(2))


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_learning_takes_its_own_gradients(mode: type[torch.no_grad]) -> None:
    x, y = task(20)
    expected = strategies.fit(strategies.small_network(10, 0), x, y, seed=0, steps=2)
    model = strategies.small_network(10, 0)
    with mode():
        strategies.fit(model, x.clone(), y.clone(), seed=0, steps=2)
        built_inside = strategies.small_network(10, 0)
    for p, q in zip(model.parameters(), expected.parameters(), strict=True):
        assert torch.equal(p, q)
    if mode is torch.inference_mode:
        with pytest.raises(ReseauxError, match="inference_mode"):
            strategies.fit(built_inside, x, y, seed=0, steps=2)


def test_the_optimizer_of_another_network_is_refused() -> None:
    """Rien n'apprendrait, sans que rien ne le dise."""
    x, y = task()
    with pytest.raises(ReseauxError, match="aucun paramètre de ce réseau"):
        training.train(
            normed(), x, y, optimizer=torch.optim.SGD(normed().parameters(), 0.1), epochs=1
        )


def test_a_scheduler_that_wants_a_measure_is_refused() -> None:
    x, y = task()
    model = normed()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    plateau = torch.optim.lr_scheduler.ReduceLROnPlateau(optimizer)
    with pytest.raises(ReseauxError, match="attend une mesure"):
        training.train(model, x, y, optimizer=optimizer, epochs=1, scheduler=plateau)


@pytest.mark.parametrize(
    "labels", [torch.zeros(24, 10), torch.rand(24, 10), torch.full((24, 10), 10.0)]
)
def test_scores_are_not_probabilities(labels: torch.Tensor) -> None:
    with pytest.raises(ReseauxError, match="1 pour somme"):
        training.accuracy(normed(), task()[0], labels)
    half = labels.add(1).softmax(dim=1).half()
    assert 0 <= training.accuracy(normed(), task()[0], half) <= 1


@pytest.mark.parametrize(
    ("augment", "message"),
    [(lambda batch: batch[:2], "2 images pour 24"), (lambda batch: "texte", "est un tenseur")],
)
def test_an_augmentation_that_gives_something_else_is_named(augment: Any, message: str) -> None:
    x, y = task()
    model = normed()
    optimizer = torch.optim.SGD(model.parameters(), 0.1)
    with pytest.raises(ReseauxError, match=message):
        training.train(model, x, y, optimizer=optimizer, epochs=1, augment=augment)
