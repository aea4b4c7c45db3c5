"""What the provider settles, to the merchant's bank or into the balance that transfers leave from: the charges of a day, on
the next day, less fees and what went back."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta

from sandbox.records import Charge, Dispute, Refund
from sandbox.world import World

_CURRENCIES = ("NGN", "GHS", "KES", "USD", "ZAR")


@dataclass(slots=True)
class Settlement:
    """Charges of one day in one currency. Derived: nothing of it is kept."""

    day: date
    currency: str
    charges: list[Charge] = field(default_factory=list)
    refunds: int = 0
    chargebacks: int = 0

    @property
    def id(self) -> int:
        place = _CURRENCIES.index(self.currency) if self.currency in _CURRENCIES else len(_CURRENCIES)
        return self.day.toordinal() * 10 + place

    @property
    def settled_at(self) -> datetime:
        return datetime.combine(self.day, time(), UTC) + timedelta(days=1)

    @property
    def gross(self) -> int:
        return sum(charge.paid + (charge.fee if charge.payer_bears else 0) for charge in self.charges)

    @property
    def fees(self) -> int:
        return sum(charge.fee for charge in self.charges)

    @property
    def net(self) -> int:
        return self.gross - self.fees - self.refunds - self.chargebacks


def settlements(world: World, *, provider: str) -> list[Settlement]:
    """All days that are over, the newest first. What went back comes off the next settlement that has charges; one that
    is more than the day's charges waits for the next."""
    today = world.now.astimezone(UTC).date()
    by_day: dict[tuple[str, date], Settlement] = {}
    currency_of: dict[int, str] = {}
    for charge in world.store.all(Charge):
        if charge.provider != provider or charge.paid_at is None:
            continue
        currency_of[charge.id] = charge.currency
        day = charge.paid_at.astimezone(UTC).date()
        if day < today:
            key = (charge.currency, day)
            by_day.setdefault(key, Settlement(day, charge.currency)).charges.append(charge)
    taken = _taken_back(world, currency_of=currency_of)
    for settlement in sorted(by_day.values(), key=lambda one: one.day):
        waiting = taken[settlement.currency]
        for back in list(waiting):
            day, kind, amount = back
            if day <= settlement.day and amount <= settlement.net:
                waiting.remove(back)
                if kind == "refund":
                    settlement.refunds += amount
                else:
                    settlement.chargebacks += amount
    return sorted(by_day.values(), key=lambda one: (one.day, one.id), reverse=True)


def goes_to_bank(world: World, *, provider: str) -> bool:
    """Whether what is settled leaves for the merchant's bank."""
    return world.dials.value("settlement.to_bank", provider=provider) >= 1


def beside_balance(world: World, *, provider: str, currency: str) -> tuple[int, int]:
    """What was taken in this currency and is not in the balance: collected and not settled yet, and paid to the bank."""
    to_bank = goes_to_bank(world, provider=provider)
    if not to_bank and world.dials.value("settlement.next_day", provider=provider) < 1:
        return 0, 0
    today = world.now.astimezone(UTC).date()
    collected = sum(
        charge.net
        for charge in world.store.all(Charge)
        if (charge.provider, charge.currency) == (provider, currency)
        and charge.paid_at is not None
        and charge.paid_at.astimezone(UTC).date() >= today
    )
    settled = [row.net for row in settlements(world, provider=provider) if to_bank and row.currency == currency]
    return collected, sum(settled)


def _taken_back(world: World, *, currency_of: dict[int, str]) -> dict[str, list[tuple[date, str, int]]]:
    taken: dict[str, list[tuple[date, str, int]]] = defaultdict(list)
    for refund in world.store.all(Refund):
        if refund.charge_id in currency_of and refund.status == "processed":
            day = refund.updated_at.astimezone(UTC).date()
            taken[currency_of[refund.charge_id]].append((day, "refund", refund.amount))
    for dispute in world.store.all(Dispute):
        if dispute.charge_id in currency_of and (dispute.resolution or "").endswith("accepted"):
            day = dispute.updated_at.astimezone(UTC).date()
            taken[currency_of[dispute.charge_id]].append((day, "chargeback", dispute.amount))
    return taken
