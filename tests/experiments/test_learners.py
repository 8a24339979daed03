"""Le réglage se choisit sans le test, et une image ne valide jamais ses propres copies."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from experiments import learners
from experiments.learners import ProbeSetting, Seen
from reseaux.reuse import training, transfer

CLASSES, PER_CLASS, COPIES = 3, 8, 2
LABELS = np.repeat(np.arange(CLASSES), PER_CLASS)
RANKS = np.tile(np.arange(PER_CLASS), CLASSES)


def described(useful: bool, seed: int = 0) -> np.ndarray:
    """Des vecteurs : le numéro de l'image, puis sa classe ou du bruit."""
    rng = np.random.default_rng(seed)
    known = np.eye(CLASSES)[LABELS] if useful else rng.normal(size=(len(LABELS), CLASSES))
    noise = rng.normal(scale=0.1, size=known.shape)
    return np.column_stack([np.arange(len(LABELS)), known + noise]).astype(np.float32)


def seen(useful: bool) -> Seen:
    plain = described(useful)
    return Seen(plain, np.stack([described(useful, 1 + k) for k in range(COPIES)]))


SETTINGS = [ProbeSetting(d, k, c) for d in (0, 1) for k in (0, 1, 2) for c in (0.1, 1.0)]


def probed(truth: np.ndarray = LABELS, labels: np.ndarray = LABELS) -> learners.Score:
    held = [described(useful, 9) for useful in (False, True)]
    given = [seen(False), seen(True)]
    return learners.best_probe(given, labels, RANKS, lambda: (held, truth), SETTINGS)


def test_the_best_setting_wins() -> None:
    found = probed()
    assert SETTINGS[found.setting].depth == 1
    assert found.validation > 0.9
    assert found.test > 0.9
    losses = [
        learners._cross_validated([seen(False), seen(True)][s.depth], LABELS, RANKS % 4, s)[0]
        for s in SETTINGS
    ]
    assert found.setting == int(np.argmin(losses))
    assert found.validation_loss == min(losses)


def test_the_test_labels_change_only_the_test_score() -> None:
    found, other = probed(), probed(np.roll(LABELS, PER_CLASS))
    assert found[:3] == other[:3]
    assert other.test == 0 < found.test


def test_copies_stay_with_their_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    learnt = []
    probe = transfer.linear_probe

    def spy(vectors: np.ndarray, labels: np.ndarray, strength: float) -> Any:
        learnt.append((vectors[:, 0].astype(int), labels))
        return probe(vectors, labels, strength)

    monkeypatch.setattr(transfer, "linear_probe", spy)
    found = probed()
    *folds, (everything, _) = learnt
    assert len(folds) == len(SETTINGS) * learners.FOLDS
    for k, (pictures, labels) in enumerate(folds):
        setting, held = SETTINGS[k // learners.FOLDS], k % learners.FOLDS == RANKS % learners.FOLDS
        kept = np.flatnonzero(~held)
        assert pictures.tolist() == kept.tolist() * (1 + setting.copies)
        assert (labels == LABELS[pictures]).all()
    copies = SETTINGS[found.setting].copies
    assert everything.tolist() == [*range(len(LABELS))] * (1 + copies)


def test_few_pictures_have_fewer_folds() -> None:
    two = RANKS < 2
    given = [Seen(s.plain[two], s.copies[:, two]) for s in (seen(False), seen(True))]
    held = [described(useful, 9) for useful in (False, True)]
    found = learners.best_probe(
        given, LABELS[two], RANKS[two], lambda: (held, LABELS), SETTINGS[-1:]
    )
    assert found.test > 0.5


def bars() -> tuple[Tensor, Tensor]:
    """La moitié gauche est claire, ou la droite, ou aucune ; un coin porte le numéro de l'image."""
    generator = torch.Generator().manual_seed(0)
    images = 0.2 * torch.rand(len(LABELS), 1, 16, 16, generator=generator)
    images[LABELS == 0, :, :, :8] += 0.7
    images[LABELS == 1, :, :, 8:] += 0.7
    images[:, 0, 0, 0] = torch.arange(len(LABELS)) / 100
    return images, torch.from_numpy(LABELS)


def networked(
    transform: Callable[[Tensor], Tensor] | None = None,
    truth: np.ndarray = LABELS,
    steps: tuple[int, ...] = (1, 60),
    seed: int = 0,
) -> learners.Score:
    images, labels = bars()
    known = images.clone()
    test = images, torch.from_numpy(truth)
    return learners.best_network(known, labels, RANKS, lambda: test, transform, steps, seed)


def test_the_network_learns_and_keeps_its_best_duration() -> None:
    found = networked()
    assert found.setting == 1
    assert found.test > 0.9
    assert networked(steps=(60, 1)) == found._replace(setting=0)
    assert networked(steps=(1,)).validation_loss > found.validation_loss


def test_the_network_does_not_choose_with_the_test() -> None:
    found, other = networked(), networked(truth=np.roll(LABELS, PER_CLASS))
    assert found[:3] == other[:3]
    assert other.test < found.test


def test_the_network_is_the_same_twice_and_leaves_randomness_alone() -> None:
    before = torch.get_rng_state()
    noisy = nn.Dropout(0.2).train()
    assert networked(noisy) == networked(noisy) != networked(noisy, seed=1)
    assert torch.equal(torch.get_rng_state(), before)


def test_a_transformation_that_erases_everything_ruins_the_network() -> None:
    assert networked(torch.zeros_like).test < 0.5


def test_pictures_that_validate_are_not_learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    given = []
    train = training.train

    def spy(network: nn.Module, images: Tensor, labels: Tensor, **options: Any) -> Any:
        numbers = ((images[:, 0, 0, 0] * 0.25 + 0.5) * 100).round().long()
        used = torch.cat([batch for _ in range(600) for batch in options["batches"]()])
        given.append((numbers, labels, used))
        return train(network, images, labels, **options)

    monkeypatch.setattr(training, "train", spy)
    networked(lambda image: image + 0)
    kept = np.flatnonzero(RANKS % learners.HELD_RANK)
    for numbers, labels, used in given:
        assert numbers.tolist() == kept.tolist() * learners.COPIES
        assert labels.tolist() == LABELS[numbers].tolist()
        # Toutes les copies servent ; à chaque époque, chaque image une fois.
        assert used.unique().tolist() == [*range(len(numbers))]
        assert (used.view(600, -1) % len(kept)).sort().values.tolist() == [
            [*range(len(kept))]
        ] * 600


def test_the_small_network_has_four_stages() -> None:
    network = learners.small_vgg(3, 5, seed=0)
    assert sum(isinstance(part, nn.Conv2d) for part in network) == 4
    assert network.eval()(torch.rand(2, 3, 28, 28)).shape == (2, 5)
    assert [p.shape[0] for p in network.parameters() if p.ndim == 4] == [8, 16, 32, 32]
