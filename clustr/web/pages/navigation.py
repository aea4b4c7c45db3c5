"""What the bar at the bottom of a phone and the one at the side of a desk lead to, in each area.

An area's pages add their links here: a label, the name of their address, an icon of lucide's. At most five are
`on_phone`; the rest stand at the side of wide screens, and behind the last one on phones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.urls import reverse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Link:
    """One place of an area."""

    label: str | Promise
    name: str
    icon: str
    on_phone: bool = True

    @property
    def address(self) -> str:
        return _address(self.name)


@cache
def _address(name: str) -> str:
    return reverse(name)


AREAS: dict[str, tuple[Link, ...]] = {
    "app": (
        Link(_("Home"), "app:home", "house"),
        Link(_("Bills"), "app:bills", "receipt-text"),
        Link(_("Wallet"), "app:wallet", "wallet"),
        Link(_("Utilities"), "app:utilities", "zap"),
        Link(_("Recurring"), "app:recurring", "repeat", on_phone=False),
        Link(_("Payments"), "app:transactions", "arrow-left-right", on_phone=False),
        Link(_("Notices"), "app:notices", "bell", on_phone=False),
        Link(_("You"), "app:you", "circle-user-round"),
    ),
}
"""The areas with their links."""


def navigation(area: str) -> tuple[Link, ...]:
    """The links of an area; none of one that has no pages yet."""
    return AREAS.get(area, ())
