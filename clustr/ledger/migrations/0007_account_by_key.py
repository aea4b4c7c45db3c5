"""An account is found by its unique key, however many others of its kind the cluster holds: PostgreSQL looks up neither side of
IS NOT DISTINCT FROM in an index, so each account that was opened was compared with all before it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

BY_KEY = """
-- The account of this kind (of this subject), or NULL.
CREATE FUNCTION ledger_account_of(p_kind text, p_currency text, p_subject uuid) RETURNS uuid LANGUAGE sql STABLE AS $$
  SELECT id FROM ledger_account
  WHERE cluster_id = kit_tenant() AND kind = p_kind AND currency = p_currency AND subject_id = p_subject
  UNION ALL
  SELECT id FROM ledger_account
  WHERE p_subject IS NULL AND cluster_id = kit_tenant() AND kind = p_kind AND currency = p_currency AND subject_id IS NULL
$$;

-- Find or open an account. Answers its id.
CREATE OR REPLACE FUNCTION ledger_open_account(
  p_id uuid, p_kind text, p_currency text, p_subject uuid, p_guarded boolean, p_open boolean
) RETURNS uuid LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, public, pg_temp AS $$
DECLARE
  found_id uuid := ledger_account_of(p_kind, p_currency, p_subject);
BEGIN
  IF found_id IS NULL THEN
    INSERT INTO ledger_account (cluster_id, id, kind, subject_id, currency, guarded, open)
      VALUES (kit_tenant(), p_id, p_kind, p_subject, p_currency, p_guarded, p_open)
      ON CONFLICT DO NOTHING
      RETURNING id INTO found_id;
    IF found_id IS NULL THEN
      found_id := ledger_account_of(p_kind, p_currency, p_subject);
    END IF;
  END IF;
  RETURN found_id;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0006_open_revenue")]
    operations: ClassVar = [sql(BY_KEY)]
