"""A browser without JavaScript, signed in as somebody: opens pages, fills in their forms, sends them as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from html import unescape
from html.parser import HTMLParser
from typing import Any

from allauth.account.internal.flows.login import AUTHENTICATION_METHODS_SESSION_KEY
from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client

from clustr.kit import clock
from clustr.people.models import User
from tests.cast import Person


@dataclass
class Form:
    """A form of a page: where it goes, and what it sends as it stands."""

    action: str
    method: str
    values: dict[str, Any] = field(default_factory=dict)


class _Forms(HTMLParser):
    """Finds the forms of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self._open: Form | None = None
        self._select = self._area = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        name = given.get("name") or ""
        if tag == "form":
            self._open = Form(given.get("action") or "", (given.get("method") or "get").lower())
            self.forms.append(self._open)
        elif self._open is None:
            return
        elif tag == "input" and name:
            if given.get("type") in ("radio", "checkbox"):
                if "checked" in given and "disabled" not in given:
                    self._put(name, given.get("value") or "on", many=given.get("type") == "checkbox")
            else:
                self._put(name, given.get("value") or "", many=name in ("shown",))
        elif tag == "select":
            self._select = name
        elif tag == "option" and self._select and ("selected" in given or self._select not in self._open.values):
            self._open.values[self._select] = given.get("value") or ""
        elif tag == "textarea":
            self._open.values[name] = ""

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._open = None
        elif tag == "select":
            self._select = ""

    def _put(self, name: str, value: str, *, many: bool) -> None:
        assert self._open is not None
        if many:
            self._open.values.setdefault(name, []).append(value)
        else:
            self._open.values[name] = value


def assert_leads_on_from(browser: Browser, address: str, *, more: bool = True) -> None:
    """A page that answers a form sent elsewhere is searched at its own address, and there read on."""
    assert f'hx-get="{address}"' in browser.text, "searched there"
    assert f'method="get" action="{address}"' in browser.text
    onward = re.findall(r'hx-get="([^"]*cursor=[^"]+)"', browser.text)
    assert len(onward) == more
    for each in onward:
        assert each.startswith(f"{address}?")
        rows = browser.open(unescape(each), HX_Request="true")
        assert (rows.status_code, "<li" in browser.text or "<tr" in browser.text, "<html" in browser.text) == (
            200,
            True,
            False,
        )


class Browser:
    """Somebody at their browser. `open` follows redirects; `send` fills in the form that leads to `action`."""

    def __init__(self, person: Person | None, *, signed_in_ago_seconds: int = 0) -> None:
        self.client = Client(enforce_csrf_checks=True)
        if person is not None:
            user = User.objects.get(id=person.user_id)
            session = SessionStore()
            session[SESSION_KEY] = str(user.id)
            session[BACKEND_SESSION_KEY] = settings.AUTHENTICATION_BACKENDS[0]
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            at = clock.now().timestamp() - signed_in_ago_seconds
            session[AUTHENTICATION_METHODS_SESSION_KEY] = [{"method": "password", "at": at}]
            session.save()
            self.client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key or ""
        self.page: Any = None

    def open(self, address: str, **headers: str) -> Any:
        self.page = self.client.get(address, follow=True, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return self.page

    @property
    def text(self) -> str:
        return str(self.page.content.decode())

    @property
    def links(self) -> list[str]:
        """Where the page leads."""
        return [unescape(found) for found in re.findall(r'<a [^>]*href="([^"]+)"', self.text)]

    @property
    def forms(self) -> list[Form]:
        found = _Forms()
        found.feed(self.text)
        return found.forms

    def form(self, action: str = "") -> Form:
        """The form whose action ends so; "": the one that leads back to its own page."""
        chosen = [
            each
            for each in self.forms
            if each.method == "post" and (each.action.endswith(action) if action else not each.action)
        ]
        assert chosen, f"no form leads to {action!r} on {self.page.request['PATH_INFO']}"
        return chosen[0]

    def confirm(self, **values: Any) -> Any:
        """Press what does it, on the page that shows what it will do."""
        return self.send(step="do", **values)

    def send(self, action: str = "", *, form: Form | None = None, **values: Any) -> Any:
        form = form or self.form(action)
        query = self.page.request.get("QUERY_STRING", "")
        here = self.page.request["PATH_INFO"] + (f"?{query}" if query else "")
        self.page = self.client.post(form.action or here, form.values | values, follow=True)
        return self.page
