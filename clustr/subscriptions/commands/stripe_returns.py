"""Looking at what went back of an invoice at Stripe, and following it: whatever told of it, the whole truth is asked for.

As with subscriptions, of two questions the later one counts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.disputing import follow_dispute
from clustr.subscriptions.commands.invoicing import lock_invoice
from clustr.subscriptions.commands.returning import follow_refund
from clustr.subscriptions.commands.stripe_documents import pay_small_rests
from clustr.subscriptions.commands.stripe_notes import follow_credit_note
from clustr.subscriptions.commands.usage_packs import grant_paid_packs
from clustr.subscriptions.models import Invoice, Payment, Refund, Subscription
from clustr.subscriptions.states import CAME_BACK, DisputeStatus, PaymentStatus, RefundStatus
from clustr.subscriptions.vendors.nouns import StripeDispute, StripeRefund, StripeReturns, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service


def follow_returns(*, cluster_id: UUID, invoice_id: UUID, now: datetime) -> None:
    """Ask Stripe what went back of an invoice that it collected, and let it stand so here; outside any transaction. Harmless to
    repeat. Raises as `StripeService` does."""
    actor = system_actor(cluster_id=cluster_id)
    with tenant(cluster_id):
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        invoice.returns_asked = asked = invoice.returns_asked + 1
        invoice.save(update_fields=["returns_asked"])
        paid = _paid_of(cluster_id, invoice_id)
    crash_point("subscriptions.follow_returns.asking")
    service = stripe_service()
    # The notes first: so a refund that one of them names is among those that are asked for after it.
    notes = service.credit_notes_of(invoice_id=invoice.stripe_invoice_id)
    truth = StripeReturns(
        notes=tuple(notes),
        refunds=tuple(refund for name in paid for refund in service.refunds_of(payment_id=name)),
        disputes=tuple(dispute for name in paid for dispute in service.disputes_of(payment_id=name)),
    )
    _refuse_strange(truth, invoice.currency)
    crash_point("subscriptions.follow_returns.answered")
    with tenant(cluster_id), crash_points("subscriptions.follow_returns"):
        _apply(actor, invoice_id, asked, truth, now)


def _paid_of(cluster_id: UUID, invoice_id: UUID) -> list[str]:
    paid = Payment.objects.filter(cluster_id=cluster_id, invoice_id=invoice_id, status=PaymentStatus.SUCCEEDED)
    named = paid.exclude(stripe_payment_intent_id="").order_by("id")
    return list(named.values_list("stripe_payment_intent_id", flat=True))


def _refuse_strange(truth: StripeReturns, currency: str) -> None:
    """Nothing is made of what is in another currency than what it goes back of, or stands nowhere that we know."""
    known = {*RefundStatus} | {*DisputeStatus}
    found: tuple[StripeRefund | StripeDispute, ...] = (*truth.refunds, *truth.disputes)
    for one in found:
        if one.currency != currency or one.status not in known or one.amount <= 0:
            raise StripeUnreadable("what goes back is an amount of the payment's currency")
    if any(note.currency != currency for note in truth.notes):
        raise StripeUnreadable("a credit note is in the invoice's currency")


def _apply(actor: Actor, invoice_id: UUID, asked: int, truth: StripeReturns, now: datetime) -> None:
    invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
    if invoice.returns_seen >= asked:
        return
    invoice.returns_seen = asked
    invoice.save(update_fields=["returns_seen"])
    of = Payment.objects.filter(cluster_id=actor.cluster_id, invoice_id=invoice_id)
    payments = {payment.stripe_payment_intent_id: payment for payment in of.exclude(stripe_payment_intent_id="")}
    named = {name for note in truth.notes for name, _ in note.refunds}
    mine = Refund.objects.filter(cluster_id=actor.cluster_id, invoice_id=invoice_id)
    known = set(mine.values_list("stripe_refund_id", flat=True))

    def follow(refund: StripeRefund) -> None:
        payment = payments[refund.payment_id]
        follow_refund(actor=actor, invoice=invoice, payment=payment, told=refund, notes=truth.notes, now=now)

    # What came back is taken in before it goes again, by another refund or by a credit note.
    back = [refund for refund in truth.refunds if refund.status in CAME_BACK]
    for refund in back:
        if refund.id in known:
            follow(refund)
    waiting = _follow_notes(actor, invoice, truth, back, follow, now)
    # Then what a credit note was made for: no other refund takes its credit. What is to go from a credit note that waits, waits
    # with it, unless it went before.
    ready = [refund for refund in truth.refunds if refund.id in known or refund.id not in waiting]
    for refund in sorted(ready, key=lambda one: one.id not in named):
        follow(refund)
    pay_small_rests(invoice, now)  # with what no refund takes
    for dispute in truth.disputes:
        payment = payments[dispute.payment_id]
        follow_dispute(actor=actor, invoice=invoice, payment=payment, told=dispute, now=now)
    # Last, as where a subscription is followed: what came back may have paid for units.
    subscription = Subscription.objects.get(cluster_id=actor.cluster_id, id=invoice.subscription_id)
    grant_paid_packs(actor=actor, subscription=subscription, now=now)


def _follow_notes(
    actor: Actor,
    invoice: Invoice,
    truth: StripeReturns,
    back: Sequence[StripeRefund],
    follow: Callable[[StripeRefund], None],
    now: datetime,
) -> set[str]:
    """The credit notes, each with what came back of the refunds that only it, or those before it, name. Answers the refunds
    that are named by one that waits."""
    waiting: set[str] = set()
    for n, note in enumerate(truth.notes, start=1):
        of_it = {name for name, _ in note.refunds}
        if not follow_credit_note(actor=actor, invoice=invoice, told=note, refunds=truth.refunds, now=now):
            waiting |= of_it
        ready = of_it - waiting - {name for later in truth.notes[n:] for name, _ in later.refunds}
        for refund in back:
            if refund.id in ready:
                follow(refund)
    return waiting
