"""How much is measured: the default, and a size at which every section runs in seconds, to see that it works."""

from __future__ import annotations

import os
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Size:
    """Numbers of things and seconds; every loop of every section is bounded by one of these."""

    name: str
    estates: tuple[int, int, int]
    """Members of the small, the medium and the large estate."""
    history: int
    """Bills in the history of an estate."""
    bills: int
    """Estate-wide bills created per estate."""
    row_per_member: int
    """Up to how many members the one-row-per-member way is taken through Python."""
    customers: int
    """Customers of the platform, evenly of the estates with a history."""
    page_requests: int
    """Requests of each page of the API; `screen_requests`: of each page for people."""
    screen_requests: int
    screen_step: int
    """Of the pages for people every so-manieth is opened."""
    wallets: int
    """Funded wallets of the estate that pays."""
    rounds: int
    """How often the variants of a comparison are taken in turn."""
    seconds: float
    """How long each variant runs in each round."""
    clients: tuple[int, int]
    batch: int
    at_once: int
    """Residents who pay in the same instant."""
    acknowledgments: int
    connections: int
    steady_seconds: float
    steady_connections: int
    notice_seconds: float
    notices_per_second: int
    hanging_seconds: float
    """How long wallet payments are made in each turn, with all providers answering and with one that hangs."""
    hang_seconds: int
    """How long a server waits for a provider that hangs."""
    paced_per_second: int
    roster: int
    """Rows of the roster that is imported."""
    transfers: int
    orders: int
    """Standing orders that are due."""
    one_by_one: int
    """How many of them are run one at a time."""
    usage_events: int
    """Uses of plans that are counted."""
    beside: bool
    """Whether to measure another ledger too, which has to be installed first."""


DEFAULT = Size(
    name="default",
    estates=(5_000, 100_000, 1_000_000),
    history=20,
    bills=200,
    row_per_member=100_000,
    customers=300,
    page_requests=100,
    screen_requests=25,
    screen_step=1,
    wallets=10_000,
    rounds=3,
    seconds=4,
    clients=(16, 64),
    batch=1_000,
    at_once=1_000,
    acknowledgments=5_000,
    connections=128,
    steady_seconds=8,
    steady_connections=32,
    notice_seconds=20,
    notices_per_second=200,
    hanging_seconds=12,
    hang_seconds=35,
    paced_per_second=60,
    roster=5_000,
    transfers=1_000_000,
    orders=100_000,
    one_by_one=2_000,
    usage_events=1_000_000,
    beside=True,
)

TINY = Size(
    name="tiny",
    estates=(75, 100, 200),
    history=3,
    bills=3,
    row_per_member=100,
    customers=75,
    page_requests=3,
    screen_requests=1,
    screen_step=1 if os.environ.get("EVERY") else 10,
    wallets=60,
    rounds=1,
    seconds=0.3,
    clients=(2, 4),
    batch=10,
    at_once=20,
    acknowledgments=40,
    connections=8,
    steady_seconds=0.5,
    steady_connections=4,
    notice_seconds=1,
    notices_per_second=20,
    hanging_seconds=1,
    hang_seconds=5,
    paced_per_second=10,
    roster=20,
    transfers=400,
    orders=200,
    one_by_one=20,
    usage_events=400,
    beside=False,
)
