"""`/app/`: what I owe now, what is next, what my wallet holds, and one clear thing to do."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils import timezone

from clustr.bills.queries import bill_summary, bills_to_settle
from clustr.bills.types import BillSummary, MemberBillView, MemberStatus
from clustr.kit.money import Money
from clustr.payments.member_queries import OpenCheckout, open_checkouts_of_bills
from clustr.payments.queries import TransactionFilter, my_transactions
from clustr.recurring.automation_upcoming import upcoming_automations
from clustr.recurring.queries import recurring_payment_summary
from clustr.recurring.shortfalls import my_shortfalls
from clustr.utilities.queries import labels_of_purchases
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look, page

_NOON, _EVENING = 12, 17
_SHOWN, _AHEAD = 4, 2
"""So many bills to settle, and of what is bought by itself next."""


@page("app")
def home(request: Request) -> HttpResponse:
    """GET /app/."""

    def work() -> Context:
        actor, now = request.actor, request.now
        owed, summary = bills_to_settle(actor=actor, now=now, limit=20), bill_summary(actor=actor, now=now)
        first = next((bill for bill in owed if is_open(bill)), None)
        disputed = _disputed(summary)
        recent = my_transactions(actor=actor, chosen=TransactionFilter(), limit=4)
        return {
            "hour": _part_of_day(timezone.localtime(now).hour),
            "to_pay": summary.outstanding - disputed,
            "disputed": disputed,
            "first": first,
            "begun": unfinished(open_checkouts_of_bills(actor=actor, now=now, bill_id=first.id), first)
            if first
            else None,
            "owed": [bill for bill in owed if bill.status != MemberStatus.DISPUTED][:_SHOWN],
            "in_dispute": [bill for bill in owed if bill.status == MemberStatus.DISPUTED][:_SHOWN],
            "wallet": my_wallet(actor=actor),
            "recent": recent,
            "labels": labels_of_purchases(actor=actor, purchase_ids=[one.id for one in recent]),
            "ahead": upcoming_automations(actor=actor, now=now)[:_AHEAD],
            "lacking": next((each.money for each in my_shortfalls(actor=actor, now=now).values() if each.minor), None),
            "standing": recurring_payment_summary(actor=actor, now=now),
        }

    return look(request, "pages/residents/home.html", work)


def is_open(bill: MemberBillView) -> bool:
    """Whether something can be done now to get a bill paid: pay it, or read it and then pay it."""
    late = bill.status == MemberStatus.OVERDUE and not bill.allow_payment_after_due
    return bill.can_pay or (bill.can_acknowledge and not late)


def unfinished(checkouts: list[OpenCheckout], bill: MemberBillView) -> OpenCheckout | None:
    """The payment of a bill that was left at a provider's page, and that the bill still has room for."""
    return next((each for each in checkouts if bill.can_pay and each.amount <= bill.amount_remaining), None)


def _disputed(summary: BillSummary) -> Money:
    """What is left on disputed bills, which nobody has to pay until the office answers."""
    line = next(line for line in summary.lines if line.status == MemberStatus.DISPUTED)
    return line.amount_due - line.amount_paid


def _part_of_day(hour: int) -> str:
    return "morning" if hour < _NOON else "afternoon" if hour < _EVENING else "evening"
