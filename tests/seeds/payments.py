"""Bugs in transactions."""

from tests.seeds.seed import seeds_of

sow = seeds_of(
    ("tests/payments", "tests/wallets", "tests/bills", "tests/house"),
    file="clustr/payments/migrations/0001_transaction.py",
)

COMMANDS = "clustr/payments/commands/transactions.py"
HOLDS = "tests/settlement/test_holds.py"
PAYMENT_RECORDED_BY_HAND = "tests/bills/test_record_offline_bill_payment.py"

SEEDS = (
    sow(
        "slip-counts-twice",
        "A slip typed with other dashes or in capitals is another slip.",
        "CREATE UNIQUE INDEX payments_transaction_offline_reference",
        "CREATE INDEX payments_transaction_offline_reference",
        "tests/wallets/test_receive_offline.py",
        PAYMENT_RECORDED_BY_HAND,
        races=("test_office.py::test_a_slip_is_recorded_once",),
    ),
    sow(
        "providers-reference-counts-twice",
        "A provider's reference is taken as often as it comes.",
        "CREATE UNIQUE INDEX payments_transaction_provider_reference",
        "CREATE INDEX payments_transaction_provider_reference",
        "test_transactions.py",
    ),
    sow(
        "refund-wall-gone",
        "The table takes refunds above what was paid.",
        "RETURN p_refunded BETWEEN 0 AND p_amount\n",
        "RETURN p_refunded >= 0\n",
        "test_transactions.py",
    ),
    sow(
        "refunds-not-added-up",
        "A partial refund is compared to the whole payment, not to what is left of it.",
        "if not 0 < wanted <= left:",
        "if not 0 < wanted <= original.amount_minor:",
        "test_transactions.py",
        file=COMMANDS,
        races=("test_office.py::test_parts_of_a_refund_never_exceed_the_payment",),
    ),
    sow(
        "refund-without-a-lock",
        "Refunds of one payment at once all see the same rest.",
        "    original = lock_transaction(transaction_id=transaction_id)\n",
        "    original = Transaction.objects.get(cluster_id=current_tenant(), id=transaction_id)\n",
        "test_transactions.py",
        file=COMMANDS,
    ),
    sow(
        "unfinished-is-refunded",
        "A payment that did not complete is refunded.",
        "    if original.status != TransactionStatus.COMPLETED:\n        raise NotRefundable\n",
        "",
        "test_transactions.py",
        file=COMMANDS,
    ),
    sow(
        "many-refunded-in-whole-again",
        "A set of refunds returns what was returned before once more.",
        "t.amount_minor - t.refunded_minor AS rest",
        "t.amount_minor AS rest",
        "test_transactions.py",
        file=COMMANDS,
    ),
    sow(
        "completed-may-fail",
        "A completed transaction may turn out to have failed.",
        "S.COMPLETED: frozenset({S.REFUNDED})",
        "S.COMPLETED: frozenset({S.REFUNDED, S.FAILED})",
        "test_transactions.py",
        file="clustr/payments/states.py",
    ),
    sow(
        "steps-not-kept",
        "The trigger that keeps the steps of a transaction is off.",
        "ENABLE ALWAYS TRIGGER payments_transaction_steps",
        "DISABLE TRIGGER payments_transaction_steps",
        "test_transactions.py",
    ),
    sow(
        "amount-may-change",
        "A transaction's amount can be changed later.",
        "IF (NEW.cluster_id, NEW.id, NEW.amount_minor, NEW.currency,",
        "IF (NEW.cluster_id, NEW.id, OLD.amount_minor, NEW.currency,",
        "test_transactions.py",
    ),
    sow(
        "failed-insert-swallowed",
        "A transaction that could not be written is taken for written.",
        "        refuse_taken_reference(error)\n        raise\n    tell_payment",
        "        refuse_taken_reference(error)\n    tell_payment",
        "test_transactions.py::test_an_id_that_is_known_is_a_bug_not_a_refusal",
        file=COMMANDS,
    ),
    sow(
        "runtime-role-may-delete-transactions",
        "The runtime login was granted DELETE on transactions.",
        'tenant_table("payments_transaction", app="SELECT, INSERT, UPDATE", key="")',
        'tenant_table("payments_transaction", app="SELECT, INSERT, UPDATE, DELETE", key="")',
        "test_transactions.py",
    ),
    sow(
        "anybodys-payment-is-tried-again",
        "A member tries a neighbour's failed payment again.",
        "cluster_id=actor.cluster_id, id=transaction_id, user_id=actor.member_id)",
        "cluster_id=actor.cluster_id, id=transaction_id)",
        "tests/web/members/test_retry_transaction.py",
        file="clustr/settlement/commands/preparing.py",
    ),
    sow(
        "broken-books-hold-nothing-back",
        "Money of an estate whose books do not hold is sent out.",
        '    if payments.is_held():\n        return "books"\n',
        "",
        HOLDS,
        file="clustr/wallets/commands/covering.py",
    ),
    sow(
        "broken-books-refund",
        "Refunds of an estate whose books do not hold are sent to their source.",
        "        elif payments.is_held():\n",
        "        elif False:\n",
        HOLDS,
        file="clustr/settlement/commands/refunding.py",
    ),
    sow(
        "everybody-is-held",
        "What does not hold in one estate holds back the money of others.",
        "    return _standing().exists()",
        "    return bool(violations) or _standing().exists()",
        HOLDS,
        file="clustr/payments/commands/holds.py",
    ),
    sow(
        "released-while-broken",
        "An estate's money is let go while its books do not hold.",
        "    if broken and not although_broken:\n",
        "    if False:\n",
        "tests/house/test_books.py",
        file="clustr/payments/commands/holds.py",
    ),
)
