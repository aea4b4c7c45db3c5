"""What follows from invoices that are not paid: reminders, the end of grace, and how a subscription comes back."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings

from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import derived_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.periods import end_subscription
from clustr.subscriptions.commands.recording import lock_subscription, note
from clustr.subscriptions.commands.renewing import next_period
from clustr.subscriptions.commands.stripe_calls import record_call
from clustr.subscriptions.models import Invoice, Subscription
from clustr.subscriptions.notices import Told, tell_customer
from clustr.subscriptions.schedule import DUNNING, GRACE
from clustr.subscriptions.states import Act, Collection, EventKind, InvoiceStatus, SubscriptionStatus


def settle_standing(*, actor: Actor, subscription_id: UUID, now: datetime) -> None:
    """Bring a subscription to where its unpaid invoices put it: overdue, reminded, lapsed after the grace, or back once
    nothing is overdue. Harmless to repeat; each reminder is sent once."""
    with tenant(actor.cluster_id), crash_points("subscriptions.settle_standing"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        if subscription.ended_at is not None:
            return
        overdue = _overdue(subscription, now)
        if subscription.collection == Collection.STRIPE:
            # Where it stands Stripe says; ours are the reminders, and the end of the grace.
            if overdue is not None and subscription.status == SubscriptionStatus.PAST_DUE:
                _step(actor, subscription, overdue, now)
            return
        if overdue is None:
            _recover(actor, subscription, now)
        elif subscription.status == SubscriptionStatus.ACTIVE:
            # The grace runs from the first reminder: whoever was not told in time has it whole.
            subscription.status = SubscriptionStatus.PAST_DUE
            subscription.past_due_since, subscription.dunning_step = now, 0
            note(actor=actor, subscription=subscription, kind=EventKind.PAST_DUE, now=now)
            _remind(actor, subscription, overdue, now)
        if overdue is not None and subscription.status == SubscriptionStatus.PAST_DUE:
            _step(actor, subscription, overdue, now)


def _overdue(subscription: Subscription, now: datetime) -> Invoice | None:
    """The invoice that has been overdue longest."""
    invoices = Invoice.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        status=InvoiceStatus.OPEN,
        due_date__lt=now,
    )
    return invoices.order_by("due_date", "id").first()


def _step(actor: Actor, subscription: Subscription, overdue: Invoice, now: datetime) -> None:
    since = subscription.past_due_since or now
    if now >= since + GRACE and subscription.collection == Collection.STRIPE:
        _end_at_stripe(actor, subscription, now)
        return
    if now >= since + GRACE:
        subscription.status = SubscriptionStatus.UNPAID
        note(actor=actor, subscription=subscription, kind=EventKind.LAPSED, now=now)
        plan = queries.plan_of(subscription=subscription)
        facts = {
            "plan": plan.name,
            "number": overdue.invoice_number,
            "amount_due": overdue.amount_due.with_sign(),
            **_where_to_pay(overdue),
        }
        tell_customer(told=Told.LAPSED, user_id=subscription.user_id, facts=facts, now=now)
        return
    passed = sum(now >= since + wait for wait in DUNNING)
    if passed > subscription.dunning_step:
        subscription.dunning_step = passed
        subscription.updated_at = now
        subscription.save(update_fields=["dunning_step", "updated_at"])
        _remind(actor, subscription, overdue, now)


def _end_at_stripe(actor: Actor, subscription: Subscription, now: datetime) -> None:
    """The grace is over, and Stripe, as it is set up there, would go on: it is told to end the subscription."""
    record_call(
        actor=actor,
        user_id=subscription.user_id,
        subscription_id=subscription.id,
        act=Act.CANCEL,
        terms={"stripe_subscription_id": subscription.stripe_subscription_id, "reason": "unpaid"},
        key=derived_id("unpaid", subscription.id, subscription.past_due_since),
        by_job=True,
        now=now,
    )


def _remind(actor: Actor, subscription: Subscription, overdue: Invoice, now: datetime) -> None:
    zone = ZoneInfo(actor.timezone)
    since = subscription.past_due_since or now
    facts = {
        "number": overdue.invoice_number,
        "amount_due": overdue.amount_due.with_sign(),
        "due": f"{overdue.due_date.astimezone(zone):%d %B %Y}",
        **_where_to_pay(overdue),
        "lapses": f"{(since + GRACE).astimezone(zone):%d %B %Y}",
    }
    tell_customer(told=Told.PAYMENT_OVERDUE, user_id=subscription.user_id, facts=facts, now=now)


def _where_to_pay(overdue: Invoice) -> dict[str, str]:
    """Stripe's page, or by transfer the account that is the platform's now."""
    if overdue.stripe_invoice_id:
        return {"pay_at": overdue.hosted_invoice_url}
    account: dict[str, str] = settings.SUBSCRIPTION_SELLER.to_pay_to()
    return account


def _recover(actor: Actor, subscription: Subscription, now: datetime) -> None:
    """Nothing is overdue any more. Who had lapsed begins the next period now: the time between was neither used nor charged."""
    if subscription.status not in (SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID):
        return
    lapsed = subscription.status == SubscriptionStatus.UNPAID and subscription.current_period_end <= now
    if lapsed and subscription.cancel_at_period_end:
        end_subscription(actor=actor, subscription=subscription, at=now, reason=subscription.cancel_reason, now=now)
        return
    lines = next_period(actor=actor, subscription=subscription, at=now, counted_anew=True, now=now) if lapsed else []
    subscription.status = SubscriptionStatus.ACTIVE
    subscription.past_due_since, subscription.dunning_step = None, 0
    note(actor=actor, subscription=subscription, kind=EventKind.RECOVERED, now=now)
    generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
    plan = queries.plan_of(subscription=subscription)
    tell_customer(told=Told.RECOVERED, user_id=subscription.user_id, facts={"plan": plan.name}, now=now)
