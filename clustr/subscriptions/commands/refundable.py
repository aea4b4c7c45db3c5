"""How much of an invoice can go back to the card that paid it: what came in for it, and for all that its plan was charged with it,
less what was given back already, whichever way."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import Q, Sum

from clustr.subscriptions.commands.returning import free_credit, given_again_of
from clustr.subscriptions.models import Invoice, InvoiceLine, Payment, Refund, StripeCall
from clustr.subscriptions.states import Act, CallState, InvoiceKind, PaymentStatus
from clustr.subscriptions.types import OF_PLAN


@dataclass(frozen=True, slots=True)
class Refundable:
    """In minor units: what is left of each payment of an invoice by card, the newest first; and what may go back of them together:
    some of it may stand in the customer's favour already."""

    payments: dict[Payment, int]
    most: int

    @property
    def whole(self) -> int:
        """What goes back where all is asked for: of one payment at a time."""
        return max(min(next((left for left in self.payments.values() if left > 0), 0), self.most), 0)

    @property
    def elsewhere(self) -> int:
        """What of the payments cannot go back, because it was given otherwise."""
        return max(sum(self.payments.values()) - max(self.most, 0), 0)


def refundable(*, invoice: Invoice) -> Refundable:
    """Counted for all documents that charge or give back the same periods: a change of plan gives back what another invoice charged."""
    pool = connected(cluster_id=invoice.cluster_id, subscription_id=invoice.subscription_id, documents={invoice.id})
    of_plan = Invoice.objects.filter(cluster_id=invoice.cluster_id, subscription_id=invoice.subscription_id)
    documents = list(of_plan.filter(Q(id__in=pool) | Q(corrects_id__in=pool)))
    notes = [one for one in documents if one.kind == InvoiceKind.CREDIT_NOTE]
    again = [f"{note.stripe_invoice_id}:void" for note in notes if note.stripe_status == "void"]
    charged_again = of_plan.filter(kind=InvoiceKind.INVOICE, stripe_invoice_id__in=again).exclude(id__in=pool)
    invoices = [one for one in documents if one.kind == InvoiceKind.INVOICE] + list(charged_again)
    held = {one.id: one for one in invoices}
    paid = Payment.objects.filter(
        cluster_id=invoice.cluster_id, invoice_id__in=held, status=PaymentStatus.SUCCEEDED
    ).order_by("-id")
    left = {one: _left(one) for one in paid if one.stripe_payment_intent_id}
    came = sum(left.values()) + sum(one.credit_applied for one in invoices)
    came += sum(one.amount - one.surplus_minor for one in paid if not one.stripe_payment_intent_id)
    too_much = sum(_too_much(held[payment.invoice_id], payment) + _again(payment) for payment in left)
    mine = {payment: minor for payment, minor in left.items() if payment.invoice_id == invoice.id}
    return Refundable(mine, came - _given(notes) - too_much)


def _given(notes: Sequence[Invoice]) -> int:
    """What credit notes gave otherwise than by refunds. A refund may be named by several notes of an invoice."""
    by_invoice = defaultdict[UUID, int](int)
    for note in notes:
        refunds = Refund.objects.filter(cluster_id=note.cluster_id, note_id=note.id)
        back = int(refunds.aggregate(all=Sum("note_minor"))["all"] or 0)
        by_invoice[note.corrects_id or note.id] += note.total - back
    return sum(max(given, 0) for given in by_invoice.values())


def _too_much(invoice: Invoice, payment: Payment) -> int:
    """What was paid beyond the invoice, became credit, and is there no more."""
    if not payment.surplus_minor:
        return 0
    back = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id)
    taken = int(back.aggregate(all=Sum("credit_minor"))["all"] or 0)
    return max(int(payment.surplus_minor) - taken - free_credit(invoice, payment), 0)


def _again(payment: Payment) -> int:
    """What came back of its refunds, and credit notes that are no documents of ours gave again otherwise than by refunds."""
    beyond = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id, note_id=None)
    return max(given_again_of(payment) - int(beyond.aggregate(all=Sum("note_minor"))["all"] or 0), 0)


def connected(*, cluster_id: UUID, subscription_id: UUID, documents: Collection[UUID]) -> set[UUID]:
    """These documents of a subscription, and all that charge or give back time of the same periods, one leading to another."""
    mine = Invoice.objects.filter(cluster_id=cluster_id, subscription_id=subscription_id, corrects_id=None)
    lines = InvoiceLine.objects.filter(
        cluster_id=cluster_id, invoice_id__in=mine.values("id"), kind__in=OF_PLAN
    ).exclude(period_end=None)
    documents_until = defaultdict[datetime | None, set[UUID]](set)
    ends_of = defaultdict[UUID, set[datetime | None]](set)
    for document, end in lines.values_list("invoice_id", "period_end"):
        documents_until[end].add(document)
        ends_of[document].add(end)
    found, new = set(documents), list(documents)
    while new:
        reached = {other for end in ends_of[new.pop()] for other in documents_until[end]} - found
        found |= reached
        new += reached
    return found


def _left(payment: Payment) -> int:
    """What of a payment is neither given back, nor asked to be, nor with its payer's bank."""
    asked = StripeCall.objects.filter(
        cluster_id=payment.cluster_id,
        act=Act.REFUND,
        terms__stripe_payment_id=payment.stripe_payment_intent_id,
        state__in=(CallState.RECORDED, CallState.DONE),
    )
    seen = Refund.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id)
    known = set(seen.values_list("stripe_refund_id", flat=True))
    on_the_way = sum(call.terms["amount"] for call in asked if call.stripe_id not in known)
    return int(payment.amount - payment.refunded_minor - payment.disputed_minor - on_the_way)
