"""What was used, counted as it comes, exactly, also when a hundred write at once."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table

TABLES = """
CREATE TABLE subscriptions_usagerecord (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  feature_type text NOT NULL CHECK (feature_type <> ''),
  usage_amount numeric(20, 6) NOT NULL CHECK (usage_amount <> 0),
  billing_period_start timestamptz NOT NULL,
  billing_period_end timestamptz NOT NULL,
  event_id text NOT NULL CHECK (event_id <> ''),
  used_at timestamptz NOT NULL,
  recorded_at timestamptz NOT NULL,
  metadata jsonb NOT NULL CHECK (jsonb_typeof(metadata) = 'object'),
  CONSTRAINT subscriptions_usagerecord_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_usagerecord_once UNIQUE (cluster_id, subscription_id, event_id)
);
CREATE INDEX subscriptions_usagerecord_of_period ON subscriptions_usagerecord
  (cluster_id, subscription_id, billing_period_start, feature_type);

CREATE TABLE subscriptions_usage (
  cluster_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  feature_type text NOT NULL,
  starts_at timestamptz NOT NULL,
  level boolean NOT NULL,
  used numeric(20, 6) NOT NULL CHECK (used >= 0),
  CONSTRAINT subscriptions_usage_pkey PRIMARY KEY (cluster_id, subscription_id, feature_type, starts_at)
) WITH (fillfactor = 50);

