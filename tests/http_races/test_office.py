"""What the office and members do at once over HTTP: edit, cancel, refund, approve, record, import. Exact, books proved."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest

from clustr.audit.models import AuditEvent
from clustr.bills.models import Acknowledgment, Bill, BillPayment, Dispute
from clustr.clusters.commands import invite_member
from clustr.clusters.models import Membership
from clustr.clusters.types import Role
from clustr.kit.tenancy import tenant
from tests.cast import Cast, make_cast
from tests.http_races.conftest import Door
from tests.http_races.release import Answer, said
from tests.money import acknowledge, cluster_balance, fund, issue, wallet_balance
from tests.races import CROWD
from tests.wallets.acts import credit, transfer
from tests.web.asking import MY_BILLS, OFFICE, approval_limit, dispute

pytestmark = pytest.mark.usefixtures("books")

BANK = {"bank_code": "058", "account_number": "0123456789", "account_name": "Diesel Ltd"}
PAY = f"{MY_BILLS}pay_bill/"
REFUND = f"{OFFICE}refund_transaction/"
PLACES = pytest.mark.parametrize("place", [1, 6])
"""Where in the crowd the office's act stands: what overtakes what depends on it."""


@pytest.fixture
def cast() -> Cast:
    """Palm Grove with as many residents as a race has runners, but one."""
    return make_cast(residents=CROWD - 1)


def everybody_owes(cast: Cast, amount: str = "10.00") -> Bill:
    """A bill that every resident has acknowledged and can pay."""
    bill = issue(cast, amount)
    for person in cast.residents:
        fund(cast, person, amount)
        acknowledge(cast, person, bill)
    return bill


def beside(door: Door, crowd: list[bytes], one: bytes, *, place: int = 4) -> tuple[Answer, list[Answer]]:
    """Let one go among a crowd; its answer and theirs."""
    answers = door.let_go([*crowd[:place], one, *crowd[place:]])
    return answers.pop(place), answers


def paid(cast: Cast) -> list[int]:
    with tenant(cast.cluster_id):
        return list(BillPayment.objects.order_by("at", "id").values_list("amount_minor", flat=True))


def trail(cast: Cast, action: str) -> int:
    with tenant(cast.cluster_id):
        return AuditEvent.objects.filter(action=action).count()


def payment(cast: Cast, door: Door, amount: str) -> str:
    """Bola has paid so much; answers the transaction's id."""
    bill = issue(cast, amount, to=cast.bola)
    fund(cast, cast.bola, amount)
    acknowledge(cast, cast.bola, bill)
    answer = door.ask(door.post(cast.bola, PAY, {"bill_id": str(bill.id)}))
    return str(answer.json()["transaction"]["id"])


@PLACES
def test_nobody_pays_terms_that_are_changing(cast: Cast, door: Door, place: int) -> None:
    bill = everybody_owes(cast)
    crowd = [door.post(person, PAY, {"bill_id": str(bill.id)}) for person in cast.residents]
    change = door.patch(cast.ada, f"{OFFICE}bills/{bill.id}/", {"amount": "9.00"})
    edit, payments = beside(door, crowd, change, place=place)
    assert (edit.said, said(payments)) in [
        ("200", {"bill_not_acknowledged": CROWD - 1}),
        ("bill_has_payments", {"201": CROWD - 1}),
    ]
    assert paid(cast) == [1000] * said(payments).get("201", 0)


@PLACES
def test_nobody_pays_a_bill_that_is_cancelled_without_refunds(cast: Cast, door: Door, place: int) -> None:
    bill = everybody_owes(cast)
    crowd = [door.post(person, PAY, {"bill_id": str(bill.id)}) for person in cast.residents]
    sent = {"bill_id": str(bill.id), "status": "cancelled", "reason": "A mistake."}
    cancelled, payments = beside(door, crowd, door.post(cast.ada, f"{OFFICE}update_bill_status/", sent), place=place)
    assert (cancelled.said, said(payments)) in [
        ("200", {"bill_cancelled": CROWD - 1}),
        ("bill_has_payments", {"201": CROWD - 1}),
    ]
    assert paid(cast) == [1000] * said(payments).get("201", 0)


def test_no_money_stays_on_a_bill_that_is_cancelled_with_refunds(cast: Cast, door: Door) -> None:
    bill = everybody_owes(cast)
    crowd = [door.post(person, PAY, {"bill_id": str(bill.id)}) for person in cast.residents]
    sent = {"bill_id": str(bill.id), "status": "cancelled", "reason": "A mistake.", "refund_payers": True}
    cancelled, payments = beside(door, crowd, door.post(cast.ada, f"{OFFICE}update_bill_status/", sent), place=10)
    assert cancelled.said == "200"
    assert said(payments).keys() <= {"201", "bill_cancelled"}
    assert sum(paid(cast)) == 0
    assert len(paid(cast)) == 2 * said(payments).get("201", 0)
    assert {wallet_balance(person) for person in cast.residents} == {"10.00"}
    assert cluster_balance(cast.cluster_id) == "0.00"


