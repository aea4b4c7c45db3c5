"""What members do at once over HTTP: pay, dispute, withdraw, repeat themselves, guess PINs. Exact counts, books proved."""

from __future__ import annotations

import re
from typing import Any
from uuid import uuid4

import pytest

from clustr.bills.models import BillPayment
from clustr.kit.tenancy import tenant
from clustr.people.models import Mail
from clustr.wallets import commands as wallets
from clustr.wallets.models import Pin
from tests.cast import Cast, Person
from tests.http_races.conftest import BURST, Door
from tests.http_races.release import said
from tests.money import acknowledge, cluster_balance, fund, issue, naira, wallet_balance
from tests.races import CROWD
from tests.web.asking import MY_BILLS, MY_WALLET, PIN

pytestmark = pytest.mark.usefixtures("books")

PAY = f"{MY_BILLS}pay_bill/"
BANK = {"bank_code": "058", "account_number": "0123456789", "account_name": "Bola"}
PINS = [f"{2057 * number % 1000:03}{819 - number}" for number in range(1, CROWD + 1)]


def payable(cast: Cast, person: Person, amount: str) -> str:
    """A bill to this person, acknowledged; answers its id."""
    bill = issue(cast, amount, to=person)
    acknowledge(cast, person, bill)
    return str(bill.id)


def paid(cast: Cast) -> list[int]:
    """Every movement on a bill of Palm Grove, in minor units."""
    with tenant(cast.cluster_id):
        return list(BillPayment.objects.order_by("at", "id").values_list("amount_minor", flat=True))


def test_a_wallet_is_not_overspent_by_many_bills(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "50.00")
    asked = [door.post(cast.bola, PAY, {"bill_id": payable(cast, cast.bola, "10.00")}) for _ in range(CROWD)]
    assert said(door.let_go(asked)) == {"201": 5, "insufficient_funds": CROWD - 5}
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("0.00", "50.00")
    assert paid(cast) == [1000] * 5


