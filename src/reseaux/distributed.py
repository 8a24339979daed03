"""Le parallélisme de données, pour de vrai, avec deux processus sur le processeur.

Chaque processus a une copie du réseau et une part du lot ; les gradients sont moyennés à chaque
pas. Le notebook appelle :func:`run`, qui lance ``python -m reseaux.distributed`` autant de fois
qu'il faut et rassemble les résultats. Tout passe par la boucle locale : aucun réseau.

Le même module se lance aussi à la main, comme sur une grappe :

    torchrun --nproc-per-node 2 -m reseaux.distributed --network simple
"""

import argparse
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.errors import ReseauxError, unknown_name

CLASSES, SEED = 10, 0
NETWORKS = ("simple", "normalise")


def network(name: str = "simple") -> nn.Module:
    """Un petit réseau de convolution pour les chiffres 8×8, poids tirés de la graine.

    Args:
        name: « simple », ou « normalise » avec une normalisation par lot.

    Raises:
        ReseauxError: nom inconnu.
    """
    if name not in NETWORKS:
        raise unknown_name("un réseau", name, NETWORKS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.BatchNorm2d(16) if name == "normalise" else nn.Identity(),
            nn.ReLU(),
            nn.Conv2d(16, 16, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16 * 16, CLASSES),
        )


def batch(size: int) -> tuple[Tensor, Tensor]:
    """Les ``size`` premiers chiffres manuscrits : images size×1×8×8 et étiquettes."""
    from reseaux.data import digits

    data = digits()
    return torch.from_numpy(data.images[:size, None]), torch.from_numpy(data.labels[:size])


