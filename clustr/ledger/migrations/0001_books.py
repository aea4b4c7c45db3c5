"""The books: accounts, transfers, checkpoints, and the functions that are their only writers."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_table
from clustr.ledger.types import GUARDED, OPEN, AccountKind


def _kinds() -> str:
    return ", ".join(f"('{kind}', {kind in GUARDED}, {kind in OPEN})" for kind in sorted(AccountKind))


TABLES = f"""
-- What an account of each kind is. A reference to it is looked at when an account is opened, and not again when its
-- balance changes.
CREATE TABLE ledger_kind (
  kind text NOT NULL,
  guarded boolean NOT NULL,
  open boolean NOT NULL,
  CONSTRAINT ledger_kind_pkey PRIMARY KEY (kind, guarded, open)
);
INSERT INTO ledger_kind VALUES {_kinds()};
REVOKE ALL ON ledger_kind FROM {{app}};
GRANT SELECT ON ledger_kind TO {{app}}, {{checker}};

CREATE DOMAIN ledger_currency AS varchar(3) CHECK (VALUE ~ '^[A-Z]{{3}}$');
CREATE DOMAIN ledger_balance AS bigint CONSTRAINT ledger_account_not_overdrawn CHECK (VALUE >= 0);

CREATE TABLE ledger_account (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL,
  subject_id uuid,
  currency ledger_currency NOT NULL,
  guarded boolean NOT NULL,
  open boolean NOT NULL,
  balance ledger_balance NOT NULL DEFAULT 0,
  frozen_at timestamptz,
  CONSTRAINT ledger_account_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT ledger_account_one_each UNIQUE NULLS NOT DISTINCT (cluster_id, kind, currency, subject_id),
  CONSTRAINT ledger_account_balance_on_guarded CHECK (guarded OR balance = 0),
  CONSTRAINT ledger_account_as_its_kind FOREIGN KEY (kind, guarded, open)
    REFERENCES ledger_kind (kind, guarded, open)
) WITH (fillfactor = 80);

CREATE TABLE ledger_transfer (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  debit uuid NOT NULL,
  credit uuid NOT NULL,
  amount kit_amount NOT NULL,
  kind text NOT NULL,
  label text NOT NULL DEFAULT '',
  journal uuid NOT NULL,
  reverses uuid,
  at timestamptz NOT NULL,
  xid xid8 NOT NULL DEFAULT kit_lasting(pg_current_xact_id()),
  CONSTRAINT ledger_transfer_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT ledger_transfer_two_sides CHECK (debit <> credit)
);
CREATE INDEX ledger_transfer_by_debit ON ledger_transfer (debit, xid);
CREATE INDEX ledger_transfer_by_credit ON ledger_transfer (credit, xid);
CREATE UNIQUE INDEX ledger_transfer_reversed_once ON ledger_transfer (cluster_id, reverses) WHERE reverses IS NOT NULL;
ALTER TABLE ledger_transfer ADD CONSTRAINT ledger_transfer_reverses_in_cluster
  FOREIGN KEY (cluster_id, reverses) REFERENCES ledger_transfer (cluster_id, id);

CREATE TABLE ledger_checkpoint (
  cluster_id uuid NOT NULL,
  account_id uuid NOT NULL,
  horizon xid8 NOT NULL,
  balance bigint NOT NULL,
  CONSTRAINT ledger_checkpoint_pkey PRIMARY KEY (cluster_id, account_id),
  CONSTRAINT ledger_checkpoint_account_in_cluster FOREIGN KEY (cluster_id, account_id)
    REFERENCES ledger_account (cluster_id, id)
);

