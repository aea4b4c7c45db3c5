"""What Prometheus reads: requests by route, method and status, and how long they took; what every process of this machine
counts; and what stands in the database."""

from __future__ import annotations

import hmac
from collections.abc import Iterable

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Metric, generate_latest

from clustr.kit import metrics as kit
from clustr.kit.measures import Reader
from clustr.kit.metrics import Counter, Histogram

REQUESTS = Counter("clustr_requests_total", "Requests answered.", ["route", "method", "status"])
SECONDS = Histogram(
    "clustr_request_seconds",
    "Time to answer.",
    ["route", "method"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30),
)
_METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def observe(*, route: str, method: str, status: int, seconds: float) -> None:
    """Count one answered request. Routes are patterns, and foreign methods one word: the number of series is bounded."""
    known = method if method in _METHODS else "other"
    REQUESTS.labels(route, known, str(status)).inc()
    SECONDS.labels(route, known).observe(seconds)
    kit.note_memory("web")


class _Everything:
    """What is answered to a scrape."""

    def collect(self) -> Iterable[Metric]:
        yield from kit.collect()
        yield from MEASURED.read()


MEASURED = Reader()
_registry = CollectorRegistry()
_registry.register(_Everything())


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: open on a demonstration, behind CLUSTR_METRICS_TOKEN in production."""
    expected = settings.ENV.CLUSTR_METRICS_TOKEN
    if settings.ENV.production or expected:
        sent = request.headers.get("Authorization", "")
        if not expected or not hmac.compare_digest(sent.encode(), f"Bearer {expected}".encode()):
            raise Http404
    kit.note_memory("web")
    return HttpResponse(generate_latest(_registry), content_type=CONTENT_TYPE_LATEST)
