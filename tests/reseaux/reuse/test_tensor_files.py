"""Fichiers de tenseurs : un bit changé se voit, rien ne s'exécute, le disque plein se dit."""

import hashlib
import io
import json
import os
import pickle
import random
import warnings
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.nn.parameter import UninitializedParameter

from reseaux.errors import ReseauxError
from reseaux.reuse import tensor_files

TINY = {"poids": torch.tensor([[1.5, -2.0], [0.25, 3.0]]), "n": torch.tensor(7)}
WRITERS: dict[str, Callable[[Any], bytes]] = {
    "p.safetensors": lambda content: tensor_files.to_safetensors(content, {"é": '"sha256":"'}),
    "p.pt": tensor_files.to_torch,
}


def same(a: object, b: object) -> bool:
    """Le même contenu, à toute profondeur, au bit près."""
    if isinstance(a, Tensor) and isinstance(b, Tensor):
        return a.dtype == b.dtype and torch.equal(a, b)
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(same(a[key], b[key]) for key in a)
    return type(a) is type(b) and a == b


def flips(content: bytes, count: int | None) -> Iterator[bytes]:
    """Le fichier, un bit changé : ``count`` endroits tirés au hasard, ou chaque octet."""
    bits = range(0, 8 * len(content), 1 if count else 7)  # de sept en sept : aucun octet sauté
    for bit in random.Random(0).sample(bits, count) if count else bits:
        changed = bytearray(content)
        changed[bit // 8] ^= 1 << bit % 8
        yield bytes(changed)


@pytest.mark.parametrize("name", WRITERS)
@pytest.mark.parametrize("count", [None, 200])
def test_a_flipped_bit_is_refused_or_changes_nothing(
    tmp_path: Path, name: str, count: int | None
) -> None:
    content: dict[str, Any] = dict(TINY)
    if count:
        content["grand"] = torch.randn(50, 50, generator=torch.Generator().manual_seed(0))
    path, whole = tmp_path / name, WRITERS[name](content)
    refused = 0
    for changed in flips(whole, count):
        path.write_bytes(changed)
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                loaded, _ = tensor_files.read(path)
        except ReseauxError:
            refused += 1
        else:
            assert same(loaded, content)
    assert refused > 0.5 * (count or len(whole))


@pytest.mark.parametrize("name", WRITERS)
def test_what_is_written_is_read_back_without_a_word(tmp_path: Path, name: str) -> None:
    tensor_files.write(tmp_path / name, WRITERS[name](TINY))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        loaded, metadata = tensor_files.read(tmp_path / name)
    assert same(loaded, TINY)
    assert metadata == ({"é": '"sha256":"'} if name == "p.safetensors" else {})


@pytest.mark.parametrize(
    "tensor", [torch.empty(2, device="meta"), UninitializedParameter()], ids=["meta", "lazy"]
)
@pytest.mark.parametrize("writer", [tensor_files.to_safetensors, tensor_files.detached])
def test_a_tensor_without_values_is_named(writer: Callable[..., Any], tensor: Any) -> None:
    with pytest.raises(ReseauxError, match="« poids » n'a pas de nombres à sauver"):
        writer({"poids": tensor})


DENSE = torch.zeros(2, 2)


@pytest.mark.filterwarnings("ignore")  # torch dit que ces tenseurs sont rares
@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("__metadata__", lambda: DENSE),
        ("\ud800", lambda: DENSE),
        ("double", lambda: DENSE.to(torch.complex128)),
        ("quatre bits", lambda: torch.zeros(2, dtype=torch.float4_e2m1fn_x2)),
        ("mkldnn", DENSE.to_mkldnn),
        ("imbriqué", lambda: torch.nested.nested_tensor([DENSE[0], DENSE[0, :1]])),
    ],
)
def test_what_would_not_be_read_again_is_named(name: str, make: Callable[[], Tensor]) -> None:
    with pytest.raises(ReseauxError) as caught:
        tensor_files.to_safetensors({"bon": DENSE, name: make()})
    assert str(caught.value).startswith(f"{name!r} ne se relirait pas")


@pytest.mark.parametrize("name", ["sha256", "\ud800"])
def test_a_text_that_would_not_be_read_again_is_named(name: str) -> None:
    with pytest.raises(ReseauxError) as caught:
        tensor_files.to_safetensors(TINY, {"bon": "", name: ""})
    assert str(caught.value).startswith(f"{name!r} ne se relirait pas")


@pytest.mark.skipif(os.name != "posix", reason="tubes et périphériques")
@pytest.mark.parametrize("name", ["tube", "/dev/zero"])
def test_a_pipe_or_a_device_is_not_read(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "tube")
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("lu, sans fin"))
    with pytest.raises(ReseauxError, match="n'est pas un fichier ordinaire"):
        tensor_files.read(tmp_path / name)


def test_the_reference_library_reads_the_file_and_its_texts(tmp_path: Path) -> None:
    path, metadata = tmp_path / "p.safetensors", {"b": "é\n", "a": "2", "c": ""}
    content = tensor_files.to_safetensors(TINY, metadata)
    assert content == tensor_files.to_safetensors(TINY, metadata)
    path.write_bytes(content)
    assert same(load_file(path), TINY)
    with safe_open(path, "pt") as stream:
        found = stream.metadata()
    # L'empreinte est celle du fichier où soixante-quatre zéros tiennent sa place.
    seal = found.pop("sha256")
    assert seal == hashlib.sha256(content.replace(seal.encode(), b"0" * 64)).hexdigest()
    assert found == metadata
    assert int.from_bytes(content[:8], "little") % 8 == 0


