"""The utilities room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class UtilitiesConfig(AppConfig):
    name = "clustr.utilities"
    label = "utilities"

    def ready(self) -> None:
        from clustr.kit.sealed import register_sealed
        from clustr.people.exports import register_erasure, register_export
        from clustr.utilities.exports import forget_utilities, utilities_held
        from clustr.utilities.policies import customer_place, number_place, token_place

        register_export("utilities", utilities_held)
        register_erasure("utilities", forget_utilities)
        register_sealed("utilities_account", "number", number_place)
        register_sealed("utilities_validation", "customer", customer_place)
        register_sealed("utilities_purchase", "token", token_place)
