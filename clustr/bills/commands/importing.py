"""Issuing the bills of a sheet: all or none, with every error named by its line."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from clustr.bills.commands.issuing import create_bulk_bills
from clustr.bills.models import Bill
from clustr.bills.previews import BillPreview, preview_bills
from clustr.bills.refusals import SheetInvalid
from clustr.bills.sheet import SheetRow, read_rows
from clustr.bills.types import NewBill
from clustr.clusters.queries import residents_by_email
from clustr.kit.actor import Actor
from clustr.kit.line_errors import LineErrors
from clustr.kit.tenancy import tenant


def preview_sheet(*, actor: Actor, content: bytes, now: datetime) -> BillPreview:
    """Whom the bills of a sheet (`clustr.bills.sheet.read_sheet` says how it is written) would reach, and their total.
    Needs ManageBill. Refuses `SheetInvalid`."""
    actor.require("ManageBill")
    with tenant(actor.cluster_id):
        return preview_bills(actor=actor, bills=_bills_of(actor, content, now), now=now)


def create_bills_of_sheet(*, actor: Actor, content: bytes, now: datetime) -> list[Bill]:
    """Issue every bill of a sheet, or none. Needs ManageBill. Refuses `SheetInvalid`."""
    actor.require("ManageBill")
    with tenant(actor.cluster_id):
        return create_bulk_bills(actor=actor, bills=_bills_of(actor, content, now), now=now)


def _bills_of(actor: Actor, content: bytes, now: datetime) -> list[NewBill]:
    errors = LineErrors()
    rows = read_rows(content, currency=actor.currency, zone=ZoneInfo(actor.timezone), errors=errors)
    known = residents_by_email(emails={row.email for row in rows if row.email}, now=now)
    for row in rows:
        if row.email is not None and row.email not in known:
            errors.add(row.line, "email", "member_not_found", "No resident of this cluster has this address.")
        if row.due_date <= now:
            errors.add(row.line, "due_date", "due_date_not_ahead", "The due date must lie ahead.")
    errors.raise_if_any(SheetInvalid, "nothing was billed")
    return _new_bills(rows, known)


def _new_bills(rows: Sequence[SheetRow], known: dict[str, UUID]) -> list[NewBill]:
    return [
        NewBill(
            title=row.title,
            amount=row.amount,
            type=row.type,
            due_date=row.due_date,
            user_id=known[row.email] if row.email else None,
            description=row.description,
        )
        for row in rows
    ]
