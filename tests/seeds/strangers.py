"""Bugs in who sees what, and who may do it."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/web", "tests/bills", "tests/payments", "tests/wallets"), file="clustr/payments/queries.py")

BILLS = "clustr/bills/queries.py"
OFFICE = "clustr/wallets/commands/cluster_wallet.py"
SIGNED_IN = "clustr/people/queries.py"

SEEDS = (
    sow(
        "neighbours-transactions",
        "A member's list shows everybody's transactions.",
        "_matching(actor, chosen).filter(user_id=actor.member_id)",
        "_matching(actor, chosen)",
        "members/test_wallet_transactions.py",
    ),
    sow(
        "neighbours-transaction-by-its-id",
        "A member who knows its id sees a neighbour's transaction.",
        'if found is None or not (actor.may("ViewPayments") or found.user_id == actor.user_id):',
        "if found is None:",
        "tests/payments/test_transaction_visible_to.py",
    ),
    sow(
        "neighbours-transaction-costs-a-look",
        "A neighbour's transaction takes one statement more than one that is not there.",
        '    if found is None or not (actor.may("ViewPayments") or found.user_id == actor.user_id):\n',
        "    if found is None:\n        raise TransactionNotFound\n"
        "    theirs = Transaction.objects.filter(id=transaction_id, user_id=actor.user_id).exists()\n"
        '    if not (actor.may("ViewPayments") or theirs):\n',
        "matrix/test_strangers.py",
    ),
    sow(
        "neighbours-bills",
        "A member's list shows the bills of neighbours.",
        'WHERE cluster_id = %(cluster)s AND member_id = %(member)s"\n    if before',
        'WHERE cluster_id = %(cluster)s"\n    if before',
        "tests/bills/test_create_user_specific_bill.py",
        "members/test_my_bills.py",
        file=BILLS,
    ),
    sow(
        "neighbours-bill-by-its-id",
        "A member who knows its id sees a neighbour's bill.",
        '        " AND member_id = %(member)s",\n',
        '        "",\n',
        "tests/bills/test_create_user_specific_bill.py",
        "members/test_my_bill.py",
        file=BILLS,
    ),
    sow(
        "anybody-credits",
        "Whoever asks credits the cluster's wallet.",
        '    actor.require("CreditWallet")\n',
        "",
        "tests/wallets/test_cluster_wallet.py::test_credit_needs_credit_wallet",
        file=OFFICE,
    ),
    sow(
        "anybody-transfers",
        "Whoever asks sends the cluster's money away.",
        '    actor.require("TransferFunds")\n',
        "",
        "tests/wallets/test_cluster_wallet.py::test_it_needs_transfer_funds",
        file=OFFICE,
    ),
    sow(
        "anybody-records-money",
        "Whoever asks fills wallets.",
        '    actor.require("ManageBill")\n',
        "",
        "tests/wallets/test_receive_offline.py::test_it_needs_manage_bill",
        file=OFFICE,
    ),
    sow(
        "anybody-refunds",
        "Whoever asks refunds payments.",
        '    actor.require("TransferFunds")\n',
        "",
        "tests/bills/test_refund_bill_payment.py::test_it_needs_transfer_funds",
        file="clustr/bills/commands/refunding.py",
    ),
    sow(
        "anybody-resolves",
        "Whoever asks lowers what a member owes.",
        '    actor.require("ManageBill")\n',
        "",
        "tests/bills/test_resolve_dispute.py::test_it_needs_manage_bill",
        file="clustr/bills/commands/consent.py",
    ),
    sow(
        "old-password-still-spends",
        "A session outlives a change of the password.",
        '        and constant_time_compare(session.get(HASH_SESSION_KEY, ""), user.get_session_auth_hash())\n',
        "",
        "test_door_sign_in.py",
        "tests/people/test_sign_in.py",
        "tests/people/test_password_mail.py",
        file=SIGNED_IN,
    ),
)
