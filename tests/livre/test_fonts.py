"""Les fontes réduites gardent chaque signe montré, au même dessin."""

import io
from pathlib import Path

import pydata_sphinx_theme
from fontTools.pens.recordingPen import RecordingPen
from fontTools.ttLib import TTFont

from livre import assets, chrome, fonts

MATH = chrome.STATIC / assets.MATH_FONT
ICONS = (
    Path(pydata_sphinx_theme.__file__).parent
    / "theme/pydata_sphinx_theme/static"
    / assets.ICON_FONT
)


def drawn(path):
    """Le tracé de chaque signe d'une fonte."""
    font = TTFont(path)
    glyphs, paths = font.getGlyphSet(), {}
    for code, name in font.getBestCmap().items():
        pen = RecordingPen()
        glyphs[name].draw(pen)
        paths[code] = pen.value
    return paths


def test_the_signs_are_those_of_the_formulas():
    page = "<p>é</p><math><mi>x</mi><mo>∑</mo><msqrt><mn>2</mn></msqrt><mi>&#x3b1;</mi></math>"
    assert fonts.formula_signs(page) == {ord(sign) for sign in "x∑2α√𝑥𝛼"}
    assert fonts.formula_signs("<p>√</p><math><mi>h</mi></math>") == {ord("h"), 0x210E}


def test_the_icons_are_those_of_the_style():
    assert fonts.icon_signs(r'.a{content:"\f03a"}.b{--x:"\f0E9 ";top:"é"}.c{x:"\2014"}') == {
        0xF03A,
        0xF0E9,
    }
    assert fonts.icon_signs('.a{content:"\uf0eb"}') == {0xF0EB}


def test_a_reduced_font_draws_the_same(tmp_path):
    for source, signs in ((MATH, {ord(sign) for sign in "x∑√𝑥"}), (ICONS, {0xF03A, 0xF0EB})):
        path = tmp_path / source.name
        path.write_bytes(source.read_bytes())
        fonts.reduce_font(path, signs)
        kept, whole = drawn(path), drawn(source)
        assert kept == {code: whole[code] for code in signs}
        assert path.stat().st_size < source.stat().st_size / 4
    # Une grande somme, un long radical : les formes agrandies restent.
    table = TTFont(io.BytesIO((tmp_path / MATH.name).read_bytes()))["MATH"].table.MathVariants
    assert len(table.VertGlyphCoverage.glyphs) >= 2
