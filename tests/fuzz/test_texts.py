"""Texts: what cannot be shown, what misleads, and card numbers are refused; every name survives unchanged."""

from __future__ import annotations

import csv
import io
import json
import unicodedata
from uuid import uuid4

import pytest

from clustr.kit.texts import holds_card_number
from tests.fuzz.conftest import Door
from tests.fuzz.fields import Field, fields, in_turns
from tests.money import issue

pytestmark = pytest.mark.early

BODIES = fields("text", places=("body",))
FILTERS = [field for field in fields("text", places=("query",)) if field.name != "cursor"]
UNREADABLE = [
    "\x01",
    "\x07",
    "\x08",
    "\x0b",
    "\x1b[31m",
    "\x7f",
    "\x80",
    "\x85",
    "\x9f",
    "\u202a",
    "\u202eevil",
    "\u2066",
    "\u2069",
]
ONE_LINE = ["\n", "\r", "\t", "\r\nSet-Cookie: a=b", "\u2028", "\u2029"]
INVISIBLE = ["\u200b", "\u200d\u200d", "\ufeff", "\u2060", "\u0301", "\u200e", "\U000e0041", "\u00ad", "\u180e"]
CARDS = ["4111111111111111", "4111 1111 1111 1111", "5500-0000-0000-0004", "my card is 378282246310005, thanks", "x6011000990139424y",
         "5060990580000217499", "(3530111333300000)", "30569309025904", "2223000048400011", "6212345678901232", "4222222222222"]  # fmt: skip
NO_CARDS = ["4111111111111112", "411111111111111", "+2348030000001", "0123456789", "000013260131225959000123456789", "FT-20270112-0091",
            "1234567890123456", "2027-01-31 22:59:59", "99999999999999.99"]  # fmt: skip
NAMES = ["Ọláṣubọ̀mí Adébáyọ̀-Ògúnlẹ́ṣẹ́", "Ńkechínyere Ọ́kóńkwọ́ Ụ̀zọ́", "Ɓala Ɗanjuma Ƙofar Ƴar’adua", "Ẹniọlá ẸGBẸ́", "O’Neil & Sons <b>",
         "Zoë Škvorecký-Łukasz", "李小龍", "Пётр Ильич", "محمد عبد الله", "שרה כהן", "नेहा शर्मा", "👩🏾‍🚀 Ngozi 🏠", "𝒜𝒹𝒶 𐐷", "Robert'); DROP TABLE bills;--",
         "{{7*7}} ${jndi:ldap://x} %s %n", "../../etc/passwd", "\\u0000 \\x00 &#0;", "e\u0301 is not \u00e9", "ﬁ ①", "\u200fمرحبا"]  # fmt: skip


def codes_of(field: Field, answer: object) -> str | None:
    return answer.named.get(field.name) if getattr(answer, "status", 0) == 422 else None  # type: ignore[attr-defined]


def of_lines(field: Field) -> bool:
    return "\\x0b" in field.schema["pattern"]


@pytest.mark.parametrize("field", BODIES, ids=str)
def test_what_misleads_is_refused(door: Door, field: Field, unchanged: None) -> None:
    for sent in in_turns(field, [*UNREADABLE, *([] if of_lines(field) else ONE_LINE)]):
        assert codes_of(field, door.fill(field, json.dumps(f"a{sent}b"))) == "unreadable_text", (sent, field)
    for sent in in_turns(field, INVISIBLE):
        assert codes_of(field, door.fill(field, json.dumps(sent))) == "says_nothing", (sent, field)
    for sent in in_turns(field, CARDS[:3]):
        assert codes_of(field, door.fill(field, json.dumps(sent))) == "card_number", (sent, field)
    too_long = json.dumps("ọ" * (field.schema["maxLength"] + 1))
    assert codes_of(field, door.fill(field, too_long)) == "too_long", field
    for value in in_turns(field, ("5", "0.5", "true", "[]", "{}", '["a"]')):
        assert codes_of(field, door.fill(field, value)) == "not_a_string", (value, field)
    if field.schema["minLength"]:
        for sent in ("", " ", "\u3000\u2003"):
            assert codes_of(field, door.fill(field, json.dumps(sent))) == "too_short", (sent, field)


