"""Bills, what members did about them, and the derivation of what each member owes."""

from typing import ClassVar

from django.conf import settings
from django.db import migrations, models

from clustr.bills.types import BillCategory, BillType, DisputeState
from clustr.kit.schema import append_only, sql, tenant_reference, tenant_table


def _one_of(values: type) -> str:
    return ", ".join(f"'{value}'" for value in values)


TABLES = f"""
-- What single columns must be, where a row is written with every payment.
CREATE DOMAIN bills_paid AS bigint CONSTRAINT bills_memberbill_paid_minor_check CHECK (VALUE >= 0);
CREATE DOMAIN bills_movement AS bigint CONSTRAINT bills_billpayment_amount_minor_check CHECK (VALUE <> 0);
CREATE DOMAIN bills_settles AS smallint CONSTRAINT bills_billpayment_settles_check CHECK (VALUE BETWEEN -1 AND 1);

CREATE TABLE bills_bill (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  user_id uuid,
  bill_number text NOT NULL,
  title text NOT NULL CHECK (title <> ''),
  description text NOT NULL DEFAULT '',
  type text NOT NULL CHECK (type IN ({_one_of(BillType)})),
  category text NOT NULL CHECK (category IN ({_one_of(BillCategory)})),
  amount_minor bigint NOT NULL CHECK (amount_minor > 0 AND amount_minor < 1000000000000000),
  currency varchar(3) NOT NULL,
  due_date timestamptz NOT NULL,
  allow_payment_after_due boolean NOT NULL DEFAULT false,
  members_at_issue_only boolean NOT NULL DEFAULT false,
  issued_at timestamptz NOT NULL,
  created_by uuid NOT NULL,
  cancelled_at timestamptz,
  cancelled_by uuid,
  cancel_reason text NOT NULL DEFAULT '',
  version integer NOT NULL DEFAULT 1 CHECK (version > 0),
  terms_digest bytea NOT NULL CHECK (length(terms_digest) = 32),
  utility_provider_id uuid,
  CONSTRAINT bills_bill_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT bills_bill_number UNIQUE (cluster_id, bill_number),
  CONSTRAINT bills_bill_due_after_issue CHECK (due_date > issued_at),
  CONSTRAINT bills_bill_cancelled_by_someone CHECK ((cancelled_at IS NULL) = (cancelled_by IS NULL)),
  CONSTRAINT bills_bill_members_manage_their_own CHECK (category = 'cluster_managed' OR user_id IS NOT NULL)
);
CREATE INDEX bills_bill_cluster_wide ON bills_bill (cluster_id, id) WHERE user_id IS NULL;
CREATE INDEX bills_bill_of_user ON bills_bill (cluster_id, user_id, id) WHERE user_id IS NOT NULL;

CREATE TABLE bills_acknowledgment (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  bill_id uuid NOT NULL,
  user_id uuid NOT NULL,
  version integer NOT NULL,
  terms_digest bytea NOT NULL CHECK (length(terms_digest) = 32),
  at timestamptz NOT NULL,
  ip inet,
  user_agent text NOT NULL DEFAULT '',
  xid xid8 NOT NULL DEFAULT kit_lasting(pg_current_xact_id()),
  CONSTRAINT bills_acknowledgment_pkey PRIMARY KEY (cluster_id, bill_id, user_id, version)
);
CREATE INDEX bills_acknowledgment_since ON bills_acknowledgment (bill_id, xid);

CREATE TABLE bills_dispute (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  bill_id uuid NOT NULL,
  user_id uuid NOT NULL,
  reason text NOT NULL CHECK (reason <> ''),
  state text NOT NULL DEFAULT 'open' CHECK (state IN ({_one_of(DisputeState)})),
  opened_at timestamptz NOT NULL,
  closed_at timestamptz,
  closed_by uuid,
  note text NOT NULL DEFAULT '',
  CONSTRAINT bills_dispute_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT bills_dispute_closed_by_someone CHECK (
    (state = 'open') = (closed_at IS NULL) AND (closed_at IS NULL) = (closed_by IS NULL))
);
CREATE UNIQUE INDEX bills_dispute_one_open ON bills_dispute (cluster_id, bill_id, user_id) WHERE state = 'open';
CREATE INDEX bills_dispute_of_member ON bills_dispute (cluster_id, bill_id, user_id);

CREATE TABLE bills_adjustment (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  bill_id uuid NOT NULL,
  user_id uuid NOT NULL,
  amount_minor bigint NOT NULL CHECK (amount_minor > 0),
  reason text NOT NULL,
  by uuid NOT NULL,
  at timestamptz NOT NULL,
  CONSTRAINT bills_adjustment_pkey PRIMARY KEY (cluster_id, id)
);
CREATE INDEX bills_adjustment_of_member ON bills_adjustment (cluster_id, bill_id, user_id) INCLUDE (amount_minor);

CREATE TABLE bills_memberbill (
  cluster_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  user_id uuid NOT NULL,
  paid_minor bills_paid NOT NULL,
  CONSTRAINT bills_memberbill_pkey PRIMARY KEY (cluster_id, bill_id, user_id)
) WITH (fillfactor = 90);

CREATE TABLE bills_billpayment (
  cluster_id uuid NOT NULL,
  id uuid NOT NULL,
  bill_id uuid NOT NULL,
  user_id uuid NOT NULL,
  version integer NOT NULL,
  amount_minor bills_movement NOT NULL,
  settles bills_settles NOT NULL DEFAULT 0,
  refunds uuid,
  at timestamptz NOT NULL,
  xid xid8 NOT NULL DEFAULT kit_lasting(pg_current_xact_id()),
  CONSTRAINT bills_billpayment_pkey PRIMARY KEY (cluster_id, id),
  CONSTRAINT bills_billpayment_refund_is_negative CHECK ((refunds IS NULL) = (amount_minor > 0)),
  CONSTRAINT bills_billpayment_settles_with_its_sign CHECK (settles * amount_minor >= 0)
);
CREATE INDEX bills_billpayment_since ON bills_billpayment (bill_id, xid);
CREATE INDEX bills_billpayment_refunds ON bills_billpayment (cluster_id, refunds) WHERE refunds IS NOT NULL;

CREATE TABLE bills_tally (
  cluster_id uuid NOT NULL,
  bill_id uuid NOT NULL,
  horizon xid8 NOT NULL,
  collected_minor bigint NOT NULL,
  paid_count bigint NOT NULL,
  version integer NOT NULL,
  acknowledged_count bigint NOT NULL,
  CONSTRAINT bills_tally_pkey PRIMARY KEY (cluster_id, bill_id)
);
"""

