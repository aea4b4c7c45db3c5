"""Paying and acknowledging in one statement: claimed, done and kept together, and answered from what was kept."""

from __future__ import annotations

import threading
import time
from uuid import UUID

import psycopg
import pytest
from django.db import connection

from clustr.audit.models import IdempotencyKey
from clustr.audit.refusals import IdempotencyKeyReused
from clustr.audit.types import Claim
from clustr.bills import commands as bills
from clustr.bills import queries
from clustr.bills.models import Acknowledgment, Bill, BillPayment
from clustr.bills.refusals import BillNotAcknowledged, BillNotFound
from clustr.bills.types import MemberStatus
from clustr.kit.errors import InvalidValue
from clustr.kit.money import CurrencyMismatch, Money
from clustr.kit.tenancy import TenantMismatch, tenant
from clustr.payments.models import Transaction
from tests.bills import acts
from tests.cast import Cast, Person
from tests.databases import superuser
from tests.money import acknowledge, fund, issue, naira, no_pin, wallet_balance
from tests.races import own_connections

pytestmark = pytest.mark.usefixtures("books")


def claim_of(person: Person, key: str = "k", body: bytes = b"{}") -> Claim:
    return Claim.of(user_id=person.user_id, path="POST /pay/", key=key, body=body, secret=b"s" * 32)


def pay(
    cast: Cast, bill: Bill, claim: Claim | None, amount: str | None = None, *, person: Person | None = None
) -> tuple[str, bool]:
    who = person or cast.bola
    return bills.pay_bill_once(
        actor=who.actor,
        bill_id=bill.id,
        amount=naira(amount) if amount else None,
        authorization=no_pin(who),
        claim=claim,
        now=cast.now,
    )


def consent(cast: Cast, bill: Bill, claim: Claim | None, version: int | None = None) -> tuple[str, bool]:
    return bills.acknowledge_bill_once(
        actor=cast.bola.actor, bill_id=bill.id, version=version, claim=claim, now=cast.now
    )


def count(cluster_id: UUID, model: type[BillPayment | Acknowledgment | IdempotencyKey]) -> int:
    with tenant(cluster_id):
        return int(model.objects.filter(cluster_id=cluster_id).count())


@pytest.fixture
def bill(cast: Cast) -> Bill:
    fund(cast, cast.bola, "9000.00")
    return issue(cast, description='Two "lines"\nand Ẹ̀kọ́')


