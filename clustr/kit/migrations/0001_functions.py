"""SQL functions every room's schema builds on. The kit has no tables."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

FUNCTIONS = """
CREATE FUNCTION kit_tenant() RETURNS uuid LANGUAGE sql STABLE PARALLEL SAFE
  RETURN nullif(current_setting('clustr.cluster', true), '')::uuid;

-- A transaction's number on the scale of this database's own history. A server counts its transactions from the
-- beginning; after a dump was restored into one that has counted less far, `bin/manage after_restore` moves the scale
-- on, so that what is new is always later than what was restored.
CREATE FUNCTION kit_lasting(number xid8) RETURNS xid8 LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN number;

CREATE DOMAIN kit_number AS bigint;
COMMENT ON DOMAIN kit_number IS 'A transaction''s number as an integer, where xid8 cannot be indexed (BRIN).';
-- An amount of money that moves, in minor units. What one column must be is a domain where rows are written often: a CHECK
-- of the table is read and compiled anew by every statement that writes (decision 10).
CREATE DOMAIN kit_amount AS bigint
  CONSTRAINT kit_amount_in_range CHECK (VALUE > 0 AND VALUE < 1000000000000000);

CREATE FUNCTION kit_refuse(code text, detail text DEFAULT '') RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'CR000', MESSAGE = code, DETAIL = detail;
END $$;

CREATE FUNCTION kit_refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies: ClassVar = []
    operations: ClassVar = [sql(FUNCTIONS)]
