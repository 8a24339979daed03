"""Les dessins : le SVG relu par un analyseur XML et comparé au résumé d'où il vient."""

import os
import re
import subprocess
import sys
from collections import Counter
from math import log2
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torchvision import models

import reseaux
from reseaux.anatomy.drawing import layout, placement
from reseaux.anatomy.drawing import svg as drawing
from reseaux.anatomy.summary import Summary
from reseaux.anatomy.tracing import CONNECTING, MATMUL
from reseaux.errors import ReseauxError

SVG = "{http://www.w3.org/2000/svg}"
TORCHVISION = (
    "resnet152",
    "densenet121",
    "vit_b_16",
    "swin_t",
    "mobilenet_v3_large",
    "efficientnet_b7",
    "shufflenet_v2_x1_0",
    "convnext_tiny",
    "squeezenet1_0",
)
SHORT = {"conv": "convolution", "max": "max pooling", "connectée": "connectée"}


def summarize(name):
    """Résume un réseau du registre, ou de torchvision."""
    if name in reseaux.NETWORKS:
        network = reseaux.NETWORKS[name]
        net = reseaux.build(name, device="meta")
        return reseaux.summarize(net, network.input_size, title=network.title)
    with torch.device("meta"):
        return reseaux.summarize(models.get_model(name, weights=None).eval(), title=name)


class Read:
    """Ce qu'on lit dans un dessin, sans rien savoir de la façon dont il est fait."""

    def __init__(self, made, svg=None):
        self.svg = ElementTree.fromstring(svg or made.svg)
        self.blocks = [g for g in self.svg.iter(f"{SVG}g") if g.get("class") == "bloc"]

    def texts(self, name=None):
        every = self.svg.iter(f"{SVG}text")
        return [t.text for t in every if name is None or name in t.get("class").split()]

    def label(self, block, name):
        found = [t.text for t in block.iter(f"{SVG}text") if t.get("class") == name]
        return found[0] if found else ""

    def face(self, block):
        rect = next(r for r in block.iter(f"{SVG}rect") if r.get("data-face") is not None)
        return float(rect.get("width")), float(rect.get("height"))

    def times(self, block):
        """Combien de fois un bloc est répété : sur sa pile, ou dans le titre de son cadre."""
        own = self.label(block, "params fois")
        return int(own[1:] or 1) if own else self._framed(block)

    def _framed(self, block):
        x, y = (float(self.face_of(block).get(k)) for k in "xy")
        for rect in self.svg.iter(f"{SVG}rect"):
            if rect.get("class") != "cadre":
                continue
            left, top, wide, tall = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            if left < x < left + wide and top < y < top + tall:
                for text in self.svg.iter(f"{SVG}text"):
                    x, y = float(text.get("x")), float(text.get("y"))
                    inside = left < x < left + wide and top < y < top + 20
                    if inside and text.get("class") == "g params":
                        return int(text.text[1:])
        return 1

    def face_of(self, block):
        return next(r for r in block.iter(f"{SVG}rect") if r.get("data-face") is not None)


def both(made):
    """Lit le dessin d'un écran, puis celui d'un téléphone."""
    return [Read(made, svg) for svg in (made.svg, made.narrow) if svg]


def number(text):
    return int(text.replace("\u202f", "") or 0)


@pytest.fixture(scope="module")
def drawn():
    """Dessine chaque réseau une fois."""
    made = {}

    def get(name):
        if name not in made:
            summary = summarize(name)
            made[name] = (summary, reseaux.draw(summary))
        return made[name]

    return get


every_network = pytest.mark.parametrize("name", [*reseaux.NETWORKS, *TORCHVISION])


# Contre le résumé -------------------------------------------------------------------------------


@every_network
def test_the_parameters_of_the_labels_add_up(name, drawn):
    summary, made = drawn(name)
    for read in both(made):
        total = sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks)
        assert total == summary.params