@pytest.mark.parametrize("field", FILTERS, ids=str)
def test_filters_are_texts_too(door: Door, field: Field) -> None:
    for sent in in_turns(field, (*UNREADABLE, *ONE_LINE, "\x00", "x" * (field.schema["maxLength"] + 1))):
        answer = door.fill(field, "a" + "".join(f"%{byte:02X}" for byte in sent.encode()) + "b")
        assert (answer.status, list(answer.named)) == (422, [field.name]), (sent, answer.text)
    for wrong in ("%FF%FE", "%C0%AF", "%ED%A0%80"):
        assert door.fill(field, wrong).status in (200, 400, 422)
    for sent in in_turns(field, (*NAMES, "%", "_", "\\", "'", '"', "%_%", "a&b", "(", "[", "*")):
        assert door.fill(field, "".join(f"%{byte:02X}" for byte in sent.encode())).status == 200, sent


@pytest.mark.parametrize("field", BODIES, ids=str)
def test_names_are_never_misread(door: Door, field: Field) -> None:
    """Whatever else stands against the request, not this text; and where the answer shows it, it shows it unchanged: names and units
    composed (NFC) and without marks of direction, everything else as it was sent."""
    for place, sent in in_turns(field, enumerate(NAMES)):
        text = unicodedata.normalize(("NFC", "NFD")[place % 2], sent)
        if len(text) <= field.schema["maxLength"]:
            answer = door.fill(field, json.dumps(text, ensure_ascii=len(text) % 2 == 0))
            assert codes_of(field, answer) not in ("unreadable_text", "says_nothing", "card_number", "too_short"), text
            if answer.status < 300 and field.name in answer.body and field.name not in ("status", "reason"):
                kept = unicodedata.normalize("NFC", text).replace("\u200f", "")
                assert answer.body[field.name] in (text, kept)


def test_names_survive_to_the_csv(door: Door) -> None:
    for operation_path in ("/management/payments/cluster_wallet_credit/",):
        field = next(f for f in BODIES if f.operation.path == operation_path and f.name == "description")
        for name in NAMES:
            assert door.fill(field, json.dumps(name)).status == 201
    cast = door.town.cast
    offline = next(f for f in BODIES if f.operation.path.endswith("record_offline_payment/") and f.name == "reference")
    formulas = [
        "=cmd|' /C calc'!A0",
        "+1+1",
        "-2+3",
        "@SUM(A1)",
        "=1+1",
        "\t=1",
        "|calc",
        "%0A=1",
        "＝1+1",
        '"=1"',
        " =1",
    ]
    bill = issue(cast, to=cast.bola)
    assert bill.id
    for text in [f"{formula} {uuid4()}" for formula in formulas if formula.strip() == formula] + NAMES[:4]:
        body = {"user_id": str(cast.bola.user_id), "amount": "1.00", "method": "cash", "reference": text}
        answer = door.ask(offline.operation, json.dumps(body).encode())
        assert answer.status == 201, answer.text
    listing = next(
        o
        for o in (f.operation for f in fields("choice", places=("query",)))
        if o.path == "/management/payments/transactions/"
    )
    answer = door.ask(listing, target=f"{listing.path}?format=csv")
    rows = list(csv.reader(io.StringIO(answer.text)))
    cells = {cell for row in rows[1:] for cell in row}
    assert {len(row) for row in rows} == {len(rows[0])}
    assert not {cell for cell in cells if cell.lstrip(" ")[:1] in ("=", "+", "@", "\t", "|", "%", "＝")}
    assert set(NAMES[:4]) <= cells
    assert any(cell.startswith("'=cmd") for cell in cells)


def test_cards_are_told_from_other_numbers() -> None:
    assert [card for card in CARDS if not holds_card_number(card)] == []
    assert [number for number in NO_CARDS if holds_card_number(number)] == []
