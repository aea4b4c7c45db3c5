"""Pages for people, the office's and the residents': time of the server and statements, in estates of both sizes."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import databases, load, web
from bench.doings import RESIDENT, staff_of
from bench.estates import Estate
from bench.results import Line, at_most
from bench.sizes import Size
from bench.web import Server
from clustr.bills.models import Dispute
from clustr.clusters.models import Membership
from clustr.clusters.types import PLATFORM_CLUSTER_ID
from clustr.kit.tenancy import tenant
from clustr.payments.models import Transaction
from clustr.people.queries import find_by_email
from clustr.recurring.models import RecurringPayment
from clustr.subscriptions.models import Invoice

P95_MS = 100
"""What a page may take at the smaller size, on two cores."""
RATIO = 1.5
"""How much longer a page may take in the large estate, in the middle of its times and at their 95th percentile."""
NOISE_MS = 5
"""By so much more it may be all the same: a ratio of two short times says little."""
_TURNS = 5
_AGAIN = 4
"""How many times as often a page is opened that missed a bar: of 25 requests a moment's other work decides p95."""

OFFICE = {
    "overview": "/office/",
    "more of the office": "/office/more/",
    "bills": "/office/bills/",
    "a bill": "/office/bills/{bill}/",
    "a bill edited": "/office/bills/{bill}/edit/",
    "a bill cancelled": "/office/bills/{bill}/cancel/",
    "a new bill": "/office/bills/new/",
    "bills imported": "/office/bills/import/",
    "members": "/office/members/",
    "members found": "/office/members/?q=resident",
    "a member": "/office/members/{member}/",
    "a member's bills found": "/office/members/{member}/?q=service",
    "a payment of a member": "/office/members/{member}/payment/",
    "a membership": "/office/memberships/{membership}/",
    "an invitation": "/office/members/invite/",
    "members imported": "/office/members/import/",
    "who has not paid": "/office/arrears/",
    "disputes": "/office/disputes/?status=open",
    "a dispute": "/office/disputes/{dispute}/",
    "transactions": "/office/transactions/",
    "transactions found": "/office/transactions/?q=resident",
    "a transaction": "/office/transactions/{transaction}/",
    "recurring": "/office/recurring/",
    "a recurring payment": "/office/recurring/{order}/",
    "utilities": "/office/utilities/",
    "wallet": "/office/wallet/",
    "wallet found": "/office/wallet/?q=resident",
    "a credit": "/office/wallet/credit/",
    "a new transfer": "/office/wallet/transfer/",
    "transfers": "/office/wallet/transfers/",
    "a transfer": "/office/wallet/transfers/{transfer}/",
    "reconciliation": "/office/reconciliation/",
    "trail": "/office/audit/",
    "settings": "/office/settings/",
    "bank account": "/office/settings/bank/",
    "roles": "/office/settings/roles/",
    "webhooks": "/office/settings/webhooks/",
}
RESIDENT_PAGES = {
    "home": "/app/",
    "my bills": "/app/bills/",
    "my bill": "/app/bills/{bill}/",
    "my wallet": "/app/wallet/",
    "money in": "/app/wallet/fund/",
    "money out": "/app/wallet/withdraw/",
    "my utilities": "/app/utilities/",
    "a utility bought": "/app/utilities/buy/",
    "my automations": "/app/utilities/automations/",
    "my limits": "/app/utilities/limits/",
    "my recurring": "/app/recurring/",
    "my recurring payment": "/app/recurring/{order}/",
    "a new recurring payment": "/app/recurring/new/",
    "my payments": "/app/transactions/",
    "my payment": "/app/transactions/{transaction}/",
    "notices": "/app/notices/",
    "preferences": "/app/notices/preferences/",
    "you": "/app/you/",
}
CUSTOMER = {
    "my plan": "/platform/",
    "plans": "/platform/plans/",
    "a change of plan": "/platform/plans/pro/?interval=month",
    "my invoices": "/platform/invoices/",
    "my invoices found": "/platform/invoices/?q=inv",
    "my plan's payments": "/platform/payments/",
    "my usage": "/platform/usage/",
    "my cards": "/platform/cards/",
    "my address": "/platform/address/",
    "my plan cancelled": "/platform/cancel/",
    "an offer to stay": "/platform/cancel/?reason=too_expensive",
}
STAFF = {
    "customers": "/platform/customers/",
    "customers found": "/platform/customers/?q=estate",
    "a customer": "/platform/customers/{customer}/",
    "a customer verified": "/platform/customers/{customer}/verify/",
    "a price agreed": "/platform/customers/{customer}/price/",
    "units sold": "/platform/customers/{customer}/pack/",
    "a customer's payment": "/platform/customers/documents/{invoice}/payment/",
    "an invoice corrected": "/platform/customers/documents/{invoice}/correct/",
    "coupons": "/platform/coupons/",
    "a new coupon": "/platform/coupons/new/",
    "revenue": "/platform/revenue/",
    "trends": "/platform/trends/",
    "at risk": "/platform/at-risk/",
    "at risk found": "/platform/at-risk/?q=estate",
    "overdue invoices": "/platform/dunning/",
    "overdue invoices found": "/platform/dunning/?q=estate",
    "platform's cases": "/platform/cases/",
}


Pages = Mapping[str, tuple[str, str]]
"""By name: whose session, and where."""


@dataclass(frozen=True, slots=True)
class Visited:
    """An estate from outside: where it is served, the sessions of who looks at it, and what is there."""

    estate: Estate
    database: str
    server: Server
    sessions: Mapping[str, str]
    names: Mapping[str, str]

    def requests(self, step: int) -> Pages:
        """The session and address of each page, or of every so-manieth."""
        every = [(name, who, path) for who, pages in _PAGES.items() for name, path in pages.items()]
        return {name: (self.sessions[who], path.format(**self.names)) for name, who, path in every[::step]}


