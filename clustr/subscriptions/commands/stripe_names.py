"""What our customers, prices, taxes and coupons are called at Stripe: made there when they are first needed, and kept."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection

from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.people import queries as people
from clustr.subscriptions import queries
from clustr.subscriptions.models import Coupon, StripeObject, SubscriptionPlan
from clustr.subscriptions.policies import tax_rates
from clustr.subscriptions.states import StripeKind
from clustr.subscriptions.types import Duration
from clustr.subscriptions.vendors.registry import stripe_service

_KEEP = """
INSERT INTO subscriptions_stripeobject (cluster_id, id, kind, key, stripe_id, made_at) VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
"""


def name_at_stripe(*, cluster_id: UUID, kind: StripeKind, key: str) -> str:
    """What something of ours is called at Stripe; empty while it is not there."""
    with tenant(cluster_id):
        found = StripeObject.objects.filter(cluster_id=cluster_id, kind=kind.value, key=key)
        return found.values_list("stripe_id", flat=True).first() or ""


def ensure_customer(*, cluster_id: UUID, user_id: UUID, now: datetime) -> str:
    """A person as a customer of Stripe; outside any transaction. Answers the id there."""
    known = name_at_stripe(cluster_id=cluster_id, kind=StripeKind.CUSTOMER, key=str(user_id))
    if known:
        return known
    with tenant(cluster_id):
        contact = people.contact_of(user_id=user_id)
        held = queries.billing_address(user_id=user_id)
    fields = ("line1", "line2", "city", "state", "postal_code", "country")
    address = {name: getattr(held, name) for name in fields if getattr(held, name)} if held else {}
    terms: dict[str, Any] = {
        "email": contact.email,
        "name": contact.name or "",
        "reference": str(user_id),
        "address": address,
    }
    made = stripe_service().create_customer(**terms, key=_key(f"customer:{user_id}", terms))
    return _keep(cluster_id, StripeKind.CUSTOMER, str(user_id), made, now)


def ensure_price(*, cluster_id: UUID, plan_id: UUID, interval: str, price: Money, now: datetime) -> str:
    """The price of a version of a plan for an interval; outside any transaction. Answers the id there."""
    key = f"{plan_id}:{interval}:{price.currency}:{price.minor}"
    known = name_at_stripe(cluster_id=cluster_id, kind=StripeKind.PRICE, key=key)
    if known:
        return known
    with tenant(cluster_id):
        plan = SubscriptionPlan.objects.get(cluster_id=cluster_id, id=plan_id)
    made = stripe_service().ensure_price(
        product_id=f"plan_{plan.id.hex}",
        name=plan.name,
        interval=interval,
        currency=price.currency,
        minor=price.minor,
        key=key,
    )
    _keep(cluster_id, StripeKind.PRICE, key, made, now)
    if price == Money(plan.price_monthly if interval == "month" else plan.price_yearly, plan.currency):
        column = "stripe_price_id_monthly" if interval == "month" else "stripe_price_id_yearly"
        with tenant(cluster_id):
            SubscriptionPlan.objects.filter(cluster_id=cluster_id, id=plan_id).update(**{column: made})
    return made


def ensure_tax(*, cluster_id: UUID, user_id: UUID, now: datetime) -> str:
    """The tax on what this customer buys; empty where there is none. Outside any transaction."""
    with tenant(cluster_id):
        address = queries.billing_address(user_id=user_id)
    country = address.country if address else settings.ENV.SUBSCRIPTION_COUNTRY
    points = tax_rates(settings.ENV.SUBSCRIPTION_TAX_RATES).get(country, 0)
    if not points:
        return ""
    key = f"{country}:{points}"
    known = name_at_stripe(cluster_id=cluster_id, kind=StripeKind.TAX_RATE, key=key)
    if known:
        return known
    made = stripe_service().create_tax_rate(country=country, basis_points=points, key=f"tax:{key}")
    return _keep(cluster_id, StripeKind.TAX_RATE, key, made, now)


def rates_at_stripe(*, cluster_id: UUID) -> dict[str, int]:
    """The taxes that were made at Stripe: the basis points of each, by its id there."""
    with tenant(cluster_id):
        held = StripeObject.objects.filter(cluster_id=cluster_id, kind=StripeKind.TAX_RATE.value)
        return {row.stripe_id: int(row.key.rpartition(":")[2]) for row in held}


def ensure_coupon(*, cluster_id: UUID, coupon_id: UUID, now: datetime) -> str:
    """A coupon, by the id it has here; outside any transaction."""
    with tenant(cluster_id):
        coupon = Coupon.objects.get(cluster_id=cluster_id, id=coupon_id)
    if coupon.stripe_coupon_id:
        return coupon.stripe_coupon_id
    terms: dict[str, Any] = {"name": coupon.name[:40], "duration": coupon.duration}
    if coupon.duration == Duration.REPEATING:
        terms["duration_in_months"] = coupon.duration_months
    if coupon.amount_minor:
        terms |= {"amount_off": coupon.amount_minor, "currency": coupon.currency.lower()}
    else:
        terms["percent_off"] = coupon.basis_points / 100
    made = stripe_service().ensure_coupon(coupon_id=f"coupon_{coupon.id.hex}", terms=terms)
    with tenant(cluster_id):
        Coupon.objects.filter(cluster_id=cluster_id, id=coupon_id).update(stripe_coupon_id=made, updated_at=now)
    return made


def sync_prices(*, cluster_id: UUID, now: datetime) -> list[str]:
    """Let Stripe know the price of every plan on offer, in every currency; answers what is there, a line each."""
    with tenant(cluster_id):
        plans = queries.offered_plans()
    said = []
    for plan in plans:
        own = {plan.currency: {"month": plan.price_monthly, "year": plan.price_yearly}}
        for currency, by in (own | plan.prices).items():
            for interval, minor in by.items():
                if minor:
                    price = Money(minor, currency)
                    made = ensure_price(cluster_id=cluster_id, plan_id=plan.id, interval=interval, price=price, now=now)
                    said.append(f"{plan.code}, a {interval}, {price.for_people()}: {made}")
    return said


def _keep(cluster_id: UUID, kind: StripeKind, key: str, stripe_id: str, now: datetime) -> str:
    """Keep a name; of two that were made at once the first stays, and is answered."""
    with tenant(cluster_id):
        with connection.cursor() as cursor:
            cursor.execute(_KEEP, [cluster_id, new_id(), kind.value, key, stripe_id, now])
        return StripeObject.objects.get(cluster_id=cluster_id, kind=kind.value, key=key).stripe_id


def _key(about: str, terms: dict[str, Any]) -> str:
    """An idempotency key for terms that may have changed since they were sent last."""
    return f"{about}:{hashlib.sha256(json.dumps(terms, sort_keys=True).encode()).hexdigest()[:16]}"
