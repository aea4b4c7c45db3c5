"""Reconciling balances: what a provider says it holds, and what all estates together own there by the books, must be the same."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timedelta

from django.conf import settings

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.notifications.commands.alarming import raise_shortfall
from clustr.payments import commands as payments
from clustr.payments.providers.nouns import Balance, NotFoundYet, Outcome
from clustr.payments.providers.nouns import Settlement as Settled
from clustr.payments.providers.port import NotOffered, PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import settled_with
from clustr.payments.states import AttemptKind, CaseKind
from clustr.settlement.balance_policies import Explanation, explain
from clustr.settlement.balance_queries import Owed, Sent, banked, first_taken, owed_by_provider, own_funds
from clustr.settlement.commands.fencing import Fence
from clustr.settlement.commands.reconciling import compared_until
from clustr.settlement.models import BankedSettlement, HeldByProvider, Reconciliation
from clustr.settlement.policies import what_arrived

SETTLED_WITHIN = timedelta(days=5)
"""How long a provider may take to settle what it took: a business day or two, over a long weekend."""
_LISTED_AGAIN = timedelta(days=30)
"""How far back what a provider settled is listed again: what was pending then is paid now."""
_UNHEARD_OF = timedelta(hours=1)
"""How old a charge may be that is not booked yet; older ones were booked by the comparison of charges, or are cases."""


def reconcile_balances(*, now: datetime) -> list[Reconciliation]:
    """Ask each provider what it holds, and compare it with what all estates own there by the books; outside any transaction.

    A settlement to the operator's bank is noted once, and is a case of the platform unless SETTLES_TO_BANK names the provider.
    What nothing explains is a case of the platform too, one for each provider and currency, which follows the difference and
    closes by itself; where less is held than estates own, the platform's staff are told, once a day. Harmless to repeat.
    Answers one record for each provider, which is kept.
    """
    made = []
    for name in available_providers():
        run = _Comparison(provider_named(name=name), now).through()
        run.save(force_insert=True)
        made.append(run)
    return made


class _Comparison:
    """One provider's balances beside the books."""

    def __init__(self, provider: PaymentProvider, now: datetime) -> None:
        self._provider = provider
        self._now = now
        self._fence = Fence(provider.name, now)
        self._pending: dict[str, int] = {}
        self._compared = 0

    def through(self) -> Reconciliation:
        since = self._since()
        self._fence.through(lambda: self._note_settlements(since), about="settlements")
        if self._fence.complete:
            self._fence.through(self._compare, about="balances")
        return Reconciliation(
            id=new_id(),
            provider=self._provider.name,
            compares=Reconciliation.BALANCES,
            since=since,
            until=self._now,
            at=self._now,
            complete=self._fence.complete,
            listed=self._compared,
            settled_now=0,
            breaks=self._fence.breaks,
        )

    def _since(self) -> datetime:
        """From when settlements are listed: all of them at first."""
        known = compared_until(self._provider.name, Reconciliation.BALANCES)
        return (known or first_taken(provider=self._provider.name) or self._now) - _LISTED_AGAIN

    def _note_settlements(self, since: datetime) -> None:
        with suppress(NotOffered):
            self._go_through_settlements(since)

    def _go_through_settlements(self, since: datetime) -> None:
        for page in self._provider.list_settlements(since=since, until=self._now + SETTLED_WITHIN):
            self._fence.unreadable(page.unreadable, about="settlements")
            for settled in page.rows:
                if settled.paid and settled.to_bank:
                    with self._fence.row(None, f"settlement:{settled.provider_id}"):
                        self._fence.breaks += _note_banked(self._provider.name, settled, self._now)
                elif not settled.paid:
                    currency = settled.net.currency
                    self._pending[currency] = self._pending.get(currency, 0) + settled.net.minor

    def _compare(self) -> None:
        """The books are read before and after the provider is asked: what moves meanwhile is in one of them."""
        name, since = self._provider.name, self._now - SETTLED_WITHIN
        before = owed_by_provider(provider=name, taken_since=since)
        held = {balance.available.currency: balance for balance in self._provider.balances()}
        arriving = self._arriving()
        after = owed_by_provider(provider=name, taken_since=since)
        going = {one for owed in (before, after) for sent in owed.going.values() for one in sent}
        sent = {one.reference: self._amount_sent(one) for one in going}
        own, gone = own_funds(provider=name), banked(provider=name)
        for currency in sorted({*before.books, *after.books, *held, *own, *gone}):
            balance = held.get(currency) or Balance(available=Money(0, currency), collected=None)
            beside = own.get(currency, 0) - gone.get(currency, 0)
            found = [
                (books, self._explain(currency, balance, books, beside, arriving.get(currency, {}), sent))
                for books in (after, before)
            ]
            books, explanation = min(found, key=lambda one: (not one[1].exact, abs(one[1].difference)))
            if books.books.get(currency) or balance.available.minor or beside or not explanation.exact:
                self._compared += 1
                kept = self._keep(currency, balance, books, own, gone, explanation)
                self._fence.breaks += _ask_about(kept)

    def _explain(
        self,
        currency: str,
        balance: Balance,
        owed: Owed,
        beside: int,
        arriving: dict[str, int],
        sent: dict[str, int],
    ) -> Explanation:
        booked = owed.taken.get(currency, {})
        new = [net for provider_id, net in arriving.items() if provider_id not in booked]
        return explain(
            owed=owed.books.get(currency, 0) + sum(new) + beside,
            held=balance.available.minor,
            taken=[*new, *booked.values()],
            pending=self._pending.get(currency, 0),
            going=[sent[one.reference] for one in owed.going.get(currency, [])],
        )

    def _arriving(self) -> dict[str, dict[str, int]]:
        """What the provider has taken just now and nobody has booked yet, by currency and its own ids, less fees."""
        found: dict[str, dict[str, int]] = {}
        for page in self._provider.list_charges(since=self._now - _UNHEARD_OF, until=self._now + _UNHEARD_OF):
            taken = {truth.provider_id: truth for truth in page.rows if truth.outcome is Outcome.SUCCEEDED}
            for place in settled_with(provider=self._provider.name, provider_ids=sorted(taken)):
                taken.pop(place.provider_id, None)
            for provider_id, truth in taken.items():
                arrived, fee = what_arrived(truth=truth)
                found.setdefault(arrived.currency, {})[provider_id] = (arrived - fee).minor
        return found

    def _amount_sent(self, sent: Sent) -> int:
        """What a provider takes for what it was asked to send: for a payout also its fee, which it says when it is asked."""
        if sent.kind != AttemptKind.PAYOUT:
            return sent.amount_minor
        truth = self._provider.fetch_payout(reference=sent.reference)
        fee = None if isinstance(truth, NotFoundYet) else truth.fee
        return sent.amount_minor + (fee.minor if fee else 0)

    def _keep(
        self,
        currency: str,
        balance: Balance,
        owed: Owed,
        own: dict[str, int],
        gone: dict[str, int],
        explanation: Explanation,
    ) -> HeldByProvider:
        return HeldByProvider.objects.create(
            id=new_id(),
            provider=self._provider.name,
            currency=currency,
            at=self._now,
            books_minor=owed.books.get(currency, 0),
            own_minor=own.get(currency, 0),
            banked_minor=gone.get(currency, 0),
            held_minor=balance.available.minor,
            collected_minor=balance.collected.minor if balance.collected else None,
            unsettled_minor=explanation.unsettled,
            going_minor=explanation.going,
            difference_minor=explanation.difference,
            exact=explanation.exact,
        )


