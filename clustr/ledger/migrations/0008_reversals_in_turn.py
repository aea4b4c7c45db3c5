"""Two who undo the same transfer come one after the other: where they raced, the later could meet the index of reversals
before it saw the earlier's key, and end with that index's error instead of a refusal."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

IN_TURN = """
-- What undoes a transfer is its exact mirror image; a transfer is undone once, whatever the key.
CREATE OR REPLACE FUNCTION ledger_refuse_reversals(
  tenant uuid, p_ids uuid[], p_debits uuid[], p_credits uuid[], p_amounts bigint[], p_reverses uuid[]
) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  PERFORM 1 FROM ledger_transfer WHERE cluster_id = tenant AND id = ANY (p_reverses) ORDER BY id FOR NO KEY UPDATE;
  PERFORM 1 FROM unnest(p_ids, p_debits, p_credits, p_amounts, p_reverses) AS r(id, debit, credit, amount, reverses)
    LEFT JOIN ledger_transfer o ON o.cluster_id = tenant AND o.id = r.reverses
    WHERE r.reverses IS NOT NULL
      AND (o.debit = r.credit AND o.credit = r.debit AND o.amount = r.amount) IS NOT TRUE;
  IF FOUND THEN
    PERFORM kit_refuse('not_a_mirror_image');
  END IF;
  PERFORM 1 FROM unnest(p_ids, p_reverses) AS r(id, reverses)
    JOIN ledger_transfer x ON x.cluster_id = tenant AND x.reverses = r.reverses AND x.id <> r.id;
  IF FOUND THEN
    PERFORM kit_refuse('already_reversed');
  END IF;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("ledger", "0007_account_by_key")]
    operations: ClassVar = [sql(IN_TURN)]
