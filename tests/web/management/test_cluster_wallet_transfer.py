"""`POST /management/payments/cluster_wallet_transfer/`, and its approval or rejection by a second person."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.notifications.types import NotificationEvents
from sandbox.banks import holder_of
from tests.cast import Cast, Person
from tests.money import cluster_balance
from tests.notifications.acts import told
from tests.settlement.stage import Stage
from tests.web.asking import OFFICE, approval_limit, bad_amounts, foreign_id, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "cluster_wallet_transfer/"
DESTINATION = {"bank_code": "058", "account_number": "0123456789", "account_name": "Island Fuels"}


@pytest.fixture(autouse=True)
def funds(cast: Cast) -> None:
    """NGN 5,000 in the cluster's wallet; above NGN 1,000 a second person approves."""
    approval_limit(cast, 100_000)
    sent = {"amount": "5000.00", "description": "Opening", "source": "Bank"}
    assert cast.client_of(cast.ada).post(OFFICE + "cluster_wallet_credit/", sent).status_code == 201


def transfer(cast: Cast, amount: object = "900.00", by: Person | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    sent = {"amount": amount, "description": "Diesel", "destination": DESTINATION, **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent, key=key)


def decide(cast: Cast, waiting: str, verdict: str, by: Person, **body: Any) -> Any:
    return cast.client_of(by).post(f"{OFFICE}cluster_wallet_transfers/{waiting}/{verdict}/", body)


@pytest.fixture
def waiting(cast: Cast) -> str:
    """A transfer above the limit, asked for by Ada."""
    made = transfer(cast, "2000.00").json()
    assert made["metadata"]["approval"] == "waiting"
    return str(made["id"])


@pytest.fixture
def second(cast: Cast) -> Person:
    return cast.manager("TransferFunds", name="Second")


def test_it_works(cast: Cast) -> None:
    answer = transfer(cast)
    assert answer.status_code == 201
    made = answer.json()
    assert (made["kind"], made["direction"], made["amount"], made["status"]) == ("transfer", "out", "900.00", "pending")
    assert (made["reason"], made["actor"]["name"]) == ("Diesel", "Ada")
    assert made["metadata"]["approval"] == "not_needed"
    assert "0123456789" not in answer.content.decode()
    assert cluster_balance(cast.cluster_id) == "4100.00"


@pytest.mark.usefixtures("stage")
def test_the_bank_is_asked_whose_account_it_is(cast: Cast) -> None:
    """Another name than the bank's is said in the answer, in the list and on the trail, and to everybody who may send money."""
    holder = str(holder_of(bank_code="058", account_number="0123456789"))
    for name, check in (("Island Fuels", "differs"), (holder.title(), "same"), ("", "unnamed")):
        made = transfer(cast, "10.00", destination=DESTINATION | {"account_name": name}).json()
        assert made["metadata"]["destination"] == {
            "account_number": "******6789",
            "account_name": name,
            "holder": holder,
            "name_check": check,
        }
        (event, *_) = cast.client_of(cast.ada).get(OFFICE + "audit/?limit=1").json()["results"]
        assert (event["action"], event["facts"]["name_check"]) == ("cluster_wallet.transfer_requested", check)
        assert holder not in str(event)
    shown = cast.client_of(cast.ada).get(OFFICE + "cluster_wallet/").json()["operations"]["results"]
    assert [row["metadata"]["destination"]["name_check"] for row in shown[:3]] == ["unnamed", "same", "differs"]
    (notice,) = told(cast.ada, NotificationEvents.NEW_PAYEE)
    assert f"in the name of {holder}, and Island Fuels was given" in notice.body


@pytest.mark.usefixtures("stage")
def test_the_name_that_was_seen_is_the_one_it_is_sent_to(cast: Cast) -> None:
    holder = str(holder_of(bank_code="058", account_number="0123456789"))
    for seen in ("ISLAND FUELS", ""):
        refused(transfer(cast, destination=DESTINATION | {"seen_name": seen}), 409, "account_name_differs")
    assert cluster_balance(cast.cluster_id) == "5000.00"
    assert transfer(cast, destination=DESTINATION | {"seen_name": holder}).status_code == 201


@pytest.mark.usefixtures("stage")
def test_an_account_that_is_not_there(cast: Cast) -> None:
    answer = transfer(cast, destination=DESTINATION | {"bank_code": "999"})
    refused(answer, 422, "bank_account_not_found")
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_a_bank_that_does_not_answer(stage: Stage, cast: Cast) -> None:
    """What nobody saw a name for is noted as such; what somebody did waits until the bank answers."""
    stage.dial(list__timeout_before=1.0)
    refused(transfer(cast, destination=DESTINATION | {"seen_name": "ADA OKAFOR"}), 503, "provider_unavailable")
    made = transfer(cast, destination=DESTINATION | {"seen_name": ""}).json()
    assert made["metadata"]["destination"]["name_check"] == "not_checked"
    assert transfer(cast).json()["metadata"]["destination"]["holder"] == ""


def test_a_repeat_has_one_effect(cast: Cast) -> None:
    first, again = (transfer(cast, key="diesel") for _ in range(2))
    assert (again.content, again["Idempotent-Replayed"]) == (first.content, "true")
    assert cluster_balance(cast.cluster_id) == "4100.00"


def test_no_more_than_there_is(cast: Cast) -> None:
    refused(transfer(cast, "5000.01"), 402, "insufficient_funds")
    assert transfer(cast, "5000.00").status_code == 201


def test_a_second_person_approves(cast: Cast, waiting: str, second: Person) -> None:
    answer = decide(cast, waiting, "approve", second)
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["metadata"]["approval"]) == ("pending", "approved")
    assert answer.json()["metadata"]["decided_by"] == str(second.user_id)
    assert cluster_balance(cast.cluster_id) == "3000.00"


