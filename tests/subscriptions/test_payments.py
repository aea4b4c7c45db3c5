"""Payments of invoices, reminders, and what happens when nobody pays."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import InvalidValue
from clustr.kit.ids import new_id
from clustr.kit.money import CurrencyMismatch, Money
from clustr.people.models import Mail
from clustr.subscriptions import commands
from clustr.subscriptions.models import Subscription
from clustr.subscriptions.refusals import InvoiceNotFound, InvoiceNotOpen, PaymentReferenceTaken
from clustr.subscriptions.schedule import DUNNING, GRACE
from clustr.subscriptions.states import PaymentMethod
from tests.races import race
from tests.subscriptions.shop import Shop
from tests.subscriptions.test_subscribe_user import trial_balance

REMINDER = "Invoice INV2026000001 is overdue"


def test_it_works(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    payment = shop.pay(shop.last(subscription))
    invoice = shop.last(subscription)
    assert (invoice.status, invoice.amount_paid, invoice.paid_at) == ("paid", 2150, shop.now)
    assert (payment.status, payment.payment_method, payment.amount) == ("succeeded", "bank_transfer", 2150)
    assert trial_balance(shop) == {
        "received_bank_transfer": -2150,
        "receivables": 0,
        "subscription_revenue": 2000,
        "tax_payable": 150,
        "customer_credit": 0,
    }
    assert shop.mail(shop.bola)[-1] == "Your payment of $21.50"


def test_in_parts(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription), 1000)
    assert (shop.last(subscription).status, shop.last(subscription).amount_due.minor) == ("open", 1150)
    shop.pay(shop.last(subscription))
    assert shop.last(subscription).status == "paid"


def test_what_is_too_much_is_credit(shop: Shop) -> None:
    """Also of an invoice that is paid already: money that came is never turned away."""
    subscription = shop.subscribe("basic")
    assert shop.pay(shop.last(subscription), 3000).surplus_minor == 850
    assert shop.pay(shop.last(subscription), 100).surplus_minor == 100
    assert shop.credit(subscription) == 950
    invoice = shop.last(shop.end_period(subscription))
    assert (invoice.credit_applied, invoice.amount_due.minor) == (950, 1200)


def test_a_reference_counts_once(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription), 100, reference="TRX-1")
    with pytest.raises(PaymentReferenceTaken):
        shop.pay(shop.last(subscription), 100, reference="trx 1")
    ended = race(lambda: shop.pay(shop.last(subscription), 100, reference="TRX-2"), runners=6).only(
        PaymentReferenceTaken
    )
    assert len(ended.results) == 1
    assert shop.last(subscription).amount_paid == 200


def test_many_payments_at_once_pay_it_once(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    race(lambda: shop.pay(shop.last(subscription), 2150), runners=6).only()
    assert shop.last(subscription).amount_paid == 2150
    assert shop.credit(subscription) == 5 * 2150


def test_staff_records_and_never_their_own(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    terms = {
        "invoice_id": shop.last(subscription).id,
        "amount": Money(2150, "USD"),
        "method": PaymentMethod.BANK_TRANSFER,
        "reference": "X1",
        "paid_at": shop.now,
        "now": shop.now,
    }
    with pytest.raises(PermissionMissing):
        commands.process_payment(actor=shop.bola, **terms)
    with pytest.raises(CurrencyMismatch):
        commands.process_payment(actor=shop.staff, **{**terms, "amount": Money(2150, "NGN")})
    with pytest.raises(InvoiceNotFound):
        commands.process_payment(actor=shop.staff, **{**terms, "invoice_id": new_id()})
    for wrong in ({"method": PaymentMethod.CARD}, {"reference": " "}, {"amount": Money(0, "USD")}):
        with pytest.raises(InvalidValue):
            commands.process_payment(actor=shop.staff, **{**terms, **wrong})
    with pytest.raises(InvalidValue):
        commands.process_payment(actor=shop.staff, **{**terms, "paid_at": shop.now + timedelta(seconds=1)})
    own = shop.subscribe("basic", actor=shop.staff)
    with pytest.raises(InvalidValue):
        commands.process_payment(actor=shop.staff, **{**terms, "invoice_id": shop.last(own).id})
    assert shop.last(subscription).amount_paid == 0


@pytest.mark.parametrize("act", [commands.void_invoice, commands.write_off_invoice])
def test_nobody_forgives_a_debt_of_their_own(shop: Shop, act: Callable[..., object]) -> None:
    own = shop.subscribe("basic", actor=shop.staff)
    with pytest.raises(InvalidValue):
        act(actor=shop.staff, invoice_id=shop.last(own).id, reason="Mine", now=shop.now)
    assert shop.last(own).status == "open"


def test_a_try_that_failed_moves_nothing(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    before = trial_balance(shop)
    payment = commands.handle_failed_payment(
        actor=shop.staff,
        invoice_id=shop.last(subscription).id,
        amount=Money(2150, "USD"),
        method=PaymentMethod.BANK_TRANSFER,
        code="returned",
        message="The bank sent it back.",
        now=shop.now,
    )
    assert (payment.status, payment.failure_code, payment.paid_at) == ("failed", "returned", None)
    assert (shop.last(subscription).status, trial_balance(shop)) == ("open", before)
    assert shop.mail(shop.bola)[-1] == "A payment of invoice INV2026000001 failed"


def overdue(shop: Shop) -> Subscription:
    """An estate's year, not paid: so that no renewal comes between."""
    subscription = shop.subscribe("basic", interval="year")
    shop.now = shop.last(subscription).due_date + timedelta(seconds=1)
    return shop.chase(subscription)


