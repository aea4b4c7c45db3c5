"""What every part of the sandbox works with: the records, the dials, chance, the clock and the keys."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sandbox.chance import Chance
from sandbox.clock import Clock
from sandbox.dials import Dials
from sandbox.records import Due, Hook, Person
from sandbox.store import Store
from sandbox.wire import Keys

INTEGRATION = 463433
ACCOUNT_ID = 2516486
MERCHANT = "ClustR"
OPENING_BALANCE = 100_000_000_00


@dataclass(slots=True)
class World:
    """One sandbox's world. `notify` holds the address of each provider's webhooks, if it has one."""

    store: Store
    dials: Dials
    chance: Chance
    clock: Clock
    keys: Keys
    base_url: str
    notify: dict[str, str] = field(default_factory=dict)
    balances: dict[str, int] = field(default_factory=dict)
    moment: datetime | None = None

    @property
    def now(self) -> datetime:
        """One instant for the whole of an act; for what happens by itself, when it was due."""
        return self.moment or self.clock()

    def code(self, kind: str, *, serial: int, length: int = 15) -> str:
        return self.chance.code(kind, serial=serial, length=length)

    def fault(self, name: str, *, provider: str) -> bool:
        """Whether the fault of this dial strikes now."""
        return self.chance.happens(f"{provider}.{name}", probability=self.dials.value(name, provider=provider))

    def seconds(self, name: str, *, provider: str) -> timedelta:
        return timedelta(seconds=self.dials.value(name, provider=provider))

    def later(self, *, after: timedelta, act: str, target_id: int, word: str = "") -> None:
        self.later_at(at=self.now + after, act=act, target_id=target_id, word=word)

    def later_at(self, *, at: datetime, act: str, target_id: int, word: str = "") -> None:
        number = self.store.serial()
        due = Due(number, at, act, target_id, word)
        self.store.add(due)

    def person(self, *, provider: str, email: str, now: datetime, **known: Any) -> Person:
        """The customer with this e-mail, made if there is none."""
        found = self.store.first(Person, provider, email.lower())
        if found is None:
            number = self.store.serial()
            code = f"CUS_{self.code('CUS', serial=number)}"
            found = self.store.add(Person(number, provider, code, email, now))
        for name, value in known.items():
            if value and getattr(found, name) != value:
                setattr(found, name, value)
                self.store.touch(found)
        return found

    def send(self, *, provider: str, event: str, body: str) -> None:
        """Put a webhook on its way, as the dials will have it."""
        if provider not in self.notify or self.fault("webhook.drop", provider=provider):
            return
        wait = self.seconds("webhook.delay_seconds", provider=provider)
        if self.fault("webhook.reorder", provider=provider):
            wait += self.seconds("webhook.reorder_seconds", provider=provider)
        bad = self.fault("webhook.bad_signature", provider=provider)
        copies = 2 if self.fault("webhook.duplicate", provider=provider) else 1
        for _ in range(copies):
            number = self.store.serial()
            self.store.add(Hook(number, provider, event, body, self.now, self.now + wait, bad_signature=bad))
