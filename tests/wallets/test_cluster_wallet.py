"""The cluster's wallet: money credited by hand, transfers out, a second person above the limit, and the trail."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connection, connections, transaction

from clustr.audit import queries as audit
from clustr.bills import commands as bills
from clustr.clusters.commands import update_settings
from clustr.clusters.models import Cluster
from clustr.clusters.types import SettingsChanges
from clustr.kit.actor import PermissionMissing
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.ledger.types import DOCUMENTED, TransferKind
from clustr.wallets import commands as wallets
from clustr.wallets import queries
from clustr.wallets.models import Payout
from clustr.wallets.refusals import PayoutDecided, PayoutNotFound, SeparationOfDuties
from clustr.wallets.transfer_queries import transfer_to_decide
from clustr.wallets.types import Destination, OperationKind
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin
from tests.races import race
from tests.wallets.acts import BANK, credit, operations, status_of, transfer, withdraw

pytestmark = pytest.mark.usefixtures("books")

LIMIT = "1000000.00"
ABOVE = "1000000.01"


@pytest.fixture
def dele(cast: Cast) -> Person:
    """A second person who may transfer."""
    return cast.manager("TransferFunds", "ViewWallet", name="Dele")


def approve(cast: Cast, person: Person, payout: UUID) -> UUID:
    return wallets.approve_transfer(actor=person.actor, payout_id=payout, now=cast.now)


def reject(cast: Cast, person: Person, payout: UUID) -> UUID:
    return wallets.reject_transfer(actor=person.actor, payout_id=payout, note="Not agreed", now=cast.now)


def approval_of(cast: Cast, payout: UUID) -> str:
    with tenant(cast.cluster_id):
        return Payout.objects.get(id=payout).approval


# --- Credit --------------------------------------------------------------------------------------------------------------


def test_it_works(cast: Cast) -> None:
    made = credit(cast, "1000.00")
    with tenant(cast.cluster_id):
        assert str(queries.cluster_wallet_balance(actor=cast.ada.actor)) == "1000.00"
    (line,) = operations(cast)
    assert (line.id, line.kind, line.incoming, str(line.amount)) == (made, OperationKind.ADJUSTMENT, True, "1000.00")
    assert (line.actor_id, line.reason, line.metadata) == (
        cast.ada.user_id,
        "Grant for the gate",
        {"source": "Lagos State"},
    )


def test_credit_needs_credit_wallet(cast: Cast) -> None:
    for person in (cast.efe, cast.bola, cast.manager("TransferFunds", "ViewWallet", "ManageBill")):
        with pytest.raises(PermissionMissing):
            credit(cast, person=person)
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_the_balance_needs_view_wallet(cast: Cast) -> None:
    for person in (cast.efe, cast.bola):
        with pytest.raises(PermissionMissing), tenant(cast.cluster_id):
            queries.cluster_wallet_balance(actor=person.actor)
        with pytest.raises(PermissionMissing), tenant(cast.cluster_id):
            queries.cluster_wallet_operations(actor=person.actor)
        with pytest.raises(PermissionMissing), tenant(cast.cluster_id):
            queries.cluster_wallet_revenue(actor=person.actor, now=cast.now)


def test_an_estate_without_money_has_nothing_to_show(cast: Cast) -> None:
    assert operations(cast) == []
    with tenant(cast.cluster_id):
        assert str(queries.cluster_wallet_balance(actor=cast.ada.actor)) == "0.00"


# --- Transfers out -------------------------------------------------------------------------------------------------------


def test_up_to_the_limit_nobody_else_is_needed(cast: Cast) -> None:
    credit(cast, "2000000.00")
    made = transfer(cast, LIMIT)
    assert (approval_of(cast, made), status_of(cast, made)) == ("not_needed", "pending")
    assert cluster_balance(cast.cluster_id) == "1000000.00"


def test_above_the_limit_it_waits(cast: Cast) -> None:
    credit(cast, "2000000.00")
    made = transfer(cast, ABOVE)
    assert (approval_of(cast, made), status_of(cast, made)) == ("waiting", "pending")
    assert cluster_balance(cast.cluster_id) == "999999.99", "the money is set aside meanwhile"


def test_in_parts_it_waits_too(cast: Cast, dele: Person) -> None:
    """The limit is for all that goes in 24 hours without a second person, whoever asks and to whichever account."""
    credit(cast, "5000000.00")
    assert approval_of(cast, transfer(cast, "600000.00")) == "not_needed"
    assert approval_of(cast, transfer(cast, "400000.00", dele)) == "not_needed"
    elsewhere = Destination("058", "9876543210", "Island Fuels")
    assert approval_of(cast, transfer(cast, "0.01", to=elsewhere)) == "waiting"


def test_after_a_day_what_went_counts_no_more(cast: Cast) -> None:
    credit(cast, "5000000.00")
    transfer(cast, LIMIT)
    day = timedelta(hours=24)
    assert approval_of(cast, transfer(cast, "0.01", after=day - timedelta(seconds=1))) == "waiting"
    assert approval_of(cast, transfer(cast, LIMIT, after=day)) == "not_needed"


def test_what_a_second_person_saw_counts_not(cast: Cast, dele: Person) -> None:
    credit(cast, "5000000.00")
    approve(cast, dele, transfer(cast, ABOVE))
    assert approval_of(cast, transfer(cast, LIMIT)) == "not_needed"


def test_what_came_back_counts_not(cast: Cast, dele: Person) -> None:
    credit(cast, "5000000.00")
    reject(cast, dele, transfer(cast, LIMIT))
    assert approval_of(cast, transfer(cast, LIMIT)) == "not_needed"


def test_what_members_withdraw_counts_not(cast: Cast) -> None:
    fund(cast, cast.bola, LIMIT)
    withdraw(cast, cast.bola, LIMIT)
    credit(cast, "5000000.00")
    assert approval_of(cast, transfer(cast, LIMIT)) == "not_needed"


@pytest.mark.parametrize("runners", [2, 10])
def test_two_at_once_do_not_each_find_the_room_of_the_other(cast: Cast, runners: int) -> None:
    credit(cast, "6000000.00")
    made = race(lambda: transfer(cast, "600000.00"), runners=runners).only().results
    assert sorted(approval_of(cast, one) for one in made) == ["not_needed"] + ["waiting"] * (runners - 1)


def test_without_a_limit_nobody_else_is_ever_needed(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        Cluster.objects.filter(id=cast.cluster_id).update(transfer_approval_limit_minor=None)
    credit(cast, "2000000.00")
    assert approval_of(cast, transfer(cast, "2000000.00")) == "not_needed"


def test_an_administrator_alone_does_not_do_away_with_the_second_person(cast: Cast) -> None:
    credit(cast, "2000000.00")
    changes = SettingsChanges(transfer_approval_limit=None)
    update_settings(actor=cast.ada.actor, changes=changes, now=cast.now)
    assert approval_of(cast, transfer(cast, ABOVE)) == "waiting"


def test_with_a_limit_of_zero_somebody_else_is_always_needed(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        Cluster.objects.filter(id=cast.cluster_id).update(transfer_approval_limit_minor=0)
    credit(cast, "1.00")
    assert approval_of(cast, transfer(cast, "0.01")) == "waiting"


def test_more_than_there_is_is_refused_and_leaves_nothing(cast: Cast) -> None:
    credit(cast, "99.99")
    with pytest.raises(InsufficientFunds):
        transfer(cast, "100.00")
    assert len(operations(cast)) == 1
    with tenant(cast.cluster_id):
        assert not Payout.objects.exists()


def test_it_needs_transfer_funds(cast: Cast) -> None:
    credit(cast)
    for person in (cast.efe, cast.bola, cast.manager("CreditWallet", "ViewWallet", "ManageBill")):
        with pytest.raises(PermissionMissing):
            transfer(cast, "1.00", person)


def test_twenty_transfers_of_what_is_there_three_times(cast: Cast) -> None:
    credit(cast, "300.00")
    ended = race(lambda: transfer(cast, "100.00")).only(InsufficientFunds)
    assert len(ended.results) == 3
    assert cluster_balance(cast.cluster_id) == "0.00"


# --- The second person ---------------------------------------------------------------------------------------------------


@pytest.fixture
def waiting(cast: Cast) -> UUID:
    credit(cast, "2000000.00")
    return transfer(cast, ABOVE)


def test_another_person_lets_it_go(cast: Cast, waiting: UUID, dele: Person) -> None:
    assert approve(cast, dele, waiting) == waiting
    assert (approval_of(cast, waiting), status_of(cast, waiting)) == ("approved", "pending")
    assert cluster_balance(cast.cluster_id) == "999999.99"
    with tenant(cast.cluster_id):
        payout = Payout.objects.get(id=waiting)
        acts = {event.action: event for event in audit.audit_events(actor=cast.ada.actor)}
    assert (payout.decided_by, payout.decided_at, payout.decision_note) == (dele.user_id, cast.now, "")
    approved = acts["cluster_wallet.transfer_approved"]
    assert (approved.actor_id, approved.journal, approved.reason) == (dele.user_id, waiting, "")


def test_another_person_stops_it(cast: Cast, waiting: UUID, dele: Person) -> None:
    assert reject(cast, dele, waiting) == waiting
    assert (approval_of(cast, waiting), status_of(cast, waiting)) == ("rejected", "cancelled")
    assert cluster_balance(cast.cluster_id) == "2000000.00"
    back, out, _ = operations(cast)
    assert (back.incoming, out.incoming, back.kind, out.kind) == (True, False, "transfer", "transfer")
    assert (back.status, out.status) == ("completed", "cancelled"), "it came back, because it was never sent"
    assert (out.status, back.metadata["approval"], back.metadata["decision_note"]) == (
        "cancelled",
        "rejected",
        "Not agreed",
    )
    assert back.metadata["decided_by"] == str(dele.user_id)


def test_the_maker_decides_nothing(cast: Cast, waiting: UUID) -> None:
    for decide in (approve, reject):
        with pytest.raises(SeparationOfDuties):
            decide(cast, cast.ada, waiting)
    assert approval_of(cast, waiting) == "waiting"


@pytest.mark.parametrize("changes", ["approval = 'approved', decided_by = requested_by, decided_at = now()"])
def test_the_database_too_keeps_maker_and_checker_apart(cast: Cast, waiting: UUID, changes: str) -> None:
    with (
        pytest.raises(IntegrityError, match="wallets_payout_maker_is_not_checker"),
        tenant(cast.cluster_id),
        connection.cursor() as cursor,
    ):
        cursor.execute(f"UPDATE wallets_payout SET {changes} WHERE id = %s", [waiting])


@pytest.mark.parametrize("approval", ["approved", "rejected"])
def test_the_database_lets_nobody_decide_namelessly(cast: Cast, waiting: UUID, approval: str) -> None:
    with (
        pytest.raises(IntegrityError, match="wallets_payout_decided_by_someone"),
        tenant(cast.cluster_id),
        connection.cursor() as cursor,
    ):
        cursor.execute("UPDATE wallets_payout SET approval = %s WHERE id = %s", [approval, waiting])


def test_the_database_knows_whom_a_transfer_pays(cast: Cast, waiting: UUID) -> None:
    with (
        pytest.raises(IntegrityError, match="wallets_payout_payee_id_in_cluster"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        cursor.execute("UPDATE wallets_payout SET payee_id = gen_random_uuid() WHERE id = %s", [waiting])
        assert cursor.rowcount == 1


def test_what_is_decided_stays_decided(cast: Cast, waiting: UUID, dele: Person) -> None:
    approve(cast, dele, waiting)
    with pytest.raises(PayoutDecided):
        approve(cast, dele, waiting)
    assert cluster_balance(cast.cluster_id) == "999999.99"
    reject(cast, dele, waiting)
    for decide in (approve, reject):
        with pytest.raises(PayoutDecided):
            decide(cast, dele, waiting)
    assert cluster_balance(cast.cluster_id) == "2000000.00"


def test_what_was_approved_is_stopped_as_long_as_it_was_not_sent(cast: Cast, waiting: UUID, dele: Person) -> None:
    """Its bank account is new, and waits a day in which somebody may see that it is the wrong one."""
    approve(cast, dele, waiting)
    femi = cast.manager("TransferFunds", name="Femi")
    with pytest.raises(SeparationOfDuties):
        reject(cast, cast.ada, waiting)
    with tenant(cast.cluster_id):
        assert transfer_to_decide(actor=femi.actor, payout_id=waiting).can_stop
    assert reject(cast, femi, waiting) == waiting
    assert (approval_of(cast, waiting), status_of(cast, waiting)) == ("rejected", "cancelled")
    assert cluster_balance(cast.cluster_id) == "2000000.00"
    with tenant(cast.cluster_id):
        acts = {event.action: event.actor_id for event in audit.audit_events(actor=cast.ada.actor)}
    assert (acts["cluster_wallet.transfer_approved"], acts["cluster_wallet.transfer_rejected"]) == (
        dele.user_id,
        femi.user_id,
    )


def test_what_needs_no_second_person_takes_none(cast: Cast, dele: Person) -> None:
    credit(cast)
    made = transfer(cast, "1.00")
    with pytest.raises(PayoutDecided):
        approve(cast, dele, made)


def test_another_person_stops_also_what_needed_nobody(cast: Cast, dele: Person) -> None:
    credit(cast, "1000.00")
    made = transfer(cast, "100.00")
    with pytest.raises(SeparationOfDuties):
        reject(cast, cast.ada, made)
    assert reject(cast, dele, made) == made
    assert (approval_of(cast, made), status_of(cast, made)) == ("rejected", "cancelled")
    assert cluster_balance(cast.cluster_id) == "1000.00"
    with pytest.raises(PayoutDecided):
        reject(cast, dele, made)
    assert cluster_balance(cast.cluster_id) == "1000.00"


def test_deciding_needs_transfer_funds(cast: Cast, waiting: UUID) -> None:
    for person in (cast.efe, cast.bola, cast.manager("CreditWallet", "ViewWallet")):
        for decide in (approve, reject):
            with pytest.raises(PermissionMissing):
                decide(cast, person, waiting)


def test_what_is_not_there_is_not_found(cast: Cast, dele: Person) -> None:
    credited = credit(cast)
    fund(cast, cast.bola, "10.00")
    withdrawal = withdraw(cast, cast.bola, "10.00").id
    for id in (uuid4(), credited, withdrawal):
        for decide in (approve, reject):
            with pytest.raises(PayoutNotFound):
                decide(cast, dele, id)


def test_another_estates_transfer_is_not_found(cast: Cast, waiting: UUID) -> None:
    for decide in (approve, reject):
        with pytest.raises(PayoutNotFound):
            decide(cast, cast.dayo, waiting)
    assert approval_of(cast, waiting) == "waiting"


def test_approvals_and_rejections_at_once_decide_once(cast: Cast, waiting: UUID, dele: Person) -> None:
    """One approves at most, and one stops it, before that or after."""
    approvals = [lambda: ("approved", approve(cast, dele, waiting))] * 10
    rejections = [lambda: ("rejected", reject(cast, dele, waiting))] * 10
    ended = race([one for pair in zip(approvals, rejections, strict=True) for one in pair]).only(PayoutDecided)
    came_through = [verdict for verdict, _ in ended.results]
    assert (came_through.count("rejected"), came_through.count("approved") <= 1) == (1, True)
    assert (approval_of(cast, waiting), status_of(cast, waiting)) == ("rejected", "cancelled")
    assert cluster_balance(cast.cluster_id) == "2000000.00"


# --- The trail -----------------------------------------------------------------------------------------------------------


def test_every_movement_is_in_the_trail_with_who_and_why(cast: Cast) -> None:
    fund(cast, cast.bola, "500.00")
    bill = issue(cast, "500.00")
    acknowledge(cast, cast.bola, bill)
    paid, _ = bills.pay_bill(
        actor=cast.bola.actor, bill_id=bill.id, amount=None, authorization=no_pin(cast.bola), now=cast.now
    )
    bills.refund_bill_payment(
        actor=cast.ada.actor, transaction_id=paid.id, amount=naira("50.00"), reason="Too much", now=cast.now
    )
    credit(cast, "10.00")
    transfer(cast, "60.00")

    out, put_in, back, came = operations(cast)

    assert [(line.kind, line.incoming, str(line.amount)) for line in (out, put_in, back, came)] == [
        ("transfer", False, "60.00"),
        ("adjustment", True, "10.00"),
        ("refund", False, "50.00"),
        ("bill_payment", True, "500.00"),
    ]
    assert [line.actor_id for line in (out, put_in, back, came)] == [cast.ada.user_id] * 3 + [cast.bola.user_id]
    assert [line.reason for line in (out, put_in, back, came)] == [
        "Diesel",
        "Grant for the gate",
        "Too much",
        "Service charge",
    ]
    assert [line.status for line in (out, put_in, back, came)] == ["pending", "completed", "completed", "completed"]
    assert out.metadata["destination"] == {
        "account_number": "******6789",
        "account_name": BANK.account_name,
        "holder": "",
        "name_check": "not_checked",
    }
    assert BANK.account_number not in str([out, put_in, back, came])
    assert came.metadata == {"bill_type": "service_charge"}


def test_the_trail_comes_in_pages(cast: Cast) -> None:
    for _ in range(5):
        credit(cast, "1.00")
    whole = operations(cast)
    first = operations(cast, limit=2)
    second = operations(cast, limit=2, before=first[-1].position)
    third = operations(cast, limit=2, before=second[-1].position)
    assert first + second + third == whole


def test_a_page_costs_a_handful_of_statements(cast: Cast, django_assert_max_num_queries: object) -> None:
    for _ in range(8):
        credit(cast, "1.00")
    with tenant(cast.cluster_id), django_assert_max_num_queries(5):  # type: ignore[operator]
        assert len(queries.cluster_wallet_operations(actor=cast.ada.actor)) == 8


def test_the_trail_of_another_estate_is_empty(cast: Cast) -> None:
    credit(cast)
    with tenant(cast.lekki.id):
        assert queries.cluster_wallet_operations(actor=cast.dayo.actor) == []
        assert str(queries.cluster_wallet_balance(actor=cast.dayo.actor)) == "0.00"


def test_one_operation(cast: Cast, waiting: UUID) -> None:
    with tenant(cast.cluster_id):
        seen = queries.operation_of(actor=cast.ada.actor, operation_id=waiting)
    assert (seen.kind, seen.incoming, str(seen.amount), seen.status) == ("transfer", False, ABOVE, "pending")
    assert seen.metadata["approval"] == "waiting"


def test_one_operation_of_another_estate_is_not_found(cast: Cast, waiting: UUID) -> None:
    with pytest.raises(PayoutNotFound), tenant(cast.lekki.id):
        queries.operation_of(actor=cast.dayo.actor, operation_id=waiting)


def test_the_trail_cannot_be_rewritten(cast: Cast) -> None:
    made = credit(cast)
    with pytest.raises(Exception, match="permission denied"), tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute("UPDATE wallets_operation SET reason = 'Nothing' WHERE id = %s", [made])


def test_every_act_is_audited_with_its_journal(cast: Cast, waiting: UUID, dele: Person) -> None:
    reject(cast, dele, waiting)
    with tenant(cast.cluster_id):
        acts = {event.action: event for event in audit.audit_events(actor=cast.ada.actor)}
    for action, who in (
        ("cluster_wallet.credited", cast.ada),
        ("cluster_wallet.transfer_requested", cast.ada),
        ("cluster_wallet.transfer_rejected", dele),
    ):
        assert acts[action].actor_id == who.user_id
        assert acts[action].reason
    assert acts["cluster_wallet.transfer_rejected"].journal == waiting


def test_every_kind_of_transfer_has_a_name_in_the_trail() -> None:
    never_there = {
        TransferKind.OFFLINE_RECEIPT,
        TransferKind.RECEIPT_REVERSED,
        TransferKind.OPENING_BALANCE,
        TransferKind.DEPOSIT,
        TransferKind.UNPLACED_RECEIPT,
        TransferKind.PAYOUT_SENT,
        TransferKind.FEE_SURCHARGE,
        TransferKind.PROVIDER_FEE,
        TransferKind.PROVIDER_FEE_RETURNED,
        TransferKind.REFUND_SENT,
        TransferKind.CHARGEBACK,
        TransferKind.CHARGEBACK_BORNE,
        TransferKind.CHARGEBACK_WON,
        TransferKind.UTILITY_HOLD,
        TransferKind.UTILITY_RELEASE,
        TransferKind.UTILITY_VENDED,
        TransferKind.UTILITY_FEE_DIFFERENCE,
        TransferKind.UTILITY_RETURNED,
        *DOCUMENTED,
    }
    assert set(queries._SHOWN_AS) == set(TransferKind) - never_there
