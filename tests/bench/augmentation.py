"""Les transformations du cours face à torchvision, kornia et albumentations.

    pip install -e ".[mesure]"
    make bench BANCS=augmentation

Tous transforment les mêmes photographies, sur un fil d'exécution. Chaque outil les reçoit comme il
les préfère, sans compter la conversion : torchvision et le cours, une image d'octets (C, H, L) à la
fois ; albumentations, un tableau (H, L, C) à la fois ; kornia, un lot de flottants. Chacun tire une
valeur par image. Un outil absent laisse sa colonne vide.
"""

import gc
import math
import os
from collections.abc import Callable
from importlib import import_module
from types import ModuleType
from typing import Any

import torch
from measure import geometric_mean, side_by_side
from torchvision.transforms import v2
from torchvision.transforms.v2 import functional as F

from reseaux import data
from reseaux.few_data import transforms
from reseaux.few_data.augmentations import AUGMENTATIONS
from reseaux.formatting import decimal
from reseaux.tables import Table

SIDE, REPEATS = 224, 7
COURSE, TORCHVISION, KORNIA, ALBUMENTATIONS = "cours", "torchvision", "kornia", "albumentations"
OWN = ("Bruit gaussien", "Déformation élastique", "Contraste par canal")  # non torchvision
SMOOTH = v2.InterpolationMode.BILINEAR
FIXED_POINT = "OpenCV interpole les octets en virgule fixe, torchvision passe par des flottants."
CALLS = "le calcul est presque nul : la durée est celle des vérifications et des appels Python."
WHY = {
    "Couleur": "OpenCV change de teinte octet par octet, torchvision passe par des flottants.",
    "Rotation": FIXED_POINT,
    "Recadrage": "torchvision filtre avant de réduire (antialias) ; les autres, non.",
    "Changement d'échelle": FIXED_POINT,
    "Translation": FIXED_POINT,
    "Symétrie": CALLS,
    "Bruit gaussien": "le tirage d'un nombre gaussien par octet fait presque toute la durée.",
    "Déformation élastique": FIXED_POINT,
    "Contraste par canal": "aucun autre n'a cette opération : ils multiplient par un facteur sans "
    "chercher la moyenne de chaque canal, qui demande une lecture de plus de l'image.",
}


def find(name: str) -> ModuleType | None:
    """Importe un outil ; s'il manque, dit comment l'installer."""
    try:
        return import_module(name)
    except ImportError:
        print(f'{name} n\'est pas installé ; pour le mesurer : pip install -e ".[mesure]"')
        return None


def of_torchvision() -> dict[str, Callable[[Any], Any]]:
    """Les opérations de torchvision, ou les plus proches."""
    return {
        "Couleur": v2.ColorJitter(brightness=0.25, saturation=0.5, hue=0.15),
        "Rotation": v2.RandomRotation(20, SMOOTH),
        "Recadrage": v2.RandomResizedCrop((SIDE, SIDE), scale=(0.6, 1), ratio=(1, 1)),
        "Changement d'échelle": v2.RandomAffine(0, scale=(0.8, 1.2), interpolation=SMOOTH),
        "Translation": v2.RandomAffine(0, translate=(0.2, 0.2)),
        "Symétrie": v2.RandomHorizontalFlip(0.5),
        "Bruit gaussien": v2.GaussianNoise(sigma=0.1),
        "Déformation élastique": v2.ElasticTransform(4 * 32 * math.sqrt(3 * math.pi), 8.0),
        "Contraste par canal": v2.ColorJitter(contrast=0.5),
    }


def of_kornia() -> dict[str, Callable[[Any], Any]]:
    """Les opérations de kornia, ou les plus proches."""
    from kornia import augmentation as K

    return {
        "Couleur": K.ColorJitter(0.25, 0.0, 0.5, 0.15, p=1),
        "Rotation": K.RandomRotation(20.0, p=1),
        "Recadrage": K.RandomResizedCrop((SIDE, SIDE), scale=(0.6, 1), ratio=(1, 1), p=1),
        "Changement d'échelle": K.RandomAffine(0.0, scale=(0.8, 1.2), p=1),
        "Translation": K.RandomAffine(0.0, translate=(0.2, 0.2), p=1),
        "Symétrie": K.RandomHorizontalFlip(p=0.5),
        "Bruit gaussien": K.RandomGaussianNoise(std=0.1, p=1),
        "Déformation élastique": K.RandomElasticTransform((65, 65), (8.0, 8.0), p=1),
        "Contraste par canal": K.RandomContrast((0.5, 1.5), p=1),
    }


