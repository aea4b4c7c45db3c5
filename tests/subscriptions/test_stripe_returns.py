"""What goes back of a payment by card is booked once, whoever gave it back, however it is told, and shown where it belongs."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pytest

from clustr.kit.crashpoints import watching
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.outbound import OutboundError
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger import queries as books
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.subscriptions import commands, queries
from clustr.subscriptions.behaviour_queries import at_risk
from clustr.subscriptions.commands.stripe_returns import follow_returns
from clustr.subscriptions.document_queries import GivenBack, my_invoices, my_subscription
from clustr.subscriptions.models import (
    Invoice,
    InvoiceLine,
    Payment,
    StripeCall,
    StripeReconciliation,
    Subscription,
    UsagePack,
)
from clustr.subscriptions.rendering import sheet_data
from clustr.subscriptions.sheet_queries import sheet_of
from clustr.subscriptions.staff_queries import staff_cases
from clustr.subscriptions.states import Collection
from clustr.subscriptions.tasks import RECONCILED
from clustr.subscriptions.vendors.nouns import StripeUnreadable
from clustr.subscriptions.vendors.stripe_notices import to_look_at
from clustr.subscriptions.vendors.stripe_returns import read_credit_note, read_dispute
from sandbox.stripe.objects import make
from tests.subscriptions.shop import PLANS
from tests.subscriptions.stripe_stage import StripeShop, buy_units, refused
from tests.subscriptions.test_change_and_usage import live_in
from tests.subscriptions.test_foreseeing import foreseen

NOTHING = GivenBack()


def sign(number: int) -> int:
    return (number > 0) - (number < 0)


def at_stripe(shop: StripeShop, key: str, act: str, **more: Any) -> dict[str, Any]:
    """Something is done at Stripe's dashboard, or by a payer at their bank."""
    made: dict[str, Any] = shop.control("POST", f"/stripe/return/{key}", {"act": act, **more})
    return made


def paid(shop: StripeShop, subscription: Subscription) -> tuple[Invoice, Payment]:
    """The last invoice that a card paid, and its payment."""
    with tenant(shop.cluster_id):
        mine = Payment.objects.filter(cluster_id=shop.cluster_id, subscription_id=subscription.id, status="succeeded")
        payment = mine.latest("id")
        return Invoice.objects.get(cluster_id=shop.cluster_id, id=payment.invoice_id), payment


def at(shop: StripeShop, kind: AccountKind) -> int:
    """What the accounts of a kind have in US dollars, all together."""
    with tenant(shop.cluster_id):
        return sum(row.balance_minor for row in books.trial_balance() if (row.kind, row.currency) == (kind, "USD"))


def asks(shop: StripeShop) -> list[str]:
    """What a person is asked to look at."""
    return [case.facts["what"] for case in staff_cases(actor=shop.staff)]


def give_back(shop: StripeShop, invoice: Invoice, minor: int | None = None, **terms: Any) -> StripeCall:
    amount = None if minor is None else Money(minor, "USD")
    call = commands.begin_refund(
        actor=shop.staff, invoice_id=invoice.id, amount=amount, reason="It was broken", now=shop.now, **terms
    )
    shop.ask(call)
    return call


def shown(shop: StripeShop, invoice: Invoice) -> GivenBack:
    mine = my_invoices(actor=replace(shop.bola, user_id=invoice.user_id), before=None, limit=20)
    return next(one.back for one in mine if one.invoice.id == invoice.id)


def went(shop: StripeShop, subscription: Subscription) -> list[str]:
    """What its last credit note says of where it went."""
    note = [one for one in shop.documents(subscription) if one.kind == "credit_note"][-1]
    said: list[str] = sheet_data(sheet_of(actor=shop.system, invoice_id=note.id))["notes"]
    return [text for text in said if "VAT" not in text]


def notes(shop: StripeShop, subscription: Subscription) -> list[tuple[int, int]]:
    found = [one for one in shop.documents(subscription) if one.kind == "credit_note"]
    return [(one.total, one.tax_amount) for one in sorted(found, key=lambda one: one.total)]


