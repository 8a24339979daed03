"""Un classifieur sauvé puis relu."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from photo_folder import FAST, SIDE, SOURCES, crops, run
from photos import classifier
from photos.request import MODEL, Method
from reseaux.errors import ReseauxError
from reseaux.reuse import transfer, weights

ZERO = torch.zeros(1, 3, 32, 32)


@pytest.mark.parametrize("name", ["efficientnet-lite0", "resnet18:IMAGENET1K_V1"])
def test_a_tuned_network_loads_with_the_network_cut(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rien n'est téléchargé, ni même cherché dans le cache : la sauvegarde a tous les poids."""
    network = weights.architecture(name).model
    transfer.new_head(network, 2, seed=1)
    description = classifier.Description(
        Method.FINE_TUNING, name, ("a", "b"), 32, (0.5,) * 3, (0.5,) * 3, 0
    )
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
    newer = json.dumps({**told, "format": classifier.FORMAT + 1})
    save_file({"weight": torch.zeros(2, 2)}, tmp_path / MODEL, {"reseaux": newer})
    with pytest.raises(ReseauxError, match="Mettez le cours à jour"):
        classifier.load(tmp_path / MODEL)


def test_the_model_file_says_what_it_is_and_holds_only_numbers(photos: Path) -> None:
    assert run("apprendre", photos, *FAST) == 0
    with safe_open(Path("resultats") / MODEL, framework="pt") as content:
        assert set(content.keys()) == {"weight", "bias"}
        assert content.get_tensor("weight").shape[0] == 3
    loaded = classifier.load(Path("resultats") / MODEL)
    assert loaded.description == classifier.Description(
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


def test_normalization_is_that_of_the_network() -> None:
    net = weights.load()
    mean, std = transfer.normalization(net)
    assert (mean, std) == ((0.5,) * 3, (0.5,) * 3)
    square = crops("coffee", 1)[0]
    ours = classifier.normalize(mean, std)(classifier.to_tensor(classifier.to_squares([square])))
    theirs = transfer.prepare(net, np.asarray(square, np.float32)[None] / 255, SIDE)
    torch.testing.assert_close(ours, theirs)
