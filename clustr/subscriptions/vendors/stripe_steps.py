"""Requests to Stripe that take several steps."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from clustr.kit.outbound import NothingSent, OutcomeUnknown


@contextmanager
def in_part() -> Iterator[None]:
    """What follows a step that Stripe heard. Should nothing of it be sent, it is still not so that nothing was done: that is
    `OutcomeUnknown`, and the whole is asked again."""
    try:
        yield
    except NothingSent as error:
        raise OutcomeUnknown(str(error)) from error
