"""What members and the office are told about bills. Payments and acknowledgments are told by the database itself
(`migrations/0003_telling.py`), whichever way they came."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from clustr.bills.models import Bill
from clustr.clusters.types import PaymentsPermissions
from clustr.kit.money import Money
from clustr.notifications.commands import Notice, notify, notify_each
from clustr.notifications.types import Audience, NotificationEvents

STILL_OWED = "bill_still_owed"
"""The condition for reminders: a member who has not paid in full, and does not dispute."""

STILL_OWED_SQL = """SELECT s.paid_minor < s.due_minor AND s.dispute_id IS NULL FROM bills_bill b
  CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, m.user_id, b.amount_minor, b.version) AS s
  WHERE b.cluster_id = e.cluster_id AND b.id = e.subject_id AND b.cancelled_at IS NULL"""


def audience_of(bill: Bill, *, condition: str = "") -> Audience:
    """Whom a bill reaches: its member, or every member, however many that is."""
    if bill.user_id is not None:
        return Audience.one(bill.user_id)
    return Audience.members(
        issued_at=bill.issued_at,
        due_date=bill.due_date,
        at_issue_only=bill.members_at_issue_only,
        condition=condition,
    )


def facts_of(bill: Bill) -> dict[str, Any]:
    """What a notice about a bill says of it."""
    return {
        "bill": bill.title,
        "bill_number": bill.bill_number,
        "amount_minor": bill.amount_minor,
        "currency": bill.currency,
        "due_date": bill.due_date.isoformat(),
    }


def tell_of_new_bills(*, bills: Sequence[Bill], now: datetime) -> None:
    """Tell whoever these bills of one cluster reach: a row for each bill."""
    notices = [Notice(audience_of(bill), bill.id, facts_of(bill)) for bill in bills]
    notify_each(event=NotificationEvents.PAYMENT_DUE, cluster_id=bills[0].cluster_id, notices=notices, now=now)


def tell_ahead(*, bills: Sequence[Bill], days: int, now: datetime) -> int:
    """Remind whoever still owes on these bills of one cluster, so many days before they are due; once for each bill,
    version and number of days. Answers how many notices were made."""
    return _tell_once(NotificationEvents.PAYMENT_DUE, bills, f"reminder:{days}", now, lambda _: {"reminder": True})


def tell_of_overdue(*, bills: Sequence[Bill], now: datetime) -> int:
    """Tell whoever still owes on these bills of one cluster that their due date has passed; once for each bill and
    version. Answers how many notices were made."""
    return _tell_once(
        NotificationEvents.BILL_OVERDUE,
        bills,
        "overdue",
        now,
        lambda bill: {"late_payment": bill.allow_payment_after_due or None},
    )


def tell_by_hand(*, bill: Bill, day: date, now: datetime) -> bool:
    """Remind whoever still owes on this bill, as the office asked; once a day and version. Answers whether a notice was
    made."""
    if now > bill.due_date:
        event, more = NotificationEvents.BILL_OVERDUE, {"late_payment": bill.allow_payment_after_due or None}
    else:
        event, more = NotificationEvents.PAYMENT_DUE, {"reminder": True}
    return _tell_once(event, [bill], f"by-hand:{day}", now, lambda _: more) == 1


def tell_of_change(*, bill: Bill, now: datetime) -> None:
    """Tell whoever the bill reaches that its terms are others now."""
    _tell(NotificationEvents.BILL_CHANGED, bill, audience_of(bill), now)


def tell_of_cancellation(*, bill: Bill, refunded: bool, now: datetime) -> None:
    """Tell whoever the bill reached that nothing is owed on it any more."""
    more = {"refunded": refunded, "reason": bill.cancel_reason}
    _tell(NotificationEvents.BILL_CANCELLED, bill, audience_of(bill), now, more)


def tell_of_dispute(*, bill: Bill, user_id: UUID, reason: str, now: datetime) -> None:
    """Tell the office, with high priority, and confirm it to the member."""
    more = {"member_user_id": str(user_id), "reason": reason}
    office = Audience.holders(PaymentsPermissions.VIEW_PAYMENTS)
    for audience in (office, Audience.one(user_id)):
        _tell(NotificationEvents.BILL_DISPUTED, bill, audience, now, more)


def tell_of_resolution(
    *, bill: Bill, user_id: UUID, upheld: bool, amount_due: Money | None, note: str, now: datetime
) -> None:
    """Tell the member how their dispute ended; `amount_due`: what they owe now, where it was upheld."""
    more: dict[str, Any] = {"upheld": upheld, "note": note}
    if amount_due is not None:
        more["amount_due_minor"] = amount_due.minor
    _tell(NotificationEvents.DISPUTE_RESOLVED, bill, Audience.one(user_id), now, more)


def tell_of_refund(*, bill: Bill, user_id: UUID, amount: Money, reason: str, now: datetime) -> None:
    """Tell the payer that money is back in their wallet."""
    more = {"amount_minor": amount.minor, "reason": reason}
    _tell(NotificationEvents.PAYMENT_REFUNDED, bill, Audience.one(user_id), now, more)


def _tell_once(
    event: NotificationEvents,
    bills: Sequence[Bill],
    what: str,
    now: datetime,
    more: Callable[[Bill], dict[str, Any]],
) -> int:
    if not bills:
        return 0
    notices = [
        Notice(
            audience_of(bill, condition=STILL_OWED),
            bill.id,
            facts_of(bill) | more(bill),
            f"{what}:{bill.id}:{bill.version}",
        )
        for bill in bills
    ]
    return notify_each(event=event, cluster_id=bills[0].cluster_id, notices=notices, now=now)


def _tell(
    event: NotificationEvents, bill: Bill, audience: Audience, now: datetime, more: dict[str, Any] | None = None
) -> None:
    notify(
        event=event,
        cluster_id=bill.cluster_id,
        audience=audience,
        subject_id=bill.id,
        facts=facts_of(bill) | (more or {}),
        now=now,
    )