def test_files_from_elsewhere_are_read_with_a_warning(tmp_path: Path) -> None:
    save_file(TINY, tmp_path / "p.safetensors", {"format": "pt"})
    torch.save(TINY, tmp_path / "p.pt", _use_new_zipfile_serialization=False)
    for path in tmp_path.iterdir():
        with pytest.warns(UserWarning, match=rf"« {path.name} » ne porte pas d'empreinte"):
            loaded, metadata = tensor_files.read(path)
        assert same(loaded, TINY)
        assert metadata == ({"format": "pt"} if path.suffix == ".safetensors" else {})
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        with warnings.catch_warnings():  # celui-ci est vérifié par l'empreinte donnée
            warnings.simplefilter("error")
            assert same(tensor_files.read(path, digest[:8])[0], TINY)
        with pytest.raises(ReseauxError, match=rf"commence par {digest[:8]}, pas par 01234567"):
            tensor_files.read(path, "01234567")


def test_a_file_written_by_torch_carries_its_sums(tmp_path: Path) -> None:
    torch.save(TINY, tmp_path / "p.pt")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert same(tensor_files.read(tmp_path / "p.pt")[0], TINY)


def test_a_part_marked_as_a_folder_is_refused(tmp_path: Path) -> None:
    """torch rendrait la mémoire telle qu'elle est, et la somme de contrôle resterait juste."""
    path, content = tmp_path / "p.pt", bytearray(tensor_files.to_torch(TINY))
    entry = content.rindex(b"PK\1\2", 0, content.rindex(b"/data/0"))
    content[entry + 38] |= 0x10  # l'attribut d'un dossier, dans la table des parties
    path.write_bytes(content)
    assert zipfile.ZipFile(path).testzip() is None
    with pytest.raises(ReseauxError, match="abîmé"):
        tensor_files.read(path)


def test_a_compressed_part_is_refused(tmp_path: Path) -> None:
    """Compressé, un petit fichier pourrait remplir la mémoire."""
    path = tmp_path / "p.pt"
    with (
        zipfile.ZipFile(io.BytesIO(tensor_files.to_torch(TINY))) as source,
        zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target,
    ):
        for name in source.namelist():
            target.writestr(name, source.read(name))
    assert same(torch.load(path, weights_only=True), TINY)
    with pytest.raises(ReseauxError, match="d'un autre format"):
        tensor_files.read(path)


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.pt", pickle.dumps(print, protocol=2), "pourrait exécuter du code"),
        ("p.pt", b"ni un pickle, ni une archive", "abîmé ou d'un autre format"),
        ("p.safetensors", b"\x09" + bytes(7) + b'{"GLOBAL"', "abîmé ou d'un autre format"),
    ],
)
def test_damage_is_not_taken_for_danger(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(ReseauxError, match=message):
        tensor_files.read(tmp_path / name)


def test_a_deep_header_is_refused(tmp_path: Path) -> None:
    text = b'{"__metadata__":' + b'{"a":' * 200_000 + b"1" + b"}" * 200_001
    path = tmp_path / "p.safetensors"
    path.write_bytes(len(text).to_bytes(8, "little") + text)
    with pytest.raises(ReseauxError, match="abîmé"):
        tensor_files.read(path)
    with pytest.raises(RecursionError):  # json seul s'y perdrait
        json.loads(text)


def test_what_is_not_a_file_is_named(tmp_path: Path) -> None:
    loop, other = tmp_path / "boucle", tmp_path / "autre"
    loop.symlink_to(other)
    other.symlink_to(loop)
    for path, reason in [
        (tmp_path, "c'est un dossier"),
        (loop, "des liens tournent en rond"),
        (tmp_path / ("x" * 300), "nom trop long"),
    ]:
        with pytest.raises(ReseauxError, match=f"ne se lit pas : {reason}"):
            tensor_files.read(path)
    (tmp_path / "f").write_bytes(b"")
    with pytest.raises(ReseauxError, match="un fichier porte le nom d'un dossier"):
        tensor_files.read(tmp_path / "f" / "p.pt")
    with pytest.raises(ReseauxError, match=r"n'existe pas\. Vouliez-vous dire « boucle »"):
        tensor_files.read(tmp_path / "bouclé")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="pas de /dev/full")
def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Le refus vient du noyau : tout ce qu'on écrit dans ``/dev/full`` échoue."""
    path = tmp_path / "p.pt"
    tensor_files.write(path, b"ancien")
    create = Path.open
    monkeypatch.setattr(
        Path,
        "open",
        lambda self, *mode: create(Path("/dev/full") if mode == ("xb",) else self, "wb"),
    )
    with pytest.raises(ReseauxError, match=r"p\.pt » ne peut pas être écrit : le disque est plein"):
        tensor_files.write(path, b"nouveau")
    monkeypatch.undo()
    assert path.read_bytes() == b"ancien"
