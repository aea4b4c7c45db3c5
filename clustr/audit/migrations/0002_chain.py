"""The chain of blocks over the trail: closed by a job, never by the act itself (docs/decisions/0011)."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table

TABLES = """
ALTER TABLE audit_event ADD COLUMN xid kit_number NOT NULL DEFAULT kit_lasting(pg_current_xact_id())::text::bigint;
-- Rows are added in nearly the order of their transactions: one entry for 64 pages finds the newest, and costs an act nothing.
CREATE INDEX audit_event_by_xid ON audit_event USING brin (xid) WITH (pages_per_range = 64, autosummarize = on);

CREATE TABLE audit_block (
  cluster_id uuid NOT NULL,
  seq bigint NOT NULL CHECK (seq > 0),
  first_xid kit_number NOT NULL,
  horizon kit_number NOT NULL,
  events integer NOT NULL CHECK (events > 0),
  total bigint NOT NULL,
  previous bytea NOT NULL CHECK (length(previous) = 32),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  closed_at timestamptz NOT NULL,
  CONSTRAINT audit_block_pkey PRIMARY KEY (cluster_id, seq),
  CONSTRAINT audit_block_one_for_an_event UNIQUE (cluster_id, horizon),
  CONSTRAINT audit_block_spans CHECK (first_xid < horizon)
);
CREATE INDEX audit_block_by_time ON audit_block (closed_at);

CREATE TABLE audit_anchor (
  cluster_id uuid NOT NULL,
  seq bigint NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT audit_anchor_pkey PRIMARY KEY (cluster_id, seq)
);

-- Every event of a transaction older than this is in a block. Derived; emptied after a restore.
CREATE TABLE audit_horizon (
  one boolean PRIMARY KEY DEFAULT true CHECK (one),
  horizon xid8 NOT NULL
);
REVOKE ALL ON audit_horizon FROM {app}, {sweep}, {checker}, PUBLIC;
GRANT SELECT, INSERT, UPDATE ON audit_horizon TO {app};
GRANT SELECT ON audit_horizon TO {sweep}, {checker};
"""

DIGESTS = """
CREATE FUNCTION audit_part(bytes bytea) RETURNS bytea LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
  coalesce(int4send(length(bytes)) || bytes, '\\xffffffff'::bytea);
COMMENT ON FUNCTION audit_part IS 'One part of the canonical bytes: its length and itself; a missing one is length -1.';

-- Free text and addresses enter as their own digests. `clustr.audit.chain.event_digest` says the same in Python.
CREATE FUNCTION audit_event_digest(e audit_event) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(
    audit_part(uuid_send(e.cluster_id)) || audit_part(uuid_send(e.id)) || audit_part(int8send(e.xid))
    || audit_part(int8send((extract(epoch FROM e.at) * 1000000)::bigint)) || audit_part(uuid_send(e.actor_id))
    || audit_part(convert_to(e.action, 'UTF8')) || audit_part(convert_to(e.subject_kind, 'UTF8'))
    || audit_part(uuid_send(e.subject_id)) || audit_part(sha256(convert_to(e.reason, 'UTF8')))
    || audit_part(sha256(convert_to(host(e.ip), 'UTF8'))) || audit_part(sha256(convert_to(e.user_agent, 'UTF8')))
    || audit_part(sha256(convert_to(e.request_id, 'UTF8'))) || audit_part(sha256(convert_to(e.changes::text, 'UTF8')))
    || audit_part(uuid_send(e.journal)))
$$;

-- `found`: the digests of the block's events one after the other, in the order of (xid, id).
CREATE FUNCTION audit_block_digest(b audit_block, found bytea) RETURNS bytea LANGUAGE sql STABLE PARALLEL SAFE AS $$
  SELECT sha256(
    b.previous || uuid_send(b.cluster_id) || int8send(b.seq) || int8send(b.first_xid)
    || int8send(b.horizon) || int8send(b.events) || int8send(b.total)
    || int8send((extract(epoch FROM b.closed_at) * 1000000)::bigint) || found)
$$;
"""

CLOSING = """
-- Close the cluster's next block over events of transactions from `since` on that have ended: ids commit out of order,
-- so only what is older than every running transaction is known to be complete. Answers how many events it holds.
-- A block holds about `most` events, but never a part of a transaction.
CREATE FUNCTION audit_close_block(since bigint, most integer, moment timestamptz) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  last audit_block;
  made audit_block;
  low bigint;
  cut bigint;
  found bytea;
BEGIN
  PERFORM pg_advisory_xact_lock(hashtextextended('audit_close_block ' || tenant::text, 0));
  SELECT * INTO last FROM audit_block b WHERE b.cluster_id = tenant ORDER BY b.seq DESC LIMIT 1;
  low := greatest(coalesce(last.horizon, 0), since);
  made.horizon := kit_lasting(pg_snapshot_xmin(pg_current_snapshot()))::text::bigint;
  SELECT e.xid INTO cut FROM audit_event e
    WHERE e.cluster_id = tenant AND e.xid >= low AND e.xid < made.horizon ORDER BY e.xid OFFSET most LIMIT 1;
  IF cut IS NOT NULL THEN
    IF NOT EXISTS (SELECT FROM audit_event e WHERE e.cluster_id = tenant AND e.xid >= low AND e.xid < cut) THEN
      cut := cut + 1;
    END IF;
    made.horizon := cut;
  END IF;
  SELECT count(*), min(e.xid), string_agg(audit_event_digest(e), '' ORDER BY e.xid, e.id)
    INTO made.events, made.first_xid, found
    FROM audit_event e WHERE e.cluster_id = tenant AND e.xid >= low AND e.xid < made.horizon;
  IF made.events = 0 THEN
    RETURN 0;
  END IF;
  made.cluster_id := tenant;
  made.seq := coalesce(last.seq, 0) + 1;
  made.total := coalesce(last.total, 0) + made.events;
  made.previous := coalesce(last.digest, decode(repeat('00', 32), 'hex'));
  made.closed_at := moment;
  made.digest := audit_block_digest(made, found);
  INSERT INTO audit_block SELECT made.*;
  RETURN made.events;
END $$;
COMMENT ON FUNCTION audit_close_block IS 'Close the next block of the current cluster''s trail; answers its events, 0: none.';
"""

STATE = [
    migrations.CreateModel(
        name="Block",
        fields=[
            ("seq", models.BigIntegerField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("first_xid", models.BigIntegerField()),
            ("horizon", models.BigIntegerField()),
            ("events", models.IntegerField()),
            ("total", models.BigIntegerField()),
            ("previous", models.BinaryField()),
            ("digest", models.BinaryField()),
            ("closed_at", models.DateTimeField()),
        ],
        options={"db_table": "audit_block"},
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("audit", "0001_trail")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            database_operations=[sql(TABLES), sql(DIGESTS), sql(CLOSING)], state_operations=STATE
        ),
        sql(
            "GRANT SELECT (cluster_id, xid) ON audit_event TO {sweep};"
            " CREATE POLICY sweep_reads ON audit_event FOR SELECT TO {sweep} USING (true)"
        ),
        tenant_table("audit_block", app="SELECT, INSERT", key="seq", sweep_columns="cluster_id, seq"),
        append_only("audit_block"),
        tenant_table("audit_anchor", app="SELECT, INSERT", key="seq", sweep_columns="cluster_id, seq"),
        append_only("audit_anchor"),
        tenant_reference("audit_anchor", "seq", "audit_block", parent_columns="seq"),
    ]
