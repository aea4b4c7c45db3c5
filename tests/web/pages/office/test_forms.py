"""What the office does through its pages: each form once through, and once where it is refused. The rules are the API's own."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from clustr.bills.models import Bill
from clustr.clusters.types import Role
from clustr.kit.ids import reference_of
from clustr.kit.tenancy import tenant
from clustr.notifications.endpoint_queries import endpoints_of
from clustr.payments.models import Transaction
from clustr.wallets import commands as wallets
from clustr.wallets.models import Payout
from clustr.wallets.queries import bank_details
from sandbox.banks import holder_of
from tests.bills import acts
from tests.cast import Cast, Part, make_estate
from tests.money import acknowledge, cluster_balance, fund, issue, naira, no_pin, wallet_balance
from tests.settlement.stage import Stage
from tests.settlement.test_payouts import BANK as ACCOUNT
from tests.wallets.acts import credit, receive
from tests.web.asking import approval_limit
from tests.web.pages.browsing import Browser, assert_leads_on_from
from tests.web.pages.office.places import BANK, make_lived

pytestmark = pytest.mark.usefixtures("books")

BILL = {"title": "Pool", "amount": "₦1,500.50", "type": "maintenance", "due_date": "2090-01-31", "description": "Tiles"}


@pytest.fixture
def ada(cast: Cast) -> Browser:
    return Browser(cast.ada)


def bills(cast: Cast) -> list[Bill]:
    with tenant(cast.cluster_id):
        return list(Bill.objects.filter(cluster_id=cast.cluster_id).order_by("id"))


def step(browser: Browser, name: str, **values: Any) -> Any:
    """Press one of several buttons of the page's form."""
    return browser.send(step=name, **values)


def test_it_works(cast: Cast, ada: Browser) -> None:
    """A bill for everybody: seen with its total before it is issued, and issued once however often it is sent."""
    ada.open("/office/bills/new/")
    step(ada, "preview", **BILL)
    assert "3 residents" in ada.text
    assert "4,501" in ada.text
    assert bills(cast) == []
    form = ada.form()
    here = ada.page
    step(ada, "issue")
    assert "Issued to 3 residents." in ada.text
    (made,) = bills(cast)
    assert (str(made.amount), made.user_id, made.description) == ("1500.50", None, "Tiles")
    assert made.due_date.isoformat() == "2090-01-31T22:59:59+00:00"
    ada.page = here
    ada.send(form=form, step="issue")
    assert len(bills(cast)) == 1


def test_a_bill_that_is_refused_is_shown_again_with_what_was_typed(cast: Cast, ada: Browser) -> None:
    ada.open("/office/bills/new/")
    assert step(ada, "preview", **BILL | {"amount": "1e3", "due_date": "2001-01-31"}).status_code == 422
    assert 'value="Pool"' in ada.text
    assert 'aria-invalid="true"' in ada.text
    assert step(ada, "issue", **BILL | {"due_date": "2001-01-31"}).status_code == 422
    assert bills(cast) == []


def test_a_bill_for_one_member(cast: Cast, ada: Browser) -> None:
    ada.open(f"/office/members/{cast.bola.user_id}/")
    ada.open(next(link for link in ada.links if link.startswith("/office/bills/new/")))
    assert "A bill for Bola" in ada.text
    assert "each member" not in ada.text
    assert f"/office/members/{cast.bola.user_id}/" in ada.links
    step(ada, "preview", **BILL)
    assert "Members are told" not in ada.text
    step(ada, "issue")
    (made,) = bills(cast)
    assert made.user_id == cast.bola.user_id


def test_a_strangers_member_is_not_billed(cast: Cast, ada: Browser) -> None:
    ada.open(f"/office/bills/new/?member={cast.chidi.user_id}")
    assert "Chidi" not in ada.text
    assert step(ada, "preview", **BILL, member=str(cast.chidi.user_id)).status_code == 404
    assert bills(cast) == []