def test_it_works(stripe_shop: StripeShop) -> None:
    """Staff give back a part, and then the rest: each by a credit note in the invoice's own proportion, and the customer is told."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice, 1000)
    assert shown(shop, invoice) == GivenBack(credited=1000, refunded=1000)
    assert (at(shop, AccountKind.PROVIDER_CLEARING), at(shop, AccountKind.CUSTOMER_CREDIT)) == (-1150, 0)
    give_back(shop, invoice)
    shop.hear()
    shop.night()
    assert notes(shop, subscription) == [(1000, 70), (1150, 80)]
    assert went(shop, subscription) == ["$11.50 goes back to the card that paid it."]
    assert shown(shop, invoice) == GivenBack(credited=2150, refunded=2150)
    assert [at(shop, kind) for kind in (AccountKind.SUBSCRIPTION_REVENUE, AccountKind.TAX_PAYABLE)] == [0, 0]
    assert at(shop, AccountKind.PROVIDER_CLEARING) == 0
    assert refused(lambda: give_back(shop, invoice)) == "nothing_to_refund"
    assert (shop.again(subscription).status, asks(shop)) == ("active", [])
    told = [subject for subject in shop.mail(shop.bola) if "goes back to your card" in subject]
    assert sorted(told) == ["$10.00 goes back to your card", "$11.50 goes back to your card"]


def test_what_staff_may_not(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    own = replace(shop.staff, user_id=invoice.user_id)

    def asked(amount: Money | None = None, actor: Any = shop.staff, reason: str = "Why") -> str:
        terms = {"actor": actor, "invoice_id": invoice.id, "amount": amount, "reason": reason, "now": shop.now}
        return refused(lambda: commands.begin_refund(**terms))

    assert asked(Money(2151, "USD")) == "refund_exceeds_payment"
    assert asked(Money(100, "NGN")) == "currency_mismatch"
    assert asked(reason=" ") == asked(Money(0, "USD")) == asked(actor=own) == "invalid_value"
    assert asked(actor=shop.bola) == "permission_missing"
    transfer = shop.last(shop.subscribe("basic", actor=shop.customer(), collection=Collection.BANK_TRANSFER))
    assert refused(lambda: give_back(shop, transfer)) == "nothing_to_refund"


@pytest.mark.parametrize("fault", ["timeout_after", "timeout_before", "error_after"])
def test_a_refund_that_was_not_heard(stripe_shop: StripeShop, fault: str) -> None:
    """It is asked again under its key, counts meanwhile as on its way, and is given once."""
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    shop.dial(**{f"stripe__refund__{fault}": 1})
    assert refused(lambda: give_back(shop, invoice, 2000)) == "provider_silent"
    assert refused(lambda: give_back(shop, invoice, 2000)) == "refund_exceeds_payment"
    shop.heal()
    shop.move(minutes=10)
    shop.ask_due()
    shop.hear()
    assert len(shop.rows("refund")) == 1
    assert shown(shop, invoice) == GivenBack(credited=2000, refunded=2000)
    give_back(shop, invoice, 150)


@pytest.mark.parametrize("made", [True, False])
def test_a_refund_that_was_not_heard_for_a_day(stripe_shop: StripeShop, made: bool) -> None:
    """The key holds no longer: it is looked for, and given up if it is not there."""
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    shop.dial(**{f"stripe__refund__timeout_{'after' if made else 'before'}": 1})
    assert refused(lambda: give_back(shop, invoice, 2000)) == "provider_silent"
    shop.heal()
    shop.move(hours=24)
    shop.ask_due()
    with tenant(shop.cluster_id):
        (call,) = StripeCall.objects.filter(cluster_id=shop.cluster_id, act="refund")
    assert call.state == ("done" if made else "dropped")
    assert len(shop.rows("refund")) == int(made)
    assert shown(shop, invoice).refunded == (2000 if made else 0)


def test_a_refund_that_stripe_refuses(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=2000)
    assert refused(lambda: give_back(shop, invoice, 1000)) == "provider_would_not"
    give_back(shop, invoice, 150)  # what was not heard of is seen with it
    assert shown(shop, invoice) == GivenBack(credited=2150, refunded=2150)


@pytest.mark.parametrize("told", ["once", "twice", "reversed", "never"])
def test_a_refund_at_the_dashboard(stripe_shop: StripeShop, told: str) -> None:
    """Whatever is told of it, or nothing: it is booked once."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    for amount in (500, 700):
        at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=amount)
    events = shop.events()
    for event in {"once": events, "twice": [*events, *events], "reversed": events[::-1], "never": []}[told]:
        shop.take_in(event.body, event.headers)
    if told == "never":
        assert shop.night()["returned"] == 1
    shop.night()
    assert notes(shop, subscription) == [(500, 35), (700, 49)]
    assert shown(shop, invoice) == GivenBack(credited=1200, refunded=1200)
    assert at(shop, AccountKind.PROVIDER_CLEARING) == -950


def test_a_refund_of_what_was_not_heard_of(stripe_shop: StripeShop) -> None:
    """The payment itself is not known yet: its customer is looked at first."""
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    (intent,) = shop.rows("payment_intent")
    shop.events()
    at_stripe(shop, intent["id"], "refund", amount=150)
    shop.hear()
    invoice, payment = paid(shop, begun)
    assert (payment.refunded_minor, shown(shop, invoice).refunded) == (150, 150)


def test_a_refund_that_fails(stripe_shop: StripeShop) -> None:
    """The customer is still to be given it: a person is asked, and the next refund takes it instead of another credit note."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice, 1000)
    (made,) = shop.rows("refund")
    at_stripe(shop, made["id"], "fail_refund")
    shop.hear()
    shop.hear()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=1000), ["refund_failed"])
    assert (at(shop, AccountKind.PROVIDER_CLEARING), at(shop, AccountKind.REFUNDS)) == (-2150, 1000)
    give_back(shop, invoice, 400)
    assert asks(shop) == ["refund_failed"]
    give_back(shop, invoice, 700)
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=1100, refunded=1100), [])
    assert at(shop, AccountKind.REFUNDS) == 0


def test_a_refund_that_had_failed_before_it_was_seen(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    made = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    at_stripe(shop, made["id"], "fail_refund")
    shop.hear()
    assert (shown(shop, invoice), asks(shop)) == (NOTHING, [])


def test_a_refund_that_fails_and_goes_again_before_anybody_looks(stripe_shop: StripeShop) -> None:
    """What came back is taken in first, so that no more than the payment is ever out."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice)
    (made,) = shop.rows("refund")
    at_stripe(shop, made["id"], "fail_refund")
    at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": "refund"})
    shop.hear()
    assert shown(shop, invoice) == GivenBack(credited=2150, refunded=2150)
    assert (notes(shop, subscription), at(shop, AccountKind.PROVIDER_CLEARING)) == ([(2150, 150)], 0)
    assert (at(shop, AccountKind.REFUNDS), at(shop, AccountKind.BAD_DEBTS), asks(shop)) == (0, 0, [])


@pytest.mark.parametrize("how", ["refund", "balance", "outside"])
def test_a_refund_that_failed_is_given_again_by_a_credit_note(stripe_shop: StripeShop, how: str) -> None:
    """Stripe's note gives what came back, in two parts: it is no loss, and nobody has to see to it once all of it is given."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice)
    (made,) = shop.rows("refund")
    at_stripe(shop, made["id"], "fail_refund")
    shop.hear()
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1000, **{"as": how})
    for _ in range(2):
        shop.hear()
        shop.night()
        assert (at(shop, AccountKind.REFUNDS), asks(shop)) == (1150, ["refund_failed"])
    at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": how})
    for _ in range(2):
        shop.hear()
        shop.night()
    assert (at(shop, AccountKind.REFUNDS), at(shop, AccountKind.BAD_DEBTS), asks(shop)) == (0, 0, [])
    assert (notes(shop, subscription), shown(shop, invoice).credited) == ([(2150, 150)], 2150)
    gone = (AccountKind.PROVIDER_CLEARING, AccountKind.CUSTOMER_CREDIT, AccountKind.EXTERNAL_FUNDS)
    wanted = {"refund": (0, 0, 0), "balance": (-2150, 2150, 0), "outside": (-2150, 0, 2150)}
    assert tuple(at(shop, kind) for kind in gone) == wanted[how]
    assert refused(lambda: give_back(shop, invoice)) == "nothing_to_refund"
    assert commands.left_to_refund(actor=shop.staff, invoice_id=invoice.id).most == 0


def test_a_credit_note_gives_again_what_came_back_of_another_in_the_same_look(stripe_shop: StripeShop) -> None:
    """A note's refund had failed before anything was seen of it, and a second note gives it again beyond what was charged."""
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    give_back(shop, invoice, 1150)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1000, **{"as": "refund"})
    at_stripe(shop, shop.rows("refund")[-1]["id"], "fail_refund")
    shop.move(minutes=1)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": "refund"})
    shop.hear()
    assert shown(shop, invoice) == GivenBack(credited=2150, refunded=2150)
    assert (at(shop, AccountKind.REFUNDS), at(shop, AccountKind.BAD_DEBTS), asks(shop)) == (0, 0, [])


