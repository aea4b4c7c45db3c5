"""Bugs in the payment that is one statement: its claim, what it keeps, the wallet it takes from, the look at both accounts."""

from tests.seeds.seed import seeds_of

PAYING = "clustr/bills/commands/paying.py"
CONSENT = "clustr/bills/commands/consent.py"
DOOR = "clustr/web/door.py"
BOOKS = "clustr/ledger/migrations/0001_books.py"

sow = seeds_of(
    ("tests/bills", "tests/web/members", "tests/ledger", "tests/house"), file="clustr/bills/migrations/0001_bills.py"
)

_SET = "  verdict := set_config('clustr.cluster', p_cluster::text, true);\n"
_CLAIM = """  IF p_scope IS NOT NULL THEN
    claimed := audit_claim(p_scope, p_body);
    verdict := claimed.verdict;
    facts := claimed.answer;
    IF verdict <> 'fresh' THEN
      RETURN;
    END IF;
  END IF;
"""
_OF_PAYMENT = "  claimed record;\n  paid record;\n  owed bills_owed;\nBEGIN\n" + _SET
_OF_CONSENT = "  claimed record;\n  owed bills_owed;\nBEGIN\n" + _SET
_PAID = """  paid := bills_pay_from_wallet(p_bill, p_member, p_amount, p_currency, p_pin_checked, p_transaction, p_reference, p_at,
                                p_ip, p_agent, p_request);
"""

