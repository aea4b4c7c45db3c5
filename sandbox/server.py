"""The sandbox on a loopback port: sockets, and the faults that only sockets can have."""

from __future__ import annotations

import socket
import struct
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from urllib.parse import urlsplit

from sandbox.core import Sandbox
from sandbox.wire import DRIP, WAIT, Answer, Dropped

_LARGEST_BODY = 1_000_000
_LOCAL_NAMES = {"127.0.0.1", "localhost", "::1"}


class NotLoopback(ValueError):
    """The sandbox is served to this machine alone."""


class Server(ThreadingHTTPServer):
    """A thread for each connection; ends with the process, whatever is waiting."""

    daemon_threads = True
    request_queue_size = 256

    def __init__(self, *, host: str, port: int, sandbox: Sandbox) -> None:
        if not ip_address(host).is_loopback:
            raise NotLoopback(f"{host} is not a loopback address")
        self.sandbox = sandbox
        if ip_address(host).version == 6:
            self.address_family = socket.AF_INET6
        super().__init__((host, port), _Handler)

    @property
    def port(self) -> int:
        return int(self.server_address[1])


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    server_version = "sandbox"
    sys_version = ""
    disable_nagle_algorithm = True
    timeout = 120

    def _serve(self) -> None:
        length = self.headers.get("content-length", "0")
        size = int(length) if length.isdecimal() else _LARGEST_BODY + 1
        if size > _LARGEST_BODY:
            self.close_connection = True
            self._write(Answer(413, {"content-type": "text/plain"}, b"too large"))
            return
        body = self.rfile.read(size)
        if not self._from_here():
            self._write(Answer(403, {"content-type": "text/plain"}, b"for this machine only"))
            return
        answer = self.server.sandbox.handle(self.command, self.path, dict(self.headers.items()), body)
        if isinstance(answer, Dropped):
            self._drop(answer)
        else:
            self._write(answer)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _serve  # noqa: N815

    def log_message(self, *_: object) -> None:
        """Quiet: what happened stands in the journal and at /_sandbox/state."""

    def _from_here(self) -> bool:
        """Neither a foreign name that leads here, nor a foreign page that sends a form to the control addresses."""
        host = urlsplit(f"//{self.headers.get('host', '')}").hostname
        origin = self.headers.get("origin")
        foreign = origin not in (None, "null") and urlsplit(origin).hostname not in _LOCAL_NAMES
        return host in _LOCAL_NAMES and not (foreign and self.path.startswith("/_sandbox"))

    def _drop(self, dropped: Dropped) -> None:
        self.close_connection = True
        time.sleep(dropped.seconds)
        if dropped.reset:  # closing with nothing to linger for sends a reset
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()

    def _write(self, answer: Answer) -> None:
        wait, drip = (float(answer.headers.get(name, 0)) for name in (WAIT, DRIP))
        if wait:
            time.sleep(wait)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            if name not in (WAIT, DRIP):
                self.send_header(name, value)
        self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        if not drip:
            self.wfile.write(answer.body)
            return
        pause = drip / max(1, len(answer.body))
        for at in range(len(answer.body)):
            self.wfile.write(answer.body[at : at + 1])
            self.wfile.flush()
            time.sleep(pause)

    def handle_one_request(self) -> None:
        try:
            super().handle_one_request()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client went away, or the connection was broken on purpose
