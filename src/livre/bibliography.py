"""La bibliographie et les citations, en français.

Une citation se lit « (He et al., 2016) » ; une entrée de la bibliographie, « K. He, X. Zhang,
S. Ren et J. Sun. Titre. *Actes*, p. 770–778, 2016. doi:… ».
"""

from dataclasses import dataclass, field
from typing import Any

from pybtex.plugin import register_plugin as register_pybtex_plugin
from pybtex.richtext import Symbol, Tag, Text
from pybtex.style.formatting.unsrt import Style as UnsrtStyle
from pybtex.style.formatting.unsrt import dashify
from pybtex.style.template import (
    field as entry_field,
)
from pybtex.style.template import (
    first_of,
    href,
    join,
    names,
    optional,
    sentence,
    tag,
)
from pybtex.style.template import (
    node as template_node,
)
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

STYLE = "francais"


@template_node
def paragraph(children: Any, data: Any) -> Any:
    """Assemble les phrases d'une entrée, une espace entre deux."""
    return Text(" ").join([part for part in (child.format_data(data) for child in children) if part])


class FrenchStyle(UnsrtStyle):  # type: ignore[misc]
    """Une entrée par publication, dans l'ordre des auteurs."""

    default_sorting_style = "author_year_title"

    def format_names(self, role: str, as_sentence: bool = True) -> Any:
        """Rend « A. Un, B. Deux et C. Trois »."""
        listed = names(role, sep=", ", sep2=" et ", last_sep=" et ")
        return sentence[listed] if as_sentence else listed

    def _template(self, *containers: str) -> Any:
        pages = join["p.", Symbol("nbsp"), entry_field("pages", apply_func=dashify)]
        volume = join[entry_field("volume"), optional["(", entry_field("number"), ")"]]
        where = [optional[tag("em")[entry_field(name)]] for name in containers]
        return paragraph[
            self.format_names("author"),
            self.format_title(None, "title"),
            sentence(capfirst=False)[
                first_of[*where, ""], optional[volume], optional[pages], entry_field("year")
            ],
            optional[sentence(capfirst=False)[entry_field("note")]],
            first_of[
                optional[self._link("doi", "https://doi.org/", "doi:")],
                optional[self._link("eprint", "https://arxiv.org/abs/", "arXiv:")],
                optional[self._link("url", "", "")],
                "",
            ],
        ]

    def _link(self, name: str, address: str, prefix: str) -> Any:
        target = entry_field(name, raw=True)
        return href[join[address, target], join[prefix, target]]

    def get_article_template(self, e: Any) -> Any:
        """Un article de revue."""
        return self._template("journal")

    def get_inproceedings_template(self, e: Any) -> Any:
        """Une communication, dans les actes d'une conférence."""
        return self._template("booktitle")

    def get_misc_template(self, e: Any) -> Any:
        """Une prépublication, un rapport, un site."""
        return self._template("howpublished", "publisher", "institution", "school")

    get_book_template = get_misc_template
    get_techreport_template = get_misc_template
    get_phdthesis_template = get_misc_template


def _round_brackets() -> BracketStyle:
    return BracketStyle(left="(", right=")", sep=" ; ", last_sep=" ; ")


def _french_names() -> PersonStyle:
    return PersonStyle(sep=", ", sep2=" et ", last_sep=" et ", other=Text(" ", Tag("em", "et al.")))


@dataclass
class FrenchReferences(AuthorYearReferenceStyle):
    """Les citations : « (He et al., 2016) », « Tan et Le (2019) »."""

    bracket_textual: BracketStyle = field(default_factory=_round_brackets)
    bracket_parenthetical: BracketStyle = field(default_factory=_round_brackets)
    person: PersonStyle = field(default_factory=_french_names)


def setup(app: Sphinx) -> None:
    """Donne à ces deux styles le nom que ``_config.yml`` emploie."""
    register_pybtex_plugin("pybtex.style.formatting", STYLE, FrenchStyle)
    register_plugin("sphinxcontrib.bibtex.style.referencing", STYLE, FrenchReferences)
