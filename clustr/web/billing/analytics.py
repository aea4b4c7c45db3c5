"""`/api/v1/billing/analytics/` and `journal/`: how the sale of plans goes, for the platform's staff. Defined in docs/analytics.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from django.http import HttpResponse, StreamingHttpResponse
from ninja import Query, Router
from pydantic import Field

from clustr.kit.money import Money
from clustr.subscriptions import behaviour_queries as behaviour
from clustr.subscriptions import revenue_queries as revenue
from clustr.subscriptions.figures import MonthOfRevenue
from clustr.subscriptions.journal_queries import JournalLine, journal_lines
from clustr.web.billing.customers import as_customer
from clustr.web.billing.plans import PERSONAL
from clustr.web.billing.schemas import Minor
from clustr.web.csv_answers import csv_answer
from clustr.web.door import Request, read, read_value
from clustr.web.schemas import In, Instant, Out

router = Router(tags=["Platform"])

_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
Share = Annotated[str | None, Field(examples=["0.0500"], description="Null where there is nothing to be a share of.")]
ALSO_CSV: dict[str, Any] = PERSONAL | {
    "responses": {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}},
}


class Form(StrEnum):
    JSON = "json"
    CSV = "csv"


class AnalyticsQuery(In):
    months: Annotated[int, Field(ge=1, le=revenue.MOST_MONTHS)] = Field(
        12, description="How many months, the present one counted."
    )
    format: Form = Form.JSON


class Table(StrEnum):
    """What else is told, each as a table."""

    COHORTS = "cohorts"
    USAGE = "usage"
    ADOPTION = "adoption"
    AT_RISK = "at_risk"
    CANCELLATIONS = "cancellations"


class RevenueMonthOut(Out):
    """`mrr_end` = `mrr_start` + `new` + `reactivation` + `expansion` - `contraction` - `churn`, exactly."""

    month: date
    currency: str
    mrr_start: Minor
    new: Minor
    expansion: Minor
    contraction: Minor
    churn: Minor
    reactivation: Minor
    mrr_end: Minor
    committed_mrr: Minor
    arr: Minor
    customers_start: int
    customers_new: int
    customers_churned: int
    customers_reactivated: int
    customers_end: int
    gross_churn: Share
    net_churn: Share
    net_revenue_retention: Share
    customer_churn: Share
    revenue_per_customer: Minor | None
    lifetime_value: Minor | None


class StandingOut(Out):
    currency: str
    mrr: Minor
    committed_mrr: Minor
    customers: int
    trials: int
    committed_trials: int
    trial_mrr: Minor
    past_due_mrr: Minor


class AnalyticsOut(Out):
    now: list[StandingOut]
    months: list[RevenueMonthOut]


class TableOut(Out):
    """`rows` hold a text for each of `columns`; amounts in minor units, shares as decimals, "" for what is not known."""

    columns: list[str]
    rows: list[list[str]]


class JournalQuery(In):
    since: Instant | None = Field(None, alias="from", description="From this instant on; absent: from the beginning.")
    until: Instant | None = Field(None, alias="to", description="Before this instant; absent: until now.")


@router.get("analytics/", response=AnalyticsOut, summary="Revenue", openapi_extra=ALSO_CSV)
def get_analytics(request: Request, query: Query[AnalyticsQuery]) -> HttpResponse | StreamingHttpResponse:
    """Recurring revenue now and month by month, how it moved, and what follows. For platform staff."""
    as_customer(request)

    def months() -> list[RevenueMonthOut]:
        found = revenue.revenue_by_month(actor=request.actor, months=query.months, now=request.now)
        return [_month_out(one) for one in found]

    def now() -> list[StandingOut]:
        found = revenue.revenue_now(actor=request.actor)
        return [StandingOut(**{name: getattr(one, name) for name in StandingOut.model_fields}) for one in found]

    if query.format is Form.CSV:
        columns = list(RevenueMonthOut.model_fields)
        return _csv(
            request, "revenue", columns, lambda: [[_text(getattr(row, c)) for c in columns] for row in months()]
        )
    return read(request, lambda: AnalyticsOut(now=now(), months=months()))


@router.get("analytics/{table}/", response=TableOut, summary="Customers", openapi_extra=ALSO_CSV)
def get_analytics_table(
    request: Request, table: Table, query: Query[AnalyticsQuery]
) -> HttpResponse | StreamingHttpResponse:
    """Cohorts, usage by month, adoption of features, subscriptions at risk, and why customers go. For platform staff."""
    as_customer(request)
    columns, rows = TABLES[table]

    def work() -> list[list[str]]:
        return [[_text(cell) for cell in row] for row in rows(request, query.months)]

    if query.format is Form.CSV:
        return _csv(request, table.value, columns, work)
    return read(request, lambda: TableOut(columns=columns, rows=work()))


@router.get("journal/", response=str, summary="The journal as CSV", openapi_extra=ALSO_CSV)
def export_journal(request: Request, query: Query[JournalQuery]) -> StreamingHttpResponse:
    """Every transfer of the platform's books as a debit and a credit, in major units; over all time the totals of an
    account are those of the trial balance. For platform staff."""
    as_customer(request)

    def fetch(after: tuple[datetime, UUID] | None, limit: int) -> list[JournalLine]:
        return journal_lines(
            actor=request.actor,
            since=query.since or _BEGINNING,
            until=query.until or request.now + timedelta(microseconds=1),
            after=after,
            transfers=limit // 2,
        )

    return csv_answer(
        request,
        name="journal",
        header=["date", "account", "subject", "currency", "debit", "credit", "reference", "kind", "transfer"],
        fetch=fetch,
        key=lambda line: (line.at, line.transfer_id),
        row=_journal_row,
    )


def _journal_row(line: JournalLine) -> list[str]:
    def major(minor: int) -> str:
        return str(Money(minor, line.currency)) if minor else ""

    return [
        *(line.at.isoformat(), line.account, line.subject, line.currency, major(line.debit), major(line.credit)),
        *(line.reference, line.kind, str(line.transfer_id)),
    ]


def _month_out(month: MonthOfRevenue) -> RevenueMonthOut:
    worth, each = month.lifetime_value, month.revenue_per_customer
    shares = ("gross_churn", "net_churn", "net_revenue_retention", "customer_churn")
    given = {*shares, "lifetime_value", "revenue_per_customer"}
    return RevenueMonthOut(
        **{name: getattr(month, name) for name in RevenueMonthOut.model_fields if name not in given},
        **{name: _share(getattr(month, name)) for name in shares},
        lifetime_value=worth.minor if worth else None,
        revenue_per_customer=each.minor if each else None,
    )


def _share(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:.4f}"


def _cohorts(request: Request, months: int) -> Sequence[Sequence[Any]]:
    return [
        (one.cohort, one.currency, one.age, one.began, one.customers, one.retention, one.mrr)
        for one in revenue.cohorts(actor=request.actor, months=months, now=request.now)
    ]


def _usage(request: Request, months: int) -> Sequence[Sequence[Any]]:
    found = behaviour.usage_trends(actor=request.actor, since=_since(request, months))
    return [(one.month, one.feature, one.used, one.subscriptions) for one in found]


def _adoption(request: Request, months: int) -> Sequence[Sequence[Any]]:  # noqa: ARG001 - as the others
    found = behaviour.feature_adoption(actor=request.actor)
    return [(one.plan, one.feature, one.users, one.subscriptions, one.share) for one in found]


def _at_risk(request: Request, months: int) -> Sequence[Sequence[Any]]:  # noqa: ARG001 - as the others
    return [
        (
            *(one.subscription_id, one.user_id, one.plan, one.status, one.currency, one.monthly, one.period_end),
            " ".join(one.reasons),
        )
        for one in behaviour.at_risk(actor=request.actor, now=request.now)
    ]


def _cancellations(request: Request, months: int) -> Sequence[Sequence[Any]]:
    found = behaviour.cancellation_reasons(actor=request.actor, since=_since(request, months))
    return [(one.reason, one.currency, one.customers, one.monthly, one.kept) for one in found]


Rows = Callable[[Request, int], Sequence[Sequence[Any]]]
TABLES: dict[Table, tuple[list[str], Rows]] = {
    Table.COHORTS: (["cohort", "currency", "age", "began", "customers", "retention", "mrr"], _cohorts),
    Table.USAGE: (["month", "feature", "used", "subscriptions"], _usage),
    Table.ADOPTION: (["plan", "feature", "users", "subscriptions", "share"], _adoption),
    Table.AT_RISK: (
        ["subscription", "user", "plan", "status", "currency", "monthly", "period_end", "reasons"],
        _at_risk,
    ),
    Table.CANCELLATIONS: (["reason", "currency", "customers", "monthly", "kept"], _cancellations),
}


def _since(request: Request, months: int) -> datetime:
    return request.now - timedelta(days=31 * months)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    if isinstance(cell, Decimal):
        return f"{cell:f}"
    return cell.isoformat() if isinstance(cell, date) else str(cell)


def _csv(
    request: Request, name: str, columns: Sequence[str], work: Callable[[], list[list[str]]]
) -> StreamingHttpResponse:
    """The whole table, read once."""
    rows = list(enumerate(read_value(request, work), 1))
    return csv_answer(
        request,
        name=name,
        header=columns,
        fetch=lambda after, limit: rows[after or 0 : (after or 0) + limit],
        key=lambda row: row[0],
        row=lambda row: row[1],
    )
