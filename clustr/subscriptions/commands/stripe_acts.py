"""What a customer does to a subscription that Stripe collects: decided and written down here, asked afterwards.

Each of these is called in the transaction of the request and answers what is to be asked, or None where the act is done
already because Stripe plays no part in it. `cause`: the request; what it has begun before is what it asks for still.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.changing import cancel_subscription, reactivate_subscription
from clustr.subscriptions.commands.choosing import begins_later, change_plan
from clustr.subscriptions.commands.coupons import apply_coupon, redeem
from clustr.subscriptions.commands.previewing import proration_date_of, refuse_not_open, refuse_owing
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.commands.stripe_calls import begun_by, record_call
from clustr.subscriptions.commands.stripe_coupons import coupon_for, coupon_terms
from clustr.subscriptions.commands.stripe_ends import end_that_is_meant
from clustr.subscriptions.commands.stripe_names import tax_terms
from clustr.subscriptions.commands.stripe_promises import (
    begins_anew,
    digest_at_stripe,
    promise_of,
    refuse_given_back,
    refuse_usage_on_its_way,
)
from clustr.subscriptions.commands.subscribing import subscribe_user
from clustr.subscriptions.models import Redemption, StripeCall, StripeObject, Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import (
    AlreadySubscribed,
    ChangeUnderWay,
    CollectionNotOffered,
    NotCanceled,
    PreviewTooOld,
    SamePlan,
    SubscriptionEnded,
    SubscriptionIncomplete,
)
from clustr.subscriptions.schedule import trial_end
from clustr.subscriptions.states import Act, CallState, Collection, StripeKind, SubscriptionStatus
from clustr.subscriptions.vendors.registry import stripe_is_on

PAGE_LIFE = timedelta(hours=23)
"""How long Stripe's page can be used; Stripe allows a day."""
SHORTEST_TRIAL = timedelta(hours=49)
"""Stripe's page takes no trial that ends within two days: a shorter one is made as long."""


