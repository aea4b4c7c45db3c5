"""Bugs in wallets, PINs and payouts."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/wallets", "tests/house", "tests/web/members"), file="clustr/wallets/commands/pins.py")

POLICIES = "clustr/wallets/policies.py"
PAYOUTS = "clustr/wallets/commands/payouts.py"
SCHEMA = "clustr/wallets/migrations/0001_wallets.py"

QUEUED = '        _queue(f"pin:{actor.cluster_id}:{actor.member_id}")\n        yield\n'

SEEDS = (
    sow(
        "sixth-attempt-is-judged",
        "A PIN is locked after six wrong ones.",
        "ATTEMPTS_PER_LOCK = 5",
        "ATTEMPTS_PER_LOCK = 6",
        "test_pin.py",
        file=POLICIES,
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "pin-wall-gone",
        "The table of PINs takes five failures without a lock.",
        '("failed_attempts__lt", 5), ("locked_until__isnull", False), _connector="OR"',
        '("failed_attempts__lt", 500), ("locked_until__isnull", False), _connector="OR"',
        "test_pin.py::test_the_database_too_wants_a_lock_at_five",
        file=SCHEMA,
    ),
    sow(
        "attempt-counted-after-hashing",
        "A request that dies while its PIN is hashed has used no attempt.",
        """        taken = _take_attempt(actor, now)
        right = pin_matches(
            pin=pin,
            hash=taken.hash,
            pepper_id=taken.pepper_id,
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
        )
""",
        """        with tenant(actor.cluster_id):
            taken = Pin.objects.get(cluster_id=actor.cluster_id, user_id=actor.member_id)
        right = pin_matches(
            pin=pin,
            hash=taken.hash,
            pepper_id=taken.pepper_id,
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
        )
        taken = _take_attempt(actor, now)
""",
        "test_pin.py::test_an_attempt_survives_the_request_that_dies",
        "test_pin.py",
    ),
    sow(
        "guesses-judged-together",
        "Attempts do not queue, and are counted when they were judged: twenty at once are twenty guesses.",
        """        taken = _take_attempt(actor, now)
        right = pin_matches(
            pin=pin,
            hash=taken.hash,
            pepper_id=taken.pepper_id,
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
        )
""",
        """        with tenant(actor.cluster_id):
            taken = Pin.objects.get(cluster_id=actor.cluster_id, user_id=actor.member_id)
            if taken.locked_until is not None and taken.locked_until > now:
                raise PinLocked
        right = pin_matches(
            pin=pin,
            hash=taken.hash,
            pepper_id=taken.pepper_id,
            cluster_id=actor.cluster_id,
            user_id=actor.member_id,
        )
        with tenant(actor.cluster_id):
            taken.failed_attempts = min(taken.failed_attempts + 1, 5)
            taken.locked_until = lock_after(taken.failed_attempts, now=now) or taken.locked_until
            taken.save(update_fields=["failed_attempts", "locked_until"])