def test_what_a_change_does_is_shown_before_it_is_saved(cast: Cast, ada: Browser) -> None:
    bill = issue(cast, "100.00", due_date=cast.now + timedelta(days=10))
    acknowledge(cast, cast.bola, bill)
    acts.uphold(cast, acts.dispute(cast, cast.bola, bill), "70.00")
    with tenant(cast.cluster_id):
        Bill.objects.filter(id=bill.id).update(description="Tiles\r\nGrout")
    ada.open(f"/office/bills/{bill.id}/edit/")
    step(ada, "preview", amount="120.00", description="Tiles\r\nGrout")
    assert "Asked to acknowledge it again" in ada.text
    assert "330" in ada.text
    assert "without ₦30.00 that members were spared" in ada.text
    assert "<dt>Description</dt>" not in ada.text
    assert bills(cast)[0].version == 1
    step(ada, "save")
    (changed,) = bills(cast)
    assert (str(changed.amount), changed.version) == ("120.00", 2)


def test_terms_somebody_paid_under_stay(cast: Cast, ada: Browser) -> None:
    bill = issue(cast, "100.00")
    acknowledge(cast, cast.bola, bill)
    acts.offline(cast, cast.bola, bill, "10.00")
    ada.open(f"/office/bills/{bill.id}/edit/")
    assert 'name="amount"' not in ada.text
    step(ada, "preview", amount="120.00")
    assert "Members have paid under the present terms" in ada.text
    assert step(ada, "save", amount="120.00").status_code == 409
    assert str(bills(cast)[0].amount) == "100.00"
    ada.open(f"/office/bills/{bill.id}/edit/")
    step(ada, "preview", allow_payment_after_due="on")
    assert "The terms stay as they are" in ada.text
    step(ada, "save")
    assert bills(cast)[0].allow_payment_after_due is True


