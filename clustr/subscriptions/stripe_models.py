"""What our things are called at Stripe, what was asked of it, and how far nights have compared."""

from __future__ import annotations

from django.db import models


class StripeObject(models.Model):
    """The name of one of our things at Stripe. `key`: a customer's user id; of a price `plan id:interval:currency:minor`;
    of a tax rate `country:basis points`."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    key = models.TextField()
    stripe_id = models.TextField()
    made_at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.kind} {self.stripe_id}"


class StripeCall(models.Model):
    """One request to Stripe, written down before it leaves. Its id is the idempotency key, whenever it is asked again.

    `terms`: what is asked; `cause`: the request that began it, which asks for it still when it comes again; `stripe_id`: what it is about there (a page's id); `url`: where the customer goes on.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    subscription_id = models.UUIDField(null=True)
    act = models.TextField()
    state = models.TextField()
    terms = models.JSONField(default=dict)
    cause = models.UUIDField(null=True)
    stripe_id = models.TextField(default="")
    url = models.TextField(default="")
    refused_code = models.TextField(default="")
    attempts = models.PositiveIntegerField(default=0)
    asked_at = models.DateTimeField()
    next_attempt_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"{self.act}: {self.state}"


class StripeReconciliation(models.Model):
    """One night's comparison with Stripe: what was made, invoiced or given back there since `since`. `until`: up to when everything
    was listed; `complete`: all of it was heard. `followed`, `returned`: how many of ours were looked at; `strange`: how many are
    not ours."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    since = models.DateTimeField()
    until = models.DateTimeField()
    at = models.DateTimeField()
    complete = models.BooleanField()
    followed = models.PositiveIntegerField()
    strange = models.PositiveIntegerField()
    unheard = models.PositiveIntegerField()
    returned = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.since:%Y-%m-%d} to {self.until:%Y-%m-%d}"