@every_network
def test_every_block_says_what_a_row_says(name, drawn):
    """Forme, noyau et pas de chaque bloc se trouvent ensemble dans une ligne du résumé."""
    summary, made = drawn(name)
    read = Read(made)
    times = placement.times
    rows = {
        (row.kind, times(row.kernel), times(row.stride) if row.kernel else "", times(row.output))
        for row in summary.rows
    }
    shapes = {times(row.output) for row in summary.rows}
    known = 0
    for block in read.blocks:
        kind, _, kernel = read.label(block, "genre").partition(" ")
        shape = read.label(block, "forme")
        if kind == "entrée":
            assert shape == times(summary.input_size)
        elif kind in SHORT:
            stride = read.label(block, "pas").removeprefix("pas ") or "1"
            stride = stride if "×" in stride else f"{stride}×{stride}"
            assert (SHORT[kind], kernel, stride if kernel else "", shape) in rows
            known += 1
        elif shape:
            assert shape in shapes
    assert known >= 1


@pytest.mark.parametrize("name", ["alexnet", "vgg-d", "nin", "resnet-18", "squeezenet"])
def test_a_detailed_drawing_has_every_convolution(name, drawn):
    summary, made = drawn(name)
    read = Read(made)
    shown = Counter()
    for block in read.blocks:
        if read.label(block, "genre").startswith("conv "):
            shown[read.label(block, "forme")] += read.times(block)
    expected = Counter(
        placement.times(row.output) for row in summary.rows if row.kind == "convolution"
    )
    assert shown == expected


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


def test_the_rulers_are_at_the_scale_of_the_blocks(drawn):
    read = Read(drawn("vgg-d")[1])
    for name, axis, expected in (
        ("regle-h", "y", {"1": 6, "16": 46, "256": 86}),
        ("regle-c", "x", {"1": 4, "64": 34, "4096": 64}),
    ):
        marks = [t for t in read.svg.iter(f"{SVG}text") if t.get("class") == name]
        at = {t.text: float(t.get(axis)) for t in marks}
        assert set(at) == set(expected)
        ends = list(expected)
        between = abs(at[ends[2]] - at[ends[0]])
        assert between == pytest.approx(expected[ends[2]] - expected[ends[0]], abs=0.2)
    assert "Échelle logarithmique" in " ".join(read.texts("g"))


@every_network
def test_the_legend_names_the_kinds_present_and_no_other(name, drawn):
    _, made = drawn(name)
    read = Read(made)
    legend = read.texts("legende")
    fills = {
        rect.get("fill")
        for block in read.blocks
        for rect in block.iter(f"{SVG}rect")
        if rect.get("fill")
    }
    patterns = {f"url(#{p.get('id')})" for p in read.svg.iter(f"{SVG}pattern")}
    assert patterns == fills
    assert len(legend) == len(set(legend)) == len(fills)
    assert set(legend) <= set(drawing.STYLES)


@every_network
def test_a_block_has_the_pattern_of_its_kind(name, drawn):
    read = Read(drawn(name)[1])
    swatches = [r.get("fill") for r in read.svg.iter(f"{SVG}rect") if r.get("class") == "bloc"]
    fills = dict(zip(read.texts("legende"), swatches, strict=True))
    kinds = {"conv": "convolution", "max": "pooling", "moyenne": "pooling"}
    kinds |= {"connectée": "couche connectée", "norm.": "normalisation", "produit": MATMUL}
    kinds |= {kind: kind for kind in CONNECTING}
    seen = set()
    for block in read.blocks:
        kind = kinds.get(read.label(block, "genre").split(" ")[0])
        if kind:
            assert read.face_of(block).get("fill") == fills[kind]
            seen.add(kind)
    assert seen


def test_kinds_have_distinct_colors_and_patterns():
    styles = drawing.STYLES
    assert len({(color, path) for color, path, _ in styles.values()}) == len(styles)
    assert len({path for _, path, _ in styles.values()}) == len(styles)
    asked = ["convolution", "pooling", "couche connectée", "normalisation", "concaténation"]
    assert len({styles[kind][0] for kind in [*asked, "addition"]}) == 6


