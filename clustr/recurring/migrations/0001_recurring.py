"""Standing orders, their runs, and the functions by which a batch of runs moves money and is noted."""

from typing import ClassVar

import django.db.models.deletion
from django.db import migrations, models

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table
from clustr.recurring.types import Frequency, OrderState, PaymentSource, RunFailure, RunState, StoppedBy


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


PAYABLE = sorted(set(BillType) - set(UTILITY_TYPES))

TABLES = f"""
CREATE TABLE recurring_payment (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  title text NOT NULL CHECK (title <> ''),
  description text NOT NULL DEFAULT '',
  amount_minor kit_amount NOT NULL,
  max_minor kit_amount,
  currency varchar(3) NOT NULL,
  frequency text NOT NULL CHECK (frequency IN ({_one_of(Frequency)})),
  bill_type text NOT NULL DEFAULT '' CHECK (bill_type IN ({_one_of(["", *PAYABLE])})),
  payment_source text NOT NULL CHECK (payment_source IN ({_one_of(PaymentSource)})),
  method_id uuid,
  anchor_on date NOT NULL,
  anchor_at time NOT NULL,
  timezone text NOT NULL,
  end_at timestamptz,
  state text NOT NULL CHECK (state IN ({_one_of(OrderState)})),
  stopped_at timestamptz,
  stopped_by text NOT NULL DEFAULT '' CHECK (stopped_by IN ({_one_of(StoppedBy)})),
  reason text NOT NULL DEFAULT '',
  next_period integer NOT NULL DEFAULT 0 CHECK (next_period >= 0),
  next_run_at timestamptz,
  failed_attempts smallint NOT NULL DEFAULT 0 CHECK (failed_attempts >= 0),
  skipped_periods integer NOT NULL DEFAULT 0 CHECK (skipped_periods >= 0),
  reminded_period integer,
  created_at timestamptz NOT NULL,
  CONSTRAINT recurring_payment_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_payment_runs_while_active CHECK ((state = 'active') = (next_run_at IS NOT NULL)),
  CONSTRAINT recurring_payment_stopped_by_somebody CHECK (
    (state IN ('paused', 'cancelled')) = (stopped_at IS NOT NULL) AND (stopped_at IS NULL) = (stopped_by = '')),
  CONSTRAINT recurring_payment_maximum_for_bills CHECK (
    max_minor IS NULL OR bill_type <> '' AND max_minor >= amount_minor),
  CONSTRAINT recurring_payment_card_named CHECK ((payment_source = 'card') = (method_id IS NOT NULL))
) WITH (fillfactor = 80);
CREATE INDEX recurring_payment_due ON recurring_payment (cluster_id, next_run_at, id) WHERE state = 'active';
CREATE INDEX recurring_payment_of_user ON recurring_payment (cluster_id, user_id, id);

CREATE TABLE recurring_run (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  order_id uuid NOT NULL,
  period integer NOT NULL CHECK (period >= 0),
  due_at timestamptz NOT NULL,
  state text NOT NULL CHECK (state IN ({_one_of(RunState)})),
  cap_minor kit_amount NOT NULL,
  amount_minor bigint NOT NULL DEFAULT 0,
  attempts smallint NOT NULL CHECK (attempts > 0),
  failure text NOT NULL DEFAULT '' CHECK (failure IN ({_one_of(RunFailure)})),
  short_minor bigint NOT NULL DEFAULT 0 CHECK (short_minor >= 0),
  started_at timestamptz NOT NULL,
  ended_at timestamptz,
  told_attempts smallint NOT NULL DEFAULT 0,
  CONSTRAINT recurring_run_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT recurring_run_once_a_period UNIQUE (cluster_id, order_id, period),
  CONSTRAINT recurring_run_within_cap CHECK (amount_minor BETWEEN 0 AND cap_minor),
  CONSTRAINT recurring_run_moves_when_completed CHECK ((state = 'completed') = (amount_minor > 0)),
  CONSTRAINT recurring_run_ends CHECK ((state = 'retrying') = (ended_at IS NULL)),
  CONSTRAINT recurring_run_says_why CHECK (state NOT IN ('retrying', 'failed') OR failure <> '')
) WITH (fillfactor = 90);
CREATE INDEX recurring_run_untold ON recurring_run (cluster_id, id) WHERE told_attempts < attempts;

CREATE TABLE recurring_runbill (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  run_id uuid NOT NULL,
  CONSTRAINT recurring_runbill_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX recurring_runbill_of_run ON recurring_runbill (cluster_id, run_id);
"""

