"""Un classifieur sauvé puis relu."""

import json
import math
import random
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from photo_folder import FAST, SIDE, SOURCES, crops, run
from photos import classifier
from photos.description import FORMAT, Description
from photos.request import MODEL, Method
from reseaux.errors import ReseauxError
from reseaux.reuse import tensor_files, transfer, weights

ZERO = torch.zeros(1, 3, 32, 32)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18:IMAGENET1K_V1"])
def test_a_tuned_network_loads_with_the_network_cut(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rien n'est téléchargé, ni même cherché dans le cache : la sauvegarde a tous les poids."""
    network = weights.architecture(name).model
    transfer.new_head(network, 2, seed=1)
    description = Description(Method.FINE_TUNING, name, ("a", "b"), 32, (0.5,) * 3, (0.5,) * 3, 0)
    saved = classifier.assemble(description, network.eval())
    classifier.save(saved, tmp_path / MODEL)
    squares = np.random.default_rng(0).integers(0, 255, (3, 32, 32, 3), dtype=np.uint8)
    expected = saved.probabilities(squares)

    def cut(*_: object, **__: object) -> None:
        raise AssertionError("rien à télécharger ni à relire")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "vide"))
    for target in (
        "socket.socket.connect",
        "reseaux.reuse.hub.fetch",
        "reseaux.reuse.weights.load",
    ):
        monkeypatch.setattr(target, cut)
    again = classifier.load(tmp_path / MODEL)
    np.testing.assert_array_equal(again.probabilities(squares), expected)
    Image.fromarray(squares[0]).save(tmp_path / "image.png")
    assert run("predire", tmp_path / "image.png", "--modele", tmp_path / MODEL) == 0


def test_an_unknown_method_is_refused(tmp_path: Path) -> None:
    from safetensors.torch import save_file

    told = {"format": 1, "method": "magie", "names": [], "mean": [], "std": []}
    save_file({"weight": torch.zeros(2, 2)}, tmp_path / MODEL, {"reseaux": json.dumps(told)})
    with pytest.raises(ReseauxError, match="n'est pas un modèle écrit par"):
        classifier.load(tmp_path / MODEL)
    newer = json.dumps({**told, "format": FORMAT + 1})
    save_file({"weight": torch.zeros(2, 2)}, tmp_path / MODEL, {"reseaux": newer})
    with pytest.raises(ReseauxError, match="Mettez le cours à jour"):
        classifier.load(tmp_path / MODEL)


def test_the_model_file_says_what_it_is_and_holds_only_numbers(photos: Path) -> None:
    assert run("apprendre", photos, *FAST) == 0
    with safe_open(Path("resultats") / MODEL, framework="pt") as content:
        assert set(content.keys()) == {"weight", "bias"}
        assert content.get_tensor("weight").shape[0] == 3
    loaded = classifier.load(Path("resultats") / MODEL)
    assert loaded.description == Description(
        Method.LINEAR_PROBE,
        "efficientnet-lite0",
        tuple(SOURCES),
        32,
        (0.5,) * 3,
        (0.5,) * 3,
        loaded.description.depth,
    )
    widths = [v.shape[1] for v in transfer.extract_features(weights.load().model, ZERO)]
    assert loaded.learned["weight"].shape == (3, widths[loaded.description.depth])


def test_no_model_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("predire", "x.png", "--modele", tmp_path) == 1
    assert "n'existe pas. Apprenez-en un d'abord" in capsys.readouterr().err
    (tmp_path / MODEL).write_bytes(b"rien de bon")
    assert run("predire", "x.png", "--modele", tmp_path) == 1
    assert "tronqué, abîmé" in capsys.readouterr().err
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2, 2)}, tmp_path / MODEL)
    assert run("predire", "x.png", "--modele", tmp_path) == 1
    assert "n'est pas un modèle écrit par" in capsys.readouterr().err


