"""Addresses of an API: a template, the group of dials that concerns it, and the function that answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote

from sandbox.wire import Answer, Request
from sandbox.world import World

Handler = Callable[[World, Request], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    method: str
    pattern: re.Pattern[str]
    group: str
    handler: Handler


def route(method: str, template: str, group: str, handler: Handler) -> Route:
    """`{name}` stands for one part of the path."""
    pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template) + r"/?$")
    return Route(method, pattern, group, handler)


def find(routes: tuple[Route, ...], request: Request, *, path: str) -> Route | None:
    """The first that fits; puts the parts of the path into the request."""
    for one in routes:
        found = one.pattern.match(path) if one.method == request.method else None
        if found:
            request.params = {name: unquote(value) for name, value in found.groupdict().items()}
            return one
    return None
