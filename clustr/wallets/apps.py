"""The wallets room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class WalletsConfig(AppConfig):
    name = "clustr.wallets"
    label = "wallets"

    def ready(self) -> None:
        from clustr.kit.sealed import register_sealed
        from clustr.people.exports import register_erasure_check, register_export
        from clustr.wallets.exports import refuse_erasing_holder, wallets_held
        from clustr.wallets.queries import destination_place, holder_place

        register_export("wallets", wallets_held)
        register_erasure_check("wallets", refuse_erasing_holder)
        register_sealed("wallets_payout", "destination", destination_place)
        register_sealed("wallets_payout", "holder", holder_place)
