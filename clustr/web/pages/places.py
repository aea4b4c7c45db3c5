"""Countries and time zones to choose from."""

from __future__ import annotations

import zoneinfo
from functools import cache

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from clustr.subscriptions.countries import COUNTRIES, country_name

Choices = tuple[tuple[str, str | Promise], ...]


@cache
def zones(present: str) -> Choices:
    """Time zones by region and city, as the database of time zones has them, and the one that is there at present."""
    named = {
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    }
    return tuple((name, name.replace("_", " ")) for name in sorted(named | {present}))


def countries() -> Choices:
    """Countries by name, with their two letters; none is chosen beforehand."""
    return (
        ("", _("Choose a country")),
        *sorted(((code, country_name(code)) for code in COUNTRIES), key=lambda one: one[1]),
    )
