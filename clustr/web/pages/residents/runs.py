"""Looking up what ran by itself: by its day, by where it stands, by why it did not, or by a reference."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from django.utils.dates import MONTHS
from django.utils.translation import gettext as _

from clustr.kit.ids import id_of_reference
from clustr.recurring.types import RunsSought
from clustr.web.pages.lists import called
from clustr.web.pages.words import STATUS, WHY

_YEAR_LENGTH = 4
_SHORT = "insufficient_funds"


def _short() -> str:
    missing = _("%(less)s was missing in the wallet") % {"less": ""}
    return f"{missing}\n{WHY[_SHORT]}"


def runs_called(q: str, *, states: Iterable[str], failures: Iterable[str]) -> RunsSought:
    """The runs in whose day, state or reason, as a page says them, `q` stands; or that made a transaction of this reference."""
    day, months, year = _due(q.split())
    return RunsSought(
        states=called(q, {str(state): STATUS[state][0] for state in states}),
        failures=called(q, {str(failure): WHY[failure] for failure in failures if failure} | {_SHORT: _short()}),
        day=day,
        months=months,
        year=year,
        transaction_id=id_of_reference(q),
    )


def _due(words: list[str]) -> tuple[int | None, frozenset[int], int | None]:
    """The day, the months and the year that were typed, as rows say them: "1 March 2026", or some of that, in this order. None of
    them, where anything else stands there too."""
    day = int(words.pop(0)) if words and _is_number(words[0], (1, 2)) else None
    year = int(words.pop()) if words and _is_number(words[-1], (_YEAR_LENGTH,)) else None
    months: frozenset[int] = called(" ".join(words), MONTHS) if words else frozenset()
    if words and not months:
        return None, frozenset(), None
    return day, months, year


def _is_number(word: str, lengths: Collection[int]) -> bool:
    return word.isascii() and word.isdecimal() and len(word) in lengths
