"""A saved card is charged: once, only its owner's, and what became of it is found out as of every payment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

import httpx
import pytest

from clustr.bills.models import Bill
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import SavedMethod
from clustr.payments.queries import my_methods
from clustr.payments.refusals import PaymentMethodNotFound
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType
from clustr.settlement import commands
from clustr.settlement.refusals import PaymentUnderWay
from clustr.settlement.types import Checkout, Prepared, RequestKey, SavedCard
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PinRequired
from tests.bills import acts
from tests.cast import Cast, Person
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.races import race
from tests.settlement.stage import PROVIDERS, Stage

pytestmark = pytest.mark.usefixtures("books")


def saved(stage: Stage, provider: str = "paystack") -> UUID:
    """A card of Bola's that paid NGN 100.00 once."""
    checkout = stage.deposit(stage.cast.bola, "100.00", provider, save_card=True)
    stage.end(checkout)
    stage.confirm(checkout)
    with tenant(stage.cast.cluster_id):
        return SavedMethod.objects.get(user_id=stage.cast.bola.user_id, provider=provider).id


def prepare(stage: Stage, card: UUID, person: Person | None = None, **more: Any) -> Prepared:
    payer = person or stage.cast.bola
    return commands.prepare_deposit(
        actor=payer.actor,
        amount=naira("900.00"),
        provider=more.get("provider", "paystack"),
        callback_url="",
        request=more.get("request"),
        card=SavedCard(card, no_pin(payer)),
        now=stage.now,
    )


def charge(stage: Stage, card: UUID, person: Person | None = None, **more: Any) -> Checkout:
    prepared = prepare(stage, card, person, **more)
    return commands.open_checkout(actor=(person or stage.cast.bola).actor, prepared=prepared, now=stage.now)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = charge(stage, saved(stage, provider), provider=provider)
    assert (checkout.transaction.status, checkout.payment_url) == ("completed", "")
    assert wallet_balance(cast.bola) == "1000.00"
    stage.hooks()
    stage.confirm(checkout)
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_bill(stage: Stage, cast: Cast, provider: str) -> None:
    card, bill = saved(stage, provider), issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    prepared = commands.prepare_bill_payment(
        actor=cast.bola.actor,
        bill_id=bill.id,
        amount=None,
        provider=provider,
        callback_url="",
        request=None,
        card=SavedCard(card, no_pin(cast.bola)),
        now=stage.now,
    )
    checkout = commands.open_checkout(actor=cast.bola.actor, prepared=prepared, now=stage.now)
    assert checkout.transaction.status == "completed"
    assert cluster_balance(cast.cluster_id) == "5000.00"


def kept(cast: Cast) -> list[str]:
    with tenant(cast.cluster_id):
        return sorted(card.provider for card in my_methods(actor=cast.bola.actor))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_no_card_is_kept_unless_it_is_asked_for(stage: Stage, cast: Cast, provider: str) -> None:
    """Bola sends the page's address to a friend, who pays: the friend's card is nobody's to charge."""
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    for checkout in (
        stage.deposit(cast.bola, provider=provider),
        stage.pay_bill(cast.bola, bill.id, "100.00", provider),
    ):
        stage.end(checkout)
        assert stage.confirm(checkout).status == "completed"
    stage.hooks()
    assert kept(cast) == []
    checkout = stage.pay_bill(cast.bola, bill.id, "200.00", provider, save_card=True)
    stage.end(checkout)
    stage.confirm(checkout)
    assert kept(cast) == [provider]


def test_one_that_was_removed_while_it_was_charged_is_not_kept_again(stage: Stage, cast: Cast) -> None:
    card = saved(stage)
    stage.dial(charge__pending=1.0)
    checkout = charge(stage, card)
    payments.remove_method(actor=cast.bola.actor, method_id=card, now=stage.now)
    stage.wait(minutes=10)
    assert stage.confirm(checkout).status == "completed"
    assert kept(cast) == []


def test_another_try_of_a_failed_payment_keeps_no_card(stage: Stage, cast: Cast) -> None:
    first = stage.deposit(cast.bola, save_card=True)
    stage.end(first, "declined")
    assert stage.confirm(first).status == "failed"
    again = commands.prepare_retry(actor=cast.bola.actor, transaction_id=first.transaction.id, now=stage.now)
    checkout = commands.open_checkout(actor=cast.bola.actor, prepared=again, now=stage.now)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    assert kept(cast) == []


MEANWHILE: dict[str, Callable[[Cast, Bill], object]] = {
    "paid": lambda cast, bill: acts.pay(cast, cast.bola, bill),
    "paid in part": lambda cast, bill: acts.pay(cast, cast.bola, bill, "10.00"),
    "changed": lambda cast, bill: acts.edit(cast, bill, amount=naira("6000.00")),
    "cancelled": lambda cast, bill: acts.cancel(cast, bill),
    "disputed": lambda cast, bill: acts.dispute(cast, cast.bola, bill),
}


