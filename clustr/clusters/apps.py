"""The clusters room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ClustersConfig(AppConfig):
    name = "clustr.clusters"
    label = "clusters"

    def ready(self) -> None:
        from clustr.clusters.queries import memberships_held, trail_held
        from clustr.people.exports import register_export

        register_export("memberships", memberships_held)
        register_export("trail", trail_held)
