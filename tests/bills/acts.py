"""What people do with bills, in the fewest words: each helper is one command or query with its usual arguments."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from time import monotonic, sleep
from uuid import UUID, uuid4

import pytest
from django.db import connection

from clustr.bills import commands as bills
from clustr.bills import office_queries, queries
from clustr.bills.commands.issuing import BillChanges
from clustr.bills.models import Acknowledgment, Bill, Dispute
from clustr.bills.types import (
    BilledMember,
    DisputeState,
    ManagedBillView,
    MemberBillView,
    MemberStatus,
    Resolution,
)
from clustr.clusters import commands as clusters
from clustr.kit.errors import Refusal
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger.types import AccountKind
from clustr.payments.models import Transaction
from clustr.wallets import commands as wallets
from clustr.wallets.types import Destination, OfflineMethod
from tests.cast import Cast, Person
from tests.money import naira, no_pin


def money(amount: str | Money | None) -> Money | None:
    return naira(amount) if isinstance(amount, str) else amount


def pay(
    cast: Cast, person: Person, bill: Bill, amount: str | Money | None = None, *, at: datetime | None = None
) -> tuple[Transaction, MemberBillView]:
    return bills.pay_bill(
        actor=person.actor,
        bill_id=bill.id,
        amount=money(amount),
        authorization=no_pin(person),
        now=at or cast.now,
    )


def offline(
    cast: Cast,
    person: Person,
    bill: Bill,
    amount: str | Money,
    *,
    by: Person | None = None,
    reference: str | None = None,
    method: OfflineMethod = OfflineMethod.CASH,
    at: datetime | None = None,
) -> Transaction:
    paid = money(amount)
    assert paid is not None
    return bills.record_offline_bill_payment(
        actor=(by or cast.ada).actor,
        user_id=person.user_id,
        bill_id=bill.id,
        amount=paid,
        method=method,
        reference=reference or f"HAND-{uuid4()}",
        now=at or cast.now,
    )


def edit(cast: Cast, bill: Bill, *, by: Person | None = None, at: datetime | None = None, **changes: object) -> Bill:
    return bills.edit_bill(
        actor=(by or cast.ada).actor,
        bill_id=bill.id,
        changes=BillChanges(**changes),  # type: ignore[arg-type]
        now=at or cast.now,
    )


def cancel(cast: Cast, bill: Bill, *, refund: bool = False, by: Person | None = None) -> Bill:
    return bills.cancel_bill(
        actor=(by or cast.ada).actor, bill_id=bill.id, reason="issued in error", refund_payers=refund, now=cast.now
    )


def refund(
    cast: Cast, transaction: Transaction | UUID, amount: str | Money | None = None, *, by: Person | None = None
) -> Transaction:
    return bills.refund_bill_payment(
        actor=(by or cast.ada).actor,
        transaction_id=transaction.id if isinstance(transaction, Transaction) else transaction,
        amount=money(amount),
        reason="paid twice",
        now=cast.now,
    )


def dispute(cast: Cast, person: Person, bill: Bill, *, at: datetime | None = None) -> UUID:
    """Dispute, and answer the dispute's id."""
    bills.dispute_bill(actor=person.actor, bill_id=bill.id, reason="not mine", now=at or cast.now)
    with tenant(bill.cluster_id):
        return Dispute.objects.get(bill_id=bill.id, user_id=person.user_id, state=DisputeState.OPEN).id


def withdraw(cast: Cast, person: Person, bill: Bill) -> MemberBillView:
    return bills.withdraw_dispute(actor=person.actor, bill_id=bill.id, note="it is mine", now=cast.now)


def uphold(cast: Cast, dispute_id: UUID, amount_due: str | Money | None = None, *, by: Person | None = None) -> Dispute:
    return bills.resolve_dispute(
        actor=(by or cast.ada).actor,
        dispute_id=dispute_id,
        resolution=Resolution.UPHELD,
        amount_due=money(amount_due),
        note="agreed",
        now=cast.now,
    )


def reject(cast: Cast, dispute_id: UUID, *, by: Person | None = None) -> Dispute:
    return bills.resolve_dispute(
        actor=(by or cast.ada).actor,
        dispute_id=dispute_id,
        resolution=Resolution.REJECTED,
        amount_due=None,
        note="it stands",
        now=cast.now,
    )


def leave(cast: Cast, person: Person, at: datetime | None = None) -> None:
    clusters.end_membership(
        actor=cast.ada.actor, membership_id=person.membership_id, left_at=at or cast.now, now=at or cast.now
    )