def test_a_credit_note_that_gives_more_than_came_back(stripe_shop: StripeShop) -> None:
    """What came back covers its part; the rest is a loss, and a person looks why, once."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    for amount in (1650, 500):
        at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=amount)
    shop.hear()
    at_stripe(shop, shop.rows("refund")[-1]["id"], "fail_refund")
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=700, **{"as": "outside"})
    shop.hear()
    assert (at(shop, AccountKind.REFUNDS), at(shop, AccountKind.BAD_DEBTS)) == (0, -200)
    assert (at(shop, AccountKind.EXTERNAL_FUNDS), asks(shop)) == (700, ["credited_beyond"])
    (case,) = staff_cases(actor=shop.staff)
    commands.close_staff_case(actor=shop.staff, case_id=case.id, note="It was a present", now=shop.now)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=100)
    shop.hear()
    shop.night()
    assert (at(shop, AccountKind.BAD_DEBTS), asks(shop)) == (-300, ["credited_beyond"])


def test_a_credit_note_for_a_refund_of_no_payment_that_is_known(stripe_shop: StripeShop) -> None:
    """Neither is booked; after an hour a person is asked, until it is known."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    of_another = paid(shop, shop.by_card("basic", actor=shop.customer()))[1]
    strange = at_stripe(shop, of_another.stripe_payment_intent_id, "refund", amount=500)
    note = at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=500, refund_id=strange["id"])
    shop.hear()
    assert (notes(shop, subscription), asks(shop)) == ([], [])
    shop.move(hours=2)
    for _ in range(2):
        shop.night()
    assert (notes(shop, subscription), asks(shop)) == ([], ["credit_note_waits"])
    (case,) = staff_cases(actor=shop.staff)
    assert (case.facts["credit_note"], case.facts["refund"]) == (note["id"], strange["id"])
    assert (case.facts["invoice"], case.facts["amount"]) == (invoice.invoice_number, "USD 5.00")
    mine = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    shop.rows("credit_note")[0]["refunds"][0]["refund"] = mine["id"]
    shop.hear()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=500, refunded=500), [])


def test_a_refund_that_fails_weeks_later_and_nobody_tells(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    give_back(shop, invoice, 1000)
    (made,) = shop.rows("refund")
    shop.move(days=20)
    at_stripe(shop, made["id"], "fail_refund")
    shop.events()
    shop.night()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=1000), ["refund_failed"])


def test_a_refund_by_a_credit_note_that_had_failed_before_it_was_seen(stripe_shop: StripeShop) -> None:
    """What the credit note gave is owed, and no credit of the customer's; a person is asked, and the next refund takes it."""
    shop = stripe_shop
    invoice, _ = paid(shop, shop.by_card("basic"))
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=500, **{"as": "refund"})
    (made,) = shop.rows("refund")
    at_stripe(shop, made["id"], "fail_refund")
    shop.hear()
    shop.night()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=500), ["refund_failed"])
    assert (at(shop, AccountKind.CUSTOMER_CREDIT), at(shop, AccountKind.REFUNDS)) == (0, 500)
    give_back(shop, invoice, 500)
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(credited=500, refunded=500), [])


def test_a_dispute_that_is_won(stripe_shop: StripeShop) -> None:
    """A question takes nothing, a dispute does; a person is asked until it is decided, and its plan stands at risk."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    made = at_stripe(shop, payment.stripe_payment_intent_id, "dispute", question=True)
    shop.hear()
    assert (shown(shop, invoice), at(shop, AccountKind.CHARGEBACKS)) == (GivenBack(disputed=2150), 0)
    assert refused(lambda: give_back(shop, invoice, 100)) == "nothing_to_refund"
    at_stripe(shop, made["id"], "decide", status="needs_response")
    events = shop.events()
    for event in [*events, *events[::-1]]:
        shop.take_in(event.body, event.headers)
    assert (at(shop, AccountKind.CHARGEBACKS), at(shop, AccountKind.PROVIDER_CLEARING)) == (-2150, 0)
    (risk,) = at_risk(actor=shop.staff, now=shop.now)
    assert (risk.reasons, asks(shop)) == (("payment_disputed",), ["dispute"])
    at_stripe(shop, made["id"], "decide", status="won")
    shop.events()  # none of it is heard
    assert shop.night()["returned"] == 1
    assert (shown(shop, invoice), asks(shop)) == (NOTHING, [])
    assert (at(shop, AccountKind.CHARGEBACKS), at(shop, AccountKind.PROVIDER_CLEARING)) == (0, -2150)


def test_a_dispute_that_is_lost(stripe_shop: StripeShop) -> None:
    """Its money is a loss; whether the plan goes on, a person decides, and says so."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    made = at_stripe(shop, payment.stripe_payment_intent_id, "dispute", amount=2000)
    shop.hear()
    at_stripe(shop, made["id"], "decide", status="lost")
    shop.hear()
    shop.night()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(disputed=2000), ["dispute_lost"])
    assert (at(shop, AccountKind.CHARGEBACKS), at(shop, AccountKind.BAD_DEBTS)) == (0, -2000)
    (case,) = staff_cases(actor=shop.staff)
    commands.close_staff_case(actor=shop.staff, case_id=case.id, note="Cancelled", now=shop.now)
    assert (
        refused(lambda: commands.close_staff_case(actor=shop.staff, case_id=case.id, note="Again", now=shop.now))
        == "case_closed"
    )
    shop.night()
    assert asks(shop) == []


