"""One definition of a bill's status in Python and one in SQL: the same for every case. The rules of payment likewise."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest
from django.db import DatabaseError, connection
from hypothesis import example, given, settings
from hypothesis import strategies as st

from clustr.bills.policies import refuse_payment
from clustr.bills.states import can_acknowledge, can_pay, member_status
from clustr.bills.types import MemberStatus, Standing
from clustr.kit.errors import Refusal, refusal_of

DUE = datetime(2026, 11, 30, 23, 59, 59, 999999, tzinfo=UTC)
TICK = timedelta(microseconds=1)

MOMENTS = st.one_of(
    st.sampled_from([DUE, DUE - TICK, DUE + TICK]),
    st.timedeltas(timedelta(days=-300), timedelta(days=300)).map(lambda away: DUE + away),
)
AMOUNTS = st.one_of(st.integers(0, 3), st.integers(0, 10**15 - 1))


@st.composite
def standings(draw: st.DrawFn) -> Standing:
    """Any standing, with what was paid often just below, at or above what is due."""
    due = draw(AMOUNTS)
    near = [amount for amount in (0, due - 1, due, due + 1) if amount >= 0]
    return Standing(
        cancelled=draw(st.booleans()),
        due_minor=due,
        paid_minor=draw(st.one_of(st.sampled_from(near), AMOUNTS)),
        disputed=draw(st.booleans()),
        due_date=DUE,
        acknowledged=draw(st.booleans()),
    )


OWING = Standing(False, 100, 0, False, DUE, True)

_STATUS = "SELECT bills_status(%s, %s, %s, %s, %s, %s, %s)"
_REFUSE = """
SELECT bills_refuse_payment(jsonb_populate_record(NULL::bills_owed, jsonb_build_object(
  'id', %(id)s::text, 'cancelled_at', %(cancelled_at)s::timestamptz, 'due_minor', %(due)s::bigint,
  'paid_minor', %(paid)s::bigint, 'dispute_id', %(dispute)s::text, 'due_date', %(due_date)s::timestamptz,
  'acknowledged_at', %(acknowledged_at)s::timestamptz, 'allow_payment_after_due', %(after_due)s::boolean)), %(now)s)"""


def status_in_sql(standing: Standing, now: datetime) -> str:
    with connection.cursor() as cursor:
        cursor.execute(
            _STATUS,
            [
                standing.cancelled,
                standing.due_minor,
                standing.paid_minor,
                standing.disputed,
                standing.due_date,
                standing.acknowledged,
                now,
            ],
        )
        return str(cursor.fetchone()[0])


def refusal_in_sql(standing: Standing, after_due: bool, now: datetime) -> str | None:
    some = str(UUID(int=7))
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                _REFUSE,
                {
                    "id": some,
                    "cancelled_at": DUE if standing.cancelled else None,
                    "due": standing.due_minor,
                    "paid": standing.paid_minor,
                    "dispute": some if standing.disputed else None,
                    "due_date": standing.due_date,
                    "acknowledged_at": DUE if standing.acknowledged else None,
                    "after_due": after_due,
                    "now": now,
                },
            )
    except DatabaseError as error:
        refusal = refusal_of(error)
        assert refusal is not None, error
        return refusal.code
    return None


def refusal_in_python(standing: Standing, after_due: bool, now: datetime) -> str | None:
    try:
        refuse_payment(standing=standing, allow_payment_after_due=after_due, now=now)
    except Refusal as refusal:
        return refusal.code
    return None


@settings(max_examples=400, deadline=None)
@given(standings(), MOMENTS)
@example(OWING, DUE)
@example(OWING, DUE + TICK)
def test_it_works(standing: Standing, now: datetime) -> None:
    assert member_status(standing=standing, now=now) == status_in_sql(standing, now)


@settings(max_examples=400, deadline=None)
@given(standings(), st.booleans(), MOMENTS)
@example(OWING, False, DUE)
@example(OWING, False, DUE + TICK)
@example(OWING, True, DUE + TICK)
def test_the_rules_of_payment_are_the_same(standing: Standing, after_due: bool, now: datetime) -> None:
    refusal = refusal_in_python(standing, after_due, now)
    assert refusal == refusal_in_sql(standing, after_due, now)
    assert can_pay(standing=standing, allow_payment_after_due=after_due, now=now) is (refusal is None)


@given(standings(), st.booleans(), MOMENTS)
def test_what_can_be_acknowledged_cannot_be_paid(standing: Standing, after_due: bool, now: datetime) -> None:
    if can_acknowledge(standing=standing):
        assert not can_pay(standing=standing, allow_payment_after_due=after_due, now=now)


@pytest.mark.parametrize(
    ("standing", "now", "status"),
    [
        (Standing(True, 100, 0, True, DUE, True), DUE + TICK, MemberStatus.CANCELLED),
        (Standing(False, 100, 100, True, DUE, True), DUE + TICK, MemberStatus.PAID),
        (Standing(False, 0, 0, False, DUE, False), DUE, MemberStatus.PAID),
        (Standing(False, 100, 50, True, DUE, True), DUE + TICK, MemberStatus.DISPUTED),
        (Standing(False, 100, 50, False, DUE, True), DUE + TICK, MemberStatus.OVERDUE),
        (Standing(False, 100, 50, False, DUE, False), DUE, MemberStatus.PARTIALLY_PAID),
        (Standing(False, 100, 0, False, DUE, True), DUE, MemberStatus.ACKNOWLEDGED),
        (Standing(False, 100, 0, False, DUE, False), DUE, MemberStatus.PENDING_ACKNOWLEDGMENT),
    ],
)
def test_the_first_that_holds(standing: Standing, now: datetime, status: MemberStatus) -> None:
    assert member_status(standing=standing, now=now) is status
    assert status_in_sql(standing, now) == status


def test_a_bill_that_is_not_there_is_not_found_in_sql() -> None:
    with pytest.raises(DatabaseError, match="bill_not_found"), connection.cursor() as cursor:
        cursor.execute("SELECT bills_refuse_payment(NULL::bills_owed, %s)", [DUE])
