"""Giving a payment back to its payer's wallet: by the room that took it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.bills import commands as bills
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.states import Purpose
from clustr.recurring import commands as recurring


def refund_to_wallet(
    *, actor: Actor, transaction_id: UUID, amount: Money | None, reason: str, now: datetime
) -> Transaction:
    """Return a bill payment or a contribution, whole (`amount` None: all that is left) or in part, to its payer's wallet.

    Refuses as `bills.refund_bill_payment` and `recurring.refund_contribution` do; anything else is `NotRefundable`.
    """
    with tenant(actor.cluster_id):
        known = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
    contributed = known is not None and known.purpose == Purpose.RECURRING_PAYMENT
    give_back = recurring.refund_contribution if contributed else bills.refund_bill_payment
    return give_back(actor=actor, transaction_id=transaction_id, amount=amount, reason=reason, now=now)
