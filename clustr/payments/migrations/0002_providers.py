"""What passes between ClustR and the payment providers: attempts, what was answered, money that arrived, notices, saved
cards, cases for a person, and the history of every transaction's states."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table
from clustr.payments.states import AttemptKind, CaseKind, NoticeState


def _one_of(values: type) -> str:
    return ", ".join(f"'{value}'" for value in values)


TABLES = f"""
CREATE TABLE payments_statuschange (
  cluster_id uuid NOT NULL,
  transaction_id uuid NOT NULL,
  n smallint NOT NULL CHECK (n > 0),
  from_status text NOT NULL,
  to_status text NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT payments_statuschange_pkey PRIMARY KEY (cluster_id, transaction_id, n),
  CONSTRAINT payments_statuschange_is_a_step FOREIGN KEY (from_status, to_status)
    REFERENCES payments_step (from_status, to_status)
);

CREATE TABLE payments_attempt (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ({_one_of(AttemptKind)})),
  provider text NOT NULL CHECK (provider <> ''),
  reference text NOT NULL CHECK (reference ~ '^[a-z0-9-]{{16,50}}$'),
  surcharge_minor bigint NOT NULL DEFAULT 0 CHECK (surcharge_minor >= 0),
  terms_version integer,
  request_id uuid,
  request_digest bytea,
  method_id uuid,
  checkout_url text NOT NULL DEFAULT '',
  callback_url text NOT NULL DEFAULT '',
  started_at timestamptz NOT NULL,
  payable_until timestamptz NOT NULL,
  sent_at timestamptz,
  heard_at timestamptz,
  checks integer NOT NULL DEFAULT 0 CHECK (checks >= 0),
  misses integer NOT NULL DEFAULT 0 CHECK (misses >= 0),
  next_check_at timestamptz,
  CONSTRAINT payments_attempt_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT payments_attempt_payable_after_start CHECK (payable_until >= started_at)
) WITH (fillfactor = 80);
CREATE UNIQUE INDEX payments_attempt_reference ON payments_attempt (reference);
CREATE UNIQUE INDEX payments_attempt_request ON payments_attempt (cluster_id, request_id) WHERE request_id IS NOT NULL;
CREATE INDEX payments_attempt_due ON payments_attempt (next_check_at) WHERE next_check_at IS NOT NULL;

