"""Asking what was written down: one request of ours to Stripe, and what became of it. Outside any transaction."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.conf import settings

from clustr.clusters.queries import system_actor
from clustr.kit.crashpoints import crash_point
from clustr.kit.money import Money
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import (
    PaymentMethodNotFound,
    ProviderNotAvailable,
    ProviderSilent,
    ProviderUnavailable,
    ProviderWouldNot,
)
from clustr.subscriptions.commands.coupons import give_back_coupon
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.stripe_calls import KEY_HOLDS, end_call, postpone_call
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.commands.stripe_names import ensure_coupon, ensure_customer, ensure_price, ensure_tax
from clustr.subscriptions.models import Invoice, StripeCall, Subscription
from clustr.subscriptions.refusals import CardDeclined
from clustr.subscriptions.states import Act, CallState, EventKind, InvoiceStatus, SubscriptionStatus
from clustr.subscriptions.vendors.nouns import StripeKnowsNot, StripeRefused, StripeSubscription, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service

log = structlog.get_logger(__name__)

_BY_OURSELVES = (Act.OVERAGE, Act.CANCEL, Act.FORGET_CUSTOMER)
"""What nobody may wait for: it is asked until it is heard, also where nothing was sent."""
BACK_FROM_STRIPE = "/platform/back/"
"""Where Stripe's page lets the customer go on, whatever they did there."""
UNHEARD = (NothingSent, OutcomeUnknown, StripeUnreadable, ProviderNotAvailable)
"""What leaves a question open."""


def ask_stripe(*, cluster_id: UUID, call_id: UUID, now: datetime) -> StripeCall:
    """Ask what was recorded, or look what became of a page, and write it down. Harmless to repeat: the request's id is its
    idempotency key, so what was heard once is not done again.

    Refuses `ProviderUnavailable` and `ProviderWouldNot` (nothing was done), `CardDeclined`, `PaymentMethodNotFound`,
    `ProviderSilent` (not known; it will be found out).
    """
    with tenant(cluster_id):
        call = StripeCall.objects.get(cluster_id=cluster_id, id=call_id)
    if call.finished_at is not None:
        return call
    crash_point("subscriptions.ask_stripe.recorded")
    try:
        if call.state == CallState.WAITING:
            done = look_at_page(call, now)
        elif now >= call.asked_at + KEY_HOLDS:
            done = _find_out(call, now)
        else:
            done = _DO[Act(call.act)](call, now)
    except NothingSent as error:
        if call.attempts == 0 and call.act not in _BY_OURSELVES:
            _refuse(call, "not_sent", now)
            raise ProviderUnavailable from error
        postpone_call(cluster_id=cluster_id, call_id=call_id, now=now)
        raise ProviderSilent from error
    except (OutcomeUnknown, StripeUnreadable) as error:
        postpone_call(cluster_id=cluster_id, call_id=call_id, now=now)
        raise ProviderSilent from error
    except (StripeRefused, PaymentMethodNotFound) as error:
        _hear_refusal(call, error, now)
        raise AssertionError("unreachable") from error
    crash_point("subscriptions.ask_stripe.answered")
    _follow(done, now)
    return done


def _hear_refusal(call: StripeCall, error: StripeRefused | PaymentMethodNotFound, now: datetime) -> None:
    if isinstance(error, PaymentMethodNotFound):
        _refuse(call, error.code, now)
        raise error
    if error.code == "idempotency_error" or error.http_status in (401, 403):
        # Nothing about what was asked: our key is wrong, or was used for other words. A person has to look.
        log.error("stripe_would_not_hear", call=str(call.id), code=error.code)
        postpone_call(cluster_id=call.cluster_id, call_id=call.id, now=now)
        raise ProviderSilent from error
    _refuse(call, error.decline_code or error.code, now)
    if error.http_status == 402:
        raise CardDeclined(error.message or "The card was declined.") from error
    raise ProviderWouldNot from error


def _refuse(call: StripeCall, code: str, now: datetime) -> None:
    """Nothing was done: what was reserved for it is given back."""
    actor = system_actor(cluster_id=call.cluster_id)
    with tenant(call.cluster_id):
        if call.subscription_id is not None:
            subscription = lock_subscription(actor=actor, subscription_id=call.subscription_id)
            if call.act in (Act.CHECKOUT, Act.SUBSCRIBE, Act.COUPON):
                give_back_coupon(subscription=subscription, now=now)
            if call.act in (Act.CHECKOUT, Act.SUBSCRIBE):
                _expire(subscription, now)
        end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.REFUSED, refused_code=code[:80], now=now)


