"""The recurring room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class RecurringConfig(AppConfig):
    name = "clustr.recurring"
    label = "recurring"

    def ready(self) -> None:
        from clustr.people.exports import register_erasure, register_export
        from clustr.recurring.automation_exports import automations_held, forget_automations
        from clustr.recurring.exports import forget_recurring_payments, recurring_payments_held

        register_export("recurring_payments", recurring_payments_held)
        register_erasure("recurring_payments", forget_recurring_payments)
        register_export("utility_automations", automations_held)
        register_erasure("utility_automations", forget_automations)
