"""Every 429 says how long to wait."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

_DEFAULT_SECONDS = 60


class RetryAfter:
    """allauth's own limits answer 429 without a Retry-After; their windows are a minute."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        response = self.get_response(request)
        if response.status_code == 429 and "Retry-After" not in response:
            response["Retry-After"] = str(_DEFAULT_SECONDS)
        return response