SEEDS = (
    sow(
        "payment-claimed-after-it",
        "The one statement pays, and then asks whether it did before.",
        _OF_PAYMENT + _CLAIM + _PAID,
        _OF_PAYMENT + _PAID + _CLAIM,
        "test_pay_once.py",
        races=("test_members.py::test_one_key_pays_once",),
    ),
    sow(
        "payment-not-kept",
        "The one statement keeps nothing beside its claim: its repeat pays again.",
        "    PERFORM audit_keep(p_scope, p_member, p_body, 201::smallint, facts, '{}', p_at);\n",
        "    NULL;\n",
        "test_pay_once.py",
        races=("test_members.py::test_one_key_pays_once",),
    ),
    sow(
        "consent-not-kept",
        "A consent keeps nothing beside its claim: a repeat with another body is taken.",
        "    PERFORM audit_keep(p_scope, p_member, p_body, 200::smallint, facts, '{}', p_at);\n",
        "    NULL;\n",
        "test_pay_once.py",
    ),
    sow(
        "running-payment-is-paid-beside",
        "The one statement goes on although the same request is running or came with another body.",
        _OF_PAYMENT + _CLAIM,
        _OF_PAYMENT + _CLAIM.replace("<> 'fresh'", "= 'replay'"),
        "test_pay_once.py",
        races=("test_members.py::test_one_key_for_two_payments_pays_one",),
    ),
    sow(
        "key-left-behind-by-a-payment",
        "A payment brings no claim: each repeat pays again.",
        "        claim.scope if claim else None,\n",
        "        None,\n",
        "test_pay_once.py",
        file=PAYING,
        races=("test_members.py::test_one_key_pays_once",),
    ),
    sow(
        "payment-leaves-its-cluster-set",
        "The cluster stays set on the connection when a payment is done.",
        _OF_PAYMENT,
        _OF_PAYMENT.replace("true", "false"),
        "test_pay_once.py",
    ),
    sow(
        "consent-leaves-its-cluster-set",
        "The cluster stays set on the connection when a consent is done.",
        _OF_CONSENT,
        _OF_CONSENT.replace("true", "false"),
        "test_pay_once.py",
    ),
    sow(
        "payment-inside-another-estates-transaction",
        "A payment of one estate joins the transaction of another.",
        "    refuse_other_tenant(actor.cluster_id)\n",
        "",
        "test_pay_once.py",
        file=PAYING,
    ),
    sow(
        "pin-taken-for-checked",
        "The one call says that the PIN was right, whether or not one came.",
        "        wallets.pin_was_checked(actor=actor, authorization=authorization),\n        transaction_id,\n",
        "        True,\n        transaction_id,\n",
        "test_pay_once.py",
        "tests/web/members/test_pay_bill.py",
        file=PAYING,
    ),
    sow(
        "any-amount-in-one-call",
        "The one call takes an amount of another currency for one of the cluster's.",
        "        refuse_amount(amount=amount, currency=actor.currency)\n    refuse_other_tenant",
        "        pass\n    refuse_other_tenant",
        "test_pay_once.py",
        file=PAYING,
    ),
    sow(
        "deadlocked-payment-is-an-error",
        "A payment that PostgreSQL broke off for a deadlock is not made again.",
        "retried(lambda: fetch_prepared(_PAY_ONCE, values))",
        "fetch_prepared(_PAY_ONCE, values)",
        "test_pay_once.py",
        file=PAYING,
    ),
    sow(
        "facts-of-what-was-asked",
        "What is kept of a payment is what was asked for, not what was paid.",
        "bills_facts(owed), p_transaction, paid.paid_now, paid.paid_at);",
        "bills_facts(owed), p_transaction, coalesce(p_amount, owed.amount_minor), paid.paid_at);",
        "tests/web/members/test_pay_bill.py",
    ),
    sow(
        "facts-of-before",
        "What is kept of a payment is how the bill stood before it.",
        "  owed.paid_minor := owed.paid_minor + paid_now;\n",
        "",
        "test_pay_once.py",
    ),
    sow(
        "paid-from-any-wallet",
        "A payment takes whichever wallet of the estate comes first.",
        "WHERE w.cluster_id = tenant AND w.user_id = p_member AND w.currency = p_currency),",
        "WHERE w.cluster_id = tenant AND w.currency = p_currency ORDER BY w.id LIMIT 1),",
        "test_pay_bill.py",
        "tests/web/members/test_pay_bill.py",
    ),
    sow(
        "paid-without-a-posting",
        "A payment is recorded, and no money moves.",
        "  PERFORM ledger_post_one(p_transaction, p_from, into_account, paid_now, 'bill_payment', owed.type, p_transaction,\n"
        "    NULL, paid_at);\n",
        "",
        "test_pay_once.py",
    ),
    sow(
        "repeat-of-a-payment-checks-again",
        "A repeated payment has its PIN checked again, and uses an attempt.",
        "        if known is not None:\n"
        "            return _replay(Answer(known.status, shape(known.text).model_dump_json(by_alias=True)), actor)\n"
        "        prepared",
        "        prepared",
        "tests/web/members/test_pay_bill.py",
        file=DOOR,
    ),
    sow(
        "payments-take-no-turn",
        "A payment is not counted by the throttle.",
        "    take_turn(request)\n    actor = actor_of(request)\n    claim = _claim(request, body)\n    prepared",
        "    actor = actor_of(request)\n    claim = _claim(request, body)\n    prepared",
        "tests/web/members/test_pay_bill.py",
        file=DOOR,
        races=("test_members.py::test_a_burst_is_exactly_as_large_as_allowed",),
    ),
    sow(
        "one-look-goes-on",
        "Money that the one look took is taken once more the longer way.",
        "  IF FOUND THEN\n    RETURN 1;\n  END IF;\n",
        "",
        "tests/ledger/test_post.py",
        file=BOOKS,
        races=("test_members.py::test_a_bill_is_paid_once",),
    ),
    sow(
        "one-look-at-a-frozen-wallet",
        "The one look takes money from a frozen wallet.",
        "a.guarded AND a.frozen_at IS NULL AND a.balance >= p_amount\n",
        "a.guarded AND a.balance >= p_amount\n",
        "tests/ledger/test_post.py",
        file=BOOKS,
        races=("test_members.py::test_nothing_leaves_a_wallet_after_it_was_frozen",),
    ),
    sow(
        "one-look-without-the-balance",
        "The one look takes more than a wallet holds, and leaves the refusal to the wall.",
        "a.guarded AND a.frozen_at IS NULL AND a.balance >= p_amount\n",
        "a.guarded AND a.frozen_at IS NULL\n",
        "tests/ledger/test_post.py",
        file=BOOKS,
        races=("test_members.py::test_a_wallet_is_not_overspent_by_many_bills",),
    ),
    sow(
        "one-look-pays-wallets-nothing",
        "The one look takes from one wallet for another, which gets nothing.",
        "AND b.id = p_credit AND NOT b.guarded AND b.currency",
        "AND b.id = p_credit AND b.currency",
        "tests/ledger/test_post.py",
        file=BOOKS,
    ),
    sow(
        "one-look-at-two-currencies",
        "The one look moves Naira into an account of cedis.",
        "AND NOT b.guarded AND b.currency = a.currency;",
        "AND NOT b.guarded;",
        "tests/ledger/test_post.py",
        file=BOOKS,
    ),
)
