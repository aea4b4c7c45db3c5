"""Requests byte by byte, straight into the application, as no client library would send them."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_to_bytes

from clustr.web.errors import API_PREFIXES
from tests.fuzz.checks import problem_of
from tests.fuzz.harness import Application

JSON = "application/json"


@dataclass(frozen=True)
class Answer:
    """Status, headers by lower-case name, and the body."""

    status: int
    headers: dict[str, str]
    content: bytes

    @property
    def text(self) -> str:
        return self.content.decode(errors="replace")  # of a receipt, what can be read

    @property
    def body(self) -> Any:
        return json.loads(self.content)

    @property
    def code(self) -> str:
        return str(self.body["code"])

    @property
    def named(self) -> dict[str, str]:
        """The codes of the fields that were refused."""
        return {item["field"]: item["code"] for item in self.body.get("errors", ())}


def send(
    application: Application,
    method: str,
    target: str,
    body: bytes = b"",
    *,
    content_type: str | None = JSON,
    headers: Sequence[tuple[str, str]] = (),
    length: str | None = None,
) -> Answer:
    """Ask; `target` stands in the request line as it is, and `length` is said instead of the body's length. A header sent twice arrives as servers join it. Every error is
    looked at: under the API's prefixes it must be a problem with a documented code."""
    path, _, query = target.partition("?")
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "SCRIPT_NAME": "",
        "PATH_INFO": unquote_to_bytes(path).decode("latin-1"),
        "QUERY_STRING": query,
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "192.0.2.9",
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "CONTENT_LENGTH": str(len(body)) if length is None else length,
    }
    if content_type is not None:
        environ["CONTENT_TYPE"] = content_type
    for name, value in headers:
        key = "HTTP_" + name.upper().replace("-", "_")
        environ[key] = f"{environ[key]},{value}" if key in environ else value
    begun: list[Any] = []
    content = b"".join(application(environ, lambda status, sent, *_: begun.append((status, sent))))
    status, sent = begun[-1]
    answer = Answer(int(status.split()[0]), {name.lower(): value for name, value in sent}, content)
    if answer.status >= 400 and method != "HEAD" and environ["PATH_INFO"].startswith(API_PREFIXES):
        wrong = problem_of(answer.status, answer.headers.get("content-type", ""), answer.headers, answer.text)
        assert wrong is None, (method, target[:200], wrong, answer.text[:500])
    assert answer.status < 500, (method, target[:200], body[:300], answer.text[:500])
    return answer
