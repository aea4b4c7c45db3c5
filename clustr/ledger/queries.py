"""What the books say: balances, statements, trial balance, turnover."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any
from uuid import UUID

from django.db import connection

from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant
from clustr.ledger.types import AccountKind


@dataclass(frozen=True, slots=True)
class Line:
    """One transfer as an account sees it: `amount` is what it changed the balance by, in minor units, signed. `holds`: the
    account's balance at the instant at which the lines were read; of `movements`, its balance after this one."""

    xid: int
    id: UUID
    kind: str
    label: str
    journal: UUID
    amount_minor: int
    counterpart: UUID
    reverses: UUID | None
    at: datetime
    holds_minor: int


@dataclass(frozen=True, slots=True)
class TrialLine:
    """The sum of the balances of one kind of account in one currency, in minor units."""

    kind: str
    currency: str
    accounts: int
    balance_minor: int


@dataclass(frozen=True, slots=True)
class TurnoverLine:
    """What an account took in (`credits`) and gave out (`debits`) in a month, of one kind and label, in minor units;
    `today_net` is the part of today, credits less debits."""

    month: date
    kind: str
    label: str
    debits: int
    credits: int
    today_net: int


def balance(*, account_id: UUID, currency: str) -> Money:
    """Credits less debits of an account of the current cluster; zero for an account that is not there."""
    rows = _rows("SELECT ledger_balance(%s)", [account_id])
    return Money(int(rows[0][0] or 0), currency)


def balance_of(*, kind: AccountKind, currency: str, subject_id: UUID | None = None) -> Money:
    """The balance of the account of this kind (of this subject); zero where none was opened."""
    rows = _rows("SELECT ledger_balance(ledger_account_of(%s, %s, %s))", [kind.value, currency, subject_id])
    return Money(int(rows[0][0] or 0), currency)


