"""Is it alive, and is it ready? For load balancers and people on call."""

from __future__ import annotations

from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.http import require_safe

from clustr.kit.errors import FieldError
from clustr.web.errors import problem, request_id_of

WORKER_SILENT_SECONDS = 60
_UNREADY = {
    "database": "The database does not answer.",
    "migrations": "Migrations are waiting to be applied.",
    "worker": f"No worker has been heard of for {WORKER_SILENT_SECONDS} seconds.",
}
_migrated = False


@require_safe
def healthz(_request: HttpRequest) -> HttpResponse:
    """GET /healthz: this process answers. Asks nothing else."""
    return JsonResponse({"status": "ok"})


@require_safe
def readyz(request: HttpRequest) -> HttpResponse:
    """GET /readyz: the database answers, its schema is this program's, and a worker is alive; 503 says what is not."""
    missing = _missing()
    if not missing:
        return JsonResponse({"status": "ready", **dict.fromkeys(_UNREADY, "ok")})
    return problem(
        status=503,
        code="not_ready",
        title="Not ready.",
        detail=" ".join(_UNREADY[name] for name in missing),
        errors=tuple(FieldError(name, "not_ready", _UNREADY[name]) for name in missing),
        headers={"Retry-After": "5"},
        request_id=request_id_of(request),
    )


def _missing() -> list[str]:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        migrated = _is_migrated()
        return [name for name, well in (("migrations", migrated), ("worker", migrated and _worker_lives())) if not well]
    except (DatabaseError, InterfaceError):
        return ["database"]


def _is_migrated() -> bool:
    """Asked until it is true: a schema does not lose migrations while this program runs."""
    global _migrated
    if not _migrated:
        executor = MigrationExecutor(connection)
        _migrated = not executor.migration_plan(executor.loader.graph.leaf_nodes())
    return _migrated


def _worker_lives() -> bool:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT FROM procrastinate_workers WHERE last_heartbeat > now() - make_interval(secs => %s))",
            [WORKER_SILENT_SECONDS],
        )
        (lives,) = cursor.fetchone()
    return bool(lives)
