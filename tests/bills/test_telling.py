"""What is told of payments costs what the payments are, however many the estate has had."""

from __future__ import annotations

from uuid import UUID

from django.db import connection, transaction

from clustr.bills.models import Bill
from clustr.kit.tenancy import tenant
from tests.cast import Cast
from tests.money import acknowledge, issue

READ = "SELECT idx_tup_fetch + seq_tup_read FROM pg_stat_xact_user_tables WHERE relname = 'payments_transaction'"
_TRANSACTIONS = """
INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider, user_id, purpose,
  subject_id, description, created_at, completed_at)
SELECT kit_tenant(), gen_random_uuid(), upper(left(md5(random()::text), 26)), 'bill_payment', 'completed', 1, 'NGN', 'wallet',
  %(user)s, 'bill', %(bill)s, 'Service charge', %(now)s, %(now)s FROM generate_series(1, %(number)s) RETURNING id
"""
_PAYMENTS = """
INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
SELECT kit_tenant(), t, %(bill)s, %(user)s, 1, 1, 0, %(now)s FROM unnest(%(made)s::uuid[]) AS t
"""


def test_telling_of_payments_reads_the_transaction_of_each(cast: Cast) -> None:
    """In a session that planned it when the estate had hardly any, and of a batch."""
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    with tenant(cast.palm_grove.id):
        with connection.cursor() as cursor:
            cursor.execute(
                "INSERT INTO bills_memberbill VALUES (kit_tenant(), %s, %s, 1)", [bill.id, cast.bola.user_id]
            )
        for payment in _transactions(cast, bill, 2):
            _read_by_paying(cast, bill, [payment])
        batch = _transactions(cast, bill, 3_000)[:100]
        assert _read_by_paying(cast, bill, batch) <= 3 * len(batch)
        transaction.set_rollback(True)


def _transactions(cast: Cast, bill: Bill, number: int) -> list[UUID]:
    with connection.cursor() as cursor:
        cursor.execute(_TRANSACTIONS, {"user": cast.bola.user_id, "bill": bill.id, "now": cast.now, "number": number})
        return [row for (row,) in cursor.fetchall()]


def _read_by_paying(cast: Cast, bill: Bill, made: list[UUID]) -> int:
    """How many rows of transactions were read."""
    with connection.cursor() as cursor:
        cursor.execute(READ)
        (before,) = cursor.fetchone()
        cursor.execute(_PAYMENTS, {"user": cast.bola.user_id, "bill": bill.id, "now": cast.now, "made": made})
        cursor.execute(READ)
        (after,) = cursor.fetchone()
    return int(after - before)
