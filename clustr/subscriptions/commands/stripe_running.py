"""Asking what was written down: one request of ours to Stripe, and what became of it. Outside any transaction."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from uuid import UUID

import structlog
from django.conf import settings

from clustr.clusters.queries import system_actor
from clustr.kit.crashpoints import crash_point
from clustr.kit.outbound import NothingSent, OutcomeUnknown
from clustr.kit.tenancy import tenant
from clustr.payments.refusals import (
    PaymentMethodNotFound,
    ProviderNotAvailable,
    ProviderSilent,
    ProviderUnavailable,
    ProviderWouldNot,
)
from clustr.subscriptions.commands.persons import ask_a_person
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.commands.refunding import ask_for_refund, find_refund
from clustr.subscriptions.commands.stripe_beginning import (
    BACK_FROM_STRIPE,
    close_page,
    coupon_named,
    coupon_of_call,
    drop_beginning,
    expire,
    finish_call,
    give_back_of,
    hear_beginning,
    look_at_page,
    price_of_call,
    refuse_strange_method,
    start_page,
    subscribe_with_card,
    take_from_card,
    tax_of_call,
    wait_for_page,
)
from clustr.subscriptions.commands.stripe_calls import (
    ASK_AGAIN,
    KEY_HOLDS,
    end_call,
    lock_call,
    postpone_call,
)
from clustr.subscriptions.commands.stripe_cards import forget_card
from clustr.subscriptions.commands.stripe_coupons import coupon_terms
from clustr.subscriptions.commands.stripe_ends import change_late, end_at_stripe, end_late, is_late
from clustr.subscriptions.commands.stripe_lapses import subject_of
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.commands.stripe_names import address_at_stripe, ensure_customer
from clustr.subscriptions.commands.stripe_overage import ask_for_overage
from clustr.subscriptions.commands.stripe_packs import ask_for_pack, find_pack, look_for_pack
from clustr.subscriptions.models import StripeCall, Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import CardDeclined
from clustr.subscriptions.states import ENDED, Act, CallState
from clustr.subscriptions.vendors.nouns import StripeKnowsNot, StripeRefused, StripeSubscription, StripeUnreadable
from clustr.subscriptions.vendors.registry import stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part

log = structlog.get_logger(__name__)

_BY_OURSELVES = (Act.OVERAGE, Act.CANCEL, Act.FORGET_CUSTOMER, Act.ADDRESS, Act.PACK)
"""What nobody may wait for, or takes several steps: it is asked until it is heard, also where nothing was sent."""
UNHEARD = (NothingSent, OutcomeUnknown, StripeUnreadable, ProviderNotAvailable)
"""What leaves a question open."""


def ask_stripe(*, cluster_id: UUID, call_id: UUID, now: datetime) -> StripeCall:
    """Ask what was recorded, or look what became of a page, and write it down. Harmless to repeat: the request's id is its
    idempotency key, so what was heard once is not done again.

    Refuses `ProviderUnavailable` and `ProviderWouldNot` (nothing was done, unless somebody else was heard meanwhile),
    `CardDeclined`, `PaymentMethodNotFound`, `ProviderSilent` (not known; it will be found out).
    """
    with tenant(cluster_id):
        call = StripeCall.objects.get(cluster_id=cluster_id, id=call_id)
    if call.finished_at is not None:
        return call
    crash_point("subscriptions.ask_stripe.recorded")
    try:
        if call.state == CallState.WAITING:
            done = (look_for_pack if call.act == Act.PACK else look_at_page)(call, now)
        elif now >= _first_asked(call) + KEY_HOLDS:
            done = _find_out(call, now)
        else:
            done = _DO[Act(call.act)](call, now)
    except NothingSent as error:
        if _is_first_ask(call, now):
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


def _is_first_ask(call: StripeCall, now: datetime) -> bool:
    """Whether nobody can have asked before whoever waits for the answer: then nothing was done, where nothing was sent."""
    waited_for = call.act not in _BY_OURSELVES and not call.terms.get("again")
    fresh = call.state == CallState.RECORDED and call.attempts == 0 and now < call.asked_at + ASK_AGAIN
    return waited_for and fresh


def _first_asked(call: StripeCall) -> datetime:
    """Since when Stripe may know the request's key: since it was recorded, or of usage since it was first asked."""
    at = call.terms.get("first_asked_at")
    return datetime.fromisoformat(at) if at else call.asked_at


def _hear_refusal(call: StripeCall, error: StripeRefused | PaymentMethodNotFound, now: datetime) -> None:
    if isinstance(error, PaymentMethodNotFound):
        _refuse(call, error.code, now)
        raise error
    if error.code == "idempotency_error" or error.http_status in (401, 403):
        # Nothing about what was asked: our key is wrong, or was used for other words. A person has to look.
        _tell_a_person("would_not_hear", call, now, code=error.code)
        postpone_call(cluster_id=call.cluster_id, call_id=call.id, now=now)
        raise ProviderSilent from error
    if call.act == Act.OVERAGE:
        _tell_a_person("overage_refused", call, now, code=error.code)  # nobody sees it
    _refuse(call, error.decline_code or error.code, now)
    if error.http_status == 402:
        raise CardDeclined(error.message or "The card was declined.") from error
    raise ProviderWouldNot from error


