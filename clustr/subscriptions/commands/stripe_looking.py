"""Looking at what is at Stripe, where a customer asks: what a change would cost, and which cards are kept."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import ProviderSilent, ProviderUnavailable, ProviderWouldNot
from clustr.subscriptions import queries
from clustr.subscriptions.commands.changing import ChangePreview, proration_date_of, refuse_not_open
from clustr.subscriptions.commands.stripe_documents import credit_at_stripe, totals_of
from clustr.subscriptions.commands.stripe_names import ensure_price, name_at_stripe
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.policies import kept_by
from clustr.subscriptions.refusals import SamePlan, SubscriptionNotFound
from clustr.subscriptions.states import Collection, StripeKind, SubscriptionStatus
from clustr.subscriptions.types import Kept, Period
from clustr.subscriptions.vendors.nouns import StripeMethod, StripeRefused, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_is_on, stripe_service


def preview_at_stripe(
    *, actor: Actor, subscription_id: UUID, plan_id: UUID, interval: str, now: datetime
) -> ChangePreview:
    """What changing the plan now would come to, as Stripe counts it; the change itself with this `proration_date` comes to
    the same. Outside any transaction. Refuses as `preview_change`, `ProviderUnavailable`, `ProviderSilent`."""
    with tenant(actor.cluster_id):
        subscription = Subscription.objects.filter(
            cluster_id=actor.cluster_id, id=subscription_id, user_id=actor.member_id
        ).first()
        if subscription is None or subscription.collection != Collection.STRIPE:
            raise SubscriptionNotFound
        refuse_not_open(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        if plan.id == subscription.plan_id and interval == subscription.interval:
            raise SamePlan
        price = queries.agreed_price(
            user_id=subscription.user_id, plan=plan, interval=interval, currency=subscription.currency, now=now
        )
        at = proration_date_of(subscription=subscription, asked=None, now=now).replace(microsecond=0)
        credit = credit_at_stripe(subscription=subscription)
    trial = subscription.status == SubscriptionStatus.TRIALING
    anew = kept_by(subscription=subscription, interval=interval) is Kept.NOTHING and not trial
    try:
        price_id = ensure_price(cluster_id=actor.cluster_id, plan_id=plan.id, interval=interval, price=price, now=now)
        service = stripe_service()
        held = service.fetch_subscription(subscription_id=subscription.stripe_subscription_id)
        told = service.preview_change(subscription=held, price_id=price_id, proration_date=at, anew=anew)
    except NothingSent as error:
        raise ProviderUnavailable from error
    except (OutcomeUnknown, StripeUnreadable) as error:
        raise ProviderSilent from error
    except StripeRefused as error:
        raise ProviderWouldNot from error
    sums, _taxes = totals_of(told)
    ends = [line.period_end for line in told.lines if line.amount >= 0] or [subscription.current_period_end]
    period = Period(at if anew else subscription.current_period_start, max(ends))
    due = 0 if told.total < 0 else max(told.total - credit.minor, 0)
    return ChangePreview(at, period, sums, told.total < 0, Money(due, subscription.currency))


def my_methods(*, actor: Actor) -> list[StripeMethod]:
    """The cards of who asks, as Stripe has them; none without a customer there. Outside any transaction. Refuses
    `ProviderUnavailable`, `ProviderSilent`."""
    key = str(actor.member_id)
    customer_id = name_at_stripe(cluster_id=actor.cluster_id, kind=StripeKind.CUSTOMER, key=key)
    if not customer_id or not stripe_is_on():
        return []
    try:
        return stripe_service().list_methods(customer_id=customer_id)
    except NothingSent as error:
        raise ProviderUnavailable from error
    except (OutcomeUnknown, StripeUnreadable, StripeRefused) as error:
        raise ProviderSilent from error
