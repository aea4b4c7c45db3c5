"""Wallet payments against the real server: 1,000 residents in the same instant, then a steady rate."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from itertools import chain, repeat
from uuid import UUID

from django.db import connections

from bench import databases, load, pgbench, town, web
from bench.estates import Estate
from bench.floors import HUGE, safe_floor
from bench.history import acknowledge, issue
from bench.load import Outcome
from bench.pgbench import Run
from bench.results import Line, at_least
from bench.sizes import Size
from clustr.kit import clock
from clustr.kit.invariants import violations

_PATH = "/members/bills/pay_bill/"
_PIECES = 40
"""How many prebuilt payments a member repeats in the steady run; each has a key of its own."""


def measure(size: Size) -> Sequence[Line]:
    """Floor, crowd and steady rate in turn, several rounds; then whether every transfer is there and the books hold."""
    database, estate = town.payers(size)
    with databases.scratch(database) as name:
        floor = safe_floor(estate, size.clients[0])
        levy = _bill(estate, HUGE)
        shares = [_bill(estate, 100_000) for _ in range(size.rounds)]
        members = range(1, size.at_once + 1)
        with web.serving(name) as server:
            tokens = web.tokens_for(estate, members)
            steady = _steady_requests(tokens, levy)
            load.send(server.port, steady[: 4 * size.steady_connections], connections=size.steady_connections)
            del steady[: 4 * size.steady_connections]
            floors, crowds, rates = [], [], []
            for share in shares:
                floors.append(pgbench.run(floor, seconds=size.seconds))
                crowd = [web.post(tokens[member], _PATH, {"bill_id": str(share)}) for member in members]
                crowds.append(load.send(server.port, crowd, connections=size.at_once, keep=True))
                rates.append(
                    load.send(server.port, steady, connections=size.steady_connections, seconds=size.steady_seconds)
                )
                del steady[: len(rates[-1].latencies)]
        return [
            *_lines(size, pgbench.median(floors), crowds, rates),
            *proofs(estate, "transfer", _transfers(shares), size.at_once * size.rounds, _answered(crowds)),
        ]


def _lines(size: Size, floor: Run, crowds: Sequence[Outcome], rates: Sequence[Outcome]) -> list[Line]:
    at_once, steady = _median(crowds), _median(rates)
    return [
        Line(f"safe floor, {size.clients[0]} clients", f"{floor.per_second:,.0f}/s"),
        errors(f"{size.at_once:,} residents pay at once: errors", crowds, 201),
        Line(f"{size.at_once:,} residents pay at once", said(crowds)),
        at_least("paid at once over HTTP : safe floor", at_once / floor.per_second, 0.3),
        errors("steady payments: errors", rates, 201),
        Line(f"steady payments, {size.steady_connections} connections", said(rates)),
        Line("steady over HTTP : safe floor", f"{steady / floor.per_second:.2f}"),
    ]


def errors(what: str, outcomes: Sequence[Outcome], expected: int) -> Line:
    """How many answers were not what they should be, with the words of the first."""
    failures = sum(outcome.failures(expected) for outcome in outcomes)
    first = next((outcome.first_failure(expected) for outcome in outcomes if outcome.failures(expected)), "")
    return Line(what, f"{failures}{first and ': ' + first[:120]}", "0", failures == 0)


def said(outcomes: Sequence[Outcome]) -> str:
    middle = sorted(outcomes, key=lambda outcome: outcome.per_second)[len(outcomes) // 2]
    return (
        f"{middle.per_second:,.0f}/s (p50 {middle.quantile_ms(0.5):,.1f} ms, p99 {middle.quantile_ms(0.99):,.1f} ms;"
        f" {sum(len(outcome.latencies) for outcome in outcomes):,} in {len(outcomes)} rounds)"
    )


def proofs(estate: Estate, noun: str, found: set[UUID], expected: int, answered: set[UUID]) -> list[Line]:
    """Whether what was answered is what is stored, no more and no less, and whether every invariant holds."""
    broken = [violation.invariant.name for violation in violations(cluster_id=estate.cluster_id)]
    there = found == answered and len(found) == expected
    return [
        Line(f"every {noun} that was answered is there", f"{len(found & answered):,}", f"{expected:,}", there),
        Line("books proved afterwards", ", ".join(broken) or "every invariant holds", "all hold", not broken),
    ]


def _median(outcomes: Sequence[Outcome]) -> float:
    return statistics.median(outcome.per_second for outcome in outcomes)


def _bill(estate: Estate, minor: int) -> UUID:
    bill = issue(estate, minor=minor, at=clock.now())
    acknowledge(estate, bill, "true", clock.now())
    return bill


def _steady_requests(tokens: dict[int, str], levy: UUID) -> list[bytes]:
    body = {"bill_id": str(levy), "amount": "1.00"}
    return [web.post(token, _PATH, body) for token in chain.from_iterable(repeat(list(tokens.values()), _PIECES))]


def _answered(crowds: Sequence[Outcome]) -> set[UUID]:
    bodies = chain.from_iterable(crowd.bodies for crowd in crowds)
    answers = [json.loads(body) for body in bodies if b'"transaction"' in body]
    return {UUID(answer["transaction"]["id"]) for answer in answers}


def _transfers(bills: Sequence[UUID]) -> set[UUID]:
    """The journals of what the books hold for these bills."""
    with connections["checker"].cursor() as cursor:
        cursor.execute(
            "SELECT t.journal FROM ledger_transfer t JOIN payments_transaction p"
            " ON p.cluster_id = t.cluster_id AND p.id = t.journal WHERE p.subject_id = ANY(%s) AND p.status = 'completed'",
            [list(bills)],
        )
        return {row[0] for row in cursor.fetchall()}
