"""Les 1 000 classes d'ILSVRC (ImageNet), en anglais et en français, dans l'ordre des sorties."""

import csv
from functools import cache
from importlib import resources

from reseaux.errors import ReseauxError
from reseaux.formatting import integer


@cache
def categories() -> tuple[str, ...]:
    """Les 1 000 classes d'ILSVRC en anglais ; torchvision les livre avec ses modèles."""
    from torchvision.models import AlexNet_Weights

    return tuple(AlexNet_Weights.DEFAULT.meta["categories"])


@cache
def categories_fr() -> tuple[str, ...]:
    """Les 1 000 classes d'ILSVRC en français, lues dans ``imagenet_fr.tsv``.

    Raises:
        ReseauxError: le fichier est absent ou incomplet.
    """
    file = resources.files("reseaux.reuse") / "imagenet_fr.tsv"
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
        rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
        names = {int(row["index"]): row["french"] for row in rows}
    except (OSError, KeyError, ValueError) as error:
        raise ReseauxError(
            "Le fichier « imagenet_fr.tsv » (noms français des classes) est absent ou "
            "abîmé. Réinstallez le cours."
        ) from error
    if sorted(names) != list(range(1000)) or not all(names.values()):
        raise ReseauxError(
            "Le fichier « imagenet_fr.tsv » doit nommer les 1 000 classes, de 0 à 999, "
            f"une fois chacune ; il en nomme {integer(len(names))}."
        )
    return tuple(names[k] for k in range(1000))
