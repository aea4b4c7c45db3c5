"""One process of a long run: every n-th job, on a database of its own. Says in JSON lines what it saw."""

from __future__ import annotations

import json
import os
import sys
import warnings
from itertools import islice
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
os.environ["CLUSTR_LOG_LEVEL"] = "ERROR"


def tell(kind: str, **facts: Any) -> None:
    print(json.dumps({"kind": kind, **facts}), flush=True)  # noqa: T201


def main(cases: int, seed: int, first: int, step: int, quota: int) -> None:
    """Do jobs `first`, `first + step`, ... until this process has asked `quota` times; at least one job."""
    import django

    warnings.filterwarnings("ignore", "No directory at")
    django.setup()
    from django.conf import settings

    from tests.databases import cloned_database

    settings.ALLOWED_HOSTS.append("testserver")  # the town is built by clients of Django's own

    with cloned_database():
        from clustr.kit.invariants import violations
        from tests.fuzz.harness import ask, running, without_throttles
        from tests.fuzz.jobs import jobs

        with without_throttles() as application:
            for job in islice(jobs(cases), first, None, step):
                running.statuses.clear()
                found = ask(
                    application,
                    job.role,
                    seed=seed * 1_000_003 + job.number,
                    examples=job.examples,
                    phases=job.phases,
                    only=lambda path, job=job: path.startswith(job.prefix),  # type: ignore[misc]
                    stop=lambda left=quota: running.cases >= left,  # type: ignore[misc]
                )
                quota -= running.cases
                seen = [
                    [role, operation, status, times] for (role, operation, status), times in running.statuses.items()
                ]
                tell("job", number=job.number, role=job.role, phases=job.phases, seen=seen)
                for unexpected in found:
                    tell("unexpected", job=job.number, text=str(unexpected))
                if found or quota <= 0:
                    break
        broken = [(violation.invariant.name, str(violation.rows)) for violation in violations()]
        tell("books", broken=broken)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
