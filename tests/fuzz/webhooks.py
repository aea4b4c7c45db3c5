"""Webhooks that nobody's provider would send (`webhook_cases.py`), sent.

What is asked of each: no answer of 5xx, 200 exactly where the signature is right, nothing kept otherwise, and nothing that
moves money, whatever is claimed. What was kept is then acted on, as the worker would.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice

from clustr.ledger.models import Transfer
from clustr.payments.models import Notice
from clustr.payments.providers import registry
from clustr.settlement import commands
from tests.cast import make_cast
from tests.fuzz.harness import Application, without_throttles
from tests.fuzz.webhook_cases import Case, Cases
from tests.fuzz.wire import send
from tests.money import prove, wallet_balance
from tests.settlement.stage import PROVIDERS, Stage

AT_ONCE = 500


@dataclass
class Seen:
    """What was answered, and what of it was kept."""

    statuses: Counter[int] = field(default_factory=Counter)
    kept: int = 0
    acted_on: Counter[str] = field(default_factory=Counter)

    @property
    def cases(self) -> int:
        return self.statuses.total()


@contextmanager
def stage_with_money(seed: int) -> Iterator[tuple[Stage, list[bytes]]]:
    """Providers, one deposit that arrived and one that nobody has paid; and what the providers tell of such things."""
    stage = Stage(make_cast(), seed=seed)
    kept = registry._registry
    registry._registry = lambda: stage.registry  # type: ignore[assignment]
    try:
        told = []
        for provider in PROVIDERS:
            checkout = stage.deposit(stage.cast.bola, "500.00", provider)
            stage.end(checkout, "insufficient_funds")
            stage.end(checkout)
            told += [delivery.body for delivery in stage.hooks()]
            waiting = stage.deposit(stage.cast.bola, "700.00", provider)
            told.append(
                told[-1].replace(
                    checkout.transaction.reference.lower().encode(), waiting.transaction.reference.lower().encode()
                )
            )
        yield stage, told
        prove(stage.cast)
    finally:
        registry._registry = kept


def ask(*, cases: int, seed: int, tell: Callable[[Seen], None] = lambda _seen: None) -> Seen:
    """Send so many; raises `AssertionError`, which says the case, at the first that is not as it must be."""
    seen = Seen()
    with stage_with_money(seed) as (stage, told), without_throttles() as application:
        transfers, notices = Transfer.objects.count(), Notice.objects.count()
        kept = dict.fromkeys(Notice.objects.values_list("provider", "digest"))
        known, made = len(kept), iter(Cases(seed, told))
        while seen.cases < cases:
            for case in islice(made, min(AT_ONCE, cases - seen.cases)):
                seen.statuses[_send(application, case)] += 1
                if case.right and case.read is not None:
                    kept[case.provider, hashlib.sha256(case.read).digest()] = None
            fresh = list(kept)[known + seen.kept :]
            seen.kept += len(fresh)
            assert Notice.objects.count() - notices == seen.kept
            seen.acted_on.update(_act_on(stage, fresh))
            assert wallet_balance(stage.cast.bola) == "1000.00"
            assert Transfer.objects.count() == transfers
            tell(seen)
    return seen


def _send(application: Application, case: Case) -> int:
    address = f"/payments/webhooks/{case.provider}/"
    answer = send(
        application,
        "POST",
        address,
        case.body,
        content_type=case.content_type,
        headers=case.headers,
        length=case.length,
    )
    expected = answer.status == 200 if case.right else 400 <= answer.status < 500
    assert expected, (answer.status, case)
    return answer.status


def _act_on(stage: Stage, fresh: Sequence[tuple[str, bytes]]) -> Counter[str]:
    """What the worker does with what was kept; in which states that leaves it."""
    mine = Notice.objects.filter(digest__in=[digest for _, digest in fresh])
    for id in mine.filter(state="waiting").values_list("id", flat=True):
        commands.handle_notice(notice_id=id, now=stage.now)
    return Counter(mine.values_list("state", flat=True))
