"""Members' numbers: validated, saved, masked, sealed, removed, resealed with another key, forgotten and exported."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag
from django.core.management import call_command

from clustr.kit.sealed import sealed_columns
from clustr.kit.tenancy import tenant
from clustr.kit.vault import unseal
from clustr.payments.types import PaymentErrorType
from clustr.utilities import commands
from clustr.utilities.commands.customers import number_of
from clustr.utilities.exports import forget_utilities, utilities_held
from clustr.utilities.models import Account, Validation
from clustr.utilities.queries import my_accounts, validation_of_member
from clustr.utilities.refusals import (
    InvalidCustomer,
    MeterNotFound,
    PurchaseUnderWay,
    UtilityAccountNotFound,
    ValidationNeeded,
    ValidationPending,
)
from clustr.utilities.types import ValidationState
from clustr.wallets import commands as wallets
from clustr.wallets.models import Payout
from clustr.wallets.queries import destination_of
from clustr.wallets.types import Destination
from tests.cast import Cast
from tests.money import fund, naira, no_pin
from tests.utilities.counter import CABLE, METER, SMART_CARD, Counter

pytestmark = [pytest.mark.usefixtures("books"), pytest.mark.early]

NEWER = f"newer:{'5b' * 31}01"


def save(counter: Counter, cast: Cast, number: str = METER, label: str = "Flat") -> Any:
    return commands.save_account(
        actor=cast.bola.actor,
        provider_id=counter.provider().id,
        customer_id=number,
        label=label,
        now=counter.now,
    )


def test_it_works(counter: Counter, cast: Cast) -> None:
    told = counter.validate(cast.bola)
    assert (told.state, told.ending) == (ValidationState.CONFIRMED, "5678")
    assert told.customer_name
    saved = save(counter, cast)
    assert (saved.ending, saved.label) == ("5678", "Flat")
    assert METER not in repr(saved) + repr(told)
    account = counter.account(cast.bola)
    assert number_of(account=account) == METER
    assert METER.encode() not in bytes(account.number)


def test_the_test_card_of_the_documents(counter: Counter, cast: Cast) -> None:
    assert counter.validate(cast.bola, SMART_CARD, CABLE).customer_name == "Test DSTV Account"


def test_nobodys_meter(counter: Counter, cast: Cast) -> None:
    with pytest.raises(MeterNotFound):
        counter.validate(cast.bola, "04512340000")
    with pytest.raises(InvalidCustomer):
        counter.validate(cast.bola, "WTR0000", "BIL131.UB201")
    with pytest.raises(ValidationNeeded):
        save(counter, cast, "04512340000")


def test_the_same_number_however_it_is_typed(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola, "0451-234 5678")
    save(counter, cast)
    save(counter, cast, "0451 2345678", "Home")
    with tenant(cast.cluster_id):
        assert [row.label for row in my_accounts(actor=cast.bola.actor)] == ["Home"]


def test_a_utility_that_does_not_answer_is_asked_on(counter: Counter, cast: Cast) -> None:
    counter.dial(customer__timeout_before=1)
    waiting = counter.validate(cast.bola)
    assert (waiting.state, waiting.customer_name) == (ValidationState.PENDING, "")
    with pytest.raises(ValidationPending):
        commands.quote_utility(actor=cast.bola.actor, wanted=counter.wanted(), now=counter.now)
    counter.heal()
    assert commands.ask_customer(cluster_id=cast.cluster_id, validation_id=waiting.id)
    with tenant(cast.cluster_id):
        known = validation_of_member(actor=cast.bola.actor, validation_id=waiting.id, now=counter.now)
    assert known.state is ValidationState.CONFIRMED


def test_a_refusal_that_says_nothing_of_the_customer_is_none(counter: Counter, cast: Cast) -> None:
    healthy = counter._answer

    def refuse(request: Any) -> Any:
        import httpx

        if "/validate" in request.url.path:
            body = b'{"status": "error", "message": "Please contact your account administrator", "data": null}'
            return httpx.Response(400, stream=httpx.ByteStream(body))
        return healthy(request)

    counter._answer = refuse  # type: ignore[method-assign]
    assert counter.validate(cast.bola).state is ValidationState.PENDING


def test_removed_is_destroyed(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    saved = save(counter, cast)
    commands.remove_account(actor=cast.bola.actor, account_id=saved.id, now=counter.now)
    assert bytes(counter.account(cast.bola).number) == b""
    with pytest.raises(UtilityAccountNotFound):
        commands.remove_account(actor=cast.bola.actor, account_id=saved.id, now=counter.now)
    counter.validate(cast.bola)
    assert save(counter, cast).id == saved.id, "the same number is the same account, as old as it was"


def test_not_while_something_is_bought_for_it(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.validate(cast.bola)
    saved = save(counter, cast)
    bought = counter.buy(cast.bola)
    with pytest.raises(PurchaseUnderWay):
        commands.remove_account(actor=cast.bola.actor, account_id=saved.id, now=counter.now)
    counter.vend(bought)
    commands.remove_account(actor=cast.bola.actor, account_id=saved.id, now=counter.now)


def test_a_neighbours_is_not_there(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    saved = save(counter, cast)
    other = cast.palm_grove["Resident 2"]
    with pytest.raises(UtilityAccountNotFound):
        commands.remove_account(actor=other.actor, account_id=saved.id, now=counter.now)
    with tenant(cast.cluster_id):
        assert my_accounts(actor=other.actor) == []


def test_a_sealed_number_opens_nowhere_else(counter: Counter, cast: Cast) -> None:
    counter.validate(cast.bola)
    account = counter.account(cast.bola)
    for place in (f"utilities_account:{cast.cluster_id}:number", f"utilities_account:{account.id}:label"):
        with pytest.raises(InvalidTag):
            unseal(bytes(account.number), bound_to=place)


@pytest.fixture
def old_key(settings: Any) -> Iterator[str]:
    """The key everything is sealed with, as it is set; at the end all that was sealed anew is sealed with it again, for
    the other tests of the same database."""
    id, key = next(iter(settings.ENV.encryption_keys.items()))
    yield f"{id}:{key.hex()}"
    use_keys(settings, f"{id}:{key.hex()},{NEWER}")
    call_command("reseal", stdout=io.StringIO())


def use_keys(settings: Any, keys: str) -> None:
    settings.ENV = settings.ENV.model_copy(update={"CLUSTR_ENCRYPTION_KEYS": keys})
    settings.ENV.__dict__.pop("encryption_keys", None)


def test_every_sealed_column_is_resealed_with_the_newest_key(
    counter: Counter, cast: Cast, settings: Any, old_key: str
) -> None:
    fund(cast, cast.bola, "5000.00")
    sold = counter.vend(counter.buy(cast.bola))
    save(counter, cast)
    to = Destination("058", "0123456789", "Bola Adeyemi", "ADEYEMI BOLA")
    sent = wallets.withdraw(
        actor=cast.bola.actor, amount=naira("1.00"), destination=to, authorization=no_pin(cast.bola), now=cast.now
    )
    use_keys(settings, f"{NEWER},{old_key}")
    said = io.StringIO()
    call_command("reseal", stdout=said)
    assert all(line.endswith("0 left") for line in said.getvalue().splitlines())
    assert len(said.getvalue().splitlines()) == len(sealed_columns()) == 7
    assert bytes(counter.account(cast.bola).number).startswith(b"newer\0")
    again = io.StringIO()
    call_command("reseal", stdout=again)
    assert all("0 sealed anew" in line for line in again.getvalue().splitlines())
    use_keys(settings, NEWER)
    assert counter.view(sold.id).token == sold.token
    assert number_of(account=counter.account(cast.bola)) == METER
    with tenant(cast.cluster_id):
        assert destination_of(payout=Payout.objects.get(cluster_id=cast.cluster_id, id=sent.id)) == to


def test_old_validations_go_and_what_was_bought_stays(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    counter.validate(cast.bola, "04599999999")
    bought = counter.buy(cast.bola)
    counter.wait(days=2)
    with tenant(cast.cluster_id):
        assert commands.forget_old_validations(before=counter.now) == 1
        assert Validation.objects.filter(cluster_id=cast.cluster_id).count() == 1
    assert counter.vend(bought).token


def test_numbers_that_were_only_typed_go_too(counter: Counter, cast: Cast) -> None:
    """Not while something is bought for them, nor what is saved; and they may be typed again."""
    fund(cast, cast.bola, "9000.00")
    saved, typed = "04599999999", "04588888888"
    for number in (saved, typed):
        counter.validate(cast.bola, number)
    commands.save_account(
        actor=cast.bola.actor, provider_id=counter.provider().id, customer_id=saved, label="", now=counter.now
    )
    bought = counter.buy(cast.bola)

    def kept() -> set[str]:
        counter.wait(days=2)
        with tenant(cast.cluster_id):
            commands.forget_old_validations(before=counter.now - timedelta(days=1))
            rows = Account.objects.filter(cluster_id=cast.cluster_id).exclude(number=b"")
            return {number_of(account=row) for row in rows}

    assert kept() == {saved, METER}
    assert counter.vend(bought).token
    assert kept() == {saved}
    assert counter.view(bought.id).ending == METER[-4:]
    assert counter.vend(counter.buy(cast.bola)).token


def test_export_and_erasure(counter: Counter, cast: Cast) -> None:
    fund(cast, cast.bola, "5000.00")
    sold = counter.vend(counter.buy(cast.bola))
    (held,) = utilities_held(cast.bola.user_id)
    assert held["numbers"][0]["number"] == METER
    assert held["purchases"][0]["token"] == sold.token
    assert held["validations"][0]["customer"]
    for _ in range(2):
        forget_utilities(cast.bola.user_id, counter.now)
    (left,) = utilities_held(cast.bola.user_id)
    assert (left["numbers"][0]["number"], left["purchases"][0]["token"]) == ("removed", "")
    with tenant(cast.cluster_id):
        assert Account.objects.get(cluster_id=cast.cluster_id).hint == ""
    assert PaymentErrorType.METER_NOT_FOUND
