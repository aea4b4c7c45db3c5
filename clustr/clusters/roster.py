"""Reading a roster: CSV in, rows out, with every error named by the line it stands on. No database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from clustr.clusters.policies import UNIT_LABEL_LENGTH, one_line
from clustr.clusters.refusals import RosterInvalid, RosterTooLarge
from clustr.clusters.types import Role
from clustr.kit import texts
from clustr.kit.errors import FieldError
from clustr.kit.line_errors import LineErrors
from clustr.kit.sentences import Sentence
from clustr.people.models import NAME_LENGTH, PHONE_LENGTH
from clustr.people.policies import is_phone, normalised_email
from clustr.people.refusals import InvalidEmail

COLUMNS = ("email", "name", "phone", "unit", "unit_type", "role", "joined_on")
MAX_ROWS = 10_000
MAX_BYTES = 5 * 1024 * 1024
_LONGEST = {
    "name": NAME_LENGTH,
    "phone": PHONE_LENGTH,
    "unit": UNIT_LABEL_LENGTH,
    "unit_type": UNIT_LABEL_LENGTH,
}


@dataclass(frozen=True, slots=True)
class RosterRow:
    """One person of the roster. `joined_at` None: from the moment of the import."""

    line: int
    email: str
    name: str
    phone: str
    unit: str
    unit_type: str
    role: Role
    joined_at: datetime | None


def read_roster(content: bytes, *, zone: ZoneInfo, now: datetime) -> list[RosterRow]:
    """The rows of a roster: UTF-8 CSV (a byte order mark is fine) with a header that names the columns in any order.

    Only `email` is needed. Refuses with RosterTooLarge, and with RosterInvalid listing every error by line.
    """
    if len(content) > MAX_BYTES:
        raise RosterTooLarge
    errors = LineErrors()
    rows: list[RosterRow] = []
    seen: dict[str, int] = {}
    for line, cells in _records(_decoded(content), errors):
        row = _row(line, cells, zone, now, errors)
        if row is None:
            continue
        if row.email in seen:
            errors.add(line, "email", "duplicate", "The same address stands on line {first}.", first=seen[row.email])
        seen.setdefault(row.email, line)
        rows.append(row)
    errors.raise_if_any(RosterInvalid, "nothing was imported")
    return rows


def _decoded(content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        problem = FieldError(f"lines.{line}", "not_utf8", "The file is not UTF-8; save it as CSV UTF-8.")
        raise RosterInvalid(problem.message, errors=(problem,)) from error


def _records(text: str, errors: LineErrors) -> Iterator[tuple[int, dict[str, str]]]:
    """Line number and cells by column, of every row that says anything."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = _columns(next(reader, []))
        count, begins = 0, reader.line_num + 1
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            cleaned = [one_line(cell) for cell in cells]
            if not any(cleaned):
                continue
            count += 1
            if count > MAX_ROWS:
                raise RosterTooLarge
            if len(cleaned) > len(columns):
                counts = {"here": len(cleaned), "above": len(columns)}
                errors.add(line, "row", "too_many_cells", "The row has {here} cells, the header {above}.", **counts)
                continue
            yield line, dict.fromkeys(COLUMNS, "") | dict(zip(columns, cleaned, strict=False))
    except csv.Error as error:
        errors.add(reader.line_num, "row", "not_csv", "The row is not CSV: {problem}.", problem=error)


def _columns(header: list[str]) -> list[str]:
    columns = [one_line(name).lower() for name in header]
    unknown = [name for name in columns if name not in COLUMNS]
    if "email" not in columns or unknown or len(set(columns)) < len(columns):
        message = Sentence(
            "The first line names the columns, each once: {columns}. Only email is needed.", columns=",".join(COLUMNS)
        )
        raise RosterInvalid(message, errors=(FieldError("lines.1", "bad_header", message),))
    return columns


def _row(line: int, cells: dict[str, str], zone: ZoneInfo, now: datetime, errors: LineErrors) -> RosterRow | None:
    before = errors.total
    email = ""
    try:
        email = normalised_email(cells["email"])
    except InvalidEmail:
        errors.add(line, "email", "invalid_email", "This is not an e-mail address.")
    for column, longest in _LONGEST.items():
        if len(cells[column]) > longest:
            errors.add(line, column, "too_long", "At most {longest} characters.", longest=longest)
        elif problem := texts.problem_of(cells[column], lines=False):
            errors.add(line, column, problem.code, problem.message)
    if not is_phone(cells["phone"]):
        errors.add(line, "phone", "invalid_phone", "This is not a phone number.")
    role = cells["role"].lower() or Role.RESIDENT.value
    if role not in list(Role):
        errors.add(line, "role", "unknown_role", "The role is admin, staff or resident.")
    joined_at = _joined_at(line, cells["joined_on"], zone, now, errors)
    if errors.total > before:
        return None
    unit_type = cells["unit_type"] if cells["unit"] else ""
    return RosterRow(line, email, cells["name"], cells["phone"], cells["unit"], unit_type, Role(role), joined_at)


def _joined_at(line: int, text: str, zone: ZoneInfo, now: datetime, errors: LineErrors) -> datetime | None:
    """The day's first instant in the cluster's time zone."""
    if not text:
        return None
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or day.year < 1970:
        errors.add(line, "joined_on", "invalid_date", "Write the day as 2026-01-31.")
        return None
    joined_at = datetime.combine(day, time.min, zone).astimezone(UTC) if day.year < 9999 else None
    if joined_at is None or joined_at > now:
        errors.add(line, "joined_on", "in_future", "A membership begins now or began before.")
        return None
    return joined_at