def _expire(subscription: Subscription, now: datetime) -> None:
    """One that never began ends; a free plan that goes on is left alone."""
    if subscription.status != SubscriptionStatus.INCOMPLETE or subscription.stripe_subscription_id:
        return
    subscription.status, subscription.ended_at = SubscriptionStatus.INCOMPLETE_EXPIRED, now
    actor = system_actor(cluster_id=subscription.cluster_id)
    note(actor=actor, subscription=subscription, kind=EventKind.EXPIRED, now=now)


def _follow(call: StripeCall, now: datetime) -> None:
    """Let our row stand as Stripe's does after what was done. Should that not be heard, the notice or the night brings it."""
    if call.subscription_id is None:
        return
    with tenant(call.cluster_id):
        held = Subscription.objects.get(cluster_id=call.cluster_id, id=call.subscription_id)
    told = held.stripe_subscription_id or (call.stripe_id if call.stripe_id.startswith("sub_") else "")
    if not told:
        return
    try:
        follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=told, now=now)
    except (*UNHEARD, StripeRefused):
        log.warning("stripe_not_followed", call=str(call.id))


def _done(call: StripeCall, now: datetime, stripe_id: str = "", url: str = "") -> StripeCall:
    return end_call(
        cluster_id=call.cluster_id, call_id=call.id, state=CallState.DONE, stripe_id=stripe_id, url=url, now=now
    )


def _price_of(call: StripeCall, now: datetime) -> str:
    terms = call.terms
    return ensure_price(
        cluster_id=call.cluster_id,
        plan_id=UUID(terms["plan_id"]),
        interval=terms["interval"],
        price=Money(terms["price_minor"], terms["currency"]),
        now=now,
    )


def _terms_of_start(call: StripeCall, now: datetime) -> dict[str, object]:
    """What a page and a subscription have in common."""
    terms, cluster_id = call.terms, call.cluster_id
    coupon = terms.get("coupon_id")
    ends = terms.get("trial_end")
    return {
        "customer_id": ensure_customer(cluster_id=cluster_id, user_id=call.user_id, now=now),
        "price_id": _price_of(call, now),
        "tax_rate_id": ensure_tax(cluster_id=cluster_id, user_id=call.user_id, now=now),
        "coupon_id": ensure_coupon(cluster_id=cluster_id, coupon_id=UUID(coupon), now=now) if coupon else "",
        "trial_end": datetime.fromisoformat(ends) if ends else None,
        "reference": str(call.subscription_id),
        "key": str(call.id),
    }


def _checkout(call: StripeCall, now: datetime) -> StripeCall:
    expires_at = datetime.fromisoformat(call.terms["expires_at"])
    session = stripe_service().start_checkout(
        **_terms_of_start(call, now),  # type: ignore[arg-type]
        expires_at=expires_at,
        back_url=f"{settings.BASE_URL}{BACK_FROM_STRIPE}",
    )
    return _wait(call, session.id, session.url, expires_at, now)


def _wait(call: StripeCall, session_id: str, url: str, expires_at: datetime, now: datetime) -> StripeCall:
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


def _subscribe(call: StripeCall, now: datetime) -> StripeCall:
    start = _terms_of_start(call, now)
    _refuse_strange_method(str(start["customer_id"]), call.terms["method_id"])
    made = stripe_service().create_subscription(**start, method_id=call.terms["method_id"])  # type: ignore[arg-type]
    url = ""
    if made.status == "incomplete":
        service = stripe_service()
        for invoice_id in service.invoices_of(subscription_id=made.id):
            url = service.fetch_invoice(invoice_id=invoice_id).hosted_url
    return _done(call, now, stripe_id=made.id, url=url)


def _refuse_strange_method(customer_id: str, method_id: str) -> None:
    """A card that is not this customer's is none."""
    if method_id not in {method.id for method in stripe_service().list_methods(customer_id=customer_id)}:
        raise PaymentMethodNotFound


def _subject(call: StripeCall) -> UUID:
    if call.subscription_id is None:
        raise AssertionError(f"{call.act} is about no subscription")
    return call.subscription_id


def _held(call: StripeCall) -> StripeSubscription:
    with tenant(call.cluster_id):
        mine = Subscription.objects.get(cluster_id=call.cluster_id, id=_subject(call))
    return stripe_service().fetch_subscription(subscription_id=mine.stripe_subscription_id)


def _release(held: StripeSubscription, call: StripeCall) -> None:
    """What waits for the end of the period is forgotten first: Stripe changes nothing that a schedule holds."""
    if held.schedule_id:
        stripe_service().release_schedule(schedule_id=held.schedule_id, key=f"{call.id}:release")


