"""What is asked of Stripe: written down, asked between transactions, and written down again. Once for each request."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import IntegrityError, transaction

from clustr.audit import commands as audit
from clustr.audit.refusals import RequestInProgress
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.jobs import enqueue
from clustr.kit.tenancy import tenant
from clustr.payments.schedule import next_notice_attempt
from clustr.subscriptions.models import StripeCall
from clustr.subscriptions.refusals import ChangeUnderWay
from clustr.subscriptions.states import Act, CallState

ASK_AGAIN = timedelta(minutes=3)
"""When a request that was recorded is asked by a job, should whoever recorded it not have asked."""
_ONE_AT_A_TIME = ("subscriptions_stripecall_one_at_a_time", "subscriptions_stripecall_once_a_cause")
KEY_HOLDS = timedelta(hours=23)
"""How long Stripe surely remembers an idempotency key; after it nothing is asked again, only looked for."""


def record_call(
    *,
    actor: Actor,
    user_id: UUID,
    subscription_id: UUID | None,
    act: Act,
    terms: dict[str, Any],
    key: UUID | None = None,
    cause: UUID | None = None,
    by_job: bool = False,
    now: datetime,
) -> StripeCall:
    """Write down what will be asked, its customer locked, in the transaction of what asks for it. One request at a time for
    each subscription. `key`: the request's id, where it must not be asked twice; `cause`: whose request it is (`begun_by`);
    `by_job`: nobody waits for the answer, and a job asks it as soon as this is committed.

    Refuses `ChangeUnderWay`.
    """
    if key is not None:
        known = StripeCall.objects.filter(cluster_id=actor.cluster_id, id=key).first()
        if known is not None:
            return known
    if cause is not None:  # what is older than any kept answer is another request
        StripeCall.objects.filter(cluster_id=actor.cluster_id, cause=cause).update(cause=None)
    try:
        with transaction.atomic():
            call = StripeCall.objects.create(
                id=key or new_id(),
                cluster_id=actor.cluster_id,
                user_id=user_id,
                subscription_id=subscription_id,
                act=act.value,
                state=CallState.RECORDED,
                terms=terms,
                cause=cause,
                asked_at=now,
                next_attempt_at=now + ASK_AGAIN,
            )
    except IntegrityError as error:
        if not any(index in str(error) for index in _ONE_AT_A_TIME):
            raise
        raise ChangeUnderWay from error
    audit.record(
        actor=actor,
        action="subscriptions.asked_of_stripe",
        subject_kind="subscription" if subscription_id else "user",
        subject_id=subscription_id or user_id,
        at=now,
        facts={"act": act.value, "call": str(call.id)},
    )
    at = None if by_job else now + ASK_AGAIN
    turn = f"subscriptions.stripe:{user_id}" if by_job else None  # of two addresses the later one is told last
    enqueue("subscriptions.ask_stripe", at=at, one_by_one=turn, cluster_id=actor.cluster_id, call_id=call.id)
    return call


def begun_by(*, cluster_id: UUID, cause: UUID | None, now: datetime) -> StripeCall | None:
    """What a request has begun, if that did not come to nothing: the same `cause` asks for it still, for as long as answers
    are kept. Refuses `RequestInProgress` while it is being asked the first time: two would answer for each other."""
    if cause is None:
        return None
    since = now - timedelta(days=settings.ENV.IDEMPOTENCY_DAYS)
    same = StripeCall.objects.filter(cluster_id=cluster_id, cause=cause, asked_at__gte=since)
    begun = same.exclude(state__in=(CallState.REFUSED, CallState.DROPPED)).first()
    if begun and begun.state == CallState.RECORDED and not begun.attempts and now < begun.asked_at + ASK_AGAIN:
        raise RequestInProgress
    return begun


def lock_call(*, cluster_id: UUID, call_id: UUID) -> StripeCall:
    """A request, locked in the transaction under way."""
    return StripeCall.objects.select_for_update().get(cluster_id=cluster_id, id=call_id)


def add_terms(call: StripeCall, **terms: Any) -> StripeCall:
    """Write down besides how a request is asked, before it is, so that it is asked again with the same words."""
    with tenant(call.cluster_id):
        held = lock_call(cluster_id=call.cluster_id, call_id=call.id)
        held.terms = terms | held.terms
        held.save(update_fields=["terms"])
    return held


def end_call(
    *,
    cluster_id: UUID,
    call_id: UUID,
    state: CallState,
    now: datetime,
    stripe_id: str = "",
    url: str = "",
    refused_code: str = "",
    next_attempt_at: datetime | None = None,
) -> StripeCall:
    """Write down what became of a request. What is known already stays: a page that was completed is not open again."""
    with tenant(cluster_id), crash_points("subscriptions.end_stripe_call"):
        call = lock_call(cluster_id=cluster_id, call_id=call_id)
        if call.finished_at is not None:
            return call
        call.state = state
        call.stripe_id = stripe_id or call.stripe_id
        call.url = url or call.url
        call.refused_code = refused_code
        waits = state in (CallState.RECORDED, CallState.WAITING)
        call.next_attempt_at = (next_attempt_at or now + ASK_AGAIN) if waits else None
        call.finished_at = None if waits else now
        call.save()
    return call


def postpone_call(*, cluster_id: UUID, call_id: UUID, now: datetime) -> None:
    """Nothing was heard: it stays to be asked, under the same key, ever more seldom."""
    with tenant(cluster_id):
        call = lock_call(cluster_id=cluster_id, call_id=call_id)
        if call.finished_at is not None:
            return
        call.attempts += 1
        call.next_attempt_at = next_notice_attempt(attempts=call.attempts, now=now)
        call.save(update_fields=["attempts", "next_attempt_at"])
