"""The words of the office's pages: what was done, permissions, roles, methods."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.bills.types import UTILITY_TYPES, BillType, MemberStatus
from clustr.clusters.types import FeeBearer, PaymentsPermissions, Role
from clustr.kit.locales import LOCALES, amount_for_people, day_for_people
from clustr.kit.money import DECIMALS, Money
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.recurring.types import OrderState
from clustr.wallets.types import OfflineMethod
from clustr.web.pages.forms import Attempt
from clustr.web.pages.words import STATUS, TYPE, word_of

Word = str | Promise
Choices = list[tuple[str, Word]]
_SAMPLE_MINOR = 123_450
_AMOUNT = re.compile(r"[0-9]{1,13}(\.[0-9]{1,2})?", re.ASCII)
_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.ASCII)
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:", re.ASCII)

PERMISSION: dict[PaymentsPermissions, tuple[Word, Word]] = {
    PaymentsPermissions.VIEW_PAYMENTS: (
        _("See payments"),
        _("Bills, members' standing, transactions, disputes, the trail."),
    ),
    PaymentsPermissions.MANAGE_BILL: (
        _("Manage bills"),
        _("Issue, change and cancel bills; decide disputes; record cash."),
    ),
    PaymentsPermissions.MANAGE_RECURRING: (_("Pause recurring payments"), _("Stop a member's standing order.")),
    PaymentsPermissions.VIEW_WALLET: (_("See the estate's wallet"), _("Its balance and every movement.")),
    PaymentsPermissions.TRANSFER_FUNDS: (_("Send and refund money"), _("Make and approve transfers; refund members.")),
    PaymentsPermissions.CREDIT_WALLET: (_("Credit the estate's wallet"), _("Book money that came in from outside.")),
    PaymentsPermissions.MANAGE_MEMBERS: (
        _("Manage members"),
        _("Invite, import, change roles; the estate's settings."),
    ),
}
"""What each permission lets somebody do."""
_KNOWN = {permission.value for permission in PERMISSION}

ROLE: dict[str, Word] = {
    Role.ADMIN: _("Administrator"),
    Role.STAFF: _("Staff"),
    Role.RESIDENT: _("Resident"),
}

PLACE: dict[str, Word] = {
    "en-NG": _("Nigeria"),
    "en-GB": _("United Kingdom"),
    "en-GH": _("Ghana"),
    "en-KE": _("Kenya"),
    "en-RW": _("Rwanda"),
    "en-TZ": _("Tanzania"),
    "en-UG": _("Uganda"),
    "en-ZM": _("Zambia"),
    "en-ZA": _("South Africa"),
    "en-US": _("United States"),
}
"""Whose way of writing amounts and dates a locale is."""

METHOD: dict[str, Word] = {
    OfflineMethod.CASH: _("Cash"),
    OfflineMethod.BANK_TRANSFER: _("Bank transfer"),
    OfflineMethod.POS: _("Card machine"),
}

BEARER: dict[str, Word] = {
    FeeBearer.CLUSTER: _("The estate"),
    FeeBearer.PAYER: _("Whoever pays, on top of the bill"),
}

OPERATION: dict[str, Word] = {
    "bill_payment": _("Bill paid"),
    "contribution": _("Contribution"),
    "transfer": _("Transfer"),
    "adjustment": _("Adjustment"),
    "fee": _("Provider's fee"),
    "refund": _("Refund"),
}

MANAGED_STATUS: dict[str, Word] = {MemberStatus.PENDING_ACKNOWLEDGMENT: _("Issued")}
"""Statuses that have another word for the office than for a member."""

CALL_STATE: dict[str, tuple[Word, str]] = {
    "queued": (_("Waits"), "wait"),
    "sent": (_("Taken"), "good"),
    "failed": (_("Not taken"), "bad"),
    "skipped": (_("Not sent"), "calm"),
}
"""What became of a webhook's call: a word and a tone."""

CALL_WHY: dict[str, Word] = {
    "refused": _("the system refused it"),
    "no_such_host": _("there is no such host"),
    "not_public": _("the address is not public"),
    "ConnectError": _("no connection"),
    "ConnectTimeout": _("no answer in time"),
    "ReadTimeout": _("no answer in time"),
    "ReadError": _("the connection broke"),
    "RemoteProtocolError": _("the connection broke"),
    "endpoint_disabled": _("the webhook was switched off"),
    "not_made": _("a fault of ours; it was not sent"),
    "endpoint_removed": _("the webhook was removed"),
}
"""Why a call was not taken."""

_SCOPE: dict[str, Word] = {"cluster": _("everybody"), "user": _("one member")}
_VALUES: dict[str, Mapping[str, Word]] = {"scope": _SCOPE, "role": ROLE, "fee_bearer": BEARER}
_FACT: dict[str, Word] = {
    "scope": _("For"),
    "ending": _("Number ending in"),
    "type": _("Kind"),
    "bill_type": _("Kind of bills"),
    "due_date": _("Due"),
    "version": _("Version"),
    "previous_amount": _("Amount before"),
    "max_amount": _("At most"),
    "payments_refunded": _("Payments refunded"),
    "resolution": _("Decision"),
    "purpose": _("Purpose"),
    "status": _("Status"),
    "provider": _("Through"),
    "why": _("Why"),
    "role": _("Role"),
    "permissions": _("Permissions"),
    "unit": _("Unit"),
    "joined_at": _("Joined"),
    "left_at": _("Left"),
    "end_at": _("Ends"),
    "next_run_at": _("Next run"),
    "frequency": _("How often"),
    "rows": _("Rows"),
    "created": _("New"),
    "updated": _("Changed"),
    "name": _("Name"),
    "timezone": _("Time zone"),
    "locale": _("Way of writing"),
    "support_email": _("Address for questions"),
    "fee_bearer": _("Who bears fees"),
    "transfer_approval_limit_minor": _("A second person from"),
    "earlier_approval_limit_minor": _("Before that from"),
    "approval_limit_from": _("Counts from"),
    "reminder_days": _("Reminders, days before"),
    "amount_due": _("Owes then"),
}
"""What the trail keeps of an act, by the name it keeps it under; others are named as they are kept."""