def _note_banked(provider: str, settled: Settled, now: datetime) -> bool:
    """Note once that estates' money left the balance for a bank; whether a person is asked about it, who was not before."""
    made = BankedSettlement(
        id=new_id(),
        provider=provider,
        provider_id=settled.provider_id,
        currency=settled.net.currency,
        gross_minor=settled.gross.minor,
        fee_minor=settled.fee.minor,
        net_minor=settled.net.minor,
        settled_at=settled.settles_at,
        seen_at=now,
    )
    with tenant(PLATFORM_CLUSTER_ID):
        BankedSettlement.objects.bulk_create([made], ignore_conflicts=True)
        if not BankedSettlement.objects.filter(id=made.id).exists() or provider in settings.ENV.settles_to_bank:
            return False
        return payments.open_case(
            kind=CaseKind.PAID_TO_BANK,
            subject=f"{provider}:settlement:{settled.provider_id}",
            facts={
                "provider": provider,
                "provider_id": settled.provider_id,
                "gross": settled.gross.for_people(),
                "fee": settled.fee.for_people(),
                "net": settled.net.for_people(),
                "day": f"{settled.settles_at:%Y-%m-%d}" if settled.settles_at else None,
            },
            once=True,
            now=now,
        )


def _ask_about(held: HeldByProvider) -> bool:
    """Let the case about a balance say what it says now, or end; whether it is new."""
    subject, facts = f"{held.provider}:balance:{held.currency}", _unexplained(held)
    with tenant(PLATFORM_CLUSTER_ID):
        if facts is None:
            payments.settle_case_about(
                kind=CaseKind.BALANCE_DIFFERS, subject=subject, note="The books and the provider agree.", now=held.at
            )
            return False
        opened = payments.keep_case(kind=CaseKind.BALANCE_DIFFERS, subject=subject, facts=facts, now=held.at)
        if held.difference_minor < 0 and payments.is_asked(kind=CaseKind.BALANCE_DIFFERS, subject=subject):
            missing = Money(-held.difference_minor, held.currency).with_sign()
            raise_shortfall(provider=held.provider, missing=missing, now=held.at)
        return opened


def _unexplained(held: HeldByProvider) -> dict[str, str] | None:
    """What a person is asked about a balance; None where nobody needs to look. What may be under way is believed for as long as a
    provider takes to settle: a difference that hides in it is never explained to the minor unit. `since`: the day on which it
    was first not explained, so that what a person decided about one difference is not said of a later one."""
    if held.exact:
        return None
    runs = HeldByProvider.objects.filter(provider=held.provider, currency=held.currency, at__lte=held.at)
    agreed = runs.filter(exact=True).order_by("-at").first()
    since = runs.filter(at__gte=agreed.at) if agreed else runs
    began = since.filter(exact=False).earliest("at")
    facts = {"provider": held.provider, "since": f"{began.at:%Y-%m-%d}"}
    if held.difference_minor:
        amount = Money(abs(held.difference_minor), held.currency).for_people()
        return {**facts, "found": "less" if held.difference_minor < 0 else "more", "amount": amount}
    if held.at - (agreed or began).at < SETTLED_WITHIN:
        return None
    return {**facts, "found": "not explained", "currency": held.currency}
