"""The Transaction, and what passes between us and the providers about it."""

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
    refunded_type: str | None = None
    """Of a refund: the type of what it gives back. Known where `queries` read the row."""

    def __str__(self) -> str:
        return self.reference

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)


class StatusChange(models.Model):
    """One step of a transaction's status. The first stands for what it began as; the last is what it is."""

    pk = models.CompositePrimaryKey("cluster_id", "transaction_id", "n")
    cluster_id = models.UUIDField()
    transaction_id = models.UUIDField()
    n = models.PositiveSmallIntegerField()
    from_status = models.TextField()
    to_status = models.TextField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.from_status} to {self.to_status}"


class Attempt(models.Model):
    """What was asked of a provider for one transaction, whose id it has. `reference` is ours, made before the first call
    and used for each repeat. `request_id`: which try of which request it is. `save_card`: the card that pays is to be kept.
    `next_check_at`: when to ask for the truth next; None only where nothing can come any more."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    provider = models.TextField()
    reference = models.TextField()
    surcharge_minor = models.BigIntegerField(default=0)
    terms_version = models.PositiveIntegerField(null=True)
    request_id = models.UUIDField(null=True)
    request_digest = models.BinaryField(null=True)
    method_id = models.UUIDField(null=True)
    save_card = models.BooleanField(default=False)
    checkout_url = models.TextField(default="")
    callback_url = models.TextField(default="")
    started_at = models.DateTimeField()
    payable_until = models.DateTimeField()
    sent_at = models.DateTimeField(null=True)
    heard_at = models.DateTimeField(null=True)
    checks = models.PositiveIntegerField(default=0)
    misses = models.PositiveIntegerField(default=0)
    next_check_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.kind} {self.reference}"


class Exchange(models.Model):
    """What a provider answered, without secrets or card numbers. Kept for ever: the evidence behind every state."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    transaction_id = models.UUIDField()
    act = models.TextField()
    outcome = models.TextField()
    answer = models.JSONField()
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.act}: {self.outcome}"


class Settlement(models.Model):
    """Money that a provider took for us, booked once for ever. `completes_minor` completed what was asked;
    the rest is the `surplus_id` transaction's."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    provider = models.TextField()
    provider_id = models.TextField()
    asked_id = models.UUIDField()
    amount_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    surcharge_minor = models.BigIntegerField(default=0)
    fee_minor = models.BigIntegerField(default=0)
    completes_minor = models.BigIntegerField()
    surplus_id = models.UUIDField(null=True)
    surplus_minor = models.BigIntegerField()
    paid_at = models.DateTimeField()
    settled_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.provider} {self.provider_id}"


class SavedMethod(models.Model):
    """A card that a provider keeps for a member: its token, sealed, and what people recognise it by."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    provider = models.TextField()
    fingerprint = models.BinaryField()
    token = models.BinaryField()
    brand = models.TextField()
    last_four = models.TextField()
    expires_month = models.PositiveSmallIntegerField()
    expires_year = models.PositiveSmallIntegerField()
    saved_at = models.DateTimeField()
    removed_at = models.DateTimeField(null=True)

    class Meta:
        db_table = "payments_method"

    def __str__(self) -> str:
        return f"{self.brand} …{self.last_four}"


class Case(models.Model):
    """Something a person has to look at, with an owner once somebody took it. `subject` names what it is about, once."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    transaction_id = models.UUIDField(null=True)
    subject = models.TextField()
    facts = models.JSONField(default=dict)
    opened_at = models.DateTimeField()
    owner_id = models.UUIDField(null=True)
    closed_at = models.DateTimeField(null=True)
    closed_by = models.UUIDField(null=True)
    note = models.TextField(default="")

    def __str__(self) -> str:
        return f"{self.kind}: {self.subject}"


class Hold(models.Model):
    """Why nothing is sent out for an estate: an invariant of its books that does not hold, until somebody of the platform
    releases it. `accepted_until`: so long the same invariant holds nothing back again."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    invariant = models.TextField()
    held_at = models.DateTimeField()
    released_at = models.DateTimeField(null=True)
    released_by = models.UUIDField(null=True)
    reason = models.TextField(default="")
    accepted_until = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return self.invariant


class Notice(models.Model):
    """A provider's webhook as it came, signature checked, body sealed. What it says is a hint;
    the provider is asked. It belongs to no cluster until it is acted on."""

    id = models.UUIDField(primary_key=True)
    provider = models.TextField()
    digest = models.BinaryField()
    body = models.BinaryField()
    source = models.GenericIPAddressField(null=True)
    received_at = models.DateTimeField()
    deliveries = models.PositiveIntegerField(default=1)
    state = models.TextField(default="waiting")
    kind = models.TextField()
    reference = models.TextField()
    provider_id = models.TextField()
    attempts = models.PositiveIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.provider} {self.kind}"
