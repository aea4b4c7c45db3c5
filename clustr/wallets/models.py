"""Wallets, PINs, and what the office does with the cluster's wallet. The money itself is in the ledger."""

from __future__ import annotations

from django.db import models


class Wallet(models.Model):
    """A member's wallet in one cluster and currency. Its id is its account in the books; made when first needed."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    currency = models.CharField(max_length=3)
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster_id", "user_id", "currency"], name="wallets_wallet_one_each")
        ]

    def __str__(self) -> str:
        return f"wallet in {self.currency}"


class Pin(models.Model):
    """A member's PIN in one cluster: hash, failures in a row, lock. Attempts are counted before hashing."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    hash = models.TextField()
    pepper_id = models.TextField()
    failed_attempts = models.PositiveSmallIntegerField(default=0)
    locked_until = models.DateTimeField(null=True)
    set_at = models.DateTimeField()
    reset_at = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["cluster_id", "user_id"], name="wallets_pin_one_each"),
            models.CheckConstraint(
                condition=models.Q(failed_attempts__lt=5) | models.Q(locked_until__isnull=False),
                name="wallets_pin_locked_at_five",
            ),
        ]

    def __str__(self) -> str:
        return "PIN"


class PinReset(models.Model):
    """A code mailed to reset a PIN: single use, few minutes, few attempts."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    user_id = models.UUIDField()
    code_hash = models.BinaryField()
    expires_at = models.DateTimeField()
    attempts = models.PositiveSmallIntegerField(default=0)
    used_at = models.DateTimeField(null=True)

    class Meta:
        indexes = [models.Index(fields=["cluster_id", "user_id", "expires_at"], name="wallets_pinreset_of_user")]

    def __str__(self) -> str:
        return "PIN reset"


class Operation(models.Model):
    """What the office did with the cluster's wallet: who, why. Its id is its transaction's."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    kind = models.TextField()
    actor_id = models.UUIDField()
    reason = models.TextField()
    source = models.TextField(default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(kind__in=["transfer", "adjustment", "refund"]), name="wallets_operation_kind"
            )
        ]

    def __str__(self) -> str:
        return self.kind


class Payee(models.Model):
    """A bank account that a member, or the cluster (no owner), sends money to; known by a keyed digest only."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    owner_id = models.UUIDField(null=True)
    fingerprint = models.BinaryField()
    first_used_at = models.DateTimeField()

    def __str__(self) -> str:
        return "payee"


class BankDetails(models.Model):
    """The estate's own bank account, sealed; the newest counts."""

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    payee_id = models.UUIDField()
    destination = models.BinaryField()
    kept_by = models.UUIDField()
    kept_at = models.DateTimeField()

    def __str__(self) -> str:
        return "bank details"


class Payout(models.Model):
    """Money on its way out: a cluster transfer or a member's withdrawal. Its id is its transaction's.

    The bank account is sealed; `account_hint` shows its last digits. Above the cluster's limit a second person approves.
    `holder`: whose it is, as its bank said when the payout was asked for, sealed; null where it said nothing. `waits_for`: what kept it when it might have gone: "cover" where providers held too little for the cluster, "books" where
    these did not hold.
    """

    id = models.UUIDField(primary_key=True)
    cluster_id = models.UUIDField()
    source_account = models.UUIDField()
    payee_id = models.UUIDField()
    sendable_at = models.DateTimeField()
    destination = models.BinaryField()
    account_hint = models.TextField()
    approval = models.TextField()
    requested_by = models.UUIDField()
    decided_by = models.UUIDField(null=True)
    decided_at = models.DateTimeField(null=True)
    decision_note = models.TextField(default="")
    waits_for = models.TextField(default="")
    holder = models.BinaryField(null=True)
    name_check = models.TextField(default="not_checked", db_default="not_checked")
    created_at = models.DateTimeField()

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(approval__in=["not_needed", "waiting", "approved", "rejected"]),
                name="wallets_payout_approval",
            ),
            models.CheckConstraint(
                condition=models.Q(decided_by__isnull=True) | ~models.Q(decided_by=models.F("requested_by")),
                name="wallets_payout_maker_is_not_checker",
            ),
            models.CheckConstraint(
                condition=(
                    models.Q(approval__in=["approved", "rejected"], decided_by__isnull=False)
                    | models.Q(approval__in=["not_needed", "waiting"], decided_by__isnull=True)
                ),
                name="wallets_payout_decided_by_someone",
            ),
        ]

    def __str__(self) -> str:
        return f"payout to …{self.account_hint}"
