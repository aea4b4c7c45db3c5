"""`POST /management/payments/reverse_offline_payment/`: money that was recorded by hand by mistake."""

from __future__ import annotations

from typing import Any

import pytest

from clustr.audit import queries as audit
from clustr.clusters.commands import enrol_members
from clustr.clusters.types import NewMember, Role
from clustr.kit.tenancy import tenant
from clustr.ledger.models import Transfer
from clustr.payments.refusals import ReferenceTaken
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, wallet_balance
from tests.wallets.acts import receive, withdraw
from tests.web.asking import MY_WALLET, OFFICE, foreign_id, pay, refused

pytestmark = pytest.mark.usefixtures("books")

ADDRESS = OFFICE + "reverse_offline_payment/"


def reverse(cast: Cast, receipt: Any, by: Person | None = None, **more: Any) -> Any:
    key = more.pop("key", None)
    sent = {"transaction_id": str(receipt), "reason": "It was another's.", **more}
    return cast.client_of(by or cast.ada).post(ADDRESS, sent, key=key)


def test_it_works(cast: Cast) -> None:
    receipt = receive(cast, cast.bola, "2000.00").id
    answer = reverse(cast, receipt, key="back")
    assert answer.status_code == 200
    made = answer.json()
    assert (made["type"], made["status"], made["amount"]) == ("refund", "completed", "2000.00")
    assert (made["provider"], made["user_id"]) == ("cash", str(cast.bola.user_id))
    assert wallet_balance(cast.bola) == "0.00"
    assert reverse(cast, receipt, key="back").content == answer.content
    mine = cast.client_of(cast.bola).get(MY_WALLET + "transactions/").json()["results"]
    assert [(row["type"], row["status"], row["refunded_amount"]) for row in mine] == [
        ("refund", "completed", "0.00"),
        ("deposit", "refunded", "2000.00"),
    ]
    with tenant(cast.cluster_id):
        into, out = Transfer.objects.filter(cluster_id=cast.cluster_id).order_by("at", "xid")
        assert (out.debit, out.credit, out.amount) == (into.credit, into.debit, into.amount)
        (act,) = [e for e in audit.audit_events(actor=cast.ada.actor) if e.action == "wallets.receipt_reversed"]
    assert (act.actor_id, act.reason, act.journal) == (cast.ada.user_id, "It was another's.", out.journal)
    assert act.facts["of"] == str(receipt)


def test_once_also_in_part(cast: Cast) -> None:
    receipt = receive(cast, cast.bola, "2000.00").id
    assert reverse(cast, receipt, amount="1800.00").json()["amount"] == "1800.00"
    refused(reverse(cast, receipt, amount="200.00"), 409, "already_reversed")
    assert wallet_balance(cast.bola) == "200.00"


def test_its_slip_is_recorded_for_the_right_member_then_and_once(cast: Cast) -> None:
    right, third = cast.residents[1:3]
    receipt = receive(cast, cast.bola, "2000.00", reference="GTB 123").id
    with pytest.raises(ReferenceTaken):
        receive(cast, right, "2000.00", reference="gtb-123")
    assert reverse(cast, receipt).status_code == 200
    receive(cast, right, "2000.00", reference="gtb-123")
    assert (wallet_balance(cast.bola), wallet_balance(right)) == ("0.00", "2000.00")
    with pytest.raises(ReferenceTaken):
        receive(cast, third, "2000.00", reference="GTB 123")


def test_never_more_than_was_recorded(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    refused(reverse(cast, receive(cast, cast.bola, "2000.00").id, amount="2000.01"), 409, "refund_exceeds_payment")


def test_no_more_than_the_wallet_holds(cast: Cast) -> None:
    receipt = receive(cast, cast.bola, "2000.00").id
    withdraw(cast, cast.bola, "500.00")
    refused(reverse(cast, receipt), 402, "insufficient_funds")
    assert reverse(cast, receipt, amount="1500.00").status_code == 200
    assert wallet_balance(cast.bola) == "0.00"


def test_only_what_was_recorded_into_a_wallet(cast: Cast) -> None:
    bill = issue(cast, "100.00")
    fund(cast, cast.bola, "100.00")
    acknowledge(cast, cast.bola, bill)
    paid = pay(cast.client_of(cast.bola), bill).json()["transaction"]["id"]
    refused(reverse(cast, paid), 409, "not_recorded_by_hand")
    taken = reverse(cast, receive(cast, cast.bola).id).json()["id"]
    refused(reverse(cast, taken), 409, "not_recorded_by_hand")
    refused(reverse(cast, foreign_id()), 404, "transaction_not_found")


def test_nobody_takes_back_their_own(cast: Cast) -> None:
    receipt = receive(cast, cast.bola).id
    also_staff = NewMember(cast.bola.user_id, Role.STAFF, cast.now, ("TransferFunds",))
    enrol_members(cluster_id=cast.cluster_id, members=[also_staff], now=cast.now)
    refused(reverse(cast, receipt, cast.bola), 403, "separation_of_duties")


def test_it_needs_transfer_funds(cast: Cast) -> None:
    receipt = receive(cast, cast.bola).id
    for person in (cast.efe, cast.bola, cast.manager("ManageBill")):
        refused(reverse(cast, receipt, person), 403, "permission_missing")
