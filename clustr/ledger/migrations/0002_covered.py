"""Posting what each paying account covers, and leaving the rest: for standing orders, where many pay at once."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

COVERED = """
-- Post the transfers of each debited account whole or not at all: where its balance covers their sum, and it is not
-- frozen. Answers for each debited account `posted`, or why not, and by how much it falls short. Guarded accounts pay,
-- growing accounts are paid. An id that stands already refuses the batch: what is asked for here was never asked before.
CREATE FUNCTION ledger_post_covered(
  p_ids uuid[], p_debits uuid[], p_credit uuid, p_amounts bigint[], p_kind text, p_labels text[], p_at timestamptz
) RETURNS TABLE (account uuid, verdict text, short bigint)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  tenant uuid := kit_tenant();
  taker ledger_account;
  accounts uuid[];
  sums bigint[];
  covered uuid[];
  wanted bigint;
  posted bigint;
BEGIN
  IF tenant IS NULL THEN
    RAISE EXCEPTION 'no cluster is set';
  END IF;
  SELECT * INTO taker FROM ledger_account a WHERE a.cluster_id = tenant AND a.id = p_credit AND NOT a.guarded;
  SELECT array_agg(s.debit ORDER BY s.debit), array_agg(s.amount ORDER BY s.debit) INTO accounts, sums FROM (
    SELECT t.debit, sum(t.amount)::bigint AS amount FROM unnest(p_debits, p_amounts) AS t(debit, amount) GROUP BY 1) AS s;
  PERFORM 1 FROM ledger_account a WHERE a.cluster_id = tenant AND a.id = ANY (accounts) ORDER BY a.id
    FOR NO KEY UPDATE;
  PERFORM 1 FROM unnest(accounts) AS t(id)
    LEFT JOIN ledger_account a ON a.cluster_id = tenant AND a.id = t.id AND a.guarded
    WHERE a.id IS NULL;
  IF FOUND OR taker.id IS NULL THEN
    PERFORM kit_refuse('account_not_found');
  END IF;
  PERFORM 1 FROM unnest(accounts) AS t(id)
    JOIN ledger_account a ON a.cluster_id = tenant AND a.id = t.id
    WHERE a.currency <> taker.currency;
  IF FOUND THEN
    PERFORM kit_refuse('account_currency_mismatch');
  END IF;
  WITH paid AS (
    UPDATE ledger_account a SET balance = a.balance - t.amount FROM unnest(accounts, sums) AS t(id, amount)
      WHERE a.cluster_id = tenant AND a.id = t.id AND a.frozen_at IS NULL AND a.balance >= t.amount RETURNING a.id
  ) SELECT coalesce(array_agg(paid.id), '{}') INTO covered FROM paid;
  INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, label, journal, at)
    SELECT tenant, t.id, t.debit, p_credit, t.amount, p_kind, t.label, t.id, p_at
    FROM unnest(p_ids, p_debits, p_amounts, p_labels) AS t(id, debit, amount, label)
    JOIN unnest(covered) AS c(id) ON c.id = t.debit ORDER BY t.id
    ON CONFLICT (cluster_id, id) DO NOTHING;
  GET DIAGNOSTICS posted = ROW_COUNT;
  SELECT count(*) INTO wanted FROM unnest(p_debits) AS t(debit) JOIN unnest(covered) AS c(id) ON c.id = t.debit;
  IF posted <> wanted THEN
    PERFORM kit_refuse('transfer_key_reused');
  END IF;
  RETURN QUERY
    SELECT t.id, CASE WHEN c.id IS NOT NULL THEN 'posted' WHEN a.frozen_at IS NOT NULL THEN 'account_frozen'
                      ELSE 'insufficient_funds' END,
           CASE WHEN c.id IS NOT NULL THEN 0 ELSE greatest(0, t.amount - a.balance) END
    FROM unnest(accounts, sums) AS t(id, amount)
    JOIN ledger_account a ON a.cluster_id = tenant AND a.id = t.id
    LEFT JOIN unnest(covered) AS c(id) ON c.id = t.id;
END $$;
REVOKE ALL ON FUNCTION ledger_post_covered FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger_post_covered TO {app};
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0001_books")]
    operations: ClassVar = [sql(COVERED)]
