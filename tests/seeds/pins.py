"""Bugs in PINs: attempts, locks, changes and resets."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/wallets", "tests/house", "tests/web/members"), file="clustr/wallets/commands/pins.py")

ATTEMPTS = "clustr/wallets/commands/pin_attempts.py"
RESETS = "clustr/wallets/commands/pin_resets.py"
POLICIES = "clustr/wallets/policies.py"
SCHEMA = "clustr/wallets/migrations/0001_wallets.py"
TURNS = "clustr/kit/session_locks.py"
_QUEUES = 'name=f"pin:{actor.cluster_id}:{actor.member_id}"'
_ALONE = 'name=str(__import__("uuid").uuid4())'

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
        file=ATTEMPTS,
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
        file=ATTEMPTS,
        more=((_QUEUES, _ALONE),),
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempt-undone-with-the-request",
        "The count of wrong PINs is undone with the transaction that refuses.",
        "    with _one_at_a_time(actor):\n        taken",
        "    with _one_at_a_time(actor), tenant(actor.cluster_id):\n        taken",
        "test_pin.py::test_a_wrong_pin_is_refused_and_says_how_many_are_left",
        "test_pin.py",
        file=ATTEMPTS,
        more=(
            (
                '    """Count the attempt and take the lock it brings, in a commit of its own."""\n    refuse_enclosing_transaction()\n',
                "",
            ),
        ),
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempt-may-be-inside-a-transaction",
        "An attempt may be taken inside a transaction that is undone.",
        '    """Count the attempt and take the lock it brings, in a commit of its own."""\n    refuse_enclosing_transaction()\n',
        "",
        "test_pin.py::test_inside_a_transaction_that_could_roll_it_back_it_refuses_to_work",
        file=ATTEMPTS,
    ),
    sow(
        "right-pin-opens-a-lock",
        "The right PIN is taken while spending is locked.",
        "        if pin.locked_until is not None and pin.locked_until > now:\n",
        "        if False:\n",
        "test_pin.py::test_the_right_pin_is_refused_while_locked_and_counts_nothing",
        "test_pin.py",
        file=ATTEMPTS,
        races=("test_members.py::test_twenty_wrong_pins_are_five_attempts",),
    ),
    sow(
        "attempts-side-by-side",
        "Attempts of one member do not queue: the sixth right PIN at once is locked out.",
        _QUEUES,
        _ALONE,
        "test_pin.py::test_twenty_right_ones_at_once_all_pass",
        file=ATTEMPTS,
    ),
    sow(
        "turn-never-given-back",
        "Whoever had a PIN checked keeps their place: the next attempt on another connection waits for ever.",
        "    finally:\n        _let_go()\n",
        "    finally:\n        pass\n",
        "test_pin.py",
        file=TURNS,
    ),
    sow(
        "pin-checked-for-somebody-else",
        "A PIN that was checked for one member is set for another.",
        "    if checked.user_id != actor.member_id:\n",
        "    if False:\n",
        "test_pin.py",
        "test_reset_pin.py",
    ),
    sow(
        "failures-never-forgotten",
        "The right PIN leaves the failures before it standing.",
        "update(failed_attempts=0, locked_until=None)\n            if not uses",
        "update(locked_until=None)\n            if not uses",
        "test_pin.py",
        file=ATTEMPTS,
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
        "now, instead_of=checked.instead_of\n",
        "now, instead_of=None\n",
        "test_pin.py::test_a_change_that_was_overtaken_is_refused",
    ),
    sow(
        "second-first-pin-wins",
        "Of two first PINs at once both are told that theirs is set.",
        "not _insert(actor, checked.hash, checked.pepper_id, now):\n",
        "not _insert(actor, checked.hash, checked.pepper_id, now) and False:\n",
        "test_pin.py::test_twenty_first_pins_at_once_set_one",
        races=("test_members.py::test_twenty_first_pins_set_one",),
    ),
    sow(
        "code-used-twice",
        "A reset code that two requests hold at once is used by both.",
        "PinReset.objects.filter(id=reset_id, used_at=None).update(",
        "PinReset.objects.filter(id=reset_id).update(",
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
        file=RESETS,
    ),
    sow(
        "codes-not-locked",
        "Guesses of a reset code at once all see the same count.",
        "            PinReset.objects.select_for_update()\n            .filter(",
        "            PinReset.objects.filter(",
        "test_reset_pin.py::test_twenty_wrong_codes_at_once_are_five",
        file=RESETS,
    ),
    sow(
        "old-code-works",
        "A reset code never grows old.",
        "used_at=None, expires_at__gt=now)",
        "used_at=None)",
        "test_reset_pin.py",
        file=RESETS,
    ),
    sow(
        "withdrawal-right-after-a-reset",
        "Who resets the PIN withdraws at once.",
        "    if rests_until is not None and rests_until > now:\n",
        "    if False:\n",
        "test_reset_pin.py",
    ),
    sow(
        "reset-without-a-fresh-sign-in",
        "A stolen session resets the PIN.",
        "    if signed_in_at is None or now - signed_in_at > FRESH_SIGN_IN:\n",
        "    if False:\n",
        "test_reset_pin.py",
        file=RESETS,
    ),
    sow(
        "anothers-authorization",
        "A spend that was authorized for somebody else is taken.",
        "    if (authorization.user_id, authorization.cluster_id) != (actor.user_id, actor.cluster_id):\n",
        "    if False:\n",
        "test_member_wallet.py",
        "tests/bills/test_pay_bill.py",
    ),
    sow(
        "repeats-tell-the-pin",
        "A PIN is part of what a repeat must have in common with the first: whoever repeats it learns which is right.",
        "exclude=_PINS, ",
        "",
        "tests/web/members/test_pay_bill.py::test_a_repeat_tells_nothing_of_the_pin",
        "tests/web/members/test_set_pin.py",
        file="clustr/web/door.py",
    ),
    sow(
        "repeated-set-pin-asks-no-pin",
        "A repeat of setting a PIN is answered whatever PIN it names.",
        "            if again is not None:\n                again()\n",
        "",
        "tests/web/members/test_set_pin.py::test_a_repeat_tells_nothing_of_the_pin",
        file="clustr/web/door.py",
    ),
    sow(
        "unfrozen-without-the-pin",
        "A frozen wallet is unfrozen without its PIN.",
        "        require_authorization(actor=actor, authorization=authorization)\n",
        "",
        "tests/web/members/test_freeze.py::test_who_set_a_pin_unfreezes_with_it",
        file="clustr/wallets/commands/wallets.py",
    ),
)
