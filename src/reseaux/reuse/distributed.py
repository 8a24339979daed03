"""Le parallélisme de données, pour de vrai, avec deux processus sur le processeur.

Chaque processus a une copie du réseau et une part du lot ; les gradients sont moyennés à chaque
pas. Le notebook appelle :func:`run`, qui lance ce module autant de fois qu'il faut et rassemble les
résultats. Tout passe par la boucle locale : aucun réseau.

Le même module se lance aussi à la main, comme sur une grappe :

    torchrun --nproc-per-node 2 -m reseaux.reuse.distributed --network simple

:func:`joined` fait entrer n'importe quel programme lancé par ``torchrun`` dans le groupe de ses
processus ; la commande ``reseaux apprendre`` s'en sert.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from reseaux.errors import ReseauxError, unknown_name
from reseaux.reuse import training

CLASSES, SEED = 10, 0
NETWORKS = ("simple", "normalise")


@contextmanager
def joined(cards: bool = False) -> Iterator[training.Worker]:
    """Se joint aux autres processus lancés par « torchrun », et les quitte à la fin du bloc.

    Hors de « torchrun », il n'y a rien à joindre : la part rendue est celle d'un processus seul.

    Args:
        cards: calcule sur des cartes graphiques, une par processus (bibliothèque NCCL) ; sinon sur
            le processeur (gloo).

    Raises:
        ReseauxError: plus de processus que de cartes ; un autre processus s'est arrêté.
    """
    import torch.distributed as dist

    if not dist.is_torchelastic_launched() or int(os.environ["WORLD_SIZE"]) == 1:
        yield training.ALONE
        return
    local, local_world = int(os.environ["LOCAL_RANK"]), int(os.environ["LOCAL_WORLD_SIZE"])
    if cards:
        if local_world > torch.cuda.device_count():
            raise ReseauxError(
                f"{local_world} processus ; cartes : {torch.cuda.device_count()}. Il faut une "
                "carte par processus ; diminuez « --nproc-per-node »."
            )
        torch.cuda.set_device(local)
    if local_world == int(os.environ["WORLD_SIZE"]) and os.name != "nt":
        os.environ.setdefault("GLOO_SOCKET_IFNAME", _loopback())  # une seule machine
    dist.init_process_group("nccl" if cards else "gloo", timeout=timedelta(minutes=30))
    try:
        yield training.Worker(dist.get_rank(), dist.get_world_size())
    except RuntimeError as error:
        if not re.search("gloo|nccl|connection", str(error), re.IGNORECASE):
            raise
        raise ReseauxError(
            "Un autre processus s'est arrêté ; celui-ci ne peut pas continuer seul. "
            "Relancez la même commande, en reprenant la dernière sauvegarde (« --reprendre »)."
        ) from error
    finally:
        dist.destroy_process_group()


def wait(worker: training.Worker) -> None:
    """Attend que tous les processus en soient là ; sans effet pour un processus seul."""
    if worker.world_size > 1:
        import torch.distributed as dist

        dist.barrier()


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
class Case:
    """Un calcul à partager.

    Attributes:
        shards: nombre d'images de la part de chaque processus.
        network: voir :func:`network`.
    """

    shards: tuple[int, ...] = (32, 32)
    network: str = "simple"


@dataclass(frozen=True)
class Result:
    """Ce que rend un processus pour un cas.

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


def run(*cases: Case, steps: int = 5, timeout: float = 240) -> list[list[Result]]:
    """Lance autant de processus que de parts, attend, et rend leurs résultats.

    Args:
        cases: les cas à calculer, tous par les mêmes processus (en lancer coûte des secondes).
        steps: nombre de pas d'entraînement, tous sur le même lot.
        timeout: durée d'attente maximale, en secondes.

    Returns:
        Pour chaque cas, un résultat par processus, dans l'ordre des rangs.

    Raises:
        ReseauxError: parts impossibles ; processus en échec ou trop lent (tous sont arrêtés).
    """
    worlds = {len(case.shards) for case in cases}
    if len(worlds) != 1 or not 1 <= min(worlds) <= 8:
        raise ReseauxError("Donnez au moins un cas ; tous ont le même nombre de parts, de 1 à 8.")
    for case in cases:
        if min(case.shards) < 1 or sum(case.shards) > 1797:
            raise ReseauxError(
                f"Parts {case.shards} demandées ; il faut au moins une image par part, "
                "et 1 797 images au plus en tout."
            )
        network(case.network)  # un nom inconnu se dit ici, pas dans un processus
    world = min(worlds)
    with tempfile.TemporaryDirectory() as folder:
        job = {
            "cases": [(list(case.shards), case.network) for case in cases],
            "batches": [batch(sum(case.shards)) for case in cases],
            "steps": steps,
        }
        torch.save(job, Path(folder) / "travail.pt")
        command = [sys.executable, "-m", "reseaux.reuse.distributed", "--folder", folder]
        workers = [
            subprocess.Popen(
                command,
                env=_environment(rank, world, timeout),
                stdout=subprocess.DEVNULL,
                stderr=(Path(folder) / f"erreurs-{rank}").open("wb"),
            )
            for rank in range(world)
        ]
        try:
            codes = _wait(workers, timeout)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
        for rank, code in enumerate(codes):
            if code:  # « None » : encore en marche quand un autre a échoué
                lines = (Path(folder) / f"erreurs-{rank}").read_text(errors="replace").split("\n")
                said = next((line for line in reversed(lines) if line.strip()), "aucun message")
                raise ReseauxError(f"Le processus {rank} a échoué (code {code}) : {said}")
        by_rank = [torch.load(Path(folder) / f"{r}.pt", weights_only=True) for r in range(world)]
        return [[Result(**given[k]) for given in by_rank] for k in range(len(cases))]


