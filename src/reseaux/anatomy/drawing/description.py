"""Le dessin en phrases, pour qui ne le voit pas."""

import re
from collections.abc import Sequence

from reseaux.anatomy.drawing.blocks import Block
from reseaux.anatomy.drawing.layout import Layout
from reseaux.anatomy.drawing.placement import stride_text
from reseaux.anatomy.kinds import Kind
from reseaux.formatting import NBSP, dimensions, integer

SCALE = "échelle logarithmique"


def describe(layout: Layout, params: int) -> str:
    """Décrit un dessin, groupe par groupe ; ``params`` est le total du réseau."""
    sentences = [f"Réseau dessiné de l'entrée à la sortie, à l'{SCALE}."]
    for group in layout.groups:
        words = " ; ".join(_words(layout.blocks, i, group.blocks[0]) for i in group.blocks)
        repeated = f", {group.times} fois" if group.times > 1 else ""
        if len(group.blocks) > 1:
            name = f"module {group.name}" if group.name else "blocs"
            words, repeated = f"{name}{repeated} : {words}", ""
        sentences.append(f"{words}{repeated}.")
    sentences.append(f"En tout, {integer(params)} paramètres.")
    return french(" ".join(sentence[0].upper() + sentence[1:] for sentence in sentences))


def _words(blocks: Sequence[Block], i: int, first: int) -> str:
    """Un bloc en quelques mots ; ``first`` est le premier de son groupe."""
    block, shape = blocks[i], dimensions(blocks[i].output)
    named = f"module {block.name}" if block.kind is Kind.MODULE else str(block.kind)
    paths, outside = len(block.inputs), any(j < first for j in block.inputs)
    reads = f"réunit {paths} chemins" if paths > 1 else ""
    if i > first and outside:
        reads += ", dont l'entrée du module" if reads else "lit l'entrée du module"
    elif paths == 1 and block.inputs != (i - 1,) and i > first:
        source = blocks[block.inputs[0]]
        reads = f"lit la sortie {dimensions(source.output)} de « {source.name} »"
    parts = [
        f"{named} {dimensions(block.kernel)}".strip(),
        reads,
        "avec sa normalisation" if block.normalized else "",
        *block.inside,
        stride_text(block),
        (shape if block.kind is Kind.INPUT else f"sortie {shape}") if shape else "",
        f"{integer(block.params)} paramètres" if block.params else "",
    ]
    return ", ".join(part for part in parts if part)


def french(text: str) -> str:
    """Rend insécables les espaces qui précèdent une ponctuation double."""
    return re.sub(r" (?=[:;!?»%])|(?<=«) ", NBSP, text)
