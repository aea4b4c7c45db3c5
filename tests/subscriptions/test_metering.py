"""An estate's own usage: its members, bills and messages count by themselves, each bill and message once."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from clustr.clusters.models import PlanAllowance
from clustr.clusters.queries import members_present
from clustr.clusters.refusals import PlanLimitReached
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications import commands as notifications
from clustr.subscriptions import commands, tasks
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.types import FeatureType
from clustr.subscriptions.usage_queries import check_limits, generate_usage_report
from tests.bills.acts import pay
from tests.money import acknowledge, fund, issue
from tests.notifications.acts import everybody, fan_out, tell
from tests.races import race
from tests.subscriptions.shop import PLANS, Shop
from tests.subscriptions.test_tasks import waiting

TERMS: dict[str, Any] = {"price_monthly": 3000, "members_limit": 50, "bills_limit": 5, "messages_limit": 4}


def subscribed(shop: Shop, **terms: Any) -> Subscription:
    """Palm Grove has a plan, as of the cast's present."""
    shop.now = shop.cast.now
    shop.sync(PLANS | {"estate": TERMS | terms})
    ada = replace(shop.staff, permissions=frozenset())
    return shop.subscribe("estate", actor=ada, for_cluster_id=shop.cluster_id)


def metered(shop: Shop, estate: Subscription, **later: float) -> dict[str, Decimal]:
    """What counts as used so much later."""
    shop.move(**(later or {"minutes": 20}))
    commands.meter_estate(actor=shop.system, subscription_id=estate.id, now=shop.now)
    return used(shop, estate)


def used(shop: Shop, estate: Subscription) -> dict[str, Decimal]:
    actor = replace(shop.bola, user_id=estate.user_id)
    return {use.feature.value: use.used for use in check_limits(actor=actor, subscription_id=estate.id)}


def send(shop: Shop) -> None:
    """A message to each of the three residents."""
    tell(shop.cast, everybody(shop.cast))
    fan_out(shop.cluster_id, shop.now)
    notifications.deliver(cluster_id=shop.cluster_id, now=shop.now, seconds=60)


def allowed(shop: Shop) -> dict[str, int | None]:
    commands.write_allowance(cluster_id=shop.cluster_id, for_cluster_id=shop.cluster_id, now=shop.now)
    with tenant(shop.cluster_id):
        limits: dict[str, int | None] = PlanAllowance.objects.get(cluster_id=shop.cluster_id).limits
        return limits


def test_it_works(shop: Shop) -> None:
    estate = subscribed(shop)
    issue(shop.cast)
    issue(shop.cast, to=shop.cast.bola)
    send(shop)
    with tenant(shop.cluster_id):
        members = members_present()
    assert metered(shop, estate) == {"members": members, "bills": 2, "messages": 7}
    assert metered(shop, estate) == {"members": members, "bills": 2, "messages": 7}, "each once"
    shop.cast.add_resident("New")
    assert metered(shop, estate)["members"] == members + 1
    actor = replace(shop.bola, user_id=estate.user_id)
    since, until = estate.current_period_start, estate.current_period_end
    rows = list(generate_usage_report(actor=actor, subscription_id=estate.id, since=since, until=until))
    by_feature = Counter[str]()
    for row in rows:
        by_feature[row.feature.value] += int(row.amount)
    assert by_feature == {"members": members + 1, "bills": 2, "messages": 7}


def test_what_is_not_settled_yet_counts_next_time(shop: Shop) -> None:
    """A bill that is being issued may be written down with an instant before this one."""
    estate = subscribed(shop)
    issue(shop.cast)
    assert metered(shop, estate, minutes=14) == {"members": 0, "bills": 0, "messages": 0}
    assert metered(shop, estate, minutes=6)["bills"] == 1


def test_a_new_period_begins_at_nothing_but_for_members(shop: Shop) -> None:
    estate = subscribed(shop)
    issue(shop.cast)
    before = metered(shop, estate)
    shop.pay(shop.last(estate), actor=replace(shop.staff, user_id=shop.cast.dayo.user_id))
    shop.end_period(estate)
    assert used(shop, estate) == {"members": before["members"], "bills": 0, "messages": 0}
    assert metered(shop, estate)["bills"] == 0


def test_at_once_it_counts_once(shop: Shop) -> None:
    estate = subscribed(shop)
    issue(shop.cast)
    shop.move(hours=1)
    race(lambda: commands.meter_estate(actor=shop.system, subscription_id=estate.id, now=shop.now), runners=8).only()
    assert used(shop, estate)["bills"] == 1


