"""A notice in words. Each event has a template of plain text for each face; mail frames the same words, as text and HTML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from uuid import UUID

from django.conf import settings
from django.template.loader import render_to_string
from django.utils.translation import gettext, gettext_noop

from clustr.kit.money import SIGNS
from clustr.notifications.catalogue import EVENTS
from clustr.notifications.formats import for_people
from clustr.notifications.types import Channel, Estate, Face, Facts, NotificationEvents, Text

_DETAILS = (
    ("bill", gettext_noop("Bill")),
    ("bill_number", gettext_noop("Bill number")),
    ("amount", gettext_noop("Amount")),
    ("due_date", gettext_noop("Due")),
    ("fee", gettext_noop("Provider's fee")),
    ("next_run_date", gettext_noop("Next payment")),
    ("reference", gettext_noop("Reference")),
)
_BLANK_LINES = re.compile(r"\n{3,}")
_MARKED = re.compile(r'\{% translate "([^"]*)" %\}')
_TAGS = re.compile(r"\{[%{].*?[%}]\}")
_EVENTS = Path(__file__).resolve().parent / "templates" / "notifications" / "events"
_TITLE = 200
_IN_LETTERS = {SIGNS[currency]: f"{currency} " for currency in ("NGN", "GHS")}
"""Signs that the alphabet of short messages lacks: one of them would leave room for less than half of the text."""


def text_of(*, event: NotificationEvents, face: Face, facts: Facts, estate: Estate, names: Mapping[UUID, str]) -> Text:
    """The notice's title, body and details, as plain text: nothing in it is HTML, and whoever shows it escapes it."""
    shown = for_people(facts, timezone=estate.timezone, locale=estate.locale, names=names)
    template = f"notifications/events/{event}{'_office' if face is Face.OFFICE else ''}.txt"
    whole = render_to_string(template, {**shown, "estate": estate.name, "support_email": estate.support_email})
    title, _, body = whole.strip().partition("\n")
    details = tuple((gettext(label), str(shown[name])) for name, label in _DETAILS if shown.get(name))
    return Text(" ".join(title.split())[:_TITLE], _BLANK_LINES.sub("\n\n", body).strip(), details, _link(facts))


def _link(facts: Facts) -> str:
    """An address to be followed, where it is one of the web and nothing else."""
    link = str(facts.get("link") or "")
    return link if link.startswith(("https://", "http://")) else ""


def mail_of(*, text: Text, event: NotificationEvents, estate: Estate, name: str) -> tuple[str, str, str]:
    """Subject, plain text and HTML of the mail that brings this text to somebody of this name."""
    context = {
        "text": text,
        "name": name,
        "estate": estate.name,
        "support_email": estate.support_email,
        "address": f"{settings.BASE_URL}{text.page}",
        "fixed": Channel.EMAIL in EVENTS[event].fixed,
        "what": gettext(EVENTS[event].what),
    }
    subject = f"{text.title} - {estate.name}"[:_TITLE]
    plain = _BLANK_LINES.sub("\n\n", render_to_string("notifications/mail.txt", context)).strip() + "\n"
    return subject, plain, render_to_string("notifications/mail.html", context)


@cache
def fixed_words(event: NotificationEvents) -> str:
    """The words that stand in every text of an event, lower-case, without what is filled in: for whoever searches by them."""
    faces = [path for path in (_EVENTS / f"{event}.txt", _EVENTS / f"{event}_office.txt") if path.exists()]
    return " ".join(_TAGS.sub(" ", _MARKED.sub(r"\1", path.read_text(encoding="utf-8"))).lower() for path in faces)


def short_of(*, text: Text, estate: Estate) -> str:
    """One line for a telephone: at most 300 characters, currencies in letters where their sign costs too much."""
    line = " ".join(f"{estate.name}: {text.title}. {text.body}".split())
    for sign, letters in _IN_LETTERS.items():
        line = line.replace(sign, letters)
    return line if len(line) <= 300 else line[:299] + "…"
