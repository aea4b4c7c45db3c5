"""Payers' complaints to their banks about payments by card, as Stripe has them: their money is with us, held, or lost."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from clustr.audit import commands as audit
from clustr.kit.actor import Actor
from clustr.kit.ids import derived_id, new_id
from clustr.kit.money import Money
from clustr.ledger import commands as ledger
from clustr.ledger.types import AccountKind, Entry, TransferKind
from clustr.payments.states import CaseKind
from clustr.subscriptions.commands.persons import answer_for_a_person, ask_a_person
from clustr.subscriptions.models import Dispute, Invoice, Payment
from clustr.subscriptions.states import DISPUTED, DisputePlace, DisputeStatus
from clustr.subscriptions.vendors.nouns import StripeDispute
from clustr.wallets.commands import provider_account

_PLACES = {DisputePlace.HELD: AccountKind.CHARGEBACKS, DisputePlace.LOST: AccountKind.BAD_DEBTS}


def follow_dispute(*, actor: Actor, invoice: Invoice, payment: Payment, told: StripeDispute, now: datetime) -> None:
    """Let a dispute stand as Stripe has it, its customer locked. A person is asked to answer it, and what is to become of a
    plan whose money was lost."""
    held = Dispute.objects.filter(cluster_id=actor.cluster_id, stripe_dispute_id=told.id).first() or Dispute(
        id=new_id(),
        cluster_id=actor.cluster_id,
        user_id=payment.user_id,
        subscription_id=payment.subscription_id,
        payment_id=payment.id,
        stripe_dispute_id=told.id,
        amount=told.amount,
        currency=told.currency,
        status="",
        place=DisputePlace.WITH_US,
        made_at=told.created_at,
        created_at=now,
    )
    status, before = DisputeStatus(told.status), (held.status, held.place)
    place = _place_of(taken=told.taken, status=status)
    if (status, place) == before:
        return
    if place != held.place:
        _move(held, place, now)
    held.status, held.place, held.reason, held.due_by, held.updated_at = status, place, told.reason, told.due_by, now
    held.save()
    payment.disputed_minor, payment.updated_at = _disputed(payment), now
    payment.save(update_fields=["disputed_minor", "updated_at"])
    audit.record(
        actor=actor,
        action="subscriptions.payment_disputed",
        subject_kind="invoice",
        subject_id=invoice.id,
        at=now,
        facts={"payment": str(payment.id), "amount_minor": held.amount, "currency": held.currency, "status": status},
        journal=held.id,
    )
    _ask(held, invoice, was_open=before[0] in DISPUTED, was_lost=before[1] == DisputePlace.LOST, now=now)


def _place_of(*, taken: bool, status: DisputeStatus) -> DisputePlace:
    if not taken:
        return DisputePlace.WITH_US
    undecided = status in DISPUTED or status == DisputeStatus.WON  # won, and on its way back
    return DisputePlace.HELD if undecided else DisputePlace.LOST


def _move(held: Dispute, place: DisputePlace, now: datetime) -> None:
    """The money of a dispute goes from where it stood to where it stands now."""
    entry = Entry(
        id=derived_id(TransferKind.INVOICE_DISPUTED, held.id, held.moves),
        debit=_account(place, held.currency),
        credit=_account(DisputePlace(held.place), held.currency),
        amount=Money(held.amount, held.currency),
        kind=TransferKind.INVOICE_DISPUTED,
        journal=held.id,
    )
    ledger.post(entries=[entry], at=now)
    held.moves += 1


def _account(place: DisputePlace, currency: str) -> UUID:
    if place == DisputePlace.WITH_US:
        return provider_account(provider="stripe", currency=currency)
    return ledger.open_account(kind=_PLACES[place], currency=currency)


def _disputed(payment: Payment) -> int:
    mine = Dispute.objects.filter(cluster_id=payment.cluster_id, payment_id=payment.id)
    return sum(one.amount for one in mine if one.status in DISPUTED or one.place != DisputePlace.WITH_US)


def _ask(held: Dispute, invoice: Invoice, *, was_open: bool, was_lost: bool, now: datetime) -> None:
    facts = {
        "invoice": invoice.invoice_number,
        "customer": held.user_id,
        "dispute": held.stripe_dispute_id,
        "amount": Money(held.amount, held.currency).for_people(),
        "reason": held.reason,
    }
    if held.status in DISPUTED:
        if not was_open:
            due = {"answer_by": held.due_by.isoformat()} if held.due_by else {}
            ask_a_person(what="dispute", about=held.id, kind=CaseKind.CHARGEBACK, facts=facts | due, now=now)
        return
    lost = held.place == DisputePlace.LOST
    note = "It was lost" if lost else "It was decided for us, or closed"
    answer_for_a_person(what="dispute", about=held.id, kind=CaseKind.CHARGEBACK, note=note, now=now)
    if lost and not was_lost:
        ask_a_person(what="dispute_lost", about=held.id, kind=CaseKind.CHARGEBACK, facts=facts, now=now)