def _change(call: StripeCall, now: datetime) -> StripeCall:
    held = _held(call)
    price_id = _price_of(call, now)
    if held.change != str(call.id):
        _release(held, call)
        stripe_service().update_subscription(
            subscription_id=held.id,
            item_id=held.item_id,
            price_id=price_id,
            proration_date=datetime.fromisoformat(call.terms["proration_date"]),
            anew=call.terms["anew"],
            change=str(call.id),
            key=str(call.id),
        )
    return _done(call, now)


def _schedule(call: StripeCall, now: datetime) -> StripeCall:
    held = _held(call)
    stripe_service().schedule_change(
        subscription=held,
        price_id=_price_of(call, now),
        tax_rate_id=ensure_tax(cluster_id=call.cluster_id, user_id=call.user_id, now=now),
        interval=call.terms["interval"],
        change=str(call.id),
        key=str(call.id),
    )
    return _done(call, now)


def _let_go(call: StripeCall, now: datetime) -> StripeCall:
    _release(_held(call), call)
    return _done(call, now)


def _flag(call: StripeCall, now: datetime) -> StripeCall:
    held = _held(call)
    _release(held, call)
    stripe_service().update_subscription(
        subscription_id=held.id,
        cancel_at_period_end=call.act == Act.CANCEL_AT_END,
        change=str(call.id),
        key=str(call.id),
    )
    return _done(call, now)


def _cancel(call: StripeCall, now: datetime) -> StripeCall:
    told = call.terms["stripe_subscription_id"]
    try:
        stripe_service().cancel_subscription(subscription_id=told, key=str(call.id))
    except StripeRefused:
        # It may have ended meanwhile, by itself or by what we asked before; that is what was wanted.
        if stripe_service().fetch_subscription(subscription_id=told).ended_at is None:
            raise
    return _done(call, now)


def _coupon(call: StripeCall, now: datetime) -> StripeCall:
    coupon_id = ensure_coupon(cluster_id=call.cluster_id, coupon_id=UUID(call.terms["coupon_id"]), now=now)
    held = _held(call)
    stripe_service().update_subscription(
        subscription_id=held.id, coupon_id=coupon_id, change=str(call.id), key=str(call.id)
    )
    return _done(call, now)


def _overage(call: StripeCall, now: datetime) -> StripeCall:
    """What was used beyond the plan, on the draft of the renewal if it is not issued yet, else on the next invoice."""
    held, service = _held(call), stripe_service()
    draft = service.draft_of(subscription_id=held.id)
    for n, item in enumerate(call.terms["items"]):
        service.add_item(
            customer_id=held.customer_id,
            subscription_id=held.id,
            invoice_id=call.terms.get("invoice_id", draft),
            amount=item["amount"],
            currency=held.currency,
            description=item["description"],
            start=datetime.fromisoformat(call.terms["start"]),
            end=datetime.fromisoformat(call.terms["end"]),
            key=f"{call.id}:{n}",
        )
    return _done(call, now)


def _setup(call: StripeCall, now: datetime) -> StripeCall:
    session = stripe_service().start_setup(
        customer_id=ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now),
        currency=call.terms["currency"],
        reference=str(call.id),
        back_url=f"{settings.BASE_URL}{BACK_FROM_STRIPE}",
        key=str(call.id),
    )
    return _wait(call, session.id, session.url, datetime.fromisoformat(call.terms["expires_at"]), now)


def _use(call: StripeCall, now: datetime) -> StripeCall:
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    _refuse_strange_method(customer_id, call.terms["method_id"])
    _take_from(call, customer_id, call.terms["method_id"], now)
    return _done(call, now)


def _forget(call: StripeCall, now: datetime) -> StripeCall:
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    if call.attempts == 0:
        _refuse_strange_method(customer_id, call.terms["method_id"])
    try:
        stripe_service().forget_method(method_id=call.terms["method_id"], key=str(call.id))
    except StripeRefused as error:
        if error.http_status not in (400, 404) or call.attempts == 0:
            raise
    return _done(call, now)


def _forget_customer(call: StripeCall, now: datetime) -> StripeCall:
    try:
        stripe_service().delete_customer(customer_id=call.terms["customer_id"])
    except StripeKnowsNot:
        log.info("stripe_customer_gone", call=str(call.id))
    return _done(call, now)


