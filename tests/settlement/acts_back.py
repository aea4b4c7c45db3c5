"""What gives money back in a simulated life of payments: the office's refunds, payers' banks, and the providers' people."""

from __future__ import annotations

from uuid import UUID

from django.db.models import Q

from clustr.kit.money import Money
from clustr.settlement import commands
from sandbox import refunding
from sandbox.records import Charge, Dispute, Refund
from sandbox.world import World
from tests.settlement.acts import Acts
from tests.settlement.standing import is_lost, records, settled_ids, whole


class GivingBack(Acts):
    """Refunds to the source and to the wallet, chargebacks and their ends, and what is given back beside ClustR."""

    def _refund(self) -> None:
        """The office gives a payment back to where it came from: whole, in part, or more than there is to give."""
        payment = self._some_payment()
        if payment is not None:
            commands.refund_to_source(
                actor=self.home.manager.actor,
                transaction_id=payment,
                amount=self._some_amount(),
                reason="Paid twice",
                now=self.stage.now,
            )

    def _refund_to_wallet(self) -> None:
        payment = self._some_payment()
        if payment is not None:
            commands.refund_to_wallet(
                actor=self.home.manager.actor,
                transaction_id=payment,
                amount=self._some_amount(),
                reason="Moved out",
                now=self.stage.now,
            )

    def _send_refunds(self) -> None:
        """The worker takes the jobs of refunds, perhaps one that it took before."""
        for home, refund in self._transactions(Q(purpose="refund", status__in=("pending", "processing"))):
            commands.send_refund(cluster_id=home.cluster_id, transaction_id=refund, now=self.stage.now)

    def _some_payment(self) -> UUID | None:
        """One of this estate's that something may be given back of."""
        paid = Q(status__in=("completed", "refunded"), purpose__in=("wallet", "bill", "surplus"))
        found = [id for home, id in self._transactions(paid) if home is self.home]
        return self.random.choice(found) if found else None

    def _some_amount(self) -> Money | None:
        chance = self.random.random()
        if chance < 0.35:
            return None
        return Money(self.random.randrange(1, 900_000 if chance > 0.9 else 30_000), "NGN")

    # --- At the providers, beside ClustR ------------------------------------------------------------------------------------

    def _complain(self) -> None:
        """A payer complains to their bank about what was not given back to them, or about a part of it."""
        charges = [charge for charge in self._untouched("paystack", "flutterwave") if self._left(charge) > 0]
        if charges:
            charge = self.random.choice(charges)
            amount = self._left(charge)
            if self._is_settled(charge) and self.random.random() < 0.4:
                amount = self.random.randrange(1, amount + 1)
            refunding.file_chargeback(self.world, charge, amount=amount)

    def _decide(self) -> None:
        """A bank decides: for the payer, for the estate, or otherwise than it had before."""
        disputes = [one for one in records(self.stage, Dispute) if one.resolution != "declined"]
        if disputes:
            dispute = self.random.choice(disputes)
            words = ("declined",) if is_lost(dispute) else ("auto-accepted", "merchant-accepted", "declined")
            refunding.resolve_chargeback(self.world, dispute, resolution=self.random.choice(words))

    def _give_back_by_hand(self) -> None:
        """Somebody with a login at the provider gives a payment back there, whole or a part of what is left of it."""
        charges = [charge for charge in self._untouched("paystack", "flutterwave") if self._is_settled(charge)]
        charges = [charge for charge in charges if self._left(charge) > 0]
        if charges:
            charge = self.random.choice(charges)
            amount = self._left(charge)
            if amount == charge.paid and charge.provider == "paystack" and self.random.random() < 0.5:
                amount = whole(charge)
            elif self.random.random() < 0.5:
                amount = self.random.randrange(1, amount + 1)
            refunding.start_refund(self.world, charge, amount=amount, customer_note="", merchant_note="By hand")

    def _end_stuck(self) -> None:
        """The providers' people end what waits for them."""
        for refund in records(self.stage, Refund):
            if refund.status == "needs-attention" or (refund.status == "pending" and refund.fate == "stuck"):
                refunding.end_refund(
                    self.world, refund, status=self.random.choice(("processed", "processed", "failed"))
                )

    @property
    def world(self) -> World:
        return self.stage.sandbox.world

    def _untouched(self, *providers: str) -> list[Charge]:
        """What was paid and not complained about."""
        disputed = {dispute.charge_id for dispute in records(self.stage, Dispute)}
        return [
            charge
            for charge in records(self.stage, Charge)
            if charge.provider in providers and charge.status == "success" and charge.id not in disputed
        ]

    def _left(self, charge: Charge) -> int:
        return charge.paid - refunding.refunded_of(self.world, charge)

    def _is_settled(self, charge: Charge) -> bool:
        return str(charge.id) in settled_ids(self.homes)
