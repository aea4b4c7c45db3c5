"""What people, providers and the worker do in a simulated life of payments: money that comes, and money that leaves."""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Q

from clustr.bills import commands as bills
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.types import BillType, NewBill
from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.crashpoints import Crash
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Notice, SavedMethod, Transaction
from clustr.payments.providers.port import NoticeRefused
from clustr.settlement import commands
from clustr.settlement.models import Reconciliation
from clustr.settlement.tasks import RECONCILED, STILL_MOVING
from clustr.settlement.types import Checkout, RequestKey, SavedCard
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination
from sandbox.hooks import Delivery
from tests.cast import Person
from tests.money import naira, no_pin
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.standing import Home
from tests.settlement.troubles import FAULTS, FORMS, OUTCOMES

BANK = Destination("044", "0690000031", "Bola Adeyemi")


class Acts:
    """Two estates and their providers. Each act is of `home`, or of everybody."""

    def __init__(self, seed: int, stage: Stage) -> None:
        self.random = random.Random(seed)
        self.stage = stage
        cast = stage.cast
        self.homes = [
            Home(cast.ada, [cast.bola, cast.palm_grove["Resident 2"]]),
            Home(cast.dayo, [cast.chidi]),
        ]
        self.home = self.homes[0]
        self.checkouts: list[tuple[Home, Checkout]] = []
        self.requests: list[tuple[Person, SavedMethod, RequestKey, Money, UUID | None]] = []
        self.told: list[Delivery] = []
        for home in self.homes:
            self.home = home
            self._issue()
            self._change_bearer()

    # --- Money comes --------------------------------------------------------------------------------------------------------

    def _deposit(self) -> None:
        amount = str(naira("100.00") + Money(self.random.randrange(1, 900_000), "NGN"))
        self._start(self.stage.deposit(self._payer(), amount, self.random.choice(PROVIDERS), save_card=True))

    def _pay_directly(self) -> None:
        payer, bill = self._payer(), self._bill()
        with suppress(Refusal):
            bills.acknowledge_bill(actor=payer.actor, bill_id=bill, version=None, now=self.stage.now)
        amount = None if self.random.random() < 0.6 else "150.00"
        self._start(self.stage.pay_bill(payer, bill, amount, self.random.choice(PROVIDERS), save_card=True))

    def _start(self, checkout: Checkout) -> None:
        self.checkouts.append((self.home, checkout))

    def _charge_card(self) -> None:
        """Somebody pays by a card that they saved: into their wallet, or on a bill."""
        payer = self._payer()
        with tenant(payer.cluster_id):
            mine = SavedMethod.objects.filter(cluster_id=payer.cluster_id, user_id=payer.user_id, removed_at=None)
            cards = list(mine.order_by("id"))
        if not cards:
            return
        key = RequestKey(UUID(int=self.random.getrandbits(128)), b"input")
        amount = Money(self.random.randrange(10_000, 200_000), "NGN")
        bill = self._bill() if self.random.random() < 0.5 else None
        self._ask_by_card(payer, self.random.choice(cards), key, amount, bill)

    def _charge_again(self) -> None:
        """The payer's program did not hear the answer, and sends its request once more."""
        if self.requests:
            self._ask_by_card(*self.random.choice(self.requests))

    def _ask_by_card(self, payer: Person, card: SavedMethod, key: RequestKey, amount: Money, bill: UUID | None) -> None:
        """Pay so much into the wallet, or what is left of a bill."""
        self.requests.append((payer, card, key, amount, bill))
        home = next(home for home in self.homes if home.cluster_id == payer.cluster_id)
        asked: dict[str, Any] = {
            "actor": payer.actor,
            "provider": card.provider,
            "callback_url": "",
            "request": key,
            "card": SavedCard(card.id, no_pin(payer)),
            "now": self.stage.now,
        }
        if bill is None:
            prepared = commands.prepare_deposit(amount=amount, **asked)
        else:
            with suppress(Refusal):
                bills.acknowledge_bill(actor=payer.actor, bill_id=bill, version=None, now=self.stage.now)
            prepared = commands.prepare_bill_payment(bill_id=bill, amount=None, **asked)
        home.requests.setdefault(key.scope, set()).add(prepared.transaction.id)
        checkout = commands.open_checkout(actor=payer.actor, prepared=prepared, now=self.stage.now)
        if checkout.payment_url:
            self.checkouts.append((home, checkout))

    def _finish(self) -> None:
        if self.checkouts:
            self.stage.end(self.random.choice(self.checkouts)[1], self.random.choice(OUTCOMES))

    # --- What is heard ------------------------------------------------------------------------------------------------------

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
        """Somebody wants to know now what became of something."""
        home, id = self.random.choice(self._transactions(Q(provider__in=PROVIDERS)) or [(self.home, None)])
        if id is not None:
            commands.confirm_payment(cluster_id=home.cluster_id, transaction_id=id, now=self.stage.now)

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
        turned = dict.fromkeys(FORMS, 0.0) | {name: self.random.choice((0.2, 0.5, 1.0)) for name in chosen}
        self.stage.dial(**{name.replace(".", "__"): value for name, value in turned.items()})

    # --- Money leaves, and bills change -------------------------------------------------------------------------------------

    def _withdraw(self) -> None:
        payer = self._payer()
        wallets.withdraw(
            actor=payer.actor,
            amount=naira("50.00"),
            destination=BANK,
            authorization=no_pin(payer),
            now=self.stage.now,
        )

    def _transfer(self) -> None:
        """The office pays somebody."""
        wallets.transfer_from_cluster_wallet(
            actor=self.home.manager.actor,
            amount=naira("300.00"),
            description="Diesel",
            destination=BANK,
            now=self.stage.now,
        )

    def _stop(self) -> None:
        """A withdrawal is stopped by its owner or by the office, perhaps too late."""
        mine = Q(purpose="payout", type="withdrawal", cluster_id=self.home.cluster_id)
        found = [id for home, id in self._transactions(mine) if home is self.home]
        if not found:
            return
        payout = self.random.choice(found[-3:])
        if self.random.random() < 0.5:
            office = self.home.manager.actor
            wallets.stop_withdrawal(actor=office, payout_id=payout, reason="Not you", now=self.stage.now)
            return
        for payer in self.home.payers:
            with suppress(Refusal):
                wallets.cancel_withdrawal(actor=payer.actor, payout_id=payout, now=self.stage.now)

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

    # --- What there is ------------------------------------------------------------------------------------------------------

    def _payer(self) -> Person:
        return self.random.choice(self.home.payers)

    def _bill(self) -> UUID:
        return self.random.choice(self.home.bills)

    def _waiting_payouts(self) -> list[tuple[Home, UUID]]:
        return self._transactions(Q(purpose="payout", status="pending"))

    def _waiting_notices(self) -> list[UUID]:
        """Those of this life that are due: notices are of no estate, and other lives have theirs."""
        references: list[str] = []
        for home in self.homes:
            with tenant(home.cluster_id):
                mine = Attempt.objects.filter(cluster_id=home.cluster_id)
                references += mine.values_list("reference", flat=True)
        due = Notice.objects.filter(state="waiting", next_attempt_at__lte=self.stage.now)
        return [
            notice.id
            for notice in due.order_by("received_at", "id")
            if notice.reference in references or (not notice.reference and self._is_mine(notice))
        ]

    def _is_mine(self, notice: Notice) -> bool:
        """A notice that names no reference of ours names a number of the provider's, which no other life's has."""
        serial, width = self.stage.first_serial, 10_000
        return notice.provider_id.isdecimal() and serial <= int(notice.provider_id) < serial + width

    def _transactions(self, which: Q) -> list[tuple[Home, UUID]]:
        found = []
        for home in self.homes:
            with tenant(home.cluster_id):
                rows = Transaction.objects.filter(which, cluster_id=home.cluster_id).order_by("id")
                found += [(home, id) for id in rows.values_list("id", flat=True)]
        return found
