"""La commande sous « torchrun » : deux vrais processus, et ce qui arrive quand l'un meurt.

Tolérance. Le lot est le même, et les normalisations gardent leurs statistiques : à l'arrondi près,
les gradients sont ceux d'un seul processus. Mais la somme ne se fait pas dans le même ordre, et
AdamW divise chaque gradient par sa taille : un gradient qui n'est que de l'arrondi peut déplacer
son paramètre d'un pas entier. On borne donc chaque écart par quelques pas d'apprentissage, et leur
norme par un centième du chemin parcouru.
"""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from photo_folder import make
from photos import classifier, command, folder, results
from photos.request import MODEL, TRAINING
from reseaux.reuse import weights

EPOCHS, RATE = 4, 2e-3
OPTIONS = ("--methode", "reglage-fin", "--taille", "32", "--epoques", "4")

# Chargé par Python au démarrage de chaque processus : note qui il est et ce qu'il écrit, et tue le
# processus 1 quand le processus 0 s'apprête à écrire sa troisième sauvegarde.
SPY = """
import os, signal, sys
from pathlib import Path

rank, log = os.environ.get("RANK"), Path(os.environ["ESPION"])
if rank is not None:
    (log / f"pid-{rank}").write_text(str(os.getpid()))
    count = 0

    def watch(event, args):
        global count
        if event == "os.rename":
            with (log / f"écrits-{rank}").open("a") as stream:
                stream.write(os.path.basename(os.fspath(args[1])) + "\\n")
            count += os.fspath(args[1]).endswith("entrainement.pt")
            if os.environ.get("TUER") and rank == "0" and count == 3:
                os.kill(int((log / "pid-1").read_text()), signal.SIGKILL)

    sys.addaudithook(watch)
"""


def torchrun(
    photos: Path, output: str, *options: str, kill: bool = False
) -> tuple[subprocess.CompletedProcess[str], Path]:
    log = photos.parent / f"espion {output}{''.join(options)}"
    log.mkdir()
    (log / "sitecustomize.py").write_text(SPY, encoding="utf-8")
    launcher = [sys.executable, "-m", "torch.distributed.run", "--standalone"]
    launcher += ["--nproc-per-node", "2", "-m", "reseaux", "apprendre"]
    path = os.pathsep.join([str(log), *filter(None, [os.environ.get("PYTHONPATH")])])
    environment = {**os.environ, "PYTHONPATH": path, "ESPION": str(log), "OMP_NUM_THREADS": "1"}
    if kill:
        environment["TUER"] = "1"
    done = subprocess.run(
        [*launcher, str(photos), *OPTIONS, "--sortie", output, *options],
        capture_output=True, text=True, timeout=240, env=environment, cwd=photos.parent,
    )  # fmt: skip
    return done, log


def alive(pid: int) -> bool:
    """Vit encore ; un processus fini que personne n'a encore enterré (« Z ») ne compte pas."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make(tmp_path_factory.mktemp("torchrun") / "mes images")


@pytest.fixture(scope="module")
def alone(photos: Path) -> classifier.Classifier:
    """Un seul processus, sans interruption."""
    output = photos.parent / "seul"
    assert command.main(["apprendre", str(photos), *OPTIONS, "--sortie", str(output)]) == 0
    return classifier.load(output / MODEL)


def assert_same(found: classifier.Classifier, alone: classifier.Classifier, photos: Path) -> None:
    start = weights.load().model.state_dict()
    apart, path = 0.0, 0.0
    for name, tensor in alone.learned.items():
        gap = (found.learned[name].double() - tensor.double()).norm() ** 2
        apart += float(gap)
        assert float((found.learned[name] - tensor).abs().max()) < 3 * RATE, name
        if tensor.shape == start[name].shape:
            path += float((tensor.double() - start[name].double()).norm() ** 2)
    assert path > 0
    assert (apart / path) ** 0.5 < 1e-2
    squares = classifier.to_squares(folder.read(photos, square=32).images)
    np.testing.assert_allclose(
        found.probabilities(squares), alone.probabilities(squares), atol=1e-2
    )


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processus suivis par /proc")
def test_two_processes_give_the_model_of_one(photos: Path, alone: classifier.Classifier) -> None:
    done, log = torchrun(photos, "deux")
    assert done.returncode == 0, done.stderr
    assert_same(classifier.load(photos.parent / "deux" / MODEL), alone, photos)
    # Un seul processus écrit et parle.
    assert {f.name for f in log.glob("pid-*")} == {"pid-0", "pid-1"}
    written = (log / "écrits-0").read_text().split()
    assert written.count(TRAINING) == EPOCHS
    assert written[-1] == results.ORIGIN  # dernier venu, il dit que tout est là
    assert not (log / "écrits-1").exists()
    assert done.stdout.count("Exactitude sur le test") == 1
    assert done.stdout.count("Images par classe") == 1


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="processus suivis par /proc")
def test_killed_then_resumed_gives_the_same_model(
    photos: Path, alone: classifier.Classifier
) -> None:
    broken, log = torchrun(photos, "coupé", kill=True)
    assert broken.returncode != 0
    for rank in (0, 1):
        assert not alive(int((log / f"pid-{rank}").read_text()))
    left = {f.name for f in (photos.parent / "coupé").iterdir()}
    assert left == {results.ORIGIN, TRAINING}
    done, log = torchrun(photos, "coupé", "--reprendre")
    assert done.returncode == 0, done.stderr
    # Ce qui était fait n'est pas refait.
    assert (log / "écrits-0").read_text().split().count(TRAINING) < EPOCHS
    assert_same(classifier.load(photos.parent / "coupé" / MODEL), alone, photos)


def test_a_probe_needs_no_torchrun(photos: Path, monkeypatch, capsys) -> None:
    from contextlib import contextmanager

    from reseaux.reuse import distributed, training

    @contextmanager
    def joined(_: bool):
        yield training.Worker(0, 2)

    monkeypatch.setattr(distributed, "joined", joined)
    assert command.main(["apprendre", str(photos), "--sortie", str(photos.parent / "sonde")]) == 1
    assert "sans « torchrun »" in capsys.readouterr().err
    assert not (photos.parent / "sonde").exists()
