"""Beginning at Stripe: its pages and first payments, what becomes of them, and what is given up where nothing does. Outside
any transaction."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from django.conf import settings

from clustr.clusters.queries import system_actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import PaymentMethodNotFound
from clustr.subscriptions.commands.coupons import give_back_coupon
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.stripe_calls import end_call
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.commands.stripe_names import (
    ensure_coupon,
    ensure_customer,
    ensure_price,
    ensure_tax,
    ensure_tax_rate,
)
from clustr.subscriptions.models import Invoice, StripeCall, Subscription
from clustr.subscriptions.states import (
    ENDED,
    USABLE,
    Act,
    CallState,
    EventKind,
    InvoiceStatus,
    SubscriptionStatus,
)
from clustr.subscriptions.vendors.nouns import StripeRefused, StripeSubscription, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part

log = structlog.get_logger(__name__)

BACK_FROM_STRIPE = "/platform/back/"
"""Where Stripe's page lets the customer go on, whatever they did there."""
FIRST_PAYMENT = timedelta(hours=23)
"""How long Stripe waits for the first payment of a subscription."""


def finish_call(call: StripeCall, now: datetime, stripe_id: str = "", url: str = "") -> StripeCall:
    return end_call(
        cluster_id=call.cluster_id, call_id=call.id, state=CallState.DONE, stripe_id=stripe_id, url=url, now=now
    )


def price_of_call(call: StripeCall, now: datetime) -> str:
    terms = call.terms
    return ensure_price(
        cluster_id=call.cluster_id,
        plan_id=UUID(terms["plan_id"]),
        interval=terms["interval"],
        price=Money(terms["price_minor"], terms["currency"]),
        now=now,
    )


