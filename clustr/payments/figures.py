"""Every step of every payment, counted and told in one line of the log, once it is committed. That it could not be told
never undoes or hides what was done."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from uuid import UUID

import structlog
from django.db import transaction as database

from clustr.kit.metrics import Counter, Histogram, begin_at_zero
from clustr.kit.money import Money
from clustr.payments.models import Transaction
from clustr.payments.providers.registry import MAKERS
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import PaymentErrorType

log = structlog.get_logger("clustr.payments")

NO_PROVIDER = "none"
"""The label of what no provider, and nobody's hands, had a part in: transfers and credits of the estate's wallet."""

PAYMENTS = Counter(
    "clustr_payments",
    "Payments that came to stand at this status; each counts once for every status it passes.",
    ["type", "status", "provider"],
)
FAILURES = Counter(
    "clustr_payment_failures",
    "Payments that failed, by the reason clients read (PaymentErrorType).",
    ["provider", "error"],
)
COMPLETION_SECONDS = Histogram(
    "clustr_payment_completion_seconds",
    "Time from the beginning of a payment that took several steps until it was completed.",
    ["type", "provider"],
    buckets=(5, 15, 30, 60, 300, 900, 3600, 21600, 86400, 604800),
)
begin_at_zero(FAILURES, ((provider, error.value) for provider in MAKERS for error in PaymentErrorType))


def tell_payment(*, transaction: Transaction, before: str = "") -> None:
    """Count where a payment stands now and say so, once what is under way is committed; nothing if it is undone.

    `before`: the status it had. Failed is an ERROR, not knowing a WARNING, all else INFO.
    """
    status, error = transaction.status, (transaction.failure or {}).get("type", "")
    provider = transaction.provider or NO_PROVIDER
    facts = {
        "transaction_id": str(transaction.id),
        "cluster_id": str(transaction.cluster_id),
        "type": transaction.type,
        "status": status,
        "provider": provider,
        "amount_minor": transaction.amount_minor,
        "currency": transaction.currency,
        **({"before": before} if before else {}),
        **({"error": error} if error else {}),
    }

    ended = transaction.completed_at if before and status == TransactionStatus.COMPLETED else None
    took = ended - transaction.created_at if ended else None

    def tell() -> None:
        PAYMENTS.labels(transaction.type, status, provider).inc()
        if took is not None:
            COMPLETION_SECONDS.labels(transaction.type, provider).observe(took.total_seconds())
        if status == TransactionStatus.FAILED:
            FAILURES.labels(provider, error or PaymentErrorType.UNKNOWN.value).inc()
            log.error("payment", **facts)
        elif status == TransactionStatus.UNKNOWN:
            log.warning("payment", **facts)
        else:
            log.info("payment", **facts)

    database.on_commit(tell, robust=True)


@dataclass(frozen=True, slots=True)
class Steps:
    """How many payments came to stand at this status in one statement."""

    type: TransactionType
    status: TransactionStatus
    provider: str
    payments: int


def tell_payments(*, cluster_id: UUID, what: str, steps: Sequence[Steps], amount: Money) -> None:
    """The same for many payments of one set-based statement: one line for all of them. `what`: the event, such as
    `payments_refunded`; `amount`: what moved together."""

    def tell() -> None:
        for step in steps:
            PAYMENTS.labels(step.type.value, step.status.value, step.provider or NO_PROVIDER).inc(step.payments)
        log.info(
            what,
            cluster_id=str(cluster_id),
            steps=[asdict(step) for step in steps],
            amount_minor=amount.minor,
            currency=amount.currency,
        )

    database.on_commit(tell, robust=True)