DERIVATION = """
-- The status of a bill for one member. The same as Python's `states.member_status`.
CREATE FUNCTION bills_status(
  cancelled boolean, due_minor bigint, paid_minor bigint, disputed boolean, due_date timestamptz, acknowledged boolean,
  moment timestamptz
) RETURNS text LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
  CASE WHEN cancelled THEN 'cancelled'
       WHEN paid_minor >= due_minor THEN 'paid'
       WHEN disputed THEN 'disputed'
       WHEN moment > due_date THEN 'overdue'
       WHEN paid_minor > 0 THEN 'partially_paid'
       WHEN acknowledged THEN 'acknowledged'
       ELSE 'pending_acknowledgment' END;

-- What one member owes on a bill, and did about it. The one place that says how much is owed.
CREATE FUNCTION bills_standing(
  p_cluster uuid, p_bill uuid, p_member uuid, p_amount bigint, p_version integer,
  OUT due_minor bigint, OUT paid_minor bigint, OUT acknowledged_at timestamptz, OUT dispute_id uuid
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
  SELECT
    greatest(0, p_amount - coalesce((SELECT sum(a.amount_minor)::bigint FROM bills_adjustment a
      WHERE a.cluster_id = p_cluster AND a.bill_id = p_bill AND a.user_id = p_member), 0)),
    coalesce((SELECT m.paid_minor FROM bills_memberbill m
      WHERE m.cluster_id = p_cluster AND m.bill_id = p_bill AND m.user_id = p_member), 0),
    (SELECT k.at FROM bills_acknowledgment k
      WHERE k.cluster_id = p_cluster AND k.bill_id = p_bill AND k.user_id = p_member AND k.version = p_version),
    (SELECT d.id FROM bills_dispute d
      WHERE d.cluster_id = p_cluster AND d.bill_id = p_bill AND d.user_id = p_member AND d.state = 'open')
$$;

-- Each bill with each member it applies to, and what that member owes and did. A resident who left and came back is
-- reached once, by the first of their periods that counts.
CREATE VIEW bills_owed WITH (security_invoker = true) AS
  SELECT b.*, m.user_id AS member_id, s.*
    FROM bills_bill b
    JOIN clusters_membership m ON m.cluster_id = b.cluster_id AND m.role = 'resident'
      AND clusters_reaches(m.role, m.joined_at, m.left_at, b.issued_at, b.due_date, b.members_at_issue_only)
      AND (m.previous_left_at IS NULL OR m.previous_left_at <= b.issued_at)
    CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, m.user_id, b.amount_minor, b.version) AS s
    WHERE b.user_id IS NULL
  UNION ALL
  SELECT b.*, b.user_id, s.*
    FROM bills_bill b
    CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, b.user_id, b.amount_minor, b.version) AS s
    WHERE b.user_id IS NOT NULL;
REVOKE ALL ON bills_owed FROM {app};
GRANT SELECT ON bills_owed TO {app}, {checker};

-- Whether a bill reaches this member: for the few whose own acts are looked at one by one.
CREATE FUNCTION bills_reaches(p_bill bills_bill, p_member uuid) RETURNS boolean LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_bill.user_id IS NOT NULL THEN p_bill.user_id = p_member
    ELSE EXISTS (SELECT FROM clusters_membership m
      WHERE m.cluster_id = p_bill.cluster_id AND m.user_id = p_member AND m.role = 'resident'
        AND clusters_reaches(m.role, m.joined_at, m.left_at, p_bill.issued_at, p_bill.due_date,
                             p_bill.members_at_issue_only)) END
$$;

-- A bill with one member it applies to: the same row as of `bills_owed`, found by the keys of both.
CREATE FUNCTION bills_owed_by(p_bill uuid, p_member uuid) RETURNS SETOF bills_owed LANGUAGE sql STABLE AS $$
  SELECT b.*, p_member, s.*
  FROM bills_bill b
  CROSS JOIN LATERAL bills_standing(b.cluster_id, b.id, p_member, b.amount_minor, b.version) AS s
  WHERE b.cluster_id = kit_tenant() AND b.id = p_bill AND bills_reaches(b, p_member)
$$;

-- A bill's totals so far: the tally, and every act since, in one snapshot. A payment counts as settling only where
-- nothing was lowered for the member; the few members with an adjustment are looked at one by one.
CREATE FUNCTION bills_totals(
  p_bill bills_bill, OUT collected_minor bigint, OUT paid_count bigint, OUT acknowledged_count bigint,
  OUT disputed_count bigint
) RETURNS SETOF record LANGUAGE sql STABLE AS $$
  WITH last AS (
    SELECT coalesce(max(t.horizon), '0'::xid8) AS horizon, coalesce(sum(t.collected_minor), 0)::bigint AS collected,
           coalesce(sum(t.paid_count), 0)::bigint AS paid,
           coalesce(sum(t.acknowledged_count) FILTER (WHERE t.version = p_bill.version), 0)::bigint AS acknowledged
    FROM bills_tally t WHERE t.cluster_id = kit_tenant() AND t.bill_id = p_bill.id
  )
  SELECT last.collected + coalesce(p.amount, 0), last.paid + coalesce(p.settled, 0) + (
           SELECT count(*) FROM (SELECT DISTINCT a.user_id FROM bills_adjustment a
             WHERE a.cluster_id = kit_tenant() AND a.bill_id = p_bill.id) AS lowered
           CROSS JOIN LATERAL bills_standing(p_bill.cluster_id, p_bill.id, lowered.user_id, p_bill.amount_minor,
                                             p_bill.version) AS s
           WHERE s.paid_minor >= s.due_minor AND bills_reaches(p_bill, lowered.user_id)),
         last.acknowledged + (SELECT count(*) FROM bills_acknowledgment k WHERE k.bill_id = p_bill.id
           AND k.cluster_id = kit_tenant() AND k.version = p_bill.version AND k.xid >= last.horizon),
         (SELECT count(*) FROM bills_dispute d
           WHERE d.cluster_id = kit_tenant() AND d.bill_id = p_bill.id AND d.state = 'open'
             AND bills_reaches(p_bill, d.user_id))
  FROM last, LATERAL (
    SELECT sum(b.amount_minor)::bigint AS amount, sum(b.settles)::bigint AS settled FROM bills_billpayment b
    WHERE b.bill_id = p_bill.id AND b.cluster_id = kit_tenant() AND b.xid >= last.horizon) AS p
$$;

-- How many members a bill reaches.
CREATE FUNCTION bills_members_billed(p_bill bills_bill) RETURNS bigint LANGUAGE sql STABLE AS $$
  SELECT CASE WHEN p_bill.user_id IS NOT NULL THEN 1
    ELSE clusters_members_billed(p_bill.issued_at, p_bill.due_date, p_bill.members_at_issue_only) END
$$;

-- What a bill asks of all its members together: each owes the whole amount, less what was lowered for them. Numeric: a
-- large amount times many members is more than a bigint holds.
CREATE FUNCTION bills_amount_billed(p_bill bills_bill) RETURNS numeric LANGUAGE sql STABLE AS $$
  SELECT bills_members_billed(p_bill)::numeric * p_bill.amount_minor - coalesce((
    SELECT sum(least(p_bill.amount_minor, lowered.amount)) FROM (
      SELECT sum(a.amount_minor) AS amount FROM bills_adjustment a
      WHERE a.cluster_id = kit_tenant() AND a.bill_id = p_bill.id GROUP BY a.user_id
      HAVING bills_reaches(p_bill, a.user_id)) AS lowered), 0)
$$;

-- Move a bill's tally up to the oldest transaction still under way; see ledger_close.
CREATE FUNCTION bills_close(p_bill uuid) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  last bills_tally;
  next xid8;
  present integer;
  folded bigint;
  collected bigint;
  settled bigint;
  acknowledged bigint;
BEGIN
  INSERT INTO bills_tally (cluster_id, bill_id, horizon, collected_minor, paid_count, version, acknowledged_count)
    SELECT tenant, id, '0', 0, 0, version, 0 FROM bills_bill WHERE cluster_id = tenant AND id = p_bill
    ON CONFLICT DO NOTHING;
  SELECT * INTO last FROM bills_tally WHERE cluster_id = tenant AND bill_id = p_bill FOR UPDATE;
  next := kit_lasting(pg_snapshot_xmin(pg_current_snapshot()));
  IF NOT FOUND OR next <= last.horizon THEN
    RETURN 0;
  END IF;
  SELECT version INTO present FROM bills_bill WHERE cluster_id = tenant AND id = p_bill;
  SELECT count(*), coalesce(sum(amount_minor), 0), coalesce(sum(settles), 0) INTO folded, collected, settled
    FROM bills_billpayment WHERE bill_id = p_bill AND cluster_id = tenant AND xid >= last.horizon AND xid < next;
  SELECT count(*) INTO acknowledged FROM bills_acknowledgment
    WHERE bill_id = p_bill AND cluster_id = tenant AND version = present AND xid >= last.horizon AND xid < next;
  IF folded + acknowledged = 0 AND last.version = present THEN
    RETURN 0;  -- nothing happened: the old horizon is as good, and most bills are quiet
  END IF;
  UPDATE bills_tally SET horizon = next, collected_minor = collected_minor + collected,
      paid_count = paid_count + settled, version = present,
      acknowledged_count = acknowledged + CASE WHEN last.version = present THEN last.acknowledged_count ELSE 0 END
    WHERE cluster_id = tenant AND bill_id = p_bill;
  RETURN folded + acknowledged;
END $$;
"""

