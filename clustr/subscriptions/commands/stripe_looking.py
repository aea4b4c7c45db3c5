"""Looking at what is at Stripe, where a customer asks: what a change would cost, and what became of a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import ProviderSilent, ProviderUnavailable, ProviderWouldNot
from clustr.subscriptions import queries
from clustr.subscriptions.commands.previewing import ChangePreview, proration_date_of, refuse_not_open, refuse_owing
from clustr.subscriptions.commands.stripe_beginning import coupon_named
from clustr.subscriptions.commands.stripe_coupons import coupon_terms
from clustr.subscriptions.commands.stripe_documents import credit_at_stripe, totals_of
from clustr.subscriptions.commands.stripe_names import ensure_price, rates_at_stripe
from clustr.subscriptions.commands.stripe_promises import (
    begins_anew,
    digest_at_stripe,
    promise_of,
    refuse_given_back,
    refuse_usage_on_its_way,
    unheard,
    usage_after,
    usage_beside,
)
from clustr.subscriptions.commands.stripe_running import UNHEARD, ask_stripe
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.pricing import tax_on
from clustr.subscriptions.refusals import SamePlan, SubscriptionNotFound
from clustr.subscriptions.states import Act, CallState, Collection
from clustr.subscriptions.types import Line, Period
from clustr.subscriptions.vendors.nouns import StripeInvoice, StripeLine, StripeRefused, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service

LOOKED_BACK = timedelta(days=2)
"""How long somebody may take to come back from a page of Stripe's."""
_PAGES = (Act.CHECKOUT, Act.SUBSCRIBE, Act.SETUP)


@dataclass(frozen=True, slots=True)
class PageSeen:
    """What became of a page of Stripe's. `for_plan`: on it somebody subscribes, else a card is given. `state`: `waiting` while
    it is open, `done`, or else nothing came of it. `url`: where it goes on, while it is open. `heard`: Stripe said so. `status`: of the
    subscription, if it is about one, and for which estate that is."""

    for_plan: bool
    state: CallState
    url: str
    heard: bool
    status: str
    for_cluster_id: UUID | None


def look_at_my_page(*, actor: Actor, now: datetime) -> PageSeen | None:
    """Of the page of Stripe's that who asks was sent to last, what became of it, asked now if that is not known yet; None
    without one in the last days. Outside any transaction. Harmless to repeat."""
    with tenant(actor.cluster_id):
        pages = StripeCall.objects.filter(
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
            act__in=_PAGES,
            asked_at__gt=now - LOOKED_BACK,
        ).exclude(act=Act.SUBSCRIBE, url="")
        call = pages.order_by("-id").first()
    if call is None:
        return None
    heard = call.finished_at is not None
    if call.state == CallState.WAITING:
        try:
            call, heard = ask_stripe(cluster_id=actor.cluster_id, call_id=call.id, now=now), True
        except (*UNHEARD, ProviderSilent, ProviderUnavailable, ProviderWouldNot):
            heard = False
    with tenant(actor.cluster_id):
        mine = Subscription.objects.filter(cluster_id=actor.cluster_id)
        found = mine.filter(id=call.subscription_id).first() if call.subscription_id else None
    return PageSeen(
        for_plan=call.act != Act.SETUP,
        state=CallState(call.state),
        url=call.url if call.state == CallState.WAITING else "",
        heard=heard,
        status=found.status if found else "",
        for_cluster_id=found.for_cluster_id if found else None,
    )