def test_a_dispute_that_is_won_weeks_later_and_nobody_tells(stripe_shop: StripeShop) -> None:
    """It is looked at each night, and until its money is back that stands as held, not as lost."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    made = at_stripe(shop, payment.stripe_payment_intent_id, "dispute")
    shop.hear()
    shop.move(days=20)
    at_stripe(shop, made["id"], "decide", status="won")
    (dispute,) = shop.rows("dispute")
    came_back = dispute["balance_transactions"].pop()
    shop.events()
    shop.night()
    assert (at(shop, AccountKind.CHARGEBACKS), shown(shop, invoice), asks(shop)) == (
        -2150,
        GivenBack(disputed=2150),
        [],
    )
    dispute["balance_transactions"].append(came_back)
    shop.night()
    assert (at(shop, AccountKind.CHARGEBACKS), shown(shop, invoice), asks(shop)) == (0, NOTHING, [])


@pytest.mark.parametrize("reason", ["duplicate", "It rained"])
def test_why_it_goes_back_is_told_in_words_for_people(stripe_shop: StripeShop, reason: str) -> None:
    """Stripe's own word for a reason is not for customers; what somebody wrote is."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    _, payment = paid(shop, subscription)
    made = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    next(row for row in shop.rows("refund") if row["id"] == made["id"])["metadata"] = {"why": reason}
    shop.hear()
    with tenant(shop.cluster_id):
        line = InvoiceLine.objects.filter(cluster_id=shop.cluster_id, kind="correction").latest("invoice_id")
    assert (line.description == reason) == (reason != "duplicate")


@pytest.mark.parametrize("how", ["refund", "balance", "outside"])
@pytest.mark.parametrize("amount", [None, 1000])
def test_a_credit_note_of_stripes(stripe_shop: StripeShop, how: str, amount: int | None) -> None:
    """Issued here once, with Stripe's lines where they give back what was charged; and it went where Stripe says."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    terms = {"amount": amount} if amount else {}
    at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": how}, **terms)
    events = shop.events()
    for event in [*events, *events[::-1]]:
        shop.take_in(event.body, event.headers)
    shop.night()
    given = amount or 2150
    assert notes(shop, subscription) == [
        (given, 70 if amount else 150)
    ]  # what the invoice taxed is not given back untaxed
    assert shown(shop, invoice) == GivenBack(credited=given, refunded=given if how == "refund" else 0)
    gone = {kind: at(shop, kind) for kind in (AccountKind.CUSTOMER_CREDIT, AccountKind.EXTERNAL_FUNDS)}
    assert gone == {
        AccountKind.CUSTOMER_CREDIT: given if how == "balance" else 0,
        AccountKind.EXTERNAL_FUNDS: given if how == "outside" else 0,
    }
    said = {
        "refund": "goes back to the card that paid it.",
        "outside": "was given back by other means.",
        "balance": "stands in your favour and pays what you are invoiced next.",
    }
    assert went(shop, subscription) == [f"{Money(given, 'USD').with_sign()} {said[how]}"]
    if how == "balance":  # it pays the next invoice there, and here
        shop.until(subscription.current_period_end + timedelta(hours=3), step=timedelta(days=5))
        assert at(shop, AccountKind.CUSTOMER_CREDIT) == max(given - 2150, 0)
        shop.agrees(subscription)


def test_a_credit_note_for_a_refund_that_was_seen_before(stripe_shop: StripeShop) -> None:
    """No second credit note over the same money; only over what is more."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    first = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=600)
    shop.hear()
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=600, refund_id=first["id"])
    shop.hear()
    shop.night()
    assert (notes(shop, subscription), shown(shop, invoice)) == ([(600, 42)], GivenBack(600, 600))
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1550)
    shop.hear()
    assert shown(shop, invoice) == GivenBack(2150, 600)
    assert at(shop, AccountKind.CUSTOMER_CREDIT) == 1550


def test_a_credit_note_for_a_refund_that_is_not_seen_yet(stripe_shop: StripeShop) -> None:
    """It waits, and so does what else it was made for: nothing is paid out of credit that was not given yet."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=150)  # stands as credit
    shop.hear()
    first = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=600)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1000, refund_id=first["id"])
    note = shop.rows("credit_note")[-1]
    note["refunds"].append({**note["refunds"][0], "refund": "re_later", "amount_refunded": 400})
    shop.hear()
    assert shown(shop, invoice) == GivenBack(credited=150)
    second = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=400)
    note["refunds"][1]["refund"] = second["id"]
    shop.hear()
    shop.night()
    assert shown(shop, invoice) == GivenBack(credited=1150, refunded=1000)
    assert (notes(shop, subscription), at(shop, AccountKind.CUSTOMER_CREDIT)) == ([(150, 10), (1000, 70)], 150)


def test_more_credit_than_was_charged(stripe_shop: StripeShop) -> None:
    """Given back by a refund, and by a credit note besides: what is beyond the invoice is a loss, and a person is asked."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, payment = paid(shop, subscription)
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=2000)
    shop.hear()
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1000)
    shop.hear()
    shop.night()
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(2150, 2000), ["credited_beyond"])
    assert (at(shop, AccountKind.BAD_DEBTS), at(shop, AccountKind.CUSTOMER_CREDIT)) == (-850, 1000)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=500)
    shop.hear()
    shop.night()
    assert (at(shop, AccountKind.BAD_DEBTS), at(shop, AccountKind.CUSTOMER_CREDIT)) == (-1350, 1500)


