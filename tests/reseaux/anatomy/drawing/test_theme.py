"""Les couleurs, les hachures et la légende."""

import re

import pytest

from drawings import SVG, Read, every_network
from reseaux.anatomy.drawing import theme
from reseaux.anatomy.kinds import JOINING, Family


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
    assert set(legend) <= {family.french for family in Family}


@every_network
def test_a_block_has_the_pattern_of_its_kind(name, drawn):
    read = Read(drawn(name)[1])
    swatches = [r.get("fill") for r in read.svg.iter(f"{SVG}rect") if r.get("class") == "bloc"]
    fills = dict(zip(read.texts("legende"), swatches, strict=True))
    kinds = {"conv": "convolution", "max": "pooling", "moyenne": "pooling"}
    kinds |= {"connectée": "couche connectée", "norm.": "normalisation"}
    kinds |= {"produit": "produit de matrices"} | {str(kind): str(kind) for kind in JOINING}
    seen = set()
    for block in read.blocks:
        kind = kinds.get(read.label(block, "genre").split(" ")[0])
        if kind:
            assert read.face_of(block).get("fill") == fills[kind]
            seen.add(kind)
    assert seen


def luminance(color):
    parts = [int(color[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("mode", theme.COLORS)
def test_colors_are_readable(mode):
    """WCAG : 4,5 pour un texte, 3 pour un trait."""
    text, background, line, frame = theme.COLORS[mode]
    assert min(contrast(text, background), contrast(text, frame)) >= 4.5
    assert min(contrast(line, background), contrast(line, frame)) >= 3


def test_in_the_book_each_color_is_the_one_of_the_theme():
    names = {"texte": "text-base", "fond": "background", "trait": "text-muted", "cadre": "surface"}
    found = re.findall(r"--(\w+):var\(--pst-color-([\w-]+),(#\w{6})\)", theme.css("d"))
    own = [*theme.COLORS["clair"], *theme.COLORS["sombre"]]
    assert found == [(*pair, color) for pair, color in zip([*names.items()] * 2, own, strict=True)]


def brightness(css):
    return sum(int(part, 16) for part in re.search("#(..)(..)(..)", css).groups())


def test_a_face_in_the_light_is_lighter_than_one_in_the_shade():
    shade, own, light = (brightness(theme.flat(Family.CONVOLUTION, x)) for x in (-0.2, 0, 0.2))
    assert shade < own < light


def test_the_top_is_in_the_light_and_the_side_in_the_shade(drawn):
    read = Read(drawn("alexnet")[1])
    own = brightness(theme.flat(Family.CONVOLUTION, 0))
    blocks = [b for b in read.blocks if read.label(b, "genre").startswith("conv")]
    assert blocks
    for block in blocks:
        top, side = (
            brightness(path.get("fill"))
            for path in block.iter(f"{SVG}path")
            if path.get("class") != "feuille"
        )
        assert side < own < top


def test_both_modes_are_in_the_file(drawn):
    svg = drawn("alexnet")[1].svg
    light, dark = svg.split("@media(prefers-color-scheme:dark)")
    assert all(color in light for color in theme.COLORS["clair"])
    assert all(color in dark for color in theme.COLORS["sombre"])
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
