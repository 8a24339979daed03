"""La façade du paquet : elle ne charge que ce qu'on lui demande."""

import subprocess
import sys

import pytest

import reseaux


def test_import_loads_neither_torch_nor_torchvision():
    code = (
        "import sys, reseaux; list(reseaux.NETWORKS); "
        "print([m for m in ('torch', 'torchvision', 'matplotlib', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_every_public_name_is_found():
    assert set(reseaux.__all__) <= set(dir(reseaux))
    assert all(getattr(reseaux, name) is not None for name in reseaux.__all__)


def test_unknown_attribute_is_said_in_french():
    with pytest.raises(AttributeError, match="n'a pas d'attribut « bidule »"):
        _ = reseaux.bidule
