"""Estates take turns on one single connection: whatever befalls the one, the other finds nothing of it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from clustr.bills.models import Bill
from tests.cast import ApiClient, Cast, anonymous
from tests.money import acknowledge, fund, issue, wallet_balance
from tests.pool import at, found, once_asleep, one_connection
from tests.web.asking import MY_BILLS, MY_WALLET, OFFICE, PIN, with_pin

pytestmark = pytest.mark.usefixtures("one_connection", "books")
__all__ = ["one_connection"]

Fault = Callable[[Callable[..., Any], str, Any], Any]
SLEEP = "SELECT pg_sleep(20)"


class Estates:
    """Bola of Palm Grove and Chidi of Lekki Gardens, who ask in turn; and what the connection was like at first."""

    def __init__(self, cast: Cast) -> None:
        self.cast = cast
        fund(cast, cast.bola, "1000.00")
        self.bill: Bill = issue(cast, "700.00")
        acknowledge(cast, cast.bola, self.bill)
        self.bola, self.chidi, self.ada = (cast.client_of(who) for who in (cast.bola, cast.chidi, cast.ada))
        self.pid, self.clean = found()

    def pay(self, client: ApiClient | None = None, **more: str) -> Any:
        sent = {"bill_id": str(self.bill.id), "amount": "100.00", **more}
        return self.asked((client or self.bola).post(MY_BILLS + "pay_bill/", sent))

    def withdraw(self) -> Any:
        destination = {"bank_code": "058", "account_number": "0123456789"}
        return self.asked(self.bola.post(MY_WALLET + "withdraw/", {"amount": "100.00", "destination": destination}))

    def asked(self, answer: Any) -> Any:
        """An answer, and the connection given back as it is when a request ends."""
        connection.close()
        return answer

    def nothing_is_left(self, *, same: bool = True) -> None:
        """The connection is as it was at first, and the other estate sees its own and nothing else."""
        pid, state = found()
        assert state == self.clean
        assert (pid == self.pid) is same
        balance = self.asked(self.chidi.get(MY_WALLET + "balance/"))
        assert (balance.status_code, balance.json()["balance"]) == (200, "0.00")
        assert self.asked(self.chidi.get(MY_BILLS + "my_bills/")).json()["results"] == []
        assert self.asked(self.chidi.get(f"{MY_BILLS}{self.bill.id}/")).status_code == 404
        pid, state = found()
        assert state == self.clean
        assert (pid == self.pid) is same
        mine = self.asked(self.bola.get(MY_BILLS + "my_bills/")).json()["results"]
        assert [row["id"] for row in mine] == [str(self.bill.id)]
        assert found()[1] == self.clean


@pytest.fixture
def estates(cast: Cast) -> Iterator[Estates]:
    made = Estates(cast)
    yield made
    connection.close()


def test_it_works(estates: Estates) -> None:
    for _ in range(3):
        assert estates.pay().status_code == 201
        estates.nothing_is_left()


def test_after_requests_that_were_refused(estates: Estates) -> None:
    asked, bola, ada = estates.asked, estates.bola, estates.ada
    pay, received = MY_BILLS + "pay_bill/", OFFICE + "record_offline_payment/"
    lekki = str(estates.cast.lekki.id)
    refusals = {
        401: lambda: anonymous().post(pay, {}),
        403: lambda: bola.post(received, {"user_id": lekki, "amount": "1.00", "method": "cash", "reference": "R1"}),
        404: lambda: bola.post(pay, {"bill_id": str(uuid4())}),
        409: lambda: bola.post(pay, {"bill_id": str(estates.bill.id), "amount": "900.00"}),
        422: lambda: ada.post(received, {"user_id": "x", "amount": 1}),
        400: lambda: bola.post(pay, b"{"),
    }
    for status, ask in refusals.items():
        assert asked(ask()).status_code == status
        estates.nothing_is_left()
    assert asked(bola.get(MY_BILLS + "my_bills/", X_Cluster_ID=lekki)).status_code == 404
    estates.nothing_is_left()


def test_after_a_wrong_pin(estates: Estates) -> None:
    """A PIN is checked under a lock of the session, outside any transaction."""
    with_pin(estates.cast, estates.cast.bola)
    refused = estates.pay(pin="731946")
    assert (refused.status_code, refused.json()["code"]) == (403, "pin_incorrect")
    estates.nothing_is_left()
    assert estates.pay(pin=PIN).status_code == 201
    estates.nothing_is_left()


def broken_in_sql(go_on: Callable[..., Any], _sql: str, _values: Any) -> Any:
    return go_on("SELECT nothing FROM nowhere", None)


def broken_in_python(_go_on: Callable[..., Any], _sql: str, _values: Any) -> Any:
    raise ZeroDivisionError


def asleep(go_on: Callable[..., Any], _sql: str, _values: Any) -> Any:
    return go_on(SLEEP, None)


def timed_out(go_on: Callable[..., Any], _sql: str, _values: Any) -> Any:
    go_on("SET LOCAL statement_timeout = '20ms'", None)
    return go_on(SLEEP, None)


def left_idle(go_on: Callable[..., Any], sql: str, values: Any) -> Any:
    go_on("SET LOCAL idle_in_transaction_session_timeout = '20ms'", None)
    time.sleep(0.2)
    return go_on(sql, values)


FAULTS: dict[str, tuple[Fault, str, int, bool]] = {
    "an error of ours in SQL": (broken_in_sql, "", 500, True),
    "an error of ours in Python": (broken_in_python, "", 500, True),
    "a statement cancelled": (asleep, "SELECT pg_cancel_backend(%s)", 503, True),
    "a statement that took too long": (timed_out, "", 503, True),
    "a connection lost": (asleep, "SELECT pg_terminate_backend(%s)", 503, False),
    "a transaction left idle": (left_idle, "", 503, False),
}
PLACES = {"before the withdrawal": "audit_claim", "in the withdrawal": "ledger_post", "after it": "audit_keep"}
IN_ONE_STATEMENT = [name for name in FAULTS if "took too long" not in name and "left idle" not in name]
"""What can befall a payment, which is one statement and leaves nothing idle."""


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("fault", FAULTS)
def test_after_a_fault_in_the_middle(estates: Estates, fault: str, place: str) -> None:
    broken(estates, fault, PLACES[place], estates.withdraw)


@pytest.mark.parametrize("fault", IN_ONE_STATEMENT)
def test_after_a_fault_in_a_payment(estates: Estates, fault: str) -> None:
    broken(estates, fault, "bills_pay_once", estates.pay)


def broken(estates: Estates, fault: str, word: str, ask: Callable[[], Any]) -> None:
    """The fault befalls the request at the statement with this word; the next one finds a clean connection, and works."""
    act, beside, status, same = FAULTS[fault]
    estates.bola.headers["Idempotency-Key"] = uuid4().hex
    with ExitStack() as stack:
        if beside:
            stack.enter_context(once_asleep(beside))
        stack.enter_context(at(word, act))
        assert ask().status_code == status
    estates.nothing_is_left(same=same)
    assert wallet_balance(estates.cast.bola) == "1000.00"
    assert ask().status_code == 201
    estates.nothing_is_left(same=same)


@pytest.mark.parametrize("lock", ["waited for", "given back"])
def test_a_pins_lock_whose_statement_was_cancelled(estates: Estates, lock: str) -> None:
    """Given in the very instant its wait was cancelled, or kept because giving it back was: nobody inherits it."""
    with_pin(estates.cast, estates.cast.bola)
    word = {"waited for": "pg_advisory_lock(", "given back": "pg_advisory_unlock"}[lock]

    def cancelled(go_on: Callable[..., Any], sql: str, values: Any) -> Any:
        if lock == "waited for":
            return go_on(f"{sql}, pg_sleep(20)", values)
        return go_on(SLEEP, None)

    with once_asleep("SELECT pg_cancel_backend(%s)"), at(word, cancelled):
        assert estates.pay(pin=PIN).status_code == 503
    estates.nothing_is_left(same=lock == "waited for")
    assert estates.pay(pin=PIN).status_code == 201


def test_a_connection_lost_between_two_requests(estates: Estates) -> None:
    """Whoever is given it hears that the database did not answer, and never what was another's."""
    with once_asleep("SELECT pg_terminate_backend(%s)"), at("bills_pay_once", asleep):
        estates.pay()
    answers = [estates.asked(estates.chidi.get(MY_BILLS + "my_bills/")) for _ in range(2)]
    assert [answer.status_code for answer in answers][-1] == 200
    assert answers[-1].json()["results"] == []
    estates.nothing_is_left(same=False)


def test_a_list_whose_reader_went_away(estates: Estates) -> None:
    answer = estates.ada.get(OFFICE + "transactions/", {"format": "csv"})
    assert next(iter(answer.streaming_content)).startswith(b"id,")
    answer.close()
    connection.close()
    estates.nothing_is_left()
