"""Every list: its limit, its cursor, its filters, and nothing beside them."""

from __future__ import annotations

import base64
from random import Random

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import Operation, fields, in_turns, operations
from tests.fuzz.test_ids import quoted
from tests.money import fund, issue

READING = [operation for operation in operations() if operation.method == "GET"]
LISTS = [operation for operation in READING if "cursor" in operation.parameters]
SHORT = {
    "GET /api/v1/billing/payment-methods/",
    "GET /api/v1/billing/staff/cases/",
    "GET /api/v1/billing/usage/packs/",
    "GET /members/payment-methods/",
    "GET /members/utilities/upcoming/",
    "GET /management/payments/reconciliation/",
    "GET /management/payments/utility_payments/",
    "GET /management/payments/webhook_endpoints/{endpoint_id}/deliveries/",
    "GET /members/utilities/accounts/",
    "GET /members/utilities/automations/",
    "GET /members/utilities/automations/{automation_id}/history/",
    "GET /members/utilities/bills/",
}
"""Lists of which this town holds no second page; the matrix asks for theirs."""
EVERYBODYS = {"GET /api/v1/billing/plans/"}
LIMITS = ["", "0", "-1", "201", "1000000000", str(2**63), "9" * 5_000, "x", "1.5", "1e2", "0x10", " 5", "5 ", "٥", "５", "true",
          "null", "5;DROP TABLE", "\x00"]  # fmt: skip
UNKNOWN = ["page", "offset", "order_by", "fields", "limit__gte", "status__in", "id__gt", "user__password__startswith", "_", "", "__",
           "limit[]", "cluster_id", "CURSOR", "lim\u0131t", "\x00", "a" * 300]  # fmt: skip


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_a_limit_is_1_to_200(door: Door, operation: Operation) -> None:
    for sent in in_turns(operation, LIMITS):
        answer = door.ask(operation, target=f"{door.path(operation)}?limit={quoted(sent)}")
        assert (answer.status, list(answer.named)) == (422, ["limit"]), (sent, answer.text)
    for sent in ("1", "200"):
        assert door.ask(operation, target=f"{door.path(operation)}?limit={sent}").status == 200


@pytest.mark.parametrize("operation", READING, ids=str)
def test_nothing_unknown_nothing_twice(door: Door, operation: Operation) -> None:
    for name in in_turns(operation, UNKNOWN):
        answer = door.ask(operation, target=f"{door.path(operation)}?{quoted(name)}=1")
        assert answer.status == 422, (name, answer.text)
    if operation in LISTS:
        answer = door.ask(operation, target=f"{door.path(operation)}?limit=1&limit=200")
        assert (answer.status, answer.named) == (422, {"limit": "duplicate"})


def test_a_choice_is_one_of_those_listed(door: Door) -> None:
    for choice in fields("choice", "boolean", places=("query",)):
        for sent in ("", "x", "null", "PAID ", "paid,overdue", "\x00", "ｐaid", "-1", "2"):
            answer = door.fill(choice, quoted(sent))
            assert (answer.status, list(answer.named)) == (422, [choice.name]), (str(choice), sent, answer.text)


@pytest.fixture(scope="module")
def cursors(door: Door) -> dict[str, str]:
    """A true cursor of every list that has more than one page."""
    cast = door.town.cast
    for _ in range(2):
        issue(cast)
        fund(cast, cast.bola, "1.00")
    found: dict[str, str] = {}
    for operation in LISTS:
        answer = door.ask(operation, target=f"{door.path(operation)}?limit=1").body
        following = answer.get("next") or answer.get("operations", {}).get("next")
        if following:
            found[str(operation)] = following
    assert {str(operation) for operation in LISTS} - set(found) <= SHORT
    return found


@pytest.mark.parametrize("operation", LISTS, ids=str)
def test_a_cursor_is_good_for_its_own_list(door: Door, operation: Operation, cursors: dict[str, str]) -> None:
    own, chance = cursors.get(str(operation), ""), Random(4)
    raw = base64.urlsafe_b64decode(own + "=" * (-len(own) % 4))
    forged = [bytes([*raw[:at], raw[at] ^ 1, *raw[at + 1 :]]) for at in range(len(raw))] if own else []
    wrong = [
        *(other for name, other in cursors.items() if name != str(operation)),
        *(own[:length] for length in range(1, len(own), 7)),
        *(base64.urlsafe_b64encode(changed).decode().rstrip("=") for changed in forged[::5]),
        *(chance.randbytes(size).hex() for size in (1, 16, 17, 40, 200)),
        *("e30", "W10", "bnVsbA", "AAAA", "====", "%", "x", "../..", "é", "\x00", "'", own + "A" if own else "A"),
    ]
    for sent in in_turns(operation, wrong):
        answer = door.ask(operation, target=f"{door.path(operation)}?limit=1&cursor={quoted(sent)}")
        assert (answer.status, answer.code) == (422, "invalid_cursor"), (sent, answer.text)
    answer = door.ask(operation, target=f"{door.path(operation)}?cursor={'A' * 513}")
    assert (answer.status, list(answer.named)) == (422, ["cursor"])
    if own:
        assert door.ask(operation, target=f"{door.path(operation)}?limit=1&cursor={own}").status == 200


def test_a_cursor_is_good_for_its_own_estate(door: Door, cursors: dict[str, str]) -> None:
    from tests.fuzz.wire import send

    headers = list(door.town.headers_of("neighbour's admin").items())
    for operation in LISTS:
        if str(operation) in cursors and "{" not in operation.path and str(operation) not in EVERYBODYS:
            target = f"{operation.path}?limit=1&cursor={cursors[str(operation)]}"
            assert send(door.application, "GET", target, headers=headers).code == "invalid_cursor"
