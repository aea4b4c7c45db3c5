"""What the database itself refuses, whatever the program does."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, IntegrityError, connection, transaction

from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from tests.subscriptions.shop import Shop


def refused(shop: Shop, statement: str, match: str) -> None:
    with pytest.raises(DatabaseError, match=match), tenant(shop.cluster_id), connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.mark.parametrize(
    "change",
    [
        "total = total + 1, subtotal = subtotal + 1",
        "invoice_number = 'INV2026000009'",
        "due_date = due_date + interval '1 day'",
    ],
)
def test_an_invoice_never_changes(shop: Shop, change: str) -> None:
    shop.subscribe("basic")
    refused(shop, f"UPDATE subscriptions_invoice SET {change}", "corrected by a credit note")


def test_what_was_paid_stays_paid(shop: Shop) -> None:
    shop.pay(shop.last(shop.subscribe("basic")))
    refused(shop, "UPDATE subscriptions_invoice SET amount_paid = 0, status = 'open', paid_at = NULL", "stays paid")


def test_an_invoice_is_never_overpaid(shop: Shop) -> None:
    shop.subscribe("basic")
    refused(shop, "UPDATE subscriptions_invoice SET amount_paid = total + 1", "never_overpaid|settled")


@pytest.mark.parametrize("table", ["invoiceline", "event", "usagerecord", "invoice", "payment", "plan"])
def test_nothing_is_deleted(shop: Shop, table: str) -> None:
    shop.subscribe("basic")
    refused(shop, f"DELETE FROM subscriptions_{table}", "permission denied")


def test_a_version_of_a_plan_never_changes(shop: Shop) -> None:
    refused(shop, "UPDATE subscriptions_plan SET price_monthly = 1", "never changes")
    with tenant(shop.cluster_id), connection.cursor() as cursor:
        cursor.execute("UPDATE subscriptions_plan SET stripe_price_id_monthly = 'price_1' WHERE code = 'basic'")


def test_what_has_ended_stays_ended(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    commands.cancel_subscription(actor=shop.bola, subscription_id=subscription.id, at_period_end=False, now=shop.now)
    refused(shop, "UPDATE subscriptions_subscription SET status = 'active', ended_at = NULL", "stays as it ended")


def test_a_second_live_subscription_has_no_place(shop: Shop) -> None:
    subscription = shop.subscribe("basic")
    subscription.id = shop.plan("basic").id
    with pytest.raises(IntegrityError, match="one_of_user"), tenant(shop.cluster_id), transaction.atomic():
        subscription.save(force_insert=True)
