"""What settlement shows of the comparisons with the providers."""

from __future__ import annotations

from clustr.kit.measures import Measure

_LAST_RUNS = """
SELECT DISTINCT ON (provider, compares) provider, compares, greatest(0, extract(epoch FROM %(now)s - at)), complete::int, listed, settled_now, breaks
FROM settlement_reconciliation ORDER BY provider, compares, at DESC
"""

_HELD = """
SELECT DISTINCT ON (provider, currency) provider, currency, held_minor, books_minor + own_minor - banked_minor, difference_minor
FROM settlement_held ORDER BY provider, currency, at DESC, id DESC
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
    Measure(
        "provider_balances",
        ("provider", "currency"),
        (
            ("clustr_provider_balance_held_minor", "What it said it held, in minor units."),
            ("clustr_provider_balance_owed_minor", "What it should hold, with what it has not settled and is sending."),
            (
                "clustr_provider_balance_unexplained_minor",
                "The difference that nothing explains; below zero it holds less.",
            ),
        ),
        _HELD,
    ),
]
