"""Events, read marks, preferences, messages on their way, and integrators' webhook endpoints with their log."""

from typing import ClassVar

import django.contrib.postgres.fields
from django.db import migrations, models

import clustr.kit.ids
from clustr.kit.schema import sql, tenant_reference, tenant_table
from clustr.notifications.types import Channel, DeliveryState, Face


def _one_of(values: type) -> str:
    return ", ".join(f"'{value}'" for value in values)


PERMISSIONS = (
    "'ManageBill', 'ViewPayments', 'ManageRecurring', 'ViewWallet', 'TransferFunds', 'CreditWallet', 'ManageMembers'"
)

TABLES = f"""
-- Written by every payment and acknowledgment: few indexes, and one CHECK.
CREATE TABLE notifications_event (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  event text,
  user_id uuid,
  office_event text,
  permission text,
  reach_from timestamptz,
  reach_until timestamptz,
  reach_at_issue boolean NOT NULL DEFAULT false,
  reach_condition text NOT NULL DEFAULT '',
  subject_id uuid,
  facts jsonb NOT NULL DEFAULT '{{}}',
  key text NOT NULL DEFAULT '',
  at timestamptz NOT NULL,
  fan_out_after uuid,
  fanned_out_at timestamptz,
  CONSTRAINT notifications_event_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT notifications_event_reaches_somebody CHECK (
    (event IS NOT NULL) = (user_id IS NOT NULL OR reach_from IS NOT NULL)
    AND (user_id IS NULL OR reach_from IS NULL)
    AND (reach_from IS NULL) = (reach_until IS NULL)
    AND (office_event IS NULL) = (permission IS NULL)
    AND coalesce(event, office_event) IS NOT NULL
    AND (permission IS NULL OR permission IN ({PERMISSIONS})))
);
CREATE INDEX notifications_event_of_user ON notifications_event (cluster_id, user_id, id) WHERE user_id IS NOT NULL;
CREATE INDEX notifications_event_of_office ON notifications_event (cluster_id, permission, id)
  WHERE permission IS NOT NULL;
CREATE INDEX notifications_event_of_all ON notifications_event (cluster_id, id) WHERE reach_from IS NOT NULL;
CREATE INDEX notifications_event_to_fan_out ON notifications_event (cluster_id, id) WHERE fanned_out_at IS NULL;
CREATE UNIQUE INDEX notifications_event_once ON notifications_event
  (cluster_id, coalesce(event, office_event), key) WHERE key <> '';

CREATE TABLE notifications_readmark (
  cluster_id uuid NOT NULL,
  user_id uuid NOT NULL,
  event_id uuid NOT NULL,
  read_at timestamptz NOT NULL,
  CONSTRAINT notifications_readmark_pkey PRIMARY KEY (cluster_id, user_id, event_id)
);

CREATE TABLE notifications_preference (
  cluster_id uuid NOT NULL,
  user_id uuid NOT NULL,
  event text NOT NULL,
  channel text NOT NULL CHECK (channel IN ({_one_of(Channel)})),
  enabled boolean NOT NULL,
  changed_at timestamptz NOT NULL,
  CONSTRAINT notifications_preference_pkey PRIMARY KEY (cluster_id, user_id, event, channel)
);

CREATE TABLE notifications_delivery (
  cluster_id uuid NOT NULL,
  event_id uuid NOT NULL,
  channel text NOT NULL CHECK (channel IN ({_one_of(Channel)}) AND channel <> 'in_app'),
  user_id uuid NOT NULL,
  face text NOT NULL CHECK (face IN ({_one_of(Face)})),
  state text NOT NULL CHECK (state IN ({_one_of(DeliveryState)})),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  next_try_at timestamptz,
  claimed_at timestamptz,
  ended_at timestamptz,
  why text NOT NULL DEFAULT '',
  CONSTRAINT notifications_delivery_pkey PRIMARY KEY (cluster_id, event_id, channel, user_id),
  CONSTRAINT notifications_delivery_waits_or_not CHECK ((state = 'queued') = (next_try_at IS NOT NULL)),
  CONSTRAINT notifications_delivery_ends CHECK ((state IN ('queued', 'sending')) = (ended_at IS NULL)),
  CONSTRAINT notifications_delivery_claimed CHECK (state <> 'sending' OR claimed_at IS NOT NULL)
) WITH (fillfactor = 85);
CREATE INDEX notifications_delivery_due ON notifications_delivery (cluster_id, next_try_at) WHERE state = 'queued';
CREATE INDEX notifications_delivery_claims ON notifications_delivery (cluster_id, claimed_at) WHERE state = 'sending';
CREATE INDEX notifications_delivery_lost ON notifications_delivery (cluster_id, channel)
  WHERE state IN ('interrupted', 'failed');
CREATE INDEX notifications_delivery_old ON notifications_delivery (cluster_id, ended_at) WHERE ended_at IS NOT NULL;

CREATE TABLE notifications_endpoint (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  url text NOT NULL CHECK (url ~ '^https://' AND length(url) <= 500),
  description text NOT NULL DEFAULT '',
  events text[] NOT NULL DEFAULT '{{}}',
  secret bytea NOT NULL,
  secret_made_at timestamptz NOT NULL,
  previous_secret bytea,
  previous_until timestamptz,
  created_at timestamptz NOT NULL,
  created_by uuid NOT NULL,
  failing_since timestamptz,
  disabled_at timestamptz,
  removed_at timestamptz,
  CONSTRAINT notifications_endpoint_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT notifications_endpoint_old_secret_ends CHECK ((previous_secret IS NULL) = (previous_until IS NULL))
);

CREATE TABLE notifications_endpointdelivery (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  endpoint_id uuid NOT NULL,
  event_id uuid NOT NULL,
  state text NOT NULL CHECK (state IN ('queued', 'sent', 'failed', 'skipped')),
  attempts integer NOT NULL DEFAULT 0 CHECK (attempts >= 0),
  next_try_at timestamptz,
  http_status integer,
  why text NOT NULL DEFAULT '',
  created_at timestamptz NOT NULL,
  ended_at timestamptz,
  CONSTRAINT notifications_endpointdelivery_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT notifications_endpointdelivery_once UNIQUE (cluster_id, endpoint_id, event_id),
  CONSTRAINT notifications_endpointdelivery_waits_or_ended CHECK (
    (state = 'queued') = (next_try_at IS NOT NULL) AND (state = 'queued') = (ended_at IS NULL))
);
CREATE INDEX notifications_endpointdelivery_due ON notifications_endpointdelivery (cluster_id, next_try_at)
  WHERE state = 'queued';
"""

