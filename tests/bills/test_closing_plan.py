"""Closing tallies asks each bill for its news only: what was counted already is not read again."""

from __future__ import annotations

from uuid import uuid4

from django.db import connections, transaction

from clustr.bills.tasks import NO_SORTING, WITH_NEWS
from clustr.kit.tenancy import SETTING
from tests.cast import Cast
from tests.money import issue

MEMBERS = 5_000


def test_news_are_found_by_index(cast: Cast) -> None:
    """With one bill that thousands acknowledged and paid; the planner is asked, then everything is undone."""
    bill = issue(cast)
    users = [uuid4() for _ in range(MEMBERS)]
    with transaction.atomic(using="owner"), connections["owner"].cursor() as cursor:
        cursor.execute("SELECT set_config(%s, %s, true)", [SETTING, str(cast.cluster_id)])
        cursor.execute("ALTER TABLE bills_billpayment DROP CONSTRAINT bills_billpayment_id_in_cluster")
        for statement in (
            "INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at)"
            " SELECT kit_tenant(), gen_random_uuid(), b.id, u, 1, b.terms_digest, b.issued_at",
            "INSERT INTO bills_memberbill SELECT kit_tenant(), b.id, u, 1",
            "INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, at)"
            " SELECT kit_tenant(), gen_random_uuid(), b.id, u, 1, 1, b.issued_at",
        ):
            cursor.execute(f"{statement} FROM bills_bill b, unnest(%s::uuid[]) AS u WHERE b.id = %s", [users, bill.id])
        cursor.execute("ANALYZE bills_bill, bills_acknowledgment, bills_billpayment, bills_tally")
        cursor.execute(NO_SORTING)
        cursor.execute("EXPLAIN " + WITH_NEWS, {"cluster": cast.cluster_id})
        plan = "\n".join(row[0] for row in cursor.fetchall())
        transaction.set_rollback(True, using="owner")
    for kind in ("billpayment", "acknowledgment"):
        assert f"Index Scan Backward using bills_{kind}_since" in plan, plan
