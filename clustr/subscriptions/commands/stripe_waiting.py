"""What waits at Stripe for the next invoice, or is on its way there: usage of periods that have ended. Outside any transaction."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import ProviderSilent, ProviderUnavailable, ProviderWouldNot
from clustr.subscriptions import queries
from clustr.subscriptions.commands.periods import overage_again
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.states import Act, CallState
from clustr.subscriptions.types import Line, LineKind, Period
from clustr.subscriptions.vendors.nouns import StripeItem, StripeRefused, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service


def lines_waiting(*, subscription: Subscription) -> list[Line]:
    """What the first invoice of the next period charges besides its price and the usage of the period under way. Refuses
    `ProviderUnavailable`, `ProviderSilent`, `ProviderWouldNot`."""
    with tenant(subscription.cluster_id):
        tax = queries.tax_of(user_id=subscription.user_id)
        # Read before Stripe is asked: what is put there meanwhile is seen twice, and counted once.
        asked = StripeCall.objects.filter(
            cluster_id=subscription.cluster_id,
            subscription_id=subscription.id,
            act=Act.OVERAGE,
            state=CallState.RECORDED,
        )
        calls = list(asked.order_by("id"))
    try:
        waiting, on_the_way = _waiting(subscription), _on_the_way(subscription, calls)
    except NothingSent as error:
        raise ProviderUnavailable from error
    except (OutcomeUnknown, StripeUnreadable) as error:
        raise ProviderSilent from error
    except StripeRefused as error:
        raise ProviderWouldNot from error
    lines = [_line(item, tax) for item in waiting]
    there = Counter((line.description, line.amount, line.period) for line in lines)
    for line in on_the_way:
        if there[line.description, line.amount, line.period]:
            there[line.description, line.amount, line.period] -= 1
        else:
            lines.append(line)
    return lines


def _waiting(subscription: Subscription) -> list[StripeItem]:
    service = stripe_service()
    held = service.fetch_subscription(subscription_id=subscription.stripe_subscription_id)
    items = service.waiting_items(customer_id=held.customer_id)
    return [item for item in items if item.subscription_id in ("", held.id) and item.currency == held.currency]


def _on_the_way(subscription: Subscription, calls: Sequence[StripeCall]) -> list[Line]:
    """What was not put there yet, but for what goes on a draft that is there, or on an invoice of its own."""
    later = [call for call in calls if not call.terms.get("anew")]
    if not later or stripe_service().draft_of(
        subscription_id=subscription.stripe_subscription_id, period_start=subscription.current_period_start
    ):
        return []
    with tenant(subscription.cluster_id):
        return [line for call in later for line in _lines_of(subscription, call)]


def _lines_of(subscription: Subscription, call: StripeCall) -> list[Line]:
    used_in = Period(datetime.fromisoformat(call.terms["start"]), datetime.fromisoformat(call.terms["end"]))
    return overage_again(subscription=subscription, items=call.terms["items"], period=used_in)


def _line(item: StripeItem, tax: int) -> Line:
    period = Period(item.period_start, item.period_end) if item.period_start < item.period_end else None
    amount = Money(item.amount, item.currency)
    return Line(LineKind.OVERAGE, item.description, amount, period, item.quantity, tax, discountable=item.discountable)
