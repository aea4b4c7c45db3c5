"""Pages for people, the office's and the residents': time of the server and statements, in estates of both sizes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import databases, load, web
from bench.estates import Estate
from bench.results import Line, at_most
from bench.web import Server

P95_MS = 100
"""What a page may take at the smaller size, on two cores."""
RATIO = 1.5
_RESIDENT = 20
"""The same of every estate: what they did about bills goes by their number, and a page says more of who did more."""
_TURNS = 5

OFFICE = {
    "overview": "/office/",
    "bills": "/office/bills/",
    "a bill": "/office/bills/{bill}/",
    "a new bill": "/office/bills/new/",
    "members": "/office/members/",
    "members found": "/office/members/?q=resident",
    "a member": "/office/members/{member}/",
    "who has not paid": "/office/arrears/",
    "disputes": "/office/disputes/",
    "transactions": "/office/transactions/",
    "transactions found": "/office/transactions/?q=resident",
    "recurring": "/office/recurring/",
    "utilities": "/office/utilities/",
    "wallet": "/office/wallet/",
    "wallet found": "/office/wallet/?q=resident",
    "a member's bills found": "/office/members/{member}/?q=service",
    "reconciliation": "/office/reconciliation/",
    "trail": "/office/audit/",
    "settings": "/office/settings/",
    "roles": "/office/settings/roles/",
    "webhooks": "/office/settings/webhooks/",
}
RESIDENT = {
    "home": "/app/",
    "my bills": "/app/bills/",
    "my bill": "/app/bills/{bill}/",
    "my wallet": "/app/wallet/",
    "my utilities": "/app/utilities/",
    "my recurring": "/app/recurring/",
    "my payments": "/app/transactions/",
    "notices": "/app/notices/",
    "you": "/app/you/",
}


@dataclass(frozen=True, slots=True)
class Visited:
    """An estate from outside: where it is served, the sessions of its administrator and of a resident, and what is there."""

    estate: Estate
    database: str
    server: Server
    admin: str
    resident: str
    names: Mapping[str, str]

    def requests(self) -> dict[str, tuple[str, str]]:
        """Each page's session and address."""
        office = {name: (self.admin, path.format(**self.names)) for name, path in OFFICE.items()}
        return office | {name: (self.resident, path.format(**self.names)) for name, path in RESIDENT.items()}


def visited(estate: Estate, database: str, server: Server, bill: UUID) -> Visited:
    """An estate with a session for its administrator and for one resident."""
    databases.use(database)
    admin, resident = estate.user_id(0), estate.user_id(_RESIDENT)
    keys = web.sessions_of([admin, resident])
    names = {"bill": str(bill), "member": str(resident)}
    return Visited(estate, database, server, keys[admin], keys[resident], names)


def lines(small: Visited, large: Visited, requests: int) -> list[Line]:
    """For every page: p95 in the small estate, the large one's beside it, and that both take as many statements."""
    times = _times((small, large), requests)
    counts = [_statements(each) for each in (small, large)]
    found = []
    for page in small.requests():
        p95 = [sorted(each[page])[int(0.95 * len(each[page]))] for each in times]
        said = f"{counts[0][page]} statements" + (
            f", {counts[1][page]} in the large one" if differ(counts, page) else ""
        )
        for each, high, bar in ((small, p95[0], P95_MS), (large, p95[1], P95_MS * RATIO)):
            found.append(at_most(f"page {page}, {each.estate.members:,} members, p95", high, bar, " ms", said))
        found.append(
            Line(f"page {page}, statements at both sizes", str(counts[0][page]), "the same", not differ(counts, page))
        )
    return found


def differ(counts: Sequence[Mapping[str, int]], page: str) -> bool:
    """Whether a page sends more statements in one estate than in another."""
    return len({each[page] for each in counts}) > 1


def _times(seen: Sequence[Visited], requests: int) -> list[dict[str, list[float]]]:
    """Latencies in milliseconds, one request at a time; the estates in turn. The first turn fills caches."""
    times: list[dict[str, list[float]]] = [{} for _ in seen]
    turns = min(_TURNS, requests)
    for turn in range(turns + 1):
        for number, each in enumerate(seen):
            for page, (session, path) in each.requests().items():
                outcome = load.one_by_one(each.server.port, [web.page(session, path)] * (requests // turns))
                if outcome.failures(200):
                    raise RuntimeError(f"{path}: {outcome.statuses} {outcome.first_failure(200)}")
                if turn:
                    times[number].setdefault(page, []).extend(latency * 1000 for latency in outcome.latencies)
    return times


def _statements(each: Visited) -> dict[str, int]:
    """How many statements each page sends, counted in this process."""
    databases.use(each.database)
    counts = {}
    for page, (session, path) in each.requests().items():
        client = Client(headers={"host": "localhost"})
        client.cookies[settings.SESSION_COOKIE_NAME] = session
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:200]!r}")
        counts[page] = len(captured)
    return counts
