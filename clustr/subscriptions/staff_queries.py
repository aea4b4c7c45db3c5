"""Every customer's subscriptions and documents, for the platform's staff."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID

from django.db.models import Q

from clustr.kit.actor import Actor
from clustr.kit.tenancy import tenant
from clustr.payments.case_queries import CasesFound, cases_here
from clustr.payments.types import CaseView
from clustr.people import queries as people
from clustr.subscriptions import queries
from clustr.subscriptions.document_queries import Document, given_back_of
from clustr.subscriptions.models import Coupon, Invoice, InvoiceLine, Subscription, SubscriptionPlan
from clustr.subscriptions.refusals import InvoiceNotFound

CouponRow: TypeAlias = Coupon
"""For type annotations of those who read coupons."""


@dataclass(frozen=True, slots=True)
class CustomerFilter:
    """Which customers: by id, or by the address they sign in with; and in which status. None: all."""

    user_id: UUID | None = None
    email: str | None = None
    status: str | None = None

    def as_terms(self, actor: Actor) -> dict[str, Any] | None:
        """What rows must have; None where the address is nobody's."""
        terms: dict[str, Any] = {"cluster_id": actor.cluster_id}
        if self.user_id is not None:
            terms["user_id"] = self.user_id
        if self.status is not None:
            terms["status"] = self.status
        if self.email is not None:
            found = people.find_by_email(email=self.email)
            if found is None or terms.setdefault("user_id", found) != found:
                return None
        return terms


@dataclass(frozen=True, slots=True)
class CustomerSubscription:
    """A subscription and the code of its plan."""

    subscription: Subscription
    plan: str


def customer_subscriptions(
    *, actor: Actor, chosen: CustomerFilter, before: UUID | None, limit: int
) -> list[CustomerSubscription]:
    """Customers' subscriptions, newest first. For platform staff."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        terms = chosen.as_terms(actor)
        if terms is None:
            return []
        found = Subscription.objects.filter(**terms, **({"id__lt": before} if before else {})).order_by("-id")
        shown = list(found[:limit])
        plans = SubscriptionPlan.objects.filter(cluster_id=actor.cluster_id, id__in={one.plan_id for one in shown})
        codes = dict(plans.values_list("id", "code"))
    return [CustomerSubscription(one, codes[one.plan_id]) for one in shown]


def coupons_of_platform(*, actor: Actor, q: str = "", before: UUID | None = None, limit: int = 50) -> list[CouponRow]:
    """Every coupon, newest first; `q`: those that have it in their code or name. For platform staff."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        made = Coupon.objects.filter(cluster_id=actor.cluster_id, **({"id__lt": before} if before else {}))
        if q.strip():
            made = made.filter(Q(code__icontains=q.strip()) | Q(name__icontains=q.strip()))
        return list(made.order_by("-id")[:limit])


def customer_documents(
    *, actor: Actor, chosen: CustomerFilter, number: str | None, q: str = "", before: UUID | None, limit: int
) -> list[Document]:
    """Customers' invoices and credit notes, newest first; `number`: of one document alone; those with `q` in their number. For
    platform staff."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        terms = chosen.as_terms(actor)
        if terms is None:
            return []
        if number is not None:
            terms["invoice_number"] = number.strip().upper()
        if q:
            terms["invoice_number__icontains"] = q
        shown = list(Invoice.objects.filter(**terms, **({"id__lt": before} if before else {})).order_by("-id")[:limit])
        lines: defaultdict[UUID, list[InvoiceLine]] = defaultdict(list)
        ids = [invoice.id for invoice in shown]
        for line in InvoiceLine.objects.filter(cluster_id=actor.cluster_id, invoice_id__in=ids).order_by("n"):
            lines[line.invoice_id].append(line)
        back = given_back_of(shown)
    return [Document(invoice, lines[invoice.id], back[invoice.id]) for invoice in shown]


def customer_document(*, actor: Actor, invoice_id: UUID) -> Document:
    """One invoice or credit note of any customer. For platform staff. Refuses `InvoiceNotFound`."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        found = Invoice.objects.filter(cluster_id=actor.cluster_id, id=invoice_id).first()
        if found is None:
            raise InvoiceNotFound
        lines = InvoiceLine.objects.filter(cluster_id=actor.cluster_id, invoice_id=invoice_id)
        return Document(found, list(lines.order_by("n")), given_back_of([found])[invoice_id])


def staff_cases(
    *,
    actor: Actor,
    only_open: bool = True,
    case_id: UUID | None = None,
    found: CasesFound | None = None,
    before: UUID | None = None,
    limit: int = 50,
) -> list[CaseView]:
    """What a person of the platform's staff has to look at, newest first: disputes, refunds that failed, and what no rule decides
    about plans by card; those that are `found` alone where something is looked for. For platform staff."""
    actor.require(queries.STAFF)
    with tenant(actor.cluster_id):
        return cases_here(
            cluster_id=actor.cluster_id, only_open=only_open, case_id=case_id, found=found, before=before, limit=limit
        )
