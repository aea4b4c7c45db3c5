"""One spelling of an id everywhere; one that is nobody's, or another estate's, is not there."""

from __future__ import annotations

import json

import pytest

from tests.fuzz.conftest import Door
from tests.fuzz.fields import Field, fields, in_turns, operations
from tests.money import issue

pytestmark = pytest.mark.early

SOME = "01998a4e-6f00-7c00-8000-000000000001"
WRONG = ["", " ", "x", "1", "null", SOME[:-1], SOME + "0", SOME.replace("-", ""), "{" + SOME + "}", "urn:uuid:" + SOME,
         f" {SOME}", f"{SOME}\n", SOME.replace("-", "_"), SOME.replace("0", "０"), SOME.replace("0", "O"), "../" + SOME,
         f"{SOME}'--", "0" * 36, "-" * 36, SOME * 50, "٠" * 36]  # fmt: skip
VALUES = ["5", "0.5", "true", "[]", "{}", f'["{SOME}"]']
ALIKE = ({"transaction_id", "transfer_id", "purchase_id"}, {"payment_method_id", "method_id"})
"""Names of one and the same thing: a purchase is its buyer's transaction."""
NO_IDS = {"customer_id", "plan_id", "card_id"}
"""Numbers and names of others' giving."""
NIL, FULL = "00000000-0000-0000-0000-000000000000", "ffffffff-ffff-ffff-ffff-ffffffffffff"
BODY, QUERY, PATH = (fields("id", places=(place,)) for place in ("body", "query", "path"))


def quoted(text: str) -> str:
    return "".join(f"%{byte:02X}" for byte in text.encode())


@pytest.mark.parametrize("id", BODY, ids=str)
def test_what_is_no_id_is_refused_in_bodies(door: Door, id: Field, unchanged: None) -> None:
    for sent in in_turns(id, [*map(json.dumps, WRONG), *VALUES]):
        answer = door.fill(id, sent)
        assert (answer.status, id.name in answer.named) == (422, True), (sent, answer.text)


@pytest.mark.parametrize("id", QUERY, ids=str)
def test_what_is_no_id_is_refused_in_filters(door: Door, id: Field) -> None:
    for sent in in_turns(id, WRONG):
        answer = door.fill(id, quoted(sent))
        assert (answer.status, list(answer.named)) == (422, [id.name]), (sent, answer.text)


@pytest.mark.parametrize("id", PATH, ids=str)
def test_what_is_no_id_is_not_there(door: Door, id: Field, unchanged: None) -> None:
    for sent in in_turns(id, [*filter(None, WRONG), NIL, FULL, SOME]):
        body = json.dumps(door.body(id.operation)).encode() if id.operation.body else b""
        answer = door.ask(id.operation, body, target=door.path(id.operation, **{str(id.at[0]): quoted(sent)}))
        assert answer.status == 404, (sent, answer.text)


@pytest.mark.parametrize("id", [*BODY, *PATH], ids=str)
def test_ids_of_others_are_not_there(door: Door, id: Field, unchanged: None) -> None:
    """Nobody's, another table's, another estate's."""
    town = door.town
    others = [
        NIL,
        FULL,
        SOME,
        str(town.cast.lekki.id),
        str(town.cast.chidi.user_id),
        str(town.cast.chidi.membership_id),
    ]
    name = str(id.at[-1])
    alike = next((names for names in ALIKE if name in names), {name})
    others += [known[0] for name, known in town.known.items() if name.endswith("_id") and name not in {*alike, *NO_IDS}]
    for sent in in_turns(id, others):
        body = door.body(id.operation) if id.operation.body else None
        if id.place == "body":
            answer = door.fill(id, json.dumps(sent))
        else:
            target = door.path(id.operation, **{str(id.at[0]): sent})
            answer = door.ask(id.operation, json.dumps(body).encode() if body is not None else b"", target=target)
        # What is the platform's own staff's is refused to the office before any id is looked up.
        refused = (403,) if "/billing/staff/" in id.operation.path else (404, 422)
        assert answer.status in refused, (sent, answer.text)


def test_case_does_not_matter(door: Door) -> None:
    bill = issue(door.town.cast)
    for operation in operations():
        if operation.method == "GET" and "bill_id" in operation.parameters and "{bill_id}" in operation.path:
            found = [door.ask(operation, target=door.path(operation, bill_id=text)) for text in
                     (str(bill.id), str(bill.id).upper())]  # fmt: skip
            assert [answer.status for answer in found] == [200, 200]


def test_the_cluster_is_named_by_an_id(door: Door) -> None:
    for operation in operations():
        if "X-Cluster-ID" not in operation.parameters or operation.method != "GET":
            continue
        for sent in in_turns(operation, [*(wrong for wrong in WRONG if wrong.isascii()), f"{SOME},{SOME}", "\xe9"]):
            answer = door.ask(operation, headers=[("X-Cluster-ID", sent)])
            assert (answer.status, answer.code) == (400, "cluster_malformed"), (sent, answer.text)
        for sent in in_turns(operation, (NIL, FULL, SOME, str(door.town.cast.lekki.id))):
            answer = door.ask(operation, headers=[("X-Cluster-ID", sent)])
            assert (answer.status, answer.code) == (404, "cluster_not_found"), (sent, answer.text)