_PAGES: Mapping[str, Mapping[str, str]] = {
    "admin": OFFICE,
    "resident": RESIDENT_PAGES,
    "customer": CUSTOMER,
    "staff": STAFF,
}
"""Who looks at which pages. The customer is the administrator, who has a plan of their own."""


def visited(estate: Estate, database: str, server: Server, bill: UUID) -> Visited:
    """An estate with a session for its administrator, for one resident, and for one of the platform's staff."""
    databases.use(database)
    admin, resident, staff = estate.user_id(0), estate.user_id(RESIDENT), find_by_email(email=staff_of(estate))
    if staff is None:
        raise RuntimeError("nobody looks after the customers")
    keys = web.sessions_of([admin, resident, staff])
    sessions = {"admin": keys[admin], "customer": keys[admin], "resident": keys[resident], "staff": keys[staff]}
    names = {"bill": str(bill), "member": str(resident), "customer": str(resident), **_names(estate, resident)}
    return Visited(estate, database, server, sessions, names)


def _names(estate: Estate, resident: UUID) -> dict[str, str]:
    """The ids of what pages are about, one of each."""
    here = {"cluster_id": estate.cluster_id}
    with tenant(estate.cluster_id):
        found: dict[str, UUID] = {
            "membership": Membership.objects.get(**here, user_id=resident).id,
            "dispute": Dispute.objects.filter(**here).latest("id").id,
            "order": RecurringPayment.objects.get(**here, user_id=resident).id,
            "transaction": Transaction.objects.filter(**here, user_id=resident).latest("id").id,
            "transfer": Transaction.objects.filter(**here, type="transfer").latest("id").id,
        }
    with tenant(PLATFORM_CLUSTER_ID):
        mine = Invoice.objects.filter(cluster_id=PLATFORM_CLUSTER_ID, user_id=resident, status="open")
        found["invoice"] = mine.latest("id").id
    return {name: str(id) for name, id in found.items()}


def lines(small: Visited, large: Visited, size: Size) -> list[Line]:
    """For every page: p95 in the small estate and in the large one, how they compare, and that both take as many statements."""
    pages = [each.requests(size.screen_step) for each in (small, large)]
    times = _times((small, large), pages, size.screen_requests)
    missed = [page for page in pages[0] if not all(line.met for line in _timed(page, (small, large), times, ""))]
    if missed:
        chosen = [{page: asked[page] for page in missed} for asked in pages]
        longer = _times((small, large), chosen, size.screen_requests * _AGAIN)
        times = [each | again for each, again in zip(times, longer, strict=True)]
    counts = [_statements(each, asked) for each, asked in zip((small, large), pages, strict=True)]
    found = []
    for page in pages[0]:
        said = f"{counts[0][page]} statements"
        said += f", {counts[1][page]} in the large one" if differ(counts, page) else ""
        said += f"; {len(times[0][page])} requests" if page in missed else ""
        found += [
            *_timed(page, (small, large), times, said),
            Line(f"page {page}, statements at both sizes", str(counts[0][page]), "the same", not differ(counts, page)),
        ]
    return found


def _timed(page: str, seen: Sequence[Visited], times: Sequence[Mapping[str, list[float]]], said: str) -> list[Line]:
    """p95 in the small estate; and how much longer the page takes in the large one: half of its requests, which few others
    disturb, and 95 of 100."""
    middle = [statistics.median(each[page]) for each in times]
    high = [sorted(each[page])[int(0.95 * len(each[page]))] for each in times]
    ratio = " and ".join(
        f"{name} {large:.1f} : {small:.1f} ms ({large / small:.2f})"
        for name, (small, large) in (("p50", middle), ("p95", high))
    )
    met = all(large <= max(small * RATIO, small + NOISE_MS) for small, large in (middle, high))
    members = [each.estate.members for each in seen]
    return [
        at_most(f"page {page}, {members[0]:,} members, p95", high[0], P95_MS, " ms", said),
        Line(f"page {page}, {members[1]:,} : {members[0]:,} members", ratio, f"<= {RATIO}, or {NOISE_MS} ms more", met),
    ]


def differ(counts: Sequence[Mapping[str, int]], page: str) -> bool:
    """Whether a page sends more statements in one estate than in another."""
    return len({each[page] for each in counts}) > 1


def _times(seen: Sequence[Visited], pages: Sequence[Pages], requests: int) -> list[dict[str, list[float]]]:
    """Latencies in milliseconds, one request at a time; the estates in turn. The first turn, of
    one request, fills caches."""
    times: list[dict[str, list[float]]] = [{} for _ in seen]
    turns = min(_TURNS, requests)
    for turn in range(turns + 1):
        for number, each in enumerate(seen):
            for page, (session, path) in pages[number].items():
                outcome = load.one_by_one(
                    each.server.port, [web.page(session, path)] * (requests // turns if turn else 1)
                )
                if outcome.failures(200):
                    raise RuntimeError(f"{path}: {outcome.statuses} {outcome.first_failure(200)}")
                if turn:
                    times[number].setdefault(page, []).extend(latency * 1000 for latency in outcome.latencies)
    return times


def _statements(each: Visited, pages: Pages) -> dict[str, int]:
    """How many statements each page sends, counted in this process."""
    databases.use(each.database)
    counts = {}
    for page, (session, path) in pages.items():
        client = Client(headers={"host": "localhost"})
        client.cookies[settings.SESSION_COOKIE_NAME] = session
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(path)
        if answer.status_code != 200:
            raise RuntimeError(f"{path}: {answer.status_code} {answer.content[:200]!r}")
        counts[page] = len(captured)
    return counts
