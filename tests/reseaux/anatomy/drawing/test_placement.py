"""La place des blocs : échelle, flèches, textes qui ne se recouvrent pas."""

import re
from math import log2

import pytest

import reseaux
from counting import classifier
from drawings import SVG, Read, arrows, both, every_network, module
from reseaux.anatomy.drawing import placement
from reseaux.anatomy.drawing.blocks import Block
from reseaux.anatomy.drawing.placement import rounded
from reseaux.anatomy.kinds import Kind


@every_network
def test_a_block_is_as_tall_and_as_thick_as_stated(name, drawn):
    """L'échelle logarithmique : un doublement ajoute toujours la même longueur."""
    _, made = drawn(name)
    read = Read(made)
    for block in read.blocks:
        sizes = [int(n) for n in read.label(block, "forme").split("×") if n]
        kind = read.label(block, "genre")
        if len(sizes) == 3 and kind.startswith(("conv ", "max ", "entrée")):
            thick, tall = read.face(block)
            assert thick == pytest.approx(4 + 5 * log2(sizes[0]), abs=0.01)
            assert tall == pytest.approx(6 + 10 * log2(sizes[1]), abs=0.01)


@pytest.mark.parametrize("name", ["resnet18", "googlenet", "densenet121", "mobilenet_v3_small"])
def test_an_oblong_map_is_drawn_oblong(name):
    """La fuyante dit la largeur, la face la hauteur ; d'une image debout à la même, couchée."""
    faces = {}
    for height, width in ((224, 416), (416, 224)):
        made = reseaux.draw(reseaux.summarize(classifier(name)[0], (3, height, width)))
        read = Read(made)
        for block in read.blocks[1:]:
            shape = [int(n) for n in read.label(block, "forme").split("×") if n]
            slanted = next(p.get("d") for p in block.iter(f"{SVG}path") if "fill" in p.attrib)
            right, up = (float(n) for n in re.search(r"l([\d.]+) -([\d.]+)h", slanted).groups())
            if len(shape) == 3:
                assert read.face(block)[1] == pytest.approx(6 + 10 * log2(shape[1]), abs=0.01)
                assert right == pytest.approx(0.3 * (6 + 10 * log2(shape[2])), abs=0.06)
                assert up == pytest.approx(0.18 * (6 + 10 * log2(shape[2])), abs=0.06)
                faces.setdefault((height, width), []).append(shape)
    lying, standing = faces[224, 416], faces[416, 224]
    assert lying == [[channels, width, height] for channels, height, width in standing]
    assert sum(height < width for _, height, width in lying) >= 4


def test_the_rulers_are_at_the_scale_of_the_blocks(drawn):
    """Les hauteurs montent du bas de la règle, les épaisseurs vont vers la droite."""
    read = Read(drawn("vgg-d")[1])
    axes = next(p for p in read.svg.iter(f"{SVG}path") if p.get("class") == "regle").get("d")
    x, y, bottom, end = (float(n) for n in re.findall(r"[MVH ]([\d.]+)", axes)[:4])
    assert (bottom - y, end - x) == pytest.approx((86, 64), abs=0.2)
    for name, axis, tick, expected in (
        ("regle-h", "y", r" ([\d.]+)h-4", {"1": 6, "16": 46, "256": 86}),
        ("regle-c", "x", r"M([\d.]+) [\d.]+v4", {"1": 4, "64": 34, "4096": 64}),
    ):
        places = {k: bottom - n if axis == "y" else x + n for k, n in expected.items()}
        marks = [t for t in read.svg.iter(f"{SVG}text") if t.get("class") == name]
        below = 4 if axis == "y" else 0  # la ligne de base d'un nombre, sous son trait
        at = {t.text: float(t.get(axis)) - below for t in marks}
        assert at == pytest.approx(places, abs=0.2)
        assert [float(n) for n in re.findall(tick, axes)] == pytest.approx([*at.values()], abs=0.2)
    assert "Échelle logarithmique" in " ".join(read.texts("g"))


def test_the_shortcut_passes_over_the_blocks():
    read = Read(reseaux.draw(module("goulot")))
    tops = [float(read.face_of(b).get("y")) for b in read.blocks]
    shifts = [g.get("transform") for g in read.svg.iter(f"{SVG}g") if g.get("transform")]
    axis = float(re.search(r" ([\d.]+)\)", shifts[0])[1])
    heights = [
        min(axis + float(y) for y in re.findall(r"[ML Q][-\d.]+ (-?[\d.]+)", p.get("d")))
        for p in arrows(reseaux.draw(module("goulot")))
    ]
    assert sum(height < min(tops) - 15 for height in heights) == 1


