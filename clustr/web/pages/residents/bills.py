"""`/app/bills/`: find, read and understand a bill; acknowledge, dispute, pay it."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clustr.bills.history_queries import bill_history
from clustr.bills.queries import MemberBillFilter, bill_visible_to, bills_visible_to
from clustr.bills.types import BillCategory, MemberStatus
from clustr.kit.money import Money
from clustr.payments.member_queries import open_checkouts_of_bills
from clustr.payments.queries import payers_bear_fees, waiting_payment_of_bill
from clustr.wallets.queries import my_wallet
from clustr.web.actors import Request
from clustr.web.door import read_value
from clustr.web.members import bills as api
from clustr.web.pages.confirming import Shown, ask_first, confirm
from clustr.web.pages.forms import Attempt, attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.lists import ListQuery, begin_after, listed
from clustr.web.pages.residents.home import unfinished
from clustr.web.pages.residents.paying import (
    ABOUT_PIN,
    WALLET,
    back_here,
    card_lines,
    chosen_means,
    is_saved_card,
    means_of,
    onward,
)
from clustr.web.schemas import to_money

FILTERS = (
    ("", gettext_lazy("All")),
    (MemberStatus.PENDING_ACKNOWLEDGMENT.value, gettext_lazy("To read")),
    (MemberStatus.ACKNOWLEDGED.value, gettext_lazy("To pay")),
    (MemberStatus.PARTIALLY_PAID.value, gettext_lazy("Part paid")),
    (MemberStatus.OVERDUE.value, gettext_lazy("Overdue")),
    (MemberStatus.DISPUTED.value, gettext_lazy("In dispute")),
    (MemberStatus.PAID.value, gettext_lazy("Paid")),
    (MemberStatus.CANCELLED.value, gettext_lazy("Cancelled")),
)


class BillsQuery(ListQuery):
    """`?status=&q=&cursor=`."""

    status: MemberStatus | None = None


@page("app")
def list_bills(request: Request) -> HttpResponse:
    """GET /app/bills/: the bills of the estate, newest first."""
    query = BillsQuery.of(request)

    def work() -> Context:
        rows = bills_visible_to(
            actor=request.actor,
            chosen=MemberBillFilter(status=query.status, category=BillCategory.CLUSTER_MANAGED, q=query.q),
            now=request.now,
            before=begin_after(request, query),
            limit=query.fetch,
        )
        shown = str(query.status.value) if query.status else ""
        return {**listed(request, query, rows), "filters": FILTERS, "shown": shown, "q": query.q}

    return look(request, "pages/residents/bills.html", work, part="pages/residents/bill_rows.html")


@page("app")
def show_bill(request: Request, bill_id: UUID) -> HttpResponse:
    """GET /app/bills/{id}/: one bill: its terms, its history, and what there is to do."""
    return _bill(request, bill_id)


@page("app", methods=("POST",))
def acknowledge(request: Request, bill_id: UUID) -> HttpResponse:
    """POST /app/bills/{id}/acknowledge/: consent to the version that was read."""
    version = request.POST.get("version", "")
    number = int(version) if version.isascii() and version.isdecimal() and len(version) < 10 else 0
    tried = attempt(request, lambda: api.acknowledge_bill(request, api.AcknowledgeIn(bill_id=bill_id, version=number)))
    if tried.done:
        return go(request, "app:bill", bill_id, said=_("Acknowledged. You can pay now."))
    return _bill(request, bill_id, acknowledging=tried)


@page("app", methods=("POST",))
def pay(request: Request, bill_id: UUID) -> HttpResponse:
    """POST /app/bills/{id}/pay/: whole or a part, from the wallet, on a provider's page, or with a saved card."""
    if request.POST.get("means") != WALLET:
        return _pay_direct(request, bill_id)
    tried = attempt(
        request,
        lambda: api.pay_bill(request, api.PayIn(bill_id=bill_id, **typed_amount(request), **typed(request, "pin"))),
    )
    if tried.answer:
        paid = tried.answer["transaction"]
        return go(request, "app:transaction", paid["id"], said=_("Paid. Thank you."))
    return _bill(request, bill_id, paying=tried)


