"""Ten thousand histories of plan changes: what is charged and given back is what an independent model says.

The model has arithmetic of its own, on whole numbers. A second test asks less of it and more of the truth: within a
period, what is charged is the price in force in each second, to half a minor unit a line.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from clustr.kit.money import Money
from clustr.subscriptions.pricing import change_lines, discounted, split_by_sign, totals
from clustr.subscriptions.schedule import anchor_at, period_at
from clustr.subscriptions.types import MONTHLY, YEARLY, Discount, Kept, Line, LineKind, Period

HISTORIES = 10_000
PRICES = {"Free": 0, "Basic": 1999, "Pro": 4999, "Enterprise": 19_999, "Odd": 7, "Contract": 12_345_678}
TAX = 750


def usd(minor: int) -> Money:
    return Money(minor, "USD")


def half_up(numerator: int, denominator: int) -> int:
    """The rule of rounding, by whole division alone."""
    whole, rest = divmod(abs(numerator), denominator)
    whole += rest * 2 >= denominator
    return whole if numerator >= 0 else -whole


@dataclass
class Customer:
    """What documents a customer got, and the credit that stands in their favour."""

    invoices: list[int] = field(default_factory=list)
    notes: list[int] = field(default_factory=list)
    credit: int = 0
    asked_to_pay: int = 0

    def take(self, lines: list[Line]) -> None:
        invoice, note = split_by_sign(lines=lines, currency="USD")
        if note:
            total = totals(lines=note, currency="USD").total.minor
            assert total >= 0
            self.notes.append(total)
            self.credit += total
        elif invoice:
            total = totals(lines=invoice, currency="USD").total.minor
            assert total >= 0
            applied = min(total, self.credit)
            self.credit -= applied
            self.invoices.append(total)
            self.asked_to_pay += total - applied


@dataclass
class Model:
    """The independent one: what all documents together come to, tax included."""

    gross: int = 0

    def document(self, *amounts: int) -> None:
        net = sum(amounts)
        self.gross += net + half_up(net * TAX, 10_000)


def live(seed: int) -> tuple[Customer, Model]:
    rng = random.Random(seed)
    discount = rng.choice((None, Discount(1000), Discount(3333), Discount(amount=usd(150))))
    off = {name: discounted(price=usd(price), discount=discount).minor for name, price in PRICES.items()}
    customer, model = Customer(), Model()
    at = datetime(2024, 1, 31, 12, 30, tzinfo=UTC) + timedelta(seconds=rng.randrange(10**8))
    cycle, plan = MONTHLY, rng.choice(list(PRICES))
    anchor = anchor_at(at=at, zone="Africa/Lagos")
    period = period_at(anchor=anchor, cycle=cycle, at=at)
    customer.take([Line(LineKind.PLAN, plan, usd(off[plan]), period, 1, TAX)])
    model.document(off[plan])
    for _ in range(rng.randint(1, 6)):
        at += timedelta(seconds=rng.randrange(int(period.seconds * 1.2)))
        while at >= period.end:
            period = period_at(anchor=anchor, cycle=cycle, at=period.end)
            customer.take([Line(LineKind.PLAN, plan, usd(off[plan]), period, 1, TAX)])
            model.document(off[plan])
        new = rng.choice(list(PRICES))
        new_cycle = rng.choice((MONTHLY, MONTHLY, YEARLY))
        kept = Kept.PERIOD if new_cycle == cycle else Kept.NOTHING
        if kept is Kept.NOTHING:
            anchor = anchor_at(at=at, zone="Africa/Lagos")
        new_period = period if kept is Kept.PERIOD else period_at(anchor=anchor, cycle=new_cycle, at=at)
        left, whole = (
            int(period.end.timestamp()) - int(at.timestamp()),
            int(period.end.timestamp()) - int(period.start.timestamp()),
        )
        charge = half_up(off[new] * left, whole) if kept is Kept.PERIOD else off[new]
        model.document(-half_up(off[plan] * left, whole), charge)
        customer.take(
            change_lines(
                old=(plan, usd(off[plan])),
                new=(new, usd(off[new])),
                period=period,
                new_period=new_period,
                kept=kept,
                at=at,
                tax_basis_points=TAX,
            )
        )
        plan, cycle, period = new, new_cycle, new_period
    return customer, model


def test_sums_are_the_models() -> None:
    for seed in range(HISTORIES):
        customer, model = live(seed)
        assert sum(customer.invoices) - sum(customer.notes) == model.gross, seed
        assert customer.asked_to_pay - customer.credit == model.gross, seed
        assert customer.credit >= 0, seed


def test_what_is_paid_is_what_was_used() -> None:
    """Within one period, every plan is paid for exactly as many seconds as it was in force: the sum of all lines differs
    from that cost by at most half a minor unit a line."""
    start = datetime(2026, 2, 1, tzinfo=UTC)
    period = Period(start, start + timedelta(days=28))
    for seed in range(2_000):
        rng = random.Random(seed)
        plan = rng.choice(list(PRICES))
        charged, tape, lines, at = PRICES[plan], 0, 0, 0
        for moment in sorted(rng.sample(range(1, period.seconds), rng.randint(1, 8))):
            new = rng.choice(list(PRICES))
            change = change_lines(
                old=(plan, usd(PRICES[plan])),
                new=(new, usd(PRICES[new])),
                period=period,
                new_period=period,
                kept=Kept.PERIOD,
                at=start + timedelta(seconds=moment),
                tax_basis_points=0,
            )
            charged += sum(line.amount.minor for line in change)
            lines += 2  # one that rounds to nothing is left out, and is rounded all the same
            tape += PRICES[plan] * (moment - at)
            plan, at = new, moment
        tape += PRICES[plan] * (period.seconds - at)
        assert abs(charged * period.seconds - tape) * 2 <= lines * period.seconds, seed
