"""Une ligne par couche : nom, genre, noyau, pas, sortie, paramètres, opérations.

Le réseau est parcouru une fois sur le périphérique « meta » de PyTorch, qui calcule les formes sans
rien allouer. Convention de compte, la même partout dans le cours : les multiplications-additions
(MAC) des convolutions et des couches linéaires, sans biais, pour une image, en mode évaluation.
C'est la moitié de ce que compte ``torch.utils.flop_counter.FlopCounterMode``.
"""

import math
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from reseaux.errors import ReseauxError
from reseaux.formatting import percent
from reseaux.tables import Cell, Table

# Le nom français de chaque genre de couche ; un genre absent garde le nom de sa classe.
KINDS: dict[type[nn.Module], str] = {
    nn.Conv2d: "convolution",
    nn.Linear: "connectée",
    nn.MaxPool2d: "max pooling",
    nn.AvgPool2d: "moyenne",
    nn.AdaptiveAvgPool2d: "moyenne",
    nn.BatchNorm2d: "normalisation de lot",
    nn.LocalResponseNorm: "normalisation locale",
    nn.ReLU: "ReLU",
    nn.Dropout: "dropout",
    nn.Flatten: "mise à plat",
    nn.Identity: "identité",
}


@dataclass(frozen=True)
class Row:
    """Une couche du réseau.

    Attributes:
        name: son nom dans le module (« features.0 »).
        kind: son genre, en français.
        kernel: côté du noyau, hauteur × largeur ; ``None`` si elle n'en a pas.
        stride: pas, hauteur × largeur ; ``None`` si elle n'en a pas.
        output: forme de sortie sans la dimension du lot ; vide si la couche n'est pas appelée.
        params: paramètres comptés ici (un poids partagé compte à son premier passage).
        macs: multiplications-additions, pour une image.
    """

    name: str
    kind: str
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    output: tuple[int, ...]
    params: int
    macs: int


@dataclass(frozen=True)
class Summary:
    """Toutes les couches d'un réseau, dans l'ordre où le calcul les traverse.

    Attributes:
        title: le nom du réseau.
        input_size: la taille d'entrée, sans la dimension du lot.
        rows: une ligne par appel d'une couche.
    """

    title: str
    input_size: tuple[int, ...]
    rows: tuple[Row, ...]

    @property
    def params(self) -> int:
        """Nombre total de paramètres ; égal à ``sum(p.numel() for p in net.parameters())``."""
        return sum(row.params for row in self.rows)

    @property
    def macs(self) -> int:
        """Nombre total de multiplications-additions, pour une image."""
        return sum(row.macs for row in self.rows)

    @property
    def weight_bytes(self) -> int:
        """Taille des paramètres en octets, en float32 (quatre octets chacun)."""
        return 4 * self.params

    def table(self, only_weights: bool = True) -> Table:
        """Rend le tableau des couches.

        Args:
            only_weights: ne garder que les couches qui ont des paramètres ou changent la taille.
        """
        shown = [
            row
            for row in self.rows
            if not only_weights or row.params or row.kernel is not None or not row.output
        ]
        total = self.params or 1
        cells: list[list[Cell]] = [
            [
                row.name,
                row.kind,
                times(row.kernel),
                times(row.stride),
                times(row.output),
                row.params,
                percent(row.params / total),
                row.macs,
            ]
            for row in shown
        ]
        cells.append(["total", "", "", "", "", self.params, percent(1), self.macs])
        return Table(
            f"{self.title}, entrée {times(self.input_size)}",
            ["couche", "genre", "noyau", "pas", "sortie", "paramètres", "part", "MAC"],
            cells,
        )

    def _repr_html_(self) -> str:
        return self.table()._repr_html_()

    def __repr__(self) -> str:
        """Rend le tableau en texte."""
        return repr(self.table())


def times(sizes: Sequence[int] | None) -> str:
    """Écrit des tailles à la française : ``(3, 224, 224)`` donne « 3×224×224 »."""
    return "×".join(str(size) for size in sizes or ())


def summarize(
    module: nn.Module, input_size: Sequence[int] = (3, 224, 224), title: str | None = None
) -> Summary:
    """Traverse un réseau et décrit chacune de ses couches.

    Args:
        module: n'importe quel ``nn.Module`` qui prend un tenseur N×…
        input_size: la taille d'une entrée, sans la dimension du lot (canaux, hauteur, largeur).
        title: le nom à afficher ; celui de la classe par défaut.

    Returns:
        Le :class:`Summary`. Le module donné n'est pas modifié, aucun poids n'est lu.

    Raises:
        ReseauxError: taille d'entrée qui n'est pas faite d'entiers positifs, ou calcul qui échoue ;
            le message nomme la couche et la forme qu'elle a reçue.
    """
    size = tuple(input_size)
    if not size or not all(isinstance(n, int) and n > 0 for n in size):
        raise ReseauxError(
            f"input_size={input_size!r} : il faut des entiers positifs, "
            "par exemple (3, 224, 224), sans la dimension du lot."
        )
    recorder = _Recorder(module)
    recorder.run(torch.empty((1, *size), device="meta"))
    return Summary(title or type(module).__name__, size, tuple(recorder.rows))


