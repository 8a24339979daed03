"""Le document SVG : léger, complet, le même partout."""

import os
import re
import subprocess
import sys

import pytest
from torch import nn

import reseaux
from drawings import SVG, Read, both, every_network


@every_network
def test_the_drawing_is_light_and_self_contained(name, drawn):
    _, made = drawn(name)
    for svg in (made.svg, made.narrow):
        assert len(svg.encode()) <= 60_000
        assert not re.search(r"(href|src)=|https?://(?!www\.w3\.org/2000/svg)", svg)


def test_the_same_drawing_in_any_process(drawn):
    code = (
        "import reseaux, sys; n = reseaux.NETWORKS['googlenet'];"
        "s = reseaux.summarize(reseaux.build('googlenet', device='meta'), n.input_size,"
        " title=n.title); sys.stdout.buffer.write(reseaux.draw(s).svg.encode())"
    )
    for seed in ("1", "2"):
        made = subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            check=True,
        )
        assert made.stdout == drawn("googlenet")[1].svg.encode()


def test_names_are_escaped():
    net = nn.Sequential(nn.Conv2d(1, 2, 3))
    made = reseaux.draw(reseaux.summarize(net, (1, 8, 8), title='<a> & "b"'))
    assert Read(made).texts("titre") == ['<a> & "b"']
    assert "<a>" not in made._repr_html_()


class Spare(nn.Module):
    """Une suite de convolutions, et une couche que rien n'appelle."""

    def __init__(self, layers):
        super().__init__()
        self.used = nn.Sequential(*(nn.Conv2d(n + 1, n + 2, 1) for n in range(layers)))
        self.spare = nn.Linear(2, 2)

    def forward(self, x):
        return self.used(x)


@pytest.mark.parametrize("layers", range(1, 8))
def test_a_line_is_linked_to_the_next_unless_nothing_is_computed_there(layers):
    made = reseaux.draw(reseaux.summarize(Spare(layers), (1, 8, 8)))
    read = both(made)[-1]
    faces = [{k: float(read.face_of(b).get(k)) for k in ("y", "height")} for b in read.blocks]
    axes = [round(face["y"] + face["height"] / 2) for face in faces]
    assert read.label(read.blocks[-1], "genre") == "autres paramètres"
    links = [p for p in read.svg.iter(f"{SVG}path") if p.get("class") == "suite"]
    assert len(links) == len(set(axes[:-1])) - 1


def test_the_nearest_card_of_a_pile_is_drawn_last():
    """Ce qui s'écrit après cache ce qui précède : la plus lointaine des feuilles d'abord."""
    net = nn.Sequential(*(nn.Conv2d(4, 4, 3, padding=1) for _ in range(5)))
    read = Read(reseaux.draw(reseaux.summarize(net, (4, 8, 8))))
    (pile,) = [block for block in read.blocks if read.label(block, "params fois")]
    cards = [p.get("d") for p in pile.iter(f"{SVG}path") if p.get("class") == "feuille"]
    left = float(read.face_of(pile).get("x"))
    corners = [float(re.match(r"M(\S+)", card)[1]) - left for card in cards]
    assert corners == pytest.approx([8, 4], abs=0.11)
    once = Read(reseaux.draw(reseaux.summarize(net[:1], (4, 8, 8)))).blocks[
        -1
    ]  # ni pile, ni feuille
    assert "feuille" not in {part.get("class") for part in once}
    assert [part.tag for part in pile][1:3] == [f"{SVG}path"] * 2  # avant les faces du bloc
