"""Bugs in the trail, in first answers, in throttles, and in the door that uses them."""

from tests.seeds.seed import seeds_of

sow = seeds_of(("tests/audit", "tests/web", "tests/house"), file="clustr/audit/migrations/0001_trail.py")

DOOR = "clustr/web/door.py"
TYPES = "clustr/audit/types.py"

SEEDS = (
    sow(
        "key-claimed-without-a-lock",
        "Two requests with one key at once are both the first.",
        "verdict := CASE WHEN ours THEN 'fresh' ELSE 'running' END;",
        "verdict := 'fresh';",
        "test_first_answers.py",
        races=(
            "test_members.py::test_one_key_pays_once",
            "test_members.py::test_one_key_for_two_payments_pays_one",
            "test_office.py::test_bills_are_issued_once_for_a_key",
        ),
    ),
    sow(
        "key-claimed-by-whoever-waits",
        "A request with the same key waits for the first, and holds a connection meanwhile.",
        "ours boolean := pg_try_advisory_xact_lock(uuid_hash_extended(wanted, uuid_hash_extended(tenant, 3)));",
        "ours boolean := (SELECT true FROM"
        " pg_advisory_xact_lock(uuid_hash_extended(wanted, uuid_hash_extended(tenant, 3))));",
        "test_first_answers.py",
    ),
    sow(
        "key-with-any-input",
        "A repeat with another body gets the first answer.",
        "ELSIF kept.body <> input THEN",
        "ELSIF false THEN",
        "test_first_answers.py",
    ),
    sow(
        "input-not-in-the-digest",
        "The digest kept beside a key says nothing of the body.",
        'body=hmac.digest(secret, body, "sha256")',
        'body=hmac.digest(secret, b"", "sha256")',
        "test_first_answers.py",
        "tests/web/test_door_idempotency.py",
        file=TYPES,
        races=("test_members.py::test_one_key_for_two_payments_pays_one",),
    ),
    sow(
        "digest-without-the-secret",
        "Whoever reads the table can guess a PIN back from the digest of its request.",
        'body=hmac.digest(secret, body, "sha256")',
        "body=hashlib.sha256(body).digest()",
        "test_first_answers.py",
        file=TYPES,
    ),
    sow(
        "key-of-anybody",
        "The key of one member answers another.",
        'b"\\x1f".join((user_id.bytes, path.encode(), key.encode()))',
        'b"\\x1f".join((path.encode(), key.encode()))',
        "test_first_answers.py",
        file=TYPES,
    ),
    sow(
        "key-of-any-address",
        "The key of one address answers at another.",
        'b"\\x1f".join((user_id.bytes, path.encode(), key.encode()))',
        'b"\\x1f".join((user_id.bytes, key.encode()))',
        "test_first_answers.py",
        file=TYPES,
    ),
    sow(
        "claimed-after-the-effect",
        "The key is claimed when the work is done: a repeat works again before it is told.",
        """        first = audit.claim_request(claim) if claim else None
        if first is not None and again is not None:
            raise RequestInProgress(retry_after_seconds=1)  # the first ended in this instant: this one is asked again
        if first is not None:
            return first, True
        crash_point("door.once.claimed")
        with noting_permissions() as needed:
            text = work(*arguments).model_dump_json(by_alias=True)
""",
        """        with noting_permissions() as needed:
            text = work(*arguments).model_dump_json(by_alias=True)
        first = audit.claim_request(claim) if claim else None
        if first is not None and again is not None:
            raise RequestInProgress(retry_after_seconds=1)  # the first ended in this instant: this one is asked again
        if first is not None:
            return first, True
        crash_point("door.once.claimed")
""",
        "tests/web/test_door_idempotency.py",
        file=DOOR,
        races=("test_office.py::test_bills_are_issued_once_for_a_key",),
    ),
    sow(
        "answer-not-kept",
        "A claimed request keeps no answer: its repeat works again.",
        '        if claim:\n            audit.keep_answer(claim, made, at=request.now)\n        crash_point("door.once.kept")\n',
        '        crash_point("door.once.kept")\n',
        "tests/web/test_door_idempotency.py",
        file=DOOR,
        races=("test_office.py::test_bills_are_issued_once_for_a_key",),
    ),
    sow(
        "repeat-checks-again",
        "What comes before the work is done for a repeat too: a PIN attempt is used.",
        "            if again is not None:\n                again()\n            return _replay(known, actor)\n        arguments = (before(),)\n",
        "            pass\n        arguments = (before(),)\n",
        "tests/web/test_door_idempotency.py",
        "tests/web/members",
        file=DOOR,
    ),
    sow(
        "nobody-takes-a-turn",
        "What changes something is not counted.",
        "    take_turn(request)\n    actor = actor_of(request)\n    claim = _claim(request, body)\n    arguments",
        "    actor = actor_of(request)\n    claim = _claim(request, body)\n    arguments",
        "tests/web/test_door_throttle.py",
        file=DOOR,
    ),
    sow(
        "repeat-after-the-permission-is-gone",
        "A first answer is told again to who may no longer ask for it.",
        "        actor.require(permission)\n    answer",
        "        pass\n    answer",
        "tests/web/matrix/test_changes.py",
        file=DOOR,
    ),
    sow(
        "one-turn-more",
        "The throttle gives one turn more than the burst.",
        "+ turn.price <= clock_timestamp() + turn.room\n",
        "+ turn.price <= clock_timestamp() + turn.room + turn.price\n",
        "test_throttle.py",
        races=("test_members.py::test_a_burst_is_exactly_as_large_as_allowed",),
    ),
    sow(
        "refused-turns-are-kept",
        "A turn that one bucket refused stays taken from the others.",
        "SET tat = t.tat - make_interval(secs => b.seconds * b.cost)",
        "SET tat = t.tat",
        "test_throttle.py",
    ),
    sow(
        "trail-may-change",
        "The trail can be rewritten by its owner.",
        '        append_only("audit_event"),\n',
        "",
        "test_trail.py",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "runtime-role-may-rewrite-the-trail",
        "The runtime login was granted UPDATE on the trail.",
        'tenant_table("audit_event", app="SELECT, INSERT")',
        'tenant_table("audit_event", app="SELECT, INSERT, UPDATE")',
        "test_trail.py",
        "tests/house/test_catalogue.py",
    ),
    sow(
        "form-without-its-key",
        "A page's form that is sent twice takes effect twice.",
        'request.__dict__.get("form_key") or request.headers.get(KEY_HEADER)',
        "request.headers.get(KEY_HEADER)",
        "tests/web/pages/test_paying.py",
        file=DOOR,
    ),
    sow(
        "form-of-any-estate",
        "A form acts in the estate that was chosen last, whichever it was shown for.",
        "if request.POST.get(ESTATE_FIELD) != str(request.actor.cluster_id):",
        "if False:",
        "tests/web/pages/test_paying.py",
        file="clustr/web/pages/forms.py",
    ),
    sow(
        "no-amount-is-everything",
        "Who empties the amount and sends the form pays all that is left.",
        "    return {name: text}\n\n\ndef typed_day",
        "    return {name: text} if text else {}\n\n\ndef typed_day",
        "tests/web/pages/test_paying.py",
        file="clustr/web/pages/forms.py",
    ),
    sow(
        "second-tap-gets-a-new-key",
        "Who taps twice is shown the form with a new key while the first tap is at work: a third tap pays again.",
        "{RequestInProgress.code, PinRequired.code",
        "{PinRequired.code",
        "tests/web/pages/test_paying.py",
        file="clustr/web/pages/forms.py",
    ),
    sow(
        "shown-first-gets-a-new-key",
        "The page that shows what a form will do has a key of its own: what was not heard of is done again over it.",
        '"" if keyed else key_of(request)',
        '""',
        "tests/web/pages/test_cards.py",
        file="clustr/web/pages/forms.py",
    ),
    sow(
        "comma-anywhere",
        "A comma is dropped wherever it stands: 5,00 becomes five hundred.",
        "if _GROUPED.fullmatch(text):",
        "if True:",
        "tests/web/pages/test_paying.py",
        file="clustr/web/pages/forms.py",
    ),
    sow(
        "cursor-of-any-estate",
        "A cursor of one estate's list opens another's.",
        "[request.path, str(actor_of(request).cluster_id), filters]",
        "[request.path, filters]",
        "tests/web/test_door_pages.py",
        file="clustr/web/paging.py",
    ),
    sow(
        "cursor-unsigned",
        "A cursor that nobody signed is taken.",
        "    if not hmac.compare_digest(tag, _tag(request, query, payload)):\n        raise InvalidCursor\n",
        "",
        "tests/web/test_door_pages.py",
        file="clustr/web/paging.py",
    ),
)
