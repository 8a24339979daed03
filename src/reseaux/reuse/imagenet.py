"""Les 1 000 classes d'ILSVRC (ImageNet), en anglais et en français, dans l'ordre des sorties."""

import csv
from functools import cache
from importlib import resources


@cache
def categories() -> tuple[str, ...]:
    """Les 1 000 classes d'ILSVRC en anglais ; torchvision les livre avec ses modèles."""
    from torchvision.models import AlexNet_Weights

    return tuple(AlexNet_Weights.DEFAULT.meta["categories"])


@cache
def categories_fr() -> tuple[str, ...]:
    """Les 1 000 classes d'ILSVRC en français, lues dans ``imagenet_fr.tsv``."""
    file = resources.files("reseaux.reuse") / "imagenet_fr.tsv"
    lines = file.read_text(encoding="utf-8").splitlines()
    rows = csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(row["french"] for row in rows)
