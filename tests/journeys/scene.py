"""Something of everything for Bola to look at: what screenshots show and what axe reads."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from clustr.kit import clock
from tests.journeys.demonstration import BOLA, Demonstration

METER = "04512345678"
NEWCOMER, CAREFUL, SECURED = (f"resident000{number}@palmgrove.test" for number in (7, 8, 9))
DAYO = "dayo@lekkigardens.test"


@dataclass
class Scene:
    """The ids of what was made."""

    to_read: str
    to_pay: str
    partly: str
    disputed: str
    paid: str
    payment: str
    recurring: str
    purchase: str
    quote: str
    account: str
    automation: str
    automation_off: str


def set_scene(demo: Demonstration) -> Scene:
    """Make it, as people would: bills by the office, and what Bola did about them."""

    def bola(method: str, path: str, body: object = None) -> dict[str, object]:
        answer: dict[str, object] = demo.ask(BOLA, method, path, body)
        return answer

    def acknowledged(bill: str) -> str:
        bola("POST", "/members/bills/acknowledge_bill/", {"bill_id": bill})
        return bill

    paid = acknowledged(demo.bill("Waste collection, October", "1500.00", type="waste_management", days=9))
    payment = demo.ask(BOLA, "POST", "/members/bills/pay_bill/", {"bill_id": paid})["transaction"]["id"]
    disputed = demo.bill("Water, October", "3150.00", type="water", days=11)
    bola(
        "POST",
        "/members/bills/dispute_bill/",
        {"bill_id": disputed, "reason": "There was no water in the first half of the month."},
    )
    partly = acknowledged(demo.bill("Road levy", "20000.00", type="maintenance", days=30))
    bola("POST", "/members/bills/pay_bill/", {"bill_id": partly, "amount": "8000.00"})
    to_pay = acknowledged(demo.bill("Service charge, fourth quarter", "45000.00", days=13))
    to_read = demo.bill(
        "Security, December",
        "7500.00",
        type="security",
        days=3,
        description="Three guards by day and four by night, at both gates, and the patrol of the inner roads.\n\n"
        "The December bill includes the guards' Christmas bonus, ₦500.00 for each household.",
    )
    start = (clock.now() + timedelta(days=5)).strftime("%Y-%m-%dT08:00:00Z")
    body = {
        "title": "Service charge",
        "amount": "15000.00",
        "frequency": "monthly",
        "start_date": start,
        "bill_type": "service_charge",
    }
    recurring = bola("POST", "/members/recurring-payments/create/", body)["id"]
    seller = demo.ask(BOLA, "GET", "/members/utilities/providers/?service_type=electricity_utility")["results"][0]["id"]
    number = {"provider_id": seller, "customer_id": METER}
    bola("POST", "/members/utilities/validate_customer/", number)
    account = bola("POST", "/members/utilities/accounts/", {**number, "label": "Flat A1"})["id"]
    purchase = bola("POST", "/members/utilities/pay/", {"account_id": account, "amount": "5000.00"})["id"]
    quote = bola("POST", "/members/utilities/quote/", {"account_id": account, "amount": "3000.00"})["id"]
    terms = {"account_id": account, "schedule": {"kind": "weekday", "every": 5, "at": "09:00"}, "amount": "4000.00"}
    automation = bola("POST", "/members/utilities/automations/", {**terms, "is_enabled": True})["id"]
    monthly = {**terms, "schedule": {"kind": "day_of_month", "every": 28, "at": "07:30"}, "spending_limit": "9000.00"}
    automation_off = bola("POST", "/members/utilities/automations/", monthly)["id"]
    limit = {"service_type": "electricity_utility", "limit": "20000.00"}
    bola("POST", "/members/utilities/spending_limits/", limit)
    with suppress(AssertionError):  # a wallet without PIN takes it; what is refused is not needed
        bola("POST", "/members/wallet/deposit/", {"amount": "10000.00", "provider": "paystack"})
    bills = (to_read, to_pay, partly, disputed, paid)
    others = (payment, recurring, purchase, quote, account, automation, automation_off)
    return Scene(*map(str, (*bills, *others)))


def set_others_scene(demo: Demonstration) -> None:
    """Three more residents: one who froze their wallet, one with a second factor, and one who has only just come, and whom
    another estate invites."""
    demo.ask(CAREFUL, "POST", "/members/wallet/freeze/")
    demo.second_factor(SECURED)
    demo.ask(DAYO, "POST", "/management/payments/members/", {"email": NEWCOMER, "role": "resident"})


NEWCOMERS = {
    "new-utilities": "/app/utilities/",
    "new-automations": "/app/utilities/automations/",
    "new-recurring": "/app/recurring/",
    "new-wallet": "/app/wallet/",
    "new-payments-none": "/app/transactions/?kind=withdrawn",
    "new-you": "/app/you/",
    "new-estates": "/app/estates/",
    "sign-out": "/accounts/logout/",
}
"""What somebody sees who has only just come."""
FROZEN = {"wallet-frozen": "/app/wallet/"}
"""What somebody sees who froze their wallet."""


def pages_of(scene: Scene) -> dict[str, str]:
    """Every page of a resident, by a name for its picture."""
    return {
        "home": "/app/",
        "bills": "/app/bills/",
        "bill-to-read": f"/app/bills/{scene.to_read}/",
        "bill-to-pay": f"/app/bills/{scene.to_pay}/",
        "bill-part-paid": f"/app/bills/{scene.partly}/",
        "bill-disputed": f"/app/bills/{scene.disputed}/",
        "bill-paid": f"/app/bills/{scene.paid}/",
        "wallet": "/app/wallet/",
        "fund": "/app/wallet/fund/",
        "withdraw": "/app/wallet/withdraw/",
        "pin": "/app/wallet/pin/",
        "pin-reset": "/app/wallet/pin/reset/",
        "statement": "/app/wallet/statement/",
        "payments": "/app/transactions/",
        "payment": f"/app/transactions/{scene.payment}/",
        "recurring": "/app/recurring/",
        "recurring-new": "/app/recurring/new/",
        "recurring-one": f"/app/recurring/{scene.recurring}/",
        "recurring-change": f"/app/recurring/{scene.recurring}/change/",
        "utilities": "/app/utilities/",
        "utilities-choose": "/app/utilities/buy/",
        "utilities-again": f"/app/utilities/buy/?account={scene.account}",
        "utilities-buy": f"/app/utilities/quotes/{scene.quote}/",
        "utilities-token": f"/app/utilities/purchases/{scene.purchase}/",
        "automations": "/app/utilities/automations/",
        "automation": f"/app/utilities/automations/{scene.automation}/",
        "automation-off": f"/app/utilities/automations/{scene.automation_off}/",
        "automation-number": "/app/utilities/automations/new/",
        "automation-new": f"/app/utilities/automations/new/?account={scene.account}",
        "automation-change": f"/app/utilities/automations/{scene.automation}/change/",
        "spending-limits": "/app/utilities/limits/",
        "notices": "/app/notices/",
        "preferences": "/app/notices/preferences/",
        "you": "/app/you/",
        "your-name": "/app/you/name/",
        "estates": "/app/estates/",
        "second-factor": "/accounts/2fa/",
        "is-it-you": "/accounts/2fa/totp/activate/",
        "password": "/accounts/password/change/",
        "email": "/accounts/email/",
        "sessions": "/accounts/sessions/",
        "nothing-here": "/app/nothing/",
    }


def habit_pages_of(demo: Demonstration, scene: Scene) -> dict[str, str]:
    """The pages where Bola's habit counts, once Bola has bought once a week, by hand. Two weeks pass, so it comes last."""
    demo.ask(BOLA, "PATCH", f"/members/utilities/automations/{scene.automation}/", {"is_enabled": False})
    for amount in ("5000.00", "4500.00"):
        demo.manage("move_clock", "+7d")
        bought = demo.ask(BOLA, "POST", "/members/utilities/pay/", {"account_id": scene.account, "amount": amount})
        _wait_until_delivered(demo, bought["id"])
    terms = {
        "account_id": scene.account,
        "schedule": {"kind": "every_days", "every": 7, "at": "18:00"},
        "max_amount": "9000.00",
        "is_enabled": True,
    }
    id = demo.ask(BOLA, "POST", "/members/utilities/automations/", terms)["id"]
    return {
        "habit-new": f"/app/utilities/automations/new/?account={scene.account}",
        "habit": f"/app/utilities/automations/{id}/",
        "habit-change": f"/app/utilities/automations/{id}/change/",
        "habit-all": "/app/utilities/automations/",
    }


def _wait_until_delivered(demo: Demonstration, purchase: str) -> None:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if demo.ask(BOLA, "GET", f"/members/utilities/purchases/{purchase}/")["status"] == "completed":
            return
        time.sleep(0.2)
    raise AssertionError("nothing was delivered")


OUTSIDE = {
    "sign-in": "/accounts/login/",
    "lost-password": "/accounts/password/reset/",
    "lost-password-sent": "/accounts/password/reset/done/",
    "bad-link": "/accounts/password/reset/key/1-x/",
    "mail-sent": "/accounts/confirm-email/",
    "bad-mail-link": "/accounts/confirm-email/x/",
    "sign-up": "/accounts/signup/",
    "closed": "/accounts/inactive/",
    "offline": "/offline/",
    "receipt-code": "/verify/",
    "receipt-check": "/verify/ABCD-EFGH-JKLM",
}
"""Pages that nobody has to sign in for."""
