"""Les messages qui donnent deux valeurs de même nature : chacune est à sa place.

Échangées, elles se liraient aussi bien, et diraient le contraire : « 2 entrées pour 1 types ». Ici,
les deux valeurs diffèrent toujours, et le message est lu jusqu'après la seconde.
"""

import re
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from torch import nn

import reseaux
from reseaux import data, measures
from reseaux.data.labeled import LabeledImages
from reseaux.errors import ReseauxError
from reseaux.few_data import episodes, meta_learning, strategies
from reseaux.few_data.transforms import Elastic
from reseaux.reuse import attention, download, fine_tuning, tensor_files, training
from reseaux.reuse.backbone import Backbone
from reseaux.reuse.weights import Pretrained
from reseaux.tables import Table

LABELS = np.repeat(np.arange(6), 8)
GREY = np.zeros((3, 4, 4), np.float32)
NETWORK = meta_learning.start_network(6, 3, seed=0)
NET = Pretrained("petit", strategies.small_network(3, 0), nn.Identity(), ("a", "b"), ("a", "b"))
CASES: list[tuple[Callable[[], object], str]] = [
    (
        lambda: reseaux.summarize(nn.ReLU(), [(1, 8, 8), (1, 8, 8)], dtypes=[torch.float32]),
        "2 entrées pour 1 types (dtypes)",
    ),
    (
        lambda: LabeledImages(GREY, np.array([0, 1]), ("a", "b", "c", "d")),
        "Images de forme (3, 4, 4), étiquettes de forme (2,) ; il faut une étiquette par image, "
        "de 0 à 3.",
    ),
    (
        lambda: LabeledImages(GREY, np.array([0, 1, 1]), ("un", "deux")).sample(9, seed=0),
        "9 images par classe demandées ; la classe « un » en a 1. Demandez entre 1 et 1 images.",
    ),
    (
        lambda: data.fragments(9000, 1, 0),
        "Morceau de 9000 pixels de côté demandé ; il faut entre 1 et",
    ),
    (
        lambda: measures.draw_confusion(plt.gca(), LABELS[:2], LABELS[:1], [*"abcde"]),
        "2 vraies classes et 1 réponses ; il en faut autant, toutes de 0 à 4.",
    ),
    (
        lambda: Table("t", ("a", "b", "c"), [(1, 2, 3), (4, 5)]),
        "La ligne 2 du tableau est (4, 5) ; il faut une cellule pour chacune des 3 colonnes.",
    ),
    (
        lambda: reseaux.build("alexnet", largeur=3),
        "« alexnet » refuse : largeur. Options permises : ",
    ),
    # Peu de données -----------------------------------------------------------------------------
    (
        lambda: episodes.sample(LABELS, 7, 1, 1, 1, 0),
        "7 classes demandées par épisode ; les étiquettes n'en ont que 6. Demandez au plus 6 ",
    ),
    (
        lambda: episodes.sample(np.repeat([4, 5], [30, 9]), 2, 3, 7, 1, 0),
        "3 exemples et 7 questions font 10 images par classe ; la classe 5 n'en a que 9.",
    ),
    (
        lambda: episodes.nearest_prototype(torch.zeros(2, 3, 4), torch.zeros(5, 6)),
        "Exemples de forme (2, 3, 4) et questions de forme (5, 6) ;",
    ),
    (
        lambda: [*episodes.verified(torch.zeros(3, 2), [episodes.Episode(*[np.array([[7]])] * 3)])],
        "3 images, et un épisode qui demande l'image numéro 7 :",
    ),
    (
        lambda: episodes.evaluate(
            torch.zeros(48, 2), episodes.sample(LABELS, 2, 1, 3, 1, 0), lambda *_: torch.zeros(5)
        ),
        "Scores de forme (5,) ; « classify » doit rendre un score par question et par classe, "
        "(2, 3, 2).",
    ),
    (
        lambda: meta_learning.adapt(
            NETWORK, torch.zeros(1, 6, 1, 6, 6), torch.zeros(1, 5).long(), steps=1, rate=0.1
        ),
        "Exemples de forme (1, 6, 1, 6, 6) et réponses de forme (1, 5) :",
    ),
    (
        lambda: meta_learning.adapt(
            NETWORK, torch.full((1, 2, 1, 6, 6), torch.nan), torch.tensor([[0, 1]]), steps=2, rate=7
        ),
        "Après 2 pas de taille 7",
    ),
    (
        lambda: meta_learning.adapt(
            NETWORK, torch.zeros(1, 2, 1, 6, 6), torch.tensor([[1, 4]]), steps=1, rate=0.1
        ),
        "Réponses de 1 à 4, de type torch.int64, et des sorties de forme (2, 3) :",
    ),
    (
        lambda: strategies.combine(torch.zeros(2, 1, 8, 8), torch.tensor([1, 4]), 3, "mixup", 1, 0),
        "Étiquettes de 1 à 4, de type torch.int64, pour 3 classes ; ce sont des entiers "
        "(torch.int64), de 0 à 2.",
    ),
    (
        lambda: strategies.combine(torch.zeros(2, 1, 8, 8), torch.zeros(5), 3, "mixup", 1, 0),
        "Images de forme (2, 1, 8, 8) et étiquettes de forme (5,) ;",
    ),
    (
        lambda: Elastic(1, 2)(torch.zeros(1, 7, 9)),
        "Image de 7 pixels de côté pour un lissage de 2, qui en demande plus de 8. "
        "Donnez smoothness=1.4.",
    ),
    # Réutiliser ---------------------------------------------------------------------------------
    (
        lambda: attention.hide(torch.zeros(2, 3, 4, 4), torch.zeros(1, 5, 5), 0.5),
        "Images de forme (2, 3, 4, 4) et cartes de forme (1, 5, 5) ;",
    ),
    (lambda: Backbone(NET.model, 9), "Profondeur 9 demandée ; il faut entre 0 et 1, ou −1."),
    (
        lambda: fine_tuning.start_fine_tuning(NET, (3, 8, 8), 2, first_trained=9),
        "« first_trained » vaut 9 ; il faut entre 0 (tout le réseau) et 2 (le classifieur seul).",
    ),
    (
        lambda: fine_tuning._resume("x.pt", "demandé", {}, NET.model),
        "est l'entraînement du réseau « sauvé », et non de « demandé ».",
    ),
    (
        lambda: training.targets(torch.zeros(5).long(), 3),
        "3 images et 5 étiquettes, de forme (5,) et de type torch.int64 :",
    ),
    (
        lambda: NET.decode(torch.zeros(1, 3, 8, 8), 9),
        "9 réponses demandées ; demandez-en entre 1 et 2.",
    ),
]
EMPTY = "e3b0c44298fc"  # le début de l'empreinte SHA-256 d'un fichier vide


