"""Les noyaux se parlent par des sockets locales, une par noyau."""

import os
import sys

import pytest
from jupyter_client.manager import KernelManager

from livre.kernels import WORKERS, use_local_sockets


@pytest.mark.skipif(sys.platform == "win32", reason="Windows n'a pas de sockets locales")
def test_every_kernel_has_its_own_socket():
    use_local_sockets()
    use_local_sockets()  # une seconde fois ne change rien
    first, second = KernelManager(), KernelManager()
    assert first.transport == second.transport == "ipc"
    assert first.ip != second.ip


def test_no_more_kernels_than_cores():
    assert 1 <= WORKERS <= (os.cpu_count() or 1)