# Ce que chaque réseau a de particulier ----------------------------------------------------------


def test_resnet_folds_its_repeated_modules(drawn):
    assert "×22" in Read(drawn("resnet-101")[1]).texts("params")
    assert "×35" in Read(drawn("resnet-152")[1]).texts("params")


def module(name):
    if name == "goulot":
        block = reseaux.build("resnet-50", device="meta").stages[0][1]
        return reseaux.summarize(block, (256, 56, 56))
    if name == "projection":
        block = reseaux.build("resnet-18", device="meta").stages[1][0]
        return reseaux.summarize(block, (64, 56, 56))
    if name == "fire":
        block = reseaux.build("squeezenet", device="meta").blocks["fire2"]
        return reseaux.summarize(block, (96, 55, 55))
    block = reseaux.build("googlenet", device="meta").blocks["3a"]
    return reseaux.summarize(block, (192, 28, 28))


def arrows(made):
    read = Read(made)
    links = next(g for g in read.svg.iter(f"{SVG}g") if g.get("class") == "liens")
    return [p for p in links.iter(f"{SVG}path") if p.get("class") != "suite"]


@pytest.mark.parametrize(
    ("name", "blocks", "links"),
    [("goulot", 4, 5), ("projection", 4, 5), ("fire", 4, 5), ("inception", 8, 11)],
)
def test_a_module_shows_its_branches(name, blocks, links):
    """Un bloc par couche, et une flèche par lien du résumé."""
    made = reseaux.draw(module(name))
    assert made.blocks == blocks
    assert len(arrows(made)) == links


def test_the_description_says_where_the_paths_part_and_meet():
    said = Read(reseaux.draw(module("projection"))).svg.find(f"{SVG}desc").text
    assert "convolution 1×1, lit l'entrée du module" in said
    assert "addition, réunit 2 chemins, sortie 128×28×28" in said
    said = Read(reseaux.draw(module("goulot"))).svg.find(f"{SVG}desc").text
    assert "addition, réunit 2 chemins, dont l'entrée du module" in said


def test_a_shortcut_from_the_entry_is_drawn():
    """Le résumé ne nomme pas l'entrée du réseau : les tailles la retrouvent."""
    with torch.device("meta"):
        basic = models.resnet18(weights=None).layer1[0]
    assert len(arrows(reseaux.draw(reseaux.summarize(basic, (64, 56, 56))))) == 4


def test_a_block_wider_than_a_line_folds_its_modules():
    with torch.device("meta"):
        block = models.densenet121(weights=None).features.denseblock1
    summary = reseaux.summarize(block, (64, 56, 56))
    made = reseaux.draw(summary)
    read = Read(made)
    assert made.blocks <= 10
    assert sum(number(read.label(b, "params")) for b in read.blocks) == summary.params


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


def test_a_whole_inception_network_shows_its_modules_as_blocks(drawn):
    read = Read(drawn("googlenet")[1])
    modules = [b for b in read.blocks if read.label(b, "genre").startswith("blocks.")]
    assert len(modules) == 9
    said = {t.text for b in modules for t in b.iter(f"{SVG}text") if t.get("class") == "dedans"}
    assert said == {"6 conv, 1 pool", "4 branches"}
    assert "dessiné d'un bloc" in " ".join(read.texts("g"))
    assert len(arrows(drawn("googlenet")[1])) == len(read.blocks) - 1  # une chaîne
    ends = [re.findall(r"[ML]([-\d.]+) ", p.get("d")) for p in arrows(drawn("googlenet")[1])]
    assert all(float(xs[-1]) - float(xs[0]) < 150 for xs in ends)  # d'un bloc au suivant