@pytest.mark.parametrize("at", ["before", "before_commit", "after_commit"])
def test_interrupted_it_counts_once(shop: Shop, at: str) -> None:
    estate = subscribed(shop)
    issue(shop.cast)
    with pytest.raises(Crash), watching(failing(f"subscriptions.meter_estate.{at}:raise")):
        metered(shop, estate)
    assert metered(shop, estate)["bills"] == 1


def test_who_pays_is_warned_and_no_message_is_withheld(shop: Shop) -> None:
    estate = subscribed(shop)
    who = replace(shop.bola, user_id=estate.user_id)
    send(shop)
    assert metered(shop, estate)["messages"] == 3
    before = shop.mail(who)
    send(shop)
    assert metered(shop, estate)["messages"] == 6, "beyond the four"
    (told,) = shop.mail(who)[len(before) :]
    assert "messages" in told


def test_an_estate_counts_by_itself(shop: Shop) -> None:
    estate = subscribed(shop)
    for feature in ("members", "bills", "messages"):
        with pytest.raises(InvalidValue):
            shop.use(estate, 1, feature)
    assert shop.use(estate, 1, "ai_responses") == 1
    assert shop.use(shop.subscribe("basic"), 1, "members") == 1, "who subscribes for themself has no estate"


def test_a_person_has_nothing_to_meter(shop: Shop) -> None:
    mine = shop.subscribe("basic")
    shop.move(days=1)
    commands.meter_estate(actor=shop.system, subscription_id=mine.id, now=shop.now)
    assert shop.again(mine).metered_until is None
    tasks.meter_estates(timestamp=0)
    assert waiting("subscriptions.meter_estate", mine) == 0


def test_the_sweep_asks_for_each_estate_once(shop: Shop) -> None:
    estate = subscribed(shop)
    for _ in range(2):
        tasks.meter_estates(timestamp=0)
    assert waiting("subscriptions.meter_estate", estate) == 1
    tasks.meter_estate(cluster_id=str(shop.cluster_id), subscription_id=str(estate.id))


def test_what_is_charged_beyond_the_limit_has_none(shop: Shop) -> None:
    estate = subscribed(shop, bills_limit=1, overage={"bills": {"USD": "100"}})
    assert allowed(shop) == {"members": 50, "bills": None}
    for _ in range(3):
        issue(shop.cast)
    metered(shop, estate)
    shop.end_period(estate)
    assert ("overage", 200) in shop.lines(shop.last(estate))


def test_bills_bought_in_advance_may_be_issued(shop: Shop) -> None:
    estate = subscribed(shop, bills_limit=1)
    assert allowed(shop) == {"members": 50, "bills": 1}
    issue(shop.cast)
    with pytest.raises(PlanLimitReached):
        issue(shop.cast)
    dayo = replace(shop.staff, user_id=shop.cast.dayo.user_id)
    commands.buy_usage_pack(
        actor=dayo,
        subscription_id=estate.id,
        feature=FeatureType.BILLS,
        quantity=Decimal(1),
        price=Money(500, "USD"),
        now=shop.now,
    )
    assert allowed(shop)["bills"] == 2
    issue(shop.cast)
    with pytest.raises(PlanLimitReached):
        issue(shop.cast)


def test_what_ends_is_not_counted_any_more(shop: Shop) -> None:
    estate = subscribed(shop)
    actor = replace(shop.bola, user_id=estate.user_id)
    commands.cancel_subscription(actor=actor, subscription_id=estate.id, at_period_end=False, now=shop.now)
    issue(shop.cast)
    assert set(metered(shop, estate).values()) == {0}


def test_what_is_done_while_the_plan_has_lapsed_is_not_counted(shop: Shop) -> None:
    """Reminders and receipts go on then; who comes back does not pay for them."""
    estate = subscribed(shop)
    before = metered(shop, estate)
    shop.move(days=15)
    shop.chase(estate)
    shop.move(days=30)
    assert shop.chase(estate).status == "unpaid"
    send(shop)
    assert metered(shop, estate) == before
    shop.pay(shop.last(estate), actor=replace(shop.staff, user_id=shop.cast.dayo.user_id))
    assert shop.again(estate).status == "active"
    assert metered(shop, estate)["messages"] == 0


def test_a_members_purchase_is_no_bill_of_the_estate(shop: Shop) -> None:
    """Nor is a payment: only what the office issues counts."""
    estate = subscribed(shop)
    bill = issue(shop.cast)
    acknowledge(shop.cast, shop.cast.bola, bill)
    fund(shop.cast, shop.cast.bola, "9000.00")
    pay(shop.cast, shop.cast.bola, bill)
    assert metered(shop, estate)["bills"] == 1
