"""Transactions: made, stepped from state to state with their history, refunded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import copy
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db import IntegrityError, connection
from django.db.models import Count, F, Max, Sum

from clustr.kit.ids import new_id, reference_of
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.payments.figures import Steps, tell_payment, tell_payments
from clustr.payments.models import StatusChange, Transaction
from clustr.payments.queries import is_disputed
from clustr.payments.refusals import (
    NotRefundable,
    PaymentDisputed,
    ReferenceTaken,
    RefundExceedsPayment,
    TransactionNotFound,
)
from clustr.payments.states import OPEN, Purpose, TransactionStatus, TransactionType

_REFERENCE_INDEXES = ("payments_transaction_provider_reference", "payments_transaction_offline_reference")


def create_transaction(
    *,
    id: UUID,
    type: TransactionType,
    status: TransactionStatus,
    amount: Money,
    purpose: Purpose,
    now: datetime,
    user_id: UUID | None = None,
    subject_id: UUID | None = None,
    provider: str = "",
    provider_reference: str = "",
    description: str = "",
) -> Transaction:
    """Record a transaction in the current cluster. Refuses `ReferenceTaken` where the provider's reference stands."""
    transaction = Transaction(
        id=id,
        cluster_id=current_tenant(),
        reference=reference_of(id),
        type=type.value,
        status=status.value,
        amount_minor=amount.minor,
        currency=amount.currency,
        provider=provider,
        provider_reference=provider_reference,
        user_id=user_id,
        purpose=purpose.value,
        subject_id=subject_id,
        description=description,
        created_at=now,
        completed_at=now if status is TransactionStatus.COMPLETED else None,
    )
    try:
        transaction.save(force_insert=True)
    except IntegrityError as error:
        refuse_taken_reference(error)
        raise
    tell_payment(transaction=transaction)
    return transaction


def lock_transaction(*, transaction_id: UUID) -> Transaction:
    """Lock a transaction of the current cluster until the end of the database's own. Refuses `TransactionNotFound`."""
    found = (
        Transaction.objects.select_for_update(no_key=True)
        .filter(cluster_id=current_tenant(), id=transaction_id)
        .first()
    )
    if found is None:
        raise TransactionNotFound
    return found


def step_transaction(
    *,
    transaction: Transaction,
    status: TransactionStatus,
    now: datetime,
    failure: dict[str, Any] | None = None,
    provider_reference: str = "",
) -> bool:
    """Take a step with a locked transaction, and note it in its history; answers False if it stands there already.

    `failure` says why, with `failed` only. The database refuses a step that is not in `states.STEPS`.
    """
    if transaction.status == status:
        return False
    before = transaction.status
    transaction.status = status.value
    transaction.failure = failure if status is TransactionStatus.FAILED else None
    transaction.completed_at = now if status is TransactionStatus.COMPLETED else None
    transaction.provider_reference = provider_reference or transaction.provider_reference
    transaction.save(update_fields=["status", "failure", "completed_at", "provider_reference"])
    steps = StatusChange.objects.filter(cluster_id=transaction.cluster_id, transaction_id=transaction.id)
    StatusChange.objects.create(
        cluster_id=transaction.cluster_id,
        transaction_id=transaction.id,
        n=(steps.aggregate(last=Max("n"))["last"] or 0) + 1,
        from_status=before,
        to_status=status.value,
        at=now,
    )
    tell_payment(transaction=transaction, before=before)
    return True


def complete_transaction(*, transaction_id: UUID, now: datetime) -> bool:
    """Take the step to `completed`; answers False if it stood there already."""
    locked = lock_transaction(transaction_id=transaction_id)
    return step_transaction(transaction=locked, status=TransactionStatus.COMPLETED, now=now)


def cancel_transaction(*, transaction_id: UUID, now: datetime) -> bool:
    """Take the step to `cancelled`; answers False if it stood there already."""
    locked = lock_transaction(transaction_id=transaction_id)
    return step_transaction(transaction=locked, status=TransactionStatus.CANCELLED, now=now)


def lock_refundable(*, transaction_id: UUID, amount: Money | None) -> tuple[Transaction, Money]:
    """Lock a completed transaction of which `amount` is to be given back (None: all that is left), and answer it with that
    amount: never more than what was not refunded and is not on its way back, also under concurrency.

    Refuses `TransactionNotFound`, `NotRefundable`, `RefundExceedsPayment`, `PaymentDisputed` (its payer's bank may take it
    back: it would go twice).
    """
    original, back = _lock_what_is_left(transaction_id, amount)
    if is_disputed(transaction_ids=[transaction_id]):
        raise PaymentDisputed
    return original, back


def _lock_what_is_left(transaction_id: UUID, amount: Money | None) -> tuple[Transaction, Money]:
    original = lock_transaction(transaction_id=transaction_id)
    if original.status == TransactionStatus.REFUNDED:
        raise RefundExceedsPayment
    if original.status != TransactionStatus.COMPLETED:
        raise NotRefundable
    left = original.amount_minor - original.refunded_minor - on_its_way_back(transaction_id=transaction_id)
    wanted = left if amount is None else amount.minor
    if not 0 < wanted <= left:
        raise RefundExceedsPayment
    return original, Money(wanted, original.currency)


def on_its_way_back(*, transaction_id: UUID) -> int:
    """Minor units of a transaction that its provider was asked to give back, while it is not known whether it did."""
    under_way = Transaction.objects.filter(
        cluster_id=current_tenant(), subject_id=transaction_id, purpose=Purpose.REFUND, status__in=OPEN
    )
    return int(under_way.aggregate(sum=Sum("amount_minor"))["sum"] or 0)


