"""What must be true of a simulated life in the end: what the providers say was paid, sent and kept, in plain sums, beside
what the estates hold."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger_commands
from clustr.ledger import queries as ledger
from clustr.ledger.types import AccountKind
from clustr.payments.models import Attempt, Case, Settlement, Transaction
from tests.cast import Person
from tests.money import cluster_balance, naira, wallet_balance
from tests.proofs import broken_books
from tests.settlement.stage import Stage

Row = dict[str, Any]
OPEN = ("pending", "processing", "unknown")
BREAKS = ("not_with_us", "not_at_provider", "amount_differs", "fee_differs")
"""Cases of a reconciliation. These providers say nothing false, so there must be none."""


@dataclass
class Home:
    """An estate of a life: who manages it, who pays there, and the bills they pay."""

    manager: Person
    payers: list[Person]
    bills: list[UUID] = field(default_factory=list)

    @property
    def cluster_id(self) -> UUID:
        return self.manager.cluster_id

    def of(self, model: type[Any]) -> list[Any]:
        """Every row of this estate."""
        with tenant(self.cluster_id):
            return list(model.objects.filter(cluster_id=self.cluster_id))


def paid_charges(stage: Stage) -> dict[str, Row]:
    """What the providers took, by their ids."""
    return {str(row["id"]): row for row in stage.sandbox.world.store.dump()["charge"] if row["paid"]}


def unsettled(stage: Stage, homes: list[Home]) -> set[str]:
    """What was paid and is not settled (yet)."""
    return paid_charges(stage).keys() - {row.provider_id for home in homes for row in home.of(Settlement)}


def judge(stage: Stage, homes: list[Home]) -> list[str]:
    """Everything that is wrong."""
    paid = paid_charges(stage)
    transfers = stage.sandbox.world.store.dump()["transfer"]
    views = [_View(home, paid, transfers) for home in homes]
    settled = Counter(row.provider_id for view in views for row in view.settlements)
    wrong = [
        f"charge {charge['reference']} of {charge['paid']} settled {settled[id]} times"
        for id, charge in paid.items()
        if settled[id] != 1
    ]
    if settled.keys() - paid.keys():
        return [*wrong, "something was settled that nobody paid"]
    subjects = [f"{charge['provider']}:{id}" for id, charge in paid.items()]
    with tenant(PLATFORM_CLUSTER_ID):
        nobodys = Case.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, subject__in=subjects)
        wrong += [f"{case.subject} is thought to be nobody's" for case in nobodys]
    return wrong + [f"{view.home.manager.name}'s estate: {said}" for view in views for said in view.wrong()]


class _View:
    """One estate, and the providers' rows that are about it."""

    def __init__(self, home: Home, paid: dict[str, Row], transfers: list[Row]) -> None:
        self.home = home
        self.settlements: list[Settlement] = home.of(Settlement)
        self.transactions: dict[UUID, Transaction] = {row.id: row for row in home.of(Transaction)}
        self.references: dict[str, UUID] = {row.reference: row.id for row in home.of(Attempt)}
        self.charges = [(row, paid[row.provider_id]) for row in self.settlements if row.provider_id in paid]
        self.transfers = [row for row in transfers if row["reference"] in self.references]

    def wrong(self) -> list[str]:
        found = [*self._open_ends(), *self._sums()]
        for row, charge in self.charges:
            if self.references.get(charge["reference"]) != row.asked_id:
                found.append(f"{charge['reference']} was settled here, or for something else")
        found += [f"a case: {case.kind} {case.subject}" for case in self.home.of(Case) if case.kind in BREAKS]
        found += [f"{name}: {rows[0]}" for name, rows in broken_books(self.home.cluster_id)]
        return found

    def _open_ends(self) -> list[str]:
        return [
            f"{row.purpose} {row.reference} is left {row.status}"
            for row in self.transactions.values()
            if row.status == "unknown" or (row.purpose == "payout" and row.status in OPEN)
        ]

    def _sums(self) -> list[str]:
        """What came in, less what the providers kept and what went out, is what is held or waits to go; and of what they
        kept, the estate bears what no payer bore."""
        said = []
        counted, cost, borne = (sum(part) for part in zip((0, 0, 0), *map(self._shares, self.charges), strict=True))
        sent = sum(row["amount"] for row in self.transfers if row["status"] == "success")
        cost += self._fees_of_payouts
        held = sum(naira(wallet_balance(payer)).minor for payer in self.home.payers)
        held += naira(cluster_balance(self.home.cluster_id)).minor
        waiting = sum(
            row.amount_minor for row in self.transactions.values() if row.purpose == "payout" and row.status in OPEN
        )
        if counted - cost - sent != held + waiting + self._fees:
            said.append(f"{counted} came, {cost} was kept, {sent} sent; {held} held, {waiting} wait, fees {self._fees}")
        charged = sum(row.amount_minor for row in self.transactions.values() if row.purpose == "fees")
        if borne - cost + charged != self._fees:
            said.append(f"payers bore {borne} of {cost} and the estate {charged}, but {self._fees} stands in fees")
        return said

    def _shares(self, settled: tuple[Settlement, Row]) -> tuple[int, int, int]:
        """Of a charge: what counts for us, what the provider kept of that, and what of it the payer bore.

        A provider may have its payer bear the fee, beside what we ask for: then neither is ours. Paystack's answer shows
        that only where nothing else was paid on top. A payer who was asked for a surcharge bears the fee as far as what
        they paid goes.
        """
        row, charge = settled
        fee, requested = charge["fee"], charge["requested"]
        beside = charge["payer_bears"] and (charge["provider"] == "flutterwave" or charge["paid"] == requested)
        counted = charge["paid"] + (fee if charge["payer_bears"] and not beside else 0)
        cost = 0 if beside else fee
        surcharge = requested - self.transactions[row.asked_id].amount_minor
        if not surcharge:
            return counted, cost, 0
        if row.completes_minor:
            return counted, cost, max(surcharge, min(cost, surcharge + counted - requested))
        return counted, cost, min(cost, counted - 1)

    @cached_property
    def _fees_of_payouts(self) -> int:
        """Of what arrived at a bank. That it was sent back later does not give the fee back."""
        return sum(
            row["fee"]
            for row in self.transfers
            if self.transactions[self.references[row["reference"]]].status in ("completed", "refunded")
        )

    @cached_property
    def _fees(self) -> int:
        """What stands in the estate's account of fees: below zero, what it still has to bear."""
        with tenant(self.home.cluster_id):
            account = ledger_commands.open_account(kind=AccountKind.PROVIDER_FEES, currency="NGN")
            return ledger.balance(account_id=account, currency="NGN").minor