@pytest.mark.parametrize("first", ["change", "note"])
def test_more_credit_than_anybody_was_charged(stripe_shop: StripeShop, first: str) -> None:
    """A smaller plan gives back some of what was paid, and Stripe's dashboard gives back the whole invoice: both stand, also where no
    other customer was charged anything that would cover it."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    invoice, _ = paid(shop, subscription)
    shop.move(days=3)
    acts = [
        lambda: shop.change(subscription, "basic", at_period_end=False),
        lambda: at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": "outside"}),
    ]
    for act in acts if first == "change" else acts[::-1]:
        act()
        shop.hear()
    shop.night()
    given = [total for total, _ in notes(shop, subscription)]
    assert len(given) == 2
    assert given[-1] == shown(shop, invoice).credited == 9675
    assert sum(at(shop, kind) for kind in (AccountKind.SUBSCRIPTION_REVENUE, AccountKind.TAX_PAYABLE)) == -given[0]
    assert at(shop, AccountKind.TAX_PAYABLE) < 0
    shop.agrees(subscription)


@pytest.mark.parametrize("then", ["paid", "credited", "void", "given_up", "paid_later", "void_later"])
def test_a_credit_note_before_payment_that_is_taken_back(stripe_shop: StripeShop, then: str) -> None:
    """It lowers what is due; taken back at Stripe, that is owed again by an invoice of ours, and ends with the first."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(hours=3), step=timedelta(days=5))
    shop.heal()
    owed = shop.last(subscription)
    made = at_stripe(shop, owed.stripe_invoice_id, "credit", amount=1000)
    shop.hear()
    assert shop.last(subscription).total == 1000
    lowered = f"$10.00 is taken off invoice {owed.invoice_number} and is no longer to be paid."
    assert went(shop, subscription) == [lowered]
    with tenant(shop.cluster_id):
        assert Invoice.objects.get(cluster_id=shop.cluster_id, id=owed.id).amount_due.minor == 1150
    if then != "credited":
        at_stripe(shop, made["id"], "void_credit")
        shop.hear()
        shop.night()
        again = shop.last(subscription)
        assert (again.kind, again.total, again.status) == ("invoice", 1000, "open")
    given_up, void, paid = {"act": "give_up"}, {"act": "void"}, {"card": "4242424242424242"}
    acts = {"void": [void], "given_up": [given_up], "paid_later": [given_up, paid], "void_later": [given_up, void]}
    for act in acts.get(then, [paid]):
        shop.control("POST", f"/stripe/invoice/{owed.stripe_invoice_id}", act)
        shop.hear()
        shop.night()
    then = then.removesuffix("_later")
    wanted = {"void": "void", "given_up": "uncollectible"}.get(then, "paid")
    mine = [one for one in shop.documents(subscription) if one.kind == "invoice"]
    again_is = ["paid" if then == "void" else wanted] * (then != "credited")
    assert [one.status for one in mine][1:] == [wanted, *again_is]
    assert (at(shop, AccountKind.RECEIVABLES), at(shop, AccountKind.CUSTOMER_CREDIT)) == (0, 0)
    assert shop.payments(subscription)[-1] == {
        "paid": ("succeeded", 2150),
        "credited": ("succeeded", 1150),
    }.get(then, ("canceled" if then == "void" else "failed", 2150))


@pytest.mark.parametrize("told", [True, False])
def test_voided_after_it_was_given_up(stripe_shop: StripeShop, told: bool) -> None:
    """A debt that was given up is voided at Stripe later: its revenue and its tax are given back, and nothing is a loss."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    before = {kind: at(shop, kind) for kind in (AccountKind.BAD_DEBTS, AccountKind.RECEIVABLES)}
    shop.dial(stripe__charge__decline=1)
    shop.until(subscription.current_period_end + timedelta(hours=3), step=timedelta(days=5))
    owed = shop.last(subscription)
    shop.control("POST", f"/stripe/invoice/{owed.stripe_invoice_id}", {"act": "give_up"})
    shop.hear()
    assert at(shop, AccountKind.BAD_DEBTS) != before[AccountKind.BAD_DEBTS]
    shop.cancel(subscription, at_period_end=False)
    shop.move(days=10)
    shop.hear()
    shop.control("POST", f"/stripe/invoice/{owed.stripe_invoice_id}", {"act": "void"})
    if told:
        shop.hear()
    else:
        shop.events()
        shop.move(days=5)
        shop.night()
    assert [one.status for one in shop.documents(subscription) if one.kind == "invoice"] == ["paid", "void"]
    assert notes(shop, subscription) == [(2150, 150)]
    assert {kind: at(shop, kind) for kind in before} == before
    shop.agrees(subscription)


def test_a_refund_of_what_was_paid_too_much(stripe_shop: StripeShop) -> None:
    """What stands in the customer's favour of the same payment goes back first: no credit note is issued over it."""
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    (charge,), (told,) = shop.rows("charge"), shop.rows("invoice")
    charge["amount"] = told["payments"]["data"][0]["amount_paid"] = 2650
    shop.hear()
    invoice, payment = paid(shop, begun)
    assert (payment.amount, payment.surplus_minor, at(shop, AccountKind.CUSTOMER_CREDIT)) == (2650, 500, 500)
    give_back(shop, invoice, 400)
    give_back(shop, invoice, 250)
    assert shown(shop, invoice) == GivenBack(credited=150, refunded=650)
    assert at(shop, AccountKind.CUSTOMER_CREDIT) == 0
    give_back(shop, invoice)
    assert shown(shop, invoice) == GivenBack(credited=2150, refunded=2650)


def test_a_refund_of_more_than_can_be_credited(stripe_shop: StripeShop) -> None:
    """A rest that was too small to be charged came with this payment and paid another invoice: it does not go back from here, and what
    somebody gives back of it at Stripe is a loss."""
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    (charge,), (told,) = shop.rows("charge"), shop.rows("invoice")
    charge["amount"] = told["payments"]["data"][0]["amount_paid"] = 2180
    told |= {"starting_balance": 30}
    shop.hear()
    invoice, payment = paid(shop, begun)
    with tenant(shop.cluster_id):
        held = queries.stripe_credit_holder(user_id=invoice.user_id)
        debit, credit = (
            ledger.open_account(kind=kind, currency="USD", subject_id=subject)
            for kind, subject in ((AccountKind.CUSTOMER_CREDIT, held), (AccountKind.EXTERNAL_FUNDS, None))
        )
        spent = Entry(new_id(), debit, credit, Money(30, "USD"), TransferKind.INVOICE_REFUNDED, invoice.id)
        ledger.post(entries=[spent], at=shop.now)
    give_back(shop, invoice)
    assert (shown(shop, invoice), at(shop, AccountKind.BAD_DEBTS)) == (GivenBack(2150, 2150), 0)
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=30)
    shop.hear()
    assert (shown(shop, invoice), at(shop, AccountKind.BAD_DEBTS)) == (GivenBack(2150, 2180), -30)


