"""Paying and acknowledging in one statement: claimed, done and kept together, and answered from what was kept."""

from __future__ import annotations

from uuid import UUID

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
from clustr.kit.tenancy import TenantMismatch, tenant
from clustr.payments.models import Transaction
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira, no_pin, wallet_balance

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


def test_the_cluster_is_set_for_the_statement_alone(cast: Cast, bill: Bill) -> None:
    acknowledge(cast, cast.bola, bill)
    pay(cast, bill, claim_of(cast.bola))
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting('clustr.cluster', true), (SELECT count(*) FROM bills_bill)")
        assert cursor.fetchone() == ("", 0)
    with pytest.raises(TenantMismatch), tenant(cast.lekki.id):
        pay(cast, bill, claim_of(cast.bola))


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
