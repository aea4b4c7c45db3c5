"""Receipts: drawn up once, from what the books say, between transactions."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.conf import settings
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from clustr.bills.models import Bill
from clustr.clusters import queries as clusters
from clustr.clusters.member_queries import names_here, units_here
from clustr.kit.actor import Actor
from clustr.kit.crashpoints import crash_points
from clustr.kit.ids import new_code
from clustr.kit.money import Money
from clustr.kit.pdf import language, qr_code, render_pdf, written
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.payments.queries import settlement_behind, transaction_visible_to
from clustr.payments.states import TransactionStatus, TransactionType
from clustr.payments.types import TransactionView
from clustr.settlement.models import Receipt
from clustr.settlement.refusals import NoReceipt
from clustr.utilities import queries as utilities
from clustr.wallets.queries import account_hint_of
from clustr.wallets.types import is_correction, is_deposit_by_hand

_TEMPLATE = Path(__file__).resolve().parent.parent / "documents" / "receipt.typ"
_TITLES: dict[TransactionType, Promise] = {
    TransactionType.DEPOSIT: gettext_lazy("Receipt of a wallet deposit"),
    TransactionType.BILL_PAYMENT: gettext_lazy("Receipt of a bill payment"),
    TransactionType.WITHDRAWAL: gettext_lazy("Statement of a withdrawal"),
    TransactionType.REFUND: gettext_lazy("Statement of a refund"),
    TransactionType.CREDIT: gettext_lazy("Receipt of a credit"),
    TransactionType.TRANSFER: gettext_lazy("Statement of a transfer"),
    TransactionType.UTILITY_PAYMENT: gettext_lazy("Receipt of a utility payment"),
    TransactionType.RECURRING_PAYMENT: gettext_lazy("Receipt of a recurring payment"),
}
_CORRECTION = gettext_lazy("Statement of a correction")
_HOW: dict[str, Promise] = {
    "wallet": gettext_lazy("Wallet"),
    "cash": gettext_lazy("Cash"),
    "bank_transfer": gettext_lazy("Bank transfer"),
    "pos": gettext_lazy("Card at the office"),
}


def issue_receipt(*, actor: Actor, transaction_id: UUID, now: datetime) -> bytes:
    """The receipt of a completed transaction as PDF: its owner's, or with ViewPayments any of the cluster. Drawn up when it
    is first asked for, and the same bytes ever after. Outside any transaction.

    The buyer of a utility has one of their own, with number, units and token: it is drawn up each time and kept nowhere.
    Refuses `TransactionNotFound`, `NoReceipt` (it is not completed).
    """
    kept = _issue(actor, transaction_id, now)
    with tenant(actor.cluster_id):
        view = transaction_visible_to(actor=actor, transaction_id=transaction_id)
        if view.type is not TransactionType.UTILITY_PAYMENT or view.user_id != actor.user_id:
            return kept
        code = Receipt.objects.get(cluster_id=actor.cluster_id, id=transaction_id).code
        data = _data(actor, view, code, now, bought=_utility_rows(actor, view))
    return render_pdf(template=_TEMPLATE, data=data, at=view.completed_at or now)


def _issue(actor: Actor, transaction_id: UUID, now: datetime) -> bytes:
    with tenant(actor.cluster_id):
        view = transaction_visible_to(actor=actor, transaction_id=transaction_id)
        if view.status not in (TransactionStatus.COMPLETED, TransactionStatus.REFUNDED):
            raise NoReceipt
        kept = _kept(actor, transaction_id)
        if kept is not None:
            return kept
        code = new_code()
        data = _data(actor, view, code, now)
    pdf = render_pdf(template=_TEMPLATE, data=data, at=view.completed_at or now)
    made = Receipt(
        id=transaction_id,
        cluster_id=actor.cluster_id,
        code=code,
        pdf=pdf,
        digest=hashlib.sha256(pdf).digest(),
        issued_at=now,
    )
    with tenant(actor.cluster_id), crash_points("settlement.receipt"):
        Receipt.objects.bulk_create([made], ignore_conflicts=True)
        return _kept(actor, transaction_id) or pdf


def destroy_receipts(user_id: UUID, now: datetime) -> None:  # noqa: ARG001 - an erasure's signature
    """Destroy the receipts that name a person who is being erased. Asked for again, one is drawn up without the name."""
    for cluster_id in clusters.clusters_ever_of(user_id=user_id):
        with tenant(cluster_id):
            theirs = Transaction.objects.filter(cluster_id=cluster_id, user_id=user_id).values_list("id", flat=True)
            Receipt.objects.filter(cluster_id=cluster_id, id__in=theirs).delete()


def _utility_rows(actor: Actor, view: TransactionView) -> list[tuple[str, str]]:
    """What was bought from a utility: for which number (its end), at what price, and the token; for its buyer alone."""
    bought = utilities.purchase_of_member(actor=actor, purchase_id=view.id)
    return [
        (_("Number"), _ending(bought.ending)),
        (_("Bought"), bought.amount.with_sign()),
        (_("Fee"), bought.fee.with_sign()),
        (_("Units"), bought.units),
        (_("Tariff"), bought.tariff),
        (_("Token"), bought.token),
    ]


def _ways(view: TransactionView) -> list[tuple[str, str]]:
    """How it was paid. What is bought from a utility the wallet pays; the provider sells it."""
    named = str(_HOW.get(view.provider, view.provider.capitalize() or "ClustR"))
    if view.type is TransactionType.UTILITY_PAYMENT:
        return [(_("Paid by"), str(_HOW["wallet"])), (_("Sold through"), named)]
    if view.type is TransactionType.TRANSFER:
        return [(_("To account"), _ending(account_hint_of(payout_id=view.id))), (_("Sent through"), named)]
    if view.type is TransactionType.WITHDRAWAL:  # to a member's own account, which is theirs alone to know
        return [(_("Sent through"), named)]
    return [(_("Had been recorded as") if _corrects(view) else _("Paid by"), named)]


def _ending(end: str) -> str:
    """Of a number its end: the whole of it stands on no document that is kept."""
    return _("ending %s") % end if end else ""


def _corrects(view: TransactionView) -> bool:
    return is_correction(type=view.type, provider=view.provider)


def _kept(actor: Actor, transaction_id: UUID) -> bytes | None:
    found = Receipt.objects.filter(cluster_id=actor.cluster_id, id=transaction_id).first()
    return None if found is None else bytes(found.pdf)


def _data(
    actor: Actor, view: TransactionView, code: str, now: datetime, bought: Sequence[tuple[str, str]] = ()
) -> dict[str, Any]:
    held = clusters.settings_of(actor=actor, now=now)
    paid_at = (view.completed_at or view.created_at).astimezone(ZoneInfo(actor.timezone))
    check_url = f"{settings.ENV.base_url}/verify/{code}"
    bill = Bill.objects.filter(cluster_id=actor.cluster_id, id=view.bill_id).first() if view.bill_id else None
    who = names_here(user_ids=[view.user_id]).get(view.user_id, "") if view.user_id else held.name
    unit = units_here(user_ids=[view.user_id]).get(view.user_id, "") if view.user_id and who else ""
    settled = settlement_behind(transaction_id=view.id)
    on_top = Money(settled.surcharge_minor if settled and settled.asked_id == view.id else 0, view.amount.currency)
    by_hand = is_deposit_by_hand(type=view.type, provider=view.provider)
    given = _("Receipt or transfer no.") if by_hand else _("Provider's reference")
    rows = [
        (_("To") if view.type is TransactionType.REFUND and not _corrects(view) else _("From"), who),
        *(((_("Unit"), unit),) if unit else ()),
        (_("Reason") if _corrects(view) else _("For"), bill.title if bill else view.description),
        *(((_("Bill"), bill.bill_number),) if bill else ()),
        *bought,
        *_ways(view),
        (_("Date"), f"{written(paid_at, 'd F Y, H:i')} ({actor.timezone})"),
        *(((_("Provider's fee, paid on top"), on_top.with_sign()),) if on_top.minor else ()),
        (_("Reference"), view.reference),
        *(((given, view.provider_reference),) if view.provider_reference else ()),
        *(((_("Questions"), held.support_email),) if held.support_email else ()),
    ]
    went_back = _("of which %s was taken back") if by_hand else _("of which %s was refunded")
    return {
        "language": language(),
        "title": str(_CORRECTION if _corrects(view) else _TITLES[view.type]),
        "estate": held.name,
        "reference": view.reference,
        "amount_label": _("Amount"),
        "amount": view.amount.with_sign(),
        "note": went_back % view.refunded.with_sign() if view.refunded.minor else "",
        "rows": [[label, value] for label, value in rows if value],
        "date": [paid_at.year, paid_at.month, paid_at.day],
        "check_label": _("Anybody can check that this document is genuine:"),
        "code_label": _("Code"),
        "code": "-".join(code[start : start + 4] for start in range(0, len(code), 4)),
        "check_url": check_url,
        "qr": qr_code(check_url),
    }
