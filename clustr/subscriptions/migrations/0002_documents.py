"""Invoices and credit notes with numbers of which none is missing, their lines, and payments."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table
from clustr.subscriptions.states import InvoiceKind, InvoiceStatus, PaymentMethod, PaymentStatus
from clustr.subscriptions.types import LineKind


def _one_of(values: object) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


TABLES = f"""
CREATE TABLE subscriptions_series (
  cluster_id uuid NOT NULL,
  series text NOT NULL CHECK (series ~ '^[A-Z]{{2,3}}[0-9]{{4}}$'),
  last_number bigint NOT NULL CHECK (last_number > 0),
  CONSTRAINT subscriptions_series_pkey PRIMARY KEY (cluster_id, series)
);

CREATE TABLE subscriptions_invoice (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  kind text NOT NULL CHECK (kind IN ({_one_of(InvoiceKind)})),
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  corrects_id uuid,
  stripe_invoice_id text NOT NULL DEFAULT '',
  invoice_number text NOT NULL CHECK (invoice_number ~ '^[A-Z]{{2,3}}[0-9]{{10,}}$'),
  status text NOT NULL CHECK (status IN ({_one_of(InvoiceStatus)})),
  currency varchar(3) NOT NULL,
  subtotal bigint NOT NULL,
  discount_amount bigint NOT NULL CHECK (discount_amount >= 0),
  tax_amount bigint NOT NULL CHECK (tax_amount >= 0),
  total bigint NOT NULL CHECK (total >= 0),
  credit_applied bigint NOT NULL DEFAULT 0 CHECK (credit_applied >= 0),
  amount_paid bigint NOT NULL DEFAULT 0 CHECK (amount_paid >= 0),
  buyer jsonb NOT NULL CHECK (jsonb_typeof(buyer) = 'object'),
  invoice_pdf_url text NOT NULL DEFAULT '',
  issued_at timestamptz NOT NULL,
  due_date timestamptz NOT NULL CHECK (due_date >= issued_at),
  paid_at timestamptz,
  created_at timestamptz NOT NULL,
  updated_at timestamptz NOT NULL,
  irn text NOT NULL DEFAULT '',
  csid text NOT NULL DEFAULT '',
  qr_payload text NOT NULL DEFAULT '',
  clearance_status text NOT NULL DEFAULT '',
  CONSTRAINT subscriptions_invoice_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_invoice_number UNIQUE (cluster_id, invoice_number),
  CONSTRAINT subscriptions_invoice_adds_up CHECK (total = subtotal - discount_amount + tax_amount),
  CONSTRAINT subscriptions_invoice_never_overpaid CHECK (credit_applied + amount_paid <= total),
  CONSTRAINT subscriptions_invoice_settled CHECK (
    (status IN ('paid', 'void')) = (credit_applied + amount_paid = total)),
  CONSTRAINT subscriptions_invoice_paid_at CHECK ((status = 'paid') = (paid_at IS NOT NULL)),
  CONSTRAINT subscriptions_invoice_note CHECK (kind <> 'credit_note' OR status = 'paid'),
  CONSTRAINT subscriptions_invoice_corrects CHECK (corrects_id IS NULL OR kind = 'credit_note')
) WITH (fillfactor = 85);
CREATE UNIQUE INDEX subscriptions_invoice_stripe ON subscriptions_invoice (stripe_invoice_id)
  WHERE stripe_invoice_id <> '';
CREATE INDEX subscriptions_invoice_of_user ON subscriptions_invoice (cluster_id, user_id, id);
CREATE INDEX subscriptions_invoice_of_subscription ON subscriptions_invoice (cluster_id, subscription_id, id);
CREATE INDEX subscriptions_invoice_open ON subscriptions_invoice (due_date) WHERE status = 'open';