def _close(call: StripeCall, now: datetime) -> StripeCall:
    """Close the page of a subscription that never began. Was it completed meanwhile, the subscription is canceled."""
    with tenant(call.cluster_id):
        pages = StripeCall.objects.filter(
            cluster_id=call.cluster_id, subscription_id=call.subscription_id, act=Act.CHECKOUT
        )
        page = pages.order_by("-id").first()
    if page is None or not page.stripe_id:
        _give_up(call, now)
        return _done(call, now)
    service = stripe_service()
    session = service.fetch_session(session_id=page.stripe_id)
    if session.status == "open":
        try:
            service.expire_session(session_id=session.id, key=str(call.id))
        except StripeRefused:
            session = service.fetch_session(session_id=page.stripe_id)
            if session.status == "open":
                raise
    if session.subscription_id:
        service.cancel_subscription(subscription_id=session.subscription_id, key=f"{call.id}:cancel")
        return _done(call, now, stripe_id=session.subscription_id)
    end_call(cluster_id=call.cluster_id, call_id=page.id, state=CallState.DROPPED, now=now)
    _give_up(call, now)
    return _done(call, now)


def _give_up(call: StripeCall, now: datetime) -> None:
    if call.subscription_id is None:
        return
    actor = system_actor(cluster_id=call.cluster_id)
    with tenant(call.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=call.subscription_id)
        if not subscription.stripe_subscription_id:
            give_back_coupon(subscription=subscription, now=now)
        _expire(subscription, now)


def look_at_page(call: StripeCall, now: datetime) -> StripeCall:
    """What became of Stripe's page: it is still open, was left, or brought a subscription or a card."""
    session = stripe_service().fetch_session(session_id=call.stripe_id)
    if session.status == "open":
        return _wait(call, session.id, call.url, now + timedelta(hours=1), now)
    if session.status == "expired":
        _give_up(call, now)
        return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)
    if session.mode == "subscription":
        if not session.subscription_id:
            raise StripeUnreadable("a completed page has its subscription")
        follow_subscription(cluster_id=call.cluster_id, stripe_subscription_id=session.subscription_id, now=now)
        return _done(call, now)
    _use_card(call, session.setup_intent_id, session.customer_id, now)
    return _done(call, now)


def _use_card(call: StripeCall, setup_intent_id: str, customer_id: str, now: datetime) -> None:
    """The card of a page is the one that everything comes from now on; what is open is tried with it at once."""
    service = stripe_service()
    method_id = service.method_of_setup(setup_intent_id=setup_intent_id)
    if not method_id:
        raise StripeUnreadable("a completed page has its card")
    _take_from(call, customer_id, method_id, now)


def _take_from(call: StripeCall, customer_id: str, method_id: str, now: datetime) -> None:
    service = stripe_service()
    service.use_method(customer_id=customer_id, method_id=method_id, key=f"{call.id}:default")
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


def _find_out(call: StripeCall, now: datetime) -> StripeCall:
    """The key holds no longer, so nothing is asked again: what was done is looked for. Harmless things are simply asked."""
    service = stripe_service()
    match Act(call.act):
        case Act.CHECKOUT | Act.SETUP:
            customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
            reference = str(call.subscription_id or call.id)
            session = service.find_session(customer_id=customer_id, reference=reference)
            if session is not None:
                return _wait(call, session.id, session.url, now, now)
        case Act.SUBSCRIBE:
            customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
            for told in service.list_subscriptions(customer_id=customer_id):
                if told.reference == str(call.subscription_id):
                    return _done(call, now, stripe_id=told.id)
        case Act.CHANGE:
            if _held(call).change == str(call.id):
                return _done(call, now)
        case Act.OVERAGE:
            # It may stand on an invoice, or wait for one: twice would be wrong, and a person has to look.
            log.error("stripe_overage_unknown", call=str(call.id))
        case act:
            return _DO[act](call, now)
    _give_up(call, now)
    return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)


_DO: dict[Act, Callable[[StripeCall, datetime], StripeCall]] = {
    Act.CHECKOUT: _checkout,
    Act.SUBSCRIBE: _subscribe,
    Act.CHANGE: _change,
    Act.SCHEDULE: _schedule,
    Act.RELEASE: _let_go,
    Act.CANCEL_AT_END: _flag,
    Act.KEEP: _flag,
    Act.CANCEL: _cancel,
    Act.CLOSE_CHECKOUT: _close,
    Act.COUPON: _coupon,
    Act.OVERAGE: _overage,
    Act.SETUP: _setup,
    Act.USE_METHOD: _use,
    Act.FORGET_METHOD: _forget,
    Act.FORGET_CUSTOMER: _forget_customer,
}
