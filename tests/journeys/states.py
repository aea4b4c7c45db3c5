"""Pages as they are after somebody did something on them: forms with mistakes, what is shown before money moves, questions
that stand open. Nothing is done by any of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from tests.journeys.demonstration import PASSWORD
from tests.journeys.office_scene import OfficeScene
from tests.journeys.scene import SECURED, Scene


@dataclass(frozen=True)
class State:
    """An address; what is opened there, by its words; what is filled in, by label; the button that is pressed then."""

    address: str
    opened: tuple[str, ...] = ()
    filled: dict[str, str] = field(default_factory=dict)
    pressed: str = ""


def arrive(page: Any, url: str, at: str | State) -> None:
    """Open a page, and bring it into its state; past the question whether it is really you, where that stands before it."""
    page.goto(url + (at if isinstance(at, str) else at.address))
    if isinstance(at, str):
        return
    if "/reauthenticate/" in page.url:
        page.get_by_label("Password").fill(PASSWORD)
        with page.expect_navigation():
            page.get_by_role("button", name="Go on").click()
    for words in at.opened:
        page.locator("summary", has_text=words).first.click()
    for label, value in at.filled.items():
        _fill(page.locator("main").get_by_label(label).first, value)
    if at.pressed:
        with page.expect_navigation():
            page.locator("main").get_by_role("button", name=at.pressed).first.click()
    page.evaluate("scrollTo(0, 0)")


def _fill(field: Any, value: str) -> None:
    match field.evaluate("field => field.type"):
        case "select-one":
            field.select_option(label=value)
        case "checkbox" | "radio":
            field.check()
        case _:
            field.fill(value)


OUTSIDE_STATES: dict[str, str | State] = {
    "sign-in-wrong": State(
        "/accounts/login/", filled={"E-mail": "nobody@palmgrove.test", "Password": "not it"}, pressed="Sign in"
    ),
    "sign-in-second-step": State(
        "/accounts/login/", filled={"E-mail": SECURED, "Password": PASSWORD}, pressed="Sign in"
    ),
}
"""Of pages that nobody has to sign in for."""
SECURED_PAGES: dict[str, str | State] = {
    "is-it-you-secured": "/accounts/2fa/totp/deactivate/",
    "is-it-you-code": "/accounts/2fa/reauthenticate/",
    "second-factor-set": "/accounts/2fa/",
    "second-factor-off": State("/accounts/2fa/totp/deactivate/"),
    "recovery-codes-new": State("/accounts/2fa/recovery-codes/generate/"),
    "recovery-codes": State("/accounts/2fa/recovery-codes/generate/", pressed="Make new ones"),
    "recovery-codes-seen": "/accounts/2fa/recovery-codes/",
}
"""What somebody sees who has a second factor."""


def states_of(scene: Scene) -> dict[str, str | State]:
    """Of a resident's pages."""
    account = {"Bank": "Guaranty Trust Bank", "Account number": "0123456789", "Name on the account": "Bola Akinwale"}
    pin = {"New PIN": "482915", "New PIN, once more": "482916"}
    return {
        "bill-objecting": State(f"/app/bills/{scene.to_pay}/", opened=("Dispute this bill",)),
        "bill-wrong": State(f"/app/bills/{scene.to_pay}/", filled={"Amount": "much"}, pressed="Pay"),
        "wallet-freezing": State("/app/wallet/", opened=("Freeze the wallet",)),
        "fund-wrong": State("/app/wallet/fund/", filled={"How much": "1"}, pressed="Go on"),
        "withdraw-wrong": State(
            "/app/wallet/withdraw/",
            filled={"How much": "much", **account, "Account number": "12"},
            pressed="Check the account",
        ),
        "withdraw-confirm": State(
            "/app/wallet/withdraw/", filled={"How much": "25,000", **account}, pressed="Check the account"
        ),
        "pin-wrong": State("/app/wallet/pin/", filled=pin, pressed="Set it"),
        "recurring-wrong": State(
            "/app/recurring/new/",
            filled={"What it is for": "Water", "What you call it": "Fund", "How much each time": "much"},
            pressed="Set it up",
        ),
        "recurring-cancelling": State(f"/app/recurring/{scene.recurring}/", opened=("Cancel",)),
        "utilities-wrong": State(
            "/app/utilities/buy/", filled={"Customer number": "1", "For how much": "1"}, pressed="Check the number"
        ),
        "automation-wrong": State(
            f"/app/utilities/automations/new/?account={scene.account}",
            filled={"How much each time": "1"},
            pressed="Switch it on",
        ),
        "automation-removing": State(f"/app/utilities/automations/{scene.automation}/", opened=("Remove it",)),
        "limit-changing": State("/app/utilities/limits/", opened=("Change the limit",)),
        "second-factor-on": State("/accounts/2fa/totp/activate/"),
        "second-factor-wrong": State(
            "/accounts/2fa/totp/activate/", filled={"The six digits": "000000"}, pressed="Switch it on"
        ),
    }