def _wait(workers: list[subprocess.Popen[bytes]], timeout: float) -> list[int | None]:
    """Attend que tous finissent, ou qu'un seul échoue : les autres l'attendraient pour rien."""
    limit = time.monotonic() + timeout
    while time.monotonic() < limit:
        codes = [worker.poll() for worker in workers]
        if None not in codes or any(codes):
            return codes
        time.sleep(0.05)
    raise ReseauxError(
        f"Les processus n'ont pas fini en {timeout:g} s ; ils ont été arrêtés. "
        "Augmentez « timeout » si la machine est très chargée."
    )


def _environment(rank: int, world: int, timeout: float) -> dict[str, str]:
    """L'environnement que « torchrun » donnerait ; en plus, rester sur la boucle locale."""
    extra = {"RANK": rank, "WORLD_SIZE": world, "OMP_NUM_THREADS": 1, "RESEAUX_TIMEOUT": timeout}
    return {
        **os.environ,
        **{name: str(value) for name, value in extra.items()},
        **({} if os.name == "nt" else {"GLOO_SOCKET_IFNAME": _loopback()}),
    }


def _loopback() -> str:
    """Le nom que le système donne à la boucle locale."""
    return "lo0" if sys.platform == "darwin" else "lo"


def _work(case: Case, images: Tensor, labels: Tensor, steps: int) -> Result:
    """Ce que fait chaque processus pour un cas ; le lot est entier, il y prend sa part."""
    import torch.distributed as dist
    from torch.nn.parallel import DistributedDataParallel

    rank = dist.get_rank()
    first = sum(case.shards[:rank])
    images, labels = (t[first : first + case.shards[rank]] for t in (images, labels))

    model = network(case.network)
    local = gradient(model, images, labels)
    averaged = _average(local)
    for _ in range(steps):
        step(model, _average(gradient(model, images, labels)))

    ddp = gradient(DistributedDataParallel(network(case.network)), images, labels)
    return Result(rank, os.getpid(), case.shards[rank], local, averaged, ddp, parameters(model))


def _worker(folder: Path | None, network_name: str) -> None:
    """La vie d'un processus : se joindre aux autres, calculer, rendre, se quitter."""
    import torch.distributed as dist

    # Rendez-vous par un fichier : pas de port à choisir, donc pas de port déjà pris.
    # Sous « torchrun », il n'y a pas de dossier : c'est lui qui donne l'adresse.
    dist.init_process_group(
        "gloo",
        init_method=f"file://{folder / 'rendez-vous'}" if folder else "env://",
        rank=int(os.environ["RANK"]),
        world_size=int(os.environ["WORLD_SIZE"]),
        timeout=timedelta(seconds=float(os.environ.get("RESEAUX_TIMEOUT", "240"))),
    )
    if folder:
        job = torch.load(folder / "travail.pt", weights_only=True)
        cases = [Case(tuple(shards), name) for shards, name in job["cases"]]
        results = [
            vars(_work(case, images, labels, job["steps"]))
            for case, (images, labels) in zip(cases, job["batches"], strict=True)
        ]
        torch.save(results, folder / f"{dist.get_rank()}.pt")
    else:
        world = dist.get_world_size()
        case = Case((32,) * world, network_name)
        result = _work(case, *batch(32 * world), steps=5)
        difference = gap(result.averaged, result.ddp)
        print(f"Processus {result.rank} : écart à DistributedDataParallel {difference:.0e}")
    dist.barrier()  # personne ne part tant qu'un autre a besoin de lui
    dist.destroy_process_group()


def _average(vector: Tensor) -> Tensor:
    """Moyenne du vecteur sur tous les processus : le seul échange de tout le calcul."""
    import torch.distributed as dist

    total = vector.clone()
    dist.all_reduce(total)
    return total / dist.get_world_size()


def gap(a: Tensor, b: Tensor) -> float:
    """Plus grand écart entre deux vecteurs, rapporté à la plus grande valeur du second."""
    return float((a - b).abs().max() / b.abs().max())


def main() -> None:
    """Point d'entrée d'un processus."""
    parser = argparse.ArgumentParser(description="Un processus du parallélisme de données.")
    parser.add_argument("--folder", type=Path, default=None)
    parser.add_argument("--network", default="simple", choices=NETWORKS)
    given = parser.parse_args()
    torch.set_num_threads(1)
    torch.use_deterministic_algorithms(True)
    _worker(given.folder, given.network)


if __name__ == "__main__":
    main()
