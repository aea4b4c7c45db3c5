"""Asking Stripe to charge what was used beyond the plan. Outside any transaction."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import structlog

from clustr.clusters.queries import system_actor
from clustr.kit.tenancy import tenant
from clustr.subscriptions.commands.invoicing import generate_invoice
from clustr.subscriptions.commands.periods import overage_again
from clustr.subscriptions.commands.recording import lock_subscription
from clustr.subscriptions.commands.stripe_beginning import finish_call
from clustr.subscriptions.commands.stripe_calls import add_terms, end_call, lock_call
from clustr.subscriptions.commands.stripe_items import UsageItem, lines_taken_back, take_back
from clustr.subscriptions.commands.stripe_lapses import owe_later, subject_of
from clustr.subscriptions.models import StripeCall, Subscription
from clustr.subscriptions.states import CallState, SubscriptionStatus
from clustr.subscriptions.types import Period
from clustr.subscriptions.vendors.nouns import StripeRefused, StripeSubscription
from clustr.subscriptions.vendors.registry import stripe_service
from clustr.subscriptions.vendors.stripe_steps import in_part

log = structlog.get_logger(__name__)


def ask_for_overage(call: StripeCall, now: datetime) -> StripeCall:
    """What was used beyond the plan, on the draft of the renewal if it is not issued yet, else on the next invoice. Where periods
    began anew, which is another year perhaps, or the plan came back, on an invoice of its own; where there is none any more, on one
    of ours. While the plan has lapsed it stays owed."""
    with tenant(call.cluster_id):
        mine = Subscription.objects.get(cluster_id=call.cluster_id, id=subject_of(call))
    service = stripe_service()
    held = service.fetch_subscription(subscription_id=mine.stripe_subscription_id)
    if "invoice_id" not in call.terms:
        if held.ended_at is not None or held.status == SubscriptionStatus.UNPAID:
            return _not_at_stripe(call, now, ended=held.ended_at is not None)
        # Written down before it is asked, so that what is asked again has the same words.
        found = service.draft_of(subscription_id=held.id, period_start=held.period_start)
        of_its_own = not found and call.terms.get("anew") and call.terms["items"]
        if of_its_own:
            found = service.start_invoice(
                customer_id=held.customer_id,
                subscription_id=held.id,
                currency=held.currency,
                tax_rate_id=held.tax_rates[0] if held.tax_rates else "",
                by_itself=True,
                key=f"{call.id}:invoice",
            )
        issue = bool(call.terms.get("resumed") and found and not of_its_own)
        call = add_terms(call, invoice_id=found, issue=issue, first_asked_at=now.isoformat())
    call = _add_items(call, held)
    if _has_ended(call):
        with in_part():
            return _invoice_here(call, now)
    if call.terms.get("issue"):
        with in_part():
            _issue(call)
    return finish_call(call, now)


def _add_items(call: StripeCall, held: StripeSubscription) -> StripeCall:
    """What each is called there, and where it was put, is written down: from then on Stripe may move it."""
    made = []
    for n, item in enumerate(call.terms["items"]):
        asked: dict[str, Any] = {
            "customer_id": held.customer_id,
            "subscription_id": held.id,
            "amount": item["amount"],
            "quantity": item.get("quantity", 1),
            "currency": held.currency,
            "description": item["description"],
            "start": datetime.fromisoformat(call.terms["start"]),
            "end": datetime.fromisoformat(call.terms["end"]),
        }
        item_id, stands_on = _add_item(call, n, asked, ended=held.ended_at is not None)
        made.append({"id": item_id, "invoice_id": stands_on})
    return add_terms(call, made=made)


def _add_item(call: StripeCall, n: int, asked: dict[str, Any], *, ended: bool) -> tuple[str, str]:
    """Put one on the draft, or if that is one no more on the next; both empty where there is none, because the plan ended."""
    tries = [(call.terms["invoice_id"], f"{call.id}:{n}"), ("", f"{call.id}:{n}:next")]
    left = tries if call.terms["invoice_id"] else tries[:1]
    for stands_on, key in left:
        try:
            return stripe_service().add_item(**asked, invoice_id=stands_on, key=key), stands_on
        except StripeRefused as error:
            gone = error.http_status in (400, 404) and error.code != "idempotency_error"
            if not gone or not (stands_on or ended):
                raise
            log.warning("stripe_draft_gone", call=str(call.id), invoice=stands_on)
    return "", ""


def _has_ended(call: StripeCall) -> bool:
    with tenant(call.cluster_id):
        return Subscription.objects.get(cluster_id=call.cluster_id, id=subject_of(call)).ended_at is not None


def _invoice_here(call: StripeCall, now: datetime) -> StripeCall:
    """The subscription ended while its usage was asked for: what no invoice there charges is invoiced here, once."""
    items = [UsageItem(call.id, n, made["id"]) for n, made in enumerate(call.terms["made"])]
    taken = take_back(cluster_id=call.cluster_id, items=items)
    actor = system_actor(cluster_id=call.cluster_id)
    with tenant(call.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=subject_of(call))
        lines = lines_taken_back(subscription=subscription, items=taken)
        generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
        return finish_call(call, now)


def _issue(call: StripeCall) -> None:
    """Let Stripe issue and take the renewal that it kept back, unless that was done meanwhile."""
    service, invoice_id = stripe_service(), call.terms["invoice_id"]
    try:
        service.issue_invoice(invoice_id=invoice_id, by_itself=True, key=f"{call.id}:issue")
    except StripeRefused:
        if service.fetch_invoice(invoice_id=invoice_id).status == "draft":
            raise


def _not_at_stripe(call: StripeCall, now: datetime, *, ended: bool) -> StripeCall:
    """The subscription ended before its usage was asked for: it is invoiced here, once. Or it has lapsed: it stays owed."""
    actor, terms = system_actor(cluster_id=call.cluster_id), call.terms
    with tenant(call.cluster_id):
        subscription = lock_subscription(actor=actor, subscription_id=subject_of(call))
        if lock_call(cluster_id=call.cluster_id, call_id=call.id).finished_at is not None:
            return call
        if not ended:
            owe_later(call=call, subscription=subscription)
            return end_call(cluster_id=call.cluster_id, call_id=call.id, state=CallState.DROPPED, now=now)
        period = Period(datetime.fromisoformat(terms["start"]), datetime.fromisoformat(terms["end"]))
        lines = overage_again(subscription=subscription, items=terms["items"], period=period)
        generate_invoice(actor=actor, subscription=subscription, lines=lines, now=now)
        return finish_call(call, now)
