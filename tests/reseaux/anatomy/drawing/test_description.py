"""Le dessin en phrases."""

import pytest

import reseaux
from drawings import SVG, Read, every_network, module


@every_network
def test_a_screen_reader_gets_the_content(name, drawn):
    summary, made = drawn(name)
    svg = Read(made).svg
    title, description = svg.find(f"{SVG}title"), svg.find(f"{SVG}desc")
    assert svg.get("role") == "img"
    assert svg.get("viewBox").startswith("0 0 ")
    assert svg.get("aria-labelledby").split() == [title.get("id"), description.get("id")]
    assert summary.title in title.text
    for block in Read(made).blocks:
        for shown in ("forme", "pas"):
            assert Read(made).label(block, shown) in description.text
    assert "convolution" in description.text.lower() or name == "swin_t"


def test_the_description_says_where_the_paths_part_and_meet():
    said = Read(reseaux.draw(module("projection"))).svg.find(f"{SVG}desc").text
    assert "convolution 1×1, lit l'entrée du module" in said
    assert "addition, réunit 2 chemins, sortie 128×28×28" in said
    said = Read(reseaux.draw(module("goulot"))).svg.find(f"{SVG}desc").text
    assert "addition, réunit 2 chemins, dont l'entrée du module" in said
    assert "lit l'entrée du module" not in said  # la première couche la lit : cela va de soi


@pytest.mark.parametrize(
    ("name", "normalized", "from_entry"),
    [
        ("goulot", 3, 1),  # l'addition
        ("projection", 3, 1),  # la convolution du raccourci
        ("fire", 0, 1),  # la seconde branche
        ("inception", 0, 3),  # trois branches, après la première
    ],
)
def test_the_description_says_how_often(name, normalized, from_entry):
    said = Read(reseaux.draw(module(name))).svg.find(f"{SVG}desc").text
    assert said.count("avec sa normalisation") == normalized
    assert said.count("l'entrée du module") == from_entry
