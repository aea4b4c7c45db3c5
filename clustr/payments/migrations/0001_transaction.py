"""The Transaction, with its states held by the database."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_table
from clustr.payments.states import STEPS

TABLE = """
-- Whether a transaction's columns fit together. One function, not a CHECK for each rule: PostgreSQL reads and compiles the
-- text of every CHECK anew for every statement that writes; this is compiled once a connection.
CREATE FUNCTION payments_fits_together(
  p_status text, p_amount bigint, p_refunded bigint, p_completed_at timestamptz, p_failure jsonb
) RETURNS boolean LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
  RETURN p_refunded BETWEEN 0 AND p_amount
    AND (p_status = 'refunded') = (p_refunded = p_amount)
    AND (p_status IN ('completed', 'refunded')) = (p_completed_at IS NOT NULL)
    AND (p_failure IS NULL OR p_status = 'failed');
END $$;

CREATE TABLE payments_transaction (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  reference text NOT NULL,
  type text NOT NULL,
  status text NOT NULL,
  amount_minor kit_amount NOT NULL,
  currency varchar(3) NOT NULL,
  provider text NOT NULL DEFAULT '',
  provider_reference text NOT NULL DEFAULT '',
  user_id uuid,
  purpose text NOT NULL,
  subject_id uuid,
  description text NOT NULL DEFAULT '',
  failure jsonb,
  refunded_minor bigint NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL,
  completed_at timestamptz,
  CONSTRAINT payments_transaction_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT payments_transaction_fits_together CHECK (
    payments_fits_together(status, amount_minor, refunded_minor, completed_at, failure))
) WITH (fillfactor = 95);
CREATE INDEX payments_transaction_of_user ON payments_transaction (user_id, id);
CREATE INDEX payments_transaction_of_subject ON payments_transaction (subject_id, id);
CREATE INDEX payments_transaction_refunded ON payments_transaction (subject_id) WHERE refunded_minor > 0;
-- A provider counts charges and payouts apart: one of each may have the same number.
CREATE UNIQUE INDEX payments_transaction_provider_reference
  ON payments_transaction (cluster_id, provider, (purpose = 'payout'), provider_reference) WHERE provider_reference <> '';
-- What people type off a slip: neither case nor dashes and spaces make it another slip.
CREATE UNIQUE INDEX payments_transaction_offline_reference ON payments_transaction
  (cluster_id, provider, lower(regexp_replace(provider_reference, '[^[:alnum:]]', '', 'g')))
  WHERE provider IN ('cash', 'bank_transfer', 'pos') AND provider_reference <> '';
"""

STATES = (
    """
CREATE TABLE payments_step (from_status text NOT NULL, to_status text NOT NULL, PRIMARY KEY (from_status, to_status));
INSERT INTO payments_step VALUES {steps};
REVOKE ALL ON payments_step FROM {{app}};
GRANT SELECT ON payments_step TO {{app}}, {{checker}};

CREATE FUNCTION payments_keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.amount_minor, NEW.currency, NEW.type, NEW.purpose, NEW.created_at, NEW.reference)
     IS DISTINCT FROM
     (OLD.cluster_id, OLD.id, OLD.amount_minor, OLD.currency, OLD.type, OLD.purpose, OLD.created_at, OLD.reference)
     OR NEW.user_id IS DISTINCT FROM OLD.user_id OR NEW.subject_id IS DISTINCT FROM OLD.subject_id
     OR NEW.refunded_minor < OLD.refunded_minor THEN
    RAISE EXCEPTION 'a transaction''s amount, owner and purpose never change' USING ERRCODE = 'restrict_violation';
  ELSIF NEW.status <> OLD.status
     AND NOT EXISTS (SELECT 1 FROM payments_step WHERE from_status = OLD.status AND to_status = NEW.status) THEN
    RAISE EXCEPTION 'no step from % to %', OLD.status, NEW.status USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER payments_transaction_steps BEFORE UPDATE ON payments_transaction
  FOR EACH ROW EXECUTE FUNCTION payments_keep_steps();
ALTER TABLE payments_transaction ENABLE ALWAYS TRIGGER payments_transaction_steps;
""".format(
        steps=", ".join(f"('{step_from}', '{step_to}')" for step_from, tos in STEPS.items() for step_to in sorted(tos))
    )
    .replace("{{", "{")
    .replace("}}", "}")
)

STATE = migrations.CreateModel(
    name="Transaction",
    fields=[
        ("id", models.UUIDField(primary_key=True, serialize=False)),
        ("cluster_id", models.UUIDField()),
        ("reference", models.TextField()),
        ("type", models.TextField()),
        ("status", models.TextField()),
        ("amount_minor", models.BigIntegerField()),
        ("currency", models.CharField(max_length=3)),
        ("provider", models.TextField(default="")),
        ("provider_reference", models.TextField(default="")),
        ("user_id", models.UUIDField(null=True)),
        ("purpose", models.TextField()),
        ("subject_id", models.UUIDField(null=True)),
        ("description", models.TextField(default="")),
        ("failure", models.JSONField(null=True)),
        ("refunded_minor", models.BigIntegerField(default=0)),
        ("created_at", models.DateTimeField()),
        ("completed_at", models.DateTimeField(null=True)),
    ],
)


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLE)], [STATE]),
        tenant_table("payments_transaction", app="SELECT, INSERT, UPDATE", key=""),
        sql(STATES),
    ]
