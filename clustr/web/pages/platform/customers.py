"""The platform's customers, for its staff: all of them, one with their whole story, who is at risk, and who is chased."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse

from clustr.people import queries as people
from clustr.subscriptions.behaviour_queries import at_risk as subscriptions_at_risk
from clustr.subscriptions.customer_queries import customers_of_platform
from clustr.subscriptions.queries import plan_names
from clustr.subscriptions.staff_queries import CustomerFilter, customer_documents
from clustr.subscriptions.states import SubscriptionStatus
from clustr.subscriptions.story_queries import invoices_chased, story_of_customer
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page
from clustr.web.pages.platform.searching import SoughtQuery
from clustr.web.pages.platform.words import happened_words
from clustr.web.paging import by_id, last_id, position


class CustomersQuery(SoughtQuery):
    status: SubscriptionStatus | None = None


@customer_page(staff=True)
def customers(request: Request) -> HttpResponse:
    """GET /platform/customers/: who has which plan and how it stands, newest first. For platform staff."""
    query = asked(request, CustomersQuery)

    def work() -> Context:
        rows = customers_of_platform(
            actor=request.actor, q=query.q, status=query.status, before=last_id(request, query), limit=query.fetch
        )
        return {
            **listed(request, query, rows, key=lambda row: by_id(row.subscription_id)),
            "query": query,
            "statuses": [(status.value, words.STANDING[status][0]) for status in SubscriptionStatus],
        }

    return look(request, "pages/platform/customers.html", work, part="pages/platform/parts/customers_rows.html")


@customer_page(staff=True)
def customer(request: Request, user_id: UUID) -> HttpResponse:
    """GET /platform/customers/{id}/: one customer's whole story, and what can be done for them. For platform staff."""
    query = asked(request, SoughtQuery)

    def work() -> Context:
        documents = customer_documents(
            actor=request.actor,
            chosen=CustomerFilter(user_id=user_id),
            number=None,
            q=query.q,
            before=last_id(request, query),
            limit=query.fetch,
        )
        story = story_of_customer(actor=request.actor, user_id=user_id)
        return {
            **listed(request, query, documents, key=lambda row: by_id(row.invoice.id)),
            "query": query,
            "story": story,
            "names": plan_names(),
            "happened": [(one, *happened_words(one.kind, one.reason)) for one in story.happened],
            "running": next((one for one in story.subscriptions if one.subscription.ended_at is None), None),
            "mine": user_id == request.actor.user_id,
        }

    return look(request, "pages/platform/customer.html", work, part="pages/platform/parts/documents_rows.html")


@customer_page(staff=True)
def at_risk(request: Request) -> HttpResponse:
    """GET /platform/at-risk/: subscriptions that may be lost, those that bring most first, and why. For platform staff."""
    query = asked(request, SoughtQuery)

    def work() -> Context:
        rows = subscriptions_at_risk(
            actor=request.actor, now=request.now, q=query.q, after=_at_risk_after(request, query), limit=query.fetch
        )
        return {
            **listed(request, query, rows, key=lambda row: (f"{row.currency}{row.monthly}", row.subscription_id)),
            "query": query,
            "plans": plan_names(),
            "names": people.names_of(user_ids={row.user_id for row in rows}),
        }

    return look(request, "pages/platform/at_risk.html", work, part="pages/platform/parts/at_risk_rows.html")


def _at_risk_after(request: Request, query: SoughtQuery) -> tuple[str, int, UUID] | None:
    """Currency, monthly amount and id of the row after which to read; None: the first page."""
    where = position(request, query, (str, UUID))
    return (where[0][:3], int(where[0][3:]), where[1]) if where else None


@customer_page(staff=True)
def dunning(request: Request) -> HttpResponse:
    """GET /platform/dunning/: overdue invoices, the oldest first, and how far each is chased. For platform staff."""
    query = asked(request, SoughtQuery)

    def work() -> Context:
        rows = invoices_chased(
            actor=request.actor, now=request.now, q=query.q, after=last_id(request, query), limit=query.fetch
        )
        return {**listed(request, query, rows, key=lambda row: by_id(row.invoice_id)), "query": query}

    return look(request, "pages/platform/dunning.html", work, part="pages/platform/parts/dunning_rows.html")
