"""What members say to a bill before they pay, and how the office answers a dispute."""

from __future__ import annotations

import json
from datetime import datetime
from uuid import UUID

from django.db import connection

from clustr.audit import commands as audit
from clustr.audit.types import Claim
from clustr.bills.locks import lock_part
from clustr.bills.models import Adjustment, Bill, Dispute
from clustr.bills.policies import refuse_member_managed
from clustr.bills.queries import OWED_COLUMNS, bill_visible_to, member_bill_of, member_bill_view
from clustr.bills.refusals import (
    AlreadyDisputed,
    AmountBelowPaid,
    BillAlreadyPaid,
    BillCancelled,
    DisputeClosed,
    DisputeNotFound,
    FormerMember,
)
from clustr.bills.telling import tell_of_dispute, tell_of_resolution
from clustr.bills.types import DisputeState, MemberBillView, MemberStatus, Resolution
from clustr.clusters.types import FORMER
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.errors import InvalidValue, refusals_from_database
from clustr.kit.ids import new_id
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.prepared import fetch_prepared
from clustr.kit.tenancy import refuse_other_tenant, retried, tenant
from clustr.wallets.policies import refuse_own_affair

_ACKNOWLEDGE_ONCE = f"SELECT verdict, facts FROM bills_acknowledge_once({', '.join(['%s'] * 10)})"


def acknowledge_bill(*, actor: Actor, bill_id: UUID, version: int | None, now: datetime) -> MemberBillView:
    """Consent to the bill's present terms, or to exactly `version` of them; noted with instant, address and client.

    A repeat is harmless. Refuses `BillNotFound`, `BillCancelled`, `BillChanged`, `BillDisputed`, `BillAlreadyPaid`.
    """
    with (
        tenant(actor.cluster_id),
        crash_points("bills.acknowledge"),
        refusals_from_database(),
        connection.cursor() as cursor,
    ):
        cursor.execute(
            f"SELECT {OWED_COLUMNS} FROM bills_acknowledge(%s, %s, %s, %s, %s, %s, %s)",
            [bill_id, actor.member_id, version, new_id(), now, actor.origin.ip, actor.origin.user_agent],
        )
        return member_bill_view(cursor.fetchone(), now=now)


def acknowledge_bill_once(
    *, actor: Actor, bill_id: UUID, version: int | None, claim: Claim | None, now: datetime
) -> tuple[str, bool]:
    """Consent as `acknowledge_bill` does, once for this claim, in one statement that is a transaction by itself.

    Answers facts for `acknowledged_bill_of` to read, and whether they are those of an earlier request with the same
    claim. Refuses as `acknowledge_bill` and `claim_request`.
    """
    refuse_other_tenant(actor.cluster_id)
    values = [
        actor.cluster_id,
        claim.scope if claim else None,
        claim.body if claim else None,
        bill_id,
        actor.member_id,
        version,
        new_id(),
        now,
        actor.origin.ip,
        actor.origin.user_agent,
    ]
    crash_point("bills.acknowledge.before")
    with refusals_from_database():
        ((verdict, facts),) = retried(lambda: fetch_prepared(_ACKNOWLEDGE_ONCE, values))
    repeated = audit.is_repeat(verdict)
    if not repeated:
        crash_point("bills.acknowledge.after_commit")
    return facts, repeated


def acknowledged_bill_of(facts: str) -> MemberBillView:
    """The member's bill as it was when these facts were kept."""
    asked_at, owed = json.loads(facts)
    return member_bill_of(owed, asked_at=datetime.fromisoformat(asked_at))


def dispute_bill(*, actor: Actor, bill_id: UUID, reason: str, now: datetime) -> MemberBillView:
    """Object to a bill: it cannot be paid until the dispute ends. An acknowledgment of the same version stays.

    Refuses `FormerMember`, `BillNotFound`, `BillManagedByMember`, `BillCancelled`, `BillAlreadyPaid`, `AlreadyDisputed`.
    """
    if actor.role == FORMER:
        raise FormerMember
    with tenant(actor.cluster_id), crash_points("bills.dispute"):
        lock_part(bill_id, actor.member_id)
        bill = bill_visible_to(actor=actor, bill_id=bill_id, now=now)
        refuse_member_managed(category=bill.category)
        if bill.status is MemberStatus.CANCELLED:
            raise BillCancelled
        if bill.status is MemberStatus.PAID:
            raise BillAlreadyPaid
        if bill.status is MemberStatus.DISPUTED:
            raise AlreadyDisputed
        Dispute.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            bill_id=bill_id,
            user_id=actor.member_id,
            reason=reason,
            opened_at=now,
        )
        issued = Bill.objects.get(cluster_id=actor.cluster_id, id=bill_id)
        tell_of_dispute(bill=issued, user_id=actor.member_id, reason=reason, now=now)
        return bill_visible_to(actor=actor, bill_id=bill_id, now=now)


def withdraw_dispute(*, actor: Actor, bill_id: UUID, note: str, now: datetime) -> MemberBillView:
    """Take one's own open dispute back. Refuses `DisputeNotFound`."""
    with tenant(actor.cluster_id), crash_points("bills.withdraw_dispute"):
        lock_part(bill_id, actor.member_id)
        withdrawn = Dispute.objects.filter(
            cluster_id=actor.cluster_id, bill_id=bill_id, user_id=actor.member_id, state=DisputeState.OPEN
        ).update(state=DisputeState.WITHDRAWN, closed_at=now, closed_by=actor.member_id, note=note)
        if not withdrawn:
            raise DisputeNotFound
        return bill_visible_to(actor=actor, bill_id=bill_id, now=now)


def resolve_dispute(
    *, actor: Actor, dispute_id: UUID, resolution: Resolution, amount_due: Money | None, note: str, now: datetime
) -> Dispute:
    """End a dispute: rejected, or upheld with what the member owes instead (nothing, unless `amount_due` says).

    Who is to owe nothing is exempted: a later change of the bill's amount is not theirs to pay.

    Needs ManageBill; nobody resolves their own. Refuses `DisputeNotFound`, `DisputeClosed`, `AmountBelowPaid`.
    """
    actor.require("ManageBill")
    if resolution is Resolution.REJECTED and amount_due is not None:
        raise InvalidValue.of("amount_due", "not_for_rejected", "A rejected dispute leaves what the member owes.")
    with tenant(actor.cluster_id), crash_points("bills.resolve_dispute"):
        known = Dispute.objects.filter(cluster_id=actor.cluster_id, id=dispute_id).first()
        if known is None:
            raise DisputeNotFound
        refuse_own_affair(actor_id=actor.user_id, concerned_id=known.user_id)
        lock_part(known.bill_id, known.user_id)
        dispute = Dispute.objects.get(cluster_id=actor.cluster_id, id=dispute_id)
        if dispute.state != DisputeState.OPEN:
            raise DisputeClosed
        facts = {"resolution": resolution.value}
        lowered_to: Money | None = None
        if resolution is Resolution.UPHELD:
            lowered_to = Money(0, actor.currency) if amount_due is None else amount_due
            _lower(actor, dispute, lowered_to, note, now)
            facts["amount_due"] = str(lowered_to)
        dispute.state, dispute.closed_at = resolution.value, now
        dispute.closed_by, dispute.note = actor.member_id, note
        dispute.save(update_fields=["state", "closed_at", "closed_by", "note"])
        audit.record(
            actor=actor,
            action="bills.dispute_resolved",
            subject_kind="dispute",
            subject_id=dispute.id,
            at=now,
            reason=note,
            facts=facts,
        )
        tell_of_resolution(
            bill=Bill.objects.get(cluster_id=actor.cluster_id, id=dispute.bill_id),
            user_id=dispute.user_id,
            upheld=resolution is Resolution.UPHELD,
            amount_due=lowered_to,
            note=note,
            now=now,
        )
    return dispute


def _lower(actor: Actor, dispute: Dispute, amount_due: Money, note: str, now: datetime) -> None:
    bill = Bill.objects.get(cluster_id=actor.cluster_id, id=dispute.bill_id)
    if amount_due.currency != bill.currency:
        raise CurrencyMismatch("The amount must be in {currency}.", currency=bill.currency)
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT due_minor, paid_minor FROM bills_standing(%s, %s, %s, %s, %s)",
            [actor.cluster_id, bill.id, dispute.user_id, bill.amount_minor, bill.version],
        )
        due_minor, paid_minor = cursor.fetchone()
    if amount_due.minor > due_minor:
        raise InvalidValue.of("amount_due", "amount_not_lower", "An upheld dispute lowers the amount, or leaves it.")
    if amount_due.minor < paid_minor:
        raise AmountBelowPaid
    exempts = amount_due.minor == 0
    if exempts or amount_due.minor < due_minor:
        Adjustment.objects.create(
            id=new_id(),
            cluster_id=actor.cluster_id,
            bill_id=bill.id,
            user_id=dispute.user_id,
            amount_minor=due_minor - amount_due.minor,
            exempts=exempts,
            reason=note,
            by=actor.member_id,
            at=now,
        )
