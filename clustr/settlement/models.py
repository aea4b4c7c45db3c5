"""Receipts, made once and given out unchanged ever after; and the runs that compared us with the providers."""

from __future__ import annotations

from typing import ClassVar

from django.db import models


class Receipt(models.Model):
    """The receipt of a completed transaction, whose id it has. `code` opens the public check, which shows the amount, the
    day and the estate and nothing else."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    code = models.TextField()
    pdf = models.BinaryField()
    digest = models.BinaryField()
    issued_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.code


class Reconciliation(models.Model):
    """One run: what a provider listed between two instants, compared with what we settled. It belongs to no cluster.
    `compares`: `CHARGES` or `PAYOUTS`. `complete`: the whole list could be read. `settled_now`: money that had been missed
    until then."""

    CHARGES: ClassVar = "charges"
    PAYOUTS: ClassVar = "payouts"

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    compares = models.TextField(default=CHARGES, db_default=CHARGES)
    since = models.DateTimeField()
    until = models.DateTimeField()
    at = models.DateTimeField()
    complete = models.BooleanField()
    listed = models.PositiveIntegerField()
    settled_now = models.PositiveIntegerField()
    breaks = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.provider} {self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
