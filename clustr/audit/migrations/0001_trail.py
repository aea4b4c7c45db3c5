"""The trail, first answers, throttles, and the functions by which other rooms' SQL writes and asks."""

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_table

TABLES = """
-- What single columns must be. Domains, not CHECKs of the tables: these rows are written with every payment.
CREATE DOMAIN audit_action AS text CHECK (VALUE ~ '^[a-z_]+[.][a-z_]+$');
CREATE DOMAIN audit_kind AS text CHECK (VALUE ~ '^[a-z_]+$');
CREATE DOMAIN audit_facts AS jsonb CHECK (jsonb_typeof(VALUE) = 'object');
CREATE DOMAIN audit_digest AS bytea CHECK (length(VALUE) = 32);
CREATE DOMAIN audit_success AS smallint CHECK (VALUE BETWEEN 200 AND 299);

CREATE TABLE audit_event (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  at timestamptz NOT NULL,
  actor_id uuid,
  action audit_action NOT NULL,
  subject_kind audit_kind NOT NULL,
  subject_id uuid NOT NULL,
  reason text NOT NULL DEFAULT '',
  ip inet,
  user_agent text NOT NULL DEFAULT '',
  request_id text NOT NULL DEFAULT '',
  changes audit_facts NOT NULL DEFAULT '{}',
  journal uuid,
  CONSTRAINT audit_event_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX audit_event_by_time ON audit_event (cluster_id, at DESC, id DESC);
CREATE INDEX audit_event_by_subject ON audit_event (cluster_id, subject_id, at DESC, id DESC);
CREATE INDEX audit_event_by_actor ON audit_event (cluster_id, actor_id, at DESC, id DESC);

CREATE TABLE audit_idempotency_key (
  cluster_id uuid NOT NULL,
  scope uuid NOT NULL,
  user_id uuid NOT NULL,
  body audit_digest NOT NULL,
  status audit_success NOT NULL,
  answer text NOT NULL,
  needs text[] NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT audit_idempotency_key_pkey PRIMARY KEY (cluster_id, scope)
);
CREATE INDEX audit_idempotency_key_by_age ON audit_idempotency_key USING brin (at);

CREATE UNLOGGED TABLE audit_throttle (
  bucket text PRIMARY KEY,
  tat timestamptz NOT NULL
) WITH (fillfactor = 50);
REVOKE ALL ON audit_throttle FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON audit_throttle TO {app};
"""

RECORD = """
CREATE FUNCTION audit_new_id() RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
  SELECT encode(set_bit(set_bit(overlay(uuid_send(gen_random_uuid()) PLACING
    substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3) FROM 1 FOR 6), 52, 1), 53, 1),
    'hex')::uuid
$$;
COMMENT ON FUNCTION audit_new_id IS 'A UUIDv7 where no id was handed in.';

CREATE FUNCTION audit_record(
  event uuid, moment timestamptz, actor uuid, act text, kind text, subject uuid, why text, address text,
  agent text, request text, facts jsonb DEFAULT '{}', booked_as uuid DEFAULT NULL
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_event (cluster_id, id, at, actor_id, action, subject_kind, subject_id, reason, ip, user_agent,
                           request_id, changes, journal)
  VALUES (kit_tenant(), coalesce(event, audit_new_id()), moment, actor, act, kind, subject, why, address::inet, agent,
          request, facts, booked_as);
END $$;
COMMENT ON FUNCTION audit_record IS 'Write one act into the trail of the current cluster; `event` NULL makes an id.';

CREATE FUNCTION audit_record_batch(
  moment timestamptz, actor uuid, act text, kind text, subjects uuid[], why text, address text, agent text,
  request text, facts jsonb[] DEFAULT NULL, journals uuid[] DEFAULT NULL
) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE written bigint;
BEGIN
  INSERT INTO audit_event (cluster_id, id, at, actor_id, action, subject_kind, subject_id, reason, ip, user_agent,
                           request_id, changes, journal)
  SELECT kit_tenant(), audit_new_id(), moment, actor, act, kind, s.subject, why, address::inet, agent, request,
         coalesce(s.fact, '{}'), s.journal
  FROM unnest(subjects, facts, journals) AS s(subject, fact, journal);
  GET DIAGNOSTICS written = ROW_COUNT;
  RETURN written;
END $$;
COMMENT ON FUNCTION audit_record_batch IS 'Write one act on many subjects in one statement; answers how many.';
"""