def count_refund(*, transaction_id: UUID, amount: Money, now: datetime) -> Transaction:
    """Add to what was refunded of a completed transaction; never more than its amount, also under concurrency.

    A transaction refunded whole becomes `refunded`. Answers it as it was before. Refuses `TransactionNotFound`,
    `NotRefundable`, `RefundExceedsPayment`.
    """
    original, _ = _lock_what_is_left(transaction_id, amount)
    whole = original.refunded_minor + amount.minor == original.amount_minor
    Transaction.objects.filter(id=transaction_id).update(
        refunded_minor=F("refunded_minor") + amount.minor,
        status=TransactionStatus.REFUNDED if whole else TransactionStatus.COMPLETED,
    )
    if whole:
        _note_steps([transaction_id], now)
        refunded = copy(original)
        refunded.status = TransactionStatus.REFUNDED.value
        tell_payment(transaction=refunded, before=original.status)
    return original


def make_refund(*, transaction_id: UUID, amount: Money, provider: str, reason: str, now: datetime) -> Transaction:
    """Give so much of a completed transaction back to whoever paid it: count it there, and make the refund, which is completed,
    with the same transaction as its subject. The caller moves the money. Refuses as `count_refund`."""
    original = count_refund(transaction_id=transaction_id, amount=amount, now=now)
    return create_transaction(
        id=new_id(),
        type=TransactionType.REFUND,
        status=TransactionStatus.COMPLETED,
        amount=amount,
        purpose=Purpose.REFUND,
        user_id=original.user_id,
        subject_id=original.id,
        provider=provider,
        description=reason,
        now=now,
    )


def refund_transactions(*, originals: Mapping[UUID, UUID], reason: str, now: datetime) -> list[tuple[Any, ...]]:
    """Refund many transactions whole, set-based: for each original id the id of its refund.

    Answers rows (original id, refund id, user id, minor units refunded now, currency); one already refunded whole is
    left out.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH wanted AS (
              SELECT * FROM unnest(%(originals)s::uuid[], %(refunds)s::uuid[], %(references)s::text[])
                AS w(original, refund, reference)
            ), locked AS (
              SELECT t.id, t.user_id, t.amount_minor - t.refunded_minor AS rest, t.currency
              FROM payments_transaction t JOIN wanted ON wanted.original = t.id
              WHERE t.cluster_id = kit_tenant() AND t.status = 'completed' ORDER BY t.id FOR NO KEY UPDATE OF t
            ), marked AS (
              UPDATE payments_transaction t SET refunded_minor = amount_minor, status = 'refunded'
              FROM locked WHERE t.cluster_id = kit_tenant() AND t.id = locked.id RETURNING t.id
            )
            INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,
              user_id, purpose, subject_id, description, created_at, completed_at)
            SELECT kit_tenant(), w.refund, w.reference, 'refund', 'completed', l.rest, l.currency, 'wallet', l.user_id,
              'refund', w.original, %(reason)s, %(now)s, %(now)s
            FROM locked l JOIN wanted w ON w.original = l.id JOIN marked m ON m.id = l.id
            RETURNING subject_id, id, user_id, amount_minor, currency
            """,
            {
                "originals": list(originals),
                "refunds": list(originals.values()),
                "references": [reference_of(refund) for refund in originals.values()],
                "reason": reason,
                "now": now,
            },
        )
        refunded: list[tuple[Any, ...]] = cursor.fetchall()
    _note_steps([row[0] for row in refunded], now)
    _tell_refunds(refunded)
    return refunded


def refuse_taken_reference(error: IntegrityError) -> None:
    """Refuse `ReferenceTaken` if that is what a failed INSERT of a transaction means; otherwise pass."""
    if _constraint(error) in _REFERENCE_INDEXES:
        raise ReferenceTaken from error


def _tell_refunds(rows: Sequence[tuple[Any, ...]]) -> None:
    if not rows:
        return
    of_originals = Transaction.objects.filter(cluster_id=current_tenant(), id__in=[row[0] for row in rows])
    kinds = of_originals.order_by().values_list("type", "provider").annotate(count=Count("id"))
    steps = [
        Steps(TransactionType(kind), TransactionStatus.REFUNDED, provider, count) for kind, provider, count in kinds
    ]
    steps.append(Steps(TransactionType.REFUND, TransactionStatus.COMPLETED, "wallet", len(rows)))
    refunded = Money(sum(row[3] for row in rows), rows[0][4])
    tell_payments(cluster_id=current_tenant(), what="payments_refunded", steps=steps, amount=refunded)


def _note_steps(transaction_ids: Sequence[UUID], now: datetime) -> None:
    """Note the step from `completed` to `refunded` of each of these."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO payments_statuschange (cluster_id, transaction_id, n, from_status, to_status, at)"
            " SELECT kit_tenant(), t.id, 1 + coalesce((SELECT max(c.n) FROM payments_statuschange c"
            "   WHERE c.cluster_id = kit_tenant() AND c.transaction_id = t.id), 0), 'completed', 'refunded', %s"
            " FROM unnest(%s::uuid[]) AS t(id)",
            [now, list(transaction_ids)],
        )


def _constraint(error: IntegrityError) -> str | None:
    diagnostic = getattr(error.__cause__, "diag", None)
    return getattr(diagnostic, "constraint_name", None)
