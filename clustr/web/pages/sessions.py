"""`/accounts/sessions/`: where somebody is signed in, in the time of their estate."""

from __future__ import annotations

from allauth.usersessions.views import list_usersessions
from django.http import HttpResponseBase
from django.template.response import TemplateResponse
from django.utils import timezone

from clustr.web.actors import Request
from clustr.web.pages.frame import zone_of


def list_sessions(request: Request) -> HttpResponseBase:
    """GET, POST /accounts/sessions/: the list; signing out everywhere else."""
    with timezone.override(zone_of(request)):
        answer: HttpResponseBase = list_usersessions(request)
        if isinstance(answer, TemplateResponse):
            answer.render()
    return answer