CREATE TABLE payments_exchange (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  transaction_id uuid NOT NULL,
  act text NOT NULL CHECK (act ~ '^[a-z_]+$'),
  outcome text NOT NULL CHECK (outcome ~ '^[a-z_]+$'),
  answer jsonb NOT NULL CHECK (jsonb_typeof(answer) = 'object'),
  at timestamptz NOT NULL,
  CONSTRAINT payments_exchange_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX payments_exchange_of_transaction ON payments_exchange (cluster_id, transaction_id, id);

CREATE TABLE payments_settlement (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  provider text NOT NULL CHECK (provider <> ''),
  provider_id text NOT NULL CHECK (provider_id <> ''),
  asked_id uuid NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  currency varchar(3) NOT NULL,
  surcharge_minor bigint NOT NULL DEFAULT 0 CHECK (surcharge_minor >= 0),
  fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  completes_minor bigint NOT NULL CHECK (completes_minor >= 0),
  surplus_id uuid,
  surplus_minor bigint NOT NULL CHECK (surplus_minor >= 0),
  paid_at timestamptz NOT NULL,
  settled_at timestamptz NOT NULL,
  CONSTRAINT payments_settlement_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT payments_settlement_all_placed CHECK (completes_minor + surplus_minor = amount_minor),
  CONSTRAINT payments_settlement_surplus_has_a_place CHECK ((surplus_minor > 0) = (surplus_id IS NOT NULL))
);
-- One transaction of a provider settles at most once, in whichever estate.
CREATE UNIQUE INDEX payments_settlement_once ON payments_settlement (provider, provider_id);
-- What was asked for is completed at most once; what comes again is surplus.
CREATE UNIQUE INDEX payments_settlement_completes_once ON payments_settlement (cluster_id, asked_id)
  WHERE completes_minor > 0;
CREATE INDEX payments_settlement_of_asked ON payments_settlement (cluster_id, asked_id);
CREATE UNIQUE INDEX payments_settlement_one_surplus ON payments_settlement (cluster_id, surplus_id)
  WHERE surplus_id IS NOT NULL;

CREATE TABLE payments_method (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  provider text NOT NULL,
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  token bytea NOT NULL,
  brand text NOT NULL,
  last_four text NOT NULL CHECK (last_four ~ '^[0-9]{{4}}$'),
  expires_month smallint NOT NULL CHECK (expires_month BETWEEN 1 AND 12),
  expires_year smallint NOT NULL CHECK (expires_year BETWEEN 2000 AND 2100),
  saved_at timestamptz NOT NULL,
  removed_at timestamptz,
  CONSTRAINT payments_method_pkey PRIMARY KEY (cluster_id, id)
);
CREATE UNIQUE INDEX payments_method_once ON payments_method (cluster_id, user_id, provider, fingerprint)
  WHERE removed_at IS NULL;

CREATE TABLE payments_case (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ({_one_of(CaseKind)})),
  transaction_id uuid,
  subject text NOT NULL,
  facts jsonb NOT NULL DEFAULT '{{}}' CHECK (jsonb_typeof(facts) = 'object'),
  opened_at timestamptz NOT NULL,
  owner_id uuid,
  closed_at timestamptz,
  closed_by uuid,
  note text NOT NULL DEFAULT '',
  CONSTRAINT payments_case_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT payments_case_closed_with_a_note CHECK (closed_at IS NULL OR note <> '')
);
CREATE UNIQUE INDEX payments_case_one_open ON payments_case (cluster_id, kind, subject) WHERE closed_at IS NULL;

