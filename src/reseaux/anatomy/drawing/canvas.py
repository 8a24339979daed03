"""Écrit un dessin en SVG, de haut en bas : le titre, les lignes de blocs, la légende."""

import math
from collections.abc import Sequence
from hashlib import sha256
from html import escape
from itertools import chain

from reseaux.anatomy.drawing.description import describe, french
from reseaux.anatomy.drawing.layout import Layout
from reseaux.anatomy.drawing.placement import (
    CARD,
    FONT,
    HEAD,
    LINE,
    MARGIN,
    STRIP,
    WIDTH,
    PlacedBlock,
    PlacedGroup,
    break_lines,
    height,
    place_group,
    rounded,
    text_width,
    thickness,
    wrap,
)
from reseaux.anatomy.drawing.theme import COLORS, css, definitions, flat, hatched
from reseaux.anatomy.kinds import Family
from reseaux.anatomy.summary import Summary
from reseaux.formatting import dimensions, integer

SMALLEST = 11  # pixels CSS : en dessous, le dessin défile au lieu de rétrécir
NARROW = 372  # d'une ligne sur un téléphone, où un pixel CSS vaut un peu plus d'une unité
BETWEEN = 26  # entre deux lignes de blocs, la place du lien de l'une à l'autre
INDENT = 6  # où commence une ligne de blocs, flèche d'entrée comprise
INSET = 6  # entre le début d'un groupe et son cadre
NOTICE = (
    "Hauteur d'un bloc : taille de ses cartes. Épaisseur : nombre de canaux. Échelle "
    "logarithmique : un doublement ajoute toujours la même longueur. Sous un bloc : le noyau, le "
    "pas s'il n'est pas de 1, la sortie (canaux × hauteur × largeur) et, en gras, les paramètres. "
    "Les activations et le dropout ne sont pas dessinés."
)


def _length(line: Sequence[PlacedGroup]) -> float:
    return sum(item.width for item in line)


