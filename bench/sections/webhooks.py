"""Webhooks at the pace of a busy hour, against the real server, while the worker acts on them."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from datetime import timedelta

from bench import databases, town, web
from bench.estates import CURRENCY, Estate
from bench.paced import Stream, send_paced
from bench.providers import providers_running, signature
from bench.results import Line, at_most
from bench.sizes import Size
from clustr.kit import clock
from clustr.kit.ids import new_id
from clustr.kit.invariants import violations
from clustr.kit.money import Money
from clustr.kit.tenancy import tenant
from clustr.payments import commands as payments
from clustr.payments.models import Notice
from clustr.payments.states import AttemptKind, Purpose, TransactionStatus, TransactionType

_PROVIDERS = ("paystack", "flutterwave")
_CONNECTIONS = 64
_WARM = 50


def measure(size: Size) -> Sequence[Line]:
    """Each webhook is about a payment of its own that is under way; the worker asks the provider about it meanwhile."""
    database, estate = town.payers(size)
    wanted = int(size.notices_per_second * size.notice_seconds)
    with databases.scratch(database) as name:
        requests = [_notice(*started) for started in _under_way(estate, wanted + _WARM)]
        with providers_running() as providers, web.serving(name, environ=providers.environ) as server:
            send_paced(server.port, [Stream(requests[:_WARM], size.notices_per_second, _CONNECTIONS)])
            stream = Stream(requests[_WARM:], size.notices_per_second, _CONNECTIONS)
            send_paced(server.port, [stream])
            waiting, kept = _notices("waiting"), _notices()
            acted = _until_acted_on(seconds=30)
        outcome = stream.outcome
        errors = sum(times for status, times in outcome.statuses.items() if status >= 500) + outcome.unanswered
        broken = [violation.invariant.name for violation in violations(cluster_id=estate.cluster_id)]
        pace = f"{size.notices_per_second}/s for {size.notice_seconds:g} s"
        return [
            Line(f"{pace}: answers of 5xx, or none", str(errors), "0", errors == 0),
            at_most(f"{pace}: p99", outcome.quantile_ms(0.99), 100, " ms", f"p50 {outcome.quantile_ms(0.5):.1f} ms"),
            Line(
                "every webhook that was answered is there", f"{kept:,}", f"{wanted + _WARM:,}", kept == wanted + _WARM
            ),
            Line("waiting for the worker when the last came", f"{waiting:,}"),
            Line("acted on after 30 s more at most", f"{acted:,} of {kept:,}"),
            Line("books proved afterwards", ", ".join(broken) or "every invariant holds", "all hold", not broken),
        ]


def _under_way(estate: Estate, wanted: int) -> list[tuple[str, str]]:
    """So many payments with providers, of which nothing was heard yet: (provider, reference)."""
    now, made = clock.now(), []
    with tenant(estate.cluster_id):
        for number in range(wanted):
            provider = _PROVIDERS[number % 2]
            transaction = payments.create_transaction(
                id=new_id(),
                type=TransactionType.DEPOSIT,
                status=TransactionStatus.PROCESSING,
                amount=Money(100_000, CURRENCY),
                purpose=Purpose.WALLET,
                user_id=estate.user_id(1 + number % estate.members),
                provider=provider,
                now=now,
            )
            attempt = payments.open_attempt(
                transaction=transaction,
                kind=AttemptKind.CHARGE,
                payable_until=now + timedelta(days=1),
                send_at=now + timedelta(days=1),  # the webhook is to be what tells of it
                now=now,
            )
            made.append((provider, attempt.reference))
    return made


def _notice(provider: str, reference: str) -> bytes:
    data: dict[str, object] = {"id": int(reference[-12:], 36) % 10**12, "amount": 1000, "currency": CURRENCY}
    data |= {"domain": "test", "status": "success", "channel": "card", "customer": {"email": "bola@example.test"}}
    name = {"paystack": "reference", "flutterwave": "tx_ref"}[provider]
    event = {"paystack": "charge.success", "flutterwave": "charge.completed"}[provider]
    body = json.dumps({"event": event, "data": data | {name: reference}}).encode()
    return web.notice(f"/payments/webhooks/{provider}/", body, signature(provider, body))


def _notices(*states: str) -> int:
    found = Notice.objects.filter(state__in=states) if states else Notice.objects.all()
    return found.count()


def _until_acted_on(*, seconds: float) -> int:
    """How many are no longer waiting, after so long at most."""
    deadline = time.monotonic() + seconds
    while _notices("waiting") and time.monotonic() < deadline:
        time.sleep(0.5)
    return _notices() - _notices("waiting")