def test_cancelling_gives_the_payers_their_money_back(cast: Cast, ada: Browser) -> None:
    fund(cast, cast.bola, "100.00")
    bill = issue(cast, "100.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill)
    ada.open(f"/office/bills/{bill.id}/cancel/")
    assert ada.send(reason="Twice").status_code == 409
    assert wallet_balance(cast.bola) == "0.00"
    ada.send(reason="Twice", refund_payers="on")
    assert "The bill is cancelled." in ada.text
    assert wallet_balance(cast.bola) == "100.00"


def test_reminding_once_a_day(cast: Cast, ada: Browser) -> None:
    bill = issue(cast)
    ada.open(f"/office/bills/{bill.id}/")
    ada.send("/remind/")
    assert "is being reminded" in ada.text
    assert ada.send("/remind/").status_code == 409
    assert "reminded of this bill today already" in ada.text


def test_nobody_is_reminded_of_what_cannot_be_paid(cast: Cast, ada: Browser) -> None:
    closed, open_still = issue(cast, title="Closed"), issue(cast, title="Open", allow_payment_after_due=True)
    day = timedelta(days=1)
    with tenant(cast.cluster_id):
        late = Bill.objects.filter(cluster_id=cast.cluster_id)
        assert late.update(issued_at=cast.now - 20 * day, due_date=cast.now - day) == 2
    ada.open(f"/office/bills/{closed.id}/")
    assert "Remind who has not paid" not in ada.text
    assert "can no longer be paid, so nobody is reminded" in ada.text
    ada.open(f"/office/bills/{open_still.id}/")
    assert "Remind who has not paid" in ada.text


def test_bills_from_a_sheet(cast: Cast, ada: Browser) -> None:
    good = f"email,title,amount,type,due_date\neveryone,Pool,10.00,water,2090-01-31\n{cast.bola.email},Gate,5.00,water,2090-01-31"
    ada.open("/office/bills/import/")
    step(ada, "preview", file=upload(good + "\nnobody@example.test,Gate,5.00,water,2090-01-31"))
    assert ada.page.status_code == 422
    assert "No resident of this cluster has this address." in ada.text
    wrong = "\nnobody@example.test,Gate,5.00,water,2090-01-31\neveryone,,1e3,water,2090-01-31"
    step(ada, "preview", file=upload(good + wrong))
    for line in ("No resident of this cluster", "Write what the bill is called.", "Write an amount such as 5,000"):
        assert line in ada.text, line
    step(ada, "preview", file=upload(good))
    assert "35" in ada.text
    assert "every resident" in ada.text
    assert cast.bola.email in ada.text
    assert bills(cast) == []
    step(ada, "issue", sheet=good)
    assert "2 bills are issued." in ada.text
    assert [str(bill.amount) for bill in bills(cast)] == ["10.00", "5.00"]


def upload(text: str) -> SimpleUploadedFile:
    return SimpleUploadedFile("sheet.csv", text.encode(), content_type="text/csv")


def test_inviting_and_changing_somebody(cast: Cast, ada: Browser) -> None:
    ada.open("/office/members/invite/")
    assert ada.send(email="no address").status_code == 422
    ada.send(email=f"kemi-{cast.cluster_id}@example.test", name="Kemi", role="staff", permissions=["ViewPayments"])
    assert "Kemi is invited by e-mail." in ada.text
    ada.open("/office/members/?role=staff")
    ada.open(next(link for link in ada.links if "/office/memberships/" in link))
    ada.send(role="staff", permissions=["ViewPayments", "ViewWallet"], unit="Gate house")
    assert "Saved." in ada.text
    assert ada.form().values["permissions"] == ["ViewPayments", "ViewWallet"]
    form = next(form for form in ada.forms if form.values.get("step") == "end")
    ada.send(form=form)
    assert "This membership ended" in ada.text


def test_nobody_raises_themselves(cast: Cast) -> None:
    manager = cast.manager("ManageMembers")
    browser = Browser(manager)
    browser.open(f"/office/memberships/{manager.membership_id}/")
    assert "Somebody else changes what you may do." in browser.text
    assert browser.send(role="staff", permissions=["ManageMembers", "TransferFunds"]).status_code == 403
    browser.open(f"/office/memberships/{cast.bola.membership_id}/")
    assert browser.send(role="staff", permissions=["TransferFunds"]).status_code == 403


def test_a_roster(cast: Cast, ada: Browser) -> None:
    ada.open("/office/members/import/")
    ada.send(file=upload("email,name\nnot an address,Nobody"))
    assert ada.page.status_code == 422
    assert "This is not an e-mail address." in ada.text
    ada.send(file=upload(f"email,name\nroster-{cast.cluster_id}@example.test,Tolu"))
    assert "1 new member" in ada.text


def test_a_dispute(cast: Cast, ada: Browser) -> None:
    bill = issue(cast, "100.00")
    dispute = acts.dispute(cast, cast.bola, bill)
    ada.open(f"/office/disputes/{dispute}/")
    assert ada.send(resolution="upheld", amount_due="200.00", note="Half").status_code in (409, 422)
    assert ada.send(resolution="upheld", amount_due="", note="Half").status_code == 422
    ada.send(resolution="upheld", amount_due="50", note="Half")
    assert "Decided." in ada.text
    assert str(acts.seen(cast, cast.bola, bill).amount_due) == "50.00"


def test_what_was_recorded_by_mistake(cast: Cast, ada: Browser) -> None:
    receipt = receive(cast, cast.bola, "100.00")
    ada.open(f"/office/transactions/{receipt.id}/")
    page = ada.page
    ada.send("/reverse/", amount="100.01", reason="Another's")
    assert "more than is left of this payment" in ada.text
    assert ada.confirm().status_code == 409
    ada.page = page
    ada.send("/reverse/", amount="100.00", reason="Another's")
    assert (cast.bola.name in ada.text, wallet_balance(cast.bola)) == (True, "100.00"), "it is shown first"
    ada.confirm()
    assert "Taken back. The member is being told." in ada.text
    assert "Recorded by mistake?" not in ada.text
    assert "Taken back</dt>" in ada.text
    assert wallet_balance(cast.bola) == "0.00"
    bola = Browser(cast.bola)
    assert "+" not in bola.open("/app/wallet/").content.decode().split('class="much"')[1][:60]
    assert "<h1>Taken back by the office</h1>" in bola.open(f"/app/transactions/{receipt.id}/").content.decode()


def test_the_refusal_of_a_correction_is_about_their_wallet(cast: Cast, ada: Browser) -> None:
    receipt = receive(cast, cast.bola, "100.00")
    bill = issue(cast, "60.00")
    acknowledge(cast, cast.bola, bill)
    acts.pay(cast, cast.bola, bill)
    ada.open(f"/office/transactions/{receipt.id}/")
    ada.send("/reverse/", amount="100.00", reason="Another's")
    assert ada.confirm().status_code == 402
    assert "Their wallet does not hold that much any more." in ada.text


def test_a_withdrawal_is_stopped(cast: Cast, ada: Browser) -> None:
    fund(cast, cast.bola, "100.00")
    bola = cast.bola
    made = wallets.withdraw(
        actor=bola.actor, amount=naira("60.00"), destination=ACCOUNT, authorization=no_pin(bola), now=cast.now
    )
    ada.open(f"/office/transactions/{made.id}/")
    assert ada.send("/stop/", reason="").status_code == 422
    ada.send("/stop/", reason="It was not you")
    assert "The member reads the reason." in ada.text
    assert wallet_balance(bola) == "40.00"
    ada.confirm()
    assert "Stopped. The money is back" in ada.text
    assert wallet_balance(bola) == "100.00"


def test_a_refund(cast: Cast, ada: Browser) -> None:
    fund(cast, cast.bola, "100.00")
    bill = issue(cast, "100.00")
    acknowledge(cast, cast.bola, bill)
    payment, _ = acts.pay(cast, cast.bola, bill)
    ada.open(f"/office/transactions/{payment.id}/")
    page = ada.page
    ada.send("/refund/", amount="100.01", reason="Twice")
    assert "more than is left of this payment" in ada.text
    assert ada.confirm().status_code == 409
    assert ada.send("/refund/", amount="", reason="Twice").status_code == 422
    ada.page = page
    ada.send("/refund/", amount="40.00", reason="Twice")
    assert "Not refunded then" in ada.text
    assert "They owe as much on the bill again." in ada.text
    assert wallet_balance(cast.bola) == "0.00"
    ada.confirm()
    assert "The refund is made." in ada.text
    assert wallet_balance(cast.bola) == "40.00"


def test_money_by_hand(cast: Cast, ada: Browser) -> None:
    bill = issue(cast, "100.00")
    acknowledge(cast, cast.bola, bill)
    for number, to in (("A-1", {"bill_id": str(bill.id)}), ("A-2", {"bill_id": ""})):
        ada.open(f"/office/members/{cast.bola.user_id}/payment/")
        ada.send(amount="60.00", method="cash", reference=number, **to)
        assert cast.bola.name in ada.text
        form, page = ada.form(), ada.page
        ada.confirm()
        assert "Recorded." in ada.text
        ada.page = page
        ada.confirm(form=form)
    ada.open(f"/office/members/{cast.bola.user_id}/payment/")
    ada.send(amount="60.00", method="cash", reference="a1")
    assert ada.confirm().status_code == 409
    assert (wallet_balance(cast.bola), cluster_balance(cast.cluster_id)) == ("60.00", "60.00")


def test_a_transfer_takes_two(cast: Cast, ada: Browser) -> None:
    ada.open("/office/wallet/credit/")
    ada.send(amount="3,000,000", description="Hall", source="Bank transfer")
    assert "The wallet then holds" in ada.text
    assert cluster_balance(cast.cluster_id) == "0.00"
    ada.confirm()
    assert "Credited to the estate" in ada.text
    ada.open("/office/wallet/transfer/")
    sent = {"amount": "1,500,000", "description": "Diesel", "account_number": BANK.account_number}
    form = ada.form()
    ada.send(form=form, **sent, bank_code=BANK.bank_code, account_name=BANK.account_name)
    assert "A second person approves it" in ada.text
    page, form = ada.page, ada.form()
    ada.confirm(form=form, although="yes")
    address = ada.page.request["PATH_INFO"]
    assert "Waits for a second person" in ada.text
    assert "somebody else with the right to send money decides" in ada.text
    ada.page = page
    ada.confirm(form=form, although="yes")
    with tenant(cast.cluster_id):
        assert Payout.objects.filter(cluster_id=cast.cluster_id).count() == 1
    checker = Browser(cast.manager("TransferFunds"))
    checker.open(address)
    assert BANK.account_number in checker.text
    form = checker.form()
    checker.send(form=form, step="approve")
    assert "Approved." in checker.text
    assert "The bank account is new" in checker.text
    for list_of_it in ("/office/wallet/transfers/", "/office/wallet/"):
        ada.open(list_of_it)
        assert "not sent before" in ada.text
        assert address in ada.links
    ada.open(address.replace("wallet/transfers", "transactions"))
    assert address in ada.links
    checker.open(address)
    assert cluster_balance(cast.cluster_id) == "1500000.00"
    checker.send(form=next(form for form in checker.forms if "reason" in form.values), step="reject", reason="Wrong")
    assert "Stopped." in checker.text
    assert cluster_balance(cast.cluster_id) == "3000000.00"


@pytest.mark.usefixtures("stage")
def test_a_transfer_to_an_account_of_another_name(cast: Cast, ada: Browser) -> None:
    """The bank's name is shown to whoever asks and to whoever approves, and both say that they send it all the same."""
    approval_limit(cast, 100)
    credit(cast, "1000.00")
    ada.open("/office/wallet/transfer/")
    sent = {"amount": "300", "description": "Diesel", "account_name": "Island Fuels"}
    ada.send(**sent, bank_code="999", account_number="0123456789")
    assert "There is no such account" in ada.text
    assert 'value="Island Fuels"' in ada.text
    ada.send(bank_code="058", account_number=BANK.account_number)
    holder = str(holder_of(bank_code="058", account_number=BANK.account_number))
    assert "The names differ" in ada.text
    assert holder in ada.text
    assert ada.confirm().status_code == 422
    page, form = ada.page, ada.form()
    ada.confirm(form=form, although="yes", seen_name="ISLAND FUELS")
    assert "in another name. Check it again." in ada.text
    ada.page = page
    ada.send(form=form, step="edit")
    assert 'value="300"' in ada.text
    ada.page = page
    ada.confirm(form=form, although="yes")
    address = ada.page.request["PATH_INFO"]
    assert "Waits for a second person" in ada.text
    ada.open("/office/wallet/transfers/")
    assert "the bank names another holder" in ada.text
    checker = Browser(cast.manager("TransferFunds"))
    checker.open(address)
    assert holder in checker.text
    assert checker.send(form=checker.form(), step="approve").status_code == 422
    checker.send(form=checker.form(), step="approve", although="yes")
    assert "Approved." in checker.text
    ada.open("/office/audit/")
    assert "Name check: differs" in ada.text


@pytest.mark.parametrize("silent", ["timeout_before", "error_before"])
def test_a_transfer_while_the_bank_is_silent(stage: Stage, cast: Cast, ada: Browser, silent: str) -> None:
    credit(cast, "1000.00")
    stage.dial(**{f"list__{silent}": 1.0})
    ada.open("/office/wallet/transfer/")
    ada.send(
        amount="300", description="Diesel", account_name="Island Fuels", bank_code="058", account_number="0123456789"
    )
    assert "The bank did not say whose account this is." in ada.text
    ada.confirm(although="yes")
    assert "Your transfer is noted." in ada.text


def test_the_maker_cannot_approve(cast: Cast) -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    ada.open(f"/office/wallet/transfers/{lived.transfer}/")
    assert not [form for form in ada.forms if form.method == "post"]
    ada.open("/office/wallet/transfer/")
    answer = ada.client.post(
        f"/office/wallet/transfers/{lived.transfer}/", ada.form().values | {"step": "approve"}, follow=True
    )
    assert answer.status_code == 403
    with tenant(lived.cast.cluster_id):
        assert Transaction.objects.get(id=lived.transfer).status == "pending"


def test_settings(cast: Cast, ada: Browser) -> None:
    ada.open("/office/settings/")
    assert ada.send(timezone="Nowhere/Here", name="Palm Grove North").status_code == 422
    assert 'value="Palm Grove North"' in ada.text, "what was typed stays"
    ada.send(
        name="Palm Grove West",
        timezone="Africa/Lagos",
        transfer_approval_limit="250,000",
        support_email="office@example.test",
    )
    assert "Saved." in ada.text
    assert 'value="250,000.00"' in ada.text
    assert ada.send(transfer_approval_limit="").status_code == 422
    clerk = Browser(cast.manager("ManageMembers"))
    clerk.open("/office/settings/")
    clerk.send(name="Palm Grove East")
    ada.open("/office/settings/")
    assert "Palm Grove East" in ada.text
    assert 'value="250,000.00"' in ada.text


def test_an_estate_with_another_currency(cast: Cast) -> None:
    """Its sign stands before every amount that is typed, it may be typed along, and how notices write it can be chosen."""
    nairobi = make_estate(
        "Nairobi Heights", (Part("Wanjiru", Role.ADMIN),), cast.now, currency="KES", timezone="Africa/Nairobi"
    )
    wanjiru = Browser(nairobi["Wanjiru"])
    for address in ("/office/wallet/credit/", "/office/wallet/transfer/", "/office/settings/", "/office/bills/new/"):
        wanjiru.open(address)
        assert ">KES</span>" in wanjiru.text
        assert "₦" not in wanjiru.text
    wanjiru.open("/office/wallet/credit/")
    wanjiru.send(amount="KES 1,500.50", description="Hall", source="Cash")
    assert "KES 1,500" in wanjiru.text
    wanjiru.open("/office/settings/")
    assert "Kenya: KES 1,234.50" in wanjiru.text
    wanjiru.send(locale="en-US")
    assert "Saved." in wanjiru.text
    assert wanjiru.form().values["locale"] == "en-US"


def test_pausing_a_recurring_payment() -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    ada.open(f"/office/recurring/{lived.order}/")
    ada.send(reason="Their call")
    assert "Paused. Its member is being told." in ada.text
    payer = Browser(lived.cast.bola)
    payer.open(f"/app/recurring/{lived.order}/")
    assert "You can resume it once the office lets you" in payer.text
    assert not [form for form in payer.forms if "resume" in form.action]
    ada.send()
    assert "Its member may resume it, and is being told." in ada.text
    assert not [form for form in ada.forms if form.method == "post"]
    payer.open(f"/app/recurring/{lived.order}/")
    payer.send("resume/")
    assert "It runs again" in payer.text


def test_a_form_of_another_estate_does_nothing(cast: Cast, ada: Browser) -> None:
    ada.open("/office/wallet/credit/")
    answer = ada.send(amount="100", description="Hall", source="Cash", form_estate=str(cast.lekki.id))
    assert answer.status_code == 409
    assert cluster_balance(cast.cluster_id) == "0.00"


def test_a_webhook_from_its_secret_to_its_end(cast: Cast, ada: Browser) -> None:
    ada.open("/office/settings/webhooks/new/")
    assert ada.send(url="http://10.0.0.1/x").status_code == 422
    assert 'value="http://10.0.0.1/x"' in ada.text
    page, form = ada.page, ada.form()
    ada.send(form=form, url="https://estate.example/clustr", description="Accounts", events=["payment_confirmed"])
    secret = next(word for word in ada.text.split() if "whsec_" in word)
    ada.page = page
    ada.send(form=form, url="https://estate.example/clustr", description="Accounts", events=["payment_confirmed"])
    assert len(endpoints_of(actor=cast.ada.actor)) == 1
    (made,) = endpoints_of(actor=cast.ada.actor)
    ada.open(f"/office/settings/webhooks/{made.id}/")
    assert "whsec_" not in ada.text
    assert "A payment was received" in ada.text
    ada.send("/secret/")
    assert "whsec_" in ada.text
    assert secret not in ada.text
    for step, said in (("disable", "Switched off."), ("enable", "Switched on.")):
        ada.open(f"/office/settings/webhooks/{made.id}/")
        ada.send("/change/", step=step)
        assert said in ada.text
    ada.open(f"/office/settings/webhooks/{made.id}/")
    ada.send("/change/", step="remove")
    assert "No webhook yet" in ada.text
    assert ada.open(f"/office/settings/webhooks/{made.id}/").status_code == 404


def test_an_event_is_sent_again(cast: Cast, ada: Browser) -> None:
    lived = make_lived()
    browser = Browser(lived.cast.ada)
    browser.open(f"/office/settings/webhooks/{lived.endpoint}/")
    assert "Waits" in browser.text
    browser.send("/again/")
    assert "It is being sent again" in browser.text
    page = browser.page
    assert browser.send("/again/", delivery_id=str(lived.wide.id)).status_code == 404
    assert_leads_on_from(browser, f"/office/settings/webhooks/{lived.endpoint}/", more=False)
    browser.page = page
    browser.send("/change/", step="disable")
    assert "/again/" not in browser.text
    assert "Not sent" in browser.text


@pytest.mark.usefixtures("stage")
def test_the_estates_bank_account(cast: Cast, ada: Browser) -> None:
    """Its holder's name is shown before it is kept; then money is sent there without typing."""
    ada.open("/office/settings/bank/")
    assert step(ada, "look", bank_code="999", account_number="0123456789").status_code == 422
    assert "There is no such account at this bank." in ada.text
    step(ada, "look", bank_code="058", account_number=BANK.account_number)
    holder = str(holder_of(bank_code="058", account_number=BANK.account_number))
    assert holder in ada.text
    assert "waits 24 hours" in ada.text
    assert bank_details(actor=cast.ada.actor, now=cast.now) is None
    page = ada.page
    assert step(ada, "keep", account_name="Somebody else").status_code == 409
    ada.page = page
    step(ada, "keep")
    assert "Kept." in ada.text
    assert "New: money sent there waits until" in ada.text
    ada.open("/office/wallet/transfer/?to=own")
    assert f'value="{holder}"' in ada.text
    assert ada.form().values["account_number"] == BANK.account_number


def test_an_estate_without_bills_is_told_what_to_do_first(cast: Cast, ada: Browser) -> None:
    ada.open("/office/")
    assert "What to do first" in ada.text
    assert "3 residents are here." in ada.text
    assert "plot-axis" not in ada.text
    clerk = Browser(cast.manager("ViewPayments"))
    clerk.open("/office/")
    assert "/office/bills/new/" not in clerk.links
    issue(cast)
    ada.open("/office/")
    assert "What to do first" not in ada.text
    assert "plot-axis" in ada.text


def test_lists_are_searched_for_their_members() -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    bola, reference = lived.cast.bola.user_id, reference_of(lived.payment)
    other = lived.cast.residents[1].name
    for address, q, found, missed in (
        ("/office/transactions/", "bola", str(lived.payment), "Diesel, January"),
        ("/office/transactions/", reference.lower(), str(lived.payment), "Gate repair"),
        ("/office/recurring/", "bola", str(lived.order), "No recurring payments here"),
        ("/office/recurring/", "nobody", "No recurring payments here", str(lived.order)),
        ("/office/disputes/", other, str(lived.dispute), "No disputes here"),
        ("/office/disputes/", "bola", "No disputes here", str(lived.dispute)),
        (f"/office/bills/{lived.wide.id}/", "bola", f"/office/members/{bola}/", "Nobody here"),
        (f"/office/bills/{lived.wide.id}/", "nobody", "Nobody here", f"/office/members/{bola}/"),
        ("/office/audit/", "bola", "paid a bill from the wallet", "issued a bill"),
        ("/office/utilities/", "bola", "No purchases here", "Diesel"),
    ):
        answer = ada.client.get(address, {"q": q, "status": "open"} if "disputes" in address else {"q": q})
        text = answer.content.decode()
        rows = text[text.index('id="rows"') :]
        assert found in rows, (address, q)
        assert missed not in rows, (address, q)


def test_what_is_said_beside_the_forms(cast: Cast, ada: Browser, monkeypatch: pytest.MonkeyPatch) -> None:
    """How long a new bank account waits, that a list is cut only where it is, and that nothing fits rather than nothing is."""
    ada.open("/office/wallet/transfer/")
    assert "waits 24 hours" in ada.text
    ada.open("/office/settings/roles/")
    assert "of each role are shown" not in ada.text
    admins = ada.text.count('<span class="soft">Administrator</span>')
    assert admins > 0 and admins >= ada.text.count('<span class="soft">Staff</span>')
    monkeypatch.setattr("clustr.web.pages.office.roles._MOST", admins)
    ada.open("/office/settings/roles/")
    assert "of each role are shown" not in ada.text
    cast.manager("ViewWallet")
    for _ in range(admins):
        cast.manager("ViewWallet")
    ada.open("/office/settings/roles/")
    assert f"The first {admins} of each role are shown" in ada.text
    ada.open("/office/transactions/?type=refund")
    assert "Nothing fits what you asked for." in ada.text


def test_a_telephone_shows_the_status_of_what_is_not_done() -> None:
    lived = make_lived()
    ada = Browser(lived.cast.ada)
    ada.open("/office/wallet/")
    waiting, *done = (row for row in ada.text.split("<tr>") if 'data-name="Status"' in row)
    assert '<td data-name="Status">' in waiting
    assert any('<td class="gone-narrow" data-name="Status">' in row for row in done)
