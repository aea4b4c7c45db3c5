"""The people room as a Django app."""

from __future__ import annotations

from typing import Any

from django.apps import AppConfig


class PeopleConfig(AppConfig):
    name = "clustr.people"
    label = "people"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        from allauth.account.signals import user_logged_in
        from allauth.usersessions import signals

        # At sign-in allauth looks through every session the person has; clients that sign in often would pay for all of
        # them. The new session is all that is recorded here; `purge_expired` and the list of sessions drop the dead.
        user_logged_in.disconnect(receiver=signals.on_user_logged_in)
        user_logged_in.connect(_remember_session, dispatch_uid="people.remember_session")


def _remember_session(**kwargs: Any) -> None:
    from allauth.usersessions.models import UserSession

    UserSession.objects.create_from_request(kwargs["request"])
