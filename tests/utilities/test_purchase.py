"""Buying a utility: held, sold or back; nothing unknown is released, and what is sold is paid once."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from functools import partial
from io import BytesIO
from typing import Any
from uuid import UUID

import httpx
import pytest
from django.db import connection
from pypdf import PdfReader

from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as books_of
from clustr.ledger.types import AccountKind
from clustr.notifications.types import NotificationEvents
from clustr.payments.models import Transaction
from clustr.payments.queries import due_attempts, transaction_visible_to
from clustr.payments.states import TransactionStatus
from clustr.payments.types import PaymentErrorType
from clustr.utilities.commands import (
    confirm_purchase,
    prepare_validation,
    sync_utility_providers,
    validate_utility_customer,
    vend_purchase,
)
from clustr.utilities.models import UtilityProvider
from clustr.utilities.refusals import PurchaseUnderWay, QuoteUsed
from clustr.utilities.types import PurchaseView, Wanted
from clustr.wallets.commands import provider_account
from clustr.web.templatetags.office import passed
from tests.cast import Cast
from tests.money import cluster_balance, fund, naira, wallet_balance
from tests.notifications.acts import told
from tests.races import race
from tests.settlement.test_holds import hold, release
from tests.utilities.counter import CABLE, GOTV, METER, POSTPAID, PREPAID, SMART_CARD, WATER, Counter, make_services

pytestmark = pytest.mark.usefixtures("books")
S = TransactionStatus


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")


def test_it_works(counter: Counter, cast: Cast) -> None:
    bought = counter.buy(cast.bola, "2000.00")
    assert (bought.status, bought.token, str(bought.total)) == (S.PENDING, "", "2100.00")
    assert (wallet_balance(cast.bola), counter.held(cast.bola)) == ("7900.00", "2100.00")
    sold = counter.vend(bought)
    assert (sold.status, sold.waits_for) == (S.COMPLETED, None)
    (vend,) = counter.vends()
    assert (sold.token, vend["amount"], vend["fee"]) == (vend["token"], 200_000, 10_000)
    assert (wallet_balance(cast.bola), counter.held(cast.bola)) == ("7900.00", "0.00")
    assert cluster_balance(cast.cluster_id) == "0.00", "what a member buys is not the estate's"
    bill = counter.bill(bought.bill_id)
    assert (bill.category, bill.amount_minor, bill.utility_provider_id) == (
        "user_managed",
        210_000,
        counter.provider().id,
    )
    assert bill.can_automate_payment()


@pytest.mark.parametrize(
    ("code", "number", "amount"),
    [(POSTPAID, "1234567890", "1500.00"), (CABLE, SMART_CARD, "1800.00"), (WATER, "WTR123456", "900.00")],
)
def test_what_needs_no_token_is_sold_by_the_utilitys_own_reference(
    counter: Counter, cast: Cast, code: str, number: str, amount: str
) -> None:
    bought = counter.vend(counter.buy(cast.bola, amount, number, code))
    assert bought.status is S.PROCESSING, "taken in is not sold"
    assert counter.ask(bought).status is S.COMPLETED
    assert counter.view(bought.id).token == ""


def test_units_and_tariff_are_kept_where_they_are_told(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__pending=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(seconds=31)
    sold = counter.ask(bought)
    assert (sold.status, sold.units, sold.tariff) == (S.COMPLETED, "29.4 kWh", "NGN 68.00 per kWh")


def test_units_that_are_told_when_asked_only_are_asked_for_once(counter: Counter, cast: Cast) -> None:
    """The answer to a purchase tells the token alone."""
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, bought.units, bought.tariff) == (S.COMPLETED, "", "")
    assert is_due(counter, bought, minutes=1)
    counter.wait(seconds=31)
    told = counter.ask(bought)
    assert (told.token, told.units, told.tariff) == (bought.token, "29.4 kWh", "NGN 68.00 per kWh")
    assert not is_due(counter, bought, minutes=60)
    assert is_due(counter, bought, minutes=25 * 60)


def test_who_never_tells_units_is_not_asked_for_them_again_and_again(counter: Counter, cast: Cast) -> None:
    bought = counter.vend(counter.buy(cast.bola))
    healthy = counter._answer

    def without_units(request: httpx.Request) -> httpx.Response:
        said = json.loads(b"".join(healthy(request).stream))  # type: ignore[arg-type]
        said["data"].pop("units", None)
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(said).encode()))

    counter._answer = without_units  # type: ignore[method-assign]
    counter.wait(seconds=31)
    assert counter.ask(bought).units == ""
    assert not is_due(counter, bought, minutes=60)


def is_due(counter: Counter, bought: PurchaseView, *, minutes: int) -> bool:
    """Whether the service is to be asked about it by then."""
    by = counter.now + timedelta(minutes=minutes)
    return bought.id in {place.transaction_id for place in due_attempts(now=by, limit=100_000)}


def test_a_definite_no_gives_it_back(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__refused=1)
    refused = counter.vend(counter.buy(cast.bola))
    assert (refused.status, wallet_balance(cast.bola), counter.held(cast.bola)) == (S.FAILED, "10000.00", "0.00")
    assert refused.failure is not None
    assert refused.failure["type"] == PaymentErrorType.VENDOR_UNAVAILABLE
    bill = counter.bill(refused.bill_id)
    assert bill.cancelled_at is not None, "nothing is owed for what was not sold"


def test_what_fails_later_gives_it_back(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__failed=1)
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, bought.waits_for) == (S.PROCESSING, PaymentErrorType.VENDOR_PENDING)
    assert counter.ask(bought).status is S.PROCESSING
    assert counter.held(cast.bola) == "2100.00"
    counter.wait(seconds=31)
    assert counter.ask(bought).status is S.FAILED
    assert wallet_balance(cast.bola) == "10000.00"


AFTER = (
    "timeout_after",
    "reset_after",
    "error_after",
    "slow_503_after",
    "html_after",
    "truncated_after",
    "empty_after",
)


@pytest.mark.parametrize("fault", AFTER)
def test_what_was_not_heard_is_held_and_the_same_token_comes_once(counter: Counter, cast: Cast, fault: str) -> None:
    counter.dial(**{f"bill__{fault}": 1})
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, counter.held(cast.bola)) == (S.UNKNOWN, "2100.00")
    counter.heal()
    sold = counter.ask(bought)
    (vend,) = counter.vends()
    assert (sold.status, sold.token) == (S.COMPLETED, vend["token"])
    for _ in range(3):
        assert counter.ask(bought) == sold
        assert counter.vend(bought) == sold
    assert len(counter.vends()) == 1
    assert wallet_balance(cast.bola) == "7900.00"


@pytest.mark.parametrize("fault", ["timeout_before", "reset_before", "error_before", "too_many"])
def test_what_never_arrived_is_sent_again_with_the_same_reference(counter: Counter, cast: Cast, fault: str) -> None:
    counter.dial(**{f"bill__{fault}": 1})
    bought = counter.vend(counter.buy(cast.bola))
    assert bought.status is S.UNKNOWN
    assert counter.vends() == []
    counter.heal()
    for _ in range(4):
        counter.wait(minutes=6)
        bought = counter.ask(bought)
    assert bought.status is S.COMPLETED
    assert len(counter.vends()) == 1


def test_nothing_is_sent_again_before_a_quarter_of_an_hour(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__timeout_before=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.heal()
    for _ in range(14):
        counter.wait(minutes=1)
        counter.ask(bought)
    assert counter.vends() == []


def test_a_service_that_cannot_be_reached_is_tried_again_at_once(counter: Counter, cast: Cast, offline: Any) -> None:
    bought = counter.buy(cast.bola)
    offline.on()
    tried = counter.vend(bought)
    assert (tried.status, tried.waits_for) == (S.PROCESSING, PaymentErrorType.VENDOR_UNAVAILABLE)
    assert counter.held(cast.bola) == "2100.00"
    offline.off()
    assert counter.ask(bought).status is S.COMPLETED


def test_and_is_given_up_after_half_an_hour(counter: Counter, cast: Cast, offline: Any) -> None:
    bought = counter.buy(cast.bola)
    offline.on()
    counter.vend(bought)
    for _ in range(5):
        counter.wait(minutes=5)
        assert counter.ask(bought).status is S.PROCESSING
    counter.wait(minutes=6)
    given_up = counter.ask(bought)
    assert (given_up.status, wallet_balance(cast.bola)) == (S.FAILED, "10000.00")
    offline.off()
    counter.wait(minutes=60)
    assert counter.ask(bought).status is S.FAILED
    assert counter.vends() == [], "what was given up is not sold later"


@pytest.mark.usefixtures("cover")
def test_what_the_service_does_not_hold_for_the_estate_waits_and_is_given_up(counter: Counter, cast: Cast) -> None:
    """Bola's wallet was filled with cash: the service would take it from its one balance, which is all estates'."""
    bought = counter.buy(cast.bola, "2000.00")
    waits = counter.vend(bought)
    assert (waits.status, waits.waits_for) == (S.PENDING, PaymentErrorType.VENDOR_UNAVAILABLE)
    assert [case.kind for case in counter.cases() if case.closed_at is None] == ["not_covered"]
    paid = counter.deposit(cast.efe, "4000.00", "flutterwave")
    counter.end(paid)
    counter.confirm(paid)
    assert counter.ask(bought).status is S.COMPLETED
    assert [case.closed_at is None for case in counter.cases()] == [False]
    second = counter.buy(cast.bola, "3000.00")
    counter.vend(second)
    counter.wait(minutes=31)
    assert (counter.ask(second).status, wallet_balance(cast.bola)) == (S.FAILED, "7900.00")
    assert all(case.closed_at for case in counter.cases())
    assert len(counter.vends()) == 1


def test_what_is_bought_waits_while_the_books_do_not_hold(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    bought = counter.buy(cast.bola, "2000.00")
    hold(cast.cluster_id)
    assert (counter.vend(bought).status, counter.vends()) == (S.PENDING, [])
    release(cast)
    assert counter.vend(bought).status is S.COMPLETED


@pytest.mark.usefixtures("cover")
def test_of_two_purchases_at_once_one_is_covered(counter: Counter, cast: Cast) -> None:
    paid = counter.deposit(cast.efe, "3000.00", "flutterwave")
    counter.end(paid)
    counter.confirm(paid)
    amounts = ("2000.00", "2001.00", "2002.00", "2003.00")
    purchases = [counter.buy(cast.bola, amount) for amount in amounts]

    def vend(id: UUID) -> Any:
        return lambda: vend_purchase(cluster_id=cast.cluster_id, purchase_id=id, now=counter.now)

    race([vend(purchase.id) for purchase in purchases]).only()
    assert len(counter.vends()) == 1


def test_a_late_token_is_waited_for(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__late_token=1)
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, bought.token) == (S.PROCESSING, "")
    waiting = counter.ask(bought)
    assert (waiting.status, waiting.waits_for, counter.held(cast.bola)) == (
        S.PROCESSING,
        PaymentErrorType.TOKEN_DELAYED,
        "2100.00",
    )
    counter.wait(seconds=61)
    (vend,) = counter.vends()
    assert counter.ask(bought).token == vend["token"]


def test_silence_for_days_holds_the_money_and_asks_a_person(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__timeout_after=1, verify__timeout_after=1)
    bought = counter.vend(counter.buy(cast.bola))
    for _ in range(5):
        counter.wait(days=2)
        assert counter.ask(bought).status is S.UNKNOWN
    assert counter.held(cast.bola) == "2100.00"
    assert [case.kind for case in counter.cases()] == ["unknown_too_long"]
    counter.heal()
    assert counter.ask(bought).status is S.COMPLETED


@pytest.mark.parametrize("dial", ["wrong_customer", "wrong_amount"])
def test_what_is_said_of_another_purchase_is_not_believed(counter: Counter, cast: Cast, dial: str) -> None:
    counter.dial(bill__timeout_after=1, **{f"bill__{dial}": 1})
    bought = counter.vend(counter.buy(cast.bola))
    doubted = counter.ask(bought)
    assert (doubted.status, doubted.token, counter.held(cast.bola)) == (S.UNKNOWN, "", "2100.00")
    assert [case.kind for case in counter.cases()] == ["does_not_match"]
    counter.heal()
    assert counter.ask(bought).status is S.COMPLETED


def test_another_fee_is_the_estates_and_a_person_hears_of_it(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__fee_differs=1)
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, wallet_balance(cast.bola)) == (S.COMPLETED, "7900.00"), "a member pays what was quoted"
    (case,) = counter.cases()
    assert (case.kind, case.facts["quoted"], case.facts["taken"]) == ("fee_differs", "100.00", "101.00")


def test_what_another_sells_in_paystacks_stead_is_booked_as_the_others(counter: Counter, cast: Cast) -> None:
    counter.services = make_services(counter, switch="flutterwave")
    try:
        sync_utility_providers(now=counter.now)
        listed = UtilityProvider.objects.get(provider_code=PREPAID, api_provider="paystack")
        asked = prepare_validation(actor=cast.bola.actor, provider_id=listed.id, customer_id=METER, now=counter.now)
        validate_utility_customer(actor=cast.bola.actor, validation_id=asked, now=counter.now)
        counter.dial(bill__pending=1)
        wanted = Wanted(amount=naira("2000.00"), provider_id=listed.id, customer_id=METER)
        bought = counter.vend(counter.confirm_quote(cast.bola, wanted))
        counter.wait(seconds=31)
        assert len(counter.hooks()) == 1, "who sells tells us where it is heard"
    finally:
        UtilityProvider.objects.filter(api_provider="paystack").update(is_active=False)
    assert counter.view(bought.id).status is S.COMPLETED
    with tenant(cast.cluster_id):
        assert Transaction.objects.get(cluster_id=cast.cluster_id, id=bought.id).provider == "flutterwave"
        clearing = [provider_account(provider=name, currency="NGN") for name in ("paystack", "flutterwave")]
        assert [str(books_of.balance(account_id=id, currency="NGN")) for id in clearing] == ["0.00", "2100.00"]


def test_what_is_taken_back_later_is_given_back_once(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__reversed=1, bill__fee_differs=1)
    bought = counter.vend(counter.buy(cast.bola))
    assert (bought.status, wallet_balance(cast.bola)) == (S.COMPLETED, "7900.00")
    counter.wait(days=1)
    look = partial(confirm_purchase, cluster_id=cast.cluster_id, purchase_id=bought.id, now=counter.now)
    race([look] * 4).only()
    assert wallet_balance(cast.bola) == "10000.00"
    back = counter.view(bought.id)
    assert (back.status, back.token) == (S.REFUNDED, ""), "what was given back is not to be used"
    assert counter.bill(bought.bill_id).cancelled_at is not None, "nothing is owed for it"
    with tenant(cast.cluster_id):
        (refund,) = Transaction.objects.filter(cluster_id=cast.cluster_id, subject_id=bought.id, purpose="refund")
        outside = [provider_account(provider="flutterwave", currency="NGN")]
        outside += [ledger.open_account(kind=AccountKind.PROVIDER_FEES, currency="NGN")]
        assert [str(books_of.balance(account_id=id, currency="NGN")) for id in outside] == ["0.00", "0.00"]
        came_back = passed(transaction_visible_to(actor=cast.ada.actor, transaction_id=refund.id))
    assert (refund.status, refund.amount_minor, refund.provider) == (S.COMPLETED, 210_000, "flutterwave")
    assert ">+" in came_back, "the office sees that it came in"
    assert sorted(case.kind for case in counter.cases()) == ["fee_differs", "vend_reversed"]
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_REFUNDED)
    assert "took back what it had delivered" in notice.body
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold"})
    assert (counter.ask(bought).status, wallet_balance(cast.bola)) == (S.REFUNDED, "10000.00"), "and not paid again"


def test_that_it_failed_after_it_was_sold_is_for_a_person(counter: Counter, cast: Cast) -> None:
    bought = counter.vend(counter.buy(cast.bola))
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "failed"})
    assert (counter.ask(bought).status, wallet_balance(cast.bola)) == (S.COMPLETED, "7900.00")
    assert [case.kind for case in counter.cases()] == ["vend_reversed"]
    assert counter.view(bought.id).token == bought.token


def test_what_was_decided_late_is_looked_at_as_long(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__timeout_after=1, verify__timeout_after=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(days=8)
    counter.heal()
    assert counter.ask(bought).status is S.COMPLETED
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "reversed"})
    counter.wait(days=6)
    assert counter.sweep() == 1
    assert counter.view(bought.id).status is S.REFUNDED
    counter.wait(days=8)
    counter.sweep()
    counter.wait(days=2)
    assert counter.sweep() == 0, "and no longer"


def test_a_token_that_comes_after_delivery_reaches_its_buyer(counter: Counter, cast: Cast) -> None:
    """The catalogue did not say that there would be one."""
    bought = counter.ask(counter.vend(counter.buy(cast.bola, "2000.00", "1234567890", POSTPAID)))
    assert (bought.status, bought.token) == (S.COMPLETED, "")
    (vend,) = counter.vends()
    token = "1111-2222-3333-4444-5555"
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": token})
    for _ in range(2):
        assert counter.ask(bought).token == token
    assert (counter.cases(), wallet_balance(cast.bola)) == ([], "7900.00")
    titles = [notice.title.partition(":")[0] for notice in told(cast.bola, NotificationEvents.UTILITY_DELIVERED)]
    assert sorted(titles) == ["Delivered", "Your token is ready"]


@pytest.fixture
def unnamed(counter: Counter) -> Iterator[str]:
    """Electricity that is called neither prepaid nor postpaid."""
    row = UtilityProvider.objects.filter(id=counter.provider(POSTPAID).id)
    name = row.get().name
    row.update(name="Eko Electric EKEDC TOPUP")
    yield POSTPAID
    row.update(name=name)


def test_a_token_that_the_catalogue_does_not_speak_of_is_asked_for_soon(
    counter: Counter, cast: Cast, unnamed: str
) -> None:
    bought = counter.ask(counter.vend(counter.buy(cast.bola, "2000.00", "1234567890", unnamed)))
    assert (bought.status, bought.token) == (S.COMPLETED, "")
    (vend,) = counter.vends()
    token = "1111-2222-3333-4444-5555"
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": token})
    counter.wait(minutes=1)
    assert counter.sweep() == 1
    assert counter.view(bought.id).token == token
    counter.wait(hours=23)
    assert counter.sweep() == 0, "with its token it is only watched"


def test_a_token_that_never_comes_is_asked_for_daily_in_the_end(counter: Counter, cast: Cast, unnamed: str) -> None:
    bought = counter.vend(counter.buy(cast.bola, "2000.00", "1234567890", unnamed))
    asked = []
    for hour in range(72):
        counter.wait(hours=1)
        asked += [hour] * counter.sweep()
    assert counter.view(bought.id).status is S.COMPLETED
    assert [len([hour for hour in asked if hour // 24 == day]) for day in range(3)] == [24, 1, 1]


def test_a_token_of_another_purchase_is_none(counter: Counter, cast: Cast) -> None:
    """The same token a second time, also to a neighbour who buys for the same meter: it was used."""
    first = counter.vend(counter.buy(cast.bola))
    counter.dial(bill__pending=1)
    neighbour = cast.palm_grove["Resident 2"]
    fund(cast, neighbour, "10000.00")
    second = counter.vend(counter.buy(neighbour, "1000.00"))
    vend = counter.vends()[-1]
    kept = vend["token"]
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": first.token})
    waits = counter.ask(second)
    assert (waits.status, waits.token, waits.waits_for) == (S.PROCESSING, "", PaymentErrorType.TOKEN_DELAYED)
    assert counter.held(neighbour) == "1100.00"
    assert [case.facts["wrong"] for case in counter.cases()] == [["token_of_another_purchase"]]
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": kept})
    assert counter.ask(second).token == kept


def test_a_token_of_another_purchase_does_not_come_late_either(counter: Counter, cast: Cast) -> None:
    """Where the catalogue names no token, it is sold without; and the next look does not hand the used one out."""
    token = "1111-2222-3333-4444-5555"
    for amount in ("2000.00", "1000.00"):
        bought = counter.ask(counter.vend(counter.buy(cast.bola, amount, "1234567890", POSTPAID)))
        counter._control("POST", f"/vend/{counter.vends()[-1]['id']}", {"status": "sold", "token": token})
        seen = [counter.ask(bought).token for _ in range(2)]
    assert (bought.status, seen) == (S.COMPLETED, ["", ""])
    (case,) = counter.cases()
    assert (case.transaction_id, case.facts["wrong"]) == (bought.id, ["token_of_another_purchase"])
    healthy = counter._answer

    def with_units(request: httpx.Request) -> httpx.Response:
        said = json.loads(b"".join(healthy(request).stream))  # type: ignore[arg-type]
        said["data"]["units"] = "29.4 kWh"
        return httpx.Response(200, stream=httpx.ByteStream(json.dumps(said).encode()))

    counter._answer = with_units  # type: ignore[method-assign]
    assert counter.ask(bought).units == "", "they are told of the purchase that the token is of"


def test_another_token_for_the_same_purchase_is_a_case(counter: Counter, cast: Cast) -> None:
    bought = counter.vend(counter.buy(cast.bola))
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": "1111-2222-3333-4444-5555"})
    assert counter.ask(bought).token == bought.token
    assert [case.kind for case in counter.cases()] == ["does_not_match"]


def test_sold_after_it_was_refused_is_a_case(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__failed=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(seconds=31)
    assert counter.ask(bought).status is S.FAILED
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold"})
    assert counter.ask(bought).status is S.FAILED
    assert [case.kind for case in counter.cases()] == ["does_not_match"]
    assert wallet_balance(cast.bola) == "10000.00"


@pytest.mark.parametrize("said", ["", "Not now"], ids=["as known", "in other words"])
def test_a_refused_repeat_gives_nothing_back(counter: Counter, cast: Cast, said: str) -> None:
    """Sent twice because the first was not found; the second is refused, since the first had been heard."""
    counter.dial(bill__timeout_after=1, verify__missing_seconds=3_000)
    bought = counter.vend(counter.buy(cast.bola))
    counter.dial(bill__timeout_after=0)
    if said:
        counter.refuse_purchases(said)
    for _ in range(4):
        counter.wait(minutes=6)
        bought = counter.ask(bought)
    assert (bought.status, counter.held(cast.bola), len(counter.vends())) == (S.UNKNOWN, "2100.00", 1)
    counter.wait(hours=1)
    assert counter.ask(bought).status is S.COMPLETED


def test_a_refusal_heard_after_it_was_sent_again_gives_nothing_back(counter: Counter, cast: Cast) -> None:
    """Whoever was to send it slept before they did; it was sent again, and taken in; then they send it too, and are refused."""
    bought = counter.buy(cast.bola)
    healthy = counter._answer

    def awake_late(request: httpx.Request) -> httpx.Response:
        counter._answer = healthy  # type: ignore[method-assign]
        counter.dial(bill__pending=1)
        while not counter.vends():
            counter.wait(minutes=6)
            counter.ask(bought)
        body = {"status": "error", "message": "Not now", "data": None}
        return httpx.Response(400, stream=httpx.ByteStream(json.dumps(body).encode()))

    counter._answer = awake_late  # type: ignore[method-assign]
    bought = counter.vend(bought)
    assert (bought.status, counter.held(cast.bola)) == (S.UNKNOWN, "2100.00")
    (vend,) = counter.vends()
    counter._control("POST", f"/vend/{vend['id']}", {"status": "sold"})
    counter.wait(minutes=1)
    assert counter.ask(bought).status is S.COMPLETED
    assert counter.cases() == []


def test_a_webhook_tells_that_it_was_sold(counter: Counter, cast: Cast) -> None:
    counter.dial(bill__pending=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(seconds=31)
    told = counter.hooks()
    assert [delivery.event for delivery in told] == ["singlebillpayment.status"]
    assert counter.view(bought.id).status is S.COMPLETED


def test_the_same_is_not_bought_twice_while_the_first_is_not_decided(counter: Counter, cast: Cast) -> None:
    first = counter.buy(cast.bola)
    with pytest.raises(PurchaseUnderWay):
        counter.confirm_quote(cast.bola, counter.wanted())
    counter.confirm_quote(cast.bola, counter.wanted("1000.00"))
    counter.vend(first)
    counter.confirm_quote(cast.bola, counter.wanted())


def test_a_quote_is_bought_once(counter: Counter, cast: Cast) -> None:
    from clustr.utilities import commands

    counter.validate(cast.bola)
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    counter.confirm_quote(cast.bola, counter.wanted(quote_id=quote.id))
    with pytest.raises(QuoteUsed):
        counter.confirm_quote(cast.bola, counter.wanted(quote_id=quote.id))


def test_consent_is_to_what_was_quoted(counter: Counter, cast: Cast) -> None:
    from clustr.bills.models import Acknowledgment
    from clustr.utilities import commands

    counter.validate(cast.bola)
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    bought = counter.confirm_quote(cast.bola, counter.wanted(quote_id=quote.id))
    with tenant(cast.cluster_id):
        consent = Acknowledgment.objects.get(cluster_id=cast.cluster_id, bill_id=bought.bill_id)
    assert bytes(consent.terms_digest).hex() == quote.terms_digest
    assert consent.user_id == cast.bola.user_id


def test_a_wallet_too_small_buys_nothing(counter: Counter, cast: Cast) -> None:
    from clustr.ledger.refusals import InsufficientFunds

    counter.validate(cast.bola)
    with pytest.raises(InsufficientFunds):
        counter.confirm_quote(cast.bola, counter.wanted("9950.00"))
    with tenant(cast.cluster_id):
        from clustr.bills.models import Bill

        assert not Bill.objects.filter(cluster_id=cast.cluster_id, category="user_managed").exists()


def test_a_fixed_price_is_the_only_one(counter: Counter, cast: Cast) -> None:
    from clustr.utilities.refusals import AmountOutOfRange

    counter.validate(cast.bola, "1234567890", GOTV)
    for amount in ("8499.99", "8500.01"):
        with pytest.raises(AmountOutOfRange):
            counter.confirm_quote(cast.bola, counter.wanted(amount, "1234567890", GOTV))
    counter.confirm_quote(cast.bola, counter.wanted("8500.00", "1234567890", GOTV))


def test_bounds_are_the_utilitys(counter: Counter, cast: Cast) -> None:
    from clustr.utilities.refusals import AmountOutOfRange

    counter.validate(cast.bola)
    for amount in ("499.99", "500000.01"):
        with pytest.raises(AmountOutOfRange):
            counter.confirm_quote(cast.bola, counter.wanted(amount))
    assert counter.confirm_quote(cast.bola, counter.wanted("500.00")).amount == naira("500.00")
    assert PREPAID


def test_what_the_member_is_told_holds_neither_number_nor_token(counter: Counter, cast: Cast) -> None:
    sold = counter.vend(counter.buy(cast.bola))
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_DELIVERED)
    text = f"{notice.title} {notice.body}"
    assert "₦2,100.00" in text
    assert "5678" in text
    assert sold.token not in text
    assert "04512345678" not in text


def test_the_token_is_mailed_once_more_on_demand(counter: Counter, cast: Cast, mailoutbox: Any) -> None:
    from clustr.utilities import commands
    from clustr.utilities.refusals import TokenNotReady

    bought = counter.buy(cast.bola)
    with pytest.raises(TokenNotReady):
        commands.resend_token(actor=cast.bola.actor, purchase_id=bought.id, now=counter.now)
    sold = counter.vend(bought)
    commands.resend_token(actor=cast.bola.actor, purchase_id=bought.id, now=counter.now)
    commands.send_token(cluster_id=cast.cluster_id, purchase_id=bought.id)
    assert [mail.to for mail in mailoutbox] == [[cast.bola.email]]
    assert sold.token in mailoutbox[0].body


def test_the_buyers_receipt_is_theirs_alone(counter: Counter, cast: Cast) -> None:
    from clustr.settlement.commands import issue_receipt
    from clustr.settlement.models import Receipt

    sold = counter.vend(counter.buy(cast.bola))
    theirs = issue_receipt(actor=cast.bola.actor, transaction_id=sold.id, now=counter.now)
    offices = issue_receipt(actor=cast.ada.actor, transaction_id=sold.id, now=counter.now)
    assert theirs == issue_receipt(actor=cast.bola.actor, transaction_id=sold.id, now=counter.now)
    assert theirs != offices
    with tenant(cast.cluster_id):
        kept = Receipt.objects.get(cluster_id=cast.cluster_id, id=sold.id)
    assert bytes(kept.pdf) == offices, "what is kept holds no token"
    words = " ".join(PdfReader(BytesIO(theirs)).pages[0].extract_text().split())
    assert "Paid by Wallet" in words
    assert "Sold through Flutterwave" in words


def test_the_office_is_not_told_of_it(counter: Counter, cast: Cast) -> None:
    """Neither that the member consented, nor, which would be false, that the cluster's wallet was credited."""
    bought = counter.vend(counter.buy(cast.bola))
    assert bought.status is S.COMPLETED
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM notifications_event WHERE cluster_id = %s AND office_event IS NOT NULL"
            " AND subject_id IN (%s, %s)",
            [cast.cluster_id, bought.id, bought.bill_id],
        )
        assert cursor.fetchone()[0] == 0
