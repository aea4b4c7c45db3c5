"""Giving back a payment by card, whole or in part: asked of Stripe by the platform's staff, and booked as Stripe has it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import InvalidValue
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.outbound import OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import RefundExceedsPayment
from clustr.subscriptions.commands.invoicing import lock_invoice
from clustr.subscriptions.commands.refundable import Refundable, refundable
from clustr.subscriptions.commands.stripe_calls import begun_by, end_call, record_call
from clustr.subscriptions.commands.stripe_returns import follow_returns
from clustr.subscriptions.models import Invoice, Payment, StripeCall, Subscription
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import ChangeUnderWay, CreditExceedsInvoice, InvoiceNotFound, NothingToRefund
from clustr.subscriptions.states import Act, CallState
from clustr.subscriptions.vendors.nouns import StripeRefund, StripeRefused
from clustr.subscriptions.vendors.registry import stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part


def begin_refund(
    *, actor: Actor, invoice_id: UUID, amount: Money | None, reason: str, cause: UUID | None = None, now: datetime
) -> StripeCall:
    """Ask Stripe to give back `amount` of what a card paid for an invoice, or all that is left of it, to that card. A credit note
    follows, and the customer is told, once Stripe has it. Of several payments the newest is given back that holds so much. What
    was given back already, such as by a change of plan into the customer's favour, is not given back again.

    For platform staff, of others. Refuses `InvoiceNotFound`, `NothingToRefund`, `RefundExceedsPayment`, `CreditExceedsInvoice`,
    `ChangeUnderWay`, `CurrencyMismatch`, `RequestInProgress`.
    """
    actor.require(STAFF)
    if not reason.strip() or (amount is not None and amount.minor <= 0):
        raise InvalidValue.of("reason", "invalid", "A refund gives back something, for a reason.")
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        invoice = lock_invoice(actor=actor, invoice_id=invoice_id)
        if invoice.user_id == actor.user_id:
            raise InvalidValue.of("invoice_id", "own_affair", "Nobody refunds a payment of their own.")
        if amount is not None and amount.currency != invoice.currency:
            raise CurrencyMismatch("The invoice is in {currency}.", currency=invoice.currency)
        _refuse_under_way(invoice)
        payment, given = _what(invoice, amount)
        call = record_call(
            actor=actor,
            user_id=invoice.user_id,
            subscription_id=None,
            act=Act.REFUND,
            terms={
                "invoice_id": str(invoice.id),
                "stripe_payment_id": payment.stripe_payment_intent_id,
                "amount": given,
                "reason": reason.strip(),
            },
            cause=cause,
            now=now,
        )
        audit.record(
            actor=actor,
            action="subscriptions.refund_asked",
            subject_kind="invoice",
            subject_id=invoice.id,
            at=now,
            reason=reason.strip(),
            facts={"payment": str(payment.id), "amount_minor": given, "currency": invoice.currency},
        )
    return call


def left_to_refund(*, actor: Actor, invoice_id: UUID) -> Refundable:
    """What of an invoice `begin_refund` gives back at most. For platform staff. Refuses `InvoiceNotFound`."""
    actor.require(STAFF)
    with tenant(actor.cluster_id):
        invoice = Invoice.objects.filter(cluster_id=actor.cluster_id, id=invoice_id).first()
        if invoice is None:
            raise InvoiceNotFound
        return refundable(invoice=invoice)


def _refuse_under_way(invoice: Invoice) -> None:
    """Refuses `ChangeUnderWay` while it is not known here what a change of plan puts into the customer's favour: until Stripe has
    answered, and has been looked at since."""
    mine = {"cluster_id": invoice.cluster_id, "subscription_id": invoice.subscription_id}
    seen_at = Subscription.objects.values_list("stripe_seen_at", flat=True).get(
        cluster_id=invoice.cluster_id, id=invoice.subscription_id
    )
    unseen = Q(state=CallState.DONE, finished_at__gt=seen_at) if seen_at else Q()
    changes = StripeCall.objects.filter(Q(state=CallState.RECORDED) | unseen, **mine)
    if changes.filter(act__in=(Act.CHANGE, Act.SCHEDULE)).exists():
        raise ChangeUnderWay


def _what(invoice: Invoice, amount: Money | None) -> tuple[Payment, int]:
    """The payment that is given back, and how much of it."""
    there = refundable(invoice=invoice)
    if not there.whole:
        raise NothingToRefund
    for payment, left in there.payments.items():
        if left > 0 and (amount is None or amount.minor <= left):
            if amount is not None and amount.minor > there.most:
                raise CreditExceedsInvoice("Some of it was given back otherwise. Give back no more than is left.")
            return payment, there.whole if amount is None else amount.minor
    raise RefundExceedsPayment


def ask_for_refund(call: StripeCall, now: datetime) -> StripeCall:
    """Ask for a refund that was recorded. Raises as `StripeService` does."""
    terms = call.terms
    told = stripe_service().give_back(
        payment_id=terms["stripe_payment_id"],
        amount=terms["amount"],
        request=str(call.id),
        why=terms["reason"],
        key=str(call.id),
    )
    return _done(call, told, now)


def find_refund(call: StripeCall, now: datetime) -> StripeCall:
    """The key holds no longer: it is not asked again, but looked for."""
    made = stripe_service().refunds_of(payment_id=call.terms["stripe_payment_id"])
    told = next((one for one in made if one.request == str(call.id)), None)
    if told is None:
        return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)
    return _done(call, told, now)


def _done(call: StripeCall, told: StripeRefund, now: datetime) -> StripeCall:
    """Booked in the same look as anything else that went back of the invoice; until that is heard the request stays open."""
    with in_part():
        try:
            follow_returns(cluster_id=call.cluster_id, invoice_id=UUID(call.terms["invoice_id"]), now=now)
        except StripeRefused as error:
            raise OutcomeUnknown(str(error)) from error
    return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DONE, stripe_id=told.id, now=now)
