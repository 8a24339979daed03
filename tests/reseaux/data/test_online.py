"""Les jeux de torchvision : de petites archives au vrai format, servies par cette machine.

Les chargeurs sont les vrais ; seules leurs adresses et leurs empreintes changent.
"""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from torchvision.datasets import FashionMNIST, Flowers102, OxfordIIITPet, eurosat

from local_server import Server, serve
from reseaux import data, settings
from reseaux.data import online
from reseaux.errors import ReseauxError
from small_archives import CLOTHES, MADE, encoded, fashion, flowers, md5, omniglot, tar

# Partie -> (forme d'une image de 16 de côté, ses étiquettes, les niveaux de gris des images unies).
PROMISED = {
    "Flowers102": {
        "train": ((3,), [101, 0], [100, 40]),
        "validation": ((3,), [2, 1], [20, 60]),
        "test": ((3,), [2, 0], [120, 80]),
    },
    "OxfordIIITPet": {
        "train": ((3,), [1, 0], [150, 0]),
        "test": ((3,), [0, 1], [50, 100]),
    },
    "EuroSAT": {"all": ((3,), [0, 1, 1], [30, 101, 102])},
    "FashionMNIST": {"train": ((), [9, 0, 3], None), "test": ((), [3, 1], None)},
    "Omniglot": {
        "train": ((), [0, 0, 1, 1, 2, 2, 3, 3], [11, 12, 21, 22, 31, 32, 41, 42]),
        "test": ((), [0, 0], [51, 52]),
    },
}
NAMES = {
    "OxfordIIITPet": ("Abyssinian", "Great Pyrenees"),
    "EuroSAT": ("Forest", "River"),
    "FashionMNIST": tuple(FashionMNIST.classes),
    "Omniglot": tuple(f"{a}/character0{k}" for a in ("Greek", "Latin") for k in (1, 2)),
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.delenv(settings.VARIABLE, raising=False)
    with serve() as server:
        yield server


def left(folder: Path) -> list[str]:
    """Ce qui reste dans un dossier, fichiers cachés compris."""
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("name", MADE)
def test_each_part_is_read_by_the_loader_of_torchvision(
    name: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    MADE[name](server, monkeypatch)
    folder = tmp_path / "donnees"
    for part, (channels, labels, levels) in PROMISED[name].items():
        got = data.torchvision_images(name, folder, part, size=16, download=True)
        assert got.images.shape == (len(labels), 16, 16, *channels)
        assert (got.images.dtype, got.labels.dtype) == (np.float32, np.int64)
        assert got.labels.tolist() == labels
        if levels:
            means = got.images.reshape(len(labels), -1).mean(axis=1) * 255
            assert np.abs(means - levels).max() < 1.5, part
    assert left(folder) == [online.SOURCES[name].folder]
    first = data.torchvision_images(name, str(folder), size=16)  # cette fois, sans rien demander
    assert first.labels.tolist() == next(iter(PROMISED[name].values()))[1]
    if name in NAMES:
        assert first.names == NAMES[name]
    assert len(server.asked) == 2 * len({*server.asked})  # torchvision suit d'abord l'adresse


def test_pixels_are_those_of_the_files(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fashion(server, monkeypatch)
    got = data.torchvision_images("FashionMNIST", tmp_path, "train", size=28, download=True)
    assert np.array_equal(np.round(got.images * 255), CLOTHES[:3])


def test_a_picture_is_cut_in_its_middle(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """L'oracle est Pillow, bicubique, qu'il réduise ou agrandisse."""
    pixels = np.random.default_rng(0).integers(0, 256, (30, 90, 3), dtype=np.uint8)
    content = tar({f"jpg/image_{k:05d}.jpg": encoded(pixels, "PNG") for k in range(1, 7)})
    flowers(server, monkeypatch)
    server.files["/fleurs/102flowers.tgz"] = content
    changed = {**Flowers102._file_dict, "image": ("102flowers.tgz", md5(content))}
    monkeypatch.setattr(Flowers102, "_file_dict", changed)
    for size in (30, 10, 45):
        got = data.torchvision_images("Flowers102", tmp_path, size=size, download=True)
        bicubic, middle = Image.Resampling.BICUBIC, (30, 0, 60, 30)
        expected = Image.fromarray(pixels).resize((size, size), bicubic, box=middle)
        np.testing.assert_array_equal(np.round(got.images[0] * 255), expected)


def test_flowers_without_names_have_numbers(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Les premières versions de torchvision que le cours accepte ne nomment pas les fleurs."""
    flowers(server, monkeypatch)
    monkeypatch.delattr(Flowers102, "classes")
    got = data.torchvision_images("Flowers102", tmp_path, "validation", 8, download=True)
    assert got.names == ("0", "1", "2")


def test_nothing_is_downloaded_unless_asked(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fashion(server, monkeypatch)
    with pytest.raises(ReseauxError, match=r"n'est pas dans.*RESEAUX_REGLAGE=complet"):
        data.torchvision_images("FashionMNIST", tmp_path)
    monkeypatch.setenv(settings.VARIABLE, "complet")
    with pytest.raises(ReseauxError, match="download=True"):
        data.torchvision_images("FashionMNIST", tmp_path, download=False)
    assert server.asked == left(tmp_path) == []
    assert len(data.torchvision_images("FashionMNIST", tmp_path, size=28)) == 3


def missing(server: Server) -> None:
    server.files.clear()


def changed(server: Server) -> None:
    for path, content in server.files.items():
        server.files[path] = content[:-1] + b"?"


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("break_it", [missing, changed])
def test_a_failed_download_is_explained_and_leaves_nothing(
    name: str,
    break_it: Callable[[Server], None],
    server: Server,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    MADE[name](server, monkeypatch)
    break_it(server)
    kept = tmp_path / "autre"
    kept.write_text("à moi")
    with pytest.raises(ReseauxError, match=rf"« {name} » n'a pas pu être téléchargé.*Rien n'a"):
        data.torchvision_images(name, tmp_path, download=True)
    assert left(tmp_path) == ["autre"]


def test_what_is_on_its_way_is_hidden_and_says_what_it_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Un programme tué n'efface rien : le nom de ce qui reste doit se comprendre."""
    seen: list[str] = []

    def stop(*_: object, **__: object) -> None:
        seen.extend(left(tmp_path))
        raise RuntimeError

    monkeypatch.setattr(eurosat, "download_and_extract_archive", stop)
    with pytest.raises(ReseauxError, match="n'est pas arrivé en entier"):
        data.torchvision_images("EuroSAT", tmp_path, download=True)
    assert len(seen) == 1
    assert seen[0].startswith(".eurosat.")
    assert left(tmp_path) == []


def test_the_last_file_that_fails_leaves_nothing_either(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """La première partie d'Omniglot est arrivée, entière ; la seconde manque."""
    omniglot(server, monkeypatch)
    del server.files["/omniglot/images_evaluation.zip"]
    with pytest.raises(ReseauxError, match="le serveur répond par le code 404"):
        data.torchvision_images("Omniglot", tmp_path, download=True)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("prefix", "message"),
    [
        ("muet", "le serveur ne répond plus"),
        ("panne", "code 500"),
        ("charabia", "n'est pas arrivé en entier"),
        ("coupe", "n'est pas arrivé en entier"),
        ("portail", "n'est pas arrivé en entier"),
    ],
)
def test_a_server_that_misbehaves(
    prefix: str, message: str, server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(online, "TIMEOUT", 0.3)
    monkeypatch.setattr(
        OxfordIIITPet, "_RESOURCES", ((f"{server.url}/{prefix}", "0" * 32), ("", ""))
    )
    with pytest.raises(ReseauxError, match=message):
        data.torchvision_images("OxfordIIITPet", tmp_path, download=True)
    assert left(tmp_path) == []


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("http://nulle-part.invalid/images.tar.gz", "introuvable|connexion"),
        ("http://127.0.0.1:9/images.tar.gz", "connexion refusée"),
    ],
)
def test_without_a_connection(
    url: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(OxfordIIITPet, "_RESOURCES", ((url, "0" * 32), ("", "")))
    with pytest.raises(ReseauxError, match=message):
        data.torchvision_images("OxfordIIITPet", tmp_path, download=True)
    assert left(tmp_path) == []


def test_a_folder_that_is_not_whole_is_named(tmp_path: Path) -> None:
    (tmp_path / "flowers-102").mkdir()
    with pytest.raises(ReseauxError, match=rf"{re.escape(str(tmp_path))}.*en entier.*Effacez"):
        data.torchvision_images("Flowers102", tmp_path, download=True)


def test_unknown_names_suggest_the_nearest(tmp_path: Path) -> None:
    with pytest.raises(ReseauxError, match="Vouliez-vous dire « Flowers102 »"):
        data.torchvision_images("flowers", tmp_path)
    with pytest.raises(ReseauxError, match=r"« val » ne désigne pas une partie.*validation"):
        data.torchvision_images("Flowers102", tmp_path, "val")


def test_a_silence_of_half_a_minute_is_too_long(tmp_path: Path) -> None:
    with online._explained("EuroSAT", tmp_path):
        assert socket.getdefaulttimeout() == 30


def test_the_time_limit_of_the_other_connections_is_given_back(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    socket.setdefaulttimeout(7)
    try:
        fashion(server, monkeypatch)
        data.torchvision_images("FashionMNIST", tmp_path, download=True)
        assert socket.getdefaulttimeout() == 7
    finally:
        socket.setdefaulttimeout(None)