def statement(
    *,
    account_id: UUID,
    journals: Sequence[UUID] | None = None,
    before: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[Line]:
    """The latest transfers of an account, newest first; `before` is the (xid, id) of the last line already read. `journals`:
    of these events alone."""
    lines, values = _newest(account_id, journals, before, limit)
    rows = _rows(
        f"SELECT {_COLUMNS}, (SELECT ledger_balance(%(account)s)) FROM ({lines}) AS line ORDER BY line.xid DESC, id DESC",
        values,
    )
    return [Line(*row) for row in rows]


def movements(
    *,
    account_id: UUID,
    journals: Sequence[UUID] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    before: tuple[int, UUID] | None = None,
    limit: int = 50,
) -> list[Line]:
    """As `statement`, each line with what the account held after it, whatever is left out between the lines; of this span
    alone, half-open. One statement and so one instant. It adds up what came after the oldest of these lines: for an account
    that one person moves, not for an estate's."""
    only = ("AND at >= %(since)s" if since else "") + (" AND at < %(until)s" if until else "")
    lines, values = _newest(account_id, journals, before, limit, only)
    rows = _rows(
        f"""
        WITH shown AS MATERIALIZED ({lines}),
        oldest AS (SELECT xid, id FROM shown ORDER BY xid, id LIMIT 1),
        since AS (SELECT id, sum(amount) OVER (ORDER BY xid DESC, id DESC) - amount AS moved FROM (
          SELECT xid, id, amount FROM ledger_transfer WHERE credit = %(account)s AND cluster_id = kit_tenant()
             AND xid >= (SELECT xid FROM oldest)
          UNION ALL
          SELECT xid, id, -amount FROM ledger_transfer WHERE debit = %(account)s AND cluster_id = kit_tenant()
             AND xid >= (SELECT xid FROM oldest)
        ) AS line)
        SELECT {_COLUMNS}, ((SELECT ledger_balance(%(account)s)) - moved)::bigint
        FROM shown JOIN since USING (id) ORDER BY shown.xid DESC, id DESC
        """,
        {**values, "since": since, "until": until},
    )
    return [Line(*row) for row in rows]


_COLUMNS = "xid::text::bigint, id, kind, label, journal, amount, counterpart, reverses, at"
"""What a `Line` is read from, of `_newest`."""


def _newest(
    account_id: UUID, journals: Sequence[UUID] | None, before: tuple[int, UUID] | None, limit: int, only: str = ""
) -> tuple[str, dict[str, Any]]:
    """The latest transfers of an account, newest first, as SQL and its values: each side by its own index."""
    xid, last = before if before else (2**63 - 1, UUID(int=2**128 - 1))
    wanted = "(xid < %(xid)s::text::xid8 OR xid = %(xid)s::text::xid8 AND id < %(last)s) " + only
    wanted += "" if journals is None else " AND journal = ANY(%(journals)s)"
    newest = "ORDER BY xid DESC, id DESC LIMIT %(limit)s"
    lines = f"""SELECT * FROM (
      (SELECT xid, id, kind, label, journal, amount, debit AS counterpart, reverses, at FROM ledger_transfer
         WHERE credit = %(account)s AND cluster_id = kit_tenant() AND {wanted} {newest})
      UNION ALL
      (SELECT xid, id, kind, label, journal, -amount, credit, reverses, at FROM ledger_transfer
         WHERE debit = %(account)s AND cluster_id = kit_tenant() AND {wanted} {newest})
    ) AS line {newest}"""
    values = {"account": account_id, "xid": xid, "last": last, "limit": limit, "journals": list(journals or ())}
    return lines, values


def trial_balance() -> list[TrialLine]:
    """Every kind of account of the current cluster with its balance; per currency they sum to zero."""
    rows = _rows(
        "SELECT kind, currency, count(*), sum(ledger_balance(id))::bigint FROM ledger_account"
        " WHERE cluster_id = kit_tenant() GROUP BY 1, 2 ORDER BY 2, 1"
    )
    return [TrialLine(*row) for row in rows]


_TURNOVER = """
WITH last AS (
  SELECT coalesce(max(horizon), '0'::xid8) AS horizon FROM ledger_checkpoint
  WHERE cluster_id = kit_tenant() AND account_id = %(account)s
), line AS (
  SELECT day, kind, label, debits, credits FROM ledger_turnover
    WHERE cluster_id = kit_tenant() AND account_id = %(account)s AND day >= %(since)s
  UNION ALL
  SELECT (at AT TIME ZONE %(zone)s)::date, kind, label, 0, amount FROM ledger_transfer
    WHERE credit = %(account)s AND cluster_id = kit_tenant() AND xid >= (SELECT horizon FROM last)
  UNION ALL
  SELECT (at AT TIME ZONE %(zone)s)::date, kind, label, amount, 0 FROM ledger_transfer
    WHERE debit = %(account)s AND cluster_id = kit_tenant() AND xid >= (SELECT horizon FROM last)
)
"""


def turnover_by_month(*, account_id: UUID, since: date, today: date, timezone: str) -> list[TurnoverLine]:
    """A growing account's turnover by month, kind and label, from its closed days and every transfer since, exact."""
    rows = _rows(
        _TURNOVER
        + """
        SELECT date_trunc('month', day)::date, kind, label, sum(debits)::bigint, sum(credits)::bigint,
               coalesce(sum(credits - debits) FILTER (WHERE day = %(today)s), 0)::bigint
        FROM line WHERE day >= %(since)s GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
        """,
        {"account": account_id, "since": since, "today": today, "zone": timezone},
    )
    return [TurnoverLine(*row) for row in rows]


def net_by_day(
    *, account_id: UUID, kinds: Collection[str], without_label: str, since: date, timezone: str
) -> dict[date, int]:
    """Credits less debits of these kinds, those of one label aside, on each day from `since` on, in minor units, exact;
    days without any are left out."""
    rows = _rows(
        _TURNOVER + "SELECT day, sum(credits - debits)::bigint FROM line"
        " WHERE day >= %(since)s AND kind = ANY(%(kinds)s) AND label IS DISTINCT FROM %(label)s GROUP BY 1 ORDER BY 1",
        {
            "account": account_id,
            "since": since,
            "zone": timezone,
            "kinds": [str(kind) for kind in kinds],
            "label": without_label,
        },
    )
    return dict(rows)


def _rows(statement: str, parameters: Sequence[Any] | dict[str, Any] | None = None) -> list[tuple[Any, ...]]:
    current_tenant()
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows
