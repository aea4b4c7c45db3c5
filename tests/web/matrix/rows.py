"""One row per route of the API. The rest of this folder derives from it every case of who may ask for whose what.

A new route needs a row here, or the build fails. What to write:

- `good`: given a place (an estate with its office, clerk and a member), do with commands what must be there first, and
  answer the request (`Ask`) that then succeeds with `answer`. The office asks, or where `needs` is empty the member.
- `needs`: the permissions of which one is enough. Empty: every member asks, about themselves.
- `ids`: for every place where an id stands (`path.x`, `query.x`, `body.x`, `body.bills.0.x`), what is said to an id that is
  not there. A stranger's id is told the very same.
- for what the office changes, `own`: the refusal heard by who asks about money of their own; or `not_own`: why there is none.
- `former`: the refusal heard by a member who has left, where they are refused.
- `also`: the permission with which the office may ask for what is a member's own, too.
- `of_all`: places whose id is the same in every estate, such as of what utility services sell; nobody is a stranger to it.
- `answer=403`: for the platform's own staff, who are told of every customer.
- `cluster=False`: the address is about the person, whichever cluster they mean.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from uuid import uuid4

from clustr.clusters.types import PaymentsPermissions as May
from clustr.notifications import commands as notifications
from clustr.recurring.types import PaymentSource
from clustr.subscriptions import commands as subscriptions
from clustr.subscriptions.queries import customer_actor
from clustr.subscriptions.types import Discount, Duration
from sandbox.banks import holder_of
from tests.cast import ORIGIN
from tests.web.matrix.row import Ask, Hears, Row
from tests.web.matrix.town import PIN, Place
from tests.words import reference as a_reference

VIEW, BILL, WALLET = frozenset({May.VIEW_PAYMENTS}), frozenset({May.MANAGE_BILL}), frozenset({May.VIEW_WALLET})
TRANSFER, CREDIT, MEMBERS = (
    frozenset({May.TRANSFER_FUNDS}),
    frozenset({May.CREDIT_WALLET}),
    frozenset({May.MANAGE_MEMBERS}),
)
NO_RESULTS = Hears(200)
NO_BILL, NO_MEMBER = Hears(404, "bill_not_found"), Hears(404, "member_not_found")
NO_DISPUTE, NO_PAYOUT = Hears(404, "dispute_not_found"), Hears(404, "payout_not_found")
NO_TRANSACTION = Hears(404, "transaction_not_found")
SOLD, NO_NUMBER = frozenset({"body.provider_id"}), Hears(404, "utility_account_not_found")
NO_PURCHASE, NO_QUOTE = Hears(404, "purchase_not_found"), Hears(404, "quote_not_found")
NO_AUTOMATION = Hears(404, "automation_not_found")
NO_ORDER = Hears(404, "recurring_payment_not_found")
FOR_STAFF = Hears(403, "permission_missing")
"""What is the platform's staff's is refused to all others before anything is looked up."""
A_TABLE = frozenset({"path.table"})
RECURRING = frozenset({May.MANAGE_RECURRING})
NO_NOTICE, NO_ENDPOINT = Hears(404, "notification_not_found"), Hears(404, "webhook_endpoint_not_found")
NO_METHOD, NO_CASE = Hears(404, "payment_method_not_found"), Hears(404, "case_not_found")
ESTATE = frozenset({"body.cluster_id"})
"""Whose subscription is meant; `test_stripe_http.py` tries those of others."""
OF_ESTATE = frozenset({"query.cluster_id"})
ALL = {"limit": "200"}
BANK = {"bank_code": "058", "account_number": "0123456789"}


def nothing(place: Place) -> Ask:
    """A request that names nothing."""
    return Ask()


def listed(place: Place) -> Ask:
    """A list, of an estate where everything happened at least twice."""
    for _ in range(2):
        place.paid()
        place.disputed()
        place.waiting_transfer()
    return Ask(query=ALL)


def a_bill(place: Place) -> Ask:
    return Ask(path={"bill_id": str(place.bill().id)})


def bill_of_all(place: Place) -> Ask:
    return Ask(path={"bill_id": str(place.bill_of_all().id)}, query=ALL)


def audit(place: Place) -> Ask:
    bill = place.acknowledged()
    place.bill()
    return Ask(query=ALL | {"actor_id": str(place.clerk.user_id), "subject_id": str(bill.id)})


def bills(place: Place) -> Ask:
    listed(place)
    return Ask(query=ALL | {"user_id": str(place.member.user_id)})


def transactions(place: Place) -> Ask:
    bill, _ = place.paid()
    place.paid()
    return Ask(query=ALL | {"user_id": str(place.member.user_id), "bill_id": str(bill.id)})


def new_bill(place: Place) -> dict[str, Any]:
    return {
        "title": place.text("Gate"),
        "amount": "100.00",
        "type": "maintenance",
        "due_date": (place.now + timedelta(days=9)).isoformat(),
        "user_id": str(place.member.user_id),
    }


def edit_bill(place: Place) -> Ask:
    return Ask(path={"bill_id": str(place.bill().id)}, body={"title": place.text("Wall")})


def cancel(place: Place) -> Ask:
    bill, _ = place.paid()
    body = {"bill_id": str(bill.id), "status": "cancelled", "reason": place.text("Twice"), "refund_payers": True}
    return Ask(body=body)


def resolve(place: Place) -> Ask:
    _, dispute = place.disputed()
    return Ask(body={"dispute_id": str(dispute), "resolution": "upheld", "note": place.text("Agreed")})


def refund(place: Place) -> Ask:
    _, payment = place.paid()
    return Ask(body={"transaction_id": str(payment), "reason": place.text("Twice")})


def reverse(place: Place) -> Ask:
    return Ask(body={"transaction_id": str(place.fund()), "reason": place.text("Another's")})


def offline(place: Place) -> Ask:
    sent = {"user_id": str(place.member.user_id), "bill_id": str(place.acknowledged().id), "amount": "100.00"}
    return Ask(body=sent | {"method": "cash", "reference": place.text("Slip")})


def transfer(place: Place) -> Ask:
    place.rich()
    return Ask(body={"amount": "500.00", "description": place.text("Diesel"), "destination": BANK})


def credit(place: Place) -> Ask:
    return Ask(body={"amount": "500.00", "description": place.text("Hall"), "source": place.text("Bank")})


def decide(place: Place) -> Ask:
    return Ask(path={"transfer_id": str(place.waiting_transfer())})


def invite(place: Place) -> Ask:
    word = place.text("new").replace(" ", "-")
    return Ask(body={"email": f"{word}@example.test", "name": word, "role": "resident", "unit": word})


def roster(place: Place) -> Ask:
    word = place.text("csv").replace(" ", "-")
    return Ask(body=f"email,name\n{word}@example.test,{word}\n".encode(), headers={"Content-Type": "text/csv"})


def change_member(place: Place) -> Ask:
    return Ask(path={"membership_id": str(place.member.membership_id)}, body={"role": "staff", "permissions": []})


def settings(place: Place) -> Ask:
    return Ask(body={"support_email": f"office@{place.tag}.test"})


def mine(place: Place) -> Ask:
    place.paid()
    place.disputed()
    return Ask(query=ALL)


def acknowledge(place: Place) -> Ask:
    return Ask(body={"bill_id": str(place.bill().id), "version": 1})


def dispute(place: Place) -> Ask:
    return Ask(body={"bill_id": str(place.bill().id), "reason": place.text("Why")})


def withdraw_dispute(place: Place) -> Ask:
    bill, _ = place.disputed()
    return Ask(body={"bill_id": str(bill.id), "reason": place.text("Settled")})


def pay(place: Place) -> Ask:
    place.fund()
    return Ask(body={"bill_id": str(place.acknowledged().id), "amount": "300.00"})


def pay_direct(place: Place) -> Ask:
    card, bill = str(place.saved_card()), str(place.acknowledged().id)
    return Ask(body={"bill_id": bill, "provider": "paystack", "payment_method_id": card})


def deposit(place: Place) -> Ask:
    return Ask(body={"amount": "300.00", "provider": "paystack", "payment_method_id": str(place.saved_card())})


def retry(place: Place) -> Ask:
    return Ask(path={"transaction_id": str(place.ended_deposit("insufficient_funds"))})


def receipt(place: Place) -> Ask:
    return Ask(path={"transaction_id": str(place.fund())})


def verify(place: Place) -> Ask:
    return Ask(body={"reference": place.started_deposit().transaction.reference})


def notices(place: Place) -> Ask:
    for _ in range(2):
        place.notice()
    return Ask(query=ALL)


def read_notice(place: Place) -> Ask:
    return Ask(body={"notification_ids": [place.notice()]})


def choose(place: Place) -> Ask:
    return Ask(body={"preferences": [{"event": "bill_acknowledged", "channel": "email", "enabled": False}]})


ADDRESS = "https://estate.example/clustr"


def kept_bank(place: Place) -> Ask:
    place.bank_details()
    return Ask()


def resolved_bank(place: Place) -> Ask:
    return Ask(body=BANK)


def resolved_and_kept(place: Place) -> Ask:
    return Ask(body=BANK | {"account_name": str(holder_of(**BANK))})


def endpoints(place: Place) -> Ask:
    place.endpoint()
    return Ask()


def a_new_endpoint(place: Place) -> Ask:
    return Ask(body={"url": ADDRESS, "description": place.text("Hook")})


def an_endpoint(place: Place) -> Ask:
    return Ask(path={"endpoint_id": str(place.endpoint())})


def a_call(place: Place) -> Ask:
    asked = calls(place)
    return Ask(path={**asked.path, "delivery_id": str(place.delivery(asked.path["endpoint_id"]))})


def calls(place: Place) -> Ask:
    endpoint = place.endpoint()
    for _ in range(2):
        place.notice()
    while notifications.fan_out(cluster_id=place.estate.id, now=place.now):
        pass
    return Ask(path={"endpoint_id": str(endpoint)}, query=ALL)


def cards(place: Place) -> Ask:
    for provider in ("paystack", "flutterwave"):
        place.saved_card(provider)
    return Ask()


def card(place: Place) -> Ask:
    return Ask(path={"method_id": str(place.saved_card())})


def cases(place: Place) -> Ask:
    place.ended_deposit()
    for _ in range(2):
        place.case()
    return Ask(query=ALL)


def case(place: Place) -> Ask:
    return Ask(path={"case_id": str(place.case())})


def close_case(place: Place) -> Ask:
    return Ask(path={"case_id": str(place.case())}, body={"note": place.text("Looked into")})


def on_sale(place: Place) -> Ask:
    place.utility()
    return Ask(query=ALL)


def ask_whose(place: Place) -> Ask:
    return Ask(body={"account_id": str(place.saved_number())})


def validation(place: Place) -> Ask:
    return Ask(path={"validation_id": str(place.validation())})


def numbers(place: Place) -> Ask:
    for _ in range(2):
        place.saved_number()
    return Ask(query=ALL)


def save_number(place: Place) -> Ask:
    return Ask(body=place.validated() | {"label": place.text("Flat")})


def number(place: Place) -> Ask:
    return Ask(path={"account_id": str(place.saved_number())})


def quote(place: Place) -> Ask:
    return Ask(body={"amount": "600.00", "account_id": str(place.saved_number())})


def buy(place: Place) -> Ask:
    place.fund()
    return Ask(body=place.quoted())


def automations(place: Place) -> Ask:
    for _ in range(2):
        place.run_automation()
    return Ask(query=ALL)


def new_automation(place: Place) -> Ask:
    return Ask(
        body={
            "account_id": str(place.saved_number()),
            "schedule": {"kind": "weekday", "every": 1},
            "amount": "600.00",
            "payment_method_id": str(place.saved_card()),
        }
    )


def edit_automation(place: Place) -> Ask:
    card = str(place.saved_card())
    return Ask(path={"automation_id": str(place.automation())}, body={"priority": 7, "payment_method_id": card})


def new_name(place: Place) -> Ask:
    return Ask(body={"name": "Somebody Else"})


def one_automation(place: Place) -> Ask:
    return Ask(path={"automation_id": str(place.automation())})


def automation_history(place: Place) -> Ask:
    return Ask(path={"automation_id": str(place.limited_automation())}, query=ALL)


def upcoming(place: Place) -> Ask:
    place.automation()
    return Ask()


def spending_limit(place: Place) -> Ask:
    return Ask(body={"service_type": "water_utility", "limit": "5000.00"})


def purchase(place: Place) -> Ask:
    return Ask(path={"purchase_id": str(place.bought())})


def purchases(place: Place) -> Ask:
    for _ in range(2):
        place.bought()
    return Ask(query=ALL)


def withdraw(place: Place) -> Ask:
    place.fund()
    return Ask(body={"amount": "300.00", "destination": BANK})


def withdrawal(place: Place) -> Ask:
    return Ask(path={"transaction_id": str(place.withdrawal())})


def stop(place: Place) -> Ask:
    return Ask(path={"transaction_id": str(place.withdrawal())}, body={"reason": place.text("Not you")})


def set_pin(place: Place) -> Ask:
    return Ask(body={"pin": PIN})


def reset_pin(place: Place) -> Ask:
    place.set_pin()
    return Ask(body={})


def subscribed(place: Place) -> Ask:
    place.subscribed()
    return Ask()


def changed(place: Place) -> Ask:
    place.subscribed()
    return Ask(body={"plan_id": "enterprise", "interval": "month"})


def my_cards(place: Place) -> Ask:
    place.card()
    return Ask()


def units_on_offer(place: Place) -> Ask:
    place.subscribed_by_card()
    return Ask()


def units_by_card(place: Place) -> Ask:
    place.subscribed_by_card()
    return Ask(body={"pack_id": "ai_responses_500"})


def a_card(place: Place) -> Ask:
    return Ask(path={"card_id": place.card()})


def cancelled(place: Place) -> Ask:
    place.subscribed()
    return Ask(body={"reason": place.text("Dear")})


def reactivated(place: Place) -> Ask:
    subscriptions.cancel_subscription(actor=place.customer, subscription_id=place.subscribed(), now=place.now)
    return Ask(body={})


def coupon(place: Place) -> Ask:
    place.subscribed()
    staff = customer_actor(user_id=place.clerk.user_id, is_platform_staff=True, origin=ORIGIN)
    made = subscriptions.create_coupon(
        actor=staff,
        code=uuid4().hex[:20],
        name="Tenth",
        discount=Discount(1000),
        duration=Duration.ONCE,
        now=place.now,
    )
    return Ask(body={"code": made.code})


def invoices(place: Place) -> Ask:
    for _ in range(2):
        place.invoiced()
    return Ask(query=ALL)


def invoice_to_download(place: Place) -> Ask:
    return Ask(path={"invoice_id": str(place.invoiced())})


def of_the_platform(**more: Any) -> Callable[[Place], Ask]:
    """What only the platform's own staff may ask."""
    return lambda place: Ask(**more)


