"""Countries and time zones to choose from, as the database of time zones has them."""

from __future__ import annotations

import zoneinfo
from functools import cache
from importlib.resources import files

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Choices = tuple[tuple[str, str | Promise], ...]


@cache
def zones(present: str) -> Choices:
    """Time zones by region and city, and the one that is there at present."""
    named = {
        name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith(("Etc/", "SystemV/"))
    }
    return tuple((name, name.replace("_", " ")) for name in sorted(named | {present}))


@cache
def countries() -> Choices:
    """Countries by name, with their two letters; none is chosen beforehand."""
    lines = files("tzdata").joinpath("zoneinfo/iso3166.tab").read_text("utf-8").splitlines()
    known = [line.split("\t") for line in lines if line and not line.startswith("#")]
    return (("", _("Choose a country")), *sorted(((code, name) for code, name in known), key=lambda one: one[1]))


def country_of(code: str) -> str:
    """What a country is called; its letters where they are not known."""
    return str(dict(countries()).get(code, code)) if code else ""