def office_states_of(scene: OfficeScene) -> dict[str, str | State]:
    """Of the office's pages, for Ada."""
    bill = {"Title": "Pool", "Amount for each member": "4,500", "Due on": "2090-01-31"}
    transfer = {
        "Amount": "1,200,000",
        "What for": "Transformer",
        "Whose account": "Volta Works",
        "Bank": "Access Bank",
        "Account number": "0690000031",
    }
    came = {"Amount": "2,500", "Receipt or transfer number": "RC-0093"}
    credit = {"Amount": "80,000", "What for": "Hall rental", "Where it came from": "Bank transfer, Ade & Sons"}
    return {
        "office-bill-asking": State(f"/office/bills/{scene.bill}/", opened=("Remind who has not paid",)),
        "office-bill-preview": State("/office/bills/new/", filled=bill, pressed="See whom it reaches"),
        "office-bill-wrong": State(
            "/office/bills/new/", filled=bill | {"Amount for each member": "much"}, pressed="See whom it reaches"
        ),
        "office-invite-wrong": State(
            "/office/members/invite/", filled={"E-mail": "nobody@nowhere", "Phone": "12"}, pressed="Invite"
        ),
        "office-member-leaving": State(f"/office/memberships/{scene.membership}/", opened=("End this membership",)),
        "office-record-wrong": State(
            f"/office/members/{scene.member}/payment/", filled=came | {"Amount": "much"}, pressed="Record it"
        ),
        "office-record-confirm": State(f"/office/members/{scene.member}/payment/", filled=came, pressed="Record it"),
        "office-refund-confirm": State(
            f"/office/transactions/{scene.transaction}/", filled={"Reason": "Paid twice"}, pressed="Refund"
        ),
        "office-reverse-confirm": State(
            f"/office/transactions/{scene.receipt}/", filled={"Reason": "Another's receipt"}, pressed="Take it back"
        ),
        "office-reverse-wrong": State(
            f"/office/transactions/{scene.receipt}/",
            filled={"Amount": "much", "Reason": "Another's receipt"},
            pressed="Take it back",
        ),
        "office-credit-confirm": State("/office/wallet/credit/", filled=credit, pressed="Credit it"),
        "office-send-confirm": State("/office/wallet/transfer/", filled=transfer, pressed="Check the account"),
        "office-send-wrong": State(
            "/office/wallet/transfer/", filled=transfer | {"Account number": "12"}, pressed="Check the account"
        ),
        "office-bank-confirm": State(
            "/office/settings/bank/",
            filled={"Bank": "Access Bank", "Account number": "0690000031"},
            pressed="Whose is it?",
        ),
        "office-settings-wrong": State(
            "/office/settings/", filled={"Whom members write to": "nobody@nowhere"}, pressed="Save"
        ),
    }


def staff_states_of(scene: OfficeScene) -> dict[str, str | State]:
    """Of the platform's staff."""
    customer, document = f"/platform/customers/{scene.customer}/", f"/platform/customers/documents/{scene.document}/"
    return {
        "platform-coupon-wrong": State(
            "/platform/coupons/new/",
            filled={"Code": "HARMATTAN", "Name": "A fifth off", "How much": "120"},
            pressed="Make it",
        ),
        "platform-sell-confirm": State(
            f"{customer}pack/", filled={"Units": "500", "Price, before tax": "6,000"}, pressed="Sell"
        ),
        "platform-sell-wrong": State(
            f"{customer}pack/", filled={"Units": "many", "Price, before tax": "much"}, pressed="Sell"
        ),
        "platform-record-confirm": State(
            f"{document}payment/", filled={"The bank's reference": "TRF-0002"}, pressed="Record it"
        ),
        "platform-correct-confirm": State(
            f"{document}correct/", filled={"How much, before tax": "10,000", "Why": "A week down"}, pressed="Correct it"
        ),
    }
