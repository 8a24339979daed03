"""La page qui réunit tout le livre ; tests/navigateur l'imprime."""

import re
from pathlib import Path

import pytest

from livre import pdf

PARTS = [pdf.Part("", ["accueil"]), pdf.Part("La <partie>", ["a/un", "a/deux", "a/trois", "a/bib"])]
PAGES = {page for part in PARTS for page in part.pages}


@pytest.fixture(scope="module")
def whole(application) -> str:
    return pdf.whole(Path(application.outdir), PARTS, "Un & deux", {"a/un": 7})


def test_the_contents_of_the_book_are_read(tmp_path):
    (tmp_path / "_toc.yml").write_text(
        "root: x\nparts:\n  - caption: P\n    chapters:\n      - file: a/b\n      - file: a/c\n"
    )
    parts = pdf.read_contents(tmp_path / "_toc.yml")
    assert parts == [pdf.Part("", ["x"]), pdf.Part("P", ["a/b", "a/c"])]


def test_no_name_is_used_twice_and_every_link_leads_somewhere(whole):
    names = re.findall(r'\sid="([^"]+)"', whole)
    assert len(names) == len(set(names))
    inside = re.findall(r'\shref="#([^"]+)"', whole)
    assert len(inside) > 10
    assert set(inside) <= set(names)
    assert not re.findall(r'\shref="[^"#:]*\.html', whole)


def test_titles_go_down_a_level_and_folds_are_open(whole):
    assert re.findall(r"<h1[^>]*>([^<]+)", whole) == ["La &lt;partie&gt;"]
    assert len(re.findall(r"<article ", whole)) == len(PAGES)
    assert not re.findall(r"<details(?![^>]*\bopen\b)", whole)
    assert 'loading="lazy"' not in whole


def test_the_contents_carry_the_numbers(whole):
    assert '<a href="#a-un"><span>Page un</span><span>7</span></a>' in whole
    assert '<a href="#a-deux"><span>Page deux</span><span></span></a>' in whole
    assert "Un &amp; deux" in whole


def test_names_inside_a_drawing_follow():
    article = (
        '<article><svg id="d"><style>#d .b{fill:#abc}</style><defs><pattern id="p"/></defs>'
        '<path fill="url(#p)" aria-labelledby="d p"/></svg><a href="deux.html#x">'
        '<a href="../autre.html"><img src="../_images/i.webp"></a></a></article>'
    )
    found = pdf.joined("a/un", article, {"a/un", "a/deux"})
    assert '<svg id="a-un--d"><style>#a-un--d .b{fill:#abc}' in found
    assert 'fill="url(#a-un--p)" aria-labelledby="a-un--d a-un--p"' in found
    assert 'href="#a-deux--x"' in found
    assert 'href="autre.html"' in found
    assert 'src="_images/i.webp"' in found


def test_a_photograph_is_printed_as_jpeg_and_a_plot_is_not(application):
    site = Path(application.outdir)
    (name,) = {file.stem for file in (site / "_images").glob("*.webp")}
    page = f'<img src="_images/{name}.webp"><img src="_images/{name}.webp" data-trace="">'
    found = pdf.as_jpeg(site, page)
    jpeg = site / pdf.PICTURES / f"{name}.jpg"
    assert jpeg.read_bytes()[:2] == b"\xff\xd8"
    assert found == (
        f'<img src="{pdf.PICTURES}/{name}.jpg"><img src="_images/{name}.webp" data-trace="">'
    )
    jpeg.unlink()


def test_the_link_shows_once_the_file_is_there(tmp_path):
    page = tmp_path / "a" / "un.html"
    page.parent.mkdir()
    page.write_text('<span class="livre-pdf" hidden>Le livre</span><p hidden>autre</p>')
    pdf.show_link(tmp_path)
    assert page.read_text() == '<span class="livre-pdf">Le livre</span><p hidden>autre</p>'


def test_a_missing_browser_says_what_to_do(monkeypatch):
    monkeypatch.delenv("CHROMIUM", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SystemExit, match="CHROMIUM"):
        pdf.find_chromium()
