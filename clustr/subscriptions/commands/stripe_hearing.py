"""Hearing of something at Stripe: a notice, a sweep, a night. Whatever it was, the truth is asked for and followed."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import structlog
from django.db.models import Q

from clustr.clusters.queries import system_actor
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.errors import Refusal
from clustr.kit.going_on import GoingOn
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.payments.providers.nouns import Notice
from clustr.subscriptions.commands.persons import answer_for_a_person, ask_a_person
from clustr.subscriptions.commands.renewing import warn_of_trial_end
from clustr.subscriptions.commands.stripe_documents import SETTLED
from clustr.subscriptions.commands.stripe_mirroring import follow_subscription
from clustr.subscriptions.commands.stripe_returns import follow_returns
from clustr.subscriptions.commands.stripe_running import UNHEARD, ask_stripe
from clustr.subscriptions.models import (
    Dispute,
    Invoice,
    Payment,
    Refund,
    StripeCall,
    StripeObject,
    StripeReconciliation,
    Subscription,
)
from clustr.subscriptions.states import (
    DISPUTED,
    Act,
    CallState,
    DisputePlace,
    InvoiceStatus,
    PaymentStatus,
    RefundStatus,
    StripeKind,
    SubscriptionStatus,
)
from clustr.subscriptions.vendors.nouns import StripeKnowsNot, StripeRefused
from clustr.subscriptions.vendors.registry import stripe_is_on, stripe_service

log = structlog.get_logger(__name__)

_RETURNS = ("pi_", "ch_", "py_", "cn_")
LOOKED_AT_WITHIN = timedelta(days=7)
"""Of a subscription that Stripe told nothing about for so long, it is asked anyway."""
LISTED_WITHIN = timedelta(hours=1)
"""What was made at Stripe may be listed, and stand on its clock, so much later."""
UNHEARD_FOR = timedelta(days=3)
"""When a person is asked, if no night heard of everything for so long."""
_COUNTED = ("followed", "strange", "unheard", "returned")
COMES_BACK_WITHIN = timedelta(days=60)
"""A refund that succeeded may fail at the card's bank for so long."""


def read_stripe_notice(*, raw_body: bytes, headers: object, now: datetime) -> Notice:
    """A delivery of Stripe's, its signature checked. Refuses `NoticeRefused`, and `ProviderNotAvailable` without keys."""
    return stripe_service().handle_webhook(raw_body=raw_body, headers=headers, now=now)  # type: ignore[arg-type]


def hear_stripe(*, about: str, now: datetime, cluster_id: UUID = PLATFORM_CLUSTER_ID) -> bool:
    """Something happened to this subscription, page, invoice, customer or payment: look at all it may have changed. Answers whether
    it concerns us. Raises as `StripeService` does; harmless to repeat."""
    if about.startswith("cs_"):
        return _hear_page(cluster_id, about, now)
    if about.startswith(_RETURNS):
        return hear_return(cluster_id=cluster_id, about=about, now=now)
    if about.startswith("in_"):
        try:
            about = stripe_service().subscription_of_invoice(invoice_id=about)
        except StripeKnowsNot:
            return False
    if about.startswith("cus_"):
        return _hear_customer(cluster_id, about, now)
    if not about.startswith("sub_"):
        return False
    heard = _followed(cluster_id, about, now)
    if heard:
        _warn_of_trial(cluster_id, about, now)
        _look_at_first_payment(cluster_id, about, now)
    return heard


def follow_ours(*, cluster_id: UUID, subscription_id: UUID, now: datetime) -> None:
    """The same for a subscription by our own id. For jobs: what is not heard is asked again by the next."""
    with tenant(cluster_id):
        mine = Subscription.objects.filter(cluster_id=cluster_id, id=subscription_id)
        told = mine.values_list("stripe_subscription_id", flat=True).first()
    if told and stripe_is_on():
        _followed(cluster_id, told, now)


def _followed(cluster_id: UUID, stripe_subscription_id: str, now: datetime) -> bool:
    try:
        return follow_subscription(cluster_id=cluster_id, stripe_subscription_id=stripe_subscription_id, now=now)
    except StripeKnowsNot:
        return False


def _warn_of_trial(cluster_id: UUID, stripe_subscription_id: str, now: datetime) -> None:
    with tenant(cluster_id):
        mine = Subscription.objects.filter(cluster_id=cluster_id, stripe_subscription_id=stripe_subscription_id)
        found = mine.values_list("id", flat=True).first()
    if found is not None:
        warn_of_trial_end(actor=system_actor(cluster_id=cluster_id), subscription_id=found, now=now)