def saved(tmp_path: Path, method: Method, classes: int = 2) -> tuple[Path, dict[str, torch.Tensor]]:
    """Un classifieur de deux classes dans un fichier, et ses tenseurs."""
    network = weights.load().model
    description = Description(
        method, "efficientnet-lite0", ("a", "b"), 32, (0.5,) * 3, (0.5,) * 3, 2
    )
    head = None
    if method is Method.LINEAR_PROBE:
        with torch.inference_mode():
            head = torch.nn.Linear(transfer.Backbone(network, 2)(ZERO).shape[1], classes)
    else:
        transfer.new_head(network, classes, seed=0)
    found = classifier.assemble(description, network, head)
    classifier.save(found, tmp_path / MODEL)
    return tmp_path / MODEL, tensor_files.detached(found.learned)


def test_a_network_left_in_training_still_answers_alone(tmp_path: Path) -> None:
    """La réponse à une image ne dépend ni de ses voisines, ni du mode où est resté le réseau."""
    path, _ = saved(tmp_path, Method.FINE_TUNING)
    loaded = classifier.load(path)
    squares = np.random.default_rng(0).integers(0, 255, (4, 32, 32, 3), dtype=np.uint8)
    expected = loaded.probabilities(squares)
    loaded.model.train()
    np.testing.assert_allclose(loaded.probabilities(squares, batch_size=1), expected, atol=1e-5)


def test_a_classifier_that_diverged_does_not_replace_the_old_one(tmp_path: Path) -> None:
    path, _ = saved(tmp_path, Method.LINEAR_PROBE)
    loaded, before = classifier.load(path), path.read_bytes()
    loaded.learned["bias"][0] = math.nan
    with pytest.raises(ReseauxError, match=r"n'a pas été écrit : « bias » contient des valeurs"):
        classifier.save(loaded, path)
    assert path.read_bytes() == before


def rewrite(path: Path, tensors: dict[str, torch.Tensor]) -> None:
    """D'autres nombres, sous la même description, et une empreinte juste."""
    _, metadata = tensor_files.read(path)
    path.write_bytes(tensor_files.to_safetensors(tensors, metadata))


@pytest.mark.parametrize("method", list(Method), ids=lambda method: method.value)
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.where(torch.arange(t.numel()).view(t.shape) != 3, math.nan),
        lambda t: t.where(torch.arange(t.numel()).view(t.shape) != 3, -math.inf),
        lambda t: t.to(torch.int32),
        lambda t: t.to(torch.complex64),
        lambda t: t.half(),
        lambda t: t.double(),
        lambda t: t > 0,
    ],
    ids=["nan", "infini", "entiers", "complexes", "moitié", "double", "booléens"],
)
def test_weights_that_are_not_its_numbers_are_refused(method, change, tmp_path: Path) -> None:
    path, tensors = saved(tmp_path, method)
    name = next(name for name in tensors if name.endswith("weight"))
    rewrite(path, {**tensors, name: change(tensors[name])})
    with pytest.raises(ReseauxError, match=f"« {name} » a des valeurs infinies, ou qui ne sont"):
        classifier.load(path)


def test_weights_that_overflow_do_not_answer(tmp_path: Path, capsys) -> None:
    path, tensors = saved(tmp_path, Method.LINEAR_PROBE)
    rewrite(path, {name: torch.full_like(t, 3e38) for name, t in tensors.items()})
    Image.new("RGB", (32, 32), "red").save(tmp_path / "i.png")
    assert run("predire", tmp_path / "i.png", "--modele", path) == 1
    said = capsys.readouterr()
    assert "autre chose que des nombres" in said.err
    assert "nan" not in said.out


def test_one_answer_that_is_not_a_number_is_enough(tmp_path: Path) -> None:
    class Odd(torch.nn.Linear):
        def forward(self, batch: torch.Tensor) -> torch.Tensor:
            return batch[:, :2, 0, 0].double().where(batch[:, :2, 0, 0] > 0, math.nan)

    path, _ = saved(tmp_path, Method.LINEAR_PROBE)
    found = classifier.Classifier(classifier.load(path).description, Odd(1, 1), {})
    squares = np.ones((2, 4, 4, 3), np.uint8)
    np.testing.assert_array_equal(found.probabilities(squares), 0.5)
    squares[1] = 0
    with pytest.raises(ReseauxError, match="autre chose que des nombres"):
        found.probabilities(squares)


