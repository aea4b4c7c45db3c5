"""What the payments room shows of payments under way, cases, and the inbox of providers' notices."""

from __future__ import annotations

from clustr.kit.measures import Measure
from clustr.payments.figures import NO_PROVIDER
from clustr.payments.providers.registry import MAKERS
from clustr.payments.states import CaseKind, TransactionStatus

_OPEN = (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN)
_STATUSES = ", ".join(f"('{status}')" for status in _OPEN)
_KINDS = ", ".join(f"('{kind}')" for kind in CaseKind)
_NAMES = ", ".join(f"('{provider}')" for provider in MAKERS)

# Read from `payments_transaction_open`, which holds nothing that has ended.
_UNDER_WAY = f"""
WITH under_way AS (
  SELECT status, type, coalesce(nullif(provider, ''), '{NO_PROVIDER}') AS provider, count(*) AS payments,
    min(created_at) AS since FROM payments_transaction
  WHERE status IN ('pending', 'processing', 'unknown') GROUP BY 1, 2, 3)
SELECT status, type, provider, payments, greatest(0, extract(epoch FROM %(now)s - since)) FROM under_way
UNION ALL
SELECT s.status, 'any', 'any', coalesce(sum(u.payments), 0),
  greatest(0, coalesce(extract(epoch FROM %(now)s - min(u.since)), 0))
FROM (VALUES {_STATUSES}) AS s(status) LEFT JOIN under_way u USING (status) GROUP BY 1
"""
_CASES = f"""
WITH unclosed AS (
  SELECT kind, count(*) AS cases, count(*) FILTER (WHERE owner_id IS NULL) AS unowned, min(opened_at) AS since
  FROM payments_case WHERE closed_at IS NULL GROUP BY 1)
SELECT k.kind, coalesce(c.cases, 0), coalesce(c.unowned, 0),
  greatest(0, coalesce(extract(epoch FROM %(now)s - c.since), 0))
FROM (VALUES {_KINDS}) AS k(kind) LEFT JOIN unclosed c USING (kind)
"""
_INBOX = f"""
WITH waiting AS (
  SELECT provider, count(*) AS notices, min(received_at) AS since
  FROM payments_notice WHERE next_attempt_at IS NOT NULL GROUP BY 1)
SELECT p.provider, coalesce(w.notices, 0), greatest(0, coalesce(extract(epoch FROM %(now)s - w.since), 0))
FROM (VALUES {_NAMES}) AS p(provider) LEFT JOIN waiting w USING (provider)
"""

MEASURES = [
    Measure(
        "payments_under_way",
        ("status", "type", "provider"),
        (
            ("clustr_payments_under_way", "Payments that have not ended. `any`: the sum of all of this status."),
            ("clustr_payments_oldest_under_way_seconds", "How long ago the oldest of them was begun."),
        ),
        _UNDER_WAY,
    ),
    Measure(
        "cases",
        ("kind",),
        (
            ("clustr_cases_open", "Cases that wait for a person."),
            ("clustr_cases_unowned", "Those that nobody has taken."),
            ("clustr_cases_oldest_seconds", "How long ago the oldest of them was opened."),
        ),
        _CASES,
    ),
    Measure(
        "notices",
        ("provider",),
        (
            ("clustr_notices_waiting", "Providers' notices (webhooks) that were stored and not yet acted on."),
            ("clustr_notices_oldest_seconds", "How long ago the oldest of them came."),
        ),
        _INBOX,
    ),
]
