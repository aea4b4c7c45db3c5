"""What members have bought by itself: automations, their runs and transactions, and limits by type of utility."""

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models

from clustr.bills.types import UTILITY_TYPES
from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table
from clustr.recurring.automation_types import AutomationFailure, AutomationRunState, AutomationState, ScheduleKind
from clustr.recurring.types import PaymentSource, StoppedBy


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


_TYPES = _one_of(sorted(UTILITY_TYPES))

TABLES = f"""
CREATE TABLE recurring_automation (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  provider_id uuid NOT NULL REFERENCES utilities_provider (id),
  account_id uuid NOT NULL,
  amount_minor kit_amount,
  max_minor kit_amount,
  currency varchar(3) NOT NULL,
  schedule_kind text NOT NULL CHECK (schedule_kind IN ({_one_of(ScheduleKind)})),
  schedule_every smallint NOT NULL,
  schedule_at time NOT NULL,
  starts_on date NOT NULL,
  timezone text NOT NULL,
  payment_source text NOT NULL CHECK (payment_source IN ({_one_of(PaymentSource)})),
  method_id uuid,
  limit_minor kit_amount,
  keeps_minor bigint NOT NULL DEFAULT 0 CHECK (keeps_minor >= 0),
  priority smallint NOT NULL CHECK (priority BETWEEN 1 AND 1000),
  allow_partial boolean NOT NULL,
  notify text[] NOT NULL,
  state text NOT NULL CHECK (state IN ({_one_of(AutomationState)})),
  stopped_at timestamptz,
  stopped_by text NOT NULL DEFAULT '' CHECK (stopped_by IN ({_one_of(StoppedBy)})),
  reason text NOT NULL DEFAULT '',
  next_period integer NOT NULL DEFAULT 0 CHECK (next_period >= 0),
  next_run_at timestamptz,
  created_at timestamptz NOT NULL,
  CONSTRAINT recurring_automation_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_automation_runs_while_on CHECK ((state = 'on') = (next_run_at IS NOT NULL)),
  CONSTRAINT recurring_automation_amount_or_maximum CHECK (amount_minor IS NOT NULL OR max_minor IS NOT NULL),
  CONSTRAINT recurring_automation_card_named CHECK (payment_source <> 'card' OR method_id IS NOT NULL),
  CONSTRAINT recurring_automation_paused_by_somebody CHECK (state <> 'paused' OR stopped_by <> ''),
  CONSTRAINT recurring_automation_schedule CHECK (CASE schedule_kind WHEN 'day_of_month' THEN schedule_every BETWEEN 1 AND 31
    WHEN 'weekday' THEN schedule_every BETWEEN 1 AND 7 ELSE schedule_every BETWEEN 1 AND 366 END)
) WITH (fillfactor = 80);
CREATE INDEX recurring_automation_due ON recurring_automation (cluster_id, next_run_at) WHERE state = 'on';
CREATE INDEX recurring_automation_of_user ON recurring_automation (cluster_id, user_id, id);

CREATE TABLE recurring_automationrun (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  automation_id uuid NOT NULL,
  user_id uuid NOT NULL,
  bill_type text NOT NULL CHECK (bill_type IN ({_TYPES})),
  period integer NOT NULL CHECK (period >= 0),
  due_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ({_one_of(AutomationRunState)})),
  source text NOT NULL CHECK (source IN ({_one_of(PaymentSource)})),
  amount_minor bigint NOT NULL DEFAULT 0 CHECK (amount_minor >= 0),
  fee_minor bigint NOT NULL DEFAULT 0 CHECK (fee_minor >= 0),
  funded_minor bigint NOT NULL DEFAULT 0 CHECK (funded_minor >= 0),
  month date CHECK (extract(day FROM month) = 1),
  counted_at timestamptz,
  limit_minor bigint,
  type_limit_minor bigint,
  attempts smallint NOT NULL DEFAULT 0,
  failure text NOT NULL DEFAULT '' CHECK (failure IN ({_one_of(AutomationFailure)})),
  short_minor bigint NOT NULL DEFAULT 0,
  try_at timestamptz,
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT recurring_automationrun_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_automationrun_once_a_period UNIQUE (cluster_id, automation_id, period),
  CONSTRAINT recurring_automationrun_once_a_time UNIQUE (cluster_id, automation_id, due_at),
  CONSTRAINT recurring_automationrun_tried_while_waiting CHECK ((state = 'waiting') = (try_at IS NOT NULL)),
  CONSTRAINT recurring_automationrun_ends CHECK ((state IN ('waiting', 'charging', 'buying')) = (ended_at IS NULL)),
  CONSTRAINT recurring_automationrun_buys_something CHECK (state NOT IN ('charging', 'buying', 'completed') OR amount_minor > 0),
  CONSTRAINT recurring_automationrun_counts CHECK (
    (state IN ('charging', 'buying', 'completed') OR state = 'waiting' AND funded_minor > 0) = (month IS NOT NULL)
    AND (month IS NULL) = (counted_at IS NULL)),
  CONSTRAINT recurring_automationrun_says_why CHECK (state NOT IN ('skipped', 'failed') OR failure <> '')
) WITH (fillfactor = 80);
-- An automation does one thing at a time.
CREATE UNIQUE INDEX recurring_automationrun_one_open ON recurring_automationrun (cluster_id, automation_id)
  WHERE state IN ('waiting', 'charging', 'buying');
CREATE INDEX recurring_automationrun_open ON recurring_automationrun (cluster_id, user_id, state)
  WHERE state IN ('waiting', 'charging', 'buying');
CREATE INDEX recurring_automationrun_counted ON recurring_automationrun (cluster_id, user_id, month) WHERE month IS NOT NULL;

CREATE TABLE recurring_automationstep (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ('charge', 'purchase')),
  n smallint NOT NULL CHECK (n > 0),
  CONSTRAINT recurring_automationstep_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_automationstep_once UNIQUE (cluster_id, run_id, kind, n)
);

CREATE TABLE recurring_spendinglimit (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  bill_type text NOT NULL CHECK (bill_type IN ({_TYPES})),
  limit_minor kit_amount NOT NULL,
  set_at timestamptz NOT NULL,
  CONSTRAINT recurring_spendinglimit_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_spendinglimit_once UNIQUE (cluster_id, user_id, bill_type)
);
"""

