"""Plans, subscriptions and what happened to them, coupons, contract prices and billing addresses."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table
from clustr.subscriptions.states import Collection, EventKind, SubscriptionStatus
from clustr.subscriptions.types import Duration


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


PLANS = """
CREATE TABLE subscriptions_plan (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  code text NOT NULL CHECK (code ~ '^[a-z][a-z0-9_]{0,39}$'),
  version integer NOT NULL CHECK (version > 0),
  name text NOT NULL CHECK (name <> ''),
  description text NOT NULL,
  currency varchar(3) NOT NULL,
  price_monthly bigint NOT NULL CHECK (price_monthly >= 0),
  price_yearly bigint NOT NULL CHECK (price_yearly >= 0),
  prices jsonb NOT NULL CHECK (jsonb_typeof(prices) = 'object'),
  stripe_price_id_monthly text NOT NULL DEFAULT '',
  stripe_price_id_yearly text NOT NULL DEFAULT '',
  features jsonb NOT NULL CHECK (jsonb_typeof(features) = 'array'),
  limits jsonb NOT NULL CHECK (jsonb_typeof(limits) = 'object'),
  overage jsonb NOT NULL CHECK (jsonb_typeof(overage) = 'object'),
  is_active boolean NOT NULL,
  trial_days integer NOT NULL CHECK (trial_days BETWEEN 0 AND 730),
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_plan_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_plan_one_of_a_version UNIQUE (cluster_id, code, version)
);
CREATE UNIQUE INDEX subscriptions_plan_one_active ON subscriptions_plan (cluster_id, code) WHERE is_active;