def test_depth_folds_the_modules_of_a_level(drawn):
    summary, _ = drawn("googlenet")
    made = reseaux.draw(summary, depth=1)
    read = Read(made)
    assert [read.label(b, "genre") for b in read.blocks[1:]] == ["stem", "blocks", "head"]
    assert sum(number(read.label(b, "params")) for b in read.blocks) == summary.params


# Le document ------------------------------------------------------------------------------------


@every_network
def test_the_drawing_is_light_and_self_contained(name, drawn):
    _, made = drawn(name)
    for svg in (made.svg, made.narrow):
        assert len(svg.encode()) <= 60_000
        assert not re.search(r"(href|src)=|https?://(?!www\.w3\.org/2000/svg)", svg)


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
        assert Read(made).label(block, "forme") in description.text
    assert "convolution" in description.text.lower() or name == "swin_t"


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


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", drawing.COLORS)
def test_colors_are_readable(mode):
    """WCAG : 4,5 pour un texte, 3 pour un trait."""
    text, background, line, frame = drawing.COLORS[mode]
    assert min(contrast(text, background), contrast(text, frame)) >= 4.5
    assert min(contrast(line, background), contrast(line, frame)) >= 3


def test_both_modes_are_in_the_file(drawn):
    svg = drawn("alexnet")[1].svg
    light, dark = svg.split("@media(prefers-color-scheme:dark)")
    assert all(color in light for color in drawing.COLORS["clair"])
    assert all(color in dark for color in drawing.COLORS["sombre"])
    assert "var(--pst-color-text-base," in light


def test_identifiers_do_not_clash_between_drawings(drawn):
    """Deux dessins dans une page : ni identifiant commun, ni style qui déborde sur l'autre."""
    found = []
    made = [drawn(name)[1] for name in ("vgg-d", "vgg-e")]
    for svg in (svg for one in made for svg in (one.svg, one.narrow)):
        own = set(re.findall(r'id="([^"]+)"', svg))
        assert set(re.findall(r"#(dessin-[\w-]+)", svg)) <= own
        css = Read(None, svg).svg.find(f"{SVG}style").text
        rules = re.findall(r"([^{}]+)\{", css.replace("@media(prefers-color-scheme:dark){", ""))
        assert all(rule.startswith("#dessin-") for rule in rules)
        found.append(own)
    assert len(set().union(*found)) == sum(map(len, found))


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


def test_the_text_and_the_page(drawn):
    made = drawn("alexnet")[1]
    assert repr(made) == "Dessin de AlexNet : 13 blocs, échelle logarithmique"
    page = made._repr_html_()
    assert page.startswith('<div class="dessin" role="region" tabindex="0"')
    assert made.svg in page
    assert made.narrow in page
    assert 'class="large"' in made.svg
    assert 'class="etroit"' in made.narrow
    assert ".dessin .large{display:none}" in page
    module_only = reseaux.draw(module("inception"))  # déjà étroit : un seul dessin
    assert module_only.narrow == ""
    assert 'class="seul"' in module_only.svg
    assert not hasattr(made, "_repr_svg_")  # le livre en ferait une image à part


def test_names_are_escaped():
    net = nn.Sequential(nn.Conv2d(1, 2, 3))
    made = reseaux.draw(reseaux.summarize(net, (1, 8, 8), title='<a> & "b"'))
    assert Read(made).texts("titre") == ['<a> & "b"']
    assert "<a>" not in made._repr_html_()


# Ce que le lecteur peut donner ------------------------------------------------------------------


