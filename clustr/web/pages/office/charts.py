"""Plots as plain shapes: where bars stand and lines run, for templates to draw as SVG. The numbers stand in a table beside.

Every plot is drawn in a box 1,000 wide and 100 high that is stretched to its place; texts stand outside the drawing, so that
they keep their size on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clustr.bills.dashboard import AgeBand, CurveDay
from clustr.kit.money import DECIMALS, Money

WIDTH, HEIGHT = 1_000, 100
_STEPS = (20, 30, 40, 50, 60, 80, 100, 150, 200)
"""Between one step of ten and the next, in twentieths: 1, 1.5, 2, 2.5, 3, 4, 5, 7.5 and 10."""


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar of a plot: `at` from the left, `top` from above."""

    at: int
    width: int
    top: int
    height: int
    label: str
    short: str
    amount: Money


@dataclass(frozen=True, slots=True)
class Scale:
    """The vertical axis: its grid lines from above, each with what it stands for."""

    top_minor: int
    lines: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True)
class Curve:
    """Two running sums: points of the lines, and of the area below what was collected."""

    billed: str
    collected: str
    area: str
    scale: Scale
    ticks: tuple[date, ...]
    last: CurveDay


@dataclass(frozen=True, slots=True)
class Share:
    """One row of a table with a bar in it. `width` of 1,000."""

    name: str
    amount: Money
    count: int
    width: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Count:
    """One row of a table of counts with a bar in it. `part` and `width` of 1,000: of all, and of the longest bar."""

    name: str
    count: int
    part: int
    width: int
    tone: str = ""


@dataclass(frozen=True, slots=True)
class Rate:
    """A part of a whole; `part` of 1,000, None of nothing."""

    count: int
    of: int
    part: int | None


@dataclass(frozen=True, slots=True)
class Months:
    """What came in month by month."""

    bars: tuple[Bar, ...]
    scale: Scale


def months_of(sums: dict[date, Money]) -> Months:
    """Bars of monthly sums, the last month last; a month below zero (more refunds than payments) has none."""
    highest = max((amount.minor for amount in sums.values()), default=0)
    currency = next(iter(sums.values())).currency
    scale = scale_for(highest, currency)
    slot = WIDTH // max(1, len(sums))
    bars = []
    for place, (month, amount) in enumerate(sums.items()):
        height = _part(max(0, amount.minor), scale.top_minor, HEIGHT)
        bars.append(
            Bar(
                at=place * slot + slot // 6,
                width=slot - slot // 3,
                top=HEIGHT - height,
                height=height,
                label=f"{month:%B %Y}",
                short=f"{month:%b}",
                amount=amount,
            )
        )
    return Months(tuple(bars), scale)


def curve_of(days: Sequence[CurveDay]) -> Curve:
    """The lines of what was billed and collected, day by day."""
    highest = max(max(day.billed.minor, day.collected.minor) for day in days)
    scale = scale_for(highest, days[0].billed.currency)
    billed = _line([day.billed.minor for day in days], scale.top_minor)
    collected = _line([day.collected.minor for day in days], scale.top_minor)
    third = (len(days) - 1) // 3
    ticks = tuple(days[place].day for place in (0, third, 2 * third, len(days) - 1))
    return Curve(billed, collected, f"0,{HEIGHT} {collected} {WIDTH},{HEIGHT}", scale, ticks, days[-1])


def weekly(days: Sequence[CurveDay]) -> list[CurveDay]:
    """Each seventh day, the last one among them: for the table beside the curve."""
    return list(days)[::-7][::-1]


def ages_of(bands: Sequence[AgeBand], names: Sequence[str]) -> list[Share]:
    """Arrears by age, the longer the darker."""
    highest = max((band.amount.minor for band in bands), default=0)
    return [
        Share(name, band.amount, band.bills, _part(band.amount.minor, highest, WIDTH), f"age-{place + 1}")
        for place, (band, name) in enumerate(zip(bands, names, strict=True))
    ]


def shares_of(amounts: Sequence[tuple[str, Money]]) -> list[Share]:
    """Amounts beside each other, the largest first."""
    ordered = sorted(amounts, key=lambda pair: -pair[1].minor)
    highest = max((amount.minor for _, amount in ordered), default=0)
    return [Share(name, amount, 0, _part(max(0, amount.minor), highest, WIDTH)) for name, amount in ordered]


def counts_of(rows: Sequence[tuple[str, int, str]]) -> list[Count]:
    """Counts beside each other, in the order given: name, count, tone."""
    whole = sum(count for _, count, _ in rows)
    highest = max((count for _, count, _ in rows), default=0)
    return [Count(name, count, part_of(count, whole), _part(count, highest, WIDTH), tone) for name, count, tone in rows]


def amounts_of(rows: Sequence[tuple[str, Money]], whole: Money) -> list[Share]:
    """Parts of an amount in the order given; `count` is the part of 1,000."""
    return [
        Share(name, amount, part_of(amount.minor, whole.minor), _part(max(0, amount.minor), whole.minor, WIDTH))
        for name, amount in rows
    ]


def rate_of(part: int, whole: int) -> Rate:
    """How much of a whole."""
    return Rate(part, whole, part_of(part, whole) if whole > 0 else None)


def part_of(part: int, whole: int) -> int:
    """How much of a whole, of 1,000; never all while something is missing."""
    width = _part(part, whole, WIDTH)
    return min(width, WIDTH - 1) if part < whole else width


def scale_for(highest_minor: int, currency: str) -> Scale:
    """An axis from nothing to a round number above the highest, with at most five lines; its floor alone, of nothing."""
    unit = 10 ** DECIMALS[currency]
    if highest_minor <= 0:
        return Scale(unit, ((HEIGHT, short_amount(0)),))
    quarter = max(1, -(-highest_minor // (4 * unit)))
    magnitude = 10 ** (len(str(quarter)) - 1)
    step = next(
        magnitude * size // 20 for size in _STEPS if magnitude * size % 20 == 0 and magnitude * size // 20 >= quarter
    )
    top = step * 4
    lines = tuple((HEIGHT - HEIGHT * place // 4, short_amount(step * place)) for place in (4, 3, 2, 1, 0))
    return Scale(top * unit, lines)


def short_amount(whole: int) -> str:
    """A round amount in few characters: 1500000 is 1.5m."""
    for size, sign in ((10**12, "tn"), (10**9, "bn"), (10**6, "m"), (10**3, "k")):
        if whole >= size:
            return f"{(Decimal(whole) / size).normalize():f}{sign}"
    return str(whole)


def _part(part: int, whole: int, of: int) -> int:
    """`of` in proportion; what is not nothing shows."""
    if whole <= 0 or part <= 0:
        return 0
    return min(of, max(1, part * of // whole))


def _line(minors: Sequence[int], top_minor: int) -> str:
    last = max(1, len(minors) - 1)
    points = [
        (place * WIDTH // last, HEIGHT - min(HEIGHT, max(0, minor) * HEIGHT // top_minor))
        for place, minor in enumerate(minors)
    ]
    return " ".join(f"{x},{y}" for x, y in points)
