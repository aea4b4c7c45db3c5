"""Issuing bills, one row each however many members they reach, and changing their terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.audit.types import Subject
from clustr.bills.locks import lock_bill
from clustr.bills.models import Bill, MemberBill
from clustr.bills.office_queries import bills_issued, residents_among
from clustr.bills.policies import category_of, refuse_amount, refuse_member_managed, refuse_new_bill, terms_digest
from clustr.bills.refusals import BillCancelled, BillHasPayments, BillNotFound, BulkInvalid, DueDateNotAhead
from clustr.bills.telling import tell_of_change, tell_of_new_bills
from clustr.bills.types import BillType, NewBill, Terms
from clustr.clusters.queries import refuse_beyond_plan
from clustr.clusters.refusals import MemberNotFound
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.errors import FieldError, Invalid, InvalidValue
from clustr.kit.ids import new_id, new_reference
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.wallets.policies import refuse_own_affair

MAX_BULK = 5_000


@dataclass(frozen=True, slots=True)
class BillChanges:
    """What to change of a bill; None leaves it. All but `allow_payment_after_due` are terms."""

    title: str | None = None
    description: str | None = None
    amount: Money | None = None
    due_date: datetime | None = None
    allow_payment_after_due: bool | None = None


def create_cluster_wide_bill(*, actor: Actor, new: NewBill, now: datetime) -> Bill:
    """Bill every resident of the cluster with one row. Needs ManageBill."""
    if new.user_id is not None:
        raise AssertionError("a cluster-wide bill names no user")
    return _create(actor, new, now)


def create_user_specific_bill(*, actor: Actor, new: NewBill, now: datetime) -> Bill:
    """Bill one present resident. Needs ManageBill. Refuses `MemberNotFound`."""
    if new.user_id is None:
        raise AssertionError("a user-specific bill names its user")
    return _create(actor, new, now)


def create_bulk_bills(*, actor: Actor, bills: Sequence[NewBill], now: datetime) -> list[Bill]:
    """Issue up to 5,000 bills, all or none. Refuses `BulkInvalid` with the index of every bill that is wrong."""
    actor.require("ManageBill")
    if not 1 <= len(bills) <= MAX_BULK:
        raise InvalidValue.of("bills", "out_of_range", "Between 1 and {most} bills at once.", most=f"{MAX_BULK:,}")
    with tenant(actor.cluster_id), crash_points("bills.create_bulk"):
        refuse_beyond_plan(feature="bills", adding=len(bills), used=lambda since: bills_issued(since=since))
        _refuse_bulk(actor, bills, now)
        made = [_bill(actor, new, now) for new in bills]
        Bill.objects.bulk_create(made, batch_size=1_000)
        audit.record_batch(
            actor=actor,
            action="bills.created",
            subject_kind="bill",
            subjects=[Subject(id=bill.id, facts=_facts(bill)) for bill in made],
            at=now,
        )
        tell_of_new_bills(bills=made, now=now)
    return made


def edit_bill(*, actor: Actor, bill_id: UUID, changes: BillChanges, now: datetime) -> Bill:
    """Change a bill. Changed terms make a new version, which members acknowledge anew; with payments they stay.

    Needs ManageBill; nobody changes a bill of their own. Refuses `BillNotFound`, `BillManagedByMember`, `SeparationOfDuties`, `BillCancelled`,
    `BillHasPayments`, `DueDateNotAhead`.
    """
    actor.require("ManageBill")
    with tenant(actor.cluster_id), crash_points("bills.edit"):
        lock_bill(bill_id)
        bill = Bill.objects.filter(cluster_id=actor.cluster_id, id=bill_id).first()
        if bill is None:
            raise BillNotFound
        refuse_member_managed(category=bill.category)
        refuse_own_affair(actor_id=actor.user_id, concerned_id=bill.user_id)
        if bill.cancelled_at is not None:
            raise BillCancelled
        before = _terms(bill)
        _apply(bill, changes)
        terms_changed = _terms(bill) != before
        if terms_changed:
            _refuse_new_terms(bill, before, now)
            bill.version += 1
            bill.terms_digest = terms_digest(_terms(bill))
        bill.save(
            update_fields=[
                *("title", "description", "amount_minor", "due_date", "allow_payment_after_due"),
                *("version", "terms_digest"),
            ]
        )
        audit.record(
            actor=actor,
            action="bills.edited",
            subject_kind="bill",
            subject_id=bill.id,
            at=now,
            facts=_facts(bill) | {"version": bill.version, "previous_amount": str(before.amount)},
        )
        if terms_changed:
            tell_of_change(bill=bill, now=now)
    return bill


def _create(actor: Actor, new: NewBill, now: datetime) -> Bill:
    actor.require("ManageBill")
    refuse_new_bill(type=new.type, amount=new.amount, currency=actor.currency, due_date=new.due_date, now=now)
    with tenant(actor.cluster_id), crash_points("bills.create"):
        refuse_beyond_plan(feature="bills", adding=1, used=lambda since: bills_issued(since=since))
        if new.user_id is not None and not residents_among(user_ids=[new.user_id], now=now):
            raise MemberNotFound
        bill = _bill(actor, new, now)
        bill.save(force_insert=True)
        audit.record(
            actor=actor, action="bills.created", subject_kind="bill", subject_id=bill.id, at=now, facts=_facts(bill)
        )
        tell_of_new_bills(bills=[bill], now=now)
    return bill


def _bill(actor: Actor, new: NewBill, now: datetime) -> Bill:
    bill = Bill(
        id=new_id(),
        cluster_id=actor.cluster_id,
        user_id=new.user_id,
        bill_number=new_reference(f"BILL-{now:%Y}"),
        title=new.title,
        description=new.description,
        type=new.type.value,
        category=category_of(new.type).value,
        amount_minor=new.amount.minor,
        currency=new.amount.currency,
        due_date=new.due_date,
        allow_payment_after_due=new.allow_payment_after_due,
        members_at_issue_only=new.members_at_issue_only,
        issued_at=now,
        created_by=actor.member_id,
    )
    bill.terms_digest = terms_digest(_terms(bill))
    return bill


def _refuse_bulk(actor: Actor, bills: Sequence[NewBill], now: datetime) -> None:
    errors: list[FieldError] = []
    for index, new in enumerate(bills):
        try:
            refuse_new_bill(type=new.type, amount=new.amount, currency=actor.currency, due_date=new.due_date, now=now)
        except Invalid as refusal:
            field = {"due_date_not_ahead": "due_date", "type_not_managed": "type"}.get(refusal.code, "amount")
            code = refusal.errors[0].code if refusal.errors else refusal.code
            errors.append(FieldError(f"bills.{index}.{field}", code, refusal.detail))
    named = {new.user_id for new in bills if new.user_id is not None}
    residents = residents_among(user_ids=named, now=now) if named else set()
    errors.extend(
        FieldError(f"bills.{index}.user_id", "member_not_found", "There is no such resident in this cluster.")
        for index, new in enumerate(bills)
        if new.user_id is not None and new.user_id not in residents
    )
    if errors:
        raise BulkInvalid(errors=tuple(errors[:100]))


def _terms(bill: Bill) -> Terms:
    return Terms(bill.title, bill.description, BillType(bill.type), bill.amount, bill.due_date, bill.version)


def _apply(bill: Bill, changes: BillChanges) -> None:
    if changes.title is not None:
        bill.title = changes.title
    if changes.description is not None:
        bill.description = changes.description
    if changes.amount is not None:
        refuse_amount(amount=changes.amount, currency=bill.currency)
        bill.amount_minor = changes.amount.minor
    if changes.due_date is not None:
        bill.due_date = changes.due_date
    if changes.allow_payment_after_due is not None:
        bill.allow_payment_after_due = changes.allow_payment_after_due


def _refuse_new_terms(bill: Bill, before: Terms, now: datetime) -> None:
    if bill.due_date != before.due_date and bill.due_date <= now:
        raise DueDateNotAhead
    if MemberBill.objects.filter(cluster_id=bill.cluster_id, bill_id=bill.id, paid_minor__gt=0).exists():
        raise BillHasPayments


def _facts(bill: Bill) -> dict[str, str]:
    return {
        "bill_number": bill.bill_number,
        "amount": str(bill.amount),
        "currency": bill.currency,
        "due_date": bill.due_date.isoformat(),
        "scope": "cluster" if bill.is_cluster_wide() else "user",
    }