def test_an_old_answer_that_comes_late(stripe_shop: StripeShop) -> None:
    """Of two looks the later one counts: what was asked before a refund failed does not make it stand again."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    made = at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    at_bank = at_stripe(shop, payment.stripe_payment_intent_id, "dispute", amount=300)
    passed = count(1)

    def meanwhile(place: str) -> None:
        if place == "subscriptions.follow_returns.answered" and next(passed) == 1:
            at_stripe(shop, made["id"], "fail_refund")
            at_stripe(shop, at_bank["id"], "decide", status="won")
            shop.night()

    with watching(meanwhile):
        follow_returns(cluster_id=shop.cluster_id, invoice_id=invoice.id, now=shop.now)
    assert (shown(shop, invoice), at(shop, AccountKind.PROVIDER_CLEARING)) == (NOTHING, -2150)


def test_what_goes_back_is_read_in_both_shapes() -> None:
    """Today's names and those of 2023; what does not add up is refused."""
    line = {"amount": 1000, "description": "Basic", "discount_amount": 100, "taxes": [{"amount": 68}]}
    note: dict[str, Any] = {
        "id": "cn_1",
        "created": 1_781_000_000,
        "object": "credit_note",
        "invoice": "in_1",
        "currency": "usd",
        "status": "issued",
        "lines": {"data": [line]},
        "subtotal": 1000,
        "discount_amount": 100,
        "total": 968,
        "type": "post_payment",
    }
    today = {**note, "total_taxes": [{"amount": 68}], "pre_payment_amount": 0}
    today["refunds"] = [{"refund": "re_1", "amount_refunded": 968}]
    old_line = {**line, "taxes": None, "tax_amounts": [{"amount": 68, "tax_rate": "txr_1"}]}
    old = {**note, "tax_amounts": [{"amount": 68}], "refund": "re_1", "lines": {"data": [old_line]}}
    for raw in (today, old):
        read = read_credit_note(raw)
        assert (read.total, read.tax, read.before_payment, read.refunds) == (968, 68, 0, (("re_1", 968),))
    assert read_credit_note({**old, "refund": None, "type": "pre_payment"}).before_payment == 968
    with pytest.raises(StripeUnreadable):
        read_credit_note({**today, "total": 969})
    dispute = {"id": "dp_1", "amount": 1000, "currency": "usd", "status": "won", "created": 1}
    for moved, taken in (([], False), ([-930], True), ([-930, 921], False), ([-930, 940, -921], True)):
        entries = [{"amount": amount} for amount in moved]
        assert read_dispute({**dispute, "balance_transactions": entries}, of="pi_1").taken is taken
    about = {"object": "dispute", "charge": "ch_1", "payment_intent": None}
    assert (
        to_look_at(about)
        == to_look_at({"object": "charge", "id": "ch_1", "refunded": True, "amount_refunded": 5})
        == "ch_1"
    )
    assert to_look_at({"object": "credit_note", "id": "cn_1"}) == "cn_1"
    assert to_look_at({"object": "refund", "charge": "ch_1", "payment_intent": "pi_1"}) == "pi_1"


def test_what_is_not_ours_or_cannot_be_read(stripe_shop: StripeShop) -> None:
    """A payment that nobody here made is nobody's; what is in another currency is not booked; the rest of the night goes on."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    for about in ("pi_nobody", "cn_nobody", "ch_nobody"):
        assert not commands.hear_stripe(about=about, now=shop.now, cluster_id=shop.cluster_id)
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    (refund,) = shop.rows("refund")
    refund["currency"] = "ngn"
    assert shop.night()["unheard"] == 1
    assert shown(shop, invoice) == NOTHING
    refund["currency"] = "usd"
    assert shop.night()["returned"] == 1
    assert shown(shop, invoice) == GivenBack(500, 500)


def test_a_credit_note_of_an_invoice_that_was_not_heard_of(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    begun = shop.begin("basic")
    shop.control("POST", f"/stripe/page/{shop.page(begun)}", {})
    shop.events()
    (told,) = shop.rows("invoice")
    made = at_stripe(shop, told["id"], "credit", amount=150, memo="For the wait")
    shop.events()
    assert commands.hear_stripe(about=made["id"], now=shop.now, cluster_id=shop.cluster_id)
    assert shown(shop, paid(shop, begun)[0]) == GivenBack(credited=150)


def changed_at_once(shop: StripeShop, subscription: Subscription, code: str, interval: str = "month") -> None:
    shop.change(subscription, code, interval=interval, at_period_end=False)
    shop.hear()


def moved_abroad(shop: StripeShop, subscription: Subscription) -> None:
    """What is unused was taxed at one rate, the rest of the smaller plan is not."""
    live_in(shop, "GH")
    shop.move(minutes=5)
    shop.ask_due()
    changed_at_once(shop, subscription, "basic")


def twice_changed(shop: StripeShop, subscription: Subscription) -> None:
    """By the year, and then a smaller one: three documents, of which the first and the last share no period."""
    changed_at_once(shop, subscription, "pro", "year")
    shop.move(days=10)
    changed_at_once(shop, subscription, "basic", "year")


def lowered_and_raised(shop: StripeShop, subscription: Subscription) -> None:
    """A larger plan is paid from what a smaller one gave back."""
    changed_at_once(shop, subscription, "basic")
    shop.move(days=5)
    changed_at_once(shop, subscription, "pro")


def credited_at_stripe(shop: StripeShop, subscription: Subscription) -> None:
    changed_at_once(shop, subscription, "basic")
    first = min((one for one in shop.documents(subscription) if one.kind == "invoice"), key=lambda one: one.id)
    at_stripe(shop, first.stripe_invoice_id, "credit", **{"as": "balance"}, amount=1075)
    shop.hear()


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize(
    "happens", [changed_at_once, moved_abroad, twice_changed, lowered_and_raised, credited_at_stripe]
)
def test_no_more_goes_back_than_came_in(stripe_shop: StripeShop, happens: Any, newest_first: bool) -> None:
    """What a change of plan, or a credit note, put into the customer's favour does not go back to the card as well, in whichever order
    invoices are given back; and all the rest does."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    shop.move(days=15)
    happens(shop, subscription, "basic") if happens is changed_at_once else happens(shop, subscription)
    invoices = [one for one in shop.documents(subscription) if one.kind == "invoice"]
    for invoice in sorted(invoices, key=lambda one: one.id, reverse=newest_first):
        most = commands.left_to_refund(actor=shop.staff, invoice_id=invoice.id)
        left = max(most.payments.values(), default=0)
        if most.most < left:
            said = refused(lambda: give_back(shop, invoice, max(most.most, 0) + 1))  # noqa: B023
            assert said == ("credit_exceeds_invoice" if most.most > 0 else "nothing_to_refund")
        for minor in (7, None):
            if commands.left_to_refund(actor=shop.staff, invoice_id=invoice.id).whole:
                give_back(shop, invoice, minor)
        assert refused(lambda: give_back(shop, invoice)) == "nothing_to_refund"  # noqa: B023
    with tenant(shop.cluster_id):
        paid = Payment.objects.filter(cluster_id=shop.cluster_id, subscription_id=subscription.id, status="succeeded")
        came, back, away = (
            sum(getattr(one, name) for one in paid) for name in ("amount", "refunded_minor", "disputed_minor")
        )
        credit = queries.credit_of(user_id=queries.stripe_credit_holder(user_id=subscription.user_id), currency="USD")
    assert back + away + credit.minor == came


