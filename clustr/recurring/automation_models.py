"""Automations, what became of each period, the transactions they made, and what a member lets them spend on a type."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.contrib.postgres.fields import ArrayField
from django.db import models

from clustr.kit.money import Money
from clustr.recurring.automation_schedule import BuyingSchedule
from clustr.recurring.automation_types import ScheduleKind

if TYPE_CHECKING:
    from clustr.recurring.automation_types import AutomationOutcome


class UtilityAutomation(models.Model):
    """What a member has bought by itself for one of their saved numbers. `next_period` is the first that has not begun,
    `next_run_at` when it does (None unless it is on), `reminded_period` the last of which its member was reminded. Removed,
    it is off, for good."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    provider_id = models.UUIDField()
    account_id = models.UUIDField()
    amount_minor = models.BigIntegerField(null=True)
    max_minor = models.BigIntegerField(null=True)
    currency = models.CharField(max_length=3)
    schedule_kind = models.TextField()
    schedule_every = models.PositiveSmallIntegerField()
    schedule_at = models.TimeField()
    starts_on = models.DateField()
    timezone = models.TextField()
    payment_source = models.TextField()
    method_id = models.UUIDField(null=True)
    limit_minor = models.BigIntegerField(null=True)
    keeps_minor = models.BigIntegerField(default=0)
    priority = models.PositiveSmallIntegerField()
    allow_partial = models.BooleanField()
    notify = ArrayField(models.TextField())
    state = models.TextField()
    stopped_at = models.DateTimeField(null=True)
    stopped_by = models.TextField(default="")
    reason = models.TextField(default="")
    next_period = models.PositiveIntegerField(default=0)
    next_run_at = models.DateTimeField(null=True)
    reminded_period = models.PositiveIntegerField(null=True)
    created_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "recurring_automation"

    def __str__(self) -> str:
        return f"{self.schedule_kind} {self.schedule_every}"

    @property
    def schedule(self) -> BuyingSchedule:
        return BuyingSchedule(
            ScheduleKind(self.schedule_kind), self.schedule_every, self.schedule_at, self.starts_on, self.timezone
        )

    def money(self, minor: int | None) -> Money | None:
        return None if minor is None else Money(minor, self.currency)

    def process_utility_payment(self, *, now: datetime) -> AutomationOutcome:
        """Buy what this member's automations are due, this one among them: the same as the sweep does for all."""
        from clustr.recurring.commands.automation_running import run_automations_of

        return run_automations_of(cluster_id=self.cluster_id, user_id=self.user_id, now=now)


class AutomationRun(models.Model):
    """What became of one period of an automation: once for each, and for each day of the estate's calendar (`due_on`; None in
    periods of before this was kept), ever. `amount_minor` and `fee_minor` are what is bought or
    charged for; while they count against the limits of a month, `month` is its first day. `limit_minor` and
    `type_limit_minor` are the limits that were asked then, `funded_minor` what a card has brought for it."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    automation_id = models.UUIDField()
    user_id = models.UUIDField()
    bill_type = models.TextField()
    period = models.PositiveIntegerField()
    due_at = models.DateTimeField()
    due_on = models.DateField(null=True)
    state = models.TextField()
    source = models.TextField()
    amount_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    funded_minor = models.BigIntegerField(default=0)
    month = models.DateField(null=True)
    counted_at = models.DateTimeField(null=True)
    limit_minor = models.BigIntegerField(null=True)
    type_limit_minor = models.BigIntegerField(null=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    failure = models.TextField(default="")
    short_minor = models.BigIntegerField(default=0)
    try_at = models.DateTimeField(null=True)
    started_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"period {self.period}: {self.state}"


class AutomationStep(models.Model):
    """A transaction that a run made, by its id: a charge of a card, or a purchase. Append-only. Of each kind a run has one
    that did not fail, at most."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    run_id = models.UUIDField()
    kind = models.TextField()
    n = models.PositiveSmallIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.n}"


class SpendingLimit(models.Model):
    """What a member's automations may spend on one type of utility in a calendar month, in minor units."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    bill_type = models.TextField()
    limit_minor = models.BigIntegerField()
    set_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.bill_type}: {self.limit_minor}"
