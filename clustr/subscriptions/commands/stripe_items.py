"""Usage that stands at Stripe on nothing that charges it, because the plan lapsed or ended before: looked for and taken back there, so
that it is charged elsewhere, once. Each item is asked for where it stands now: Stripe moves what waits to its next draft.

What is to be taken back is written down before, so that what is gone by then was taken by us, and not by hand. Stripe lets
an item go only while no invoice has charged it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.periods import overage_again
from clustr.subscriptions.commands.stripe_calls import lock_call
from clustr.subscriptions.models import Invoice, StripeCall, Subscription
from clustr.subscriptions.states import ENDED, Act, CallState, SubscriptionStatus
from clustr.subscriptions.types import Line, Period
from clustr.subscriptions.vendors.nouns import StripeKnowsNot, StripeRefused, StripeSubscription
from clustr.subscriptions.vendors.registry import stripe_service

_CHARGED = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)


@dataclass(frozen=True, slots=True)
class UsageItem:
    """One of the items of a request for usage (`n`), by its name at Stripe, which is empty where it was never put. `taking`: it was to be taken back before."""

    call_id: UUID
    n: int
    item_id: str
    taking: bool = False


def comes_back(*, subscription: Subscription, told: StripeSubscription) -> bool:
    """Whether a plan that had lapsed here is charged again at Stripe."""
    return subscription.status == SubscriptionStatus.UNPAID and told.status in _CHARGED


def take_back_stranded(*, cluster_id: UUID, subscription_id: UUID, told: StripeSubscription) -> list[UsageItem]:
    """Of a plan that ends, or is back, take away at Stripe the usage that would never be charged there; outside any transaction.
    Answers what was taken, now or before. Raises as `StripeService` does; harmless to repeat."""
    with tenant(cluster_id):
        subscription = Subscription.objects.get(cluster_id=cluster_id, id=subscription_id)
        ends = told.status in ENDED
        runs = subscription.ended_at is None and subscription.stripe_subscription_id == told.id
        if not runs or not (ends or comes_back(subscription=subscription, told=told)):
            return []
        standing = _standing(subscription)
    if not standing:
        return []
    # The renewal of the period under way is still issued where the plan is back; so is what goes with the next one.
    issued = "" if ends else stripe_service().draft_of(subscription_id=told.id, period_start=told.period_start)
    stranded = [item for item in standing if _is_stranded(item, issued, ends=ends)]
    return take_back(cluster_id=cluster_id, items=stranded)


def take_back(*, cluster_id: UUID, items: Sequence[UsageItem]) -> list[UsageItem]:
    """Take these items away at Stripe; answers those that no invoice has charged there. Outside any transaction."""
    with tenant(cluster_id):
        for call_id, of_call in groupby(items, key=lambda item: item.call_id):
            _note(lock_call(cluster_id=cluster_id, call_id=call_id), "taking", [item.n for item in of_call])
    return [item for item in items if _let_go(item)]


def lines_taken_back(*, subscription: Subscription, items: Sequence[UsageItem]) -> list[Line]:
    """What was taken away at Stripe as lines to be charged elsewhere, each once; its customer locked."""
    lines = []
    for call_id, of_call in groupby(items, key=lambda item: item.call_id):
        call = lock_call(cluster_id=subscription.cluster_id, call_id=call_id)
        fresh = [item.n for item in of_call if item.n not in call.terms.get("taken_back", [])]
        period = Period(datetime.fromisoformat(call.terms["start"]), datetime.fromisoformat(call.terms["end"]))
        owed = [call.terms["items"][n] for n in fresh]
        lines += overage_again(subscription=subscription, items=owed, period=period)
        _note(call, "taken_back", fresh)
    return lines


def _note(call: StripeCall, name: str, items: Sequence[int]) -> None:
    call.terms = {**call.terms, name: sorted({*call.terms.get(name, []), *items})}
    call.save(update_fields=["terms"])


def _standing(subscription: Subscription) -> list[UsageItem]:
    """What was asked to be charged, but for what stands on an invoice that was issued here, or was taken back."""
    calls = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, act=Act.OVERAGE, state=CallState.DONE
    )
    issued = set(
        Invoice.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id)
        .exclude(stripe_invoice_id="")
        .values_list("stripe_invoice_id", flat=True)
    )
    return [
        UsageItem(call.id, n, made["id"], taking=n in call.terms.get("taking", []))
        for call in calls.order_by("id")
        for n, made in enumerate(call.terms.get("made", []))
        if made["invoice_id"] not in issued and n not in call.terms.get("taken_back", [])
    ]


def _is_stranded(item: UsageItem, issued: str, *, ends: bool) -> bool:
    """Whether it would never be charged. What somebody took away by hand is not to be."""
    try:
        stands_on = stripe_service().place_of_item(item_id=item.item_id)
    except StripeKnowsNot:
        return item.taking
    if not stands_on:
        return ends
    return stands_on != issued and _never_issued(stands_on)


def _never_issued(invoice_id: str) -> bool:
    return stripe_service().fetch_invoice(invoice_id=invoice_id).finalized_at is None


def _let_go(item: UsageItem) -> bool:
    if not item.item_id:
        return True
    service = stripe_service()
    try:
        service.remove_item(item_id=item.item_id)
    except StripeKnowsNot:
        return True
    except StripeRefused:
        # Its invoice is a draft no more: it was issued meanwhile, or voided before it was.
        return _never_issued(service.place_of_item(item_id=item.item_id))
    return True
