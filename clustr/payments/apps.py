"""The payments room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "clustr.payments"
    label = "payments"

    def ready(self) -> None:
        from clustr.payments.exports import transactions_held
        from clustr.people.exports import register_export

        register_export("transactions", transactions_held)
