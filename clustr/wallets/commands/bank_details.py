"""The estate's own bank account: kept once its holder's name was seen, as a payee like any other."""

from __future__ import annotations

from datetime import datetime

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.kit.vault import seal
from clustr.wallets.commands.payees import meet_payee
from clustr.wallets.models import BankDetails
from clustr.wallets.queries import bank_details_place
from clustr.wallets.refusals import AccountNameDiffers
from clustr.wallets.types import Destination


def keep_bank_details(*, actor: Actor, destination: Destination, seen_name: str, now: datetime) -> BankDetails:
    """Keep this as the estate's own bank account, in place of the one before. `destination.account_name` is the name that
    the bank holds it in, `seen_name` the one that was shown to whoever keeps it. An account that was never paid before waits
    its time from now on, and everybody who may send money is told.

    Needs TransferFunds. Refuses `AccountNameDiffers`.
    """
    actor.require("TransferFunds")
    if destination.account_name != seen_name:
        raise AccountNameDiffers
    with tenant(actor.cluster_id):
        payee = meet_payee(actor=actor, owner_id=None, destination=destination, amount=None, now=now)
        id = new_id()
        kept = BankDetails.objects.create(
            id=id,
            cluster_id=actor.cluster_id,
            payee_id=payee.id,
            destination=seal(
                "\n".join((destination.bank_code, destination.account_number, destination.account_name)),
                bound_to=bank_details_place(id),
            ),
            kept_by=actor.member_id,
            kept_at=now,
        )
        audit.record(
            actor=actor,
            action="cluster_wallet.bank_details_kept",
            subject_kind="bank_details",
            subject_id=id,
            at=now,
            facts={"ending": destination.account_number[-4:]},
        )
    return kept