def test_it_works(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    facts, repeated = pay(cast, bill, claim_of(cast.bola), "2000.00")
    made, stands = bills.payment_of(facts, member_id=cast.bola.user_id, cluster_id=cast.cluster_id)
    with tenant(cast.cluster_id):
        kept = Transaction.objects.get(cluster_id=cast.cluster_id, id=made.id)
        assert stands == queries.bill_visible_to(actor=cast.bola.actor, bill_id=bill.id, now=cast.now)
    for field in Transaction._meta.concrete_fields:
        assert getattr(made, field.attname) == getattr(kept, field.attname), field.name
    assert (repeated, stands.status, wallet_balance(cast.bola)) == (False, MemberStatus.PARTIALLY_PAID, "7000.00")


def test_a_repeat_is_told_the_facts_of_the_first(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    first, _ = pay(cast, bill, claim_of(cast.bola), "2000.00")
    pay(cast, bill, claim_of(cast.bola, "another"), "500.00")
    assert pay(cast, bill, claim_of(cast.bola), "2000.00") == (first, True)
    assert count(cast.cluster_id, BillPayment) == 2


def test_another_input_is_refused(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    pay(cast, bill, claim_of(cast.bola), "2000.00")
    with pytest.raises(IdempotencyKeyReused):
        pay(cast, bill, claim_of(cast.bola, body=b'{"other": 1}'), "2000.00")
    assert count(cast.cluster_id, BillPayment) == 1


def test_without_a_claim_each_counts(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    ids = {
        bills.payment_of(pay(cast, bill, None, "100.00")[0], member_id=cast.bola.user_id, cluster_id=cast.cluster_id)[
            0
        ].id
        for _ in "ab"
    }
    assert len(ids) == count(cast.cluster_id, BillPayment) == 2
    assert count(cast.cluster_id, IdempotencyKey) == 0


def test_a_refusal_leaves_nothing(cast: Cast, bill: Bill) -> None:
    with pytest.raises(BillNotAcknowledged):
        pay(cast, bill, claim_of(cast.bola))
    assert count(cast.cluster_id, IdempotencyKey) == 0
    acknowledge(cast, cast.bola, bill)
    assert pay(cast, bill, claim_of(cast.bola))[1] is False


def test_a_stranger_finds_no_bill(cast: Cast, bill: Bill) -> None:
    with pytest.raises(BillNotFound):
        pay(cast, bill, claim_of(cast.chidi), person=cast.chidi)


@pytest.mark.parametrize("amount", [Money.parse("1.00", "GHS"), Money(0, "NGN")], ids=str)
def test_only_money_of_the_cluster_is_paid(cast: Cast, bill: Bill, amount: Money) -> None:
    acknowledge(cast, cast.bola, bill)
    with pytest.raises((CurrencyMismatch, InvalidValue)):
        bills.pay_bill_once(
            actor=cast.bola.actor,
            bill_id=bill.id,
            amount=amount,
            authorization=no_pin(cast.bola),
            claim=None,
            now=cast.now,
        )
    assert count(cast.cluster_id, BillPayment) == 0


def no_cluster_is_set() -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('clustr.cluster', true), (SELECT count(*) FROM bills_bill)")
        return bool(cursor.fetchone() == ("", 0))


def test_the_cluster_is_set_for_the_statement_alone(cast: Cast, bill: Bill) -> None:
    consent(cast, bill, claim_of(cast.bola))
    assert no_cluster_is_set()
    pay(cast, bill, claim_of(cast.bola, "another"))
    assert no_cluster_is_set()
    with pytest.raises(TenantMismatch), tenant(cast.lekki.id):
        consent(cast, bill, claim_of(cast.bola))
    with pytest.raises(TenantMismatch), tenant(cast.lekki.id):
        pay(cast, bill, claim_of(cast.bola, "another"))


def is_waited_for(other: psycopg.Connection) -> bool:
    asked = other.execute("SELECT EXISTS (SELECT FROM pg_locks WHERE pg_backend_pid() = ANY (pg_blocking_pids(pid)))")
    return asked.fetchone() == (True,)


def test_a_payment_that_was_broken_off_for_a_deadlock_is_made(cast: Cast, bill: Bill) -> None:
    """It keeps its part of the bill and waits for the wallet; who keeps the wallet then waits for that part."""
    acknowledge(cast, cast.bola, bill)
    paid: list[tuple[str, bool]] = []

    def paying() -> None:
        with own_connections():
            paid.append(pay(cast, bill, claim_of(cast.bola), "2000.00"))

    payer = threading.Thread(target=paying)
    with superuser() as other, other.transaction():
        other.execute("SET LOCAL deadlock_timeout = '1min'")  # it is the payment that PostgreSQL breaks off
        other.execute("SELECT set_config('clustr.cluster', %s, true)", [str(cast.cluster_id)])
        other.execute("SELECT FROM ledger_account WHERE cluster_id = kit_tenant() FOR UPDATE")
        payer.start()
        while payer.is_alive() and not is_waited_for(other):
            time.sleep(0.01)
        other.execute("SELECT bills_lock_part(%s, %s)", [bill.id, cast.bola.user_id])
    payer.join(30)
    assert [repeated for _, repeated in paid] == [False]
    assert (count(cast.cluster_id, BillPayment), wallet_balance(cast.bola)) == (1, "7000.00")


def test_consent_in_one_statement(cast: Cast, bill: Bill) -> None:
    facts, repeated = consent(cast, bill, claim_of(cast.bola), 1)
    with tenant(cast.cluster_id):
        stands = queries.bill_visible_to(actor=cast.bola.actor, bill_id=bill.id, now=cast.now)
    assert (bills.acknowledged_bill_of(facts), repeated) == (stands, False)
    assert stands.status is MemberStatus.ACKNOWLEDGED
    assert consent(cast, bill, claim_of(cast.bola), 1) == (facts, True)
    assert count(cast.cluster_id, Acknowledgment) == 1
    with pytest.raises(IdempotencyKeyReused):
        consent(cast, bill, claim_of(cast.bola, body=b"other"), 1)


def test_the_facts_of_a_bill_to_one_member(cast: Cast, bill: Bill) -> None:
    own = issue(cast, "300.00", to=cast.bola, allow_payment_after_due=True)
    acts.uphold(cast, acts.dispute(cast, cast.bola, own), "120.00")
    facts, _ = consent(cast, own, None)
    with tenant(cast.cluster_id):
        stands = queries.bill_visible_to(actor=cast.bola.actor, bill_id=own.id, now=cast.now)
    assert bills.acknowledged_bill_of(facts) == stands
    assert (str(stands.amount_due), stands.is_cluster_wide) == ("120.00", False)
