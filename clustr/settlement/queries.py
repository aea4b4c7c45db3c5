"""What settlement shows: a receipt to whoever holds its code, and a payment to the browser that came back from paying."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date
from zoneinfo import ZoneInfo

from django.db import connections

from clustr.clusters.queries import settings_of, system_actor
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments.models import Attempt, Transaction
from clustr.payments.queries import Place, place_of_reference
from clustr.payments.states import TransactionStatus
from clustr.settlement.models import Receipt
from clustr.settlement.refusals import ReceiptNotFound


_CODE = re.compile(r"[0-9A-HJKMNP-TV-Z]{16}", re.ASCII)


@dataclass(frozen=True, slots=True)
class CheckedReceipt:
    """All that anybody with a receipt's code is told. `refunded`: what of it was given back since."""

    estate: str
    amount: Money
    refunded: Money
    day: date


@dataclass(frozen=True, slots=True)
class Returned:
    """A payment whose payer came back: how it stands, and where they go from here ("" where nothing was asked)."""

    place: Place
    status: TransactionStatus
    reference: str
    callback_url: str
    estate: str


def check_receipt(*, code: str) -> CheckedReceipt:
    """What a receipt's code proves. Dashes and small letters are fine. Refuses `ReceiptNotFound`."""
    plain = code.replace("-", "").upper()
    if not _CODE.fullmatch(plain):
        raise ReceiptNotFound
    with connections["sweep"].cursor() as cursor:
        cursor.execute("SELECT cluster_id, id FROM settlement_receipt WHERE code = %s", [plain])
        found = cursor.fetchone()
    if found is None:
        raise ReceiptNotFound
    cluster_id, transaction_id = found
    with tenant(cluster_id):
        receipt = Receipt.objects.get(cluster_id=cluster_id, id=transaction_id)
        transaction = Transaction.objects.get(cluster_id=cluster_id, id=transaction_id)
        held = settings_of(actor=system_actor(cluster_id=cluster_id), now=receipt.issued_at)
    paid_at = transaction.completed_at or receipt.issued_at
    return CheckedReceipt(
        estate=held.name,
        amount=transaction.amount,
        refunded=Money(transaction.refunded_minor, transaction.currency),
        day=paid_at.astimezone(ZoneInfo(held.timezone)).date(),
    )


def returned_payment(*, reference: str) -> Returned | None:
    """The payment a browser came back from; None where there is none."""
    place = place_of_reference(reference=reference.lower())
    if place is None:
        return None
    with tenant(place.cluster_id):
        transaction = Transaction.objects.get(cluster_id=place.cluster_id, id=place.transaction_id)
        attempt = Attempt.objects.get(cluster_id=place.cluster_id, id=place.transaction_id)
        held = settings_of(actor=system_actor(cluster_id=place.cluster_id), now=attempt.started_at)
    return Returned(
        place, TransactionStatus(transaction.status), transaction.reference, attempt.callback_url, held.name
    )
