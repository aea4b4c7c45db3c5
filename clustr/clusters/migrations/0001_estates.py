"""Clusters, units, memberships, the tallies of joiners and leavers, and the functions that read them."""

from typing import ClassVar

import django.contrib.postgres.fields
import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import clustr.kit.ids
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.schema import sql, tenant_table

TABLES = f"""
CREATE TABLE clusters_cluster (
  id uuid PRIMARY KEY,
  name text NOT NULL CHECK (length(btrim(name)) BETWEEN 1 AND 200),
  currency varchar(3) NOT NULL CHECK (currency ~ '^[A-Z]{{3}}$'),
  timezone text NOT NULL CHECK (('2000-01-01T00:00:00Z'::timestamptz AT TIME ZONE timezone) IS NOT NULL),
  transfer_approval_limit_minor bigint CHECK (transfer_approval_limit_minor >= 0),
  earlier_approval_limit_minor bigint CHECK (earlier_approval_limit_minor >= 0),
  approval_limit_from timestamptz,
  support_email text NOT NULL DEFAULT '',
  fee_bearer text NOT NULL DEFAULT 'cluster' CHECK (fee_bearer IN ('cluster', 'payer')),
  is_platform boolean NOT NULL DEFAULT false,
  created_at timestamptz NOT NULL,
  CONSTRAINT clusters_cluster_raise_waits CHECK (
    (earlier_approval_limit_minor IS NULL) = (approval_limit_from IS NULL)
    AND (transfer_approval_limit_minor > earlier_approval_limit_minor) IS NOT FALSE),
  CONSTRAINT clusters_cluster_platform_is_reserved CHECK (is_platform = (id = '{PLATFORM_CLUSTER_ID}'))
);
INSERT INTO clusters_cluster (id, name, currency, timezone, is_platform, created_at)
  VALUES ('{PLATFORM_CLUSTER_ID}', 'ClustR', 'NGN', 'Africa/Lagos', true, '2026-01-01T00:00:00Z');

CREATE TABLE clusters_unit (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  label text NOT NULL CHECK (length(label) BETWEEN 1 AND 100),
  label_key text COLLATE "C" NOT NULL,
  unit_type text NOT NULL DEFAULT '',
  CONSTRAINT clusters_unit_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT clusters_unit_label_once UNIQUE (cluster_id, label_key)
);

CREATE TABLE clusters_membership (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  unit_id uuid,
  role text NOT NULL CHECK (role IN ('admin', 'staff', 'resident')),
  permissions text[] NOT NULL DEFAULT '{{}}',
  joined_at timestamptz NOT NULL,
  left_at timestamptz,
  previous_left_at timestamptz,
  invited_at timestamptz,
  accepted_at timestamptz,
  supplied_email text,
  supplied_name text,
  supplied_phone text,
  resident boolean GENERATED ALWAYS AS (role = 'resident') STORED,
  CONSTRAINT clusters_membership_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT clusters_membership_user_exists FOREIGN KEY (user_id) REFERENCES people_user (id),
  CONSTRAINT clusters_membership_unit_in_cluster FOREIGN KEY (cluster_id, unit_id)
    REFERENCES clusters_unit (cluster_id, id),
  CONSTRAINT clusters_membership_granted_to_staff CHECK (
    permissions = '{{}}' OR role = 'staff' AND permissions <@ ARRAY['ManageBill', 'ViewPayments', 'ManageRecurring',
      'ViewWallet', 'TransferFunds', 'CreditWallet', 'ManageMembers']),
  CONSTRAINT clusters_membership_supplied_until_accepted CHECK (
    num_nulls(supplied_email, supplied_name, supplied_phone) IN (0, 3)
    AND (accepted_at IS NULL OR supplied_email IS NULL)),
  CONSTRAINT clusters_membership_leaves_after_joining CHECK (left_at > joined_at),
  CONSTRAINT clusters_membership_after_the_one_before CHECK (previous_left_at <= joined_at),
  -- Per person, cluster and kind (resident or management) the periods form one chain: at most one period is open and no
  -- two end together; at most one is the first and no two follow the same one; what is followed exists. With the two
  -- checks above no two periods of a chain can overlap.
  CONSTRAINT clusters_membership_one_open
    UNIQUE NULLS NOT DISTINCT (user_id, cluster_id, resident, left_at),
  CONSTRAINT clusters_membership_one_follower
    UNIQUE NULLS NOT DISTINCT (cluster_id, user_id, resident, previous_left_at),
  CONSTRAINT clusters_membership_follows_one FOREIGN KEY (user_id, cluster_id, resident, previous_left_at)
    REFERENCES clusters_membership (user_id, cluster_id, resident, left_at)
);
CREATE INDEX clusters_membership_by_unit ON clusters_membership (cluster_id, unit_id) WHERE unit_id IS NOT NULL;
CREATE INDEX clusters_membership_to_invite ON clusters_membership (cluster_id, id) WHERE invited_at IS NULL;
CREATE INDEX clusters_membership_supplied ON clusters_membership (cluster_id, id) WHERE supplied_email IS NOT NULL;
CREATE INDEX clusters_membership_management ON clusters_membership (cluster_id) WHERE role <> 'resident';
CREATE INDEX clusters_membership_returned ON clusters_membership (cluster_id, previous_left_at)
  INCLUDE (joined_at) WHERE previous_left_at IS NOT NULL AND role = 'resident';

CREATE TABLE clusters_tally (
  cluster_id uuid NOT NULL,
  grain text NOT NULL CHECK (grain IN ('instant', 'day', 'month')),
  at timestamptz NOT NULL,
  joiners bigint NOT NULL,
  leavers bigint NOT NULL,
  CONSTRAINT clusters_tally_pkey PRIMARY KEY (cluster_id, grain, at)
) WITH (fillfactor = 80);
"""

