"""The settlement room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "clustr.settlement"
    label = "settlement"
