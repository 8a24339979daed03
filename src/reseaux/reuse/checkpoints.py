"""Sauvegarder et reprendre : les poids seuls, ou l'état entier d'un entraînement.

L'écriture est atomique (:mod:`reseaux.atomic`) ; la lecture refuse d'exécuter du code
(``weights_only=True``) ; le nom et les arguments de l'architecture disent quoi reconstruire.
"""

import copy
import inspect
import io
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

import torch
from torch import Tensor, nn

from reseaux.arguments import at_least, between, checked
from reseaux.errors import ReseauxError, unknown_name
from reseaux.reuse import random_state, rehearsal, tensor_files

FORMAT = 1  # à augmenter si le contenu d'une sauvegarde change


@checked
def save_weights(model: nn.Module, path: Path | str) -> Path:
    """Sauve les poids seuls, et rien d'autre.

    Args:
        path: ``.safetensors`` pour ce format (aucun code possible), sinon celui de torch.

    Raises:
        ReseauxError: :func:`load_weights` les refuserait ; l'ancien fichier n'a pas changé.
    """
    path = Path(path)
    state = model.state_dict()
    if path.suffix == ".safetensors":
        content = tensor_files.to_safetensors(state)
    else:
        content = tensor_files.to_torch(tensor_files.detached(state))
    tensor_files.check(state, state, f"« {path.name} » n'a pas été écrit")
    tensor_files.write(path, content)
    return path


@checked
def load_weights(model: nn.Module, path: Path | str) -> nn.Module:
    """Remplit un réseau avec des poids sauvés par :func:`save_weights` ; rend le réseau.

    Raises:
        ReseauxError: fichier absent, abîmé ou dangereux ; poids d'une autre architecture.
    """
    path = Path(path)
    fill(model, tensor_files.read(path)[0], path)
    return model


@checked
def fill(model: nn.Module, state: Any, path: Path) -> None:
    """Copie des poids nommés dans un réseau, ou dit ce qui ne correspond pas.

    Raises:
        ReseauxError: noms absents, noms en trop, formes ou types différents, valeurs infinies ou
            indéfinies (NaN) ; le réseau n'est pas touché.
    """
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        hint = " C'est une sauvegarde d'entraînement : lisez-la par « checkpoints.load »."
        is_training = isinstance(state, Mapping) and "model" in state
        raise ReseauxError(
            f"« {path.name} » ne contient pas des poids seuls.{hint if is_training else ''}"
        )
    expected = model.state_dict()
    missing, extra = _difference(state, expected)
    if missing or extra:
        raise ReseauxError(
            f"« {path.name} » n'a pas les poids de ce réseau ({type(model).__name__}) : "
            f"{_some('manquent', missing)} ; {_some('en trop', extra)}. "
            "Construisez le réseau qui a servi à la sauvegarde."
        )
    tensor_files.check(state, expected, f"« {path.name} »")
    model.load_state_dict(state)


def _difference(given: Collection[Any], expected: Collection[str]) -> tuple[list[str], list[str]]:
    """Les noms qui manquent, et ceux qui sont en trop."""
    missing = [name for name in expected if name not in given]
    return missing, [str(name) for name in given if name not in expected]


def _some(what: str, names: list[str]) -> str:
    if not names:
        return f"{what} : rien"
    if len(names) < 5:
        return f"{what} : {', '.join(names)}"
    return f"{what} : {', '.join(names[:3])} et {len(names) - 3} autres"


@dataclass(frozen=True)
class Checkpoint:
    """L'état entier d'un entraînement, lu sur le disque.

    Attributes:
        architecture: le nom sous lequel le réseau a été construit.
        arguments: les arguments de cette construction.
        epoch: nombre d'époques faites.
        state: les états (réseau, optimiseur, planificateur, hasard) tels que torch les rend.
    """

    path: Path
    architecture: str
    arguments: dict[str, Any]
    epoch: int
    state: dict[str, Any] = field(repr=False)

    @checked
    def build(self, builders: Mapping[str, Callable[..., nn.Module]]) -> nn.Module:
        """Reconstruit le réseau et lui rend ses poids.

        Args:
            builders: nom d'architecture → fonction qui la construit.

        Raises:
            ReseauxError: architecture inconnue, ou poids qui ne lui vont pas.
        """
        if self.architecture not in builders:
            unknown = unknown_name("une architecture", self.architecture, builders)
            raise ReseauxError(f"« {self.path.name} » : {unknown}")
        try:
            model = builders[self.architecture](**self.arguments)
        except Exception as error:  # ces arguments viennent du fichier : tout peut arriver
            raise ReseauxError(
                f"« {self.path.name} » a été écrite avec les arguments {self.arguments}, que la "
                f"fonction donnée pour « {self.architecture} » refuse ({error}). Donnez celle qui "
                "a construit le réseau sauvé."
            ) from error
        fill(model, self.state["model"], self.path)
        return model

    @checked
    def restore(
        self,
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        generator: torch.Generator | None = None,
    ) -> int:
        """Remet l'optimiseur, le planificateur et le hasard dans l'état sauvé ; rend ``epoch``.

        Raises:
            ReseauxError: la sauvegarde n'a pas ce qu'on lui demande de rendre ; rien n'a changé.
        """
        for name, wanted in (("scheduler", scheduler), ("generator", generator)):
            if wanted is not None and self.state[name] is None:
                raise ReseauxError(
                    f"« {self.path.name} » a été écrite sans « {name} » : la reprise ne serait pas "
                    "exacte. Passez-le aussi à « checkpoints.save »."
                )
        try:
            rehearsal.rehearse(self.state, optimizer, scheduler, generator)
            random_state.put_back(self.state["rng"])
        except Exception as error:  # l'état vient du fichier : tout peut arriver
            why = error if isinstance(error, ReseauxError) else "Son état ne va pas à l'optimiseur."
            raise ReseauxError(
                f"« {self.path.name} » ne se reprend pas ici. {why} Construisez le planificateur "
                "comme à la sauvegarde, et l'optimiseur aussi, avec les paramètres du réseau rendu "
                "par « build » ; sinon, reprenez la sauvegarde précédente."
            ) from error
        # Des copies : torch garderait, et changerait, les tenseurs de la sauvegarde.
        optimizer.load_state_dict(copy.deepcopy(self.state["optimizer"]))
        if scheduler is not None:
            scheduler.load_state_dict(copy.deepcopy(self.state["scheduler"]))
        if generator is not None:
            generator.set_state(self.state["generator"])
        return self.epoch


