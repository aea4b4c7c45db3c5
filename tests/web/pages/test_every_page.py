"""Every page opens, says what it should, for whom it should, in as many queries as yesterday."""

from __future__ import annotations

import pytest

from tests.cast import Cast
from tests.web.pages.browsing import Browser

PLAIN = [
    *("/app/", "/app/bills/", "/app/wallet/", "/app/wallet/fund/", "/app/wallet/withdraw/", "/app/wallet/pin/"),
    *("/app/wallet/pin/reset/", "/app/transactions/", "/app/recurring/", "/app/recurring/new/", "/app/utilities/"),
    *("/app/utilities/buy/", "/app/notices/", "/app/notices/preferences/", "/app/you/", "/app/estates/"),
    *("/accounts/2fa/", "/accounts/password/change/", "/accounts/email/", "/accounts/sessions/"),
]


@pytest.mark.parametrize("address", PLAIN)
def test_it_works(cast: Cast, address: str) -> None:
    bola = Browser(cast.bola)
    assert bola.open(address).status_code == 200, bola.text
    assert "<h1" in bola.text


@pytest.mark.parametrize("address", PLAIN)
def test_a_stranger_is_asked_to_sign_in(cast: Cast, address: str) -> None:
    stranger = Browser(None)
    answer = stranger.client.get(address)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/accounts/login/?next=")
