"""All records, found by id and by the words they are asked for; kept in a journal of JSON lines if there is a folder."""

from __future__ import annotations

import heapq
import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import asdict, fields
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from sandbox.records import (
    KINDS,
    NAMES,
    Account,
    Card,
    Charge,
    Due,
    Hook,
    Link,
    Person,
    Recipient,
    Record,
    Refund,
    StripeRow,
    Transfer,
    Vend,
)

_R = TypeVar("_R", bound=Record)


class Store:
    """`add` what is new, `touch` what changed, `save` when the act is over."""

    def __init__(self, *, first_serial: int, folder: Path | None = None) -> None:
        self._rows: dict[type, dict[int, Any]] = {kind: {} for kind in NAMES}
        self._words: dict[tuple[str, ...], list[Any]] = defaultdict(list)
        self._changed: dict[tuple[str, int], Record] = {}
        self._agenda: list[tuple[datetime, int]] = []
        self._outbox: list[tuple[datetime, int]] = []
        self._serial = first_serial
        self._journal: Path | None = None
        if folder is not None:
            folder.mkdir(parents=True, exist_ok=True)
            self._journal = folder / "journal.jsonl"
            self._load(self._journal)

    def serial(self) -> int:
        """A number never given before."""
        self._serial += 1
        return self._serial

    def add(self, record: _R) -> _R:
        self._index(record)
        self.touch(record)
        return record

    def rename(self, record: Record) -> None:
        """Find it by words it has only now, too."""
        for words in _words_of(record):
            held = self._words[(NAMES[type(record)], *words)]
            if record not in held:
                held.append(record)
        self.touch(record)

    def touch(self, record: Record) -> None:
        self._changed[(NAMES[type(record)], record.id)] = record
        if isinstance(record, Hook) and record.next_at is not None:
            heapq.heappush(self._outbox, (record.next_at, record.id))

    def get(self, kind: type[_R], number: int | None) -> _R | None:
        return self._rows[kind].get(number) if number is not None else None

    def known(self, kind: type[_R], number: int | None) -> _R:
        """One that must be there."""
        found = self.get(kind, number)
        if found is None:
            raise LookupError(f"no {NAMES[kind]} {number}")
        return found

    def all(self, kind: type[_R]) -> Iterator[_R]:
        """In the order they were made."""
        return iter(list(self._rows[kind].values()))

    def find(self, kind: type[_R], *words: str) -> list[_R]:
        return list(self._words.get((NAMES[kind], *words), ()))

    def first(self, kind: type[_R], *words: str) -> _R | None:
        found = self._words.get((NAMES[kind], *words))
        return found[0] if found else None

    def take_due(self, *, now: datetime) -> Due | None:
        """What was to happen by now, the earliest first."""
        if not self._agenda or self._agenda[0][0] > now:
            return None
        due = self.known(Due, heapq.heappop(self._agenda)[1])
        due.done = True
        self.touch(due)
        return due

    def hooks_due(self, *, now: datetime) -> list[Hook]:
        """The webhooks to send by now, the earliest first."""
        due: dict[int, Hook] = {}
        while self._outbox and self._outbox[0][0] <= now:
            at, number = heapq.heappop(self._outbox)
            hook = self.get(Hook, number)
            if hook is not None and hook.next_at == at:
                due[number] = hook
        return list(due.values())

    def next_change_at(self) -> datetime | None:
        """When something happens next by itself, or a webhook is to be sent."""
        return min((queue[0][0] for queue in (self._agenda, self._outbox) if queue), default=None)

    def save(self) -> None:
        """Write what changed since the last time."""
        changed, self._changed = self._changed, {}
        if self._journal is not None and changed:
            lines = [json.dumps([name, _row(record)]) for (name, _), record in changed.items()]
            with self._journal.open("a") as journal:
                journal.write("\n".join(lines) + "\n")

    def forget(self) -> None:
        """Everything gone; serial numbers go on."""
        for rows in self._rows.values():
            rows.clear()
        for held in (self._words, self._changed, self._agenda, self._outbox):
            held.clear()
        if self._journal is not None:
            self._journal.write_text("")

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        return {name: [_row(record) for record in self._rows[kind].values()] for name, kind in KINDS.items()}

    def _index(self, record: Record) -> None:
        self._rows[type(record)][record.id] = record
        name = NAMES[type(record)]
        for words in _words_of(record):
            self._words[(name, *words)].append(record)
        if isinstance(record, Due) and not record.done:
            heapq.heappush(self._agenda, (record.at, record.id))

    def _load(self, path: Path) -> None:
        latest: dict[tuple[str, int], dict[str, Any]] = {}
        lines = path.read_text().splitlines() if path.exists() else []
        for line in lines:
            try:
                name, row = json.loads(line)
            except ValueError:
                break  # the last line of a process that was killed while writing
            latest[(name, row["id"])] = row
        for (name, number), row in latest.items():
            record = _record(name, row)
            self._index(record)
            if isinstance(record, Hook) and record.next_at is not None:
                heapq.heappush(self._outbox, (record.next_at, record.id))
            self._serial = max(self._serial, number)
        if lines:
            fresh = path.with_suffix(".new")
            fresh.write_text("".join(json.dumps([name, row]) + "\n" for (name, _), row in latest.items()))
            fresh.replace(path)


def _words_of(record: Record) -> Iterator[tuple[str, ...]]:
    match record:
        case Person():
            yield (record.provider, record.email.lower())
            yield (record.provider, "code", record.code)
        case Card():
            yield (record.provider, record.code)
            yield (record.provider, "of", str(record.person_id))
        case Link():
            yield (record.reference,)
            yield ("token", record.token)
        case Charge():
            yield (record.provider, record.reference)
            if record.access_code:
                yield ("access", record.access_code)
        case Refund():
            yield (str(record.charge_id),)
        case Recipient():
            yield ("code", record.code)
            yield (record.bank_code, record.account_number)
        case Transfer():
            yield (record.provider, record.reference)
            yield (record.provider, "code", record.code)
        case StripeRow():
            yield (record.kind, record.key)
            yield (record.kind, "of", record.parent)
        case Vend():
            yield (record.provider, record.reference)
        case Account():
            yield (record.provider, record.account_number)
            if record.order_ref:
                yield (record.provider, "order", record.order_ref)
        case _:
            return


def _row(record: Record) -> dict[str, Any]:
    return {name: value.isoformat() if isinstance(value, datetime) else value for name, value in asdict(record).items()}


def _record(name: str, row: dict[str, Any]) -> Record:
    kind = KINDS[name]
    moments = {field.name for field in fields(kind) if "datetime" in str(field.type)}
    made: dict[str, Any] = {
        key: datetime.fromisoformat(value) if key in moments and value else value for key, value in row.items()
    }
    return kind(**made)
