"""The ledger beside the least SQL a payment can be, a whole safe payment beside both, and django-hordak beside us."""

from __future__ import annotations

from collections.abc import Sequence

from bench import beside, databases, pgbench, processes, town
from bench.floors import bare_floor, ledger_post, make_bare_tables, safe_floor
from bench.pgbench import Run
from bench.results import Line, at_least
from bench.sizes import Size

_PROCESSES, _THREADS = 2, 8


def measure(size: Size) -> Sequence[Line]:
    """All variants in turn, several rounds, medians; with `fsync` on, as in production."""
    database, estate = town.payers(size)
    few, many = size.clients
    with databases.scratch(database) as name:
        make_bare_tables(estate)
        scripts = [
            bare_floor(estate, few),
            ledger_post(estate, few),
            safe_floor(estate, few),
            bare_floor(estate, many),
            ledger_post(estate, many),
            ledger_post(estate, 2, batch=size.batch),
        ]
        for script in scripts:
            pgbench.run(script, seconds=min(1, size.seconds))  # prepares caches and tables for all alike
        rates = pgbench.in_turns(scripts, rounds=size.rounds, seconds=size.seconds)
        ours = processes.posts_per_second(name, estate, _PROCESSES, _THREADS, size.seconds)
        lines = _lines(rates, size)
        lines.append(Line(f"ledger.post through Python, {_PROCESSES} processes x {_THREADS} threads", f"{ours:,.0f}/s"))
    return [*lines, *(beside.measure(size, few, _PROCESSES, _THREADS) if size.beside else [])]


def _lines(rates: dict[str, Run], size: Size) -> list[Line]:
    few, many = size.clients
    bare = {clients: rates[f"bare {clients}"] for clients in size.clients}
    posts = {clients: rates[f"ledger {clients}"] for clients in size.clients}
    safe, batches = rates[f"safe {few}"], rates[f"batches of {size.batch} 2"]
    return [
        *(Line(f"bare floor, {clients} clients", _said(bare[clients])) for clients in size.clients),
        *(
            Line(f"ledger single posts, one hot account, {clients} clients", _said(posts[clients]))
            for clients in (few, many)
        ),
        *(
            at_least(f"ledger single posts : bare floor, {clients} clients", _ratio(posts[clients], bare[clients]), 0.6)
            for clients in (few, many)
        ),
        Line(f"ledger batches of {size.batch:,}", f"{batches.per_second:,.0f} transfers/s"),
        at_least("ledger batches : single posts", _ratio(batches, posts[few]), 5),
        Line(f"safe floor, {few} clients", f"{_said(safe)}, one statement"),
        at_least("safe floor : bare floor", _ratio(safe, bare[few]), 0.35),
    ]


def _said(run: Run) -> str:
    return f"{run.per_second:,.0f}/s, {run.latency_ms:.2f} ms"


def _ratio(one: Run, other: Run) -> float:
    return one.per_second / other.per_second