def gradient(model: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Gradient de la perte moyenne du lot, tous paramètres bout à bout (un vecteur)."""
    model.zero_grad()
    F.cross_entropy(model(images), labels).backward()  # type: ignore[no-untyped-call]
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def step(model: nn.Module, vector: Tensor, rate: float = 0.1) -> None:
    """Un pas de descente : retire ``rate`` fois le gradient aux paramètres."""
    with torch.no_grad():
        offset = 0
        for p in model.parameters():
            p.sub_(rate * vector[offset : offset + p.numel()].view_as(p))
            offset += p.numel()


def parameters(model: nn.Module) -> Tensor:
    """Tous les paramètres bout à bout (un vecteur)."""
    return torch.cat([p.detach().flatten() for p in model.parameters()])


@dataclass(frozen=True)
class Result:
    """Ce que rend un processus.

    Attributes:
        rank: son rang, à partir de 0.
        pid: son numéro pour le système.
        shard: nombre d'images de sa part.
        local: son gradient avant l'échange.
        averaged: le gradient après l'échange.
        ddp: le gradient que donne ``DistributedDataParallel`` de PyTorch.
        final: les paramètres après quelques pas.
    """

    rank: int
    pid: int
    shard: int
    local: Tensor
    averaged: Tensor
    ddp: Tensor
    final: Tensor


def run(
    shards: tuple[int, ...] = (32, 32),
    network_name: str = "simple",
    steps: int = 5,
    timeout: float = 120,
) -> list[Result]:
    """Lance un processus par part du lot, attend, et rend leurs résultats par rang.

    Args:
        shards: nombre d'images de la part de chaque processus ; leur nombre est celui des
            processus.
        network_name: voir :func:`network`.
        steps: nombre de pas d'entraînement, tous sur le même lot.
        timeout: durée d'attente maximale, en secondes.

    Raises:
        ReseauxError: parts impossibles ; processus en échec ou trop lent (tous sont arrêtés).
    """
    if not 1 <= len(shards) <= 8 or min(shards) < 1 or sum(shards) > 1797:
        raise ReseauxError(
            f"Parts {shards} demandées ; il faut de 1 à 8 parts d'au moins une image, "
            "et 1 797 images au plus en tout."
        )
    network(network_name)  # un nom inconnu se dit ici, pas dans un processus
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *(sys.executable, "-m", "reseaux.distributed", "--folder", folder),
            *("--network", network_name, "--steps", str(steps)),
            *("--shards", *map(str, shards)),
        ]
        workers = [
            subprocess.Popen(
                command,
                env=_environment(rank, len(shards), timeout),
                stdout=subprocess.DEVNULL,
                stderr=(Path(folder) / f"erreurs-{rank}").open("wb"),
            )
            for rank in range(len(shards))
        ]
        try:
            codes = [worker.wait(timeout) for worker in workers]
        except subprocess.TimeoutExpired as error:
            raise ReseauxError(
                f"Les processus n'ont pas fini en {timeout:g} s ; ils ont été arrêtés. "
                "Augmentez « timeout » si la machine est très chargée."
            ) from error
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        for rank, code in enumerate(codes):
            if code:
                lines = (Path(folder) / f"erreurs-{rank}").read_text(errors="replace").split("\n")
                said = next((line for line in reversed(lines) if line.strip()), "aucun message")
                raise ReseauxError(f"Le processus {rank} a échoué (code {code}) : {said}")
        return [
            Result(**torch.load(Path(folder) / f"{rank}.pt", weights_only=True))
            for rank in range(len(shards))
        ]


def _environment(rank: int, world: int, timeout: float) -> dict[str, str]:
    """L'environnement que « torchrun » donnerait ; en plus, rester sur la boucle locale."""
    loopback = "lo0" if sys.platform == "darwin" else "lo"
    extra = {"RANK": rank, "WORLD_SIZE": world, "OMP_NUM_THREADS": 1, "RESEAUX_TIMEOUT": timeout}
    return {
        **os.environ,
        **{name: str(value) for name, value in extra.items()},
        **({} if os.name == "nt" else {"GLOO_SOCKET_IFNAME": loopback}),
    }


def _worker(folder: Path | None, network_name: str, shards: list[int], steps: int) -> None:
    """Ce que fait chaque processus."""
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    rank, world = int(os.environ["RANK"]), int(os.environ["WORLD_SIZE"])
    shards = shards or [64 // world] * world
    # Rendez-vous par un fichier : pas de port à choisir, donc pas de port déjà pris.
    # Sous « torchrun », il n'y a pas de dossier : c'est lui qui donne l'adresse.
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'rendez-vous'}" if folder else "env://",
        rank=rank,
        world_size=world,
        timeout=timedelta(seconds=float(os.environ.get("RESEAUX_TIMEOUT", "120"))),
    )
    first = sum(shards[:rank])
    images, labels = (t[first : first + shards[rank]] for t in batch(sum(shards)))

    model = network(network_name)
    local = gradient(model, images, labels)
    averaged = _average(local, world)
    for _ in range(steps):
        step(model, _average(gradient(model, images, labels), world))

    wrapped = DistributedDataParallel(network(network_name))
    ddp = gradient(wrapped, images, labels)
    result = Result(rank, os.getpid(), shards[rank], local, averaged, ddp, parameters(model))
    if folder:
        torch.save(vars(result), folder / f"{rank}.pt")
    else:
        gap = float((averaged - ddp).abs().max())
        print(f"Processus {rank} : écart à DistributedDataParallel {gap:.1e}")
    dist.barrier()  # personne ne part tant qu'un autre a besoin de lui
    dist.destroy_process_group()


def _average(vector: Tensor, world: int) -> Tensor:
    """Moyenne du vecteur sur tous les processus : le seul échange de tout le calcul."""
    import torch.distributed as dist

    total = vector.clone()
    dist.all_reduce(total)
    return total / world


def gap(a: Tensor, b: Tensor) -> float:
    """Plus grand écart entre deux vecteurs, rapporté à la plus grande valeur du second."""
    return float((a - b).abs().max() / b.abs().max())


def main() -> None:
    """Point d'entrée d'un processus."""
    parser = argparse.ArgumentParser(description="Un processus du parallélisme de données.")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--network", default="simple", choices=NETWORKS)
    parser.add_argument("--shards", type=int, nargs="*", default=[])
    parser.add_argument("--steps", type=int, default=5)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    np.random.seed(SEED)
    _worker(given.folder, given.network, given.shards, given.steps)


if __name__ == "__main__":
    main()
