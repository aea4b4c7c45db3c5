"""`/api/v1/billing/usage/report/`: what was used, day by day."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.subscriptions.document_queries import current_subscription
from clustr.subscriptions.usage_queries import UsageOfDay, generate_usage_report
from clustr.web.billing.customers import as_customer
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import EstateQuery
from clustr.web.csv_answers import csv_answer
from clustr.web.door import Request, read, read_value
from clustr.web.schemas import Instant, Out

router = Router(tags=["Subscription"])
ALSO_CSV: dict[str, Any] = PERSONAL | {"responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}}


class Form(StrEnum):
    JSON = "json"
    CSV = "csv"


class ReportQuery(EstateQuery):
    since: Instant | None = Field(
        None, alias="from", description="Billing periods that began from then on; absent: the one under way."
    )
    until: Instant | None = Field(None, alias="to", description="Before this instant; absent: until now.")
    format: Form = Form.JSON


class DayOut(Out):
    """`used`: units, as a decimal; of a level, by how much it changed."""

    day: str
    feature_type: str
    used: str
    events: int


class ReportOut(Out):
    period_start: datetime
    results: list[DayOut]


@router.get("usage/report/", response=ReportOut, summary="My usage by day", openapi_extra=ALSO_CSV)
def report_my_usage(request: Request, query: Query[ReportQuery]) -> HttpResponse | StreamingHttpResponse:
    """Of the billing periods that began in [from, to). Refuses with `subscription_not_found`."""
    as_customer(request)

    def work() -> ReportOut:
        held = current_subscription(actor=request.actor, for_cluster_id=query.cluster_id)
        since = query.since or held.current_period_start
        days = generate_usage_report(
            actor=request.actor, subscription_id=held.id, since=since, until=query.until or request.now
        )
        return ReportOut(period_start=since, results=[_day_out(day) for day in days])

    if query.format is Form.JSON:
        return read(request, work)
    rows = list(enumerate(read_value(request, work).results, 1))
    return csv_answer(
        request,
        name="usage",
        header=["day", "feature", "used", "events"],
        fetch=lambda after, limit: rows[after or 0 : (after or 0) + limit],
        key=lambda row: row[0],
        row=lambda row: [row[1].day, row[1].feature_type, row[1].used, str(row[1].events)],
    )


def _day_out(day: UsageOfDay) -> DayOut:
    return DayOut(day=day.day, feature_type=day.feature, used=f"{day.amount.normalize():f}", events=day.events)
