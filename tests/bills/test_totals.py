"""A bill's totals are exact at every instant, whoever acts, commits late, or closes tallies meanwhile."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from time import monotonic
from uuid import UUID

import pytest
from django.db import connection

from clustr.bills import tasks
from clustr.bills.models import Bill, Tally
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast, Person, make_cast
from tests.money import acknowledge, fund, issue, naira
from tests.races import CROWD, beside, own_connections, stay_open

pytestmark = pytest.mark.usefixtures("books")

COUNTED = """
SELECT (t.collected_minor, t.paid_count, t.acknowledged_count, t.disputed_count)::text,
  (coalesce((SELECT sum(p.amount_minor) FROM bills_billpayment p WHERE p.bill_id = b.id), 0)::bigint,
   (SELECT count(*) FROM bills_owed o WHERE o.id = b.id AND o.paid_minor >= o.due_minor),
   (SELECT count(*) FROM bills_owed o WHERE o.id = b.id AND o.acknowledged_at IS NOT NULL),
   (SELECT count(*) FROM bills_owed o WHERE o.id = b.id AND o.dispute_id IS NOT NULL))::text
FROM bills_bill b CROSS JOIN LATERAL bills_totals(b) AS t WHERE b.id = %s
"""
"""The totals, and the same by looking at everybody: in one statement, so of one instant."""


def counted(bill: Bill) -> tuple[str, str]:
    with tenant(bill.cluster_id), connection.cursor() as cursor:
        cursor.execute(COUNTED, [bill.id])
        totals, by_looking = cursor.fetchone()
        return totals, by_looking


def assert_exact(bill: Bill) -> None:
    totals, by_looking = counted(bill)
    assert totals == by_looking


def tally(bill: Bill) -> Tally | None:
    with tenant(bill.cluster_id):
        return Tally.objects.filter(bill_id=bill.id).first()


class Late:
    """An act of which everything is done but the commit, in a thread of its own."""

    def __init__(self, act: Callable[[Cast, Person, Bill], object], cast: Cast, person: Person, bill: Bill) -> None:
        self.done, self.go = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self.run, args=(act, cast, person, bill), daemon=True)
        self.thread.start()
        assert self.done.wait(60)

    def run(self, act: Callable[[Cast, Person, Bill], object], cast: Cast, person: Person, bill: Bill) -> None:
        with own_connections(), tenant(bill.cluster_id):
            act(cast, person, bill)
            stay_open()
            self.done.set()
            self.go.wait(60)

    def commit(self) -> None:
        self.go.set()
        self.thread.join(60)
        assert not self.thread.is_alive()


@pytest.fixture
def crowd() -> Cast:
    cast = make_cast(residents=CROWD)
    for resident in cast.residents:
        fund(cast, resident, "9000.00")
    return cast


def open_cluster_wallet(cast: Cast) -> None:
    """Whoever pays first ever opens the cluster's wallet, and others wait for that."""
    bill = issue(cast, to=cast.residents[-1])
    acknowledge(cast, cast.residents[-1], bill)
    acts.pay(cast, cast.residents[-1], bill)


def test_it_works(crowd: Cast) -> None:
    bill = issue(crowd)
    for resident in crowd.residents[:4]:
        acknowledge(crowd, resident, bill)
    acts.pay(crowd, crowd.residents[0], bill)
    acts.pay(crowd, crowd.residents[1], bill, "1.00")
    acts.dispute(crowd, crowd.residents[5], bill)
    before = counted(bill)

    assert acts.close_fully(bill) == 2 + 4

    closed = tally(bill)
    assert closed is not None
    assert (closed.collected_minor, closed.paid_count, closed.acknowledged_count) == (500_100, 1, 4)
    assert counted(bill) == before
    assert_exact(bill)


def test_closing_again_folds_and_writes_nothing(crowd: Cast) -> None:
    bill = issue(crowd)
    acknowledge(crowd, crowd.residents[0], bill)
    assert acts.close_fully(bill) == 1
    closed = acts.scalar(
        bill.cluster_id, "SELECT xmin::text || horizon::text FROM bills_tally WHERE bill_id = %s", bill.id
    )
    assert acts.close_fully(bill) == 0
    again = acts.scalar(
        bill.cluster_id, "SELECT xmin::text || horizon::text FROM bills_tally WHERE bill_id = %s", bill.id
    )
    assert again == closed
    acts.pay(crowd, crowd.residents[0], bill)
    assert acts.close_fully(bill) == 1
    assert_exact(bill)


