"""One member's account as the office has it: who they are here, how they stand, and each bill."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.bills.directory import BillStatusCard, bill_status_of
from clustr.bills.queries import CALLED, OWED_COLUMNS, member_bill_view
from clustr.bills.types import MemberBillView
from clustr.clusters.member_queries import members_for_whom
from clustr.clusters.refusals import MemberNotFound
from clustr.clusters.types import Member
from clustr.kit.actor import Actor


@dataclass(frozen=True, slots=True)
class MemberAccount:
    """A person in this cluster: their memberships, the newest first, and how they stand with their bills."""

    memberships: list[Member]
    bill_status: BillStatusCard

    @property
    def member(self) -> Member:
        """The membership that began last."""
        return self.memberships[0]


def account_of_member(*, actor: Actor, user_id: UUID, now: datetime) -> MemberAccount:
    """Who this person is here and how they stand; needs ViewPayments. Refuses `MemberNotFound`."""
    actor.require("ViewPayments")
    found = members_for_whom(
        actor=actor, condition=" AND m.user_id = %(user)s", values={"user": user_id}, now=now, limit=50
    )
    if not found:
        raise MemberNotFound
    card = bill_status_of(actor=actor, user_ids=[user_id], now=now)[user_id]
    return MemberAccount(sorted(found, key=lambda member: member.joined_at, reverse=True), card)


def bills_of_member(
    *, actor: Actor, user_id: UUID, now: datetime, q: str = "", before: UUID | None = None, limit: int = 50
) -> list[MemberBillView]:
    """The bills of the cluster that this member has, newest first, each as they have it; needs ViewPayments. What they buy
    from utilities is theirs, and not among them. `q`: part of the title or of the number. `before` is the id of the last one
    read."""
    actor.require("ViewPayments")
    statement = (
        f"SELECT {OWED_COLUMNS} FROM bills_owed WHERE cluster_id = %(cluster)s AND member_id = %(member)s"
        " AND category = 'cluster_managed'"
    )
    if before:
        statement += " AND id < %(before)s"
    if q:
        statement += CALLED
    with connection.cursor() as cursor:
        cursor.execute(
            statement + " ORDER BY id DESC LIMIT %(limit)s",
            {"cluster": actor.cluster_id, "member": user_id, "before": before, "q": q, "limit": limit},
        )
        return [member_bill_view(row, now=now) for row in cursor.fetchall()]
