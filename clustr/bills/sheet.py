"""Reading a sheet of bills: CSV in, rows out, with every error named by the line it stands on. No database."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from zoneinfo import ZoneInfo

from clustr.bills.refusals import SheetInvalid
from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.kit import texts
from clustr.kit.line_errors import LineErrors
from clustr.kit.money import InvalidAmount, Money
from clustr.people.policies import normalised_email, one_line
from clustr.people.refusals import InvalidEmail

COLUMNS = ("email", "title", "amount", "type", "due_date", "description")
NEEDED = frozenset(COLUMNS) - {"description"}
EVERYONE = "everyone"
"""What stands under `email` for a bill to every resident: said in full, so that an empty cell bills nobody."""
MAX_ROWS = 5_000
MAX_BYTES = 2 * 1024 * 1024
_LONGEST = {"title": 200, "description": 5_000}
_END_OF_DAY = time(23, 59, 59)


@dataclass(frozen=True, slots=True)
class SheetRow:
    """One bill of the sheet. `email` None: to every resident."""

    line: int
    email: str | None
    title: str
    amount: Money
    type: BillType
    due_date: datetime
    description: str


def read_sheet(content: bytes, *, currency: str, zone: ZoneInfo) -> list[SheetRow]:
    """The bills of a sheet: UTF-8 CSV (a byte order mark is fine) with a header that names the columns in any order.

    `due_date` is a day, such as 2027-01-31: its end in the cluster's time zone. Refuses with SheetInvalid, listing every
    error by line.
    """
    errors = LineErrors()
    rows = read_rows(content, currency=currency, zone=zone, errors=errors)
    errors.raise_if_any(SheetInvalid, "nothing was billed")
    return rows


def read_rows(content: bytes, *, currency: str, zone: ZoneInfo, errors: LineErrors) -> list[SheetRow]:
    """The same, but only adds what is wrong with its lines to `errors`, and answers the others."""
    if len(content) > MAX_BYTES:
        raise SheetInvalid("A sheet has at most {most} bills and 2 MB.", most=f"{MAX_ROWS:,}")
    rows = [
        row
        for line, cells in _records(content, errors)
        if (row := _row(line, cells, currency, zone, errors)) is not None
    ]
    if not rows and not errors.total:
        raise SheetInvalid("There is no bill in the sheet.")
    return rows


def _records(content: bytes, errors: LineErrors) -> Iterator[tuple[int, dict[str, str]]]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SheetInvalid("The file is not UTF-8; save it as CSV UTF-8.") from error
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        columns = [one_line(name).lower() for name in next(reader, [])]
        if set(columns) - set(COLUMNS) or NEEDED - set(columns) or len(set(columns)) < len(columns):
            raise SheetInvalid("The first line names the columns, each once: {columns}.", columns=",".join(COLUMNS))
        count, begins = 0, reader.line_num + 1
        for cells in reader:
            line, begins = begins, reader.line_num + 1
            cleaned = [cell.strip() for cell in cells]
            if not any(cleaned):
                continue
            count += 1
            if count > MAX_ROWS:
                raise SheetInvalid("A sheet has at most {most} bills.", most=f"{MAX_ROWS:,}")
            if len(cleaned) > len(columns):
                counts = {"here": len(cleaned), "above": len(columns)}
                errors.add(line, "row", "too_many_cells", "The row has {here} cells, the header {above}.", **counts)
                continue
            yield line, dict.fromkeys(COLUMNS, "") | dict(zip(columns, cleaned, strict=False))
    except csv.Error as error:
        errors.add(reader.line_num, "row", "not_csv", "The row is not CSV: {problem}.", problem=error)


def _row(line: int, cells: dict[str, str], currency: str, zone: ZoneInfo, errors: LineErrors) -> SheetRow | None:
    before = errors.total
    email: str | None = None
    if cells["email"].lower() != EVERYONE:
        try:
            email = normalised_email(cells["email"])
        except InvalidEmail:
            errors.add(line, "email", "invalid_email", 'Write an e-mail address, or "{everyone}".', everyone=EVERYONE)
    if not cells["title"]:
        errors.add(line, "title", "required", "Write what the bill is called.")
    for column, longest in _LONGEST.items():
        if len(cells[column]) > longest:
            errors.add(line, column, "too_long", "At most {longest} characters.", longest=longest)
        elif problem := texts.problem_of(cells[column], lines=column == "description"):
            errors.add(line, column, problem.code, problem.message)
    if cells["type"].lower() not in {kind.value for kind in BillType} - UTILITY_TYPES:
        errors.add(line, "type", "unknown_choice", "Write one of the types, such as service_charge.")
    amount = _amount(line, cells["amount"], currency, errors)
    due_date = _due_date(line, cells["due_date"], zone, errors)
    if errors.total > before or amount is None or due_date is None:
        return None
    kind = BillType(cells["type"].lower())
    return SheetRow(line, email, cells["title"], amount, kind, due_date, cells["description"])


def _amount(line: int, text: str, currency: str, errors: LineErrors) -> Money | None:
    try:
        amount = Money.parse(text, currency)
    except InvalidAmount as error:
        errors.add(line, "amount", error.code, error.detail)
        return None
    if amount.minor == 0:
        errors.add(line, "amount", "amount_is_zero", "The amount must be more than zero.")
    return amount


def _due_date(line: int, text: str, zone: ZoneInfo, errors: LineErrors) -> datetime | None:
    try:
        day = date.fromisoformat(text) if len(text) == 10 else None
    except ValueError:
        day = None
    if day is None or not 1970 <= day.year <= 2200:
        errors.add(line, "due_date", "invalid_date", "Write the day as 2027-01-31.")
        return None
    return datetime.combine(day, _END_OF_DAY, zone).astimezone(UTC)
