"""What wallets will lack for standing orders, if all that comes before has run."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from clustr.kit.tenancy import tenant
from clustr.recurring.shortfalls import my_shortfalls
from clustr.recurring.types import Frequency
from tests.cast import Cast
from tests.money import fund
from tests.recurring.acts import order_of

pytestmark = pytest.mark.usefixtures("books")

WEEK = timedelta(days=7)


def lacking(cast: Cast) -> dict[UUID, str]:
    with tenant(cast.cluster_id):
        found = my_shortfalls(actor=cast.bola.actor, now=cast.now)
    return {id: str(each.money) for id, each in found.items()}


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "1500.00")
    order_of(cast, "1000.00", start_date=cast.now + timedelta(days=1))
    second = order_of(cast, "900.00", start_date=cast.now + timedelta(days=2))
    assert lacking(cast) == {second: "400.00"}


def test_what_comes_several_times_before_is_counted_each_time(cast: Cast) -> None:
    fund(cast, cast.bola, "2500.00")
    start = cast.now + timedelta(days=1)
    order_of(cast, "1000.00", frequency=Frequency.WEEKLY, start_date=start)
    monthly = order_of(cast, "300.00", start_date=start + WEEK * 2 - timedelta(hours=1))
    assert lacking(cast) == {}, "two runs before it leave 500"
    later = order_of(cast, "300.00", start_date=start + WEEK * 2 + timedelta(hours=1))
    assert lacking(cast) == {later: "300.00"}
    assert monthly not in lacking(cast)


def test_what_ends_before_comes_no_more(cast: Cast) -> None:
    fund(cast, cast.bola, "2000.00")
    start = cast.now + timedelta(days=1)
    order_of(cast, "1000.00", frequency=Frequency.WEEKLY, start_date=start, end_date=start + timedelta(days=3))
    order_of(cast, "1000.00", start_date=start + WEEK * 2)
    assert lacking(cast) == {}


def test_what_comes_after_a_month_is_not_foreseen(cast: Cast) -> None:
    order_of(cast, "1000.00", start_date=cast.now + timedelta(days=30, seconds=1))
    assert lacking(cast) == {}
