"""What the platform's pages share: who asks is one of its customers, or of its staff, whatever estate they belong to."""

from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import urlencode

from django.http import HttpResponseBase
from django.urls import reverse
from django.utils import timezone

from clustr.subscriptions.queries import STAFF
from clustr.web.actors import Request
from clustr.web.billing.customers import as_customer
from clustr.web.pages.frame import PageView, page
from clustr.web.refusals import PageNotFound


def customer_page(*, methods: tuple[str, ...] = ("GET",), staff: bool = False) -> Callable[[PageView], PageView]:
    """A page of the platform for who is signed in. `staff`: it is there for the platform's staff only."""

    def decorate(view: PageView) -> PageView:
        @page("platform", methods=methods, estate=False)
        @wraps(view)
        def shown(request: Request, *args: Any, **named: Any) -> HttpResponseBase:
            as_customer(request)
            if staff and not request.actor.may(STAFF):
                raise PageNotFound
            with timezone.override(zoneinfo.ZoneInfo(request.actor.timezone)):
                return view(request, *args, **named)

        return shown

    return decorate


def plan_address(request: Request, name: str = "platform:home") -> str:
    """The address of a page about the same plan as this request: one's own, or that of the estate it names."""
    estate = request.POST.get("estate") or request.GET.get("estate", "")
    return reverse(name) + (f"?{urlencode({'estate': estate})}" if estate else "")
