"""Les noyaux qui exécutent les notebooks : comment leur parler, combien à la fois.

Un noyau choisit au hasard ses ports TCP ; deux noyaux lancés ensemble choisissent parfois le même,
et l'un des deux échoue. Des sockets locales n'ont pas ce défaut, et rien ne passe par le réseau.
"""

import functools
import os
import sys
import tempfile
import uuid
from typing import Any

from jupyter_client.manager import KernelManager

# Un noyau par cœur : chaque chapitre calcule alors sur un seul (OMP_NUM_THREADS dans le Makefile).
WORKERS = min(4, os.cpu_count() or 1)


def use_local_sockets() -> None:
    """Fait parler les noyaux par des sockets locales ; sans effet sous Windows, qui n'en a pas.

    nbclient et nbval créent eux-mêmes leurs gestionnaires de noyaux, sans rien laisser régler : on
    le fait à leur naissance. « ip » est alors le nom de la socket, différent pour chaque noyau.
    """
    manager: Any = KernelManager
    if sys.platform == "win32" or hasattr(manager.__init__, "__wrapped__"):
        return
    created = manager.__init__

    @functools.wraps(created)
    def create(self: Any, *args: Any, **options: Any) -> None:
        created(self, *args, **options)
        self.transport = "ipc"
        self.ip = f"{tempfile.gettempdir()}/noyau-{uuid.uuid4().hex[:12]}"

    manager.__init__ = create
