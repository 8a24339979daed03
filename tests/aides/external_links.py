"""Les liens vers d'autres sites : les relever, et savoir s'ils mènent encore quelque part."""

import re
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from urllib.error import HTTPError, URLError
from urllib.request import Request, urlopen

from bs4 import BeautifulSoup

# Ce que répond un serveur dont la page n'existe plus. Un refus (401, 403, 429…) vient souvent d'un
# serveur qui ne veut pas de robot : la page est là.
GONE = {404, 410}
AGENT = {"User-Agent": "Mozilla/5.0 (compatible; verification-des-liens)"}
TRIES, PAUSE, PATIENCE = 3, 5.0, 30.0  # secondes, pour les deux derniers


def of_page(html: str) -> set[str]:
    """Les adresses externes où mène une page, sans leur ancre."""
    links = BeautifulSoup(html, "html.parser").select("a[href^='http://'], a[href^='https://']")
    return {str(link["href"]).partition("#")[0] for link in links}


def of_text(text: str) -> set[str]:
    """Les adresses externes d'un texte Markdown, sans leur ancre."""
    found = re.findall(r"https?://[^\s<>\"')`\]}]+", text)
    return {address.partition("#")[0].rstrip(".,;:") for address in found}


def broken(addresses: Iterable[str], pause: float = PAUSE) -> dict[str, str]:
    """Les adresses qui ne mènent plus nulle part, et pourquoi."""
    wanted = sorted(addresses)
    with ThreadPoolExecutor(8) as pool:
        answers = pool.map(lambda address: _problem(address, pause), wanted)
        return {address: why for address, why in zip(wanted, answers, strict=True) if why}


def _problem(address: str, pause: float) -> str:
    why = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        try:
            with urlopen(Request(address, headers=AGENT), timeout=PATIENCE):
                return ""
        except HTTPError as answer:
            if answer.code < 500 and answer.code not in GONE:
                return ""
            why = f"réponse {answer.code}"
            if answer.code in GONE:
                return why
        except (URLError, OSError) as problem:
            why = str(getattr(problem, "reason", problem))
    return why
