"""What Prometheus reads: requests by route, method and status, and how long they took; and what the kit counts."""

from __future__ import annotations

import hmac
from pathlib import Path

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from clustr.kit.metrics import FOLDER  # before prometheus_client, which reads where to count when it is imported

# isort: split
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Histogram,
    generate_latest,
    multiprocess,
)

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


def forget_dead_processes() -> None:
    """Drop the files of processes that ended, once at start; counters then begin again, as Prometheus expects."""
    for file in FOLDER.glob("*.db"):
        pid = file.stem.rsplit("_", 1)[-1]
        if pid.isdecimal() and not Path("/proc", pid).exists() and Path("/proc/self").exists():
            file.unlink(missing_ok=True)


@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """GET /metrics: open on a demonstration, behind CLUSTR_METRICS_TOKEN in production."""
    expected = settings.ENV.CLUSTR_METRICS_TOKEN
    if settings.ENV.production or expected:
        sent = request.headers.get("Authorization", "")
        if not expected or not hmac.compare_digest(sent.encode(), f"Bearer {expected}".encode()):
            raise Http404
    registry = CollectorRegistry()
    multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)
