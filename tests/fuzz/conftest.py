"""The door, open to any bytes, and the town behind it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest

from tests import kept
from tests.fuzz.fields import Field, Operation
from tests.fuzz.harness import Application, without_throttles
from tests.fuzz.towns import Town
from tests.fuzz.wire import Answer, send
from tests.money import prove

_COUNTED_APART = ("audit_throttle", "django_session", "people_kept")


OF_THE_PLATFORM = tuple(f"/api/v1/billing/{part}" for part in ("staff/", "analytics/", "journal/"))


@dataclass
class Door:
    """Sends as whoever may: the office's addresses as Ada, what the platform's staff read as one of them, all others as Bola,
    with ids that exist."""

    application: Application
    town: Town
    headers: dict[str, dict[str, str]] = field(default_factory=dict)

    def headers_for(self, path: str, method: str = "") -> dict[str, str]:
        role = "admin" if path.startswith("/management/") else "resident"
        if method == "GET" and path.startswith(OF_THE_PLATFORM):
            role = "platform staff"
        if role not in self.headers:
            self.headers[role] = self.town.headers_of(role)
        return self.headers[role]

    def known(self, name: str) -> str | None:
        """The first id that this name stands for: never a row that an earlier case may have used up."""
        return self.town.known[name][0] if self.town.known.get(name) else None

    def path(self, operation: Operation, **values: str) -> str:
        path = operation.path
        for name in operation.parameters:
            path = path.replace("{" + name + "}", values.get(name) or self.known(name) or "nothing")
        return path

    def body(self, operation: Operation, more: dict[str, Any] | None = None) -> Any:
        """A body that is right, with these fields in it as well: of a list, in the one it holds."""
        body = self._with_ids(operation.example(), "")
        (body[0] if isinstance(body, list) else body).update(more or {})
        return body

    def _with_ids(self, value: Any, name: str) -> Any:
        if isinstance(value, dict):
            return {key: self._with_ids(inner, key) for key, inner in value.items()}
        if isinstance(value, list):
            return [self._with_ids(inner, name) for inner in value]
        return self.known(name) or value

    def ask(self, operation: Operation, body: bytes = b"", *, target: str | None = None, **options: Any) -> Answer:
        headers = [*self.headers_for(operation.path, operation.method).items(), *options.pop("headers", ())]
        return send(
            self.application, operation.method, target or self.path(operation), body, headers=headers, **options
        )

    def fill(self, filled: Field, text: str) -> Answer:
        """Ask with this JSON text in one field; for a parameter it is the value, percent-encoded already."""
        operation = filled.operation
        if filled.place == "path":
            return self.ask(operation, target=self.path(operation, **{str(filled.at[0]): text}))
        if filled.place == "query":
            return self.ask(operation, target=f"{self.path(operation)}?{filled.at[0]}={text}")
        import json

        mark = "\ue000here\ue000"
        sent = json.dumps(filled.put(self.body(operation), mark))
        return self.ask(operation, sent.replace(json.dumps(mark), text).encode("utf-8", "surrogatepass"))


def everything() -> dict[str, tuple[int, int]]:
    """How many rows each table holds, and a sum over them: equal before and after what was refused."""
    return {name: (rows, int(total)) for name, rows, total in kept.ask(kept.ADMINISTRATOR, _sums())}


@cache
def _sums() -> str:
    named = kept.ask(kept.ADMINISTRATOR, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    return " UNION ALL ".join(
        f"SELECT '{name}', count(*), coalesce(sum(hashtext(t::text)::bigint), 0) FROM {name} t"
        for (name,) in sorted(named)
        if not name.startswith(_COUNTED_APART)
    )


@pytest.fixture(scope="module")
def door() -> Iterator[Door]:
    with without_throttles() as application:
        opened = Door(application, Town())
        yield opened
        prove(opened.town.cast)


@pytest.fixture
def unchanged(door: Door) -> Iterator[None]:
    """Whatever the test sends must leave no trace."""
    for path in ("/management/", "/members/"):
        door.headers_for(path)
    before = everything()
    yield
    assert everything() == before
