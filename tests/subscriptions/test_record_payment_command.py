"""`bin/manage record_subscription_payment`: a transfer that staff saw arrive."""

from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit import clock
from clustr.kit.actor import Origin
from clustr.kit.tenancy import tenant
from clustr.people.commands import create_platform_staff
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import read_catalogue
from clustr.subscriptions.document_queries import my_invoices, my_payments
from clustr.subscriptions.queries import customer_actor, offered_plan_named
from tests.cast import Cast
from tests.subscriptions.shop import PLANS


def test_it_works(cast: Cast) -> None:
    now = clock.now()
    commands.sync_plans(actor=system_actor(cluster_id=PLATFORM_CLUSTER_ID), catalogue=read_catalogue(PLANS), now=now)
    customer = customer_actor(user_id=cast.bola.user_id, is_platform_staff=False, origin=Origin())
    with tenant(PLATFORM_CLUSTER_ID):
        plan = offered_plan_named(code="basic")
    commands.subscribe_user(actor=customer, plan_id=plan.id, interval="month", now=now)
    (document,) = my_invoices(actor=customer, before=None, limit=10)
    email = f"ngozi-{uuid4().hex}@example.test"
    create_platform_staff(email=email, name="Ngozi", now=now, password_hash="!")
    out = StringIO()
    terms = (document.invoice.invoice_number, "30.00", uuid4().hex)
    call_command("record_subscription_payment", *terms, by=email, stdout=out)
    assert "USD 8.50 of it is the customer's credit." in out.getvalue()
    (payment,) = my_payments(actor=customer, before=None, limit=10)
    assert (payment.amount, payment.surplus_minor) == (3000, 850)
    with pytest.raises(CommandError, match="payment_reference_taken"):
        call_command("record_subscription_payment", *terms, by=email)
    with pytest.raises(CommandError, match="person_not_found"):
        call_command("record_subscription_payment", *terms, by=cast.bola.email)
    with pytest.raises(CommandError, match="invoice_not_found"):
        call_command("record_subscription_payment", "INV1999000001", "1.00", "x", by=email)
