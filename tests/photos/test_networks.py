"""Lire un réseau : sa table dans chaque format, son dessin, la liste des noms."""

import csv
import io
import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from torchvision import models

from photo_folder import run


@pytest.mark.parametrize("name", ["resnet-18", "resnet18", "resnet18.a1_in1k"])
def test_the_names_of_three_libraries(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Oracle : le nombre de paramètres du ResNet-18 de torchvision."""
    assert run("resume", name, "--json") == 0
    rows = json.loads(capsys.readouterr().out)
    expected = sum(p.numel() for p in models.resnet18().parameters())
    assert rows[-1]["couche"] == "total"
    assert rows[-1]["paramètres"] == expected
    assert sum(row["paramètres"] for row in rows[:-1]) == expected


def test_the_same_table_in_every_format(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("resume", "alexnet", "--json") == 0
    records = json.loads(capsys.readouterr().out)
    assert run("resume", "alexnet", "--csv") == 0
    rows = list(
        csv.DictReader(io.StringIO(capsys.readouterr().out.lstrip("\ufeff")), delimiter=";")
    )
    assert [{k: str(v) for k, v in record.items()} for record in records] == rows
    assert run("resume", "alexnet") == 0
    text = capsys.readouterr().out
    assert text.startswith("AlexNet")
    assert len(text.splitlines()) == len(rows) + 3


def test_a_drawing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    target = tmp_path / "vgg.svg"
    assert run("dessine", "vgg-a", "-o", target) == 0
    assert "Dessin de VGG-A" in capsys.readouterr().out
    assert ET.parse(target).getroot().tag.endswith("svg")
    assert run("dessine", "vgg-a", "-o", tmp_path) == 1
    assert "Impossible d'écrire" in capsys.readouterr().err


def test_an_unknown_name(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("resume", "resnet-5O") == 1
    assert "« resnet-5O »" in capsys.readouterr().err


def test_the_list_names_the_three_libraries(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("liste") == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()[3:]]
    expected = {"vgg-d": "cours", "convnext_tiny": "torchvision", "vit_tiny_patch16_224": "timm"}
    for name, home in expected.items():
        assert [name, home] in lines
