"""Trois façons d'enrichir un petit ensemble étiqueté, et un petit réseau pour les comparer.

Les notations sont celles du cours : ``S_s`` est le petit ensemble étiqueté, ``t`` une
transformation d'image, ``h`` un classifieur, ``c`` une combinaison.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from reseaux.arguments import Fraction, checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.reuse import training


def enlarge(
    images: Tensor, labels: Tensor, transform: Callable[[Tensor], Tensor], copies: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Première stratégie : ajoute ``(t(x), y)`` à S_s, ``copies`` fois pour chaque exemple.

    Args:
        images: S_s, N×C×H×L.
        labels: N étiquettes, ou N×classes probabilités.
        transform: t, appliquée à une image à la fois.
        seed: graine des tirages de t.

    Returns:
        Les N exemples d'origine, puis les N × ``copies`` transformés, et leurs étiquettes.

    Raises:
        ReseauxError: nombre de copies négatif, ou autant d'étiquettes que d'images attendu.
    """
    _check_copies(images, labels, copies)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        changed = [transform(image) for _ in range(copies) for image in images]
    if not changed:
        return images, labels
    return torch.cat([images, torch.stack(changed)]), torch.cat([labels] * (copies + 1))


@checked
def pseudo_label(
    classifier: nn.Module, unlabeled: Tensor, threshold: Fraction
) -> tuple[Tensor, Tensor, Tensor]:
    """Deuxième stratégie : ``(x, h(x))``, pour les x dont h est assez sûr (Lee 2013).

    Args:
        classifier: h, entraîné sur S_s ; il rend des scores N×classes.
        unlabeled: des images sans étiquette.
        threshold: probabilité à partir de laquelle la réponse de h est gardée, de 0 à 1.

    Returns:
        (images gardées, leurs pseudo-étiquettes, masque des images gardées).

    Raises:
        ReseauxError: seuil hors de [0, 1].
    """
    classifier.eval()
    with torch.no_grad():
        confidence, answers = classifier(unlabeled).softmax(-1).max(-1)
    kept = confidence >= threshold
    return unlabeled[kept], answers[kept], kept


COMBINATIONS = ("mixup", "cutmix")


def combine(
    images: Tensor, labels: Tensor, classes: int, kind: str, copies: int, seed: int
) -> tuple[Tensor, Tensor]:
    """Troisième stratégie : combine des exemples et leurs étiquettes, ``(c({x}), c({y}))``.

    Args:
        images: N×C×H×L, flottants.
        labels: N étiquettes entières, de 0 à ``classes - 1``.
        kind: « mixup » (Zhang 2017) superpose deux images ; « cutmix » (Yun 2019) colle un morceau
            de l'une sur l'autre.
        copies: nombre de passages sur les N exemples ; chacun tire ses paires et ses mélanges.
        seed: graine des tirages.

    Returns:
        Les exemples d'origine, puis les N × ``copies`` combinés ; leurs étiquettes sont des
        probabilités, une ligne par exemple, une colonne par classe.

    Raises:
        ReseauxError: combinaison inconnue, étiquette hors des classes.
    """
    _check_copies(images, labels, copies)
    if kind not in COMBINATIONS:
        raise unknown_name("une combinaison", kind, COMBINATIONS)
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise ReseauxError(
            f"Étiquettes de {int(labels.min())} à {int(labels.max())} pour {classes} classes ; "
            f"elles vont de 0 à {classes - 1}."
        )
    mix = (v2.MixUp if kind == "mixup" else v2.CutMix)(num_classes=classes)
    one_hot = functional.one_hot(labels, classes).float()
    parts = [(images, one_hot)]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        for _ in range(copies):
            # torchvision tire un seul mélange par lot : on lui donne les exemples deux par deux.
            for pair in torch.randperm(len(images)).split(2):  # type: ignore[no-untyped-call]
                parts.append(mix(images[pair], labels[pair]))
    return torch.cat([x for x, _ in parts]), torch.cat([y for _, y in parts])


def _check_copies(images: Tensor, labels: Tensor, copies: int) -> None:
    if len(images) != len(labels):
        raise ReseauxError(
            f"{len(images)} images et {len(labels)} étiquettes ; il en faut autant des unes que "
            "des autres."
        )
    if copies < 0:
        raise ReseauxError(f"{copies} copies demandées ; il en faut 0 ou plus.")


def small_network(outputs: int, seed: int, width: int = 16) -> nn.Sequential:
    """Deux convolutions 3×3 et une couche linéaire : pour des images grises de 8 à 28 pixels.

    Args:
        outputs: nombre de sorties : classes, ou dimensions d'une représentation.
        width: nombre de cartes de la première convolution ; la seconde en a le double.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Conv2d(1, width, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(width, 2 * width, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveMaxPool2d(4),
            nn.Flatten(),
            nn.Linear(2 * width * 16, outputs),
        )


def fit(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    seed: int,
    steps: int = 150,
    batch_size: int = 64,
) -> nn.Module:
    """Minimise l'entropie croisée par Adam, sur des lots tirés au hasard.

    Args:
        network: modifié sur place.
        images: N×C×H×L.
        targets: N étiquettes, ou N×classes probabilités.
        seed: graine de l'ordre des exemples.

    Returns:
        Le réseau, en mode évaluation.

    Raises:
        ReseauxError: voir :func:`reseaux.reuse.training.train`.
    """
    generator = torch.Generator().manual_seed(seed)

    def batches() -> Iterator[Tensor]:
        for _ in range(steps):
            yield torch.randint(len(images), (min(batch_size, len(images)),), generator=generator)

    training.train(
        network,
        images,
        targets,
        optimizer=torch.optim.Adam(network.parameters(), lr=5e-3, fused=True),
        epochs=1,
        batch_size=batch_size,
        batches=batches,
    )
    return network.eval()
