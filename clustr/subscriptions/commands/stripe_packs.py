"""Units in advance at Stripe: one invoice of its own, issued and taken at once, or made void. Outside any transaction.

Each step has a key made of the request's id, so that whatever was heard is not done again.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import structlog

from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.stripe_calls import end_call
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.commands.stripe_names import ensure_customer, ensure_tax_rate
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.states import ASKS_ITS_HOLDER, CallState
from clustr.subscriptions.vendors.nouns import StripeInvoice, StripeRefused
from clustr.subscriptions.vendors.registry import stripe_service

log = structlog.get_logger(__name__)

PAGE_LIFE = timedelta(hours=1)
"""How long a customer may take to show themself to their bank; then the invoice is void."""
LOOK_AGAIN = timedelta(minutes=10)


def ask_for_pack(call: StripeCall, now: datetime) -> StripeCall:
    """Invoice the units, and take what they cost from the card in use. A card that asks for its holder leaves the invoice
    open, on Stripe's page; one that is declined, or that is not there, leaves nothing. What was not heard for an hour, or
    outlived its subscription, is bought no more. Raises as `StripeService` does."""
    if _is_too_late(call, now):
        return find_pack(call, now)
    told = _issue(call, now)
    if told.status == "open":
        try:
            told = stripe_service().process_payment(invoice_id=told.id, off_session=False, key=f"{call.id}:pay")
        except StripeRefused as error:
            if ASKS_ITS_HOLDER & {error.code, error.decline_code}:
                return _wait(call, told, now)
            if error.code == "idempotency_error" or error.http_status in (401, 403):
                raise  # nothing was decided about the payment
            left = _void(call, told)
            if left.status != "void":
                return _settled(call, left, now)
            raise
    return _settled(call, told, now)


def look_for_pack(call: StripeCall, now: datetime) -> StripeCall:
    """What became of an invoice that waits for its payer: paid, or, after an hour, void."""
    service = stripe_service()
    told = service.fetch_invoice(invoice_id=call.stripe_id)
    if told.status == "open" and _is_too_late(call, now):
        told = _void(call, told)
    follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=told.subscription_id, now=now)
    return _settled(call, told, now)


def find_pack(call: StripeCall, now: datetime) -> StripeCall:
    """Nothing is asked again, because it is too late or the keys hold no longer: an invoice that was issued is looked for; if it is open, it is void."""
    service = stripe_service()
    for invoice_id in service.invoices_of(subscription_id=call.terms["stripe_subscription_id"]):
        told = service.fetch_invoice(invoice_id=invoice_id)
        if told.pack == str(call.id):
            return _settled(call, _void(call, told) if told.status == "open" else told, now)
    return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)


def _is_too_late(call: StripeCall, now: datetime) -> bool:
    with tenant(call.cluster_id):
        ended = Subscription.objects.filter(
            cluster_id=call.cluster_id,
            stripe_subscription_id=call.terms["stripe_subscription_id"],
            ended_at__isnull=False,
        ).exists()
    return ended or now >= call.asked_at + PAGE_LIFE


def _issue(call: StripeCall, now: datetime) -> StripeInvoice:
    terms, service = call.terms, stripe_service()
    told = terms["stripe_subscription_id"]
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    invoice_id = service.start_invoice(
        customer_id=customer_id,
        subscription_id=told,
        currency=terms["currency"],
        tax_rate_id=ensure_tax_rate(cluster_id=call.cluster_id, terms=terms["tax"], now=now),
        pack=str(call.id),
        key=f"{call.id}:invoice",
    )
    service.add_item(
        customer_id=customer_id,
        subscription_id=told,
        invoice_id=invoice_id,
        amount=terms["price_minor"],
        currency=terms["currency"],
        description=terms["description"],
        start=datetime.fromisoformat(terms["start"]),
        end=datetime.fromisoformat(terms["end"]),
        key=f"{call.id}:item",
    )
    return service.issue_invoice(invoice_id=invoice_id, key=f"{call.id}:issue")


def _void(call: StripeCall, told: StripeInvoice) -> StripeInvoice:
    """Let it be paid no more; unless it was paid in this moment."""
    try:
        stripe_service().void_invoice(invoice_id=told.id, key=f"{call.id}:void")
    except StripeRefused:
        log.info("stripe_pack_paid_late", call=str(call.id))
    return stripe_service().fetch_invoice(invoice_id=told.id)


def _settled(call: StripeCall, told: StripeInvoice, now: datetime) -> StripeCall:
    if told.status == "open":
        return _wait(call, told, now)
    state = CallState.DONE if told.status == "paid" else CallState.DROPPED
    return end_call(cluster_id=call.cluster_id, call_id=call.id, state=state, stripe_id=told.id, now=now)


def _wait(call: StripeCall, told: StripeInvoice, now: datetime) -> StripeCall:
    return end_call(
        cluster_id=call.cluster_id,
        call_id=call.id,
        state=CallState.WAITING,
        stripe_id=told.id,
        url=told.hosted_url,
        next_attempt_at=min(now + LOOK_AGAIN, max(call.asked_at + PAGE_LIFE, now + timedelta(minutes=1))),
        now=now,
    )
