"""The Transaction."""

from __future__ import annotations

from uuid import UUID

from django.db import models

from clustr.kit.money import Money


class Transaction(models.Model):
    """One movement of money as a person sees it. Amount, owner and purpose never change; the status takes only the
    steps of `states.STEPS`. Its id is also the journal of its transfers in the books."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    reference = models.TextField()
    type = models.TextField()
    status = models.TextField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    provider = models.TextField(default="")
    provider_reference = models.TextField(default="")
    user_id = models.UUIDField(null=True)
    purpose = models.TextField()
    subject_id = models.UUIDField(null=True)
    description = models.TextField(default="")
    failure = models.JSONField(null=True)
    refunded_minor = models.BigIntegerField(default=0)
    created_at = models.DateTimeField()
    completed_at = models.DateTimeField(null=True)

    refunded_bill_id: UUID | None = None
    """Of a refund: the bill that was paid. Known where `queries` read the row, or a command has just made it."""

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)
