"""Whatever opens a case, the office is told of it: a row beside it."""

from typing import ClassVar

from django.db import migrations

from clustr.kit.schema import sql

TELLING = """
CREATE FUNCTION settlement_tell_case() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO notifications_event (cluster_id, id, office_event, permission, subject_id, facts, at)
    VALUES (NEW.cluster_id, NEW.id, 'admin_alert', 'TransferFunds', NEW.id,
      jsonb_strip_nulls(jsonb_build_object('case_kind', NEW.kind, 'provider', NEW.facts ->> 'provider',
        'reference', NEW.facts ->> 'reference')), NEW.opened_at);
  RETURN NULL;
END $$;
CREATE TRIGGER tell AFTER INSERT ON payments_case FOR EACH ROW EXECUTE FUNCTION settlement_tell_case();
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [
        ("settlement", "0002_reconciliation"),
        ("payments", "0002_providers"),
        ("notifications", "0001_notifications"),
    ]
    operations: ClassVar = [sql(TELLING)]
