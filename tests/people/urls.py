"""The sign-in addresses, and those their dress links to: this room is tested without the web room's door."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [
    path("_allauth/", include("allauth.headless.urls")),
    path("accounts/", include("allauth.urls")),
    path("", include("clustr.web.pages.addresses")),
]
