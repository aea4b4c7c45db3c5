"""A simulated life of utilities: one process, one seed, a virtual clock, a service with faults, crashes in the middle of
commands, the books proved after every act, and a plain account of what must be true that knows nothing of ClustR's tables.
`simulation.py` lives many.
"""

from __future__ import annotations

import random
from collections import Counter as Counts
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from typing import Any
from uuid import UUID

from clustr.clusters.models import Cluster
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.providers import registry as payment_registry
from clustr.payments.providers.port import NoticeRefused
from clustr.payments.queries import due_attempts
from clustr.recurring import commands as recurring
from clustr.recurring.automation_queries import automation_history, my_automation
from clustr.recurring.automation_types import AutomationTerms, ScheduleKind, ScheduleTerms
from clustr.utilities import commands as utilities
from clustr.utilities.models import Purchase
from clustr.utilities.vendors import registry
from sandbox.hooks import Delivery
from tests.cast import Person, make_cast
from tests.lives import Ended, written
from tests.money import fund, naira, no_pin, wallet_balance
from tests.proofs import broken_books
from tests.utilities.counter import CABLE, POSTPAID, PREPAID, WATER, Counter

FAULTS = (
    "bill.timeout_before", "bill.timeout_after", "bill.reset_before", "bill.reset_after", "bill.error_before",
    "bill.error_after", "bill.html_after", "bill.truncated_after", "bill.empty_after", "bill.slow_503_after",
    "bill.too_many", "bill.refused", "bill.failed", "bill.pending", "bill.late_token", "bill.fee_differs",
    "bill.reversed", "bill.wrong_customer", "bill.wrong_amount",
    "verify.timeout_before", "verify.timeout_after", "verify.reset_after", "verify.error_after", "verify.html_after",
    "verify.truncated_after", "verify.empty_after", "customer.timeout_after", "customer.error_before",
    "webhook.drop", "webhook.duplicate", "webhook.reorder", "webhook.bad_signature",
)  # fmt: skip
CRASHES = (
    "recurring.plan_automations.before_commit", "recurring.plan_automations.after_commit", "recurring.automation.recorded",
    "recurring.automation.validated", "recurring.buy_automation.before", "recurring.buy_automation.before_commit",
    "recurring.buy_automation.after_commit", "recurring.follow_automation.before_commit",
    "recurring.follow_automation.after_commit", "recurring.edit_automation.before_commit",
    "utilities.buy.before", "utilities.buy.before_commit", "utilities.buy.after_commit",
    "utilities.record_vend.before_commit", "utilities.record_vend.after_commit", "utilities.vend.recorded",
    "utilities.vend.answered", "utilities.vend.refused", "utilities.vend.again", "utilities.confirm.answered",
    "utilities.apply.before", "utilities.apply.before_commit", "utilities.apply.after_commit",
    "utilities.refused.before_commit", "utilities.unheard.before_commit", "utilities.unsent.before_commit",
    "utilities.prepare_validation.after_commit", "utilities.validate.answered", "ledger.post.before", "ledger.post.after",
)  # fmt: skip
GOODS = (
    (PREPAID, "04512345678"),
    (PREPAID, "04587654321"),
    (POSTPAID, "1234567890"),
    (CABLE, "0025401100"),
    (WATER, "WTR12345"),
)
FUNDS = "200000.00"