def test_reminders_come_once_each(shop: Shop) -> None:
    subscription = overdue(shop)
    since = shop.now
    assert (subscription.status, subscription.past_due_since) == ("past_due", since)
    assert shop.mail(shop.bola).count(REMINDER) == 1
    for number, wait in enumerate(DUNNING, 2):
        shop.now = since + wait
        shop.chase(subscription)
        shop.chase(subscription)
        assert shop.mail(shop.bola).count(REMINDER) == number
    assert shop.history(subscription) == ["created", "past_due"]
    last = Mail.objects.filter(user_id=shop.bola.user_id, subject=REMINDER).latest("created_at")
    assert "Bank: Demonstration Bank\nAccount number: 0000000000\nIn the name of: ClustR\n" in last.body
    assert "Reference: INV2026000001" in last.body


def test_a_reminder_that_was_missed_is_not_sent_twice(shop: Shop) -> None:
    subscription = overdue(shop)
    shop.move(days=15)
    shop.chase(subscription)
    assert shop.mail(shop.bola).count(REMINDER) == 2


def test_paid_in_time_it_goes_on(shop: Shop) -> None:
    subscription = overdue(shop)
    shop.pay(shop.last(subscription), 100)
    assert shop.again(subscription).status == "past_due"
    shop.pay(shop.last(subscription))
    subscription = shop.again(subscription)
    assert (subscription.status, subscription.past_due_since) == ("active", None)
    assert shop.history(subscription) == ["created", "past_due", "recovered"]


def test_after_the_grace_it_stops_and_comes_back(shop: Shop) -> None:
    """A month that nobody paid: while it has stopped nothing is charged; paid, a new period begins."""
    subscription = shop.subscribe("basic")
    since = shop.now = shop.last(subscription).due_date + timedelta(days=1)
    shop.chase(subscription)
    shop.now = since + GRACE
    shop.renew(subscription)
    subscription = shop.chase(subscription)
    assert (subscription.status, shop.monthly(subscription)) == ("unpaid", 0)
    shop.move(days=100)
    assert len(shop.documents(shop.renew(subscription))) == 2
    first, second = shop.documents(subscription)
    shop.pay(first)
    assert shop.again(subscription).status == "unpaid"
    shop.pay(second)
    subscription = shop.again(subscription)
    assert (subscription.status, subscription.current_period_start) == ("active", shop.now)
    assert [document.subtotal for document in shop.documents(subscription)] == [2000, 2000, 2000]
    assert shop.history(subscription)[-2:] == ["lapsed", "recovered"]


def test_paid_late_after_it_ended_it_still_counts(shop: Shop) -> None:
    """Reliability S5: never silent. The invoice was owed and is paid; the subscription stays ended."""
    subscription = overdue(shop)
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    shop.pay(shop.last(subscription))
    assert (shop.last(subscription).status, shop.again(subscription).status) == ("paid", "canceled")


def test_an_invoice_is_voided_by_a_credit_note(shop: Shop) -> None:
    """What was paid of it becomes credit; the number stays."""
    subscription = shop.subscribe("basic")
    invoice = shop.last(subscription)
    shop.pay(invoice, 500)
    note = commands.void_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Twice", now=shop.now)
    voided, again = shop.documents(subscription)
    assert (voided.status, voided.credit_applied, voided.paid_at) == ("void", 1650, None)
    assert (again.id, again.corrects_id, again.total) == (note.id, invoice.id, 2150)
    assert shop.credit(subscription) == 500
    assert trial_balance(shop)["subscription_revenue"] == 0
    with pytest.raises(InvoiceNotOpen):
        commands.void_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Again", now=shop.now)
    with pytest.raises(PermissionMissing):
        commands.void_invoice(actor=shop.bola, invoice_id=invoice.id, reason="Mine", now=shop.now)
    assert shop.pay(voided, 300).surplus_minor == 300
    with pytest.raises(InvoiceNotOpen):
        shop.pay(note, 100)


def test_a_debt_that_was_given_up_may_still_be_paid(shop: Shop) -> None:
    subscription = overdue(shop)
    invoice = shop.last(subscription)
    commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Gone", now=shop.now)
    assert (shop.last(subscription).status, shop.again(subscription).status) == ("uncollectible", "active")
    assert trial_balance(shop)["bad_debts"] == -21_500
    with pytest.raises(InvoiceNotOpen):
        commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Gone", now=shop.now)
    shop.pay(invoice, 1000)
    assert (shop.last(subscription).status, trial_balance(shop)["bad_debts"]) == ("open", 0)
    commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Again", now=shop.now)
    assert trial_balance(shop)["bad_debts"] == -20_500
    shop.pay(invoice, 20_500)
    assert (shop.last(subscription).status, trial_balance(shop)["bad_debts"]) == ("paid", 0)


def test_numbers_have_no_gap_when_many_are_issued_and_some_fail(shop: Shop) -> None:
    customers = [shop.customer() for _ in range(8)]

    def subscribe(number: int) -> None:
        shop.subscribe("basic", actor=customers[number], coupon="NO-SUCH" if number % 3 == 0 else "")

    ended = race([lambda n=n: subscribe(n) for n in range(8)])  # type: ignore[misc]
    assert len(ended.results) == 5
    numbers = sorted(shop.last(shop.subscribe("basic", actor=shop.customer())).invoice_number for _ in range(1))
    assert numbers == ["INV2026000006"]


@pytest.mark.parametrize("year", [2026, 2027])
def test_a_year_has_its_own_series(shop: Shop, year: int) -> None:
    shop.now = shop.now.replace(year=year)
    assert shop.last(shop.subscribe("basic")).invoice_number == f"INV{year}000001"