def test_a_new_version_forgets_older_acknowledgments(crowd: Cast) -> None:
    bill = issue(crowd)
    for resident in crowd.residents[:3]:
        acknowledge(crowd, resident, bill)
    acts.close_tally(bill)
    acts.edit(crowd, bill, amount=naira("10.00"))
    assert_exact(bill)
    acknowledge(crowd, crowd.residents[0], bill)
    assert_exact(bill)
    acts.close_tally(bill)
    assert_exact(bill)
    assert acts.managed(crowd, bill).totals.acknowledged_count == 1


def test_refunds_adjustments_and_cancellation_after_closing(crowd: Cast) -> None:
    bill = issue(crowd)
    first, second = crowd.residents[:2]
    acts.uphold(crowd, acts.dispute(crowd, second, bill), "30.00")
    for resident in (first, second):
        acknowledge(crowd, resident, bill)
        acts.pay(crowd, resident, bill)
    acts.close_tally(bill)
    assert_exact(bill)
    with tenant(bill.cluster_id):
        payments = list(bill.payments.all())
    acts.refund(crowd, payments[0].id, "1.00")
    assert_exact(bill)
    acts.close_tally(bill)
    acts.cancel(crowd, bill, refund=True)
    assert_exact(bill)
    acts.close_tally(bill)
    assert_exact(bill)
    assert acts.managed(crowd, bill).totals.collected_minor == 0


def test_what_was_lowered_is_paid_by_who_paid_it(crowd: Cast) -> None:
    """Not by who still owes it, by who had something lowered on another bill, or by who was never reached."""
    bill, other = issue(crowd), issue(crowd)
    payer, debtor, elsewhere, forgiven = crowd.residents[:4]
    for resident, disputed, due in (
        (payer, bill, "30.00"),
        (debtor, bill, "30.00"),
        (forgiven, bill, "0.00"),
        (elsewhere, other, "30.00"),
    ):
        acts.uphold(crowd, acts.dispute(crowd, resident, disputed), due)
    for resident in (payer, elsewhere):
        acknowledge(crowd, resident, bill)
        acts.pay(crowd, resident, bill)
    assert_exact(bill)
    assert acts.managed(crowd, bill).totals.paid_count == 3
    acts.leave(crowd, forgiven, bill.issued_at - timedelta(days=1))
    for looked_at, paid in ((bill, 2), (other, 0)):
        assert_exact(looked_at)
        acts.close_tally(looked_at)
        assert_exact(looked_at)
        assert acts.managed(crowd, looked_at).totals.paid_count == paid


def test_bills_beside_each_other_are_closed_each_by_itself(crowd: Cast) -> None:
    """Three bills of three versions, with payments, acknowledgments and disputes of their own."""
    bills = [issue(crowd) for _ in range(3)]
    for version, bill in enumerate(bills):
        for change in range(version):
            acts.edit(crowd, bill, title=f"Title {change}")
    for turn in range(2):
        for at, bill in enumerate(bills):
            resident = crowd.residents[3 * turn + at]
            acknowledge(crowd, resident, bill)
            acts.pay(crowd, resident, bill, f"{10 + at}.00")
            acts.dispute(crowd, crowd.residents[10 + 3 * turn + at], bill)
            if at == turn:
                acts.withdraw(crowd, crowd.residents[10 + at], bill)
            for looked_at in bills:
                assert_exact(looked_at)
            acts.close_fully(bill)
            for looked_at in bills:
                assert_exact(looked_at)
    for at, bill in enumerate(bills):
        closed = tally(bill)
        assert closed is not None
        assert (closed.collected_minor, closed.version, closed.acknowledged_count) == (2 * (1000 + 100 * at), at + 1, 2)


def test_an_unknown_bill_has_nothing_to_close(crowd: Cast) -> None:
    assert acts.scalar(crowd.palm_grove.id, "SELECT bills_close(gen_random_uuid())") == 0


def test_an_acknowledgment_that_commits_late_is_counted_once(crowd: Cast) -> None:
    bill = issue(crowd)
    late = Late(acknowledge, crowd, crowd.residents[0], bill)
    acknowledge(crowd, crowd.residents[1], bill)
    acts.close_tally(bill)
    assert_exact(bill)
    late.commit()
    assert_exact(bill)
    acknowledge(crowd, crowd.residents[2], bill)
    acts.close_fully(bill)
    assert_exact(bill)
    assert acts.managed(crowd, bill).totals.acknowledged_count == 3


