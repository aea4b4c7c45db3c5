"""Who of the platform's staff stands behind an act at the command line."""

from __future__ import annotations

from uuid import UUID

from django.core.management.base import CommandError

from clustr.people import queries as people


def staff_named(email: str) -> UUID:
    """One of the platform's staff, by their address. Ends the command where it is nobody's, or somebody else's."""
    found = people.find_by_email(email=email) if email else None
    if found is None or not people.is_platform_staff(user_id=found):
        raise CommandError("Say who decided it: --by the address of one of the platform's staff.")
    return found
