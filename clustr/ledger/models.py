"""Accounts and transfers. Read-only in Python: the SQL functions of this room's migrations are the only writers."""

from __future__ import annotations

from django.db import models


class Account(models.Model):
    """One account of one cluster and currency. `balance` is meaningful on guarded accounts only."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    subject_id = models.UUIDField(null=True)
    currency = models.CharField(max_length=3)
    guarded = models.BooleanField()
    open = models.BooleanField()
    balance = models.BigIntegerField(default=0)
    frozen_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.currency}"


class Transfer(models.Model):
    """One movement, both sides in one row: balanced by construction. Append-only."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    debit = models.UUIDField()
    credit = models.UUIDField()
    amount = models.BigIntegerField()
    kind = models.TextField()
    label = models.TextField(default="")
    journal = models.UUIDField()
    reverses = models.UUIDField(null=True)
    at = models.DateTimeField()
    xid = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.kind} {self.amount}"


class Checkpoint(models.Model):
    """A growing account's balance over every transfer of a transaction older than `horizon`."""

    account_id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    horizon = models.BigIntegerField()
    balance = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.balance} before {self.horizon}"


class Turnover(models.Model):
    """What a growing account took in and gave out per day, kind and label, before its checkpoint's horizon."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    account_id = models.UUIDField()
    day = models.DateField()
    kind = models.TextField()
    label = models.TextField()
    debits = models.BigIntegerField()
    credits = models.BigIntegerField()

    def __str__(self) -> str:
        return f"{self.day} {self.kind} {self.label}"