def preview_at_stripe(
    *, actor: Actor, subscription_id: UUID, plan_id: UUID, interval: str, now: datetime
) -> ChangePreview:
    """What changing the plan now would come to, as Stripe counts it; the change itself with this `proration_date` and
    `digest` comes to the same, or is refused. Outside any transaction. Refuses as `preview_change`, `ChangeUnderWay` and
    `CreditExceedsInvoice` as the change does, `ProviderUnavailable`, `ProviderSilent`, `ProviderWouldNot`."""
    _let_it_hear(actor, subscription_id, now)
    with tenant(actor.cluster_id):
        subscription = _by_card(actor, subscription_id)
        refuse_not_open(subscription=subscription)
        plan = queries.offered_plan(plan_id=plan_id)
        if plan.id == subscription.plan_id and interval == subscription.interval:
            raise SamePlan
        price = queries.agreed_price(
            user_id=subscription.user_id, plan=plan, interval=interval, currency=subscription.currency, now=now
        )
        refuse_owing(subscription=subscription, plan=plan, interval=interval, price=price, now=now)
        refuse_given_back(subscription=subscription, plan=plan, interval=interval)
        refuse_usage_on_its_way(subscription=subscription)
        at = proration_date_of(subscription=subscription, asked=None, now=now)  # to Stripe, its second
        credit = credit_at_stripe(subscription=subscription)
        coupon = coupon_terms(subscription=subscription, plan=plan, at=now)
        anew = begins_anew(subscription=subscription, interval=interval)
        usage = usage_beside(subscription=subscription, interval=interval)
        later = usage_after(subscription=subscription, plan=plan, interval=interval, at=at)
        promise = promise_of(subscription=subscription, plan=plan, interval=interval, price=price, now=now)
    try:
        price_id = ensure_price(cluster_id=actor.cluster_id, plan_id=plan.id, interval=interval, price=price, now=now)
        service = stripe_service()
        held = service.fetch_subscription(subscription_id=subscription.stripe_subscription_id)
        told = service.preview_change(
            subscription=held,
            price_id=price_id,
            proration_date=at,
            anew=anew,
            coupon_id=coupon_named(cluster_id=actor.cluster_id, terms=coupon, now=now),
        )
    except NothingSent as error:
        raise ProviderUnavailable from error
    except (OutcomeUnknown, StripeUnreadable) as error:
        raise ProviderSilent from error
    except StripeRefused as error:
        raise ProviderWouldNot from error
    ends = [line.period_end for line in told.lines if line.amount >= 0] or [subscription.current_period_end]
    period = Period(at if anew else subscription.current_period_start, max(ends))
    told = _with_usage(told, usage)
    rates = rates_at_stripe(cluster_id=actor.cluster_id)
    sums, _taxes = totals_of(told, rates)
    due = Money(0 if told.total < 0 else max(told.total - credit.minor, 0), subscription.currency)
    digest = digest_at_stripe(promise=promise, taxed=[rates.get(rate, rate) for rate in held.tax_rates] or [0])
    return ChangePreview(at, period, sums, told.total < 0, due, digest, with_next=later)


def _by_card(actor: Actor, subscription_id: UUID) -> Subscription:
    mine = Subscription.objects.filter(cluster_id=actor.cluster_id, id=subscription_id, user_id=actor.member_id)
    subscription = mine.first()
    if subscription is None or subscription.collection != Collection.STRIPE:
        raise SubscriptionNotFound
    return subscription


def _let_it_hear(actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """What a job is about to tell Stripe is told first, so that it counts."""
    with tenant(actor.cluster_id):
        waiting = unheard(subscription=_by_card(actor, subscription_id))
    for call_id in waiting:
        ask_stripe(cluster_id=actor.cluster_id, call_id=call_id, now=now)


def _with_usage(told: StripeInvoice, usage: Sequence[Line]) -> StripeInvoice:
    """Where periods begin anew, what was used beyond the limits is charged with the change, by an invoice beside it."""
    lines = [_at_stripe(line, line.period) for line in usage if line.period is not None]
    net, tax = sum(line.amount for line in lines), sum(line.tax for line in lines)
    return replace(
        told,
        lines=(*told.lines, *lines),
        subtotal=told.subtotal + net,
        tax=told.tax + tax,
        total=told.total + net + tax,
    )


def _at_stripe(line: Line, period: Period) -> StripeLine:
    """A line as Stripe will have it: taxed by itself."""
    return StripeLine(
        description=line.description,
        quantity=1,
        amount=line.amount.minor,
        discount=0,
        tax=tax_on(net=line.amount, basis_points=line.tax_basis_points).minor,
        tax_basis_points=line.tax_basis_points,
        tax_rate_id="",
        proration=False,
        for_plan=False,
        period_start=period.start,
        period_end=period.end,
    )