@PLACES
def test_consent_is_to_the_terms_that_stood(cast: Cast, door: Door, place: int) -> None:
    bill = issue(cast, "10.00")
    sent = {"bill_id": str(bill.id), "version": 1}
    crowd = [door.post(person, f"{MY_BILLS}acknowledge_bill/", sent) for person in cast.residents]
    change = door.patch(cast.ada, f"{OFFICE}bills/{bill.id}/", {"amount": "90.00"})
    edit, consents = beside(door, crowd, change, place=place)
    assert edit.said == "200"
    assert said(consents).keys() <= {"200", "bill_changed"}
    with tenant(cast.cluster_id):
        assert Acknowledgment.objects.filter(version=1).count() == said(consents).get("200", 0)
        assert not Acknowledgment.objects.exclude(version=1).exists()
    payments = door.let_go([door.post(person, PAY, {"bill_id": str(bill.id)}) for person in cast.residents])
    assert said(payments) == {"bill_not_acknowledged": CROWD - 1}


def test_a_payment_is_refunded_once(cast: Cast, door: Door) -> None:
    sent = {"transaction_id": payment(cast, door, "100.00"), "reason": "Paid twice."}
    answers = door.let_go([door.post(cast.ada, REFUND, sent) for _ in range(CROWD)])
    assert said(answers) == {"200": 1, "refund_exceeds_payment": CROWD - 1}
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("100.00", "0.00")


def test_parts_of_a_refund_never_exceed_the_payment(cast: Cast, door: Door) -> None:
    credit(cast, "1000.00")
    sent = {"transaction_id": payment(cast, door, "100.00"), "amount": "30.00", "reason": "Paid twice."}
    answers = door.let_go([door.post(cast.ada, REFUND, sent) for _ in range(CROWD)])
    assert said(answers) == {"200": 3, "refund_exceeds_payment": CROWD - 3}
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("90.00", "1010.00")


