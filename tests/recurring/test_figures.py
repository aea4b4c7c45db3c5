"""What a sweep counts, and what it says in the log."""

from __future__ import annotations

from structlog.testing import capture_logs

from clustr.payments.figures import PAYMENTS
from clustr.recurring.figures import RUNS
from tests.cast import Cast
from tests.money import fund
from tests.recurring.acts import order_of, process


def count(counter: object, *labels: str) -> float:
    return counter.labels(*labels)._value.get()  # type: ignore[attr-defined,no-any-return]


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "1000.00")
    order_of(cast, "1000.00")
    order_of(cast, "1000.00", person=cast.residents[1])
    before = (
        count(RUNS, "completed"),
        count(RUNS, "retrying"),
        count(PAYMENTS, "recurring_payment", "completed", "wallet"),
    )
    with capture_logs() as logs:
        process(cast)
    after = (
        count(RUNS, "completed"),
        count(RUNS, "retrying"),
        count(PAYMENTS, "recurring_payment", "completed", "wallet"),
    )
    assert [new - old for new, old in zip(after, before, strict=True)] == [1, 1, 1]
    (line,) = [each for each in logs if each["event"] == "recurring_payments_run"]
    assert (line["log_level"], line["completed"], line["retrying"]) == ("warning", 1, 1)
    (paid,) = [each for each in logs if each["event"] == "recurring_payments_made"]
    assert (paid["amount_minor"], paid["currency"]) == (100_000, "NGN")