def customers(place: Place) -> Ask:
    place.invoiced()
    return Ask(query={"user_id": str(place.member.user_id)})


def payment_by_staff(place: Place) -> Ask:
    paid = {"amount": 100, "currency": "USD", "reference": a_reference()}
    return Ask(body={"invoice_id": str(place.invoiced()), **paid})


def failed_payment_by_staff(place: Place) -> Ask:
    tried = {"amount": 100, "currency": "USD", "message": "The bank sent it back."}
    return Ask(body={"invoice_id": str(place.invoiced()), **tried})


def correction_by_staff(place: Place) -> Ask:
    return Ask(body={"invoice_id": str(place.invoiced()), "act": "void", "reason": "Twice"})


def refund_by_staff(place: Place) -> Ask:
    return Ask(body={"invoice_id": str(place.paid_by_card()), "amount": 100, "reason": "Twice"})


def case_of_staff(place: Place) -> Ask:
    return Ask(body={"case_id": str(place.platform_case()), "note": "Answered"})


def coupon_by_staff(place: Place) -> Ask:
    return Ask(body={"code": uuid4().hex[:20], "name": "Tenth", "percent": 10, "duration": "once"})


def price_by_staff(place: Place) -> Ask:
    agreed = {"plan_id": "pro", "interval": "month", "price": 100, "currency": "USD"}
    return Ask(body={"user_id": str(place.member.user_id), "starts_at": "2020-01-01T00:00:00Z", **agreed})


