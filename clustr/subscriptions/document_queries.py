"""A customer's own documents and payments, and the subscription they have now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias, TypeVar
from uuid import UUID

from django.db.models import Q, QuerySet, Sum

from clustr.kit.actor import Actor
from clustr.kit.money import Money
from clustr.kit.tenancy import current_tenant, tenant
from clustr.subscriptions import queries
from clustr.subscriptions.models import (
    BillingAddress,
    Coupon,
    Invoice,
    InvoiceLine,
    Payment,
    PendingChange,
    StripeCall,
    Subscription,
    SubscriptionPlan,
)
from clustr.subscriptions.refusals import InvoiceNotFound, SubscriptionNotFound
from clustr.subscriptions.states import Act, CallState, Collection, InvoiceKind, InvoiceStatus
from clustr.subscriptions.usage_queries import FeatureUse, check_limits

PaymentRow: TypeAlias = Payment
AddressRow: TypeAlias = BillingAddress
CallRow: TypeAlias = StripeCall
CurrentRow: TypeAlias = Subscription
R = TypeVar("R", Invoice, Payment)
"""What the functions below answer, for whom it is only shown to."""


@dataclass(frozen=True, slots=True)
class CouponInForce:
    """A coupon that lowers invoices of a subscription, and until when; None: for ever, or once."""

    coupon: Coupon
    until: datetime | None


@dataclass(frozen=True, slots=True)
class CurrentSubscription:
    """What a customer has now: the plan, what waits for the end of the period, what was used, and their credit.
    `pending_plan`: the code of the plan that waits. `coupon`: what lowers its invoices now, if anything. `checkout_url`: Stripe's page,
    where the customer must act on it. `owes`: an invoice of it is overdue, so that no larger plan can be taken."""

    subscription: Subscription
    plan: SubscriptionPlan
    pending: PendingChange | None
    pending_plan: str
    usage: list[FeatureUse]
    credit: Money
    coupon: CouponInForce | None
    checkout_url: str
    owes: bool


@dataclass(frozen=True, slots=True)
class PlanOf:
    """Whose plan: that of the estate of this id, or one's own."""

    cluster_id: UUID | None


@dataclass(frozen=True, slots=True)
class GivenBack:
    """What went back of an invoice, in minor units: by credit notes; to the cards that paid it; and what its payers' banks have, or
    may yet take."""

    credited: int = 0
    refunded: int = 0
    disputed: int = 0

    @property
    def gone(self) -> int:
        """What of its payments is not here any more."""
        return self.refunded + self.disputed


@dataclass(frozen=True, slots=True)
class Document:
    """An invoice or a credit note with its lines."""

    invoice: Invoice
    lines: list[InvoiceLine]
    back: GivenBack


def current_subscription(*, actor: Actor, for_cluster_id: UUID | None = None) -> Subscription:
    """The subscription of who asks, for themself or for an estate: the one that runs, or else the one that ended last. Whoever
    has none for themself and names no estate means that of the only estate they have one for.

    Refuses `SubscriptionNotFound`.
    """
    with tenant(actor.cluster_id):
        mine = Subscription.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
        found = _latest(mine.filter(for_cluster_id=for_cluster_id))
        if for_cluster_id is None and (found is None or found.ended_at is not None):
            estates = list(mine.filter(ended_at=None).exclude(for_cluster_id=None)[:2])
            found = estates[0] if len(estates) == 1 else found
            if found is None and not estates:
                found = _latest(mine)
    if found is None:
        raise SubscriptionNotFound
    return found


def _latest(subscriptions: QuerySet[Subscription]) -> Subscription | None:
    """The one that runs, or else the one that ended last."""
    return subscriptions.filter(ended_at=None).first() or subscriptions.order_by("-ended_at", "-id").first()


