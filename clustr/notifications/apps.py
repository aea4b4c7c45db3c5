"""The notifications room as a Django app."""

from __future__ import annotations

from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "clustr.notifications"
    label = "notifications"

    def ready(self) -> None:
        from clustr.kit.watching import register_alarm
        from clustr.notifications.commands.alarming import raise_alarm
        from clustr.notifications.commands.forgetting import forget_person
        from clustr.notifications.exports import notices_held
        from clustr.people.exports import register_erasure, register_export

        register_export("notifications", notices_held)
        register_erasure("notifications", forget_person)
        register_alarm(raise_alarm)
