"""The terms of an automation as a form: what it offers, what stands in it, and what the API is told of what was sent."""

from __future__ import annotations

from datetime import time
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.functional import Promise
from django.utils.translation import gettext as _

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.queries import my_methods
from clustr.payments.types import SavedMethodView
from clustr.recurring.automation_types import AutomationNotices, AutomationTerms, ScheduleKind, ScheduleTerms
from clustr.recurring.estimation import Estimate, TooLittle
from clustr.recurring.types import PaymentSource
from clustr.web.actors import Request
from clustr.web.pages.forms import Attempt, typed, typed_amount
from clustr.web.pages.residents.paying import WALLET

Choices = list[tuple[str, str | Promise]]

_LAST = 100
"""The priority of an automation whose member gave it none."""
_FIELD_OF = {ScheduleKind.DAY_OF_MONTH: "day", ScheduleKind.WEEKDAY: "weekday", ScheduleKind.EVERY_DAYS: "days"}


def choices_for(
    actor: Actor, expected: Estimate | TooLittle | None, terms: AutomationTerms | None = None
) -> dict[str, Any]:
    """What the form offers: days, weekdays, an order, and the member's cards, of which the one that pays is `card`."""
    cards = my_methods(actor=actor)
    ranks = [1, 2, 3, 4, 5]
    if terms and terms.priority not in (*ranks, _LAST):
        ranks = sorted([*ranks, terms.priority])
    return {
        "days": [(str(day), str(day)) for day in range(1, 32)],
        "weekdays": [(str(number + 1), name) for number, name in WEEKDAYS.items()],
        "ranks": [*((str(rank), str(rank)) for rank in ranks), (str(_LAST), _("after those with a number"))],
        "cards": cards,
        "card_choices": [("", _("None: it waits for the wallet")), *((str(card.id), _called(card)) for card in cards)],
        "card": next((card for card in cards if terms and card.id == terms.payment_method_id), None),
        "estimate": Money(expected.amount_minor, actor.currency) if isinstance(expected, Estimate) else None,
        "spread": Money(expected.spread_minor, actor.currency) if isinstance(expected, Estimate) else None,
    }


def _called(card: SavedMethodView) -> str:
    return f"{card.brand.title()} •••• {card.last_four}"


def first_terms(expected: Estimate | TooLittle, currency: str) -> AutomationTerms:
    """What a new automation's form begins with: the amount that history makes expect, on the first of every month."""
    amount = Money(expected.amount_minor, currency) if isinstance(expected, Estimate) else None
    return AutomationTerms(schedule=ScheduleTerms(ScheduleKind.DAY_OF_MONTH, 1, time(8)), amount=amount)


def terms_shown(terms: AutomationTerms, tried: Attempt | None, request: Request) -> dict[str, Any]:
    """What stands in the form's fields: the terms; or, where it was refused, what was typed."""
    schedule = terms.schedule
    by_card = terms.payment_source is PaymentSource.CARD
    shown: dict[str, Any] = {
        "kind": schedule.kind.value,
        "day": "1",
        "weekday": "1",
        "days": "30",
        _FIELD_OF[schedule.kind]: str(schedule.every),
        "at": f"{schedule.at:%H:%M}",
        "how_much": "expected" if terms.max_amount else "same",
        "amount": _in_a_field(terms.amount),
        "max_amount": _in_a_field(terms.max_amount),
        "source": str(terms.payment_method_id) if by_card else WALLET,
        "backup": str(terms.payment_method_id or "") if not by_card else "",
        "spending_limit": _in_a_field(terms.spending_limit),
        "minimum_balance": _in_a_field(terms.minimum_balance),
        "priority": str(terms.priority),
        "allow_partial": terms.allow_partial,
        "notify": sorted(notice.value for notice in terms.notify),
    }
    if tried is None:
        return shown
    chosen = {name: tried.values[name] for name in ("kind", "how_much", "source") if name in tried.values}
    ticked = {"allow_partial": "allow_partial" in tried.values, "notify": request.POST.getlist("notify")}
    return {**shown, **chosen, **ticked}


def _in_a_field(amount: Money | None) -> str:
    """An amount as it stands in a field that people change, "45,000.00"; nothing where there is none."""
    return amount.for_people().removeprefix(amount.currency).strip() if amount and amount.minor else ""


def sent_terms(request: Request) -> dict[str, Any]:
    """The form as the API's body takes it. All of it is sent: an empty limit or card takes the limit or card away."""
    kind = request.POST.get("kind", "")
    every = request.POST.get({kind.value: name for kind, name in _FIELD_OF.items()}.get(kind, ""), "").strip()
    expected = request.POST.get("how_much") == "expected"
    source = request.POST.get("source", "")  # none: the card that paid was forgotten, and another has to be chosen
    by_card = source != WALLET
    priority = request.POST.get("priority", "")
    card = source if by_card else request.POST.get("backup") or None
    return {
        "schedule": {"kind": kind, "every": _whole(every), "at": request.POST.get("at", "")[:5]},
        "amount": None if expected else typed_amount(request)["amount"],
        "max_amount": typed_amount(request, "max_amount")["max_amount"] if expected else None,
        "payment_source": (PaymentSource.CARD if by_card else PaymentSource.WALLET).value,
        "payment_method_id": card,
        "spending_limit": typed_amount(request, "spending_limit")["spending_limit"] or None,
        "minimum_balance": typed_amount(request, "minimum_balance")["minimum_balance"] or "0",
        "priority": _whole(priority),
        "allow_partial": request.POST.get("allow_partial") == "yes",
        "notify": [name for name in request.POST.getlist("notify") if name in set(AutomationNotices)],
        **typed(request, "pin"),
    }


def typed_again(tried: Attempt, request: Request) -> None:
    """Say what is wrong with the days at the field that was filled in: the body calls all three `every`."""
    kind = request.POST.get("kind", "")
    if "every" in tried.errors and kind in set(ScheduleKind):
        del tried.errors["every"]
        tried.errors[_FIELD_OF[ScheduleKind(kind)]] = _("Write a number of days from 1 to 366.")
        tried.problem = ""


def _whole(text: str) -> int:
    """A whole number of at most four digits; 0, which is refused, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= 4 else 0
