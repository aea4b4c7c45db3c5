"""Refusals: the eight ways the system says no, and how the database's own refusals become them.

A refusal is anticipated: it has a stable `code`, a title (its docstring) and leaves nothing behind. Anything else that
is raised is a bug. HTTP statuses are not known here; `clustr.web.api` translates the eight kinds.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar

from django.db import DatabaseError

from clustr.kit.sentences import Sentence

REFUSED = "CR000"
"""The SQLSTATE our own SQL functions raise; the message is the refusal's code, the detail a sentence for people."""

_LOCK_NOT_AVAILABLE = "55P03"
_QUERY_CANCELED = "57014"


@dataclass(frozen=True, slots=True)
class FieldError:
    """One invalid value: where it stood (`bills.3.amount`), a stable code, and a sentence for people."""

    field: str
    code: str
    message: str


class Refusal(Exception):
    """The request was refused.

    `raise SheetInvalid("A sheet has at most {most} bills.", most=f"{MAX_ROWS:,}")`: a constant with values, or nothing, and
    it says its title. The API answers that in English whatever language is active; to people `clustr.kit.sentences` says it
    in theirs.
    """

    code: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[Refusal]]] = {}

    def __init__(
        self,
        detail: str = "",
        /,
        *,
        errors: tuple[FieldError, ...] = (),
        retry_after_seconds: int | None = None,
        **values: object,
    ) -> None:
        self.detail = Sentence(detail or self.title(), **values)
        super().__init__(self.detail)
        self.errors = errors
        self.retry_after_seconds = retry_after_seconds

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        if "code" in cls.__dict__:
            if cls.code in Refusal.registry:
                raise TypeError(f"refusal code {cls.code!r} is taken by {Refusal.registry[cls.code].__name__}")
            Refusal.registry[cls.code] = cls

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class Invalid(Refusal):
    """The values are invalid."""

    code = "invalid"
    field: ClassVar[str] = ""
    """The value that is wrong, where it is always the same one."""


class NotAllowed(Refusal):
    """You are not allowed to do this."""

    code = "not_allowed"


class NotFound(Refusal):
    """There is no such thing here."""

    code = "not_found"


class Conflict(Refusal):
    """The request does not fit the present state."""

    code = "conflict"


class Declined(Refusal):
    """The payment was declined."""

    code = "declined"


class Locked(Refusal):
    """This is locked."""

    code = "locked"


class TooMany(Refusal):
    """Too many requests; try again later."""

    code = "too_many_requests"


class Unavailable(Refusal):
    """A service this needs is not available at the moment."""

    code = "unavailable"


class Busy(Unavailable):
    """Others are working on the same rows; try again in a moment."""

    code = "busy"


class TookTooLong(Unavailable):
    """This took too long and was stopped; nothing of it took effect. Ask for less at once, or again later."""

    code = "took_too_long"


class InvalidValue(Invalid):
    """One or more values are invalid."""

    code = "invalid_value"

    @classmethod
    def of(cls, field: str, code: str, message: str, /, **values: object) -> InvalidValue:
        said = Sentence(message, **values)
        return cls(said, errors=(FieldError(field, code, said),))


@contextmanager
def refusals_from_database() -> Iterator[None]:
    """Turn a refusal raised by one of our SQL functions, a lock or an answer not obtained in time, into its
    named error."""
    try:
        yield
    except DatabaseError as error:
        refusal = refusal_of(error)
        if refusal is None:
            raise
        raise refusal from error


def refusal_of(error: DatabaseError) -> Refusal | None:
    """The refusal that a database error stands for, or None if it is a bug. A detail that SQL formats stays English: only
    programs hear of it, who report what was used."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None)
    diagnostic = getattr(cause, "diag", None)
    if state == REFUSED and diagnostic is not None:
        kind = Refusal.registry.get(diagnostic.message_primary or "")
        return kind(diagnostic.message_detail or "") if kind else None
    if state == _LOCK_NOT_AVAILABLE:
        return Busy(retry_after_seconds=1)
    if state == _QUERY_CANCELED:
        return TookTooLong(retry_after_seconds=1)
    return None
