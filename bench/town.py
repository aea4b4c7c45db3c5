"""The databases that sections share: estates of three sizes beside each other, a small estate alone, one that pays."""

from __future__ import annotations

from collections.abc import Sequence

from bench import databases
from bench.doings import make_customers, make_doings
from bench.estates import Estate, fund, make_estates
from bench.history import make_history, told_already
from bench.sizes import Size
from clustr.kit import clock

SMALL, MEDIUM, LARGE = 1, 2, 3
PAYERS = 4
_HAMLETS = 20
FUNDED = 1_000_000_000


def estates(size: Size) -> tuple[Estate, Estate, Estate]:
    """The small, the medium and the large estate."""
    small, medium, large = size.estates
    return Estate(SMALL, small), Estate(MEDIUM, medium), Estate(LARGE, large)


def town(size: Size) -> str:
    """One database with all three, and hamlets; each of the three with a history of bills."""
    hamlets = [Estate(10 + number, 20) for number in range(_HAMLETS)]
    return databases.seeded(f"town_{size.name}", lambda: _fill([*estates(size), *hamlets], estates(size), size))


def alone(size: Size) -> str:
    """The small estate in a database of its own, so that nothing there is large; the platform has as many customers as in
    the town, whose revenue its pages add up."""
    small = estates(size)[0]
    return databases.seeded(f"alone_{size.name}", lambda: _fill([small], [small], size))


def payers(size: Size) -> tuple[str, Estate]:
    """A database with an estate in which everybody has a funded wallet."""
    estate = Estate(PAYERS, size.wallets)

    def fill() -> None:
        now = clock.now()
        make_estates([estate], now)
        fund(estate, wallets=size.wallets, minor=FUNDED, now=now)

    return databases.seeded(f"payers_{size.name}", fill), estate


def books(size: Size) -> tuple[str, Estate]:
    """A database whose books hold `size.transfers` transfers: for each member what their wallet opened with, and a
    deposit and a payment for each of ten bills."""
    bills = 10
    estate = Estate(5, size.transfers // (2 * bills + 1))

    def fill() -> None:
        now = clock.now()
        make_estates([estate], now)
        fund(estate, wallets=estate.members, minor=FUNDED, now=now)
        make_history(estate, bills=bills, paid=bills, payers=estate.members, every=1, now=now, funded=True)

    return databases.seeded(f"books_{size.name}", fill), estate


def orders(size: Size) -> tuple[str, Estate]:
    """A database with an estate of as many funded wallets as standing orders will be due."""
    estate = Estate(6, size.orders)

    def fill() -> None:
        now = clock.now()
        make_estates([estate], now)
        fund(estate, wallets=estate.members, minor=FUNDED, now=now)

    return databases.seeded(f"orders_{size.name}", fill), estate


def _fill(all_estates: Sequence[Estate], with_history: Sequence[Estate], size: Size) -> None:
    now = clock.now()
    make_estates(list(all_estates), now)
    with told_already(with_history):  # or a worker would be writing mail to a million people while pages are measured
        for estate in with_history:
            make_history(estate, bills=size.history, paid=5, payers=max(25, estate.members // 100), every=20, now=now)
            make_doings(estate, now=now)
            make_customers(estate, many=size.customers // len(with_history), now=now)
