"""Transactions as people may see them: their own, or with ViewPayments those of the cluster."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db.models import QuerySet

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.refusals import TransactionNotFound
from clustr.payments.states import Purpose, TransactionStatus, TransactionType
from clustr.payments.types import TransactionView


@dataclass(frozen=True, slots=True)
class TransactionFilter:
    """Which transactions; each None means any. `since` and `until` bound `created_at`, half-open."""

    type: TransactionType | None = None
    status: TransactionStatus | None = None
    user_id: UUID | None = None
    bill_id: UUID | None = None
    provider: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def transactions_of_cluster(
    *, actor: Actor, chosen: TransactionFilter, before: UUID | None = None, limit: int = 50
) -> list[TransactionView]:
    """The cluster's transactions, newest first; needs ViewPayments. `before` is the id of the last one read."""
    actor.require("ViewPayments")
    return [view_of(row) for row in _page(_matching(actor, chosen), before)[:limit]]


def my_transactions(
    *, actor: Actor, chosen: TransactionFilter, before: UUID | None = None, limit: int = 50
) -> list[TransactionView]:
    """The member's own transactions, newest first."""
    mine = _matching(actor, chosen).filter(user_id=actor.member_id)
    return [view_of(row) for row in _page(mine, before)[:limit]]


def transaction_visible_to(*, actor: Actor, transaction_id: UUID) -> TransactionView:
    """One transaction: its owner's, or with ViewPayments any of the cluster. Refuses `TransactionNotFound`."""
    found = Transaction.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
    if found is None or not (actor.may("ViewPayments") or found.user_id == actor.user_id):
        raise TransactionNotFound
    return view_of(found)


def view_of(transaction: Transaction) -> TransactionView:
    """A transaction as people see it; also for one that a command has just made."""
    return TransactionView(
        id=transaction.id,
        reference=transaction.reference,
        type=TransactionType(transaction.type),
        status=TransactionStatus(transaction.status),
        amount=transaction.amount,
        refunded=Money(transaction.refunded_minor, transaction.currency),
        provider=transaction.provider,
        provider_reference=transaction.provider_reference,
        user_id=transaction.user_id,
        bill_id=transaction.subject_id if transaction.purpose == Purpose.BILL else None,
        description=transaction.description,
        failure=transaction.failure,
        created_at=transaction.created_at,
        completed_at=transaction.completed_at,
    )


def _matching(actor: Actor, chosen: TransactionFilter) -> QuerySet[Transaction]:
    found = Transaction.objects.filter(cluster_id=actor.cluster_id)
    if chosen.type:
        found = found.filter(type=chosen.type)
    if chosen.status:
        found = found.filter(status=chosen.status)
    if chosen.user_id:
        found = found.filter(user_id=chosen.user_id)
    if chosen.bill_id:
        found = found.filter(purpose=Purpose.BILL, subject_id=chosen.bill_id)
    if chosen.provider:
        found = found.filter(provider=chosen.provider)
    if chosen.since:
        found = found.filter(created_at__gte=chosen.since)
    if chosen.until:
        found = found.filter(created_at__lt=chosen.until)
    return found


def _page(found: QuerySet[Transaction], before: UUID | None) -> QuerySet[Transaction]:
    if before:
        found = found.filter(id__lt=before)
    return found.order_by("-id")
