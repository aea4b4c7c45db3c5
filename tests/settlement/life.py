"""A simulated life of payments in two estates: one process, one seed, a virtual clock, providers with faults, crashes in the
middle of commands. `judging.py` says what must be true of it in the end; `simulation.py` lives many.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Q

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.types import BillType, NewBill
from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.crashpoints import Crash, failing, watching
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Notice, Transaction
from clustr.payments.providers import registry
from clustr.payments.providers.port import NoticeRefused
from clustr.settlement import commands
from clustr.settlement.models import Reconciliation
from clustr.settlement.tasks import RECONCILED, STILL_MOVING
from clustr.settlement.types import Checkout
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from sandbox.hooks import Delivery
from tests.cast import Person, make_cast
from tests.money import naira, no_pin
from tests.settlement.judging import OPEN, Home, judge, unsettled
from tests.settlement.stage import PROVIDERS, Stage

FAULTS = (
    "charge.timeout_before", "charge.timeout_after", "charge.reset_before", "charge.reset_after", "charge.error_before",
    "charge.error_after", "charge.html_after", "charge.truncated_after", "charge.empty_after", "charge.slow_503_after",
    "verify.timeout_before", "verify.timeout_after", "verify.reset_after", "verify.error_after", "verify.html_after",
    "verify.truncated_after", "verify.empty_after", "transfer.timeout_before", "transfer.timeout_after",
    "transfer.reset_after", "transfer.error_before", "transfer.error_after", "transfer.failed", "transfer.reversed",
    "webhook.drop", "webhook.duplicate", "webhook.reorder", "webhook.bad_signature", "webhook.flat",
    "charge.payer_bears_fees", "checkout.abandoned_then_success", "list.timeout_before", "list.truncated_after",
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

ROUNDS = 14
"""How often, at most, everybody looks again once the faults have healed: over three days."""


@dataclass
class Ended:
    """How a simulated life ended: what was done, and everything that is wrong."""

    seed: int
    done: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)


class Simulation:
    """`run()` lives one life and answers what is wrong with it, which must be nothing."""

    def __init__(self, seed: int, stage: Stage) -> None:
        self.random = random.Random(seed)
        self.stage = stage
        cast = stage.cast
        self.homes = [
            Home(cast.ada, [cast.bola, cast.palm_grove["Resident 2"]]),
            Home(cast.dayo, [cast.chidi]),
        ]
        self.checkouts: list[tuple[Home, Checkout]] = []
        self.told: list[Delivery] = []
        self.ended = Ended(seed)
        for home in self.homes:
            self.home = home
            self._issue()
            self._change_bearer()

    def run(self, steps: int) -> Ended:
        for _ in range(steps):
            self._step()
        self._heal()
        self.ended.wrong += judge(self.stage, self.homes)
        return self.ended

    def _step(self) -> None:
        """One act of one estate, or of the providers and the worker."""
        self.home = self.random.choice(self.homes)
        act = self.random.choice(self._acts())
        self.ended.done[act.__name__.strip("_")] += 1
        crash = self.random.choice(CRASHES) if self.random.random() < 0.15 else ""
        with suppress(Crash, Refusal), watching(failing(crash)):
            act()

    def _acts(self) -> list[Callable[[], None]]:
        return [
            *(self._deposit, self._deposit, self._pay_directly, self._pay_directly, self._finish, self._finish, self._finish),
            *(self._hear, self._hear, self._ask, self._sweep, self._wait, self._wait, self._turn_dials, self._replay),
            *(self._withdraw, self._send, self._change_bill, self._pay_from_wallet, self._issue, self._reconcile),
            *(self._charge_fees, self._change_bearer),
        ]  # fmt: skip

    # --- What people and providers do -----------------------------------------------------------------------------------

    def _deposit(self) -> None:
        amount = str(naira("100.00") + Money(self.random.randrange(1, 900_000), "NGN"))
        self._start(self.stage.deposit(self._payer(), amount, self.random.choice(PROVIDERS)))

    def _pay_directly(self) -> None:
        payer, bill = self._payer(), self._bill()
        with suppress(Refusal):
            bills.acknowledge_bill(actor=payer.actor, bill_id=bill, version=None, now=self.stage.now)
        amount = None if self.random.random() < 0.6 else "150.00"
        self._start(self.stage.pay_bill(payer, bill, amount, self.random.choice(PROVIDERS)))

    def _start(self, checkout: Checkout) -> None:
        self.checkouts.append((self.home, checkout))

    def _finish(self) -> None:
        if self.checkouts:
            self.stage.end(self.random.choice(self.checkouts)[1], self.random.choice(OUTCOMES))

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
            home, checkout = self.random.choice(self.checkouts)
            commands.confirm_payment(
                cluster_id=home.cluster_id, transaction_id=checkout.transaction.id, now=self.stage.now
            )

    def _sweep(self) -> None:
        self.stage.sweep()
        for notice in self._waiting_notices():
            commands.handle_notice(notice_id=notice, now=self.stage.now)

    def _reconcile(self) -> None:
        """What the worker does every night."""
        now = self.stage.now
        self._compare(since=now - RECONCILED, until=now - STILL_MOVING)

    def _compare(self, *, since: datetime, until: datetime) -> list[Reconciliation]:
        """The providers of this life know of these estates only."""
        return commands.reconcile(since=since, until=until, now=self.stage.now, cluster_ids=self.stage.cluster_ids)

    def _wait(self) -> None:
        self.stage.wait(seconds=self.random.choice((1, 5, 15, 60, 300, 900, 3600, 6 * 3600, 26 * 3600)))

    def _turn_dials(self) -> None:
        self.stage.heal()
        chosen = self.random.sample(FAULTS, self.random.randrange(0, 5))
        self.stage.dial(**{name.replace(".", "__"): self.random.choice((0.2, 0.5, 1.0)) for name in chosen})
        if "charge.payer_bears_fees" not in chosen:
            self.stage.dial(charge__payer_bears_fees=0.0)

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
        for home, payout in self._waiting_payouts():
            commands.send_payout(cluster_id=home.cluster_id, transaction_id=payout, now=self.stage.now)

    def _change_bill(self) -> None:
        bill, actor, now = self._bill(), self.home.manager.actor, self.stage.now
        if self.random.random() < 0.5:
            changes = BillChanges(amount=naira("700.00"))
            bills.edit_bill(actor=actor, bill_id=bill, changes=changes, now=now)
        else:
            bills.cancel_bill(actor=actor, bill_id=bill, reason="Wrong", refund_payers=True, now=now)

    def _pay_from_wallet(self) -> None:
        payer = self._payer()
        bills.pay_bill(
            actor=payer.actor,
            bill_id=self._bill(),
            amount=None,
            authorization=no_pin(payer),
            now=self.stage.now,
        )

    def _issue(self) -> None:
        new = NewBill(
            title="Service charge",
            amount=naira("600.00"),
            type=BillType.SERVICE_CHARGE,
            due_date=self.stage.now + timedelta(days=30),
            allow_payment_after_due=True,
        )
        made = bills.create_cluster_wide_bill(actor=self.home.manager.actor, new=new, now=self.stage.now)
        self.home.bills.append(made.id)

    def _charge_fees(self) -> None:
        wallets.charge_fees_to_cluster(cluster_id=self.home.cluster_id, now=self.stage.now)

    def _change_bearer(self) -> None:
        bearer = self.random.choice(tuple(FeeBearer))
        changes = SettingsChanges(fee_bearer=bearer)
        update_settings(actor=self.home.manager.actor, changes=changes, now=self.stage.now)

    def _payer(self) -> Person:
        return self.random.choice(self.home.payers)

    def _bill(self) -> UUID:
        return self.random.choice(self.home.bills)

    # --- The end: faults heal, and then everything must be known ---------------------------------------------------------

    def _heal(self) -> None:
        """Look again until nothing moves any more: then what is not known stays so, and is judged."""
        self.stage.heal()
        for round in range(ROUNDS):
            self._send()
            self._sweep()
            self._hear()
            if round >= 2 and not self._moves():
                break
            self.stage.wait(minutes=20 if round < 8 else 60 * 13)
        self.stage.wait(minutes=1)
        began = self.stage.cast.now - timedelta(days=1)
        runs = self._compare(since=began, until=self.stage.now)
        self.ended.wrong += [f"{run.provider}'s list could not be read" for run in runs if not run.complete]

    def _moves(self) -> bool:
        """Whether something is under way: at the providers, in a notice, in a payout, or in what is not known."""
        undecided = Q(status="unknown") | Q(purpose="payout", status__in=OPEN)
        return (
            bool(self.stage.sandbox.world.store._agenda)
            or bool(self._waiting_notices())
            or any(self._transactions(undecided))
            or bool(unsettled(self.stage, self.homes))
        )

    def _waiting_payouts(self) -> list[tuple[Home, UUID]]:
        return self._transactions(Q(purpose="payout", status="pending"))

    def _waiting_notices(self) -> list[UUID]:
        """Those of this life that are due: notices are of no estate, and other lives have theirs."""
        found = []
        for home in self.homes:
            with tenant(home.cluster_id):
                mine = Attempt.objects.filter(cluster_id=home.cluster_id).values("reference")
                due = Notice.objects.filter(state="waiting", next_attempt_at__lte=self.stage.now, reference__in=mine)
                found += list(due.values_list("id", flat=True))
        return found

    def _transactions(self, which: Q) -> list[tuple[Home, UUID]]:
        found = []
        for home in self.homes:
            with tenant(home.cluster_id):
                rows = Transaction.objects.filter(which, cluster_id=home.cluster_id).order_by("id")
                found += [(home, id) for id in rows.values_list("id", flat=True)]
        return found


def live(seed: int, *, steps: int = 30) -> Ended:
    """One life, with providers of its own."""
    stage = Stage(make_cast(residents=2), seed=seed)
    kept = registry._registry
    registry._registry = lambda: stage.registry  # type: ignore[assignment]
    try:
        return Simulation(seed, stage).run(steps)
    finally:
        registry._registry = kept
