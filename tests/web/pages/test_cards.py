"""Paying with a saved card on the pages: at once, declined, handed over to the bank, left half-way; and by itself."""

from __future__ import annotations

from uuid import UUID

import pytest

from clustr.clusters.commands import update_settings
from clustr.clusters.types import FeeBearer, SettingsChanges
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, wallet_balance
from tests.recurring.cards import saved
from tests.settlement.stage import Stage, stage
from tests.web.pages.browsing import Browser

__all__ = ["stage"]
pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def card(stage: Stage) -> UUID:
    return saved(stage)


@pytest.fixture
def bola(cast: Cast, card: UUID) -> Browser:
    return Browser(cast.bola)


def fund_with(bola: Browser, card: UUID, amount: str = "900") -> None:
    bola.open("/app/wallet/fund/")
    key = bola.form().values["form_key"]
    bola.send(amount=amount, means=f"card:paystack:{card}")
    assert "•••• 4081" in bola.text
    assert bola.form().values["form_key"] == key, "what is sent twice over this page is one request"
    bola.confirm()


def test_it_works(cast: Cast, bola: Browser, card: UUID) -> None:
    """The wallet is filled, a bill is paid, and the card is forgotten."""
    fund_with(bola, card)
    assert "Your card was charged." in bola.text
    assert "Money added" in bola.text
    assert wallet_balance(cast.bola) == "1000.00"
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", means=f"card:paystack:{card}")
    assert "Your card was charged." in bola.text
    bola.open("/app/wallet/")
    bola.send("/forget/")
    assert "The card is forgotten." in bola.text
    assert str(card) not in bola.open("/app/wallet/fund/").content.decode()


@pytest.mark.parametrize("ticked", [False, True])
def test_a_card_is_kept_where_its_box_is_ticked(stage: Stage, cast: Cast, ticked: bool) -> None:
    bola = Browser(cast.bola)
    bola.open("/app/wallet/fund/")
    bola.send(amount="700", means="paystack", **({"save_card": "on"} if ticked else {}))
    assert ("do not pass that page on" in bola.text) is ticked
    bola.open(next(link for link in bola.links if link.startswith("/app/transactions/")))
    stage.end_reference("paystack", bola.form("/check/").values["reference"])
    bola.send("/check/")
    assert "Money added" in bola.text
    bola.open("/app/wallet/")
    assert ("Saved cards" in bola.text) is ticked


def test_a_decline_says_why_and_that_nothing_was_taken(stage: Stage, cast: Cast, bola: Browser, card: UUID) -> None:
    stage.dial(charge__decline=1.0)
    fund_with(bola, card)
    assert "It did not go through" in bola.text
    assert "Nothing was taken" in bola.text
    assert "What you can do" in bola.text
    assert "Pay from your wallet" not in bola.text  # it was to be filled
    assert "/app/wallet/fund/" in bola.links
    assert "Your card was charged." not in bola.text
    assert wallet_balance(cast.bola) == "100.00"

    bill = issue(cast, "90.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", means=f"card:paystack:{card}")
    assert f"/app/bills/{bill.id}/#pay" in bola.links  # where another way is chosen


def test_a_bank_that_asks_is_a_page_and_a_way_back(stage: Stage, cast: Cast, bola: Browser, card: UUID) -> None:
    """Handed over, come back without confirming, gone on, confirmed."""
    stage.dial(charge__challenge=1.0)
    fund_with(bola, card)
    assert "Your bank asks you to confirm" in bola.text
    assert "Nothing was charged yet." in bola.text
    payment = next(link for link in bola.links if link.startswith("/app/transactions/"))
    page = next(link for link in bola.links if link.startswith("http"))
    bola.open(payment)
    assert "Not finished yet" in bola.text
    assert page in bola.links
    stage.heal()
    reference = bola.form("/check/").values["reference"]
    stage.end_reference("paystack", reference)
    bola.send("/check/")
    assert "Money added" in bola.text
    assert wallet_balance(cast.bola) == "1000.00"


def test_one_that_is_not_decided_does_not_say_that_it_was_charged(stage: Stage, bola: Browser, card: UUID) -> None:
    stage.dial(charge__pending=1.0)
    fund_with(bola, card)
    assert "Your card was charged." not in bola.text
    assert "Do not pay again" in bola.text


def test_a_page_that_was_left_can_be_gone_on_with(bola: Browser, cast: Cast) -> None:
    bola.open("/app/wallet/fund/")
    bola.send(amount="700", means="paystack")
    assert "On to the payment page" in bola.text
    page = next(link for link in bola.links if link.startswith("http"))
    bola.open(next(link for link in bola.links if link.startswith("/app/transactions/")))
    assert "Not finished yet" in bola.text
    assert page in bola.links
    assert page not in Browser(cast.ada).open(bola.page.request["PATH_INFO"]).content.decode()


