"""What members buy from outside: the catalogue, their numbers, validations, quotes and purchases."""

from typing import ClassVar

from django.db import migrations, models

from clustr.bills.types import UTILITY_TYPES
from clustr.kit.schema import sql, tenant_reference, tenant_table
from clustr.utilities.types import ValidationState

_TYPES = ", ".join(f"'{type}'" for type in sorted(UTILITY_TYPES))
_STATES = ", ".join(f"'{state}'" for state in ValidationState)

TABLES = f"""
-- Of no estate: what the services sell is the same everywhere.
CREATE TABLE utilities_provider (
  id uuid NOT NULL,
  name text NOT NULL CHECK (name <> ''),
  provider_type text NOT NULL CHECK (provider_type IN ({_TYPES})),
  api_provider text NOT NULL CHECK (api_provider IN ('paystack', 'flutterwave')),
  provider_code text NOT NULL CHECK (provider_code <> ''),
  number_label text NOT NULL,
  currency varchar(3) NOT NULL,
  fixed_minor bigint CHECK (fixed_minor > 0),
  minimum_minor bigint CHECK (minimum_minor > 0),
  maximum_minor bigint CHECK (maximum_minor >= coalesce(minimum_minor, 1)),
  fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
  gives_token boolean NOT NULL,
  is_active boolean NOT NULL DEFAULT true,
  terms_version integer NOT NULL DEFAULT 1 CHECK (terms_version > 0),
  synced_at timestamptz NOT NULL,
  CONSTRAINT utilities_provider_pkey PRIMARY KEY (id),
  CONSTRAINT utilities_provider_once UNIQUE (api_provider, provider_code, provider_type)
);
CREATE INDEX utilities_provider_offered ON utilities_provider (provider_type, id) WHERE is_active;
REVOKE ALL ON utilities_provider FROM {{app}}, {{sweep}}, {{checker}}, PUBLIC;
GRANT SELECT, INSERT, UPDATE ON utilities_provider TO {{app}};
GRANT SELECT ON utilities_provider TO {{checker}};

CREATE TABLE utilities_account (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  provider_id uuid NOT NULL REFERENCES utilities_provider (id),
  number bytea NOT NULL,
  hint text NOT NULL CHECK (length(hint) <= 4),
  fingerprint bytea NOT NULL CHECK (length(fingerprint) = 32),
  label text NOT NULL DEFAULT '',
  met_at timestamptz NOT NULL,
  saved_at timestamptz,
  CONSTRAINT utilities_account_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT utilities_account_once UNIQUE (cluster_id, user_id, provider_id, fingerprint),
  CONSTRAINT utilities_account_saved_with_its_number CHECK (saved_at IS NULL OR number <> '')
);

CREATE TABLE utilities_validation (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  account_id uuid NOT NULL,
  state text NOT NULL DEFAULT 'pending' CHECK (state IN ({_STATES})),
  error text NOT NULL DEFAULT '',
  customer bytea NOT NULL DEFAULT '',
  minimum_minor bigint CHECK (minimum_minor > 0),
  maximum_minor bigint CHECK (maximum_minor > 0),
  fee_minor bigint CHECK (fee_minor >= 0),
  asked_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  CONSTRAINT utilities_validation_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT utilities_validation_holds_ten_minutes CHECK (
    expires_at > asked_at AND expires_at <= asked_at + interval '10 minutes'),
  CONSTRAINT utilities_validation_refused_for_a_reason CHECK ((state = 'refused') = (error <> ''))
);
CREATE INDEX utilities_validation_of_account ON utilities_validation (cluster_id, account_id, asked_at);

CREATE TABLE utilities_quote (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  validation_id uuid NOT NULL,
  account_id uuid NOT NULL,
  provider_id uuid NOT NULL REFERENCES utilities_provider (id),
  provider_version integer NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
  currency varchar(3) NOT NULL,
  terms_digest bytea NOT NULL CHECK (length(terms_digest) = 32),
  at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL CHECK (expires_at > at),
  CONSTRAINT utilities_quote_pkey PRIMARY KEY (cluster_id, id)
);

CREATE TABLE utilities_purchase (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  quote_id uuid NOT NULL,
  account_id uuid NOT NULL,
  provider_id uuid NOT NULL REFERENCES utilities_provider (id),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  fee_minor bigint NOT NULL CHECK (fee_minor >= 0),
  currency varchar(3) NOT NULL,
  is_automated boolean NOT NULL DEFAULT false,
  token bytea NOT NULL DEFAULT '',
  units text NOT NULL DEFAULT '',
  tariff text NOT NULL DEFAULT '',
  waits_for text NOT NULL DEFAULT '',
  delivered_at timestamptz,
  at timestamptz NOT NULL,
  CONSTRAINT utilities_purchase_pkey PRIMARY KEY (cluster_id, id),
  -- What a member confirmed is bought once.
  CONSTRAINT utilities_purchase_of_quote UNIQUE (cluster_id, quote_id),
  CONSTRAINT utilities_purchase_of_bill UNIQUE (cluster_id, bill_id),
  CONSTRAINT utilities_purchase_delivered_waits_for_nothing CHECK (delivered_at IS NULL OR waits_for = '')
);
CREATE INDEX utilities_purchase_of_user ON utilities_purchase (cluster_id, user_id, id);
CREATE INDEX utilities_purchase_of_account ON utilities_purchase (cluster_id, account_id, id);

-- Whose a purchase is, of what and for how much never changes; nor that it was delivered.
CREATE FUNCTION utilities_keep_purchase() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.user_id, NEW.bill_id, NEW.quote_id, NEW.account_id, NEW.provider_id, NEW.amount_minor,
      NEW.fee_minor, NEW.currency, NEW.is_automated, NEW.at)
     IS DISTINCT FROM
     (OLD.cluster_id, OLD.id, OLD.user_id, OLD.bill_id, OLD.quote_id, OLD.account_id, OLD.provider_id, OLD.amount_minor,
      OLD.fee_minor, OLD.currency, OLD.is_automated, OLD.at)
     OR OLD.delivered_at IS NOT NULL AND NEW.delivered_at IS DISTINCT FROM OLD.delivered_at THEN
    RAISE EXCEPTION 'what was bought, for whom and for how much never changes' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER utilities_purchase_kept BEFORE UPDATE ON utilities_purchase
  FOR EACH ROW EXECUTE FUNCTION utilities_keep_purchase();
ALTER TABLE utilities_purchase ENABLE ALWAYS TRIGGER utilities_purchase_kept;
"""


