"""Two estates in which everything has happened: in every table, whatever the program does, neither reaches the other's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction

from clustr.bills import commands as bills
from clustr.bills.types import BillType, Resolution
from clustr.clusters.types import Role
from clustr.kit import clock
from clustr.kit.invariants import Invariant, Violation
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.notifications import commands as notifications
from clustr.notifications.types import Channel, Choice, NotificationEvents
from clustr.payments import commands as payments
from clustr.payments.providers import registry
from clustr.payments.states import CaseKind
from clustr.recurring import commands as recurring
from clustr.settlement import commands as settlement
from clustr.utilities.vendors import registry as services
from clustr.wallets import commands as wallets
from tests.databases import superuser
from tests.house.test_catalogue import rows, tenant_tables
from tests.subscriptions.everything import sell_plans
from tests.web.matrix.rows import refund as paid_payment
from tests.web.matrix.town import PROVIDERS, SERVICES, Place, Town, make_town

COLUMN_OF = {"clusters_cluster": "id"}
"""By which column a table is an estate's, where that is not `cluster_id`."""

FRESH: dict[str, dict[str, str]] = {
    "wallets_wallet_id_in_cluster": {"user_id": "gen_random_uuid()"},
    "clusters_membership_unit_in_cluster": {
        "user_id": "(SELECT u.id FROM people_user u LEFT JOIN clusters_membership m ON m.user_id = u.id"
        " WHERE m.id IS NULL LIMIT 1)"
    },
    "payments_attempt_id_in_cluster": {"reference": "gen_random_uuid()::text", "request_id": "NULL"},
    "payments_attempt_method_id_in_cluster": {"reference": "gen_random_uuid()::text", "request_id": "NULL"},
    "subscriptions_usagepack_subscription_id_in_cluster": {"invoice_id": "gen_random_uuid()"},
    "payments_case_transaction_id_in_cluster": {"subject": "gen_random_uuid()::text"},
    "payments_settlement_asked_id_in_cluster": {"provider_id": "gen_random_uuid()::text"},
    "payments_settlement_surplus_id_in_cluster": {
        "provider_id": "gen_random_uuid()::text",
        "completes_minor": "0",
        "surplus_minor": "100",
        "amount_minor": "100",
    },
    "recurring_payment_charging_id_in_cluster": {
        "payment_source": "'card'",
        "method_id": "gen_random_uuid()",
        "next_run_at": "NULL",
    },
    "settlement_receipt_id_in_cluster": {"code": "'ABCDEFGH01234567'"},
    "utilities_purchase_id_in_cluster": {"bill_id": "gen_random_uuid()", "quote_id": "gen_random_uuid()"},
    "utilities_purchase_bill_id_in_cluster": {"quote_id": "gen_random_uuid()"},
    "utilities_purchase_quote_id_in_cluster": {"bill_id": "gen_random_uuid()"},
    "utilities_purchase_account_id_in_cluster": {"bill_id": "gen_random_uuid()", "quote_id": "gen_random_uuid()"},
    "subscriptions_stripecall_subscription_id_in_cluster": {"act": "'overage'"},
    "subscriptions_subscription_plan_id_in_cluster": {"user_id": "gen_random_uuid()"},
    "subscriptions_invoice_subscription_id_in_cluster": {"invoice_number": "'INV2020000001'"},
    "subscriptions_invoice_corrects_id_in_cluster": {"invoice_number": "'INV2020000001'"},
    "subscriptions_payment_invoice_id_in_cluster": {"reference": "''"},
    "subscriptions_payment_subscription_id_in_cluster": {"reference": "''"},
    **{
        f"subscriptions_refund_{name}_id_in_cluster": {"stripe_refund_id": "'re_another'"}
        for name in ("invoice", "note", "payment")
    },
    **{
        f"subscriptions_dispute_{name}_id_in_cluster": {"stripe_dispute_id": "'dp_another'"}
        for name in ("payment", "subscription")
    },
    "subscriptions_event_plan_id_in_cluster": {"n": "999"},
    "subscriptions_redemption_coupon_id_in_cluster": {"user_id": "gen_random_uuid()"},
    "subscriptions_redemption_subscription_id_in_cluster": {"user_id": "gen_random_uuid()"},
    "recurring_automationstep_id_in_cluster": {"run_id": "gen_random_uuid()"},
    "recurring_payment_method_id_in_cluster": {"payment_source": "'card'"},
    "clusters_membership_follows_one": {"joined_at": "now() + interval '1 day'", "left_at": "NULL"},
}
"""What a copied row needs besides, so that nothing but this reference is wrong with it."""