KEEPING = """
-- A run that has ended stays as it ended; of an open one, the period and when it was due never change.
CREATE FUNCTION recurring_keep_runs() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.order_id, NEW.period, NEW.started_at)
     IS DISTINCT FROM (OLD.cluster_id, OLD.id, OLD.order_id, OLD.period, OLD.started_at)
     OR OLD.ended_at IS NOT NULL AND (NEW.state, NEW.amount_minor, NEW.cap_minor, NEW.ended_at, NEW.attempts, NEW.failure)
       IS DISTINCT FROM (OLD.state, OLD.amount_minor, OLD.cap_minor, OLD.ended_at, OLD.attempts, OLD.failure) THEN
    RAISE EXCEPTION 'a run that has ended stays as it ended' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER recurring_run_kept BEFORE UPDATE ON recurring_run FOR EACH ROW EXECUTE FUNCTION recurring_keep_runs();
ALTER TABLE recurring_run ENABLE ALWAYS TRIGGER recurring_run_kept;
"""

RUNNING = """
-- Contribute from many members' wallets to the cluster's wallet, one for each run, as each wallet covers it: the postings,
-- the transactions, and the trail, each in one statement. Answers for each wallet `posted`, or why not.
CREATE FUNCTION recurring_contribute(
  p_runs uuid[], p_members uuid[], p_wallets uuid[], p_amounts bigint[], p_titles text[], p_transactions uuid[],
  p_references text[], p_currency text, p_at timestamptz
) RETURNS TABLE (wallet uuid, verdict text, short bigint) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  into_account uuid := ledger_open_account(gen_random_uuid(), 'cluster_wallet', p_currency, NULL, false, false);
  wallets uuid[];
  verdicts text[];
  shorts bigint[];
BEGIN
  SELECT array_agg(v.account), array_agg(v.verdict), array_agg(v.short) INTO wallets, verdicts, shorts
    FROM ledger_post_covered(p_transactions, p_wallets, into_account, p_amounts, 'contribution',
      array_fill('contribution'::text, ARRAY[cardinality(p_wallets)]), p_at) AS v;
  INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,
      user_id, purpose, subject_id, description, created_at, completed_at)
    SELECT tenant, t.id, t.reference, 'recurring_payment', 'completed', t.amount, p_currency, 'wallet', t.member,
      'recurring_payment', t.run, t.title, p_at, p_at
    FROM unnest(p_runs, p_members, p_wallets, p_amounts, p_titles, p_transactions, p_references)
      AS t(run, member, wallet, amount, title, id, reference)
    JOIN unnest(wallets, verdicts) AS v(wallet, verdict) ON v.wallet = t.wallet AND v.verdict = 'posted';
  PERFORM audit_record_batch(p_at, NULL, 'recurring.contributed', 'recurring_run', array_agg(t.run), '', NULL, '', '',
      array_agg(jsonb_build_object('amount_minor', t.amount, 'currency', p_currency)), array_agg(t.id))
    FROM unnest(p_runs, p_wallets, p_amounts, p_transactions) AS t(run, wallet, amount, id)
    JOIN unnest(wallets, verdicts) AS v(wallet, verdict) ON v.wallet = t.wallet AND v.verdict = 'posted'
    HAVING count(*) > 0;
  RETURN QUERY SELECT * FROM unnest(wallets, verdicts, shorts);
END $$;

-- Note how a batch of runs went, and where each order stands now. An attempt at a period that was tried before is one more
-- attempt of the same run.
CREATE FUNCTION recurring_note_runs(
  p_orders uuid[], p_periods integer[], p_runs uuid[], p_due timestamptz[], p_states text[], p_caps bigint[],
  p_amounts bigint[], p_failures text[], p_shorts bigint[], p_order_states text[], p_stopped_by text[],
  p_next_periods integer[], p_next_runs timestamptz[], p_failed smallint[], p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  noted bigint;
BEGIN
  INSERT INTO recurring_run AS r (cluster_id, id, order_id, period, due_at, state, cap_minor, amount_minor, attempts,
      failure, short_minor, started_at, ended_at)
    SELECT tenant, t.run, t.order_id, t.period, t.due, t.state, t.cap, t.amount, 1, t.failure, t.short, p_at,
      CASE WHEN t.state <> 'retrying' THEN p_at END
    FROM unnest(p_orders, p_periods, p_runs, p_due, p_states, p_caps, p_amounts, p_failures, p_shorts)
      AS t(order_id, period, run, due, state, cap, amount, failure, short)
    ON CONFLICT (cluster_id, order_id, period) DO UPDATE SET state = EXCLUDED.state, cap_minor = EXCLUDED.cap_minor,
      amount_minor = EXCLUDED.amount_minor, attempts = r.attempts + 1, failure = EXCLUDED.failure,
      short_minor = EXCLUDED.short_minor, ended_at = EXCLUDED.ended_at
      WHERE r.state = 'retrying' AND r.id = EXCLUDED.id;
  GET DIAGNOSTICS noted = ROW_COUNT;
  IF noted <> cardinality(p_runs) THEN
    RAISE EXCEPTION 'a period that has run would run again' USING ERRCODE = 'unique_violation';
  END IF;
  UPDATE recurring_payment o SET state = t.state, stopped_by = t.stopped_by,
      stopped_at = CASE WHEN t.stopped_by <> '' THEN p_at END, next_period = t.period, next_run_at = t.next_run,
      failed_attempts = t.failed
    FROM unnest(p_orders, p_order_states, p_stopped_by, p_next_periods, p_next_runs, p_failed)
      AS t(order_id, state, stopped_by, period, next_run, failed)
    WHERE o.cluster_id = tenant AND o.id = t.order_id AND o.state = 'active';
  GET DIAGNOSTICS noted = ROW_COUNT;
  IF noted <> cardinality(p_orders) THEN
    RAISE EXCEPTION 'an order that does not run has run' USING ERRCODE = 'restrict_violation';
  END IF;
END $$;
"""


