"""What a customer asks for the end of a period, and how a subscription ends at Stripe; outside any transaction.

Stripe knows only the end of the period that is under way there. What was asked in time, and reaches it when the next period has
begun, counts from the end that the customer was shown: who cancelled has no further period, and who took a smaller plan has it
from the beginning of this one.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from clustr.kit.money import Money
from clustr.kit.outbound import OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.persons import ask_a_person
from clustr.subscriptions.commands.stripe_beginning import coupon_of_call, finish_call, price_of_call
from clustr.subscriptions.commands.stripe_lapses import subject_of
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.models import Invoice, InvoiceLine, StripeCall, Subscription
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus
from clustr.subscriptions.vendors.nouns import StripeRefused, StripeSubscription
from clustr.subscriptions.vendors.registry import stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part


def end_that_is_meant(*, subscription: Subscription, now: datetime) -> dict[str, Any]:
    """Which end of a period a customer asks for who is shown this one, as a term of the request. None is, where it has passed:
    then it is the end of the period that Stripe has begun meanwhile."""
    ends = subscription.current_period_end
    return {"applies_at": ends.isoformat()} if ends > now else {}


def is_late(call: StripeCall, held: StripeSubscription) -> bool:
    """Whether the end that was meant has passed, and Stripe has begun another period."""
    meant = call.terms.get("applies_at")
    return meant is not None and held.period_start >= datetime.fromisoformat(meant)


def end_at_stripe(*, told: str, key: str) -> None:
    """End it now."""
    try:
        stripe_service().cancel_subscription(subscription_id=told, key=key)
    except StripeRefused:
        # It may have ended meanwhile, by itself or by what we asked before; that is what was wanted.
        if stripe_service().fetch_subscription(subscription_id=told).ended_at is None:
            raise


def end_late(call: StripeCall, held: StripeSubscription, now: datetime) -> StripeCall:
    """End now what was to end with the period before. A renewal that is still a draft, as it is for an hour, is never issued by
    that; of one that was issued a person decides what is given back."""
    end_at_stripe(told=held.id, key=f"{call.id}:late")
    with in_part():
        try:
            follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=held.id, now=now)
        except StripeRefused as error:
            raise OutcomeUnknown(str(error)) from error
    with tenant(call.cluster_id):
        for invoice in _charged_since(call):
            facts = {
                "invoice": invoice.invoice_number,
                "customer": invoice.user_id,
                "amount": Money(invoice.total, invoice.currency).for_people(),
            }
            ask_a_person(what="cancelled_in_time", about=invoice.id, facts=facts, now=now)
    return finish_call(call, now)


def _charged_since(call: StripeCall) -> list[Invoice]:
    """What Stripe charged for periods that begin with the end that was meant, or after it."""
    since = datetime.fromisoformat(call.terms["applies_at"])
    mine = Invoice.objects.filter(
        cluster_id=call.cluster_id, subscription_id=subject_of(call), kind=InvoiceKind.INVOICE, total__gt=0
    ).exclude(stripe_invoice_id="")
    of = InvoiceLine.objects.filter(
        cluster_id=call.cluster_id, invoice_id__in=mine.values("id"), period_start__gte=since
    )
    return list(mine.filter(id__in=of.values("invoice_id")).exclude(status=InvoiceStatus.VOID).order_by("id"))


def change_late(call: StripeCall, held: StripeSubscription, now: datetime) -> StripeCall:
    """Let the smaller plan be that of the whole period that has begun, by a proration of all of it: what the larger one costs more
    is credit at Stripe, which pays the renewal, or the next one. Nothing is asked where Stripe has made the change itself."""
    price_id = price_of_call(call, now)
    if (held.price_id, held.interval) != (price_id, call.terms["interval"]):
        stripe_service().update_subscription(
            subscription_id=held.id,
            item_id=held.item_id,
            price_id=price_id,
            proration_date=held.period_start,
            anew=held.interval != call.terms["interval"],
            coupon_id=coupon_of_call(call, now),
            change=str(call.id),
            key=f"{call.id}:late",
        )
    return finish_call(call, now)
