"""What our things are called at Stripe, what we asked of it, and how far we have heard."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_reference, tenant_table
from clustr.subscriptions.states import Act, CallState, EventKind, StripeKind


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


TABLES = f"""
CREATE TABLE subscriptions_stripeobject (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ({_one_of(StripeKind)})),
  key text NOT NULL CHECK (key <> ''),
  stripe_id text NOT NULL CHECK (stripe_id <> ''),
  made_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_stripeobject_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_stripeobject_once UNIQUE (cluster_id, kind, key)
);
CREATE UNIQUE INDEX subscriptions_stripeobject_of ON subscriptions_stripeobject (kind, stripe_id);

CREATE TABLE subscriptions_stripecall (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid,
  act text NOT NULL CHECK (act IN ({_one_of(Act)})),
  state text NOT NULL CHECK (state IN ({_one_of(CallState)})),
  terms jsonb NOT NULL CHECK (jsonb_typeof(terms) = 'object'),
  stripe_id text NOT NULL DEFAULT '',
  url text NOT NULL DEFAULT '',
  refused_code text NOT NULL DEFAULT '',
  attempts integer NOT NULL DEFAULT 0,
  asked_at timestamptz NOT NULL,
  next_attempt_at timestamptz,
  finished_at timestamptz,
  CONSTRAINT subscriptions_stripecall_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_stripecall_asked_again CHECK (
    (state IN ('recorded', 'waiting')) = (next_attempt_at IS NOT NULL)),
  CONSTRAINT subscriptions_stripecall_finished CHECK ((next_attempt_at IS NULL) = (finished_at IS NOT NULL))
);
CREATE UNIQUE INDEX subscriptions_stripecall_one_at_a_time ON subscriptions_stripecall (cluster_id, subscription_id)
  WHERE state = 'recorded' AND act <> 'overage';
CREATE INDEX subscriptions_stripecall_due ON subscriptions_stripecall (next_attempt_at) WHERE next_attempt_at IS NOT NULL;
CREATE INDEX subscriptions_stripecall_of ON subscriptions_stripecall (cluster_id, subscription_id, id);
CREATE INDEX subscriptions_stripecall_at_stripe ON subscriptions_stripecall (cluster_id, stripe_id) WHERE stripe_id <> '';

ALTER TABLE subscriptions_subscription
  ADD COLUMN stripe_asked bigint NOT NULL DEFAULT 0,
  ADD COLUMN stripe_seen bigint NOT NULL DEFAULT 0,
  ADD COLUMN stripe_seen_at timestamptz,
  ADD CONSTRAINT subscriptions_subscription_heard CHECK (stripe_seen <= stripe_asked);
ALTER TABLE subscriptions_invoice
  ADD COLUMN attempt_count integer NOT NULL DEFAULT 0,
  ADD COLUMN hosted_invoice_url text NOT NULL DEFAULT '';
ALTER TABLE subscriptions_event DROP CONSTRAINT subscriptions_event_kind_check,
  ADD CONSTRAINT subscriptions_event_kind_check CHECK (kind IN ({_one_of(EventKind)}));
"""

GRANTS = """
GRANT SELECT (collection, stripe_subscription_id, stripe_seen_at) ON subscriptions_subscription TO {sweep};
GRANT DELETE ON subscriptions_redemption TO {app};
"""

STATE = [
    migrations.CreateModel(
        name="StripeObject",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("kind", models.TextField()),
            ("key", models.TextField()),
            ("stripe_id", models.TextField()),
            ("made_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="StripeCall",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("subscription_id", models.UUIDField(null=True)),
            ("act", models.TextField()),
            ("state", models.TextField()),
            ("terms", models.JSONField(default=dict)),
            ("stripe_id", models.TextField(default="")),
            ("url", models.TextField(default="")),
            ("refused_code", models.TextField(default="")),
            ("attempts", models.PositiveIntegerField(default=0)),
            ("asked_at", models.DateTimeField()),
            ("next_attempt_at", models.DateTimeField(null=True)),
            ("finished_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.AddField("subscription", "stripe_asked", models.BigIntegerField(default=0)),
    migrations.AddField("subscription", "stripe_seen", models.BigIntegerField(default=0)),
    migrations.AddField("subscription", "stripe_seen_at", models.DateTimeField(null=True)),
    migrations.AddField("invoice", "attempt_count", models.PositiveIntegerField(default=0)),
    migrations.AddField("invoice", "hosted_invoice_url", models.TextField(default="")),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0003_usage")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("subscriptions_stripeobject", app="SELECT, INSERT, UPDATE, DELETE", key=""),
        tenant_table("subscriptions_stripecall", key="", sweep_columns="cluster_id, id, act, state, next_attempt_at"),
        tenant_reference("subscriptions_stripecall", "subscription_id", "subscriptions_subscription"),
        sql(GRANTS),
    ]