MINE = """ARRAY(SELECT m.cluster_id FROM clusters_membership m
  WHERE m.user_id = (SELECT nullif(current_setting('clustr.user', true), '')::uuid))"""

TALLIES = """
-- Add what a statement changed to the tallies: one row per instant, day and month (UTC) in which residents joined or left.
CREATE FUNCTION clusters_tally_add() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH moved AS (
    SELECT cluster_id, joined_at AS at, count(*) AS joiners, 0::bigint AS leavers
      FROM added WHERE role = 'resident' GROUP BY 1, 2
    UNION ALL
    SELECT cluster_id, left_at, 0, count(*) FROM added WHERE role = 'resident' AND left_at IS NOT NULL GROUP BY 1, 2
  )
  INSERT INTO clusters_tally AS tally (cluster_id, grain, at, joiners, leavers)
    SELECT moved.cluster_id, span.grain, span.at, sum(moved.joiners), sum(moved.leavers)
    FROM moved CROSS JOIN LATERAL clusters_grains(moved.at) AS span
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (cluster_id, grain, at) DO UPDATE
      SET joiners = tally.joiners + EXCLUDED.joiners, leavers = tally.leavers + EXCLUDED.leavers;
  RETURN NULL;
END $$;

CREATE FUNCTION clusters_tally_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  WITH moved AS (
    SELECT cluster_id, joined_at AS at, count(*) AS joiners, 0::bigint AS leavers
      FROM added WHERE role = 'resident' GROUP BY 1, 2
    UNION ALL
    SELECT cluster_id, left_at, 0, count(*) FROM added WHERE role = 'resident' AND left_at IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT cluster_id, joined_at, -count(*), 0 FROM removed WHERE role = 'resident' GROUP BY 1, 2
    UNION ALL
    SELECT cluster_id, left_at, 0, -count(*) FROM removed WHERE role = 'resident' AND left_at IS NOT NULL GROUP BY 1, 2
  ), net AS (
    SELECT cluster_id, at, sum(joiners) AS joiners, sum(leavers) AS leavers FROM moved
      GROUP BY 1, 2 HAVING sum(joiners) <> 0 OR sum(leavers) <> 0
  )
  INSERT INTO clusters_tally AS tally (cluster_id, grain, at, joiners, leavers)
    SELECT net.cluster_id, span.grain, span.at, sum(net.joiners), sum(net.leavers)
    FROM net CROSS JOIN LATERAL clusters_grains(net.at) AS span
    GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (cluster_id, grain, at) DO UPDATE
      SET joiners = tally.joiners + EXCLUDED.joiners, leavers = tally.leavers + EXCLUDED.leavers;
  RETURN NULL;
END $$;

CREATE FUNCTION clusters_grains(at timestamptz) RETURNS TABLE (grain text, at timestamptz) LANGUAGE sql STABLE AS $$
  VALUES ('instant', $1), ('day', date_trunc('day', $1, 'UTC')), ('month', date_trunc('month', $1, 'UTC'))
$$;

CREATE TRIGGER tally_add AFTER INSERT ON clusters_membership REFERENCING NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION clusters_tally_add();
CREATE TRIGGER tally_change AFTER UPDATE ON clusters_membership REFERENCING OLD TABLE AS removed NEW TABLE AS added
  FOR EACH STATEMENT EXECUTE FUNCTION clusters_tally_change();
CREATE TRIGGER kept BEFORE DELETE ON clusters_membership FOR EACH ROW EXECUTE FUNCTION kit_refuse_change();
CREATE TRIGGER kept_truncate BEFORE TRUNCATE ON clusters_membership FOR EACH STATEMENT
  EXECUTE FUNCTION kit_refuse_change();
"""

