"""Refusals: named, of one of eight kinds, and the same whether Python or the database says no."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, connection, transaction

from clustr.kit.errors import Busy, Conflict, FieldError, InvalidValue, Refusal, TookTooLong, refusals_from_database


class SampleRefusal(Conflict):
    """The sample does not fit.

    Only the first line is the title.
    """

    code = "test_sample_refused"


def run(sql: str) -> None:
    with refusals_from_database(), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(sql)


def test_it_works() -> None:
    with pytest.raises(SampleRefusal) as raised:
        run("SELECT kit_refuse('test_sample_refused', 'It is too long.')")
    assert raised.value.detail == "It is too long."
    assert SampleRefusal.title() == "The sample does not fit."
    assert SampleRefusal().detail == "The sample does not fit."


def test_a_code_is_taken_once() -> None:
    with pytest.raises(TypeError, match="taken by SampleRefusal"):
        type("Another", (Conflict,), {"code": "test_sample_refused"})


def test_a_lock_not_obtained_in_time_is_busy() -> None:
    with pytest.raises(Busy) as raised:
        run("DO $$ BEGIN RAISE EXCEPTION 'late' USING ERRCODE = '55P03'; END $$")
    assert raised.value.retry_after_seconds == 1


def test_a_statement_that_takes_too_long_says_so() -> None:
    with pytest.raises(TookTooLong) as raised:
        run("SET LOCAL statement_timeout = '10ms'; SELECT pg_sleep(5)")
    assert raised.value.code == "took_too_long"
    assert raised.value.retry_after_seconds == 1


def test_an_unknown_code_is_a_bug_not_a_refusal() -> None:
    with pytest.raises(DatabaseError):
        run("SELECT kit_refuse('test_no_such_code', '')")


def test_any_other_database_error_is_a_bug() -> None:
    with pytest.raises(DatabaseError):
        run("SELECT 1 / 0")


def test_an_invalid_value_says_where() -> None:
    refusal = InvalidValue.of("bills.3.amount", "zero", "Must be more than zero.")
    assert refusal.errors == (FieldError("bills.3.amount", "zero", "Must be more than zero."),)


def test_every_refusal_is_of_exactly_one_kind() -> None:
    kinds = set(Refusal.__subclasses__())
    assert len(kinds) == 8
    for refusal in Refusal.registry.values():
        assert len(kinds & set(refusal.__mro__)) == 1, refusal