LOCKS = """
-- Locks on bills are advisory: thousands of payers share one bill, and a shared row lock would be one hot row.
-- A payer takes the bill shared and their own part exclusively; an edit or a cancellation takes the bill exclusively.
-- The cluster is part of each: who names another estate's bill neither waits for those who act on it nor holds them up.
CREATE FUNCTION bills_lock(p_bill uuid) RETURNS void LANGUAGE sql AS
  $$ SELECT pg_advisory_xact_lock(uuid_hash_extended(p_bill, uuid_hash_extended(kit_tenant(), 1))) $$;
CREATE FUNCTION bills_lock_part(p_bill uuid, p_member uuid) RETURNS void LANGUAGE sql AS $$
  SELECT pg_advisory_xact_lock_shared(uuid_hash_extended(p_bill, uuid_hash_extended(kit_tenant(), 1)));
  SELECT pg_advisory_xact_lock(uuid_hash_extended(p_bill, uuid_hash_extended(p_member,
    uuid_hash_extended(kit_tenant(), 2))));
$$;
"""

PAYING = """
-- Refuse to take a payment, or pass. The same rules, in the same order, as Python's `policies.refuse_payment`.
CREATE FUNCTION bills_refuse_payment(owed bills_owed, moment timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  IF owed.id IS NULL THEN
    PERFORM kit_refuse('bill_not_found');
  ELSIF owed.cancelled_at IS NOT NULL THEN
    PERFORM kit_refuse('bill_cancelled');
  ELSIF owed.paid_minor >= owed.due_minor THEN
    PERFORM kit_refuse('bill_already_paid');
  ELSIF owed.dispute_id IS NOT NULL THEN
    PERFORM kit_refuse('bill_disputed');
  ELSIF owed.acknowledged_at IS NULL THEN
    PERFORM kit_refuse('bill_not_acknowledged');
  ELSIF moment > owed.due_date AND NOT owed.allow_payment_after_due THEN
    PERFORM kit_refuse('bill_past_due');
  END IF;
END $$;

-- Acknowledge a bill's current terms (p_version NULL: whatever they are). A repeat changes nothing.
CREATE FUNCTION bills_acknowledge(
  p_bill uuid, p_member uuid, p_version integer, p_id uuid, p_at timestamptz, p_ip text, p_agent text
) RETURNS bills_owed LANGUAGE plpgsql AS $$
DECLARE
  owed bills_owed;
BEGIN
  PERFORM bills_lock_part(p_bill, p_member);
  SELECT * INTO owed FROM bills_owed_by(p_bill, p_member);
  IF owed.id IS NULL THEN
    PERFORM kit_refuse('bill_not_found');
  ELSIF owed.cancelled_at IS NOT NULL THEN
    PERFORM kit_refuse('bill_cancelled');
  ELSIF p_version <> owed.version THEN
    PERFORM kit_refuse('bill_changed');
  ELSIF owed.dispute_id IS NOT NULL THEN
    PERFORM kit_refuse('bill_disputed');
  ELSIF owed.acknowledged_at IS NULL AND owed.paid_minor >= owed.due_minor THEN
    PERFORM kit_refuse('bill_already_paid');
  ELSIF owed.acknowledged_at IS NULL THEN
    INSERT INTO bills_acknowledgment (cluster_id, id, bill_id, user_id, version, terms_digest, at, ip, user_agent)
      VALUES (kit_tenant(), p_id, p_bill, p_member, owed.version, owed.terms_digest, p_at, p_ip::inet, p_agent);
    owed.acknowledged_at := p_at;
  END IF;
  RETURN owed;
END $$;

-- Pay on a bill from an account of the books, whole (p_amount NULL) or in part, in one round trip: the rules, the
-- transaction, the member's part, the payment with its acknowledgment, the posting, and the audit trail.
CREATE FUNCTION bills_pay(
  p_bill uuid, p_member uuid, p_amount bigint, p_from uuid, p_to uuid, p_transaction uuid, p_reference text,
  p_provider text, p_provider_reference text, p_at timestamptz, p_actor uuid, p_action text, p_ip text, p_agent text,
  p_request text, OUT owed bills_owed, OUT paid_now bigint, OUT paid_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  into_account uuid := p_to;
BEGIN
  PERFORM bills_lock_part(p_bill, p_member);
  SELECT * INTO owed FROM bills_owed_by(p_bill, p_member);
  PERFORM bills_refuse_payment(owed, p_at);
  -- A request that waited may carry an older instant than the consent it waited for; consent comes first, also on paper.
  paid_at := greatest(p_at, owed.acknowledged_at);
  paid_now := coalesce(p_amount, owed.due_minor - owed.paid_minor);
  IF paid_now > owed.due_minor - owed.paid_minor THEN
    PERFORM kit_refuse('amount_exceeds_remaining');
  END IF;
  IF into_account IS NULL THEN
    SELECT a.id INTO into_account FROM ledger_account a WHERE a.cluster_id = tenant AND a.kind = 'cluster_wallet'
      AND a.currency = owed.currency AND a.subject_id IS NULL;
    IF into_account IS NULL THEN
      into_account := ledger_open_account(gen_random_uuid(), 'cluster_wallet', owed.currency, NULL, false, false);
    END IF;
  END IF;
  INSERT INTO payments_transaction (cluster_id, id, reference, type, status, amount_minor, currency, provider,
      provider_reference, user_id, purpose, subject_id, description, created_at, completed_at)
    VALUES (tenant, p_transaction, p_reference, 'bill_payment', 'completed', paid_now, owed.currency, p_provider,
      p_provider_reference, p_member, 'bill', p_bill, owed.title, paid_at, paid_at);
  INSERT INTO bills_memberbill AS m (cluster_id, bill_id, user_id, paid_minor)
    VALUES (tenant, p_bill, p_member, paid_now)
    ON CONFLICT (cluster_id, bill_id, user_id) DO UPDATE SET paid_minor = m.paid_minor + EXCLUDED.paid_minor
      WHERE m.paid_minor + EXCLUDED.paid_minor <= owed.due_minor;
  IF NOT FOUND THEN
    PERFORM kit_refuse('amount_exceeds_remaining');
  END IF;
  INSERT INTO bills_billpayment (cluster_id, id, bill_id, user_id, version, amount_minor, settles, at)
    VALUES (tenant, p_transaction, p_bill, p_member, owed.version, paid_now,
      (owed.due_minor = owed.amount_minor AND owed.paid_minor + paid_now >= owed.due_minor)::int, paid_at);
  PERFORM ledger_post_one(p_transaction, p_from, into_account, paid_now, 'bill_payment', owed.type, p_transaction,
    NULL, paid_at);
  PERFORM audit_record(p_transaction, paid_at, p_actor, p_action, 'bill', p_bill, '', p_ip, p_agent, p_request,
    jsonb_build_object('amount_minor', paid_now, 'currency', owed.currency), p_transaction);
  owed.paid_minor := owed.paid_minor + paid_now;
END $$;

-- Pay from the member's own wallet. A PIN, where one is set, was checked before.
CREATE FUNCTION bills_pay_from_wallet(
  p_bill uuid, p_member uuid, p_amount bigint, p_currency text, p_pin_checked boolean, p_transaction uuid,
  p_reference text, p_at timestamptz, p_ip text, p_agent text, p_request text, OUT owed bills_owed, OUT paid_now bigint,
  OUT paid_at timestamptz
) LANGUAGE plpgsql AS $$
DECLARE
  tenant uuid := kit_tenant();
  wallet uuid;
  pin_is_missing boolean;
  paid record;
BEGIN
  SELECT (SELECT w.id FROM wallets_wallet w
           WHERE w.cluster_id = tenant AND w.user_id = p_member AND w.currency = p_currency),
         NOT p_pin_checked AND EXISTS (SELECT FROM wallets_pin p WHERE p.cluster_id = tenant AND p.user_id = p_member)
    INTO wallet, pin_is_missing;
  IF pin_is_missing THEN
    PERFORM kit_refuse('pin_required');
  END IF;
  IF wallet IS NULL THEN
    SELECT * INTO owed FROM bills_owed_by(p_bill, p_member);
    PERFORM bills_refuse_payment(owed, p_at);
    PERFORM kit_refuse(CASE WHEN p_amount > owed.due_minor - owed.paid_minor THEN 'amount_exceeds_remaining'
                            ELSE 'insufficient_funds' END);
  END IF;
  paid := bills_pay(p_bill, p_member, p_amount, wallet, NULL, p_transaction, p_reference, 'wallet', '', p_at, p_member,
                    'bills.paid', p_ip, p_agent, p_request);
  owed := paid.owed;
  paid_now := paid.paid_now;
  paid_at := paid.paid_at;
END $$;

-- What an answer about one bill is shaped from: the columns that Python's `OWED_COLUMNS` names, in its order.
CREATE FUNCTION bills_facts(owed bills_owed) RETURNS json LANGUAGE plpgsql STABLE AS $$
BEGIN
  RETURN json_build_array(owed.id, owed.bill_number, owed.title, owed.description, owed.type, owed.category,
    owed.amount_minor, owed.currency, owed.due_date, owed.issued_at, owed.user_id, owed.allow_payment_after_due,
    owed.version, encode(owed.terms_digest, 'hex'), owed.cancelled_at, owed.due_minor, owed.paid_minor,
    owed.acknowledged_at, owed.dispute_id);
END $$;

-- A member's consent whole, in one statement: as `bills_pay_once`, for `bills_acknowledge`.
CREATE FUNCTION bills_acknowledge_once(
  p_cluster uuid, p_scope uuid, p_body bytea, p_bill uuid, p_member uuid, p_version integer, p_id uuid, p_at timestamptz,
  p_ip text, p_agent text, OUT verdict text, OUT facts text
) LANGUAGE plpgsql AS $$
DECLARE
  claimed record;
  owed bills_owed;
BEGIN
  verdict := set_config('clustr.cluster', p_cluster::text, true);
  IF p_scope IS NOT NULL THEN
    claimed := audit_claim(p_scope, p_body);
    verdict := claimed.verdict;
    facts := claimed.answer;
    IF verdict <> 'fresh' THEN
      RETURN;
    END IF;
  END IF;
  owed := bills_acknowledge(p_bill, p_member, p_version, p_id, p_at, p_ip, p_agent);
  verdict := 'fresh';
  facts := json_build_array(p_at, bills_facts(owed));
  IF p_scope IS NOT NULL THEN
    PERFORM audit_keep(p_scope, p_member, p_body, 200::smallint, facts, '{}', p_at);
  END IF;
END $$;

-- A member's payment whole, in one statement and so in one transaction: the cluster is set, the request claimed
-- (p_scope NULL: it brought no key), the payment made, and what an answer is shaped from kept for a repeat. `facts` are
-- those of this payment (verdict `fresh`) or of the first (`replay`); else nothing was done.
CREATE FUNCTION bills_pay_once(
  p_cluster uuid, p_scope uuid, p_body bytea, p_bill uuid, p_member uuid, p_amount bigint, p_currency text,
  p_pin_checked boolean, p_transaction uuid, p_reference text, p_at timestamptz, p_ip text, p_agent text, p_request text,
  OUT verdict text, OUT facts text
) LANGUAGE plpgsql AS $$
DECLARE
  claimed record;
  paid record;
  owed bills_owed;
BEGIN
  verdict := set_config('clustr.cluster', p_cluster::text, true);
  IF p_scope IS NOT NULL THEN
    claimed := audit_claim(p_scope, p_body);
    verdict := claimed.verdict;
    facts := claimed.answer;
    IF verdict <> 'fresh' THEN
      RETURN;
    END IF;
  END IF;
  paid := bills_pay_from_wallet(p_bill, p_member, p_amount, p_currency, p_pin_checked, p_transaction, p_reference, p_at,
                                p_ip, p_agent, p_request);
  owed := paid.owed;
  verdict := 'fresh';
  facts := json_build_array(p_at, bills_facts(owed), p_transaction, paid.paid_now, paid.paid_at);
  IF p_scope IS NOT NULL THEN
    PERFORM audit_keep(p_scope, p_member, p_body, 201::smallint, facts, '{}', p_at);
  END IF;
END $$;
"""


