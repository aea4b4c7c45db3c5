"""The platform's customers, for its staff."""

from __future__ import annotations

from typing import Annotated

from django.http import HttpResponse
from pydantic import Field

from clustr.subscriptions.customer_queries import customers_of_platform
from clustr.subscriptions.states import SubscriptionStatus
from clustr.web.actors import Request
from clustr.web.pages.frame import Context, look
from clustr.web.pages.office.lists import asked, listed
from clustr.web.pages.platform import words
from clustr.web.pages.platform.frame import customer_page
from clustr.web.paging import PageQuery, by_id, last_id
from clustr.web.schemas import Text


class CustomersQuery(PageQuery):
    q: Annotated[str, Text(100, empty=True)] = Field("")
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