def tax_of_call(call: StripeCall, now: datetime) -> str:
    """The tax as it was when it was asked first: what is asked again has the same words, whatever the address is by then."""
    if "tax" not in call.terms:
        return ensure_tax(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    return ensure_tax_rate(cluster_id=call.cluster_id, terms=call.terms["tax"], now=now)


def coupon_of_call(call: StripeCall, now: datetime) -> str | None:
    """The coupon that a request is about at Stripe: none of it, none any more (empty), or this one."""
    return coupon_named(cluster_id=call.cluster_id, terms=call.terms, now=now)


def coupon_named(*, cluster_id: UUID, terms: dict[str, Any], now: datetime) -> str | None:
    """The same by its terms; outside any transaction."""
    if not terms.get("coupon_id"):
        return terms.get("coupon_id")
    return ensure_coupon(cluster_id=cluster_id, coupon_id=UUID(terms["coupon_id"]), now=now)


def _terms_of_start(call: StripeCall, now: datetime) -> dict[str, object]:
    """What a page and a subscription have in common."""
    terms, cluster_id = call.terms, call.cluster_id
    ends = terms.get("trial_end")
    return {
        "customer_id": ensure_customer(cluster_id=cluster_id, user_id=call.user_id, now=now),
        "price_id": price_of_call(call, now),
        "tax_rate_id": tax_of_call(call, now),
        "coupon_id": coupon_of_call(call, now) or "",
        "trial_end": datetime.fromisoformat(ends) if ends else None,
        "reference": str(call.subscription_id),
        "key": str(call.id),
    }


def start_page(call: StripeCall, now: datetime) -> StripeCall:
    expires_at = datetime.fromisoformat(call.terms["expires_at"])
    session = stripe_service().start_checkout(
        **_terms_of_start(call, now),  # type: ignore[arg-type]
        expires_at=expires_at,
        back_url=f"{settings.BASE_URL}{BACK_FROM_STRIPE}",
    )
    return wait_for_page(call, session.id, session.url, expires_at, now)


def wait_for_page(call: StripeCall, session_id: str, url: str, expires_at: datetime, now: datetime) -> StripeCall:
    """Stripe's page is open: it is looked at when Stripe tells of it, and in any case when it has expired."""
    return end_call(
        cluster_id=call.cluster_id,
        call_id=call.id,
        state=CallState.WAITING,
        stripe_id=session_id,
        url=url,
        next_attempt_at=expires_at + timedelta(minutes=5),
        now=now,
    )


def refuse_strange_method(customer_id: str, method_id: str) -> None:
    """A card that is not this customer's is none."""
    if method_id not in {method.id for method in stripe_service().list_methods(customer_id=customer_id)}:
        raise PaymentMethodNotFound


def expire(subscription: Subscription, now: datetime) -> None:
    """One that never began ends; a free plan that goes on is left alone."""
    if subscription.status != SubscriptionStatus.INCOMPLETE or subscription.stripe_subscription_id:
        return
    subscription.status, subscription.ended_at = SubscriptionStatus.INCOMPLETE_EXPIRED, now
    actor = system_actor(cluster_id=subscription.cluster_id)
    note(actor=actor, subscription=subscription, kind=EventKind.EXPIRED, now=now)


def subscribe_with_card(call: StripeCall, now: datetime) -> StripeCall:
    """Subscribe with a saved card. What its holder must still confirm, or pay with another, waits for them at `url`."""
    start = _terms_of_start(call, now)
    refuse_strange_method(str(start["customer_id"]), call.terms["method_id"])
    made = stripe_service().create_subscription(**start, method_id=call.terms["method_id"])  # type: ignore[arg-type]
    with in_part():
        return hear_beginning(call, made, now)


def hear_beginning(call: StripeCall, made: StripeSubscription, now: datetime) -> StripeCall:
    """A subscription was made with a saved card: it has begun, or waits for its first payment."""
    if made.status != SubscriptionStatus.INCOMPLETE:
        return finish_call(call, now, stripe_id=made.id)
    service, url = stripe_service(), ""
    for invoice_id in service.invoices_of(subscription_id=made.id):
        url = service.fetch_invoice(invoice_id=invoice_id).hosted_url
    return wait_for_page(call, made.id, url, now + FIRST_PAYMENT, now)


def look_at_page(call: StripeCall, now: datetime) -> StripeCall:
    """What became of Stripe's page: it is still open, was left, or brought a subscription or a card."""
    if call.act == Act.SUBSCRIBE:
        return _look_at_first_payment(call, now)
    session = stripe_service().fetch_session(session_id=call.stripe_id)
    if session.status == "open":
        return wait_for_page(call, session.id, call.url, now + timedelta(hours=1), now)
    if session.status == "expired":
        return drop_beginning(call, now)
    if session.mode == "subscription":
        if not session.subscription_id:
            raise StripeUnreadable("a completed page has its subscription")
        follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=session.subscription_id, now=now)
        return finish_call(call, now)
    _use_card(call, session.setup_intent_id, session.customer_id, now)
    return finish_call(call, now)


def _look_at_first_payment(call: StripeCall, now: datetime) -> StripeCall:
    told = stripe_service().fetch_subscription(subscription_id=call.stripe_id)
    if told.status == SubscriptionStatus.INCOMPLETE:
        return wait_for_page(call, told.id, call.url, now + timedelta(hours=1), now)
    follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=told.id, now=now)
    return drop_beginning(call, now) if told.status in ENDED else finish_call(call, now)


def close_page(call: StripeCall, now: datetime) -> StripeCall:
    """Close the page of a subscription that never began. Was it completed meanwhile, the subscription is canceled: when its
    period ends, where that was asked for, because it was paid for."""
    with tenant(call.cluster_id):
        pages = StripeCall.objects.filter(
            cluster_id=call.cluster_id, subscription_id=call.subscription_id, act__in=(Act.CHECKOUT, Act.SUBSCRIBE)
        )
        page = pages.order_by("-id").first()
    if page is None or not page.stripe_id:
        give_up_beginning(call, now)
        return finish_call(call, now)
    made = page.stripe_id if page.act == Act.SUBSCRIBE else _close(page, call)
    if made:
        _cancel_begun(call, made)
        end_call(cluster_id=call.cluster_id, call_id=page.id, state=CallState.DONE, now=now)
        return finish_call(call, now, stripe_id=made)
    end_call(cluster_id=call.cluster_id, call_id=page.id, state=CallState.DROPPED, now=now)
    give_up_beginning(call, now)
    return finish_call(call, now)


