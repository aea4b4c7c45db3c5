"""What a provider does not know of after it was asked to send money: wait, send it once more, or take it for refused."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Exchange, Transaction
from clustr.payments.schedule import FEWEST_MISSES, UNSENT_AFTER
from clustr.payments.states import OPEN
from clustr.payments.types import PaymentErrorType


@dataclass(frozen=True, slots=True)
class Verdict:
    """`again`: send it, with the same reference; `repeated`: it may have been sent before. `refused`: the repeat was
    refused, and it is not there."""

    again: bool = False
    repeated: bool = True
    refused: PaymentErrorType | None = None


def is_first(*, locked: Transaction, first_at: datetime | None) -> bool:
    """Whether what was just answered is of the only request that was sent: the first, and nobody has sent another since. `first_at`:
    the instant at which that was noted; None for a repeat."""
    sent = Attempt.objects.filter(cluster_id=locked.cluster_id, id=locked.id, sent_at=first_at)
    return first_at is not None and sent.exists()


def judge_lost(*, locked: Transaction, attempt: Attempt, act: str, now: datetime) -> Verdict:
    """What to do about money that was asked to go (`act`) and that its provider, asked once more, knows nothing of.

    It is sent again when it is certain enough that the provider never received it, and nobody else is about to: that it is
    sent is noted under the lock, so that of many who hear the same only one sends. Not while the estate's books do not hold.
    """
    if locked.status in OPEN and attempt.sent_at is None:
        if payments.is_held():
            return Verdict()
        payments.send_attempt(transaction_id=locked.id, now=now)
        return Verdict(again=True, repeated=False)
    sent = attempt.sent_at or attempt.started_at
    if locked.status not in OPEN or attempt.misses + 1 < FEWEST_MISSES or now - sent < UNSENT_AFTER:
        return Verdict()
    asked = Exchange.objects.filter(cluster_id=locked.cluster_id, transaction_id=locked.id, act=act)
    last = asked.order_by("-at", "-id").first()
    if last is not None and last.outcome == "refused" and last.at >= sent:
        return Verdict(refused=PaymentErrorType(last.answer["type"]))
    if payments.is_held():
        return Verdict()
    payments.send_attempt(transaction_id=locked.id, now=now)
    return Verdict(again=True)
