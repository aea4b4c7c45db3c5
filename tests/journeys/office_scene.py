"""Something of everything for Ada's office: a past of ninety days, and what waits for somebody."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tests.journeys.demonstration import ADA, BOLA, Demonstration

NGOZI, EFE = "ngozi@clustr.test", "efe@palmgrove.test"
_STAFFS = """
from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.tenancy import in_tenant
from clustr.payments.states import CaseKind
from clustr.subscriptions.commands.persons import ask_a_person
from clustr.subscriptions.commands.dunning import settle_standing
from clustr.subscriptions.models import Invoice, Subscription

def chase():
    actor = system_actor(cluster_id=PLATFORM_CLUSTER_ID)
    for one in Subscription.objects.filter(cluster_id=PLATFORM_CLUSTER_ID):
        settle_standing(actor=actor, subscription_id=one.id, now=clock.now())

def open_cases():
    paid, other = Invoice.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, kind="invoice", total__gt=0).order_by("id")[:2]
    facts = {"invoice": paid.invoice_number, "customer": paid.user_id, "dispute": "du_1RkQz2Lxq8vT", "amount": "USD 29.00"}
    more = {"reason": "product_not_received", "answer_by": "2030-01-12T23:59:59+00:00"}
    asked = [("dispute", CaseKind.CHARGEBACK, facts | more)]
    facts = {"invoice": other.invoice_number, "customer": other.user_id, "refund": "re_3RkQz2Lxq8vT", "amount": "USD 12.50"}
    asked += [("refund_failed", CaseKind.REFUND_FAILED, facts)]
    facts = {"act": "create_subscription", "customer": other.user_id, "code": "idempotency_error"}
    asked += [("would_not_hear", CaseKind.AT_STRIPE, facts)]
    asked += [("price_unknown", CaseKind.AT_STRIPE, {"price": "price_1RkQz2Lxq8vT", "customer": paid.user_id})]
    for what, kind, facts in asked:
        ask_a_person(what=what, about="the scene", kind=kind, facts=facts, now=clock.now())

in_tenant(PLATFORM_CLUSTER_ID, chase)
in_tenant(PLATFORM_CLUSTER_ID, open_cases)
"""
"""What waits for the platform's staff: what is overdue, which the hour would bring about, and cases, which only Stripe could."""
BANK = {"bank_code": "058", "account_number": "0123456789", "account_name": "Island Fuels Ltd"}


def resident(number: int) -> str:
    return f"resident{number:04}@palmgrove.test"


@dataclass
class OfficeScene:
    """The ids of what was made."""

    bill: str
    member: str
    membership: str
    dispute: str
    transaction: str
    order: str
    transfer: str
    estate: str
    customer: str
    document: str
    endpoint: str
    receipt: str
    paid: str


def set_office_scene(demo: Demonstration) -> OfficeScene:
    """Make it, as people would, over a month."""

    def office(method: str, path: str, body: Any = None) -> Any:
        return demo.ask(ADA, method, f"/management/payments/{path}", body)

    def pay(bill: str, *who: str, amount: str | None = None) -> None:
        for email in who:
            demo.ask(email, "POST", "/members/bills/acknowledge_bill/", {"bill_id": bill})
            part = {"amount": amount} if amount else {}
            demo.ask(email, "POST", "/members/bills/pay_bill/", {"bill_id": bill, **part})

    first = demo.bill("Service charge, third quarter", "12500.00", days=2, allow_payment_after_due=True)
    pay(first, *(resident(n) for n in range(1, 7)))
    choose_plan(demo, resident(4), "basic")  # and nobody pays it: overdue when the clock has moved
    demo.manage("move_clock", "+31d")
    pay(first, resident(7), amount="6000.00")
    gate = demo.bill("Gate repair", "4500.00", type="maintenance", days=45, description="Bent in the storm.")
    pay(gate, BOLA, *(resident(n) for n in range(1, 5)))
    bill = demo.bill("Service charge, fourth quarter", "13000.00", days=60, allow_payment_after_due=True)
    pay(bill, BOLA, resident(1), resident(2))
    for number, why in ((8, "I moved in in the middle of the quarter."), (9, "The pool was closed for six weeks.")):
        body = {"bill_id": bill, "reason": why}
        demo.ask(resident(number), "POST", "/members/bills/dispute_bill/", body)
    credit = {"amount": "4250000.00", "description": "Hall rental, the Okafors' wedding", "source": "Bank transfer"}
    office("POST", "cluster_wallet_credit/", credit)
    transfer = {"amount": "1650000.00", "description": "Diesel, fourth quarter", "destination": BANK}
    waiting = office("POST", "cluster_wallet_transfer/", transfer)["id"]
    order = {"title": "Estate fund", "amount": "2000.00", "frequency": "monthly", "start_date": "2030-01-01T08:00:00Z"}
    made = demo.ask(BOLA, "POST", "/members/recurring-payments/create/", order)
    set_platform_scene(demo)
    billing = "/api/v1/billing/"
    _buy_power(demo)
    hook = {"url": "https://accounts.palmgrove.example/clustr", "description": "Accounts"}
    endpoint = office("POST", "webhook_endpoints/", hook)["id"]
    demo.bill("Street lights", "1200.00", type="maintenance", days=50)
    member = office("GET", "users/?q=bola")["results"][0]["user_id"]
    cash = {"user_id": member, "amount": "3000.00", "method": "cash", "reference": "RC-0091"}
    receipt = office("POST", "record_offline_payment/", cash)["id"]
    account = {"bank_code": "058", "account_number": "0123456789"}
    named = office("POST", "settings/bank_details/resolve/", account)
    office("POST", "settings/bank_details/", named)
    return OfficeScene(
        bill=bill,
        member=member,
        membership=office("GET", "members/?q=efe")["results"][0]["id"],
        dispute=office("GET", "disputes/")["results"][0]["id"],
        transaction=office("GET", "transactions/?type=bill_payment")["results"][0]["id"],
        order=made["id"],
        transfer=waiting,
        estate=office("GET", f"bills/{bill}/")["cluster_id"],
        customer=demo.ask(BOLA, "GET", "/members/profile/export/")["people"]["id"],
        document=demo.ask(BOLA, "GET", f"{billing}invoices/")["results"][-1]["id"],
        endpoint=endpoint,
        receipt=receipt,
        paid=demo.ask(resident(1), "GET", f"{billing}invoices/")["results"][-1]["id"],
    )