def test_a_recurring_payment_by_card_and_another_card_in_its_place(stage: Stage, bola: Browser, card: UUID) -> None:
    other = saved(stage, "flutterwave")
    bola.open("/app/recurring/new/")
    bola.send(title="Service charge", amount="15,000", bill_type="service_charge", source=str(card))
    assert "Set up. You need do nothing more." in bola.text
    assert "•••• 4081" in bola.text
    one = bola.page.request["PATH_INFO"]
    bola.open(f"{one}change/")
    bola.send(amount="12,000", source=str(other), title="Levy")
    assert "Changed, from the next payment on." in bola.text
    assert "₦12,000" in bola.text
    assert ">Levy</h1>" in bola.text
    bola.open(f"{one}change/")
    assert bola.send(amount="none").status_code == 422
    bola.open("/app/recurring/?q=lev")
    assert one in bola.text
    bola.open("/app/recurring/?q=nothing")
    assert "No recurring payment is called so." in bola.text


def test_a_bill_that_was_paid_in_another_way_meanwhile(stage: Stage, cast: Cast, bola: Browser) -> None:
    """Left at a page, the bill leads back there; once it is paid nothing does, and what is paid there all the same, after a
    card that was declined, is said to be in the wallet."""
    fund(cast, cast.bola, "5000.00")
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    begun = stage.pay_bill(cast.bola, bill.id).transaction
    payment = f"/app/transactions/{begun.id}/"
    bola.open("/app/")
    assert "is not finished at Paystack" in bola.text
    assert payment in bola.links
    bola.open(f"/app/bills/{bill.id}/")
    assert "A payment of ₦5,000.00 at Paystack is not finished." in bola.text
    bola.send("pay/", means="wallet")
    bola.open(payment)
    assert "Do not finish it" in bola.text
    assert "Go on paying" not in bola.text
    stage.end_reference("paystack", begun.reference, "insufficient_funds")
    assert stage.confirm(begun.id).status == "failed"
    assert "Nothing was taken." in bola.open(payment).content.decode()
    stage.end_reference("paystack", begun.reference)
    stage.confirm(begun.id)
    bola.open(payment)
    assert "Your money arrived after all" in bola.text
    assert "₦5,000.00 arrived. It could not be used for this any more, and went into your wallet." in bola.text
    for words in ("Nothing was taken", "Try again", "Pay another way"):
        assert words not in bola.text


def test_half_a_deposit_is_said_to_be_there(stage: Stage, cast: Cast, bola: Browser) -> None:
    asked = stage.deposit(cast.bola, "2000.00")
    stage.end(asked, "partly")
    stage.confirm(asked)
    bola.open(f"/app/transactions/{asked.transaction.id}/")
    assert "A part of it arrived" in bola.text
    assert "₦1,000.00 arrived of ₦2,000.00, and went into your wallet." in bola.text


def test_a_frozen_wallet_moves_no_payment_to_a_card(cast: Cast, bola: Browser, card: UUID) -> None:
    bill = issue(cast, "50.00")
    acknowledge(cast, cast.bola, bill)
    bola.open("/app/wallet/")
    bola.send("freeze/")
    assert "Saved cards are not frozen." in bola.text
    bola.open(f"/app/bills/{bill.id}/")
    assert "frozen; it holds ₦100.00" in bola.text
    assert "means" not in bola.form("pay/").values


def test_a_fee_on_top_is_shown_before_a_card_is_charged(stage: Stage, cast: Cast, bola: Browser, card: UUID) -> None:
    """N 50,000.00 at Paystack's price for Nigeria: what is charged is said, for the wallet and for a bill."""
    update_settings(actor=cast.ada.actor, changes=SettingsChanges(fee_bearer=FeeBearer.PAYER), now=cast.now)
    means = f"card:paystack:{card}"
    bill = issue(cast, "50000.00")
    acknowledge(cast, cast.bola, bill)
    for page, form in (("/app/wallet/fund/", ""), (f"/app/bills/{bill.id}/", "pay/")):
        bola.open(page)
        bola.send(form, amount="50000", means=means)
        assert "Taken from your card" in bola.text
        assert "50,862" in bola.text
        assert charges(stage) == {"/app/wallet/fund/": [], f"/app/bills/{bill.id}/": [5_086_295]}[page]
        bola.confirm()
        assert "Your card was charged." in bola.text
    assert charges(stage) == [5_086_295, 5_086_295]


def charges(stage: Stage) -> list[int]:
    """What each charge of a saved card took, in kobo."""
    return [row["paid"] for row in stage.sandbox.world.store.dump()["charge"] if row["paid"] != 10_000]


def test_a_page_left_open_for_more_than_is_owed_says_where_all_of_it_goes(
    stage: Stage, cast: Cast, bola: Browser
) -> None:
    """A direct payment settles whole or not at all."""
    fund(cast, cast.bola, "1000.00")
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", amount="5000", means="paystack")
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", amount="1000", means="wallet")
    with tenant(cast.cluster_id):
        begun = Transaction.objects.get(cluster_id=cast.cluster_id, subject_id=bill.id, provider="paystack")
    page = bola.open(f"/app/transactions/{begun.id}/").content.decode()
    assert "all of it goes into your wallet" in page
