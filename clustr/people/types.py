"""The nouns other rooms meet: who is signed in, and how to reach somebody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias
from uuid import UUID

NewPerson: TypeAlias = tuple[str, str, str]
"""E-mail, name, phone: what is known of a person before they come."""


@dataclass(frozen=True, slots=True)
class Admitted:
    """People by normalised e-mail, and which of them nobody knew before."""

    ids: dict[str, UUID]
    new: frozenset[UUID]


@dataclass(frozen=True, slots=True)
class SignedIn:
    """The person behind a request. `at` is when they last proved who they are; sensitive acts ask for a fresh one."""

    user_id: UUID
    is_platform_staff: bool
    at: datetime | None


@dataclass(frozen=True, slots=True)
class Contact:
    """How to reach a person. An erased person is not reachable."""

    user_id: UUID
    email: str
    name: str
    phone: str
    reachable: bool
