"""Every address of ClustR, and naive ones that only this server has: they prove that a race here is a race."""

from __future__ import annotations

from django.db import connection
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.csrf import csrf_exempt

from clustr.urls import handler400, handler403, handler404, handler500
from clustr.urls import urlpatterns as clustr_urls

TABLES = """
CREATE TABLE IF NOT EXISTS races_purse (id uuid PRIMARY KEY, balance integer NOT NULL, attempts integer NOT NULL);
CREATE TABLE IF NOT EXISTS races_claim (name uuid NOT NULL);
GRANT SELECT, INSERT, UPDATE ON races_purse, races_claim TO {app};
"""


@csrf_exempt
def spend_naively(request: HttpRequest, id: str) -> HttpResponse:
    """Reads the balance, then lowers it: between the two somebody else reads the same."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT balance FROM races_purse WHERE id = %s", [id])
        if cursor.fetchone()[0] < 10:
            return HttpResponse(status=402)
        cursor.execute("UPDATE races_purse SET balance = balance - 10 WHERE id = %s", [id])
    return HttpResponse(status=201)


@csrf_exempt
def spend_safely(request: HttpRequest, id: str) -> HttpResponse:
    """Reads and lowers in one statement."""
    with connection.cursor() as cursor:
        cursor.execute("UPDATE races_purse SET balance = balance - 10 WHERE id = %s AND balance >= 10", [id])
        return HttpResponse(status=201 if cursor.rowcount else 402)


@csrf_exempt
def claim_naively(request: HttpRequest, id: str) -> HttpResponse:
    """Looks whether the name is free, then takes it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT FROM races_claim WHERE name = %s", [id])
        if cursor.fetchone():
            return HttpResponse(status=409)
        cursor.execute("INSERT INTO races_claim VALUES (%s)", [id])
    return HttpResponse(status=201)


@csrf_exempt
def guess_naively(request: HttpRequest, id: str) -> HttpResponse:
    """Judges an attempt, then counts it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT attempts FROM races_purse WHERE id = %s", [id])
        if cursor.fetchone()[0] >= 5:
            return HttpResponse(status=423)
        cursor.execute("UPDATE races_purse SET attempts = attempts + 1 WHERE id = %s", [id])
    return HttpResponse(status=403)


urlpatterns = [
    path("naive/spend/<uuid:id>/", spend_naively),
    path("safe/spend/<uuid:id>/", spend_safely),
    path("naive/claim/<uuid:id>/", claim_naively),
    path("naive/guess/<uuid:id>/", guess_naively),
    *clustr_urls,
]

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
