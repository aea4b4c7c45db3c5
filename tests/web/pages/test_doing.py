"""What else residents do without JavaScript: wallet, PIN, recurring payments, notices, signing in."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.formats import date_format

from clustr.bills.types import BillType
from clustr.kit.ids import new_id, reference_of
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.people.models import User
from clustr.recurring.models import RecurringPayment, Run
from clustr.wallets import commands as wallets
from clustr.web.pages.residents.notices import IF_IT_WAS_NOT_YOU
from tests.cast import Cast
from tests.money import acknowledge, fund, issue, wallet_balance
from tests.people.test_second_factor import code_now
from tests.recurring.acts import order_of, process
from tests.web.asking import dispute
from tests.web.pages.browsing import Browser, assert_leads_on_from

PASSWORD = "harmattan-wind"
ROOT = Path(__file__).resolve().parents[3]
pytestmark = pytest.mark.usefixtures("books")


@pytest.fixture
def bola(cast: Cast) -> Browser:
    fund(cast, cast.bola, "20000.00")
    return Browser(cast.bola)


def test_withdraw_set_a_pin_and_freeze(cast: Cast, bola: Browser) -> None:
    bola.open("/app/wallet/withdraw/")
    bola.send(amount="5,000", bank_code="058", account_number="0123456789")
    assert "Your wallet then holds" in bola.text
    assert wallet_balance(cast.bola) == "20000.00"
    key = bola.form().values["form_key"]
    assert bola.confirm(pin="482915").status_code == 422, (
        "nobody could say whose account it is, and nobody said they know"
    )
    assert bola.form().values["form_key"] == key, "nothing was asked for"
    assert "482915" not in bola.text
    bola.confirm(although="yes")
    assert "Your withdrawal is noted." in bola.text
    assert "It waits before it is sent" in bola.text
    assert "Guaranty Trust Bank" in bola.text
    assert "ending 6789" in bola.text
    assert wallet_balance(cast.bola) == "15000.00"
    bola.send("/cancel/")
    assert "It was stopped before it was sent. The money is back in your wallet." in bola.text
    assert ">Stopped</h1>" in bola.text
    bola.open("/app/wallet/")
    for words in ('<span class="incoming">+', "−₦5,000", "then ₦15,000.00", "then ₦20,000.00"):
        assert words in bola.text
    assert wallet_balance(cast.bola) == "20000.00"
    bola.open("/app/wallet/pin/")
    assert bola.send(pin="123456", pin_again="123456").status_code == 422
    assert "too easy" in bola.text
    assert bola.send(pin="482915", pin_again="482951").status_code == 422
    assert "The two PINs are not the same." in bola.text
    bola.send(pin="482915", pin_again="482915")
    assert "Your PIN is set." in bola.text
    bola.send("freeze/")
    assert "Frozen: money may come in" in bola.text
    bola.open("/app/wallet/withdraw/")
    assert "Your wallet is frozen. It holds ₦20,000.00" in bola.text
    assert "account_number" not in bola.text
    bola.open("/app/wallet/")
    assert bola.send("unfreeze/", pin="111111").status_code == 403
    bola.send("unfreeze/", pin="482915")
    assert "Your wallet is open again." in bola.text


def test_a_lost_pin_needs_a_fresh_sign_in(cast: Cast) -> None:
    checked = wallets.check_new_pin(actor=cast.bola.actor, pin="482915", old_pin=None, now=cast.now)
    wallets.keep_pin(actor=cast.bola.actor, checked=checked, now=cast.now)
    late = Browser(cast.bola, signed_in_ago_seconds=3 * 3600)
    late.open("/app/wallet/pin/reset/")
    late.send()
    assert late.page.request["PATH_INFO"] == "/accounts/reauthenticate/"
    fresh = Browser(cast.bola)
    fresh.open("/app/wallet/pin/reset/")
    fresh.send()
    assert "A code is on its way" in fresh.text


def marked(browser: Browser) -> set[str]:
    """The fields that are marked as wrong."""
    return set(re.findall(r'id="id_(\w+)_error"', browser.text))


def test_every_wrong_field_of_a_withdrawal_is_marked(bola: Browser) -> None:
    bola.open("/app/wallet/withdraw/")
    assert bola.send(amount="much", bank_code="058", account_number="12").status_code == 422
    assert marked(bola) == {"amount", "account_number"}
    assert bola.send(amount="", bank_code="", account_number="12").status_code == 422
    assert marked(bola) == {"amount", "bank_code", "account_number"}


def test_every_wrong_field_of_a_transfer_and_of_a_new_order_is_marked(cast: Cast, bola: Browser) -> None:
    ada = Browser(cast.ada)
    ada.open("/office/wallet/transfer/")
    assert ada.send(amount="much", description="", bank_code="058", account_number="12").status_code == 422
    assert marked(ada) == {"amount", "description", "account_number"}
    bola.open("/app/recurring/new/")
    assert bola.send(title="", amount="much", bill_type="").status_code == 422
    assert marked(bola) == {"amount", "title", "bill_type"}
    assert "Choose one of these." in bola.text


def test_a_recurring_payment(cast: Cast, bola: Browser) -> None:
    bola.open("/app/recurring/new/")
    assert bola.send(title="Service charge", amount="x", bill_type="service_charge").status_code == 422
    assert "Write an amount" in bola.text
    assert bola.send(title="Service charge", amount="15,000", bill_type="").status_code == 422, (
        "nobody said what it is for"
    )
    assert "Choose one of these." in bola.text
    bola.send(title="Service charge", amount="15,000", bill_type="service_charge")
    assert "Set up. You need do nothing more." in bola.text
    order = bola.page.request["PATH_INFO"]
    unread = issue(cast, "30000.00")
    bola.open(order)
    assert "A bill that it would pay waits to be read." in bola.text
    acknowledge(cast, cast.bola, unread)
    bola.open("/app/recurring/new/")
    bola.send(title="Levy", amount="9,000", bill_type="contribution")
    assert "a contribution to the estate" in bola.text
    bola.open("/app/recurring/")
    assert "₦4,000.00 will be missing" in bola.text
    bola.open("/app/")
    assert "₦4,000.00 will be missing" in bola.text
    bola.open(order)
    bola.send("pause/")
    assert "Paused." in bola.text
    bola.send("resume/")
    assert "It runs again" in bola.text
    bola.send("/cancel/")
    assert "Cancelled. Nothing more is taken." in bola.text


def test_all_of_how_a_recurring_payment_went(cast: Cast, bola: Browser) -> None:
    order = order_of(cast)
    with tenant(cast.cluster_id):
        RecurringPayment.objects.filter(id=order).update(next_period=23)
        for period in range(23):
            Run.objects.create(
                id=new_id(), cluster_id=cast.cluster_id, order_id=order, period=period, state="stopped",
                due_at=datetime(2026, 7, period + 1, tzinfo=UTC), cap_minor=100, attempts=1, told_attempts=1, started_at=cast.now, ended_at=cast.now,
            )  # fmt: skip
    bola.open(f"/app/recurring/{order}/")
    assert (">4 July 2026<" in bola.text, ">3 July 2026<" in bola.text) == (True, False)
    onward = re.search(r'hx-get="([^"]+cursor=[^"]+)"', bola.text)
    assert onward
    rows = bola.open(f"/app/recurring/{order}/" + onward[1].replace("&amp;", "&"), HX_Request="true").content.decode()
    assert rows.count('class="item"') == 3
    assert (">4 July 2026<" in rows, ">3 July 2026<" in rows, "<html" in rows) == (False, True, False)
    bola.open(f"/app/recurring/{order}/")
    form = bola.form("pause/")
    bola.send("/cancel/")
    assert bola.send(form=form).status_code == 409
    assert_leads_on_from(bola, f"/app/recurring/{order}/")


def test_a_run_is_looked_for_by_month_by_where_it_stands_and_why(cast: Cast, bola: Browser) -> None:
    issue(cast)  # waits to be read from now on
    order = order_of(cast, bill_type=BillType.SERVICE_CHARGE)
    short = {"failure": "insufficient_funds", "short_minor": 4_000_00}
    runs: list[tuple[str, datetime, dict[str, Any]]] = [
        *(("stopped", datetime(2025, 11, 1, tzinfo=UTC), {}), ("failed", datetime(2026, 3, 1, tzinfo=UTC), short)),
        *(("nothing_due", datetime(2026, 5, 1, tzinfo=UTC), {}), ("nothing_due", cast.now, {})),
    ]
    with tenant(cast.cluster_id):
        RecurringPayment.objects.filter(id=order).update(next_period=len(runs))
        for period, (state, due_at, more) in enumerate(runs):
            Run.objects.create(
                id=new_id(), cluster_id=cast.cluster_id, order_id=order, period=period, state=state, due_at=due_at,
                cap_minor=100, attempts=1, told_attempts=1, started_at=cast.now, ended_at=cast.now, **more,
            )  # fmt: skip
    here, today = f"/app/recurring/{order}/", date_format(timezone.localtime(cast.now), "F Y")

    def found(q: str) -> list[str]:
        rows = bola.open(f"{here}?q={q}", HX_Request="true").content.decode()
        assert "<html" not in rows
        return re.findall(r'class="name">\d+ (\w+ \d+)<', rows)

    assert found("march") == found("did+not+go") == found("missing+in") == ["March 2026"]
    assert found("2025") == found("stopped") == ["November 2025"]
    assert found("1+march+2026") == found("March+2026") == found("1+March") == ["March 2026"], "as rows say it"
    assert found("March+2025") == found("2+March") == found("1+of+March") == found("0001") == found("9999") == []
    assert found("nothing+was+due") == ["May 2026"], "and not what waited to be read"
    assert found("not+paid") == found("had+not+read") == [today]
    assert found("0000") == found("100%25") == []
    assert "None like this" in bola.open(f"{here}?q=never").content.decode()


def test_a_run_is_looked_for_by_the_reference_of_what_it_paid(cast: Cast, bola: Browser) -> None:
    order = order_of(cast)
    assert process(cast).completed == 1
    with tenant(cast.cluster_id):
        paid = Transaction.objects.get(type="recurring_payment", user_id=cast.bola.user_id)
    for reference, shown in ((paid.reference.lower(), 1), (reference_of(new_id()), 0)):
        rows = bola.open(f"/app/recurring/{order}/?q={reference}", HX_Request="true").content.decode()
        assert rows.count('<li class="item">') == shown


def test_what_went_out_has_the_sign_of_the_statement(cast: Cast, bola: Browser) -> None:
    acknowledge(cast, cast.bola, bill := issue(cast, "200.00"))
    bola.open(f"/app/bills/{bill.id}/")
    bola.send("pay/", amount="200")
    for address in ("/app/", "/app/transactions/", "/app/wallet/", "/app/wallet/statement/"):
        bola.open(address)
        assert "−₦200<" in bola.text, address
        assert "+<span" in bola.text, "what came in"


def test_a_paid_bill_leads_to_its_own_receipts_and_payments(cast: Cast, bola: Browser) -> None:
    paid, other = issue(cast, "200.00", title="Road levy"), issue(cast, "300.00", title="Water")
    for bill, amount in ((paid, "50"), (other, "10"), (paid, "150")):
        acknowledge(cast, cast.bola, bill)
        bola.open(f"/app/bills/{bill.id}/")
        bola.send("pay/", amount=amount)
    bola.open(f"/app/bills/{paid.id}/")
    payments = [link for link in bola.links if re.fullmatch("/app/transactions/[0-9a-f-]{36}/", link)]
    assert len(set(payments)) == 2
    (receipts,) = [link for link in bola.links if "kind=receipts" in link]
    bola.open(receipts)
    assert {link for link in bola.links if re.fullmatch("/app/transactions/[0-9a-f-]{36}/", link)} == set(payments)
    assert (">Water<" in bola.text, f"/app/bills/{paid.id}/" in bola.links) == (False, True)
    assert bola.open(f"/app/transactions/?bill={other.id}&bill=x").status_code == 200


def test_what_a_notice_asks_for_stands_there(cast: Cast, bola: Browser) -> None:
    """What to do is said openly; what is only for whom it was not, when they ask."""
    issue(cast, "200.00")
    bola.open("/app/notices/")
    for title, asked in (("New bill:", False), ("is in your ClustR wallet", True)):
        notice = next(part for part in bola.text.split('class="item') if title in part)
        assert ("Was it not you?" in notice) is asked, title
    assert "What to do" not in bola.text
    assert "Review it in ClustR first" in bola.text


def test_which_notices_are_only_for_whom_it_was_not() -> None:
    opens = re.compile(
        r"{% endblock %}\n{% block body %}[^\n]*\n\n{% translate \"If it was not you[^\n]*{% endblock %}\n*$"
    )
    events = ROOT / "clustr/notifications/templates/notifications/events"
    assert {path.stem for path in events.glob("*.txt") if opens.search(path.read_text())} == IF_IT_WAS_NOT_YOU


def test_a_page_behind_you_marks_you_on_a_phone(cast: Cast, bola: Browser) -> None:
    for address, marked in (("/app/notices/", True), ("/app/recurring/", True), ("/app/wallet/", False)):
        bola.open(address)
        assert ('class="leads-here"' in bola.text) is marked, address
        assert bola.text.count('aria-current="page"') == 1


@pytest.mark.parametrize("address", ["/accounts/2fa/", "/accounts/password/change/", "/accounts/email/", "/accounts/sessions/"])  # fmt: skip
def test_a_page_of_ones_account_stands_in_the_residents_frame(cast: Cast, bola: Browser, address: str) -> None:
    bola.open(address)
    assert 'class="framed"' in bola.text
    assert bola.text.count('aria-current="page"') == 1
    assert {"/app/you/", "/app/wallet/"} <= set(bola.links)


@pytest.mark.parametrize(
    ("address", "says"),
    [
        ("/accounts/2fa/totp/activate/", "Set up the app"),
        ("/accounts/logout/", "Wherever else you are signed in, you stay so."),
        ("/accounts/confirm-email/", "Check your e-mail"),
        ("/accounts/confirm-email/x/", "This link does not work"),
    ],
)
def test_signing_in_speaks_our_words(cast: Cast, bola: Browser, address: str, says: str) -> None:
    assert bola.open(address).status_code == 200
    assert says in bola.text
    assert 'alt="The picture for your app' in bola.text or "totp" not in address


def by_password(cast: Cast) -> Browser:
    """Bola, who signed in at the page for it."""
    user = User.objects.get(id=cast.bola.user_id)
    user.set_password(PASSWORD)
    user.save(update_fields=["password"])
    browser = Browser(None)
    browser.open("/accounts/login/")
    browser.send("/accounts/login/", login=user.email, password=PASSWORD)
    return browser


def test_a_second_factor_is_set_up_on_the_one_phone_there_is(cast: Cast) -> None:
    """Its key can be opened, copied or typed there; the codes come once, with a way on; a wrong code says what to do."""
    bola = by_password(cast)
    bola.open("/accounts/2fa/totp/activate/")
    assert "Is it you?" in bola.text
    assert "/app/you/" in bola.links
    bola.send("/reauthenticate/", password=PASSWORD)
    assert any(link.startswith("otpauth://totp/") for link in bola.links)
    assert "/accounts/2fa/" in bola.links
    key = re.search(r'data-copy="([A-Z2-7]{32})"', bola.text)
    assert key
    assert f'<span class="together">{key[1][:4]}</span>' in bola.text
    assert 'inputmode="numeric"' in bola.text
    bola.send("/2fa/totp/activate/", code="000000")
    assert "This code does not count." in bola.text
    bola.send("/2fa/totp/activate/", code=code_now(key[1]))
    assert "Your second factor is on." in bola.text
    codes = re.search(r"<textarea[^>]*>([0-9\n]+)</textarea>", bola.text)
    assert codes
    assert len(codes[1].split()) == 10
    assert f'data-copy="{codes[1]}"' in bola.text
    assert "/accounts/2fa/" in bola.links
    bola.open("/accounts/2fa/recovery-codes/")
    assert "10 of 10 are left. They were shown once" in bola.text
    assert "textarea" not in bola.text


def test_signing_in_is_greeted_once(cast: Cast) -> None:
    """The start page says good morning; a line above it that says the same would only push down what is owed."""
    browser = by_password(cast)
    assert "You owe now" in browser.text
    assert "signed in as" not in browser.text


@pytest.mark.parametrize("address", ["/app/recurring/", "/app/utilities/automations/"])
def test_an_empty_list_asks_for_the_first_once_and_searches_nothing(cast: Cast, bola: Browser, address: str) -> None:
    bola.open(address)
    assert bola.links.count(f"{address}new/") == 1
    assert 'role="search"' not in bola.text
    bola.open(f"{address}?q=water")
    assert 'role="search"' in bola.text


def test_another_estate_is_offered_to_who_has_another(cast: Cast, bola: Browser) -> None:
    bola.open("/app/you/")
    assert "Choose another estate" not in bola.text


def test_a_bill_in_dispute_stands_apart_on_the_start_page(cast: Cast, bola: Browser) -> None:
    kept, objected = issue(cast, "200.00", title="Road levy"), issue(cast, "300.00", title="Water")
    dispute(cast, cast.bola, objected)
    bola.open("/app/")
    before, _, after = bola.text.partition('id="disputed"')
    assert str(kept.id) in before.partition("To settle")[2]
    assert str(objected.id) not in before
    assert str(objected.id) in after


def test_notices_and_preferences(cast: Cast, bola: Browser) -> None:
    bill = issue(cast, "5000.00")
    bola.open("/app/notices/")
    assert "(unread)" in bola.text
    assert f"/app/bills/{bill.id}/" in bola.links
    bola.send("read/")
    assert "(unread)" not in bola.text
    bola.open("/app/notices/preferences/")
    form = bola.form()
    wanted = list(form.values["wanted"])
    wanted.remove("bill_acknowledged:email")
    form.values["wanted"] = wanted
    bola.send(form=form)
    assert "Kept." in bola.text
    assert "bill_acknowledged:email" not in bola.form().values["wanted"]


def test_a_notice_is_found(cast: Cast, bola: Browser) -> None:
    """By what it is about, and by what kind of thing it is."""
    issue(cast, "5000.00", title="Borehole pump")
    issue(cast, "5000.00", title="Lawn, 100% green")
    for wanted in ("borehole", "PUMP"):
        bola.open(f"/app/notices/?q={wanted}")
        assert ("Borehole pump" in bola.text, "Lawn" in bola.text) == (True, False)
    bola.open("/app/notices/?q=100%25")
    assert ("Borehole pump" in bola.text, "Lawn" in bola.text) == (False, True)
    rows = bola.open("/app/notices/?q=new+bill", HX_Request="true").content.decode()
    assert "Borehole pump" in rows
    assert "<html" not in rows
    said = bola.open("/app/notices/?q=acknowledge+it").content.decode()
    assert "Borehole pump" in said
    assert "Lawn" in said
    bola.open("/app/notices/?q=nothing+of+the+kind")
    assert "No notice fits what you are looking for." in bola.text


def test_what_i_am_called(cast: Cast, bola: Browser) -> None:
    bola.open("/app/you/name/")
    assert bola.send(name=" ").status_code == 422
    bola.send(name="  Bola   Akinwale-Ojo ")
    assert "Your name is changed." in bola.text
    assert "Bola Akinwale-Ojo" in bola.text


def test_signing_in_leads_back_to_the_page(cast: Cast) -> None:
    from allauth.usersessions.models import UserSession

    from clustr.people.models import User

    user = User.objects.get(id=cast.bola.user_id)
    user.set_password("a long password")
    user.save(update_fields=["password"])
    someone = Browser(None)
    someone.open("/app/bills/")
    assert "Welcome" in someone.text
    someone.send("/login/", login=cast.bola.email, password="a long password")
    assert someone.page.request["PATH_INFO"] == "/app/bills/"
    someone.open("/accounts/sessions/")
    since = UserSession.objects.get(user_id=cast.bola.user_id).created_at.astimezone(ZoneInfo("Africa/Lagos"))
    assert f">{since.day} {since:%b %Y, %H:%M}</span>, from" in someone.text  # the estate's time


def test_signing_in_elsewhere_than_here_leads_to_the_start(cast: Cast, bola: Browser) -> None:
    for wanted in ("https://evil.example/", "//evil.example/"):
        bola.open("/app/you/")
        answer: Any = bola.client.post(
            "/app/theme/",
            {"theme": "dark", "next": wanted, "csrfmiddlewaretoken": bola.forms[0].values["csrfmiddlewaretoken"]},
        )
        assert answer["Location"] == "/"
