"""What the matrix looks at: whether anything changed, whether two answers say the same, and whether one tells too much."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import Any
from uuid import UUID

from django.db import connections

from clustr.kit.ids import new_id
from tests import kept
from tests.cast import ApiClient, Person
from tests.house.test_catalogue import tenant_tables
from tests.web.matrix.row import Ask, Row
from tests.web.matrix.town import Town

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TURN = "audit_throttle("
_OF_THE_REQUEST = ("X-Request-ID",)


def nowhere() -> str:
    """An id that nothing has."""
    return str(new_id())


def send(client: ApiClient, row: Row, ask: Ask, **headers: str) -> Any:
    """The row's request with these ids, as this client."""
    address = row.address.format(**ask.path)
    query = "&".join(f"{name}={value}" for name, value in ask.query.items())
    if row.method == "GET":
        return client.get(address, dict(ask.query), **headers)
    sent = {name.replace("-", "_"): value for name, value in ask.headers.items()} | headers
    return client.request(row.method, address + (f"?{query}" if query else ""), ask.body, **sent)


def text_of(answer: Any) -> str:
    raw = b"".join(answer.streaming_content) if answer.streaming else answer.content
    return str(raw.decode(errors="replace"))


def said(answer: Any, *ids: str) -> tuple[int, str, dict[str, str]]:
    """What an answer says, apart from the request's own id and from the ids that were asked for."""
    text = text_of(answer)
    headers = {name: value for name, value in answer.headers.items() if name not in _OF_THE_REQUEST}
    if answer["Content-Type"] == "application/problem+json":
        problem = json.loads(text)
        problem.pop("request_id", None)
        text = json.dumps(problem)
    for id in ids:
        text = text.replace(id, "<the id>")
    return answer.status_code, text, headers


@contextmanager
def asked_of_database() -> Iterator[list[str]]:
    """The statements sent meanwhile, on whichever connection, without their values. Not the throttle's: a process takes
    an address's turns by the handful, so that one request in many pays for those after it, whatever they ask for."""
    sent: list[str] = []

    def note(execute: Callable[..., Any], statement: Any, *more: Any) -> Any:
        if _TURN not in str(statement):
            sent.append(str(statement))
        return execute(statement, *more)

    with ExitStack() as watched:
        for connection in connections.all():
            watched.enter_context(connection.execute_wrapper(note))
        yield sent


def heard(answer: Any) -> tuple[int, str]:
    """Status and code."""
    problem = answer.get("Content-Type") == "application/problem+json"
    return answer.status_code, answer.json()["code"] if problem else ""


@dataclass
class Watch:
    """Watches the two estates of a town."""

    town: Town
    _answers: list[tuple[UUID, str, str]] = field(default_factory=list)

    def rows(self) -> dict[str, tuple[Any, ...]]:
        """How many rows each tenant table holds for the two estates, and a digest of all they say."""
        parts = [
            f"SELECT '{table}', count(*), coalesce(sum(hashtextextended(t::text, 0)), 0) FROM \"{table}\" t"
            f" WHERE {'id' if table == 'clusters_cluster' else 'cluster_id'} = ANY(%(both)s)"
            for table in (*_tables(), "clusters_cluster")
        ]
        return {row[0]: row[1:] for row in self._ask(" UNION ALL ".join(parts))}

    def note(self, asker: Person, answer: Any, what: str) -> Any:
        """Remember an answer given to somebody of one estate, to be searched for what is the other's."""
        if answer.streaming:
            answer.streaming_content = [text_of_stream := b"".join(answer.streaming_content)]
            self._answers.append((asker.cluster_id, what, text_of_stream.decode()))
        else:
            self._answers.append((asker.cluster_id, what, answer.content.decode(errors="replace")))
        return answer

    def leaks(self) -> list[str]:
        """The noted answers that hold the other estate's canary or one of its ids."""
        if not self._answers:
            return []
        here, there = self.town.here.id, self.town.there.id
        held = self.town.held
        if not held or not {id for _, _, text in self._answers for id in _UUID.findall(text)} <= set().union(
            *held.values()
        ):
            held |= {estate: self._ids_of(estate) for estate in (here, there)}
        shared = {str(self.town.twin.user_id), *self._of_nobody()}
        found = []
        for estate, what, text in self._answers:
            other = there if estate == here else here
            told = set(_UUID.findall(text)) & (held[other] - shared)
            if told or self.town.tags[other] in text:
                found.append(f"{what} told {sorted(told) or self.town.tags[other]}")
        self._answers.clear()
        return found

    def of_member(self, person: Person, beside: Person) -> set[str]:
        """Name, address and every id that stands in this member's rows and in none of `beside`'s."""
        theirs, others = set[str](), set[str]()
        for (line,) in self._ask("SELECT line FROM ({lines}) AS every WHERE cluster_id = ANY(%(both)s)"):
            if str(beside.user_id) in line:
                others.update(_UUID.findall(line))
            elif str(person.user_id) in line:
                theirs.update(_UUID.findall(line))
        return (theirs - others - self._of_nobody()) | {str(person.user_id), person.email, person.name}

    def _of_nobody(self) -> set[str]:
        """Ids that every estate is told: what the utility services sell is the same everywhere."""
        return {id for (id,) in kept.ask("checker", "SELECT id::text FROM utilities_provider")}

    def _ids_of(self, estate: UUID) -> set[str]:
        lines = self._ask("SELECT line FROM ({lines}) AS every WHERE cluster_id = %(one)s", one=estate)
        return {id for (line,) in lines for id in _UUID.findall(line)} | {str(estate)}

    def _ask(self, statement: str, **values: Any) -> list[tuple[Any, ...]]:
        """Asked as the checker, who sees every estate. {lines} stands for every tenant table's rows as text."""
        lines = [f'SELECT cluster_id, t::text AS line FROM "{table}" t' for table in _tables()]
        both = [self.town.here.id, self.town.there.id]
        return kept.ask("checker", statement.format(lines=" UNION ALL ".join(lines)), {"both": both, **values})


@cache
def _tables() -> tuple[str, ...]:
    return tuple(tenant_tables())