KEEPING = """
-- A period is bought once: whoever adds a transaction to a run waits for the others who would, and finds no other of its
-- kind that may still have, or has, taken money.
CREATE FUNCTION recurring_keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM recurring_automationrun WHERE cluster_id = NEW.cluster_id AND id = NEW.run_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM recurring_automationstep s
             JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id
             WHERE s.cluster_id = NEW.cluster_id AND s.run_id = NEW.run_id AND s.kind = NEW.kind
               AND t.status NOT IN ('failed', 'cancelled')) THEN
    RAISE EXCEPTION 'a period would be bought twice' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recurring_step_kept BEFORE INSERT ON recurring_automationstep
  FOR EACH ROW EXECUTE FUNCTION recurring_keep_steps();
ALTER TABLE recurring_automationstep ENABLE ALWAYS TRIGGER recurring_step_kept;

-- A run that has ended stays as it ended; whose and of which period it is never changes.
CREATE FUNCTION recurring_keep_automationruns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.automation_id, NEW.user_id, NEW.period, NEW.due_at, NEW.started_at)
     IS DISTINCT FROM (OLD.cluster_id, OLD.id, OLD.automation_id, OLD.user_id, OLD.period, OLD.due_at, OLD.started_at)
     OR OLD.ended_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'a run that has ended stays as it ended' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recurring_automationrun_kept BEFORE UPDATE ON recurring_automationrun
  FOR EACH ROW EXECUTE FUNCTION recurring_keep_automationruns();
ALTER TABLE recurring_automationrun ENABLE ALWAYS TRIGGER recurring_automationrun_kept;
"""


def _uuid(**options: bool) -> models.UUIDField:
    return models.UUIDField(**options)


def _minor(**options: object) -> models.BigIntegerField:
    return models.BigIntegerField(**options)


