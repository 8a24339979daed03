"""Trois façons d'enrichir un petit ensemble étiqueté, et un petit réseau pour les comparer.

Les notations sont celles du cours : ``S_s`` est le petit ensemble étiqueté, ``t`` une
transformation d'image, ``h`` un classifieur, ``c`` une combinaison.
"""

from collections.abc import Callable, Iterator
from typing import Annotated

import torch
from torch import Tensor, nn
from torch.nn import functional
from torchvision.transforms import v2

from reseaux.arguments import Count, Fraction, Seed, at_least, checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.few_data.checks import check_network, check_one_kind, check_values
from reseaux.reuse import forward, random_state, training

Copies = Annotated[int, at_least(0)]


@checked
def enlarge(
    images: Tensor,
    labels: Tensor,
    transform: Callable[[Tensor], Tensor],
    copies: Copies,
    seed: Seed,
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
        ReseauxError: pas autant d'étiquettes que d'images, ou ``transform`` en change la taille.
    """
    _check_examples(images, labels)
    with random_state.seeded(seed):
        changed = [transform(image) for _ in range(copies) for image in images]
    if not changed:
        return images, labels
    try:
        added = torch.stack(changed)
        check_one_kind([images, *changed])
        return torch.cat([images, added]), torch.cat([labels] * (copies + 1))
    except (TypeError, RuntimeError) as error:
        raise ReseauxError(
            f"« transform » ne rend pas toujours une image de forme {tuple(images.shape[1:])} et "
            f"de type {images.dtype}, comme celles qu'elle reçoit ; ajoutez-lui "
            "v2.Resize((hauteur, largeur)), ou convertissez les images avant."
        ) from error


@checked
def pseudo_label(
    classifier: nn.Module, unlabeled: Tensor, threshold: Fraction
) -> tuple[Tensor, Tensor, Tensor]:
    """Deuxième stratégie : ``(x, h(x))``, pour les x dont h est assez sûr (Lee 2013).

    Args:
        classifier: h, entraîné sur S_s ; il rend des scores N×classes, ici en mode évaluation.
        unlabeled: des images sans étiquette.
        threshold: probabilité à partir de laquelle la réponse de h est gardée, de 0 à 1.

    Returns:
        (images gardées, leurs pseudo-étiquettes, masque des images gardées).

    Raises:
        ReseauxError: seuil hors de [0, 1], images qui ne vont pas au réseau, ou scores qui n'en
            sont pas.
    """
    check_values(unlabeled, *classifier.parameters())
    with torch.no_grad(), forward.evaluating(classifier):
        scores = forward.scores_of(classifier, unlabeled)
    confidence, answers = scores.softmax(-1).max(-1)
    kept = confidence >= threshold
    return unlabeled[kept], answers[kept], kept


COMBINATIONS = ("mixup", "cutmix")


@checked
def combine(
    images: Tensor, labels: Tensor, classes: Count, kind: str, copies: Copies, seed: Seed
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
        ReseauxError: combinaison inconnue, étiquette hors des classes, images d'octets.
    """
    _check_examples(images, labels)
    if kind not in COMBINATIONS:
        raise unknown_name("une combinaison", kind, COMBINATIONS)
    if images.ndim != 4 or not images.is_floating_point() or not len(images):
        raise ReseauxError(
            f"Images de forme {tuple(images.shape)} et de type {images.dtype} ; il faut au moins "
            "une image, N×C×H×L, en flottants."
        )
    low, high = labels.min().item(), labels.max().item()
    if labels.dtype != torch.int64 or labels.ndim != 1 or not 0 <= low <= high < classes:
        raise ReseauxError(
            f"Étiquettes de {low} à {high}, de type {labels.dtype}, pour {classes} classes ; ce "
            f"sont des entiers (torch.int64), de 0 à {classes - 1}."
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


def _check_examples(images: Tensor, labels: Tensor) -> None:
    check_values(images, labels)
    if images.shape[:1] != labels.shape[:1] or not labels.ndim:
        raise ReseauxError(
            f"Images de forme {tuple(images.shape)} et étiquettes de forme {tuple(labels.shape)} ; "
            "il en faut autant des unes que des autres."
        )


@checked
def small_network(outputs: Count, seed: Seed, width: Count = 16) -> nn.Sequential:
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


@checked
def fit(
    network: nn.Module,
    images: Tensor,
    targets: Tensor,
    seed: Seed,
    steps: Annotated[int, at_least(0)] = 150,
    batch_size: Count = 64,
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
    check_network(network)
    _check_examples(images, targets)
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
