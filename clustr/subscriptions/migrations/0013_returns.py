"""What goes back of a payment by card: refunds and disputes, as Stripe has them."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_reference, tenant_table
from clustr.subscriptions.states import Act, DisputePlace, DisputeStatus, RefundStatus


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


TABLES = f"""
CREATE TABLE subscriptions_refund (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  note_id uuid,
  stripe_refund_id text NOT NULL CHECK (stripe_refund_id <> ''),
  amount kit_amount NOT NULL,
  currency varchar(3) NOT NULL,
  status text NOT NULL CHECK (status IN ({_one_of(RefundStatus)})),
  reason text NOT NULL DEFAULT '',
  failure_code text NOT NULL DEFAULT '',
  note_minor bigint NOT NULL DEFAULT 0 CHECK (note_minor >= 0),
  credit_minor bigint NOT NULL DEFAULT 0 CHECK (credit_minor >= 0),
  owed_minor bigint NOT NULL DEFAULT 0 CHECK (owed_minor >= 0),
  loss_minor bigint NOT NULL DEFAULT 0 CHECK (loss_minor >= 0),
  made_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_refund_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_refund_of_it_all CHECK (
    note_minor + credit_minor + owed_minor + loss_minor = amount
    OR note_minor + credit_minor + owed_minor + loss_minor = 0 AND status IN ('failed', 'canceled'))
);
CREATE UNIQUE INDEX subscriptions_refund_stripe ON subscriptions_refund (stripe_refund_id);
CREATE INDEX subscriptions_refund_of_payment ON subscriptions_refund (cluster_id, payment_id);
CREATE INDEX subscriptions_refund_of_invoice ON subscriptions_refund (cluster_id, invoice_id);

CREATE TABLE subscriptions_dispute (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  payment_id uuid NOT NULL,
  stripe_dispute_id text NOT NULL CHECK (stripe_dispute_id <> ''),
  amount kit_amount NOT NULL,
  currency varchar(3) NOT NULL,
  status text NOT NULL CHECK (status IN ({_one_of(DisputeStatus)})),
  reason text NOT NULL DEFAULT '',
  place text NOT NULL CHECK (place IN ({_one_of(DisputePlace)})),
  moves integer NOT NULL DEFAULT 0 CHECK (moves >= 0),
  due_by timestamptz,
  made_at timestamptz NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_dispute_pkey PRIMARY KEY (cluster_id, id)
);
CREATE UNIQUE INDEX subscriptions_dispute_stripe ON subscriptions_dispute (stripe_dispute_id);
CREATE INDEX subscriptions_dispute_of_payment ON subscriptions_dispute (cluster_id, payment_id);
CREATE INDEX subscriptions_dispute_of_subscription ON subscriptions_dispute (cluster_id, subscription_id);

ALTER TABLE subscriptions_payment
  ADD COLUMN refunded_minor bigint NOT NULL DEFAULT 0,
  ADD COLUMN disputed_minor bigint NOT NULL DEFAULT 0 CHECK (disputed_minor >= 0),
  ADD CONSTRAINT subscriptions_payment_refunded CHECK (refunded_minor BETWEEN 0 AND amount);
ALTER TABLE subscriptions_invoice
  ADD COLUMN returns_asked bigint NOT NULL DEFAULT 0,
  ADD COLUMN returns_seen bigint NOT NULL DEFAULT 0,
  ADD CONSTRAINT subscriptions_invoice_heard CHECK (returns_seen <= returns_asked);
CREATE INDEX subscriptions_invoice_corrected ON subscriptions_invoice (cluster_id, corrects_id) WHERE corrects_id IS NOT NULL;
ALTER TABLE subscriptions_stripecall DROP CONSTRAINT subscriptions_stripecall_act_check,
  ADD CONSTRAINT subscriptions_stripecall_act_check CHECK (act IN ({_one_of(Act)}));
"""

_OURS = [
    ("id", models.UUIDField(primary_key=True, serialize=False)),
    ("cluster_id", models.UUIDField()),
    ("user_id", models.UUIDField()),
]
_TIMES = [
    ("made_at", models.DateTimeField()),
    ("created_at", models.DateTimeField()),
    ("updated_at", models.DateTimeField()),
]

STATE = [
    migrations.CreateModel(
        name="Refund",
        fields=[
            *_OURS,
            ("invoice_id", models.UUIDField()),
            ("payment_id", models.UUIDField()),
            ("note_id", models.UUIDField(null=True)),
            ("stripe_refund_id", models.TextField()),
            ("amount", models.BigIntegerField()),
            ("currency", models.CharField(max_length=3)),
            ("status", models.TextField()),
            ("reason", models.TextField(default="")),
            ("failure_code", models.TextField(default="")),
            ("note_minor", models.BigIntegerField(default=0)),
            ("credit_minor", models.BigIntegerField(default=0)),
            ("owed_minor", models.BigIntegerField(default=0)),
            ("loss_minor", models.BigIntegerField(default=0)),
            *_TIMES,
        ],
    ),
    migrations.CreateModel(
        name="Dispute",
        fields=[
            *_OURS,
            ("subscription_id", models.UUIDField()),
            ("payment_id", models.UUIDField()),
            ("stripe_dispute_id", models.TextField()),
            ("amount", models.BigIntegerField()),
            ("currency", models.CharField(max_length=3)),
            ("status", models.TextField()),
            ("reason", models.TextField(default="")),
            ("place", models.TextField()),
            ("moves", models.PositiveIntegerField(default=0)),
            ("due_by", models.DateTimeField(null=True)),
            *_TIMES,
        ],
    ),
    migrations.AddField("payment", "refunded_minor", models.BigIntegerField(default=0)),
    migrations.AddField("payment", "disputed_minor", models.BigIntegerField(default=0)),
    migrations.AddField("invoice", "returns_asked", models.BigIntegerField(default=0)),
    migrations.AddField("invoice", "returns_seen", models.BigIntegerField(default=0)),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0012_causes")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("subscriptions_refund", key=""),
        tenant_table("subscriptions_dispute", key=""),
        tenant_reference("subscriptions_refund", "invoice_id", "subscriptions_invoice"),
        tenant_reference("subscriptions_refund", "note_id", "subscriptions_invoice"),
        tenant_reference("subscriptions_refund", "payment_id", "subscriptions_payment"),
        tenant_reference("subscriptions_dispute", "payment_id", "subscriptions_payment"),
        tenant_reference("subscriptions_dispute", "subscription_id", "subscriptions_subscription"),
    ]
