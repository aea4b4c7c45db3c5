"""Clusters, their units, memberships, and the running tallies of joiners and leavers."""

from __future__ import annotations

from django.conf import settings
from django.contrib.postgres.fields import ArrayField
from django.db import models

from clustr.kit.ids import new_id
from clustr.kit.locales import DEFAULT_LOCALE


class Cluster(models.Model):
    """An estate, or the reserved tenant of the platform itself.

    A transfer limit that was raised or removed counts from `approval_limit_from`; until then the earlier one does.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    name = models.TextField()
    currency = models.CharField(max_length=3)
    timezone = models.TextField()
    transfer_approval_limit_minor = models.BigIntegerField(null=True)
    earlier_approval_limit_minor = models.BigIntegerField(null=True)
    approval_limit_from = models.DateTimeField(null=True)
    support_email = models.TextField(default="")
    fee_bearer = models.TextField(default="cluster")
    locale = models.TextField(default=DEFAULT_LOCALE)
    reminder_days = ArrayField(models.SmallIntegerField(), null=True)
    is_platform = models.BooleanField(default=False)
    created_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.name


class Unit(models.Model):
    """A house, flat or shop. `label_key` is the label folded, by which it is unique and found."""

    id = models.UUIDField(primary_key=True, default=new_id)
    cluster_id = models.UUIDField()
    label = models.TextField()
    label_key = models.TextField()
    unit_type = models.TextField(default="")

    def __str__(self) -> str:
        return self.label


class Membership(models.Model):
    """One period `[joined_at, left_at)` of one person in one cluster.

    Resident periods and management periods of a person form two chains: `previous_left_at` is when the period before
    ended. Constraints make each chain free of overlaps and allow one open period in each. Whoever has no `invited_at`
    waits for an invitation. Whom others knew before has no `accepted_at` until they come: till then the membership gives
    no access, and the estate sees of them what it `supplied_`; both never stand together.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    cluster_id = models.UUIDField()
    user = models.ForeignKey(settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", db_index=False)
    unit = models.ForeignKey(Unit, models.PROTECT, null=True, related_name="+", db_constraint=False, db_index=False)
    role = models.TextField()
    permissions = ArrayField(models.TextField(), default=list)
    joined_at = models.DateTimeField()
    left_at = models.DateTimeField(null=True)
    previous_left_at = models.DateTimeField(null=True)
    invited_at = models.DateTimeField(null=True)
    accepted_at = models.DateTimeField(null=True)
    supplied_email = models.TextField(null=True)  # noqa: DJ001 - none, or all three
    supplied_name = models.TextField(null=True)  # noqa: DJ001
    supplied_phone = models.TextField(null=True)  # noqa: DJ001
    resident = models.GeneratedField(
        expression=models.Q(role="resident"),  # type: ignore[arg-type]
        output_field=models.BooleanField(),
        db_persist=True,
    )

    def __str__(self) -> str:
        return f"{self.role} since {self.joined_at:%Y-%m-%d}"


class Tally(models.Model):
    """How many resident periods began and ended in an instant, a day or a month (UTC). Written by a trigger only."""

    pk = models.CompositePrimaryKey("cluster_id", "grain", "at")
    cluster_id = models.UUIDField()
    grain = models.TextField()
    at = models.DateTimeField()
    joiners = models.BigIntegerField()
    leavers = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.grain} {self.at}: +{self.joiners} -{self.leavers}"


class PlanAllowance(models.Model):
    """What the plan of an estate allows it. `limits`: units by feature, null for no limit. Once `stopped_at`, nothing new is
    billed and nobody is added; everything else goes on. An estate without this row has no limits."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    plan = models.TextField()
    limits = models.JSONField(default=dict)
    counted_from = models.DateTimeField()
    stopped_at = models.DateTimeField(null=True)
    written_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.plan
