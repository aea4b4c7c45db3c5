"""The settlement room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class SettlementConfig(AppConfig):
    name = "clustr.settlement"
    label = "settlement"

    def ready(self) -> None:
        from clustr.people.exports import register_erasure
        from clustr.settlement.commands.receipts import destroy_receipts

        register_erasure("receipts", destroy_receipts)