class Canvas:
    """Écrit le SVG, de haut en bas."""

    def __init__(self, summary: Summary, layout: Layout, width: int) -> None:
        self.summary, self.layout, self.width = summary, layout, width
        drawn = [layout.blocks[i] for group in layout.groups for i in group.blocks]
        strips = {Family.NORMALIZATION for block in drawn if block.normalized}
        present = {block.family for block in drawn} | strips
        self.families = [family for family in Family if family in present and family.color]
        content = repr((width, summary.title, summary.input_sizes, layout))
        self.id = "dessin-" + sha256(content.encode()).hexdigest()[:10]
        self.frames: list[str] = []
        self.links: list[str] = []
        self.blocks: list[str] = []
        self.texts: list[str] = []

    def svg(self) -> str:
        """Rend le SVG entier."""
        room = self.width - INDENT - MARGIN
        groups = (place_group(group, self.layout.blocks, room) for group in self.layout.groups)
        lines = break_lines(chain.from_iterable(groups), _length, room)
        width = math.ceil(max(max(map(_length, lines)) + INDENT + MARGIN, NARROW))
        column = min(width, self.width)  # du texte, plus étroit qu'un dessin très large
        bottom = self._lines(lines, self._head(column), width)
        tall = math.ceil(self._legend(bottom, column))
        name = "etroit" if self.width < WIDTH else "large" if width > NARROW else "seul"
        links = f'<g class="liens">{"".join(self.links)}</g>'
        body = "\n".join((*self.frames, links, *self.blocks, *self.texts))
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" id="{self.id}" class="{name}" '
            f'viewBox="0 0 {width} {tall}" width="{width}" height="{tall}" role="img" '
            f'aria-labelledby="{self.id}-t {self.id}-d" fill="{COLORS["clair"][0]}" '
            f'style="width:100%;height:auto;max-width:{width}px;'
            f'min-width:{math.ceil(width * SMALLEST / FONT)}px">\n'
            f'<title id="{self.id}-t">{escape(f"Dessin de {self.summary.title}")}</title>\n'
            f'<desc id="{self.id}-d">{escape(describe(self.layout, self.summary.params))}</desc>\n'
            f"<style>{css(self.id)}</style>\n"
            f"<defs>{definitions(self.id, self.families)}</defs>\n"
            f'<rect class="fond" width="100%" height="100%" rx="6" fill="#fff"/>\n{body}\n</svg>\n'
        )

    def _text(self, x: float, y: float, text: str, name: str) -> None:
        words = escape(french(text), False)
        self.texts.append(f'<text class="{name}" x="{x:.1f}" y="{y:.1f}">{words}</text>')

    def _head(self, width: float) -> float:
        """Le titre, l'entrée, le total, et ce qui a été replié."""
        y = 10.0
        for line in wrap(self.summary.title, (width - 2 * MARGIN) * 0.7):
            y += 20
            self._text(MARGIN, y, line, "titre")
        sizes = " et ".join(dimensions(size) for size in self.summary.input_sizes)
        facts = f"Entrée {sizes} ; {integer(self.summary.params)} paramètres. {self.layout.note}"
        for line in wrap(french(facts.strip()), width - 2 * MARGIN):
            y += 17
            self._text(MARGIN, y, line, "g")
        return y + 14

    # Les blocs --------------------------------------------------------------------------------

    def _lines(self, lines: Sequence[Sequence[PlacedGroup]], y: float, width: float) -> float:
        """Dessine les lignes de blocs, et le lien de la fin de l'une au début de la suivante."""
        start, axis = float(MARGIN), 0.0
        for n, line in enumerate(lines):
            bottom, before = y, axis
            axis = y + max(item.up for item in line) + (BETWEEN if n else 0)
            if n and line[0].units[0].edges:
                middle = bottom + BETWEEN / 2 - 2
                turn = [(start, before), (width - 8, before), (width - 8, middle), (8, middle)]
                path = rounded([*turn, (8, axis), (14, axis)])
                self.links.append(f'<path class="suite" d="{path}"/>')
            x, start = float(INDENT), start if n == 0 else 14.0
            for item in line:
                if item.framed:
                    self._frame(item, x, axis)
                start = self._item(item, x + item.pad, axis, start)
                x += item.width
            y = axis + max(item.down for item in line)
        return y

    def _item(self, item: PlacedGroup, x: float, axis: float, start: float) -> float:
        """Dessine un groupe ; rend l'abscisse d'où partira la flèche suivante."""
        for unit in item.units:
            paths = "".join(f'<path d="{path}"/>' for path in unit.routes(start - x))
            if paths:
                self.links.append(f'<g transform="translate({x:.1f} {axis:.1f})">{paths}</g>')
            for placed in unit.placed.values():
                self._block(placed, x + placed.x, axis + placed.y)
            start = x + unit.exit.x
            x += unit.width
        return start

    def _frame(self, item: PlacedGroup, x: float, axis: float) -> None:
        top, tall = axis - item.up, item.up + item.down
        self.frames.append(
            f'<rect class="cadre" x="{x + INSET:.1f}" y="{top:.1f}" rx="6" '
            f'width="{item.width - INSET:.1f}" height="{tall:.1f}"/>'
        )
        repeated = f"×{item.times}" if item.times > 1 else ""
        left, base = x + INSET + 8, top + HEAD - 4
        if repeated:
            self._text(left, base, repeated, "g params")
            left += text_width(repeated) + 10
        self._text(left, base, item.name, "g nom")

    def _block(self, placed: PlacedBlock, x: float, y: float) -> None:
        """Un pavé : la face avant hachurée, le dessus et le côté unis, les textes dessous."""
        h, f, dx, dy = placed.h, placed.face, placed.dx, placed.dy
        left, top, family = x - f / 2, y - h / 2, placed.block.family
        corner = f"M{left:.1f} {top:.1f}"
        slant = f"l{dx:.1f} {-dy:.1f}"
        back = f"l{-dx:.1f} {dy:.1f}"
        parts = [f"<title>{escape(f'{placed.block.name} : {placed.block.kind}', False)}</title>"]
        for k in range(placed.cards, 0, -CARD):
            parts.append(
                f'<path class="feuille" d="M{left + k:.1f} {top - k:.1f}{slant}h{f:.1f}v{h:.1f}'
                f'{back}h{-f:.1f}z"/>'
            )
        parts += [
            f'<path {flat(family, 0.6)} d="{corner}{slant}h{f:.1f}{back}z"/>',
            f'<path {flat(family, -0.3)} d="M{left + f:.1f} {top:.1f}{slant}v{h:.1f}{back}z"/>',
            f'<rect {hatched(self.id, family)} data-face="" x="{left:.1f}" y="{top:.1f}" '
            f'width="{placed.t:.2f}" height="{h:.2f}"/>',
        ]
        if placed.block.normalized:
            parts.append(
                f'<rect {hatched(self.id, Family.NORMALIZATION)} x="{left + placed.t:.1f}" '
                f'y="{top:.1f}" width="{STRIP}" height="{h:.2f}"/>'
            )
        center = x + placed.center - placed.x
        lines = [
            (css, text, y + h / 2 + 2 + LINE * (n + 0.8))
            for n, (css, text) in enumerate(placed.lines)
        ]
        if placed.repeated > 1:
            lines.append(("params fois", f"×{placed.repeated}", top - dy - placed.cards - 5))
        parts += [
            f'<text class="{css}" x="{center:.1f}" y="{base:.1f}">{escape(text, False)}</text>'
            for css, text, base in lines
        ]
        self.blocks.append(f'<g class="bloc">{"".join(parts)}</g>')

    # La légende -------------------------------------------------------------------------------

    def _legend(self, y: float, width: float) -> float:
        """Les genres présents, les deux règles, et comment lire ; rend le bas du dessin."""
        x, y = float(MARGIN), y + 22
        for family in self.families:
            room = 26 + text_width(family.french) + 18
            if x + room > width and x > MARGIN:
                x, y = float(MARGIN), y + 22
            self.blocks.append(
                f'<rect class="bloc" {hatched(self.id, family)} x="{x:.1f}" y="{y:.1f}" width="20" '
                'height="14"/>'
            )
            self._text(x + 26, y + 11.5, family.french, "g legende")
            x += room
        y += 36
        self._rulers(MARGIN + 26, y + 10)
        side = MARGIN + 150
        lines = wrap(french(NOTICE), width - MARGIN - side)
        for n, line in enumerate(lines):
            self._text(side, y + 8 + 16 * n, line, "g")
        return y + max(16 * len(lines), 130)

    def _rulers(self, x: float, y: float) -> None:
        """Deux règles : les hauteurs de 1 à 256 pixels, les épaisseurs de 1 à 4 096 canaux."""
        bottom = y + height(256)
        marks = [f"M{x:.1f} {y:.1f}V{bottom:.1f}H{x + thickness(4096):.1f}"]
        for size in (1, 16, 256):
            at = bottom - height(size)
            marks.append(f"M{x:.1f} {at:.1f}h-4")
            self._text(x - 15, at + 4, str(size), "regle-h")
        for channels in (1, 64, 4096):
            at = x + thickness(channels)
            marks.append(f"M{at:.1f} {bottom:.1f}v4")
            self._text(at, bottom + 16, str(channels), "regle-c")
        self._text(x + 6, y + 6, "pixels", "g")
        self._text(x + 24, bottom - 6, "canaux", "g")
        self.blocks.append(f'<path class="regle" d="{"".join(marks)}"/>')
