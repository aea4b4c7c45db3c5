"""Bugs in wallets and payouts."""

from tests.seeds.seed import seeds_of

POLICIES = "clustr/wallets/policies.py"
PAYOUTS = "clustr/wallets/commands/payouts.py"
SCHEMA = "clustr/wallets/migrations/0001_wallets.py"

_CREDITED = """        record_money_act(
            actor=actor, action="cluster_wallet.credited", transaction=transaction, reason=description, now=now
        )
"""

sow = seeds_of(("tests/wallets", "tests/house", "tests/web/members"), file=PAYOUTS)

SEEDS = (
    sow(
        "own-affairs",
        "People decide about money of their own.",
        "    if actor_id is not None and actor_id == concerned_id:\n",
        "    if False:\n",
        "test_receive_offline.py",
        "test_cluster_wallet.py",
        file=POLICIES,
        races=("test_office.py::test_the_maker_does_not_slip_in_beside_the_checker",),
    ),
    sow(
        "maker-is-checker",
        "The table of payouts lets the maker approve.",
        'models.Q(("decided_by", models.F("requested_by")), _negated=True),',
        'models.Q(("decided_by__isnull", False)),',
        "test_cluster_wallet.py::test_the_database_too_keeps_maker_and_checker_apart",
        file=SCHEMA,
    ),
    sow(
        "decided-namelessly",
        "The table of payouts lets nobody have approved.",
        'models.Q(("approval__in", ["approved", "rejected"]), ("decided_by__isnull", False)),',
        'models.Q(("approval__in", ["approved", "rejected"])),',
        "test_cluster_wallet.py::test_the_database_lets_nobody_decide_namelessly",
        file=SCHEMA,
    ),
    sow(
        "limit-needs-a-second-person",
        "A transfer of exactly the limit waits.",
        "limit is not None and limit < sent_alone + amount",
        "limit is not None and limit <= sent_alone + amount",
        "test_cluster_wallet.py",
        file=POLICIES,
    ),
    sow(
        "no-second-person",
        "A transfer above the limit goes by itself.",
        "approval=Approval.WAITING if waits else Approval.NOT_NEEDED",
        "approval=Approval.NOT_NEEDED",
        "test_cluster_wallet.py",
        file="clustr/wallets/commands/cluster_wallet.py",
    ),
    sow(
        "limit-for-each-transfer",
        "What is above the limit goes in parts without a second person.",
        "limit is not None and limit < sent_alone + amount",
        "limit is not None and limit < amount",
        "test_cluster_wallet.py::test_in_parts_it_waits_too",
        file=POLICIES,
    ),
    sow(
        "transfers-beside-each-other",
        "Two transfers at once each count as the only one.",
        "        _one_at_a_time(actor.cluster_id)\n",
        "",
        "test_cluster_wallet.py::test_two_at_once_do_not_each_find_the_room_of_the_other",
        file="clustr/wallets/commands/cluster_wallet.py",
    ),
    sow(
        "approved-is-past-stopping",
        "What was approved goes to the wrong account, although it was not sent and somebody saw it.",
        "STOPPABLE = (Approval.WAITING, Approval.NOT_NEEDED, Approval.APPROVED)",
        "STOPPABLE = (Approval.WAITING, Approval.NOT_NEEDED)",
        "test_cluster_wallet.py",
        file="clustr/wallets/types.py",
    ),
    sow(
        "given-back-to-nobody",
        "What goes back to an erased person goes into a wallet that nobody can open.",
        "here = {user_id for user_id, contact in contacts.items() if contact.reachable}",
        "here = set(contacts)",
        "tests/bills/test_refund_bill_payment.py",
        "tests/settlement/test_payouts.py",
        file="clustr/wallets/commands/suspense.py",
    ),
    sow(
        "payout-decided-again",
        "What was decided is decided once more.",
        "    if sent or payout.approval not in open_to:\n        raise PayoutDecided\n",
        "",
        "test_cluster_wallet.py::test_what_is_decided_stays_decided",
        races=("test_office.py::test_a_transfer_is_approved_or_rejected_once",),
    ),
    sow(
        "payout-not-locked",
        "Approval and rejection at once both see a waiting transfer.",
        "payments.lock_transaction(transaction_id=payout_id).status",
        "Transaction.objects.get(id=payout_id).status",
        "test_cluster_wallet.py::test_approvals_and_rejections_at_once_decide_once",
        races=("test_office.py::test_a_transfer_is_approved_or_rejected_once",),
    ),
    sow(
        "rejected-money-stays-out",
        "A rejected transfer's money does not come back.",
        "        ledger.reverse(transfer_id=payout_id, journal=payout_id, at=now, kind=TransferKind.PAYOUT_RETURN)\n",
        "",
        "test_cluster_wallet.py",
    ),
    sow(
        "credit-without-a-trail",
        "Money credited to the cluster's wallet is not on the trail.",
        _CREDITED,
        "",
        "test_cluster_wallet.py",
        file="clustr/wallets/commands/cluster_wallet.py",
    ),
    sow(
        "two-wallets-of-one-member",
        "The key that allows one wallet of a member and currency names the wallet too.",
        'fields=("cluster_id", "user_id", "currency"), name="wallets_wallet_one_each"',
        'fields=("cluster_id", "user_id", "currency", "id"), name="wallets_wallet_one_each"',
        "test_member_wallet.py",
        file=SCHEMA,
    ),
    sow(
        "any-name-is-the-same",
        "A name that shares no word with the bank's is taken for the same.",
        "return NameCheck.SAME if enough and _each_found(fewer, more) else NameCheck.DIFFERS",
        "return NameCheck.SAME",
        "test_names.py",
        file="clustr/wallets/policies.py",
    ),
    sow(
        "another-name-by-now",
        "Money goes to an account although its bank names another holder than the one that was seen.",
        "    if seen_name is not None and seen_name != holder:\n        raise AccountNameDiffers\n",
        "",
        "tests/web/management/test_cluster_wallet_transfer.py",
        file="clustr/settlement/commands/naming.py",
    ),
    sow(
        "a-name-accepted-in-silence",
        "Money goes to an account of another name although nobody said that they know.",
        'if not payee.needs_word or "although" in request.POST:',
        "if payee:",
        "tests/web/pages/office/test_forms.py",
        file="clustr/web/pages/payees.py",
    ),
    sow(
        "done-at-first",
        "A form that moves money does it before that was shown.",
        'return request.POST.get("step") == DO',
        'return request.POST.get("step") != EDIT',
        "tests/web/pages/office/test_forms.py",
        file="clustr/web/pages/confirming.py",
    ),
    sow(
        "receipt-reversed-again",
        "What was recorded by mistake is taken back a second time.",
        "        if payments.lock_transaction(transaction_id=transaction_id).refunded_minor:\n",
        "        if False:\n",
        "tests/web/management/test_reverse_offline_payment.py::test_once_also_in_part",
        file="clustr/wallets/commands/taking_back.py",
    ),
)
