"""The books' side of what is taken back of a charge: what is left of it, what was booked, and booking the difference. Part of
a settlement, under the locks of all that the charge paid."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from clustr.bills import commands as bills
from clustr.kit.actor import Actor
from clustr.kit.jobs import enqueue
from clustr.kit.money import Money
from clustr.payments import commands as payments
from clustr.payments.models import Attempt, Case, Settlement, Transaction
from clustr.payments.providers.returns import RefundTruth
from clustr.payments.queries import is_disputed
from clustr.payments.states import OPEN, CaseKind, Purpose, TransactionStatus
from clustr.people import queries as people
from clustr.settlement.commands.locking import lock_with_subject
from clustr.wallets import commands as wallets
from clustr.wallets.types import BORNE

TAKEN_BEFORE = "taken_before"
"""The state of a case about what a lost dispute claims beyond what was left of its charge."""
_AGAIN = "#"
"""Between the name of what took the money and how many times it did: a bank may change its mind more than once."""


@dataclass(slots=True)
class Books:
    """A charge by the books, everything locked. `parts`: what it completed, and what was more than that; `ours`: what we gave
    back of them to where it came from, or are giving back, with the `notes` it is known by. `standing`: what was taken and has not come back, oldest first. `times`: how often
    something was taken under a name."""

    settled: Settlement
    parts: list[UUID]
    ours: list[Transaction]
    notes: list[str]
    standing: list[Transaction] = field(default_factory=list)
    times: Counter[str] = field(default_factory=Counter)

    @property
    def booked(self) -> dict[str, int]:
        """Minor units that were taken and have not come back, by the name of what took them."""
        found: Counter[str] = Counter()
        for taking in self.standing:
            found[name_of(taking)] += taking.amount_minor
        return dict(found)

    @property
    def given_back(self) -> int:
        """Minor units that we gave back to where they came from, or are giving back."""
        return sum(refund.amount_minor for refund in self.ours)

    @property
    def most(self) -> int:
        """Minor units that others can have taken: what arrived, less what we gave back."""
        return self.settled.amount_minor + self.settled.surcharge_minor - self.given_back

    @property
    def left(self) -> int:
        """Minor units that the provider still holds of the charge."""
        return self.most - sum(taking.amount_minor for taking in self.standing)

    def is_ours(self, refund: RefundTruth) -> bool:
        """Whether it is one of ours, or may be: one that no note tells from ours, while the number of ours is not known. Of ours
        that the books gave back, because the provider had refused it, we know nothing: if it went after all, it was taken."""
        numbers = {ours.provider_reference for ours in self.ours}
        nameless = {ours.amount_minor for ours in self.ours if not ours.provider_reference}
        return (
            refund.provider_id in numbers
            or any(note in refund.note for note in self.notes)
            or (not refund.note and refund.amount.minor in nameless)
        )


def name_of(taking: Transaction) -> str:
    """What took it, however many times it did."""
    return taking.provider_reference.partition(_AGAIN)[0]


def lock_books(*, settled: Settlement, now: datetime) -> Books:
    """Lock what the charge paid, in the house's order, and read what became of it since."""
    lock_with_subject(transaction_id=settled.asked_id, now=now)
    parts = [settled.asked_id] if settled.completes_minor else []
    if settled.surplus_id:
        parts.append(payments.lock_transaction(transaction_id=settled.surplus_id).id)
    of_parts = Transaction.objects.filter(cluster_id=settled.cluster_id, subject_id__in=parts)
    gone = [*OPEN, TransactionStatus.COMPLETED]
    asked_for = of_parts.filter(purpose=Purpose.REFUND, provider=settled.provider, status__in=gone)
    ours = list(asked_for.exclude(provider_reference__startswith=BORNE))
    attempts = Attempt.objects.filter(cluster_id=settled.cluster_id, id__in=[refund.id for refund in ours])
    books = Books(settled, parts, ours, list(attempts.values_list("reference", flat=True)))
    for taking in of_parts.filter(purpose=Purpose.CHARGEBACK).order_by("id"):
        books.times[name_of(taking)] += 1
        if not _came_back(taking):
            books.standing.append(taking)
    return books


