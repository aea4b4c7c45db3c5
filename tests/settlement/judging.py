"""What must be true of a simulated life of payments: what the providers say was paid, sent, given back and taken back, in
plain sums, beside what the estates hold. `standing.py` says how each single payment must stand."""

from __future__ import annotations

from collections import Counter
from functools import cached_property

from clustr.bills.models import BillPayment
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import derived_id
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger_commands
from clustr.ledger import queries as ledger
from clustr.ledger.types import AccountKind
from clustr.payments.models import Case, Settlement
from sandbox import paying_out
from sandbox.records import Charge
from sandbox.world import OPENING_BALANCE
from tests.cast import Person
from tests.money import cluster_balance, naira, wallet_balance
from tests.proofs import broken_books
from tests.settlement.stage import PROVIDERS, Stage
from tests.settlement.standing import Home, Standing, paid_charges, settled_ids

BREAKS = ("not_with_us", "not_at_provider", "amount_differs", "fee_differs")
"""Cases of a reconciliation. These providers say nothing false, so there must be none."""


def glance(stage: Stage, homes: list[Home]) -> list[str]:
    """Everything that is wrong although much is still under way, in these estates."""
    paid = paid_charges(stage)
    wrong = []
    for home in homes:
        standing = Standing(stage, home, paid)
        twice = [id for id, times in Counter(row.provider_id for row in standing.settlements).items() if times > 1]
        wrong += [f"{id} is settled twice" for id in twice]
        wrong += [
            f"{row.provider_id} is settled and unpaid" for row in standing.settlements if row.provider_id not in paid
        ]
        wrong += standing.ahead()
        wrong += [f"{name}: {rows[0]}" for name, rows in broken_books(home.cluster_id)]
    return wrong


def judge(stage: Stage, homes: list[Home]) -> list[str]:
    """Everything that is wrong once nothing moves any more."""
    paid = paid_charges(stage)
    settled = settled_ids(homes)
    wrong = [
        f"charge {charge.reference} of {charge.paid} settled {settled[id]} times"
        for id, charge in paid.items()
        if settled[id] > 1 or (not settled[id] and charge.status != "reversed")
    ]
    if settled.keys() - paid.keys():
        return [*wrong, "something was settled that nobody paid"]
    subjects = [f"{charge.provider}:{id}" for id, charge in paid.items()]
    with tenant(PLATFORM_CLUSTER_ID):
        nobodys = Case.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, subject__in=subjects)
        wrong += [f"{case.subject} is thought to be nobody's" for case in nobodys]
    for home in homes:
        wrong += [f"{home.manager.name}'s estate: {said}" for said in _Sums(stage, home, paid).wrong()]
    return [*wrong, *_held(stage, homes, paid)]


def _held(stage: Stage, homes: list[Home], paid: dict[str, Charge]) -> list[str]:
    """What each provider holds in the end is what these estates own there by the books, to the kobo."""
    wrong = []
    for name in PROVIDERS:
        held = paying_out.balance(stage.sandbox.world, provider=name, currency="NGN") - OPENING_BALANCE
        owed = 0
        for home in homes:
            with tenant(home.cluster_id):
                account = derived_id("provider", name)
                owed -= ledger.balance_of(kind=AccountKind.PROVIDER_CLEARING, currency="NGN", subject_id=account).minor
        if held != owed:
            wrong.append(f"{name} holds {held}, and the estates own {owed}")
    return wrong


