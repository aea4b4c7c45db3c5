"""What was used, and how much of it."""

from __future__ import annotations

from django.db import models


class UsageRecord(models.Model):
    """One use of a feature, counted once for its `event_id`. Append-only: it was created at `recorded_at`, and is never
    updated. `used_at`: when it was used, as who reports it says."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField()
    feature_type = models.TextField()
    usage_amount = models.DecimalField(max_digits=20, decimal_places=6)
    billing_period_start = models.DateTimeField()
    billing_period_end = models.DateTimeField()
    event_id = models.TextField()
    used_at = models.DateTimeField()
    recorded_at = models.DateTimeField()
    metadata = models.JSONField(default=dict)

    def __str__(self) -> str:
        return f"{self.usage_amount} {self.feature_type}"


class Usage(models.Model):
    """How much of a feature a subscription used since `starts_at`: the sum of its records, kept as they come.

    `level`: what is in use, which goes up and down and begins with the subscription; else a count, which begins with
    each period.
    """

    pk = models.CompositePrimaryKey("cluster_id", "subscription_id", "feature_type", "starts_at")
    cluster_id = models.UUIDField()
    subscription_id = models.UUIDField()
    feature_type = models.TextField()
    starts_at = models.DateTimeField()
    level = models.BooleanField()
    used = models.DecimalField(max_digits=20, decimal_places=6)

    def __str__(self) -> str:
        return f"{self.used} {self.feature_type}"


class UsagePack(models.Model):
    """Units paid for in advance, on top of the plan's limit, for the period in which they were bought."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    subscription_id = models.UUIDField()
    invoice_id = models.UUIDField()
    feature_type = models.TextField()
    quantity = models.DecimalField(max_digits=20, decimal_places=6)
    starts_at = models.DateTimeField()
    bought_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.quantity} {self.feature_type}"
