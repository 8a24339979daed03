"""La commande, comme on s'en sert : un dossier de vraies photographies, des options."""

import csv
import os
import subprocess
import sys
import unicodedata
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors import safe_open

from photo_folder import SIDE, SOURCES, crops, make
from photos import classifier, command, folder, report
from reseaux.errors import ReseauxError
from reseaux.reuse import training, transfer, weights

FAST = ("--taille", "32")


@pytest.fixture
def photos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return make(tmp_path / "mes images")


def run(*words: object) -> int:
    return command.main([str(word) for word in words])


def fates(output: Path) -> list[dict[str, str]]:
    with (output / command.FILES).open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream, delimiter=";"))


# ---------------------------------------------------------------------------------------------
# Sonde, de bout en bout


def test_probe_end_to_end(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(photos, *FAST) == 0
    said = capsys.readouterr().out
    output = Path("resultats")
    rows = fates(output)
    used = [row for row in rows if row["usage"] != "refusé"]
    test = [row for row in rows if row["usage"] == "test"]
    assert (len(used), len(test)) == (24, 6)
    right = sum(row["classe"] == row["réponse"] for row in test)
    assert right >= 4  # une photographie sur trois au hasard
    assert f"({right} sur 6)" in said
    assert "intervalle à 95 %" in said
    assert {row["classe"] for row in test} == set(SOURCES)
    assert (output / command.REPORT).read_text("utf-8").startswith("Dossier «")
    assert Image.open(output / command.CONFUSION).size[0] > 100
    assert (output / command.MISTAKES).exists() == (right < 6)
    assert not list(output.glob(".*"))  # aucun fichier temporaire

    # Relu, le modèle redonne les réponses du test.
    files = [photos / row["fichier"] for row in test]
    assert run("--predire", *files) == 0
    told = capsys.readouterr().out
    for row, line in zip(test, told.splitlines()[3:], strict=True):
        assert row["fichier"] in line
        assert row["réponse"] in line


def test_the_same_seed_gives_the_same_model(photos: Path) -> None:
    for output in ("un", "deux", "autre"):
        seed = 1 if output == "autre" else 0
        assert run(photos, *FAST, "--profondeur", 4, "--graine", seed, "--sortie", output) == 0
    one, two, other = ((Path(o) / command.MODEL).read_bytes() for o in ("un", "deux", "autre"))
    assert one == two
    assert one != other


def test_the_model_file_says_what_it_is_and_holds_only_numbers(photos: Path) -> None:
    assert run(photos, *FAST, "--profondeur", 5) == 0
    with safe_open(Path("resultats") / command.MODEL, framework="pt") as content:
        assert set(content.keys()) == {"weight", "bias"}
        assert content.get_tensor("weight").shape == (3, 112)
    loaded = classifier.load(Path("resultats") / command.MODEL)
    assert loaded.description == classifier.Description(
        "sonde", "efficientnet-lite0", tuple(SOURCES), 32, (0.5,) * 3, (0.5,) * 3, 5
    )


def test_a_folder_can_be_predicted_and_refusals_are_named(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, *FAST, "--profondeur", 3) == 0
    (photos / "chat" / "notes.txt").write_text("pas une image")
    capsys.readouterr()
    assert run("--predire", photos / "chat", "absente.png") == 0
    told = capsys.readouterr()
    assert told.out.count("photo n°") == 8
    assert "notes.txt" in told.err
    assert "absente.png" in told.err
    assert "ce fichier n'existe pas" in told.err
    assert run("--predire", "absente.png") == 1
    assert "Aucune image" in capsys.readouterr().err


def test_no_model_yet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--sortie", tmp_path, "--predire", "x.png") == 1
    assert "n'existe pas. Apprenez-en un d'abord" in capsys.readouterr().err
    (tmp_path / command.MODEL).write_bytes(b"rien de bon")
    assert run("--sortie", tmp_path, "--predire", "x.png") == 1
    assert "tronqué, abîmé" in capsys.readouterr().err
    from safetensors.torch import save_file

    save_file({"weight": torch.zeros(2, 2)}, tmp_path / command.MODEL)
    assert run("--sortie", tmp_path, "--predire", "x.png") == 1
    assert "n'est pas un modèle écrit par" in capsys.readouterr().err


def test_twins_across_the_split_are_reported(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for file in list((photos / "chat").iterdir()):
        (photos / "chat" / f"copie de {file.name}").write_bytes(file.read_bytes())
    assert run(photos, *FAST, "--profondeur", 3) == 0
    assert "au pixel près" in capsys.readouterr().out


# ---------------------------------------------------------------------------------------------
# Réglage fin : sauvegarde, reprise, interruption

TUNE = (*FAST, "--methode", "reglage-fin", "--profondeur", 8)


def learned(output: str) -> dict[str, torch.Tensor]:
    return classifier.load(Path(output) / command.MODEL).learned


def test_interrupted_then_resumed_gives_the_same_weights(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, *TUNE, "--epoques", 3, "--sortie", "direct") == 0
    assert not (Path("direct") / command.TRAINING).exists()

    real = training.train

    def interrupted(*args: object, after_epoch, **options: object) -> object:
        def stop(epoch: training.Epoch) -> None:
            after_epoch(epoch)
            if epoch.number == 2:
                raise KeyboardInterrupt

        return real(*args, after_epoch=stop, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(training, "train", interrupted)
    assert run(photos, *TUNE, "--epoques", 3, "--sortie", "coupé") == 130
    monkeypatch.undo()
    os.chdir(photos.parent)
    said = capsys.readouterr().err
    assert "Interrompu" in said
    assert "--reprendre" in said
    assert {f.name for f in Path("coupé").iterdir()} == {command.ORIGIN, command.TRAINING}

    assert run(photos, *TUNE, "--epoques", 3, "--sortie", "coupé") == 1
    assert "réglage fin interrompu" in capsys.readouterr().err
    assert run(photos, *TUNE, "--epoques", 4, "--sortie", "coupé", "--reprendre") == 1
    assert "époques : 3, et non 4" in capsys.readouterr().err
    assert run(photos, *TUNE, "--epoques", 3, "--sortie", "coupé", "--reprendre") == 0
    direct, resumed = learned("direct"), learned("coupé")
    assert direct.keys() == resumed.keys()
    assert all(torch.equal(direct[k], resumed[k]) for k in direct)
    assert run(photos, *TUNE, "--epoques", 3, "--sortie", "coupé", "--reprendre") == 1
    assert "Rien à reprendre" in capsys.readouterr().err


def test_interrupted_while_saving(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Ctrl+C au milieu de torch.save : torch lève une autre erreur par-dessus."""

    def saving(*_: object, **__: object) -> object:
        try:
            raise KeyboardInterrupt
        finally:
            raise RuntimeError("unexpected pos 4901888 vs 4901784")

    monkeypatch.setattr(training, "train", saving)
    assert run(photos, *TUNE) == 130
    assert "Interrompu" in capsys.readouterr().err

    def broken(*_: object, **__: object) -> object:
        raise RuntimeError("un défaut")

    monkeypatch.setattr(training, "train", broken)
    with pytest.raises(RuntimeError, match="un défaut"):  # un défaut ne se cache pas
        run(photos, *TUNE)


def test_complete_falls_back_in_french(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real, asked = weights.load, []

    def load(name: str = "efficientnet-lite0", **options: object) -> weights.Pretrained:
        asked.append((name, options))
        if name != "efficientnet-lite0":
            warnings.warn(f"Poids de « {name} » absents.", stacklevel=2)
        return real("efficientnet-lite0")

    monkeypatch.setattr(weights, "load", load)
    assert run(photos, *FAST, "--reglage", "complet", "--profondeur", 3) == 0
    assert asked[0] == (command.LARGE, {"fallback": "efficientnet-lite0"})
    assert f"Poids de « {command.LARGE} » absents." in capsys.readouterr().out
    assert '"network": "efficientnet-lite0"' in (Path("resultats") / command.MODEL).read_bytes()[
        :2000
    ].decode("utf-8", "replace").replace('\\"', '"')


@pytest.mark.parametrize("method", classifier.METHODS)
def test_a_torchvision_network_serves_as_well(
    photos: Path, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Le réseau plus grand du réglage complet, en petit et sans ses poids : tout le reste y est."""
    from torchvision import models

    prepare = models.MobileNet_V3_Small_Weights.DEFAULT.transforms()

    def load(name: str = "", **_: object) -> weights.Pretrained:
        torch.manual_seed(0)
        return weights.Pretrained(name, models.mobilenet_v3_small().eval(), prepare, (), ())

    monkeypatch.setattr(weights, "load", load)
    options = ("--methode", method, "--profondeur", 9, "--reglage", "complet")
    epochs = ("--epoques", 1) if method == "reglage-fin" else ()
    assert run(photos, *FAST, *options, *epochs) == 0
    loaded = classifier.load(Path("resultats") / command.MODEL)
    assert loaded.description.network == command.LARGE
    assert loaded.description.mean == pytest.approx((0.485, 0.456, 0.406), abs=1e-4)
    assert loaded.description.std == pytest.approx((0.229, 0.224, 0.225), abs=1e-4)
    held = [row for row in fates(Path("resultats")) if row["usage"] == "test"]
    images = [folder.read_image(photos / row["fichier"], square=32) for row in held]
    answers = loaded.probabilities(classifier.to_squares(images)).argmax(axis=1)
    assert [loaded.description.names[k] for k in answers] == [row["réponse"] for row in held]


# ---------------------------------------------------------------------------------------------
# Options et dossiers fautifs


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "il manque DOSSIER"),
        (("d", "--methode", "magie"), "« magie » n'existe pas ; choisissez : .*sonde"),
        (("d", "--graine", "x"), "option --graine : « x » ; il faut un entier"),
        (("d", "--graine"), "option --graine : il y faut une valeur"),
        (("--predire",), "option --predire : il y faut au moins une valeur"),
        (("d", "--taille", "8"), "« 8 » ; il faut un entier de 32"),
        (("d", "--part-test", "1,5"), "« 1,5 » ; il faut un nombre entre"),
        (("d", "--profondeur", "-1"), "(« -1 » ; il faut « auto »|il y faut une valeur)"),
        (("d", "--nimporte"), "option ou mot en trop : --nimporte"),
        (("d", "--ecraser=oui"), "elle ne prend pas de valeur"),
        (("d", "--predire", "x.png"), "--predire se passe de DOSSIER"),
        (("d", "--reprendre"), "ne sert qu'à --methode reglage-fin"),
        (("d", "--epoques", "3"), "ne sert qu'à --methode reglage-fin"),
    ],
)
def test_bad_options(
    words: tuple[str, ...], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    import re

    assert run(*words) == 2
    said = capsys.readouterr().err
    assert re.search(message, said), said
    assert said.startswith("emploi : python -m photos.command")
    for english in ("argument", "expected", "invalid", "usage:", "choose", "unrecognized"):
        assert english not in said


def test_help_is_french(capsys: pytest.CaptureFixture[str]) -> None:
    assert run("--aide") == 0
    said = capsys.readouterr().out
    for option in ("--sortie", "--graine", "--part-test", "--profondeur", "--taille", "--epoques"):
        assert option in said
    for english in ("usage:", "options:", "show this", "positional"):
        assert english not in said


def test_outputs_are_protected(photos: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make(photos.parent / "autres images", 4)
    assert run(photos, *FAST, "--profondeur", 2) == 0
    assert run(photos, *FAST, "--profondeur", 3) == 0  # les mêmes images : on remplace
    capsys.readouterr()
    before = (Path("resultats") / command.MODEL).read_bytes()
    assert run(other, *FAST, "--profondeur", 2) == 1
    assert "résultats d'un autre dossier d'images (« mes images »)" in capsys.readouterr().err
    assert (Path("resultats") / command.MODEL).read_bytes() == before
    assert run(other, *FAST, "--profondeur", 2, "--ecraser") == 0
    assert (Path("resultats") / command.MODEL).read_bytes() != before

    Path("précieux").mkdir()
    (Path("précieux") / "thèse.txt").write_text("à garder")
    assert run(photos, *FAST, "--sortie", "précieux") == 1
    assert "contient déjà autre chose" in capsys.readouterr().err
    assert run(photos, *FAST, "--sortie", photos / "chat") == 1
    assert "deviendrait une classe" in capsys.readouterr().err
    assert run(photos, *FAST, "--sortie", Path("précieux") / "thèse.txt") == 1
    assert "est un fichier" in capsys.readouterr().err
    assert run(photos, *FAST, "--sortie", Path("précieux") / "thèse.txt" / "dedans") == 1
    assert "fichier porte le nom d'un dossier" in capsys.readouterr().err
    assert run(photos, *FAST, "--profondeur", 9, "--sortie", "autre sortie") == 1
    assert "va de 0 à 8" in capsys.readouterr().err
    assert run("absent", *FAST) == 1
    assert "n'existe pas" in capsys.readouterr().err


def test_a_failed_write_keeps_the_previous_model(
    photos: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(photos, *FAST, "--profondeur", 2) == 0
    before = (Path("resultats") / command.MODEL).read_bytes()

    def full(*_: object, **__: object) -> bytes:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("safetensors.torch.save", full)
    assert run(photos, *FAST, "--profondeur", 3) == 1
    assert "le disque est plein" in capsys.readouterr().err
    assert (Path("resultats") / command.MODEL).read_bytes() == before


# ---------------------------------------------------------------------------------------------
# De vraies photographies, de toutes sortes


def hard_folder(root: Path) -> None:
    """Ce qu'un vrai dossier contient ; la moitié se lit, l'autre se refuse."""
    chat, cafe = root / "chat", root / "café serré"
    photo = crops("chelsea", 3)[1]
    grey = photo.convert("L")
    grey.save(chat / "grise.png")
    photo.quantize(16).save(chat / "palette.png")
    Image.merge("RGBA", (*photo.split(), grey)).save(chat / "transparente.png")
    Image.merge("LA", (grey, grey)).save(chat / "LA.png")
    photo.convert("1").save(chat / "1 bit.png")
    photo.convert("CMYK").save(chat / "imprimerie.jpg")
    Image.fromarray(np.asarray(grey).astype(np.uint16) * 257).save(chat / "16 bits.png")
    Image.fromarray(np.asarray(grey, np.float32) / 255).save(chat / "flottants.tiff")
    photo.convert("LAB").save(chat / "lab.tiff")
    others = [photo.rotate(90), photo.rotate(180)]
    photo.save(chat / "animée.gif", save_all=True, append_images=others)
    photo.save(chat / "animée.webp", save_all=True, append_images=others)
    exif = Image.Exif()
    exif[0x0112] = 6
    photo.save(chat / "tournée.jpg", exif=exif)
    Image.new("RGB", (1, 1), "red").save(chat / "un pixel.png")
    photo.resize((2000, 1)).save(chat / "ruban.png")
    Image.fromarray(np.full((4, 4), np.nan, np.float32)).save(chat / "nan.tiff")
    whole = (chat / "grise.png").read_bytes()
    (cafe / "tronquée.png").write_bytes(whole[: len(whole) // 2])
    (cafe / "texte déguisé.jpg").write_text("bonjour")
    (cafe / "vide.jpg").write_bytes(b"")
    (cafe / ".caché.png").write_bytes(whole)
    (cafe / "encore" / "plus bas").mkdir(parents=True)
    (cafe / "encore" / "plus bas" / "oubliée.png").write_bytes(whole)
    (root / "égarée.png").write_bytes(whole)
    (root / ".Trash").mkdir()
    (root / ".Trash" / "jetée.png").write_bytes(whole)
    (cafe / "boucle").symlink_to(root, target_is_directory=True)
    (cafe / "cassé.png").symlink_to(cafe / "nulle part.png")
    (cafe / "tourne.png").symlink_to(cafe / "tourne.png")
    (root / "la même boucle").symlink_to(root, target_is_directory=True)
    os.mkfifo(cafe / "tube.png")
    (root / "classe vide").mkdir()
    (root / "seule").mkdir()
    crops("grass", 1)[0].save(root / "seule" / "5 $ et 10 $.png")
    for form in ("NFC", "NFD"):
        name = unicodedata.normalize(form, "théières")
        (root / name).mkdir()
        for k, crop in enumerate(crops("brick", 3)):
            crop.save(root / name / f"{form} {k}.png")


@pytest.mark.skipif(os.name != "posix", reason="liens et tubes")
def test_every_file_is_used_or_refused_by_name(
    photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    hard_folder(photos)
    found = [
        Path(place) / name
        for place, folders, files in os.walk(photos)
        for name in (*files, *(f for f in folders if (Path(place) / f).is_symlink()))
    ]
    assert run(photos, *FAST, "--profondeur", 4) == 0
    rows = fates(Path("resultats"))
    assert len(rows) == len(found)
    names = {unicodedata.normalize("NFC", f.relative_to(photos).as_posix()) for f in found}
    assert {row["fichier"] for row in rows} == names
    refused = {
        Path(r["fichier"]).name: r["raison du refus"] for r in rows if r["usage"] == "refusé"
    }
    assert {name: reason.split(" ;")[0] for name, reason in refused.items()} == {
        "tronquée.png": "image tronquée ou abîmée",
        "texte déguisé.jpg": "ce n'est pas une image",
        "vide.jpg": "fichier vide",
        ".caché.png": "fichier caché",
        "oubliée.png": "dans un sous-dossier de la classe",
        "égarée.png": "hors d'un sous-dossier de classe",
        "jetée.png": "fichier caché",
        "boucle": "lien vers un dossier",
        "cassé.png": "lien cassé, ou qui tourne en rond",
        "tourne.png": "lien cassé, ou qui tourne en rond",
        "la même boucle": "lien vers un dossier qui contient déjà celui-ci",
        "tube.png": "ce n'est pas un fichier ordinaire",
        "nan.tiff": "valeurs infinies, ou qui ne sont pas des nombres",
    }
    said = capsys.readouterr().out
    assert "« classe vide » n'a aucune image lisible : laissée de côté" in said
    assert "« seule » n'a qu'une image : elle est apprise, mais pas testée" in said
    assert "« théières » : deux sous-dossiers" in said
    assert sum(row["classe"] == "théières" for row in rows) == 6
    alone = next(row for row in rows if row["classe"] == "seule")
    assert alone["usage"] == "entraînement"


def test_unreadable_files_and_folders(photos: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Le système refuse la lecture (l'administrateur, lui, lit tout : on simule)."""
    real_open, real_list = Image.open, Path.iterdir

    def opened(file: Path, *args: object) -> Image.Image:
        if Path(file).name == "photo n° 0.png":
            raise PermissionError(13, "Permission denied", str(file))
        return real_open(file, *args)  # type: ignore[arg-type]

    def listed(path: Path):
        if path.name == "chat":
            raise PermissionError(13, "Permission denied", str(path))
        return real_list(path)

    monkeypatch.setattr(Image, "open", opened)
    monkeypatch.setattr(Path, "iterdir", listed)
    read = folder.read(photos)
    reasons = dict(read.refused)
    assert reasons["chat"] == "dossier illisible : droits de lecture refusés"
    assert reasons["café serré/photo n° 0.png"] == "droits de lecture refusés"
    assert read.names == ("café serré", "temple chinois")


def test_first_frame_and_float_levels(tmp_path: Path) -> None:
    dark = Image.fromarray(np.full((4, 4), 0.25, np.float32))
    dark.save(tmp_path / "sombre.tiff")
    assert folder.read_image(tmp_path / "sombre.tiff").getpixel((0, 0)) == (63, 63, 63)
    bytes_as_floats = Image.fromarray(np.full((4, 4), 128, np.float32))
    bytes_as_floats.save(tmp_path / "octets.tiff")
    assert folder.read_image(tmp_path / "octets.tiff").getpixel((0, 0)) == (128, 128, 128)
    frames = [Image.new("RGB", (4, 4), color) for color in ("red", "blue")]
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    assert folder.read_image(tmp_path / "a.gif").getpixel((0, 0)) == (255, 0, 0)


def test_square_keeps_the_center_at_full_resolution(tmp_path: Path) -> None:
    wide = np.zeros((100, 1000, 3), np.uint8)
    wide[:, 450:550] = np.random.default_rng(0).integers(0, 255, (100, 100, 3))
    Image.fromarray(wide).save(tmp_path / "large.png")
    square = folder.read_image(tmp_path / "large.png", square=100)
    assert np.array_equal(np.asarray(square), wide[:, 450:550])


# ---------------------------------------------------------------------------------------------
# Les pièces


def test_split_is_stratified() -> None:
    labels = np.repeat([0, 1, 2, 3], [40, 9, 2, 1])
    train, test = folder.split(labels, 0.25, seed=0)
    assert np.array_equal(np.sort(np.concatenate([train, test])), np.arange(52))
    assert np.bincount(labels[test], minlength=4).tolist() == [10, 2, 1, 0]
    again = folder.split(labels, 0.25, seed=0)[1]
    assert np.array_equal(test, again)
    assert not np.array_equal(test, folder.split(labels, 0.25, seed=1)[1])
    assert np.bincount(labels[folder.split(labels, 0.9, seed=0)[0]]).tolist() == [4, 1, 1, 1]
    with pytest.raises(ReseauxError, match="Chaque classe n'a qu'une image"):
        folder.split(np.arange(3), 0.25, 0)
    with pytest.raises(ReseauxError, match="entre 0 et 1"):
        folder.split(labels, 1, 0)


@pytest.mark.parametrize(("classes", "count", "width"), [(2, 40, 6), (3, 60, 6), (3, 12, 50)])
def test_linear_is_the_probe(classes: int, count: int, width: int) -> None:
    """Oracle : ``predict_proba`` de scikit-learn ; deux classes ou plus, avec rotation ou sans."""
    rng = np.random.default_rng(0)
    labels = np.arange(count) % classes
    x = (rng.normal(3, 2, (count, width)) + labels[:, None]).astype(np.float32)
    probe = transfer.linear_probe(x, labels)
    ours = transfer.as_linear_layer(probe)(torch.from_numpy(x)).softmax(dim=1)
    np.testing.assert_allclose(ours.numpy(), probe.predict_proba(x), atol=1e-5)


def test_choose_depth_takes_the_informative_one() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, 2], 12)
    noise = rng.normal(size=(36, 4)).astype(np.float32)
    signal = noise + 5 * np.eye(3, 4, dtype=np.float32)[labels]
    best, scores = transfer.choose_depth([noise, signal, noise], labels)
    assert best == 1
    assert scores[1] > 0.9 > 0.7 > scores[0]
    with pytest.raises(ReseauxError, match="Donnez la profondeur"):
        transfer.choose_depth([noise[:2]], np.array([0, 1]))


def test_normalization_is_that_of_the_network() -> None:
    net = weights.load()
    mean, std = transfer.normalization(net)
    assert (mean, std) == ((0.5,) * 3, (0.5,) * 3)
    square = crops("coffee", 1)[0]
    ours = classifier.Normalize(mean, std)(classifier.to_tensor(classifier.to_squares([square])))
    theirs = transfer.prepare(net, np.asarray(square, np.float32)[None] / 255, SIDE)
    torch.testing.assert_close(ours, theirs)


def test_worst_mistakes_come_first_and_odd_names_are_drawn(tmp_path: Path) -> None:
    outcome = report.Outcome(
        ("5 $ \\et 10 $", "b", "猫" * 40),
        ("f0", "f1", "f2", "f3"),
        np.array([0, 0, 1, 2]),
        np.array([[0.4, 0.6, 0], [0.9, 0.1, 0], [0.8, 0.1, 0.1], [0.0, 0.3, 0.7]]),
    )
    assert outcome.worst == [2, 0]
    assert outcome.right == 2
    assert "50,0\u00a0% (2 sur 4)" in outcome.accuracy()
    with report.drawing(), warnings.catch_warnings():
        warnings.simplefilter("error")  # une figure trop serrée, un caractère absent
        warnings.filterwarnings("ignore", message="Glyph .* missing")
        sheet = outcome.contact_sheet([Image.new("RGB", (8, 8))] * 4)
        assert sheet is not None
        titles = [ax.get_title() for ax in sheet.axes]
        report.write_figure(tmp_path / "erreurs.png", sheet)
        report.write_figure(tmp_path / "confusion.png", outcome.confusion())
    assert titles[0] == "vrai : b\nréponse : 5 $ \\et 10 $\nprobabilité : 80\u00a0%"


# ---------------------------------------------------------------------------------------------
# Une vraie commande


def test_as_a_real_command(photos: Path) -> None:
    words = [sys.executable, "-W", "error::RuntimeWarning", "-m", "photos.command"]
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}  # un terminal sans accents
    done = subprocess.run(
        [*words, str(photos), *FAST, "--profondeur", "3"],
        capture_output=True, text=True, timeout=120, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # ni avertissement de runpy, ni barre hors d'un terminal
    assert "Exactitude sur le test" in done.stdout
    assert (photos.parent / "resultats" / command.MODEL).exists()
    failed = subprocess.run([*words, "absent"], capture_output=True, text=True, timeout=120)
    assert failed.returncode == 1
    assert failed.stderr.startswith("Erreur : Le dossier « absent »")
    assert "Traceback" not in failed.stderr