REFERENCES = """
SELECT c.conname, c.conrelid::regclass::text, c.confrelid::regclass::text,
  (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number),
  (SELECT array_agg(a.attname::text ORDER BY k.place) FROM unnest(c.confkey) WITH ORDINALITY AS k(number, place)
    JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number)
FROM pg_constraint c WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY(%s)
  AND c.confrelid::regclass::text = ANY(%s) ORDER BY 1
"""
NO_ROW_FOR_ANOTHER, NO_SUCH_PARENT, NO_PRIVILEGE = "row-level security", "23503", "permission denied"


@dataclass(frozen=True)
class Reference:
    """A foreign key between tables of estates: which columns of the child name which of the parent."""

    name: str
    child: str
    parent: str
    columns: dict[str, str]


def references() -> list[Reference]:
    tables = tenant_tables()
    found = rows(REFERENCES, [tables, tables])
    return [
        Reference(name, child, parent, dict(zip(keys, parents, strict=True)))
        for name, child, parent, keys, parents in found
    ]


def owned() -> dict[str, str]:
    """Every table that holds rows of estates, and the column that says whose."""
    return dict.fromkeys(tenant_tables(), "cluster_id") | COLUMN_OF


@pytest.fixture(scope="module")
def town() -> Town:
    """Two estates with rows in every table."""
    made = make_town()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registry, "_registry", lambda: PROVIDERS.registry)
        patch.setattr(services, "_registry", lambda: SERVICES)
        for estate in (made.here, made.there):
            live_in(made, made.place(estate))
    return made


def live_in(town: Town, place: Place) -> None:
    """Let everything happen in an estate: a new table needs a line here."""
    estate, office, now = place.estate, place.office.actor, town.now
    place.bought()
    payment = UUID(paid_payment(place).body["transaction_id"])
    bills.refund_bill_payment(actor=office, transaction_id=payment, amount=None, reason="Twice.", now=now)
    _, dispute = place.disputed()
    bills.resolve_dispute(
        actor=office, dispute_id=dispute, resolution=Resolution.UPHELD, amount_due=None, note="Agreed.", now=now
    )
    wallets.reject_transfer(actor=office, payout_id=place.waiting_transfer(), note="No.", now=now)
    place.waiting_transfer()
    place.acknowledged()
    place.run_order()
    place.run_order(bill_type=BillType.MAINTENANCE)
    place.bank_details()
    place.run_automation()
    place.limited_automation()
    limited = BillType.ELECTRICITY_UTILITY
    recurring.set_spending_limit(
        actor=place.member.actor,
        service_type=limited,
        limit=Money(500_000, estate.currency),
        authorization=None,
        now=now,
    )
    place.set_pin()
    live_with_notices(place)
    wallets.request_pin_reset(actor=place.member.actor, signed_in_at=clock.now(), now=clock.now())
    sent = {"amount": "5.00", "description": "Hall", "source": "Bank"}
    deposit = place.ended_deposit()
    settlement.issue_receipt(actor=place.member.actor, transaction_id=deposit, now=now)
    with tenant(estate.id):
        payments.open_case(kind=CaseKind.DOES_NOT_MATCH, subject=str(deposit), transaction_id=deposit, now=now)
    sell_plans(office=office, customer=place.member.actor, now=now)
    answer = town.client(place.office).post("/management/payments/cluster_wallet_credit/", sent, key=uuid4().hex)
    assert answer.status_code == 201
    with tenant(estate.id):
        account = ledger.open_account(kind=AccountKind.CLUSTER_WALLET, currency=estate.currency)
    ledger.close_account(cluster_id=estate.id, account_id=account, timezone=estate.timezone)
    mover, bill = town.newcomer(estate, Role.RESIDENT), place.bill_of_all()
    block = estate.id.int % 1_000_000 + 1  # another in each estate
    with inside(estate.id, "owner"):  # what jobs write once older transactions have ended
        do("owner", "UPDATE clusters_membership SET left_at = now() WHERE id = %s", [mover.membership_id])
        do("owner", "INSERT INTO bills_tally VALUES (%s, %s, '0', 0, 0, 1, 0)", [estate.id, bill.id])
        do(
            "owner",
            "INSERT INTO ledger_turnover (cluster_id, account_id, day, kind, label, debits, credits)"
            " VALUES (%s, %s, '2026-01-01', 'adjustment', '', 0, 0)",
            [estate.id, account],
        )
        do(
            "owner",
            "INSERT INTO audit_block VALUES (%s, %s, 0, 1, 1, 1, sha256(''), sha256(''), now())",
            [estate.id, block],
        )
        do("owner", "INSERT INTO audit_anchor VALUES (%s, %s, now())", [estate.id, block])
    payments.hold_outgoing(Violation(Invariant("ledger.of_this_test", "", ""), (), frozenset({estate.id})), now)