class _Sums(Standing):
    """One estate in the end, and the sums of what the providers have about it. All in minor units."""

    def wrong(self) -> list[str]:
        found = [*self.ahead(), *self.behind(), *self._estate(), *self._fees()]
        for payer in self.home.payers:
            found += self._payer(payer)
        for row, charge in self.charges:
            if self.references.get(charge.reference) != row.asked_id:
                found.append(f"{charge.reference} was settled here, or for something else")
        found += [f"a case: {case.kind} {case.subject}" for case in self.home.of(Case) if case.kind in BREAKS]
        found += [f"{name}: {rows[0]}" for name, rows in broken_books(self.home.cluster_id)]
        return found

    def _estate(self) -> list[str]:
        """What came in, less what the providers kept, what went out and what went back, is what is held or waits to go."""
        counted, cost, _ = self._came(self.charges)
        sent = sum(row.amount for row in self.transfers if row.status == "success")
        cost += self._fees_of_payouts + self.fees_of_reversed
        back = sum(refund.amount for refund in self.refunds if refund.status == "processed")
        back += sum(dispute.amount for dispute in self.lost)
        held = sum(naira(wallet_balance(payer)).minor for payer in self.home.payers)
        held += naira(cluster_balance(self.home.cluster_id)).minor
        waiting = sum(row.amount_minor for row in self.waiting)
        owed = self._stands(AccountKind.PROVIDER_FEES) + self._stands(AccountKind.CHARGEBACKS)
        if counted - cost - sent - back == held + waiting + owed:
            return []
        return [f"{counted} came, {cost} was kept, {sent} sent, {back} back; {held} held, {waiting} wait, owed {owed}"]

    def _fees(self) -> list[str]:
        """Of what the providers kept the estate bears what no payer bore; and of what was taken back, what no wallet did."""
        _, cost, borne = self._came(self.charges)
        cost += self._fees_of_payouts + self.fees_of_reversed
        charged = sum(row.amount_minor for row in self.of_purpose("fees") if "won" not in row.description)
        charged -= sum(row.amount_minor for row in self.of_purpose("fees") if "won" in row.description)
        lost = sum(self.taken.values()) - sum(self.borne_by_wallets(number) for number in self.taken)
        won = self.booked.keys() - self.taken.keys()
        given = sum(self.borne(number) - self.borne_by_wallets(number) for number in won)
        stands = self._stands(AccountKind.PROVIDER_FEES) + self._stands(AccountKind.CHARGEBACKS)
        if borne - cost + charged - lost - given == stands:
            return []
        return [
            f"payers bore {borne} of {cost}, {lost} was taken, {given} given, {charged} charged; but {stands} stands"
        ]

    def _payer(self, payer: Person) -> list[str]:
        """What a payer gave and did not get back is in their wallet, on its way to them, or was paid on bills; or else the
        estate bears that a bank took it back."""
        mine = [(row, charge) for row, charge in self.charges if self.asked(row).user_id == payer.user_id]
        ids = {charge.id for _, charge in mine}
        counted, _, borne = self._came(mine)
        back = sum(one.amount for one in self.refunds if one.status == "processed" and one.charge_id in ids)
        back += sum(dispute.amount for dispute in self.lost if dispute.charge_id in ids)
        arrived = sum(
            row.amount
            for row in self.transfers
            if row.status == "success" and self.by_reference(row.reference).user_id == payer.user_id
        )
        on_the_estate = sum(
            amount - self.borne(number) for number, amount in self.taken.items() if self.charge_of[number] in ids
        )
        held = naira(wallet_balance(payer)).minor
        waiting = sum(row.amount_minor for row in self.waiting if row.user_id == payer.user_id)
        bills = sum(row.amount_minor for row in self.home.of(BillPayment) if row.user_id == payer.user_id)
        if counted - borne - back - arrived + on_the_estate == held + waiting + bills:
            return []
        return [
            f"{payer.name} gave {counted - borne}, had {back} back and {arrived} sent, {on_the_estate} is the estate's;"
            f" but holds {held}, waits for {waiting}, and paid {bills} on bills"
        ]

    def _came(self, charges: list[tuple[Settlement, Charge]]) -> tuple[int, int, int]:
        counted, cost, borne = (sum(part) for part in zip((0, 0, 0), *map(self._shares, charges), strict=True))
        return counted, cost, borne

    def _shares(self, settled: tuple[Settlement, Charge]) -> tuple[int, int, int]:
        """Of a charge: what counts for us, what the provider kept of that, and what of it the payer bore.

        A provider may have its payer bear the fee, beside what we ask for: then neither is ours. Paystack's answer shows
        that only where nothing else was paid on top. A payer who was asked for a surcharge bears the fee as far as what
        they paid goes.
        """
        row, charge = settled
        beside = charge.payer_bears and (charge.provider == "flutterwave" or charge.paid == charge.requested)
        counted = charge.paid + (charge.fee if charge.payer_bears and not beside else 0)
        cost = 0 if beside else charge.fee
        surcharge = charge.requested - self.asked(row).amount_minor
        if not surcharge:
            return counted, cost, 0
        if row.completes_minor:
            return counted, cost, max(surcharge, min(cost, surcharge + counted - charge.requested))
        return counted, cost, min(cost, counted - 1)

    @cached_property
    def _fees_of_payouts(self) -> int:
        """Of what arrived at a bank and stayed there: what is sent back later comes with its fee."""
        return sum(row.fee for row in self.transfers if self.by_reference(row.reference).status == "completed")

    def _stands(self, kind: AccountKind) -> int:
        """What stands in one of the estate's accounts: below zero, what it still has to bear."""
        with tenant(self.home.cluster_id):
            account = ledger_commands.open_account(kind=kind, currency="NGN")
            return ledger.balance(account_id=account, currency="NGN").minor