def choose_plan(demo: Demonstration, who: str, plan: str) -> None:
    """By bank transfer, without a trial: an invoice is open at once."""
    terms = {"interval": "month", "currency": "NGN"}
    demo.ask(who, "POST", "/api/v1/billing/subscribe/", {"plan_id": "free", **terms})
    demo.ask(who, "PUT", "/api/v1/billing/subscription/", {"plan_id": plan, "interval": "month"})


def set_platform_scene(demo: Demonstration) -> None:
    """Customers of the platform: some pay, one takes more, one is about to go, and some of it is used."""
    billing = "/api/v1/billing/"
    for who, plan in ((ADA, "pro"), (BOLA, "pro"), *((resident(n), "basic") for n in (1, 2, 3))):
        choose_plan(demo, who, plan)
    demo.ask(resident(2), "PUT", f"{billing}subscription/", {"plan_id": "pro", "interval": "month"})
    leaving = {"reason_code": "too_expensive", "reason": "We are only six houses."}
    demo.ask(resident(3), "POST", f"{billing}cancel/", leaving)
    used = (("ai_responses", 410), ("document_uploads", 50), ("chat_messages", 120), ("storage_gb", 3))
    for feature, amount in used:
        event = {"feature_type": feature, "amount": str(amount), "event_id": f"scene-{feature}"}
        demo.ask(ADA, "POST", f"{billing}usage/events/", [event])
    address = {"name": "Palm Grove Residents", "line1": "4 Palm Road", "city": "Lagos", "country": "NG"}
    demo.ask(BOLA, "PUT", f"{billing}billing-address/", address)
    first = demo.ask(resident(1), "GET", f"{billing}invoices/")["results"][0]
    paid = {"invoice_id": first["id"], "amount": first["amount_due"], "currency": "NGN", "reference": "TRF-0001"}
    demo.ask(NGOZI, "POST", f"{billing}staff/record_payment/", paid)
    coupon = {"code": "HARMATTAN", "name": "A fifth off for a quarter", "percent": 20, "duration": "repeating"}
    demo.ask(NGOZI, "POST", f"{billing}staff/create_coupon/", {**coupon, "duration_months": 3})
    demo.manage("shell", "-c", _STAFFS)
    with suppress(subprocess.CalledProcessError):  # that something differs is what it is asked for
        demo.manage("reconcile")


def _buy_power(demo: Demonstration) -> None:
    """What utilities did lately: two residents buy."""
    seller = demo.ask(BOLA, "GET", "/members/utilities/providers/?service_type=electricity_utility")["results"][0]["id"]
    for who, number, amount in ((BOLA, "04512345671", "5000.00"), (resident(1), "04512345672", "12000.00")):
        wanted = {"provider_id": seller, "customer_id": number}
        demo.ask(who, "POST", "/members/utilities/validate_customer/", wanted)
        account = demo.ask(who, "POST", "/members/utilities/accounts/", {**wanted, "label": "Home"})["id"]
        demo.ask(who, "POST", "/members/utilities/pay/", {"account_id": account, "amount": amount})


