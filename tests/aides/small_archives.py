"""Les jeux de torchvision en petit : des archives au vrai format, que sert cette machine.

Chaque fonction remplace les adresses et les empreintes d'un chargeur par celles d'ici.
"""

import gzip
import hashlib
import io
import os
import tarfile
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import scipy.io
from PIL import Image
from torchvision.datasets import FashionMNIST, Flowers102, Omniglot, OxfordIIITPet
from torchvision.datasets import eurosat as eurosat_module

from local_server import Server

RNG = np.random.default_rng(0)


def md5(content: bytes) -> str:
    return hashlib.md5(content, usedforsecurity=False).hexdigest()


def encoded(pixels: np.ndarray, kind: str) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, kind)
    return stream.getvalue()


def flat(level: int, size: tuple[int, int] = (40, 60)) -> bytes:
    """Une photographie unie : son niveau survit au JPEG, à la coupe et au changement de taille."""
    return encoded(np.full((*size, 3), level, np.uint8), "JPEG")


def tar(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with tarfile.open(fileobj=stream, mode="w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def zipped(files: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name, content)
    return stream.getvalue()


def mat(**arrays: Any) -> bytes:
    stream = io.BytesIO()
    scipy.io.savemat(stream, arrays)
    return stream.getvalue()


def idx(array: np.ndarray) -> bytes:
    head = bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape)
    return gzip.compress(head + array.tobytes())


def flowers(server: Server, patch: pytest.MonkeyPatch) -> None:
    images = {f"jpg/image_{k:05d}.jpg": flat(20 * k) for k in range(1, 7)}
    files = {
        "image": ("102flowers.tgz", tar(images)),
        "label": ("imagelabels.mat", mat(labels=np.array([[3, 1, 2, 1, 102, 3]]))),
        "setid": (
            "setid.mat",
            mat(trnid=np.array([[5, 2]]), valid=np.array([[1, 3]]), tstid=np.array([[6, 4]])),
        ),
    }
    server.files |= {f"/fleurs/{name}": content for name, content in files.values()}
    patch.setattr(Flowers102, "_download_url_prefix", f"{server.url}/fleurs/")
    known = {key: (name, md5(content)) for key, (name, content) in files.items()}
    patch.setattr(Flowers102, "_file_dict", known)


def pets(server: Server, patch: pytest.MonkeyPatch) -> None:
    names = ["Abyssinian_1", "Abyssinian_2", "great_pyrenees_1", "great_pyrenees_2"]
    images = {f"images/{name}.jpg": flat(50 * k) for k, name in enumerate(names)}
    lists = {
        "annotations/trainval.txt": b"great_pyrenees_2 2 2 1\nAbyssinian_1 1 1 1\n",
        "annotations/test.txt": b"Abyssinian_2 1 1 1\ngreat_pyrenees_1 2 2 1\n",
    }
    files = {"/images.tar.gz": tar(images), "/annotations.tar.gz": tar(lists)}
    server.files |= files
    known = tuple((server.url + path, md5(content)) for path, content in files.items())
    patch.setattr(OxfordIIITPet, "_RESOURCES", known)


def eurosat(server: Server, patch: pytest.MonkeyPatch) -> None:
    files = {f"2750/River/River_{k}.jpg": flat(100 + k, (64, 64)) for k in (1, 2)}
    files |= {"2750/Forest/Forest_1.jpg": flat(30, (64, 64))}
    content = zipped(files)
    server.files["/EuroSAT.zip"] = content
    real = eurosat_module.download_and_extract_archive

    def here(url: str, download_root: str, md5: str) -> None:
        assert url.endswith("/EuroSAT.zip")
        digest = hashlib.md5(content, usedforsecurity=False).hexdigest()
        real(f"{server.url}/EuroSAT.zip", download_root, md5=digest)

    patch.setattr(eurosat_module, "download_and_extract_archive", here)


CLOTHES = RNG.integers(0, 256, (5, 28, 28)).astype(np.uint8)
WORN = np.array([9, 0, 3, 3, 1], np.uint8)


def fashion(server: Server, patch: pytest.MonkeyPatch) -> None:
    files = {
        "train-images-idx3-ubyte.gz": idx(CLOTHES[:3]),
        "train-labels-idx1-ubyte.gz": idx(WORN[:3]),
        "t10k-images-idx3-ubyte.gz": idx(CLOTHES[3:]),
        "t10k-labels-idx1-ubyte.gz": idx(WORN[3:]),
    }
    server.files |= {f"/mode/{name}": content for name, content in files.items()}
    patch.setattr(FashionMNIST, "mirrors", [f"{server.url}/mode/"])
    known = [(name, md5(content)) for name, content in files.items()]
    patch.setattr(FashionMNIST, "resources", known)


def omniglot(server: Server, patch: pytest.MonkeyPatch) -> None:
    def drawings(alphabets: dict[str, list[int]]) -> dict[str, bytes]:
        return {
            f"{alphabet}/character{1 + k:02d}/{k:04d}_{n:02d}.png": encoded(
                np.full((105, 105), 10 * level + n, np.uint8), "PNG"
            )
            for alphabet, levels in alphabets.items()
            for k, level in enumerate(levels)
            for n in (1, 2)
        }

    parts = {
        "images_background": drawings({"Latin": [3, 4], "Greek": [1, 2]}),
        "images_evaluation": drawings({"Ge_ez": [5]}),
    }
    zips = {
        part: zipped({f"{part}/{file}": content for file, content in files.items()})
        for part, files in parts.items()
    }
    server.files |= {f"/omniglot/{part}.zip": content for part, content in zips.items()}
    patch.setattr(Omniglot, "download_url_prefix", f"{server.url}/omniglot")
    patch.setattr(Omniglot, "zips_md5", {part: md5(content) for part, content in zips.items()})
    listed = os.listdir
    # Un disque rend ses noms dans l'ordre qu'il veut : ici, le pire.
    patch.setattr(os, "listdir", lambda *where: sorted(listed(*where), reverse=True))


MADE: dict[str, Callable[[Server, pytest.MonkeyPatch], None]] = {
    "Flowers102": flowers,
    "OxfordIIITPet": pets,
    "EuroSAT": eurosat,
    "FashionMNIST": fashion,
    "Omniglot": omniglot,
}
