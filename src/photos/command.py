"""La commande ``python -m photos.command DOSSIER`` : d'un dossier d'images à un classifieur.

    python -m photos.command "mes images"                    # apprend, teste, écrit « resultats »
    python -m photos.command --predire photo.jpg             # répond avec ce qui a été appris
    torchrun --nproc-per-node 2 -m photos.command "mes images" --methode reglage-fin

Le dossier de sortie reçoit ``modele.safetensors``, ``rapport.txt``, ``confusion.png``,
``erreurs.png`` et ``fichiers.csv``, qui dit ce qu'est devenu chaque fichier. Chacun est écrit d'un
coup : une commande interrompue ne laisse pas de fichier à moitié écrit.
"""

import argparse
import hashlib
import json
import os
import re
import shlex
import sys
import warnings
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, cast

from reseaux.errors import ReseauxError, os_reason
from reseaux.formatting import NBSP, decimal, integer, percent

if TYPE_CHECKING:
    from photos.classifier import Classifier
    from photos.folder import Folder
    from photos.report import Outcome
    from reseaux.reuse.training import Worker
    from reseaux.reuse.weights import Pretrained

OUTPUT = "resultats"
MODEL, TRAINING, REPORT = "modele.safetensors", "entrainement.pt", "rapport.txt"
CONFUSION, MISTAKES, FILES, ORIGIN = "confusion.png", "erreurs.png", "fichiers.csv", "origine.json"
SMALL, LARGE = "efficientnet-lite0", "efficientnet_v2_s"


@dataclass(frozen=True)
class Preset:
    """Un réglage : le réseau, le côté des images, les époques du réglage fin."""

    network: str
    size: int
    epochs: int


PRESETS = {"rapide": Preset(SMALL, 160, 8), "complet": Preset(LARGE, 224, 20)}

# ---------------------------------------------------------------------------------------------
# Les options, et les messages d'argparse en français

_FRENCH = (
    (r"argument (.+?): (.+)", r"option \1 : \2"),
    (r"expected one argument", "il y faut une valeur"),
    (r"expected at least one argument", "il y faut au moins une valeur"),
    (r"not allowed with argument (.+)", r"elle ne va pas avec \1"),
    (r"ignored explicit argument '?(.*?)'?$", r"elle ne prend pas de valeur (« \1 »)"),
    (r"invalid choice: '(.*?)' \(choose from (.+)\)", r"« \1 » n'existe pas ; choisissez : \2"),
    (r"invalid \w+ value: '(.*?)'", r"« \1 » n'est pas un nombre entier"),
    (r"unrecognized arguments: (.+)", r"option ou mot en trop : \1"),
    (r"ambiguous option: (.+?) could match (.+)", r"option ambiguë : \1 ; précisez : \2"),
    (r"the following arguments are required: (.+)", r"il manque : \1"),
)


class _FrenchHelp(argparse.HelpFormatter):
    """L'aide d'argparse, ses deux mots anglais traduits."""

    def add_usage(self, usage: Any, actions: Any, groups: Any, prefix: str | None = None) -> None:
        """Ajoute la ligne d'emploi."""
        super().add_usage(usage, actions, groups, "emploi : " if prefix is None else prefix)

    def start_section(self, heading: str | None) -> None:
        """Ouvre une section ; argparse met les deux-points."""
        super().start_section(f"{heading}{NBSP}")


class FrenchParser(argparse.ArgumentParser):
    """Un analyseur de ligne de commande dont l'aide et les erreurs sont en français."""

    def error(self, message: str) -> NoReturn:
        """Dit ce qui ne va pas dans les options, et quitte avec le code 2."""
        for english, french in _FRENCH:
            message = re.sub(english, french, message)
        self.exit(2, f"{self.format_usage()}\nErreur : {message}\nL'aide : {self.prog} --aide\n")


def _number(
    kind: type[int] | type[float], low: float, high: float, what: str
) -> Callable[..., Any]:
    """Un lecteur de nombre, pour argparse : refuse ce qui sort des bornes, en disant lesquelles."""

    def read(text: str) -> float:
        try:
            value = kind(text.replace(",", "."))
        except ValueError:
            value = kind(low) - 1
        if not low <= value <= high:
            raise argparse.ArgumentTypeError(f"« {text} » ; il faut {what}")
        return value

    return read


def _depth(text: str) -> int | None:
    """« auto » ou un numéro ; le réseau dira plus tard s'il a cette profondeur."""
    if text == "auto":
        return None
    return cast(int, _number(int, 0, 99, "« auto », ou un entier à partir de 0")(text))