def verified_by_staff(place: Place) -> Ask:
    seen = {"kind": "education", "expires_at": "2099-01-01T00:00:00Z"}
    return Ask(body={"user_id": str(place.member.user_id), **seen})


def pack_by_staff(place: Place) -> Ask:
    pack = {"feature_type": "ai_responses", "quantity": "10", "price": 100, "currency": "USD"}
    return Ask(body={"subscription_id": str(place.subscribed()), **pack})


def plan_payments(place: Place) -> Ask:
    for _ in range(2):
        place.paid_for_a_plan()
    return Ask(query=ALL)


def usage_events(place: Place) -> Ask:
    place.subscribed()
    event = {"feature_type": "ai_responses", "amount": "1", "event_id": place.text("event")}
    return Ask(body=[event])


def address(place: Place) -> Ask:
    """Answered with what was sent, whoever sent it: so without the estate's canary."""
    return Ask(body={"line1": "1 High Street", "city": "Lagos", "country": "NG"})


OFFICE, MINE, BILLING = "/management/payments/", "/members/", "/api/v1/billing/"


def orders(place: Place) -> Ask:
    for _ in range(2):
        place.run_order()
    return Ask(query=ALL | {"user_id": str(place.member.user_id)})


def my_orders(place: Place) -> Ask:
    orders(place)
    return Ask(query=ALL)


