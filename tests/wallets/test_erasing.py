"""Nobody is forgotten while money of theirs is here."""

from __future__ import annotations

import pytest

from clustr.people.models import User
from clustr.wallets.refusals import WalletNotEmpty
from tests.cast import Cast
from tests.money import fund
from tests.wallets.acts import erase, wallet_of, withdraw

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "50.00")
    with pytest.raises(WalletNotEmpty):
        erase(cast)
    withdraw(cast, cast.bola, "50.00")
    with pytest.raises(WalletNotEmpty, match="on its way"):
        erase(cast)
    assert User.objects.get(id=cast.bola.user_id).email == cast.bola.email


def test_an_empty_wallet_is_no_hindrance(cast: Cast) -> None:
    wallet_of(cast.bola)
    erase(cast)
    assert User.objects.get(id=cast.bola.user_id).erased_at == cast.now