class Life:
    """`run()` lives one life and answers what is wrong with it, which must be nothing."""

    def __init__(self, seed: int, counter: Counter) -> None:
        self.random = random.Random(seed)
        self.counter = counter
        self.cast = counter.cast
        self.buyers: list[Person] = [self.cast.bola, self.cast.palm_grove["Resident 2"]]
        self.told: list[Delivery] = []
        self.ended = Ended(seed)
        self.offline = False
        self.automations: dict[UUID, Person] = {}
        self.moves = [(self.counter.now, False)]
        self.healthy = counter._answer
        for buyer in self.buyers:
            fund(self.cast, buyer, FUNDS)

    def run(self, steps: int) -> Ended:
        for _ in range(steps):
            act = self.random.choice(self._acts())
            self.ended.done[act.__name__.strip("_")] += 1
            crash = self.random.choice(CRASHES) if self.random.random() < 0.15 else ""
            before = written()
            with suppress(Crash, Refusal), watching(failing(crash)):
                act()
            if written() != before:
                self._prove(f"after {act.__name__.strip('_')}: ")
            if self.ended.wrong:
                return self.ended
        self._heal()
        self._judge()
        return self.ended

    def _acts(self) -> list[Callable[[], None]]:
        return [
            *(self._buy,) * 5,
            *(self._work,) * 4,
            *(self._sweep,) * 3,
            *(self._wait,) * 3,
            *(self._automate, self._pass, self._pass, self._switch, self._move_away),
            *(self._hear, self._hear, self._replay, self._turn_dials, self._turn_dials, self._cut_off),
        ]

    # --- What people, the worker and the service do -----------------------------------------------------------------------

    def _buy(self) -> None:
        code, number = self.random.choice(GOODS)
        buyer, amount = (
            self.random.choice(self.buyers),
            f"{self.random.randrange(500, 9_000)}.{self.random.randrange(100):02}",
        )
        self.counter.validate(buyer, number, code)
        self.counter.confirm_quote(buyer, self.counter.wanted(amount, number, code))

    def _work(self) -> None:
        """The worker takes a job, perhaps one that it took before."""
        ids = self._purchases()
        if ids:
            self.counter.vend(self.random.choice(ids[-4:]))

    def _sweep(self) -> None:
        for place in due_attempts(now=self.counter.now, limit=100_000):
            if place.cluster_id == self.cast.cluster_id:
                self.counter.ask(place.transaction_id)

    def _automate(self) -> None:
        """Somebody has a number bought for every day from a few minutes on, within limits, and now and then in parts."""
        code, number = self.random.choice(GOODS)
        buyer, now = self.random.choice(self.buyers), self.counter.now
        self.counter.validate(buyer, number, code)
        account = utilities.save_account(
            actor=buyer.actor, provider_id=self.counter.provider(code).id, customer_id=number, label="", now=now
        )
        amount = naira(f"{self.random.randrange(1_000, 9_000)}.00")
        soon = (now + timedelta(minutes=61 + self.random.randrange(20))).time().replace(second=0, microsecond=0)
        terms = AutomationTerms(
            schedule=ScheduleTerms(ScheduleKind.EVERY_DAYS, 1, soon),
            amount=amount,
            spending_limit=self.random.choice((None, amount + amount, naira("9500.00"))),
            minimum_balance=self.random.choice((None, naira("150000.00"))),
            priority=self.random.randrange(1, 5),
            allow_partial=self.random.random() < 0.3,
        )
        id = recurring.setup_recurring_utility_payment(
            actor=buyer.actor, account_id=account.id, terms=terms, enable=True, authorization=no_pin(buyer), now=now
        )
        self.automations[id] = buyer

    def _pass(self) -> None:
        """The workers' minute: who is due buys, and what became of the rest is looked at."""
        now = self.counter.now
        for cluster_id, user_id in recurring.due_members(now=now):
            if cluster_id == self.cast.cluster_id:
                recurring.run_automations_of(cluster_id=cluster_id, user_id=user_id, now=now)
        if self.cast.cluster_id in recurring.followed_clusters():
            recurring.follow_automations(cluster_id=self.cast.cluster_id, now=now)

    def _switch(self) -> None:
        if self.automations:
            id = self.random.choice(list(self.automations))
            owner = self.automations[id]
            recurring.edit_automation(
                actor=owner.actor,
                automation_id=id,
                changes={},
                enable=self.random.random() < 0.5,
                authorization=no_pin(owner),
                now=self.counter.now,
            )

    def _move_away(self) -> None:
        """The estate moves two time zones east, or back: the hour of its automations comes again."""
        east = not self.moves[-1][1]
        self.counter.clock.move(by=timedelta(microseconds=1))  # what was bought before was bought there
        with tenant(self.cast.cluster_id):
            Cluster.objects.filter(id=self.cast.cluster_id).update(
                timezone="Africa/Nairobi" if east else "Africa/Lagos"
            )
        self.moves.append((self.counter.now, east))

    def _hear(self) -> None:
        for delivery in self.counter.sandbox.due_webhooks():
            self.told.append(delivery)
            self.counter.sandbox.delivered(delivery, 200 if self._take(delivery) else 500)

    def _replay(self) -> None:
        if self.told:
            self._take(self.random.choice(self.told))

    def _take(self, delivery: Delivery) -> bool:
        try:
            self.counter.take(delivery)
        except (Crash, Refusal, NoticeRefused):
            return False
        return True

    def _wait(self) -> None:
        self.counter.clock.move(by=timedelta(seconds=self.random.choice((1, 10, 61, 300, 1_200, 5_000))))

    def _turn_dials(self) -> None:
        self.counter.heal()
        for dial in self.random.sample(FAULTS, 4):
            self.counter.dial(**{dial.replace(".", "__"): self.random.choice((0.1, 0.3, 1.0))})
        self.counter.dial(verify__missing_seconds=self.random.choice((0, 0, 20, 120)))

    def _cut_off(self) -> None:
        """No way to the service for a while."""
        if self.offline:
            self.counter._answer = self.healthy  # type: ignore[method-assign]
        else:
            self.counter.cut_off()
        self.offline = not self.offline

    def _heal(self) -> None:
        """Everything works again, and time passes: what happens by itself must bring it all to an end."""
        self.counter._answer = self.healthy  # type: ignore[method-assign]
        self.counter.heal()
        self.counter.dial(verify__missing_seconds=0)
        for minutes in (1, 11, 11, 11, 61, 61, 61, 61, 24 * 60, 24 * 60):
            self.counter.wait(minutes=minutes)
            self._pass()
            self._hear()
            self._sweep()
        for id, owner in self.automations.items():
            recurring.edit_automation(
                actor=owner.actor, automation_id=id, changes={}, enable=False, authorization=None, now=self.counter.now
            )
        for _ in range(4):
            self._sweep()
            self.counter.wait(minutes=61)
        self._pass()
        self.counter.wait(minutes=24 * 60)
        self._sweep()  # what was delivered lately is looked at once more

    # --- What must be true then ---------------------------------------------------------------------------------------------

    def _judge(self) -> None:
        vends = {vend["reference"]: vend for vend in self.counter.vends()}
        if len(vends) != len(self.counter.vends()):
            self._say("one reference was sold twice")
        bought = {row.reference.lower(): row for row in self._transactions()}
        spent = 0
        for reference, row in bought.items():
            vend = vends.get(reference)
            sold = vend is not None and vend["status"] == "sold"
            taken_back = vend is not None and vend["status"] == "reversed"
            if row.status in ("pending", "processing", "unknown"):
                self._say(f"{reference} is left {row.status}")
            elif row.status == "refunded":
                if not taken_back:
                    self._say(f"{reference} was given back and not taken back")
            elif row.status == "completed":
                spent += row.amount_minor
                if taken_back:
                    self._say(f"{reference} was taken back and not given back")
                elif vend is None or not sold:
                    self._say(f"{reference} was paid and not sold")
                elif vend["token"] and self.counter.view(row.id).token != vend["token"]:
                    self._say(f"the token of {reference} did not reach its buyer")
            elif sold:
                self._say(f"{reference} was sold and its money given back")
        for reference in vends.keys() - bought.keys():
            self._say(f"{reference} was sold to nobody")
        held = sum(naira(wallet_balance(buyer)).minor + naira(self.counter.held(buyer)).minor for buyer in self.buyers)
        if held + spent != 2 * naira(FUNDS).minor:
            self._say(f"{held} is held and {spent} was spent of {2 * naira(FUNDS).minor}")
        self._judge_automations({row.id: row for row in bought.values()})
        self._prove()

    def _prove(self, when: str = "") -> None:
        for name, rows in broken_books(self.cast.cluster_id):
            self._say(f"{when}{name}: {rows[0]}")

    def _judge_automations(self, bought: dict[UUID, Transaction]) -> None:
        """No period and no day was bought twice, no month's limit exceeded, and every period came to an end."""
        for id, owner in self.automations.items():
            with tenant(self.cast.cluster_id):
                terms = my_automation(actor=owner.actor, automation_id=id, now=self.counter.now).terms
                runs = automation_history(actor=owner.actor, automation_id=id, limit=200)
            months: Counts[str] = Counts()
            times = sorted(run.due_at for run in runs)
            if any(after - before < timedelta(hours=21) for before, after in pairwise(times)):
                self._say(f"{id} had two periods a day: {times}")
            for run in runs:
                paid = [bought[purchase] for purchase in run.purchase_ids if bought[purchase].status == "completed"]
                if len([id for id in run.purchase_ids if bought[id].status in ("completed", "refunded")]) > 1:
                    self._say(f"period {run.period} of {id} was bought {len(paid)} times")
                if run.ended_at is None:
                    self._say(f"period {run.period} of {id} is left {run.state}")
                for one in paid:
                    east = [east for at, east in self.moves if at <= one.created_at][-1]
                    months[f"{one.created_at + timedelta(hours=3 if east else 1):%Y-%m}"] += one.amount_minor
            limit = terms.spending_limit
            if limit is not None and any(spent > limit.minor for spent in months.values()):
                self._say(f"{id} spent {months} of {limit}")

    def _say(self, wrong: str) -> None:
        self.ended.wrong.append(wrong)

    def _transactions(self) -> list[Transaction]:
        with tenant(self.cast.cluster_id):
            return list(Transaction.objects.filter(cluster_id=self.cast.cluster_id, purpose="utility"))

    def _purchases(self) -> list[UUID]:
        with tenant(self.cast.cluster_id):
            rows = Purchase.objects.filter(cluster_id=self.cast.cluster_id).order_by("id")
            return list(rows.values_list("id", flat=True))