CLAIM = """
CREATE FUNCTION audit_claim(
  wanted uuid, input bytea, OUT verdict text, OUT status smallint, OUT answer text, OUT needs text[]
) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  ours boolean := pg_try_advisory_xact_lock(uuid_hash_extended(wanted, uuid_hash_extended(tenant, 3)));
  kept record;
BEGIN
  -- After the lock was tried: whoever held it may have committed by now, and each statement here sees what is committed.
  SELECT k.body, k.status, k.answer, k.needs INTO kept FROM audit_idempotency_key k
    WHERE k.cluster_id = tenant AND k.scope = wanted;
  IF NOT FOUND THEN
    verdict := CASE WHEN ours THEN 'fresh' ELSE 'running' END;
  ELSIF kept.body <> input THEN
    verdict := 'reused';
  ELSE
    verdict := 'replay';
    status := kept.status;
    answer := kept.answer;
    needs := kept.needs;
  END IF;
END $$;
COMMENT ON FUNCTION audit_claim IS
  'Claim a request for this transaction: fresh (ours to execute), replay, reused (other input), or running.';

CREATE FUNCTION audit_keep(
  wanted uuid, asker uuid, input bytea, answered smallint, sent text, needed text[], moment timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO audit_idempotency_key (cluster_id, scope, user_id, body, status, answer, needs, at)
  VALUES (kit_tenant(), wanted, asker, input, answered, sent, needed, moment);
END $$;
COMMENT ON FUNCTION audit_keep IS 'Keep the first answer of a claimed request, in the transaction of its effect.';
"""

THROTTLE = """
CREATE FUNCTION audit_throttle(
  buckets text[], intervals double precision[], bursts integer[], costs integer[]
) RETURNS double precision LANGUAGE plpgsql AS $$
DECLARE
  turn record;
  taken text[] := '{}';
  until timestamptz;
BEGIN
  FOR turn IN
    SELECT b.bucket, make_interval(secs => b.seconds * b.cost) AS price, make_interval(secs => b.seconds * b.burst) AS room
    FROM unnest(buckets, intervals, bursts, costs) AS b(bucket, seconds, burst, cost) ORDER BY b.bucket
  LOOP
    INSERT INTO audit_throttle AS t (bucket, tat) VALUES (turn.bucket, clock_timestamp() + turn.price)
    ON CONFLICT (bucket) DO UPDATE SET tat = greatest(t.tat, clock_timestamp()) + turn.price
      WHERE greatest(t.tat, clock_timestamp()) + turn.price <= clock_timestamp() + turn.room
    RETURNING tat INTO until;
    IF NOT FOUND THEN
      UPDATE audit_throttle t SET tat = t.tat - make_interval(secs => b.seconds * b.cost)
      FROM unnest(buckets, intervals, bursts, costs) AS b(bucket, seconds, burst, cost)
      WHERE t.bucket = b.bucket AND t.bucket = ANY (taken);
      SELECT t.tat + turn.price - turn.room INTO until FROM audit_throttle t WHERE t.bucket = turn.bucket;
      RETURN greatest(extract(epoch FROM until - clock_timestamp()), 0.001);
    END IF;
    taken := taken || turn.bucket;
  END LOOP;
  RETURN 0;
END $$;
COMMENT ON FUNCTION audit_throttle(text[], double precision[], integer[], integer[]) IS
  'Take a turn from every bucket or from none (GCRA); answers the seconds to wait, 0 when the turn was given.';
"""

STATE = [
    migrations.CreateModel(
        name="AuditEvent",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("at", models.DateTimeField()),
            ("actor_id", models.UUIDField(null=True)),
            ("action", models.TextField()),
            ("subject_kind", models.TextField()),
            ("subject_id", models.UUIDField()),
            ("reason", models.TextField(default="")),
            ("ip", models.GenericIPAddressField(null=True)),
            ("user_agent", models.TextField(default="")),
            ("request_id", models.TextField(default="")),
            ("changes", models.JSONField(default=dict)),
            ("journal", models.UUIDField(null=True)),
        ],
        options={"db_table": "audit_event"},
    ),
    migrations.CreateModel(
        name="IdempotencyKey",
        fields=[
            ("scope", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("body", models.BinaryField()),
            ("status", models.SmallIntegerField()),
            ("answer", models.TextField()),
            ("needs", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ("at", models.DateTimeField()),
        ],
        options={"db_table": "audit_idempotency_key"},
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            database_operations=[sql(TABLES), sql(RECORD), sql(CLAIM), sql(THROTTLE)], state_operations=STATE
        ),
        tenant_table("audit_event", app="SELECT, INSERT"),
        append_only("audit_event"),
        tenant_table(
            "audit_idempotency_key", app="SELECT, INSERT, DELETE", key="scope", sweep_columns="cluster_id, at"
        ),
    ]
