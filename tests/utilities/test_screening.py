"""What stops a purchase before any money moves: speed, a day's limit, a new number, a missing PIN; it is noted and told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from clustr.audit.models import AuditEvent
from clustr.clusters.refusals import NotAMemberNow
from clustr.clusters.types import FORMER
from clustr.kit.errors import Refusal
from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.utilities import commands
from clustr.utilities.queries import purchase_of_member
from clustr.utilities.refusals import (
    QuoteChanged,
    QuoteExpired,
    QuoteNotFound,
    UtilityAccountCooling,
    UtilityLimitExceeded,
    UtilityPinNeeded,
    UtilityTooFast,
    ValidationNeeded,
)
from clustr.utilities.types import Screened
from clustr.wallets import commands as wallets
from clustr.wallets.refusals import PinIncorrect, PinRequired
from tests.cast import Cast
from tests.money import fund, wallet_balance
from tests.notifications.acts import told
from tests.utilities.counter import METER, Counter

pytestmark = pytest.mark.usefixtures("books")
PIN = "482915"


@pytest.fixture(autouse=True)
def money(cast: Cast) -> None:
    fund(cast, cast.bola, "2000000.00")


def limit(settings: Any, **values: object) -> None:
    settings.ENV = settings.ENV.model_copy(update=values)


def blocked(counter: Counter, cast: Cast, refusal: type[Refusal], amount: str) -> None:
    """Refused, with nothing moved, an entry in the trail and a notice."""
    with pytest.raises(refusal):
        counter.confirm_quote(cast.bola, counter.wanted(amount))
    assert wallet_balance(cast.bola) == "2000000.00"
    with tenant(cast.cluster_id):
        noted = AuditEvent.objects.filter(cluster_id=cast.cluster_id, action="utilities.purchase_blocked")
        assert [event.changes["why"] for event in noted] == [refusal.code]
        assert METER not in str([event.changes for event in noted])
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_BLOCKED)
    assert notice.title == "A purchase from your wallet was stopped"
    assert METER not in notice.body


def test_it_works(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    assert counter.confirm_quote(cast.bola, counter.wanted("49999.00")).total


def test_much_for_a_new_number_waits(counter: Counter, cast: Cast) -> None:
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=counter.now)
    counter.validate(cast.bola)
    blocked(counter, cast, UtilityAccountCooling, "50000.00")
    counter.wait(minutes=59)
    counter.validate(cast.bola)
    with pytest.raises(UtilityAccountCooling):
        counter.confirm_quote(cast.bola, counter.wanted("50000.00"), pin=PIN)
    counter.wait(minutes=1)
    counter.confirm_quote(cast.bola, counter.wanted("50000.00"), pin=PIN)


def test_much_needs_a_pin(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    counter.wait(minutes=61)
    counter.validate(cast.bola)
    blocked(counter, cast, UtilityPinNeeded, "50000.00")


def test_a_set_pin_is_asked_for_always(counter: Counter, cast: Cast) -> None:
    wallets.set_pin(actor=cast.bola.actor, pin=PIN, old_pin=None, now=counter.now)
    counter.validate(cast.bola)
    with pytest.raises(PinRequired):
        counter.confirm_quote(cast.bola, counter.wanted())
    with pytest.raises(PinIncorrect):
        counter.confirm_quote(cast.bola, counter.wanted(), pin="771155")
    counter.confirm_quote(cast.bola, counter.wanted(), pin=PIN)


def test_a_days_limit(counter: Counter, cast: Cast, settings: Any) -> None:
    limit(settings, UTILITY_DAILY_LIMIT="5000.00")
    counter.validate(cast.bola)
    blocked(counter, cast, UtilityLimitExceeded, "4900.01")
    counter.vend(counter.confirm_quote(cast.bola, counter.wanted("4900.00")))
    counter.wait(minutes=5)
    with pytest.raises(UtilityLimitExceeded):
        counter.confirm_quote(cast.bola, counter.wanted("500.00"))
    counter.wait(hours=24)
    counter.buy(cast.bola, "4900.00")


def test_what_was_given_back_does_not_count(counter: Counter, cast: Cast, settings: Any) -> None:
    limit(settings, UTILITY_DAILY_LIMIT="5000.00")
    counter.dial(bill__refused=1)
    counter.vend(counter.buy(cast.bola, "4900.00"))
    counter.heal()
    counter.buy(cast.bola, "4900.00")


def test_too_fast(counter: Counter, cast: Cast, settings: Any) -> None:
    limit(settings, UTILITY_PURCHASES_PER_MINUTE=2)
    counter.validate(cast.bola)
    for tap in range(2):
        counter.confirm_quote(cast.bola, counter.wanted(f"{600 + tap}.00"))
    with pytest.raises(UtilityTooFast):
        counter.confirm_quote(cast.bola, counter.wanted("700.00"))


def test_questions_whose_number_it_is_are_counted(counter: Counter, cast: Cast, settings: Any) -> None:
    limit(settings, UTILITY_VALIDATIONS_PER_MINUTE=1)
    turn = {"actor": cast.bola.actor, "provider_id": counter.provider().id, "now": counter.now}
    for _ in range(2):
        commands.take_validation_turn(**turn)
    with pytest.raises(UtilityTooFast):
        commands.take_validation_turn(**turn)
    with tenant(cast.cluster_id):
        noted = AuditEvent.objects.filter(cluster_id=cast.cluster_id, action="utilities.validation_blocked")
        assert noted.count() == 1
    for _ in range(2):
        with pytest.raises(UtilityTooFast):
            commands.take_validation_turn(**turn)
    (notice,) = told(cast.bola, NotificationEvents.UTILITY_BLOCKED)
    assert notice.title == "Questions about numbers were stopped"
    assert "change your password" in notice.body
    counter.wait(days=1)
    with pytest.raises(UtilityTooFast):
        commands.take_validation_turn(**turn | {"now": counter.now})
    assert len(told(cast.bola, NotificationEvents.UTILITY_BLOCKED)) == 2


def test_a_validation_counts_for_ten_minutes(counter: Counter, cast: Cast) -> None:
    with pytest.raises(ValidationNeeded):
        counter.confirm_quote(cast.bola, counter.wanted())
    counter.validate(cast.bola)
    counter.wait(minutes=10)
    with pytest.raises(ValidationNeeded):
        counter.confirm_quote(cast.bola, counter.wanted())


def test_a_neighbours_validation_is_not_mine(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.palm_grove["Resident 2"])
    with pytest.raises(ValidationNeeded):
        counter.confirm_quote(cast.bola, counter.wanted())


def test_a_quote_binds_number_amount_and_price(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    counter.validate(cast.bola, "04587654321")
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    with pytest.raises(QuoteChanged):
        counter.confirm_quote(cast.bola, counter.wanted("2000.01", quote_id=quote.id))
    with pytest.raises(QuoteChanged):
        counter.confirm_quote(cast.bola, counter.wanted(number="04587654321", quote_id=quote.id))
    with pytest.raises(QuoteNotFound):
        counter.confirm_quote(cast.palm_grove["Resident 2"], counter.wanted(quote_id=quote.id))
    counter.wait(minutes=10)
    with pytest.raises(QuoteExpired):
        counter.confirm_quote(cast.bola, counter.wanted(quote_id=quote.id))


def test_who_has_left_buys_nothing_and_reads_what_they_bought(counter: Counter, cast: Cast) -> None:
    bought = counter.vend(counter.buy(cast.bola))
    saved = {"provider_id": counter.provider().id, "customer_id": METER, "label": ""}
    account = commands.save_account(actor=cast.bola.actor, **saved, now=counter.now)
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted("700.00"), now=counter.now)
    gone = replace(cast.bola.actor, role=FORMER)
    asks: dict[str, Callable[..., object]] = {
        "a turn": partial(commands.take_validation_turn, provider_id=counter.provider().id),
        "a number": partial(commands.prepare_validation, provider_id=counter.provider().id, customer_id=METER),
        "a kept number": partial(commands.prepare_kept_validation, account_id=account.id),
        "a kept number for a quote": partial(commands.know_kept_customer, account_id=account.id),
        "to keep one": partial(commands.save_account, **saved),
        "a price": partial(commands.quote_utility, wanted=counter.wanted()),
        "to buy": partial(commands.screen_purchase, wanted=counter.wanted("700.00", quote_id=quote.id), pin=None),
        "to have it": partial(commands.process_one_time_utility_payment, screened=Screened(quote.id, None)),
    }
    for what, ask in asks.items():
        with pytest.raises(NotAMemberNow):
            pytest.fail(f"{what}: {ask(actor=gone, now=counter.now)}")
    with tenant(cast.cluster_id):
        assert purchase_of_member(actor=gone, purchase_id=bought.id).token
    commands.resend_token(actor=gone, purchase_id=bought.id, now=counter.now)
    commands.remove_account(actor=gone, account_id=account.id, now=counter.now)


def test_a_price_that_changed_needs_another_quote(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    quote = commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    provider = counter.provider()
    provider.terms_version += 1
    provider.save(update_fields=["terms_version"])
    with pytest.raises(QuoteChanged):
        counter.confirm_quote(cast.bola, counter.wanted(quote_id=quote.id))
