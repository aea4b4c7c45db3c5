"""Migration operations that make the database the last wall: tenant tables, composite references, append-only tables.

Every cluster-owned table is created by Django and then protected here: its primary key becomes `(cluster_id, id)`,
row-level security is forced, and the runtime role gets exactly the privileges named.
"""

from __future__ import annotations

from django.conf import settings
from django.db.migrations.operations import RunSQL

TENANT = "nullif(current_setting('clustr.cluster', true), '')::uuid"
"""The current cluster, in policies. Not a sub-select: the planner reads this value, and so knows how much of a table a
cluster holds. Of a sub-select it knows nothing, takes every cluster for an average one, and then fetches and sorts all
members of a large one for a page of fifty."""

NO_TENANT = "(SELECT nullif(current_setting('clustr.cluster', true), '')) IS NULL"
"""How the checker sees every cluster, or with one set, only that one."""


def _roles() -> dict[str, str]:
    return {"app": settings.ROLE_APP, "sweep": settings.ROLE_SWEEP, "checker": settings.ROLE_CHECKER}


def sql(statement: str, reverse: str = RunSQL.noop) -> RunSQL:
    """Raw SQL in which `{app}`, `{sweep}`, `{checker}` stand for the roles and `{tenant}` for the current cluster."""
    for name, role in _roles().items():
        statement = statement.replace("{" + name + "}", f'"{role}"')
    return RunSQL(statement.replace("{tenant}", TENANT), reverse)


def tenant_table(
    table: str,
    *,
    app: str = "SELECT, INSERT, UPDATE",
    key: str = "id",
    cluster: str = "cluster_id",
    also_visible: str | None = None,
    sweep_columns: str | None = None,
) -> RunSQL:
    """Protect a cluster-owned table.

    `app`: the runtime role's privileges. `key`: the column(s) that, with the cluster, are the primary key; "" keeps the
    present one. `also_visible`: a further condition under which rows may be read. `sweep_columns`: what the sweep role
    may read of every cluster.
    """
    statements = [
        f"REVOKE ALL ON {table} FROM {{app}}, {{sweep}}, {{checker}}, PUBLIC",
        f"GRANT {app} ON {table} TO {{app}}",
        f"GRANT SELECT ON {table} TO {{checker}}",
        f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
        f"CREATE POLICY tenant ON {table} USING ({cluster} = {{tenant}}) WITH CHECK ({cluster} = {{tenant}})",
        f"CREATE POLICY checker_reads ON {table} FOR SELECT TO {{checker}} USING ({NO_TENANT})",
    ]
    if key and cluster == "cluster_id":
        statements.append(
            f"ALTER TABLE {table} DROP CONSTRAINT IF EXISTS {table}_pkey,"
            f" ADD CONSTRAINT {table}_pkey PRIMARY KEY (cluster_id, {key})"
        )
    if also_visible:
        statements.append(f"CREATE POLICY also_visible ON {table} FOR SELECT USING ({also_visible})")
    if sweep_columns:
        statements.append(f"GRANT SELECT ({sweep_columns}) ON {table} TO {{sweep}}")
        statements.append(f"CREATE POLICY sweep_reads ON {table} FOR SELECT TO {{sweep}} USING (true)")
    return sql(";\n".join(statements))


def tenant_reference(
    child: str,
    columns: str,
    parent: str,
    *,
    parent_columns: str = "id",
    name: str | None = None,
    deferred: bool = False,
) -> RunSQL:
    """A foreign key inside one cluster: `(cluster_id, columns)` must exist in the parent, so that a foreign estate's row
    is refused (a plain foreign key to an invisible row would be accepted)."""
    constraint = name or f"{child}_{columns.split(',')[0].strip()}_in_cluster"
    return sql(
        f"ALTER TABLE {child} ADD CONSTRAINT {constraint} FOREIGN KEY (cluster_id, {columns})"
        f" REFERENCES {parent} (cluster_id, {parent_columns}) ON DELETE RESTRICT"
        + (" DEFERRABLE INITIALLY DEFERRED" if deferred else "")
    )


def append_only(table: str) -> RunSQL:
    """Refuse UPDATE, DELETE and TRUNCATE by trigger, whoever asks; privileges already refuse the runtime role."""
    return sql(
        f"CREATE TRIGGER append_only BEFORE UPDATE OR DELETE ON {table} FOR EACH ROW"
        " EXECUTE FUNCTION kit_refuse_change();\n"
        f"CREATE TRIGGER append_only_truncate BEFORE TRUNCATE ON {table} FOR EACH STATEMENT"
        " EXECUTE FUNCTION kit_refuse_change();\n"
        f"ALTER TABLE {table} ENABLE ALWAYS TRIGGER append_only, ENABLE ALWAYS TRIGGER append_only_truncate"
    )
