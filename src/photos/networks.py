"""Les sous-commandes qui lisent un réseau : son résumé, son dessin, la liste des noms."""

from pathlib import Path

from photos.console import FORMATS, output, say
from reseaux.anatomy.drawing.svg import draw
from reseaux.anatomy.summary import Summary, summarize
from reseaux.architectures import NETWORKS, network_module
from reseaux.tables import Table


def show_summary(name: str, form: str) -> None:
    """Écrit le tableau des couches d'un réseau.

    Args:
        name: son nom dans le cours, dans torchvision ou dans timm.
        form: « texte », « csv » ou « json ».

    Raises:
        ReseauxError: nom inconnu.
    """
    table = _summarize(name).table()
    if form in FORMATS:
        output(FORMATS[form](table.columns, table.rows))
    else:
        say(repr(table))


def save_drawing(name: str, path: Path) -> None:
    """Dessine un réseau dans un fichier SVG.

    Raises:
        ReseauxError: nom inconnu, fichier impossible à écrire.
    """
    drawing = draw(_summarize(name))
    drawing.save(path)
    say(f"{drawing!r}\nÉcrit dans « {path} ».")


def show_names() -> None:
    """Écrit les noms de réseaux, avec la bibliothèque de chacun."""
    import timm
    from torchvision import models

    known = {
        "cours": list(NETWORKS),
        "torchvision": models.list_models(module=models),
        "timm": timm.list_models(),
    }
    rows = [(name, home) for home, names in known.items() for name in names]
    say(repr(Table("Les réseaux que comprennent « resume » et « dessine »", ("nom", "d'où"), rows)))


def _summarize(name: str) -> Summary:
    module, input_size, title = network_module(name)
    return summarize(module, input_size, title)
