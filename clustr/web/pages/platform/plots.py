"""Plots of how the sale of plans goes, as plain shapes for templates; the numbers stand in a table beside."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from clustr.kit.money import Money
from clustr.subscriptions.behaviour_queries import Adoption, UsageMonth
from clustr.subscriptions.figures import CohortMonth, MonthOfRevenue
from clustr.web.pages.office.charts import HEIGHT, WIDTH, Scale, scale_for
from clustr.web.pages.platform import words
from clustr.web.pages.platform.metering import units

GAINS, LOSSES = ("new", "reactivation", "expansion"), ("contraction", "churn")
_MIDDLE = HEIGHT // 2
_SHADES = 5


@dataclass(frozen=True, slots=True)
class Piece:
    """One movement of a month: gains stand on the middle line, losses hang below it."""

    kind: str
    at: int
    width: int
    top: int
    height: int


@dataclass(frozen=True, slots=True)
class Movements:
    """How revenue moved month by month. `lines`: the grid from above, each with what it stands for."""

    pieces: tuple[Piece, ...]
    lines: tuple[tuple[int, str], ...]
    ticks: tuple[str, ...]


def movements_of(months: Sequence[MonthOfRevenue]) -> Movements:
    """Stacks of what came and what went, on one scale for both."""
    sums = [sum(getattr(month, kind) for kind in kinds) for month in months for kinds in (GAINS, LOSSES)]
    scale = scale_for(max(sums, default=0), months[0].currency)
    slot = WIDTH // len(months)
    pieces: list[Piece] = []
    for place, month in enumerate(months):
        at, width = place * slot + slot // 6, slot - slot // 3
        upper = lower = _MIDDLE
        for kind in GAINS:
            height = _tall(getattr(month, kind), scale.top_minor)
            upper -= height
            pieces.append(Piece(kind, at, width, upper, height))
        for kind in LOSSES:
            height = _tall(getattr(month, kind), scale.top_minor)
            pieces.append(Piece(kind, at, width, lower, height))
            lower += height
    return Movements(
        tuple(piece for piece in pieces if piece.height), _grid(scale), tuple(f"{month.month:%b}" for month in months)
    )


def _grid(scale: Scale) -> tuple[tuple[int, str], ...]:
    """The lines above and below the middle one; that alone where nothing moved."""
    if len(scale.lines) == 1:
        return ((_MIDDLE, scale.lines[0][1]),)
    top, half = scale.lines[0][1], scale.lines[2][1]
    return (0, f"+{top}"), (25, f"+{half}"), (_MIDDLE, "0"), (75, f"\u2212{half}"), (HEIGHT, f"\u2212{top}")


def _tall(minor: int, top_minor: int) -> int:
    return max(1, minor * _MIDDLE // top_minor) if minor > 0 else 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """The customers who began in a month, and the share of them that still paid at the end of it and of each month since.
    A cell is the share, its shade from 0 to 5, and how many that is; None where the month has not come."""

    month: date
    began: int
    cells: tuple[tuple[str, int, int] | None, ...]
    mrr: Money


def cohorts_of(found: Sequence[CohortMonth]) -> list[Cohort]:
    """Of one currency, the oldest first; as many cells in each as the oldest has."""
    longest = max((one.age for one in found), default=-1) + 1
    cohorts = []
    for month in sorted({one.cohort for one in found}):
        ages = {one.age: one for one in found if one.cohort == month}
        newest = ages[max(ages)]
        cells = tuple(_cell(ages[age]) if age in ages else None for age in range(longest))
        cohorts.append(Cohort(month, newest.began, cells, Money(newest.mrr, newest.currency)))
    return cohorts


def _cell(one: CohortMonth) -> tuple[str, int, int]:
    share = one.retention or Decimal(0)
    return percent_of(share), min(_SHADES, int(share * _SHADES)), one.customers


def percent_of(share: Decimal | None) -> str:
    """A share as people read it: "5.2%"; a dash where there is nothing to be a share of."""
    if share is None:
        return "\u2013"
    text = f"{share * 100:.1f}".removesuffix(".0")
    return f"{text.replace('-', chr(0x2212))}%"


@dataclass(frozen=True, slots=True)
class Trend:
    """What was counted of a feature, month by month: `rows` of month, units, by how many, and a width of 1,000."""

    name: words.Word
    rows: tuple[tuple[date, str, int, int], ...]


def trends_of(found: Sequence[UsageMonth]) -> list[Trend]:
    """One for each feature that was used."""
    trends = []
    for feature in sorted({one.feature for one in found if one.used}):
        mine = [one for one in found if one.feature == feature]
        highest = max(one.used for one in mine)
        rows = tuple((one.month, units(one.used), one.subscriptions, _wide(one.used, highest)) for one in mine)
        trends.append(Trend(words.feature(feature), rows))
    return trends


def adoption_of(found: Sequence[Adoption]) -> list[tuple[str, words.Word, Adoption, str, int]]:
    """For a table: the plan, the feature, the counts, their share, and a width of 1,000."""
    return [
        (one.plan, words.feature(one.feature), one, percent_of(one.share), _wide(one.share or Decimal(0), Decimal(1)))
        for one in found
    ]


def _wide(part: Decimal, whole: Decimal) -> int:
    return max(1, int(part * WIDTH / whole)) if part > 0 and whole > 0 else 0
