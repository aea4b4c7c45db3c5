"""Everything that can be written about the sale of plans, in one estate: for tests that look into every table."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import uuid4

from clustr.clusters.commands import write_plan_allowance
from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.subscriptions import commands
from clustr.subscriptions.catalogue import read_catalogue
from clustr.subscriptions.commands.addresses import NewAddress
from clustr.subscriptions.commands.disputing import follow_dispute
from clustr.subscriptions.commands.returning import follow_refund
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.models import Invoice, Payment, StripeObject, StripeReconciliation, SubscriptionPlan
from clustr.subscriptions.queries import STAFF
from clustr.subscriptions.states import Act, PaymentMethod, StripeKind
from clustr.subscriptions.types import Discount, Duration, FeatureType, UsageEvent
from clustr.subscriptions.vendors.nouns import StripeDispute, StripeRefund
from tests.subscriptions.shop import PLANS


def sell_plans(*, office: Actor, customer: Actor, now: datetime) -> None:
    """The customer chooses a plan with a coupon, pays, uses it, and schedules a smaller one."""
    staff = replace(office, permissions=office.permissions | {STAFF})
    system = replace(office, user_id=None, role="system", permissions=frozenset())
    commands.sync_plans(actor=system, catalogue=read_catalogue(PLANS), now=now)
    with tenant(office.cluster_id):
        plans = {
            plan.code: plan.id for plan in SubscriptionPlan.objects.filter(cluster_id=office.cluster_id, is_active=True)
        }
    commands.agree_contract_price(
        actor=staff,
        user_id=customer.member_id,
        plan_code="team",
        interval="month",
        price=Money(8000, "USD"),
        starts_at=now,
        ends_at=now + timedelta(days=365),
        now=now,
    )
    terms = {"kind": "education", "expires_at": now + timedelta(days=365), "now": now}
    commands.verify_customer(actor=staff, user_id=customer.member_id, **terms)  # type: ignore[arg-type]
    address = NewAddress(line1="1 High Street", city="Lagos", country="NG")
    commands.set_billing_address(actor=customer, address=address, now=now)
    commands.create_coupon(
        actor=staff,
        code="MONTHS",
        name="Some months",
        discount=Discount(1000),
        duration=Duration.REPEATING,
        duration_months=3,
        now=now,
    )
    subscription = commands.subscribe_user(
        actor=customer, plan_id=plans["team"], interval="month", coupon="MONTHS", now=now
    )
    event = UsageEvent(FeatureType.AI_RESPONSES, Decimal(1), uuid4().hex, now, {})
    commands.record_usage(actor=customer, subscription_id=subscription.id, events=[event], now=now)
    invoice = commands.buy_usage_pack(
        actor=staff,
        subscription_id=subscription.id,
        feature=FeatureType.AI_RESPONSES,
        quantity=Decimal(10),
        price=Money(300, "USD"),
        now=now,
    )
    payment = commands.process_payment(
        actor=staff,
        invoice_id=invoice.id,
        amount=Money(100, "USD"),
        method=PaymentMethod.BANK_TRANSFER,
        reference=uuid4().hex,
        paid_at=now,
        now=now,
    )
    commands.void_invoice(actor=staff, invoice_id=invoice.id, reason="Twice", now=now)
    commands.downgrade_plan(
        actor=customer, subscription_id=subscription.id, plan_id=plans["basic"], interval="month", now=now
    )
    with tenant(office.cluster_id):
        name = f"cus_{uuid4().hex}"
        StripeObject.objects.create(
            id=uuid4(),
            cluster_id=office.cluster_id,
            kind=StripeKind.CUSTOMER,
            key=str(customer.user_id),
            stripe_id=name,
            made_at=now,
        )
        counts = {"followed": 1, "strange": 0, "unheard": 0, "returned": 0}
        StripeReconciliation.objects.create(
            id=uuid4(), cluster_id=office.cluster_id, since=now, until=now, at=now, complete=True, **counts
        )
        record_call(
            actor=customer,
            user_id=customer.member_id,
            subscription_id=subscription.id,
            act=Act.OVERAGE,
            terms={},
            now=now,
        )
        _give_back(staff, invoice, payment, now)
    write_plan_allowance(
        cluster_id=office.cluster_id, plan="team", limits={}, counted_from=now, stopped_at=None, now=now
    )


def _give_back(staff: Actor, invoice: Invoice, payment: Payment, now: datetime) -> None:
    """Some of a payment goes back, and its payer disputes some."""
    same: dict[str, Any] = {"payment_id": "", "amount": 10, "currency": "USD", "created_at": now}
    refund = StripeRefund(**same, id=f"re_{uuid4().hex}", status="succeeded", request="", why="", failure="")
    follow_refund(actor=staff, invoice=invoice, payment=payment, told=refund, notes=(), now=now)
    dispute = StripeDispute(
        **same, id=f"dp_{uuid4().hex}", status="needs_response", reason="general", taken=True, due_by=None
    )
    follow_dispute(actor=staff, invoice=invoice, payment=payment, told=dispute, now=now)
