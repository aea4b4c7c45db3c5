"""What settlement shows of the comparisons with the providers."""

from __future__ import annotations

from clustr.kit.measures import Measure

_LAST_RUNS = """
SELECT DISTINCT ON (provider, compares) provider, compares, greatest(0, extract(epoch FROM %(now)s - at)), complete::int, listed, settled_now, breaks
FROM settlement_reconciliation ORDER BY provider, compares, at DESC
"""

MEASURES = [
    Measure(
        "reconciliation",
        ("provider", "compares"),
        (
            ("clustr_reconciliation_age_seconds", "How long ago the last comparison with this provider was made."),
            ("clustr_reconciliation_complete", "1 if it could read the whole list."),
            ("clustr_reconciliation_listed", "Charges or payouts that the provider listed."),
            ("clustr_reconciliation_settled_late", "Payments that had been missed until then."),
            ("clustr_reconciliation_breaks", "Differences that it opened a case for."),
        ),
        _LAST_RUNS,
    ),
]
