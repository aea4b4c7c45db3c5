"""An estate's past: bills of the last months, acknowledged by many, paid by some."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from uuid import UUID

from django.db import connections

from bench.estates import CURRENCY, Estate, book_audit, book_deposits, open_wallets, owner_of
from clustr.bills.commands import create_cluster_wide_bill
from clustr.bills.tasks import close_tallies_of
from clustr.bills.types import BillType, NewBill
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.wallets.tasks import close_books

AMOUNT = 500_000


def make_history(
    estate: Estate, *, bills: int, paid: int, payers: int, every: int, now: datetime, funded: bool = False
) -> list[UUID]:
    """Issue bills, a fortnight apart, the last today. One member in `every` acknowledged each of them, and one in two the
    last; members 1 to `payers` acknowledged and paid the first `paid` of them in full, from money put in for it. `funded`: their wallets are open already."""
    made = [
        issue(estate, minor=AMOUNT, at=now - timedelta(days=14 * back), title=f"Service charge {back}")
        for back in range(bills - 1, -1, -1)
    ]
    if not funded:
        with owner_of(estate) as cursor:
            open_wallets(cursor, estate, {"wallets": payers, "minor": 0, "now": now})
    for number, bill in enumerate(made):
        acknowledge(estate, bill, f"mod(i, {2 if bill == made[-1] else every}) = 0 OR i <= {payers}", now)
        if number < paid:
            _pay(estate, bill, number, payers, now)
    close_tallies_of(estate.cluster_id)
    close_books(timestamp=0)
    with connections["owner"].cursor() as cursor:
        cursor.execute("ANALYZE")
    return made


@contextmanager
def told_already(estates: Sequence[Estate]) -> Iterator[None]:
    """What happens in these estates stands as told: no worker writes mail of it. What triggers note is born so; the few
    notices that the product's commands write are marked in the end."""
    told = "ALTER TABLE notifications_event ALTER COLUMN fanned_out_at"
    with connections["owner"].cursor() as cursor:
        cursor.execute(f"{told} SET DEFAULT now()")
        try:
            yield
        finally:
            cursor.execute(f"{told} DROP DEFAULT")
    for estate in estates:
        with owner_of(estate) as cursor:
            cursor.execute("UPDATE notifications_event SET fanned_out_at = now() WHERE fanned_out_at IS NULL")


def issue(estate: Estate, *, minor: int, at: datetime, title: str = "Service charge", days: int = 30) -> UUID:
    """An estate-wide bill, through the product's own command."""
    new = NewBill(title, Money(minor, CURRENCY), BillType.SERVICE_CHARGE, at + timedelta(days=days))
    bill = create_cluster_wide_bill(actor=estate.actor(0), new=new, now=at)
    return bill.id


def acknowledge(estate: Estate, bill: UUID, which: str, now: datetime) -> None:
    """Acknowledge a bill for many members at once; `which` is SQL about the member's number `i`."""
    with owner_of(estate) as cursor:
        cursor.execute(
            "INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)"
            f" SELECT b.cluster_id, gen_random_uuid(), b.id, {estate.user_sql('i')}, b.version, b.terms_digest,"
            " greatest(b.issued_at, %(now)s - interval '1 hour')"
            f" FROM bills_bill b, generate_series(1, %(members)s) AS i WHERE b.id = %(bill)s AND ({which})",
            {"members": estate.members, "bill": bill, "now": now},
        )


def _pay(estate: Estate, bill: UUID, number: int, payers: int, now: datetime) -> None:
    """Everybody's deposit and payment of one bill, with every row that the product writes for them."""
    with tenant(estate.cluster_id):
        opening = ledger.open_account(kind=AccountKind.OPENING_BALANCES, currency=CURRENCY)
        into = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=CURRENCY)
    source = "generate_series(1, %(payers)s) AS i"
    row = f"{number + 1}::bigint * %(payers)s + i"
    id_, user = estate.sql(5, row), estate.user_sql("i")
    values = {"payers": payers, "minor": AMOUNT, "now": now, "bill": bill, "into": into}
    with owner_of(estate) as cursor:
        book_deposits(cursor, estate, opening, source, row, "i", values)
        cursor.execute(
            "INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,"
            " user_id, purpose, subject_id, description, created_at, completed_at)"
            f" SELECT kit_tenant(), {id_}, upper(left(md5({id_}::text), 26)), 'bill_payment', 'completed', %(minor)s,"
            f" '{CURRENCY}', 'wallet', {user}, 'bill', %(bill)s, 'Service charge', %(now)s, %(now)s FROM {source}",
            values,
        )
        cursor.execute(
            "INSERT INTO bills_memberbill (cluster_id, bill_id, user_id, paid_minor)"
            f" SELECT kit_tenant(), %(bill)s, {user}, %(minor)s FROM {source}",
            values,
        )
        cursor.execute(
            "INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)"
            f" SELECT kit_tenant(), {id_}, %(bill)s, {user}, 1, %(minor)s, 1, %(now)s FROM {source}",
            values,
        )
        cursor.execute(
            "INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, label, journal, at)"
            f" SELECT kit_tenant(), {id_}, {estate.wallet_sql('i')}, %(into)s, %(minor)s, 'bill_payment',"
            f" 'service_charge', {id_}, %(now)s FROM {source}",
            values,
        )
        book_audit(cursor, estate, "bills.paid", id_, source, values)
