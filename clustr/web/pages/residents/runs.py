"""Looking up what ran by itself: by its day, by where it stands, by why it did not, or by a reference."""

from __future__ import annotations

from collections.abc import Iterable

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
    is_year = q.isascii() and q.isdecimal() and len(q) == _YEAR_LENGTH
    return RunsSought(
        states=called(q, {str(state): STATUS[state][0] for state in states}),
        failures=called(q, {str(failure): WHY[failure] for failure in failures if failure} | {_SHORT: _short()}),
        months=called(q, MONTHS),
        year=int(q) or None if is_year else None,
        transaction_id=id_of_reference(q),
    )
