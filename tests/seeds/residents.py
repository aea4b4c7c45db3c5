"""Bugs in what residents read of their money."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/web/pages",), file="clustr/web/pages/residents/transactions.py")

SEEDS = (
    sow(
        "paid-again-although-it-arrived",
        "A payment whose money went into the wallet is offered to be tried again.",
        "kept is None and _can_retry(one)",
        "_can_retry(one)",
        "test_cards.py::test_a_bill_that_was_paid_in_another_way_meanwhile",
    ),
    sow(
        "on-to-the-page-of-a-paid-bill",
        "A payment page stays open to residents although its bill was paid meanwhile.",
        "needed = not checkout or _is_still_needed(request, one)",
        "needed = True",
        "test_cards.py::test_a_bill_that_was_paid_in_another_way_meanwhile",
    ),
    sow(
        "balances-run-the-wrong-way",
        "A wallet's movements stand beside what it never held.",
        "((SELECT ledger_balance(%(account)s)) - moved)::bigint",
        "((SELECT ledger_balance(%(account)s)) + moved)::bigint",
        "test_every_page.py::test_the_statement_goes_on_and_is_searched",
        file="clustr/ledger/queries.py",
    ),
    sow(
        "disputed-is-owed",
        "What is in dispute counts among what is owed now.",
        '"to_pay": summary.outstanding - disputed',
        '"to_pay": summary.outstanding',
        "test_paying.py::test_dispute_and_withdraw",
        file="clustr/web/pages/residents/home.py",
    ),
)