def parser() -> FrenchParser:
    """L'analyseur des options de la commande."""
    built = FrenchParser(
        prog="python -m photos.command",
        description="Apprend à reconnaître vos images : un dossier, un sous-dossier par classe.",
        epilog="Codes de sortie : 0, tout va bien ; 1, erreur ; 2, option fausse ; 130, Ctrl+C.",
        formatter_class=_FrenchHelp,
        add_help=False,
        allow_abbrev=False,
    )
    main_group = built.add_argument_group("ce qu'il faut donner")
    main_group.add_argument(
        "dossier", metavar="DOSSIER", nargs="?", type=Path, help="le dossier d'images"
    )
    main_group.add_argument(
        "--predire", metavar="IMAGE", nargs="+", type=Path,
        help="sans DOSSIER : dit la classe d'images, ou de dossiers d'images, avec le modèle de "
        "--sortie",
    )  # fmt: skip
    options = built.add_argument_group("options")
    options.add_argument(
        "--methode", choices=("sonde", "reglage-fin"), default="sonde",
        help="sonde : quelques secondes, le réseau reste gelé ; reglage-fin : le réseau continue "
        "d'apprendre (par défaut : sonde)",
    )  # fmt: skip
    options.add_argument(
        "--reglage", choices=tuple(PRESETS), default="rapide",
        help="complet : images plus grandes, réseau plus grand si ses poids sont là, carte "
        "graphique s'il y en a une (par défaut : rapide)",
    )  # fmt: skip
    options.add_argument(
        "--sortie", metavar="DOSSIER", type=Path, default=Path(OUTPUT),
        help=f"où écrire les résultats (par défaut : {OUTPUT})",
    )  # fmt: skip
    options.add_argument(
        "--profondeur", metavar="N", type=_depth, default=None,
        help="sonde : la profondeur lue, de 0 (entrée) à la fin du réseau ; « auto » la choisit "
        "par validation croisée sur l'entraînement. reglage-fin : la première profondeur qui "
        "apprend ; « auto » : la fin du réseau en réglage rapide, tout en réglage complet "
        "(par défaut : auto)",
    )  # fmt: skip
    options.add_argument(
        "--taille", metavar="PIXELS", type=_number(int, 32, 1024, "un entier de 32 à 1024"),
        help="côté des carrés donnés au réseau (par défaut : "
        + ", ".join(f"{p.size} en réglage {name}" for name, p in PRESETS.items()) + ")",
    )  # fmt: skip
    options.add_argument(
        "--epoques", metavar="N", type=_number(int, 1, 10_000, "un entier d'au moins 1"),
        help="époques du réglage fin (par défaut : "
        + ", ".join(f"{p.epochs} en réglage {name}" for name, p in PRESETS.items()) + ")",
    )  # fmt: skip
    options.add_argument(
        "--part-test", metavar="PART", default=0.25,
        type=_number(float, 0.01, 0.9, "un nombre entre 0.01 et 0.9"),
        help="part des images mise de côté pour le test (par défaut : 0,25)",
    )  # fmt: skip
    options.add_argument(
        "--graine", metavar="N", type=_number(int, 0, 2**31, "un entier à partir de 0"), default=0,
        help="graine du partage et de l'apprentissage : la même redonne tout (par défaut : 0)",
    )  # fmt: skip
    options.add_argument(
        "--reprendre", action="store_true",
        help="reprend un réglage fin interrompu, là où il en était",
    )  # fmt: skip
    options.add_argument(
        "--ecraser", action="store_true",
        help="remplace les résultats d'un autre dossier d'images",
    )  # fmt: skip
    options.add_argument("-h", "--aide", "--help", action="help", help="montre cette aide")
    return built


def _check(given: argparse.Namespace, built: FrenchParser) -> None:
    """Refuse les options qui ne vont pas ensemble."""
    if given.predire and given.dossier:
        built.error(
            "--predire se passe de DOSSIER : il relit le modèle de --sortie. "
            f"Retirez « {given.dossier} »"
        )
    if not given.predire and not given.dossier:
        built.error("il manque DOSSIER, le dossier d'images (ou --predire IMAGE)")
    if given.methode == "sonde" and given.reprendre:
        built.error("--reprendre ne sert qu'à --methode reglage-fin ; une sonde se réapprend")
    if given.methode == "sonde" and given.epoques:
        built.error("--epoques ne sert qu'à --methode reglage-fin")