def office_pages_of(scene: OfficeScene) -> dict[str, str]:
    """Every page of the office and of the platform that Ada can open, by a name for its picture."""
    return {
        "office": "/office/",
        "office-more": "/office/more/",
        "office-bills": "/office/bills/",
        "office-bill": f"/office/bills/{scene.bill}/",
        "office-bill-new": "/office/bills/new/",
        "office-bill-edit": f"/office/bills/{scene.bill}/edit/",
        "office-bill-cancel": f"/office/bills/{scene.bill}/cancel/",
        "office-bills-import": "/office/bills/import/",
        "office-members": "/office/members/",
        "office-staff": "/office/members/?role=staff",
        "office-member": f"/office/members/{scene.member}/",
        "office-invite": "/office/members/invite/",
        "office-import": "/office/members/import/",
        "office-membership": f"/office/memberships/{scene.membership}/",
        "office-record-payment": f"/office/members/{scene.member}/payment/",
        "office-arrears": "/office/arrears/",
        "office-disputes": "/office/disputes/",
        "office-dispute": f"/office/disputes/{scene.dispute}/",
        "office-transactions": "/office/transactions/",
        "office-transaction": f"/office/transactions/{scene.transaction}/",
        "office-receipt": f"/office/transactions/{scene.receipt}/",
        "office-recurring": "/office/recurring/",
        "office-recurring-one": f"/office/recurring/{scene.order}/",
        "office-wallet": "/office/wallet/",
        "office-credit": "/office/wallet/credit/",
        "office-send": "/office/wallet/transfer/",
        "office-transfers": "/office/wallet/transfers/",
        "office-transfer": f"/office/wallet/transfers/{scene.transfer}/",
        "office-reconciliation": "/office/reconciliation/",
        "office-trail": "/office/audit/",
        "office-utilities": "/office/utilities/",
        "office-settings": "/office/settings/",
        "office-bank": "/office/settings/bank/",
        "office-roles": "/office/settings/roles/",
        "office-webhooks": "/office/settings/webhooks/",
        "office-webhook-new": "/office/settings/webhooks/new/",
        "office-webhook": f"/office/settings/webhooks/{scene.endpoint}/",
        "platform": "/platform/",
        "platform-plans": "/platform/plans/",
        "platform-change": "/platform/plans/enterprise/",
        "platform-change-later": "/platform/plans/basic/",
        "platform-invoices": "/platform/invoices/",
        "platform-payments": "/platform/payments/",
        "platform-address": "/platform/address/",
        "platform-subscribe": "/platform/plans/basic/?interval=month&currency=NGN&estate=" + scene.estate,
        "platform-usage": "/platform/usage/",
        "platform-cards": "/platform/cards/",
        "platform-back": "/platform/back/",
        "platform-cancel": "/platform/cancel/",
        "platform-cancel-offer": "/platform/cancel/?reason=too_expensive",
    }


def staff_pages_of(scene: OfficeScene) -> dict[str, str]:
    """What the platform's own staff sees."""
    customer, document = f"/platform/customers/{scene.customer}/", f"/platform/customers/documents/{scene.document}/"
    return {
        "platform-customers": "/platform/customers/",
        "platform-customer": customer,
        "platform-verify": f"{customer}verify/",
        "platform-agree-price": f"{customer}price/",
        "platform-sell-pack": f"{customer}pack/",
        "platform-record-payment": f"{document}payment/",
        "platform-correct": f"{document}correct/",
        "platform-refund": f"/platform/customers/documents/{scene.paid}/refund/",
        "platform-coupons": "/platform/coupons/",
        "platform-coupon-new": "/platform/coupons/new/",
        "platform-cases": "/platform/cases/",
        "platform-revenue": "/platform/revenue/",
        "platform-trends": "/platform/trends/",
        "platform-at-risk": "/platform/at-risk/",
        "platform-chased": "/platform/dunning/",
    }


TABLES = {
    "platform-tables": "/platform/admin/",
    "platform-table-invoices": "/platform/admin/subscriptions/invoice/",
}
"""The platform's tables, for its staff: pages of unfold's, which take their theme when they are asked for."""


def tables_of(page: Any, url: str) -> dict[str, str]:
    """These, and the page of one row, which names itself in no address that is known before."""
    found = dict(TABLES)
    for name, table in (("platform-table-invoice", "invoice"), ("platform-table-plan", "subscriptionplan")):
        page.goto(f"{url}/platform/admin/subscriptions/{table}/")
        found[name] = page.locator('#result_list a[href*="/change/"]').first.get_attribute("href")
    return found
