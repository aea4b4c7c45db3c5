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
    `compares`: `CHARGES`, `PAYOUTS` or `BALANCES`. `complete`: the whole list could be read. `settled_now`: money that had been missed
    until then."""

    CHARGES: ClassVar = "charges"
    PAYOUTS: ClassVar = "payouts"
    BALANCES: ClassVar = "balances"

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


class HeldByProvider(models.Model):
    """What a provider held in one currency, beside what all estates own there by the books, in minor units. It belongs to no
    cluster. `own`: the operator's money in that balance. `banked`: what the provider paid to the operator's bank.
    `unsettled`, `going`: what of it is taken and not in the balance yet, and what was sent and is not known to have gone:
    exactly where it is `exact`, and otherwise at most. `difference`: what nothing explains; below zero the provider holds
    less."""

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    currency = models.CharField(max_length=3)
    at = models.DateTimeField()
    books_minor = models.BigIntegerField()
    own_minor = models.BigIntegerField()
    banked_minor = models.BigIntegerField()
    held_minor = models.BigIntegerField()
    collected_minor = models.BigIntegerField(null=True)
    unsettled_minor = models.BigIntegerField()
    going_minor = models.BigIntegerField()
    difference_minor = models.BigIntegerField()
    exact = models.BooleanField()

    class Meta:
        db_table = "settlement_held"

    def __str__(self) -> str:
        return f"{self.provider} {self.currency} {self.at:%Y-%m-%d}: {self.difference_minor}"


class BankedSettlement(models.Model):
    """Money that a provider paid to the operator's own bank, seen in its list, once. It belongs to no cluster: estates are
    owed theirs still."""

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    provider_id = models.TextField()
    currency = models.CharField(max_length=3)
    gross_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    net_minor = models.BigIntegerField()
    settled_at = models.DateTimeField(null=True)
    seen_at = models.DateTimeField()

    class Meta:
        db_table = "settlement_banked"

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_id}"


class OwnFunds(models.Model):
    """Money of the operator's own that they put into a provider's balance, or (below zero) took out of it, as one of the
    platform's staff noted it."""

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    currency = models.CharField(max_length=3)
    amount_minor = models.BigIntegerField()
    reason = models.TextField()
    noted_by = models.UUIDField()
    at = models.DateTimeField()

    class Meta:
        db_table = "settlement_own_funds"

    def __str__(self) -> str:
        return f"{self.provider} {self.amount_minor} {self.currency}"