@pytest.mark.parametrize("method", list(Method), ids=lambda method: method.value)
def test_classes_that_do_not_match_the_weights_are_refused(method, tmp_path: Path) -> None:
    path, _ = saved(tmp_path, method, classes=3)
    with pytest.raises(ReseauxError):
        classifier.load(path)


def test_a_probe_read_at_another_depth_is_refused(tmp_path: Path) -> None:
    path, tensors = saved(tmp_path, Method.LINEAR_PROBE)
    for weight in (
        tensors["weight"][:, 1:],
        tensors["weight"][None],
        torch.zeros(2, 0),
        torch.zeros(2),
    ):
        rewrite(path, {**tensors, "weight": weight})
        with pytest.raises(ReseauxError, match="weight"):
            classifier.load(path)


def test_a_network_from_elsewhere_downloads_nothing(tmp_path: Path, monkeypatch) -> None:
    """Une sonde sur un réseau de torchvision dont les poids ne sont pas là."""
    path, tensors = saved(tmp_path, Method.LINEAR_PROBE)
    described = json.loads(tensor_files.read(path)[1]["reseaux"])
    text = json.dumps({**described, "network": "resnet50"})
    path.write_bytes(tensor_files.to_safetensors(tensors, {"reseaux": text}))
    asked: list[object] = []
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "vide"))
    monkeypatch.setattr("reseaux.reuse.hub.download", lambda *a, **_: asked.append(a))
    with pytest.raises(ReseauxError, match="« resnet50 », dont les poids ne sont pas sur cette"):
        classifier.load(path)
    assert not asked


def test_a_small_file_does_not_build_a_large_network(tmp_path: Path, monkeypatch) -> None:
    """Les noms et les formes se comparent avant de prendre la mémoire du réseau annoncé."""
    path, tensors = saved(tmp_path, Method.FINE_TUNING)
    described = json.loads(tensor_files.read(path)[1]["reseaux"])
    text = json.dumps({**described, "network": "vit_h_14"})
    path.write_bytes(tensor_files.to_safetensors(tensors, {"reseaux": text}))
    real, built = weights.architecture, []

    def architecture(name: str) -> weights.Pretrained:
        built.append(real(name))
        return built[-1]

    monkeypatch.setattr(weights, "architecture", architecture)
    with pytest.raises(ReseauxError, match="n'a pas les poids de ce réseau"):
        classifier.load(path)
    assert all(p.is_meta for network in built for p in network.model.parameters())


@pytest.mark.filterwarnings("ignore:.*empreinte")
def test_a_flipped_bit_is_refused(tmp_path: Path) -> None:
    """Partout : description, empreinte, nom de l'empreinte, nombres."""
    path, _ = saved(tmp_path, Method.LINEAR_PROBE)
    whole = path.read_bytes()
    start = whole.index(b'"sha256"')
    bits = [
        *range(8 * start, 8 * (start + 80)),
        *random.Random(0).sample(range(8 * len(whole)), 200),
    ]
    for bit in bits:
        changed = bytearray(whole)
        changed[bit // 8] ^= 1 << bit % 8
        path.write_bytes(changed)
        with pytest.raises(ReseauxError):
            classifier.load(path)


def test_normalization_is_that_of_the_network() -> None:
    net = weights.load()
    mean, std = transfer.normalization(net)
    assert (mean, std) == ((0.5,) * 3, (0.5,) * 3)
    square = crops("coffee", 1)[0]
    ours = classifier.normalize(mean, std)(classifier.to_tensor(classifier.to_squares([square])))
    theirs = transfer.prepare(net, np.asarray(square, np.float32)[None] / 255, SIDE)
    torch.testing.assert_close(ours, theirs)