def _look_at_first_payment(cluster_id: UUID, stripe_subscription_id: str, now: datetime) -> None:
    """What was begun with a saved card, and waited for its holder, may have been paid or given up."""
    with tenant(cluster_id):
        waits = StripeCall.objects.filter(
            cluster_id=cluster_id, stripe_id=stripe_subscription_id, act=Act.SUBSCRIBE, state=CallState.WAITING
        )
        found = waits.values_list("id", flat=True).first()
    if found is not None:
        _ask(cluster_id, found, now)


def _hear_page(cluster_id: UUID, session_id: str, now: datetime) -> bool:
    with tenant(cluster_id):
        calls = StripeCall.objects.filter(cluster_id=cluster_id, stripe_id=session_id)
        call = calls.first()
    if call is None:
        return _hear_unknown_page(cluster_id, session_id, now)
    if call.state == CallState.WAITING:
        _ask(cluster_id, call.id, now)
    return True


def _hear_unknown_page(cluster_id: UUID, session_id: str, now: datetime) -> bool:
    """A page whose making we did not hear of: by what it brought, and by asking the request that made it again."""
    try:
        session = stripe_service().fetch_session(session_id=session_id)
    except StripeKnowsNot:
        return False
    if not session.customer_id:
        return False
    ours = _hear_customer(cluster_id, session.customer_id, now)
    with tenant(cluster_id):
        waits = StripeCall.objects.filter(cluster_id=cluster_id, state=CallState.RECORDED)
        owner = Q(subscription_id=_uuid(session.reference)) | Q(id=_uuid(session.reference))
        found = list(waits.filter(owner).values_list("id", flat=True))
    for call_id in found:
        _ask(cluster_id, call_id, now)
    return ours


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def hear_return(*, cluster_id: UUID, about: str, now: datetime) -> bool:
    """Something went back of this payment or invoice, or by this credit note: look at all that did of the invoice. Answers
    whether it is ours; of one that we have not heard of yet, its customer is looked at first."""
    service = stripe_service()
    try:
        if about.startswith("cn_"):
            about = service.invoice_of_credit_note(note_id=about)
        found = _returned(cluster_id, about)
        if found is None and about.startswith("in_"):
            _followed(cluster_id, service.subscription_of_invoice(invoice_id=about), now)
        elif found is None:
            _hear_customer(cluster_id, service.customer_of_payment(payment_id=about), now)
    except StripeKnowsNot:
        return False
    found = found or _returned(cluster_id, about)
    if found is not None:
        follow_returns(cluster_id=cluster_id, invoice_id=found, now=now)
    return found is not None


def _returned(cluster_id: UUID, about: str) -> UUID | None:
    """Our invoice, by its own name at Stripe or by that of a payment of it."""
    with tenant(cluster_id):
        invoices = Invoice.objects.filter(cluster_id=cluster_id, stripe_invoice_id=about)
        payments = Payment.objects.filter(cluster_id=cluster_id, stripe_payment_intent_id=about)
        return (
            invoices.values_list("id", flat=True).first()
            or payments.filter(status=PaymentStatus.SUCCEEDED).values_list("invoice_id", flat=True).first()
        )


def _hear_customer(cluster_id: UUID, customer_id: str, now: datetime) -> bool:
    with tenant(cluster_id):
        ours = StripeObject.objects.filter(
            cluster_id=cluster_id, kind=StripeKind.CUSTOMER, stripe_id=customer_id
        ).exists()
    if not ours:
        return False
    for told in stripe_service().list_subscriptions(customer_id=customer_id):
        _followed(cluster_id, told.id, now)
    return True


def _ask(cluster_id: UUID, call_id: UUID, now: datetime) -> None:
    """Ask for a request that waits; that it is refused is its own end, and no concern of who tells of it."""
    try:
        ask_stripe(cluster_id=cluster_id, call_id=call_id, now=now)
    except Refusal:
        log.info("stripe_call_not_done", call=str(call_id))


def ask_due_calls(*, due: list[tuple[UUID, UUID]], now: datetime) -> None:
    """Ask each of these requests again; outside any transaction."""
    if not stripe_is_on():
        return
    for cluster_id, call_id in due:
        _ask(cluster_id, call_id, now)


def reconcile_subscriptions(
    *, since: datetime, now: datetime, cluster_id: UUID = PLATFORM_CLUSTER_ID
) -> dict[str, int]:
    """Find what no notice told: whatever was made, invoiced or given back at Stripe since then, and every subscription of ours that
    should have been heard of. Outside any transaction. It begins where complete comparisons ended, if that is before
    `since`: days without a worker, or on which something was not heard, leave no hole. Answers how many were followed, and how
    many are not ours. What fails by a defect stops none after it, and is raised at the end."""
    if not stripe_is_on():
        return dict.fromkeys(_COUNTED, 0)
    with tenant(cluster_id):
        ended = _compared_until(cluster_id)
    complete = False
    try:
        counts = _compare(cluster_id, min(since, ended or since), now)
        complete = not counts["unheard"]
    finally:
        _tell_of_nights(cluster_id, complete, ended, now)
    return counts


