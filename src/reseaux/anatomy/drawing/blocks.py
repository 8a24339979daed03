"""Des lignes d'un résumé aux blocs d'un dessin, sans perdre un paramètre.

Une ligne qui ne change que les valeurs (ReLU, dropout, mise à plat) n'est pas un bloc, et la
normalisation qui suit une convolution s'ajoute au bloc de celle-ci.
"""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from reseaux.anatomy.kinds import JOINING, AnyKind, Family, Kind
from reseaux.anatomy.summary import Summary
from reseaux.anatomy.tracing import Row
from reseaux.anatomy.trails import ENTRY


@dataclass(frozen=True)
class Block:
    """Un bloc du dessin : une couche, ou un module replié."""

    name: str
    kind: AnyKind
    output: tuple[int, ...]  # sans la dimension du lot
    params: int = 0  # ceux de la normalisation fusionnée compris
    inputs: tuple[int, ...] = ()  # les numéros des blocs qui entrent ici
    kernel: tuple[int, int] | None = None
    stride: tuple[int, int] | None = None
    normalized: bool = False  # une normalisation suit la convolution, dans le même bloc
    last: bool = False  # les canaux sont la dernière dimension (attention, couches connectées)
    inside: tuple[str, ...] = ()  # ce que contient un module replié

    @property
    def family(self) -> Family:
        """Sa famille dans la légende : une couleur et une hachure."""
        return self.kind.family or Family.OTHER

    @property
    def size(self) -> tuple[int, int, int]:
        """Canaux, hauteur, largeur ; 1 pour ce qui manque (les positions d'un texte : hauteur)."""
        places = self.output[:-1] if self.kind is not Kind.MATMUL else self.output[-2::-1]
        sizes = self.output[-1:] + places if self.last else self.output
        c, h, w = (*sizes, 1, 1, 1)[:3]
        return c, h, w


def blocks_of(summary: Summary) -> list[Block]:
    """Un bloc par ligne qui compte, l'entrée en tête."""
    blocks = [Block(str(Kind.INPUT), Kind.INPUT, summary.input_size)]
    sources: dict[int, tuple[int, ...]] = {
        ENTRY: (0,)
    }  # pour chaque ligne, les blocs d'où vient sa sortie
    used = Counter(i for row in summary.rows for i in row.inputs)
    owner: dict[int, int] = {}  # ligne de convolution -> son bloc
    uncalled: list[Row] = []
    for i, row in enumerate(summary.rows):
        before = tuple(dict.fromkeys(b for j in row.inputs for b in sources[j])) or (0,)
        if not row.output and not row.inputs:
            uncalled.append(row)
        elif _is_passive(row, [blocks[b].output for b in before]):
            pass
        elif _completes(row, summary.rows, used) and row.inputs[0] in owner:
            before = (owner[row.inputs[0]],)
            block = blocks[before[0]]
            blocks[before[0]] = replace(block, params=block.params + row.params, normalized=True)
        else:
            shown = (row.name, row.kind, row.output, row.params, before, row.kernel, row.stride)
            blocks.append(Block(*shown, last=row.channels_last))
            before = (len(blocks) - 1,)
            if row.kind.family is Family.CONVOLUTION:
                owner[i] = before[0]
        sources[i] = before
    return _attach(blocks, uncalled)


def _is_passive(row: Row, inputs: Sequence[tuple[int, ...]]) -> bool:
    """Dit si une ligne ne fait que changer les valeurs : elle n'est pas dessinée."""
    if row.params or row.macs or row.kernel or row.kind in JOINING:
        return False
    same = any(math.prod(row.output) == math.prod(shape) for shape in inputs)
    return row.kind.family is None or (row.kind.family is Family.OTHER and same)


def _completes(row: Row, rows: Sequence[Row], used: Counter[int]) -> bool:
    """Dit si une normalisation est la seule à lire la convolution qui la précède."""
    return (
        row.kind.family is Family.NORMALIZATION
        and len(row.inputs) == 1
        and used[row.inputs[0]] == 1
        and row.output == rows[row.inputs[0]].output
    )


def _attach(blocks: list[Block], uncalled: Sequence[Row]) -> list[Block]:
    """Donne les paramètres qu'aucune couche appelée ne porte à l'opération du même module.

    Les poids d'une attention vont ainsi à ses produits de matrices. Le reste (un classifieur
    auxiliaire, inutile en évaluation) va dans un dernier bloc, « autres paramètres ».
    """
    left = 0
    for row in uncalled:
        parent = row.name.rpartition(".")[0]
        own = [i for i, block in enumerate(blocks) if i and block.name == row.name]
        near = [i for i, block in enumerate(blocks) if i and parent and block.name == parent]
        if own or near:
            i = own[0] if own else near[-1]
            blocks[i] = replace(blocks[i], params=blocks[i].params + row.params)
        else:
            left += row.params
    unused = Block(str(Kind.UNUSED), Kind.UNUSED, (), left)
    return [*blocks, unused] if left else blocks