@pytest.mark.parametrize("meanwhile", MEANWHILE)
def test_a_bill_that_takes_no_payment_any_more_is_not_charged_for(stage: Stage, cast: Cast, meanwhile: str) -> None:
    """The process died between the request and the charge; before the worker finds it, the bill is another."""
    card, bill = saved(stage), issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    prepared = commands.prepare_bill_payment(
        actor=cast.bola.actor,
        bill_id=bill.id,
        amount=None,
        provider="paystack",
        callback_url="",
        request=None,
        card=SavedCard(card, no_pin(cast.bola)),
        now=stage.now,
    )
    fund(cast, cast.bola, "5000.00")
    MEANWHILE[meanwhile](cast, bill)
    held = wallet_balance(cast.bola)
    stage.wait(minutes=11)
    commands.charge_saved_card(cluster_id=cast.cluster_id, transaction_id=prepared.transaction.id, now=stage.now)
    stage.sweep()
    assert stage.transaction(prepared.transaction.id).status == "cancelled"
    assert wallet_balance(cast.bola) == held


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_decline_says_why(stage: Stage, cast: Cast, provider: str) -> None:
    card = saved(stage, provider)
    stage.dial(charge__decline=1.0)
    checkout = charge(stage, card, provider=provider)
    assert checkout.transaction.status == "failed"
    assert checkout.transaction.failure is not None
    assert checkout.transaction.failure["type"] in (
        *("INSUFFICIENT_FUNDS", "EXPIRED_CARD", "DECLINED_CARD", "NETWORK_ERROR"),
    )
    assert checkout.transaction.failure["recovery_options"]
    assert wallet_balance(cast.bola) == "100.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_card_that_needs_its_owner_hands_over_the_page(stage: Stage, provider: str) -> None:
    card = saved(stage, provider)
    stage.dial(charge__challenge=1.0)
    checkout = charge(stage, card, provider=provider)
    assert checkout.transaction.status == "processing"
    assert checkout.payment_url.startswith("http")
    stage.heal()
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_pending_at_the_provider_is_found_out(stage: Stage, cast: Cast, provider: str) -> None:
    card = saved(stage, provider)
    stage.dial(charge__pending=1.0)
    checkout = charge(stage, card, provider=provider)
    assert checkout.transaction.status == "processing"
    stage.wait(minutes=10)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "error_after", "html_after", "slow_503_after"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_charge_that_was_not_heard_is_not_made_twice(stage: Stage, cast: Cast, provider: str, fault: str) -> None:
    card, request = saved(stage, provider), RequestKey(new_id(), b"input")
    stage.dial(**{f"charge__{fault}": 1.0})
    assert charge(stage, card, provider=provider, request=request).transaction.status == "unknown"
    stage.heal()
    assert charge(stage, card, provider=provider, request=request).transaction.status == "unknown"
    stage.wait(minutes=10)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("fault", ["timeout_before", "reset_before"])
def test_one_that_never_got_there_fails_in_the_end(stage: Stage, cast: Cast, fault: str) -> None:
    card = saved(stage)
    stage.dial(**{f"charge__{fault}": 1.0})
    checkout = charge(stage, card)
    stage.heal()
    for _ in range(6):
        stage.wait(minutes=10)
        stage.sweep()
    assert stage.transaction(checkout.transaction.id).status == "failed"
    assert wallet_balance(cast.bola) == "100.00"


def test_what_was_recorded_and_not_charged_is_charged_by_the_sweep(stage: Stage, cast: Cast) -> None:
    prepare(stage, saved(stage))
    stage.wait(minutes=1)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


def test_of_twenty_who_charge_one_does(stage: Stage, cast: Cast) -> None:
    prepared, asked, healthy = prepare(stage, saved(stage)), [], stage._answer

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.path)
        return healthy(request)

    stage._answer = answer  # type: ignore[method-assign]
    race(lambda: commands.open_checkout(actor=cast.bola.actor, prepared=prepared, now=stage.now)).only()
    assert [path for path in asked if path.endswith("/charge_authorization")] == [
        "/paystack/transaction/charge_authorization"
    ]
    stage.confirm(prepared.transaction.id)
    assert wallet_balance(cast.bola) == "1000.00"
    assert len(stage.settlements()) == 2


