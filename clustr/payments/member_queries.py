"""What members see of their own payments at providers: pages that they left and can go on with, and money that arrived although
it could not be used as was asked."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.models import Attempt, Settlement, Transaction
from clustr.payments.states import OPEN, Purpose


@dataclass(frozen=True, slots=True)
class OpenCheckout:
    """A payment on a bill that was begun at a provider's page (`url`) and can still be finished there."""

    transaction_id: UUID
    bill_id: UUID
    amount: Money
    provider: str
    url: str


@dataclass(frozen=True, slots=True)
class KeptMoney:
    """What a provider took for a payment that did not need it, or not all of it: a deposit of its own, the newest of them
    `deposit_id`."""

    amount: Money
    deposit_id: UUID


def open_checkouts_of_bills(*, actor: Actor, now: datetime, bill_id: UUID | None = None) -> list[OpenCheckout]:
    """The member's payments on bills (on this one) that they left at a provider's page, the newest first."""
    mine = Transaction.objects.filter(
        cluster_id=actor.cluster_id, user_id=actor.member_id, purpose=Purpose.BILL, status__in=OPEN
    )
    begun = {row.id: row for row in (mine.filter(subject_id=bill_id) if bill_id else mine) if row.subject_id}
    pages = Attempt.objects.filter(cluster_id=actor.cluster_id, id__in=list(begun), payable_until__gt=now)
    return [
        OpenCheckout(page.id, bill, begun[page.id].amount, page.provider, page.checkout_url)
        for page in pages.exclude(checkout_url="").order_by("-id")
        if (bill := begun[page.id].subject_id)
    ]


def kept_of(*, actor: Actor, transaction_id: UUID) -> KeptMoney | None:
    """What of a payment of the member's own became a deposit to their wallet instead; None where nothing did."""
    mine = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id, user_id=actor.member_id)
    kept = list(
        Settlement.objects.filter(cluster_id=actor.cluster_id, asked_id__in=mine.values("id"))
        .exclude(surplus_id=None)
        .order_by("-surplus_id")
    )
    if not kept or kept[0].surplus_id is None:
        return None
    return KeptMoney(Money(sum(each.surplus_minor for each in kept), kept[0].currency), kept[0].surplus_id)