def behind_the_wire(work: Callable[[Counter], Any], *, seed: int) -> Any:
    """Do this with a counter of its own, behind the wire."""
    counter = Counter(make_cast(residents=2), seed=seed)
    kept = payment_registry._registry, registry._registry
    payment_registry._registry = lambda: counter.registry  # type: ignore[assignment]
    registry._registry = lambda: counter.services  # type: ignore[assignment]
    try:
        counter.stock()
        return work(counter)
    finally:
        payment_registry._registry, registry._registry = kept


def live(seed: int, *, steps: int = 30) -> Ended:
    """One life, with a service of its own."""
    ended: Ended = behind_the_wire(lambda counter: Life(seed, counter).run(steps), seed=seed)
    return ended


TRANSIENT = (
    "timeout_before", "timeout_after", "reset_before", "reset_after", "error_before", "error_after", "too_many",
    "html_after", "truncated_after", "empty_after",
)  # fmt: skip


@dataclass
class Rates:
    """Of so many purchases: those delivered, those that met trouble on the way, and of these those delivered."""

    bought: int = 0
    delivered: int = 0
    troubled: int = 0
    recovered: int = 0


def rates(*, purchases: int, seed: int, share: float = 0.10) -> Rates:
    """Buy with a transient fault in every tenth call, let time pass, and count what was delivered."""

    def work(counter: Counter) -> Rates:
        counted, bola = Rates(), counter.cast.bola
        fund(counter.cast, bola, "100000000.00")
        each = 1 - (1 - share) ** (1 / len(TRANSIENT))
        counter.dial(**{f"{group}__{fault}": each for group in ("bill", "verify") for fault in TRANSIENT})
        ids = []
        for number in range(purchases):
            meter = f"{3_000_000_000 + number}1"
            ids.append(counter.buy(bola, "600.00", meter).id)
            with suppress(Refusal):
                counter.vend(ids[-1])
            counter.wait(hours=25 if number % 300 == 299 else 0)
        for minutes in (1, 6, 11, 11, 11, 61, 61, 61, 61, 61, 61):
            counter.wait(minutes=minutes)
            for id in counter.undecided():
                counter.ask(id)
        for id in ids:
            delivered = counter.view(id).status == "completed"
            troubled = any(said.endswith(("not_heard", "not_sent")) for said in counter.heard(id))
            counted.bought += 1
            counted.delivered += delivered
            counted.troubled += troubled
            counted.recovered += troubled and delivered
        return counted

    counted: Rates = behind_the_wire(work, seed=seed)
    return counted
