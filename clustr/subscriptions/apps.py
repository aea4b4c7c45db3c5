"""The subscriptions room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "clustr.subscriptions"
    label = "subscriptions"

    def ready(self) -> None:
        from clustr.people.exports import register_erasure, register_erasure_check, register_export
        from clustr.subscriptions.commands.stripe_acts import begin_forgetting_customer
        from clustr.subscriptions.exports import forget_addresses, refuse_erasing_subscriber, subscriptions_held

        register_export("subscriptions", subscriptions_held)
        register_erasure("billing_addresses", forget_addresses)
        register_erasure("stripe_customer", lambda user_id, now: begin_forgetting_customer(user_id=user_id, now=now))
        register_erasure_check("subscriptions", refuse_erasing_subscriber)
