"""A restored copy made ready by the commands of docs/operating.md: `python -m tests.crash.restored ERASURES LEAVER UNTIL`.

Writes one JSON object on its last line: what is in the copy, and how long each step took.
"""

from __future__ import annotations

import json
import sys
import time
from datetime import datetime
from typing import Any

import django


def main(erasures: str, leaver: str, until: str) -> None:
    began = time.monotonic()
    django.setup()
    from django.core.management import call_command

    from clustr.audit import tasks
    from clustr.audit.verifying import verify
    from clustr.kit import database

    seconds: dict[str, float] = {}

    def done(step: str) -> None:
        seconds[step] = time.monotonic() - began

    database.join()
    done("recovered")
    known_before = not _erased(leaver)
    call_command("after_restore")
    done("after_restore")
    call_command("reapply_erasures", erasures)
    done("reapply_erasures")
    call_command("check_books")
    done("check_books")
    call_command("verify_chain", until=datetime.fromisoformat(until), set_aside=True)
    done("verify_chain")
    tasks.close_blocks(timestamp=0)  # the copy lives on, and its chain with it
    tasks.write_anchors(timestamp=0)
    report = verify()
    assert report.findings == [], report.findings
    found = {
        "seconds": seconds,
        "leaver": {"known_before": known_before, "erased_after": _erased(leaver)},
        "blocks": report.blocks,
        "anchors": report.anchors,
        **_standing(),
    }
    print(json.dumps(found))  # noqa: T201


def _erased(user_id: str) -> bool:
    from clustr.people.models import User

    return User.objects.get(id=user_id).erased_at is not None


def _standing() -> dict[str, Any]:
    """Each payment, what every member's part of a bill says was paid, and what the estates' wallets received for bills."""
    from django.db import connections

    with connections["checker"].cursor() as cursor:
        cursor.execute("SELECT id, user_id, amount_minor FROM payments_transaction WHERE purpose = 'bill'")
        payments = [[str(id), str(user), minor] for id, user, minor in cursor.fetchall()]
        cursor.execute("SELECT user_id, sum(paid_minor) FROM bills_memberbill GROUP BY 1 HAVING sum(paid_minor) > 0")
        paid = {str(user): int(minor) for user, minor in cursor.fetchall()}
        cursor.execute(
            "SELECT t.cluster_id, sum(t.amount) FROM ledger_transfer t"
            " JOIN ledger_account a ON a.cluster_id = t.cluster_id AND a.id = t.credit AND a.kind = 'cluster_wallet'"
            " GROUP BY 1"
        )
        received = {str(cluster): int(minor) for cluster, minor in cursor.fetchall()}
    return {"payments": payments, "paid": paid, "received": received}


if __name__ == "__main__":
    main(*sys.argv[1:])
