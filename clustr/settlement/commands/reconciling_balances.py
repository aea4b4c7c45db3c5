"""Reconciling balances: what a provider says it holds, and what all estates together own there by the books, must be the same."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import QuerySet

from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.ids import new_id
from clustr.kit.money import DECIMALS, Money
from clustr.kit.tenancy import tenant
from clustr.notifications.commands.alarming import raise_shortfall
from clustr.payments import commands as payments
from clustr.payments.providers.nouns import Balance, NotFoundYet, Outcome, PayoutTruth
from clustr.payments.providers.nouns import Settlement as Settled
from clustr.payments.providers.port import NotOffered, PaymentProvider
from clustr.payments.providers.registry import available_providers, provider_named
from clustr.payments.queries import settled_with
from clustr.payments.states import AttemptKind, CaseKind
from clustr.settlement.balance_policies import Explanation, Going, agreed_at, explain
from clustr.settlement.balance_queries import Owed, Sent, banked, first_taken, last_held, owed_by_provider, own_funds
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
ASKED_AT_MOST = 50
"""So many payouts are asked about in a night, one by one: they are those that are still under way, and usually few."""


def reconcile_balances(*, now: datetime) -> list[Reconciliation]:
    """Ask each provider what it holds, and compare it with what all estates own there by the books; outside any transaction.

    A settlement to the operator's bank is noted once, and is a case of the platform unless SETTLES_TO_BANK names the provider.
    What nothing explains is a case of the platform too, one for each provider and currency, which follows the difference and
    closes by itself, when two nights in a row agree; where less is held than estates own, the platform's staff are told, once a
    day. Harmless to repeat. Answers one record for each provider, which is kept.
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
        self._may_ask = ASKED_AT_MOST

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
        """The books are read before and after the provider is asked: what moves meanwhile is in one of them. What was sent is
        asked about before its balance is, so that what has gone by then is missing there; what was sent meanwhile may be. A
        currency is compared on when nothing is left of it: only so does what was asked about it end."""
        name = self._provider.name
        before = owed_by_provider(provider=name)
        sent = self._ask_about(before, {})
        held = {balance.available.currency: balance for balance in self._provider.balances()}
        arriving = self._arriving()
        after = owed_by_provider(provider=name, taken_since=self._now - SETTLED_WITHIN)
        meanwhile = self._ask_about(after, sent)
        sent |= {reference: replace(one, gone=None) for reference, one in meanwhile.items()}
        own, gone = own_funds(provider=name), banked(provider=name)
        compared = {last.currency for last in last_held() if last.provider == name}
        for currency in sorted({*before.books, *after.books, *held, *own, *gone, *compared}):
            balance = held.get(currency) or Balance(available=Money(0, currency), collected=None)
            beside = own.get(currency, 0) - gone.get(currency, 0)
            new, booked = arriving.get(currency, {}), after.taken.get(currency, {})
            taken = list({**new, **booked}.values())
            found = [
                (books, self._explain(currency, balance, books, beside + _not_among(known, new), taken, sent))
                for books, known in ((after, booked), (before, {}))
            ]
            books, explanation = min(found, key=lambda one: (not one[1].exact, abs(one[1].difference)))
            if (
                currency in compared
                or books.books.get(currency)
                or balance.available.minor
                or beside
                or not explanation.exact
            ):
                self._compared += 1
                kept = self._keep(currency, balance, books, own, gone, explanation)
                self._fence.breaks += _ask_about(kept)

    def _explain(
        self, currency: str, balance: Balance, owed: Owed, beside: int, taken: list[int], sent: dict[str, Going]
    ) -> Explanation:
        return explain(
            owed=owed.books.get(currency, 0) + beside,
            held=balance.available.minor,
            taken=taken,
            pending=self._pending.get(currency, 0),
            going=[sent[one.reference] for one in owed.going.get(currency, [])],
            whole=10 ** DECIMALS[currency],
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

    def _ask_about(self, owed: Owed, known: dict[str, Going]) -> dict[str, Going]:
        """What became of what was sent, by our references, but for what is `known`. Payouts are asked about one by one, those that
        were sent first before the others and no more than ASKED_AT_MOST in a night; one about which nothing is heard may have
        gone, with a fee that nobody told. What else was sent has no fee, and is asked about elsewhere: it may have gone."""
        going = [one for sent in owed.going.values() for one in sent if one.reference not in known]
        payouts = [one for one in going if one.kind == AttemptKind.PAYOUT]
        found = {one.reference: Going(one.amount_minor, fee_told=one.kind != AttemptKind.PAYOUT) for one in going}
        asked = payouts[: self._may_ask]
        self._may_ask -= len(asked)
        self._fence.through(lambda: self._hear_of(asked, found), about="payouts")
        return found

    def _hear_of(self, payouts: list[Sent], found: dict[str, Going]) -> None:
        for sent in payouts:
            with self._fence.row(None, f"payout:{sent.reference}"):
                found[sent.reference] = _told(sent, self._provider.fetch_payout(reference=sent.reference))

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


def _told(sent: Sent, truth: PayoutTruth | NotFoundYet) -> Going:
    """A payout as its provider tells of it. One that it does not know may reach it yet, and what it has not decided may have left
    the balance or not."""
    if isinstance(truth, NotFoundYet):
        return Going(sent.amount_minor, fee_told=False)
    gone = {Outcome.SUCCEEDED: True, Outcome.FAILED: False, Outcome.REVERSED: False}.get(truth.outcome)
    return Going(sent.amount_minor + (truth.fee.minor if truth.fee else 0), gone)


def _not_among(known: dict[str, int], new: dict[str, int]) -> int:
    return sum(net for provider_id, net in new.items() if provider_id not in known)


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
    """Let the case about a balance say what it says now, or end, once it was explained on two nights in a row; whether it is
    new."""
    subject, agreed = f"{held.provider}:balance:{held.currency}", _agreed_at(held)
    facts = _unexplained(held, agreed)
    with tenant(PLATFORM_CLUSTER_ID):
        if facts is None:
            if agreed == held.at:
                payments.settle_case_about(
                    kind=CaseKind.BALANCE_DIFFERS,
                    subject=subject,
                    note="The books and the provider agree.",
                    now=held.at,
                )
            return False
        opened = payments.keep_case(kind=CaseKind.BALANCE_DIFFERS, subject=subject, facts=facts, now=held.at)
        if held.difference_minor < 0 and payments.is_asked(kind=CaseKind.BALANCE_DIFFERS, subject=subject):
            missing = Money(-held.difference_minor, held.currency).with_sign()
            raise_shortfall(provider=held.provider, missing=missing, now=held.at)
        return opened


def _agreed_at(held: HeldByProvider) -> datetime | None:
    runs = _runs(held).order_by("at", "id").values_list("at", "exact")
    return agreed_at(runs)


def _unexplained(held: HeldByProvider, agreed: datetime | None) -> dict[str, str] | None:
    """What a person is asked about a balance that `agreed` last then; None where nobody needs to look. What may be under way is
    believed for as long as a provider takes to settle: a difference that hides in it is never explained to the minor unit.
    `since`: the day on which it was first not explained, so that what a person decided about one difference is not said of a
    later one."""
    if held.exact:
        return None
    runs = _runs(held)
    since = runs.filter(at__gte=agreed) if agreed else runs
    began = since.filter(exact=False).earliest("at")
    facts = {"provider": held.provider, "since": f"{began.at:%Y-%m-%d}"}
    if held.difference_minor:
        amount = Money(abs(held.difference_minor), held.currency).for_people()
        return {**facts, "found": "less" if held.difference_minor < 0 else "more", "amount": amount}
    if held.at - (agreed or began.at) < SETTLED_WITHIN:
        return None
    return {**facts, "found": "not explained", "currency": held.currency}


def _runs(held: HeldByProvider) -> QuerySet[HeldByProvider]:
    """The comparisons of this balance up to this one."""
    return HeldByProvider.objects.filter(provider=held.provider, currency=held.currency, at__lte=held.at)
