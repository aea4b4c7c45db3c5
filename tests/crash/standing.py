"""What stands in an estate's tables, in numbers that can be subtracted: rows, sums by kind, states."""

from __future__ import annotations

from functools import cache
from uuid import UUID

from tests import kept

_TABLES = """
SELECT table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE table_schema = 'public' AND column_name = 'cluster_id' AND table_type = 'BASE TABLE' ORDER BY 1
"""
_SUMS = """
SELECT 'balance ' || kind, sum(balance) FROM ledger_account GROUP BY kind
UNION ALL
SELECT 'moved ' || a.kind, sum(CASE WHEN t.credit = a.id THEN t.amount ELSE -t.amount END)
  FROM ledger_transfer t JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id IN (t.credit, t.debit) GROUP BY a.kind
UNION ALL SELECT concat_ws(' ', 'transactions', type, status), count(*) FROM payments_transaction GROUP BY type, status
UNION ALL SELECT concat_ws(' ', 'amount', type, status), sum(amount_minor) FROM payments_transaction GROUP BY type, status
UNION ALL SELECT 'refunded', sum(refunded_minor) FROM payments_transaction
UNION ALL SELECT 'paid', sum(paid_minor) FROM bills_memberbill
UNION ALL SELECT 'cancelled', count(*) FROM bills_bill WHERE cancelled_at IS NOT NULL
UNION ALL SELECT 'versions', sum(version) FROM bills_bill
UNION ALL SELECT 'disputes ' || state, count(*) FROM bills_dispute GROUP BY state
UNION ALL SELECT 'orders ' || state, count(*) FROM recurring_payment GROUP BY state
UNION ALL SELECT 'ordered', sum(amount_minor) FROM recurring_payment
UNION ALL SELECT 'periods', sum(next_period + failed_attempts) FROM recurring_payment
UNION ALL SELECT 'runs ' || state, count(*) FROM recurring_run GROUP BY state
UNION ALL SELECT 'attempts told', sum(told_attempts) FROM recurring_run
UNION ALL SELECT 'payouts ' || approval, count(*) FROM wallets_payout GROUP BY approval
"""


@cache
def _numbers() -> str:
    counts = [f"SELECT 'rows of {name}', count(*) FROM {name}" for (name,) in kept.ask("checker", _TABLES)]
    return " UNION ALL ".join([*counts, _SUMS])


def standing(cluster_id: UUID) -> dict[str, int]:
    """Every number of the estate, in one snapshot."""
    with kept.estate("checker", cluster_id):
        return {name: int(value or 0) for name, value in kept.ask("checker", _numbers())}


def difference(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What changed, by how much."""
    changes = {name: after.get(name, 0) - before.get(name, 0) for name in before.keys() | after.keys()}
    return {name: change for name, change in sorted(changes.items()) if change}
