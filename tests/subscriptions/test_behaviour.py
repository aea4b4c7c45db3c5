"""What customers use and do, for platform staff; the advice and the offer that customers get; and the accountants' journal."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from django.conf import settings

from clustr.kit.errors import NotAllowed
from clustr.kit.tenancy import tenant
from clustr.ledger import queries as books
from clustr.subscriptions import commands
from clustr.subscriptions.advice_queries import advise_plan, save_offer
from clustr.subscriptions.behaviour_queries import at_risk, cancellation_reasons, feature_adoption, usage_trends
from clustr.subscriptions.journal_queries import JournalLine, journal_lines
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import SubscriptionNotFound
from clustr.subscriptions.types import CancelReason, Discount, Duration, FeatureType
from tests.subscriptions.shop import Shop

AI, UPLOADS = FeatureType.AI_RESPONSES, FeatureType.DOCUMENT_UPLOADS
EVER = datetime(2000, 1, 1, tzinfo=UTC)


def cancel(shop: Shop, subscription: Subscription, reason: str, *, at_end: bool = True) -> None:
    commands.cancel_subscription(
        actor=shop.staff, subscription_id=subscription.id, at_period_end=at_end, reason=reason, now=shop.now
    )


def test_usage_by_month_and_who_uses_what(shop: Shop) -> None:
    """The second month counts anew; what is in use is no count. Adoption looks at the present period alone."""
    one, two = shop.subscribe("free"), shop.subscribe("free", actor=shop.customer())
    shop.use(one, 7)
    shop.use(two, 5)
    shop.use(one, "0.5", "storage_gb")
    shop.end_period(one)
    shop.use(one, 3)
    trends = usage_trends(actor=shop.staff, since=EVER)
    assert [(row.month, row.feature, row.used, row.subscriptions) for row in trends] == [
        (date(2026, 6, 1), AI, 12, 2),
        (date(2026, 7, 1), AI, 3, 1),
    ]
    shop.renew(two)
    adopted = feature_adoption(actor=shop.staff)
    assert [(row.plan, row.feature, row.users, row.subscriptions, row.share) for row in adopted] == [
        ("free", AI, 1, 2, Decimal("0.5")),
        ("free", FeatureType.STORAGE_GB, 1, 2, Decimal("0.5")),
    ]


def test_who_is_at_risk_and_why(shop: Shop) -> None:
    """One goes at the end, one does not pay, one uses less than half of before; who is as before is not named."""
    leaving, owing = shop.subscribe("team"), shop.subscribe("basic", actor=shop.customer())
    falling, steady = shop.subscribe("free", actor=shop.customer()), shop.subscribe("free", actor=shop.customer())
    for subscription in (falling, steady):
        shop.use(subscription, 40)
    shop.pay(shop.last(leaving))
    assert at_risk(actor=shop.staff, now=shop.now) == []
    shop.now = shop.again(owing).current_period_end + timedelta(days=15)
    for subscription in (leaving, owing, falling, steady):
        shop.renew(subscription)
    shop.chase(owing)
    shop.pay(shop.last(leaving))
    cancel(shop, leaving, "too_expensive")
    shop.use(falling, 9)
    shop.use(steady, 11)
    found = at_risk(actor=shop.staff, now=shop.now)
    assert [(row.subscription_id, row.monthly, row.reasons) for row in found] == [
        (leaving.id, 9000, ("cancellation_scheduled",)),
        (owing.id, 2000, ("failed_renewal",)),
        (falling.id, 0, ("falling_usage",)),
    ]


def test_why_customers_go(shop: Shop) -> None:
    """Counted by the reason they chose; who thought better of it is counted as kept, once they went at once too."""
    dear, kept = shop.subscribe("basic"), shop.subscribe("team", actor=shop.customer())
    at_once, silent = shop.subscribe("basic", actor=shop.customer()), shop.subscribe("free", actor=shop.customer())
    cancel(shop, dear, "too_expensive: twice what the other asks")
    cancel(shop, kept, "too_expensive")
    commands.reactivate_subscription(actor=shop.staff, subscription_id=kept.id, now=shop.now)
    cancel(shop, at_once, "technical", at_end=False)
    cancel(shop, silent, "It rains")
    shop.end_period(dear)
    found = cancellation_reasons(actor=shop.staff, since=EVER)
    assert [(row.reason, row.currency, row.customers, row.monthly, row.kept) for row in found] == [
        ("too_expensive", "USD", 2, 11_000, 1),
        ("other", "USD", 1, 0, 0),
        ("technical", "USD", 1, 2000, 0),
    ]


def test_the_cheapest_plan_by_own_usage(shop: Shop) -> None:
    """On team for 90.00 with 400 AI responses: basic includes 500 for 20.00; free stops at 50. With 600, basic stops too,
    and pro includes them; with 9,000, pro's 4,000 beyond cost 60.00 more, and team is the cheapest."""
    subscription = shop.subscribe("team")

    def best() -> tuple[str, int] | None:
        advice = advise_plan(actor=shop.bola, subscription_id=subscription.id, now=shop.now)
        return (advice.best.code, advice.best.cost.minor) if advice.best else None

    shop.use(subscription, 40)
    assert best() == ("free", 0)
    shop.use(subscription, 360)
    assert best() == ("basic", 2000)
    shop.end_period(subscription)
    assert best() == ("basic", 2000)  # the period before counts too
    shop.use(subscription, 499)
    assert best() == ("basic", 2000)
    shop.use(subscription, 1)
    assert best() == ("pro", 5000)  # basic's 500 are used up: it may have stopped them
    shop.use(subscription, 100)
    assert best() == ("pro", 5000)
    shop.use(subscription, 8_400)
    assert best() is None
    costs = {
        option.code: (option.cost.minor, option.fits)
        for option in advise_plan(actor=shop.bola, subscription_id=subscription.id, now=shop.now).options
    }
    assert costs["pro"] == (5000 + 6000, True)
    assert costs["basic"] == (2000, False)
    with pytest.raises(SubscriptionNotFound):
        advise_plan(actor=shop.customer(), subscription_id=subscription.id, now=shop.now)


