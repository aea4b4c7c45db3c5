"""What is sold, members' numbers, who the utilities say they are, quotes, purchases. Numbers, names and tokens are sealed."""

from __future__ import annotations

from django.db import models

from clustr.kit.money import Money


class UtilityProvider(models.Model):
    """One thing that a service sells, the same in every estate: "Eko Electric Prepaid". `provider_code` is the service's
    own. `terms_version` is raised whenever a price or bound changes. What is sold no more is switched off, and stays."""

    id = models.UUIDField(primary_key=True)
    name = models.TextField()
    provider_type = models.TextField()
    api_provider = models.TextField()
    provider_code = models.TextField()
    number_label = models.TextField()
    currency = models.CharField(max_length=3)
    fixed_minor = models.BigIntegerField(null=True)
    minimum_minor = models.BigIntegerField(null=True)
    maximum_minor = models.BigIntegerField(null=True)
    fee_minor = models.BigIntegerField()
    gives_token = models.BooleanField()
    is_active = models.BooleanField(default=True)
    terms_version = models.PositiveIntegerField(default=1)
    synced_at = models.DateTimeField()

    class Meta:
        db_table = "utilities_provider"

    def __str__(self) -> str:
        return self.name


class Account(models.Model):
    """A member's number with a utility. `fingerprint` makes the same number the same; `hint` is its end. Saved, or only
    met: in a validation."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    provider_id = models.UUIDField()
    number = models.BinaryField()
    hint = models.TextField()
    fingerprint = models.BinaryField()
    label = models.TextField(default="")
    met_at = models.DateTimeField()
    saved_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"ending {self.hint}"


class Validation(models.Model):
    """One question to the utility whose number this is, and its answer: name and address, sealed; what holds for them."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    account_id = models.UUIDField()
    state = models.TextField(default="pending")
    error = models.TextField(default="")
    customer = models.BinaryField(default=b"")
    minimum_minor = models.BigIntegerField(null=True)
    maximum_minor = models.BigIntegerField(null=True)
    fee_minor = models.BigIntegerField(null=True)
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return self.state


class Quote(models.Model):
    """What a purchase would cost a member, as they were shown it. Its terms are those of the bill that buying it makes."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    validation_id = models.UUIDField()
    account_id = models.UUIDField()
    provider_id = models.UUIDField()
    provider_version = models.PositiveIntegerField()
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    terms_digest = models.BinaryField()
    at = models.DateTimeField()
    expires_at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.amount)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)


class Purchase(models.Model):
    """What a member bought, under its transaction's id: the bill it pays, the quote it was confirmed from, and once it is
    delivered its token, sealed. How it stands is the transaction's status."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    bill_id = models.UUIDField()
    quote_id = models.UUIDField()
    account_id = models.UUIDField()
    provider_id = models.UUIDField()
    amount_minor = models.BigIntegerField()
    fee_minor = models.BigIntegerField()
    currency = models.CharField(max_length=3)
    is_automated = models.BooleanField(default=False)
    token = models.BinaryField(default=b"")
    units = models.TextField(default="")
    tariff = models.TextField(default="")
    waits_for = models.TextField(default="")
    delivered_at = models.DateTimeField(null=True)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return str(self.amount)

    @property
    def amount(self) -> Money:
        return Money(self.amount_minor, self.currency)

    @property
    def fee(self) -> Money:
        return Money(self.fee_minor, self.currency)
