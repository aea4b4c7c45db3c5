"""The status of a bill for one member, derived from what happened. Pure; the migrations say the same in SQL."""

from __future__ import annotations

from datetime import datetime

from clustr.bills.types import MemberStatus, Standing


def member_status(*, standing: Standing, now: datetime) -> MemberStatus:
    """A bill's status for one member: the first that holds. The same as SQL's `bills_status`."""
    if standing.cancelled:
        return MemberStatus.CANCELLED
    if standing.paid_minor >= standing.due_minor:
        return MemberStatus.PAID
    if standing.disputed:
        return MemberStatus.DISPUTED
    if now > standing.due_date:
        return MemberStatus.OVERDUE
    if standing.paid_minor > 0:
        return MemberStatus.PARTIALLY_PAID
    if standing.acknowledged:
        return MemberStatus.ACKNOWLEDGED
    return MemberStatus.PENDING_ACKNOWLEDGMENT


def can_pay(*, standing: Standing, allow_payment_after_due: bool, now: datetime) -> bool:
    """Whether the member could pay now."""
    open_for_payment = not standing.cancelled and standing.paid_minor < standing.due_minor
    in_time = now <= standing.due_date or allow_payment_after_due
    return open_for_payment and not standing.disputed and standing.acknowledged and in_time


def can_acknowledge(*, standing: Standing) -> bool:
    """Whether an acknowledgment of the current terms is wanted of the member."""
    unsettled = not standing.cancelled and standing.paid_minor < standing.due_minor
    return unsettled and not standing.disputed and not standing.acknowledged
