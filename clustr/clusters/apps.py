"""The clusters room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class ClustersConfig(AppConfig):
    name = "clustr.clusters"
    label = "clusters"

    def ready(self) -> None:
        from clustr.clusters.commands.erasing import end_memberships_of, refuse_erasing_last_admin
        from clustr.clusters.queries import memberships_held, trail_held
        from clustr.people.exports import register_erasure, register_erasure_check, register_export

        register_export("memberships", memberships_held)
        register_export("trail", trail_held)
        register_erasure_check("memberships", refuse_erasing_last_admin)
        register_erasure("memberships", end_memberships_of)