def _compare(cluster_id: UUID, since: datetime, now: datetime) -> dict[str, int]:
    service, counts = stripe_service(), dict.fromkeys(_COUNTED, 0)
    made = [told.id for told in service.list_subscriptions(since=since)]
    with GoingOn() as going_on:
        for about in dict.fromkeys([*made, *service.invoices_since(since=since), *_quiet(cluster_id, now)]):
            with going_on.past(about=about):
                try:
                    ours = _followed(cluster_id, about, now)
                    counts["followed" if ours else "strange"] += 1
                except (*UNHEARD, StripeRefused) as error:
                    log.warning("stripe_not_heard", about=about, why=repr(error))
                    counts["unheard"] += 1
        for about in dict.fromkeys([*service.returned_since(since=since), *_undecided(cluster_id, now)]):
            with going_on.past(about=about):
                try:
                    counts["returned"] += hear_return(cluster_id=cluster_id, about=about, now=now)
                except (*UNHEARD, StripeRefused) as error:
                    log.warning("stripe_not_heard", about=about, why=repr(error))
                    counts["unheard"] += 1
        if counts["strange"]:
            log.warning("stripe_subscriptions_not_ours", count=counts["strange"])
        complete = not (counts["unheard"] or going_on.failed)
        _keep(StripeReconciliation(cluster_id=cluster_id, since=since, at=now, complete=complete, **counts))
    return counts


def _quiet(cluster_id: UUID, now: datetime) -> list[str]:
    """The subscriptions of which something may have happened that nobody told: those that run and are late, owe, or were not
    heard of for long; and whichever has an invoice that Stripe may still take, also when it has ended: until it is paid or
    void there."""
    with tenant(cluster_id):
        invoices = Invoice.objects.filter(
            cluster_id=cluster_id, status__in=(InvoiceStatus.OPEN, InvoiceStatus.UNCOLLECTIBLE)
        )
        payable = invoices.exclude(stripe_invoice_id="").exclude(stripe_status__in=SETTLED)
        late = Q(current_period_end__lt=now - timedelta(hours=2)) | Q(stripe_seen_at__lt=now - LOOKED_AT_WITHIN)
        owing = Q(status__in=(SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID, SubscriptionStatus.INCOMPLETE))
        asked = (Q(ended_at=None) & (late | owing)) | Q(id__in=payable.values("subscription_id"))
        mine = Subscription.objects.filter(asked, cluster_id=cluster_id).exclude(stripe_subscription_id="")
        return list(mine.order_by("id").values_list("stripe_subscription_id", flat=True))


def _tell_of_nights(cluster_id: UUID, complete: bool, ended: datetime | None, now: datetime) -> None:
    """Where something was not heard night after night, a person looks what it is; until a night hears of everything. `ended`: up
    to when everything was compared before."""
    with tenant(cluster_id):
        if complete:
            answer_for_a_person(what="nights_unheard", about="stripe", note="A night heard of everything", now=now)
        elif ended is not None and now - ended >= UNHEARD_FOR:
            ask_a_person(what="nights_unheard", about="stripe", facts={"since": f"{ended:%Y-%m-%d}"}, now=now)


def _compared_until(cluster_id: UUID) -> datetime | None:
    """Up to when everything at Stripe was compared; where it never was, when we first had something there."""
    complete = StripeReconciliation.objects.filter(cluster_id=cluster_id, complete=True)
    ended = complete.order_by("-until").values_list("until", flat=True).first()
    if ended is not None:
        return ended
    ours = StripeObject.objects.filter(cluster_id=cluster_id).order_by("made_at")
    return ours.values_list("made_at", flat=True).first()


def _keep(run: StripeReconciliation) -> None:
    with tenant(run.cluster_id):
        run.id, run.until = new_id(), run.at - LISTED_WITHIN
        run.save(force_insert=True)


def _undecided(cluster_id: UUID, now: datetime) -> list[str]:
    """The payments of which something is on its way back, or disputed, and not decided yet, or may still come back."""
    with tenant(cluster_id):
        pending = Q(status__in=(RefundStatus.PENDING, RefundStatus.REQUIRES_ACTION))
        recent = Q(status=RefundStatus.SUCCEEDED, made_at__gte=now - COMES_BACK_WITHIN)
        under_way = Refund.objects.filter(pending | recent, cluster_id=cluster_id)
        disputed = Dispute.objects.filter(Q(status__in=DISPUTED) | Q(place=DisputePlace.HELD), cluster_id=cluster_id)
        ids = {*under_way.values_list("payment_id", flat=True), *disputed.values_list("payment_id", flat=True)}
        payments = Payment.objects.filter(cluster_id=cluster_id, id__in=ids).order_by("id")
        return list(payments.values_list("stripe_payment_intent_id", flat=True))
