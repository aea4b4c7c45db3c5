"""Consent to a bill's terms: what is kept of it, and when it is not taken."""

from __future__ import annotations

from datetime import timedelta

import pytest

from clustr.bills import commands as bills
from clustr.bills.models import Bill
from clustr.bills.types import MemberBillView, MemberStatus
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import ORIGIN, Cast, Person
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")


def consent(
    cast: Cast, person: Person, bill: Bill, *, version: int | None = None, after: timedelta = timedelta(0)
) -> MemberBillView:
    return bills.acknowledge_bill(actor=person.actor, bill_id=bill.id, version=version, now=cast.now + after)


def test_it_works(cast: Cast) -> None:
    bill = issue(cast)
    mine = consent(cast, cast.bola, bill, after=timedelta(minutes=1))

    assert mine.status is MemberStatus.ACKNOWLEDGED
    assert mine.acknowledged_at == cast.now + timedelta(minutes=1)
    assert (mine.can_pay, mine.can_acknowledge) == (True, False)
    (kept,) = acts.acknowledgments(bill)
    assert (kept.user_id, kept.version, bytes(kept.terms_digest)) == (cast.bola.user_id, 1, bytes(bill.terms_digest))
    assert (kept.at, kept.ip, kept.user_agent) == (cast.now + timedelta(minutes=1), ORIGIN.ip, ORIGIN.user_agent)
    assert kept.terms_digest.hex() == mine.terms_digest
    with tenant(cast.cluster_id):
        assert [user.id for user in bill.acknowledged_by.all()] == [cast.bola.user_id]


def test_it_speaks_for_nobody_else(cast: Cast) -> None:
    bill = issue(cast)
    consent(cast, cast.bola, bill)
    neighbour = cast.residents[1]
    fund(cast, neighbour, "9000.00")
    assert acts.status(cast, neighbour, bill) is MemberStatus.PENDING_ACKNOWLEDGMENT
    with acts.refused("bill_not_acknowledged"):
        acts.pay(cast, neighbour, bill)


def test_a_repeat_is_harmless_and_keeps_the_first_instant(cast: Cast) -> None:
    bill = issue(cast)
    consent(cast, cast.bola, bill)
    for version in (None, 1):
        again = consent(cast, cast.bola, bill, version=version, after=timedelta(hours=1))
        assert again.acknowledged_at == cast.now
    assert len(acts.acknowledgments(bill)) == 1


def test_a_repeat_after_payment_is_harmless(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    consent(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill)
    assert consent(cast, cast.bola, bill, after=timedelta(hours=1)).status is MemberStatus.PAID


@pytest.mark.parametrize("version", [1, 3, 0, -1])
def test_another_version_than_the_present_is_refused(cast: Cast, version: int) -> None:
    bill = issue(cast)
    acts.edit(cast, bill, amount=naira("6000.00"))
    with acts.refused("bill_changed", unchanged=cast.cluster_id):
        consent(cast, cast.bola, bill, version=version)
    assert consent(cast, cast.bola, bill, version=2).status is MemberStatus.ACKNOWLEDGED


def test_consent_to_an_older_version_is_kept_and_opens_nothing(cast: Cast) -> None:
    bill = issue(cast)
    consent(cast, cast.bola, bill)
    acts.edit(cast, bill, title="Other")
    assert acts.seen(cast, cast.bola, bill).can_acknowledge
    consent(cast, cast.bola, bill)
    first, second = acts.acknowledgments(bill)
    assert (first.version, second.version) == (1, 2)
    assert bytes(first.terms_digest) != bytes(second.terms_digest)


def test_while_disputed_it_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.dispute(cast, cast.bola, bill)
    with acts.refused("bill_disputed", unchanged=cast.cluster_id):
        consent(cast, cast.bola, bill)


def test_a_cancelled_bill_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.cancel(cast, bill)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        consent(cast, cast.bola, bill)


def test_what_nothing_is_owed_on_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "0.00")
    assert acts.status(cast, cast.bola, bill) is MemberStatus.PAID
    with acts.refused("bill_already_paid", unchanged=cast.cluster_id):
        consent(cast, cast.bola, bill)


def test_past_the_due_date_it_is_taken(cast: Cast) -> None:
    bill = issue(cast)
    late = consent(cast, cast.bola, bill, after=timedelta(days=11))
    assert late.status is MemberStatus.OVERDUE
    assert late.acknowledged_at is not None
    assert not late.can_pay


def test_a_former_member_consents_to_what_applied_to_them(cast: Cast) -> None:
    bill = issue(cast)
    acts.leave(cast, cast.bola, cast.now + timedelta(hours=1))
    assert consent(cast, cast.bola, bill, after=timedelta(hours=2)).status is MemberStatus.ACKNOWLEDGED


def test_a_stranger_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    for person in (cast.chidi, cast.dayo, cast.ada):
        with acts.refused("bill_not_found", unchanged=cast.cluster_id):
            acknowledge(cast, person, bill)


def test_who_joins_after_the_due_date_is_refused(cast: Cast) -> None:
    bill = issue(cast)
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=11))
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        consent(cast, late, bill, after=timedelta(days=12))