def test_a_second_person_rejects(cast: Cast, waiting: str, second: Person) -> None:
    answer = decide(cast, waiting, "reject", second, reason="Wrong account.")
    assert answer.status_code == 200
    assert (answer.json()["status"], answer.json()["metadata"]["approval"]) == ("cancelled", "rejected")
    assert answer.json()["metadata"]["decision_note"] == "Wrong account."
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_a_rejection_needs_no_body(cast: Cast, waiting: str, second: Person) -> None:
    answer = cast.client_of(second).post(f"{OFFICE}cluster_wallet_transfers/{waiting}/reject/", b"")
    assert answer.status_code == 200


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_its_maker_does_not_decide(cast: Cast, waiting: str, verdict: str) -> None:
    refused(decide(cast, waiting, verdict, cast.ada), 403, "separation_of_duties")


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_it_is_decided_once(cast: Cast, waiting: str, second: Person, verdict: str) -> None:
    assert decide(cast, waiting, verdict, second).status_code == 200
    refused(decide(cast, waiting, verdict, second), 409, "payout_decided")


def test_what_was_approved_and_not_sent_is_stopped(cast: Cast, waiting: str, second: Person) -> None:
    assert decide(cast, waiting, "approve", second).status_code == 200
    stopped = decide(cast, waiting, "reject", second, reason="Wrong account.").json()
    assert (stopped["status"], stopped["metadata"]["approval"]) == ("cancelled", "rejected")


def test_below_the_limit_there_is_nothing_to_approve_and_another_person_stops_it(cast: Cast, second: Person) -> None:
    made = transfer(cast).json()["id"]
    refused(decide(cast, made, "approve", second), 409, "payout_decided")
    assert decide(cast, made, "reject", second).json()["status"] == "cancelled"
    refused(decide(cast, made, "reject", second), 409, "payout_decided")


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_an_unknown_transfer_is_not_found(cast: Cast, waiting: str, verdict: str) -> None:
    refused(decide(cast, foreign_id(), verdict, cast.ada), 404, "payout_not_found")
    refused(decide(cast, waiting, verdict, cast.dayo), 404, "payout_not_found")


@pytest.mark.parametrize("verdict", ["approve", "reject"])
def test_deciding_needs_transfer_funds(cast: Cast, waiting: str, verdict: str) -> None:
    for person in (cast.efe, cast.bola, cast.manager("CreditWallet", "ViewWallet")):
        refused(decide(cast, waiting, verdict, person), 403, "permission_missing")


@bad_amounts
def test_amounts_are_plain_decimal_strings(cast: Cast, amount: object) -> None:
    refused(transfer(cast, amount), 422, "invalid", "amount")


@pytest.mark.parametrize(
    ("field", "value"),
    [("bank_code", "05"), ("bank_code", "0 58"), ("account_number", "12345"), ("account_number", "01234x6789"),
     ("account_number", "1" * 21), ("account_name", "x" * 201), ("account_name", "a\nb"), ("iban", "x")],
)  # fmt: skip
def test_a_destination_is_checked(cast: Cast, field: str, value: str) -> None:
    answer = transfer(cast, destination=DESTINATION | {field: value})
    refused(answer, 422, "invalid", f"destination.{field}")


def test_it_needs_transfer_funds(cast: Cast) -> None:
    for person in (cast.efe, cast.bola, cast.manager("CreditWallet", "ViewWallet")):
        refused(transfer(cast, by=person), 403, "permission_missing")
