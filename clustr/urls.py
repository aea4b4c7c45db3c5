"""Every address: the API (JSON), the pages, sign-in, health."""

from __future__ import annotations

from django.urls import include, path, re_path

from clustr.web.api import api
from clustr.web.errors import no_such_address
from clustr.web.health import healthz, readyz
from clustr.web.metrics import metrics
from clustr.web.pages.public import find_receipt, return_from_payment, verify_receipt
from clustr.web.pages.sessions import list_sessions

handler400 = "clustr.web.errors.bad_request"
handler403 = "clustr.web.errors.permission_denied"
handler404 = "clustr.web.errors.page_not_found"
handler500 = "clustr.web.errors.server_error"

urlpatterns = [
    path("healthz", healthz),
    path("readyz", readyz),
    path("metrics", metrics),
    path("verify/", find_receipt),
    path("verify/<str:code>", verify_receipt),
    path("pay/return/<str:reference>/", return_from_payment),
    re_path(
        r"^_allauth/(?:app|browser)/v1/(?:account/phone|auth/phone/.*)$", no_such_address
    ),  # nobody signs in by phone
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/sessions/", list_sessions),
    path("accounts/", include("allauth.urls")),
    path("", include("clustr.web.pages.addresses")),
    path("", api.urls),
]
