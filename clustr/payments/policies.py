"""Pure rules of transactions."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from clustr.payments.refusals import CallbackNotAllowed, TransactionNotRetryable
from clustr.payments.states import TransactionStatus

_LONGEST_CALLBACK = 2_000


def refuse_retry(*, status: TransactionStatus, attempted: bool) -> None:
    """Refuse to try a payment again unless it failed, and was asked of a provider."""
    if status is not TransactionStatus.FAILED or not attempted:
        raise TransactionNotRetryable


def refuse_callback(*, url: str, origins: Collection[str]) -> None:
    """Refuse to send payers back to an address whose origin was not allowed, character by character; none is fine."""
    if not url:
        return
    try:
        parts = urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
    except ValueError as error:
        raise CallbackNotAllowed from error
    plain = url.isascii() and url.isprintable() and "\\" not in url and "@" not in parts.netloc
    if not plain or len(url) > _LONGEST_CALLBACK or origin not in origins:
        raise CallbackNotAllowed
