"""5,000 residents acknowledge one bill, from more than a hundred connections at once."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from uuid import UUID

from django.db import connections

from bench import databases, load, pgbench, town, web
from bench.floors import safe_floor
from bench.history import issue
from bench.results import Line, at_least
from bench.sections.payments import errors, proofs, said
from bench.sizes import Size
from clustr.kit import clock

_PATH = "/members/bills/acknowledge_bill/"


def measure(size: Size) -> Sequence[Line]:
    """As many rounds as bills; the safe floor of a payment beside them, for an acknowledgment does less."""
    database, estate = town.payers(size)
    members = range(1, size.acknowledgments + 1)
    with databases.scratch(database) as name:
        floor = safe_floor(estate, size.clients[0])
        bills = [issue(estate, minor=500_000, at=clock.now()) for _ in range(size.rounds)]
        with web.serving(name) as server:
            tokens = web.tokens_for(estate, members)
            warm = [web.get(token, "/members/bills/my_bills/") for token in list(tokens.values())[:100]]
            load.send(server.port, warm, connections=16)
            floors, outcomes = [], []
            for bill in bills:
                floors.append(pgbench.run(floor, seconds=size.seconds))
                requests = [web.post(tokens[member], _PATH, {"bill_id": str(bill)}) for member in members]
                outcomes.append(load.send(server.port, requests, connections=size.connections))
        rate = statistics.median(outcome.per_second for outcome in outcomes)
        safe = pgbench.median(floors).per_second
        connected = f"{size.connections} connections"
        everybody = {estate.user_id(member) for member in members}
        return [
            errors(f"{size.acknowledgments:,} acknowledgments, {connected}: errors", outcomes, 200),
            Line(f"{size.acknowledgments:,} acknowledgments, {connected}", said(outcomes)),
            at_least("acknowledged over HTTP : safe floor of a payment", rate / safe, 0.3, f"{safe:,.0f}/s"),
            *proofs(estate, "acknowledgment", _of_all(bills), size.acknowledgments, everybody),
        ]


def _of_all(bills: Sequence[UUID]) -> set[UUID]:
    """Who acknowledged every one of these bills."""
    with connections["checker"].cursor() as cursor:
        cursor.execute(
            "SELECT user_id FROM bills_acknowledgment WHERE bill_id = ANY(%s) GROUP BY 1 HAVING count(*) = %s",
            [list(bills), len(bills)],
        )
        return {row[0] for row in cursor.fetchall()}