def test_a_bill_is_paid_once(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    bill = payable(cast, cast.bola, "10.00")
    answers = door.let_go([door.post(cast.bola, PAY, {"bill_id": bill}) for _ in range(CROWD)])
    assert said(answers) == {"201": 1, "bill_already_paid": CROWD - 1}
    assert (wallet_balance(cast.bola), paid(cast)) == ("990.00", [1000])


def test_parts_never_exceed_what_remains(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    part = {"bill_id": payable(cast, cast.bola, "100.00"), "amount": "30.00"}
    answers = door.let_go([door.post(cast.bola, PAY, part) for _ in range(CROWD)])
    assert said(answers) == {"201": 3, "amount_exceeds_remaining": CROWD - 3}
    assert (wallet_balance(cast.bola), paid(cast)) == ("910.00", [3000] * 3)


def test_one_key_pays_once(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    part = {"bill_id": payable(cast, cast.bola, "500.00"), "amount": "20.00"}
    key = str(uuid4())
    answers = door.let_go([door.post(cast.bola, PAY, part, key=key) for _ in range(CROWD)])
    assert said(answers).keys() <= {"201", "request_in_progress"}
    told = [answer for answer in answers if answer.said == "201"]
    assert sum(not answer.replayed for answer in told) == 1
    assert len({answer.content for answer in told}) == 1
    assert (wallet_balance(cast.bola), paid(cast)) == ("980.00", [2000])
    repeat = door.ask(door.post(cast.bola, PAY, part, key=key))
    assert (repeat.replayed, repeat.content) == (True, told[0].content)


def test_one_key_for_two_payments_pays_one(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    bill, key = payable(cast, cast.bola, "500.00"), str(uuid4())
    bodies = [{"bill_id": bill, "amount": amount} for amount in ("20.00", "30.00")]
    answers = door.let_go([door.post(cast.bola, PAY, bodies[turn % 2], key=key) for turn in range(CROWD)])
    assert said(answers).keys() <= {"201", "request_in_progress", "idempotency_key_reused"}
    (first,) = [turn for turn, answer in enumerate(answers) if answer.said == "201" and not answer.replayed]
    assert {answer.status for answer in answers[(first + 1) % 2 :: 2]} <= {409, 422}
    assert paid(cast) == [(2000, 3000)[first % 2]]
    other = door.ask(door.post(cast.bola, PAY, bodies[(first + 1) % 2], key=key))
    assert (other.status, other.said) == (422, "idempotency_key_reused")
    assert paid(cast) == [(2000, 3000)[first % 2]]


def test_a_bill_is_paid_or_disputed(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    bill = payable(cast, cast.bola, "10.00")
    acts = [(PAY, {"bill_id": bill}), (f"{MY_BILLS}dispute_bill/", {"bill_id": bill, "reason": "Not mine."})]
    answers = door.let_go([door.post(cast.bola, *acts[turn % 2]) for turn in range(CROWD)])
    payments, disputes = said(answers[0::2]), said(answers[1::2])
    half = CROWD // 2
    assert (payments, disputes) in [
        ({"201": 1, "bill_already_paid": half - 1}, {"bill_already_paid": half}),
        ({"bill_disputed": half}, {"200": 1, "already_disputed": half - 1}),
    ]
    assert len(paid(cast)) == payments.get("201", 0)


def test_withdrawals_never_exceed_the_wallet(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "50.00")
    sent = {"amount": "10.00", "destination": BANK}
    answers = door.let_go([door.post(cast.bola, f"{MY_WALLET}withdraw/", sent) for _ in range(CROWD)])
    assert said(answers) == {"201": 5, "insufficient_funds": CROWD - 5}
    assert wallet_balance(cast.bola) == "0.00"


def test_a_wallet_is_spent_once_by_payments_and_withdrawals(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "50.00")
    bill = payable(cast, cast.bola, "1000.00")
    acts: list[tuple[str, Any]] = [
        (PAY, {"bill_id": bill, "amount": "10.00"}),
        (f"{MY_WALLET}withdraw/", {"amount": "10.00", "destination": BANK}),
    ]
    answers = door.let_go([door.post(cast.bola, *acts[turn % 2]) for turn in range(CROWD)])
    assert said(answers) == {"201": 5, "insufficient_funds": CROWD - 5}
    assert wallet_balance(cast.bola) == "0.00"


def test_nothing_leaves_a_wallet_after_it_was_frozen(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    part = {"bill_id": payable(cast, cast.bola, "1000.00"), "amount": "10.00"}
    asked = [door.post(cast.bola, PAY, part) for _ in range(CROWD - 1)]
    asked.insert(3, door.post(cast.bola, f"{MY_WALLET}freeze/"))
    answers = door.let_go(asked)
    frozen = answers.pop(3)
    assert (frozen.status, frozen.json()["is_frozen"]) == (200, True)
    through = said(answers).get("201", 0)
    assert said(answers).keys() <= {"201", "account_frozen"}
    assert paid(cast) == [1000] * through
    assert wallet_balance(cast.bola) == f"{1000 - 10 * through}.00"
    assert door.ask(door.post(cast.bola, PAY, part)).said == "account_frozen"


def test_twenty_wrong_pins_are_five_attempts(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    bill = payable(cast, cast.bola, "10.00")
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=cast.now)
    wrong = [pin for pin in PINS if pin != PIN]
    answers = door.let_go([door.post(cast.bola, PAY, {"bill_id": bill, "pin": pin}) for pin in wrong])
    assert said(answers) == {"pin_incorrect": 5, "pin_locked": CROWD - 5}
    with tenant(cast.cluster_id):
        assert Pin.objects.get(user_id=cast.bola.user_id).failed_attempts == 5
    assert door.ask(door.post(cast.bola, PAY, {"bill_id": bill, "pin": PIN})).said == "pin_locked"
    assert paid(cast) == []


def test_the_right_pin_among_wrong_ones_opens_nothing_more(cast: Cast, door: Door) -> None:
    """At most five wrong ones in a row are judged: before the right one, and after it."""
    fund(cast, cast.bola, "1000.00")
    bill = payable(cast, cast.bola, "10.00")
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=cast.now)
    tried = [*PINS[:9], PIN, *PINS[9:19]]
    told = said(door.let_go([door.post(cast.bola, PAY, {"bill_id": bill, "pin": pin}) for pin in tried]))
    assert told.keys() <= {"201", "pin_incorrect", "pin_locked"}
    assert told["pin_incorrect"] <= (9 if "201" in told else 5)
    assert told["pin_locked"] >= CROWD - 10
    assert len(paid(cast)) == told.get("201", 0)


def test_twenty_first_pins_set_one(cast: Cast, door: Door) -> None:
    answers = door.let_go([door.post(cast.bola, f"{MY_WALLET}set_pin/", {"pin": pin}) for pin in PINS])
    assert said(answers) == {"200": 1, "old_pin_required": CROWD - 1}
    (won,) = [pin for pin, answer in zip(PINS, answers, strict=True) if answer.status == 200]
    assert wallets.authorize_spend(actor=cast.bola.actor, pin=won, now=cast.now).pin_checked


def test_a_code_resets_the_pin_once(cast: Cast, door: Door) -> None:
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=cast.now)
    wallets.request_pin_reset(actor=cast.bola.actor, signed_in_at=cast.now, now=cast.now)
    mail = Mail.objects.filter(user_id=cast.bola.user_id).latest("created_at")
    (code,) = re.findall(r"^\d{8}$", mail.body, re.MULTILINE)
    asked = [door.post(cast.bola, f"{MY_WALLET}reset_pin/", {"code": code, "pin": pin}) for pin in PINS]
    answers = door.let_go(asked)
    assert said(answers) == {"200": 1, "reset_code_invalid": CROWD - 1}
    (won,) = [pin for pin, answer in zip(PINS, answers, strict=True) if answer.status == 200]
    assert wallets.authorize_spend(actor=cast.bola.actor, pin=won, now=cast.now).pin_checked


def test_a_burst_is_exactly_as_large_as_allowed(cast: Cast, door: Door) -> None:
    fund(cast, cast.bola, "1000.00")
    part = {"bill_id": payable(cast, cast.bola, "1000.00"), "amount": "1.00"}
    answers = door.let_go([door.post(cast.bola, PAY, part) for _ in range(BURST + CROWD)])
    assert said(answers) == {"201": BURST, "too_many_requests": CROWD}
    assert paid(cast) == [100] * BURST
    assert naira(wallet_balance(cast.bola)) == naira(f"{1000 - BURST}.00")
