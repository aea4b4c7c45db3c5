"""Receipts: made once, kept with their digest, given out unchanged ever after."""

from __future__ import annotations

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
