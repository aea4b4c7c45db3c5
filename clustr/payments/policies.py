"""Pure rules of transactions."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from clustr.kit.errors import InvalidValue
from clustr.kit.money import Money
from clustr.kit.sentences import Sentence
from clustr.payments.providers.nouns import Bounds
from clustr.payments.refusals import CallbackNotAllowed, TransactionNotRetryable
from clustr.payments.states import TransactionStatus

_LONGEST_CALLBACK = 2_000


def refuse_retry(*, status: TransactionStatus, attempted: bool) -> None:
    """Refuse to try a payment again unless it failed, and was asked of a provider."""
    if status is not TransactionStatus.FAILED or not attempted:
        raise TransactionNotRetryable


def beyond_bounds(*, total: Money, bounds: Bounds) -> str:
    """Why so much is taken in no charge, `amount_too_small` or `amount_too_large`; "" where it is."""
    if bounds.least is not None and total.minor < bounds.least.minor:
        return "amount_too_small"
    return "amount_too_large" if bounds.most is not None and total.minor > bounds.most.minor else ""


def refuse_beyond_bounds(*, total: Money, bounds: Bounds, provider: str) -> None:
    """Refuse what this provider takes in no charge: `total` is what the payer would pay, with a fee they bear."""
    code = beyond_bounds(total=total, bounds=bounds)
    if not code:
        return
    who, least, most = provider.capitalize(), bounds.least, bounds.most
    if most is None:
        said = Sentence("{who} takes no less than {least} at once.", who=who, least=least and least.with_sign())
    elif least is None:
        said = Sentence("{who} takes no more than {most} at once.", who=who, most=most.with_sign())
    else:
        ends = {"least": least.with_sign(), "most": most.with_sign()}
        said = Sentence("{who} takes no less than {least} and no more than {most} at once.", who=who, **ends)
    raise InvalidValue.of("amount", code, said)


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