ID = ("id", models.UUIDField(primary_key=True, serialize=False))
CLUSTER, USER = ("cluster_id", models.UUIDField()), ("user_id", models.UUIDField())

STATE = [
    migrations.CreateModel(
        name="UtilityAutomation",
        fields=[
            *(ID, CLUSTER, USER),
            ("provider_id", _uuid()),
            ("account_id", _uuid()),
            ("amount_minor", _minor(null=True)),
            ("max_minor", _minor(null=True)),
            ("currency", models.CharField(max_length=3)),
            ("schedule_kind", models.TextField()),
            ("schedule_every", models.PositiveSmallIntegerField()),
            ("schedule_at", models.TimeField()),
            ("starts_on", models.DateField()),
            ("timezone", models.TextField()),
            ("payment_source", models.TextField()),
            ("method_id", _uuid(null=True)),
            ("limit_minor", _minor(null=True)),
            ("keeps_minor", _minor(default=0)),
            ("priority", models.PositiveSmallIntegerField()),
            ("allow_partial", models.BooleanField()),
            ("notify", django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), size=None)),
            ("state", models.TextField()),
            ("stopped_at", models.DateTimeField(null=True)),
            ("stopped_by", models.TextField(default="")),
            ("reason", models.TextField(default="")),
            ("next_period", models.PositiveIntegerField(default=0)),
            ("next_run_at", models.DateTimeField(null=True)),
            ("created_at", models.DateTimeField()),
        ],
        options={"db_table": "recurring_automation"},
    ),
    migrations.CreateModel(
        name="AutomationRun",
        fields=[
            *(ID, CLUSTER),
            ("automation_id", _uuid()),
            USER,
            ("bill_type", models.TextField()),
            ("period", models.PositiveIntegerField()),
            ("due_at", models.DateTimeField()),
            ("state", models.TextField()),
            ("source", models.TextField()),
            ("amount_minor", _minor(default=0)),
            ("fee_minor", _minor(default=0)),
            ("funded_minor", _minor(default=0)),
            ("month", models.DateField(null=True)),
            ("counted_at", models.DateTimeField(null=True)),
            ("limit_minor", _minor(null=True)),
            ("type_limit_minor", _minor(null=True)),
            ("attempts", models.PositiveSmallIntegerField(default=0)),
            ("failure", models.TextField(default="")),
            ("short_minor", _minor(default=0)),
            ("try_at", models.DateTimeField(null=True)),
            ("started_at", models.DateTimeField()),
            ("ended_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="AutomationStep",
        fields=[
            *(ID, CLUSTER),
            ("run_id", _uuid()),
            ("kind", models.TextField()),
            ("n", models.PositiveSmallIntegerField()),
        ],
    ),
    migrations.CreateModel(
        name="SpendingLimit",
        fields=[
            *(ID, CLUSTER, USER),
            ("bill_type", models.TextField()),
            ("limit_minor", _minor()),
            ("set_at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("recurring", "0002_cards"),
        ("payments", "0006_purchases"),
        ("utilities", "0001_utilities"),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table(
            "recurring_automation",
            app="SELECT, INSERT, UPDATE",
            key="",
            sweep_columns="cluster_id, id, user_id, state, next_run_at",
        ),
        tenant_table(
            "recurring_automationrun",
            app="SELECT, INSERT, UPDATE",
            key="",
            sweep_columns="cluster_id, id, user_id, state, try_at",
        ),
        tenant_table("recurring_automationstep", app="SELECT, INSERT", key=""),
        tenant_table("recurring_spendinglimit", app="SELECT, INSERT, UPDATE, DELETE", key=""),
        tenant_reference("recurring_automation", "account_id", "utilities_account"),
        tenant_reference("recurring_automation", "method_id", "payments_method"),
        tenant_reference("recurring_automationrun", "automation_id", "recurring_automation"),
        tenant_reference("recurring_automationstep", "id", "payments_transaction"),
        tenant_reference("recurring_automationstep", "run_id", "recurring_automationrun"),
        append_only("recurring_automationstep"),
        sql(KEEPING),
    ]