CREATE TABLE subscriptions_invoiceline (
  cluster_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  n smallint NOT NULL CHECK (n > 0),
  kind text NOT NULL CHECK (kind IN ({_one_of(LineKind)})),
  description text NOT NULL CHECK (description <> ''),
  quantity integer NOT NULL CHECK (quantity > 0),
  amount bigint NOT NULL,
  discount bigint NOT NULL CHECK (discount >= 0),
  tax_basis_points integer NOT NULL CHECK (tax_basis_points BETWEEN 0 AND 10000),
  tax bigint NOT NULL,
  period_start timestamptz,
  period_end timestamptz CHECK (period_end > period_start),
  CONSTRAINT subscriptions_invoiceline_pkey PRIMARY KEY (cluster_id, invoice_id, n)
);

CREATE TABLE subscriptions_payment (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid NOT NULL,
  subscription_id uuid NOT NULL,
  invoice_id uuid NOT NULL,
  stripe_payment_intent_id text NOT NULL DEFAULT '',
  amount kit_amount NOT NULL,
  surplus_minor bigint NOT NULL DEFAULT 0,
  currency varchar(3) NOT NULL,
  status text NOT NULL CHECK (status IN ({_one_of(PaymentStatus)})),
  payment_method text NOT NULL CHECK (payment_method IN ({_one_of(PaymentMethod)})),
  reference text NOT NULL DEFAULT '',
  failure_code text NOT NULL DEFAULT '',
  failure_message text NOT NULL DEFAULT '',
  paid_at timestamptz,
  created_at timestamptz NOT NULL,
  CONSTRAINT subscriptions_payment_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT subscriptions_payment_surplus CHECK (surplus_minor BETWEEN 0 AND amount),
  CONSTRAINT subscriptions_payment_paid CHECK ((status = 'succeeded') = (paid_at IS NOT NULL))
);
CREATE UNIQUE INDEX subscriptions_payment_stripe ON subscriptions_payment (stripe_payment_intent_id)
  WHERE stripe_payment_intent_id <> '';
-- What people type off a slip: neither case nor dashes and spaces make it another slip.
CREATE UNIQUE INDEX subscriptions_payment_reference ON subscriptions_payment
  (cluster_id, payment_method, lower(regexp_replace(reference, '[^[:alnum:]]', '', 'g'))) WHERE reference <> '';
CREATE INDEX subscriptions_payment_of_user ON subscriptions_payment (cluster_id, user_id, id);
CREATE INDEX subscriptions_payment_of_invoice ON subscriptions_payment (cluster_id, invoice_id);
"""

KEEPING = """
-- What a document charges never changes; what was paid of it only grows; and paid and void are for good.
CREATE FUNCTION subscriptions_keep_invoices() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.kind, NEW.user_id, NEW.subscription_id, NEW.invoice_number, NEW.currency, NEW.subtotal,
      NEW.discount_amount, NEW.tax_amount, NEW.total, NEW.buyer, NEW.issued_at, NEW.due_date, NEW.created_at)
     IS DISTINCT FROM
     (OLD.cluster_id, OLD.id, OLD.kind, OLD.user_id, OLD.subscription_id, OLD.invoice_number, OLD.currency, OLD.subtotal,
      OLD.discount_amount, OLD.tax_amount, OLD.total, OLD.buyer, OLD.issued_at, OLD.due_date, OLD.created_at)
     OR NEW.corrects_id IS DISTINCT FROM OLD.corrects_id THEN
    RAISE EXCEPTION 'an invoice is corrected by a credit note, never changed' USING ERRCODE = 'restrict_violation';
  ELSIF NEW.credit_applied < OLD.credit_applied OR NEW.amount_paid < OLD.amount_paid
     OR OLD.status IN ('paid', 'void') AND NEW.status <> OLD.status THEN
    RAISE EXCEPTION 'what was paid stays paid' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
CREATE TRIGGER subscriptions_invoice_kept BEFORE UPDATE ON subscriptions_invoice
  FOR EACH ROW EXECUTE FUNCTION subscriptions_keep_invoices();
