"""Un classifieur de vos images, qui se garde dans un fichier et se relit sans rien réapprendre.

C'est un seul réseau, des octets aux scores : normalisation, étages, moyenne spatiale, couche
linéaire. Une sonde et un réseau réglé n'y diffèrent que par ce qui a été appris.

Le fichier est au format safetensors : des nombres, et une description en JSON (classes, réseau,
préparation, profondeur). L'ouvrir ne peut exécuter aucun code.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn
from torchvision.transforms import v2

from photos.request import Method
from reseaux.atomic import atomic_write
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, transfer, weights

FORMAT = 1  # à augmenter si le contenu du fichier change

Squares = NDArray[np.uint8]


@dataclass(frozen=True)
class Description:
    """Ce qu'il faut savoir pour refaire le classifieur, en plus de ses nombres.

    Attributes:
        method: sonde ou réglage fin.
        network: le nom du réseau pré-entraîné (voir :func:`weights.load`).
        names: les classes, dans l'ordre des sorties.
        size: côté des carrés donnés au réseau, en pixels.
        mean: moyenne retirée à chaque canal, pour des valeurs entre 0 et 1.
        std: ce par quoi chaque canal est ensuite divisé.
        depth: la profondeur lue par la sonde, ou la première qui a appris.
    """

    method: Method
    network: str
    names: tuple[str, ...]
    size: int
    mean: tuple[float, float, float]
    std: tuple[float, float, float]
    depth: int


@dataclass(frozen=True)
class Classifier:
    """Un classifieur prêt à répondre.

    Attributes:
        description: ce qu'il est.
        model: octets N×3×H×L → scores N×K.
        learned: ce qui a été appris, nom → tenseur ; c'est ce que le fichier garde.
    """

    description: Description
    model: nn.Module = field(repr=False)
    learned: dict[str, Tensor] = field(repr=False)

    @torch.inference_mode()
    def probabilities(self, squares: Squares, batch_size: int = 32) -> NDArray[np.float64]:
        """Probabilité de chaque classe, N×K.

        Args:
            squares: N×côté×côté×3, octets.
            batch_size: nombre d'images traitées ensemble.
        """
        self.model.eval()
        device = next(self.model.parameters()).device
        found = [
            self.model(batch.to(device)).double().softmax(dim=1).cpu()
            for batch in torch.split(to_tensor(squares), batch_size)
        ]
        return torch.cat(found).numpy()


def normalize(mean: Sequence[float], std: Sequence[float]) -> nn.Module:
    """Des octets N×3×H×L à ce que le réseau attend : des flottants, centrés et mis à l'échelle.

    Args:
        mean: ce qu'il faut retirer à chaque canal, pour des valeurs entre 0 et 1.
        std: ce par quoi diviser ensuite chaque canal.
    """
    return nn.Sequential(v2.ToDtype(torch.float32, scale=True), v2.Normalize(mean, std))


def to_tensor(squares: Squares) -> Tensor:
    """N×H×L×3 octets → N×3×H×L octets, canaux en dernier dans la mémoire."""
    return torch.from_numpy(np.ascontiguousarray(squares)).permute(0, 3, 1, 2)


def to_squares(images: Iterable[Image.Image]) -> Squares:
    """Empile des images RGB de même taille, N×H×L×3 octets."""
    return np.stack([np.asarray(image, np.uint8) for image in images])


def assemble(
    description: Description, network: nn.Module, head: nn.Linear | None = None
) -> Classifier:
    """Le classifieur d'un réseau réglé, dont tous les poids comptent, ou celui d'une sonde.

    Args:
        description: ce qu'il est.
        network: le réseau, octets normalisés → scores N×K, ou celui que lit la sonde.
        head: la couche linéaire de la sonde, seule apprise.
    """
    learned = dict((network if head is None else head).state_dict())
    if head is not None:
        device = next(network.parameters()).device
        backbone = transfer.Backbone(network, description.depth)
        network = transfer.LinearProbe(backbone, head.to(device))
    model = nn.Sequential(normalize(description.mean, description.std), network)
    return Classifier(description, model, learned)


def save(classifier: Classifier, path: Path) -> None:
    """Écrit le classifieur, d'un coup, au format safetensors."""
    tensors = {k: t.detach().cpu().contiguous().clone() for k, t in classifier.learned.items()}
    described = asdict(classifier.description) | {"method": classifier.description.method.value}
    metadata = json.dumps({"format": FORMAT, **described}, ensure_ascii=False)
    with atomic_write(path) as stream:
        stream.write(safetensors.torch.save(tensors, metadata={"reseaux": metadata}))


def load(path: Path) -> Classifier:
    """Relit un classifieur écrit par :func:`save`, et recharge son réseau.

    Raises:
        ReseauxError: fichier absent, abîmé, ou qui n'est pas un classifieur du cours.
    """
    if not path.is_file():
        raise ReseauxError(
            f"Le modèle « {path} » n'existe pas. Apprenez-en un d'abord : "
            "« reseaux apprendre DOSSIER », ou donnez son dossier par « --modele »."
        )
    try:
        with safe_open(path, framework="pt") as content:
            metadata = content.metadata() or {}
            learned = {name: content.get_tensor(name) for name in content.keys()}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise ReseauxError(
            f"Le modèle « {path} » est tronqué, abîmé ou illisible. Réapprenez-le."
        ) from error
    description = _description(path, metadata.get("reseaux"))
    if description.method is Method.LINEAR_PROBE:
        count = len(description.names)
        if not {"weight", "bias"} <= set(learned) or len(learned["weight"]) != count:
            raise _foreign(path)
        head = nn.Linear(learned["weight"].shape[1], count).requires_grad_(False)
        checkpoints.fill(head, learned, path)
        return assemble(description, weights.load(description.network).model, head)
    # Tous les poids sont dans le fichier : ceux d'ImageNet ne serviraient qu'à être écrasés.
    network = weights.architecture(description.network).model
    transfer.new_head(network, len(description.names), seed=0)
    checkpoints.fill(network, learned, path)
    return assemble(description, network)


def _description(path: Path, metadata: str | None) -> Description:
    """Relit la description, sans lui faire confiance : le fichier vient peut-être d'ailleurs."""
    try:
        given: Any = json.loads(metadata or "")
        version = given.pop("format")
        if version != FORMAT:
            raise ReseauxError(
                f"« {path.name} » est au format {version} ; cette version lit le format {FORMAT}. "
                "Mettez le cours à jour."
            )
        for name in ("names", "mean", "std"):
            given[name] = tuple(given[name])
        return Description(**{**given, "method": Method(given["method"])})
    except ReseauxError:
        raise
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise _foreign(path) from error


def _foreign(path: Path) -> ReseauxError:
    return ReseauxError(
        f"« {path} » n'est pas un modèle écrit par « reseaux apprendre ». "
        "Donnez par « --modele » le dossier qu'il a écrit."
    )
