"""Credit pays what is open before it pays anything new: no more comes back than was paid."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from clustr.kit.money import Money
from clustr.subscriptions import commands
from clustr.subscriptions.models import Invoice
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.refusals import CreditExceedsInvoice, InvoiceOverdue
from tests.subscriptions.shop import Shop
from tests.subscriptions.test_change_plan import downgrade, preview, upgrade
from tests.subscriptions.test_tasks import waiting


def test_of_what_was_never_paid_no_credit_comes_back(shop: Shop) -> None:
    """A year that nobody paid, given back at once: the invoice is smaller by it, and nothing can be spent."""
    subscription = shop.subscribe("team", interval="year")
    downgrade(shop, subscription, "basic", "year", at_period_end=False)
    invoice, note = shop.documents(subscription)
    assert (invoice.total, note.total) == (96_750, 75_250)
    assert (invoice.credit_applied, invoice.amount_due.minor, invoice.status) == (75_250, 21_500, "open")
    assert shop.credit(subscription) == 0


def test_the_oldest_is_paid_first_and_the_rest_is_credit(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    shop.end_period(subscription)
    newest = shop.last(shop.end_period(subscription))
    shop.pay(newest, 5000)
    assert [document.amount_due.minor for document in shop.documents(subscription)] == [0, 1450, 0]
    shop.pay(newest, 2000)
    assert [document.status for document in shop.documents(subscription)] == ["paid"] * 3
    assert shop.credit(subscription) == 550


def test_what_staff_give_back_of_a_paid_invoice_pays_an_open_one(shop: Shop) -> None:
    """Both by a credit note of a part, and by one of all of it that was paid in part."""
    subscription = shop.subscribe("basic")
    paid = shop.last(subscription)
    shop.pay(paid)
    second = shop.last(shop.end_period(subscription))
    terms = {"amount": Money(1000, "USD"), "tax_basis_points": 750, "reason": "Kind", "now": shop.now}
    commands.credit_invoice(actor=shop.staff, invoice_id=paid.id, **terms)  # type: ignore[arg-type]
    assert shop.documents(subscription)[1].amount_due.minor == 1075
    shop.end_period(subscription)
    commands.void_invoice(actor=shop.staff, invoice_id=second.id, reason="Twice", now=shop.now)
    third = next(document for document in shop.documents(subscription) if document.status == "open")
    assert (third.amount_due.minor, shop.credit(subscription)) == (1075, 0)


def test_who_is_paid_by_credit_is_no_longer_overdue(shop: Shop) -> None:
    """What another subscription's payment leaves over settles this one's debt, and a job lets it stand so."""
    shop.now = shop.cast.now
    mine = shop.subscribe("basic", actor=shop.staff)
    estates = shop.subscribe("basic", actor=shop.staff, for_cluster_id=shop.cast.palm_grove.id)
    other = shop.last(estates)
    shop.now = shop.last(mine).due_date + timedelta(seconds=1)
    assert shop.chase(mine).status == "past_due"
    clerk = replace(shop.customer(), permissions=frozenset({STAFF}))
    shop.pay(other, 4300, actor=clerk)
    assert waiting("subscriptions.settle_standing", mine) == 1
    assert shop.chase(mine).status == "active"


def test_no_step_from_the_free_plan_while_an_invoice_is_overdue(shop: Shop) -> None:
    """Not the step from the free plan either; what is paid opens the way again."""
    subscription = shop.subscribe("basic")
    debt = shop.last(subscription)
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    shop.now = debt.due_date
    free = shop.subscribe("free")
    shop.move(seconds=1)
    for act in (
        lambda: preview(shop, free, "basic"),
        lambda: upgrade(shop, free, "basic"),
    ):
        with pytest.raises(InvoiceOverdue):
            act()
    shop.pay(debt)
    assert upgrade(shop, free, "basic").status == "active"


def test_no_new_plan_while_an_invoice_is_overdue(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    debt = shop.last(subscription)
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    shop.now = debt.due_date + timedelta(seconds=1)
    with pytest.raises(InvoiceOverdue):
        shop.subscribe("team")
    assert shop.subscribe("free").status == "active"


@pytest.mark.parametrize("act", [commands.void_invoice, commands.write_off_invoice])
def test_what_was_taken_back_or_given_up_is_not_given_back_again(shop: Shop, act: Callable[..., object]) -> None:
    subscription = shop.subscribe("team")
    act(actor=shop.staff, invoice_id=shop.last(subscription).id, reason="Kind", now=shop.now)
    shop.move(days=15)
    downgrade(shop, subscription, "basic", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("remaining_time", 1000)]
    assert shop.credit(subscription) == 0


def test_what_a_change_gave_back_is_not_given_back_again_by_staff(shop: Shop) -> None:
    """A year is unpaid, and most of it is given back by a smaller plan: of its invoice only what the time used came to is left."""
    subscription = shop.subscribe("team", interval="year")
    year = shop.last(subscription)
    shop.move(days=60)
    downgrade(shop, subscription, "basic", at_period_end=False)
    note = next(one for one in shop.documents(subscription) if one.kind == "credit_note")
    left = year.subtotal - note.subtotal
    assert 0 < left < year.subtotal / 2
    with pytest.raises(CreditExceedsInvoice):
        commands.void_invoice(actor=shop.staff, invoice_id=year.id, reason="Kind", now=shop.now)
    with pytest.raises(CreditExceedsInvoice):
        give_back(shop, year, left + 1)
    give_back(shop, year, left)
    with pytest.raises(CreditExceedsInvoice):
        give_back(shop, year, 1)
    assert shop.credit(subscription) == 0, "nobody paid anything"


def test_of_a_change_that_was_taken_back_the_old_plan_stays_paid(shop: Shop) -> None:
    """A third of a period: 20.00 was paid before the change, so 6.67 comes back of it."""
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=20)
    upgrade(shop, subscription, "team")
    commands.void_invoice(actor=shop.staff, invoice_id=shop.last(subscription).id, reason="Kind", now=shop.now)
    downgrade(shop, subscription, "free", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 667)]


def test_what_was_given_up_and_paid_after_all_is_given_back(shop: Shop) -> None:
    subscription = shop.subscribe("team")
    invoice = shop.last(subscription)
    commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Gone", now=shop.now)
    shop.pay(invoice)
    shop.move(days=15)
    downgrade(shop, subscription, "basic", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 4500), ("remaining_time", -1000)]


def give_back(shop: Shop, invoice: Invoice, minor: int) -> None:
    """Staff give back so much of an invoice, net."""
    commands.credit_invoice(
        actor=shop.staff,
        invoice_id=invoice.id,
        amount=Money(minor, "USD"),
        tax_basis_points=750,
        reason="Kind",
        now=shop.now,
    )


@pytest.mark.parametrize(
    ("given", "left"),
    [
        pytest.param([9000], [], id="all"),
        pytest.param([4500], [("unused_time", 2250)], id="half"),
        pytest.param([3000, 3000, 3000], [], id="in_three_parts"),
        pytest.param([1], [("unused_time", 4500)], id="a_minor_unit"),  # half of 89.99, rounded
    ],
)
def test_what_staff_gave_back_is_not_given_back_again(
    shop: Shop, given: list[int], left: list[tuple[str, int]]
) -> None:
    """Half of a period after it was paid and credited, its unused time is worth half of what was not given back of it."""
    subscription = shop.subscribe("team")
    paid = shop.last(subscription)
    shop.pay(paid)
    for minor in given:
        give_back(shop, paid, minor)
    documents = len(shop.documents(subscription))
    shop.move(days=15)
    downgrade(shop, subscription, "free", at_period_end=False)
    assert [shop.lines(document) for document in shop.documents(subscription)[documents:]] == ([left] if left else [])


def test_of_a_change_that_staff_gave_back_the_old_plan_stays_paid(shop: Shop) -> None:
    """A third of a period is left: 23.33 was charged for it on top of basic's 20.00, of which 6.67 comes back; and voiding what
    is left of an invoice takes out no more than that."""
    subscription = shop.subscribe("basic")
    shop.pay(shop.last(subscription))
    shop.move(days=20)
    upgrade(shop, subscription, "team")
    charged = shop.last(subscription)
    give_back(shop, charged, 1000)
    commands.void_invoice(actor=shop.staff, invoice_id=charged.id, reason="Kind", now=shop.now)
    downgrade(shop, subscription, "free", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 667)]


def test_of_usage_that_was_given_back_the_plan_keeps_its_share(shop: Shop) -> None:
    """Of 50.00 for the plan and 50.00 for usage a fifth is given back: the plan is worth 40.00 from then on."""
    subscription = shop.subscribe("pro")
    shop.end_period(subscription)
    shop.pay(shop.last(subscription))
    shop.use(subscription, 5000 + 3333)
    shop.end_period(subscription)
    renewal = shop.last(subscription)
    shop.pay(renewal)
    give_back(shop, renewal, 2000)
    shop.move(days=15.5)
    downgrade(shop, subscription, "free", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 2000)]


def test_what_was_given_back_before_it_was_given_up_stays_out(shop: Shop) -> None:
    """A third was credited, the rest written off and paid after all: two thirds of the half that is left come back."""
    subscription = shop.subscribe("team")
    invoice = shop.last(subscription)
    give_back(shop, invoice, 3000)
    commands.write_off_invoice(actor=shop.staff, invoice_id=invoice.id, reason="Gone", now=shop.now)
    shop.pay(invoice)
    shop.move(days=15)
    downgrade(shop, subscription, "free", at_period_end=False)
    assert shop.lines(shop.last(subscription)) == [("unused_time", 3000)]