CREATE TABLE subscriptions_contract (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  plan_code text NOT NULL,
  interval text NOT NULL CHECK (interval IN ('month', 'year')),
  currency varchar(3) NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  starts_at timestamptz NOT NULL,
  ends_at timestamptz CHECK (ends_at > starts_at),
  agreed_by uuid NOT NULL CHECK (agreed_by <> user_id),
  created_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_contract_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX subscriptions_contract_of_user ON subscriptions_contract (cluster_id, user_id);
"""

SUBSCRIPTIONS = f"""
CREATE TABLE subscriptions_subscription (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  for_cluster_id uuid,
  plan_id uuid NOT NULL,
  interval text NOT NULL CHECK (interval IN ('month', 'year')),
  currency varchar(3) NOT NULL,
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  period_price_minor bigint NOT NULL CHECK (period_price_minor >= 0),
  collection text NOT NULL CHECK (collection IN ({_one_of(Collection)})),
  stripe_subscription_id text NOT NULL DEFAULT '',
  status text NOT NULL CHECK (status IN ({_one_of(SubscriptionStatus)})),
  anchor_at timestamptz NOT NULL,
  anchor_day smallint NOT NULL CHECK (anchor_day BETWEEN 1 AND 31),
  current_period_start timestamptz NOT NULL,
  current_period_end timestamptz NOT NULL,
  trial_end timestamptz,
  trial_told_at timestamptz,
  cancel_at_period_end boolean NOT NULL DEFAULT false,
  canceled_at timestamptz,
  cancel_reason text NOT NULL DEFAULT '',
  past_due_since timestamptz,
  dunning_step smallint NOT NULL DEFAULT 0,
  ended_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_subscription_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_subscription_period CHECK (current_period_end > current_period_start),
  CONSTRAINT subscriptions_subscription_ends CHECK (
    (status IN ('canceled', 'incomplete_expired')) = (ended_at IS NOT NULL)),
  CONSTRAINT subscriptions_subscription_trial CHECK (status <> 'trialing' OR trial_end = current_period_end),
  CONSTRAINT subscriptions_subscription_owing CHECK (
    (status IN ('past_due', 'unpaid')) = (past_due_since IS NOT NULL)),
  CONSTRAINT subscriptions_subscription_free_or_collected CHECK (collection <> 'none' OR price_minor = 0),
  CONSTRAINT subscriptions_subscription_by_stripe CHECK (stripe_subscription_id = '' OR collection = 'stripe')
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX subscriptions_subscription_one_of_user ON subscriptions_subscription (cluster_id, user_id)
  WHERE for_cluster_id IS NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX subscriptions_subscription_one_of_estate ON subscriptions_subscription (cluster_id, for_cluster_id)
  WHERE for_cluster_id IS NOT NULL AND ended_at IS NULL;
CREATE UNIQUE INDEX subscriptions_subscription_stripe ON subscriptions_subscription (stripe_subscription_id)
  WHERE stripe_subscription_id <> '';
CREATE INDEX subscriptions_subscription_due ON subscriptions_subscription (current_period_end) WHERE ended_at IS NULL;
CREATE INDEX subscriptions_subscription_of_user ON subscriptions_subscription (cluster_id, user_id, id);

CREATE TABLE subscriptions_pendingchange (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  plan_id uuid NOT NULL,
  interval text NOT NULL CHECK (interval IN ('month', 'year')),
  price_minor bigint NOT NULL CHECK (price_minor >= 0),
  applies_at timestamptz NOT NULL,
  asked_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_pendingchange_pkey PRIMARY KEY (cluster_id, id)
);

CREATE TABLE subscriptions_event (
  cluster_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  n integer NOT NULL CHECK (n > 0),
  kind text NOT NULL CHECK (kind IN ({_one_of(EventKind)})),
  status text NOT NULL CHECK (status IN ({_one_of(SubscriptionStatus)})),
  plan_id uuid NOT NULL,
  interval text NOT NULL,
  monthly_minor bigint NOT NULL CHECK (monthly_minor >= 0),
  reason text NOT NULL DEFAULT '',
  at timestamptz NOT NULL,
  CONSTRAINT subscriptions_event_pkey PRIMARY KEY (cluster_id, subscription_id, n)
);
"""

COUPONS = f"""
CREATE TABLE subscriptions_coupon (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  code text NOT NULL CHECK (code ~ '^[A-Z0-9][A-Z0-9_-]{{1,39}}$'),
  name text NOT NULL CHECK (name <> ''),
  basis_points integer NOT NULL DEFAULT 0 CHECK (basis_points BETWEEN 0 AND 10000),
  amount_minor bigint NOT NULL DEFAULT 0 CHECK (amount_minor >= 0),
  currency varchar(3) NOT NULL DEFAULT '',
  duration text NOT NULL CHECK (duration IN ({_one_of(Duration)})),
  duration_months smallint CHECK (duration_months > 0),
  max_redemptions integer CHECK (max_redemptions > 0),
  redeemed integer NOT NULL DEFAULT 0 CHECK (redeemed >= 0),
  expires_at timestamptz,
  plan_code text NOT NULL DEFAULT '',
  needs_verification text NOT NULL DEFAULT '',
  is_active boolean NOT NULL DEFAULT true,
  stripe_coupon_id text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_coupon_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_coupon_code UNIQUE (cluster_id, code),
  CONSTRAINT subscriptions_coupon_share_or_amount CHECK ((basis_points > 0) <> (amount_minor > 0)),
  CONSTRAINT subscriptions_coupon_amount_in_a_currency CHECK ((amount_minor > 0) = (currency <> '')),
  CONSTRAINT subscriptions_coupon_months CHECK ((duration = 'repeating') = (duration_months IS NOT NULL)),
  CONSTRAINT subscriptions_coupon_within CHECK (redeemed <= max_redemptions)
);

CREATE TABLE subscriptions_redemption (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  coupon_id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  redeemed_at timestamptz NOT NULL,
  ends_at timestamptz,
  used_at timestamptz,
  CONSTRAINT subscriptions_redemption_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_redemption_once UNIQUE (cluster_id, coupon_id, user_id)
);
CREATE INDEX subscriptions_redemption_of_subscription ON subscriptions_redemption (cluster_id, subscription_id);

CREATE TABLE subscriptions_verification (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  kind text NOT NULL CHECK (kind <> ''),
  verified_by uuid NOT NULL CHECK (verified_by <> user_id),
  verified_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > verified_at),
  CONSTRAINT subscriptions_verification_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX subscriptions_verification_of_user ON subscriptions_verification (cluster_id, user_id, kind);

CREATE TABLE subscriptions_billingaddress (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  name text NOT NULL DEFAULT '',
  tax_id text NOT NULL DEFAULT '',
  line1 text NOT NULL CHECK (line1 <> ''),
  line2 text NOT NULL DEFAULT '',
  city text NOT NULL CHECK (city <> ''),
  state text NOT NULL DEFAULT '',
  postal_code text NOT NULL DEFAULT '',
  country varchar(2) NOT NULL CHECK (country ~ '^[A-Z]{{2}}$'),
  is_default boolean NOT NULL,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_billingaddress_pkey PRIMARY KEY (cluster_id, id)
);
CREATE UNIQUE INDEX subscriptions_billingaddress_one_default ON subscriptions_billingaddress (cluster_id, user_id)
  WHERE is_default;
"""

KEEPING = """
-- A version of a plan is what somebody agreed to: of it, only whether it is offered and its names at Stripe change.
CREATE FUNCTION subscriptions_keep_plans() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.code, NEW.version, NEW.name, NEW.description, NEW.currency, NEW.price_monthly,
      NEW.price_yearly, NEW.prices, NEW.features, NEW.limits, NEW.overage, NEW.trial_days, NEW.created_at)
     IS DISTINCT FROM
     (OLD.cluster_id, OLD.id, OLD.code, OLD.version, OLD.name, OLD.description, OLD.currency, OLD.price_monthly,
      OLD.price_yearly, OLD.prices, OLD.features, OLD.limits, OLD.overage, OLD.trial_days, OLD.created_at) THEN
    RAISE EXCEPTION 'a version of a plan never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER subscriptions_plan_kept BEFORE UPDATE ON subscriptions_plan
  FOR EACH ROW EXECUTE FUNCTION subscriptions_keep_plans();
ALTER TABLE subscriptions_plan ENABLE ALWAYS TRIGGER subscriptions_plan_kept;

-- Who has a subscription, since when and in which currency never changes; and what has ended stays as it ended.
CREATE FUNCTION subscriptions_keep_subscriptions() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.user_id, NEW.currency, NEW.created_at)
     IS DISTINCT FROM (OLD.cluster_id, OLD.id, OLD.user_id, OLD.currency, OLD.created_at)
     OR NEW.for_cluster_id IS DISTINCT FROM OLD.for_cluster_id THEN
    RAISE EXCEPTION 'whose subscription it is never changes' USING ERRCODE = 'restrict_violation';
  ELSIF OLD.ended_at IS NOT NULL
     AND (NEW.status, NEW.ended_at, NEW.plan_id, NEW.price_minor, NEW.current_period_end)
       IS DISTINCT FROM (OLD.status, OLD.ended_at, OLD.plan_id, OLD.price_minor, OLD.current_period_end) THEN
    RAISE EXCEPTION 'a subscription that has ended stays as it ended' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER subscriptions_subscription_kept BEFORE UPDATE ON subscriptions_subscription
  FOR EACH ROW EXECUTE FUNCTION subscriptions_keep_subscriptions();