def _pay_direct(request: Request, bill_id: UUID) -> HttpResponse:
    def body() -> api.PayDirectIn:
        return api.PayDirectIn(
            bill_id=bill_id, callback_url=back_here(), **typed_amount(request), **chosen_means(request)
        )

    shows_first = is_saved_card(request) and read_value(request, lambda: payers_bear_fees(now=request.now))
    if shows_first:
        asked = ask_first(
            request,
            parse=lambda: to_money(body().amount or "", request.actor.currency),
            shown=lambda: _card_shown(request, body()),
            form=lambda tried: _bill(request, bill_id, paying=tried),
        )
        if asked is not None:
            return asked
    tried = attempt(request, lambda: api.pay_bill_direct(request, body()))
    if tried.done:
        return onward(request, tried)
    if shows_first and tried.code in ABOUT_PIN:
        return confirm(request, tried, lambda: _card_shown(request, body()))
    return _bill(request, bill_id, paying=tried)


def _card_shown(request: Request, body: api.PayDirectIn) -> Shown:
    bill = bill_visible_to(actor=request.actor, bill_id=body.bill_id, now=request.now)
    amount = to_money(body.amount or "", request.actor.currency)
    return Shown(
        title=bill.title,
        amount=amount,
        lines=[(_("From"), _("Your saved card")), *card_lines(request, provider=body.provider, amount=amount)],
        button=_("Charge my card"),
        icon="credit-card",
        has_pin=my_wallet(actor=request.actor).has_pin,
    )


@page("app", methods=("POST",))
def dispute(request: Request, bill_id: UUID) -> HttpResponse:
    """POST /app/bills/{id}/dispute/: object, with a reason."""
    tried = attempt(
        request,
        lambda: api.dispute_bill(request, api.DisputeIn(bill_id=bill_id, reason=request.POST.get("reason", ""))),
    )
    if tried.done:
        return go(
            request, "app:bill", bill_id, said=_("The office has your objection. You need not pay until it answers.")
        )
    return _bill(request, bill_id, disputing=tried)


@page("app", methods=("POST",))
def withdraw_dispute(request: Request, bill_id: UUID) -> HttpResponse:
    """POST /app/bills/{id}/withdraw-dispute/: take one's objection back."""
    tried = attempt(
        request,
        lambda: api.withdraw_dispute(
            request, api.WithdrawDisputeIn(bill_id=bill_id, reason=request.POST.get("reason", ""))
        ),
    )
    if tried.done:
        return go(request, "app:bill", bill_id, said=_("Your objection is withdrawn."))
    return _bill(request, bill_id, disputing=tried)


def _bill(request: Request, bill_id: UUID, **tried: Attempt) -> HttpResponse:
    """The page of one bill; with what became of a form of it that was refused."""

    def work() -> Context:
        actor = request.actor
        bill = bill_visible_to(actor=actor, bill_id=bill_id, now=request.now)
        wallet = my_wallet(actor=actor)
        return {
            "bill": bill,
            "taken_off": Money(
                0 if bill.status is MemberStatus.CANCELLED else max(0, bill.amount.minor - bill.amount_due.minor),
                bill.amount.currency,
            ),
            "history": bill_history(actor=actor, bill_id=bill_id, now=request.now),
            "wallet": wallet,
            "enough": bill.amount_remaining.minor <= wallet.available.minor,
            "late": bill.status == MemberStatus.OVERDUE and not bill.allow_payment_after_due,
            "begun": unfinished(open_checkouts_of_bills(actor=actor, now=request.now, bill_id=bill.id), bill)
            if bill.can_pay
            else None,
            "means": means_of(actor) if bill.can_pay else [],
            "under_way": bill.can_pay and waiting_payment_of_bill(actor=actor, bill_id=bill_id),
            **tried,
        }

    refused = next(iter(tried.values()), None)
    return look(request, "pages/residents/bill.html", work, status=refused.status if refused else 200)
