"""Le dessin d'un réseau, à l'échelle, tiré de son résumé : il ne peut pas le contredire.

>>> import reseaux
>>> reseaux.draw(reseaux.summarize(reseaux.build("vgg-d"), title="VGG-16"))
Dessin de VGG-16 : 17 blocs, échelle logarithmique

Le dessin se lit comme un texte, de gauche à droite et de haut en bas. Un bloc a pour hauteur la
taille des cartes qui en sortent, et pour épaisseur leur nombre ; son genre se lit à sa couleur et à
sa hachure. C'est du SVG écrit ici, avec du vrai texte, qui suit les couleurs du thème.
"""

from dataclasses import dataclass
from html import escape
from pathlib import Path

from reseaux.anatomy.drawing.canvas import NARROW, Canvas
from reseaux.anatomy.drawing.description import SCALE
from reseaux.anatomy.drawing.layout import arrange
from reseaux.anatomy.drawing.placement import WIDTH
from reseaux.anatomy.summary import Summary
from reseaux.arguments import Count, checked
from reseaux.errors import ReseauxError, os_reason

PHONE = 600  # pixels CSS : en dessous, une page montre le dessin étroit


@dataclass(frozen=True)
class Drawing:
    """Le dessin d'un réseau.

    Attributes:
        title: le nom du réseau.
        blocks: le nombre de blocs dessinés, l'entrée à part.
        svg: le dessin, qui se suffit à lui-même.
        narrow: le même, en lignes plus courtes : une page le montre sur un téléphone. Vide si le
            premier est déjà étroit.
    """

    title: str
    blocks: int
    svg: str
    narrow: str

    def _repr_html_(self) -> str:
        """Met le SVG dans la page, où les couleurs du thème l'atteignent.

        En ``image/svg+xml``, le livre en ferait un fichier à part.
        """
        return (
            f'<div class="dessin" role="region" tabindex="0" style="overflow-x:auto" '
            f'aria-label="{escape(f"Dessin de {self.title}")}">\n'
            f"<style>.dessin .etroit{{display:none}}@media(max-width:{PHONE}px){{"
            ".dessin .etroit{display:block}.dessin .large{display:none}}</style>\n"
            f"{self.svg}{self.narrow}</div>"
        )

    def __repr__(self) -> str:
        """Dit en une ligne ce qui est dessiné."""
        plural = "s" if self.blocks > 1 else ""
        return f"Dessin de {self.title} : {self.blocks} bloc{plural}, {SCALE}"

    @checked
    def save(self, path: str | Path) -> None:
        """Écrit le SVG dans un fichier, entier ou pas du tout.

        Raises:
            ReseauxError: le fichier ne peut pas être écrit.
        """
        from reseaux.atomic import atomic_write

        try:
            with atomic_write(path) as stream:
                stream.write(self.svg.encode())
        except OSError as error:
            raise ReseauxError(
                f"Impossible d'écrire « {path} » : {os_reason(error)}. Donnez un nom de "
                "fichier, comme « vgg.svg », dans un dossier où vous pouvez écrire."
            ) from error


@checked
def draw(summary: Summary, depth: Count | None = None) -> Drawing:
    """Dessine un réseau d'après son résumé.

    Args:
        summary: ce que rend ``reseaux.summarize``, pour un réseau entier ou un seul module.
        depth: replier chaque module dont le nom a ``depth`` parties (« blocks.3a » en a deux) ; par
            défaut, le dessin le plus détaillé qui reste lisible.

    Returns:
        Le :class:`Drawing`, qu'un notebook affiche.

    Raises:
        ReseauxError: ce n'est pas un résumé, il est vide, ou ``depth`` n'est pas un entier positif.
    """
    if not summary.rows:
        raise ReseauxError(
            f"Le résumé de « {summary.title} » n'a aucune ligne : il n'y a rien à dessiner. Donnez "
            "un réseau qui a au moins une couche."
        )
    layout = arrange(summary, depth)
    wide, narrow = (Canvas(summary, layout, width).svg() for width in (WIDTH, NARROW))
    return Drawing(summary.title, layout.drawn, wide, narrow if ' class="large"' in wide else "")