class _Recorder:
    """Écoute un calcul couche par couche, et en note les lignes."""

    def __init__(self, module: nn.Module) -> None:
        self.module = module
        self.rows: list[Row] = []
        self.current: tuple[str, tuple[int, ...]] = ("", ())  # couche en cours, forme reçue
        # Relevés avant le calcul, pendant lequel des tenseurs « meta » prennent leur place.
        self.own_params = {
            layer: list(layer.parameters(recurse=False)) for layer in module.modules()
        }
        self.counted: set[int] = set()

    def run(self, x: Tensor) -> None:
        """Traverse le réseau avec ``x``, puis remet le module dans son état d'avant."""
        was_training = {layer: layer.training for layer in self.module.modules()}
        with ExitStack() as cleanup:
            cleanup.callback(_restore_training, was_training)
            self.module.eval()
            for name, layer in self.module.named_modules():
                if not any(True for _ in layer.children()):
                    cleanup.callback(layer.register_forward_pre_hook(self._enter(name)).remove)
                    cleanup.callback(layer.register_forward_hook(self._leave(name)).remove)
            try:
                with torch.no_grad():
                    functional_call(self.module, _meta_state(self.module), (x,))
            except (RuntimeError, TypeError, ValueError, IndexError) as error:
                name, shape = self.current
                raise ReseauxError(
                    f"Le calcul s'arrête à la couche « {name or 'entrée'} », qui a reçu "
                    f"{times(shape or x.shape[1:])} (réseau : {type(self.module).__name__}, "
                    f"entrée donnée : {times(x.shape[1:])}). Vérifiez le nombre de canaux et "
                    f"donnez une image assez grande. PyTorch dit : {str(error).splitlines()[0]}"
                ) from error
        self._add_unseen()

    def _enter(self, name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Any, ...]) -> None:
            first = inputs[0] if inputs else None
            self.current = (name, tuple(first.shape[1:]) if isinstance(first, Tensor) else ())

        return hook

    def _leave(self, name: str) -> Any:
        def hook(layer: nn.Module, _: tuple[Any, ...], output: Any) -> None:
            shape = tuple(output.shape[1:]) if isinstance(output, Tensor) else ()
            self._add(name, layer, shape, _macs(layer, shape))

        return hook

    def _add(self, name: str, layer: nn.Module, output: tuple[int, ...], macs: int) -> None:
        new = {id(p): p for p in self.own_params[layer] if id(p) not in self.counted}
        self.counted.update(new)
        params = sum(p.numel() for p in new.values())
        kernel, stride = getattr(layer, "kernel_size", None), getattr(layer, "stride", None)
        kind = KINDS.get(type(layer), type(layer).__name__)
        self.rows.append(Row(name, kind, _pair(kernel), _pair(stride), output, params, macs))

    def _add_unseen(self) -> None:
        """Ajoute une ligne, sans sortie, pour les paramètres qu'aucune couche appelée ne porte."""
        for name, layer in self.module.named_modules():
            if any(id(p) not in self.counted for p in self.own_params[layer]):
                self._add(name, layer, (), 0)


def _restore_training(was_training: dict[nn.Module, bool]) -> None:
    for layer, training in was_training.items():
        layer.training = training


def _meta_state(module: nn.Module) -> dict[str, Tensor]:
    """Rend, pour chaque paramètre et tampon, un tenseur de même forme qui n'occupe rien."""
    named = [*module.named_parameters(), *module.named_buffers()]
    return {name: torch.empty_like(tensor, device="meta") for name, tensor in named}


def _pair(value: Any) -> tuple[int, int] | None:
    """Rend (hauteur, largeur) : PyTorch donne parfois un seul entier, ou rien."""
    if isinstance(value, int):
        return (value, value)
    return (value[0], value[1]) if isinstance(value, tuple) and len(value) == 2 else None


def _macs(layer: nn.Module, output: tuple[int, ...]) -> int:
    """Multiplications-additions d'une couche, pour une image ; zéro si elle n'en compte pas."""
    if isinstance(layer, nn.Conv2d):
        per_output = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    elif isinstance(layer, nn.Linear):
        per_output = layer.in_features
    else:
        return 0
    return math.prod(output) * per_output
