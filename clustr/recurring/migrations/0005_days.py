"""A period of an automation is a day of the estate's calendar, whatever its clock says; and a charge that was given back, all
of it, took no money."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql

DAYS = """
ALTER TABLE recurring_automationrun ADD COLUMN due_on date,
  ADD CONSTRAINT recurring_automationrun_once_a_day UNIQUE (cluster_id, automation_id, due_on);

CREATE OR REPLACE FUNCTION recurring_keep_automationruns() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF (NEW.cluster_id, NEW.id, NEW.automation_id, NEW.user_id, NEW.period, NEW.due_at, NEW.due_on, NEW.started_at)
     IS DISTINCT FROM
     (OLD.cluster_id, OLD.id, OLD.automation_id, OLD.user_id, OLD.period, OLD.due_at, OLD.due_on, OLD.started_at)
     OR OLD.ended_at IS NOT NULL AND NEW IS DISTINCT FROM OLD THEN
    RAISE EXCEPTION 'a run that has ended stays as it ended' USING ERRCODE = 'restrict_violation';
  END IF;
  RETURN NEW;
END $$;
"""

STEPS = """
-- As before, but what was refunded took no money in the end.
CREATE OR REPLACE FUNCTION recurring_keep_steps() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM FROM recurring_automationrun WHERE cluster_id = NEW.cluster_id AND id = NEW.run_id FOR NO KEY UPDATE;
  IF EXISTS (SELECT FROM recurring_automationstep s
             JOIN payments_transaction t ON t.cluster_id = s.cluster_id AND t.id = s.id
             WHERE s.cluster_id = NEW.cluster_id AND s.run_id = NEW.run_id AND s.kind = NEW.kind
               AND t.status NOT IN ('failed', 'cancelled', 'refunded')) THEN
    RAISE EXCEPTION 'a period would be bought twice' USING ERRCODE = 'unique_violation';
  END IF;
  RETURN NEW;
END $$;
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0004_removed")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(DAYS)], [migrations.AddField("automationrun", "due_on", models.DateField(null=True))]
        ),
        sql(STEPS),
    ]
