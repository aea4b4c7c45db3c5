"""Changing a bill: terms make a new version that nobody has consented to yet."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest

from clustr.bills.dashboard import dashboard_of
from clustr.bills.models import Bill
from clustr.bills.policies import terms_digest
from clustr.bills.types import BillType, MemberStatus, Terms
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from tests.bills import acts
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, naira

pytestmark = pytest.mark.usefixtures("books")

TERMS: list[dict[str, Any]] = [
    {"title": "Another title"},
    {"description": "What it is for"},
    {"amount": naira("5000.01")},
    {"due_date": timedelta(days=20)},
]


def given(cast: Cast, changes: dict[str, Any]) -> dict[str, Any]:
    return {key: cast.now + value if isinstance(value, timedelta) else value for key, value in changes.items()}


@pytest.mark.parametrize("changes", TERMS, ids=lambda changes: next(iter(changes)))
def test_it_works(cast: Cast, changes: dict[str, Any]) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)

    edited = acts.edit(cast, bill, **given(cast, changes))

    assert edited.version == 2
    assert bytes(edited.terms_digest) != bytes(bill.terms_digest)
    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, mine.version, mine.acknowledged_at) == (MemberStatus.PENDING_ACKNOWLEDGMENT, 2, None)
    assert acts.managed(cast, bill).totals.acknowledged_count == 0
    with acts.refused("bill_not_acknowledged", unchanged=cast.cluster_id):
        acts.pay(cast, cast.bola, bill)
    acknowledge(cast, cast.bola, bill)
    assert acts.pay(cast, cast.bola, bill)[1].status is MemberStatus.PAID
    assert [given.version for given in acts.acknowledgments(bill)] == [1, 2]


def test_allowing_payment_after_the_due_date_is_not_a_term(cast: Cast) -> None:
    bill = issue(cast)
    acknowledge(cast, cast.bola, bill)
    edited = acts.edit(cast, bill, allow_payment_after_due=True)
    assert (edited.version, edited.allow_payment_after_due) == (1, True)
    assert bytes(edited.terms_digest) == bytes(bill.terms_digest)
    assert acts.status(cast, cast.bola, bill) is MemberStatus.ACKNOWLEDGED


def test_allowing_payment_after_the_due_date_goes_with_payments(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill, "10.00")
    acts.edit(cast, bill, allow_payment_after_due=True)
    assert acts.pay(cast, cast.bola, bill, at=acts.after_due(cast))[1].status is MemberStatus.PAID


def test_the_same_values_are_no_new_version(cast: Cast) -> None:
    bill = issue(cast, description="Same")
    acknowledge(cast, cast.bola, bill)
    lagos = bill.due_date.astimezone(timezone(timedelta(hours=1)))
    edited = acts.edit(cast, bill, title=bill.title, description="Same", amount=bill.amount, due_date=lagos)
    assert edited.version == 1
    assert acts.status(cast, cast.bola, bill) is MemberStatus.ACKNOWLEDGED


def test_nothing_to_change_changes_nothing(cast: Cast) -> None:
    bill = issue(cast)
    assert acts.edit(cast, bill).version == 1


def test_the_digest_is_that_of_the_terms_as_stored(cast: Cast) -> None:
    lagos = (cast.now + timedelta(days=3)).astimezone(timezone(timedelta(hours=1)))
    bill = issue(cast, due_date=lagos)
    acts.edit(cast, bill, title="Édité", due_date=lagos + timedelta(days=1))
    with tenant(cast.cluster_id):
        stored = Bill.objects.get(id=bill.id)
    again = Terms(
        stored.title, stored.description, BillType(stored.type), stored.amount, stored.due_date, stored.version
    )
    assert bytes(stored.terms_digest) == terms_digest(again)


@pytest.mark.parametrize("changes", TERMS, ids=lambda changes: next(iter(changes)))
def test_terms_with_payments_stay(cast: Cast, changes: dict[str, Any]) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill, "0.01")
    with acts.refused("bill_has_payments", unchanged=cast.cluster_id):
        acts.edit(cast, bill, **given(cast, changes))
    assert acts.seen(cast, cast.bola, bill).version == 1


def test_terms_change_again_once_everything_was_refunded(cast: Cast) -> None:
    bill = issue(cast)
    fund(cast, cast.bola, "9000.00")
    acknowledge(cast, cast.bola, bill)
    transaction, _ = acts.pay(cast, cast.bola, bill)
    acts.refund(cast, transaction)
    acts.edit(cast, bill, amount=naira("6000.00"))
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill)
    totals = acts.managed(cast, bill).totals
    assert (totals.collected_minor, totals.paid_count) == (600_000, 1)


@pytest.mark.parametrize("ahead", [timedelta(0), timedelta(days=-1)])
def test_a_new_due_date_lies_ahead(cast: Cast, ahead: timedelta) -> None:
    bill = issue(cast)
    with acts.refused("due_date_not_ahead", unchanged=cast.cluster_id):
        acts.edit(cast, bill, due_date=cast.now + ahead)


def test_a_bill_past_due_gets_a_new_due_date(cast: Cast) -> None:
    bill = issue(cast)
    later = acts.after_due(cast)
    acts.edit(cast, bill, at=later, due_date=later + timedelta(days=1))
    assert acts.status(cast, cast.bola, bill, at=later) is MemberStatus.PENDING_ACKNOWLEDGMENT


def test_an_earlier_due_date_no_longer_reaches_who_joins_after_it(cast: Cast) -> None:
    bill = issue(cast)
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=5))
    acts.dispute(cast, late, bill, at=cast.now + timedelta(days=6))
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "0.00")
    assert acts.managed(cast, bill).totals.disputed_count == 1

    acts.edit(cast, bill, due_date=cast.now + timedelta(days=2))

    totals = acts.managed(cast, bill).totals
    reached = len(cast.residents) - 1
    assert (totals.members_billed, totals.disputed_count, totals.paid_count) == (reached, 0, 1)
    assert totals.billed_minor == 500_000 * (reached - 1)
    with acts.refused("bill_not_found"):
        acts.seen(cast, late, bill)


def test_what_was_lowered_for_who_is_no_longer_reached_does_not_count(cast: Cast) -> None:
    bill = issue(cast)
    late = cast.add_resident("Late", joined_at=cast.now + timedelta(days=5))
    acts.uphold(cast, acts.dispute(cast, late, bill), "0.00")
    assert acts.managed(cast, bill).totals.paid_count == 1

    acts.edit(cast, bill, due_date=cast.now + timedelta(days=2))

    totals = acts.managed(cast, bill).totals
    assert (totals.paid_count, totals.billed_minor) == (0, 500_000 * (len(cast.residents) - 1))


def test_disputes_survive(cast: Cast) -> None:
    bill = issue(cast)
    dispute = acts.dispute(cast, cast.bola, bill)
    acts.edit(cast, bill, amount=naira("4000.00"))
    assert acts.status(cast, cast.bola, bill) is MemberStatus.DISPUTED
    assert acts.reject(cast, dispute).state == "rejected"


def test_what_was_lowered_stays_lowered(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "3000.00")
    acts.edit(cast, bill, amount=naira("6000.00"))
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "4000.00"
    acts.edit(cast, bill, amount=naira("1000.00"))
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "0.00"
    totals = acts.managed(cast, bill).totals
    assert (totals.paid_count, totals.billed_minor) == (1, 100_000 * (len(cast.residents) - 1))


@pytest.mark.parametrize(
    ("amount", "code"),
    [
        (Money(0, "NGN"), "amount_must_be_positive"),
        (Money(-5, "NGN"), "amount_must_be_positive"),
        (Money(500_000, "USD"), "currency_mismatch"),
    ],
)
def test_a_wrong_amount_is_refused(cast: Cast, amount: Money, code: str) -> None:
    bill = issue(cast)
    with acts.refused(code, unchanged=cast.cluster_id):
        acts.edit(cast, bill, amount=amount)


def test_a_cancelled_bill_stays_as_it_is(cast: Cast) -> None:
    bill = issue(cast)
    acts.cancel(cast, bill)
    with acts.refused("bill_cancelled", unchanged=cast.cluster_id):
        acts.edit(cast, bill, title="Again")


def test_another_estates_bill_is_not_found(cast: Cast) -> None:
    bill = issue(cast)
    with acts.refused("bill_not_found", unchanged=cast.cluster_id):
        acts.edit(cast, bill, by=cast.dayo, title="Mine now")


def test_it_needs_manage_bill(cast: Cast) -> None:
    bill = issue(cast)
    for person in (cast.efe, cast.bola):
        with acts.refused("permission_missing", unchanged=cast.cluster_id):
            acts.edit(cast, bill, by=person, title="Mine now")


@pytest.mark.parametrize("later", ["6000.00", "2000.00"])
def test_who_was_exempted_owes_nothing_of_the_new_amount(cast: Cast, later: str) -> None:
    bill = issue(cast)
    others = len(cast.residents) - 1
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill))

    acts.edit(cast, bill, amount=naira(later))

    mine = acts.seen(cast, cast.bola, bill)
    assert (mine.status, str(mine.amount_due), mine.can_pay) == (MemberStatus.PAID, "0.00", False)
    assert str(acts.seen(cast, cast.residents[1], bill).amount_due) == later
    totals = acts.managed(cast, bill).totals
    assert (totals.paid_count, totals.billed_minor) == (1, naira(later).minor * others)
    owing = acts.reached(cast, bill, status=MemberStatus.PENDING_ACKNOWLEDGMENT)
    assert cast.bola.user_id not in owing
    assert len(owing) == others
    with tenant(cast.cluster_id):
        sums = dashboard_of(actor=cast.ada.actor, now=cast.now).figures.sums
    assert sums.outstanding == sums.billed
    assert sums.billed.minor == naira(later).minor * others


def test_who_owed_nothing_by_amounts_alone_is_exempted_when_the_office_says_so(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "3000.00")
    dispute = acts.dispute(cast, cast.bola, bill)
    acts.edit(cast, bill, amount=naira("2000.00"))
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "0.00"
    acts.uphold(cast, dispute)
    acts.edit(cast, bill, amount=naira("5000.00"))
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "0.00"


def test_what_was_lowered_by_an_amount_is_lowered_by_that_of_the_new_amount(cast: Cast) -> None:
    bill = issue(cast)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "3000.00")
    acts.edit(cast, bill, amount=naira("6000.00"))
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "4000.00"