CREATE TABLE subscriptions_usagepack (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  feature_type text NOT NULL,
  quantity numeric(20, 6) NOT NULL CHECK (quantity > 0),
  starts_at timestamptz NOT NULL,
  bought_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_usagepack_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX subscriptions_usagepack_of_period ON subscriptions_usagepack (cluster_id, subscription_id, starts_at);
"""

RECORD = """
-- Count a batch of events of one subscription, each once for its id. Events name their feature; of each feature is told
-- since when it is counted, whether it is a level, and its ceiling (null: none). All or nothing: where a ceiling would be
-- passed, nothing is counted. Answers per feature what was used before and after, and how many events were new.
CREATE FUNCTION subscriptions_record_usage(
  p_subscription uuid, p_user uuid, p_start timestamptz, p_end timestamptz, p_now timestamptz,
  p_names text[], p_since timestamptz[], p_levels boolean[], p_ceilings numeric[],
  p_ids uuid[], p_events text[], p_features text[], p_amounts numeric[], p_used_at timestamptz[], p_metadata jsonb[]
) RETURNS TABLE (feature text, before numeric, after numeric, counted bigint) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  one record;
  added numeric;
  fresh bigint;
  names text[];
  sums numeric[];
  counts bigint[];
BEGIN
  INSERT INTO subscriptions_usage (cluster_id, subscription_id, feature_type, starts_at, level, used)
    SELECT tenant, p_subscription, t.name, t.since, t.level, 0 FROM unnest(p_names, p_since, p_levels)
      AS t(name, since, level) ORDER BY t.name ON CONFLICT DO NOTHING;
  PERFORM 1 FROM unnest(p_names, p_since) AS t(name, since) JOIN subscriptions_usage u
    ON u.cluster_id = tenant AND u.subscription_id = p_subscription AND u.feature_type = t.name AND u.starts_at = t.since
    ORDER BY u.feature_type FOR NO KEY UPDATE OF u;
  WITH counting AS (
    INSERT INTO subscriptions_usagerecord (cluster_id, id, user_id, subscription_id, feature_type, usage_amount,
        billing_period_start, billing_period_end, event_id, used_at, recorded_at, metadata)
      SELECT tenant, t.id, p_user, p_subscription, t.feature, t.amount, p_start, p_end, t.event, t.used_at, p_now, t.metadata
      FROM unnest(p_ids, p_events, p_features, p_amounts, p_used_at, p_metadata)
        AS t(id, event, feature, amount, used_at, metadata)
      ON CONFLICT (cluster_id, subscription_id, event_id) DO NOTHING
      RETURNING feature_type, usage_amount
  ), summed AS (SELECT feature_type, sum(usage_amount) AS amount, count(*) AS n FROM counting GROUP BY 1)
  SELECT array_agg(s.feature_type), array_agg(s.amount), array_agg(s.n) INTO names, sums, counts FROM summed s;
  PERFORM 1 FROM unnest(p_events, p_features, p_amounts) AS t(event, feature, amount)
    JOIN subscriptions_usagerecord r
      ON r.cluster_id = tenant AND r.subscription_id = p_subscription AND r.event_id = t.event
    WHERE (r.feature_type, r.usage_amount) IS DISTINCT FROM (t.feature, t.amount);
  IF FOUND THEN
    PERFORM kit_refuse('usage_event_reused');
  END IF;
  FOR one IN SELECT t.name, t.since, t.ceiling FROM unnest(p_names, p_since, p_ceilings) AS t(name, since, ceiling)
             ORDER BY t.name LOOP
    SELECT coalesce(sum(s.amount), 0), coalesce(sum(s.n), 0) INTO added, fresh
      FROM unnest(names, sums, counts) AS s(name, amount, n) WHERE s.name = one.name;
    SELECT u.used INTO before FROM subscriptions_usage u WHERE u.cluster_id = tenant
      AND u.subscription_id = p_subscription AND u.feature_type = one.name AND u.starts_at = one.since;
    feature := one.name;
    after := before + added;
    counted := fresh;
    IF after < 0 THEN
      PERFORM kit_refuse('usage_below_zero', format('Of %s, %s is in use.', one.name, trim_scale(before)));
    ELSIF added > 0 AND after > one.ceiling THEN
      PERFORM kit_refuse('usage_limit_reached',
        format('Of %s, %s of %s is used.', one.name, trim_scale(before), trim_scale(one.ceiling)));
    END IF;
    UPDATE subscriptions_usage u SET used = after WHERE u.cluster_id = tenant AND u.subscription_id = p_subscription
      AND u.feature_type = one.name AND u.starts_at = one.since AND added <> 0;
    RETURN NEXT;
  END LOOP;
END $$;
"""

STATE = [
    migrations.CreateModel(
        name="UsageRecord",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("feature_type", models.TextField()),
            ("usage_amount", models.DecimalField(decimal_places=6, max_digits=20)),
            ("billing_period_start", models.DateTimeField()),
            ("billing_period_end", models.DateTimeField()),
            ("event_id", models.TextField()),
            ("used_at", models.DateTimeField()),
            ("recorded_at", models.DateTimeField()),
            ("metadata", models.JSONField(default=dict)),
        ],
    ),
    migrations.CreateModel(
        name="Usage",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id",
                    "subscription_id",
                    "feature_type",
                    "starts_at",
                    blank=True,
                    editable=False,
                    primary_key=True,
                    serialize=False,
                ),
            ),
            ("cluster_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("feature_type", models.TextField()),
            ("starts_at", models.DateTimeField()),
            ("level", models.BooleanField()),
            ("used", models.DecimalField(decimal_places=6, max_digits=20)),
        ],
    ),
    migrations.CreateModel(
        name="UsagePack",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("invoice_id", models.UUIDField()),
            ("feature_type", models.TextField()),
            ("quantity", models.DecimalField(decimal_places=6, max_digits=20)),
            ("starts_at", models.DateTimeField()),
            ("bought_at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0002_documents")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("subscriptions_usagerecord", app="SELECT, INSERT", key=""),
        tenant_table("subscriptions_usage", key=""),
        tenant_table("subscriptions_usagepack", app="SELECT, INSERT", key=""),
        tenant_reference("subscriptions_usagerecord", "subscription_id", "subscriptions_subscription"),
        tenant_reference("subscriptions_usage", "subscription_id", "subscriptions_subscription"),
        tenant_reference("subscriptions_usagepack", "subscription_id", "subscriptions_subscription"),
        tenant_reference("subscriptions_usagepack", "invoice_id", "subscriptions_invoice"),
        append_only("subscriptions_usagerecord"),
        append_only("subscriptions_usagepack"),
        sql(RECORD),
    ]
