"""Apprendre : le réseau demandé, ou celui qui est livré ; la profondeur choisie."""

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from photo_folder import FAST, SOURCES, file_rows, run
from photos import classifier, dataset, learning
from photos.arguments import parse, read_request
from photos.images import read_image
from photos.request import MODEL
from reseaux.formatting import percent
from reseaux.reuse import training, transfer, weights

LARGE = "efficientnet_v2_s"


def test_complete_falls_back_in_french(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, asked = weights.load, []

    def load(name: str = "efficientnet-lite0", **options: object) -> weights.Pretrained:
        asked.append((name, options))
        if name != "efficientnet-lite0":
            warnings.warn(f"Poids de « {name} » absents.", stacklevel=2)
        return real("efficientnet-lite0")

    monkeypatch.setattr(weights, "load", load)
    assert run("apprendre", photos, *FAST, "--reglage", "complet") == 0
    assert asked[0] == (LARGE, {"fallback": True})
    assert f"Poids de « {LARGE} » absents." in capsys.readouterr().out
    assert '"network": "efficientnet-lite0"' in (Path("resultats") / MODEL).read_bytes()[
        :2000
    ].decode("utf-8", "replace").replace('\\"', '"')


def test_a_probe_is_read_where_it_answers_best(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """La profondeur écrite est celle de ``choose_depth`` sur l'entraînement seul."""
    assert run("apprendre", photos, *FAST) == 0
    said = capsys.readouterr().out
    train = [row for row in file_rows(Path("resultats")) if row["usage"] == "entraînement"]
    squares = classifier.to_squares(
        [read_image(photos / row["fichier"], square=32) for row in train]
    )
    labels = np.array([sorted(SOURCES).index(row["classe"]) for row in train])
    net = weights.load()
    prepared = transfer.prepare(net, squares / 255, 32)
    vectors = transfer.extract_features(net.model, prepared)
    best, scores = transfer.choose_depth(vectors, labels, seed=0)
    assert f"profondeur {best} (" in said
    assert f"y donne {percent(scores[best])}" in said


def test_the_seed_also_shares_out_the_images_that_choose_the_depth(
    photos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seeds: list[object] = []

    def choose(vectors: list[np.ndarray], labels: np.ndarray, **options: object) -> object:
        seeds.append(options.get("seed"))
        return 1, [0.5] * len(vectors)

    monkeypatch.setattr(transfer, "choose_depth", choose)
    words = ["apprendre", str(photos), *FAST, "--graine", "7"]
    request = read_request(parse(words), words)
    learned = learning.learn(request, dataset.read(request), training.ALONE)
    assert seeds == [7]
    assert learned.classifier.description.depth == 1


def test_a_probe_of_single_images_has_a_default_depth(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in photos.glob("*/*[3-7].png"):
        file.unlink()
    assert run("apprendre", photos, *FAST) == 0  # deux images par classe : de quoi la choisir
    assert "choisie : la validation croisée" in capsys.readouterr().out
    for file in photos.glob("*/*2.png"):
        file.unlink()
    assert run("apprendre", photos, *FAST) == 0
    assert "profondeur 6 (« bloc 6 », par défaut : trop peu d'images" in capsys.readouterr().out


@pytest.mark.parametrize("method", [(), ("--methode", "reglage-fin", "--epoques", "1")])
def test_nothing_leaks_from_the_test_to_the_training(photos: Path, method: tuple[str, ...]) -> None:
    """D'autres images de test, d'autres classes : ce qui est appris ne bouge pas d'un bit."""
    words = ["apprendre", str(photos), *FAST, *method, "--sortie", "r"]
    request = read_request(parse(words), words)
    read = dataset.read(request)
    images, labels = list(read.pictures.images), read.pictures.labels.copy()
    for i in read.test:
        images[i] = Image.new("RGB", images[i].size, "white")
        labels[i] = (labels[i] + 1) % 3
    other = replace(read, pictures=replace(read.pictures, images=tuple(images), labels=labels))
    one, two = (learning.learn(request, each, training.ALONE) for each in (read, other))
    assert one.told == two.told
    for name, tensor in one.classifier.learned.items():
        assert torch.equal(tensor, two.classifier.learned[name])


def test_without_a_card_only_the_end_is_tuned(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ce qui précède les trois dernières profondeurs garde les poids d'ImageNet, au bit près.

    Les suivantes apprennent dix fois moins vite que le classifieur, qui part de rien.
    """
    rates: list[float] = []

    class Watched(torch.optim.AdamW):
        def __init__(self, *args: object, **options: object) -> None:
            super().__init__(*args, **options)  # type: ignore[arg-type]
            rates.extend(group["lr"] for group in self.param_groups)

    monkeypatch.setattr(torch.optim, "AdamW", Watched)
    assert run("apprendre", photos, *FAST, "--methode", "reglage-fin", "--epoques", "1") == 0
    assert rates == pytest.approx([2e-4, 2e-3])
    net = weights.load().model
    count = len(transfer.depth_names(net))
    assert f"à partir de la profondeur {count - 3}, 1 époque" in capsys.readouterr().out
    learned = classifier.load(Path("resultats") / MODEL).learned
    moved = [
        name
        for name, given in net.named_parameters()
        if given.shape != learned[name].shape or not torch.equal(learned[name], given)
    ]
    assert not any(name.startswith("conv_stem") for name in moved)
    assert not any(name.startswith("blocks.0") for name in moved)
    assert any(name.startswith("classifier") for name in moved)
    for name, given in net.named_buffers():  # les statistiques aussi, jusqu'à la fin
        assert torch.equal(learned[name], given), name
    assert any(name.startswith("blocks.6") for name in moved)
