"""La bibliographie et les citations, en français.

Une citation se lit « (He et al., 2016) » ; une entrée de la bibliographie, « Kaiming He,
Xiangyu Zhang, Shaoqing Ren et Jian Sun. Titre. *Actes*, p. 770–778, 2016. doi:… ».
"""

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from pybtex.plugin import register_plugin as register_pybtex_plugin  # type: ignore[import-untyped]
from pybtex.richtext import Symbol, Tag, Text  # type: ignore[import-untyped]
from pybtex.style import template  # type: ignore[import-untyped]
from pybtex.style.formatting.unsrt import Style as UnsrtStyle  # type: ignore[import-untyped]
from pybtex.style.formatting.unsrt import dashify
from sphinx.application import Sphinx
from sphinxcontrib.bibtex.plugin import register_plugin
from sphinxcontrib.bibtex.style.referencing import BracketStyle, PersonStyle
from sphinxcontrib.bibtex.style.referencing.author_year import AuthorYearReferenceStyle

STYLE = "francais"
# Où mène le champ d'une entrée, du plus durable au moins durable.
ADDRESSES = {"doi": "https://doi.org/", "eprint": "https://arxiv.org/abs/", "url": ""}


@template.node  # type: ignore[untyped-decorator]
def paragraph(children: Any, data: Any) -> Any:
    """Assemble les phrases d'une entrée, une espace entre deux."""
    sentences = [child.format_data(data) for child in children]
    return Text(" ").join([part for part in sentences if part])


class FrenchStyle(UnsrtStyle):  # type: ignore[misc]
    """Une entrée par publication, dans l'ordre des auteurs."""

    default_sorting_style = "author_year_title"

    def format_names(self, role: str, as_sentence: bool = True) -> Any:
        """Rend « Anne Un, Bob Deux et Chloé Trois »."""
        listed = template.names(role, sep=", ", sep2=" et ", last_sep=" et ")
        return template.sentence[listed] if as_sentence else listed

    def _template(self, container: str) -> Any:
        pages = template.join["p.", Symbol("nbsp"), template.field("pages", apply_func=dashify)]
        volume = template.join[
            template.field("volume"), template.optional["(", template.field("number"), ")"]
        ]
        return paragraph[
            self.format_names("author"),
            self.format_title(None, "title"),
            template.sentence[
                template.tag("em")[template.field(container)],
                template.optional[volume],
                template.optional[pages],
                template.field("year"),
            ],
            template.optional[template.sentence[template.field("note")]],
            template.first_of[
                template.optional[self._link("doi", "doi:")],
                template.optional[self._link("eprint", "arXiv:")],
                self._link("url", ""),
            ],
        ]

    def _link(self, name: str, prefix: str) -> Any:
        target = template.field(name, raw=True)
        return template.href(template.join[ADDRESSES[name], target])[prefix, target]

    def get_article_template(self, e: Any) -> Any:
        """Un article de revue."""
        return self._template("journal")

    def get_inproceedings_template(self, e: Any) -> Any:
        """Une communication, dans les actes d'une conférence."""
        return self._template("booktitle")

    def get_misc_template(self, e: Any) -> Any:
        """Une prépublication, un rapport, un site."""
        return self._template("howpublished")


_ROUND = partial(BracketStyle, left="(", right=")", sep=" ; ", last_sep=" ; ")
_ET_AL = Text(" ", Tag("em", "et al."))
_NAMES = partial(PersonStyle, sep=", ", sep2=" et ", last_sep=" et ", other=_ET_AL)


@dataclass
class FrenchReferences(AuthorYearReferenceStyle):
    """Les citations : « (He et al., 2016) », « Tan et Le (2019) »."""

    bracket_textual: BracketStyle = field(default_factory=_ROUND)
    bracket_parenthetical: BracketStyle = field(default_factory=_ROUND)
    person: PersonStyle = field(default_factory=_NAMES)


def setup(app: Sphinx) -> None:
    """Donne à ces deux styles le nom que ``_config.yml`` emploie."""
    register_pybtex_plugin("pybtex.style.formatting", STYLE, FrenchStyle)
    register_plugin("sphinxcontrib.bibtex.style.referencing", STYLE, FrenchReferences)
