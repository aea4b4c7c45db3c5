"""How soon a payer's money is there once the provider has taken it, on a virtual clock: with webhooks, and without any.

The worker does here what its jobs do: a notice is acted on when it is stored, and every five seconds whatever is due is asked
about. What the machine needs for that takes no virtual time.
"""

from __future__ import annotations

import heapq
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import count

from django.db.models import Min

from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Notice
from clustr.payments.providers import registry
from clustr.settlement import commands
from clustr.settlement.types import Checkout
from tests.cast import make_cast
from tests.money import acknowledge, issue
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.standing import Home, unsettled

SWEEP_EVERY = timedelta(seconds=5)
LONGEST = timedelta(hours=36)
WITH_WEBHOOKS = {
    **dict.fromkeys(("webhook__duplicate", "webhook__reorder"), 0.1),
    **dict.fromkeys(("verify__timeout_before", "verify__error_after", "verify__truncated_after"), 0.03),
    **dict.fromkeys(("charge__reset_after", "charge__error_before", "checkout__abandoned_then_success"), 0.05),
    "webhook__delay_seconds": 3,
}
"""Webhooks come after three seconds, some twice, some thirty seconds late; providers stumble as they do."""
WITHOUT_WEBHOOKS = {
    **dict.fromkeys(("charge__reset_after", "charge__error_before", "checkout__abandoned_then_success"), 0.05),
    "webhook__drop": 1.0,
}


@dataclass
class Lags:
    """Seconds from what a provider took to its settlement, one for each charge; and the charges that never settled."""

    seconds: list[float] = field(default_factory=list)
    unsettled: int = 0

    def share_within(self, seconds: float) -> float:
        """Of all that was taken, what was settled within so many seconds."""
        taken = len(self.seconds) + self.unsettled
        return sum(lag <= seconds for lag in self.seconds) / taken if taken else 0.0

    def __str__(self) -> str:
        ranked = sorted(self.seconds) or [0.0]
        p50, p999 = (ranked[min(len(ranked) - 1, int(share * len(ranked)))] for share in (0.5, 0.999))
        return (
            f"{len(self.seconds)} successes credited, {self.unsettled} not; p50 {p50:.0f} s, p99.9 {p999:.0f} s,"
            f" slowest {ranked[-1]:.0f} s of virtual time"
        )


@dataclass(frozen=True, slots=True)
class Bar:
    """How large a share of what was taken must be credited within how many seconds, under these dials."""

    dials: dict[str, float]
    share: float
    seconds: int

    def measure(self, *, payments: int, seed: int) -> Lags:
        with _stage(seed, self.dials) as stage:
            return _Day(stage, random.Random(seed)).through(payments)

    def met(self, lags: Lags) -> bool:
        return bool(lags.seconds) and lags.share_within(self.seconds) >= self.share

    def __str__(self) -> str:
        return f"{self.share * 100:g} % within {self.seconds} s"


BARS = {
    "with webhooks": Bar(WITH_WEBHOOKS, 0.999, 60),
    "every webhook dropped": Bar(WITHOUT_WEBHOOKS, 1.0, 15 * 60),
}


@contextmanager
def _stage(seed: int, dials: dict[str, float]) -> Iterator[Stage]:
    stage = Stage(make_cast(residents=2), seed=seed, **dials)
    kept = registry._registry
    registry._registry = lambda: stage.registry  # type: ignore[assignment]
    try:
        yield stage
    finally:
        registry._registry = kept