READING = """
-- How many resident periods of the current cluster began, and how many ended, up to and including an instant: whole
-- months, then whole days of its month, then the instants of its day.
CREATE FUNCTION clusters_flow(until timestamptz, OUT joiners bigint, OUT leavers bigint) LANGUAGE sql STABLE AS $$
  SELECT coalesce(sum(part.joiners), 0)::bigint, coalesce(sum(part.leavers), 0)::bigint FROM (
    SELECT t.joiners, t.leavers FROM clusters_tally t
      WHERE t.cluster_id = kit_tenant() AND t.grain = 'month' AND t.at < date_trunc('month', until, 'UTC')
    UNION ALL
    SELECT t.joiners, t.leavers FROM clusters_tally t
      WHERE t.cluster_id = kit_tenant() AND t.grain = 'day'
        AND t.at >= date_trunc('month', until, 'UTC') AND t.at < date_trunc('day', until, 'UTC')
    UNION ALL
    SELECT t.joiners, t.leavers FROM clusters_tally t
      WHERE t.cluster_id = kit_tenant() AND t.grain = 'instant'
        AND t.at >= date_trunc('day', until, 'UTC') AND t.at <= until
  ) AS part
$$;

-- How many different residents of the current cluster a bill reaches: those with a period that overlaps [issued, due],
-- or with one in force at `issued`. A person who left and came back in between has two such periods and counts once.
CREATE FUNCTION clusters_members_billed(issued timestamptz, due timestamptz, at_issue_only boolean)
RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN at_issue_only THEN at_issue.joiners - at_issue.leavers
    ELSE (clusters_flow(due)).joiners - at_issue.leavers
      - (SELECT count(*) FROM clusters_membership m WHERE m.cluster_id = kit_tenant() AND m.role = 'resident'
           AND m.previous_left_at > issued AND m.joined_at <= due)
    END
  FROM clusters_flow(issued) AS at_issue
$$;

-- Whether a bill reaches a membership: the definition by which the function above counts people.
CREATE FUNCTION clusters_reaches(
  role text, joined_at timestamptz, left_at timestamptz, issued timestamptz, due timestamptz, at_issue_only boolean
) RETURNS boolean LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT role = 'resident' AND joined_at <= CASE WHEN at_issue_only THEN issued ELSE due END
    AND (left_at IS NULL OR left_at > issued)
$$;

-- Everything the door must know of a person, before any cluster is known, in one round trip: whether they are active, and
-- every membership they have or had. Without any membership there is one row with an empty cluster.
CREATE FUNCTION clusters_memberships_of(person uuid) RETURNS TABLE (
  is_active boolean, cluster_id uuid, currency text, timezone text, role text, permissions text[],
  joined_at timestamptz, left_at timestamptz, accepted boolean
) LANGUAGE plpgsql AS $$
DECLARE
  before text := coalesce(current_setting('clustr.user', true), '');
BEGIN
  PERFORM set_config('clustr.user', person::text, true);
  RETURN QUERY
    SELECT u.is_active, m.cluster_id, c.currency::text, c.timezone, m.role, m.permissions, m.joined_at, m.left_at,
      m.accepted_at IS NOT NULL
    FROM people_user u
    LEFT JOIN clusters_membership m ON m.user_id = u.id
    LEFT JOIN clusters_cluster c ON c.id = m.cluster_id
    WHERE u.id = person;
  PERFORM set_config('clustr.user', before, true);
END $$;
"""


