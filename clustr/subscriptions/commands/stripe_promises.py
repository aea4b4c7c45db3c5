"""What a preview of a change by card promises: not what it comes to, which Stripe counts, but all that Stripe counts it from."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from django.db.models import Q

from clustr.kit.money import Money
from clustr.subscriptions import queries
from clustr.subscriptions.commands.periods import exchanged, owed_usage, usage_so_far
from clustr.subscriptions.commands.previewing import in_short, is_smaller
from clustr.subscriptions.commands.refundable import connected
from clustr.subscriptions.commands.stripe_coupons import coupon_for
from clustr.subscriptions.models import (
    Invoice,
    InvoiceLine,
    Payment,
    Refund,
    StripeCall,
    Subscription,
    SubscriptionPlan,
)
from clustr.subscriptions.policies import kept_by
from clustr.subscriptions.pricing import totals_by_line
from clustr.subscriptions.refusals import ChangeUnderWay, CreditExceedsInvoice
from clustr.subscriptions.states import CAME_BACK, Act, CallState, SubscriptionStatus
from clustr.subscriptions.types import OF_PLAN, Kept, Line


def begins_anew(*, subscription: Subscription, interval: str) -> bool:
    """Whether periods are counted from the change on, which charges a whole one and what was used beyond the limits."""
    trial = subscription.status == SubscriptionStatus.TRIALING
    return kept_by(subscription=subscription, interval=interval) is Kept.NOTHING and not trial


def usage_beside(*, subscription: Subscription, interval: str) -> list[Line]:
    """The usage beyond the limits that is invoiced beside a change to this interval."""
    return usage_so_far(subscription=subscription) if begins_anew(subscription=subscription, interval=interval) else []


def refuse_given_back(*, subscription: Subscription, plan: SubscriptionPlan, interval: str) -> None:
    """Refuses `CreditExceedsInvoice` for a smaller plan at once where some of what was paid for the period, or for one that led to it,
    went back to the card or is with the payer's bank: Stripe, which knows nothing of that, would put the unused rest into the
    customer's favour once more. `ChangeUnderWay` while that is being asked."""
    if not is_smaller(subscription=subscription, plan=plan, interval=interval):
        return
    house = {"cluster_id": subscription.cluster_id}
    lines = InvoiceLine.objects.filter(**house, kind__in=OF_PLAN, period_end=subscription.current_period_end)
    mine = Invoice.objects.filter(**house, subscription_id=subscription.id, id__in=lines.values("invoice_id"))
    ids = connected(**house, subscription_id=subscription.id, documents=mine.values_list("id", flat=True))
    refunds = Refund.objects.filter(**house, invoice_id__in=ids).exclude(status__in=CAME_BACK)
    booked = refunds.filter(Q(note_minor__gt=0) | Q(owed_minor__gt=0) | Q(loss_minor__gt=0))
    if booked.exists() or Payment.objects.filter(**house, invoice_id__in=ids, disputed_minor__gt=0).exists():
        raise CreditExceedsInvoice(
            "Some of this period was given back to your card. Take the smaller plan when it ends."
        )
    asked = StripeCall.objects.filter(**house, act=Act.REFUND, state=CallState.RECORDED)
    if asked.filter(terms__invoice_id__in=[str(id) for id in ids]).exists():
        raise ChangeUnderWay("Some of this period is being given back to your card. Try again in a moment.")


def usage_after(*, subscription: Subscription, plan: SubscriptionPlan, interval: str, at: datetime) -> Money:
    """What usage beyond the limits comes to, with tax, that the next invoice charges after a change within the period."""
    if begins_anew(subscription=subscription, interval=interval) or subscription.status == SubscriptionStatus.TRIALING:
        return Money(0, subscription.currency)
    settled = exchanged(subscription=subscription, old=queries.plan_of(subscription=subscription), new=plan, at=at)
    lines = [*settled.lines, *owed_usage(subscription=subscription)]
    return totals_by_line(lines=lines, currency=subscription.currency).total


def refuse_usage_on_its_way(*, subscription: Subscription) -> None:
    """Refuses `ChangeUnderWay` while usage of a closed period is being put on whatever Stripe invoices next, which a change now
    would be: whether it stands there already is not known. That is asked every few minutes, and given up after a day, so
    no change waits longer for it than for a Stripe that does not answer."""
    on_its_way = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        act=Act.OVERAGE,
        state=CallState.RECORDED,
    )
    if any(not call.terms.get("anew") for call in on_its_way):
        said = "What was used in the last period is being put on an invoice. Try again in a few minutes."
        raise ChangeUnderWay(said, retry_after_seconds=60)


def unheard(*, subscription: Subscription) -> list[UUID]:
    """The requests by jobs that Stripe has yet to hear, of an address or a coupon: what it says meanwhile of a change is not what that
    will come to. Refuses `ChangeUnderWay` while it has yet to hear what its customer asked for themself, as the change does."""
    mine = StripeCall.objects.filter(cluster_id=subscription.cluster_id, user_id=subscription.user_id)
    of_plan = Q(subscription_id=subscription.id) & ~Q(act=Act.OVERAGE)
    waiting = mine.filter(Q(subscription_id=None, act=Act.ADDRESS) | of_plan, state=CallState.RECORDED).order_by("id")
    by_job = [call for call in waiting if call.act == Act.ADDRESS or call.terms.get("again")]
    if len(by_job) < len(waiting):
        raise ChangeUnderWay(
            "What you changed last is on its way to Stripe. Try again in a moment.", retry_after_seconds=10
        )
    return [call.id for call in by_job]


def promise_of(
    *, subscription: Subscription, plan: SubscriptionPlan, interval: str, price: Money, now: datetime
) -> tuple[object, ...]:
    """What is known here of what a change now is counted from. What waits to be heard at Stripe is no promise: while it does,
    it stands in it, and a change is begun only after it. Usage is none of it: see `refuse_usage_on_its_way`."""
    coupon = coupon_for(subscription=subscription, plan=plan, at=now)
    waiting = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, state=CallState.RECORDED
    ).exclude(act=Act.OVERAGE)
    usage = usage_beside(subscription=subscription, interval=interval)
    return (
        plan.id,
        interval,
        price.minor,
        subscription.plan_id,
        subscription.price_minor,
        subscription.current_period_start.isoformat(),
        subscription.current_period_end.isoformat(),
        coupon.id if coupon else "",
        *waiting.order_by("id").values_list("id", flat=True),
        *((line.description, line.amount.minor, line.tax_basis_points) for line in usage),
    )


def digest_at_stripe(*, promise: tuple[object, ...], taxed: Sequence[object]) -> str:
    """The same as a short text, and with it how a change is `taxed`: the basis points of each rate of tax."""
    return in_short((*promise, "taxed", *taxed))
