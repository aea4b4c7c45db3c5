"""What the bar at the bottom of a phone and the one at the side of a desk lead to, in each area.

An area's pages add their links here: a label, the name of their address, an icon of lucide's. At most five are
`on_phone`; the rest stand at the side of wide screens, and on phones behind one of those: "More", "You", "Your plan", "Customers"."""

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
    needs: frozenset[str] = frozenset()
    """The permissions of which one is enough for the link to be there; none: for everybody in the area."""
    beside: str = ""
    """Where more of its pages stand, if not below its own address."""
    behind: str = ""
    """The name of the link that stands for it on phones, where it is not there itself."""
    heading: str | Promise = ""
    """What stands above it at the side of a desk, where a new kind of places begins."""
    keeps: str = ""
    """The part of an address that goes on with whoever follows the link from another page that has it."""

    def depth(self, path: str) -> int:
        """How closely a page belongs to it: the length of the address that both begin with; 0: it does not."""
        return max((len(start) for start in (self.address, self.beside) if start and path.startswith(start)), default=0)

    @property
    def address(self) -> str:
        return _address(self.name)


@cache
def _address(name: str) -> str:
    return reverse(name)


_SEES, _WALLET = frozenset({"ViewPayments"}), frozenset({"ViewWallet"})
_STAFF = frozenset({"ManageSubscriptions"})

AREAS: dict[str, tuple[Link, ...]] = {
    "app": (
        Link(_("Home"), "app:home", "house"),
        Link(_("Bills"), "app:bills", "receipt-text"),
        Link(_("Wallet"), "app:wallet", "wallet"),
        Link(_("Utilities"), "app:utilities", "zap"),
        Link(_("Recurring"), "app:recurring", "repeat", on_phone=False, behind="app:you"),
        Link(_("Payments"), "app:transactions", "arrow-left-right", on_phone=False, behind="app:you"),
        Link(_("Notices"), "app:notices", "bell", on_phone=False, behind="app:you"),
        Link(_("You"), "app:you", "circle-user-round", beside="/accounts/"),
    ),
    "office": (
        Link(_("Overview"), "office:home", "layout-dashboard"),
        Link(_("Bills"), "office:bills", "receipt-text", needs=_SEES),
        Link(_("Members"), "office:members", "users", needs=_SEES | {"ManageMembers"}, beside="/office/memberships/"),
        Link(_("Wallet"), "office:wallet", "wallet", needs=_WALLET),
        Link(_("Who is overdue"), "office:arrears", "clock-alert", on_phone=False, behind="office:more", needs=_SEES),
        Link(
            _("Disputes"),
            "office:disputes",
            "message-circle-question-mark",
            on_phone=False,
            behind="office:more",
            needs=_SEES,
        ),
        Link(
            _("Transactions"),
            "office:transactions",
            "arrow-left-right",
            on_phone=False,
            behind="office:more",
            needs=_SEES,
        ),
        Link(_("Recurring"), "office:recurring", "repeat", on_phone=False, behind="office:more", needs=_SEES),
        Link(_("Utilities"), "office:utilities", "zap", on_phone=False, behind="office:more", needs=_SEES),
        Link(
            _("Transfers"),
            "office:transfers",
            "send",
            on_phone=False,
            behind="office:more",
            needs=_WALLET | {"TransferFunds"},
        ),
        Link(
            _("Reconciliation"), "office:reconciliation", "scale", on_phone=False, behind="office:more", needs=_WALLET
        ),
        Link(
            _("Bank account"),
            "office:bank_details",
            "landmark",
            on_phone=False,
            behind="office:more",
            needs=frozenset({"TransferFunds"}),
        ),
        Link(_("The trail"), "office:audit", "history", on_phone=False, behind="office:more", needs=_SEES),
        Link(
            _("Settings"),
            "office:settings",
            "settings",
            on_phone=False,
            behind="office:more",
            needs=frozenset({"ManageMembers"}),
        ),
        Link(_("More"), "office:more", "ellipsis"),
    ),
    "platform": (
        Link(_("Your plan"), "platform:home", "badge-check", keeps="estate"),
        Link(_("Plans"), "platform:plans", "layers", keeps="estate"),
        Link(_("Invoices"), "platform:invoices", "file-text", keeps="estate", beside="/platform/payments/"),
        Link(_("Usage"), "platform:usage", "gauge", keeps="estate", on_phone=False, behind="platform:home"),
        Link(_("Cards"), "platform:cards", "credit-card", keeps="estate", on_phone=False, behind="platform:home"),
        Link(_("Address"), "platform:address", "map-pin", keeps="estate", on_phone=False, behind="platform:home"),
        Link(_("Customers"), "platform:customers", "users", needs=_STAFF, heading=_("The platform")),
        Link(
            _("Coupons"),
            "platform:coupons",
            "ticket-percent",
            on_phone=False,
            needs=_STAFF,
            behind="platform:customers",
        ),
        Link(_("Revenue"), "platform:revenue", "chart-column", needs=_STAFF),
        Link(_("Trends"), "platform:trends", "trending-up", on_phone=False, needs=_STAFF, behind="platform:customers"),
        Link(_("At risk"), "platform:at_risk", "life-buoy", on_phone=False, needs=_STAFF, behind="platform:customers"),
        Link(
            _("To look at"), "platform:cases", "shield-alert", on_phone=False, needs=_STAFF, behind="platform:customers"
        ),
        Link(
            _("Overdue invoices"),
            "platform:dunning",
            "clock-alert",
            on_phone=False,
            needs=_STAFF,
            behind="platform:customers",
        ),
    ),
}
"""The areas with their links."""


def navigation(area: str, *, permissions: frozenset[str] = frozenset()) -> tuple[Link, ...]:
    """The links of an area for who holds these permissions; none of an area that has no pages."""
    return tuple(link for link in AREAS.get(area, ()) if not link.needs or link.needs & permissions)