def _uuid(**options: bool) -> models.UUIDField:
    return models.UUIDField(**options)


STATE = [
    migrations.CreateModel(
        name="RecurringPayment",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("user_id", _uuid()),
            ("title", models.TextField()),
            ("description", models.TextField(default="")),
            ("amount_minor", models.BigIntegerField()),
            ("max_minor", models.BigIntegerField(null=True)),
            ("currency", models.CharField(max_length=3)),
            ("frequency", models.TextField()),
            ("bill_type", models.TextField(default="")),
            ("payment_source", models.TextField()),
            ("method_id", _uuid(null=True)),
            ("anchor_on", models.DateField()),
            ("anchor_at", models.TimeField()),
            ("timezone", models.TextField()),
            ("end_at", models.DateTimeField(null=True)),
            ("state", models.TextField()),
            ("stopped_at", models.DateTimeField(null=True)),
            ("stopped_by", models.TextField(default="")),
            ("reason", models.TextField(default="")),
            ("next_period", models.PositiveIntegerField(default=0)),
            ("next_run_at", models.DateTimeField(null=True)),
            ("failed_attempts", models.PositiveSmallIntegerField(default=0)),
            ("skipped_periods", models.PositiveIntegerField(default=0)),
            ("reminded_period", models.PositiveIntegerField(null=True)),
            ("created_at", models.DateTimeField()),
        ],
        options={"db_table": "recurring_payment"},
    ),
    migrations.CreateModel(
        name="Run",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("period", models.PositiveIntegerField()),
            ("due_at", models.DateTimeField()),
            ("state", models.TextField()),
            ("cap_minor", models.BigIntegerField()),
            ("amount_minor", models.BigIntegerField(default=0)),
            ("attempts", models.PositiveSmallIntegerField()),
            ("failure", models.TextField(default="")),
            ("short_minor", models.BigIntegerField(default=0)),
            ("started_at", models.DateTimeField()),
            ("ended_at", models.DateTimeField(null=True)),
            ("told_attempts", models.PositiveSmallIntegerField(default=0)),
            (
                "order",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="runs",
                    to="recurring.recurringpayment",
                ),
            ),
        ],
    ),
    migrations.CreateModel(
        name="RunBill",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            (
                "run",
                models.ForeignKey(
                    db_constraint=False,
                    db_index=False,
                    on_delete=django.db.models.deletion.PROTECT,
                    related_name="bills",
                    to="recurring.run",
                ),
            ),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [
        ("kit", "0001_functions"),
        ("audit", "0001_trail"),
        ("ledger", "0002_covered"),
        ("payments", "0002_providers"),
        ("bills", "0004_paying_many"),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table(
            "recurring_payment",
            app="SELECT, INSERT, UPDATE",
            key="",
            sweep_columns="cluster_id, id, state, next_run_at, timezone",
        ),
        tenant_table(
            "recurring_run",
            app="SELECT, INSERT, UPDATE",
            key="",
            sweep_columns="cluster_id, id, attempts, told_attempts",
        ),
        tenant_table("recurring_runbill", app="SELECT, INSERT", key=""),
        tenant_reference("recurring_payment", "method_id", "payments_method"),
        tenant_reference("recurring_run", "order_id", "recurring_payment"),
        tenant_reference("recurring_runbill", "id", "bills_billpayment"),
        tenant_reference("recurring_runbill", "run_id", "recurring_run"),
        append_only("recurring_runbill"),
        sql(KEEPING),
        sql(RUNNING),
    ]