def _fk(to: str, **options: object) -> models.ForeignKey:
    return models.ForeignKey(
        to=to, on_delete=models.PROTECT, db_constraint=False, db_index=False, **{"related_name": "+", **options}
    )


def _id() -> tuple[str, models.Field]:
    return ("id", models.UUIDField(primary_key=True, serialize=False))


CLUSTER = ("cluster_id", models.UUIDField())
USER = settings.AUTH_USER_MODEL

STATE = [
    migrations.CreateModel(
        name="Bill",
        fields=[
            _id(),
            CLUSTER,
            ("user", _fk(USER, null=True)),
            ("bill_number", models.TextField()),
            ("title", models.TextField()),
            ("description", models.TextField(default="")),
            ("type", models.TextField()),
            ("category", models.TextField()),
            ("amount_minor", models.BigIntegerField()),
            ("currency", models.CharField(max_length=3)),
            ("due_date", models.DateTimeField()),
            ("allow_payment_after_due", models.BooleanField(default=False)),
            ("members_at_issue_only", models.BooleanField(default=False)),
            ("issued_at", models.DateTimeField()),
            ("created_by", models.UUIDField()),
            ("cancelled_at", models.DateTimeField(null=True)),
            ("cancelled_by", models.UUIDField(null=True)),
            ("cancel_reason", models.TextField(default="")),
            ("version", models.PositiveIntegerField(default=1)),
            ("terms_digest", models.BinaryField()),
            ("utility_provider_id", models.UUIDField(null=True)),
        ],
    ),
    migrations.CreateModel(
        name="Acknowledgment",
        fields=[
            _id(),
            CLUSTER,
            ("bill", _fk("bills.bill", related_name="acknowledgments")),
            ("user", _fk(USER)),
            ("version", models.PositiveIntegerField()),
            ("terms_digest", models.BinaryField()),
            ("at", models.DateTimeField()),
            ("ip", models.GenericIPAddressField(null=True)),
            ("user_agent", models.TextField(default="")),
        ],
    ),
    migrations.AddField(
        model_name="bill",
        name="acknowledged_by",
        field=models.ManyToManyField(related_name="+", through="bills.Acknowledgment", to=USER),
    ),
    migrations.CreateModel(
        name="Dispute",
        fields=[
            _id(),
            CLUSTER,
            ("bill", _fk("bills.bill", related_name="disputes")),
            ("user_id", models.UUIDField()),
            ("reason", models.TextField()),
            ("state", models.TextField(default="open")),
            ("opened_at", models.DateTimeField()),
            ("closed_at", models.DateTimeField(null=True)),
            ("closed_by", models.UUIDField(null=True)),
            ("note", models.TextField(default="")),
        ],
    ),
    migrations.CreateModel(
        name="Adjustment",
        fields=[
            _id(),
            CLUSTER,
            ("bill", _fk("bills.bill", related_name="adjustments")),
            ("user_id", models.UUIDField()),
            ("amount_minor", models.BigIntegerField()),
            ("reason", models.TextField()),
            ("by", models.UUIDField()),
            ("at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="MemberBill",
        fields=[
            (
                "pk",
                models.CompositePrimaryKey(
                    "cluster_id", "bill_id", "user_id", blank=True, editable=False, primary_key=True, serialize=False
                ),
            ),
            CLUSTER,
            ("bill", _fk("bills.bill", related_name="member_bills")),
            ("user_id", models.UUIDField()),
            ("paid_minor", models.BigIntegerField(default=0)),
        ],
    ),
    migrations.CreateModel(
        name="BillPayment",
        fields=[
            _id(),
            CLUSTER,
            ("bill", _fk("bills.bill", related_name="payments")),
            ("user_id", models.UUIDField()),
            ("version", models.PositiveIntegerField()),
            ("amount_minor", models.BigIntegerField()),
            ("settles", models.SmallIntegerField(default=0)),
            ("refunds", models.UUIDField(null=True)),
            ("at", models.DateTimeField()),
        ],
    ),
    migrations.CreateModel(
        name="Tally",
        fields=[
            (
                "bill",
                models.OneToOneField(
                    to="bills.bill",
                    on_delete=models.PROTECT,
                    primary_key=True,
                    serialize=False,
                    related_name="tally",
                    db_constraint=False,
                ),
            ),
            CLUSTER,
            ("horizon", models.BigIntegerField()),
            ("collected_minor", models.BigIntegerField()),
            ("paid_count", models.BigIntegerField()),
            ("version", models.PositiveIntegerField()),
            ("acknowledged_count", models.BigIntegerField()),
        ],
    ),
]


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = [
        ("kit", "0001_functions"),
        ("ledger", "0001_books"),
        ("audit", "0001_trail"),
        ("clusters", "__first__"),
        ("payments", "0001_transaction"),
        ("wallets", "0001_wallets"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState([sql(TABLES)], STATE),
        tenant_table("bills_bill", app="SELECT, INSERT, UPDATE", key="", sweep_columns="cluster_id, id, cancelled_at"),
        tenant_table("bills_acknowledgment", app="SELECT, INSERT", key=""),
        tenant_table("bills_dispute", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table("bills_adjustment", app="SELECT, INSERT", key=""),
        tenant_table("bills_memberbill", app="SELECT, INSERT, UPDATE", key=""),
        tenant_table("bills_billpayment", app="SELECT, INSERT", key=""),
        tenant_table("bills_tally", app="SELECT, INSERT, UPDATE", key=""),
        tenant_reference("bills_acknowledgment", "bill_id", "bills_bill"),
        tenant_reference("bills_dispute", "bill_id", "bills_bill"),
        tenant_reference("bills_adjustment", "bill_id", "bills_bill"),
        tenant_reference("bills_memberbill", "bill_id", "bills_bill"),
        tenant_reference("bills_tally", "bill_id", "bills_bill"),
        tenant_reference("bills_billpayment", "id", "payments_transaction"),
        tenant_reference("bills_billpayment", "refunds", "bills_billpayment"),
        tenant_reference(
            "bills_billpayment",
            "bill_id, user_id",
            "bills_memberbill",
            parent_columns="bill_id, user_id",
            name="bills_billpayment_of_member_in_cluster",
        ),
        tenant_reference(
            "bills_billpayment",
            "bill_id, user_id, version",
            "bills_acknowledgment",
            parent_columns="bill_id, user_id, version",
            name="bills_billpayment_needs_acknowledgment",
        ),
        append_only("bills_acknowledgment"),
        append_only("bills_adjustment"),
        append_only("bills_billpayment"),
        sql(DERIVATION),
        sql(LOCKS),
        sql(PAYING),
    ]
