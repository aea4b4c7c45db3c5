"""The web room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig
from django.conf import settings


class WebConfig(AppConfig):
    name = "clustr.web"
    label = "web"

    def ready(self) -> None:
        from clustr.web import logs

        logs.configure(production=settings.ENV.production, level=settings.ENV.CLUSTR_LOG_LEVEL)
