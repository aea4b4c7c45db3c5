"""How each payment, refund, payout and chargeback of a simulated life must stand, by what the providers have of it."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar
from uuid import UUID

from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Settlement, Transaction
from sandbox import agenda
from sandbox.records import Charge, Dispute, Record, Refund, Transfer
from tests.cast import Person
from tests.settlement.stage import PROVIDERS, Stage

OPEN = ("pending", "processing", "unknown")

_R = TypeVar("_R", bound=Record)


@dataclass
class Home:
    """An estate of a life: who manages it, who pays there, the bills they pay, and by which request with a saved card they
    asked for which payments."""

    manager: Person
    payers: list[Person]
    bills: list[UUID] = field(default_factory=list)
    requests: dict[UUID, set[UUID]] = field(default_factory=dict)

    @property
    def cluster_id(self) -> UUID:
        return self.manager.cluster_id

    def of(self, model: type[Any]) -> list[Any]:
        """Every row of this estate."""
        with tenant(self.cluster_id):
            return list(model.objects.filter(cluster_id=self.cluster_id))


def records(stage: Stage, kind: type[_R]) -> list[_R]:
    """What the providers have of a kind, now."""
    world = stage.sandbox.world
    agenda.catch_up(world)
    world.moment = None
    return list(world.store.all(kind))


def paid_charges(stage: Stage) -> dict[str, Charge]:
    """What the providers took, by their ids."""
    return {str(charge.id): charge for charge in records(stage, Charge) if charge.paid}


def settled_ids(homes: list[Home]) -> Counter[str]:
    """How often each charge was settled."""
    return Counter(row.provider_id for home in homes for row in home.of(Settlement))


def unsettled(stage: Stage, homes: list[Home]) -> set[str]:
    """What was paid, stayed so, and is not settled (yet)."""
    kept = {id for id, charge in paid_charges(stage).items() if charge.status != "reversed"}
    return kept - settled_ids(homes).keys()


def is_lost(dispute: Dispute) -> bool:
    return (dispute.resolution or "").endswith("accepted")


def whole(charge: Charge) -> int:
    """What of a charge its provider holds for us, before its own fee."""
    on_top = charge.payer_bears and charge.provider == "paystack" and charge.paid != charge.requested
    return charge.paid + (charge.fee if on_top else 0)


class Standing:
    """One estate, and what the providers have that is about it."""

    def __init__(self, stage: Stage, home: Home, paid: dict[str, Charge]) -> None:
        self.home = home
        self.settlements: list[Settlement] = home.of(Settlement)
        self.transactions: dict[UUID, Transaction] = {row.id: row for row in home.of(Transaction)}
        self.references: dict[str, UUID] = {row.reference: row.id for row in home.of(Attempt)}
        self.reference_of = {id: reference for reference, id in self.references.items()}
        self.charges = [(row, paid[row.provider_id]) for row in self.settlements if row.provider_id in paid]
        ids = {charge.id for _, charge in self.charges}
        self.asked_for = [charge for charge in records(stage, Charge) if charge.reference in self.references]
        self.transfers = [row for row in records(stage, Transfer) if row.reference in self.references]
        self.refunds = [row for row in records(stage, Refund) if row.charge_id in ids]
        self.disputes = [row for row in records(stage, Dispute) if row.charge_id in ids]
        self.lost = [row for row in self.disputes if is_lost(row)]

    @property
    def fees_of_reversed(self) -> int:
        """What the providers kept of what was given back before we heard that it had come."""
        return sum(
            row.paid - row.net for row in self.asked_for if row.status == "reversed" and not self.is_settled(row)
        )

    def is_settled(self, charge: Charge) -> bool:
        return any(row.provider_id == str(charge.id) for row in self.settlements)

    def of_purpose(self, *purposes: str) -> list[Transaction]:
        return [row for row in self.transactions.values() if row.purpose in purposes]

    def asked(self, settled: Settlement) -> Transaction:
        return self.transactions[settled.asked_id]

    def by_reference(self, reference: str) -> Transaction:
        return self.transactions[self.references[reference]]

    # --- At any moment ------------------------------------------------------------------------------------------------------

    def ahead(self) -> list[str]:
        """What we say and the providers do not: at no moment may we be ahead of them, or say that it failed."""
        return [*self._refunds(), *self._payouts(), *self._chargebacks(), *self._too_much_back(), *self._cards()]

    def _refunds(self) -> list[str]:
        said = []
        for row in self.to_source:
            found = [refund for refund in self.refunds if self.reference_of[row.id] in refund.merchant_note]
            gone = [refund for refund in found if refund.status == "processed"]
            if sum(refund.status != "failed" for refund in found) > 1:
                said.append(f"{row.reference} was given back {len(found)} times")
            if row.status == "completed" and [refund.amount for refund in gone] != [row.amount_minor]:
                said.append(f"{row.reference} is completed, and {len(gone)} refunds went")
            if row.status == "failed" and gone:
                said.append(f"{row.reference} is failed, and was given back")
        return said

    def _payouts(self) -> list[str]:
        said = []
        sent = {transfer.reference: transfer for transfer in self.transfers}
        if len(sent) != len(self.transfers):
            said.append("a payout was sent twice")
        for row in self.of_purpose("payout"):
            transfer = sent.get(self.reference_of.get(row.id, ""))
            status = transfer.status if transfer else "nothing"
            if row.status == "cancelled" and transfer:
                said.append(f"{row.reference} was stopped, and sent")
            if row.status == "completed" and status not in ("success", "reversed", "failed"):
                said.append(f"{row.reference} is completed, and {status} at its provider")
            if row.status == "failed" and status in ("success", "pending"):
                said.append(f"{row.reference} is failed, and {status} at its provider")
            if transfer and transfer.amount != row.amount_minor:
                said.append(f"{row.reference} of {row.amount_minor} was sent as {transfer.amount}")
        return said

    def _chargebacks(self) -> list[str]:
        """What is booked as taken was decided so, or given back by hand; and once."""
        known = {str(dispute.id) for dispute in self.disputes if dispute.resolution}
        known |= {f"charge:{refund.charge_id}" for refund in self.by_hand}
        times = Counter(row.provider_reference for row in self.of_purpose("chargeback") if row.type == "refund")
        said = [f"chargeback {number} is booked {n} times" for number, n in times.items() if n > 1]
        unknown = {self.name_of(number) for number in times} - known
        return said + [f"chargeback {number} is booked, and nobody took it" for number in unknown]

    def _too_much_back(self) -> list[str]:
        """Of no payment more is given back than it was, and what was is what its refunds say."""
        back: Counter[UUID | None] = Counter()
        for row in self.of_purpose("refund"):
            if row.status == "completed":
                back[row.subject_id] += row.amount_minor
        return [
            f"{row.reference} of {row.amount_minor} had {back[row.id]} refunded and says {row.refunded_minor}"
            for row in self.transactions.values()
            if not back[row.id] == row.refunded_minor <= row.amount_minor
        ]

    def _cards(self) -> list[str]:
        """A saved card is charged once for a request, however often it is sent."""
        by_card = Counter(charge.reference for charge in self.asked_for if charge.origin in ("authorization", "token"))
        said = [f"{reference} was charged {times} times" for reference, times in by_card.items() if times > 1]
        for payments in self.home.requests.values():
            times = sum(by_card[self.reference_of[id]] for id in payments if id in self.reference_of)
            if times > 1:
                said.append(f"for one request a card was charged {times} times")
        return said

    # --- In the end ---------------------------------------------------------------------------------------------------------

    def behind(self) -> list[str]:
        """What the providers say and we do not, once everything was heard."""
        said = [
            f"{row.purpose} {row.reference} is left {row.status}"
            for row in self.transactions.values()
            if row.status == "unknown" or (row.purpose in ("payout", "refund") and row.status in OPEN)
        ]
        sent = {transfer.reference: transfer.status for transfer in self.transfers}
        for row in self.of_purpose("payout"):
            if row.status == "completed" and sent.get(self.reference_of[row.id]) != "success":
                said.append(f"{row.reference} is completed, and did not stay so at its provider")
        return said + self._wrongly_failed() + self._untold_chargebacks()

    def _wrongly_failed(self) -> list[str]:
        """A payment that is `failed`, or given up, although its provider took the whole of it for good: a deposit never is,
        a payment of a bill only if its money was kept in the payer's wallet instead."""
        kept = {row.provider_id for row in self.settlements if row.surplus_id}
        said = []
        for charge in self.asked_for:
            row = self.by_reference(charge.reference)
            for_good = charge.status == "success" and charge.paid >= charge.requested
            elsewhere = row.purpose != "wallet" and str(charge.id) in kept
            if row.status in ("failed", "cancelled") and for_good and not elsewhere:
                said.append(f"{row.purpose} {row.reference} is {row.status}, and was paid")
        return said

    def _untold_chargebacks(self) -> list[str]:
        """What was taken back and stayed so is booked; what was given back again is, too."""
        said = [
            f"{amount} was taken back as {number}, and {self.booked[number] - self.restored[number]} is booked"
            for number, amount in self.taken.items()
            if self.booked[number] - self.restored[number] != amount
        ]
        return said + [
            f"{amount} of {number} came back, and {self.restored[number]} is booked"
            for number, amount in self.booked.items()
            if number not in self.taken and self.restored[number] != amount
        ]

    # --- Refunds and chargebacks of this estate -----------------------------------------------------------------------------

    @cached_property
    def to_source(self) -> list[Transaction]:
        """Refunds that a provider was asked for."""
        return [row for row in self.of_purpose("refund") if row.provider in PROVIDERS and not _is_share(row)]

    @cached_property
    def waiting(self) -> list[Transaction]:
        """What has left its account and is not known to have gone: payouts, and refunds."""
        return [row for row in (*self.of_purpose("payout"), *self.to_source) if row.status in OPEN]

    @cached_property
    def by_hand(self) -> list[Refund]:
        """Refunds at a provider that ClustR did not ask for."""
        ours = [self.reference_of[row.id] for row in self.to_source]
        return [refund for refund in self.refunds if not any(one in refund.merchant_note for one in ours)]

    @cached_property
    def taken(self) -> dict[str, int]:
        """What payers' banks, or somebody at the provider, took back and did not return, by what it is known by."""
        taken = Counter({str(dispute.id): dispute.amount for dispute in self.lost})
        for refund in self.by_hand:
            if refund.status == "processed":
                taken[f"charge:{refund.charge_id}"] += refund.amount
        return dict(taken)

    @cached_property
    def charge_of(self) -> dict[str, int]:
        """The charge that something was taken back of."""
        by_hand = {f"charge:{one.charge_id}": one.charge_id for one in self.by_hand}
        return by_hand | {str(dispute.id): dispute.charge_id for dispute in self.disputes}

    @cached_property
    def booked(self) -> Counter[str]:
        """What is booked as taken back, by number, whatever came of it."""
        booked: Counter[str] = Counter()
        for row in self.of_purpose("chargeback"):
            if row.type == "refund":
                booked[self.name_of(row.provider_reference)] += row.amount_minor
        return booked

    @cached_property
    def restored(self) -> defaultdict[str, int]:
        """What is booked as come back of what had been taken, by number."""
        back: defaultdict[str, int] = defaultdict(int)
        for row in self.of_purpose("chargeback"):
            if row.type == "credit":
                back[self.name_of(row.provider_reference.split(":", 2)[2])] += row.amount_minor
        return back

    def borne(self, number: str) -> int:
        """What payments bore of something taken back: what of it the estate does not."""
        return sum(row.amount_minor for row in self._shares_of(number))

    def borne_by_wallets(self, number: str) -> int:
        """What of it members' wallets bore."""
        deposits = ("wallet", "surplus")
        shares = self._shares_of(number)
        return sum(
            row.amount_minor
            for row in shares
            if row.subject_id and self.transactions[row.subject_id].purpose in deposits
        )

    def _shares_of(self, number: str) -> list[Transaction]:
        shares = [row for row in self.of_purpose("refund") if _is_share(row)]
        return [row for row in shares if self.name_of(row.provider_reference.split(":", 2)[2]) == number]

    def name_of(self, number: str) -> str:
        """By what it is known here: what was given back by hand is booked by its number, or by its charge's; and what is taken
        again, with how often it was."""
        plain = number.partition("#")[0]
        of = {f"refund:{refund.id}": f"charge:{refund.charge_id}" for refund in self.refunds}
        return of.get(plain, plain)


def _is_share(row: Transaction) -> bool:
    """Whether it is no refund of ours, but what somebody bore of a chargeback."""
    return row.provider_reference.startswith("chargeback:")
