"""What fails although it should not: asked about ever more seldom, and in the end by a person. Nothing is given up."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Notice, Transaction
from clustr.payments.schedule import ASK_A_PERSON_AFTER, next_check
from clustr.payments.states import CaseKind, NoticeState, TransactionStatus

_FAILS_TOO_LONG = timedelta(hours=1)
"""How long something may fail by an error of ours before a person is asked."""


def postpone_confirm(*, cluster_id: UUID, transaction_id: UUID, now: datetime) -> None:
    """Asking about a payment, or booking what was heard, failed: do it again later, by the schedule of what was not heard."""
    with tenant(cluster_id):
        attempt = Attempt.objects.filter(cluster_id=cluster_id, id=transaction_id).first()
        if attempt is None or attempt.next_check_at is None:
            return
        again = next_check(
            started_at=attempt.started_at, payable_until=attempt.payable_until, checks=attempt.checks + 1, now=now
        )
        payments.schedule_check(transaction_id=transaction_id, next_check_at=again)
        if now - attempt.started_at >= _FAILS_TOO_LONG:
            payments.open_case(
                kind=CaseKind.NEVER_ANSWERED,
                subject=str(transaction_id),
                transaction_id=transaction_id,
                facts={"provider": attempt.provider, "reference": attempt.reference},
                now=now,
            )


def postpone_notice(*, notice_id: UUID, failed: bool, now: datetime) -> None:
    """A notice could not be acted on: by an error of ours (`failed`), or because the provider did not answer. Try again later;
    the platform's people are told of one that will not go."""
    notice = Notice.objects.filter(id=notice_id, state=NoticeState.WAITING).first()
    if notice is None:
        return
    payments.postpone_notice(notice_id=notice.id, attempts=notice.attempts, now=now)
    if now - notice.received_at < (_FAILS_TOO_LONG if failed else ASK_A_PERSON_AFTER):
        return
    with tenant(PLATFORM_CLUSTER_ID):
        payments.open_case(
            kind=CaseKind.NEVER_ANSWERED,
            subject=f"notice:{notice.id}",
            facts={"provider": notice.provider, "kind": notice.kind, "reference": notice.reference},
            now=now,
        )


def leave_unknown(*, locked: Transaction, attempt: Attempt, now: datetime, **facts: str) -> None:
    """It is not known what became of a locked transaction; after a day of that a person is asked too. Part of a
    settlement."""
    if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING):
        payments.step_transaction(transaction=locked, status=TransactionStatus.UNKNOWN, now=now)
    if locked.status == TransactionStatus.UNKNOWN and now - attempt.started_at >= ASK_A_PERSON_AFTER:
        payments.open_case(
            kind=CaseKind.UNKNOWN_TOO_LONG,
            subject=str(locked.id),
            transaction_id=locked.id,
            facts={"provider": attempt.provider, "reference": attempt.reference, **facts},
            now=now,
        )