def stands_taken(*, settled: Settlement) -> bool:
    """Whether anything was booked as taken of a charge and has not come back."""
    parts = [settled.asked_id, settled.surplus_id]
    takings = Transaction.objects.filter(
        cluster_id=settled.cluster_id, subject_id__in=parts, provider=settled.provider, purpose=Purpose.CHARGEBACK
    )
    return any(not _came_back(taking) for taking in takings)


def is_taken_instead(*, settled: Settlement, refund: Transaction) -> bool:
    """Whether a bank took a charge, or may, that we are about to give back: then it would go twice."""
    cut_short = Case.objects.filter(
        cluster_id=settled.cluster_id,
        kind=CaseKind.CHARGEBACK,
        transaction_id=settled.asked_id,
        facts__contains={"state": TAKEN_BEFORE},
        opened_at__gte=refund.created_at,
    )
    return is_disputed(transaction_ids=[settled.asked_id]) or cut_short.exists()


def take(*, actor: Actor, books: Books, name: str, minor: int, now: datetime) -> None:
    """Book what was taken, and who bears it: the payment first, then what was more than was asked, the estate the rest."""
    settled, amount = books.settled, Money(minor, books.settled.currency)
    books.times[name] += 1
    number = name if books.times[name] == 1 else f"{name}{_AGAIN}{books.times[name]}"
    taking = wallets.book_chargeback(
        actor=actor, original=_locked(books.parts[0]), provider=settled.provider, number=number, amount=amount, now=now
    )
    books.standing.append(taking)
    left = amount
    for place, part in enumerate(map(_locked, books.parts), start=1):
        borne = wallets.bear_chargeback(
            actor=actor, original=part, amount=left, number=wallets.borne_number(number, place), now=now
        )
        if borne is not None:
            left = left - borne.amount
            if part.purpose == Purpose.BILL:
                bills.take_back_payment(original=part, refund=borne, now=now)
        if left.minor == 0:
            break
    enqueue(
        "settlement.charge_fees",
        once_key=f"settlement.charge_fees:{settled.cluster_id}",
        cluster_id=settled.cluster_id,
    )
    facts = {"dispute": number, "state": "taken", "amount": amount.for_people(), "borne_by_estate": left.for_people()}
    ask_a_person(settled.asked_id, settled.provider, facts, now)


def give_back(*, actor: Actor, books: Books, taking: Transaction, now: datetime) -> None:
    """A provider gave back what it had taken: to whoever bore it."""
    settled = books.settled
    payer = Transaction.objects.get(cluster_id=settled.cluster_id, id=settled.asked_id).user_id
    reachable = payer is not None and people.contact_of(user_id=payer).reachable
    wallets.win_chargeback(actor=actor, taken=taking, reachable=reachable, now=now)
    books.standing.remove(taking)
    if not reachable:
        payments.open_case(
            kind=CaseKind.OWNER_NOT_FOUND,
            subject=str(taking.id),
            transaction_id=taking.id,
            facts={"provider": settled.provider, "amount": taking.amount.for_people()},
            now=now,
        )
    facts = {"dispute": taking.provider_reference, "state": "won", "amount": taking.amount.for_people()}
    ask_a_person(settled.asked_id, settled.provider, facts, now)


def ask_a_person(transaction_id: UUID, provider: str, facts: dict[str, str], now: datetime) -> None:
    """A case of the estate about a payment and what its payer's bank says of it; once for what it says."""
    payments.open_case(
        kind=CaseKind.CHARGEBACK,
        subject=f"{transaction_id}:{facts.get('dispute', '')}:{facts.get('state', '')}",
        transaction_id=transaction_id,
        facts={"provider": provider, **facts},
        once=True,
        now=now,
    )


def _came_back(taking: Transaction) -> bool:
    return Transaction.objects.filter(
        cluster_id=taking.cluster_id, subject_id=taking.id, purpose=Purpose.CHARGEBACK
    ).exists()


def _locked(id: UUID) -> Transaction:
    """As it stands now: what is taken twice at once changes it between."""
    return payments.lock_transaction(transaction_id=id)
