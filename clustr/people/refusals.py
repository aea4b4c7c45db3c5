"""The ways the people room says no."""

from __future__ import annotations

from clustr.kit.errors import Conflict, Invalid, NotFound


class PersonNotFound(NotFound):
    """There is no such person."""

    code = "person_not_found"


class PersonErased(Conflict):
    """This person was erased and cannot be brought back."""

    code = "person_erased"


class InvalidEmail(Invalid):
    """This is not an e-mail address."""

    code = "invalid_email"
    field = "email"


class InvalidPerson(Invalid):
    """The person's name or phone number is too long."""

    code = "invalid_person"
    field = "name"


class ReasonMissing(Invalid):
    """An erasure needs a reason."""

    code = "erasure_reason_missing"
    field = "reason"
