"""Every event in words: each face has a template, in text and HTML, with what people wrote escaped."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from clustr.notifications.catalogue import EVENTS, defaults, faces
from clustr.notifications.rendering import mail_of, short_of, text_of
from clustr.notifications.types import Channel, Estate, Face, NotificationEvents, Text
from tests.languages import speaking_french

ESTATE = Estate("Palm Grove & Sons", "Africa/Lagos", "office@palmgrove.test")
BOLA = uuid4()
HOSTILE = "<img src=x onerror=alert(1)>\"&'"

FACTS = {
    "bill": "Gate repair",
    "bill_number": "BILL-2026-7K3M",
    "what": "Gate repair",
    "amount_minor": 1_234_567_00,
    "currency": "NGN",
    "due_date": "2026-12-31T22:59:00+00:00",
    "next_run_date": "2027-01-31T07:00:00+00:00",
    "retry_at": "2027-02-01T07:00:00+00:00",
    "member_user_id": str(BOLA),
    "reason": "No water in March",
    "note": "We agree",
    "upheld": True,
    "amount_due_minor": 100_00,
    "refunded": True,
    "late_payment": True,
    "method": "wallet",
    "reference": "06V8ZC",
    "failure": "The card has expired.",
    "lacking_minor": 77_00,
    "times": 3,
    "fee_minor": 15_00,
    "card": "Visa ending in 4081",
    "at_most": True,
    "link": "https://checkout.paystack.com/3ds/abc",
    "until_at": "2027-02-02T07:00:00+00:00",
    "options": ["Use another card.", "Pay from your wallet."],
    "frequency": "monthly",
    "shortfall_minor": 55_00,
    "own": True,
    "ending": "6789",
    "hours": 24,
    "attempts": 5,
    "minutes": 15,
    "count": 2,
    "day": "27 November 2026",
    "lines": ["Gate repair: 1", "Water: 1"],
    "total_minor": 99_00,
    "detail": "Something happened.",
    "todo": "Look at it.",
}
EVERY = [(event, face) for event in NotificationEvents for face, _ in faces(event)]


def words(event: NotificationEvents, face: Face, **facts: object) -> Text:
    return text_of(event=event, face=face, facts=FACTS | facts, estate=ESTATE, names={BOLA: "Bola"})


class _Reader(HTMLParser):
    """What HTML says, and which elements it has."""

    def __init__(self) -> None:
        super().__init__()
        self.said, self.tags = "", set[str]()

    def handle_starttag(self, tag: str, attrs: object) -> None:
        self.tags.add(tag)

    def handle_data(self, data: str) -> None:
        self.said += data


def read(html: str) -> _Reader:
    reader = _Reader()
    reader.feed(html)
    return reader


def test_every_event_is_described() -> None:
    assert set(EVENTS) == set(NotificationEvents)
    assert {event for event, _ in EVERY} == set(NotificationEvents)
    assert len(defaults()) == len(EVERY) * len(Channel)


@pytest.mark.parametrize(("event", "face"), EVERY)
def test_it_has_words(event: NotificationEvents, face: Face) -> None:
    text = words(event, face)
    assert text.title and text.body
    assert "\n" not in text.title and len(text.title) <= 200
    assert not re.search(r"{[{%]|None|\bnull\b|_minor|\n\n\n", text.title + text.body)
    assert text.body[-1] in ".:!" or text.body.splitlines()[-1].startswith("- ") or ": " in text.body.splitlines()[-1]


@pytest.mark.parametrize(("event", "face"), EVERY)
def test_text_and_html_say_the_same(event: NotificationEvents, face: Face) -> None:
    text = words(event, face)
    subject, plain, html = mail_of(text=text, event=event, estate=ESTATE, name="Bola")
    assert text.title in subject and "Palm Grove & Sons" in subject
    reader = read(html)
    flat = " ".join(reader.said.split())
    for part in (text.title, "Hello Bola,", *text.body.split("\n"), *(value for _, value in text.details)):
        assert " ".join(part.split()) in flat
    for part in ("Hello Bola,", text.body, *(f"{label}: {value}" for label, value in text.details)):
        assert part in plain
    assert {"script", "img", "iframe"}.isdisjoint(reader.tags)


@pytest.mark.parametrize(("event", "face"), EVERY)
def test_what_people_wrote_is_escaped_in_html(event: NotificationEvents, face: Face) -> None:
    hostile = {name: HOSTILE for name, value in FACTS.items() if isinstance(value, str) and " " in value}
    text = text_of(
        event=event, face=face, facts=FACTS | hostile | {"options": [HOSTILE]}, estate=ESTATE, names={BOLA: HOSTILE}
    )
    _, _, html = mail_of(text=text, event=event, estate=Estate(HOSTILE, "UTC", ""), name=HOSTILE)
    assert "img" not in read(html).tags
    assert "<img" not in html


def test_a_subject_is_one_line() -> None:
    subject, _, _ = mail_of(
        text=words(NotificationEvents.PAYMENT_DUE, Face.MEMBER, bill="Gate\r\nBcc: all@example.test"),
        event=NotificationEvents.PAYMENT_DUE,
        estate=ESTATE,
        name="",
    )
    assert "\n" not in subject and "\r" not in subject


def test_amounts_and_instants_are_the_estates() -> None:
    text = words(NotificationEvents.PAYMENT_DUE, Face.MEMBER)
    assert "₦1,234,567.00" in text.body
    assert "31 December 2026, 23:59 WAT" in text.body
    london = Estate("Here", "Europe/London", "")
    summer = text_of(
        event=NotificationEvents.PAYMENT_DUE,
        face=Face.MEMBER,
        facts=FACTS | {"due_date": "2026-07-01T11:00:00+00:00", "amount_minor": 500, "currency": "UGX"},
        estate=london,
        names={},
    )
    assert "1 July 2026, 12:00 BST" in summer.body
    assert "UGX 500 " in summer.body


def test_they_are_written_as_the_estate_chose() -> None:
    for locale, amount, due in (
        ("en-ZA", "₦1\xa0234\xa0567,00", "31 December 2026, 23:59 WAT"),
        ("en-US", "₦1,234,567.00", "December 31, 2026, 11:59 PM WAT"),
    ):
        estate = Estate("Here", "Africa/Lagos", "", locale)
        text = text_of(event=NotificationEvents.PAYMENT_DUE, face=Face.MEMBER, facts=FACTS, estate=estate, names={})
        assert amount in text.body and due in text.body
        assert ("Amount", amount) in text.details


def test_why_and_what_can_be_done_are_said_in_the_language_of_the_deployment(tmp_path: Path) -> None:
    french = {"The card has expired.": "La carte est expirée.", "Use another card.": "Prenez une autre carte."}
    with speaking_french(tmp_path, french):
        text = words(NotificationEvents.PAYMENT_FAILED, Face.MEMBER)
        _, _, html = mail_of(text=text, event=NotificationEvents.PAYMENT_FAILED, estate=ESTATE, name="Bola")
    assert "La carte est expirée." in text.body
    assert "- Prenez une autre carte.\n- Pay from your wallet." in text.body
    assert '<html lang="fr">' in html


def test_no_word_of_an_automation_stays_english(tmp_path: Path) -> None:
    french = {
        "you switched it off.": "vous l'avez désactivée.",
        "A member": "Un membre",
        "was paused:": "est en pause :",
    }
    french |= {", paid by your card.": ", payé par votre carte.", "Nothing was taken.": "Rien n'a été pris."}
    off = {"failure": "you switched it off.", "times": None}
    with speaking_french(tmp_path, french):
        assert (
            "est en pause : vous l'avez désactivée."
            in words(NotificationEvents.UTILITY_AUTOMATION_PAUSED, Face.MEMBER, **off).body
        )
        set_up = words(NotificationEvents.UTILITY_AUTOMATION_SET_UP, Face.MEMBER, payer="card")
        assert ", payé par votre carte." in set_up.body
        for of_type in (True, None):
            limit = words(NotificationEvents.UTILITY_AUTOMATION_LIMIT, Face.MEMBER, of_type=of_type)
            assert "Rien n'a été pris." in limit.body
            assert ("your limit for this type of utility" in limit.body) is bool(of_type)
            assert ("its spending limit" in limit.body) is (of_type is None)
        nobody = {"member_user_id": str(UUID(int=7))}
        assert words(NotificationEvents.BILL_DISPUTED, Face.OFFICE, **nobody).title.endswith("Un membre")


def test_an_address_to_follow_is_a_button_and_nothing_but_the_web() -> None:
    event = NotificationEvents.RECURRING_PAYMENT_TO_CONFIRM
    for link, there in (("https://pay.example/3ds?a=1&b=2", True), ("javascript:alert(1)", False)):
        text = words(event, Face.MEMBER, link=link)
        assert (text.link, link in text.body) == (link if there else "", True)
        _, plain, html = mail_of(text=text, event=event, estate=ESTATE, name="Bola")
        assert ('href="https://pay.example/3ds?a=1&amp;b=2"' in html) == there
        assert 'href="javascript' not in html and link in plain


def test_whose_name_is_gone_is_a_member() -> None:
    text = text_of(
        event=NotificationEvents.BILL_DISPUTED,
        face=Face.OFFICE,
        facts=FACTS | {"member_user_id": str(UUID(int=7))},
        estate=ESTATE,
        names={},
    )
    assert text.title == "Disputed: Gate repair, by A member"


def test_a_telephone_gets_one_line() -> None:
    line = short_of(text=words(NotificationEvents.PAYMENT_DUE, Face.MEMBER, bill="x" * 500), estate=ESTATE)
    assert len(line) == 300 and "\n" not in line and line.startswith("Palm Grove & Sons: New bill")


def test_a_telephone_gets_currencies_in_letters() -> None:
    """One sign that short messages lack would leave room for 70 letters in place of 160."""
    line = short_of(text=words(NotificationEvents.PAYMENT_DUE, Face.MEMBER), estate=ESTATE)
    assert "NGN 1,234,567.00" in line and "₦" not in line


def test_what_cannot_be_switched_off_says_so() -> None:
    _, plain, html = mail_of(
        text=words(NotificationEvents.PIN_LOCKED, Face.MEMBER),
        event=NotificationEvents.PIN_LOCKED,
        estate=ESTATE,
        name="",
    )
    assert "cannot be switched off" in plain and "cannot be switched off" in html