def new_order(place: Place) -> Ask:
    begins = (place.now + timedelta(days=1)).isoformat()
    sent = {"title": place.text("Garden"), "amount": "10.00", "frequency": "monthly", "start_date": begins}
    card = {"payment_source": "card", "payment_method_id": str(place.saved_card())}
    return Ask(body=sent | {"bill_type": "maintenance", "max_amount": "20.00"} | card)


def an_order(place: Place) -> Ask:
    return Ask(path={"recurring_payment_id": str(place.run_order())})


def edit_order(place: Place) -> Ask:
    card = place.saved_card()
    order = place.order(payment_source=PaymentSource.CARD, payment_method_id=card)
    changes = {"amount": "11.00", "payment_method_id": str(card)}
    return Ask(path={"recurring_payment_id": str(order)}, body=changes)


def named_order(place: Place) -> Ask:
    return Ask(body={"recurring_payment_id": str(place.order())})


def paused_order(place: Place) -> Ask:
    return Ask(body={"recurring_payment_id": str(place.paused_order())})


def held_order(place: Place) -> Ask:
    return Ask(body={"recurring_payment_id": str(place.held_order())})


def stop_order(place: Place) -> Ask:
    return Ask(body={"recurring_payment_id": str(place.order()), "reason": place.text("Called")})


