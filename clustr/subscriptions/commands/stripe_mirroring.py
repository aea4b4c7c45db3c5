"""Following Stripe: what a subscription is there, it is here. Whatever tells us of it, the truth is asked for.

Events may come twice, late or in any order, so none of them is believed: each leads to one question, and the answer is
applied under the customer's lock. Of two questions the later one counts: what was asked earlier and comes later is old.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db.models import F, Sum

from clustr.clusters.queries import system_actor
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_point, crash_points
from clustr.kit.ids import derived_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.coupons import give_back_coupon
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.periods import drop_pending_change, exchanged, take_exchange
from clustr.subscriptions.commands.persons import ask_a_person
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.commands.stripe_coupons import keep_coupon
from clustr.subscriptions.commands.stripe_documents import SETTLED, follow_invoice
from clustr.subscriptions.commands.stripe_items import UsageItem, comes_back, take_back_stranded
from clustr.subscriptions.commands.stripe_lapses import charge_usage, items_of, usage_to_charge
from clustr.subscriptions.commands.stripe_returns import follow_returns
from clustr.subscriptions.commands.stripe_taxes import keep_tax
from clustr.subscriptions.commands.usage_packs import grant_paid_packs, look_at_packs_now, note_pack
from clustr.subscriptions.models import (
    Invoice,
    PendingChange,
    StripeCall,
    StripeObject,
    Subscription,
    SubscriptionEvent,
    SubscriptionPlan,
)
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.schedule import billing_day
from clustr.subscriptions.states import (
    ENDED,
    USABLE,
    Act,
    CallState,
    Collection,
    EventKind,
    InvoiceStatus,
    PaymentStatus,
    StripeKind,
    SubscriptionStatus,
)
from clustr.subscriptions.vendors.nouns import StripeKnowsNot, StripeSubscription, StripeTruth
from clustr.subscriptions.vendors.registry import stripe_service

_STARTING = (SubscriptionStatus.INCOMPLETE, SubscriptionStatus.INCOMPLETE_EXPIRED)
_CHARGED = (SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE)
_ON_THE_WAY = {
    SubscriptionStatus.PAST_DUE: EventKind.PAST_DUE,
    SubscriptionStatus.UNPAID: EventKind.LAPSED,
    SubscriptionStatus.PAUSED: EventKind.PAUSED,
    SubscriptionStatus.CANCELED: EventKind.ENDED,
    SubscriptionStatus.INCOMPLETE_EXPIRED: EventKind.EXPIRED,
}


def follow_subscription(*, cluster_id: UUID, stripe_subscription_id: str, now: datetime) -> bool:
    """Ask Stripe how a subscription stands, with its invoices and payments, and let it stand so here; outside any
    transaction. Answers whether it is one of ours. Raises as `StripeService` does."""
    found = _local(cluster_id, stripe_subscription_id)
    if found is None:
        return False
    with tenant(cluster_id):
        mine = Subscription.objects.filter(cluster_id=cluster_id, id=found)
        mine.update(stripe_asked=F("stripe_asked") + 1)
        asked = mine.values_list("stripe_asked", flat=True).get()
        settled = Invoice.objects.filter(
            cluster_id=cluster_id,
            subscription_id=found,
            status__in=(InvoiceStatus.PAID, InvoiceStatus.VOID),
            stripe_status__in=SETTLED,
        )
        known = set(settled.values_list("stripe_invoice_id", flat=True))
    crash_point("subscriptions.follow.asking")
    service = stripe_service()
    held = service.fetch_subscription(subscription_id=stripe_subscription_id)
    taken = take_back_stranded(cluster_id=cluster_id, subscription_id=found, told=held)
    new = [id for id in service.invoices_of(subscription_id=stripe_subscription_id) if id not in known]
    truth = StripeTruth(subscription=held, invoices=tuple(service.fetch_invoice(invoice_id=id) for id in new))
    crash_point("subscriptions.follow.answered")
    with tenant(cluster_id), crash_points("subscriptions.follow"):
        _apply(system_actor(cluster_id=cluster_id), found, asked, truth, taken, now)
    for invoice_id in _credited_elsewhere(cluster_id, truth):
        follow_returns(cluster_id=cluster_id, invoice_id=invoice_id, now=now)
    return True


def _credited_elsewhere(cluster_id: UUID, truth: StripeTruth) -> list[UUID]:
    """Our invoices of which Stripe has credit notes that we do not, or other ones."""
    found = []
    with tenant(cluster_id):
        for told in truth.invoices:
            invoice = Invoice.objects.filter(cluster_id=cluster_id, stripe_invoice_id=told.id).first()
            if invoice is None:
                continue
            notes = Invoice.objects.filter(
                cluster_id=cluster_id,
                corrects_id=invoice.id,
                stripe_invoice_id__startswith="cn_",
                stripe_status="issued",
            )
            if told.credited != (notes.aggregate(all=Sum("total"))["all"] or 0):
                found.append(invoice.id)
    return found


def _local(cluster_id: UUID, stripe_subscription_id: str) -> UUID | None:
    """Our subscription: by its name at Stripe, or, the first time, by ours in its metadata. What has no name there is none."""
    if not stripe_subscription_id:
        return None
    with tenant(cluster_id):
        mine = Subscription.objects.filter(cluster_id=cluster_id, stripe_subscription_id=stripe_subscription_id)
        found = mine.values_list("id", flat=True).first()
    if found is not None:
        return found
    try:
        named, customer_id = stripe_service().owner_of_subscription(subscription_id=stripe_subscription_id)
        reference = UUID(named)
    except (StripeKnowsNot, ValueError):
        return None
    with tenant(cluster_id):
        owner = StripeObject.objects.filter(
            cluster_id=cluster_id, kind=StripeKind.CUSTOMER, stripe_id=customer_id
        ).values_list("key", flat=True)
        mine = Subscription.objects.filter(cluster_id=cluster_id, id=reference, user_id__in=map(UUID, owner))
        return mine.values_list("id", flat=True).first()


def _apply(
    actor: Actor, subscription_id: UUID, asked: int, truth: StripeTruth, taken: Sequence[UsageItem], now: datetime
) -> None:
    subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
    if subscription.stripe_seen >= asked:
        return
    told = truth.subscription
    if not _belongs(actor, subscription, told, now):
        _book_unwanted(actor, subscription, truth, now)
        return
    subscription.stripe_seen, subscription.stripe_seen_at = asked, now
    # First the documents: what is owed and paid of the past stands before a new period does.
    for invoice in truth.invoices:
        follow_invoice(actor=actor, subscription=subscription, told=invoice, now=now)
        note_pack(subscription=subscription, told=invoice)
    if subscription.ended_at is None:
        _stand_as(actor, subscription, told, taken, now)
    else:
        subscription.save(update_fields=["stripe_seen", "stripe_seen_at"])
    # Last, so that what is bought counts in the period that is under way at Stripe.
    grant_paid_packs(actor=actor, subscription=subscription, now=now)


def _belongs(actor: Actor, subscription: Subscription, told: StripeSubscription, now: datetime) -> bool:
    """Whether what Stripe has is what this row stands for; the first time it becomes so. A free plan stays in force while a
    first payment is still to be made; and what was given up here, or is there twice, is ended there."""
    if subscription.stripe_subscription_id == told.id:
        return True
    if told.currency != subscription.currency:
        return False
    if told.status in ENDED:
        # It was over before we heard of it: so is what it was begun for.
        never_begun = subscription.status == SubscriptionStatus.INCOMPLETE and not subscription.stripe_subscription_id
        if never_begun:
            subscription.stripe_subscription_id = told.id
        return never_begun
    paid_otherwise = subscription.price_minor > 0 and subscription.collection != Collection.STRIPE
    if subscription.stripe_subscription_id or subscription.ended_at is not None or paid_otherwise:
        facts = {"subscription": subscription.id, "customer": subscription.user_id}
        ask_a_person(what="subscription_twice", about=told.id, facts=facts, now=now)
        # What was paid for it is booked all the same, as this row's where no other has it: a person gives it back.
        booked = not subscription.stripe_subscription_id and not paid_otherwise
        if booked:
            subscription.collection, subscription.stripe_subscription_id = Collection.STRIPE, told.id
            subscription.save(update_fields=["collection", "stripe_subscription_id"])
        key = derived_id("cancel_unwanted", told.id)
        terms = {"stripe_subscription_id": told.id, "reason": "unwanted"}
        record_call(
            actor=actor,
            user_id=subscription.user_id,
            subscription_id=None,
            act=Act.CANCEL,
            terms=terms,
            key=key,
            by_job=True,
            now=now,
        )
        return booked
    if subscription.status != SubscriptionStatus.INCOMPLETE and told.status in _STARTING:
        return False
    subscription.collection, subscription.stripe_subscription_id = Collection.STRIPE, told.id
    return True


def _book_unwanted(actor: Actor, subscription: Subscription, truth: StripeTruth, now: datetime) -> None:
    """What was paid for one that is there beside ours is booked all the same: a person gives it back."""
    if truth.subscription.currency != subscription.currency:
        return
    for invoice in truth.invoices:
        if any(payment.status == PaymentStatus.SUCCEEDED for payment in invoice.payments):
            follow_invoice(actor=actor, subscription=subscription, told=invoice, now=now)
    grant_paid_packs(actor=actor, subscription=subscription, now=now)


def _stand_as(
    actor: Actor, subscription: Subscription, told: StripeSubscription, taken: Sequence[UsageItem], now: datetime
) -> None:
    """Let the row say what Stripe says, and its history what that changes."""
    before = (subscription.status, subscription.plan_id, subscription.interval, subscription.current_period_start)
    flagged = subscription.cancel_at_period_end
    resumed = comes_back(subscription=subscription, told=told)
    used_in, plan = subscription.period, queries.plan_of(subscription=subscription)
    if told.period_start > used_in.start and subscription.status in _CHARGED:
        _exchange_before_it_turned(subscription, plan, told, now)
    lines = usage_to_charge(subscription=subscription, told=told, taken=taken)
    _take_plan(subscription, told, now)
    status = SubscriptionStatus(told.status)
    goes_on = used_in.start == told.period_start and status not in ENDED
    if goes_on and subscription.plan_id != plan.id and subscription.status in _CHARGED:
        _exchange(subscription, plan, told, now)
    subscription.status = status
    subscription.anchor_at = told.anchor_at
    subscription.anchor_day = billing_day(at=told.anchor_at, zone=actor.timezone)
    subscription.current_period_start, subscription.current_period_end = told.period_start, told.period_end
    subscription.trial_end = told.trial_end
    subscription.cancel_at_period_end = told.cancel_at_period_end and status not in ENDED
    subscription.canceled_at = told.canceled_at
    owing = status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID)
    subscription.past_due_since = (subscription.past_due_since or now) if owing else None
    subscription.dunning_step = subscription.dunning_step if owing else 0
    subscription.ended_at = (told.ended_at or now) if status in ENDED else None
    subscription.save()
    if subscription.ended_at is not None:
        look_at_packs_now(subscription=subscription, now=now)
    _keep_pending_change(subscription, told)
    for kind in _happened(before, flagged, subscription):
        note(actor=actor, subscription=subscription, kind=kind, now=now, reason=subscription.cancel_reason)
    if lines and subscription.ended_at is not None:
        # There is no next invoice at Stripe to put it on.
        generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
    elif lines or resumed:
        charge_usage(actor=actor, subscription=subscription, lines=lines, used_in=used_in, resumed=resumed, now=now)
    _tell(actor, before[0], flagged, subscription, now)
    if status in USABLE and not subscription.cancel_at_period_end:
        keep_coupon(actor=actor, subscription=subscription, now=now)
        keep_tax(actor=actor, subscription=subscription, told=told, now=now)


def _exchange(subscription: Subscription, old: SubscriptionPlan, told: StripeSubscription, now: datetime) -> None:
    """Exchange what the plans include, within a period that goes on, as by transfer; what went beyond is owed with the next
    invoice. Of a change that nobody asked for here, as of now."""
    usage = exchanged(
        subscription=subscription,
        old=old,
        new=queries.plan_of(subscription=subscription),
        at=_changed_at(subscription, told, subscription.plan_id) or now,
    )
    take_exchange(subscription=subscription, on_top=usage.on_top)
    subscription.usage_owed += items_of(usage.lines)


def _exchange_before_it_turned(
    subscription: Subscription, old: SubscriptionPlan, told: StripeSubscription, now: datetime
) -> None:
    """A change that was asked for within the period, and is seen only now that the period has turned, counted in it: usage is
    reckoned by the new plan from its instant on. What somebody changed at Stripe itself counts from the new period on."""
    plan_id = _plan_at_stripe(subscription, told)
    at = _changed_at(subscription, told, plan_id)
    if plan_id == old.id or at is None or not subscription.period.start <= at < subscription.period.end:
        return
    _take_plan(subscription, told, now)
    _exchange(subscription, old, told, now)


def _changed_at(subscription: Subscription, told: StripeSubscription, plan_id: UUID | None) -> datetime | None:
    """The instant that was asked for, if the change that Stripe tells of, to this plan, is the one that was asked for last."""
    mine = {"cluster_id": subscription.cluster_id, "subscription_id": subscription.id}
    call = StripeCall.objects.filter(**mine, act=Act.CHANGE).order_by("-id").first()
    if call is None or str(call.id) != told.change or call.terms["plan_id"] != str(plan_id):
        return None
    at = datetime.fromisoformat(call.terms["proration_date"])
    changed = SubscriptionEvent.objects.filter(**mine, kind=EventKind.PLAN_CHANGED, at__gt=at)
    return None if changed.exists() else at


def _keep_pending_change(subscription: Subscription, told: StripeSubscription) -> None:
    """The change that waits for the end of the period is the one that was asked for last, as long as Stripe has it."""
    asked = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, act=Act.SCHEDULE
    ).exclude(state__in=(CallState.REFUSED, CallState.DROPPED))
    call = asked.order_by("-id").first()
    ends = told.period_end.isoformat()
    if subscription.ended_at is not None or not told.schedule_id or call is None or call.terms["applies_at"] != ends:
        drop_pending_change(subscription=subscription)
        return
    terms = call.terms
    PendingChange.objects.update_or_create(
        cluster_id=subscription.cluster_id,
        id=subscription.id,
        defaults={
            "plan_id": UUID(terms["plan_id"]),
            "interval": terms["interval"],
            "price_minor": terms["price_minor"],
            "applies_at": told.period_end,
            "asked_at": call.asked_at,
        },
    )


def _take_plan(subscription: Subscription, told: StripeSubscription, now: datetime) -> None:
    """The plan and price that Stripe charges. A price that is not ours leaves the plan as it was, and is reported."""
    plan_id = _plan_at_stripe(subscription, told)
    if plan_id is None:
        facts = {"price": told.price_id, "customer": subscription.user_id}
        ask_a_person(what="price_unknown", about=subscription.id, facts=facts, now=now)
    else:
        subscription.plan_id = plan_id
        subscription.interval = told.interval
    subscription.price_minor = subscription.period_price_minor = told.price_minor


def _plan_at_stripe(subscription: Subscription, told: StripeSubscription) -> UUID | None:
    prices = StripeObject.objects.filter(
        cluster_id=subscription.cluster_id, kind=StripeKind.PRICE, stripe_id=told.price_id
    )
    key = prices.values_list("key", flat=True).first()
    return None if key is None else UUID(key.partition(":")[0])


def _happened(before: tuple[object, ...], flagged: bool, subscription: Subscription) -> list[EventKind]:
    status, plan_id, interval, start = before
    now_is = SubscriptionStatus(subscription.status)
    kinds = []
    if (subscription.plan_id, subscription.interval) != (plan_id, interval):
        kinds.append(EventKind.PLAN_CHANGED)
    if now_is != status:
        if now_is in _ON_THE_WAY:
            kinds.append(_ON_THE_WAY[now_is])
        elif status == SubscriptionStatus.INCOMPLETE:
            kinds.append(EventKind.ACTIVATED)
        elif status == SubscriptionStatus.TRIALING:
            kinds.append(EventKind.TRIAL_ENDED)
        elif status == SubscriptionStatus.PAUSED:
            kinds.append(EventKind.RESUMED)
        elif status in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
            kinds.append(EventKind.RECOVERED)
        else:
            kinds.append(EventKind.ACTIVATED)
    elif start != subscription.current_period_start and not kinds:
        kinds.append(EventKind.RENEWED)
    if subscription.cancel_at_period_end and not flagged:
        kinds.append(EventKind.CANCELLATION_SCHEDULED)
    elif flagged and not subscription.cancel_at_period_end and subscription.ended_at is None:
        kinds.append(EventKind.REACTIVATED)
    return kinds


def _tell(actor: Actor, before: object, flagged: bool, subscription: Subscription, now: datetime) -> None:
    """What the customer is written about it; of invoices and payments they are written by these."""
    status, plan = SubscriptionStatus(subscription.status), queries.plan_of(subscription=subscription)
    facts: dict[str, str] = {"plan": plan.name}
    told = None
    if status != before and status == SubscriptionStatus.UNPAID:
        told, facts = Told.LAPSED, facts | _open_invoice(subscription)
    elif status != before and status == SubscriptionStatus.ACTIVE and before in ("past_due", "unpaid"):
        told = Told.RECOVERED
    elif status != before and status == SubscriptionStatus.CANCELED:
        told, facts = Told.CANCELED, facts | {"ends": ""}
    elif subscription.cancel_at_period_end and not flagged:
        ends = subscription.current_period_end.astimezone(ZoneInfo(actor.timezone))
        told, facts = Told.CANCELED, facts | {"ends": f"{ends:%d %B %Y}"}
    if status == SubscriptionStatus.INCOMPLETE_EXPIRED:
        give_back_coupon(subscription=subscription, now=now)
    if told is not None:
        tell_customer(told=told, user_id=subscription.user_id, facts=facts, now=now)


def _open_invoice(subscription: Subscription) -> dict[str, str]:
    found = Invoice.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, status=InvoiceStatus.OPEN
    )
    invoice = found.order_by("due_date", "id").first()
    if invoice is None:
        return {"number": "", "amount_due": ""}
    return {
        "number": invoice.invoice_number,
        "amount_due": invoice.amount_due.with_sign(),
        "pay_at": invoice.hosted_invoice_url,
    }
