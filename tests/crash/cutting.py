"""A proxy before PostgreSQL that cuts a connection around a COMMIT, or around the one statement that is a payment whole:
before the server hears of it, or after it answered.

The client is told nothing, and so cannot know which of the two it was.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from copy import deepcopy
from pathlib import Path

from django.db import connections

_COMMIT = b"Q\x00\x00\x00\x0bCOMMIT\x00"  # as psycopg sends it: a simple query
_ONCE = (b"bills_pay_once", b"bills_acknowledge_once")  # what commits by itself, without the word
_READ = 65_536


class Proxy:
    """Passes everything through until `cut` is armed with "before" or "after"; then the next COMMIT but `spared` ends its
    connection."""

    def __init__(self, host: str, port: str) -> None:
        self._host, self._port = host, port
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listening.getsockname()[1])
        self.cut = ""
        self.cuts = self.spared = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def end(self) -> None:
        _close(self._listening)

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = self._connect()
        heard, answered = threading.Event(), threading.Event()  # after `heard`, what the server says is dropped
        threading.Thread(target=_back, args=(client, server, heard, answered), daemon=True).start()
        commits_next = False
        with suppress(OSError):
            while sent := client.recv(_READ):
                commits = sent.endswith(_COMMIT) or (commits_next and sent.startswith(b"B"))
                if self.cut and commits and self.spared:
                    self.spared -= 1
                elif self.cut and commits:
                    how, self.cut = self.cut, ""
                    self.cuts += 1
                    if how == "after":
                        heard.set()
                        server.sendall(sent)
                        answered.wait(10)
                    break
                commits_next = sent.startswith(b"P") and any(name in sent for name in _ONCE)  # prepared; executed next
                server.sendall(sent)
        _close(client, server)

    def _connect(self) -> socket.socket:
        if self._host.startswith("/"):
            server = socket.socket(socket.AF_UNIX)
            server.connect(str(Path(self._host) / f".s.PGSQL.{self._port}"))
            return server
        return socket.create_connection((self._host, int(self._port)))


def _back(client: socket.socket, server: socket.socket, heard: threading.Event, answered: threading.Event) -> None:
    with suppress(OSError):
        while said := server.recv(_READ):
            if not heard.is_set():
                client.sendall(said)
            elif b"COMMIT\x00" in said or b"SELECT 1\x00" in said:
                answered.set()
    _close(client)


@contextmanager
def through_a_proxy() -> Iterator[Proxy]:
    """Inside, this thread's runtime connection goes through a proxy, outside the pool."""
    ours = connections["default"]
    ours.close()
    proxy = Proxy(str(ours.settings_dict["HOST"]), str(ours.settings_dict["PORT"]))
    cuttable = connections.create_connection("default")
    cuttable.settings_dict = deepcopy(cuttable.settings_dict)
    cuttable.settings_dict |= {"HOST": "127.0.0.1", "PORT": str(proxy.port)}
    cuttable.settings_dict["OPTIONS"].pop("pool", None)
    cuttable.settings_dict["OPTIONS"]["sslmode"] = "disable"
    connections["default"] = cuttable
    try:
        yield proxy
    finally:
        cuttable.close()
        connections["default"] = ours
        proxy.end()


def _close(*sockets: socket.socket) -> None:
    for one in sockets:
        with suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)
        one.close()
