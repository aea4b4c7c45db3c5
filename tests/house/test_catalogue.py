"""The database's own walls, read from its catalogue: a table somebody forgets to protect fails the build."""

from __future__ import annotations

from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.db import DatabaseError, connections, transaction

from clustr.kit.tenancy import tenant
from tests.cast import Cast

TENANT_TABLES = """
SELECT c.relname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'cluster_id'
WHERE c.relkind IN ('r', 'p') AND c.relnamespace = 'public'::regnamespace AND NOT a.attisdropped ORDER BY 1
"""
NOT_A_TENANTS = {
    "people_mail": "a mail belongs to a person; the cluster is only whose name it is sent in",
}
"""Tables whose `cluster_id` is only a note, each with the reason."""

DEFINERS = {
    "ledger_open_account": "opens an account; row-level security still applies",
    "ledger_freeze": "freezes or thaws an account",
    "ledger_post": "the door through which money moves, many transfers at once",
    "ledger_post_one": "the same door for one transfer",
    "ledger_post_covered": "the same door for many, each paying account for itself",
    "ledger_close": "closes a checkpoint of a growing account",
    "ledger_resort_turnover": "sorts closed turnover anew when the time zone changes",
}
"""Every function that runs with its owner's rights, each reviewed."""

NO_TENANTS_TABLE = {
    "account_emailaddress": "sign-in: a person's addresses",
    "account_emailconfirmation": "sign-in: of the package, unused",
    "audit_throttle": "how fast persons and addresses ask",
    "auth_group": "of Django, unused",
    "auth_group_permissions": "of Django, unused",
    "auth_permission": "of Django, unused",
    "django_content_type": "of Django",
    "django_migrations": "of Django",
    "django_session": "sign-in: who is signed in",
    "mfa_authenticator": "sign-in: second factors",
    "payments_notice": "what a provider sent, before anybody knows of which estate it speaks",
    "payments_step": "which state may follow which",
    "people_cache": "counters of sign-in",
    "people_erasure": "who asked to be forgotten",
    "people_mail": "mail that waits; a person's, whichever estate's name it is sent in",
    "people_user": "people, who may belong to several estates",
    "procrastinate_events": "jobs: ids only",
    "procrastinate_jobs": "jobs: ids only",
    "procrastinate_periodic_defers": "jobs",
    "procrastinate_workers": "jobs",
    "usersessions_usersession": "sign-in: a person's devices",
    "ledger_kind": "kinds of account, the same in every estate's books",
    "settlement_reconciliation": "when a provider's own list was compared, and how many lines it had",
    "settlement_held": "what a provider held, beside what all estates own there",
    "settlement_banked": "what a provider paid to the operator's bank, of whichever estates",
    "settlement_own_funds": "what of a provider's balance is the operator's own",
    "utilities_provider": "what utility services sell, the same everywhere",
    "audit_horizon": "up to which transaction the trails of all estates are chained: one number",
}
"""Every table that no estate owns, each with the reason."""

PEOPLE = {
    "user_id",
    "owner_id",
    "actor_id",
    "by",
    "created_by",
    "cancelled_by",
    "closed_by",
    "released_by",
    "kept_by",
    "requested_by",
    "decided_by",
    "agreed_by",
    "verified_by",
}
WITHOUT_KEY = {
    "audit_event.subject_id": "the trail names anything, and outlives it",
    "audit_event.journal": "the trail names anything, and outlives it",
    "audit_idempotency_key.scope": "a digest",
    "bills_bill.utility_provider_id": "of the room above, which owns the row that ties them",
    "ledger_account.subject_id": "whose account it is: a person, by the posting room's own word",
    "ledger_transfer.debit": "a hot row; `ledger_post` looks both accounts up in the estate, and `check_books` proves it",
    "ledger_transfer.credit": "as `debit`",
    "ledger_transfer.journal": "what several transfers have in common",
    "notifications_event.subject_id": "of a room above: a bill, a transaction, a case",
    "notifications_event.fan_out_after": "how far it has come: any membership's id",
    "payments_attempt.request_id": "a digest",
    "subscriptions_stripecall.cause": "a digest",
    "payments_transaction.subject_id": "of a room above, which owns the row that ties it",
    "subscriptions_subscription.for_cluster_id": "the estate that a plan is for: another tenant than that of who sells",
}
"""Columns of estates' tables that hold an id and have no foreign key, each with the reason. Ids of people have none: who
acted stays in the books when the person is forgotten."""

