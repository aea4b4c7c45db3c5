"""A worker of its own process: `python -m tests.notifications.worker DATABASE CLUSTER FOLDER MINUTES` does what the job
`notifications.send_messages` does until nothing is left, MINUTES later than now; mail goes to files in FOLDER."""

from __future__ import annotations

import sys
from datetime import timedelta
from uuid import UUID

import django
from django.conf import settings


def main(database: str, cluster: str, folder: str, minutes: str) -> None:
    django.setup()
    from django.db import connections

    from clustr.kit import clock
    from clustr.notifications import commands, work_queries

    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    settings.EMAIL_FILE_PATH = folder
    for alias in connections:
        connections[alias].settings_dict["NAME"] = database
    estate, now = UUID(cluster), clock.now() + timedelta(minutes=int(minutes))
    while estate in work_queries.clusters_with_messages(now=now):
        while commands.fan_out(cluster_id=estate, now=now):
            pass
        commands.release_claims(cluster_id=estate, now=now)
        commands.deliver(cluster_id=estate, now=now, seconds=600)


if __name__ == "__main__":
    main(*sys.argv[1:])
