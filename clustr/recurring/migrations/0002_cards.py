"""Standing orders that are paid from a saved card: a run waits for what becomes of its charge."""

from typing import ClassVar

from django.db import migrations, models

from clustr.kit.schema import sql, tenant_reference
from clustr.recurring.types import RunFailure, RunState


def _one_of(values: type) -> str:
    return ", ".join(f"'{value}'" for value in values)  # type: ignore[attr-defined]


CHARGING = f"""
ALTER TABLE recurring_payment ADD COLUMN charging_id uuid,
  DROP CONSTRAINT recurring_payment_runs_while_active,
  ADD CONSTRAINT recurring_payment_runs_while_active CHECK (
    CASE WHEN charging_id IS NULL THEN (state = 'active') = (next_run_at IS NOT NULL) ELSE next_run_at IS NULL END),
  ADD CONSTRAINT recurring_payment_only_cards_are_charged CHECK (charging_id IS NULL OR payment_source = 'card');
-- Whose bills are being paid by a card: looked at before another charge for them is begun.
CREATE INDEX recurring_payment_charging ON recurring_payment (cluster_id, user_id) WHERE charging_id IS NOT NULL;

ALTER TABLE recurring_run DROP CONSTRAINT recurring_run_state_check,
  ADD CONSTRAINT recurring_run_state_check CHECK (state IN ({_one_of(RunState)})),
  DROP CONSTRAINT recurring_run_failure_check,
  ADD CONSTRAINT recurring_run_failure_check CHECK (failure IN ({_one_of(RunFailure)})),
  DROP CONSTRAINT recurring_run_ends,
  ADD CONSTRAINT recurring_run_ends CHECK ((state IN ('retrying', 'charging')) = (ended_at IS NULL));
"""


class Migration(migrations.Migration):
    dependencies: ClassVar = [("recurring", "0001_recurring"), ("payments", "0006_purchases")]
    operations: ClassVar = [
        migrations.SeparateDatabaseAndState(
            [sql(CHARGING)],
            [migrations.AddField("recurringpayment", "charging_id", models.UUIDField(null=True))],
        ),
        tenant_reference("recurring_payment", "charging_id", "payments_transaction"),
    ]
