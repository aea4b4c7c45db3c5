"""The API: which room's views answer where, and how every error leaves it.

A router is one folder's module, named in ROUTERS with the address it hangs under. All verbs of one address stand in one
router. Views use `clustr.web.door` and nothing of this module.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponseBase
from ninja import NinjaAPI, Router
from ninja.operation import Operation

import clustr
from clustr.kit.errors import FieldError, InvalidValue
from clustr.web import openapi
from clustr.web.actors import SIGNED_IN
from clustr.web.errors import of_exception
from clustr.web.strict_json import StrictParser

ROUTERS: tuple[tuple[str, str], ...] = (
    ("api/v1/billing/", "clustr.web.billing.advice.router"),
    ("api/v1/billing/", "clustr.web.billing.analytics.router"),
    ("api/v1/billing/", "clustr.web.billing.documents.router"),
    ("api/v1/billing/", "clustr.web.billing.packs.router"),
    ("api/v1/billing/", "clustr.web.billing.payment_methods.router"),
    ("api/v1/billing/", "clustr.web.billing.plans.router"),
    ("api/v1/billing/", "clustr.web.billing.staff.router"),
    ("api/v1/billing/", "clustr.web.billing.staff_returns.router"),
    ("api/v1/billing/", "clustr.web.billing.usage.router"),
    ("management/payments/", "clustr.web.management.audit.router"),
    ("management/payments/", "clustr.web.management.bank_details.router"),
    ("management/payments/", "clustr.web.management.members.router"),
    ("management/payments/", "clustr.web.management.settings.router"),
    ("management/payments/", "clustr.web.management.bills.router"),
    ("management/payments/", "clustr.web.management.dashboard.router"),
    ("management/payments/", "clustr.web.management.disputes.router"),
    ("management/payments/", "clustr.web.management.reconciliation.router"),
    ("management/payments/", "clustr.web.management.recurring_payments.router"),
    ("management/payments/", "clustr.web.management.reminders.router"),
    ("management/payments/", "clustr.web.management.transactions.router"),
    ("management/payments/", "clustr.web.management.users.router"),
    ("management/payments/", "clustr.web.management.utilities.router"),
    ("management/payments/", "clustr.web.management.wallet.router"),
    ("management/payments/", "clustr.web.management.webhooks.router"),
    ("members/bills/", "clustr.web.members.bills.router"),
    ("members/notifications/", "clustr.web.members.notifications.router"),
    ("members/payment-methods/", "clustr.web.members.payment_methods.router"),
    ("members/profile/", "clustr.web.members.profile.router"),
    ("members/recurring-payments/", "clustr.web.members.recurring_payments.router"),
    ("members/transactions/", "clustr.web.members.transactions.router"),
    ("members/utilities/", "clustr.web.members.utilities.router"),
    ("members/utilities/", "clustr.web.members.utility_automations.router"),
    ("members/wallet/", "clustr.web.members.wallet.router"),
    ("payments/", "clustr.web.payments.router"),
)

DESCRIPTION = """
Bills of residential estates, and what pays them.

Sign in with `POST /_allauth/app/v1/auth/login` and send the access token as `Authorization: Bearer <token>`.
Amounts are decimal strings in major units; instants are RFC 3339 in UTC; unknown fields and parameters are refused.
"""


class Api(NinjaAPI):
    """ninja, with our errors and our additions to the OpenAPI document."""

    _document: dict[str, Any] | None = None

    def on_exception(self, request: HttpRequest, exc: Any) -> Any:
        return of_exception(request, exc)

    def get_openapi_schema(self, **options: Any) -> Any:
        if self._document is None:
            self._document = openapi.complete(super().get_openapi_schema(**options))
        return self._document

    def get_openapi_operation_id(self, operation: Operation) -> str:
        return operation.view_func.__name__


def refuse_unknown_parameters(view: Callable[..., HttpResponseBase]) -> Callable[..., HttpResponseBase]:
    """A misspelt filter must not be silently ignored: it would show more than was asked for. Nor one of two."""
    operation: Operation = view.__dict__["_ninja_operation"]
    known = {
        name
        for model in operation.models
        if model.__ninja_param_source__ == "query"
        for name in model.__ninja_flatten_map__
    }

    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **values: Any) -> HttpResponseBase:
        unknown = sorted(request.GET.keys() - known)
        if unknown:
            raise InvalidValue(
                "This address does not take that parameter.",
                errors=tuple(
                    FieldError(name[:100], "unknown_field", "There is no such parameter here.") for name in unknown[:20]
                ),
            )
        repeated = sorted(name for name, sent in request.GET.lists() if len(sent) > 1)
        if repeated:
            raise InvalidValue(
                "A parameter stands twice in the address.",
                errors=tuple(FieldError(name, "duplicate", "Send it once.") for name in repeated),
            )
        return view(request, *args, **values)

    return checked


def make_api(routers: tuple[tuple[str, str | Router], ...] = ROUTERS, *, namespace: str = "api") -> Api:
    """The API with these routers."""
    api = Api(
        title="ClustR",
        version=getattr(clustr, "__version__", "0"),
        description=DESCRIPTION.strip(),
        openapi_url="api/openapi.json",
        docs_url="api/docs",
        urls_namespace=namespace,
        auth=SIGNED_IN,
        parser=StrictParser(),
    )
    api.add_decorator(refuse_unknown_parameters)
    for address, router in routers:
        api.add_router(address, router)
    return api


api = make_api()

__all__ = ["Api", "api", "make_api"]