def begin_subscribing(
    *,
    actor: Actor,
    plan_id: UUID,
    interval: str,
    currency: str,
    collection: Collection | None = None,
    method_id: str = "",
    coupon: str = "",
    for_cluster_id: UUID | None = None,
    cause: UUID | None = None,
    now: datetime,
) -> StripeCall | None:
    """Choose a plan. By card it begins when the customer has done their part on Stripe's page, or at once with a saved
    card; until then a free plan that they have goes on. `collection`: by card where Stripe is on, unless said otherwise.

    Refuses as `subscribe_user` does, and `CollectionNotOffered` where Stripe is off, `ChangeUnderWay`.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        plan = queries.offered_plan(plan_id=plan_id)
        price = queries.agreed_price(user_id=actor.member_id, plan=plan, interval=interval, currency=currency, now=now)
        if collection is None:
            collection = Collection.STRIPE if stripe_is_on() else Collection.BANK_TRANSFER
        if collection is not Collection.STRIPE or not price.minor:
            subscribe_user(
                actor=actor,
                plan_id=plan_id,
                interval=interval,
                currency=currency,
                collection=Collection.BANK_TRANSFER if price.minor else Collection.NONE,
                coupon=coupon,
                for_cluster_id=for_cluster_id,
                now=now,
            )
            return None
        if not stripe_is_on():
            raise CollectionNotOffered
        subscription, redemption = _begun_row(
            actor, plan, interval, currency=currency, coupon=coupon, for_cluster_id=for_cluster_id, now=now
        )
        counts = coupon_for(subscription=subscription, plan=plan, at=now)
        terms: dict[str, Any] = {
            "plan_id": str(plan.id),
            "interval": interval,
            "price_minor": price.minor,
            "currency": currency,
            "trial_end": _trial(actor, subscription, plan.trial_days, now),
            "coupon_id": str(counts.id) if counts else "",
            "redemption_id": str(redemption.id) if redemption else "",
            "tax": tax_terms(user_id=subscription.user_id),
            "method_id": method_id,
            "expires_at": (now + PAGE_LIFE).isoformat(),
        }
        act = Act.SUBSCRIBE if method_id else Act.CHECKOUT
        return _record(actor, subscription, act, terms, cause, now)


def _begun_row(
    actor: Actor,
    plan: SubscriptionPlan,
    interval: str,
    *,
    currency: str,
    coupon: str,
    for_cluster_id: UUID | None,
    now: datetime,
) -> tuple[Subscription, Redemption | None]:
    """The subscription that begins at Stripe: the free one that runs, with the coupon that was redeemed, or a new one."""
    free = _free_one(actor, for_cluster_id)
    if free is None:
        made = subscribe_user(
            actor=actor,
            plan_id=plan.id,
            interval=interval,
            currency=currency,
            collection=Collection.STRIPE,
            coupon=coupon,
            for_cluster_id=for_cluster_id,
            now=now,
        )
        return made, None
    subscription = lock_subscription(actor=actor, subscription_id=free.id)
    if subscription.currency != currency:
        raise CollectionNotOffered(
            "The present plan is in {currency}; cancel it first.", currency=subscription.currency
        )
    if not coupon:
        return subscription, None
    return subscription, redeem(actor=actor, subscription=subscription, code=coupon, plan=plan, now=now)


def begin_change(
    *,
    actor: Actor,
    subscription_id: UUID,
    plan_id: UUID,
    interval: str,
    at_period_end: bool | None = None,
    proration_date: datetime | None = None,
    digest: str = "",
    cause: UUID | None = None,
    now: datetime,
) -> StripeCall | None:
    """Take another plan. Refuses as `change_plan` does, `InvoiceOverdue` too, and `ChangeUnderWay`, `CreditExceedsInvoice`,
    `SubscriptionIncomplete`."""
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.collection != Collection.STRIPE:
            if _page_is_open(subscription):
                raise ChangeUnderWay("Finish or leave Stripe's page first.")
            change_plan(
                actor=actor,
                subscription_id=subscription_id,
                plan_id=plan_id,
                interval=interval,
                at_period_end=at_period_end,
                proration_date=proration_date,
                digest=digest,
                now=now,
            )
            return None
        _refuse_incomplete(subscription)
        refuse_not_open(subscription=subscription)
        plan, currency = queries.offered_plan(plan_id=plan_id), subscription.currency
        price = queries.agreed_price(
            user_id=subscription.user_id, plan=plan, interval=interval, currency=currency, now=now
        )
        if plan.id == subscription.plan_id and interval == subscription.interval:
            raise SamePlan
        if not price.minor:
            raise CollectionNotOffered("Cancel, and choose the free plan when this one has ended.")
        waits = begins_later(subscription=subscription, plan=plan, interval=interval, at_period_end=at_period_end)
        if waits and not end_that_is_meant(subscription=subscription, now=now):
            raise ChangeUnderWay("A new period is just beginning. Try again in a few minutes.")
        if not waits:
            refuse_usage_on_its_way(subscription=subscription)
            refuse_owing(subscription=subscription, plan=plan, interval=interval, price=price, now=now)
            refuse_given_back(subscription=subscription, plan=plan, interval=interval)
        at = proration_date_of(subscription=subscription, asked=None if waits else proration_date, now=now)
        tax = tax_terms(user_id=subscription.user_id)
        if digest and not waits:
            promise = promise_of(subscription=subscription, plan=plan, interval=interval, price=price, now=now)
            if digest != digest_at_stripe(promise=promise, taxed=[tax["points"]]):
                raise PreviewTooOld("It would come to something else now.")
        terms = {
            "plan_id": str(plan.id),
            "interval": interval,
            "price_minor": price.minor,
            "currency": currency,
            "applies_at": subscription.current_period_end.isoformat(),
            "proration_date": at.isoformat(),
            "tax": tax,
            "anew": begins_anew(subscription=subscription, interval=interval),
        }
        begins = subscription.current_period_end if waits else now
        terms |= coupon_terms(subscription=subscription, plan=plan, at=begins)
        return _record(actor, subscription, Act.SCHEDULE if waits else Act.CHANGE, terms, cause, now)


def begin_cancelling(
    *,
    actor: Actor,
    subscription_id: UUID,
    at_period_end: bool,
    reason: str,
    cause: UUID | None = None,
    now: datetime,
) -> StripeCall | None:
    """Cancel. Of one whose first payment was never made, the page is closed; was it made, but not heard of yet, it counts.

    Refuses as `cancel_subscription` does.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.collection != Collection.STRIPE:
            cancel_subscription(
                actor=actor, subscription_id=subscription_id, at_period_end=at_period_end, reason=reason, now=now
            )
            return None
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        subscription.cancel_reason = reason
        subscription.save(update_fields=["cancel_reason"])
        if not subscription.stripe_subscription_id:
            return _record(actor, subscription, Act.CLOSE_CHECKOUT, {"at_period_end": at_period_end}, cause, now)
        terms = {"stripe_subscription_id": subscription.stripe_subscription_id, "reason": reason}
        later = at_period_end and subscription.status != SubscriptionStatus.INCOMPLETE
        if later:
            terms |= end_that_is_meant(subscription=subscription, now=now)
        return _record(actor, subscription, Act.CANCEL_AT_END if later else Act.CANCEL, terms, cause, now)


def begin_reactivating(
    *, actor: Actor, subscription_id: UUID, cause: UUID | None = None, now: datetime
) -> StripeCall | None:
    """Keep a subscription. Refuses as `reactivate_subscription` does."""
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.collection != Collection.STRIPE:
            reactivate_subscription(actor=actor, subscription_id=subscription_id, now=now)
            return None
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        waits = queries.pending_change(subscription=subscription) is not None
        if not subscription.cancel_at_period_end and not waits:
            raise NotCanceled
        act = Act.KEEP if subscription.cancel_at_period_end else Act.RELEASE
        subscription.cancel_reason = ""
        subscription.save(update_fields=["cancel_reason"])
        return _record(actor, subscription, act, {}, cause, now)


