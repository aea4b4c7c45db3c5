"""How long personal data is kept, by class. `docs/privacy.md` says the same to people; a test holds the two together."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta


@dataclass(frozen=True, slots=True)
class Retention:
    """One class of personal data. `kept` None: until `ends`, which is an event, not a date."""

    name: str
    what: str
    kept: timedelta | None
    ends: str
    why: str


SESSION = timedelta(days=14)
MAIL = timedelta(days=7)
TOLD = timedelta(days=400)
MESSAGES = timedelta(days=90)
INVITATION = timedelta(days=7)
PASSWORD_RESET = timedelta(hours=1)

RETENTION = (
    Retention(
        "identity",
        "e-mail address, name, phone number, password hash, second-factor secrets",
        None,
        "the person's erasure",
        "needed to let the person in and to tell the estate who owes and who paid",
    ),
    Retention(
        "sessions",
        "signed-in devices: address, client, instants",
        SESSION,
        "sign-out, password change or expiry, then the nightly purge",
        "needed to keep the person signed in and to show them where they are",
    ),
    Retention(
        "mail",
        "mail waiting to be sent, with its text",
        MAIL,
        "sent (deleted at once), or older than this and undeliverable",
        "links in mail are secrets and must not lie about",
    ),
    Retention(
        "links",
        "invitation and password links; nothing is stored, the link itself carries a signature",
        INVITATION,
        "first use, the next sign-in, or expiry (a password reset ends after one hour)",
        "a link is as good as a password while it lives",
    ),
    Retention(
        "counters",
        "sign-in attempts by account and address",
        timedelta(minutes=5),
        "expiry, then the nightly purge",
        "slows down guessing",
    ),
    Retention(
        "erasures",
        "the bare id of an erased person, when, why, on whose word",
        None,
        "never",
        "a restored backup must be made to forget again",
    ),
    Retention(
        "notices",
        "providers' notices about payments, sealed",
        timedelta(days=90),
        "being acted on, then the nightly purge",
        "needed to act on them, and as evidence in a dispute with the provider",
    ),
    Retention(
        "told",
        "what people were told, what of it they have read",
        TOLD,
        "older than this, then the nightly purge; read marks and choices also with the erasure",
        "so that people can look up what they were told about a year's bills",
    ),
    Retention(
        "messages",
        "that a message was sent to somebody, on which channel, without its text",
        MESSAGES,
        "older than this, then the nightly purge, or the erasure",
        "so that nobody is told twice, and to answer who was told",
    ),
    Retention(
        "books",
        "transfers, bills, payments and the audit trail, under the person's id",
        None,
        "the end of the law's period for accounting records of the estate's country",
        "a legal obligation; after an erasure the id leads to nobody",
    ),
)

ERASURE_BASIS = (
    "Identity destroyed on request; accounting records kept under a bare id as the law on accounting requires."
)
