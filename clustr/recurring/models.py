"""Standing orders and their runs. The money itself is in the ledger; what a run moved is its transactions'."""

from __future__ import annotations

from datetime import datetime

from django.db import models

from clustr.bills.types import UTILITY_TYPES, BillType
from clustr.kit.money import Money
from clustr.recurring.automation_models import AutomationRun, AutomationStep, SpendingLimit, UtilityAutomation
from clustr.recurring.schedule import Schedule
from clustr.recurring.types import Frequency, Processed

__all__ = [
    "AutomationRun",
    "AutomationStep",
    "RecurringPayment",
    "Run",
    "RunBill",
    "SpendingLimit",
    "UtilityAutomation",
]


class RecurringPayment(models.Model):
    """A member's standing order. Period n is due at its anchor plus n times its frequency; `next_period` is the first
    that has not ended, `next_run_at` when it is tried (None while the order does not run, or waits for what becomes of
    `charging_id`, the transaction by which its card is charged). The anchor is what a wall clock in `timezone` says."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    title = models.TextField()
    description = models.TextField(default="")
    amount_minor = models.BigIntegerField()
    max_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    frequency = models.TextField()
    bill_type = models.TextField(default="")
    payment_source = models.TextField()
    method_id = models.UUIDField(null=True)
    anchor_on = models.DateField()
    anchor_at = models.TimeField()
    timezone = models.TextField()
    end_at = models.DateTimeField(null=True)
    state = models.TextField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.TextField(default="")
    reason = models.TextField(default="")
    next_period = models.PositiveIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True)
    charging_id = models.UUIDField(null=True)
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    skipped_periods = models.PositiveIntegerField(default=0)
    reminded_period = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()

    class Meta:
        db_table = "recurring_payment"

    def __str__(self) -> str:
        return self.title

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def schedule(self) -> Schedule:
        return Schedule(
            datetime.combine(self.anchor_on, self.anchor_at), Frequency(self.frequency), self.timezone, self.end_at
        )

    def is_utility_payment(self) -> bool:
        """Whether it buys from a utility; those are automated by `utilities`, and never are standing orders here."""
        return self.bill_type != "" and BillType(self.bill_type) in UTILITY_TYPES

    def process_payment(self, *, now: datetime) -> Processed:
        """Run this order's period, if it is due: the same as the sweep does for all."""
        from clustr.recurring.commands.running import process_payment

        return process_payment(cluster_id=self.cluster_id, recurring_payment_id=self.id, now=now)


class Run(models.Model):
    """What became of one period of a standing order: once for each, ever. `cap_minor` is the most it might move."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    order = models.ForeignKey(
        RecurringPayment, models.PROTECT, related_name="runs", db_constraint=False, db_index=False
    )
    period = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    state = models.TextField()
    cap_minor = models.BigIntegerField()
    amount_minor = models.BigIntegerField(default=0)
    attempts = models.PositiveSmallIntegerField()
    failure = models.TextField(default="")
    short_minor = models.BigIntegerField(default=0)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)
    told_attempts = models.PositiveSmallIntegerField(default=0)

    def __str__(self) -> str:
        return f"period {self.period}: {self.state}"


class RunBill(models.Model):
    """A payment on a bill that a run made. Append-only; its id is the payment's."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    run = models.ForeignKey(Run, models.PROTECT, related_name="bills", db_constraint=False, db_index=False)

    def __str__(self) -> str:
        return str(self.id)