OFFICE, MINE = "/management/payments/", "/members/"
OWN = "separation_of_duties"
NO_MONEY = "moves no money and decides about none"
ROWS = [
    Row(f"GET {OFFICE}audit/", audit, VIEW, {"query.actor_id": NO_RESULTS, "query.subject_id": NO_RESULTS}),
    Row(f"GET {OFFICE}members/", listed, MEMBERS),
    Row(f"POST {OFFICE}members/", invite, MEMBERS, answer=201, not_own=NO_MONEY),
    Row(
        f"PATCH {OFFICE}members/{{membership_id}}/",
        change_member,
        MEMBERS,
        {"path.membership_id": NO_MEMBER},
        own="own_membership",
    ),
    Row(f"POST {OFFICE}members/import/", roster, MEMBERS, not_own=NO_MONEY),
    Row(f"GET {OFFICE}settings/", nothing, MEMBERS),
    Row(f"PATCH {OFFICE}settings/", settings, MEMBERS, not_own=NO_MONEY),
    Row(
        f"POST {OFFICE}create_bill/",
        lambda place: Ask(body=new_bill(place)),
        BILL,
        {"body.user_id": NO_MEMBER},
        answer=201,
        not_own="who bills themselves owes more, and may not change it after",
    ),
    Row(
        f"POST {OFFICE}create_bulk_bills/",
        lambda place: Ask(body={"bills": [new_bill(place), new_bill(place)]}),
        BILL,
        {"body.bills.0.user_id": Hears(422, "bulk_invalid")},
        answer=201,
        not_own="who bills themselves owes more, and may not change it after",
    ),
    Row(f"GET {OFFICE}bills/", bills, VIEW, {"query.user_id": NO_RESULTS}),
    Row(f"GET {OFFICE}bills/{{bill_id}}/", a_bill, VIEW | BILL, {"path.bill_id": NO_BILL}),
    Row(f"PATCH {OFFICE}bills/{{bill_id}}/", edit_bill, BILL, {"path.bill_id": NO_BILL}, own=OWN),
    Row(f"GET {OFFICE}bills/{{bill_id}}/members/", bill_of_all, VIEW, {"path.bill_id": NO_BILL}),
    Row(
        f"POST {OFFICE}bills/{{bill_id}}/remind/",
        a_bill,
        BILL,
        {"path.bill_id": NO_BILL},
        not_own="a reminder moves no money and changes no terms",
    ),
    Row(f"POST {OFFICE}update_bill_status/", cancel, BILL, {"body.bill_id": NO_BILL}, own=OWN),
    Row(f"GET {OFFICE}dashboard/", lambda place: listed(place) and Ask(), VIEW),
    Row(f"GET {OFFICE}disputes/", listed, VIEW),
    Row(f"POST {OFFICE}resolve_dispute/", resolve, BILL, {"body.dispute_id": NO_DISPUTE}, own=OWN),
    Row(f"GET {OFFICE}transactions/", transactions, VIEW, {"query.user_id": NO_RESULTS, "query.bill_id": NO_RESULTS}),
    Row(f"POST {OFFICE}refund_transaction/", refund, TRANSFER, {"body.transaction_id": NO_TRANSACTION}, own=OWN),
    Row(
        f"POST {OFFICE}withdrawals/{{transaction_id}}/stop/",
        stop,
        TRANSFER,
        {"path.transaction_id": NO_PAYOUT},
        own=OWN,
    ),
    Row(
        f"POST {OFFICE}record_offline_payment/",
        offline,
        BILL,
        {"body.user_id": NO_BILL, "body.bill_id": NO_BILL},
        answer=201,
        own=OWN,
    ),
    Row(
        f"POST {OFFICE}reverse_offline_payment/",
        reverse,
        TRANSFER,
        {"body.transaction_id": NO_TRANSACTION},
        own=OWN,
    ),
    Row(f"GET {OFFICE}users/", listed, VIEW),
    Row(f"GET {OFFICE}recurring_payments/", orders, VIEW, {"query.user_id": NO_RESULTS}),
    Row(
        f"POST {OFFICE}pause_recurring_payment/",
        stop_order,
        RECURRING,
        {"body.recurring_payment_id": NO_ORDER},
        own=OWN,
    ),
    Row(
        f"POST {OFFICE}release_recurring_payment/",
        held_order,
        RECURRING,
        {"body.recurring_payment_id": NO_ORDER},
        own=OWN,
    ),
    Row(f"GET {OFFICE}cluster_wallet/", listed, WALLET),
    Row(
        f"POST {OFFICE}cluster_wallet_transfer/",
        transfer,
        TRANSFER,
        answer=201,
        not_own="the estate's money; above the limit a second person approves, which the next two rows hold",
    ),
    Row(
        f"POST {OFFICE}cluster_wallet_transfers/{{transfer_id}}/approve/",
        decide,
        TRANSFER,
        {"path.transfer_id": NO_PAYOUT},
        own=OWN,
    ),
    Row(
        f"POST {OFFICE}cluster_wallet_transfers/{{transfer_id}}/reject/",
        decide,
        TRANSFER,
        {"path.transfer_id": NO_PAYOUT},
        own=OWN,
    ),
    Row(f"POST {OFFICE}cluster_wallet_credit/", credit, CREDIT, answer=201, not_own="the estate's money, in"),
    Row(f"GET {OFFICE}banks/", nothing, TRANSFER),
    Row(f"GET {OFFICE}settings/bank_details/", kept_bank, TRANSFER),
    Row(f"POST {OFFICE}settings/bank_details/resolve/", resolved_bank, TRANSFER, not_own=NO_MONEY),
    Row(f"POST {OFFICE}settings/bank_details/", resolved_and_kept, TRANSFER, not_own=NO_MONEY),
    Row(f"GET {OFFICE}webhook_endpoints/", endpoints, MEMBERS),
    Row(
        f"POST {OFFICE}webhook_endpoints/",
        a_new_endpoint,
        MEMBERS,
        answer=201,
        not_own=NO_MONEY,
    ),
    Row(
        f"DELETE {OFFICE}webhook_endpoints/{{endpoint_id}}/",
        an_endpoint,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT},
        not_own=NO_MONEY,
    ),
    Row(
        f"POST {OFFICE}webhook_endpoints/{{endpoint_id}}/rotate_secret/",
        an_endpoint,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT},
        not_own=NO_MONEY,
    ),
    Row(
        f"POST {OFFICE}webhook_endpoints/{{endpoint_id}}/enable/",
        an_endpoint,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT},
        not_own=NO_MONEY,
    ),
    Row(
        f"POST {OFFICE}webhook_endpoints/{{endpoint_id}}/disable/",
        an_endpoint,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT},
        not_own=NO_MONEY,
    ),
    Row(
        f"POST {OFFICE}webhook_endpoints/{{endpoint_id}}/deliveries/{{delivery_id}}/redeliver/",
        a_call,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT, "path.delivery_id": Hears(404, "webhook_delivery_not_found")},
        not_own=NO_MONEY,
    ),
    Row(
        f"GET {OFFICE}webhook_endpoints/{{endpoint_id}}/deliveries/",
        calls,
        MEMBERS,
        {"path.endpoint_id": NO_ENDPOINT},
    ),
    Row(f"GET {OFFICE}reconciliation/", cases, WALLET),
    Row(
        f"POST {OFFICE}reconciliation/cases/{{case_id}}/take/",
        case,
        TRANSFER,
        {"path.case_id": NO_CASE},
        not_own=NO_MONEY,
    ),
    Row(
        f"POST {OFFICE}reconciliation/cases/{{case_id}}/close/",
        close_case,
        TRANSFER,
        {"path.case_id": NO_CASE},
        not_own=NO_MONEY,
    ),
    Row(f"GET {MINE}bills/my_bills/", mine),
    Row(f"GET {MINE}bills/summary/", lambda place: mine(place) and Ask()),
    Row(f"POST {MINE}bills/acknowledge_bill/", acknowledge, ids={"body.bill_id": NO_BILL}),
    Row(f"POST {MINE}bills/dispute_bill/", dispute, ids={"body.bill_id": NO_BILL}, former="former_member"),
    Row(f"POST {MINE}bills/withdraw_dispute/", withdraw_dispute, ids={"body.bill_id": NO_DISPUTE}),
    Row(f"POST {MINE}bills/pay_bill/", pay, ids={"body.bill_id": NO_BILL}, answer=201),
    Row(
        f"POST {MINE}bills/pay_bill_direct/",
        pay_direct,
        ids={"body.bill_id": NO_BILL, "body.payment_method_id": NO_METHOD},
        answer=201,
    ),
    Row(f"GET {MINE}bills/{{bill_id}}/", a_bill, ids={"path.bill_id": NO_BILL}),
    Row(f"GET {MINE}recurring-payments/my_payments/", my_orders),
    Row(f"GET {MINE}recurring-payments/summary/", lambda place: my_orders(place) and Ask()),
    Row(
        f"POST {MINE}recurring-payments/create/",
        new_order,
        answer=201,
        ids={"body.payment_method_id": NO_METHOD},
        former="not_a_member_now",
    ),
    Row(
        f"GET {MINE}recurring-payments/{{recurring_payment_id}}/",
        an_order,
        ids={"path.recurring_payment_id": NO_ORDER},
    ),
    Row(
        f"PATCH {MINE}recurring-payments/{{recurring_payment_id}}/",
        edit_order,
        ids={"path.recurring_payment_id": NO_ORDER, "body.payment_method_id": NO_METHOD},
    ),
    Row(
        f"POST {MINE}recurring-payments/pause/",
        named_order,
        ids={"body.recurring_payment_id": NO_ORDER},
    ),
    Row(
        f"POST {MINE}recurring-payments/resume/",
        paused_order,
        ids={"body.recurring_payment_id": NO_ORDER},
        former="not_a_member_now",
    ),
    Row(
        f"POST {MINE}recurring-payments/cancel/",
        named_order,
        ids={"body.recurring_payment_id": NO_ORDER},
    ),
    Row(f"GET {MINE}profile/export/", nothing, cluster=False),
    Row(f"PATCH {MINE}profile/", new_name),
    Row(
        f"POST {MINE}transactions/{{transaction_id}}/retry/",
        retry,
        ids={"path.transaction_id": NO_TRANSACTION},
        answer=201,
    ),
    Row(
        f"GET {MINE}transactions/{{transaction_id}}/receipt/",
        receipt,
        ids={"path.transaction_id": NO_TRANSACTION},
        also=May.VIEW_PAYMENTS,
    ),
    Row(f"GET {MINE}notifications/", notices),
    Row(f"POST {MINE}notifications/read/", read_notice, ids={"body.notification_ids.0": NO_NOTICE}),
    Row(f"GET {MINE}notifications/preferences/", nothing),
    Row(f"PATCH {MINE}notifications/preferences/", choose),
    Row(f"GET {MINE}payment-methods/", cards),
    Row(f"DELETE {MINE}payment-methods/{{method_id}}/", card, ids={"path.method_id": NO_METHOD}),
    Row(f"POST {MINE}wallet/deposit/", deposit, ids={"body.payment_method_id": NO_METHOD}, answer=201),
    Row("POST /payments/verify-payment/", verify),
    Row(f"GET {OFFICE}utility_payments/", purchases, VIEW),
    Row(f"GET {MINE}utilities/providers/", on_sale),
    Row(
        f"POST {MINE}utilities/validate_customer/",
        ask_whose,
        of_all=SOLD,
        ids={"body.account_id": NO_NUMBER},
        former="not_a_member_now",
    ),
    Row(
        f"GET {MINE}utilities/validations/{{validation_id}}/",
        validation,
        ids={"path.validation_id": Hears(404, "validation_not_found")},
    ),
    Row(f"GET {MINE}utilities/accounts/", numbers),
    Row(f"POST {MINE}utilities/accounts/", save_number, answer=201, of_all=SOLD, former="not_a_member_now"),
    Row(f"DELETE {MINE}utilities/accounts/{{account_id}}/", number, ids={"path.account_id": NO_NUMBER}),
    Row(
        f"POST {MINE}utilities/quote/",
        quote,
        ids={"body.account_id": NO_NUMBER},
        of_all=SOLD,
        former="not_a_member_now",
    ),
    Row(
        f"POST {MINE}utilities/pay/",
        buy,
        ids={"body.quote_id": NO_QUOTE, "body.account_id": NO_QUOTE},
        answer=202,
        of_all=SOLD,
        former="not_a_member_now",
    ),
    Row(f"GET {MINE}utilities/purchases/{{purchase_id}}/", purchase, ids={"path.purchase_id": NO_PURCHASE}),
    Row(
        f"POST {MINE}utilities/purchases/{{purchase_id}}/resend_token/",
        purchase,
        ids={"path.purchase_id": NO_PURCHASE},
        answer=202,
    ),
    Row(f"GET {MINE}utilities/bills/", purchases),
    Row(f"GET {MINE}utilities/automations/", automations),
    Row(
        f"POST {MINE}utilities/automations/",
        new_automation,
        ids={
            "body.account_id": NO_NUMBER,
            "body.payment_method_id": NO_METHOD,
        },
        answer=201,
        former="not_a_member_now",
    ),
    Row(
        f"PATCH {MINE}utilities/automations/{{automation_id}}/",
        edit_automation,
        ids={
            "path.automation_id": NO_AUTOMATION,
            "body.payment_method_id": NO_METHOD,
        },
    ),
    Row(
        f"DELETE {MINE}utilities/automations/{{automation_id}}/",
        one_automation,
        ids={"path.automation_id": NO_AUTOMATION},
    ),
    Row(
        f"GET {MINE}utilities/automations/{{automation_id}}/history/",
        automation_history,
        ids={"path.automation_id": NO_AUTOMATION},
    ),
    Row(f"GET {MINE}utilities/upcoming/", upcoming),
    Row(f"GET {MINE}utilities/spending_limits/", nothing),
    Row(f"POST {MINE}utilities/spending_limits/", spending_limit),
    Row(f"GET {MINE}wallet/balance/", nothing),
    Row(f"GET {MINE}wallet/transactions/", mine),
    Row(f"GET {MINE}wallet/statement/", mine),
    Row(f"GET {MINE}wallet/banks/", nothing),
    Row(f"POST {MINE}wallet/withdraw/", withdraw, answer=201),
    Row(f"POST {MINE}wallet/withdraw/resolve/", resolved_bank),
    Row(
        f"POST {MINE}wallet/withdrawals/{{transaction_id}}/cancel/",
        withdrawal,
        ids={"path.transaction_id": NO_PAYOUT},
    ),
    Row(f"POST {MINE}wallet/set_pin/", set_pin),
    Row(f"POST {MINE}wallet/reset_pin/", reset_pin, answer=202),
    Row(f"POST {MINE}wallet/freeze/", nothing),
    Row(f"POST {MINE}wallet/unfreeze/", nothing),
    Row(f"GET {BILLING}subscription/", subscribed, cluster=False, of_all=OF_ESTATE),
    Row(f"PUT {BILLING}subscription/", changed, cluster=False, of_all=ESTATE),
    Row(
        f"POST {BILLING}subscribe/",
        lambda place: Ask(body={"plan_id": "free", "interval": "month"}),
        answer=201,
        cluster=False,
        of_all=ESTATE,
    ),
    Row(f"POST {BILLING}cancel/", cancelled, cluster=False, of_all=ESTATE),
    Row(f"POST {BILLING}reactivate/", reactivated, cluster=False, of_all=OF_ESTATE),
    Row(f"POST {BILLING}preview-invoice/", changed, cluster=False, of_all=ESTATE),
    Row(f"POST {BILLING}apply-coupon/", coupon, cluster=False, of_all=ESTATE),
    Row(f"GET {BILLING}usage/packs/", units_on_offer, cluster=False, of_all=OF_ESTATE),
    Row(f"POST {BILLING}usage/packs/", units_by_card, answer=201, cluster=False, of_all=ESTATE),
    Row(f"GET {BILLING}payment-methods/", my_cards, cluster=False),
    Row(f"POST {BILLING}payment-methods/", nothing, answer=201, cluster=False),
    Row(f"DELETE {BILLING}payment-methods/{{card_id}}/", a_card, cluster=False, of_all=frozenset({"path.card_id"})),
    Row(f"POST {BILLING}payment-methods/{{card_id}}/use/", a_card, cluster=False, of_all=frozenset({"path.card_id"})),
    Row(f"GET {BILLING}invoices/", invoices, cluster=False),
    Row(f"GET {BILLING}payments/", plan_payments, cluster=False),
    Row(
        f"GET {BILLING}download-invoice/{{invoice_id}}/",
        invoice_to_download,
        ids={"path.invoice_id": Hears(404, "invoice_not_found")},
        cluster=False,
    ),
    Row(f"GET {BILLING}usage/report/", subscribed, of_all=OF_ESTATE, cluster=False),
    Row(f"GET {BILLING}plan-advice/", subscribed, of_all=OF_ESTATE, cluster=False),
    Row(f"GET {BILLING}save-offer/", subscribed, of_all=OF_ESTATE, cluster=False),
    *(
        Row(
            f"{verb} {BILLING}{path}",
            good,
            answer=403,
            ids=dict.fromkeys(ids, FOR_STAFF),
            of_all=A_TABLE,
            cluster=False,
        )
        for verb, path, good, ids in (
            ("GET", "analytics/", nothing, ()),
            ("GET", "analytics/{table}/", of_the_platform(path={"table": "at_risk"}), ()),
            ("GET", "journal/", nothing, ()),
            ("GET", "staff/subscriptions/", customers, ("query.user_id",)),
            ("GET", "staff/invoices/", customers, ("query.user_id",)),
            ("POST", "staff/record_payment/", payment_by_staff, ("body.invoice_id",)),
            ("POST", "staff/record_failed_payment/", failed_payment_by_staff, ("body.invoice_id",)),
            ("POST", "staff/correct_invoice/", correction_by_staff, ("body.invoice_id",)),
            ("POST", "staff/refund_payment/", refund_by_staff, ("body.invoice_id",)),
            ("GET", "staff/cases/", nothing, ()),
            ("POST", "staff/close_case/", case_of_staff, ("body.case_id",)),
            ("POST", "staff/create_coupon/", coupon_by_staff, ()),
            ("POST", "staff/agree_price/", price_by_staff, ("body.user_id",)),
            ("POST", "staff/verify_customer/", verified_by_staff, ("body.user_id",)),
            ("POST", "staff/sell_usage_pack/", pack_by_staff, ("body.subscription_id",)),
        )
    ),
    Row(f"GET {BILLING}usage/", subscribed, of_all=OF_ESTATE, cluster=False),
    Row(f"POST {BILLING}usage/events/", usage_events, of_all=frozenset({"body.0.cluster_id"}), cluster=False),
    Row(f"GET {BILLING}billing-address/", nothing, cluster=False),
    Row(f"PUT {BILLING}billing-address/", address, cluster=False),
]

SIGNED = {
    "POST /payments/webhooks/paystack/": "signed by Paystack; says nothing but that it was stored",
    "GET /api/v1/billing/plans/": "nothing: the price list, for everybody",
    "POST /payments/webhooks/stripe/": "signed by Stripe; says nothing but that it was stored",
    "POST /payments/webhooks/flutterwave/": "signed by Flutterwave; says nothing but that it was stored",
}
"""Routes that nobody signs in for, with what is asked instead; their own tests hold them."""
