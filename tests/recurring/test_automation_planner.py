"""The plan of one wallet, against a plain model that was written apart from it: ten thousand at once, and small ones by the
thousand."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from uuid import UUID

from clustr.bills.types import BillType
from clustr.recurring.automation_planner import Decision, Purse, Verdict, Wish, plan_automations

NOON = datetime(2026, 11, 28, 12, tzinfo=UTC)
TYPES = (BillType.ELECTRICITY_UTILITY, BillType.WATER_UTILITY, BillType.INTERNET_UTILITY, BillType.CABLE_TV_UTILITY)
V = Verdict


def wish(n: int, amount: int = 1_000, **more: object) -> Wish:
    return Wish(
        **{
            "run_id": UUID(int=n),
            "automation_id": UUID(int=n),
            "type": TYPES[0],
            "priority": 100,
            "due_at": NOON,
            "amount": amount,
            "fee": 0,
            **more,
        }  # type: ignore[arg-type]
    )


def verdicts(wishes: list[Wish], purse: Purse) -> list[tuple[Verdict, int]]:
    return [(one.verdict, one.amount) for one in plan_automations(wishes=wishes, purse=purse)]


def test_it_works() -> None:
    purse = Purse(available=2_500)
    assert verdicts([wish(1), wish(2), wish(3)], purse) == [(V.BUY, 1_000), (V.BUY, 1_000), (V.SHORT, 0)]
    assert purse.available == 500


def test_what_is_passed_over_leaves_its_turn_to_the_next() -> None:
    assert verdicts([wish(1, 3_000), wish(2, 900)], Purse(available=1_000)) == [(V.SHORT, 0), (V.BUY, 900)]


def test_priority_then_time_then_id() -> None:
    wishes = [wish(3, priority=2), wish(2, due_at=NOON + timedelta(hours=1)), wish(1), wish(9, priority=1)]
    order = [one.wish.run_id.int for one in plan_automations(wishes=wishes, purse=Purse(available=0))]
    assert order == [9, 3, 1, 2]


def test_what_is_kept_for_one_is_nobody_elses() -> None:
    wishes = [wish(1, 900, priority=1), wish(2, 800, priority=2, funded=800)]
    assert verdicts(wishes, Purse(available=700)) == [(V.SHORT, 0), (V.BUY, 800)]


def test_a_card_after_a_refusal_of_the_wallet_and_within_the_limits() -> None:
    assert verdicts([wish(1, backup=True)], Purse(available=999)) == [(V.CHARGE, 1_000)]
    assert verdicts([wish(1, backup=True)], Purse(available=1_000)) == [(V.BUY, 1_000)]
    assert verdicts([wish(1, by_card=True, limit=999)], Purse(available=5_000)) == [(V.SPENDING_LIMIT, 0)]
    assert verdicts([wish(1, by_card=True, is_due=False)], Purse(available=5_000)) == [(V.LATER, 0)]


def test_the_wallet_adds_nothing_to_what_a_card_brought() -> None:
    card = {"by_card": True, "fee": 100}
    assert verdicts([wish(1, **card, funded=1_099)], Purse(available=5_000)) == [(V.CARD_SHORT, 0)]
    assert verdicts([wish(1, **card, funded=1_099, least=500)], Purse(available=5_000)) == [(V.BUY, 999)]
    assert verdicts([wish(1, **card, funded=599, least=500)], Purse(available=5_000)) == [(V.CARD_SHORT, 0)]
    purse = Purse(available=5_000)
    assert verdicts([wish(1, **card, funded=1_300)], purse) == [(V.BUY, 1_000)]
    assert purse.available == 5_200


def test_a_part_is_never_less_than_is_sold() -> None:
    assert verdicts([wish(1, fee=100, least=500)], Purse(available=600)) == [(V.BUY, 500)]
    assert verdicts([wish(1, fee=100, least=500)], Purse(available=599)) == [(V.SHORT, 0)]


# --- The model: one number after the other, by the words of the resident's guide ------------------------------------------


def model(
    wishes: list[Wish], available: int, spent: dict[object, int], limits: dict[BillType, int]
) -> dict[UUID, tuple[str, int]]:
    """By run: `buy` or `charge` with the amount, or why not."""
    free = available
    used = dict(spent)
    result: dict[UUID, tuple[str, int]] = {}
    for one in sorted(wishes, key=lambda w: (w.priority, w.due_at.timestamp(), w.run_id.int)):
        allowed = []
        if one.limit is not None:
            allowed.append(one.limit - used.get(one.automation_id, 0))
        if one.type in limits:
            allowed.append(limits[one.type] - used.get(one.type, 0))
        permitted = min(allowed) if allowed else 10**18
        spendable = free - one.keeps if free > one.keeps and not one.by_card else 0
        for amount in (one.amount, None):
            if amount is None:
                if one.least is None or (one.by_card and not one.funded):
                    continue
                amount = min(max(permitted, 0) if allowed else one.amount + one.fee, spendable) + one.funded - one.fee
                if not one.least <= amount < one.amount:
                    continue
            more = amount + one.fee - one.funded
            if more > 0 and more > permitted:
                continue
            if (not one.by_card or one.funded) and more <= spendable:
                free -= more
                used[one.automation_id] = used.get(one.automation_id, 0) + more
                used[one.type] = used.get(one.type, 0) + more
                result[one.run_id] = ("buy", amount)
                break
            if (one.by_card or one.backup) and not one.funded:
                if one.is_due:
                    used[one.automation_id] = used.get(one.automation_id, 0) + one.amount + one.fee
                    used[one.type] = used.get(one.type, 0) + one.amount + one.fee
                    result[one.run_id] = ("charge", one.amount)
                else:
                    result[one.run_id] = ("later", 0)
                break
        else:
            more = one.amount + one.fee - one.funded
            why = "limit" if more > max(permitted, 0) else "card_short" if one.by_card else "short"
            result[one.run_id] = (why if one.is_due else "later", 0)
    return result


def as_model(decision: Decision) -> tuple[str, int]:
    word = {V.SPENDING_LIMIT: "limit", V.TYPE_LIMIT: "limit"}.get(decision.verdict, decision.verdict.value)
    return word, decision.amount


def generated(chance: random.Random, count: int) -> tuple[list[Wish], int, dict[object, int], dict[BillType, int]]:
    """Automations of one wallet that is too small for all of them."""
    wishes = []
    for n in range(1, count + 1):
        amount = chance.randrange(500, 900_000)
        by_card = chance.random() < 0.1
        wishes.append(
            wish(
                n,
                amount,
                type=chance.choice(TYPES),
                priority=chance.randrange(1, 50),
                due_at=NOON - timedelta(minutes=chance.randrange(100)),
                fee=chance.choice((0, 0, 10_000)),
                least=chance.choice((None, None, 500)),
                keeps=chance.choice((0, 0, 100_000, 5_000_000)),
                limit=chance.choice((None, None, amount + 10_000, amount // 2, 3_000_000)),
                funded=chance.choice((0, 0, 0, 0, amount, amount // 2)),
                by_card=by_card,
                backup=not by_card and chance.random() < 0.1,
                is_due=chance.random() < 0.8,
            )
        )
    spent: dict[object, int] = {
        one.automation_id: chance.randrange(1_000_000) for one in wishes if chance.random() < 0.2
    }
    for type in TYPES:
        spent[type] = chance.randrange(2_000_000)
    limits = {type: chance.randrange(3_000_000, 200_000_000) for type in TYPES if chance.random() < 0.7}
    wanted = sum(one.total for one in wishes)
    return wishes, chance.randrange(wanted // 2 + 1), spent, limits


def decide(
    wishes: list[Wish], available: int, spent: dict[object, int], limits: dict[BillType, int]
) -> tuple[list[Decision], Purse]:
    purse = Purse(
        available=available,
        spent_by_automation={key: minor for key, minor in spent.items() if isinstance(key, UUID)},
        spent_by_type={key: minor for key, minor in spent.items() if isinstance(key, BillType)},
        type_limits=limits,
    )
    return plan_automations(wishes=wishes, purse=purse), purse


def hold_exactly(
    decisions: list[Decision], available: int, spent: dict[object, int], limits: dict[BillType, int], left: int
) -> None:
    """What no order excuses: the wallet covers what is bought, no limit is exceeded, no minimum undercut."""
    bought = [one for one in decisions if one.verdict is V.BUY]
    free = available
    used = dict(spent)
    for one in decisions:
        if one.verdict not in (V.BUY, V.CHARGE):
            continue
        more = one.amount + one.wish.fee - (one.wish.funded if one.verdict is V.BUY else 0)
        if one.verdict is V.BUY:
            free -= more
            assert more <= 0 or (free >= one.wish.keeps and not one.wish.by_card)
            assert one.wish.least is None or one.amount >= one.wish.least or one.amount == one.wish.amount
        for key, limit in ((one.wish.automation_id, one.wish.limit), (one.wish.type, limits.get(one.wish.type))):
            used[key] = used.get(key, 0) + more
            assert more <= 0 or limit is None or used[key] <= limit
    assert free == left
    assert len({one.wish.run_id for one in bought}) == len(bought)


def test_ten_thousand_at_once() -> None:
    wishes, available, spent, limits = generated(random.Random(10_000), 10_000)
    decisions, purse = decide(wishes, available, spent, limits)
    assert {one.wish.run_id: as_model(one) for one in decisions} == model(wishes, available, spent, limits)
    hold_exactly(decisions, available, spent, limits, purse.available)
    assert len({one.verdict for one in decisions}) == len(V), "every verdict occurs"


def test_three_thousand_wallets() -> None:
    for seed in range(3_000):
        chance = random.Random(seed)
        wishes, available, spent, limits = generated(chance, chance.randrange(1, 9))
        decisions, purse = decide(wishes, available, spent, limits)
        assert {one.wish.run_id: as_model(one) for one in decisions} == model(wishes, available, spent, limits), seed
        hold_exactly(decisions, available, spent, limits, purse.available)
