"""Un programme qui sauvegarde sans arrêt, tué encore et encore ; écrit en JSON ce qui est resté.

    python killed_writer.py dossier 200

Les écrivains naissent par ``fork`` : torch n'est chargé qu'une fois.
"""

import json
import os
import random
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

from reseaux.reuse import checkpoints

LONGEST = 0.03  # secondes de vie d'un écrivain, au plus : plusieurs sauvegardes


def save(path: Path, epoch: int) -> None:
    """Sauve un état dont chaque poids est le numéro de l'époque : un mélange se verrait."""
    model = nn.Linear(512, 512)
    for parameter in model.parameters():
        nn.init.constant_(parameter, epoch)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    checkpoints.save(path, model, optimizer, architecture="n", arguments={}, epoch=epoch)


def write_forever(path: Path, epoch: int, acknowledge: int) -> None:
    """Sauve l'époque suivante, puis la suivante ; annonce chacune une fois ``save`` revenu."""
    while True:
        epoch += 1
        save(path, epoch)
        os.write(acknowledge, epoch.to_bytes(4, "big"))


def kill_one(path: Path, epoch: int, delay: float, after_one: bool) -> dict[str, object]:
    """Lance un écrivain, le tue, et relève ce qu'il a annoncé et laissé.

    Le délai court dès le départ ou, ``after_one``, dès la première sauvegarde : sur une machine
    chargée aussi, des coups portent avant elle et d'autres après.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        write_forever(path, epoch, writer)
    os.close(writer)
    first = os.read(reader, 4) if after_one else b""
    time.sleep(delay)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    with os.fdopen(reader, "rb") as stream:
        announced = (first + stream.read())[-4:]
    left = [f.stat().st_size for f in path.parent.iterdir() if f != path]
    checkpoint = checkpoints.load(path)
    values = {v for t in checkpoint.state["model"].values() for v in t.unique().tolist()}
    return {
        "before": epoch,
        "announced": int.from_bytes(announced, "big") if announced else epoch,
        "epoch": checkpoint.epoch,
        "values": sorted(values),
        "left": left,
    }


def main(folder: Path, kills: int) -> None:
    """Tue ``kills`` écrivains à des moments tirés au hasard, puis sauve une dernière fois."""
    torch.set_num_threads(1)
    rng, path = random.Random(0), folder / "c.pt"
    save(path, 0)
    size = path.stat().st_size
    records: list[dict[str, object]] = []
    epoch = 0
    for kill in range(kills):
        records.append(kill_one(path, epoch, rng.uniform(0, LONGEST), kill % 2 == 1))
        epoch = checkpoints.load(path).epoch
    save(path, epoch + 1)
    at_the_end = [f.name for f in folder.iterdir()]
    print(json.dumps({"size": size, "records": records, "at_the_end": at_the_end}))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