class _Day:
    """Payers come over three hours; most pay within minutes, some much later, some after a decline."""

    def __init__(self, stage: Stage, chance: random.Random) -> None:
        self.stage, self.random = stage, chance
        self.agenda: list[tuple[datetime, int, Callable[[], object]]] = []
        self.numbers = count()

    def through(self, payments: int) -> Lags:
        began = self.stage.now
        for _ in range(payments):
            self._later(self.random.uniform(0, 3 * 3600), self._start)
        while not self._over() and (at := self._next()) and at - began < LONGEST:
            self.stage.clock.move(by=max(timedelta(0), at - self.stage.now))
            while self.agenda and self.agenda[0][0] <= self.stage.now:
                heapq.heappop(self.agenda)[2]()
            self.stage.hooks()
            self._work()
        return self._lags()

    def _over(self) -> bool:
        """Nobody pays any more, and what was paid is settled: pages that nobody pays on need not be watched to their end."""
        return not (
            self.agenda
            or self.stage.sandbox.world.store._agenda
            or unsettled(self.stage, [Home(self.stage.cast.ada, [])])
        )

    def _later(self, seconds: float, act: Callable[[], object]) -> None:
        heapq.heappush(self.agenda, (self.stage.now + timedelta(seconds=seconds), next(self.numbers), act))

    def _start(self) -> None:
        cast, provider = self.stage.cast, self.random.choice(PROVIDERS)
        with suppress(Refusal):  # the provider stumbled; this payer comes another day
            if self.random.random() < 0.75:
                checkout = self.stage.deposit(cast.bola, "100.00", provider)
            else:
                bill = issue(cast, "100.00", to=cast.bola, due_date=self.stage.now + timedelta(days=3))
                acknowledge(cast, cast.bola, bill)
                checkout = self.stage.pay_bill(cast.bola, bill.id, None, provider)
            self._later(self._dwell(), lambda: self._pay(checkout))

    def _dwell(self) -> float:
        """How long a payer stays on the provider's page."""
        slow = self.random.random()
        return self.random.uniform(5, 600 if slow < 0.85 else 2 * 3600 if slow < 0.98 else 23 * 3600)

    def _pay(self, checkout: Checkout) -> None:
        chosen = self.random.random()
        if chosen < 0.1:
            self.stage.end(checkout, "insufficient_funds")
            self._later(self.random.uniform(10, 600), lambda: self.stage.end(checkout))
        else:
            self.stage.end(checkout, "abandon" if chosen < 0.15 else "success")

    def _next(self) -> datetime | None:
        """When something happens next: a payer, a provider, or the next tick of the sweep that finds something due."""
        with tenant(self.stage.cast.cluster_id):
            mine = Attempt.objects.filter(cluster_id=self.stage.cast.cluster_id)
            check = mine.aggregate(at=Min("next_check_at"))["at"]
            waiting = Notice.objects.filter(state="waiting", reference__in=mine.values("reference"))
            notice = waiting.aggregate(at=Min("next_attempt_at"))["at"]
        due = min(filter(None, (check, notice)), default=None)
        sweep = self._tick(max(due, self.stage.now)) if due else None
        people = self.agenda[0][0] if self.agenda else None
        return min(filter(None, (sweep, people, self.stage.sandbox.next_change_at())), default=None)

    def _tick(self, at: datetime) -> datetime:
        """The first tick of the sweep from then on."""
        since = (at - self.stage.cast.now) % SWEEP_EVERY
        return at if not since else at + SWEEP_EVERY - since

    def _work(self) -> None:
        """What the worker does at a tick of the sweep."""
        if (self.stage.now - self.stage.cast.now) % SWEEP_EVERY:
            return
        self.stage.sweep()
        with tenant(self.stage.cast.cluster_id):
            mine = Attempt.objects.filter(cluster_id=self.stage.cast.cluster_id).values("reference")
            due = Notice.objects.filter(state="waiting", next_attempt_at__lte=self.stage.now, reference__in=mine)
            ids = list(due.values_list("id", flat=True))
        for notice in ids:
            commands.handle_notice(notice_id=notice, now=self.stage.now)

    def _lags(self) -> Lags:
        settled = {row.provider_id: row.settled_at for row in self.stage.settlements()}
        lags = Lags()
        for row in self.stage.sandbox.world.store.dump()["charge"]:
            if not row["paid"]:
                continue
            at = settled.get(str(row["id"]))
            if at is None:
                lags.unsettled += 1
            else:
                lags.seconds.append((at - datetime.fromisoformat(row["paid_at"])).total_seconds())
        return lags
