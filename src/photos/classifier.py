"""Un classifieur de vos images, qui se garde dans un fichier et se relit sans rien réapprendre.

C'est un seul réseau, des octets aux scores : normalisation, étages, moyenne spatiale, couche
linéaire. Une sonde et un réseau réglé n'y diffèrent que par ce qui a été appris.

Le fichier est au format safetensors : des nombres, et une description en JSON (classes, réseau,
préparation, profondeur). L'ouvrir ne peut exécuter aucun code.
"""

import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn
from torchvision.transforms import v2

from photos.description import Description, foreign, from_json
from photos.request import Method
from reseaux.errors import ReseauxError
from reseaux.reuse import checkpoints, hub, packaged, tensor_files, transfer, weights

Squares = NDArray[np.uint8]


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

        Raises:
            ReseauxError: une réponse n'est pas un nombre : les poids ne valent rien.
        """
        self.model.eval()
        device = next(self.model.parameters()).device
        found = [
            self.model(batch.to(device)).double().softmax(dim=1).cpu()
            for batch in torch.split(to_tensor(squares), batch_size)
        ]
        answers = torch.cat(found)
        if not answers.isfinite().all():
            raise ReseauxError(
                "Ce modèle répond autre chose que des nombres : ses poids débordent. Réapprenez-le."
            )
        return answers.numpy()


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
    """Écrit le classifieur, d'un coup, au format safetensors, avec son empreinte.

    Raises:
        ReseauxError: ses poids ne sont pas des nombres : :func:`load` les refuserait.
    """
    tensor_files.check(classifier.learned, classifier.learned, f"« {path} » n'a pas été écrit")
    metadata = {"reseaux": classifier.description.to_json()}
    tensor_files.write(path, tensor_files.to_safetensors(classifier.learned, metadata))


def load(path: Path) -> Classifier:
    """Relit un classifieur écrit par :func:`save`, et recharge son réseau, sans rien télécharger.

    Raises:
        ReseauxError: fichier absent, abîmé, ou qui n'est pas un classifieur du cours ; réseau d'une
            sonde qui n'est pas sur cette machine.
    """
    if not path.is_file():
        raise ReseauxError(
            f"Le modèle « {path} » n'existe pas. Apprenez-en un d'abord : "
            "« reseaux apprendre DOSSIER », ou donnez son dossier par « --modele »."
        )
    learned, metadata = tensor_files.read(path)
    if metadata.keys() != {"reseaux"}:  # un autre fichier, ou l'empreinte sous un nom abîmé
        raise foreign(path)
    description = from_json(metadata["reseaux"], path)
    count = len(description.names)
    if description.method is Method.FINE_TUNING:
        # Tous les poids sont dans le fichier : ceux d'ImageNet ne serviraient qu'à être écrasés.
        return assemble(description, _tuned(description.network, count, learned, path))
    weight = learned.get("weight", torch.empty(0))
    if weight.ndim != 2 or len(weight) != count or not weight.numel():
        raise foreign(path, " (« weight »)")
    head = nn.Linear(weight.shape[1], count).requires_grad_(False)
    _fill(head, learned, path)
    network = _on_this_machine(description.network)
    blank = torch.zeros(1, 3, description.size, description.size)
    with torch.inference_mode():
        width = transfer.Backbone(network, description.depth)(blank).shape[1]
    if width != head.in_features:
        raise foreign(path, " (« weight »)")
    return assemble(description, network, head)


def _tuned(name: str, classes: int, learned: dict[str, Tensor], path: Path) -> nn.Module:
    """Le réseau réglé ; on le compare à ses poids avant de lui donner de la mémoire."""
    for device in ("meta", "cpu"):
        with torch.device(device), warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # « meta » ne garde rien : c'est voulu
            network = weights.architecture(name).model
            transfer.new_head(network, classes, seed=0)
            _fill(network, learned, path)
    return network


def _fill(model: nn.Module, learned: dict[str, Tensor], path: Path) -> None:
    """Remplit un réseau de nombres, s'ils en sont et si ce sont les siens."""
    for name, expected in model.state_dict().items():
        given = learned.get(name, expected)
        if given.dtype != expected.dtype or not (given.is_meta or given.isfinite().all()):
            raise ReseauxError(
                f"« {path} » : « {name} » a des valeurs infinies, ou qui ne sont pas des nombres "
                "du bon genre ; ce modèle ne peut pas répondre. Réapprenez-le."
            )
    checkpoints.fill(model, learned, path)


def _on_this_machine(name: str) -> nn.Module:
    """Un réseau et ses poids, s'ils sont déjà là : un fichier d'ailleurs ne télécharge rien."""
    if name in packaged.PACKAGED:
        return weights.load(name).model
    file = hub.cached(hub.resolve(name)[1].url)
    if not file.is_file():
        raise ReseauxError(
            f"Ce modèle se sert de « {name} », dont les poids ne sont pas sur cette machine. "
            f'Téléchargez-les, si vous le voulez : « python -c "from reseaux.reuse import weights; '
            f"weights.load('{name}')\" »."
        )
    return weights.load(name, file).model
