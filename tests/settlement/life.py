"""A simulated life of payments: one process, one seed, a virtual clock, providers with faults, crashes in the middle of
commands, and a plain account of what must be true that knows nothing of ClustR's tables. `simulation.py` lives many.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

from pytest import MonkeyPatch

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.clusters import queries as clusters
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.errors import Refusal
from clustr.kit.invariants import violations
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Notice, Transaction
from clustr.payments.providers import registry
from clustr.payments.providers.port import NoticeRefused
from clustr.settlement import commands
from clustr.settlement.types import Checkout
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from sandbox.hooks import Delivery
from tests.cast import Cast, Person, make_cast
from tests.money import cluster_balance, issue, naira, no_pin, wallet_balance
from tests.settlement.stage import PROVIDERS, Stage

FAULTS = (
    "charge.timeout_before", "charge.timeout_after", "charge.reset_before", "charge.reset_after", "charge.error_before",
    "charge.error_after", "charge.html_after", "charge.truncated_after", "charge.empty_after", "charge.slow_503_after",
    "verify.timeout_before", "verify.timeout_after", "verify.reset_after", "verify.error_after", "verify.html_after",
    "verify.truncated_after", "verify.empty_after", "transfer.timeout_before", "transfer.timeout_after",
    "transfer.reset_after", "transfer.error_before", "transfer.error_after", "transfer.failed", "transfer.reversed",
    "webhook.drop", "webhook.duplicate", "webhook.reorder", "webhook.bad_signature", "webhook.flat",
    "charge.payer_bears_fees", "checkout.abandoned_then_success",
)  # fmt: skip
CRASHES = (
    "settlement.prepare.before_commit", "settlement.prepare.after_commit", "settlement.start.recorded",
    "settlement.start.answered", "settlement.started.before_commit", "settlement.started.after_commit",
    "settlement.confirm.answered", "settlement.apply.before", "settlement.apply.before_commit",
    "settlement.apply.after_commit", "settlement.record_payout.before_commit", "settlement.record_payout.after_commit",
    "settlement.payout.recorded", "settlement.payout.answered", "settlement.apply_payout.before_commit",
    "settlement.apply_payout.after_commit", "ledger.post.before", "ledger.post.after",
)  # fmt: skip
OUTCOMES = ("success",) * 8 + ("partly", "too_much", "insufficient_funds", "do_not_honour", "abandon", "delay")
BANK = Destination("044", "0690000031", "Bola Adeyemi")


@dataclass
class Ended:
    """How a simulated life ended: what was done, and everything that is wrong."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Simulation:
    """`run()` lives one life and answers what is wrong with it, which must be nothing."""

    def __init__(self, seed: int, stage: Stage) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.stage = stage
        self.cast: Cast = stage.cast
        self.payers: list[Person] = [self.cast.bola, self.cast.palm_grove["Resident 2"]]
        self.checkouts: list[Checkout] = []
        self.told: list[Delivery] = []
        self.bills: list[UUID] = []
        self.ended = Ended(seed)
        self._issue()

    def run(self, steps: int) -> Ended:
        for _ in range(steps):
            self._step()
        self._heal()
        self._judge()
        return self.ended

    def _step(self) -> None:
        act = self.random.choice(self._acts())
        self.ended.done[act.__name__.strip("_")] += 1
        crash = self.random.choice(CRASHES) if self.random.random() < 0.15 else ""
        with suppress(Crash, Refusal), watching(failing(crash)):
            act()

    def _acts(self) -> list[Callable[[], None]]:
        return [
            *(self._deposit, self._deposit, self._pay_directly, self._pay_directly, self._finish, self._finish, self._finish),
            *(self._hear, self._hear, self._ask, self._sweep, self._wait, self._wait, self._turn_dials, self._replay),
            *(self._withdraw, self._send, self._change_bill, self._pay_from_wallet, self._issue),
        ]  # fmt: skip

    # --- What people and providers do -----------------------------------------------------------------------------------

    def _deposit(self) -> None:
        amount = str(naira("100.00") + Money(self.random.randrange(1, 900_000), "NGN"))
        self.checkouts.append(self.stage.deposit(self._payer(), amount, self.random.choice(PROVIDERS)))

    def _pay_directly(self) -> None:
        payer, bill = self._payer(), self.random.choice(self.bills)
        with suppress(Refusal):
            bills.acknowledge_bill(actor=payer.actor, bill_id=bill, version=None, now=self.stage.now)
        amount = None if self.random.random() < 0.6 else "150.00"
        self.checkouts.append(self.stage.pay_bill(payer, bill, amount, self.random.choice(PROVIDERS)))

    def _finish(self) -> None:
        if self.checkouts:
            self.stage.end(self.random.choice(self.checkouts), self.random.choice(OUTCOMES))

    def _hear(self) -> None:
        for delivery in self.stage.sandbox.due_webhooks():
            self.told.append(delivery)
            taken = self._take(delivery)
            self.stage.sandbox.delivered(delivery, 200 if taken else 500)

    def _replay(self) -> None:
        if self.told:
            self._take(self.random.choice(self.told))

    def _take(self, delivery: Delivery) -> bool:
        try:
            self.stage.take(delivery)
        except (Crash, Refusal, NoticeRefused):
            return False
        return True

    def _ask(self) -> None:
        if self.checkouts:
            self.stage.confirm(self.random.choice(self.checkouts))

    def _sweep(self) -> None:
        self.stage.sweep()
        for notice in self._waiting_notices():
            commands.handle_notice(notice_id=notice, now=self.stage.now)

    def _wait(self) -> None:
        self.stage.wait(seconds=self.random.choice((1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 26 * 3600)))

    def _turn_dials(self) -> None:
        self.stage.heal()
        chosen = self.random.sample(FAULTS, self.random.randrange(0, 5))
        self.stage.dial(**{name.replace(".", "__"): self.random.choice((0.2, 0.5, 1.0)) for name in chosen})

    def _withdraw(self) -> None:
        payer = self._payer()
        wallets.withdraw(
            actor=payer.actor,
            amount=naira("50.00"),
            destination=BANK,
            authorization=no_pin(payer),
            now=self.stage.now,
        )

    def _send(self) -> None:
        for payout in self._payouts("pending"):
            self.stage.send(payout)

    def _change_bill(self) -> None:
        bill, now = self.random.choice(self.bills), self.stage.now
        if self.random.random() < 0.5:
            changes = BillChanges(amount=naira("700.00"))
            bills.edit_bill(actor=self.cast.ada.actor, bill_id=bill, changes=changes, now=now)
        else:
            bills.cancel_bill(actor=self.cast.ada.actor, bill_id=bill, reason="Wrong", refund_payers=True, now=now)

    def _pay_from_wallet(self) -> None:
        payer = self._payer()
        bills.pay_bill(
            actor=payer.actor,
            bill_id=self.random.choice(self.bills),
            amount=None,
            authorization=no_pin(payer),
            now=self.stage.now,
        )

    def _issue(self) -> None:
        due = self.stage.now + timedelta(days=30)
        self.bills.append(issue(self.cast, "600.00", due_date=due, allow_payment_after_due=True).id)

    def _payer(self) -> Person:
        return self.random.choice(self.payers)

    # --- The end: faults heal, and then everything must be known ---------------------------------------------------------

    def _heal(self) -> None:
        self.stage.heal()
        for round in range(14):
            for notice in self._waiting_notices():
                commands.handle_notice(notice_id=notice, now=self.stage.now)
            for payout in self._payouts("pending"):
                self.stage.send(payout)
            self.stage.sweep()
            self._hear()
            self.stage.wait(minutes=20 if round < 8 else 60 * 13)
        since, until = self.cast.now - timedelta(days=1), self.stage.now - timedelta(minutes=1)
        with MonkeyPatch.context() as patch:  # these providers know of no other estate
            patch.setattr(clusters, "all_cluster_ids", lambda **_: [self.cast.cluster_id])
            commands.reconcile(since=since, until=until, now=self.stage.now)

    def _judge(self) -> None:
        """Compare with what the providers say was paid, sent and kept, in plain sums."""
        state = self.stage.sandbox.world.store.dump()
        by_reference = self._transactions()
        paid = {row["id"]: row for row in state["charge"] if row["paid"]}
        settled = Counter(row.provider_id for row in self.stage.settlements())
        for id, charge in paid.items():
            if settled[str(id)] != 1:
                self._say(f"charge {charge['reference']} of {charge['paid']} settled {settled[str(id)]} times")
        if settled.keys() - {str(id) for id in paid}:
            self._say("something was settled that nobody paid")
        for transaction in by_reference.values():
            if transaction.status in ("pending", "processing", "unknown") and transaction.purpose == "payout":
                self._say(f"payout {transaction.reference} is left {transaction.status}")
            if transaction.status == "unknown":
                self._say(f"{transaction.reference} is left unknown")
        self._judge_money(paid, state)
        for found in violations(cluster_id=self.cast.cluster_id):
            self._say(f"{found.invariant.name}: {found.rows[0]}")

    def _judge_money(self, paid: dict[int, dict[str, Any]], state: dict[str, list[dict[str, Any]]]) -> None:
        came_in = sum(row["paid"] for row in paid.values())  # a fee that a payer bore is not in it
        # Paystack's answer does not tell such a fee from the rest of what was paid too much: the payer has it all.
        came_in += sum(
            row["fee"]
            for row in paid.values()
            if row["provider"] == "paystack" and row["payer_bears"] and row["paid"] > row["requested"]
        )
        went_out = sum(row["amount"] for row in state["transfer"] if row["status"] == "success")
        held = sum(naira(wallet_balance(payer)).minor for payer in self.payers)
        held += naira(cluster_balance(self.cast.cluster_id)).minor
        waiting = sum(
            row.amount_minor
            for row in self._transactions().values()
            if row.purpose == "payout" and row.status == "pending"
        )
        if came_in - went_out != held + waiting:
            self._say(f"{came_in} came in and {went_out} went out, but {held} is held and {waiting} waits")

    def _say(self, wrong: str) -> None:
        self.ended.wrong.append(wrong)

    def _transactions(self) -> dict[str, Transaction]:
        with tenant(self.cast.cluster_id):
            return {row.reference: row for row in Transaction.objects.filter(cluster_id=self.cast.cluster_id)}

    def _payouts(self, status: str) -> list[UUID]:
        return [row.id for row in self._transactions().values() if row.purpose == "payout" and row.status == status]

    def _waiting_notices(self) -> list[UUID]:
        with tenant(self.cast.cluster_id):
            mine = list(Attempt.objects.filter(cluster_id=self.cast.cluster_id).values_list("reference", flat=True))
        return list(
            Notice.objects.filter(state="waiting", reference__in=mine, next_attempt_at__lte=self.stage.now).values_list(
                "id", flat=True
            )
        )


def live(seed: int, *, steps: int = 30) -> Ended:
    """One life, with providers of its own."""
    stage = Stage(make_cast(residents=2), seed=seed)
    kept = registry._registry
    registry._registry = lambda: stage.registry  # type: ignore[assignment]
    try:
        return Simulation(seed, stage).run(steps)
    finally:
        registry._registry = kept
