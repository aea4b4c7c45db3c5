"""Usage beyond the plan at the ends of periods that Stripe counts, also where the plan lapsed: charged once, when Stripe charges again.

While a plan has lapsed (`unpaid`) Stripe makes each renewal's draft and issues none of them, also not once the debt is paid. So what
went beyond is owed here until then; and with the plan comes back the draft of the period under way, which is issued on our word.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id
from clustr.subscriptions.commands.periods import owed_usage, usage_so_far
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.commands.stripe_items import UsageItem, comes_back, lines_taken_back
from clustr.subscriptions.models import StripeCall, Subscription, SubscriptionEvent
from clustr.subscriptions.states import ENDED, USABLE, Act, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Line, Period
from clustr.subscriptions.vendors.nouns import StripeSubscription


def usage_to_charge(*, subscription: Subscription, told: StripeSubscription, taken: Sequence[UsageItem]) -> list[Line]:
    """What is to be charged now of usage beyond the plan, because its period ended, the plan did, or it came back; its customer
    locked, before the row says so. What Stripe would not issue now stays owed (`usage_owed`). `taken`: what was taken back
    of what stood there."""
    turned = told.period_start > subscription.current_period_start and _ran(subscription)
    ends = told.status in ENDED and (_ran(subscription) or subscription.status != SubscriptionStatus.UNPAID)
    back = comes_back(subscription=subscription, told=told)
    lines: list[Line] = []
    if turned or back or told.status in ENDED:
        lines = (usage_so_far if turned or ends else owed_usage)(subscription=subscription)
        subscription.usage_owed = []
    lines += lines_taken_back(subscription=subscription, items=taken)
    if told.status == SubscriptionStatus.UNPAID and lines:
        subscription.usage_owed, lines = items_of(lines), []
    return lines


def charge_usage(
    *, actor: Actor, subscription: Subscription, lines: list[Line], used_in: Period, resumed: bool, now: datetime
) -> None:
    """Ask Stripe to charge it: with the renewal of the period under way; of a plan that came back (`resumed`), whose renewal Stripe would
    never issue, that is issued."""
    period = {"start": used_in.start.isoformat(), "end": used_in.end.isoformat()}
    anew = resumed or subscription.current_period_start < used_in.end
    key = derived_id("overage", subscription.id, used_in.start.isoformat())
    if resumed:
        key = derived_id("resumed", subscription.id, _lapsed_at(subscription))
    record_call(
        actor=actor,
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        act=Act.OVERAGE,
        terms={"items": items_of(lines), "anew": anew, "resumed": resumed, **period},
        key=key,
        now=now,
    )


def items_of(lines: list[Line]) -> list[dict[str, str | int]]:
    """Lines as they are written down to be charged later; the quantity where there is more than one."""
    return [_item_of(line) for line in lines]


def _item_of(line: Line) -> dict[str, str | int]:
    item: dict[str, str | int] = {"description": line.description, "amount": line.amount.minor}
    return item | {"quantity": line.quantity} if line.quantity > 1 else item


def _ran(subscription: Subscription) -> bool:
    """Whether the plan could be used in the period under way, or in some of it before it lapsed."""
    lapsed_at = _lapsed_at(subscription)
    lapsed = subscription.status == SubscriptionStatus.UNPAID
    return subscription.status in USABLE or (
        lapsed and lapsed_at is not None and subscription.current_period_start < lapsed_at
    )


def _lapsed_at(subscription: Subscription) -> datetime | None:
    events = SubscriptionEvent.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, kind=EventKind.LAPSED
    )
    return events.order_by("-n").values_list("at", flat=True).first()


def owe_later(*, call: StripeCall, subscription: Subscription) -> None:
    """What was to be charged stays owed, because the plan has lapsed meanwhile; its customer locked."""
    subscription.usage_owed = [*subscription.usage_owed, *call.terms["items"]]
    subscription.save(update_fields=["usage_owed"])


def subject_of(call: StripeCall) -> UUID:
    """The subscription that a request is about."""
    if call.subscription_id is None:
        raise AssertionError(f"{call.act} is about no subscription")
    return call.subscription_id
