"""The subscriptions room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "clustr.subscriptions"
    label = "subscriptions"
