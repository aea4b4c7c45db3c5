"""Bugs in the settlement of money from outside."""

from tests.seeds.seed import seeds_of

sow = seeds_of(
    ("tests/settlement", "tests/payments", "tests/web", "tests/house"),
    file="clustr/settlement/commands/applying.py",
)

COMMANDS = "clustr/settlement/commands"
SENDING = f"{COMMANDS}/paying_out.py"
STARTING = f"{COMMANDS}/starting.py"
POLICIES = "clustr/settlement/policies.py"
TABLES = "clustr/payments/migrations/0002_providers.py"
DIRECT = "clustr/bills/migrations/0002_direct_payments.py"
WEBHOOKS = "tests/web/test_webhooks.py"

SEEDS = (
    sow(
        "one-charge-settles-twice",
        "A provider's transaction is booked as often as somebody looks, in the table and before it.",
        "CREATE UNIQUE INDEX payments_settlement_once ON",
        "CREATE INDEX payments_settlement_once ON",
        "test_settlements.py",
        file=TABLES,
    ),
    sow(
        "booked-is-not-looked-at",
        "What is booked already is booked again as what came twice.",
        "if not wrong and not booked:",
        "if not wrong:",
        "test_deposits.py",
        "test_races.py",
        file=f"{COMMANDS}/applying.py",
        more=(("provider_id=truth.provider_id).first()", "provider_id=truth.reference).first()"),),
    ),
    sow(
        "less-completes",
        "A part of what was asked completes it.",
        "if may_complete and asked + surcharge <= arrived:",
        "if may_complete:",
        "test_deposits.py",
        "test_bill_payments.py",
        file=POLICIES,
    ),
    sow(
        "surplus-dropped",
        "What was paid too much is nobody's.",
        "return Division(asked, surcharge, arrived - asked - surcharge)",
        "return Division(asked, surcharge, nothing)",
        "test_deposits.py",
        file=POLICIES,
    ),
    sow(
        "any-currency",
        "Money of another currency is taken for what was asked.",
        "truth.amount.currency != currency",
        "False",
        "test_deposits.py",
        "test_truths.py",
        file=POLICIES,
    ),
    sow(
        "test-money-is-real",
        "A test charge pays a real bill.",
        '"mode": truth.mode != mode',
        '"mode": False',
        "test_truths.py",
        file=POLICIES,
    ),
    sow(
        "any-reference",
        "A success of another payment is taken for this one's.",
        '"reference": truth.reference != reference',
        '"reference": False',
        "test_truths.py",
        file=POLICIES,
    ),
    sow(
        "another-references-failure-counts",
        "What is said of another payment ends this one.",
        "if about_it or truth.outcome is Outcome.SUCCEEDED else",
        "if True else",
        "test_limbo.py",
    ),
    sow(
        "silence-is-failure",
        "What is not known is taken for failed.",
        "                _schedule(attempt, now)\n                _ask_a_person(locked, attempt, now)\n",
        "                _apply_failure(locked, attempt, truth.decline, now)\n",
        "test_limbo.py",
    ),
    sow(
        "late-success-ignored",
        "Money that came after a decline is kept from its payer.",
        "            case Outcome.SUCCEEDED:\n",
        "            case Outcome.SUCCEEDED if locked.status not in OPEN:\n"
        "                _watch(locked, attempt, now, missed=False)\n"
        "            case Outcome.SUCCEEDED:\n",
        "test_deposits.py",
    ),
    sow(
        "settled-without-the-lock",
        "What is heard is booked without holding the transaction.",
        "    locked = payments.lock_transaction(transaction_id=transaction_id)\n    return locked, Attempt",
        "    locked = peeked\n    return locked, Attempt",
        "test_races.py",
    ),
    sow(
        "open-and-not-watched",
        "An open payment is not asked about again.",
        "    _schedule(attempt, now, ended=ended or settled, missed=missed)\n",
        "    _schedule(attempt, now, ended=True, missed=missed)\n",
        "test_deposits.py",
    ),
    sow(
        "other-providers-number",
        "A number that another provider gave counts as booked.",
        "cluster_id=attempt.cluster_id, provider=attempt.provider, provider_id=provider_id\n",
        "cluster_id=attempt.cluster_id, provider_id=provider_id\n",
        "test_limbo.py",
        file=f"{COMMANDS}/asking.py",
    ),
    sow(
        "a-strangers-charge-is-a-case-here",
        "A notice that names a stranger's charge tells its amount here.",
        "if not isinstance(truth, ChargeTruth) or truth.reference != attempt.reference:",
        "if not isinstance(truth, ChargeTruth):",
        "test_limbo.py",
        file=f"{COMMANDS}/asking.py",
    ),
    sow(
        "changed-terms-are-paid",
        "Money for terms that were changed meanwhile pays the bill all the same.",
        "ELSIF owed.version <> p_version THEN",
        "ELSIF false THEN",
        "test_bill_payments.py",
        file=DIRECT,
    ),
    sow(
        "cancelled-bills-are-paid",
        "Money for a bill that was cancelled meanwhile pays it all the same.",
        "ELSIF owed.cancelled_at IS NOT NULL THEN",
        "ELSIF false THEN",
        "test_bill_payments.py",
        file=DIRECT,
    ),
    sow(
        "sent-again-at-once",
        "A payout the provider does not know yet is sent again without waiting.",
        "if locked.status not in OPEN or attempt.misses + 1 < FEWEST_MISSES or now - sent < UNSENT_AFTER:",
        "if locked.status not in OPEN:",
        "test_payouts.py",
        "test_limbo.py",
        file=SENDING,
    ),
    sow(
        "everybody-sends-again",
        "That it is sent again is not noted under the lock: two send.",
        "    payments.send_attempt(transaction_id=locked.id, now=now)\n    return True\n",
        "    return True\n",
        "test_limbo.py",
        "test_races.py",
        file=SENDING,
    ),
    sow(
        "a-refused-repeat-gives-back",
        "A payout whose repeat was refused is given back, though the first may have been heard.",
        "        if not repeated:\n",
        "        if True:\n",
        "test_limbo.py",
        file=SENDING,
    ),
    sow(
        "begun-is-begun-again",
        "A payout that is being sent is sent by whoever else comes.",
        '    with tenant(actor.cluster_id), crash_points("settlement.record_payout"):\n'
        "        locked = payments.lock_transaction(transaction_id=transaction_id)\n",
        '    with tenant(actor.cluster_id), crash_points("settlement.record_payout"):\n'
        "        locked = Transaction.objects.get(cluster_id=actor.cluster_id, id=transaction_id)\n",
        "test_races.py",
        file=SENDING,
    ),
    sow(
        "arrived-and-bounced-not-told-apart",
        "A payout that came back after it arrived stays where it is.",
        "    elif locked.status == TransactionStatus.COMPLETED:\n        wallets.bounce_payout(",
        "    elif locked.status == TransactionStatus.CANCELLED:\n        wallets.bounce_payout(",
        "test_payouts.py",
        file=SENDING,
    ),
    sow(
        "fees-charged-side-by-side",
        "Two who charge fees at once both charge them.",
        'cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", [f"fees:{cluster_id}"])',
        'cursor.execute("SELECT 1")',
        "test_races.py",
        file="clustr/wallets/commands/arrivals.py",
    ),
    sow(
        "start-refused-is-forgotten",
        "A start that was refused after somebody looked is neither failed nor watched.",
        "if locked.status in (TransactionStatus.PENDING, TransactionStatus.PROCESSING, TransactionStatus.UNKNOWN):",
        "if locked.status == TransactionStatus.PENDING:",
        "test_limbo.py",
        file=STARTING,
    ),
    sow(
        "second-payment-while-unknown",
        "A bill is paid again while it is not known what became of the first payment.",
        "            status=TransactionStatus.UNKNOWN,\n        ).exists()",
        "            status=TransactionStatus.REFUNDED,\n        ).exists()",
        "test_bill_payments.py",
        file=STARTING,
    ),
    sow(
        "callback-by-its-beginning",
        "Payers are sent anywhere that begins like an allowed address.",
        "or origin not in origins:",
        "or not url.startswith(tuple(origins)):",
        "tests/web/members/test_deposit.py",
        file="clustr/payments/policies.py",
    ),
    sow(
        "any-signature",
        "A notice is believed whatever its signature is.",
        "    if not any(matches):\n",
        "    if not matches:\n",
        WEBHOOKS,
        file="clustr/payments/providers/notices.py",
    ),
    sow(
        "each-delivery-is-news",
        "The same notice is stored as often as it is delivered.",
        "CREATE UNIQUE INDEX payments_notice_once ON payments_notice (provider, digest);",
        "CREATE UNIQUE INDEX payments_notice_once ON payments_notice (provider, digest, id);",
        WEBHOOKS,
        file=TABLES,
    ),
    sow(
        "anybody-verifies",
        "Whoever knows a reference of their estate is told what became of it.",
        'if known is None or not (known.user_id == actor.user_id or actor.may("ViewPayments")):',
        "if known is None:",
        WEBHOOKS,
        file=f"{COMMANDS}/asking.py",
        more=(('    if known.user_id != actor.user_id:\n        actor.require("ViewPayments")\n', ""),),
    ),
)
