"""La page du transfert dans le réglage complet : un autre réseau, ses images, un processeur."""

import dataclasses
import re

import numpy as np
import pytest

from livre.expected_outputs import CHAPTERS, chapters, to_notebook
from reseaux import data, settings
from reseaux.data import LabeledImages
from reseaux.reuse import weights
from watched_network import watched

PAGE = CHAPTERS / "reutiliser" / "transfert.md"


def code_of(page) -> list[str]:
    return [cell.source for cell in to_notebook(page).cells if cell.cell_type == "code"]


def test_the_complete_setting_prepares_images_for_its_network(monkeypatch, capsys):
    """Le réseau, de torchvision, refuse toute image qui n'a ni sa normalisation ni sa taille."""
    sides, asked = set(), []
    small = dataclasses.replace(settings.SETTINGS["complet"], network="resnet18", size=40)
    monkeypatch.setattr(settings, "current", lambda: small)
    monkeypatch.setattr(weights, "load", lambda name: watched(name, sides))

    def pets(name, folder, part, size):
        asked.append((name, part, size))
        grey = np.random.default_rng(len(part)).random((6, size, size), np.float32)
        images = np.stack([grey] * 3, axis=-1)
        return LabeledImages(images, np.arange(6) % 3, ("a", "b", "c"))

    monkeypatch.setattr(data, "torchvision_images", pets)
    namespace = {}
    cells = code_of(PAGE)
    for source in (cells[0], next(c for c in cells if "torchvision_images" in c)):
        exec(compile(source, PAGE.name, "exec"), namespace)
    assert asked == [("OxfordIIITPet", "train", 40), ("OxfordIIITPet", "test", 40)]
    assert sides == {40}
    assert "races reconnues : " in capsys.readouterr().out
    assert len(namespace["answers"]) == 6


@pytest.mark.parametrize("page", chapters(), ids=lambda path: path.stem)
def test_no_conclusion_is_skipped_in_silence(page):
    """Une conclusion vaut dans les deux réglages, ou la page dit duquel : jamais un saut muet."""
    code = "\n".join(code_of(page))
    assert not re.findall(r"assert .*(?:\bfast\b|rapide)|\bif .*\bfast\b", code)
