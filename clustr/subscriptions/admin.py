"""The platform's own tables for its staff to look at, `/platform/admin/`: Django's admin in unfold's dress. It only reads.

What changes money or a plan goes through commands, which keep the books and the trail; so nothing is written here, and each
page is read in one read-only transaction of the platform's own cluster: no estate's rows are within reach."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Any, ClassVar

from django.contrib.admin import display
from django.db import connection
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import SimpleTemplateResponse
from django.urls import reverse
from django.utils.formats import date_format
from django.utils.html import format_html_join
from unfold.admin import ModelAdmin
from unfold.sites import UnfoldAdminSite

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.money import DECIMALS, SIGNS, Money
from clustr.kit.tenancy import in_tenant
from clustr.subscriptions.models import (
    BillingAddress,
    ContractPrice,
    Coupon,
    Invoice,
    Payment,
    Subscription,
    SubscriptionPlan,
)

_LOOSER = {"script-src": ["'unsafe-eval'"], "style-src": ["'unsafe-inline'"]}
"""What unfold's pages need of the browser beyond our policy: Alpine evaluates its attributes, and some styles stand in line.
No page of residents or of an office is let do this."""


class StaffSite(UnfoldAdminSite):  # type: ignore[misc]  # unfold has no types
    """For the platform's staff; others hear that there is nothing."""

    site_title = site_header = "ClustR"
    index_title = "The platform's tables"

    def has_permission(self, request: HttpRequest) -> bool:
        return bool(request.user.is_active and getattr(request.user, "is_platform_staff", False))

    def admin_view(self, view: Callable[..., HttpResponse], *_: Any, **__: Any) -> Callable[..., HttpResponse]:
        def shown(request: HttpRequest, *args: Any, **named: Any) -> HttpResponse:
            if not request.user.is_authenticated:
                return redirect(f"{reverse('account_login')}?next={request.path}")
            if not self.has_permission(request):
                raise Http404
            if request.method not in ("GET", "HEAD"):
                return HttpResponseNotAllowed(["GET", "HEAD"])

            def looking() -> HttpResponse:
                with connection.cursor() as cursor:
                    cursor.execute("SET TRANSACTION READ ONLY")
                answer = view(request, *args, **named)
                return answer.render() if isinstance(answer, SimpleTemplateResponse) else answer

            answer = in_tenant(PLATFORM_CLUSTER_ID, looking)
            answer["Cache-Control"] = "no-store"
            answer._csp_update = _LOOSER  # type: ignore[attr-defined]  # as csp.decorators.csp_update does
            return answer

        return shown

    def index(self, *_: Any, **__: Any) -> Any:
        return HttpResponseRedirect(reverse("admin:subscriptions_subscription_changelist"))

    def login(self, *_: Any, **__: Any) -> Any:
        return HttpResponseRedirect(reverse("account_login"))

    def logout(self, *_: Any, **__: Any) -> Any:
        return HttpResponseRedirect(reverse("account_logout"))

    def password_change(self, *_: Any, **__: Any) -> Any:
        return HttpResponseRedirect(reverse("account_change_password"))

    def search(self, *_: Any, **__: Any) -> Any:
        raise Http404


