"""Les messages d'erreur : le nom proche, les noms permis, la phrase entière."""

import errno
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reseaux.errors import ReseauxError, nearest_name, os_reason, unknown_name

NAMES = ["vgg-a", "vgg-d", "resnet-50", "resnet-101", "squeezenet"]


@pytest.mark.parametrize(
    ("given_name", "expected"),
    [
        ("VGG_D", "vgg-d"),
        ("vggd", "vgg-d"),
        ("ResNet50", "resnet-50"),
        ("resnet 101", "resnet-101"),
        ("squezenet", "squeezenet"),
        ("sqze", "squeezenet"),  # un peu plus de la moitié suffit
        ("sqz", None),
        ("", None),
        ("zzz", None),
    ],
)
def test_the_nearest_name_ignores_case_and_dashes(given_name, expected):
    assert nearest_name(given_name, NAMES) == expected


@given(st.sampled_from(NAMES))
def test_a_right_name_is_its_own_nearest(name):
    assert nearest_name(name, NAMES) == name
    assert nearest_name(name.upper().replace("-", "_"), NAMES) == name


@given(st.text())
def test_any_text_gives_an_allowed_name_or_nothing(text):
    assert nearest_name(text, NAMES) in [*NAMES, None]


def test_the_message_says_what_was_given_what_is_near_and_what_is_allowed():
    error = unknown_name("un réseau", "VGG_D", NAMES)
    assert isinstance(error, ReseauxError)
    assert str(error) == (
        "« VGG_D » ne désigne pas un réseau. Vouliez-vous dire « vgg-d » ? "
        "Noms permis : vgg-a, vgg-d, resnet-50, resnet-101, squeezenet."
    )


def test_without_a_near_name_the_message_suggests_none():
    message = str(unknown_name("un réseau", 12, iter(NAMES)))
    assert "Vouliez-vous" not in message
    assert message.endswith("squeezenet.")


def test_a_given_name_cannot_write_on_the_terminal():
    message = str(unknown_name("un réseau", "a\n\x1b[31mb" + "c" * 1000, NAMES))
    assert message.isprintable()
    assert r"« a\n\x1b[31mbccc" in message
    assert len(message) < 250


def test_it_is_a_value_error():
    with pytest.raises(ValueError, match="non"):
        raise ReseauxError("non")


REASONS = {
    errno.EACCES: "droits insuffisants",
    errno.EPERM: "droits insuffisants",
    errno.ENOSPC: "le disque est plein",
    errno.EDQUOT: "le disque est plein",
    errno.EROFS: "le disque est en lecture seule",
    errno.ENOTDIR: "un fichier porte le nom d'un dossier attendu",
    errno.EEXIST: "un fichier porte le nom d'un dossier attendu",
    errno.ELOOP: "des liens tournent en rond",
    errno.ENAMETOOLONG: "nom trop long",
}


def test_a_refusal_of_the_system_is_said_in_french(tmp_path: Path):
    with pytest.raises(FileNotFoundError) as absent:
        (tmp_path / "absent").read_bytes()
    assert os_reason(absent.value) == "fichier ou dossier absent"
    with pytest.raises(IsADirectoryError) as folder:
        tmp_path.open("wb")
    assert os_reason(folder.value) == "c'est un dossier"
    found = {code: os_reason(OSError(code, "x")) for code in REASONS}
    assert found == REASONS
    assert os_reason(OSError(errno.EIO, "x")) == f"erreur {errno.EIO} du système"
    assert os_reason(OSError("image file is truncated")) == "image file is truncated"