VIEWS = {"bills_owed": "bill x membership x what the member did"}


def rows(sql: str, params: Any = None, using: str = "owner") -> list[tuple[Any, ...]]:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, params)
        return list(cursor.fetchall())


def tenant_tables() -> list[str]:
    return [name for (name,) in rows(TENANT_TABLES) if name not in NOT_A_TENANTS]


def test_it_works() -> None:
    assert {"ledger_transfer", "clusters_membership", "payments_transaction"} <= set(tenant_tables())


def test_every_table_is_an_estates_or_named_here() -> None:
    tables = {name for (name,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}
    owned = {*tenant_tables(), "clusters_cluster"}
    assert tables - owned == NO_TENANTS_TABLE.keys(), "give it a cluster_id and `tenant_table`, or say why it has none"


def test_every_id_has_a_key_or_a_reason() -> None:
    loose = rows(
        """
        SELECT c.relname || '.' || a.attname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
        WHERE c.relname = ANY(%s) AND a.attnum > 0 AND a.atttypid = 'uuid'::regtype AND a.attname NOT IN ('id', 'cluster_id')
          AND NOT EXISTS (SELECT FROM pg_constraint k
                          WHERE k.contype = 'f' AND k.conrelid = c.oid AND a.attnum = ANY(k.conkey))
        """,
        [tenant_tables()],
    )
    assert {name for name, column in loose if column not in PEOPLE} == WITHOUT_KEY.keys()


def test_every_policy_is_one_of_those_we_make() -> None:
    """`sweep_reads` and `checker_reads` are for their roles alone; a person sees their own memberships and estates."""
    made = rows("SELECT tablename, policyname, cmd, permissive, roles::text[] FROM pg_policies")
    everybody, reading = ["public"], {"checker_reads": settings.ROLE_CHECKER, "sweep_reads": settings.ROLE_SWEEP}
    for table, policy, command, permissive, roles in made:
        assert permissive == "PERMISSIVE"
        if policy == "tenant":
            assert (command, roles) == ("ALL", everybody), table
        elif policy == "also_visible":
            assert (command, table) in {("SELECT", "clusters_membership"), ("SELECT", "clusters_cluster")}
        else:
            assert (command, roles) == ("SELECT", [reading[policy]]), (table, policy)


def test_nothing_goes_round_the_tables() -> None:
    views = rows("SELECT viewname FROM pg_views WHERE schemaname NOT IN ('pg_catalog', 'information_schema')")
    assert {name for (name,) in views} == VIEWS.keys()
    rules = rows("SELECT rulename, tablename FROM pg_rules WHERE schemaname <> 'pg_catalog'")
    others = rows(
        "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        " AND relkind NOT IN ('r', 'i', 'v', 'S', 't', 'c')"
    )
    assert (rules, others, rows("SELECT pubname FROM pg_publication")) == ([], [], [])


def test_every_tenant_table_forces_row_level_security() -> None:
    unprotected = rows(
        "SELECT relname FROM pg_class WHERE relname = ANY(%s) AND NOT (relrowsecurity AND relforcerowsecurity)",
        [tenant_tables()],
    )
    assert unprotected == []


def test_every_tenant_table_has_the_tenant_policy() -> None:
    policies = rows("SELECT tablename, qual, with_check FROM pg_policies WHERE policyname = 'tenant'")
    by_table = {table: (using, check) for table, using, check in policies}
    for table in tenant_tables():
        using, check = by_table[table]
        assert "clustr.cluster" in using, table
        assert "clustr.cluster" in check, table
        assert "cluster_id" in using, table


def test_no_policy_lets_the_runtime_role_see_everything() -> None:
    open_to_all = rows(
        "SELECT tablename, policyname FROM pg_policies WHERE schemaname = 'public' AND qual = 'true'"
        " AND (roles = '{public}' OR %s = ANY(roles))",
        [settings.ROLE_APP],
    )
    assert open_to_all == []


def test_every_tenant_tables_key_starts_with_the_cluster() -> None:
    keys = dict(
        rows(
            "SELECT c.relname, a.attname FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid"
            " JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = i.indkey[0]"
            " WHERE i.indisprimary AND c.relname = ANY(%s)",
            [tenant_tables()],
        )
    )
    assert {table: keys.get(table) for table in tenant_tables() if keys.get(table) != "cluster_id"} == {}


def test_references_between_tenant_tables_carry_the_cluster() -> None:
    plain = rows(
        """
        SELECT c.conname FROM pg_constraint c
        WHERE c.contype = 'f' AND c.conrelid::regclass::text = ANY(%(tables)s)
          AND c.confrelid::regclass::text = ANY(%(tables)s)
          AND NOT EXISTS (
            SELECT FROM unnest(c.conkey, c.confkey) AS pair(child, parent)
            JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = pair.child AND a.attname = 'cluster_id'
            JOIN pg_attribute b ON b.attrelid = c.confrelid AND b.attnum = pair.parent AND b.attname = 'cluster_id')
        """,
        {"tables": tenant_tables()},
    )
    assert plain == []


def test_no_tenant_no_rows(cast: Cast) -> None:
    """With no cluster set the runtime role sees nothing, in any table, though there is something to see."""
    present = [table for table in tenant_tables() if rows(f'SELECT FROM "{table}" LIMIT 1', using="checker")]
    assert {"clusters_membership", "clusters_unit"} <= set(present)
    for table in tenant_tables():
        assert rows(f'SELECT count(*) FROM "{table}"', using="default") == [(0,)], table


def test_inside_a_tenant_only_its_own_rows(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        for table in tenant_tables():
            strangers = f'SELECT count(*) FROM "{table}" WHERE cluster_id <> %s'
            assert rows(strangers, [cast.cluster_id], using="default") == [(0,)], table


def test_no_tenant_no_new_row() -> None:
    """Not even an INSERT gets through: the policy's check refuses the row before anything else sees it."""
    writable = rows(
        "SELECT c.relname FROM pg_class c WHERE c.relname = ANY(%s)"
        " AND has_table_privilege(%s, c.oid, 'INSERT') ORDER BY 1",
        [tenant_tables(), settings.ROLE_APP],
    )
    for (table,) in writable:
        with pytest.raises(DatabaseError) as raised, transaction.atomic():
            rows(f'INSERT INTO "{table}" (cluster_id) VALUES (%s) RETURNING 1', [uuid4()], using="default")
        assert getattr(raised.value.__cause__, "sqlstate", "") in ("42501", "23502", "CR000"), table


def test_the_serving_roles_own_nothing_and_have_no_power() -> None:
    roles = [settings.ROLE_APP, settings.ROLE_SWEEP, settings.ROLE_CHECKER]
    powers = rows(
        "SELECT rolname FROM pg_roles WHERE rolname = ANY(%s)"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        [roles],
    )
    owned = rows("SELECT oid::regclass::text FROM pg_class WHERE relowner::regrole::text = ANY(%s)", [roles])
    assert powers == owned == []
    memberships = rows("SELECT roleid::regrole FROM pg_auth_members WHERE member::regrole::text = ANY(%s)", [roles])
    assert memberships == []


def test_the_checker_writes_nothing_and_the_sweep_reads_little() -> None:
    tables = [name for (name,) in rows("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")]
    for table in tables:
        for privilege in ("INSERT", "UPDATE", "DELETE", "TRUNCATE"):
            for role in (settings.ROLE_CHECKER, settings.ROLE_SWEEP):
                assert rows("SELECT has_table_privilege(%s, %s, %s)", [role, table, privilege]) == [(False,)], (
                    role,
                    table,
                    privilege,
                )
    for table in tenant_tables():
        assert rows("SELECT has_table_privilege(%s, %s, 'SELECT')", [settings.ROLE_SWEEP, table]) == [(False,)], table


def test_nobody_may_truncate_a_tenant_table() -> None:
    for table in tenant_tables():
        assert rows("SELECT has_table_privilege(%s, %s, 'TRUNCATE')", [settings.ROLE_APP, table]) == [(False,)], table


def test_views_see_what_their_reader_may_see() -> None:
    careless = rows(
        "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'v' AND relnamespace = 'public'::regnamespace"
        " AND NOT coalesce('security_invoker=true' = ANY(reloptions) OR 'security_invoker=on' = ANY(reloptions), false)"
    )
    assert careless == []
    assert rows("SELECT oid::regclass::text FROM pg_class WHERE relkind = 'm'") == []


def test_functions_with_their_owners_rights_are_the_reviewed_ones() -> None:
    """With a search path that never finds somebody's temporary table first, called by the runtime role alone."""
    definers = rows(
        "SELECT proname, array_to_string(proconfig, ','), array(SELECT rolname::text FROM pg_roles"
        " WHERE has_function_privilege(oid, p.oid, 'EXECUTE') AND rolname = ANY(%s))"
        " FROM pg_proc p WHERE prosecdef AND pronamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema')",
        [[settings.ROLE_APP, settings.ROLE_SWEEP, settings.ROLE_CHECKER]],
    )
    assert {name for name, _, _ in definers} == set(DEFINERS)
    assert {config for _, config, _ in definers} == {"search_path=pg_catalog, public, pg_temp"}
    assert [callers for _, _, callers in definers if callers != [settings.ROLE_APP]] == []


def test_append_only_triggers_cannot_be_switched_off() -> None:
    triggers = rows(
        "SELECT tgrelid::regclass::text, tgname, tgenabled::text FROM pg_trigger WHERE tgname LIKE 'append\\_only%%'"
    )
    assert {table for table, _, _ in triggers} >= {"ledger_transfer", "audit_event"}
    assert {enabled for _, _, enabled in triggers} == {"A"}
    for table in {table for table, _, _ in triggers}:
        assert {name for where, name, _ in triggers if where == table} == {"append_only", "append_only_truncate"}


@pytest.mark.parametrize(
    "statement", ["UPDATE {} SET cluster_id = cluster_id", "DELETE FROM {}", "TRUNCATE {} CASCADE"]
)
@pytest.mark.parametrize("alias", ["default", "owner"])
def test_append_only_tables_refuse_change_from_anyone(alias: str, statement: str) -> None:
    tables = rows("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only_truncate'")
    for (table,) in tables:
        if "cluster_id" in statement and table not in tenant_tables():
            continue
        if alias == "owner" and "TRUNCATE" not in statement:
            continue  # row triggers meet no row of an empty table, or none that forced security lets the owner see
        with pytest.raises(DatabaseError), transaction.atomic(using=alias):
            rows(statement.format(table) + " RETURNING 1" * ("TRUNCATE" not in statement), using=alias)


def test_the_runtime_role_may_not_change_what_is_append_only() -> None:
    tables = rows("SELECT DISTINCT tgrelid::regclass::text FROM pg_trigger WHERE tgname = 'append_only'")
    for (table,) in tables:
        for privilege in ("UPDATE", "DELETE", "TRUNCATE"):
            assert rows("SELECT has_table_privilege(%s, %s, %s)", [settings.ROLE_APP, table, privilege]) == [
                (False,)
            ], (
                table,
                privilege,
            )


def test_no_sequence_tells_how_many_there_are() -> None:
    """Ids of cluster-owned rows are not counted up: row-level security does not hide the gaps of a sequence."""
    counted = rows(
        "SELECT a.attrelid::regclass::text, a.attname FROM pg_attribute a"
        " WHERE a.attrelid::regclass::text = ANY(%s) AND a.attnum > 0"
        " AND a.attname = 'id' AND (a.attidentity <> '' OR a.atthasdef)"
        " AND a.atttypid IN ('int4'::regtype, 'int8'::regtype)",
        [tenant_tables()],
    )
    assert counted == []


def test_no_serving_role_reads_a_sequence() -> None:
    """Nor does any column of an estate's table draw from one, whatever it is called."""
    powers = rows(
        "SELECT c.relname, r.rolname FROM pg_class c CROSS JOIN pg_roles r WHERE c.relkind = 'S' AND r.rolname = ANY(%s)"
        " AND (has_sequence_privilege(r.oid, c.oid, 'SELECT, UPDATE')"
        "      OR r.rolname <> %s AND has_sequence_privilege(r.oid, c.oid, 'USAGE'))",
        [[settings.ROLE_APP, settings.ROLE_SWEEP, settings.ROLE_CHECKER], settings.ROLE_APP],
    )
    assert powers == []
    drawn = rows(
        "SELECT DISTINCT d.refobjid::regclass::text FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
        " WHERE c.relkind = 'S' AND d.refobjid > 0 AND d.refclassid = 'pg_class'::regclass"
    )
    assert {table for (table,) in drawn} <= NO_TENANTS_TABLE.keys()