NOTING = """
-- Note what happened, from another room's SQL: told to one member, and to the office under the permission.
CREATE FUNCTION notifications_note(
  p_id uuid, p_event text, p_user uuid, p_office_event text, p_permission text, p_subject uuid, p_facts jsonb,
  p_at timestamptz
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, event, user_id, office_event, permission, subject_id, facts, at)
    VALUES (kit_tenant(), p_id, p_event, p_user, p_office_event, p_permission, p_subject, p_facts, p_at);
END $$;
"""


def _id() -> tuple[str, models.Field]:
    return ("id", models.UUIDField(primary_key=True, default=clustr.kit.ids.new_id, serialize=False))


def _key(*names: str) -> tuple[str, models.CompositePrimaryKey]:
    return ("pk", models.CompositePrimaryKey(*names, blank=True, editable=False, primary_key=True, serialize=False))


def _maybe() -> models.DateTimeField:
    return models.DateTimeField(null=True)


CLUSTER = ("cluster_id", models.UUIDField())
WHO = ("user_id", models.UUIDField())
WHAT = ("event_id", models.UUIDField())

STATE = [
    migrations.CreateModel(
        name="Event",
        fields=[
            _id(),
            CLUSTER,
            ("event", models.TextField(null=True)),
            ("user_id", models.UUIDField(null=True)),
            ("office_event", models.TextField(null=True)),
            ("permission", models.TextField(null=True)),
            ("reach_from", _maybe()),
            ("reach_until", _maybe()),
            ("reach_at_issue", models.BooleanField(default=False)),
            ("reach_condition", models.TextField(default="")),
            ("subject_id", models.UUIDField(null=True)),
            ("facts", models.JSONField(default=dict)),
            ("key", models.TextField(default="")),
            ("at", models.DateTimeField()),
            ("fan_out_after", models.UUIDField(null=True)),
            ("fanned_out_at", _maybe()),
        ],
    ),
    migrations.CreateModel(
        name="ReadMark",
        fields=[_key("cluster_id", "user_id", "event_id"), CLUSTER, WHO, WHAT, ("read_at", models.DateTimeField())],
    ),
    migrations.CreateModel(
        name="Preference",
        fields=[
            _key("cluster_id", "user_id", "event", "channel"),
            CLUSTER,
            WHO,
            ("event", models.TextField()),
            ("channel", models.TextField()),
            ("enabled", models.BooleanField()),
            ("changed_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Delivery",
        fields=[
            _key("cluster_id", "event_id", "channel", "user_id"),
            CLUSTER,
            WHAT,
            ("channel", models.TextField()),
            WHO,
            ("face", models.TextField()),
            ("state", models.TextField()),
            ("attempts", models.PositiveIntegerField(default=0)),
            ("next_try_at", _maybe()),
            ("claimed_at", _maybe()),
            ("ended_at", _maybe()),
            ("why", models.TextField(default="")),
        ],
    ),
    migrations.CreateModel(
        name="Endpoint",
        fields=[
            _id(),
            CLUSTER,
            ("url", models.TextField()),
            ("description", models.TextField(default="")),
            (
                "events",
                django.contrib.postgres.fields.ArrayField(base_field=models.TextField(), default=list, size=None),
            ),
            ("secret", models.BinaryField()),
            ("secret_made_at", models.DateTimeField()),
            ("previous_secret", models.BinaryField(null=True)),
            ("previous_until", _maybe()),
            ("created_at", models.DateTimeField()),
            ("created_by", models.UUIDField()),
            ("failing_since", _maybe()),
            ("disabled_at", _maybe()),
            ("removed_at", _maybe()),
        ],
    ),
    migrations.CreateModel(
        name="EndpointDelivery",
        fields=[
            _id(),
            CLUSTER,
            ("endpoint_id", models.UUIDField()),
            WHAT,
            ("state", models.TextField()),
            ("attempts", models.PositiveIntegerField(default=0)),
            ("next_try_at", _maybe()),
            ("http_status", models.PositiveIntegerField(null=True)),
            ("why", models.TextField(default="")),
            ("created_at", models.DateTimeField()),
            ("ended_at", _maybe()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [("kit", "0001_functions"), ("people", "0001_people"), ("clusters", "0001_estates")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table(
            "notifications_event",
            app="SELECT, INSERT, UPDATE (fan_out_after, fanned_out_at), DELETE",
            key="",
            sweep_columns="cluster_id, id, at, fanned_out_at",
        ),
        tenant_table("notifications_readmark", app="SELECT, INSERT, DELETE", key=""),
        tenant_table("notifications_preference", app="SELECT, INSERT, UPDATE, DELETE", key=""),
        tenant_table(
            "notifications_delivery",
            app="SELECT, INSERT, UPDATE, DELETE",
            key="",
            sweep_columns="cluster_id, channel, state, next_try_at, claimed_at, ended_at",
        ),
        tenant_table("notifications_endpoint", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table(
            "notifications_endpointdelivery",
            app="SELECT, INSERT, UPDATE, DELETE",
            key="",
            sweep_columns="cluster_id, state, next_try_at",
        ),
        tenant_reference("notifications_readmark", "event_id", "notifications_event"),
        tenant_reference("notifications_delivery", "event_id", "notifications_event"),
        tenant_reference("notifications_endpointdelivery", "event_id", "notifications_event"),
        tenant_reference("notifications_endpointdelivery", "endpoint_id", "notifications_endpoint"),
        sql(NOTING),
    ]
