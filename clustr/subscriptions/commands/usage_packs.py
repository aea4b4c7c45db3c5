"""Units that subscribers buy in advance by themselves: begun, and granted once, after Stripe says they are paid."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from uuid import UUID

from django.conf import settings

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.subscriptions import queries
from clustr.subscriptions.catalogue import PackTerms
from clustr.subscriptions.commands.persons import ask_a_person
from clustr.subscriptions.commands.recording import lock_subscription, tell_estate
from clustr.subscriptions.commands.stripe_calls import begun_by, record_call
from clustr.subscriptions.commands.stripe_names import tax_terms
from clustr.subscriptions.models import Invoice, StripeCall, Subscription, UsagePack
from clustr.subscriptions.policies import SELLING, offers_pack, sells_packs
from clustr.subscriptions.refusals import (
    ChangeUnderWay,
    CollectionNotOffered,
    SubscriptionEnded,
    SubscriptionLapsed,
    UsagePackNotFound,
)
from clustr.subscriptions.states import Act, CallState, InvoiceStatus
from clustr.subscriptions.vendors.nouns import StripeInvoice


def begin_buying_pack(
    *, actor: Actor, subscription_id: UUID, code: str, cause: UUID | None, now: datetime
) -> StripeCall:
    """Buy units of the catalogue for the period under way, by the card that the subscription is paid with. What the same
    `cause` (a request) has begun before, and was not refused, is what it asks for still.

    Refuses `SubscriptionNotFound`, `SubscriptionEnded`, `SubscriptionLapsed`, `UsagePackNotFound`, `ChangeUnderWay` (also
    while the period turns), and `CollectionNotOffered` where Stripe is off or the plan is not paid by card.
    """
    with tenant(actor.cluster_id), crash_points("subscriptions.begin_at_stripe"):
        subscription = lock_subscription(actor=actor, subscription_id=subscription_id)
        begun = begun_by(cluster_id=actor.cluster_id, cause=cause, now=now)
        if begun is not None:
            return begun
        if subscription.ended_at is not None:
            raise SubscriptionEnded
        if subscription.status not in SELLING:
            raise SubscriptionLapsed
        if not sells_packs(subscription=subscription):
            raise CollectionNotOffered("Units are bought in advance by card, where the plan is paid by card.")
        if subscription.current_period_end <= now:
            raise ChangeUnderWay("The period is turning. Look again in a few minutes.")
        pack = _offered(subscription, code)
        return record_call(
            actor=actor,
            user_id=subscription.user_id,
            subscription_id=subscription.id,
            act=Act.PACK,
            terms={
                "pack": pack.code,
                "feature": pack.feature.value,
                "units": pack.units,
                "price_minor": pack.prices[subscription.currency],
                "currency": subscription.currency,
                "description": f"{pack.units:,} {pack.feature.label} in advance",
                "start": subscription.current_period_start.isoformat(),
                "end": subscription.current_period_end.isoformat(),
                "stripe_subscription_id": subscription.stripe_subscription_id,
                "tax": tax_terms(user_id=subscription.user_id),
            },
            cause=cause,
            now=now,
        )


def _offered(subscription: Subscription, code: str) -> PackTerms:
    plan = queries.plan_of(subscription=subscription)
    for pack in settings.USAGE_PACKS:
        if pack.code == code and offers_pack(plan=plan, currency=subscription.currency, pack=pack):
            found: PackTerms = pack
            return found
    raise UsagePackNotFound


def look_at_packs_now(*, subscription: Subscription, now: datetime) -> None:
    """The subscription has ended: invoices for units that wait for their payer are looked at, and made void."""
    StripeCall.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, act=Act.PACK, state=CallState.WAITING
    ).update(next_attempt_at=now)


def note_pack(*, subscription: Subscription, told: StripeInvoice) -> None:
    """Which of Stripe's invoices charges a request for units, should its answer not have been heard."""
    call_id = _uuid(told.pack)
    if call_id is None:
        return
    asked = StripeCall.objects.filter(cluster_id=subscription.cluster_id, subscription_id=subscription.id, id=call_id)
    asked.filter(act=Act.PACK, stripe_id="").update(stripe_id=told.id)


def grant_paid_packs(*, actor: Actor, subscription: Subscription, now: datetime) -> None:
    """Let what the customer of a subscription bought and is paid count in the period under way, each once for its invoice; the
    customer locked. Of their other subscriptions too: what came here may have paid a rest there. What was paid after its
    subscription ended is of no use any more: a person is asked to give it back. Harmless to repeat."""
    cluster_id = subscription.cluster_id
    bought = StripeCall.objects.filter(cluster_id=cluster_id, user_id=subscription.user_id, act=Act.PACK)
    bought = bought.exclude(stripe_id="")
    paid = Invoice.objects.filter(
        cluster_id=cluster_id, stripe_invoice_id__in=bought.values("stripe_id"), status=InvoiceStatus.PAID
    )
    counted = UsagePack.objects.filter(cluster_id=cluster_id, invoice_id__in=paid.values("id"))
    for invoice in paid.exclude(id__in=counted.values("invoice_id")).order_by("id"):
        call = bought.get(stripe_id=invoice.stripe_invoice_id)
        of = subscription
        if call.subscription_id is not None and call.subscription_id != subscription.id:
            of = Subscription.objects.get(cluster_id=call.cluster_id, id=call.subscription_id)
        if of.ended_at is not None:
            # Written down all the same, as everything that is paid, and once; but there is nothing they could be used in.
            facts = {"invoice": invoice.invoice_number, "customer": of.user_id, "subscription": of.id}
            ask_a_person(what="pack_of_ended", about=invoice.id, facts=facts, now=now)
        UsagePack.objects.create(
            id=new_id(),
            cluster_id=cluster_id,
            subscription_id=of.id,
            invoice_id=invoice.id,
            feature_type=call.terms["feature"],
            quantity=Decimal(call.terms["units"]),
            starts_at=of.current_period_start,
            bought_at=now,
        )
        tell_estate(subscription=of)
        StripeCall.objects.filter(cluster_id=call.cluster_id, id=call.id, state=CallState.WAITING).update(
            state=CallState.DONE, next_attempt_at=None, finished_at=now
        )
        audit.record(
            actor=actor,
            action="subscriptions.usage_pack_bought",
            subject_kind="subscription",
            subject_id=of.id,
            at=now,
            facts={"pack": call.terms["pack"], "call": str(call.id)},
        )


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None
