"""What the door itself refuses, before any room is asked."""

from __future__ import annotations

from typing import ClassVar

from clustr.kit.errors import Conflict, Invalid, Unavailable


class DoorError(Exception):
    """What the door itself refuses, before any room is asked: it has a status of its own, a title and a stable code."""

    status: ClassVar[int] = 400
    code: ClassVar[str] = ""
    registry: ClassVar[dict[str, type[DoorError]]] = {}

    def __init__(self, detail: str = "", headers: dict[str, str] | None = None) -> None:
        super().__init__(detail or self.title())
        self.detail = detail or self.title()
        self.headers = headers or {}

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        DoorError.registry[cls.code] = cls

    @classmethod
    def title(cls) -> str:
        return (cls.__doc__ or cls.__name__).strip().splitlines()[0]


class Malformed(DoorError):
    """The request cannot be read."""

    code = "malformed"


class ClusterMalformed(DoorError):
    """X-Cluster-ID must be a UUID."""

    code = "cluster_malformed"


class NotSignedIn(DoorError):
    """Sign in first."""

    status = 401
    code = "not_signed_in"


class SignatureInvalid(DoorError):
    """The signature is missing or wrong, or notices of this provider are not taken here."""

    status = 401
    code = "signature_invalid"


class CsrfFailed(DoorError):
    """The CSRF token is missing or wrong."""

    status = 403
    code = "csrf_failed"


class PageNotFound(DoorError):
    """There is nothing at this address."""

    status = 404
    code = "no_such_address"


class MethodNotAllowed(DoorError):
    """This address does not answer that method."""

    status = 405
    code = "method_not_allowed"


class TooLarge(DoorError):
    """The request is too large."""

    status = 413
    code = "too_large"


class WrongContentType(DoorError):
    """Send the body as application/json."""

    status = 415
    code = "wrong_content_type"


class InternalError(DoorError):
    """Something went wrong on our side; quote the request id when you report it."""

    status = 500
    code = "internal_error"


class DatabaseUnavailable(Unavailable):
    """The database did not answer; whether the request took effect is not known. Repeat it with the same key."""

    code = "database_unavailable"


class InvalidCursor(Invalid):
    """The cursor does not belong to this list and these filters."""

    code = "invalid_cursor"
    field = "cursor"


class FormOfAnotherEstate(Conflict):
    """This form was shown for another estate; nothing was done. Open the page again."""

    code = "form_of_another_estate"