def live_with_notices(place: Place) -> None:
    """Somebody is told, reads it, chooses, and gets mail."""
    member, now = place.member.actor, place.now
    place.endpoint()
    notifications.mark_read(actor=member, ids=[UUID(place.notice())], now=now)
    choice = Choice(NotificationEvents.PAYMENT_CONFIRMED, Channel.EMAIL, enabled=False)
    notifications.choose_notifications(actor=member, choices=[choice], now=now)
    while notifications.fan_out(cluster_id=place.estate.id, now=now):
        pass


def do(alias: str, statement: str, values: Any = None) -> int:
    """Run a statement as one of the logins; how many rows it touched."""
    with connections[alias].cursor() as cursor:
        cursor.execute(statement, values)
        return int(cursor.rowcount)


@contextmanager
def inside(cluster_id: UUID, alias: str) -> Iterator[None]:
    """In this estate's transaction, as one of the logins."""
    with transaction.atomic(using=alias):
        do(alias, "SELECT set_config('clustr.cluster', %s, true)", [str(cluster_id)])
        yield


def refusal(alias: str, statement: str, values: Any = None) -> tuple[str, str]:
    """The SQLSTATE and the words with which a statement is refused; where it is not, how many rows it touched."""
    try:
        with transaction.atomic(using=alias):
            touched = do(alias, statement, values)
    except DatabaseError as error:
        return str(getattr(error.__cause__, "sqlstate", "")), str(error)
    return "", f"{touched} rows"


def insert_like(table: str, changes: dict[str, str]) -> str:
    """An INSERT of the row `%(row)s` (JSON), with some columns otherwise."""
    columns = rows(
        "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped"
        " AND attgenerated = '' ORDER BY attnum",
        [table],
    )
    values = {name: changes.get(name, value_of(table, "row", name)) for (name,) in columns}
    listed = ", ".join(f'"{name}"' for name in values)
    return f'INSERT INTO "{table}" ({listed}) SELECT {", ".join(values.values())}'


def value_of(table: str, row: str, column: str) -> str:
    return f'(jsonb_populate_record(NULL::"{table}", %({row})s::jsonb))."{column}"'


def a_row(table: str, cluster_id: UUID, *given: str) -> str:
    """One row of an estate as JSON, if possible one in which these columns are filled."""
    filled = " AND ".join(f't."{name}" IS NOT NULL' for name in given) or "t IS NOT NULL"
    found = rows(
        f'SELECT to_jsonb(t)::text FROM "{table}" t WHERE t."{owned()[table]}" = %s ORDER BY {filled} DESC LIMIT 1',
        [cluster_id],
        using="checker",
    )
    return str(found[0][0])


def test_something_stands_in_every_table(town: Town) -> None:
    for table, whose in owned().items():
        for estate in (town.here, town.there):
            held = rows(f'SELECT count(*) FROM "{table}" WHERE "{whose}" = %s', [estate.id], using="checker")
            assert held[0][0] > 0, f"let something happen in `live_in` that writes to {table}"


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_no_tenant_no_rows(town: Town, alias: str) -> None:
    for table in owned():
        assert rows(f'SELECT count(*) FROM "{table}"', using=alias) == [(0,)], table


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_in_one_estate_nothing_of_another(town: Town, alias: str) -> None:
    for table, whose in owned().items():
        with inside(town.here.id, alias):
            seen = rows(f'SELECT DISTINCT "{whose}" FROM "{table}"', using=alias)
        assert seen == [(town.here.id,)], table


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_no_row_is_written_for_another_estate(town: Town, alias: str) -> None:
    """Nor for any, where none is set. The owner may write every table, and is refused by the policy all the same."""
    for table in owned():
        statement, values = insert_like(table, {}), {"row": a_row(table, town.there.id)}
        with inside(town.here.id, alias):
            state, words = refusal(alias, statement, values)
        assert state == "42501", (table, words)
        assert NO_ROW_FOR_ANOTHER in words or (alias == "default" and NO_PRIVILEGE in words), (table, words)
        assert refusal(alias, statement, values)[0] == "42501", table


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_no_row_of_another_estate_is_touched(town: Town, alias: str) -> None:
    for table, whose in owned().items():
        for statement in (
            f'UPDATE "{table}" SET "{whose}" = "{whose}" WHERE "{whose}" = %s',
            f'DELETE FROM "{table}" WHERE "{whose}" = %s',
        ):
            with inside(town.here.id, alias):
                state, words = refusal(alias, statement, [town.there.id])
            assert (state, words) == ("", "0 rows") or state == "42501", (table, statement, words)