def begin_coupon(
    *, actor: Actor, subscription_id: UUID, code: str, cause: UUID | None = None, now: datetime
) -> StripeCall | None:
    """Use a coupon. Refuses as `apply_coupon` does, and `ChangeUnderWay`, also while a page is open that was made without."""
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        _refuse_incomplete(subscription)
        if subscription.collection != Collection.STRIPE and _page_is_open(subscription):
            raise ChangeUnderWay("Finish or leave Stripe's page first.")
        redemption = apply_coupon(actor=actor, subscription_id=subscription_id, code=code, now=now)
        if subscription.collection != Collection.STRIPE:
            return None
        terms: dict[str, Any] = {"coupon_id": str(redemption.coupon_id), "redemption_id": str(redemption.id)}
        return _record(actor, subscription, Act.COUPON, terms, cause, now)


def begin_setup(*, actor: Actor, cause: UUID | None = None, now: datetime) -> StripeCall:
    """Let a customer give a card on Stripe's page. Refuses `CollectionNotOffered` where Stripe is off."""
    if not stripe_is_on():
        raise CollectionNotOffered
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        running = Subscription.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id, ended_at=None)
        currency = running.values_list("currency", flat=True).first() or "USD"
        return record_call(
            actor=actor,
            user_id=actor.member_id,
            subscription_id=None,
            act=Act.SETUP,
            terms={"currency": currency, "expires_at": (now + timedelta(hours=24)).isoformat()},
            cause=cause,
            now=now,
        )


def begin_using(*, actor: Actor, method_id: str, cause: UUID | None = None, now: datetime) -> StripeCall:
    """Take everything from this saved card from now on. Refuses `CollectionNotOffered` where Stripe is off."""
    return _about_card(actor, Act.USE_METHOD, method_id, cause, now)


def begin_forgetting(*, actor: Actor, method_id: str, cause: UUID | None = None, now: datetime) -> StripeCall:
    """Forget a saved card. Refuses `CollectionNotOffered` where Stripe is off."""
    return _about_card(actor, Act.FORGET_METHOD, method_id, cause, now)


def _about_card(actor: Actor, act: Act, method_id: str, cause: UUID | None, now: datetime) -> StripeCall:
    if not stripe_is_on():
        raise CollectionNotOffered
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        return record_call(
            actor=actor,
            user_id=actor.member_id,
            subscription_id=None,
            act=act,
            terms={"method_id": method_id},
            cause=cause,
            now=now,
        )


def begin_forgetting_customer(*, user_id: UUID, now: datetime) -> None:
    """Let Stripe forget a person who is being erased, if it knows them; a job asks it. Their payments stay, there and here."""
    actor = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        known = StripeObject.objects.filter(
            cluster_id=actor.cluster_id, kind=StripeKind.CUSTOMER, key=str(user_id)
        ).first()
        if known is not None:
            record_call(
                actor=actor,
                user_id=user_id,
                subscription_id=None,
                act=Act.FORGET_CUSTOMER,
                terms={"customer_id": known.stripe_id},
                by_job=True,
                now=now,
            )
            known.delete()


def _record(
    actor: Actor, subscription: Subscription, act: Act, terms: dict[str, Any], cause: UUID | None, now: datetime
) -> StripeCall:
    return record_call(
        actor=actor,
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        act=act,
        terms=terms,
        cause=cause,
        now=now,
    )


def _free_one(actor: Actor, for_cluster_id: UUID | None) -> Subscription | None:
    """The free plan that runs, which the new one will take the place of. A page that is open already is enough."""
    running = Subscription.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, for_cluster_id=for_cluster_id, ended_at=None
    ).first()
    if running is None or running.price_minor or running.collection != Collection.NONE:
        return None
    if _page_is_open(running):
        raise AlreadySubscribed("Finish or leave Stripe's page first.")
    return running


def _page_is_open(subscription: Subscription) -> bool:
    """Whether a card may be given for it on Stripe's page at this moment, or this is not known."""
    pages = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        act__in=(Act.CHECKOUT, Act.SUBSCRIBE),
        state__in=(CallState.RECORDED, CallState.WAITING),
    )
    return pages.exists()


def _trial(actor: Actor, subscription: Subscription, days: int, now: datetime) -> str:
    """When the trial ends, where there is one: once per customer, and per estate."""
    had = queries.had_trial(user_id=subscription.user_id, for_cluster_id=subscription.for_cluster_id)
    if not days or had:
        return ""
    return max(trial_end(start=now, days=days, zone=actor.timezone), now + SHORTEST_TRIAL).isoformat()


def _refuse_incomplete(subscription: Subscription) -> None:
    if subscription.status == SubscriptionStatus.INCOMPLETE:
        raise SubscriptionIncomplete
