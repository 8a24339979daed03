"""Charger un réseau, le faire répondre ; ou le construire sans ses poids."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from matplotlib.colors import to_hex
from PIL import Image
from torch import nn
from torchvision import models

from reseaux import data, style
from reseaux.errors import ReseauxError
from reseaux.reuse import attention, hub, packaged, weights


@pytest.fixture(scope="module")
def net() -> weights.Pretrained:
    return weights.load()


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


def test_probabilities_sum_to_one(net: weights.Pretrained) -> None:
    rows = net.predict(data.photo("flower"), top=1000)
    assert sum(row.probability for row in rows) == pytest.approx(1, abs=1e-5)
    assert net.predict([]) == []


@pytest.mark.parametrize("top", [0, 1001, -1])
def test_top_out_of_range(net: weights.Pretrained, top: int) -> None:
    with pytest.raises(ReseauxError, match=r"entre 1 et 1\u202f000|« top » vaut .* au moins 1"):
        net.predict(data.photo("coffee"), top=top)


def test_an_array_is_not_an_image(net: weights.Pretrained) -> None:
    with pytest.raises(ReseauxError, match="fromarray"):
        net.predict([np.zeros((8, 8, 3))])  # type: ignore[list-item]


@pytest.mark.parametrize("name", ["efficientnet-lite0", "mobilenet_v3_small"])
@pytest.mark.parametrize("kind", [Path, str])
def test_a_given_file_is_verified(name: str, kind: type[Path | str], tmp_path: Path) -> None:
    """D'autres poids, de la bonne architecture, dans un fichier intact : pas ceux qu'on attend."""
    file = tmp_path / "autre.pth"
    torch.save(weights.architecture(name).model.state_dict(), file)
    with pytest.raises(ReseauxError, match=r"autre\.pth.*n'est pas le fichier attendu"):
        weights.load(name, kind(file))


def test_a_given_file_is_read_instead_of_the_package(
    net: weights.Pretrained, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "copie.pth"
    file.write_bytes(packaged.find_file(net.name).read_bytes())
    monkeypatch.setattr(packaged, "find_file", lambda _: tmp_path / "absent.pth")
    given = weights.load(file=str(file)).model.state_dict()
    assert all(torch.equal(given[key], value) for key, value in net.model.state_dict().items())


def test_unknown_name_suggests_the_nearest() -> None:
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « efficientnet-lite0 »"):
        weights.load("EfficientNet_Lite0")


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
        "reseaux.reuse.packaged.find_file",
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


@pytest.mark.usefixtures("nothing_to_read")
def test_an_unknown_fallback_is_refused_before_any_download() -> None:
    with pytest.raises(ReseauxError, match="efficientnet-lite0"):
        weights.load("resnet50", fallback="efficientnet-lite7")


def test_the_default_weights_are_those_torchvision_recommends() -> None:
    """Oracle : « DEFAULT » de torchvision ; et l'exactitude qu'il annonce."""
    best = []
    for name in models.list_models(module=models):
        choices = models.get_model_weights(name)
        _, chosen = hub.resolve(name)
        assert chosen is choices.DEFAULT
        measured = {
            w: w.meta["_metrics"]["ImageNet-1K"]["acc@1"] for w in choices if w.meta["categories"]
        }
        # SWAG, appris ailleurs puis réglé sur de plus grandes images, n'est pris que s'il est seul.
        rivals = [w for w in measured if "SWAG" not in w.name] or [chosen]
        best.append(measured[chosen] == max(measured[w] for w in rivals))
    assert len(best) == 80
    assert all(best)


def test_the_preparation_is_always_that_of_the_weights(monkeypatch: pytest.MonkeyPatch) -> None:
    """Oracle : « transforms » de torchvision, pour chaque jeu de poids de chaque classifieur."""
    monkeypatch.setattr(hub, "build_network", lambda *_: torch.nn.Identity())
    photo = data.photo("coffee")
    seen = set()
    for name in models.list_models(module=models):
        for official in models.get_model_weights(name):
            if official.meta["categories"]:
                ours = weights.architecture(f"{name}:{official.name}").transform(photo)
                assert torch.equal(ours, official.transforms()(photo)), official
                seen.add(tuple(ours.shape))
    assert len(seen) > 10  # bien des tailles


@pytest.mark.parametrize("name", weights.PACKAGED)
def test_the_preparation_of_a_shipped_network_is_that_of_timm(name: str) -> None:
    import timm

    config = timm.get_pretrained_cfg(f"tf_{name.replace('-', '_')}").to_dict()
    resize, crop, *_, normalize = net_steps(name)
    assert list(normalize.mean) == pytest.approx(config["mean"])
    assert list(normalize.std) == pytest.approx(config["std"])
    assert crop.size == config["input_size"][1:]
    assert resize.size == int(config["input_size"][1] / config["crop_pct"])
    assert resize.interpolation.value == config["interpolation"]


def net_steps(name: str) -> list[Any]:
    _, preprocess = packaged.build(name, None)
    return list(preprocess.transforms)  # type: ignore[attr-defined]


def test_the_drawing_shows_each_image_beside_its_answers() -> None:
    images = [data.photo(name).resize((40, 30)) for name in ("coffee", "chelsea")]
    rows = [
        [weights.Prediction("expresso", "espresso", 0.8749), weights.Prediction("tasse", "cup", 0)],
        [weights.Prediction(word, "", p) for word, p in (("chat", 0.5), ("lynx", 0.3), ("", 0.2))],
    ]
    figure = weights.draw_predictions(images, rows, ["un café", "un chat"])
    assert len(figure.axes) == 4
    for k, (image, answers) in enumerate(zip(images, rows, strict=True)):
        left, right = figure.axes[2 * k : 2 * k + 2]
        assert np.array_equal(left.images[0].get_array(), np.asarray(image))
        assert left.get_title() == ("un café", "un chat")[k]
        # Des cadres sans axes : ni graduations autour d'une photo, ni nombres sous les barres.
        assert not left.axison
        assert not right.axison
        assert [bar.get_width() for bar in right.patches] == [a.probability for a in answers]
        blue, *others = (to_hex(bar.get_facecolor()) for bar in right.patches)
        assert blue == style.BLUE.lower()
        assert {*others} == {style.GREY.lower()}
        heights = [right.transData.transform((0, bar.get_y()))[1] for bar in right.patches]
        assert heights == sorted(heights, reverse=True)  # la plus probable en haut
    texts = [text.get_text() for text in figure.axes[1].texts]
    assert texts == [" expresso — 87\N{NO-BREAK SPACE}%", " tasse — 0\N{NO-BREAK SPACE}%"]
    with pytest.raises(ReseauxError, match="2 images, 2 listes de réponses, 1 titres"):
        weights.draw_predictions(images, rows, ["un café"])
    with pytest.raises(ReseauxError, match="une image au moins"):
        weights.draw_predictions([], [], [])


def toy(model: nn.Module) -> weights.Pretrained:
    def transform(image: Image.Image) -> torch.Tensor:
        return torch.from_numpy(np.asarray(image, np.float32) / 255).permute(2, 0, 1)

    return weights.Pretrained("petit", model, transform, ("a", "b"), ("a", "b"))


def restless() -> nn.Sequential:
    torch.manual_seed(0)
    layers = (nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return nn.Sequential(*layers, nn.Dropout(), nn.Linear(4, 2)).train()


def test_an_answer_does_not_depend_on_the_mode_and_changes_nothing() -> None:
    net, photo = toy(restless()), Image.new("RGB", (8, 8), "red")
    state = {name: value.clone() for name, value in net.model.state_dict().items()}
    assert len({net.predict(photo, 1)[0] for _ in range(5)}) == 1
    assert all(torch.equal(state[name], v) for name, v in net.model.state_dict().items())
    assert all(part.training for part in net.model.modules())


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
def test_an_answer_follows_the_type_of_the_weights(dtype: torch.dtype) -> None:
    photo = data.photo("coffee").resize((16, 16))
    expected = toy(restless()).predict(photo, 2)
    net = toy(restless().to(dtype))
    found = net.predict(photo, 2)
    assert [p.english for p in found] == [p.english for p in expected]
    assert found[0].probability == pytest.approx(expected[0].probability, abs=1e-2)
    assert attention.heat_maps(net, [photo]).shape == (1, 16, 16)
    attention.draw_attention(net, [photo], columns=1)


def test_nan_is_not_a_probability() -> None:
    net = toy(restless())
    net.model[5].bias.data[:] = torch.nan  # type: ignore[index, union-attr, operator]
    with pytest.raises(ReseauxError, match="NaN"):
        net.predict(Image.new("RGB", (8, 8)), 1)


def test_loading_draws_nothing_from_the_generator_of_torch() -> None:
    before = torch.get_rng_state()
    weights.load()
    weights.architecture()
    weights.architecture("squeezenet1_1")
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_values_that_are_not_octets_are_refused(net: weights.Pretrained, dtype: Any) -> None:
    """« convert » couperait à 255 : une photographie de 16 bits serait toute blanche."""
    grey = np.asarray(data.photo("coffee").convert("L"))
    with pytest.raises(ReseauxError, match="ne sont pas des octets"):
        net.predict(Image.fromarray(257 * grey.astype(dtype)))