AGE_BANDS: tuple[Word, ...] = (_("1 to 30 days"), _("31 to 60 days"), _("61 to 90 days"), _("More than 90 days"))


def bill_types() -> Choices:
    """The types of bills that the office issues."""
    return [(kind.value, word_of(kind.value)) for kind in BillType if kind not in UTILITY_TYPES]


_IN_ORDER = (
    *(MemberStatus.PENDING_ACKNOWLEDGMENT, MemberStatus.ACKNOWLEDGED, MemberStatus.PARTIALLY_PAID),
    *(MemberStatus.OVERDUE, MemberStatus.DISPUTED, MemberStatus.PAID, MemberStatus.CANCELLED),
)
"""Statuses as a bill goes through them."""


def bill_statuses() -> Choices:
    return [(status.value, MANAGED_STATUS.get(status, STATUS[status][0])) for status in _IN_ORDER]


def member_statuses() -> Choices:
    return [(status.value, STATUS[status][0]) for status in _IN_ORDER if status is not MemberStatus.CANCELLED]


def transaction_types() -> Choices:
    return [(kind.value, word_of(kind.value)) for kind in TransactionType]


def transaction_statuses() -> Choices:
    return [(status.value, STATUS[status][0]) for status in TransactionStatus]


def order_states() -> Choices:
    return [(state.value, STATUS[state][0]) for state in OrderState]


def services() -> Choices:
    """What members buy from outside."""
    return [(kind.value, word_of(kind.value)) for kind in BillType if kind in UTILITY_TYPES]


def purchase_statuses() -> Choices:
    """How a purchase can stand."""
    shown = (TransactionStatus.COMPLETED, TransactionStatus.PROCESSING, TransactionStatus.FAILED)
    return [(status.value, STATUS[status][0]) for status in shown]


def roles() -> Choices:
    return list(ROLE.items())


def methods() -> Choices:
    return list(METHOD.items())


def bearers() -> Choices:
    return list(BEARER.items())


def locales(currency: str, *, today: date) -> Choices:
    """The locales an estate may choose, each with how it writes an amount and a day."""

    def sample(locale: str) -> str:
        return f"{amount_for_people(Money(_SAMPLE_MINOR, currency), locale=locale)}, {day_for_people(today, locale=locale)}"

    return [(locale, f"{PLACE[locale]}: {sample(locale)}") for locale in LOCALES]


def of_the_estate(tried: Attempt) -> Attempt:
    """A refusal in the office's words, where those for residents speak of a wallet of their own."""
    if tried.code == "insufficient_funds":
        tried.problem = str(_("The estate's wallet does not hold that much."))
    return tried


def facts(kept: Mapping[str, Any], names: Mapping[UUID, str], *, currency: str) -> list[str]:
    """What the trail keeps of an act, as people read it: amounts as money, in the estate's `currency` where the act names none,
    instants in the estate's time, people by name, what stayed as it was and other ids left out."""
    currency = str(kept.get("currency") or currency)
    said = []
    for name, value in kept.items():
        if name == "currency" or value in (None, "", [], {}):
            continue
        text = _whom(value, names) if name == "user" else _fact(name, value, currency)
        if text:
            said.append(text)
    return said


def user_of(kept: Mapping[str, Any]) -> UUID | None:
    """Whom an act concerned, if the trail keeps it."""
    text = str(kept.get("user") or "")
    return UUID(text) if _ID.fullmatch(text) else None


def _whom(value: Any, names: Mapping[UUID, str]) -> str:
    found = user_of({"user": value})
    return names.get(found, "") if found else ""


def _fact(name: str, value: Any, currency: str) -> str:
    if name == "permissions" and not any(isinstance(each, list) for each in value):
        return f"{_label(name)}: {_permissions(value)}"
    if isinstance(value, list):
        if len(value) == 2 and value[0] == value[1]:
            return ""
        steps = [_plain(name, each, currency) for each in value]
        return f"{_label(name)}: " + " → ".join(step or "–" for step in steps) if any(steps) else ""
    text = _plain(name, value, currency)
    if not text or name in ("bill_number", "amount", "amount_minor"):
        return text
    return f"{_label(name)}: {text}"


def _permissions(held: Sequence[str]) -> str:
    return ", ".join(str(PERMISSION[PaymentsPermissions(one)][0]) if one in _KNOWN else one for one in held)


def _label(name: str) -> str:
    known = _FACT.get(name)
    return str(known) if known else name.removesuffix("_minor").removesuffix("_at").replace("_", " ").capitalize()


def _plain(name: str, value: Any, currency: str) -> str:
    """One value in words; nothing for an id, which says nothing to people."""
    if value is None:
        return ""
    if isinstance(value, list):
        return _permissions(value) if name == "permissions" else ", ".join(map(str, value))
    text = str(value)
    if currency in DECIMALS and name.endswith("_minor") and isinstance(value, int):
        return Money(value, currency).with_sign()
    if currency in DECIMALS and "amount" in name and _AMOUNT.fullmatch(text):
        return Money.parse(text, currency).with_sign()
    if _ID.fullmatch(text):
        return ""
    if name in _VALUES:
        return str(_VALUES[name].get(text, text))
    if _INSTANT.match(text):
        return date_format(timezone.localtime(datetime.fromisoformat(text)), "j M Y, H:i")
    return str(word_of(text)) if text in TYPE else text
