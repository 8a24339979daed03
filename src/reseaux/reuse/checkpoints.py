"""Sauvegarder et reprendre : les poids seuls, ou l'état entier d'un entraînement.

L'écriture est atomique (:mod:`reseaux.atomic`) ; la lecture refuse d'exécuter du code
(``weights_only=True``) ; le nom et les arguments de l'architecture disent quoi reconstruire.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from reseaux.errors import ReseauxError, unknown_name
from reseaux.reuse import random_state, tensor_files

FORMAT = 1  # à augmenter si le contenu d'une sauvegarde change


def save_weights(model: nn.Module, path: Path | str) -> Path:
    """Sauve les poids seuls, et rien d'autre.

    Args:
        path: ``.safetensors`` pour ce format (aucun code possible), sinon celui de torch.
    """
    path = Path(path)
    state = model.state_dict()
    if path.suffix == ".safetensors":
        content = tensor_files.to_safetensors(state)
    else:
        content = tensor_files.to_torch(tensor_files.detached(state))
    tensor_files.write(path, content)
    return path


def load_weights(model: nn.Module, path: Path | str) -> nn.Module:
    """Remplit un réseau avec des poids sauvés par :func:`save_weights` ; rend le réseau.

    Raises:
        ReseauxError: fichier absent, abîmé ou dangereux ; poids d'une autre architecture.
    """
    path = Path(path)
    fill(model, tensor_files.read(path)[0], path)
    return model


def fill(model: nn.Module, state: Any, path: Path) -> None:
    """Copie des poids nommés dans un réseau, ou dit ce qui ne correspond pas.

    Raises:
        ReseauxError: noms absents, noms en trop, formes différentes ; le réseau n'est pas touché.
    """
    if not isinstance(state, Mapping) or not all(isinstance(t, Tensor) for t in state.values()):
        hint = " C'est une sauvegarde d'entraînement : lisez-la par « checkpoints.load »."
        is_training = isinstance(state, Mapping) and "model" in state
        raise ReseauxError(
            f"« {path.name} » ne contient pas des poids seuls.{hint if is_training else ''}"
        )
    expected = model.state_dict()
    missing = [name for name in expected if name not in state]
    unexpected = [name for name in state if name not in expected]
    if missing or unexpected:
        raise ReseauxError(
            f"« {path.name} » n'a pas les poids de ce réseau ({type(model).__name__}) : "
            f"{_some('manquent', missing)} ; {_some('en trop', unexpected)}. "
            "Construisez le réseau qui a servi à la sauvegarde."
        )
    for name, tensor in state.items():
        if tensor.shape != expected[name].shape:
            raise ReseauxError(
                f"« {path.name} » : « {name} » est de forme {tuple(tensor.shape)}, "
                f"et ce réseau attend {tuple(expected[name].shape)}. "
                "Construisez le réseau avec les arguments de la sauvegarde."
            )
    model.load_state_dict(state)


def _some(what: str, names: list[str]) -> str:
    if not names:
        return f"{what} : rien"
    rest = f" et {len(names) - 3} autres" if len(names) > 3 else ""
    return f"{what} : {', '.join(names[:3])}{rest}"


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

    def build(self, builders: Mapping[str, Callable[..., nn.Module]]) -> nn.Module:
        """Reconstruit le réseau et lui rend ses poids.

        Args:
            builders: nom d'architecture → fonction qui la construit.

        Raises:
            ReseauxError: architecture inconnue, ou poids qui ne lui vont pas.
        """
        if self.architecture not in builders:
            raise unknown_name("un nom d'architecture", self.architecture, builders)
        try:
            model = builders[self.architecture](**self.arguments)
        except TypeError as error:
            raise ReseauxError(
                f"« {self.path.name} » a été écrite avec les arguments {self.arguments}, que la "
                f"fonction donnée pour « {self.architecture} » refuse ({error}). Donnez celle qui "
                "a construit le réseau sauvé."
            ) from error
        fill(model, self.state["model"], self.path)
        return model

    def restore(
        self,
        optimizer: torch.optim.Optimizer,
        scheduler: torch.optim.lr_scheduler.LRScheduler | None = None,
        generator: torch.Generator | None = None,
    ) -> int:
        """Remet l'optimiseur, le planificateur et le hasard dans l'état sauvé ; rend ``epoch``.

        Raises:
            ReseauxError: la sauvegarde n'a pas ce qu'on lui demande de rendre.
        """
        for name, wanted in (("scheduler", scheduler), ("generator", generator)):
            if wanted is not None and self.state[name] is None:
                raise ReseauxError(
                    f"« {self.path.name} » a été écrite sans « {name} » : la reprise ne serait pas "
                    "exacte. Passez-le aussi à « checkpoints.save »."
                )
        absent = [name for name in random_state.SOURCES if name not in self.state["rng"]]
        if absent:
            raise ReseauxError(
                f"« {self.path.name} » n'a pas l'état du hasard de « {absent[0]} » : la reprise ne "
                "serait pas exacte. Reprenez la sauvegarde précédente."
            )
        self._check_kind("optimiseur", self.state["optimizer"], optimizer.state_dict())
        if scheduler is not None:
            self._check_kind("planificateur", self.state["scheduler"], scheduler.state_dict())
        try:
            optimizer.load_state_dict(self.state["optimizer"])
        except ValueError as error:
            raise ReseauxError(
                f"L'optimiseur de « {self.path.name} » suit d'autres groupes de paramètres : "
                "construisez-le avec les paramètres du réseau rendu par « build »."
            ) from error
        if scheduler is not None:
            scheduler.load_state_dict(self.state["scheduler"])
        if generator is not None:
            generator.set_state(self.state["generator"])
        random_state.put_back(self.state["rng"])
        return self.epoch

    def _check_kind(self, what: str, given: dict[str, Any], expected: dict[str, Any]) -> None:
        """Compare les réglages de deux états : torch charge sans rien dire ceux d'une autre classe.

        Un réglage en trop ne suffit pas : une version de torch ou un planificateur en ajoute.
        """
        ours, theirs = (
            {name for name in d.get("param_groups", [d])[0] if not name.startswith("_")}
            for d in (given, expected)
        )
        if ours - theirs and theirs - ours:
            raise ReseauxError(
                f"« {self.path.name} » a été écrite avec un autre {what} : elle en porte "
                f"{', '.join(sorted(ours - theirs)[:3])} au lieu de "
                f"{', '.join(sorted(theirs - ours)[:3])}. Construisez le même {what}."
            )


_KEYS = (
    *("format", "architecture", "arguments", "epoch"),
    *("model", "optimizer", "scheduler", "generator", "rng"),
)


def save(
    path: Path | str,
    model: nn.Module,
    optimizer: torch.optim.Optimizer,
    *,
    architecture: str,
    arguments: Mapping[str, Any],
    epoch: int,
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
    """
    path = Path(path)
    content = {
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
    tensor_files.write(path, tensor_files.to_torch(content))
    return path


def load(path: Path | str) -> Checkpoint:
    """Lit une sauvegarde écrite par :func:`save`.

    Raises:
        ReseauxError: fichier absent, tronqué, dangereux, ou qui n'est pas une sauvegarde.
    """
    path = Path(path)
    content, _ = tensor_files.read(path)
    missing = [k for k in _KEYS if not isinstance(content, dict) or k not in content]
    if missing:
        raise ReseauxError(
            f"« {path.name} » n'est pas une sauvegarde d'entraînement : il y manque "
            f"{', '.join(missing)}. Pour des poids seuls, utilisez « checkpoints.load_weights »."
        )
    if content["format"] != FORMAT:
        raise ReseauxError(
            f"« {path.name} » est au format {content['format']} ; cette version lit le format "
            f"{FORMAT}. Mettez le cours à jour."
        )
    return Checkpoint(
        path, content["architecture"], content["arguments"], content["epoch"], content
    )
