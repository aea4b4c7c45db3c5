"""Everything that can happen to a bill in the same instant, on real parallel connections."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest
from django.db import connection

from clustr.bills import commands as bills
from clustr.bills.models import Adjustment, Bill, BillPayment, Dispute
from clustr.bills.refusals import (
    AlreadyDisputed,
    AmountExceedsRemaining,
    BillAlreadyPaid,
    BillCancelled,
    BillChanged,
    BillDisputed,
    BillHasPayments,
    BillNotAcknowledged,
    DisputeClosed,
)
from clustr.bills.types import DisputeState, MemberStatus
from clustr.clusters.types import Role
from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.payments.refusals import ReferenceTaken, RefundExceedsPayment
from tests.bills import acts
from tests.cast import Cast, Part, Person, make_cast
from tests.money import acknowledge, cluster_balance, fund, issue, naira, prove, wallet_balance
from tests.races import CROWD, race

pytestmark = pytest.mark.usefixtures("books")
PAYERS = CROWD - 1


@pytest.fixture
def crowd() -> Cast:
    """A cast of 19 residents with 9,000.00 each."""
    cast = make_cast(residents=PAYERS)
    for resident in cast.residents:
        fund(cast, resident, "9000.00")
    return cast


def acknowledged(cast: Cast, *people: Person, amount: str = "5000.00") -> Bill:
    bill = issue(cast, amount)
    for person in people:
        acknowledge(cast, person, bill)
    return bill


def payments_of(bill: Bill) -> list[BillPayment]:
    with tenant(bill.cluster_id):
        return list(BillPayment.objects.filter(bill_id=bill.id))


def beside_payers(cast: Cast, bill: Bill, act: Callable[[], object]) -> list[Callable[[], object]]:
    """Every resident pays, and in their midst somebody acts."""
    payers: list[Callable[[], object]] = [partial(acts.pay, cast, resident, bill) for resident in cast.residents]
    return [*payers[: PAYERS // 2], act, *payers[PAYERS // 2 :]]


def test_one_bill_paid_whole_is_paid_once(cast: Cast) -> None:
    fund(cast, cast.bola, "100000.00")
    bill = acknowledged(cast, cast.bola)
    ended = race(lambda: acts.pay(cast, cast.bola, bill)).only(BillAlreadyPaid)
    assert len(ended.results) == 1
    assert wallet_balance(cast.bola) == "95000.00"
    assert cluster_balance(cast.cluster_id) == "5000.00"


def test_parts_never_sum_to_more_than_is_due(cast: Cast) -> None:
    fund(cast, cast.bola, "100000.00")
    bill = acknowledged(cast, cast.bola)
    ended = race(lambda: acts.pay(cast, cast.bola, bill, "700.00")).only(AmountExceedsRemaining)
    assert len(ended.results) == 7
    assert acts.managed(cast, bill).totals.collected_minor == 490_000


def test_two_bills_of_one_wallet_are_paid_once(cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    pair = [acknowledged(cast, cast.bola) for _ in range(2)]
    ended = race([partial(acts.pay, cast, cast.bola, pair[lane % 2]) for lane in range(CROWD)])
    assert len(ended.only(InsufficientFunds, BillAlreadyPaid).results) == 1
    assert wallet_balance(cast.bola) == "0.00"


def test_wallet_and_cash_never_overpay(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    bill = acknowledged(cast, cast.bola)
    ended = race(
        [partial(acts.pay, cast, cast.bola, bill) for _ in range(10)]
        + [partial(acts.offline, cast, cast.bola, bill, "5000.00") for _ in range(10)]  # type: ignore[list-item]
    )
    assert len(ended.only(BillAlreadyPaid, AmountExceedsRemaining).results) == 1
    assert cluster_balance(cast.cluster_id) == "5000.00"


@pytest.mark.parametrize("_round", range(3))
def test_no_money_stays_on_a_bill_cancelled_with_refunds(crowd: Cast, _round: int) -> None:
    bill = acknowledged(crowd, *crowd.residents)
    race(beside_payers(crowd, bill, lambda: acts.cancel(crowd, bill, refund=True))).only(BillCancelled)
    assert acts.managed(crowd, bill).status == "cancelled"
    assert {wallet_balance(resident) for resident in crowd.residents} == {"9000.00"}
    assert cluster_balance(crowd.cluster_id) == "0.00"
    prove(crowd)


@pytest.mark.parametrize("_round", range(3))
def test_a_bill_is_cancelled_without_refunds_only_where_nobody_paid(crowd: Cast, _round: int) -> None:
    bill = acknowledged(crowd, *crowd.residents)
    race(beside_payers(crowd, bill, lambda: acts.cancel(crowd, bill))).only(BillCancelled, BillHasPayments)
    cancelled = acts.managed(crowd, bill).status == "cancelled"
    assert len(payments_of(bill)) == (0 if cancelled else PAYERS)
    prove(crowd)


@pytest.mark.parametrize("_round", range(3))
def test_terms_change_only_where_nobody_paid(crowd: Cast, _round: int) -> None:
    bill = acknowledged(crowd, *crowd.residents)
    work = beside_payers(crowd, bill, lambda: acts.edit(crowd, bill, amount=naira("1.00")))
    race(work).only(BillNotAcknowledged, BillHasPayments)
    version = acts.managed(crowd, bill).version
    assert len(payments_of(bill)) == (0 if version == 2 else PAYERS)
    assert {payment.version for payment in payments_of(bill)} <= {1}
    prove(crowd)


@pytest.mark.parametrize("_round", range(3))
def test_a_bill_is_paid_or_disputed_never_both(cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "9000.00")
    bill = acknowledged(cast, cast.bola)
    work: list[Callable[[], object]] = [partial(acts.pay, cast, cast.bola, bill) for _ in range(10)]
    work += [partial(acts.dispute, cast, cast.bola, bill) for _ in range(10)]
    ended = race(work).only(BillAlreadyPaid, BillDisputed, AlreadyDisputed)
    assert len(ended.results) == 1
    paid = acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    with tenant(cast.cluster_id):
        disputed = Dispute.objects.filter(bill_id=bill.id, state=DisputeState.OPEN).count()
    assert (len(payments_of(bill)), disputed) == ((1, 0) if paid else (0, 1))


def test_twenty_acknowledgments_are_one(cast: Cast) -> None:
    bill = issue(cast)
    ended = race(
        [
            partial(
                bills.acknowledge_bill,
                actor=cast.bola.actor,
                bill_id=bill.id,
                version=None,
                now=cast.now + timedelta(seconds=lane),
            )
            for lane in range(CROWD)
        ]
    ).only()
    (kept,) = acts.acknowledgments(bill)
    assert {mine.acknowledged_at for mine in ended.results} == {kept.at}
    assert acts.managed(cast, bill).totals.acknowledged_count == 1


def test_twenty_disputes_are_one(cast: Cast) -> None:
    bill = issue(cast)
    ended = race(lambda: acts.dispute(cast, cast.bola, bill)).only(AlreadyDisputed)
    assert len(ended.results) == 1
    assert acts.managed(cast, bill).totals.disputed_count == 1


def test_a_dispute_is_resolved_once(cast: Cast) -> None:
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    work: list[Callable[[], object]] = [partial(acts.uphold, cast, dispute, "4000.00") for _ in range(10)]
    work += [partial(acts.reject, cast, dispute) for _ in range(10)]
    ended = race(work).only(DisputeClosed)
    (resolved,) = ended.results
    with tenant(cast.cluster_id):
        assert Dispute.objects.get(id=dispute).state == resolved.state
        assert Adjustment.objects.filter(bill_id=bill.id).count() == (resolved.state == "upheld")


def test_a_dispute_that_is_being_withdrawn_is_not_upheld(cast: Cast) -> None:
    """Whoever decides waits for the member, who has withdrawn it but not committed yet."""
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    withdrawn, go_on = threading.Event(), threading.Event()

    def withdraw() -> None:
        with tenant(cast.cluster_id):
            acts.withdraw(cast, cast.bola, bill)
            withdrawn.set()
            go_on.wait(10)

    def uphold() -> None:
        withdrawn.wait(10)
        threading.Timer(0.3, go_on.set).start()
        acts.uphold(cast, dispute, "4000.00")

    ended = race([withdraw, uphold])
    assert ended.refused == {"DisputeClosed": 1}
    assert acts.seen(cast, cast.bola, bill).amount_due == naira("5000.00")


def test_a_payment_is_refunded_once(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    bill = acknowledged(cast, cast.bola)
    acts.pay(cast, cast.residents[0], bill)
    payment = payments_of(bill)[0].id
    ended = race(lambda: acts.refund(cast, payment)).only(RefundExceedsPayment)
    assert len(ended.results) == 1
    assert wallet_balance(cast.bola) == "9000.00"


def test_parts_of_a_refund_never_exceed_the_payment(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    bill = acknowledged(cast, cast.bola)
    payment, _ = acts.pay(cast, cast.bola, bill)
    ended = race(lambda: acts.refund(cast, payment, "700.00")).only(RefundExceedsPayment)
    assert len(ended.results) == 7
    assert wallet_balance(cast.bola) == "8900.00"


@pytest.mark.parametrize("_round", range(5))
def test_refunds_beside_payments_keep_count_of_who_has_paid(cast: Cast, _round: int) -> None:
    fund(cast, cast.bola, "90000.00")
    bill = acknowledged(cast, cast.bola)
    first, _ = acts.pay(cast, cast.bola, bill, "3000.00")
    work: list[Callable[[], object]] = [partial(acts.refund, cast, first, "300.00") for _ in range(10)]
    work += [partial(acts.pay, cast, cast.bola, bill) for _ in range(10)]
    race(work).only(BillAlreadyPaid)
    paid = acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    assert acts.managed(cast, bill).totals.paid_count == paid
    prove(cast)


def test_refunds_beside_a_cancellation_return_everything_once(crowd: Cast) -> None:
    bill = acknowledged(crowd, *crowd.residents)
    payments = [acts.pay(crowd, resident, bill)[0] for resident in crowd.residents]
    work: list[Callable[[], object]] = [partial(acts.refund, crowd, payment, "3000.00") for payment in payments]
    race([*work, lambda: acts.cancel(crowd, bill, refund=True)]).only(RefundExceedsPayment)
    assert {wallet_balance(resident) for resident in crowd.residents} == {"9000.00"}
    assert cluster_balance(crowd.cluster_id) == "0.00"


def test_a_bill_is_cancelled_once(cast: Cast) -> None:
    fund(cast, cast.bola, "9000.00")
    bill = acknowledged(cast, cast.bola)
    acts.pay(cast, cast.bola, bill)
    ended = race(lambda: acts.cancel(cast, bill, refund=True)).only(BillCancelled)
    assert len(ended.results) == 1
    assert wallet_balance(cast.bola) == "9000.00"


def test_bills_of_the_same_payers_are_cancelled_side_by_side(crowd: Cast) -> None:
    several = [acknowledged(crowd, *crowd.residents, amount="1000.00") for _ in range(4)]
    for bill in several[:3]:
        for resident in crowd.residents:
            acts.pay(crowd, resident, bill)
    work: list[Callable[[], object]] = [partial(acts.cancel, crowd, bill, refund=True) for bill in several[:3]]
    work += [partial(acts.pay, crowd, resident, several[3]) for resident in crowd.residents[:17]]
    race(work).only()
    assert {wallet_balance(resident) for resident in crowd.residents[:17]} == {"8000.00"}


def test_an_offline_reference_counts_once_for_one_member(cast: Cast) -> None:
    bill = acknowledged(cast, cast.bola)
    ended = race(lambda: acts.offline(cast, cast.bola, bill, "10.00", reference="SLIP-1")).only(ReferenceTaken)
    assert len(ended.results) == 1
    assert cluster_balance(cast.cluster_id) == "10.00"


def test_an_offline_reference_counts_once_across_members(crowd: Cast) -> None:
    bill = acknowledged(crowd, *crowd.residents)
    work = [partial(acts.offline, crowd, resident, bill, "10.00", reference="SLIP-2") for resident in crowd.residents]
    assert len(race(work).only(ReferenceTaken).results) == 1
    assert cluster_balance(crowd.cluster_id) == "10.00"


@pytest.mark.parametrize("version", [None, 1])
def test_consent_is_to_the_terms_that_stood(crowd: Cast, version: int | None) -> None:
    bill = issue(crowd)

    def consent(person: Person) -> object:
        return bills.acknowledge_bill(actor=person.actor, bill_id=bill.id, version=version, now=crowd.now)

    work: list[Callable[[], object]] = [partial(consent, resident) for resident in crowd.residents]
    race([*work[:9], lambda: acts.edit(crowd, bill, amount=naira("1.00")), *work[9:]]).only(BillChanged)
    with tenant(crowd.cluster_id):
        digests = {1: bytes(bill.terms_digest), 2: bytes(Bill.objects.get(id=bill.id).terms_digest)}
    given = acts.acknowledgments(bill)
    assert all(digests[each.version] == bytes(each.terms_digest) for each in given)
    assert {each.version for each in given} <= ({1, 2} if version is None else {1})
    assert acts.managed(crowd, bill).totals.acknowledged_count == sum(each.version == 2 for each in given)


class TestTheRacesCatchNaiveCode:
    """The same races over code that reads, decides and writes without locks: within a few rounds they show its fault."""

    ROUNDS = 15

    def test_overpaying(self, cast: Cast) -> None:
        def naive(bill: Bill) -> None:
            with tenant(cast.cluster_id), connection.cursor() as cursor:
                where = " WHERE bill_id = %s AND user_id = %s"
                cursor.execute("SELECT paid_minor FROM bills_memberbill" + where, [bill.id, cast.bola.user_id])
                if cursor.fetchone()[0] + 300_000 <= bill.amount_minor:
                    cursor.execute(
                        "UPDATE bills_memberbill SET paid_minor = paid_minor + 300000" + where,
                        [bill.id, cast.bola.user_id],
                    )

        def overpaid() -> bool:
            bill = issue(cast)
            acts.scalar(
                cast.cluster_id,
                "INSERT INTO bills_memberbill VALUES (%s, %s, %s, 0) RETURNING 1",
                *(cast.cluster_id, bill.id, cast.bola.user_id),
            )
            race(partial(naive, bill)).only()
            paid = acts.scalar(cast.cluster_id, "SELECT paid_minor FROM bills_memberbill WHERE bill_id = %s", bill.id)
            acts.scalar(
                cast.cluster_id, "UPDATE bills_memberbill SET paid_minor = 0 WHERE bill_id = %s RETURNING 1", bill.id
            )
            return bool(paid > bill.amount_minor)  # type: ignore[operator]

        assert any(overpaid() for _ in range(self.ROUNDS))

    @pytest.mark.parametrize("change", ["cancelled_at = now(), cancelled_by = created_by", "version = version + 1"])
    def test_cancelling_or_editing_under_payment(self, cast: Cast, change: str) -> None:
        """The office looks for payments, payers look at the bill, and nobody holds anything."""
        people = cast.add(cast.palm_grove, *_parts(PAYERS))

        def naive_payer(bill: Bill, person: Person) -> bool:
            with tenant(cast.cluster_id), connection.cursor() as cursor:
                cursor.execute("SELECT cancelled_at, version FROM bills_bill WHERE id = %s", [bill.id])
                if cursor.fetchone() != (None, 1):
                    return False
                cursor.execute(
                    "INSERT INTO bills_memberbill VALUES (%s, %s, %s, 0)", [cast.cluster_id, bill.id, person.user_id]
                )
                return True

        def naive_office(bill: Bill) -> bool:
            with tenant(cast.cluster_id), connection.cursor() as cursor:
                cursor.execute("SELECT count(*) FROM bills_memberbill WHERE bill_id = %s", [bill.id])
                if cursor.fetchone()[0]:
                    return False
                cursor.execute(f"UPDATE bills_bill SET {change} WHERE id = %s", [bill.id])
                return True

        def both() -> bool:
            bill = issue(cast)
            ended = race([partial(naive_office, bill), *(partial(naive_payer, bill, person) for person in people)])
            return sum(ended.only().results) > 1 and ended.outcomes[0].result is True

        assert any(both() for _ in range(self.ROUNDS))


def _parts(count: int) -> list[Part]:
    return [Part(f"Payer {number}", Role.RESIDENT) for number in range(count)]
