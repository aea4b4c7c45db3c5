"""Whether a payout may go now; where it waits for cover, it says so."""

from __future__ import annotations

from datetime import datetime

from clustr.ledger.models import Account
from clustr.payments.models import Attempt, Transaction
from clustr.payments.states import TransactionStatus
from clustr.wallets import commands as wallets
from clustr.wallets.models import Payout
from clustr.wallets.types import Approval

_MAY_GO = (Approval.NOT_NEEDED, Approval.APPROVED)


def payout_that_may_go(*, locked: Transaction, provider: str, now: datetime) -> Payout | None:
    """The payout of a locked transaction, if `provider` may be asked to send it; part of the transaction that notes that it
    goes. None where it may not: not approved, not yet, not any more, its wallet frozen, or what keeps the estate's money back
    (`wallets.what_keeps_it`), for which it then waits."""
    payout = Payout.objects.filter(cluster_id=locked.cluster_id, id=locked.id).first()
    begun = Attempt.objects.filter(cluster_id=locked.cluster_id, id=locked.id).exists()
    if (
        locked.status != TransactionStatus.PENDING
        or payout is None
        or begun
        or Approval(payout.approval) not in _MAY_GO
        or payout.sendable_at > now
        or is_frozen(payout=payout)
    ):
        return None
    payout.waits_for = wallets.what_keeps_it(transaction=locked, provider=provider, now=now)
    payout.save(update_fields=["waits_for"])
    return None if payout.waits_for else payout


def is_frozen(*, payout: Payout) -> bool:
    """Whether its owner has frozen the wallet it is paid from: it waits until they unfreeze it, or take it back."""
    source = Account.objects.filter(cluster_id=payout.cluster_id, id=payout.source_account)
    return source.filter(frozen_at__isnull=False).exists()
