"""What a row of the matrix says about a route, and the request it makes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.web.matrix.town import Place


@dataclass(frozen=True)
class Ask:
    """What is sent beside method and address. `body` may be bytes (CSV)."""

    path: Mapping[str, str] = field(default_factory=dict)
    body: Any = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)

    def id_at(self, where: str) -> str:
        """The id that stands at `path.bill_id`, `query.user_id`, `body.bills.0.user_id`."""
        part, *steps = where.split(".")
        value: Any = getattr(self, part)
        for step in steps:
            value = value[int(step) if step.isdigit() else step]
        return str(value)

    def with_id(self, where: str, id: str) -> Ask:
        """The same request with another id at this place."""
        part, *steps = where.split(".")
        return replace(self, **{part: _with(getattr(self, part), steps, id)})


@dataclass(frozen=True)
class Hears:
    """What is said to an id that is not there or a stranger's. `empty`: 200 and no results."""

    status: int
    code: str = ""

    @property
    def empty(self) -> bool:
        return self.status == 200


@dataclass(frozen=True)
class Row:
    """One route. See `rows.py` for what to write."""

    route: str
    good: Callable[[Place], Ask]
    needs: frozenset[str] = frozenset()
    ids: Mapping[str, Hears] = field(default_factory=dict)
    answer: int = 200
    own: str = ""
    not_own: str = ""
    former: str = ""
    also: str = ""
    of_all: frozenset[str] = frozenset()
    cluster: bool = True

    @property
    def method(self) -> str:
        return self.route.split(" ")[0]

    @property
    def address(self) -> str:
        return self.route.split(" ")[1]

    @property
    def is_office(self) -> bool:
        return bool(self.needs)

    @property
    def is_platforms(self) -> bool:
        """For the platform's own staff alone: everybody else, the office too, is refused."""
        return self.answer == 403

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def __str__(self) -> str:
        return self.route


def _with(value: Any, steps: list[str], id: str) -> Any:
    if not steps:
        return id
    step: Any = int(steps[0]) if steps[0].isdigit() else steps[0]
    changed: Any = list(value) if isinstance(value, list) else dict(value)
    changed[step] = _with(value[step], steps[1:], id)
    return changed
