"""The tax at Stripe follows the customer's billing address, as it does on our own invoices."""

from __future__ import annotations

from datetime import datetime

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.commands.stripe_names import address_terms
from clustr.subscriptions.models import StripeObject, Subscription
from clustr.subscriptions.states import Act, StripeKind
from clustr.subscriptions.vendors.nouns import StripeSubscription


def tell_stripe_address(*, actor: Actor, now: datetime) -> None:
    """Let Stripe know the address that was just given, and tax by it from the next invoice on, if it knows the customer; a
    job asks it."""
    known = StripeObject.objects.filter(cluster_id=actor.cluster_id, kind=StripeKind.CUSTOMER, key=str(actor.member_id))
    if known.exists():
        terms = address_terms(user_id=actor.member_id)
        record_call(
            actor=actor,
            user_id=actor.member_id,
            subscription_id=None,
            act=Act.ADDRESS,
            terms=terms,
            by_job=True,
            now=now,
        )


def keep_tax(*, actor: Actor, subscription: Subscription, told: StripeSubscription, now: datetime) -> None:
    """Have a subscription taxed at Stripe as its customer's address wants it, where it is not: it may have begun on a page
    that was made before. Harmless to repeat: it is asked once a day."""
    terms = address_terms(user_id=subscription.user_id)
    tax = terms["tax"]
    name = f"{tax['country']}:{tax['points']}"
    known = StripeObject.objects.filter(cluster_id=actor.cluster_id, kind=StripeKind.TAX_RATE, key=name)
    wanted: tuple[str | None, ...] = (known.values_list("stripe_id", flat=True).first(),) if tax["points"] else ()
    if told.tax_rates == wanted:
        return
    record_call(
        actor=actor,
        user_id=subscription.user_id,
        subscription_id=None,
        act=Act.ADDRESS,
        terms=terms,
        key=derived_id("tax", subscription.id, *told.tax_rates, name, now.date()),
        by_job=True,
        now=now,
    )
