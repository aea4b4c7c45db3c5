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
    for text, amount, period in on_the_way:
        if there[text, amount, period]:
            there[text, amount, period] -= 1
        else:
            lines.append(Line(LineKind.OVERAGE, text, amount, period, tax_basis_points=tax, discountable=False))
    return lines


def _waiting(subscription: Subscription) -> list[StripeItem]:
    service = stripe_service()
    held = service.fetch_subscription(subscription_id=subscription.stripe_subscription_id)
    items = service.waiting_items(customer_id=held.customer_id)
    return [item for item in items if item.subscription_id in ("", held.id) and item.currency == held.currency]


def _on_the_way(subscription: Subscription, calls: Sequence[StripeCall]) -> list[tuple[str, Money, Period]]:
    """What was not put there yet, but for what goes on a draft that is there, or on an invoice of its own."""
    later = [call for call in calls if not call.terms.get("anew")]
    if not later or stripe_service().draft_of(
        subscription_id=subscription.stripe_subscription_id, period_start=subscription.current_period_start
    ):
        return []
    return [
        (
            item["description"],
            Money(item["amount"], subscription.currency),
            Period(datetime.fromisoformat(call.terms["start"]), datetime.fromisoformat(call.terms["end"])),
        )
        for call in later
        for item in call.terms["items"]
    ]


def _line(item: StripeItem, tax: int) -> Line:
    period = Period(item.period_start, item.period_end) if item.period_start < item.period_end else None
    amount = Money(item.amount, item.currency)
    return Line(
        LineKind.OVERAGE, item.description, amount, period, tax_basis_points=tax, discountable=item.discountable
    )