def _tell_a_person(what: str, call: StripeCall, now: datetime, **facts: str) -> None:
    with tenant(call.cluster_id):
        ask_a_person(what=what, about=call.id, facts={"act": call.act, "customer": call.user_id, **facts}, now=now)


def _refuse(call: StripeCall, code: str, now: datetime) -> None:
    """Nothing was done: what was reserved for it is given back. Not of what somebody else heard of meanwhile."""
    actor = system_actor(cluster_id=call.cluster_id)
    with tenant(call.cluster_id):
        if call.subscription_id is not None:
            subscription = lock_subscription(actor=actor, subscription_id=call.subscription_id)
        held = lock_call(cluster_id=call.cluster_id, call_id=call.id)
        if held.finished_at is not None or held.state != call.state:
            return
        begins = call.act in (Act.CHECKOUT, Act.SUBSCRIBE)
        if call.subscription_id is not None and not (begins and subscription.stripe_subscription_id):
            if begins or call.act == Act.COUPON:
                give_back_of(call=call, subscription=subscription, now=now)
            if begins:
                expire(subscription, now)
        end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.REFUSED, refused_code=code[:80], now=now)


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


def _held(call: StripeCall) -> StripeSubscription:
    with tenant(call.cluster_id):
        mine = Subscription.objects.get(cluster_id=call.cluster_id, id=subject_of(call))
    return stripe_service().fetch_subscription(subscription_id=mine.stripe_subscription_id)


def _released(held: StripeSubscription, call: StripeCall) -> AbstractContextManager[None]:
    """What waits for the end of the period is forgotten first: Stripe changes nothing that a schedule holds. In it stands
    what is asked after."""
    if not held.schedule_id:
        return nullcontext()
    stripe_service().release_schedule(schedule_id=held.schedule_id, key=f"{call.id}:release")
    return in_part()


def _change(call: StripeCall, now: datetime) -> StripeCall:
    held = _held(call)
    price_id = price_of_call(call, now)
    if held.change != str(call.id):
        with _released(held, call):
            stripe_service().update_subscription(
                subscription_id=held.id,
                item_id=held.item_id,
                price_id=price_id,
                proration_date=datetime.fromisoformat(call.terms["proration_date"]),
                anew=call.terms["anew"],
                coupon_id=coupon_of_call(call, now),
                quietly=call.terms.get("quietly", False),
                change=str(call.id),
                key=str(call.id),
            )
    return finish_call(call, now)


def _schedule(call: StripeCall, now: datetime) -> StripeCall:
    held = _held(call)
    if is_late(call, held):
        with _released(held, call):
            return change_late(call, held, now)
    stripe_service().schedule_change(
        subscription=held,
        price_id=price_of_call(call, now),
        tax_rate_id=tax_of_call(call, now),
        interval=call.terms["interval"],
        coupon_id=coupon_of_call(call, now),
        change=str(call.id),
        key=str(call.id),
    )
    return finish_call(call, now)


def _let_go(call: StripeCall, now: datetime) -> StripeCall:
    _released(_held(call), call)
    return finish_call(call, now)


def _flag(call: StripeCall, now: datetime) -> StripeCall:
    held, ends = _held(call), call.act == Act.CANCEL_AT_END
    if ends and held.ended_at is not None and not is_late(call, held):
        return finish_call(call, now)
    if not is_late(call, held):
        with _released(held, call):
            held = stripe_service().update_subscription(
                subscription_id=held.id, cancel_at_period_end=ends, change=str(call.id), key=str(call.id)
            )
    if is_late(call, held):  # also where the period ended between the two
        return end_late(call, held, now)
    return finish_call(call, now)


def _cancel(call: StripeCall, now: datetime) -> StripeCall:
    end_at_stripe(told=call.terms["stripe_subscription_id"], key=str(call.id))
    return finish_call(call, now)


def _coupon(call: StripeCall, now: datetime) -> StripeCall:
    """The coupon that counts from now on, also in a change that waits for the end of the period."""
    coupon_id = coupon_of_call(call, now)
    service, held = stripe_service(), _held(call)
    service.update_subscription(subscription_id=held.id, coupon_id=coupon_id, change=str(call.id), key=str(call.id))
    with in_part():
        _tell_schedule(call, subject_of(call), None, now)
    return finish_call(call, now)