ALTER TABLE subscriptions_invoice ENABLE ALWAYS TRIGGER subscriptions_invoice_kept;
"""

STATE = [
    migrations.CreateModel(
        name="Series",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "series", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("cluster_id", models.UUIDField()),
            ("series", models.TextField()),
            ("last_number", models.BigIntegerField()),
        ],
    ),
    migrations.CreateModel(
        name="Invoice",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("kind", models.TextField()),
            ("user_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("corrects_id", models.UUIDField(null=True)),
            ("stripe_invoice_id", models.TextField(default="")),
            ("invoice_number", models.TextField()),
            ("status", models.TextField()),
            ("currency", models.CharField(max_length=3)),
            ("subtotal", models.BigIntegerField()),
            ("discount_amount", models.BigIntegerField()),
            ("tax_amount", models.BigIntegerField()),
            ("total", models.BigIntegerField()),
            ("credit_applied", models.BigIntegerField(default=0)),
            ("amount_paid", models.BigIntegerField(default=0)),
            ("buyer", models.JSONField(default=dict)),
            ("invoice_pdf_url", models.TextField(default="")),
            ("issued_at", models.DateTimeField()),
            ("due_date", models.DateTimeField()),
            ("paid_at", models.DateTimeField(null=True)),
            ("created_at", models.DateTimeField()),
            ("updated_at", models.DateTimeField()),
            ("irn", models.TextField(default="")),
            ("csid", models.TextField(default="")),
            ("qr_payload", models.TextField(default="")),
            ("clearance_status", models.TextField(default="")),
        ],
    ),
    migrations.CreateModel(
        name="InvoiceLine",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "invoice_id", "n", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            ("cluster_id", models.UUIDField()),
            ("invoice_id", models.UUIDField()),
            ("n", models.PositiveSmallIntegerField()),
            ("kind", models.TextField()),
            ("description", models.TextField()),
            ("quantity", models.PositiveIntegerField()),
            ("amount", models.BigIntegerField()),
            ("discount", models.BigIntegerField()),
            ("tax_basis_points", models.PositiveIntegerField()),
            ("tax", models.BigIntegerField()),
            ("period_start", models.DateTimeField(null=True)),
            ("period_end", models.DateTimeField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Payment",
        fields=[
            ("id", models.UUIDField(primary_key=True, serialize=False)),
            ("cluster_id", models.UUIDField()),
            ("user_id", models.UUIDField()),
            ("subscription_id", models.UUIDField()),
            ("invoice_id", models.UUIDField()),
            ("stripe_payment_intent_id", models.TextField(default="")),
            ("amount", models.BigIntegerField()),
            ("surplus_minor", models.BigIntegerField(default=0)),
            ("currency", models.CharField(max_length=3)),
            ("status", models.TextField()),
            ("payment_method", models.TextField()),
            ("reference", models.TextField(default="")),
            ("failure_code", models.TextField(default="")),
            ("failure_message", models.TextField(default="")),
            ("paid_at", models.DateTimeField(null=True)),
            ("created_at", models.DateTimeField()),
        ],
    ),
]


class Migration(migrations.Migration):
    dependencies: ClassVar = [("subscriptions", "0001_plans")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("subscriptions_series", key=""),
        tenant_table("subscriptions_invoice", key="", sweep_columns="cluster_id, subscription_id, status, due_date"),
        tenant_table("subscriptions_invoiceline", app="SELECT, INSERT", key=""),
        tenant_table("subscriptions_payment", key=""),
        tenant_reference("subscriptions_invoice", "subscription_id", "subscriptions_subscription"),
        tenant_reference("subscriptions_invoice", "corrects_id", "subscriptions_invoice"),
        tenant_reference("subscriptions_invoiceline", "invoice_id", "subscriptions_invoice"),
        tenant_reference("subscriptions_payment", "invoice_id", "subscriptions_invoice"),
        tenant_reference("subscriptions_payment", "subscription_id", "subscriptions_subscription"),
        append_only("subscriptions_invoiceline"),
        sql(KEEPING),
    ]