def main(argv: Sequence[str] | None = None) -> int:
    """Le point d'entrée ; rend le code de sortie.

    Args:
        argv: les mots qui suivent ``python -m photos.command`` ; par défaut, ceux du système.
    """
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="replace")  # un terminal sans accents n'arrête pas tout
    built = parser()
    try:
        given = built.parse_args(argv)
        _check(given, built)
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else 2
    try:
        if given.predire:
            if _speaks():
                _predict(given)
        else:
            _learn(given)
    except ReseauxError as error:
        _complain(f"Erreur : {error}")
        return 1
    except BrokenPipeError:  # « | head » a cessé de lire : rien à dire, et nulle part où le dire
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except OSError as error:
        _complain(f"Erreur : {_system(error)}")
        return 1
    except (MemoryError, RuntimeError) as error:
        # Interrompu en pleine sauvegarde, torch lève sa propre erreur par-dessus Ctrl+C.
        if _from_interrupt(error):
            return _interrupted(given)
        if isinstance(error, RuntimeError) and not re.search("memory", str(error)):
            raise  # un défaut du programme : il se montre
        _complain("Erreur : la mémoire ne suffit pas. Diminuez « --taille ».")
        return 1
    except KeyboardInterrupt:
        return _interrupted(given)
    return 0


def _from_interrupt(error: BaseException | None) -> bool:
    """Dit si une erreur vient, de près ou de loin, de Ctrl+C."""
    while error is not None and not isinstance(error, KeyboardInterrupt):
        error = error.__context__
    return error is not None


def _interrupted(given: argparse.Namespace) -> int:
    """Dit ce qui reste après Ctrl+C ; rend le code de sortie."""
    saved = given.sortie / TRAINING
    kept = f" La sauvegarde « {saved} » est gardée : ajoutez « --reprendre »."
    _complain("\nInterrompu." + (kept if not given.predire and saved.exists() else ""))
    return 130


def _complain(message: str) -> None:
    if _speaks():
        print(message, file=sys.stderr)


def _speaks() -> bool:
    """À plusieurs processus, un seul parle."""
    return os.environ.get("RANK", "0") == "0"


def _system(error: OSError) -> str:
    """Une erreur du système, en français."""
    where = f" : « {error.filename} »" if error.filename else ""
    return (
        f"lecture ou écriture impossible{where} ({os_reason(error)}). Donnez un autre dossier "
        "« --sortie »."
    )


# ---------------------------------------------------------------------------------------------
# Apprendre


def _learn(given: argparse.Namespace) -> None:
    """Lit le dossier, apprend, teste, écrit."""
    import torch

    from photos import folder
    from reseaux.reuse import distributed

    preset = PRESETS[given.reglage]
    cards = given.reglage == "complet" and torch.cuda.is_available()
    with distributed.joined(cards) as worker:
        if worker.world_size > 1 and given.methode == "sonde":
            raise ReseauxError(
                "Une sonde s'apprend sur un seul processus, en quelques secondes : lancez la "
                "commande sans « torchrun », ou choisissez « --methode reglage-fin »."
            )
        tell = print if worker.rank == 0 else (lambda *_: None)
        size = given.taille or preset.size
        pictures = folder.read(
            given.dossier, square=size, progress=_bar("Lecture", " fichier", worker)
        )
        train, test = folder.split(pictures.labels, given.part_test, given.graine)
        _claim(given, worker)
        tell(_told(pictures, given.dossier, train.tolist(), test.tolist()))
        pretrained = _network(preset.network, tell)
        if cards:
            pretrained.model.to(f"cuda:{torch.cuda.current_device()}")
        if given.methode == "sonde":
            classifier, how = _probe(given, pretrained, pictures, train, size)
        else:
            classifier, how = _fine_tune(given, pretrained, pictures, train, size, worker)
    if worker.rank == 0:  # le rang 0 seul teste et écrit
        _finish(given, classifier, pictures, train.tolist(), test, how)


def _bar(what: str, unit: str, worker: "Worker | None" = None) -> Callable[[Any], Iterable[Any]]:
    """Une barre de progression, muette hors d'un terminal."""
    from tqdm import tqdm

    def watched(items: Any) -> Iterable[Any]:
        hidden = True if worker is not None and worker.rank else None
        bar: Iterable[Any] = tqdm(items, desc=what, unit=unit, disable=hidden, leave=False)
        return bar

    return watched