def _uuid() -> models.UUIDField:
    return models.UUIDField()


def _id() -> models.UUIDField:
    return models.UUIDField(primary_key=True, default=clustr.kit.ids.new_id, serialize=False)


STATE = [
    migrations.CreateModel(
        name="Cluster",
        fields=[
            ("id", _id()),
            ("name", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("timezone", models.TextField()),
            ("transfer_approval_limit_minor", models.BigIntegerField(null=True)),
            ("earlier_approval_limit_minor", models.BigIntegerField(null=True)),
            ("approval_limit_from", models.DateTimeField(null=True)),
            ("support_email", models.TextField(default="")),
            ("fee_bearer", models.TextField(default="cluster")),
            ("is_platform", models.BooleanField(default=False)),
            ("created_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Unit",
        fields=[
            ("id", _id()),
            ("cluster_id", _uuid()),
            ("label", models.TextField()),
            ("label_key", models.TextField()),
            ("unit_type", models.TextField(default="")),
        ],
    ),
    migrations.CreateModel(
        name="Membership",
        fields=[
            ("id", _id()),
            ("cluster_id", _uuid()),
            (
                "user",
                models.ForeignKey(
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="+",
                    to=settings.AUTH_USER_MODEL,
                ),
            ),
            (
                "unit",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    null=True,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="+",
                    to="clusters.unit",
                ),
            ),
            ("role", models.TextField()),
            (
                "permissions",
                django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
            ),
            ("joined_at", models.DateTimeField()),
            ("left_at", models.DateTimeField(null=True)),
            ("previous_left_at", models.DateTimeField(null=True)),
            ("invited_at", models.DateTimeField(null=True)),
            ("accepted_at", models.DateTimeField(null=True)),
            ("supplied_email", models.TextField(null=True)),
            ("supplied_name", models.TextField(null=True)),
            ("supplied_phone", models.TextField(null=True)),
            (
                "resident",
                models.GeneratedField(
                    db_persist=True, expression=models.Q(("role", "resident")), output_field=models.BooleanField()
                ),
            ),
        ],
    ),
    migrations.CreateModel(
        name="Tally",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "grain", "at", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("cluster_id", _uuid()),
            ("grain", models.TextField()),
            ("at", models.DateTimeField()),
            ("joiners", models.BigIntegerField()),
            ("leavers", models.BigIntegerField()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [
        ("kit", "0001_functions"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table(
            "clusters_membership",
            app="SELECT, INSERT, UPDATE",
            key="",
            also_visible="user_id = (SELECT nullif(current_setting('clustr.user', true), '')::uuid)",
        ),
        tenant_table(
            "clusters_cluster",
            app="SELECT, INSERT, UPDATE",
            key="",
            cluster="id",
            also_visible=f"id = ANY ({MINE})",
            sweep_columns="id, name, currency, timezone, is_platform",
        ),
        tenant_table("clusters_unit", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table("clusters_tally", app="SELECT, INSERT, UPDATE", key=""),
        sql(TALLIES),
        sql(READING),
    ]