ALTER TABLE subscriptions_subscription ENABLE ALWAYS TRIGGER subscriptions_subscription_kept;
"""

STATE = [
    migrations.CreateModel(
        name="SubscriptionPlan",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("code", models.TextField()),
            ("version", models.PositiveIntegerField()),
            ("name", models.TextField()),
            ("description", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("price_monthly", models.BigIntegerField()),
            ("price_yearly", models.BigIntegerField()),
            ("prices", models.JSONField(default=dict)),
            ("stripe_price_id_monthly", models.TextField(default="")),
            ("stripe_price_id_yearly", models.TextField(default="")),
            ("features", models.JSONField(default=list)),
            ("limits", models.JSONField(default=dict)),
            ("overage", models.JSONField(default=dict)),
            ("is_active", models.BooleanField()),
            ("trial_days", models.PositiveIntegerField(default=0)),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
        ],
        options={
            "db_table": "subscriptions_plan",
        },
    ),
    migrations.CreateModel(
        name="ContractPrice",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("plan_code", models.TextField()),
            ("interval", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("price_minor", models.BigIntegerField()),
            ("starts_at", models.DateTimeField()),
            ("ends_at", models.DateTimeField(null=True)),
            ("agreed_by", models.UUIDField()),
            ("created_at", models.DateTimeField()),
        ],
        options={
            "db_table": "subscriptions_contract",
        },
    ),
    migrations.CreateModel(
        name="Subscription",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("for_cluster_id", models.UUIDField(null=True)),
            ("plan_id", models.UUIDField()),
            ("interval", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("price_minor", models.BigIntegerField()),
            ("period_price_minor", models.BigIntegerField()),
            ("collection", models.TextField()),
            ("stripe_subscription_id", models.TextField(default="")),
            ("status", models.TextField()),
            ("anchor_at", models.DateTimeField()),
            ("anchor_day", models.PositiveSmallIntegerField()),
            ("current_period_start", models.DateTimeField()),
            ("current_period_end", models.DateTimeField()),
            ("trial_end", models.DateTimeField(null=True)),
            ("trial_told_at", models.DateTimeField(null=True)),
            ("cancel_at_period_end", models.BooleanField(default=False)),
            ("canceled_at", models.DateTimeField(null=True)),
            ("cancel_reason", models.TextField(default="")),
            ("past_due_since", models.DateTimeField(null=True)),
            ("dunning_step", models.PositiveSmallIntegerField(default=0)),
            ("ended_at", models.DateTimeField(null=True)),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="PendingChange",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("plan_id", models.UUIDField()),
            ("interval", models.TextField()),
            ("price_minor", models.BigIntegerField()),
            ("applies_at", models.DateTimeField()),
            ("asked_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="SubscriptionEvent",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "subscription_id", "n", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("cluster_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("n", models.PositiveIntegerField()),
            ("kind", models.TextField()),
            ("status", models.TextField()),
            ("plan_id", models.UUIDField()),
            ("interval", models.TextField()),
            ("monthly_minor", models.BigIntegerField()),
            ("reason", models.TextField(default="")),
            ("at", models.DateTimeField()),
        ],
        options={
            "db_table": "subscriptions_event",
        },
    ),
    migrations.CreateModel(
        name="Coupon",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("code", models.TextField()),
            ("name", models.TextField()),
            ("basis_points", models.PositiveIntegerField(default=0)),
            ("amount_minor", models.BigIntegerField(default=0)),
            ("currency", models.CharField(default="", max_length=3)),
            ("duration", models.TextField()),
            ("duration_months", models.PositiveSmallIntegerField(null=True)),
            ("max_redemptions", models.PositiveIntegerField(null=True)),
            ("redeemed", models.PositiveIntegerField(default=0)),
            ("expires_at", models.DateTimeField(null=True)),
            ("plan_code", models.TextField(default="")),
            ("needs_verification", models.TextField(default="")),
            ("is_active", models.BooleanField(default=True)),
            ("stripe_coupon_id", models.TextField(default="")),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Redemption",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("coupon_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("redeemed_at", models.DateTimeField()),
            ("ends_at", models.DateTimeField(null=True)),
            ("used_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Verification",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("kind", models.TextField()),
            ("verified_by", models.UUIDField()),
            ("verified_at", models.DateTimeField()),
            ("expires_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="BillingAddress",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("name", models.TextField(default="")),
            ("tax_id", models.TextField(default="")),
            ("line1", models.TextField()),
            ("line2", models.TextField(default="")),
            ("city", models.TextField()),
            ("state", models.TextField(default="")),
            ("postal_code", models.TextField(default="")),
            ("country", models.CharField(max_length=2)),
            ("is_default", models.BooleanField()),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(PLANS), sql(SUBSCRIPTIONS), sql(COUPONS)], STATE),
        tenant_table("subscriptions_plan", key=""),
        tenant_table("subscriptions_contract", app="SELECT, INSERT", key=""),
        tenant_table(
            "subscriptions_subscription",
            key="",
            sweep_columns="cluster_id, id, status, current_period_end, trial_end, trial_told_at, ended_at",
        ),
        tenant_table("subscriptions_pendingchange", app="SELECT, INSERT, UPDATE, DELETE", key=""),
        tenant_table("subscriptions_event", app="SELECT, INSERT", key=""),
        tenant_table("subscriptions_coupon", key=""),
        tenant_table("subscriptions_redemption", key=""),
        tenant_table("subscriptions_verification", app="SELECT, INSERT", key=""),
        tenant_table("subscriptions_billingaddress", app="SELECT, INSERT, UPDATE, DELETE", key=""),
        tenant_reference("subscriptions_subscription", "plan_id", "subscriptions_plan"),
        tenant_reference("subscriptions_pendingchange", "id", "subscriptions_subscription"),
        tenant_reference("subscriptions_pendingchange", "plan_id", "subscriptions_plan"),
        tenant_reference("subscriptions_event", "subscription_id", "subscriptions_subscription"),
        tenant_reference("subscriptions_event", "plan_id", "subscriptions_plan"),
        tenant_reference("subscriptions_redemption", "coupon_id", "subscriptions_coupon"),
        tenant_reference("subscriptions_redemption", "subscription_id", "subscriptions_subscription"),
        append_only("subscriptions_contract"),
        append_only("subscriptions_event"),
        append_only("subscriptions_verification"),
        sql(KEEPING),
    ]
