"""Who asks: made once at the door, handed down to every command and query."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from uuid import UUID

from clustr.kit.errors import NotAllowed

_needed: ContextVar[set[str] | None] = ContextVar("clustr_needed", default=None)


@contextmanager
def noting_permissions() -> Iterator[set[str]]:
    """The permissions that the block asks for."""
    noted: set[str] = set()
    token = _needed.set(noted)
    try:
        yield noted
    finally:
        _needed.reset(token)


class PermissionMissing(NotAllowed):
    """Your role lacks the permission for this."""

    code = "permission_missing"


@dataclass(frozen=True, slots=True)
class Origin:
    """From where a request came; kept in the audit trail and with acknowledgments."""

    ip: str | None = None
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class Actor:
    """A person acting in one cluster, or the system itself (`user_id` None, no permissions).

    `role` is the strongest present role: `admin`, `staff`, `resident`, or `former` for somebody who has left, who
    keeps their wallet, reads and pays what applied to them, and nothing else.
    """

    cluster_id: UUID
    currency: str
    timezone: str
    user_id: UUID | None = None
    role: str = "system"
    permissions: frozenset[str] = frozenset()
    origin: Origin = field(default_factory=Origin)

    def may(self, permission: str) -> bool:
        return permission in self.permissions

    def require(self, permission: str) -> None:
        """Refuse unless the actor holds this permission."""
        needed = _needed.get()
        if needed is not None:
            needed.add(permission)
        if permission not in self.permissions:
            raise PermissionMissing("This needs the permission {permission}.", permission=permission)

    @property
    def member_id(self) -> UUID:
        """The user acting as a member of the cluster."""
        if self.user_id is None:
            raise PermissionMissing("The system is not a member.")
        return self.user_id
