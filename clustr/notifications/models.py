"""What happened and whom it reaches, who has read it, what people chose, and each message on its way."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models

from clustr.kit.ids import new_id


class Event(models.Model):
    """One thing people are told: `event` to one member (`user_id`) or to all the reach names, `office_event` to whoever
    holds `permission`. One row, however many that is. `key`: the second notice with the same one is not made.

    `fanned_out_at`: its messages on other channels are queued; `fan_out_after`, how far that has come.
    """

    id = models.UUIDField(primary_key=True, default=new_id)
    cluster_id = models.UUIDField()
    event = models.TextField(null=True)  # noqa: DJ001 - none, where only the office is told
    user_id = models.UUIDField(null=True)
    office_event = models.TextField(null=True)  # noqa: DJ001
    permission = models.TextField(null=True)  # noqa: DJ001
    reach_from = models.DateTimeField(null=True)
    reach_until = models.DateTimeField(null=True)
    reach_at_issue = models.BooleanField(default=False)
    reach_condition = models.TextField(default="")
    subject_id = models.UUIDField(null=True)
    facts = models.JSONField(default=dict)
    key = models.TextField(default="")
    at = models.DateTimeField()
    fan_out_after = models.UUIDField(null=True)
    fanned_out_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.event or self.office_event} of {self.at:%Y-%m-%d}"


class ReadMark(models.Model):
    """Somebody has read it."""

    pk = models.CompositePrimaryKey("cluster_id", "user_id", "event_id")
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    event_id = models.UUIDField()
    read_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.event_id} read"


class Preference(models.Model):
    """What somebody chose for an event and channel; without a row the catalogue's default holds."""

    pk = models.CompositePrimaryKey("cluster_id", "user_id", "event", "channel")
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    event = models.TextField()
    channel = models.TextField()
    enabled = models.BooleanField()
    changed_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.event} on {self.channel}: {self.enabled}"


class Delivery(models.Model):
    """One message to one person on one channel; its key is why nobody is told twice."""

    pk = models.CompositePrimaryKey("cluster_id", "event_id", "channel", "user_id")
    cluster_id = models.UUIDField()
    event_id = models.UUIDField()
    channel = models.TextField()
    user_id = models.UUIDField()
    face = models.TextField()
    state = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)
    why = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.channel} to {self.user_id}: {self.state}"


class Endpoint(models.Model):
    """Where an integrator hears of an estate's events. `events` empty: of all. The secret is sealed; while it is changed,
    the one before signs too until `previous_until`."""

    id = models.UUIDField(primary_key=True, default=new_id)
    cluster_id = models.UUIDField()
    url = models.TextField()
    description = models.TextField(default="")
    events = ArrayField(models.TextField(), default=list)
    secret = models.BinaryField()
    secret_made_at = models.DateTimeField()
    previous_secret = models.BinaryField(null=True)
    previous_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField()
    created_by = models.UUIDField()
    failing_since = models.DateTimeField(null=True)
    disabled_at = models.DateTimeField(null=True)
    removed_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.url


class EndpointDelivery(models.Model):
    """One event on its way to one endpoint, and what came of it."""

    id = models.UUIDField(primary_key=True, default=new_id)
    cluster_id = models.UUIDField()
    endpoint_id = models.UUIDField()
    event_id = models.UUIDField()
    state = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_try_at = models.DateTimeField(null=True)
    http_status = models.PositiveIntegerField(null=True)
    why = models.TextField(default="")
    created_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.event_id} to {self.endpoint_id}: {self.state}"