def test_a_payment_that_commits_late_is_counted(crowd: Cast) -> None:
    bill = issue(crowd)
    for resident in crowd.residents[:3]:
        acknowledge(crowd, resident, bill)
    open_cluster_wallet(crowd)
    late = Late(acts.pay, crowd, crowd.residents[0], bill)
    acts.pay(crowd, crowd.residents[1], bill)
    acts.close_tally(bill)
    assert_exact(bill)
    late.commit()
    assert_exact(bill)
    acts.pay(crowd, crowd.residents[2], bill)
    acts.close_tally(bill)
    assert_exact(bill)
    totals = acts.managed(crowd, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (1_500_000, 3)


def test_closing_over_what_is_visible_would_lose_it(crowd: Cast) -> None:
    """The naive closing, up to the present instant, beside the same late payment: this is what the horizon is for."""
    bill = issue(crowd)
    for resident in crowd.residents[:2]:
        acknowledge(crowd, resident, bill)
    open_cluster_wallet(crowd)
    late = Late(acts.pay, crowd, crowd.residents[0], bill)
    acts.pay(crowd, crowd.residents[1], bill)
    naive_close(bill.cluster_id, bill.id)
    assert_exact(bill)
    late.commit()
    totals, by_looking = counted(bill)
    with tenant(bill.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE bills_tally SET horizon = '0', collected_minor = 0, paid_count = 0, acknowledged_count = 0"
        )
    assert totals != by_looking
    assert_exact(bill)


def naive_close(cluster_id: UUID, bill_id: UUID) -> None:
    acts.scalar(
        cluster_id,
        "INSERT INTO bills_tally SELECT kit_tenant(), %s, pg_snapshot_xmax(pg_current_snapshot()), sum(amount_minor),"
        " sum(settles), 1, (SELECT count(*) FROM bills_acknowledgment WHERE bill_id = %s)"
        " FROM bills_billpayment WHERE bill_id = %s RETURNING 1",
        *(bill_id, bill_id, bill_id),
    )


def test_exact_at_every_instant_beside_payers_and_closers(crowd: Cast) -> None:
    bill = issue(crowd)

    def act(person: Person) -> None:
        acknowledge(crowd, person, bill)
        payment, _ = acts.pay(crowd, person, bill, "2000.00")
        acts.pay(crowd, person, bill)
        acts.close_tally(bill)
        acts.refund(crowd, payment)
        acts.pay(crowd, person, bill, "500.00")

    def watch() -> tuple[str, str]:
        acts.close_tally(bill)
        return counted(bill)

    ended, seen = beside([partial(act, resident) for resident in crowd.residents], watch)  # type: ignore[arg-type]
    ended.only()
    assert len(seen) > 3
    assert [pair for pair in seen if pair[0] != pair[1]] == []
    acts.close_tally(bill)
    assert_exact(bill)
    assert acts.managed(crowd, bill).totals.collected_minor == 350_000 * CROWD


def test_exact_beside_edits(crowd: Cast) -> None:
    bill = issue(crowd)

    def change(number: int) -> None:
        acts.edit(crowd, bill, title=f"Title {number}")
        acts.close_tally(bill)

    work = [partial(acknowledge, crowd, resident, bill) for resident in crowd.residents[:14]]
    changes = [partial(change, number) for number in range(6)]
    ended, seen = beside(work[:7] + changes + work[7:], partial(counted, bill))  # type: ignore[arg-type,operator]
    ended.only()
    assert [pair for pair in seen if pair[0] != pair[1]] == []
    acts.close_tally(bill)
    assert_exact(bill)


def test_the_job_closes_what_has_news_and_nothing_else(crowd: Cast) -> None:
    busy, quiet, cancelled, own = issue(crowd), issue(crowd), issue(crowd), issue(crowd, to=crowd.residents[0])
    for bill in (busy, cancelled, own):
        acknowledge(crowd, crowd.residents[0], bill)
        acts.pay(crowd, crowd.residents[0], bill, "1.00")
    acts.cancel(crowd, cancelled, refund=True)
    deadline = monotonic() + 10
    wanted = {busy: 100, cancelled: 0}  # as soon as nobody's older transaction is open any more
    while monotonic() < deadline and any(
        (closed := tally(bill)) is None or closed.collected_minor != collected for bill, collected in wanted.items()
    ):
        tasks.close_tallies_of(crowd.cluster_id)
    assert tally(quiet) is None
    assert tally(own) is None
    for bill, collected in wanted.items():
        closed = tally(bill)
        assert closed is not None
        assert closed.collected_minor == collected
        assert_exact(bill)
