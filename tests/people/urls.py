"""The sign-in addresses alone: this room is tested without the web room."""

from __future__ import annotations

from django.urls import include, path

urlpatterns = [path("_allauth/", include("allauth.headless.urls")), path("accounts/", include("allauth.urls"))]
