"""Bills from a sheet: upload, see whom they reach and the total, then issue them all."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django.http import HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from pydantic import Field

from clustr.bills import commands
from clustr.bills.sheet import COLUMNS, MAX_BYTES, read_sheet
from clustr.kit.errors import FieldError, Refusal
from clustr.kit.sentences import for_people
from clustr.web.actors import Request
from clustr.web.door import json_answer, once, read_value
from clustr.web.pages.forms import Attempt, attempt, go
from clustr.web.pages.frame import Context, look, page
from clustr.web.pages.office import words
from clustr.web.pages.words import said_of_value
from clustr.web.schemas import Out

_MOST_SHOWN = 100


class SheetOut(Out):
    """How many bills were issued."""

    created: int = Field(ge=0)


@page("office", methods=("GET", "POST"))
def import_bills(request: Request) -> HttpResponse:
    """/office/bills/import/: a CSV file, or its text pasted. Needs ManageBill."""
    request.actor.require("ManageBill")
    if request.method == "GET":
        return _sheet_page(request, None, ())
    content = _content(request)
    wrong: list[FieldError] = []
    found: dict[str, Any] = {}

    def send() -> HttpResponse:
        try:
            if request.POST.get("step") == "issue":
                return once(request, content, 201, lambda: _issue(request, content))
            found["preview"] = read_value(
                request,
                lambda: commands.preview_sheet(actor=request.actor, content=content, now=request.now),
            )
            return json_answer("{}")
        except Refusal as refusal:
            wrong.extend(refusal.errors)
            raise

    tried = attempt(request, send, keyed=request.POST.get("step") == "issue")
    if wrong:
        tried.problem = _("Nothing was billed. What is wrong stands below, line by line.")
    if not tried.done:
        return _sheet_page(request, tried, rows_of(wrong))
    if "preview" in found:
        rows = read_sheet(content, currency=request.actor.currency, zone=ZoneInfo(request.actor.timezone))
        shown = {
            "tried": tried,
            "preview": found["preview"],
            "sheet": content.decode("utf-8-sig"),
            "rows": rows[:_MOST_SHOWN],
            "not_shown": max(len(rows) - _MOST_SHOWN, 0),
        }
        return look(request, "pages/office/sheet_preview.html", lambda: shown)
    made = tried.answer["created"] if tried.answer else 0
    said = ngettext("%s bill is issued.", "%s bills are issued.", made) % f"{made:,}"
    return go(request, "office:bills", said=said)


def rows_of(errors: list[FieldError]) -> tuple[dict[str, Any], ...]:
    """`lines.3.email` as a line, a column and what is wrong with it."""
    found = []
    for error in errors:
        _, line, column = [*error.field.split("."), "", ""][:3]
        message = said_of_value(error.code, error.message) if column == "amount" else for_people(error.message)
        found.append({"line": line, "column": column, "message": message})
    return tuple(found)


def _issue(request: Request, content: bytes) -> SheetOut:
    made = commands.create_bills_of_sheet(actor=request.actor, content=content, now=request.now)
    return SheetOut(created=len(made))


def _content(request: Request) -> bytes:
    sent = request.FILES.get("file")
    if sent is None or isinstance(sent, list):
        return request.POST.get("sheet", "").encode()
    content: bytes = sent.read(MAX_BYTES + 1)
    return content


def _sheet_page(request: Request, tried: Attempt | None, wrong: tuple[dict[str, Any], ...]) -> HttpResponse:
    def work() -> Context:
        return {"tried": tried, "wrong": wrong, "columns": COLUMNS, "types": words.bill_types()}

    return look(request, "pages/office/import_bills.html", work, status=tried.status if tried else 200)
