"""The trail and the first answers. Rows are written by `commands` and by the SQL functions of the migrations."""

from __future__ import annotations

from django.contrib.postgres.fields import ArrayField
from django.db import models


class AuditEvent(models.Model):
    """One act: who, what, on which subject, when, from where and why. Append-only."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    at = models.DateTimeField()
    actor_id = models.UUIDField(null=True)
    action = models.TextField()
    subject_kind = models.TextField()
    subject_id = models.UUIDField()
    reason = models.TextField(default="")
    ip = models.GenericIPAddressField(null=True)
    user_agent = models.TextField(default="")
    request_id = models.TextField(default="")
    changes = models.JSONField(default=dict)
    journal = models.UUIDField(null=True)

    class Meta:
        db_table = "audit_event"

    def __str__(self) -> str:
        return f"{self.action} {self.subject_kind} {self.subject_id}"


class IdempotencyKey(models.Model):
    """The first answer to a request that carried an `Idempotency-Key`, kept for repeats.

    `scope` stands for (user, path, key); `body` is a keyed digest of the input, which itself is never stored;
    `needs` are the permissions it was executed by.
    """

    scope = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    body = models.BinaryField()
    status = models.SmallIntegerField()
    answer = models.TextField()
    needs = ArrayField(models.TextField())
    at = models.DateTimeField()

    class Meta:
        db_table = "audit_idempotency_key"

    def __str__(self) -> str:
        return f"{self.status} at {self.at}"


class Block(models.Model):
    """Events of the trail closed together: those of transactions from `first_xid` on and before `horizon`, in that order.

    `digest` covers the block before (`previous`) and every event; `total` counts the events up to here. Append-only.
    """

    seq = models.BigIntegerField(primary_key=True)
    cluster_id = models.UUIDField()
    first_xid = models.BigIntegerField()
    horizon = models.BigIntegerField()
    events = models.IntegerField()
    total = models.BigIntegerField()
    previous = models.BinaryField()
    digest = models.BinaryField()
    closed_at = models.DateTimeField()

    class Meta:
        db_table = "audit_block"

    def __str__(self) -> str:
        return f"block {self.seq} of {self.cluster_id}"