@pytest.mark.parametrize(
    ("stride", "text"),
    [(None, ""), ((1, 1), ""), ((2, 2), "pas 2"), ((1, 2), "pas 1×2"), ((2, 1), "pas 2×1")],
)
def test_a_stride_is_written_if_it_is_not_one(stride, text):
    block = Block("conv", Kind.CONVOLUTION, (3, 4, 4), stride=stride)
    assert placement.stride_text(block) == text
    assert (("pas", text) in placement.label(block)) == bool(text)


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("blocks.3a", "blocks.3a"),
        ("features.conv123", "features.conv123"),  # seize caractères
        ("features.conv1234", "…conv1234"),
        ("a_very_long_name_alone", "a_very_long_name_alone"),
    ],
)
def test_a_folded_module_has_its_name_or_the_end_of_it(name, text):
    assert placement.label(Block(name, Kind.MODULE, (3, 4, 4)))[0] == ("genre", text)


@every_network
def test_no_text_is_too_small_and_none_leaves_the_drawing(name, drawn):
    _, made = drawn(name)
    sizes = [float(size) for size in re.findall(r"font(?:-size)?:(\d+)px", made.svg)]
    for read in both(made):
        width = float(read.svg.get("viewBox").split()[2])
        narrowest = float(re.search(r"min-width:(\d+)px", read.svg.get("style"))[1])
        assert min(sizes) * narrowest / width >= 11
        for text in read.svg.iter(f"{SVG}text"):
            x, wide = float(text.get("x")), placement.text_width(text.text)
            start = {"g", "titre"} & set(text.get("class").split())
            left = x if start else x - wide / 2
            assert left >= 0
            assert left + wide <= width + 1


@pytest.mark.parametrize("name", ["alexnet", "vgg-d", "googlenet", "squeezenet", "inception-v3"])
def test_a_phone_shows_the_drawing_without_scrolling(name, drawn):
    """La boîte d'une cellule a 358 pixels de large sur un écran de 390."""
    narrow = both(drawn(name)[1])[1].svg
    assert int(re.search(r"min-width:(\d+)px", narrow.get("style"))[1]) <= 358


@pytest.mark.parametrize("name", reseaux.NETWORKS)
def test_a_computer_shows_the_drawing_without_scrolling(name, drawn):
    """La boîte d'une cellule a 704 pixels de large sur un écran de 1280."""
    style = Read(drawn(name)[1]).svg.get("style")
    assert int(re.search(r"min-width:(\d+)px", style)[1]) <= 704


@pytest.mark.parametrize("name", ["resnet-50", "resnet-152", "xception", "mobilenet-v2"])
def test_a_frame_holds_the_labels_of_its_blocks(name, drawn):
    for read in both(drawn(name)[1]):
        frames, held = [r for r in read.svg.iter(f"{SVG}rect") if r.get("class") == "cadre"], 0
        for frame in frames:
            left, top, wide, tall = (float(frame.get(k)) for k in ("x", "y", "width", "height"))
            for block in read.blocks:
                face = read.face_of(block)
                inside = left < float(face.get("x")) < left + wide
                if inside and top < float(face.get("y")) < top + tall:
                    bases = [float(text.get("y")) for text in block.iter(f"{SVG}text")]
                    assert top + 20 < min(bases)
                    assert max(bases) + 4 <= top + tall
                    held += 1
        assert held >= 2


@every_network
def test_blocks_and_their_labels_do_not_overlap(name, drawn):
    for read in both(drawn(name)[1]):
        boxes = []
        for block in read.blocks:
            rect = read.face_of(block)
            x, y, w, h = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            boxes.append((x, y, x + w, y + h))
            for text in block.iter(f"{SVG}text"):
                wide, base = placement.text_width(text.text) * 0.9, float(text.get("y"))
                middle = float(text.get("x"))
                boxes.append((middle - wide / 2, base - 9, middle + wide / 2, base + 2))
        for i, a in enumerate(boxes):
            for b in boxes[:i]:
                apart = a[2] <= b[0] or b[2] <= a[0] or a[3] <= b[1] or b[3] <= a[1]
                assert apart, (a, b)


def test_a_corner_is_rounded_as_far_as_its_sides_allow():
    long, short = [(10, 10), (30, 10), (30, 40)], [(10, 10), (14, 10), (14, 40)]
    assert rounded(long) == "M10.0 10.0L24.0 10.0Q30.0 10.0 30.0 16.0L30.0 40.0"
    assert rounded(short) == "M10.0 10.0L12.0 10.0Q14.0 10.0 14.0 12.0L14.0 40.0"
    assert rounded([(0, 0), (0.8, 0), (0.8, 9)]) == "M0.0 0.0L0.8 9.0"