""",
        "test_pin.py::test_twenty_wrong_ones_at_once_use_exactly_five_attempts",
        more=((QUEUED, "        yield\n"),),
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempt-undone-with-the-request",
        "The count of wrong PINs is undone with the transaction that refuses.",
        "    with _one_at_a_time(actor):\n        taken",
        "    with _one_at_a_time(actor), tenant(actor.cluster_id):\n        taken",
        "test_pin.py::test_a_wrong_pin_is_refused_and_says_how_many_are_left",
        "test_pin.py",
        more=(
            (
                '    """Count the attempt and take the lock it brings, in a commit of its own."""\n    _refuse_transaction()\n',
                "",
            ),
        ),
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempt-may-be-inside-a-transaction",
        "An attempt may be taken inside a transaction that is undone.",
        '    """Count the attempt and take the lock it brings, in a commit of its own."""\n    _refuse_transaction()\n',
        "",
        "test_pin.py::test_inside_a_transaction_that_could_roll_it_back_it_refuses_to_work",
    ),
    sow(
        "right-pin-opens-a-lock",
        "The right PIN is taken while spending is locked.",
        "        if pin.locked_until is not None and pin.locked_until > now:\n",
        "        if False:\n",
        "test_pin.py::test_the_right_pin_is_refused_while_locked_and_counts_nothing",
        "test_pin.py",
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempts-side-by-side",
        "Attempts of one member do not queue: the sixth right PIN at once is locked out.",
        QUEUED,
        "        yield\n",
        "test_pin.py::test_twenty_right_ones_at_once_all_pass",
    ),
    sow(
        "failures-never-forgotten",
        "The right PIN leaves the failures before it standing.",
        "update(failed_attempts=0, locked_until=None)\n            if not uses",
        "update(locked_until=None)\n            if not uses",
        "test_pin.py",
    ),
    sow(
        "withdrawal-without-the-pin",
        "A withdrawal without the PIN is taken although one is set.",
        "        raise PinRequired\n",
        "        return\n",
        "test_pin.py",
    ),
    sow(
        "overtaken-change-wins",
        "A change of the PIN wins over a reset that came between.",
        "instead_of=known.set_at):",
        "instead_of=None):",
        "test_pin.py::test_a_change_that_was_overtaken_is_refused",
    ),
    sow(
        "second-first-pin-wins",
        "Of two first PINs at once both are told that theirs is set.",
        "        if not known and not _insert(actor, hashed, pepper_id, now):\n            raise OldPinRequired  # another",
        "        if not known and not _insert(actor, hashed, pepper_id, now) and False:\n            raise OldPinRequired  # another",
        "test_pin.py::test_twenty_first_pins_at_once_set_one",
        races=("test_members.py::test_twenty_first_pins_set_one",),
    ),
    sow(
        "code-used-twice",
        "A reset code that two requests hold at once is used by both.",
        "PinReset.objects.filter(id=reset.id, used_at=None).update(",
        "PinReset.objects.filter(id=reset.id).update(",
        "test_reset_pin.py::test_a_code_works_once_at_once",
        "test_reset_pin.py",
        races=("test_members.py::test_a_code_resets_the_pin_once",),
    ),
    sow(
        "sixth-code-is-judged",
        "A reset code is compared once more than it may be.",
        "reset.attempts >= _CODE_ATTEMPTS",
        "reset.attempts > _CODE_ATTEMPTS",
        "test_reset_pin.py",
    ),
    sow(
        "codes-not-locked",
        "Guesses of a reset code at once all see the same count.",
        "            PinReset.objects.select_for_update()\n            .filter(",
        "            PinReset.objects.filter(",
        "test_reset_pin.py::test_twenty_wrong_codes_at_once_are_five",
    ),
    sow(
        "old-code-works",
        "A reset code never grows old.",
        "used_at=None, expires_at__gt=now)",
        "used_at=None)",
        "test_reset_pin.py",
    ),
    sow(
        "withdrawal-right-after-a-reset",
        "Who resets the PIN withdraws at once.",
        "    if wait > timedelta(0):\n",
        "    if False:\n",
        "test_reset_pin.py",
    ),
    sow(
        "reset-without-a-fresh-sign-in",
        "A stolen session resets the PIN.",
        "    if signed_in_at is None or now - signed_in_at > FRESH_SIGN_IN:\n",
        "    if False:\n",
        "test_reset_pin.py",
    ),
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
        "limit is not None and limit < amount",
        "limit is not None and limit <= amount",
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
        "payout-decided-again",
        "What was decided is decided once more.",
        "    if payout.approval != Approval.WAITING:\n        raise PayoutDecided\n",
        "",
        "test_cluster_wallet.py::test_what_is_decided_stays_decided",
        file=PAYOUTS,
        races=("test_office.py::test_a_transfer_is_approved_or_rejected_once",),
    ),
    sow(
        "payout-not-locked",
        "Approval and rejection at once both see a waiting transfer.",
        "Payout.objects.select_for_update().filter(",
        "Payout.objects.filter(",
        "test_cluster_wallet.py::test_approvals_and_rejections_at_once_decide_once",
        file=PAYOUTS,
        races=("test_office.py::test_a_transfer_is_approved_or_rejected_once",),
    ),
    sow(
        "rejected-money-stays-out",
        "A rejected transfer's money does not come back.",
        "        ledger.reverse(transfer_id=payout_id, journal=payout_id, at=now, kind=TransferKind.PAYOUT_RETURN)\n",
        "",
        "test_cluster_wallet.py",
        file=PAYOUTS,
    ),
    sow(
        "credit-without-a-trail",
        "Money credited to the cluster's wallet is not on the trail.",
        '        _audit(actor, "cluster_wallet.credited", transaction, description, now)\n',
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
        "anothers-authorization",
        "A spend that was authorized for somebody else is taken.",
        "    if (authorization.user_id, authorization.cluster_id) != (actor.user_id, actor.cluster_id):\n",
        "    if False:\n",
        "test_member_wallet.py",
        "tests/bills/test_pay_bill.py",
    ),
)