def _tell_schedule(call: StripeCall, subscription_id: UUID, tax_rate_id: str | None, now: datetime) -> None:
    """A change that waits for the end of the period says itself which discount and tax there are in it: it is told anew."""
    with tenant(call.cluster_id):
        subscription = Subscription.objects.get(cluster_id=call.cluster_id, id=subscription_id)
    held = stripe_service().fetch_subscription(subscription_id=subscription.stripe_subscription_id)
    with tenant(call.cluster_id):
        waiting = StripeCall.objects.filter(
            cluster_id=call.cluster_id, subscription_id=subscription_id, act=Act.SCHEDULE, state=CallState.DONE
        )
        change = waiting.order_by("-id").first()
        if not held.schedule_id or change is None or change.terms["applies_at"] != held.period_end.isoformat():
            return
        plan = SubscriptionPlan.objects.get(cluster_id=call.cluster_id, id=UUID(change.terms["plan_id"]))
        then = coupon_terms(subscription=subscription, plan=plan, at=held.period_end)
    stripe_service().schedule_change(
        subscription=held,
        price_id=price_of_call(change, now),
        tax_rate_id=tax_of_call(change, now) if tax_rate_id is None else tax_rate_id,
        interval=change.terms["interval"],
        coupon_id=coupon_named(cluster_id=call.cluster_id, terms=then, now=now),
        change=str(call.id),
        key=f"{call.id}:{subscription_id}:with_change",
    )


def _address(call: StripeCall, now: datetime) -> StripeCall:
    """The address and the tax from now on, unless a newer address was given meanwhile."""
    with tenant(call.cluster_id):
        mine = StripeCall.objects.filter(cluster_id=call.cluster_id, user_id=call.user_id, act=Act.ADDRESS)
        if mine.filter(asked_at__gt=call.asked_at).exists():
            return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)
        runs = Subscription.objects.filter(cluster_id=call.cluster_id, user_id=call.user_id, ended_at=None)
        running = list(runs.exclude(stripe_subscription_id="").order_by("id"))
    service, rate = stripe_service(), tax_of_call(call, now)
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    if call.terms["address_id"]:
        address = address_at_stripe(cluster_id=call.cluster_id, terms=call.terms)
        service.move_customer(customer_id=customer_id, address=address, key=f"{call.id}:customer")
    for one in running:
        about = one.stripe_subscription_id
        service.update_subscription(subscription_id=about, tax_rate_id=rate, key=f"{call.id}:{one.id}")
        _tell_schedule(call, one.id, rate, now)
    return finish_call(call, now)


def _setup(call: StripeCall, now: datetime) -> StripeCall:
    session = stripe_service().start_setup(
        customer_id=ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now),
        currency=call.terms["currency"],
        reference=str(call.id),
        back_url=f"{settings.BASE_URL}{BACK_FROM_STRIPE}",
        key=str(call.id),
    )
    return wait_for_page(call, session.id, session.url, datetime.fromisoformat(call.terms["expires_at"]), now)


def _use(call: StripeCall, now: datetime) -> StripeCall:
    customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
    refuse_strange_method(customer_id, call.terms["method_id"])
    take_from_card(call, customer_id, call.terms["method_id"], now)
    return finish_call(call, now)


def _forget_customer(call: StripeCall, now: datetime) -> StripeCall:
    try:
        stripe_service().delete_customer(customer_id=call.terms["customer_id"])
    except StripeKnowsNot:
        log.info("stripe_customer_gone", call=str(call.id))
    return finish_call(call, now)


def _find_out(call: StripeCall, now: datetime) -> StripeCall:
    """The key holds no longer, so nothing is asked again: what was done is looked for. Harmless things are simply asked."""
    service = stripe_service()
    match Act(call.act):
        case Act.CHECKOUT | Act.SETUP:
            customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
            reference = str(call.subscription_id or call.id)
            session = service.find_session(customer_id=customer_id, reference=reference)
            if session is not None:
                return wait_for_page(call, session.id, session.url, now, now)
        case Act.SUBSCRIBE:
            customer_id = ensure_customer(cluster_id=call.cluster_id, user_id=call.user_id, now=now)
            for told in service.list_subscriptions(customer_id=customer_id):
                if told.reference == str(call.subscription_id) and told.status not in ENDED:
                    return hear_beginning(call, told, now)
        case Act.CHANGE:
            if _held(call).change == str(call.id):
                return finish_call(call, now)
        case Act.PACK:
            return find_pack(call, now)
        case Act.REFUND:
            return find_refund(call, now)
        case Act.OVERAGE if "invoice_id" not in call.terms:
            return ask_for_overage(call, now)  # where it stands is written down first: it was never asked
        case Act.OVERAGE:
            # It may stand on an invoice, or wait for one: twice would be wrong, and a person has to look.
            _tell_a_person("overage_unknown", call, now)
        case act:
            return _DO[act](call, now)
    return drop_beginning(call, now)


_DO: dict[Act, Callable[[StripeCall, datetime], StripeCall]] = {
    Act.CHECKOUT: start_page,
    Act.SUBSCRIBE: subscribe_with_card,
    Act.CHANGE: _change,
    Act.SCHEDULE: _schedule,
    Act.RELEASE: _let_go,
    Act.CANCEL_AT_END: _flag,
    Act.KEEP: _flag,
    Act.CANCEL: _cancel,
    Act.CLOSE_CHECKOUT: close_page,
    Act.COUPON: _coupon,
    Act.OVERAGE: ask_for_overage,
    Act.SETUP: _setup,
    Act.USE_METHOD: _use,
    Act.FORGET_METHOD: forget_card,
    Act.FORGET_CUSTOMER: _forget_customer,
    Act.ADDRESS: _address,
    Act.PACK: ask_for_pack,
    Act.REFUND: ask_for_refund,
}
