"""What moves money is shown before it is done: how much, from where, to whom, what remains. A form's first sending is checked
and shown; `step` says what comes of it: `edit` goes back, `do` does it. What was typed goes along, secrets apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.http import HttpResponse
from django.utils.functional import Promise

from clustr.kit.money import Money
from clustr.web.actors import Request
from clustr.web.door import json_answer
from clustr.web.pages.forms import Attempt, attempt
from clustr.web.pages.frame import Context, look

Word = str | Promise
DO, EDIT = "do", "edit"
_OFFICE = "pages/office/confirm.html"
_FRAMES = {"office": _OFFICE, "platform": _OFFICE, "app": "pages/residents/confirm.html"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a form would do. `lines`: a name and what it is, text or money, without those that are empty; `button`: what is
    pressed to do it, with its `icon`; `notes`: what should be known before. `short`: why there is too little to do it, which
    takes the button away."""

    title: Word
    amount: Money
    lines: list[tuple[Word, Any]]
    button: Word
    icon: str = "check"
    notes: tuple[Word, ...] = ()
    short: Word = ""
    has_pin: bool = False
    bad: bool = False


def is_confirmed(request: Request) -> bool:
    """Whether the form that was sent is the confirmation."""
    return request.POST.get("step") == DO


def checked(request: Request, parse: Callable[[], object]) -> Attempt:
    """What was typed, checked as the API checks a body; nothing is done."""

    def send() -> HttpResponse:
        parse()
        return json_answer("{}")

    return attempt(request, send, keyed=False)


def to_confirm(tried: Attempt, request: Request) -> bool:
    """Whether what was checked is to be shown for confirmation, not changed again."""
    return tried.done and request.POST.get("step") != EDIT


def ask_first(
    request: Request,
    *,
    parse: Callable[[], object],
    shown: Callable[[], Shown],
    form: Callable[[Attempt], HttpResponse],
) -> HttpResponse | None:
    """The answer to a form that was not confirmed yet: the page that asks for it, or `form` again with what is wrong. None: it
    is confirmed."""
    if is_confirmed(request):
        return None
    tried = checked(request, parse)
    return confirm(request, tried, shown) if to_confirm(tried, request) else form(tried)


def confirm(request: Request, tried: Attempt, work: Callable[[], Shown], **more: Any) -> HttpResponse:
    """The page that asks for the confirmation of what `work` reads."""

    def reading() -> Context:
        return {"tried": tried, "shown": work(), **more}

    status = 200 if tried.done else tried.status
    return look(request, _FRAMES[request.__dict__["area"]], reading, status=status)
