"""Une traversée d'un réseau par des tenseurs sans valeurs, qui note ce qu'elle rencontre.

Trois sortes de calculs se présentent :

- les couches dont le calcul est celui de PyTorch (:mod:`~reseaux.anatomy.known`) : leur forme de
  sortie se déduit de leurs réglages, il est inutile de les exécuter ;
- les autres couches (modules sans enfants) : exécutées, leurs opérations comptent dans leur ligne ;
- les opérations écrites sans couche dans un ``forward`` (``torch.cat``, ``+``, un produit de
  matrices) : un *dispatch mode* de PyTorch les voit passer et leur donne une ligne.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from reseaux.anatomy.kinds import SILENT, AnyKind, Kind, layer_kind, operation_kind
from reseaux.anatomy.known import KNOWN, KNOWN_OPERATIONS, ShapeRule, known_last, known_macs
from reseaux.anatomy.receptive import (
    Field,
    Window,
    keeps_places,
    layer_field,
    layer_window,
    operation_field,
    operation_window,
)
from reseaux.anatomy.trails import (
    ENTRY,
    Trail,
    blank,
    channels_last,
    common_sources,
    has_trail,
    set_trail,
    tensors_in,
    to_meta,
    trail_of,
)
from reseaux.errors import ReseauxError
from reseaux.formatting import dimensions


class Row(NamedTuple):
    """Une couche du réseau, ou une opération qui compte et n'est pas dans une couche.

    Attributes:
        name: son nom dans le module (« features.0 ») ; pour une opération, celui du module dont le
            ``forward`` l'écrit.
        kind: son genre.
        kernel: côté du noyau, hauteur × largeur ; ``None`` si elle n'en a pas.
        stride: pas, hauteur × largeur ; ``None`` si elle n'en a pas.
        output: forme de sortie sans la dimension du lot ; vide si la couche n'est pas appelée.
        params: paramètres comptés ici (un poids partagé compte à son premier passage).
        macs: multiplications-additions, pour une image.
        receptive_field: pixels de l'entrée dont dépend une valeur de sortie, hauteur × largeur,
            marges comprises : il peut dépasser l'image. ``None`` si la sortie n'a plus de place
            dans l'image (attention, canaux en dernier), ou si rien ne dit qu'elle l'a gardée.
        inputs: les numéros des lignes dont la sortie entre ici ; −1 pour l'entrée du réseau.
        channels_last: les canaux sont la dernière dimension de la sortie ; sinon, la première.
    """

    name: str
    kind: AnyKind
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    output: tuple[int, ...]
    params: int
    macs: int
    receptive_field: tuple[int, int] | None = None
    inputs: tuple[int, ...] = ()
    channels_last: bool = False


def trace(
    module: nn.Module, inputs: Sequence[Tensor]
) -> tuple[list[Row], tuple[tuple[str, int], ...]]:
    """Traverse ``module`` avec des tenseurs « meta », puis le remet dans son état d'avant.

    Rend les lignes, et les opérations sans ligne avec leur nombre. Si le calcul échoue, lève un
    ``ReseauxError`` qui nomme la couche et la forme qu'elle a reçue.
    """
    tracer = _Tracer(module)
    for x in inputs:
        set_trail(x, Trail((ENTRY,), Field((1, 1), (1, 1)) if x.dim() == 4 else None))
    layers = list(module.named_modules())
    try:
        with _wrapped(layers, tracer), torch.no_grad(), tracer:
            module(*inputs)
    except Exception as error:  # un module peut échouer de toutes les façons
        name, shape = tracer.place
        reason = (str(error).splitlines() or ["-"])[0]
        remedy = (
            'Construisez le réseau sans poids : « with torch.device("meta"): ».'
            if "device" in reason
            else "Vérifiez le nombre de canaux et donnez une image assez grande."
        )
        raise ReseauxError(
            f"Le calcul s'arrête à la couche « {name} », qui a reçu "
            f"{dimensions(shape or inputs[0].shape[1:])} (réseau : {type(module).__name__}, entrée "
            f"donnée : {' et '.join(dimensions(x.shape[1:]) for x in inputs)}). {remedy} "
            f"PyTorch dit : {type(error).__name__}, {reason}"
        ) from error
    tracer.add_uncalled(layers)
    return tracer.rows, tuple(sorted(tracer.unlisted.items()))


@contextmanager
def _wrapped(layers: Sequence[tuple[str, nn.Module]], tracer: "_Tracer") -> Iterator[None]:
    """Met les modules en évaluation et leur ``forward`` sous surveillance, le temps d'un bloc.

    Les attributs, et les dictionnaires que sont certains, redeviennent ensuite ce qu'ils étaient.
    """
    before = []
    for _, layer in layers:
        own = vars(layer)
        before.append((own, own.copy()))
        if type(layer).forward not in KNOWN:  # son calcul peut changer un tampon, remplir un cache
            before += [(value, value.copy()) for value in own.values() if type(value) is dict]
    try:
        for name, layer in layers:
            # Dans __dict__, sans passer par __setattr__ : les modules ne doivent rien remarquer.
            vars(layer).update(training=False, forward=tracer.wrap(name, layer))
        yield
    finally:
        for own, state in before:
            own.clear()
            own.update(state)


class _Tracer(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Note les lignes pendant le calcul."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.rows: list[Row] = []
        self.unlisted: Counter[str] = Counter()
        self._path = [type(module).__name__]  # les modules en cours qui ne sont pas des couches
        self.place: tuple[str, Sequence[int]] = (self._path[0], ())  # couche, forme reçue
        self._counted: set[int] = set()  # paramètres déjà comptés
        # La couche en cours d'exécution : ses opérations, et sa fenêtre.
        self._in_layer = False
        self._macs = 0
        self._window: Window | None = None

    def wrap(self, name: str, layer: nn.Module) -> Callable[..., Any]:
        """Rend ce que le module appellera au lieu de son ``forward``."""
        forward, root, name = layer.forward, not name, name or self._path[0]
        # Une fonction posée sur l'instance, ou une classe qui redéfinit ``forward``, est exécutée.
        rule = KNOWN.get(getattr(forward, "__func__", None))
        if rule is not None:
            return self._known(name, layer, rule, forward)
        # Un réseau entier écrit sans couches n'en est pas une : ses opérations ont leurs lignes.
        if not layer._modules and not (root and not type(layer).__module__.startswith("torch.")):
            return self._layer(name, layer, forward)
        if type(layer) is nn.Sequential:
            return forward  # rien ne s'y calcule hors de ses couches

        def run(*args: Any, **kwargs: Any) -> Any:
            self._path.append(name)
            try:
                return forward(*args, **kwargs)
            finally:
                self._path.pop()

        return run

    def _known(
        self, name: str, layer: nn.Module, rule: ShapeRule, forward: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Une couche de :data:`KNOWN` : sa sortie se déduit, on ne l'exécute pas."""
        kind, window = layer_kind(layer), layer_window(layer)

        def run(input: Tensor, *args: Any, **kwargs: Any) -> Any:
            before = tuple(input.shape)
            plain = input.is_meta and input.is_floating_point()
            shape = rule(layer, before, window) if plain else None
            if shape is None:  # une entrée qui ne convient pas : PyTorch dira pourquoi
                return self._layer(name, layer, forward)(input, *args, **kwargs)
            sources, field, last = trail_of(input)
            field = layer_field(layer, field, window, before, shape)
            last = known_last(layer, last)
            made, output, macs = blank(input, shape), shape[1:], known_macs(layer, shape)
            self._add(name, layer, kind, window, output, macs, Trail(sources, field, last), [made])
            self.place = (self._path[-1], output)
            return made

        return run

    def _layer(
        self, name: str, layer: nn.Module, forward: Callable[..., Any]
    ) -> Callable[..., Any]:
        """Une couche à exécuter : ce qui s'y calcule compte dans sa ligne."""
        kind = layer_kind(layer)

        def run(*args: Any, **kwargs: Any) -> Any:
            given = list(tensors_in((*args, *kwargs.values())))
            self.place = (name, given[0].shape[1:] if given else ())
            self._in_layer, self._macs, self._window = True, 0, None
            result = forward(*args, **kwargs)
            self._in_layer = False
            if any(result is x for x in given):  # rendue telle quelle, l'entrée garde sa marque
                trail = trail_of(result)
                result = blank(result, result.shape)
                set_trail(result, trail)
            made = list(tensors_in((result,)))
            shape = made[0].shape[1:] if made else ()
            trail = (trail_of(made[0]) if made else Trail(()))._replace(
                sources=common_sources(given)
            )
            window = self._window or layer_window(layer)
            self._add(name, layer, kind, window, shape, self._macs, trail, made)
            self.place = (self._path[-1], shape)
            return result

        return run

    def _add(
        self,
        name: str,
        layer: nn.Module | None,
        kind: AnyKind,
        window: Window | None,
        output: Sequence[int],
        macs: int,
        trail: Trail,
        made: Iterable[Tensor],
    ) -> None:
        """Ajoute une ligne, et marque les tenseurs qui en sortent."""
        params = 0
        for p in layer._parameters.values() if layer is not None else ():
            if p is not None and id(p) not in self._counted:
                self._counted.add(id(p))
                params += p.numel()
        kernel, stride = (window.kernel, window.stride) if window else (None, None)
        sources, field, last = trail
        found, seen = (kernel, stride, tuple(output), params, macs), field.size if field else None
        for tensor in made:
            set_trail(tensor, Trail((len(self.rows),), field, last))
        self.rows.append(Row(name, kind, *found, seen, sources, last))

    def add_uncalled(self, layers: Iterable[tuple[str, nn.Module]]) -> None:
        """Ajoute une ligne, sans sortie, pour les paramètres qu'aucune couche appelée ne porte."""
        for name, layer in layers:
            own = layer._parameters and [p for p in layer._parameters.values() if p is not None]
            if own and any(id(p) not in self._counted for p in own):
                self._add(name, layer, layer_kind(layer), None, (), 0, Trail(()), ())

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Exécute une opération sans valeurs, et suit ce qui en sort."""
        kwargs = kwargs or {}
        given = list(tensors_in(args))
        if not given:
            return func(*args, **kwargs)
        if not self._in_layer:
            self.place = (self._path[-1], given[0].shape[1:])
        operation = func.overloadpacket
        traced = [x for x in given if has_trail(x)]
        rule, types = KNOWN_OPERATIONS.get(operation), {x.dtype for x in given}
        plain = not kwargs and len(types) == 1 and given[0].is_floating_point()
        if rule and plain and (shape := rule(*args)) is not None:
            result = blank(given[0], shape)
        else:
            args = tuple(to_meta(arg) for arg in args)
            kwargs = {name: to_meta(value) for name, value in kwargs.items()}
            result = func(*args, **kwargs)
        count = flop_registry.get(operation)
        macs = count(*args, **kwargs, out_val=result) // 2 if count else 0
        made = list(tensors_in((result,)))
        if not made or not (traced or macs):  # rien que des paramètres et des constantes
            return result
        window = operation_window(operation, args)
        seen = [(x.shape, trail_of(x).field) for x in traced]
        last = channels_last(operation, args, macs, any(trail_of(x).last for x in traced))
        local = keeps_places(func, args, made[0])
        field = operation_field(seen, made[0].shape, window, local)
        trail = Trail(common_sources(traced), field, last)
        for tensor in made:
            set_trail(tensor, trail)
        if func._schema.is_mutable and args[0]._base is not None and has_trail(args[0]._base):
            # Une part du tenseur est remplacée : on ne sait plus ce qu'il voit.
            set_trail(args[0]._base, trail._replace(field=None))
        if self._in_layer:  # compte dans la couche en cours
            self._macs += macs
            self._window = window or self._window
        elif kind := operation_kind(operation, macs, window is not None, len(traced)):
            # Un produit de matrices réunit souvent le lot et les positions : sa forme entière.
            shape = made[0].shape if kind is Kind.MATMUL else made[0].shape[1:]
            self._add(self._path[-1], None, kind, window, shape, macs, trail, made)
        elif not func.is_view and operation not in SILENT:
            self.unlisted[operation.__name__.strip("_")] += 1
        return result