CREATE TABLE payments_notice (
  id uuid NOT NULL,
  provider text NOT NULL CHECK (provider <> ''),
  digest bytea NOT NULL CHECK (length(digest) = 32),
  body bytea NOT NULL,
  source inet,
  received_at timestamptz NOT NULL,
  deliveries integer NOT NULL DEFAULT 1,
  state text NOT NULL DEFAULT 'waiting' CHECK (state IN ({_one_of(NoticeState)})),
  kind text NOT NULL CHECK (kind ~ '^[a-z_]+$'),
  reference text NOT NULL,
  provider_id text NOT NULL,
  attempts integer NOT NULL DEFAULT 0,
  next_attempt_at timestamptz,
  CONSTRAINT payments_notice_pkey PRIMARY KEY (id),
  CONSTRAINT payments_notice_waits_for_an_attempt CHECK ((state = 'waiting') = (next_attempt_at IS NOT NULL))
);
CREATE UNIQUE INDEX payments_notice_once ON payments_notice (provider, digest);
CREATE INDEX payments_notice_due ON payments_notice (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX payments_notice_by_age ON payments_notice (received_at);
REVOKE ALL ON payments_notice FROM {{app}}, {{sweep}}, {{checker}}, PUBLIC;
GRANT SELECT, INSERT, UPDATE, DELETE ON payments_notice TO {{app}};
GRANT SELECT ON payments_notice TO {{checker}};
"""

STATE = [
    migrations.CreateModel(
        name="StatusChange",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "transaction_id", "n", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("cluster_id", models.UUIDField()),
            ("transaction_id", models.UUIDField()),
            ("n", models.PositiveSmallIntegerField()),
            ("from_status", models.TextField()),
            ("to_status", models.TextField()),
            ("at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Attempt",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("kind", models.TextField()),
            ("provider", models.TextField()),
            ("reference", models.TextField()),
            ("surcharge_minor", models.BigIntegerField(default=0)),
            ("terms_version", models.PositiveIntegerField(null=True)),
            ("request_id", models.UUIDField(null=True)),
            ("request_digest", models.BinaryField(null=True)),
            ("method_id", models.UUIDField(null=True)),
            ("checkout_url", models.TextField(default="")),
            ("callback_url", models.TextField(default="")),
            ("started_at", models.DateTimeField()),
            ("payable_until", models.DateTimeField()),
            ("sent_at", models.DateTimeField(null=True)),
            ("heard_at", models.DateTimeField(null=True)),
            ("checks", models.PositiveIntegerField(default=0)),
            ("misses", models.PositiveIntegerField(default=0)),
            ("next_check_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Exchange",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("transaction_id", models.UUIDField()),
            ("act", models.TextField()),
            ("outcome", models.TextField()),
            ("answer", models.JSONField()),
            ("at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Settlement",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("provider", models.TextField()),
            ("provider_id", models.TextField()),
            ("asked_id", models.UUIDField()),
            ("amount_minor", models.BigIntegerField()),
            ("currency", models.CharField(max_length=3)),
            ("surcharge_minor", models.BigIntegerField(default=0)),
            ("fee_minor", models.BigIntegerField(default=0)),
            ("completes_minor", models.BigIntegerField()),
            ("surplus_id", models.UUIDField(null=True)),
            ("surplus_minor", models.BigIntegerField()),
            ("paid_at", models.DateTimeField()),
            ("settled_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="SavedMethod",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("provider", models.TextField()),
            ("fingerprint", models.BinaryField()),
            ("token", models.BinaryField()),
            ("brand", models.TextField()),
            ("last_four", models.TextField()),
            ("expires_month", models.PositiveSmallIntegerField()),
            ("expires_year", models.PositiveSmallIntegerField()),
            ("saved_at", models.DateTimeField()),
            ("removed_at", models.DateTimeField(null=True)),
        ],
        options={"db_table": "payments_method"},
    ),
    migrations.CreateModel(
        name="Case",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("kind", models.TextField()),
            ("transaction_id", models.UUIDField(null=True)),
            ("subject", models.TextField()),
            ("facts", models.JSONField(default=dict)),
            ("opened_at", models.DateTimeField()),
            ("owner_id", models.UUIDField(null=True)),
            ("closed_at", models.DateTimeField(null=True)),
            ("closed_by", models.UUIDField(null=True)),
            ("note", models.TextField(default="")),
        ],
    ),
    migrations.CreateModel(
        name="Notice",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("provider", models.TextField()),
            ("digest", models.BinaryField()),
            ("body", models.BinaryField()),
            ("source", models.GenericIPAddressField(null=True)),
            ("received_at", models.DateTimeField()),
            ("deliveries", models.PositiveIntegerField(default=1)),
            ("state", models.TextField(default="waiting")),
            ("kind", models.TextField()),
            ("reference", models.TextField()),
            ("provider_id", models.TextField()),
            ("attempts", models.PositiveIntegerField(default=0)),
            ("next_attempt_at", models.DateTimeField(null=True)),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("payments", "0001_transaction")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("payments_statuschange", app="SELECT, INSERT", key=""),
        tenant_table(
            "payments_attempt",
            app="SELECT, INSERT, UPDATE",
            key="",
            sweep_columns="cluster_id, id, provider, reference, next_check_at",
        ),
        tenant_table("payments_exchange", app="SELECT, INSERT", key=""),
        tenant_table("payments_settlement", app="SELECT, INSERT", key=""),
        tenant_table("payments_method", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table("payments_case", app="SELECT, INSERT, UPDATE", key=""),
        *(
            tenant_reference(table, column, "payments_transaction")
            for table, column in (
                ("payments_statuschange", "transaction_id"),
                ("payments_attempt", "id"),
                ("payments_exchange", "transaction_id"),
                ("payments_settlement", "asked_id"),
                ("payments_settlement", "surplus_id"),
                ("payments_case", "transaction_id"),
            )
        ),
        tenant_reference("payments_attempt", "method_id", "payments_method"),
        append_only("payments_statuschange"),
        append_only("payments_exchange"),
        append_only("payments_settlement"),
    ]
