"""Letting go of technical records that nobody needs any more: never of money, consent, or what explains them."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import connections

from clustr.audit import commands as audit
from clustr.audit import queries as audit_queries
from clustr.clusters import queries as clusters
from clustr.notifications import commands as notifications
from clustr.payments import commands as payments
from clustr.people import commands as people

PROVIDERS_NOTICES_KEPT = timedelta(days=90)


def clean_up_old_records(*, now: datetime) -> int:
    """Delete first answers older than IDEMPOTENCY_DAYS, providers' notices that were acted on, messages and notices past
    their time, expired sessions and counters. Answers how many records of the first three kinds. Nightly jobs do the same;
    harmless to repeat."""
    before = now - timedelta(days=settings.ENV.IDEMPOTENCY_DAYS)
    deleted = sum(
        audit.forget_answers(cluster_id=cluster_id, before=before)
        for cluster_id in audit_queries.clusters_with_answers_before(before=before)
    )
    deleted += payments.forget_old_notices(before=now - PROVIDERS_NOTICES_KEPT)
    for cluster_id in clusters.all_cluster_ids():
        while dropped := notifications.drop_old_notices(cluster_id=cluster_id, now=now):
            deleted += dropped
    people.purge_expired(now=now)
    audit.forget_idle_throttles()
    return deleted


def count_old_records(*, now: datetime) -> int:
    """How many first answers are older than IDEMPOTENCY_DAYS, in all clusters."""
    before = now - timedelta(days=settings.ENV.IDEMPOTENCY_DAYS)
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT count(*) FROM audit_idempotency_key WHERE at < %s", [before])
        return int(cursor.fetchone()[0])
