"""Opening, freezing and unfreezing a member's wallet."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.tenancy import current_tenant, tenant
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind
from clustr.wallets.commands.pins import require_authorization
from clustr.wallets.models import Operation, Wallet
from clustr.wallets.types import OperationKind, SpendAuthorization


def open_wallet(*, user_id: UUID, currency: str, now: datetime) -> UUID:
    """Find or open a member's wallet in the current cluster; answers its id, which is its account's."""
    known = Wallet.objects.filter(cluster_id=current_tenant(), user_id=user_id, currency=currency).first()
    if known is not None:
        return known.id
    account = ledger.open_account(kind=AccountKind.MEMBER_WALLET, currency=currency, subject_id=user_id)
    Wallet.objects.bulk_create(
        [Wallet(id=account, cluster_id=current_tenant(), user_id=user_id, currency=currency, created_at=now)],
        ignore_conflicts=True,
    )
    return account


def open_wallets(*, user_ids: Collection[UUID], currency: str, now: datetime) -> dict[UUID, UUID]:
    """Find or open many members' wallets in three statements; answers wallet id by user id."""
    known = _wallets_of(user_ids, currency)
    missing = [user_id for user_id in user_ids if user_id not in known]
    if missing:
        opened = ledger.open_accounts(kind=AccountKind.MEMBER_WALLET, currency=currency, subject_ids=missing)
        Wallet.objects.bulk_create(
            [
                Wallet(id=account, cluster_id=current_tenant(), user_id=user_id, currency=currency, created_at=now)
                for user_id, account in opened.items()
            ],
            ignore_conflicts=True,
        )
        known |= opened
    return known


def record_refunds(*, actor: Actor, transaction_ids: Sequence[UUID], reason: str, now: datetime) -> None:
    """Note who returned money from the cluster's wallet, and why, in its trail; part of a command's transaction."""
    Operation.objects.bulk_create(
        [
            Operation(
                id=transaction_id,
                cluster_id=actor.cluster_id,
                kind=OperationKind.REFUND.value,
                actor_id=actor.member_id,
                reason=reason,
                created_at=now,
            )
            for transaction_id in transaction_ids
        ],
        batch_size=2_000,
    )


def freeze_wallet(*, actor: Actor, now: datetime) -> None:
    """Stop all spending from the member's own wallet; money may still come in. Harmless to repeat."""
    with tenant(actor.cluster_id), crash_points("wallets.freeze"):
        wallet = open_wallet(user_id=actor.member_id, currency=actor.currency, now=now)
        if ledger.freeze_account(account_id=wallet, at=now):
            audit.record(actor=actor, action="wallets.frozen", subject_kind="wallet", subject_id=wallet, at=now)


def unfreeze_wallet(*, actor: Actor, authorization: SpendAuthorization | None, now: datetime) -> None:
    """Allow spending again. Harmless to repeat. Where a PIN is set it must have been checked, as for a spend: refuses
    `PinRequired`."""
    with tenant(actor.cluster_id), crash_points("wallets.unfreeze"):
        require_authorization(actor=actor, authorization=authorization)
        wallet = open_wallet(user_id=actor.member_id, currency=actor.currency, now=now)
        if ledger.unfreeze_account(account_id=wallet):
            audit.record(actor=actor, action="wallets.unfrozen", subject_kind="wallet", subject_id=wallet, at=now)


def _wallets_of(user_ids: Collection[UUID], currency: str) -> dict[UUID, UUID]:
    return dict(
        Wallet.objects.filter(cluster_id=current_tenant(), user_id__in=list(user_ids), currency=currency).values_list(
            "user_id", "id"
        )
    )
