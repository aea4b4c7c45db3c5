"""The payments room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class PaymentsConfig(AppConfig):
    name = "clustr.payments"
    label = "payments"

    def ready(self) -> None:
        from clustr.kit.sealed import register_sealed
        from clustr.kit.watching import register_alarm
        from clustr.payments.commands.holds import hold_outgoing
        from clustr.payments.commands.inbox import notice_place
        from clustr.payments.commands.methods import method_place
        from clustr.payments.exports import forget_methods, methods_held, transactions_held
        from clustr.people.exports import register_erasure, register_export

        register_alarm(hold_outgoing)
        register_export("transactions", transactions_held)
        register_export("payment_methods", methods_held)
        register_erasure("payment_methods", forget_methods)
        register_sealed("payments_method", "token", lambda id: method_place(method_id=id))
        register_sealed("payments_notice", "body", lambda id: notice_place(notice_id=id), of_estates=False)