def test_transfers_never_exceed_the_clusters_wallet(cast: Cast, door: Door) -> None:
    credit(cast, "50.00")
    sent = {"amount": "10.00", "description": "Diesel", "destination": BANK}
    answers = door.let_go([door.post(cast.ada, f"{OFFICE}cluster_wallet_transfer/", sent) for _ in range(CROWD)])
    assert said(answers) == {"201": 5, "insufficient_funds": CROWD - 5}
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_transfer_is_approved_or_rejected_once(cast: Cast, door: Door) -> None:
    approval_limit(cast, 0)
    credit(cast, "50.00")
    second = cast.manager("TransferFunds")
    where = f"{OFFICE}cluster_wallet_transfers/{transfer(cast, '10.00')}"
    acts: list[tuple[str, Any]] = [(f"{where}/approve/", None), (f"{where}/reject/", {"reason": "No."})]
    answers = door.let_go([door.post(second, *acts[turn % 2]) for turn in range(CROWD)])
    approved, rejected = said(answers[0::2]), said(answers[1::2])
    assert rejected == {"200": 1, "payout_decided": CROWD // 2 - 1}, "before it was approved, or after"
    assert approved in ({"payout_decided": CROWD // 2}, {"200": 1, "payout_decided": CROWD // 2 - 1})
    assert cluster_balance(cast.cluster_id) == "50.00"


def test_the_maker_does_not_slip_in_beside_the_checker(cast: Cast, door: Door) -> None:
    approval_limit(cast, 0)
    credit(cast, "50.00")
    approve = f"{OFFICE}cluster_wallet_transfers/{transfer(cast, '10.00')}/approve/"
    crowd = [door.post(cast.ada, approve) for _ in range(CROWD - 1)]
    checked, own = beside(door, crowd, door.post(cast.manager("TransferFunds"), approve), place=10)
    assert checked.said == "200"
    assert said(own).keys() <= {"separation_of_duties", "payout_decided"}


@pytest.mark.parametrize("onto", ["wallet", "bill"])
def test_a_slip_is_recorded_once(cast: Cast, door: Door, onto: str) -> None:
    sent = {"user_id": str(cast.bola.user_id), "amount": "10.00", "method": "bank_transfer"}
    if onto == "bill":
        bill = issue(cast, "1000.00", to=cast.bola)
        acknowledge(cast, cast.bola, bill)
        sent["bill_id"] = str(bill.id)
    slips = ("FT-0091 a", "ft0091A", "FT 00 91-A", "FT-0091 a")
    asked = [
        door.post(cast.ada, f"{OFFICE}record_offline_payment/", sent | {"reference": slips[turn % 4]})
        for turn in range(CROWD)
    ]
    assert said(door.let_go(asked)) == {"201": 1, "reference_taken": CROWD - 1}
    held = (wallet_balance(cast.bola), cluster_balance(cast.cluster_id))
    assert held == (("10.00", "0.00") if onto == "wallet" else ("0.00", "10.00"))


def test_a_dispute_is_resolved_once(cast: Cast, door: Door) -> None:
    bill = issue(cast, "10.00", to=cast.bola)
    dispute(cast, cast.bola, bill)
    with tenant(cast.cluster_id):
        sent = {"dispute_id": str(Dispute.objects.get(bill_id=bill.id).id), "note": "Agreed."}
    outcomes = [{"resolution": "rejected"}, {"resolution": "upheld", "amount_due": "4.00"}]
    asked = [door.post(cast.ada, f"{OFFICE}resolve_dispute/", sent | outcomes[turn % 2]) for turn in range(CROWD)]
    assert said(door.let_go(asked)) == {"200": 1, "dispute_closed": CROWD - 1}
    assert trail(cast, "bills.dispute_resolved") == 1


def test_bills_are_issued_once_for_a_key(cast: Cast, door: Door) -> None:
    due = (cast.now + timedelta(days=9)).isoformat()
    bill = {"title": "Gate", "amount": "5.00", "type": "service_charge", "due_date": due}
    key = str(uuid4())
    sent = {"bills": [bill] * 25}
    asked = [door.post(cast.ada, f"{OFFICE}create_bulk_bills/", sent, key=key) for _ in range(CROWD)]
    answers = door.let_go(asked)
    assert said(answers).keys() <= {"201", "request_in_progress"}
    assert len({answer.content for answer in answers if answer.said == "201"}) == 1
    with tenant(cast.cluster_id):
        assert Bill.objects.count() == 25


def test_an_invitation_is_accepted_once(cast: Cast, door: Door) -> None:
    invite_member(
        actor=cast.ada.actor, email=cast.chidi.email, name="Chidi", role=Role.RESIDENT, now=cast.now, unit="Z9"
    )
    named = {"X-Cluster-ID": str(cast.cluster_id)}
    answers = door.let_go([door.get(cast.chidi, f"{MY_BILLS}my_bills/", **named) for _ in range(CROWD)])
    assert said(answers) == {"200": CROWD}
    assert trail(cast, "members.accepted") == 1


def test_a_member_is_added_once(cast: Cast, door: Door) -> None:
    sent = {"email": cast.chidi.email, "name": "Chidi"}
    answers = door.let_go([door.post(cast.ada, f"{OFFICE}members/", sent) for _ in range(CROWD)])
    assert said(answers) == {"201": 1, "already_member": CROWD - 1}


def test_a_roster_is_imported_once(cast: Cast, door: Door) -> None:
    tag = uuid4().hex
    rows = "".join(f"r{number}-{tag}@example.test,R{number},Z {number % 7}\n" for number in range(30))
    roster = b"email,name,unit\n" + rows.encode()
    asked = [door.post(cast.ada, f"{OFFICE}members/import/", roster, kind="text/csv") for _ in range(CROWD)]
    answers = door.let_go(asked)
    assert said(answers) == {"200": CROWD}
    results = [answer.json() for answer in answers]
    assert sorted(result["created"] for result in results) == [0] * (CROWD - 1) + [30]
    assert sum(result["units_created"] for result in results) == 7
    with tenant(cast.cluster_id):
        assert Membership.objects.count() == len(cast.palm_grove.people) + 30


def test_who_is_removed_from_before_a_bill_pays_nothing_on_it(cast: Cast, door: Door) -> None:
    bill = issue(cast, "1000.00")
    fund(cast, cast.bola, "1000.00")
    acknowledge(cast, cast.bola, bill)
    crowd = [door.post(cast.bola, PAY, {"bill_id": str(bill.id), "amount": "10.00"}) for _ in range(CROWD - 1)]
    before = {"left_at": _text(bill.issued_at - timedelta(days=1))}
    removed, payments = beside(
        door, crowd, door.patch(cast.ada, f"{OFFICE}members/{cast.bola.membership_id}/", before), place=2
    )
    assert (removed.said, said(payments)) in [
        ("200", {"bill_not_found": CROWD - 1}),
        ("member_has_payments", {"201": CROWD - 1}),
    ]
    assert paid(cast) == [1000] * said(payments).get("201", 0)


def test_a_bill_is_cancelled_once(cast: Cast, door: Door) -> None:
    bill = issue(cast, "10.00")
    sent = {"bill_id": str(bill.id), "status": "cancelled", "reason": "A mistake."}
    answers = door.let_go([door.post(cast.ada, f"{OFFICE}update_bill_status/", sent) for _ in range(CROWD)])
    assert said(answers) == {"200": 1, "bill_cancelled": CROWD - 1}
    assert trail(cast, "bills.cancelled") == 1


def _text(instant: datetime) -> str:
    return instant.isoformat().replace("+00:00", "Z")
