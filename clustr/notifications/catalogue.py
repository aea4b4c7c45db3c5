"""What each event is: to whom it speaks, on which channels unless people choose otherwise, and what nobody can switch off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from django.utils.translation import gettext_noop as _

from clustr.notifications.types import Channel, Face, NotificationEvents, Priority

E = NotificationEvents
BOTH = frozenset({Channel.IN_APP, Channel.EMAIL})
IN_APP = frozenset({Channel.IN_APP})
MAIL = frozenset({Channel.EMAIL})
NOBODY: frozenset[Channel] = frozenset()


@dataclass(frozen=True, slots=True)
class Kind:
    """`member` and `office`: the channels on which each face is told unless the person chose otherwise; None: the event
    does not speak to them. `fixed`: channels that cannot be switched off. `webhooks`: whether integrators hear of it."""

    what: str  # in English; whoever shows it translates it
    member: frozenset[Channel] | None = None
    office: frozenset[Channel] | None = None
    priority: Priority = Priority.NORMAL
    fixed: frozenset[Channel] = field(default=NOBODY)
    webhooks: bool = True

    def told(self, face: Face) -> frozenset[Channel] | None:
        return self.member if face is Face.MEMBER else self.office


def _security(what: str) -> Kind:
    return Kind(what, member=BOTH, priority=Priority.HIGH, fixed=BOTH, webhooks=False)


def _own(what: str, priority: Priority = Priority.NORMAL) -> Kind:
    """A member's own affair: integrators of the estate do not hear of it."""
    return Kind(what, member=BOTH, priority=priority, webhooks=False)


EVENTS: dict[NotificationEvents, Kind] = {
    E.PAYMENT_DUE: Kind(_("A new bill, or one that is due soon"), member=BOTH),
    E.BILL_CHANGED: Kind(_("A bill was changed and needs a new acknowledgment"), member=BOTH),
    E.BILL_ACKNOWLEDGED: Kind(_("A bill was acknowledged"), member=BOTH, office=IN_APP),
    E.BILL_DISPUTED: Kind(
        _("A bill was disputed"), member=BOTH, office=BOTH, priority=Priority.HIGH, fixed=frozenset({Channel.IN_APP})
    ),
    E.DISPUTE_RESOLVED: Kind(_("A dispute was resolved"), member=BOTH),
    E.BILL_OVERDUE: Kind(_("A bill is overdue"), member=BOTH),
    E.BILL_CANCELLED: Kind(_("A bill was cancelled"), member=BOTH),
    E.PAYMENT_CONFIRMED: Kind(_("A payment was received"), member=BOTH),
    E.PAYMENT_FAILED: Kind(_("A payment failed"), member=BOTH, priority=Priority.HIGH),
    E.PAYMENT_REFUNDED: Kind(_("A payment was refunded"), member=BOTH),
    E.WALLET_CREDITED: Kind(_("Money arrived in the wallet"), member=BOTH),
    E.WALLET_CORRECTED: Kind(
        _("Money recorded by mistake was taken back from the wallet"), member=BOTH, priority=Priority.HIGH
    ),
    E.PAYMENT_KEPT_IN_WALLET: Kind(_("A payment could not be used as asked and is in the wallet"), member=BOTH),
    E.PAYOUT_RETURNED: Kind(_("Money that was sent to a bank account came back"), member=BOTH, priority=Priority.HIGH),
    E.CLUSTER_WALLET_CREDITED: Kind(_("The estate's wallet was credited"), office=IN_APP),
    E.RECURRING_PAYMENT_SET_UP: Kind(_("A recurring payment was set up"), member=BOTH),
    E.RECURRING_PAYMENT_REMINDER: Kind(_("A recurring payment is due soon"), member=BOTH),
    E.RECURRING_PAYMENT_TO_CONFIRM: Kind(
        _("A bank asks to confirm a recurring payment"), member=BOTH, priority=Priority.HIGH, webhooks=False
    ),
    E.RECURRING_PAYMENT_PROCESSED: Kind(_("A recurring payment was made"), member=BOTH),
    E.RECURRING_PAYMENT_FAILED: Kind(_("A recurring payment failed"), member=BOTH, priority=Priority.HIGH),
    E.RECURRING_PAYMENT_PAUSED: Kind(_("A recurring payment was paused"), member=BOTH),
    E.RECURRING_PAYMENT_RESUMED: Kind(_("A recurring payment was resumed"), member=BOTH),
    E.RECURRING_PAYMENT_CANCELLED: Kind(_("A recurring payment was cancelled"), member=BOTH),
    E.UTILITY_DELIVERED: _own(_("What was bought from a utility is delivered")),
    E.UTILITY_DELAYED: _own(_("A purchase from a utility takes longer")),
    E.UTILITY_FAILED: _own(_("A utility did not sell, and the money is back"), Priority.HIGH),
    E.UTILITY_REFUNDED: _own(
        _("A purchase from a utility came to nothing after all, and the money is back"), Priority.HIGH
    ),
    E.UTILITY_BLOCKED: _security(_("A purchase from a utility was stopped")),
    E.UTILITY_AUTOMATION_SET_UP: _own(_("An automation was set up")),
    E.UTILITY_AUTOMATION_REMINDER: _own(_("An automation buys soon")),
    E.UTILITY_AUTOMATION_RUN: _own(_("An automation has bought")),
    E.UTILITY_AUTOMATION_LIMIT: _own(_("An automation has reached a spending limit")),
    E.UTILITY_AUTOMATION_SKIPPED: _own(_("An automation could not buy"), Priority.HIGH),
    E.UTILITY_AUTOMATION_CARD: _own(_("An automation's card asks for its owner"), Priority.HIGH),
    E.UTILITY_AUTOMATION_PAUSED: Kind(
        _("An automation was paused"), member=BOTH, priority=Priority.HIGH, fixed=IN_APP, webhooks=False
    ),
    E.UTILITY_AUTOMATION_RESUMED: _own(_("An automation was switched on")),
    E.UTILITY_AUTOMATION_CANCELLED: _own(_("An automation has ended")),
    E.ACKNOWLEDGMENT_DIGEST: Kind(_("The day's acknowledgments, once a day"), office=MAIL, webhooks=False),
    E.CLUSTER_WALLET_DIGEST: Kind(
        _("The day's credits of the estate's wallet, once a day"), office=MAIL, webhooks=False
    ),
    E.ADMIN_ALERT: Kind(
        _("Something needs the office"), office=BOTH, priority=Priority.HIGH, fixed=BOTH, webhooks=False
    ),
    E.PIN_LOCKED: _security(_("Spending was locked after wrong PINs")),
    E.PIN_RESET: _security(_("The wallet's PIN was reset")),
    E.NEW_PAYEE: _security(_("Money is to go to a new bank account")),
}


def faces(event: NotificationEvents) -> Iterator[tuple[Face, frozenset[Channel]]]:
    """The faces an event has, with the channels each is told on by default."""
    for face in Face:
        told = EVENTS[event].told(face)
        if told is not None:
            yield face, told


def defaults() -> list[tuple[NotificationEvents, Face, Channel, bool, bool]]:
    """Every event, face and channel: whether people are told unless they choose otherwise, and whether that is fixed."""
    return [
        (event, face, channel, channel in told, channel in kind.fixed)
        for event, kind in EVENTS.items()
        for face, told in faces(event)
        for channel in Channel
    ]
