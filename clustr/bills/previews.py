"""What a bill, or a change of one, would do, before anybody decides on it. Nothing is written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from clustr.bills.office_queries import residents_among
from clustr.bills.policies import refuse_new_bill
from clustr.bills.types import ManagedBillView, NewBill
from clustr.clusters import queries as clusters
from clustr.clusters.refusals import MemberNotFound
from clustr.kit.actor import Actor
from clustr.kit.money import Money


@dataclass(frozen=True, slots=True)
class BillPreview:
    """Whom bills would reach now, and what they would ask of all of them together. `members` counts a member once for each
    bill that reaches them."""

    bills: int
    members: int
    total: Money


def preview_bills(*, actor: Actor, bills: Sequence[NewBill], now: datetime) -> BillPreview:
    """What these bills would come to. Needs ManageBill; refuses what issuing them would refuse."""
    actor.require("ManageBill")
    for new in bills:
        refuse_new_bill(type=new.type, amount=new.amount, currency=actor.currency, due_date=new.due_date, now=now)
    named = {new.user_id for new in bills if new.user_id is not None}
    if named and residents_among(user_ids=named, now=now) != named:
        raise MemberNotFound
    counted: dict[tuple[datetime, bool], int] = {}
    members, total = 0, 0
    for new in bills:
        reached = 1
        if new.user_id is None:
            terms = (new.due_date, new.members_at_issue_only)
            if terms not in counted:
                counted[terms] = clusters.members_billed(
                    issued_at=now, due_date=new.due_date, at_issue_only=new.members_at_issue_only
                )
            reached = counted[terms]
        members += reached
        total += reached * new.amount.minor
    return BillPreview(len(bills), members, Money(total, actor.currency))


def members_after_change(*, actor: Actor, bill: ManagedBillView, due_date: datetime) -> int:
    """How many members a bill would reach, were it due then. Needs ManageBill."""
    actor.require("ManageBill")
    if bill.user_id is not None:
        return 1
    return clusters.members_billed(
        issued_at=bill.issued_at, due_date=due_date, at_issue_only=bill.members_at_issue_only
    )