@pytest.mark.parametrize(("call", "said"), CASES, ids=[said[:30] for _, said in CASES])
def test_each_value_is_in_its_place(
    call: Callable[[], object], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    saved = SimpleNamespace(path=Path("x.pt"), architecture="sauvé")
    monkeypatch.setattr(fine_tuning.checkpoints, "load", lambda _: saved)
    with pytest.raises(ReseauxError, match=re.escape(said)):
        call()
    plt.close("all")


def test_the_fingerprint_found_then_the_one_expected(tmp_path: Path) -> None:
    said = f"commence par {EMPTY}, pas par {'0' * 12}."
    for read in (
        lambda path: tensor_files.read(path, "0" * 12),
        lambda path: download._check("http://loin/x", path, "0" * 12),
    ):
        (tmp_path / "vide").touch()
        with pytest.raises(ReseauxError, match=re.escape(said)):
            read(tmp_path / "vide")


def test_the_processes_then_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    from reseaux.reuse import distributed

    told = {"TORCHELASTIC_RUN_ID": "x", "LOCAL_RANK": "0", "LOCAL_WORLD_SIZE": "3"}
    for name, value in {**told, "WORLD_SIZE": "3"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    with pytest.raises(ReseauxError, match="3 processus ; cartes : 2"):  # noqa: SIM117
        with distributed.joined(cards=True):
            pass
