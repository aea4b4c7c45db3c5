"""The bills room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class BillsConfig(AppConfig):
    name = "clustr.bills"
    label = "bills"

    def ready(self) -> None:
        from clustr.bills.departures import refuse_departure_of_payer
        from clustr.bills.exports import bills_held
        from clustr.bills.telling import STILL_OWED, STILL_OWED_SQL
        from clustr.clusters.guards import register_departure_check
        from clustr.notifications.audiences import register_condition
        from clustr.people.exports import register_export

        register_condition(STILL_OWED, STILL_OWED_SQL)
        register_export("bills", bills_held)
        register_departure_check(refuse_departure_of_payer)