def _close(page: StripeCall, call: StripeCall) -> str:
    """Let nobody pay on it any more; answers the subscription that it brought before."""
    service = stripe_service()
    session = service.fetch_session(session_id=page.stripe_id)
    if session.status == "open":
        try:
            service.expire_session(session_id=session.id, key=str(call.id))
        except StripeRefused:
            session = service.fetch_session(session_id=page.stripe_id)
            if session.status == "open":
                raise
    return session.subscription_id


def _cancel_begun(call: StripeCall, stripe_subscription_id: str) -> None:
    service = stripe_service()
    held = service.fetch_subscription(subscription_id=stripe_subscription_id)
    if call.terms.get("at_period_end") and held.status in USABLE:
        service.update_subscription(
            subscription_id=held.id, cancel_at_period_end=True, change=str(call.id), key=f"{call.id}:flag"
        )
    elif held.ended_at is None:
        service.cancel_subscription(subscription_id=held.id, key=f"{call.id}:cancel")


def drop_beginning(call: StripeCall, now: datetime) -> StripeCall:
    """Nothing came of it."""
    give_up_beginning(call, now)
    return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)


def give_up_beginning(call: StripeCall, now: datetime) -> None:
    """A subscription that never began ends, and its coupons may be used again; a free plan that goes on keeps what it had."""
    if call.subscription_id is None:
        return
    actor = system_actor(cluster_id=call.cluster_id)
    with tenant(call.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=call.subscription_id)
        if not subscription.stripe_subscription_id:
            give_back_of(call=call, subscription=subscription, now=now)
        expire(subscription, now)


def give_back_of(*, call: StripeCall, subscription: Subscription, now: datetime) -> None:
    """What was redeemed by a request that came to nothing, its customer locked."""
    if subscription.status == SubscriptionStatus.INCOMPLETE and call.act != Act.COUPON:
        give_back_coupon(subscription=subscription, now=now)
    elif call.terms.get("redemption_id"):
        give_back_coupon(subscription=subscription, redemption_id=UUID(call.terms["redemption_id"]), now=now)
        if call.act == Act.COUPON and subscription.ended_at is None:
            actor = system_actor(cluster_id=call.cluster_id)
            note(actor=actor, subscription=subscription, kind=EventKind.COUPON_WITHDRAWN, now=now)


def _use_card(call: StripeCall, setup_intent_id: str, customer_id: str, now: datetime) -> None:
    """The card of a page is the one that everything comes from now on; what is open is tried with it at once."""
    service = stripe_service()
    method_id = service.method_of_setup(setup_intent_id=setup_intent_id)
    if not method_id:
        raise StripeUnreadable("a completed page has its card")
    take_from_card(call, customer_id, method_id, now)


def take_from_card(call: StripeCall, customer_id: str, method_id: str, now: datetime) -> None:
    service = stripe_service()
    service.use_method(customer_id=customer_id, method_id=method_id, key=f"{call.id}:default")
    with in_part():
        _use_for_all(call, method_id, now)


def _use_for_all(call: StripeCall, method_id: str, now: datetime) -> None:
    service = stripe_service()
    with tenant(call.cluster_id):
        mine = Subscription.objects.filter(cluster_id=call.cluster_id, user_id=call.user_id, ended_at=None)
        running = list(mine.exclude(stripe_subscription_id=""))
        due = Invoice.objects.filter(
            cluster_id=call.cluster_id, subscription_id__in=[one.id for one in running], status=InvoiceStatus.OPEN
        ).exclude(stripe_invoice_id="")
        owed = list(due.values_list("stripe_invoice_id", flat=True))
    for one in running:
        service.update_subscription(
            subscription_id=one.stripe_subscription_id,
            method_id=method_id,
            change=str(call.id),
            key=f"{call.id}:{one.id}",
        )
    for invoice_id in owed:
        try:
            service.process_payment(invoice_id=invoice_id, key=f"{call.id}:{invoice_id}")
        except StripeRefused:
            log.info("stripe_card_declined", call=str(call.id))  # the invoice says so, and Stripe tries again
    for one in running:
        follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=one.stripe_subscription_id, now=now)
