"""Ce que le lecteur appelle et reçoit : la page, le fichier, les refus."""

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest
from torch import nn

import reseaux
from drawings import module
from reseaux.anatomy.summary import Summary
from reseaux.errors import ReseauxError


def test_the_text_and_the_page(drawn):
    made = drawn("alexnet")[1]
    assert repr(made) == "Dessin de AlexNet : 13 blocs, échelle logarithmique"
    assert [repr(replace(made, blocks=n)).split()[5] for n in (1, 2)] == ["bloc,", "blocs,"]
    page = made._repr_html_()
    assert page.startswith('<div class="dessin" role="region" tabindex="0"')
    assert made.svg in page
    assert made.narrow in page
    assert 'class="large"' in made.svg
    assert 'class="etroit"' in made.narrow
    # Le large partout, sauf sur un écran plus étroit que 600 pixels.
    assert (
        "<style>.dessin .etroit{display:none}@media(max-width:600px)"
        "{.dessin .etroit{display:block}.dessin .large{display:none}}</style>"
    ) in page
    module_only = reseaux.draw(module("inception"))  # déjà étroit : un seul dessin
    assert module_only.narrow == ""
    assert 'class="seul"' in module_only.svg
    assert not hasattr(made, "_repr_svg_")  # le livre en ferait une image à part


@pytest.mark.parametrize(("layers", "counted"), [(1, "1 bloc,"), (2, "2 blocs,"), (3, "3 blocs,")])
def test_the_text_counts_the_blocks(layers, counted):
    net = nn.Sequential(*(nn.Linear(n + 1, n + 2) for n in range(layers)))
    assert counted in repr(reseaux.draw(reseaux.summarize(net, (1,))))


def test_a_title_cannot_close_the_attribute_that_holds_it():
    title = '"><b>'
    made = reseaux.draw(reseaux.summarize(nn.Conv2d(3, 4, 3), (3, 8, 8), title))
    assert 'aria-label="Dessin de &quot;&gt;&lt;b&gt;">' in made._repr_html_()
    assert title not in made._repr_html_()


def test_what_is_not_a_summary_is_refused():
    with pytest.raises(ReseauxError, match=r"« summary » vaut Linear.*« Summary »"):
        reseaux.draw(nn.Linear(1, 1))


def test_an_empty_summary_is_refused():
    with pytest.raises(ReseauxError, match=r"« vide » n'a aucune ligne"):
        reseaux.draw(Summary("vide", ((1,),), ()))


@pytest.mark.parametrize("depth", [0, -1, 1.5, True, "2"])
def test_a_depth_must_be_a_positive_integer(depth, drawn):
    with pytest.raises(ReseauxError, match=r"« depth » vaut .* un entier, au moins 1"):
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
