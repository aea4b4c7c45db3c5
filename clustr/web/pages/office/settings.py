"""The estate's settings."""

from __future__ import annotations

import re
from typing import Any

from django.http import HttpResponse
from django.utils.translation import gettext as _

from clustr.clusters.queries import managed_settings
from clustr.clusters.types import Role
from clustr.web.actors import Request
from clustr.web.management import settings as api
from clustr.web.pages.forms import attempt, go, typed, typed_amount
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.places import zones

_DAY = re.compile("[0-9]{1,3}", re.ASCII)


@page("office", methods=("GET", "POST"))
def settings(request: Request) -> HttpResponse:
    """/office/settings/: name, time zone, locale, whom members write to, the transfer limit and who bears fees. Needs
    ManageMembers; the last two are an administrator's."""
    request.actor.require("ManageMembers")
    tried = None
    if request.POST:
        tried = attempt(request, lambda: api.update_settings(request, _typed_settings(request)))
        if tried.done:
            return go(request, "office:settings", said=_("Saved."))

    def work() -> Context:
        return {
            "tried": tried,
            "held": managed_settings(actor=request.actor, now=request.now),
            "zones": zones(request.actor.timezone),
            "bearers": words.bearers(),
            "locales": words.locales(request.actor.currency, today=request.now.date()),
            "is_admin": request.actor.role == Role.ADMIN,
        }

    return look(request, "pages/office/settings.html", work, status=tried.status if tried else 200)


def _typed_settings(request: Request) -> api.SettingsIn:
    sent: dict[str, Any] = typed(request, "name", "timezone", "locale", "reason")
    sent["support_email"] = request.POST.get("support_email", "").strip()
    if "reminder_days" in request.POST:
        days = request.POST["reminder_days"].replace(",", " ").split()
        sent["reminder_days"] = [int(day) if _DAY.fullmatch(day) else day for day in days]
    if request.actor.role == Role.ADMIN and "transfer_approval_limit" in request.POST:
        sent |= typed(request, "fee_bearer")
        sent |= {"transfer_approval_limit": None}
        if "no_limit" not in request.POST:
            sent |= typed_amount(request, "transfer_approval_limit")
    return api.SettingsIn(**sent)
