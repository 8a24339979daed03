"""L'adresse publique du dépôt, quand on la connaît.

Elle n'est écrite nulle part : elle vient, dans cet ordre, de ``LIVRE_DEPOT``, de ce que disent
GitHub ou GitLab pendant la construction, ou de ``git remote get-url origin``. Sans elle, le livre
n'a ni bouton ni lien vers un dépôt.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# « https://hôte/compte/projet », « ssh://git@hôte/compte/projet », « git@hôte:compte/projet ».
ADDRESS = re.compile(
    r"(?:(?:https?|ssh)://(?:[^/@]+@)?(?P<host>[\w.-]+)(?::\d+)?/|(?:[\w.-]+@)(?P<ssh_host>[\w.-]+):)"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+)/?"
)


@dataclass(frozen=True)
class Repository:
    """Un dépôt public.

    Attributes:
        host: le nom du serveur, « github.com ».
        path: le compte et le projet, « compte/projet ».
    """

    host: str
    path: str

    @property
    def url(self) -> str:
        """L'adresse du dépôt dans un navigateur."""
        return f"https://{self.host}/{self.path}"

    @property
    def is_github(self) -> bool:
        """Vrai sur github.com, le seul serveur que Colab sache lire."""
        return self.host == "github.com"


def parse(address: str) -> Repository | None:
    """Lit une adresse de dépôt ; ``None`` pour un dossier local ou une forme inconnue.

    Un mot de passe dans l'adresse, comme en met l'intégration continue, est laissé de côté.
    """
    match = ADDRESS.fullmatch(address.strip())
    if match is None:
        return None
    host = match["host"] or match["ssh_host"]
    if "." not in host or host.replace(".", "").isdigit():
        return None
    return Repository(host, match["path"].removesuffix(".git"))


def find(root: Path, environment: Mapping[str, str] = os.environ) -> Repository | None:
    """Cherche l'adresse du dépôt ; ``None`` si rien ne la donne.

    Args:
        root: la racine du dépôt, où interroger git.
        environment: les variables d'environnement.
    """
    project = environment.get("GITHUB_REPOSITORY")
    github = f"{environment.get('GITHUB_SERVER_URL', 'https://github.com')}/{project}"
    stated = environment.get("LIVRE_DEPOT") or (project and github)
    if stated := stated or environment.get("CI_PROJECT_URL"):
        return parse(stated)
    origin = parse(_origin(root))
    # Un serveur inconnu n'est peut-être pas public : dans le doute, pas de lien.
    return origin if origin and (origin.is_github or "gitlab" in origin.host) else None


def _origin(root: Path) -> str:
    command = ["git", "remote", "get-url", "origin"]
    try:
        answer = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    except OSError:  # git n'est pas installé
        return ""
    return answer.stdout.strip()