class Branches(nn.Module):
    """Des branches au hasard, jointes par une addition ou une concaténation, ou pas du tout."""

    def __init__(self, depths, join, channels):
        super().__init__()
        self.join = join
        self.branches = nn.ModuleList(
            nn.Sequential(*(nn.Conv2d(channels, channels, 3, padding=1) for _ in range(depth)))
            for depth in depths
        )
        self.last = nn.Conv2d(channels * (len(depths) if join == "concat" else 1), channels, 1)

    def forward(self, x):
        made = [branch(x) for branch in self.branches]
        if self.join == "concat":
            return self.last(torch.cat(made, dim=1))
        return self.last(sum(made, x)) if self.join == "sum" else made


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.lists(st.integers(0, 4), min_size=1, max_size=4),
            st.sampled_from(["concat", "sum"]),
        ),
        min_size=1,
        max_size=4,
    ),
    st.integers(1, 3),
    st.booleans(),
)
def test_random_networks_with_branches(stages, channels, open_end):
    parts = [Branches(depths, join, channels) for depths, join in stages]
    if open_end:
        parts.append(Branches(stages[0][0], "none", channels))
    net = nn.Sequential(*parts)
    summary = reseaux.summarize(net, (channels, 8, 8))
    made = reseaux.draw(summary)
    read = Read(made)
    assert (
        sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks) == summary.params
    )
    assert len(made.svg.encode()) <= 60_000


def up_and_down(n):
    """Deux couches qui changent de taille : ni répétition, ni suite de cartes d'une même taille."""
    return nn.Sequential(nn.Conv2d(n, n, 2, 2), nn.ConvTranspose2d(n, n + 1, 2, 2))


@pytest.mark.parametrize(
    ("net", "size"),
    [
        (nn.Linear(3, 2), (3,)),
        (nn.ReLU(), (3, 8, 8)),
        (nn.Sequential(*(nn.Linear(n + 1, n + 2) for n in range(200))), (1,)),
        (nn.Sequential(*(layer for n in range(1, 40) for layer in up_and_down(n))), (1, 8, 8)),
        (nn.TransformerEncoderLayer(32, 4, 64, batch_first=True), (10, 32)),
        (nn.Sequential(nn.Conv1d(2, 3, 5), nn.BatchNorm1d(3)), (2, 20)),
        (nn.Conv3d(1, 2, 3), (1, 5, 6, 7)),
        (nn.Sequential(nn.Embedding(10, 4), nn.Linear(4, 2)), (7,)),
    ],
)
def test_any_network_can_be_drawn(net, size):
    words = isinstance(net, nn.Sequential) and isinstance(net[0], nn.Embedding)
    summary = reseaux.summarize(net, size, dtypes=[torch.long] if words else None)
    made = reseaux.draw(summary)
    read = Read(made)
    assert made.blocks <= layout.MAX_BLOCKS
    assert (
        sum(number(read.label(b, "params")) * read.times(b) for b in read.blocks) == summary.params
    )
    assert len(made.svg.encode()) <= 60_000


def test_what_is_not_a_summary_is_refused():
    with pytest.raises(ReseauxError, match=r"draw attend un résumé et a reçu Linear.*summarize"):
        reseaux.draw(nn.Linear(1, 1))


def test_an_empty_summary_is_refused():
    with pytest.raises(ReseauxError, match="« vide » n'a aucune ligne"):
        reseaux.draw(Summary("vide", ((1,),), ()))


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, "2"])
def test_a_depth_must_be_a_positive_integer(depth, drawn):
    with pytest.raises(ReseauxError, match="entier au moins égal à 1"):
        reseaux.draw(drawn("alexnet")[0], depth=depth)


def test_a_drawing_is_saved_whole(tmp_path, drawn):
    made = drawn("alexnet")[1]
    made.save(tmp_path / "alexnet.svg")
    assert (tmp_path / "alexnet.svg").read_bytes() == made.svg.encode()
    assert [p.name for p in tmp_path.iterdir()] == ["alexnet.svg"]
    ElementTree.parse(tmp_path / "alexnet.svg")


def test_a_path_that_cannot_be_written_leaves_nothing(tmp_path, drawn):
    (tmp_path / "occupe").write_text("pas un dossier")
    before = sorted(tmp_path.rglob("*"))
    for path in (tmp_path / "occupe" / "a.svg", tmp_path):
        with pytest.raises(ReseauxError, match="Impossible d'écrire"):
            drawn("alexnet")[1].save(path)
    assert sorted(Path(tmp_path).rglob("*")) == before