def _network(name: str, tell: Callable[[str], None]) -> "Pretrained":
    """Le réseau du réglage ; si ses poids ne sont pas là, celui qui est livré avec le cours."""
    from reseaux.reuse import weights

    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", UserWarning)
        pretrained = weights.load(name, fallback=SMALL)
    if name != SMALL and pretrained.name == SMALL:
        tell("\n".join([*(str(warning.message) for warning in said), ""]))
    return pretrained


def _identity(path: Path) -> str:
    """Reconnaît un dossier d'images sans écrire son chemin dans les résultats."""
    return hashlib.sha256(str(path.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]


def _claim(given: argparse.Namespace, worker: "Worker") -> None:
    """Réserve le dossier de sortie à ce dossier d'images.

    Raises:
        ReseauxError: il est dans le dossier d'images, ou contient autre chose que ses résultats.
    """
    from photos import report
    from reseaux.reuse import distributed

    output, source = given.sortie, given.dossier
    if source.resolve() in (output.resolve(), *output.resolve().parents):
        raise ReseauxError(
            f"La sortie « {output} » est dans le dossier d'images : elle deviendrait une classe. "
            "Donnez un autre dossier par « --sortie »."
        )
    if output.exists() and not output.is_dir():
        raise ReseauxError(f"« {output} » est un fichier. Donnez un dossier par « --sortie ».")
    mark = output / ORIGIN
    occupied = output.is_dir() and any(output.iterdir())
    if occupied and not given.ecraser:
        try:
            owner = json.loads(mark.read_text("utf-8"))
            identity, name = owner["empreinte"], owner["dossier"]
        except (OSError, ValueError, KeyError, TypeError):
            raise ReseauxError(
                f"Le dossier « {output} » contient déjà autre chose. Donnez-en un autre par "
                "« --sortie », ou ajoutez « --ecraser »."
            ) from None
        if identity != _identity(source):
            raise ReseauxError(
                f"Le dossier « {output} » contient les résultats d'un autre dossier d'images "
                f"(« {name} »). Donnez-en un autre par « --sortie », ou ajoutez « --ecraser »."
            )
    interrupted = (output / TRAINING).exists()
    if given.methode == "reglage-fin" and interrupted and not (given.reprendre or given.ecraser):
        raise ReseauxError(
            f"« {output} » contient un réglage fin interrompu. Continuez-le par « --reprendre », "
            "ou recommencez par « --ecraser »."
        )
    if given.reprendre and not interrupted:
        raise ReseauxError(
            f"Rien à reprendre : « {output / TRAINING} » n'existe pas. Le réglage fin s'est "
            "terminé, ou n'a pas fini sa première époque. Relancez sans « --reprendre »."
        )
    distributed.wait(worker)  # personne n'écrit tant qu'un autre regarde
    if worker.rank == 0:
        owner = {"dossier": source.resolve().name, "empreinte": _identity(source)}
        report.write_text(mark, json.dumps(owner, ensure_ascii=False) + "\n")


def _told(pictures: "Folder", source: Path, train: list[int], test: list[int]) -> str:
    """Ce qui a été trouvé dans le dossier : les comptes, les refus, les remarques."""
    from photos import report
    from photos.folder import readable
    from reseaux.tables import Table

    found = len(pictures) + len(pictures.refused)
    lines = [
        f"Dossier « {readable(source.resolve().name)} » : {integer(found)} fichiers trouvés, "
        f"{integer(len(pictures))} images lues, {_plural(len(pictures.refused), 'refusé')}.",
        "",
    ]
    if pictures.refused:
        lines += [report.shown(pictures.report()), ""]
    counts = [
        [sum(int(pictures.labels[i]) == k for i in part) for part in (train, test)]
        for k in range(len(pictures.names))
    ]
    rows = [(name, a, b) for name, (a, b) in zip(pictures.names, counts, strict=True)]
    lines += [report.shown(Table("Images par classe", ("classe", "entraînement", "test"), rows))]
    notes = list(pictures.notes)
    notes += [
        f"La classe « {name} » n'a qu'une image : elle est apprise, mais pas testée."
        for name, (_, tested) in zip(pictures.names, counts, strict=True)
        if not tested
    ]
    both = _twins(pictures, train, test)
    if both:
        notes.append(
            f"Attention : {_plural(both, 'image')} de test se retrouve{'nt' if both > 1 else ''}, "
            "au pixel près, à l'entraînement. L'exactitude sera trop belle : retirez les doubles."
        )
    return "\n".join([*lines, "", *notes, *([""] if notes else [])])


def _plural(count: int, word: str) -> str:
    """Un nombre et son nom, au pluriel à partir de 2."""
    return f"{integer(count)} {word}{'s' if count > 1 else ''}"


def _twins(pictures: "Folder", train: list[int], test: list[int]) -> int:
    """Nombre d'images de test qui sont aussi à l'entraînement."""
    learned = {pictures.images[i].tobytes() for i in train}
    return sum(pictures.images[i].tobytes() in learned for i in test)


def _probe(
    given: argparse.Namespace,
    pretrained: "Pretrained",
    pictures: "Folder",
    train: Any,
    size: int,
) -> tuple["Classifier", str]:
    """Apprend une sonde sur les images d'entraînement ; rend aussi une phrase qui le raconte."""
    import numpy as np
    import torch

    from photos import classifier
    from reseaux.reuse import transfer

    mean, std = transfer.normalization(pretrained)
    normalize = classifier.Normalize(mean, std)
    inputs = classifier.to_tensor(classifier.to_squares([pictures.images[i] for i in train]))
    chunks = [
        transfer.extract_features(pretrained.model, normalize(chunk))
        for chunk in _bar("Caractéristiques", " lot")(torch.split(inputs, 32))
    ]
    vectors = [np.concatenate(parts) for parts in zip(*chunks, strict=True)]
    labels, names = pictures.labels[train], transfer.depth_names(pretrained.model)
    depth, why = given.profondeur, "donnée"
    if depth is None and np.bincount(labels).max() < 2:
        depth, why = len(names) * 2 // 3, "par défaut : trop peu d'images pour la choisir"
    elif depth is None:
        depth, scores = transfer.choose_depth(vectors, labels, seed=given.graine)
        why = f"choisie : la validation croisée y donne {percent(scores[depth])}"
    _check_depth(depth, len(names) - 1)
    head = transfer.as_linear_layer(transfer.linear_probe(vectors[depth], labels))
    description = classifier.Description(
        "sonde", pretrained.name, pictures.names, size, mean, std, depth
    )
    how = f"Sonde sur « {pretrained.name} », profondeur {depth} (« {names[depth]} », {why})."
    return classifier.probed(description, pretrained, head), how


def _check_depth(depth: int, highest: int) -> None:
    if depth > highest:
        raise ReseauxError(
            f"Profondeur {depth} demandée ; ce réseau va de 0 à {highest}. "
            "Donnez « --profondeur auto » ou un de ces nombres."
        )


def _fine_tune(
    given: argparse.Namespace,
    pretrained: "Pretrained",
    pictures: "Folder",
    train: Any,
    size: int,
    worker: "Worker",
) -> tuple["Classifier", str]:
    """Règle le réseau sur les images d'entraînement ; rend aussi une phrase qui le raconte."""
    import torch

    from photos import classifier
    from reseaux.reuse import transfer
    from reseaux.reuse.training import Epoch

    mean, std = transfer.normalization(pretrained)
    count = len(transfer.depth_names(pretrained.model))
    depth = given.profondeur
    if depth is None:
        depth = 0 if given.reglage == "complet" else count - 3
    _check_depth(depth, count)
    epochs = given.epoques or PRESETS[given.reglage].epochs
    progress = iter(_bar("Réglage fin", " époque", worker)(range(epochs)))
    last: list[Epoch] = []

    def after(epoch: Epoch) -> None:
        next(progress, None)
        last[:] = [epoch]

    network = transfer.fine_tune(
        pretrained,
        classifier.to_tensor(classifier.to_squares([pictures.images[i] for i in train])),
        torch.from_numpy(pictures.labels[train]),
        len(pictures.names),
        first_trained=depth,
        epochs=epochs,
        learning_rate=2e-3,
        backbone_rate=0.1,  # ce qui est déjà appris se retouche ; le classifieur part de rien
        batch_size=16,
        seed=given.graine,
        frozen_statistics=True,
        augment=classifier.Normalize(mean, std),
        after_epoch=after,
        checkpoint=given.sortie / TRAINING,
        resume=given.reprendre,
        worker=worker,
    )
    next(progress, None)  # ferme la barre
    description = classifier.Description(
        "reglage-fin", pretrained.name, pictures.names, size, mean, std, depth
    )
    loss = f", perte {decimal(last[0].loss, 3)} à la dernière" if last else ""
    how = (
        f"Réglage fin de « {pretrained.name} » à partir de la profondeur {depth}, "
        f"{_plural(epochs, 'époque')}{loss}."
    )
    return classifier.tuned(description, network), how


def _finish(
    given: argparse.Namespace,
    classifier: "Classifier",
    pictures: "Folder",
    train: list[int],
    test: Any,
    how: str,
) -> None:
    """Teste, raconte, écrit ; le rapport vient en dernier, il dit que tout est là."""
    from photos import classifier as saving
    from photos import report

    held = [pictures.images[i] for i in test]
    outcome = report.Outcome(
        pictures.names,
        tuple(pictures.files[i] for i in test),
        pictures.labels[test],
        classifier.probabilities(saving.to_squares(held)),
    )
    lines = [how, outcome.accuracy(), ""]
    if outcome.worst:
        lines += [report.shown(outcome.mistakes()), ""]
    output: Path = given.sortie
    saving.save(classifier, output / MODEL)
    report.write_csv(output / FILES, *_fates(pictures, train, test.tolist(), outcome))
    with report.drawing():
        report.write_figure(output / CONFUSION, outcome.confusion())
        sheet = outcome.contact_sheet(held)
        if sheet is not None:
            report.write_figure(output / MISTAKES, sheet)
        else:
            (output / MISTAKES).unlink(missing_ok=True)
    told = _told(pictures, given.dossier, train, test.tolist())
    report.write_text(output / REPORT, "\n".join([told, *lines]))
    if given.methode == "reglage-fin":
        (output / TRAINING).unlink(missing_ok=True)  # terminé : il n'y a plus rien à reprendre
    written = [name for name in (MODEL, REPORT, CONFUSION, MISTAKES, FILES)
               if (output / name).exists()]  # fmt: skip
    print("\n".join(lines))
    print(f"Résultats dans « {output} » : {', '.join(written)}.")
    place = "" if str(output) == OUTPUT else f" --sortie {shlex.quote(str(output))}"
    print(f"Et maintenant : python -m photos.command{place} --predire IMAGE")


def _fates(
    pictures: "Folder", train: list[int], test: list[int], outcome: "Outcome"
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Ce qu'est devenu chaque fichier : colonnes et lignes de « fichiers.csv »."""
    rows = [
        (pictures.files[i], pictures.names[pictures.labels[i]], "entraînement", "", "", "")
        for i in train
    ]
    for i, answer, row in zip(test, outcome.answers, outcome.probabilities, strict=True):
        known = (pictures.files[i], pictures.names[pictures.labels[i]], "test")
        rows.append((*known, pictures.names[answer], decimal(float(row[answer]), 4), ""))
    rows += [(refused.file, "", "refusé", "", "", refused.reason) for refused in pictures.refused]
    columns = ("fichier", "classe", "usage", "réponse", "probabilité", "raison du refus")
    return columns, sorted(rows)


# ---------------------------------------------------------------------------------------------
# Prédire


def _predict(given: argparse.Namespace) -> None:
    """Répond pour des images, ou des dossiers d'images, avec le modèle de la sortie."""
    from photos import classifier as saving
    from photos import folder
    from reseaux.tables import Table

    classifier = saving.load(given.sortie / MODEL)
    names = classifier.description.names
    files = [
        file
        for path in given.predire
        for file in (folder.walk(path) if path.is_dir() else [path])
        if file == path or not file.name.startswith(".")
    ]
    images, rows, refused = [], [], []
    for file in _bar("Lecture", " fichier")(files):
        try:
            images.append(folder.read_image(file, square=classifier.description.size))
            rows.append(folder.readable(str(file)))
        except ReseauxError as error:
            refused.append((folder.readable(str(file)), str(error)))
    if images:
        table = []
        answers = classifier.probabilities(saving.to_squares(images))
        for name, row in zip(rows, answers, strict=True):
            first, second = row.argsort()[::-1][:2]
            other = f"{names[second]} ({percent(float(row[second]), 0)})"
            table.append((name, names[first], percent(float(row[first]), 0), other))
        print(Table("Réponses", ("fichier", "classe", "probabilité", "sinon"), table))
    if refused:
        print(Table("Fichiers refusés", ("fichier", "raison"), refused), file=sys.stderr)
    if not images:
        raise ReseauxError("Aucune image à reconnaître. Donnez au moins une image lisible.")


if __name__ == "__main__":
    sys.exit(main())
