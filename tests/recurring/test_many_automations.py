"""Thousands of automations of one wallet, due at once: what is bought, and what becomes of the rest, is what a plain model of
its own says, to the kobo; in the tables, not only in the plan.

AUTOMATIONS in the environment says how many; 3,000 unless told (the long form: AUTOMATIONS=10000)."""

from __future__ import annotations

import os
import random
from datetime import timedelta
from uuid import UUID

import pytest

from clustr.bills.types import BillType
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.recurring import commands
from clustr.recurring.models import AutomationRun, UtilityAutomation
from tests.cast import Cast
from tests.money import fund, naira, no_pin, wallet_balance
from tests.recurring.automating import Automations, automations
from tests.utilities.counter import WATER

__all__ = ["automations"]
pytestmark = pytest.mark.usefixtures("books")
COUNT = int(os.environ.get("AUTOMATIONS", "3000"))
FUNDS, TYPE_LIMIT, FEE = 3_000_000, 1_500_000, 10_000


def ordered(cast: Cast, automations: Automations, chance: random.Random) -> list[UtilityAutomation]:
    """Half of them of a meter's electricity, half of water; amounts, priorities, limits and minimums by chance."""
    counter, accounts = automations.counter, {}
    accounts["power"] = (automations.number(), counter.provider().id)
    accounts["water"] = (automations.number("WTR12345", WATER), counter.provider(WATER).id)
    made = []
    for _ in range(COUNT):
        account, provider = accounts[chance.choice(("power", "water"))]
        amount = chance.randrange(50_000, 900_000)
        made.append(
            UtilityAutomation(
                id=new_id(),
                cluster_id=cast.cluster_id,
                user_id=cast.bola.user_id,
                provider_id=provider,
                account_id=account,
                amount_minor=amount,
                currency="NGN",
                schedule_kind="every_days",
                schedule_every=1,
                schedule_at="08:00",
                starts_on=counter.now.date(),
                timezone="Africa/Lagos",
                payment_source="wallet",
                limit_minor=chance.choice((None, None, amount + 10_000, amount // 2)),
                keeps_minor=chance.choice((0, 0, 300_000, 2_000_000)),
                priority=chance.randrange(1, 1_000),
                allow_partial=chance.random() < 0.01,
                notify=[],
                state="on",
                next_run_at=counter.now + timedelta(hours=1),
                created_at=counter.now,
            )
        )
    with tenant(cast.cluster_id):
        UtilityAutomation.objects.bulk_create(made, batch_size=1_000)
    return made


def expected(
    automations: list[UtilityAutomation], due: dict[UUID, tuple[object, UUID]], power: UUID
) -> dict[UUID, tuple[str, int]]:
    """By automation: bought, for how much; over a limit; or short. One after the other, by hand."""
    money, electricity = FUNDS, 0
    result = {}
    for each in sorted(automations, key=lambda one: (one.priority, *due[one.id])):  # type: ignore[misc]
        is_power = each.account_id == power
        least = 50_000 if is_power else 1
        price = (each.amount_minor or 0) + FEE
        permitted = [
            limit for limit in (each.limit_minor, TYPE_LIMIT - electricity if is_power else None) if limit is not None
        ]
        limit = min(permitted, default=price)
        spendable = max(money - each.keeps_minor, 0)
        if price > min(limit, spendable) and each.allow_partial:
            price = max(min(limit, spendable), 0)
            if price - FEE < least:
                price = (each.amount_minor or 0) + FEE
        if price > limit:
            result[each.id] = ("skipped", 0)
        elif price > spendable:
            result[each.id] = ("waiting", 0)
        else:
            money -= price
            electricity += price if is_power else 0
            result[each.id] = ("bought", price - FEE)
    return result


def test_thousands_due_at_once(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, str(Money(FUNDS, "NGN")))
    made = ordered(cast, automations, random.Random(28))
    commands.set_spending_limit(
        actor=cast.bola.actor,
        service_type=BillType.ELECTRICITY_UTILITY,
        limit=Money(TYPE_LIMIT, "NGN"),
        authorization=no_pin(cast.bola),
        now=automations.counter.now,
    )
    automations.counter.wait(hours=2)
    outcome = commands.run_automations_of(
        cluster_id=cast.cluster_id, user_id=cast.bola.user_id, now=automations.counter.now
    )
    with tenant(cast.cluster_id):
        runs = list(AutomationRun.objects.filter(cluster_id=cast.cluster_id, user_id=cast.bola.user_id))
    power = automations.counter.provider().id
    account = next(each.account_id for each in made if each.provider_id == power)
    model = expected(made, {run.automation_id: (run.due_at, run.id) for run in runs}, account)
    words = {"buying": "bought", "completed": "bought"}
    found = {run.automation_id: (words.get(run.state, run.state), run.amount_minor) for run in runs}
    assert found == model
    bought = [amount for state, amount in model.values() if state == "bought"]
    assert (outcome.bought, len(runs)) == (len(bought), COUNT)
    assert len(bought) >= 5
    assert {state for state, _ in model.values()} == {"bought", "skipped", "waiting"}
    automations.follow()
    spent = sum(run.amount_minor + run.fee_minor for run in runs if run.state == "buying")
    assert naira(wallet_balance(cast.bola)).minor == FUNDS - spent
