"""What anybody may ask without signing in stands here by name; every other address wants a person."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.test import Client

from tests.web.matrix.routes import other_addresses
from tests.web.matrix.town import Town
from tests.web.matrix.watch import Watch

PUBLIC = {
    "/healthz": "the process answers",
    "/readyz": "the database, the schema and a worker are there",
    "/metrics": "figures; in production behind a token",
    "/api/openapi.json": "the API's description",
    "/api/docs": "the same as a page",
    "/verify/": "where a receipt's code is typed",
    "/verify/<str:code>": "whether a receipt is genuine",
    "/pay/return/<str:reference>/": "where a payer's browser comes back to: how one payment stands, nothing else",
    "/manifest.webmanifest": "what a phone needs to keep ClustR among its apps",
    "/sw.js": "what keeps the page for when there is no network",
    "/offline/": "that page",
    "/app/theme/": "dark or light: a cookie of the browser",
}
"""Public, with the reason."""

SIGN_IN = {
    "config": "what sign-in offers",
    "auth/session": "who is signed in: nobody",
    "auth/login": "sign-in",
    "auth/signup": "sign-up",
    "auth/password/request": "a forgotten password",
    "auth/password/reset": "with the link of the mail",
    "auth/email/verify": "with the code of the mail",
    "auth/email/verify/resend": "another one",
    "auth/code/confirm": "sign-in by a mailed code, which is off",
    "auth/phone/verify": "closed here",
    "auth/phone/verify/resend": "closed here",
    "account/phone": "closed here",
    "account/email": "the address of an unfinished sign-up; nobody has begun one, which is 409",
    "auth/2fa/authenticate": "the second step of a sign-in",
    "tokens/refresh": "another access token for a refresh token",
}
"""Under `/_allauth/app/v1/` and `/_allauth/browser/v1/`: what belongs to signing in."""

PAGES = {
    "login/": "sign-in",
    "signup/": "sign-up",
    "logout/": "signing out",
    "inactive/": "that an account is closed",
    "confirm-email/": "that a mail was sent",
    "confirm-email/(?P<key>[-:\\w]+)/$": "with the link of the mail",
    "password/reset/": "a forgotten password",
    "password/reset/done/": "that a mail was sent",
    "password/reset/key/(?P<uidb36>[0-9A-Za-z]+)-(?P<key>.+)/$": "with the link of the mail",
    "password/reset/key/done/": "that the password is set",
    "login/code/confirm/": "sign-in by a mailed code, which is off",
    "2fa/authenticate/": "the second step of a sign-in",
}
"""Under `/accounts/`: pages that belong to signing in."""

CLOSED = "/_allauth/(?:app|browser)/v1/(?:account/phone|auth/phone/.*)$"
ADDRESSES = {address.replace("^", ""): view for address, view in other_addresses().items()}
HEADLESS = re.compile(r"/_allauth/(?:app|browser)/v1/(.*)")


def kind(address: str) -> str:
    """`public`, `sign-in`, or `signed-in`: what the lists above make of an address."""
    headless = HEADLESS.fullmatch(address)
    if address in PUBLIC or address == CLOSED:
        return "public"
    if headless:
        return "sign-in" if headless[1] in SIGN_IN else "signed-in"
    return "sign-in" if address.removeprefix("/accounts/") in PAGES else "signed-in"


SIGNED_IN = sorted(address for address in ADDRESSES if kind(address) == "signed-in")
OPEN = sorted(address for address in ADDRESSES if kind(address) != "signed-in" and address != CLOSED)


def test_the_lists_name_nothing_that_is_not_there() -> None:
    headless = {match[1] for address in ADDRESSES if (match := HEADLESS.fullmatch(address))}
    assert PUBLIC.keys() <= ADDRESSES.keys()
    assert SIGN_IN.keys() <= headless
    assert {f"/accounts/{page}" for page in PAGES} <= ADDRESSES.keys()


@pytest.mark.parametrize("address", SIGNED_IN)
def test_every_other_address_wants_a_person(address: str) -> None:
    """A program is told 401, a browser is led to the sign-in page. Public on purpose? Add it to a list above."""
    for answer in asked(address):
        led_to_sign_in = answer.status_code == 302 and answer["Location"].startswith("/accounts/login/")
        assert answer.status_code in (401, 405) or led_to_sign_in, (address, answer.status_code, answer.content[:200])


@pytest.mark.parametrize("address", OPEN)
def test_what_is_public_tells_of_no_estate(town: Town, watch: Watch, address: str) -> None:
    told = " ".join(answer.content.decode() for answer in asked(address) if not answer.streaming)
    for held in (*town.tags.values(), str(town.here.id), town.here["office"].email, str(town.twin.user_id)):
        assert held not in told


def asked(address: str) -> list[Any]:
    """What nobody is answered, by GET and by POST."""
    path = re.sub(r"\(\?P<[^)]*\)", "abc", address).rstrip("$")
    path = re.sub(r"<uuid:\w+>", "01998a4e-6f00-7c00-8000-000000000001", path)
    path = re.sub(r"<slug:\w+>", "abc", path)
    return [Client().get(path), Client().post(path, {}, content_type="application/json")]