class ReadOnly(ModelAdmin):  # type: ignore[misc]  # unfold has no types
    """A table to be looked at."""

    actions = None
    show_full_result_count = False
    list_per_page = 50
    ordering: ClassVar[tuple[str, ...]] = ("-id",)

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Where nothing is searched or left out, there is no more to show."""
        listed = super().get_changelist_instance(request)
        if not (listed.query or listed.has_active_filters):
            listed.full_result_count = listed.result_count
        return listed

    def get_fields(self, *_: Any, **__: Any) -> list[Shown]:
        """One row says what the list says: money as money, instants in UTC."""
        return _columns(self.model, [each.name for each in self.model._meta.fields if each.name != "cluster_id"])

    def get_readonly_fields(self, *_: Any, **__: Any) -> list[Shown]:
        return self.get_fields()

    def has_view_permission(self, *_: Any, **__: Any) -> bool:
        return True

    def has_module_permission(self, *_: Any, **__: Any) -> bool:
        return True

    def has_add_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_change_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def has_delete_permission(self, *_: Any, **__: Any) -> bool:
        return False

    def history_view(self, *_: Any, **__: Any) -> Any:
        raise Http404  # the trail tells what was done, and by whom


site = StaffSite(name="admin")

_SHOWN: dict[Any, dict[str, Any]] = {
    SubscriptionPlan: {
        "list_display": ("name", "code", "version", "currency", "price_monthly", "price_yearly", "is_active"),
        "list_filter": ("is_active", "code"),
    },
    Subscription: {
        "list_display": ("id", "user_id", "status", "interval", "currency", "price_minor", "current_period_end"),
        "list_filter": ("status", "interval", "currency"),
    },
    Invoice: {
        "list_display": (
            "invoice_number",
            "kind",
            "status",
            "currency",
            "total",
            "amount_paid",
            "issued_at",
            "due_date",
        ),
        "list_filter": ("status", "kind", "currency"),
        "search_fields": ("invoice_number",),
    },
    Payment: {
        "list_display": ("id", "status", "currency", "amount", "payment_method", "reference", "created_at"),
        "list_filter": ("status", "payment_method", "currency"),
        "search_fields": ("reference",),
    },
    Coupon: {
        "list_display": (
            "code",
            "name",
            "basis_points",
            "amount_minor",
            "currency",
            "duration",
            "redeemed",
            "is_active",
        ),
        "list_filter": ("is_active", "duration"),
        "search_fields": ("code", "name"),
    },
    ContractPrice: {
        "list_display": ("plan_code", "user_id", "interval", "currency", "price_minor", "starts_at", "ends_at")
    },
    BillingAddress: {"list_display": ("user_id", "name", "city", "country", "is_default")},
}

_MONEY = frozenset(
    {
        *("price_monthly", "price_yearly", "price_minor", "period_price_minor", "total", "amount", "amount_minor"),
        *(
            "amount_paid",
            "subtotal",
            "discount_amount",
            "tax_amount",
            "credit_applied",
            "surplus_minor",
            "refunded_minor",
        ),
        "disputed_minor",
    }
)
"""Columns in minor units, of the row's `currency`."""


Shown = str | Callable[[Any], str]


def _said(row: Any, column: str) -> str:
    """A column of a row in words: what it costs as money, instants in UTC, what is listed line by line."""
    value = getattr(row, column)
    match value:
        case None | "":
            return ""
        case int() if column in _MONEY:
            return Money(value, row.currency).with_sign() if row.currency else ""
        case datetime():
            return f"{date_format(value.astimezone(UTC), 'j M Y, H:i')} UTC"
        case dict() | list():
            return format_html_join("", "{}<br>", ((line,) for line in _LISTED.get(column, _lines)(row, value)))
    return str(value)


def _lines(_row: Any, value: Any) -> list[str]:
    if isinstance(value, list):
        return [str(each) for each in value]
    return [f"{key}: {each}" for key, each in value.items() if each not in ("", None)]


def _prices(_row: Any, value: dict[str, dict[str, int]]) -> list[str]:
    return [
        f"{Money(minor, currency).with_sign()} a {per}" for currency, by in value.items() for per, minor in by.items()
    ]


def _each(_row: Any, value: dict[str, dict[str, str]]) -> list[str]:
    """What each unit beyond the limits costs, which may be less than a minor unit."""
    return [
        f"{feature}: {SIGNS.get(currency, currency)}{Decimal(minor).scaleb(-DECIMALS[currency]):f} each"
        for feature, by in value.items()
        for currency, minor in by.items()
    ]


def _limits(_row: Any, value: dict[str, int | None]) -> list[str]:
    return [f"{feature}: {'no limit' if most is None else f'{most:,}'}" for feature, most in value.items()]


def _owed(row: Any, value: list[dict[str, Any]]) -> list[str]:
    return [f"{each['description']}: {Money(each['amount'], row.currency).with_sign()}" for each in value]


_LISTED: dict[str, Callable[[Any, Any], list[str]]] = {
    "prices": _prices,
    "overage": _each,
    "usage_owed": _owed,
    "limits": _limits,
}


@cache
def _shown_as(column: str, kind: str) -> Shown:
    """How a list and the page of one row show a column."""
    if column not in _MONEY and kind not in ("DateTimeField", "JSONField"):
        return column

    @display(description=column.removesuffix("_minor").replace("_", " "), ordering=column)
    def shown(row: Any) -> str:
        return _said(row, column)

    shown.__name__ = column
    return shown


def _columns(model: Any, names: Iterable[str]) -> list[Shown]:
    return [_shown_as(name, type(model._meta.get_field(name)).__name__) for name in names]


BillingAddress._meta.verbose_name_plural = "billing addresses"  # only these pages name it

for _model, _options in _SHOWN.items():
    _options["list_display"] = _columns(_model, _options["list_display"])
    site.register(_model, type(f"{_model.__name__}Admin", (ReadOnly,), _options))
