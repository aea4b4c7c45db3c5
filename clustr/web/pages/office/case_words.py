"""The words of the cases a person has to look at: why, and what the books know of it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.kit.money import SIGNS
from clustr.payments.states import CaseKind
from clustr.web.pages.words import TYPE, word_of

Word = str | Promise
_AMOUNT = re.compile(r"([A-Z]{3}) (-?[\d,]+(?:\.\d+)?)")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", re.ASCII)
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})", re.ASCII
)
_CODE = re.compile(r"[a-z]+(_[a-z]+)+", re.ASCII)

CASE: dict[CaseKind, Word] = {
    CaseKind.UNKNOWN_TOO_LONG: _("Not known for a day what became of it"),
    CaseKind.DOES_NOT_MATCH: _("The provider says something else than our books"),
    CaseKind.OWNER_NOT_FOUND: _("It is not clear, or not any more, whose this money is"),
    CaseKind.PAYOUT_BOUNCED: _("A payout came back after it had arrived"),
    CaseKind.CHARGEBACK: _("A payment is disputed at its payer's bank, or was taken back"),
    CaseKind.NOT_WITH_US: _("The provider has a payment that our books do not have"),
    CaseKind.NOT_AT_PROVIDER: _("Our books have a payment that the provider does not have"),
    CaseKind.FEE_DIFFERS: _("The provider kept another fee than our books say"),
    CaseKind.AMOUNT_DIFFERS: _("The provider has another amount than our books"),
    CaseKind.NOT_COVERED: _("Payment providers do not hold enough of the estate's money to send this"),
    CaseKind.VEND_REVERSED: _("A utility took back what it had delivered"),
    CaseKind.REFUND_FAILED: _("A refund did not get through"),
    CaseKind.NEVER_ANSWERED: _("The provider never answered"),
    CaseKind.PAYOUT_DIFFERS: _("The provider has another payout than our books"),
    CaseKind.BALANCE_DIFFERS: _("The provider holds something else than our books say"),
    CaseKind.PAID_TO_BANK: _("Money held for estates was paid to a bank"),
    CaseKind.AT_STRIPE: _("Something about a plan by card, at Stripe"),
}
"""Why a person has to look."""

_FIRST = ("answer_by", "amount", "invoice", "expected", "found")
"""What is read first: the books keep facts in no order."""

_FACT: dict[str, Word] = {
    "act": _("What was asked"),
    "answer_by": _("To be answered by"),
    "code": _("Why not"),
    "day": _("Day"),
    "gross": _("Before the fee"),
    "invoice": _("Invoice"),
    "net": _("After the fee"),
    "reason": _("Reason"),
    "refund": _("The refund's number"),
    "since": _("Since"),
    "amount": _("Amount"),
    "amount_minor": _("Amount in kobo"),
    "borne_by_estate": _("Borne by the estate"),
    "currency": _("Currency"),
    "dispute": _("The bank's number"),
    "expected": _("Expected"),
    "fee": _("Fee"),
    "found": _("Found"),
    "kind": _("Kind"),
    "mode": _("By"),
    "paid_at": _("Paid at"),
    "price": _("Price"),
    "provider": _("Provider"),
    "provider_id": _("The provider's number"),
    "purpose": _("For"),
    "reference": _("Reference"),
    "said": _("It said"),
    "state": _("State"),
    "status": _("Status"),
    "why": _("Why"),
    "wrong": _("What differs"),
}


_VALUE: dict[str, Word] = {
    "token_of_another_purchase": _(
        "a token that another purchase had: ask the utility for the right one, or whether it was sold at all; the platform's"
        " staff then end the purchase (bin/manage end_purchase)"
    ),
}


def facts_of(facts: Mapping[str, Any]) -> list[tuple[Word, str]]:
    """What is known of a case, as it is read: a word and a value; what nobody said is left out."""
    in_order = sorted(facts.items(), key=lambda fact: _FIRST.index(fact[0]) if fact[0] in _FIRST else len(_FIRST))
    return [
        (_FACT.get(name, name.replace("_", " ").capitalize()), _read(value))
        for name, value in in_order
        if value not in (None, "")
    ]


def _read(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(_read(each) for each in value)
    text = str(value)
    if text in _VALUE:
        return str(_VALUE[text])
    amount = _AMOUNT.fullmatch(text)
    if amount and amount[1] in SIGNS:
        return SIGNS[amount[1]] + amount[2]
    if _INSTANT.match(text):
        return date_format(timezone.localtime(datetime.fromisoformat(text)), "j M Y, H:i")
    if _DAY.fullmatch(text):
        return date_format(date.fromisoformat(text), "j M Y")
    return str(word_of(text)) if text in TYPE else text.replace("_", " ") if _CODE.fullmatch(text) else text