def test_what_a_bank_has_is_not_there_to_give_back(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("team")
    invoice, payment = paid(shop, subscription)
    shop.move(days=15)
    changed_at_once(shop, subscription, "pro")
    credit = shop.last(subscription).total
    at_stripe(shop, payment.stripe_payment_intent_id, "dispute", amount=4000)
    shop.hear()
    assert commands.left_to_refund(actor=shop.staff, invoice_id=invoice.id).most == payment.amount - credit - 4000
    assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "credit_exceeds_invoice"


def test_units_that_a_credit_note_pays_count(stripe_shop: StripeShop) -> None:
    """Stripe took them from the balance before that was heard of: they count as soon as it is."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    shop.move(hours=30)
    at_stripe(shop, invoice.stripe_invoice_id, "credit", **{"as": "balance"})
    shop.events()  # it is not heard
    buy_units(shop, subscription)
    shop.night()
    with tenant(shop.cluster_id):
        assert UsagePack.objects.filter(cluster_id=shop.cluster_id, subscription_id=subscription.id).count() == 1


def test_a_refund_and_a_smaller_plan_wait_for_each_other(stripe_shop: StripeShop) -> None:
    """While it is not known what became of the one, the other is not begun: together they would give back twice."""
    shop = stripe_shop
    subscription = shop.by_card("team")
    invoice, _ = paid(shop, subscription)
    shop.move(days=10)
    shop.dial(stripe__refund__timeout_after=1)
    assert refused(lambda: give_back(shop, invoice, 500)) == "provider_silent"
    assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "change_under_way"
    shop.heal()
    shop.move(hours=1)
    shop.ask_due()
    assert shown(shop, invoice).refunded == 500
    assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "credit_exceeds_invoice"
    other = shop.by_card("team", actor=shop.customer())
    invoice, _ = paid(shop, other)
    shop.dial(stripe__plan__timeout_after=1)
    assert refused(lambda: shop.change(other, "basic", at_period_end=False)) == "provider_silent"
    shop.heal()
    assert refused(lambda: give_back(shop, invoice, 500)) == "change_under_way"


def test_no_smaller_plan_at_once_after_a_refund(stripe_shop: StripeShop) -> None:
    """It would give the unused rest of the period once more. When the period ends it begins, and a larger one at once."""
    shop = stripe_shop
    subscription = shop.by_card("pro")
    shop.until(shop.again(subscription).current_period_end + timedelta(hours=3), step=timedelta(days=9))
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice, 500)
    for act in (
        lambda: shop.change(subscription, "basic", at_period_end=False),
        lambda: foreseen(shop, subscription, "basic", at_period_end=False),
    ):
        assert refused(act) == "credit_exceeds_invoice"
    assert shop.change(subscription, "team").plan_id == shop.plan("team").id
    shop.change(subscription, "basic")
    assert my_subscription(actor=shop.bola, now=shop.now).pending is not None


def test_a_whole_refund_that_fails_is_given_again(stripe_shop: StripeShop) -> None:
    shop = stripe_shop
    subscription = shop.by_card("team")
    invoice, _ = paid(shop, subscription)
    give_back(shop, invoice)
    assert refused(lambda: give_back(shop, invoice)) == "nothing_to_refund"
    (made,) = shop.rows("refund")
    at_stripe(shop, made["id"], "fail_refund")
    shop.hear()
    assert shown(shop, invoice).refunded == 0
    give_back(shop, invoice)
    assert shown(shop, invoice).refunded == invoice.total
    assert refused(lambda: give_back(shop, invoice)) == "nothing_to_refund"
    assert refused(lambda: shop.change(subscription, "basic", at_period_end=False)) == "credit_exceeds_invoice"


_MOVES = {
    # From one country to another, to a plan of this price: what it is, and the signs of its net and its tax.
    "less tax than was given back": ("NG", "GH", 9000, ("invoice", 1, -1)),
    "less than was given back, but for its tax": ("GH", "NG", 1995, ("invoice", -1, 1)),
    "more than was given back, but for its tax": ("NG", "GH", 2100, ("credit_note", -1, 1)),
}


@pytest.mark.parametrize("what", _MOVES)
def test_two_rates_of_tax(stripe_shop: StripeShop, what: str) -> None:
    """Another plan in another country: what is unused was taxed at one rate, the rest of the new one at another, and each counts
    as it was taxed. Given back in parts, neither net nor tax is more than was charged."""
    shop = stripe_shop
    before, then, price, expected = _MOVES[what]
    shop.sync({**PLANS, "other": {"price_monthly": price}})
    live_in(shop, before)
    subscription = shop.by_card("basic")
    shop.move(days=10)
    live_in(shop, then)
    shop.move(minutes=5)
    shop.ask_due()
    preview = foreseen(shop, subscription, "other", "month", at_period_end=False)
    shop.change(subscription, "other", at_period_end=False)
    shop.hear()
    shop.agrees(subscription)
    made = shop.last(subscription)
    net = made.total - made.tax_amount
    assert (made.kind, sign(net), sign(made.tax_amount)) == expected
    assert (made.total, made.tax_amount) == (preview.sums.total.minor, preview.sums.tax.minor)
    assert preview.is_credit_note == (made.kind == "credit_note")
    assert shop.rates(made) == {0, 750}
    if made.kind == "credit_note":
        return
    for minor in (33, 1, 10):
        give_back(shop, made, minor)
    give_back(shop, made)
    assert shown(shop, made) == GivenBack(made.total, made.total)
    assert sum(tax for _, tax in notes(shop, subscription)) == made.tax_amount


def test_a_refund_takes_its_credit_before_what_is_open(stripe_shop: StripeShop) -> None:
    """Another invoice is open here that Stripe calls paid: what a credit note gives to a refund does not pay it."""
    shop = stripe_shop
    subscription = shop.by_card("basic")
    invoice, _ = paid(shop, subscription)
    shop.move(days=30, hours=3)
    renewed = shop.rows("invoice")[-1]
    assert renewed["status"] == "paid"
    renewed["payments"]["data"] = []
    shop.hear()
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=1000, **{"as": "refund"})
    at_stripe(shop, invoice.stripe_invoice_id, "credit", amount=150)
    shop.hear()
    assert shown(shop, invoice) == GivenBack(credited=1150, refunded=1000)
    assert (shop.last(subscription).kind, at(shop, AccountKind.CUSTOMER_CREDIT)) == ("credit_note", 0)
    assert at(shop, AccountKind.RECEIVABLES) == 150 - 2150


@pytest.mark.parametrize("nights", [0, 1])
def test_days_without_a_worker_leave_no_hole(stripe_shop: StripeShop, nights: int) -> None:
    """What went back while nobody listened, for longer than a night looks back, is found by the first one after."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    for _ in range(nights):
        shop.night()
    shop.move(hours=2)
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    shop.events()
    shop.move(days=9)
    assert shop.night()["returned"] == 1
    assert shown(shop, invoice) == GivenBack(500, 500)


def test_what_was_not_heard_is_looked_at_until_it_is(stripe_shop: StripeShop) -> None:
    """Nights that did not hear of everything are not counted; those that did are where the next begins."""
    shop = stripe_shop
    invoice, payment = paid(shop, shop.by_card("basic"))
    shop.night()
    shop.move(hours=2)
    at_stripe(shop, payment.stripe_payment_intent_id, "refund", amount=500)
    shop.events()
    (refund,) = shop.rows("refund")
    refund["currency"] = "ngn"
    for asked in (0, 0, 1, 1, 1):
        shop.move(days=1)
        assert shop.night()["unheard"] == 1
        assert asks(shop) == ["nights_unheard"] * asked  # a person looks what it is, when it was so for three nights
    refund["currency"] = "usd"
    shop.move(days=1)
    assert shop.night()["returned"] == 1
    assert (shown(shop, invoice), asks(shop)) == (GivenBack(500, 500), [])
    shop.move(days=1)
    shop.night()
    with tenant(shop.cluster_id):
        runs = list(StripeReconciliation.objects.filter(cluster_id=shop.cluster_id).order_by("at"))
    assert [run.complete for run in runs] == [True, *[False] * 5, True, True]
    assert all(run.since == min(run.at - RECONCILED, runs[0].until) for run in runs[1:7])
    assert runs[6].since < runs[6].at - RECONCILED == runs[-1].since - timedelta(days=1)


def test_nights_in_which_nothing_can_be_listed(stripe_shop: StripeShop) -> None:
    """They leave nothing behind but what a person is asked after the third."""
    shop = stripe_shop
    shop.by_card("basic")
    shop.night()
    shop.dial(stripe__list__timeout_before=1)
    for asked in (0, 0, 1):
        shop.move(days=1)
        with pytest.raises(OutboundError):
            shop.night()
        assert asks(shop) == ["nights_unheard"] * asked
    shop.heal()
    shop.night()
    assert asks(shop) == []


def test_what_is_somebody_elses_leaves_nights_whole(stripe_shop: StripeShop) -> None:
    """In the same account somebody writes invoices of their own, and credits one, and has subscriptions of two items: none of it
    is ours, though a plan of ours has no name there."""
    shop = stripe_shop
    shop.subscribe("free", actor=shop.customer())
    shop.by_card("basic")
    world = shop.sandbox.world

    def theirs(kind: str) -> dict[str, Any]:
        doc = deepcopy(shop.rows(kind)[0])
        made = make(
            world, kind, **{name: value for name, value in doc.items() if name not in ("id", "object", "parent")}
        )
        made.doc |= {"metadata": {}}
        return made.doc

    alone, renewal, plan = theirs("invoice"), theirs("invoice"), theirs("subscription")
    plan["items"]["data"] *= 2
    renewal["parent"] = {"subscription_details": {"subscription": plan["id"]}}
    alone |= {"parent": None, "total": alone["total"] + 100}  # and a sum of another kind
    note = at_stripe(shop, alone["id"], "credit", amount=100)
    shop.events()
    for about in (note["id"], alone["id"], renewal["id"]):
        assert not commands.hear_stripe(about=about, now=shop.now, cluster_id=shop.cluster_id)
    for strange in (1, 1, 1, 0, 0):
        shop.move(days=1)
        counts = shop.night()
        assert (counts["strange"], counts["unheard"], counts["returned"]) == (strange, 0, 0)
    assert asks(shop) == []


def test_a_defect_of_one_does_not_stop_the_night(stripe_shop: StripeShop) -> None:
    """Of two customers nothing was heard; where one subscription and one payment fail, the others are followed."""
    shop = stripe_shop
    invoices = [paid(shop, shop.by_card("basic", actor=actor))[0] for actor in (shop.bola, shop.customer())]
    for one in shop.rows("payment_intent"):
        at_stripe(shop, one["id"], "refund", amount=500)
    failed = set()

    def meanwhile(place: str) -> None:
        if place in ("subscriptions.follow.answered", "subscriptions.follow_returns.answered") and place not in failed:
            failed.add(place)
            raise RuntimeError(place)

    with watching(meanwhile), pytest.raises(RuntimeError, match=r"follow\.answered"):
        shop.night()
    assert (len(failed), sum(shown(shop, one).refunded for one in invoices)) == (2, 500)
    with tenant(shop.cluster_id):
        assert not StripeReconciliation.objects.filter(cluster_id=shop.cluster_id, complete=True).exists()
