"""Pages cost the same in an estate of 1,000,000 as in one of 5,000: statements, latency, and a worker's memory."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import databases, load, town, web
from bench.estates import Estate
from bench.machine import forget_peak, memory_mib
from bench.results import Line, at_most
from bench.sections import screens
from bench.sizes import Size
from bench.web import Server
from clustr.bills.models import Bill
from clustr.kit import clock
from clustr.kit.tenancy import tenant

_LIMITS_MS = {"my_bills": 500, "users": 2_000, "bill members": 2_000, "dashboard": 2_000}
_PARTS = 5


@dataclass(frozen=True, slots=True)
class _Seen:
    """An estate from outside: where it is served, and the tokens of its administrator and of a resident."""

    estate: Estate
    where: str
    database: str
    server: Server
    admin: str
    resident: str

    def pages(self) -> Mapping[str, bytes]:
        """Each page's request. The bill is the last one, which half of the members acknowledged."""
        bill = _last_bill(self.estate, self.database)
        return {
            "my_bills": web.get(self.resident, "/members/bills/my_bills/"),
            "users": web.get(self.admin, "/management/payments/users/"),
            "bill members": web.get(self.admin, f"/management/payments/bills/{bill}/members/"),
            "dashboard": web.get(self.admin, "/management/payments/dashboard/"),
        }


def measure(size: Size) -> Sequence[Line]:
    """The small estate alone, the small one beside the large one, and the large one, page by page in turn."""
    small, _, large = town.estates(size)
    beside, alone = town.town(size), town.alone(size)
    with databases.scratch(beside) as copy, ExitStack() as servers:
        served = {name: servers.enter_context(web.serving(name, workers=1)) for name in (alone, copy)}
        seen = [
            _seen(small, "alone", alone, served[alone]),
            _seen(small, "beside it", copy, served[copy]),
            _seen(large, "", copy, served[copy]),
        ]
        times = _times(seen, size)
        counts = [_statements(each) for each in seen]
        lines = [line for page, limit in _LIMITS_MS.items() for line in _lines(page, limit, seen, times, counts)]
        people = [
            screens.visited(each.estate, each.database, each.server, _last_bill(each.estate, each.database))
            for each in seen
        ]
        lines += screens.lines(people[0], people[2], size)
        return [*lines, *_memory(seen[1], seen[2], size)]


def _seen(estate: Estate, where: str, database: str, server: Server) -> _Seen:
    databases.use(database)
    tokens = web.tokens_for(estate, [0, estate.members // 2])
    return _Seen(estate, where, database, server, tokens[0], tokens[estate.members // 2])


def _times(seen: Sequence[_Seen], size: Size) -> list[dict[str, list[float]]]:
    """Latencies over HTTP, one request at a time, in milliseconds: every page of every estate in each of five turns."""
    pages = [each.pages() for each in seen]
    times: list[dict[str, list[float]]] = [{page: [] for page in _LIMITS_MS} for _ in seen]
    for turn in range(_PARTS + 1):
        for page in _LIMITS_MS:
            for number, each in enumerate(seen):
                requests = [pages[number][page]] * max(1, size.page_requests // _PARTS)
                outcome = load.one_by_one(each.server.port, requests)
                if outcome.failures(200):
                    raise RuntimeError(f"{page}: {outcome.statuses} {outcome.first_failure(200)}")
                if turn:  # the first turn fills caches
                    times[number][page] += [latency * 1000 for latency in outcome.latencies]
    return times


def _statements(each: _Seen) -> dict[str, int]:
    """How many statements each page sends, counted in this process."""
    databases.use(each.database)
    counts = {}
    for page, request in each.pages().items():
        line, *headers = request.decode().split("\r\n")
        sent = dict(header.split(": ", 1) for header in headers if ": " in header)
        with CaptureQueriesContext(connection) as captured:
            answer = Client(headers=sent | {"host": "localhost"}).get(line.split(" ")[1])
        if answer.status_code != 200:
            raise RuntimeError(f"{page}: {answer.status_code} {answer.content[:200]!r}")
        counts[page] = len(captured)
    return counts


def _lines(
    page: str,
    limit: int,
    seen: Sequence[_Seen],
    times: Sequence[dict[str, list[float]]],
    counts: Sequence[dict[str, int]],
) -> list[Line]:
    middle = [statistics.median(each[page]) for each in times]
    high = [sorted(each[page])[int(0.99 * len(each[page]))] for each in times]
    numbers = {each[page] for each in counts}
    small, large = seen[0].estate.members, seen[2].estate.members
    said = (
        f"{middle[2]:.1f} : {middle[0]:.1f} ms; the small one beside the large one {middle[1]:.1f} ms;"
        f" {'/'.join(map(str, sorted(numbers)))} statements"
    )
    return [
        at_most(f"{page}, {large:,} : {small:,} members", middle[2] / middle[0], 1.5, "", said),
        at_most(f"{page}, {large:,} members, p99", high[2], limit, " ms"),
        Line(f"{page}, statements at every size", "/".join(map(str, sorted(numbers))), "the same", len(numbers) == 1),
    ]


def _memory(small: _Seen, large: _Seen, size: Size) -> list[Line]:
    """Peak memory of a web worker, and of the process that works off jobs, while bills are created, a roster is imported
    (which leaves mail to be sent) and lists are read."""
    (worker,) = large.server.workers()
    watched = {"a web worker": worker.pid, "the job worker": large.server.jobs().pid}
    peaks: dict[str, list[float]] = {name: [] for name in watched}
    for turn, each in enumerate((small, small, large)):  # once to warm up
        for pid in watched.values():
            forget_peak(pid)
        _act(each, size, turn)
        for name, pid in watched.items():
            peaks[name].append(memory_mib(pid, peak=True))
    members = f"{large.estate.members:,} : {small.estate.members:,} members"
    return [
        at_most(f"peak memory of {name}, {members}", seen[2] / seen[1], 1.1, "", f"{seen[2]:.0f} : {seen[1]:.0f} MiB")
        for name, seen in peaks.items()
    ]


def _act(each: _Seen, size: Size, turn: int) -> None:
    due = (clock.now() + timedelta(days=20)).isoformat()
    bill = {"title": "Levy", "amount": "10.00", "type": "water", "due_date": due}
    roster = "email,name,unit\n" + "".join(
        f"new{turn}.{row}@example.test,New Resident {row},Block {row % 50}\n" for row in range(size.roster)
    )
    creations = [web.post(each.admin, "/management/payments/create_bill/", bill) for _ in range(20)]
    imports = [web.post(each.admin, "/management/payments/members/import/", roster.encode())]
    for requests in (creations, imports, list(each.pages().values()) * 5):
        outcome = load.one_by_one(each.server.port, requests, keep=True)
        if any(status not in (200, 201) for status in outcome.statuses):
            raise RuntimeError(f"{outcome.statuses}: {outcome.bodies[-1][:300]!r}")


def _last_bill(estate: Estate, database: str) -> UUID:
    databases.use(database)
    with tenant(estate.cluster_id):
        found = Bill.objects.filter(cluster_id=estate.cluster_id, title="Service charge 0").latest("id")
        return found.id