def _uuid(**options: bool) -> models.UUIDField:
    return models.UUIDField(**options)


def _minor(**options: bool) -> models.BigIntegerField:
    return models.BigIntegerField(**options)


ID = ("id", models.UUIDField(primary_key=True, serialize=False))
CLUSTER = ("cluster_id", models.UUIDField())
USER = ("user_id", models.UUIDField())

STATE = [
    migrations.CreateModel(
        name="UtilityProvider",
        fields=[
            ID,
            ("name", models.TextField()),
            ("provider_type", models.TextField()),
            ("api_provider", models.TextField()),
            ("provider_code", models.TextField()),
            ("number_label", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("fixed_minor", _minor(null=True)),
            ("minimum_minor", _minor(null=True)),
            ("maximum_minor", _minor(null=True)),
            ("fee_minor", _minor()),
            ("gives_token", models.BooleanField()),
            ("is_active", models.BooleanField(default=True)),
            ("terms_version", models.PositiveIntegerField(default=1)),
            ("synced_at", models.DateTimeField()),
        ],
        options={"db_table": "utilities_provider"},
    ),
    migrations.CreateModel(
        name="Account",
        fields=[
            ID,
            CLUSTER,
            USER,
            ("provider_id", _uuid()),
            ("number", models.BinaryField()),
            ("hint", models.TextField()),
            ("fingerprint", models.BinaryField()),
            ("label", models.TextField(default="")),
            ("met_at", models.DateTimeField()),
            ("saved_at", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Validation",
        fields=[
            ID,
            CLUSTER,
            USER,
            ("account_id", _uuid()),
            ("state", models.TextField(default="pending")),
            ("error", models.TextField(default="")),
            ("customer", models.BinaryField(default=b"")),
            ("minimum_minor", _minor(null=True)),
            ("maximum_minor", _minor(null=True)),
            ("fee_minor", _minor(null=True)),
            ("asked_at", models.DateTimeField()),
            ("expires_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Quote",
        fields=[
            ID,
            CLUSTER,
            USER,
            ("validation_id", _uuid()),
            ("account_id", _uuid()),
            ("provider_id", _uuid()),
            ("provider_version", models.PositiveIntegerField()),
            ("amount_minor", _minor()),
            ("fee_minor", _minor()),
            ("currency", models.CharField(max_length=3)),
            ("terms_digest", models.BinaryField()),
            ("at", models.DateTimeField()),
            ("expires_at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Purchase",
        fields=[
            ID,
            CLUSTER,
            USER,
            ("bill_id", _uuid()),
            ("quote_id", _uuid()),
            ("account_id", _uuid()),
            ("provider_id", _uuid()),
            ("amount_minor", _minor()),
            ("fee_minor", _minor()),
            ("currency", models.CharField(max_length=3)),
            ("is_automated", models.BooleanField(default=False)),
            ("token", models.BinaryField(default=b"")),
            ("units", models.TextField(default="")),
            ("tariff", models.TextField(default="")),
            ("waits_for", models.TextField(default="")),
            ("delivered_at", models.DateTimeField(null=True)),
            ("at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [
        ("kit", "0001_functions"),
        ("ledger", "0004_utility_holds"),
        ("payments", "0006_purchases"),
        ("bills", "0005_utility_bills"),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("utilities_account", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table(
            "utilities_validation",
            app="SELECT, INSERT, UPDATE, DELETE",
            key="",
            sweep_columns="cluster_id, id, expires_at",
        ),
        tenant_table("utilities_quote", app="SELECT, INSERT, DELETE", key=""),
        tenant_table("utilities_purchase", app="SELECT, INSERT, UPDATE", key=""),
        tenant_reference("utilities_validation", "account_id", "utilities_account"),
        tenant_reference("utilities_quote", "validation_id", "utilities_validation"),
        tenant_reference("utilities_quote", "account_id", "utilities_account"),
        tenant_reference("utilities_purchase", "id", "payments_transaction"),
        tenant_reference("utilities_purchase", "bill_id", "bills_bill"),
        tenant_reference("utilities_purchase", "quote_id", "utilities_quote"),
        tenant_reference("utilities_purchase", "account_id", "utilities_account"),
    ]
