"""What the database itself refuses of standing orders and their runs."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import DatabaseError, connection

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from tests.cast import Cast
from tests.money import fund
from tests.recurring.acts import order_of, process, runs

AGAIN = """INSERT INTO recurring_run (cluster_id, id, order_id, period, due_at, state, cap_minor, amount_minor, attempts,
  started_at, ended_at) SELECT cluster_id, %s, order_id, period, due_at, state, cap_minor, amount_minor, attempts,
  started_at, ended_at FROM recurring_run WHERE order_id = %s"""


@pytest.fixture
def order(cast: Cast) -> object:
    fund(cast, cast.bola, "5000.00")
    made = order_of(cast)
    process(cast)
    return made


def run(cast: Cast, statement: str, *values: Any) -> None:
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement, values)


def test_a_period_runs_once(cast: Cast, order: object) -> None:
    with pytest.raises(DatabaseError, match="recurring_run_once_a_period"):
        run(cast, AGAIN, new_id(), order)


@pytest.mark.parametrize(
    "change",
    ["state = 'failed', amount_minor = 0, failure = 'insufficient_funds'", "amount_minor = 1", "period = 5"],
)
def test_a_run_that_has_ended_stays(cast: Cast, order: object, change: str) -> None:
    with pytest.raises(DatabaseError, match="stays as it ended"):
        run(cast, f"UPDATE recurring_run SET {change} WHERE order_id = %s", order)
    assert runs(cast, order)[0].state == "completed"  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "wall"),
    [
        ("next_run_at = NULL", "runs_while_active"),
        ("state = 'paused', next_run_at = NULL", "stopped_by_somebody"),
        ("max_minor = 200000", "maximum_for_bills"),
        ("payment_source = 'card'", "card_named"),
        ("bill_type = 'water_utility'", "bill_type_check"),
        ("amount_minor = 0", "kit_amount"),
    ],
)
def test_an_order_fits_together(cast: Cast, order: object, change: str, wall: str) -> None:
    with pytest.raises(DatabaseError, match=wall):
        run(cast, f"UPDATE recurring_payment SET {change} WHERE id = %s", order)


def test_more_than_the_cap_is_no_run(cast: Cast, order: object) -> None:
    with pytest.raises(DatabaseError, match="within_cap"):
        run(
            cast,
            AGAIN.replace(
                "cap_minor, amount_minor, attempts,\n  started_at, ended_at FROM",
                "cap_minor, cap_minor + 1, attempts,\n  started_at, ended_at FROM",
            ),
            new_id(),
            order,
        )