def my_subscription(*, actor: Actor, for_cluster_id: UUID | None = None, now: datetime) -> CurrentSubscription:
    """The same with all that belongs to it. Refuses `SubscriptionNotFound`."""
    with tenant(actor.cluster_id):
        subscription = current_subscription(actor=actor, for_cluster_id=for_cluster_id)
        pending = queries.pending_change(subscription=subscription)
        return CurrentSubscription(
            subscription=subscription,
            plan=queries.plan_of(subscription=subscription),
            pending=pending,
            pending_plan=_code_of(pending) if pending else "",
            usage=check_limits(actor=actor, subscription_id=subscription.id),
            credit=_credit(subscription),
            coupon=_coupon(subscription, now),
            checkout_url=_checkout_url(subscription),
            owes=queries.is_owing(subscription=subscription, now=now),
        )


def _coupon(subscription: Subscription, now: datetime) -> CouponInForce | None:
    """Of a plan that ended, or never began, none counts any more."""
    if subscription.ended_at is not None:
        return None
    found = queries.redemption_in_force(subscription=subscription, at=now)
    return CouponInForce(found[1], found[0].ends_at) if found else None


def _credit(subscription: Subscription) -> Money:
    by_stripe = subscription.collection == Collection.STRIPE
    holder = queries.stripe_credit_holder(user_id=subscription.user_id) if by_stripe else subscription.user_id
    return queries.credit_of(user_id=holder, currency=subscription.currency)


def _checkout_url(subscription: Subscription) -> str:
    """Where the customer must act: the page on which they subscribe, or that of an invoice that could not be taken, the
    first one too of what a saved card was to begin, or of units whose card asks for its holder."""
    pages = StripeCall.objects.filter(
        cluster_id=subscription.cluster_id,
        subscription_id=subscription.id,
        act__in=(Act.CHECKOUT, Act.SUBSCRIBE, Act.PACK),
        state=CallState.WAITING,
    )
    page = pages.order_by("-id").values_list("url", flat=True).first()
    if page or subscription.collection != Collection.STRIPE:
        return page or ""
    owed = Invoice.objects.filter(
        cluster_id=subscription.cluster_id, subscription_id=subscription.id, status=InvoiceStatus.OPEN
    ).exclude(hosted_invoice_url="")
    return owed.order_by("due_date", "id").values_list("hosted_invoice_url", flat=True).first() or ""


def open_by_card(*, actor: Actor) -> list[Money]:
    """What stands open of who asks and is taken from a card as soon as they give or choose one, by currency."""
    return open_of(actor=actor)[0]


def open_of(*, actor: Actor) -> tuple[list[Money], list[Money]]:
    """What stands open of who asks, by currency: what is taken from a card as soon as they give or choose one, and what is
    paid in another way, such as by transfer."""
    with tenant(actor.cluster_id):
        mine = {"cluster_id": actor.cluster_id, "user_id": actor.member_id}
        running = Subscription.objects.filter(**mine, ended_at=None).exclude(stripe_subscription_id="")
        by_card = set(running.values_list("id", flat=True))
        sums: tuple[defaultdict[str, int], defaultdict[str, int]] = (defaultdict(int), defaultdict(int))
        for invoice in Invoice.objects.filter(**mine, status=InvoiceStatus.OPEN, kind=InvoiceKind.INVOICE):
            taken = bool(invoice.stripe_invoice_id) and invoice.subscription_id in by_card
            sums[0 if taken else 1][invoice.currency] += invoice.amount_due.minor
    by_card_sums, rest = ([Money(minor, code) for code, minor in sorted(each.items()) if minor] for each in sums)
    return by_card_sums, rest


