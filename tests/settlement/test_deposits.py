"""A deposit, from the click to the wallet, whatever the network does."""

from __future__ import annotations

import pytest

from clustr.notifications.types import NotificationEvents
from clustr.payments.refusals import ProviderSilent
from clustr.settlement import commands
from clustr.wallets import commands as wallets
from tests.cast import Cast
from tests.money import cluster_balance, naira, wallet_balance
from tests.notifications.acts import told
from tests.settlement.stage import PROVIDERS, Stage

pytestmark = pytest.mark.usefixtures("books")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, "1000.00", provider)
    assert checkout.transaction.status == "processing"
    assert checkout.payment_url.startswith("http")
    assert wallet_balance(cast.bola) == "0.00"

    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    assert wallet_balance(cast.bola) == "1000.00"
    (settled,) = stage.settlements()
    assert (settled.amount_minor, settled.completes_minor, settled.surplus_minor) == (100_000, 100_000, 0)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_webhook_return_verify_and_sweep_credit_it_once(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    assert stage.hooks()
    stage.confirm(checkout)
    commands.verify_payment(actor=cast.bola.actor, reference=checkout.transaction.reference, now=stage.now)
    stage.wait(minutes=5)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"
    assert len(stage.settlements()) == 1


@pytest.mark.parametrize("provider", PROVIDERS)
def test_with_every_webhook_lost_it_is_found(stage: Stage, cast: Cast, provider: str) -> None:
    stage.dial(webhook__drop=1.0)
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.wait(seconds=20)
    stage.sweep()
    stage.end(checkout)
    for _ in range(3):
        stage.wait(minutes=5)
        stage.sweep()
    assert stage.hooks() == []
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_decline_says_why_and_what_to_do(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout, "insufficient_funds")
    failed = stage.confirm(checkout)
    assert failed.status == "failed"
    assert failed.failure is not None
    assert failed.failure["type"] == "INSUFFICIENT_FUNDS"
    assert failed.failure["retryable"]
    assert "wallet" not in failed.failure["recovery_options"]
    assert wallet_balance(cast.bola) == "0.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_after_a_decline_another_card_on_the_same_page_still_settles(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout, "insufficient_funds")
    assert stage.confirm(checkout).status == "failed"
    stage.end(checkout)
    stage.wait(minutes=10)
    stage.sweep()
    assert stage.transaction(checkout.transaction.id).status == "completed"
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_an_abandoned_checkout_stays_payable(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout, "abandon")
    assert stage.confirm(checkout).status == "processing"
    stage.wait(hours=3)
    stage.end(checkout)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_checkout_nobody_paid_ends_and_late_money_is_still_taken(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.wait(hours=25)
    stage.sweep()
    assert stage.transaction(checkout.transaction.id).status == "cancelled"
    stage.end(checkout)
    stage.wait(hours=1)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("fault", ["timeout_after", "reset_after", "error_after", "html_after", "truncated_after"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_start_that_was_not_heard_is_unknown_and_found_out(
    stage: Stage, cast: Cast, provider: str, fault: str
) -> None:
    stage.dial(**{f"charge__{fault}": 1.0})
    with pytest.raises(ProviderSilent):
        stage.deposit(cast.bola, provider=provider)
    stage.heal()
    (place,) = [row for row in _transactions(stage) if row.purpose == "wallet"]
    assert place.status == "unknown"
    for _ in range(8):
        stage.wait(minutes=10)
        stage.sweep()
    assert stage.transaction(place.id).status in ("processing", "failed", "cancelled")


@pytest.mark.parametrize("provider", PROVIDERS)
def test_silence_at_the_question_is_unknown_never_failed(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    stage.dial(verify__timeout_after=1.0)
    assert stage.confirm(checkout).status == "unknown"
    stage.wait(hours=25)
    stage.sweep()
    assert [case.kind for case in stage.cases()] == ["unknown_too_long"]
    stage.heal()
    stage.wait(hours=1)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("dial", ["wrong_amount", "wrong_currency", "wrong_reference"])
@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_truth_that_does_not_match_gives_nobody_what_was_asked(
    stage: Stage, cast: Cast, provider: str, dial: str
) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    stage.dial(**{f"verify__{dial}": 1.0})
    assert stage.confirm(checkout).status != "completed"
    stage.heal()
    if dial == "wrong_amount":  # less arrived: what did is the payer's own
        assert wallet_balance(cast.bola) == "999.00"
        return
    if dial == "wrong_currency":  # an answer about another reference says nothing of this one
        assert [case.kind for case in stage.cases()] == ["does_not_match"]
    stage.wait(hours=1)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_more_and_less_than_asked_is_the_payers_own(stage: Stage, cast: Cast, provider: str) -> None:
    more, less = stage.deposit(cast.bola, "1000.00", provider), stage.deposit(cast.bola, "1000.00", provider)
    stage.end(more, "too_much")
    stage.end(less, "partly")
    assert stage.confirm(more).status == "completed"
    assert stage.confirm(less).status == "cancelled"
    paid = sum(row["paid"] for row in stage._control("GET", "/state")["charge"])
    assert paid > 150_000
    assert wallet_balance(cast.bola) == str(_kobo(paid))
    kept = told(cast.bola, NotificationEvents.PAYMENT_KEPT_IN_WALLET)
    assert ["more arrived" in notice.body for notice in kept] == [True, False]
    assert all("could not be used as you asked" in notice.body for notice in kept)


@pytest.mark.parametrize("provider", PROVIDERS)
def test_a_fee_the_payer_bore_is_not_ours(stage: Stage, cast: Cast, provider: str) -> None:
    stage.dial(charge__payer_bears_fees=1.0)
    checkout = stage.deposit(cast.bola, "10000.00", provider)
    stage.end(checkout)
    assert stage.confirm(checkout).status == "completed"
    assert wallet_balance(cast.bola) == "10000.00"
    assert [row.fee_minor for row in stage.settlements()] == [0]


@pytest.mark.parametrize("provider", PROVIDERS)
def test_fees_are_borne_by_the_cluster_as_far_as_it_has_money(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, "10000.00", provider)
    stage.end(checkout)
    stage.confirm(checkout)
    assert stage.charge_fees() == "0.00"
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    (settled,) = stage.settlements()
    assert settled.fee_minor > 0
    assert stage.charge_fees() == str(_kobo(settled.fee_minor))
    assert stage.charge_fees() == "0.00"
    assert cluster_balance(cast.cluster_id) == str(naira("1000.00") - _kobo(settled.fee_minor))


def _kobo(minor: int):  # type: ignore[no-untyped-def]
    from clustr.kit.money import Money

    return Money(minor, "NGN")


def _transactions(stage: Stage):  # type: ignore[no-untyped-def]
    from clustr.kit.tenancy import tenant
    from clustr.payments.models import Transaction

    with tenant(stage.cast.cluster_id):
        return list(Transaction.objects.filter(cluster_id=stage.cast.cluster_id).order_by("id"))
