"""The payments room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "clustr.payments"
    label = "payments"

    def ready(self) -> None:
        from clustr.payments.exports import forget_methods, methods_held, transactions_held
        from clustr.people.exports import register_erasure, register_export

        register_export("transactions", transactions_held)
        register_export("payment_methods", methods_held)
        register_erasure("payment_methods", forget_methods)
