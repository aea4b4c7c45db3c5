"""Pure rules of transactions."""

from __future__ import annotations

from clustr.payments.refusals import TransactionNotRetryable
from clustr.payments.states import TransactionStatus

PROVIDERS: frozenset[str] = frozenset()
"""The providers whose failed payments can be tried again. None is connected yet."""


def refuse_retry(*, status: TransactionStatus, provider: str) -> None:
    """Refuse to try a payment again unless it failed, at a provider that can be asked again."""
    if status is not TransactionStatus.FAILED or provider not in PROVIDERS:
        raise TransactionNotRetryable
