"""Utilities by many at once: one hold, one vend, one token."""

from __future__ import annotations

from functools import partial

import pytest

from clustr.kit.tenancy import tenant
from clustr.ledger.refusals import InsufficientFunds
from clustr.payments.states import TransactionStatus
from clustr.utilities import commands
from clustr.utilities.commands.ending import release_purchase
from clustr.utilities.models import Account, Purchase
from clustr.utilities.refusals import (
    PurchaseUnderWay,
    QuoteUsed,
    UtilityAccountNotFound,
    UtilityLimitExceeded,
    ValidationNeeded,
)
from clustr.utilities.types import Screened
from tests.cast import Cast
from tests.money import fund, wallet_balance
from tests.races import race
from tests.utilities.counter import Counter

pytestmark = pytest.mark.usefixtures("books")
S = TransactionStatus


def confirmed(counter: Counter, cast: Cast, quote_id: object) -> object:
    screened = Screened(quote_id, None)  # type: ignore[arg-type]
    return commands.process_one_time_utility_payment(actor=cast.bola.actor, screened=screened, now=counter.now)


def test_a_quote_confirmed_twenty_times_is_bought_once(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "50000.00")
    counter.validate(cast.bola)
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    ended = race(partial(confirmed, counter, cast, quote.id)).only(QuoteUsed, PurchaseUnderWay)
    assert len(ended.results) == 1
    assert counter.held(cast.bola) == "2100.00"


def test_the_same_from_twenty_quotes_is_bought_once(counter: Counter, cast: Cast) -> None:
    """Twenty taps, each with a quote of its own and no key."""
    fund(cast, cast.bola, "50000.00")
    counter.validate(cast.bola)
    quotes = [
        commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now) for _ in range(20)
    ]
    ended = race([partial(confirmed, counter, cast, quote.id) for quote in quotes]).only(PurchaseUnderWay)
    assert len(ended.results) == 1


def test_a_wallet_is_not_overspent_by_twenty_different_purchases(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "2000.00")
    counter.validate(cast.bola)
    quotes = [
        commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(f"{600 + tap}.00"), now=counter.now)
        for tap in range(20)
    ]
    ended = race([partial(confirmed, counter, cast, quote.id) for quote in quotes]).only(InsufficientFunds)
    assert len(ended.results) == 2


def test_the_days_limit_holds_against_twenty_at_once(
    counter: Counter, cast: Cast, settings: pytest.FixtureRequest
) -> None:
    settings.ENV = settings.ENV.model_copy(update={"UTILITY_DAILY_LIMIT": "3000.00"})  # type: ignore[attr-defined]
    fund(cast, cast.bola, "50000.00")
    counter.validate(cast.bola)
    quotes = [
        commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(f"{800 + tap}.00"), now=counter.now)
        for tap in range(20)
    ]
    ended = race([partial(confirmed, counter, cast, quote.id) for quote in quotes]).only(UtilityLimitExceeded)
    assert len(ended.results) == 3


def test_many_workers_ask_for_it_once(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    bought = counter.buy(cast.bola)
    race(partial(commands.vend_purchase, cluster_id=cast.cluster_id, purchase_id=bought.id, now=counter.now)).only()
    assert len(counter.vends()) == 1
    assert counter.view(bought.id).status is S.COMPLETED


def test_many_who_hear_that_it_was_sold_settle_it_once(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.dial(bill__timeout_after=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.heal()
    ask = partial(commands.confirm_purchase, cluster_id=cast.cluster_id, purchase_id=bought.id, now=counter.now)
    race(ask).only()
    assert counter.view(bought.id).status is S.COMPLETED
    assert (wallet_balance(cast.bola), counter.held(cast.bola)) == ("2900.00", "0.00")


def test_of_many_purchases_answered_with_one_token_one_has_it(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "20000.00")
    counter.dial(bill__pending=1)
    bought = [counter.vend(counter.buy(cast.bola, f"{1000 + tap}.00")) for tap in range(4)]
    for vend in counter.vends():
        counter._control("POST", f"/vend/{vend['id']}", {"status": "sold", "token": "1111-2222-3333-4444-5555"})
    ask = [
        partial(commands.confirm_purchase, cluster_id=cast.cluster_id, purchase_id=each.id, now=counter.now)
        for each in bought
    ]
    race(ask).only()
    assert sorted(bool(counter.view(each.id).token) for each in bought) == [False, False, False, True]
    assert [case.facts["wrong"] for case in counter.cases()] == [["token_of_another_purchase"]] * 3


def test_of_many_who_hear_it_is_not_there_one_sends_again(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.dial(bill__timeout_before=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.heal()
    for _ in range(2):
        counter.wait(minutes=8)
        counter.ask(bought)
    ask = partial(commands.confirm_purchase, cluster_id=cast.cluster_id, purchase_id=bought.id, now=counter.now)
    race(ask).only()
    assert len(counter.vends()) == 1
    assert [said for said in counter.heard(bought.id) if said.startswith("purchase: ")] == [
        "purchase: not_heard",
        "purchase: succeeded",
    ]


def test_many_who_hear_that_it_failed_give_back_once(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.dial(bill__failed=1)
    bought = counter.vend(counter.buy(cast.bola))
    counter.wait(seconds=31)
    ask = partial(commands.confirm_purchase, cluster_id=cast.cluster_id, purchase_id=bought.id, now=counter.now)
    race(ask).only()
    assert wallet_balance(cast.bola) == "5000.00"
    assert release_purchase  # what they race for


def test_a_number_is_not_removed_under_a_purchase(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.validate(cast.bola)
    saved = commands.save_account(
        actor=cast.bola.actor,
        provider_id=counter.provider().id,
        customer_id="04512345678",
        label="",
        now=counter.now,
    )
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    remove = partial(commands.remove_account, actor=cast.bola.actor, account_id=saved.id, now=counter.now)
    race([partial(confirmed, counter, cast, quote.id), remove] * 5).only(
        PurchaseUnderWay, QuoteUsed, ValidationNeeded, UtilityAccountNotFound
    )
    with tenant(cast.cluster_id):
        account = Account.objects.get(cluster_id=cast.cluster_id, id=saved.id)
        bought = Purchase.objects.filter(cluster_id=cast.cluster_id).exists()
    assert bought == bool(account.number), "bought and kept, or removed and not bought"
