"""Lire un dessin sans rien savoir de la façon dont il est fait."""

from xml.etree import ElementTree

import pytest
import torch
from torchvision import models

import reseaux

SVG = "{http://www.w3.org/2000/svg}"


TORCHVISION = (
    "resnet152",
    "densenet121",
    "vit_b_16",
    "swin_t",
    "mobilenet_v3_large",
    "efficientnet_b7",
    "shufflenet_v2_x1_0",
    "convnext_tiny",
    "squeezenet1_0",
)


every_network = pytest.mark.parametrize("name", [*reseaux.NETWORKS, *TORCHVISION])


def summarize(name):
    """Résume un réseau du registre, ou de torchvision."""
    if name in reseaux.NETWORKS:
        network = reseaux.NETWORKS[name]
        net = reseaux.build(name, device="meta")
        return reseaux.summarize(net, network.input_size, title=network.title)
    with torch.device("meta"):
        return reseaux.summarize(models.get_model(name, weights=None).eval(), title=name)


class Read:
    """Ce qu'on lit dans un dessin, sans rien savoir de la façon dont il est fait."""

    def __init__(self, made, svg=None):
        self.svg = ElementTree.fromstring(svg or made.svg)
        self.blocks = [g for g in self.svg.iter(f"{SVG}g") if g.get("class") == "bloc"]

    def texts(self, name=None):
        every = self.svg.iter(f"{SVG}text")
        return [t.text for t in every if name is None or name in t.get("class").split()]

    def label(self, block, name):
        found = [t.text for t in block.iter(f"{SVG}text") if t.get("class") == name]
        return found[0] if found else ""

    def face(self, block):
        rect = next(r for r in block.iter(f"{SVG}rect") if r.get("data-face") is not None)
        return float(rect.get("width")), float(rect.get("height"))

    def times(self, block):
        """Combien de fois un bloc est répété : sur sa pile, ou dans le titre de son cadre."""
        own = self.label(block, "params fois")
        return int(own[1:] or 1) if own else self._framed(block)

    def _framed(self, block):
        x, y = (float(self.face_of(block).get(k)) for k in "xy")
        for rect in self.svg.iter(f"{SVG}rect"):
            if rect.get("class") != "cadre":
                continue
            left, top, wide, tall = (float(rect.get(k)) for k in ("x", "y", "width", "height"))
            if left < x < left + wide and top < y < top + tall:
                for text in self.svg.iter(f"{SVG}text"):
                    x, y = float(text.get("x")), float(text.get("y"))
                    inside = left < x < left + wide and top < y < top + 20
                    if inside and text.get("class") == "g params":
                        return int(text.text[1:])
        return 1

    def face_of(self, block):
        return next(r for r in block.iter(f"{SVG}rect") if r.get("data-face") is not None)


def both(made):
    """Lit le dessin d'un écran, puis celui d'un téléphone."""
    return [Read(made, svg) for svg in (made.svg, made.narrow) if svg]


def number(text):
    return int(text.replace("\u202f", "") or 0)


def module(name):
    if name == "goulot":
        block = reseaux.build("resnet-50", device="meta").stages[0][1]
        return reseaux.summarize(block, (256, 56, 56))
    if name == "projection":
        block = reseaux.build("resnet-18", device="meta").stages[1][0]
        return reseaux.summarize(block, (64, 56, 56))
    if name == "fire":
        block = reseaux.build("squeezenet", device="meta").blocks["fire2"]
        return reseaux.summarize(block, (96, 55, 55))
    block = reseaux.build("googlenet", device="meta").blocks["3a"]
    return reseaux.summarize(block, (192, 28, 28))


def arrows(made):
    read = Read(made)
    links = next(g for g in read.svg.iter(f"{SVG}g") if g.get("class") == "liens")
    return [p for p in links.iter(f"{SVG}path") if p.get("class") != "suite"]
