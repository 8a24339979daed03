"""Ouvrir une adresse sans attendre plus qu'un délai, quoi que le serveur envoie.

Le délai d'``urllib`` ne vaut que pour un silence : un octet de temps en temps le fait repartir,
dans un en-tête, une ligne de taille, un « 100 Continue » ou la page d'une redirection.
"""

import http.client
import io
import socket
import time
from collections.abc import Callable
from typing import Any
from urllib.request import (
    AbstractHTTPHandler,
    HTTPHandler,
    HTTPRedirectHandler,
    HTTPSHandler,
    OpenerDirector,
    Request,
    build_opener,
)


def bounded_opener(check: Callable[[str], object]) -> OpenerDirector:
    """Ce qui ouvre une adresse « http » ou « https » ; ses réponses sont des :class:`Response`.

    Args:
        check: lève une erreur si l'adresse où mène une redirection ne convient pas.
    """
    redirection = _Redirection()
    redirection.check = check
    return build_opener(_HTTP, _HTTPS, redirection)


class _Bounded(io.RawIOBase):
    """Les octets d'une connexion, jusqu'à l'heure dite ; au-delà, ``TimeoutError``."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection, self.limit = connection, connection.gettimeout() or 0.0
        self.stream = connection.makefile("rb", buffering=0)
        self.restart()

    def restart(self) -> None:
        self.end = time.monotonic() + self.limit

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self.end - time.monotonic()
        if left <= 0:
            raise TimeoutError
        self.connection.settimeout(left)
        count = self.stream.readinto(buffer)
        self.connection.settimeout(self.limit)  # la suite, un tunnel par exemple, a tout son temps
        return count

    def close(self) -> None:
        self.stream.close()
        super().close()


class Response(http.client.HTTPResponse):
    """Une réponse dont les en-têtes arrivent dans le délai, puis chaque morceau demandé."""

    def __init__(self, sock: socket.socket, *options: Any, **named: Any) -> None:
        super().__init__(sock, *options, **named)
        self.fp.close()
        self.bytes = _Bounded(sock)
        self.fp = io.BufferedReader(self.bytes)

    def read1(self, n: int = -1) -> bytes:
        """Un morceau du fichier ; le délai repart."""
        self.bytes.restart()
        return super().read1(n)


class _Opening(AbstractHTTPHandler):
    def do_open(self, http_class: Any, req: Request, **options: Any) -> http.client.HTTPResponse:
        bounded: Any = type("Bounded", (http_class,), {"response_class": Response})
        return super().do_open(bounded, req, **options)


class _HTTP(_Opening, HTTPHandler):
    pass


class _HTTPS(_Opening, HTTPSHandler):
    pass


class _Redirection(HTTPRedirectHandler):
    check: Callable[[str], object]

    def redirect_request(
        self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> Request | None:
        fp.close()  # la page qui accompagne une redirection ne sert à rien, et peut être sans fin
        self.check(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)
