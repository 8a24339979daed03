"""La page du transfert dans le réglage complet : un autre réseau, ses images, un processeur."""

import dataclasses
import functools
import re

import matplotlib as mpl
import pytest

from experiments import glyph_network
from livre.expected_outputs import CHAPTERS, chapters, to_notebook
from reseaux import settings
from reseaux.reuse import weights
from watched_network import CROP, watched

PAGE = CHAPTERS / "reutiliser" / "transfert.md"


def code_of(page) -> list[str]:
    return [cell.source for cell in to_notebook(page).cells if cell.cell_type == "code"]


def test_the_complete_setting_prepares_images_for_its_network(monkeypatch, capsys):
    """Le réseau, de torchvision, refuse toute image qui n'a ni sa normalisation ni sa taille."""
    name, sides, asked = "resnet18", set(), []
    small = dataclasses.replace(
        settings.SETTINGS["complet"], network=name, size=32, extraction_size=40,
        labels=(1, 20), seeds=1, steps_factor=1,
    )  # fmt: skip
    monkeypatch.setattr(settings, "current", lambda: small)
    monkeypatch.setattr(weights, "load", lambda n, **_: asked.append(n) or watched(n, sides))
    brief = functools.partial(glyph_network.learn, alphabets=("latin",), width=8)
    monkeypatch.setattr(glyph_network, "learn", brief)
    monkeypatch.setattr(mpl, "rcParams", mpl.rcParams.copy())
    mpl.use("Agg")
    namespace = {}
    for source in code_of(PAGE):
        exec(compile(source, PAGE.name, "exec"), namespace)
    assert asked == [name]
    assert sides == {32, 40, CROP}
    assert capsys.readouterr().out.count("Conclusions du texte") == 5


@pytest.mark.parametrize("page", chapters(), ids=lambda path: path.stem)
def test_no_conclusion_is_skipped_in_silence(page):
    """Une conclusion vaut dans les deux réglages, ou la page dit duquel : jamais un saut muet."""
    code = "\n".join(code_of(page))
    assert not re.findall(r"assert .*(?:\bfast\b|rapide)|\bif .*\bfast\b", code)