CREATE TABLE ledger_turnover (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL DEFAULT gen_random_uuid(),
  account_id uuid NOT NULL,
  day date NOT NULL,
  kind text NOT NULL,
  label text NOT NULL,
  debits bigint NOT NULL,
  credits bigint NOT NULL,
  CONSTRAINT ledger_turnover_pkey PRIMARY KEY (cluster_id, account_id, day, kind, label),
  CONSTRAINT ledger_turnover_account_in_cluster FOREIGN KEY (cluster_id, account_id)
    REFERENCES ledger_account (cluster_id, id)
);
"""

READING = """
-- A growing account's balance: its checkpoint and every transfer since, in one snapshot.
CREATE FUNCTION ledger_growing_balance(p_account uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  WITH since AS (
    SELECT coalesce(max(horizon), '0'::xid8) AS horizon, coalesce(sum(balance), 0)::bigint AS balance
    FROM ledger_checkpoint WHERE cluster_id = kit_tenant() AND account_id = p_account
  )
  SELECT (since.balance
    + coalesce((SELECT sum(amount) FROM ledger_transfer
                WHERE credit = p_account AND cluster_id = kit_tenant() AND xid >= since.horizon), 0)
    - coalesce((SELECT sum(amount) FROM ledger_transfer
                WHERE debit = p_account AND cluster_id = kit_tenant() AND xid >= since.horizon), 0))::bigint
  FROM since
$$;

CREATE FUNCTION ledger_balance(p_account uuid) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN guarded THEN balance ELSE ledger_growing_balance(id) END
  FROM ledger_account WHERE cluster_id = kit_tenant() AND id = p_account
$$;
"""

WRITING = """
-- Find or open an account. Answers its id.
CREATE FUNCTION ledger_open_account(
  p_id uuid, p_kind text, p_currency text, p_subject uuid, p_guarded boolean, p_open boolean
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
  found_id uuid;
BEGIN
  SELECT id INTO found_id FROM ledger_account
    WHERE cluster_id = tenant AND kind = p_kind AND currency = p_currency AND subject_id IS NOT DISTINCT FROM p_subject;
  IF found_id IS NULL THEN
    INSERT INTO ledger_account (cluster_id, id, kind, subject_id, currency, guarded, open)
      VALUES (tenant, p_id, p_kind, p_subject, p_currency, p_guarded, p_open)
      ON CONFLICT DO NOTHING;
    SELECT id INTO found_id FROM ledger_account
      WHERE cluster_id = tenant AND kind = p_kind AND currency = p_currency AND subject_id IS NOT DISTINCT FROM p_subject;
  END IF;
  RETURN found_id;
END $$;

-- Freeze an account's debits, or open them again (p_at NULL). Answers whether anything changed.
CREATE FUNCTION ledger_freeze(p_account uuid, p_at timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
BEGIN
  UPDATE ledger_account SET frozen_at = p_at
    WHERE cluster_id = kit_tenant() AND id = p_account AND (frozen_at IS NULL) <> (p_at IS NULL);
  RETURN FOUND;
END $$;

-- Say why a debit that was refused was refused.
CREATE FUNCTION ledger_refuse_debit(tenant uuid, p_account uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
  account ledger_account;
BEGIN
  SELECT * INTO account FROM ledger_account WHERE cluster_id = tenant AND id = p_account;
  IF NOT FOUND THEN
    PERFORM kit_refuse('account_not_found');
  ELSIF account.frozen_at IS NOT NULL THEN
    PERFORM kit_refuse('account_frozen');
  END IF;
  PERFORM kit_refuse('insufficient_funds');
END $$;

-- A transfer whose key stands already must be the same transfer.
CREATE FUNCTION ledger_same_transfer(
  tenant uuid, p_id uuid, p_debit uuid, p_credit uuid, p_amount bigint, p_kind text, p_reverses uuid
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM ledger_transfer WHERE cluster_id = tenant AND id = p_id AND debit = p_debit AND credit = p_credit
    AND amount = p_amount AND kind = p_kind AND reverses IS NOT DISTINCT FROM p_reverses;
  IF NOT FOUND THEN
    PERFORM kit_refuse('transfer_key_reused');
  END IF;
END $$;

-- Many transfers in one statement each for rows, locks, checks and balances.
CREATE FUNCTION ledger_post_many(
  tenant uuid, p_ids uuid[], p_debits uuid[], p_credits uuid[], p_amounts bigint[], p_kinds text[], p_labels text[],
  p_journals uuid[], p_reverses uuid[], p_at timestamptz
) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
  fresh uuid[];
  culprit uuid;
BEGIN
  WITH posted AS (
    INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, label, journal, reverses, at)
      SELECT tenant, t.id, t.debit, t.credit, t.amount, t.kind, t.label, t.journal, t.reverses, p_at
      FROM unnest(p_ids, p_debits, p_credits, p_amounts, p_kinds, p_labels, p_journals, p_reverses)
        AS t(id, debit, credit, amount, kind, label, journal, reverses)
      ORDER BY t.id  -- two batches with keys in common wait for each other, never in a circle
      ON CONFLICT (cluster_id, id) DO NOTHING RETURNING id
  ) SELECT coalesce(array_agg(id), '{}') INTO fresh FROM posted;
  IF cardinality(fresh) < cardinality(p_ids) THEN
    PERFORM ledger_same_transfer(tenant, t.id, t.debit, t.credit, t.amount, t.kind, t.reverses)
      FROM unnest(p_ids, p_debits, p_credits, p_amounts, p_kinds, p_reverses)
        AS t(id, debit, credit, amount, kind, reverses);
  END IF;
  PERFORM 1 FROM ledger_transfer t
    LEFT JOIN ledger_account d ON d.cluster_id = tenant AND d.id = t.debit
    LEFT JOIN ledger_account c ON c.cluster_id = tenant AND c.id = t.credit
    WHERE t.cluster_id = tenant AND t.id = ANY (fresh) AND (d.currency = c.currency) IS NOT TRUE;
  IF FOUND THEN
    PERFORM kit_refuse(CASE WHEN bool_or(d.id IS NULL OR c.id IS NULL) THEN 'account_not_found'
                            ELSE 'account_currency_mismatch' END)
      FROM ledger_transfer t
      LEFT JOIN ledger_account d ON d.cluster_id = tenant AND d.id = t.debit
      LEFT JOIN ledger_account c ON c.cluster_id = tenant AND c.id = t.credit
      WHERE t.cluster_id = tenant AND t.id = ANY (fresh) AND (d.currency = c.currency) IS NOT TRUE;
  END IF;
  PERFORM 1 FROM ledger_account a
    WHERE a.cluster_id = tenant
      AND (a.guarded AND a.id = ANY (p_debits || p_credits) OR NOT a.open AND a.id = ANY (p_debits))
    ORDER BY a.id FOR NO KEY UPDATE;
  SELECT a.id INTO culprit FROM ledger_account a
    JOIN ledger_transfer t ON t.cluster_id = tenant AND t.debit = a.id AND t.id = ANY (fresh)
    WHERE a.cluster_id = tenant AND a.frozen_at IS NOT NULL AND NOT a.open LIMIT 1;
  IF culprit IS NULL THEN
    WITH moved AS (
      SELECT side.account, sum(side.amount) AS amount
      FROM ledger_transfer t
      CROSS JOIN LATERAL (VALUES (t.debit, -t.amount), (t.credit, t.amount)) AS side(account, amount)
      WHERE t.cluster_id = tenant AND t.id = ANY (fresh) GROUP BY side.account
    ), changed AS (
      UPDATE ledger_account a SET balance = a.balance + moved.amount FROM moved
        WHERE a.cluster_id = tenant AND a.id = moved.account AND a.guarded AND a.balance + moved.amount >= 0
        RETURNING a.id
    )
    SELECT a.id INTO culprit FROM ledger_account a JOIN moved ON moved.account = a.id
      WHERE a.cluster_id = tenant AND a.guarded AND a.id NOT IN (SELECT id FROM changed) LIMIT 1;
  END IF;
  IF culprit IS NULL THEN
    SELECT a.id INTO culprit FROM ledger_account a
      WHERE a.cluster_id = tenant AND NOT a.guarded AND NOT a.open AND a.id = ANY (p_debits)
        AND ledger_growing_balance(a.id) < 0 LIMIT 1;
  END IF;
  IF culprit IS NOT NULL THEN
    PERFORM ledger_refuse_debit(tenant, culprit);
  END IF;
  RETURN cardinality(fresh);
END $$;

-- What undoes a transfer is its exact mirror image; a transfer is undone once, whatever the key.
CREATE FUNCTION ledger_refuse_reversals(
  tenant uuid, p_ids uuid[], p_debits uuid[], p_credits uuid[], p_amounts bigint[], p_reverses uuid[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM unnest(p_ids, p_debits, p_credits, p_amounts, p_reverses) AS r(id, debit, credit, amount, reverses)
    LEFT JOIN ledger_transfer o ON o.cluster_id = tenant AND o.id = r.reverses
    WHERE r.reverses IS NOT NULL
      AND (o.debit = r.credit AND o.credit = r.debit AND o.amount = r.amount) IS NOT TRUE;
  IF FOUND THEN
    PERFORM kit_refuse('not_a_mirror_image');
  END IF;
  PERFORM 1 FROM unnest(p_ids, p_reverses) AS r(id, reverses)
    JOIN ledger_transfer x ON x.cluster_id = tenant AND x.reverses = r.reverses AND x.id <> r.id;
  IF FOUND THEN
    PERFORM kit_refuse('already_reversed');
  END IF;
END $$;

-- One transfer by itself: the path of every single payment, kept short. Answers 1, or 0 where it stood already.
CREATE FUNCTION ledger_post_one(
  p_id uuid, p_debit uuid, p_credit uuid, p_amount bigint, p_kind text, p_label text, p_journal uuid,
  p_reverses uuid, p_at timestamptz
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
  giver ledger_account;
  taker ledger_account;
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no cluster is set';
  END IF;
  IF p_reverses IS NOT NULL THEN
    PERFORM ledger_refuse_reversals(tenant, ARRAY[p_id], ARRAY[p_debit], ARRAY[p_credit], ARRAY[p_amount],
                                    ARRAY[p_reverses]);
  END IF;
  INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, label, journal, reverses, at)
    VALUES (tenant, p_id, p_debit, p_credit, p_amount, p_kind, p_label, p_journal, p_reverses, p_at)
    ON CONFLICT (cluster_id, id) DO NOTHING;
  IF NOT FOUND THEN
    PERFORM ledger_same_transfer(tenant, p_id, p_debit, p_credit, p_amount, p_kind, p_reverses);
    RETURN 0;
  END IF;
  -- A wallet pays a growing account: one look at both, which also takes the money. Whatever it does not find is told
  -- apart below.
  UPDATE ledger_account a SET balance = a.balance - p_amount FROM ledger_account b
    WHERE a.cluster_id = tenant AND a.id = p_debit AND a.guarded AND a.frozen_at IS NULL AND a.balance >= p_amount
      AND b.cluster_id = tenant AND b.id = p_credit AND NOT b.guarded AND b.currency = a.currency;
  IF FOUND THEN
    RETURN 1;
  END IF;
  SELECT * INTO giver FROM ledger_account WHERE cluster_id = tenant AND id = p_debit;
  SELECT * INTO taker FROM ledger_account WHERE cluster_id = tenant AND id = p_credit;
  IF giver.id IS NULL OR taker.id IS NULL THEN
    PERFORM kit_refuse('account_not_found');
  ELSIF giver.currency <> taker.currency THEN
    PERFORM kit_refuse('account_currency_mismatch');
  END IF;
  IF taker.guarded AND NOT giver.open THEN  -- two rows to lock: always in the order of their ids
    PERFORM 1 FROM ledger_account WHERE cluster_id = tenant AND id IN (p_debit, p_credit)
      ORDER BY id FOR NO KEY UPDATE;
  END IF;
  IF giver.guarded THEN
    UPDATE ledger_account SET balance = balance - p_amount
      WHERE cluster_id = tenant AND id = p_debit AND balance >= p_amount AND frozen_at IS NULL;
    IF NOT FOUND THEN
      PERFORM ledger_refuse_debit(tenant, p_debit);
    END IF;
  ELSIF NOT giver.open THEN
    PERFORM 1 FROM ledger_account WHERE cluster_id = tenant AND id = p_debit AND frozen_at IS NULL
      FOR NO KEY UPDATE;
    IF NOT FOUND OR ledger_growing_balance(p_debit) < 0 THEN
      PERFORM ledger_refuse_debit(tenant, p_debit);
    END IF;
  END IF;
  IF taker.guarded THEN
    UPDATE ledger_account SET balance = balance + p_amount WHERE cluster_id = tenant AND id = p_credit;
  END IF;
  RETURN 1;
END $$;

-- The door for batches: posts transfers, each once per id for ever; answers how many were new.
CREATE FUNCTION ledger_post(
  p_ids uuid[], p_debits uuid[], p_credits uuid[], p_amounts bigint[], p_kinds text[], p_labels text[],
  p_journals uuid[], p_reverses uuid[], p_at timestamptz
) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no cluster is set';
  END IF;
  IF array_remove(p_reverses, NULL) <> '{}' THEN
    PERFORM ledger_refuse_reversals(tenant, p_ids, p_debits, p_credits, p_amounts, p_reverses);
  END IF;
  RETURN ledger_post_many(tenant, p_ids, p_debits, p_credits, p_amounts, p_kinds, p_labels, p_journals, p_reverses,
                          p_at);
END $$;

-- Move a growing account's checkpoint up to the oldest transaction still under way. Ids commit out of order, so only
-- what is older than every running transaction is known to be complete. Answers how many transfers were folded in.
CREATE FUNCTION ledger_close(p_account uuid, p_timezone text) RETURNS bigint
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
  last ledger_checkpoint;
  next xid8;
  net bigint;
  folded bigint;
BEGIN
  INSERT INTO ledger_checkpoint (cluster_id, account_id, horizon, balance)
    SELECT tenant, id, '0', 0 FROM ledger_account WHERE cluster_id = tenant AND id = p_account AND NOT guarded
    ON CONFLICT DO NOTHING;
  SELECT * INTO last FROM ledger_checkpoint WHERE cluster_id = tenant AND account_id = p_account FOR UPDATE;
  IF NOT FOUND THEN
    PERFORM kit_refuse('account_not_found');
  END IF;
  next := kit_lasting(pg_snapshot_xmin(pg_current_snapshot()));
  WITH moved AS (
    SELECT t.at, t.kind, t.label, 0::bigint AS debits, t.amount AS credits FROM ledger_transfer t
      WHERE t.cluster_id = tenant AND t.credit = p_account AND t.xid >= last.horizon AND t.xid < next
    UNION ALL
    SELECT t.at, t.kind, t.label, t.amount, 0 FROM ledger_transfer t
      WHERE t.cluster_id = tenant AND t.debit = p_account AND t.xid >= last.horizon AND t.xid < next
  ), rolled AS (
    INSERT INTO ledger_turnover (cluster_id, account_id, day, kind, label, debits, credits)
      SELECT tenant, p_account, (at AT TIME ZONE p_timezone)::date, kind, label, sum(debits), sum(credits)
      FROM moved GROUP BY 3, 4, 5
      ON CONFLICT (cluster_id, account_id, day, kind, label) DO UPDATE
        SET debits = ledger_turnover.debits + EXCLUDED.debits, credits = ledger_turnover.credits + EXCLUDED.credits
  )
  SELECT coalesce(sum(credits) - sum(debits), 0), count(*) INTO net, folded FROM moved;
  UPDATE ledger_checkpoint SET horizon = next, balance = last.balance + net
    WHERE cluster_id = tenant AND account_id = p_account AND next > horizon;
  RETURN folded;
END $$;

-- Sort what was folded in already by the days of another time zone, for every growing account of the cluster.
CREATE FUNCTION ledger_resort_turnover(p_timezone text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
BEGIN
  PERFORM 1 FROM ledger_checkpoint WHERE cluster_id = tenant ORDER BY account_id FOR UPDATE;
  DELETE FROM ledger_turnover WHERE cluster_id = tenant;
  INSERT INTO ledger_turnover (cluster_id, account_id, day, kind, label, debits, credits)
    SELECT tenant, k.account_id, (t.at AT TIME ZONE p_timezone)::date, t.kind, t.label,
           coalesce(sum(t.amount) FILTER (WHERE t.debit = k.account_id), 0),
           coalesce(sum(t.amount) FILTER (WHERE t.credit = k.account_id), 0)
    FROM ledger_checkpoint k
    JOIN ledger_transfer t ON t.cluster_id = tenant AND k.account_id IN (t.debit, t.credit) AND t.xid < k.horizon
    WHERE k.cluster_id = tenant GROUP BY 2, 3, 4, 5;
END $$;

REVOKE ALL ON FUNCTION ledger_post, ledger_post_one, ledger_open_account, ledger_freeze, ledger_close,
  ledger_resort_turnover, ledger_post_many, ledger_same_transfer, ledger_refuse_debit, ledger_refuse_reversals FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post, ledger_post_one, ledger_open_account, ledger_freeze, ledger_close,
  ledger_resort_turnover TO {app};
"""


def _uuid(**options: bool) -> models.UUIDField:
    return models.UUIDField(**options)


STATE = [
    migrations.CreateModel(
        name="Account",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("kind", models.TextField()),
            ("subject_id", _uuid(null=True)),
            ("currency", models.CharField(max_length=3)),
            ("guarded", models.BooleanField()),
            ("open", models.BooleanField()),
            ("balance", models.BigIntegerField(default=0)),
            ("frozen_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Transfer",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("debit", _uuid()),
            ("credit", _uuid()),
            ("amount", models.BigIntegerField()),
            ("kind", models.TextField()),
            ("label", models.TextField(default="")),
            ("journal", _uuid()),
            ("reverses", _uuid(null=True)),
            ("at", models.DateTimeField()),
            ("xid", models.BigIntegerField()),
        ],
    ),
    migrations.CreateModel(
        name="Checkpoint",
        fields=[
            ("account_id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("horizon", models.BigIntegerField()),
            ("balance", models.BigIntegerField()),
        ],
    ),
    migrations.CreateModel(
        name="Turnover",
        fields=[
            ("id", _uuid(primary_key=True, serialize=False)),
            ("cluster_id", _uuid()),
            ("account_id", _uuid()),
            ("day", models.DateField()),
            ("kind", models.TextField()),
            ("label", models.TextField()),
            ("debits", models.BigIntegerField()),
            ("credits", models.BigIntegerField()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("ledger_account", app="SELECT", key="", sweep_columns="cluster_id, id, guarded"),
        tenant_table("ledger_transfer", app="SELECT", key=""),
        tenant_table("ledger_checkpoint", app="SELECT", key=""),
        tenant_table("ledger_turnover", app="SELECT", key=""),
        append_only("ledger_transfer"),
        sql(READING),
        sql(WRITING),
    ]