@pytest.fixture
def stay(shop: Shop) -> Iterator[str]:
    """A coupon for who is about to go."""
    commands.create_coupon(
        actor=shop.staff, code="STAY", name="A fifth off", discount=Discount(2000), duration=Duration.ONCE, now=shop.now
    )
    was = settings.ENV
    settings.ENV = was.model_copy(update={"SUBSCRIPTION_SAVE_COUPON": "stay"})
    yield "STAY"
    settings.ENV = was


def test_who_is_about_to_go_is_offered_something(shop: Shop, stay: str) -> None:
    subscription = shop.subscribe("team")

    def offered(reason: CancelReason) -> tuple[str, str]:
        offer = save_offer(actor=shop.bola, subscription_id=subscription.id, reason=reason, now=shop.now)
        return (offer.cheaper.code if offer.cheaper else "", offer.coupon)

    assert offered(CancelReason.TOO_EXPENSIVE) == ("free", stay)
    assert offered(CancelReason.NOT_USED) == ("free", "")
    assert offered(CancelReason.TECHNICAL) == ("", "")
    commands.apply_coupon(actor=shop.bola, subscription_id=subscription.id, code=stay, now=shop.now)
    assert offered(CancelReason.TOO_EXPENSIVE) == ("free", "")
    assert shop.again(subscription).cancel_at_period_end is False


def test_the_journal_adds_up_to_the_trial_balance(shop: Shop) -> None:
    """Invoices, tax, payments of too much, credit, credit notes, a debt given up: read three transfers at a time."""
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription), 3000, reference="FT-1")
    shop.move(days=10)
    commands.upgrade_plan(
        actor=shop.bola, subscription_id=subscription.id, plan_id=shop.plan("team").id, interval="month", now=shop.now
    )
    other = shop.subscribe("basic", actor=shop.customer(), currency="NGN")
    commands.write_off_invoice(actor=shop.staff, invoice_id=shop.last(other).id, reason="Gone", now=shop.now)
    commands.void_invoice(actor=shop.staff, invoice_id=shop.last(subscription).id, reason="Twice", now=shop.now)
    lines: list[JournalLine] = []
    after = None
    while page := journal_lines(
        actor=shop.staff, since=EVER, until=shop.now + timedelta(days=1), after=after, transfers=3
    ):
        lines += page
        after = (page[-1].at, page[-1].transfer_id)
    totals: defaultdict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        assert (line.debit == 0) != (line.credit == 0)
        totals[line.account, line.currency] += line.credit - line.debit
    with tenant(shop.cluster_id):
        balance = {(line.kind, line.currency): line.balance_minor for line in books.trial_balance()}
    assert totals == balance
    assert len({line.transfer_id for line in lines}) * 2 == len(lines) > 16
    assert sum(line.debit for line in lines) == sum(line.credit for line in lines)
    assert {"INV2026000001", "FT-1", "CN2026000001"} <= {line.reference for line in lines}


def test_for_platform_staff_only(shop: Shop) -> None:
    for ask in (
        lambda: usage_trends(actor=shop.bola, since=EVER),
        lambda: feature_adoption(actor=shop.bola),
        lambda: at_risk(actor=shop.bola, now=shop.now),
        lambda: cancellation_reasons(actor=shop.bola, since=EVER),
        lambda: journal_lines(actor=shop.bola, since=EVER, until=shop.now, after=None, transfers=1),
    ):
        with pytest.raises(NotAllowed):
            ask()
