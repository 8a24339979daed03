"""Un seul aspect pour toutes les figures du cours.

Les couleurs sont celles d'Okabe et Ito, que les daltoniens distinguent ; chacune va avec une
hachure ou un marqueur, pour qu'une figure se lise aussi en gris.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated, Any

from reseaux.arguments import between, checked, fit
from reseaux.errors import ReseauxError
from reseaux.formatting import Digits, decimal

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

COLORS = BLUE, ORANGE, GREEN, PINK, SKY, RED, YELLOW, GREY = (
    "#0072B2",
    "#E69F00",
    "#009E73",
    "#CC79A7",
    "#56B4E9",
    "#D55E00",
    "#F0E442",
    "#6E6E6E",
)
# Au-delà, matplotlib n'en ferait pas une image.
Cells = Annotated[int, between(1, 1000)]
Inches = Annotated[float, between(0.1, 500)]

MARKERS = ("o", "s", "^", "D", "v", "P", "X", "*")
HATCHES = ("", "//", "..", "xx", "\\\\", "++", "oo", "--")


def apply() -> None:
    """Règle matplotlib pour tout le notebook : couleurs, tailles de texte, grille discrète."""
    import matplotlib as mpl
    from cycler import cycler

    mpl.rcParams.update(
        {
            "axes.prop_cycle": cycler(color=COLORS, marker=MARKERS),
            "axes.spines.top": False,
            "axes.spines.right": False,
            "axes.grid": True,
            "axes.axisbelow": True,
            "grid.color": "#D9D9D9",
            "grid.linewidth": 0.6,
            "figure.figsize": (7.2, 4.0),
            "figure.dpi": 110,
            "figure.constrained_layout.use": True,
            "font.size": 11,
            "axes.titlesize": 12,
            "legend.frameon": False,
            "lines.linewidth": 1.8,
            "lines.markersize": 6,
            "image.cmap": "gray",
        }
    )


@checked
@contextmanager
def panels(
    rows: Cells,
    columns: Cells,
    size: tuple[Inches, Inches],
    images: bool = False,
    **options: Any,
) -> "Iterator[tuple[Figure, NDArray[Any]]]":
    """Ouvre une grille de cadres, et la ferme à la fin du bloc : la figure se rend ensuite.

    Laissée ouverte, un notebook la montrerait deux fois : figure ouverte et valeur rendue.

    Args:
        size: largeur et hauteur, en pouces.
        images: des cadres sans axes.
        **options: celles de ``plt.subplots``.
    """
    import matplotlib.pyplot as plt

    try:
        figure, axes = plt.subplots(rows, columns, figsize=size, squeeze=False, **options)
    except (AttributeError, TypeError, ValueError) as error:
        raise ReseauxError(f"plt.subplots refuse ces options, {options} : {error}.") from error
    for ax in axes.flat if images else ():
        ax.axis("off")
    try:
        yield figure, axes
    finally:
        plt.close(figure)


@checked
def french_axis(axis: Any, digits: Digits = 0) -> None:
    """Écrit les graduations d'un axe à la française (virgule, espace fine entre les milliers).

    Args:
        axis: ``ax.xaxis`` ou ``ax.yaxis``.
        digits: nombre de chiffres après la virgule.
    """
    from matplotlib.axis import Axis

    fit("axis", axis, Axis).set_major_formatter(lambda x, _: decimal(x, digits))


@checked
def show_images(
    images: Sequence[object],
    titles: Sequence[str],
    columns: Cells = 6,
    width: Inches = 1.7,
) -> "Figure":
    """Montre des images en grille, chacune sous son titre, tel quel.

    Args:
        images: tableaux H×L (gris) ou H×L×3 (couleur), ou images PIL.
        titles: un titre par image.
        columns: nombre d'images par ligne.
        width: largeur d'une image, en pouces ; plus grande, elle laisse place à un long titre.

    Raises:
        ReseauxError: aucune image, pas un titre par image, ou autre chose qu'une image.
    """
    import numpy as np

    try:
        pictures = [np.asarray(image) for image in images]
    except (TypeError, ValueError, RuntimeError) as error:  # « meta », gradient, liste bancale
        raise ReseauxError(
            "Une image ne se lit pas comme un tableau de nombres. Donnez des images PIL ou des "
            "tableaux NumPy ; un tenseur : image.detach().cpu()."
        ) from error
    if len(pictures) != len(titles) or not pictures:
        raise ReseauxError(
            f"{len(pictures)} images, {len(titles)} titres ; donnez un titre par image, et au "
            "moins une image."
        )
    for number, picture in enumerate(pictures, start=1):
        grey_or_color = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] in (3, 4))
        if not grey_or_color or not picture.size or picture.dtype.kind not in "buif":
            raise ReseauxError(
                f"L'image {number} est de forme {picture.shape} et de type {picture.dtype} ; il "
                "faut des nombres, H×L (gris) ou H×L×3 (couleur)."
            )
    rows = -(-len(pictures) // columns)
    height = width * pictures[0].shape[0] / pictures[0].shape[1] + 0.25  # le titre
    with panels(rows, columns, (width * columns, height * rows), images=True) as (figure, axes):
        # La dernière ligne de la grille peut avoir des places vides.
        for ax, picture, title in zip(axes.flat, pictures, titles, strict=False):
            ax.imshow(picture)
            ax.set_title(title, fontsize=10, parse_math=False)  # « $ » n'ouvre pas une formule
    return figure
