"""`/app/`: what I owe now, what is next, what my wallet holds, and one clear thing to do."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone

from clustr.bills.queries import bill_summary, bills_to_settle
from clustr.payments.queries import TransactionFilter, my_transactions
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.queries import recurring_payment_summary
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look, page

_NOON, _EVENING = 12, 17
_AHEAD = 2
"""So many of what is bought by itself next."""


@page("app")
def home(request: Request) -> HttpResponse:
    """GET /app/."""

    def work() -> Context:
        actor, now = request.actor, request.now
        owed = bills_to_settle(actor=actor, now=now, limit=4)
        return {
            "hour": _part_of_day(timezone.localtime(now).hour),
            "summary": bill_summary(actor=actor, now=now),
            "first": next((bill for bill in owed if bill.can_pay or bill.can_acknowledge), None),
            "owed": owed,
            "wallet": my_wallet(actor=actor),
            "recent": my_transactions(actor=actor, chosen=TransactionFilter(), limit=4),
            "ahead": upcoming_automations(actor=actor, now=now)[:_AHEAD],
            "standing": recurring_payment_summary(actor=actor, now=now),
        }

    return look(request, "pages/residents/home.html", work)


def _part_of_day(hour: int) -> str:
    return "morning" if hour < _NOON else "afternoon" if hour < _EVENING else "evening"
