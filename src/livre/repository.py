"""L'adresse publique du dépôt, quand on la connaît.

Elle n'est écrite nulle part : elle vient, dans cet ordre, de ``LIVRE_DEPOT``, de ce que disent
GitHub ou GitLab pendant la construction, ou de ``git remote get-url origin``. Sans elle, le livre
n'a ni bouton ni lien vers un dépôt. L'adresse du site s'en déduit ; ``LIVRE_ADRESSE`` en donne une
autre.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

# « https://hôte/compte/projet », « ssh://git@hôte/compte/projet », « git@hôte:compte/projet ».
ADDRESS = re.compile(
    r"(?:(?:https?|ssh)://(?:[^/@]+@)?(?P<host>[\w.-]+)(?::\d+)?/|(?:[\w.-]+@)(?P<ssh_host>[\w.-]+):)"
    r"(?P<path>[\w.-]+(?:/[\w.-]+)+)/?"
)

# Où une forge publie les sites de ses dépôts.
PAGES = {"github.com": "github.io", "gitlab.com": "gitlab.io"}
COMMIT = re.compile("[0-9a-f]{40}")


@dataclass(frozen=True)
class Repository:
    """Un dépôt public.

    Attributes:
        host: le nom du serveur, « github.com ».
        path: le compte et le projet, « compte/projet ».
        commit: celui d'où vient le livre, s'il est publié.
        address: l'adresse du site, quand on l'a donnée.
    """

    host: str
    path: str
    commit: str = ""
    address: str = ""

    @property
    def url(self) -> str:
        """L'adresse du dépôt dans un navigateur."""
        return f"https://{self.host}/{self.path}"

    @property
    def install(self) -> str:
        """Ce que pip installe : le dépôt, au commit d'où vient le livre."""
        return f"{self.url}@{self.commit}" if self.commit else self.url

    @property
    def site(self) -> str:
        """L'adresse du site, donnée ou celle qu'offre la forge ; vide pour une autre forge."""
        account, _, project = self.path.partition("/")
        if self.address:
            return f"{self.address.rstrip('/')}/"
        if self.host not in PAGES:
            return ""
        home = f"{account.lower()}.{PAGES[self.host]}"
        return f"https://{home}/" if project.lower() == home else f"https://{home}/{project}/"

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
    origin = parse(_git(root, "remote", "get-url", "origin"))
    if stated := stated or environment.get("CI_PROJECT_URL"):
        place = parse(stated)
    else:
        # Un serveur inconnu n'est peut-être pas public : dans le doute, pas de lien.
        place = origin if origin and (origin.is_github or "gitlab" in origin.host) else None
    if place is None:
        return None
    address = environment.get("LIVRE_ADRESSE") or environment.get("CI_PAGES_URL") or ""
    commit = _commit(root, environment, sent=place == origin)
    return replace(place, commit=commit, address=address)


def _commit(root: Path, environment: Mapping[str, str], sent: bool) -> str:
    """Rend le commit que construit la forge, ou celui d'ici, s'il a été envoyé au dépôt."""
    built = environment.get("GITHUB_SHA") or environment.get("CI_COMMIT_SHA") or ""
    if not built and sent and _git(root, "branch", "--remotes", "--contains", "HEAD"):
        built = _git(root, "rev-parse", "HEAD")
    return built if COMMIT.fullmatch(built) else ""


def _git(root: Path, *words: str) -> str:
    """Rend ce que répond git ; rien s'il échoue."""
    try:
        answer = subprocess.run(
            ["git", *words], cwd=root, capture_output=True, text=True, check=False
        )
    except OSError:  # git n'est pas installé
        return ""
    return answer.stdout.strip()