def seen(cast: Cast, person: Person, bill: Bill, *, at: datetime | None = None) -> MemberBillView:
    """The bill as the member sees it."""
    with tenant(person.cluster_id):
        return queries.bill_visible_to(actor=person.actor, bill_id=bill.id, now=at or cast.now)


def status(cast: Cast, person: Person, bill: Bill, *, at: datetime | None = None) -> MemberStatus:
    return seen(cast, person, bill, at=at).status


def managed(cast: Cast, bill: Bill, *, at: datetime | None = None) -> ManagedBillView:
    """The bill as the office sees it."""
    with tenant(bill.cluster_id):
        return office_queries.bill_of_cluster(actor=cast.ada.actor, bill_id=bill.id, now=at or cast.now)


def reached(
    cast: Cast, bill: Bill, *, at: datetime | None = None, status: MemberStatus | None = None
) -> dict[UUID, BilledMember]:
    """Every member the bill reaches, by user id."""
    with tenant(bill.cluster_id):
        found = office_queries.members_of_bill(
            actor=cast.ada.actor, bill_id=bill.id, status=status, now=at or cast.now, limit=200
        )
    assert len({member.user_id for member in found}) == len(found)
    return {member.user_id: member for member in found}


def acknowledgments(bill: Bill) -> list[Acknowledgment]:
    with tenant(bill.cluster_id):
        return list(Acknowledgment.objects.filter(bill_id=bill.id).order_by("at", "version"))


def close_tally(bill: Bill) -> int:
    """Move the bill's tally up as far as it goes now; answers how many acts were folded in."""
    return int(scalar(bill.cluster_id, "SELECT bills_close(%s)", bill.id))  # type: ignore[call-overload]


def close_fully(bill: Bill) -> int:
    """Move the bill's tally up over every act so far: again and again while transactions elsewhere are under way."""
    folded = close_tally(bill)
    deadline = monotonic() + 10
    while scalar(bill.cluster_id, _NEWS, bill.id):
        assert monotonic() < deadline, "an old transaction is still under way"
        sleep(0.01)
        folded += close_tally(bill)
    return folded


_NEWS = """
SELECT count(*) FROM bills_tally t
JOIN (SELECT bill_id, xid FROM bills_billpayment UNION ALL SELECT bill_id, xid FROM bills_acknowledgment) AS act
  ON act.bill_id = t.bill_id AND act.xid >= t.horizon
WHERE t.bill_id = %s
"""


def scalar(cluster_id: UUID, statement: str, *values: object) -> object:
    """The first value of one statement, asked in this cluster."""
    with tenant(cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchone()[0]


def rows_of(cluster_id: UUID) -> dict[str, int]:
    """How many rows each table that bills write to holds for a cluster."""
    tables = (
        *("bills_bill", "bills_acknowledgment", "bills_dispute", "bills_adjustment", "bills_memberbill"),
        *("bills_billpayment", "bills_tally", "payments_transaction", "ledger_transfer", "wallets_operation"),
        *("wallets_wallet", "audit_event"),
    )
    return {table: int(scalar(cluster_id, f"SELECT count(*) FROM {table}")) for table in tables}  # type: ignore[call-overload]


def empty_cluster_wallet(cast: Cast, amount: str) -> None:
    """Pay the cluster's money out to its bank."""
    wallets.transfer_from_cluster_wallet(
        actor=cast.ada.actor,
        amount=naira(amount),
        description="to the bank",
        destination=Destination("058", "0123456789", "Palm Grove"),
        now=cast.now,
    )


def balance_of(cluster_id: UUID, kind: AccountKind) -> int:
    return int(
        scalar(
            cluster_id, "SELECT coalesce(sum(ledger_balance(id)), 0) FROM ledger_account WHERE kind = %s", kind.value
        )  # type: ignore[call-overload]
    )


@contextmanager
def refused(code: str, *, unchanged: UUID | None = None) -> Iterator[None]:
    """Expect a refusal with this code, and with `unchanged` that it left no row behind in that cluster."""
    before = rows_of(unchanged) if unchanged else {}
    with pytest.raises(Refusal) as caught:
        yield
    codes = {caught.value.code, *(error.code for error in caught.value.errors)}
    assert code in codes, f"expected {code}, refused with {codes}"
    assert before == (rows_of(unchanged) if unchanged else {})


def after_due(cast: Cast) -> datetime:
    """A day after the due date of the bills that `issue` makes."""
    return cast.now + timedelta(days=11)
