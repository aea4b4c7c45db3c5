"""Rosters as spreadsheets, old machines and enemies write them: everybody, or a named refusal and nobody."""

from __future__ import annotations

import unicodedata
from uuid import uuid4

import pytest

from clustr.clusters.roster import MAX_ROWS
from tests.fuzz.conftest import Door
from tests.fuzz.fields import Operation, operations
from tests.fuzz.test_texts import NAMES
from tests.fuzz.wire import Answer

pytestmark = pytest.mark.early

IMPORT: Operation = next(o for o in operations() if o.path.endswith("members/import/"))
MEMBERS: Operation = next(o for o in operations() if str(o) == "GET /management/payments/members/")
HEADER = "email,name,phone,unit,unit_type,role,joined_on\n"


def load(door: Door, content: bytes, kind: str = "text/csv") -> Answer:
    return door.ask(IMPORT, content, content_type=kind)


def row(**cells: str) -> str:
    cells = {"email": f"{uuid4()}@example.test"} | cells
    return ",".join(cells.get(name, "") for name in HEADER.strip().split(",")) + "\n"


REFUSED: dict[str, tuple[bytes, int, str]] = {
    "nothing": (b"", 422, "roster_invalid"),
    "only a mark": (b"\xef\xbb\xbf", 422, "roster_invalid"),
    "UTF-16": (HEADER.encode("utf-16"), 422, "roster_invalid"),
    "Latin-1": ((HEADER + "a@b.test,\xe9\n").encode("latin-1"), 422, "roster_invalid"),
    "half a character": (HEADER.encode() + b"a@b.test,\xed\xa0\x80\n", 422, "roster_invalid"),
    "a card number": ((HEADER + "a@b.test,4111 1111 1111 1111\n").encode(), 422, "roster_invalid"),
    "a card number as a phone": ((HEADER + "a@b.test,Ade,4111111111111111\n").encode(), 422, "roster_invalid"),
    "a header twice": (b"email,name,email\na@b.test,x,c@d.test\n", 422, "roster_invalid"),
    "a header twice in another case": (b"email,Name,NAME\na@b.test,x,y\n", 422, "roster_invalid"),
    "a column missing": (b"name,phone\nAda,1\n", 422, "roster_invalid"),
    "a column more": (b"email,password\na@b.test,x\n", 422, "roster_invalid"),
    "cells more": ((HEADER + "a@b.test,,,,,,,extra\n").encode(), 422, "roster_invalid"),
    "semicolons": (HEADER.replace(",", ";").encode() + b"a@b.test;Ada\n", 422, "roster_invalid"),
    "an open quote": ((HEADER + 'a@b.test,"Ada\n').encode(), 422, "roster_invalid"),
    "a stray quote": ((HEADER + 'a@b.test,"Ada" x\n').encode(), 422, "roster_invalid"),
    "the same address": ((HEADER + "a@b.test\na@b.test\n").encode(), 422, "roster_invalid"),
    "the same address in another case": ((HEADER + "a@b.test\nA@B.Test\n").encode(), 422, "roster_invalid"),
    "no address": ((HEADER + ",Ada\n").encode(), 422, "roster_invalid"),
    "two addresses in one": ((HEADER + '"a@b.test,c@d.test",Ada\n').encode(), 422, "roster_invalid"),
    "a header injected": ((HEADER + '"a@b.test\nBcc: c@d.test",Ada\n').encode(), 422, "roster_invalid"),
    "an unknown role": ((HEADER + "a@b.test,,,,,owner\n").encode(), 422, "roster_invalid"),
    "February 30": ((HEADER + "a@b.test,,,,,,2026-02-30\n").encode(), 422, "roster_invalid"),
    "year 0": ((HEADER + "a@b.test,,,,,,0000-01-01\n").encode(), 422, "roster_invalid"),
    "year 9999": ((HEADER + "a@b.test,,,,,,9999-12-31\n").encode(), 422, "roster_invalid"),
    "a name of 300": ((HEADER + f"a@b.test,{'x' * 300}\n").encode(), 422, "roster_invalid"),
    "a cell of 200,000": ((HEADER + f"a@b.test,{'x' * 200_000}\n").encode(), 422, "roster_invalid"),
    "a line of 6 MB": ((HEADER + f"a@b.test,{'x' * 6_000_000}\n").encode(), 422, "roster_too_large"),
    "a line of 10 MB": (b"x" * 10_000_000, 413, "too_large"),
    "rows without end": (
        b"email\n" + b"".join(b"%d@b.test\n" % n for n in range(MAX_ROWS + 1)),
        422,
        "roster_too_large",
    ),
    "100,000 commas": (b"email" + b"," * 100_000 + b"\n", 422, "roster_invalid"),
    "a picture": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)), 422, "roster_invalid"),
    "a spreadsheet": (b"PK\x03\x04" + bytes(range(128)), 422, "roster_invalid"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_by_name(door: Door, name: str, unchanged: None) -> None:
    content, status, code = REFUSED[name]
    answer = load(door, content)
    assert (answer.status, answer.code) == (status, code), answer.text


@pytest.mark.parametrize(
    "kind", ["", "text/plain", "application/json", "application/vnd.ms-excel", "multipart/form-data", "multipart/form-data; boundary=x",
             "multipart/mixed; boundary=x", "multipart/form-data; boundary=" + "x" * 300, "multipart/form-data; boundary=\xff"]
)  # fmt: skip
def test_it_comes_as_csv(door: Door, kind: str, unchanged: None) -> None:
    answer = load(door, (HEADER + row()).encode(), kind)
    assert answer.status in (400, 415), answer.text


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "marked"])
def test_any_end_of_line_is_fine(door: Door, end: str, mark: bytes) -> None:
    text = (HEADER + row() + row() + "\n" + row(name='"Ade, ""the"" Great"')).replace("\n", end)
    answer = load(door, mark + text.encode())
    assert (answer.status, answer.body["created"]) == (200, 3), answer.text


def test_control_characters_fall_away(door: Door) -> None:
    """Spreadsheets leave them behind: nobody typed them. A space stands for each."""
    tag = uuid4().hex[:12]
    text = HEADER + row(email=f"{tag}@example.test", name="A\x00d\x07a\x0b \u202eObi")
    assert load(door, text.encode()).body["created"] == 1
    listed = door.ask(MEMBERS, target=f"{MEMBERS.path}?q={tag}").body["results"]
    assert [member["name"] for member in listed] == ["A d a Obi"]


def test_names_survive_and_formulas_stay_texts(door: Door) -> None:
    names = [name for name in NAMES if not set(name) & {",", '"', "\u200f"}] + ["=cmd()", "+1", "@SUM(A1)", "-Ade"]
    tag = uuid4().hex[:12]
    text = HEADER + "".join(row(email=f"{tag}-{place}@example.test", name=name) for place, name in enumerate(names))
    assert load(door, text.encode()).body["created"] == len(names)
    listed = door.ask(MEMBERS, target=f"{MEMBERS.path}?limit=200&q={tag}").body["results"]
    assert {member["name"] for member in listed} == {unicodedata.normalize("NFC", name) for name in names}