def my_invoices(
    *, actor: Actor, before: UUID | None, limit: int, of: PlanOf | None = None, q: str = ""
) -> list[Document]:
    """The documents of who asks, newest first; `of`: of that plan alone; `q`: those whose number it is a part of."""
    with tenant(actor.cluster_id):
        mine = _of_plan(Invoice.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id), of)
        mine = mine.filter(invoice_number__icontains=q.strip()) if q.strip() else mine
        shown = list((mine.filter(id__lt=before) if before else mine).order_by("-id")[:limit])
        lines: defaultdict[UUID, list[InvoiceLine]] = defaultdict(list)
        ids = [invoice.id for invoice in shown]
        for line in InvoiceLine.objects.filter(cluster_id=actor.cluster_id, invoice_id__in=ids).order_by("n"):
            lines[line.invoice_id].append(line)
        back = given_back_of(shown)
    return [Document(invoice, lines[invoice.id], back[invoice.id]) for invoice in shown]


def _of_plan(rows: QuerySet[R], of: PlanOf | None) -> QuerySet[R]:
    if of is None:
        return rows
    held = Subscription.objects.filter(cluster_id=current_tenant(), for_cluster_id=of.cluster_id)
    return rows.filter(subscription_id__in=held.values("id"))


def given_back_of(invoices: Sequence[Invoice]) -> dict[UUID, GivenBack]:
    """What went back of each of these, in the tenant under way."""
    ids = [invoice.id for invoice in invoices]
    notes = Invoice.objects.filter(cluster_id=current_tenant(), corrects_id__in=ids).exclude(stripe_status="void")
    credited = {row["corrects_id"]: row["all"] for row in notes.values("corrects_id").annotate(all=Sum("total"))}
    paid = Payment.objects.filter(cluster_id=current_tenant(), invoice_id__in=ids).values("invoice_id")
    sums = paid.annotate(refunded=Sum("refunded_minor"), disputed=Sum("disputed_minor"))
    back = {row["invoice_id"]: (int(row["refunded"]), int(row["disputed"])) for row in sums}
    return {id: GivenBack(int(credited.get(id, 0)), *back.get(id, (0, 0))) for id in ids}


def invoice_by_number(*, actor: Actor, number: str) -> Invoice:
    """A document by its number, for platform staff. Refuses `InvoiceNotFound`."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        found = Invoice.objects.filter(cluster_id=actor.cluster_id, invoice_number=number.strip().upper()).first()
    if found is None:
        raise InvoiceNotFound
    return found


def my_payments(
    *, actor: Actor, before: UUID | None, limit: int, of: PlanOf | None = None, q: str = ""
) -> list[PaymentRow]:
    """The payments of who asks, newest first; `of`: for that plan alone; `q`: those that have it in the bank's reference or
    in the number of the invoice they paid."""
    with tenant(actor.cluster_id):
        mine = _of_plan(Payment.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id), of)
        if q.strip():
            numbered = Invoice.objects.filter(
                cluster_id=actor.cluster_id, user_id=actor.member_id, invoice_number__icontains=q.strip()
            )
            mine = mine.filter(Q(reference__icontains=q.strip()) | Q(invoice_id__in=numbered.values("id")))
        return list((mine.filter(id__lt=before) if before else mine).order_by("-id")[:limit])


def my_billing_address(*, actor: Actor) -> AddressRow | None:
    """Where the invoices of who asks are addressed to; None until they say."""
    with tenant(actor.cluster_id):
        return queries.billing_address(user_id=actor.member_id)


def my_other_addresses(*, actor: Actor) -> list[AddressRow]:
    """What else they gave, each once, the newest first; of the last 50."""
    with tenant(actor.cluster_id):
        kept = BillingAddress.objects.filter(cluster_id=actor.cluster_id, user_id=actor.member_id)
        shown: dict[tuple[str, ...], AddressRow] = {}
        for one in kept.order_by("-is_default", "-updated_at", "-id")[:50]:
            shown.setdefault((one.name, one.tax_id, one.line1, one.line2, one.city, one.postal_code, one.country), one)
        return [one for one in shown.values() if not one.is_default]


def _code_of(pending: PendingChange) -> str:
    plan = SubscriptionPlan.objects.filter(cluster_id=pending.cluster_id, id=pending.plan_id)
    return plan.values_list("code", flat=True).get()