def test_a_bill_is_not_paid_beside_a_charge_that_is_not_decided(stage: Stage, cast: Cast) -> None:
    card, bill = saved(stage), issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    stage.dial(charge__pending=1.0)
    prepared = commands.prepare_bill_payment(
        actor=cast.bola.actor,
        bill_id=bill.id,
        amount=None,
        provider="paystack",
        callback_url="",
        request=None,
        card=SavedCard(card, no_pin(cast.bola)),
        now=stage.now,
    )
    commands.open_checkout(actor=cast.bola.actor, prepared=prepared, now=stage.now)
    with pytest.raises(PaymentUnderWay):
        stage.pay_bill(cast.bola, bill.id, provider="flutterwave")


def test_not_a_strangers_card_nor_another_providers_nor_one_that_was_removed(stage: Stage, cast: Cast) -> None:
    card = saved(stage)
    with pytest.raises(PaymentMethodNotFound):
        charge(stage, card, cast.residents[1] if cast.residents[1] is not cast.bola else cast.residents[0])
    with pytest.raises(PaymentMethodNotFound):
        charge(stage, card, provider="flutterwave")
    prepared = prepare(stage, card)
    payments.remove_method(actor=cast.bola.actor, method_id=card, now=stage.now)
    with pytest.raises(PaymentMethodNotFound):
        charge(stage, card)
    ended = commands.open_checkout(actor=cast.bola.actor, prepared=prepared, now=stage.now)
    assert ended.transaction.status == "failed"


def test_the_pin_where_one_is_set(stage: Stage, cast: Cast) -> None:
    card = saved(stage)
    wallets.set_pin(actor=cast.bola.actor, pin="294817", old_pin=None, now=stage.now)
    with pytest.raises(PinRequired):
        charge(stage, card)


def test_for_any_purpose_that_was_recorded(stage: Stage, cast: Cast) -> None:
    """As a room below does: it records what is to be charged and asks by the job's name."""
    card = saved(stage)
    with tenant(cast.cluster_id):
        wanted = payments.create_transaction(
            id=new_id(),
            type=TransactionType.DEPOSIT,
            status=TransactionStatus.PENDING,
            amount=naira("300.00"),
            purpose=Purpose.WALLET,
            user_id=cast.bola.user_id,
            provider="paystack",
            description="Standing order",
            now=stage.now,
        )
        payments.open_attempt(
            transaction=wanted, kind=AttemptKind.CHARGE, payable_until=stage.now, method_id=card, now=stage.now
        )
    for _ in range(2):
        commands.charge_saved_card(cluster_id=cast.cluster_id, transaction_id=wanted.id, now=stage.now)
    assert wallet_balance(cast.bola) == "400.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_what_is_still_pending_a_day_later_is_asked_about_by_a_person(stage: Stage, cast: Cast, provider: str) -> None:
    """Given up, it would be charged anew, and both could succeed."""
    card = saved(stage, provider)
    stage.dial(charge__pending=1.0, charge__pending_seconds=200_000.0)
    checkout = charge(stage, card, provider=provider)
    stage.wait(hours=25)
    assert stage.confirm(checkout).status == "unknown"
    assert [case.kind for case in stage.cases()] == ["unknown_too_long"]
    stage.wait(days=2)
    stage.sweep()
    assert (stage.transaction(checkout.transaction.id).status, wallet_balance(cast.bola)) == ("completed", "1000.00")


def test_what_is_pending_for_a_week_is_given_up_and_its_late_money_is_booked(stage: Stage, cast: Cast) -> None:
    stage.dial(charge__pending=1.0, charge__pending_seconds=1_000_000.0)
    checkout = charge(stage, saved(stage))
    stage.wait(days=7)
    assert stage.confirm(checkout).status == "unknown"
    stage.wait(days=1, hours=1)
    assert stage.confirm(checkout).status == "failed"
    stage.wait(days=4)
    stage.sweep()
    assert (stage.transaction(checkout.transaction.id).status, wallet_balance(cast.bola)) == ("completed", "1000.00")


def test_a_challenge_that_was_not_heard_and_nobody_met_ends(stage: Stage) -> None:
    card = saved(stage)
    stage.dial(charge__challenge=1.0, charge__timeout_after=1.0)
    checkout = charge(stage, card)
    stage.heal()
    stage.wait(hours=25)
    assert (checkout.payment_url, stage.confirm(checkout).status) == ("", "cancelled")


def test_not_found_is_counted_from_when_it_was_sent(stage: Stage, cast: Cast) -> None:
    prepared = prepare(stage, saved(stage))
    id = prepared.transaction.id
    stage.wait(minutes=20)
    stage.dial(charge__timeout_before=1.0)
    commands.charge_saved_card(cluster_id=cast.cluster_id, transaction_id=id, now=stage.now)
    stage.heal()
    for _ in range(4):
        stage.wait(seconds=30)
        assert stage.confirm(id).status == "unknown"
    stage.wait(minutes=15)
    assert stage.confirm(id).status == "failed"
