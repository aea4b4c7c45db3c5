"""What the database refuses of payments through providers, whatever the code above it does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

import pytest
from django.db import DatabaseError, connections, transaction

from clustr.kit.ids import new_id
from tests.cast import Cast

Values = dict[str, Any]
NOW = "2026-01-01T00:00:00Z"
DIGEST = "\\x" + "ab" * 32

RIGHT: dict[str, Values] = {
    "payments_statuschange": {
        "transaction_id": str(UUID(int=1)),
        "n": 1,
        "from_status": "pending",
        "to_status": "processing",
        "at": NOW,
    },
    "payments_attempt": {
        "kind": "charge",
        "provider": "paystack",
        "reference": "a-reference-of-ours",
        "surcharge_minor": 0,
        "request_id": str(UUID(int=2)),
        "checkout_url": "",
        "callback_url": "",
        "started_at": NOW,
        "payable_until": NOW,
        "checks": 0,
        "misses": 0,
    },
    "payments_exchange": {
        "transaction_id": str(UUID(int=3)),
        "act": "fetch",
        "outcome": "pending",
        "answer": {},
        "at": NOW,
    },
    "payments_settlement": {
        "provider": "paystack",
        "provider_id": "4099260516",
        "asked_id": str(UUID(int=4)),
        "amount_minor": 100,
        "currency": "NGN",
        "surcharge_minor": 0,
        "fee_minor": 0,
        "completes_minor": 60,
        "surplus_id": str(UUID(int=5)),
        "surplus_minor": 40,
        "paid_at": NOW,
        "settled_at": NOW,
    },
    "payments_method": {
        "user_id": str(UUID(int=6)),
        "provider": "paystack",
        "fingerprint": DIGEST,
        "token": DIGEST,
        "brand": "visa",
        "last_four": "4081",
        "expires_month": 12,
        "expires_year": 2030,
        "saved_at": NOW,
    },
    "payments_case": {"kind": "unknown_too_long", "subject": "something", "facts": {}, "opened_at": NOW, "note": ""},
    "payments_notice": {
        "provider": "paystack",
        "digest": DIGEST,
        "body": DIGEST,
        "received_at": NOW,
        "deliveries": 1,
        "state": "waiting",
        "kind": "charge",
        "reference": "",
        "provider_id": "",
        "attempts": 0,
        "next_attempt_at": NOW,
    },
}
"""A row of each table with which nothing is wrong by itself; what it refers to is looked for last, and is not there."""

WRONG: list[tuple[str, str, Values]] = [
    ("payments_statuschange", "n_check", {"n": 0}),
    ("payments_statuschange", "is_a_step", {"from_status": "completed", "to_status": "pending"}),
    ("payments_attempt", "kind_check", {"kind": "gift"}),
    ("payments_attempt", "provider_check", {"provider": ""}),
    ("payments_attempt", "reference_check", {"reference": "too-short"}),
    ("payments_attempt", "reference_check", {"reference": "A-REFERENCE-IN-CAPITALS"}),
    ("payments_attempt", "surcharge_minor_check", {"surcharge_minor": -1}),
    ("payments_attempt", "checks_check", {"checks": -1}),
    ("payments_attempt", "misses_check", {"misses": -1}),
    ("payments_attempt", "payable_after_start", {"payable_until": "2025-12-31T23:59:59Z"}),
    ("payments_exchange", "act_check", {"act": "FETCH it"}),
    ("payments_exchange", "outcome_check", {"outcome": ""}),
    ("payments_exchange", "answer_check", {"answer": []}),
    ("payments_settlement", "provider_check", {"provider": ""}),
    ("payments_settlement", "provider_id_check", {"provider_id": ""}),
    ("payments_settlement", "all_placed", {"completes_minor": 59}),
    ("payments_settlement", "amount_minor_check", {"amount_minor": 0, "completes_minor": -1, "surplus_minor": 1}),
    ("payments_settlement", "surcharge_minor_check", {"surcharge_minor": -1}),
    ("payments_settlement", "fee_minor_check", {"fee_minor": -1}),
    ("payments_settlement", "completes_minor_check", {"completes_minor": -1, "surplus_minor": 101}),
    (
        "payments_settlement",
        "surplus_minor_check",
        {"completes_minor": 101, "surplus_minor": -1, "surplus_id": None},
    ),
    ("payments_settlement", "surplus_has_a_place", {"surplus_id": None}),
    ("payments_settlement", "surplus_has_a_place", {"completes_minor": 100, "surplus_minor": 0}),
    ("payments_method", "fingerprint_check", {"fingerprint": "\\xab"}),
    ("payments_method", "last_four_check", {"last_four": "40814"}),
    ("payments_method", "expires_month_check", {"expires_month": 0}),
    ("payments_method", "expires_month_check", {"expires_month": 13}),
    ("payments_method", "expires_year_check", {"expires_year": 1999}),
    ("payments_method", "expires_year_check", {"expires_year": 2101}),
    ("payments_case", "kind_check", {"kind": "curious"}),
    ("payments_case", "facts_check", {"facts": []}),
    ("payments_case", "closed_with_a_note", {"closed_at": NOW}),
    ("payments_notice", "provider_check", {"provider": ""}),
    ("payments_notice", "digest_check", {"digest": "\\xab"}),
    ("payments_notice", "state_check", {"state": "lost", "next_attempt_at": None}),
    ("payments_notice", "kind_check", {"kind": "A charge"}),
    ("payments_notice", "waits_for_an_attempt", {"next_attempt_at": None}),
    ("payments_notice", "waits_for_an_attempt", {"state": "done"}),
]
"""What makes such a row wrong in one way, and the constraint that says so, less the name of its table."""

TWICE: list[tuple[str, str, Values]] = [
    ("payments_attempt", "reference", {"request_id": None}),
    ("payments_attempt", "request", {"reference": "another-reference-of-ours"}),
    ("payments_settlement", "once", {"asked_id": str(UUID(int=101)), "surplus_id": str(UUID(int=102))}),
    ("payments_settlement", "completes_once", {"provider_id": "4099260517", "surplus_id": str(UUID(int=103))}),
    (
        "payments_settlement",
        "one_surplus",
        {"provider_id": "4099260517", "completes_minor": 0, "surplus_minor": 100},
    ),
    ("payments_method", "once", {"brand": "another"}),
    ("payments_case", "one_open", {"facts": {"why": "another"}}),
    ("payments_notice", "once", {"body": "\\xcd"}),
]
"""What a second row may say otherwise, and the index that refuses it all the same."""

FREE = ("payments_case", "payments_method", "payments_notice")
"""Tables whose rows need no transaction beside them."""


@contextmanager
def wall(name: str) -> Iterator[None]:
    """Expect the database to refuse, naming this constraint or index."""
    with pytest.raises(DatabaseError, match=f'"{name}"'):
        yield


def insert(cast: Cast, table: str, *changes: Values) -> None:
    """As the owner of the schema, in one statement: one right row for each of these changes of it."""
    rows = [
        RIGHT[table] | ({} if table == "payments_statuschange" else {"id": str(new_id())}) | change
        for change in changes
    ]
    if table != "payments_notice":
        rows = [row | {"cluster_id": str(cast.cluster_id)} for row in rows]
    columns = sorted(rows[0].keys() | rows[-1].keys())
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {', '.join(columns)}"
            f" FROM jsonb_populate_recordset(NULL::{table}, %s)",
            [json.dumps(rows)],
        )
        transaction.set_rollback(True, using="owner")


@pytest.mark.parametrize(("table", "constraint", "change"), WRONG, ids=lambda value: str(value)[:40])
def test_a_wrong_row_is_refused(cast: Cast, table: str, constraint: str, change: Values) -> None:
    with wall(f"{table}_{constraint}"):
        insert(cast, table, change)


@pytest.mark.parametrize(("table", "index", "change"), TWICE, ids=lambda value: str(value)[:40])
def test_a_second_row_is_refused(cast: Cast, table: str, index: str, change: Values) -> None:
    with wall(f"{table}_{index}"):
        insert(cast, table, {}, change)


@pytest.mark.parametrize("table", FREE)
def test_a_right_row_is_taken(cast: Cast, table: str) -> None:
    """Else the others would be refused for another reason."""
    insert(cast, table, {})


@pytest.mark.parametrize("change", [{"expires_month": 1, "expires_year": 2000}, {"expires_year": 2100}], ids=str)
def test_a_card_expires_at_an_edge(cast: Cast, change: Values) -> None:
    insert(cast, "payments_method", change)


@pytest.mark.parametrize("table", sorted(RIGHT.keys() - set(FREE)))
def test_a_row_about_nothing_is_refused(cast: Cast, table: str) -> None:
    """Nothing else is wrong with it than that its transaction is not there."""
    with wall(f"{table}_[a-z_]*id_in_cluster"):
        insert(cast, table, {})