@checked
def _check_entries(
    format: Annotated[int, between(FORMAT, FORMAT)],
    architecture: str,
    arguments: dict[str, object],
    epoch: Annotated[int, at_least(0)],
    model: dict[str, Tensor],
    optimizer: dict[str, object],
    scheduler: dict[str, object] | None,
    generator: Tensor | None,
    rng: dict[str, object],
) -> None:
    """Vérifie le type de chaque entrée d'une sauvegarde : les arguments portent leurs noms."""


_KEYS = tuple(inspect.signature(_check_entries).parameters)


@checked
def save(
    path: Path | str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    architecture: str,
    arguments: Mapping[str, Any],
    epoch: Annotated[int, at_least(0)],
    scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
    generator: torch.Generator | None = None,
) -> Path:
    """Sauve de quoi reprendre un entraînement exactement là où il en est.

    Args:
        path: le fichier à écrire ou à remplacer.
        architecture: nom qui permettra de reconstruire le réseau (voir :meth:`Checkpoint.build`).
        arguments: arguments de sa construction : nombres, textes, listes.
        epoch: nombre d'époques faites.
        generator: la source de hasard qui ordonne les images.

    Raises:
        ReseauxError: elle ne se relirait pas, ou ses poids seraient refusés ; rien n'a été écrit.
    """
    path = Path(path)
    content: dict[str, Any] = {
        "format": FORMAT,
        "architecture": architecture,
        "arguments": dict(arguments),
        "epoch": epoch,
        "model": model.state_dict(),
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict() if scheduler else None,
        "generator": generator.get_state() if generator else None,
        "rng": random_state.get(),
    }
    written = _readable_bytes(content)
    if written is None:
        odd = [name for name, part in content.items() if _readable_bytes(part) is None]
        raise ReseauxError(
            f"« {path.name} » n'a pas été écrite, car elle ne se relirait pas : {', '.join(odd)} "
            "contient autre chose que des nombres, des textes, des listes, des dictionnaires et "
            "des tenseurs de torch. Convertissez ce qui vient de NumPy ou d'ailleurs."
        )
    _check_entries(**content)
    weights = content["model"]
    tensor_files.check(weights, weights, f"« {path.name} » n'a pas été écrite")
    tensor_files.write(path, written)
    return path


def _readable_bytes(part: Any) -> bytes | None:
    """Ce qui s'écrira, s'il se relit sans exécuter de code ; sinon rien."""
    try:
        written = tensor_files.to_torch(part)
        torch.load(io.BytesIO(written), weights_only=True)
    except Exception:  # pickle n'a pas d'erreur à lui pour ce qu'il ne sait pas écrire
        return None
    return written


@checked
def load(path: Path | str) -> Checkpoint:
    """Lit une sauvegarde écrite par :func:`save`.

    Raises:
        ReseauxError: fichier absent, tronqué, dangereux, d'un format plus récent, ou qui n'est pas
            une sauvegarde.
    """
    path = Path(path)
    content, _ = tensor_files.read(path)
    found = content if isinstance(content, dict) else {}
    version = found.get("format")
    if isinstance(version, int) and version > FORMAT:
        raise ReseauxError(
            f"« {path.name} » est au format {version} ; cette version lit le format {FORMAT}. "
            "Mettez le cours à jour."
        )
    missing, extra = _difference(found, _KEYS)
    if missing or extra:
        raise ReseauxError(
            f"« {path.name} » n'est pas une sauvegarde d'entraînement : "
            f"{_some('manquent', missing)} ; {_some('en trop', extra)}. "
            "Pour des poids seuls, utilisez « checkpoints.load_weights »."
        )
    try:
        _check_entries(**found)
    except ReseauxError as error:
        raise ReseauxError(f"« {path.name} » n'est pas une sauvegarde entière : {error}") from None
    return Checkpoint(path, found["architecture"], found["arguments"], found["epoch"], found)