@pytest.mark.parametrize("alias", ["default", "owner"])
def test_no_row_is_given_to_another_estate(town: Town, alias: str) -> None:
    for table, whose in owned().items():
        with inside(town.here.id, alias):
            state, words = refusal(alias, f'UPDATE "{table}" SET "{whose}" = %s', [town.there.id])
        assert state in ("42501", "23001"), (table, words)  # by policy or privilege; or since it is append-only


def test_every_reference_refuses_another_estates_parent(town: Town) -> None:
    """A row like one of ours, but for naming a parent that stands in the other estate, has no place in ours."""
    every = references()
    for reference in every:
        naming = {child: parent for child, parent in reference.columns.items() if child != "cluster_id"}
        parent = a_row(reference.parent, town.there.id, *naming.values())
        changes = {child: value_of(reference.parent, "parent", name) for child, name in naming.items()}
        if "id" not in naming:
            changes["id"] = "gen_random_uuid()"
        changes |= FRESH.get(reference.name, {})
        statement = insert_like(reference.child, changes)
        values = {"row": a_row(reference.child, town.here.id, *naming), "parent": parent}
        others = [other.name for other in every if other.child == reference.child and other != reference]
        with inside(town.here.id, "owner"):
            for other in others:  # so that it is this one that refuses; undone with the transaction
                do("owner", f'ALTER TABLE "{reference.child}" DROP CONSTRAINT "{other}" CASCADE')
            state, words = refusal("owner", statement, values)
            transaction.set_rollback(True, using="owner")
        assert state == NO_SUCH_PARENT, (reference, words)
        assert f'"{reference.name}"' in words, (reference, words)


def test_append_only_rows_stay_whoever_asks(town: Town) -> None:
    """Rows that stand, met by somebody whom no policy and no privilege stops."""
    tables = rows("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
    with superuser() as server:
        for (table,) in tables:
            change = (f"UPDATE {table} SET cluster_id = cluster_id", f"DELETE FROM {table}")
            for statement in (f"TRUNCATE {table} CASCADE", *(change if table in owned() else ())):
                with pytest.raises(Exception, match="append-only"):
                    server.execute(statement.encode())


@pytest.mark.parametrize("alias", ["default", "sweep", "checker"])
def test_nobody_who_serves_becomes_anybody_else(alias: str) -> None:
    here = {"default": settings.ROLE_APP, "sweep": settings.ROLE_SWEEP, "checker": settings.ROLE_CHECKER}[alias]
    for (role,) in rows("SELECT rolname FROM pg_roles WHERE rolname <> %s", [here]):
        for statement in (f'SET ROLE "{role}"', f'SET SESSION AUTHORIZATION "{role}"', f'GRANT "{role}" TO "{here}"'):
            assert refusal(alias, statement)[0] in ("42501", "0A000"), (role, statement)


@pytest.mark.parametrize("alias", ["default", "sweep", "checker"])
def test_nobody_who_serves_makes_anything(alias: str) -> None:
    """Least of all a temporary table of a real one's name, which a function that trusts its search path would read."""
    for statement in (
        "CREATE TEMPORARY TABLE ledger_account (id uuid)",
        "CREATE TABLE mine (id uuid)",
        "CREATE SCHEMA mine",
        "CREATE FUNCTION mine() RETURNS integer LANGUAGE sql RETURN 1",
        "CREATE VIEW mine AS SELECT 1",
        "ALTER TABLE ledger_transfer DISABLE ROW LEVEL SECURITY",
        "ALTER TABLE ledger_transfer DISABLE TRIGGER ALL",
        "DROP POLICY tenant ON ledger_transfer",
        "SET session_replication_role = replica",
        "COPY ledger_transfer TO PROGRAM 'cat'",
    ):
        assert refusal(alias, statement)[0] == "42501", statement


def test_row_security_cannot_be_switched_off(town: Town) -> None:
    """`row_security = off` asks for an error instead of silently fewer rows: that error, not more rows, is what comes."""
    with transaction.atomic(using="default"):
        do("default", "SET LOCAL row_security = off")
        assert refusal("default", "SELECT * FROM ledger_transfer")[0] == "42501"
