"""What the address of a list of the platform's says beside the place in it: what is looked for."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from clustr.web.paging import PageQuery
from clustr.web.schemas import Text


class SoughtQuery(PageQuery):
    """A list that can be searched. `q`: what each list finds by, its search field says."""

    q: Annotated[str, Text(100, empty=True)] = Field("")


class OfPlanQuery(SoughtQuery):
    """The same of one plan: one's own, or that of an estate. A cursor is good for that plan alone."""

    estate: Annotated[str, Text(40, empty=True)] = Field("")