def of_albumentations() -> dict[str, Callable[[Any], Any]]:
    """Les opérations d'albumentations, ou les plus proches."""
    import albumentations as A
    import cv2

    cv2.setNumThreads(1)
    jitter = A.ColorJitter((0.75, 1.25), (1, 1), (0.5, 1.5), (-0.15, 0.15), p=1)
    found = {
        "Couleur": jitter,
        "Rotation": A.Rotate(20, p=1),
        "Recadrage": A.RandomResizedCrop((SIDE, SIDE), scale=(0.6, 1), ratio=(1, 1), p=1),
        "Changement d'échelle": A.Affine(scale=(0.8, 1.2), p=1),
        "Translation": A.Affine(translate_percent=(-0.2, 0.2), p=1),
        "Symétrie": A.HorizontalFlip(p=0.5),
        "Bruit gaussien": A.GaussNoise(std_range=(0.1, 0.1), p=1),
        "Déformation élastique": A.ElasticTransform(alpha=50, sigma=8, p=1),
        "Contraste par canal": A.MultiplicativeNoise((0.5, 1.5), per_channel=True, p=1),
    }
    return {name: lambda image, t=t: t(image=image)["image"] for name, t in found.items()}


def of_course() -> dict[str, Callable[[Any], Any]]:
    """Celles du cours, à leur force du milieu, vérifications comprises."""
    size = (SIDE, SIDE)
    own = {
        "Bruit gaussien": transforms.GaussianNoise(0.1),
        "Déformation élastique": transforms.Elastic(4, 8),
        "Contraste par canal": transforms.ChannelContrast(0.5),
    }
    return {
        found.name: own.get(found.name, found.at(found.strengths[2], size))
        for found in AUGMENTATIONS.values()
    }


def each(transform: Callable[[Any], Any], images: list[Any]) -> Callable[[], object]:
    """Prépare l'appel d'une transformation sur chaque image."""
    return lambda: [transform(image) for image in images]


def main() -> None:
    """Mesure chaque opération et affiche la table, les rapports et les raisons."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"  # sinon, il cherche une mise à jour sur le réseau
    torch.set_num_threads(1)
    torch.manual_seed(0)
    octets = [
        F.pil_to_tensor(F.resize(data.photo(name), [SIDE, SIDE])).contiguous()
        for name in data.PHOTOS
    ]
    arrays = [image.permute(1, 2, 0).contiguous().numpy() for image in octets]
    floats = torch.stack(octets).float() / 255
    tools = {COURSE: (of_course(), octets), TORCHVISION: (of_torchvision(), octets)}
    if find(KORNIA):
        tools[KORNIA] = (of_kornia(), [floats])
    if find(ALBUMENTATIONS):
        tools[ALBUMENTATIONS] = (of_albumentations(), arrays)
    gc.freeze()  # ce qui est chargé ne bouge plus : le ramassage entre deux mesures devient court
    rows, ratios, reasons = [], [], []
    for name in tools[COURSE][0]:
        calls = {tool: each(found[name], images) for tool, (found, images) in tools.items()}
        speeds = {
            tool: len(octets) / seconds
            for tool, seconds in side_by_side(calls, repeats=REPEATS, warmup=1).items()
        }
        fastest = max((t for t in speeds if t != COURSE), key=speeds.__getitem__)
        ratio = speeds[COURSE] / speeds[fastest]
        rows.append([name, *(speeds.get(t) for t in RIVALS), ratio, fastest])
        if name in OWN:
            ratios.append(ratio)
        if ratio < 1:
            # Face à torchvision, qui fait ici le même calcul, seules nos vérifications diffèrent.
            why = CHECKS if fastest == TORCHVISION else WHY[name]
            reasons.append(f"  {name} ({decimal(ratio, 2)} fois {fastest}) : {why}")
    columns = ["opération", *RIVALS, "rapport", "le plus rapide des autres"]
    caption = (
        f"Images par seconde, {len(octets)} photographies de {SIDE} pixels, médiane de {REPEATS}"
    )
    print(Table(caption, columns, rows, {"rapport": 2}))
    print("Rapport : vitesse du cours sur celle du plus rapide des autres.")
    print(f"Opérations propres au cours, moyenne : {decimal(geometric_mean(ratios), 2)} ; but ≥ 1.")
    if reasons:
        print("Le cours est plus lent :", *reasons, sep="\n")


CHECKS = "le même calcul, plus nos vérifications de l'image."
RIVALS = (COURSE, TORCHVISION, KORNIA, ALBUMENTATIONS)

if __name__ == "__main__":
    main()
