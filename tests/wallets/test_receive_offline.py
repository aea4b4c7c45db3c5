"""Recording money that was received by hand: who may, and what is refused."""

from __future__ import annotations

from uuid import uuid4

import pytest

from clustr.clusters.refusals import MemberNotFound
from clustr.kit.actor import PermissionMissing
from clustr.kit.errors import Refusal
from clustr.payments.refusals import ReferenceTaken
from clustr.wallets.refusals import SeparationOfDuties
from clustr.wallets.types import OfflineMethod
from tests.cast import Cast
from tests.money import wallet_balance
from tests.races import race
from tests.wallets.acts import receive, wallet_of

pytestmark = pytest.mark.usefixtures("books")


@pytest.mark.parametrize("method", list(OfflineMethod))
def test_it_works(cast: Cast, method: OfflineMethod) -> None:
    receive(cast, cast.bola, "100.00", method=method)
    assert wallet_balance(cast.bola) == "100.00"


def test_staff_with_manage_bill_may(cast: Cast) -> None:
    receive(cast, cast.bola, actor=cast.manager("ManageBill").actor)


def test_it_needs_manage_bill(cast: Cast) -> None:
    for person in (cast.efe, cast.bola, cast.manager("ViewWallet", "TransferFunds", "CreditWallet")):
        with pytest.raises(PermissionMissing):
            receive(cast, cast.residents[1], actor=person.actor)


def test_nobody_records_money_for_themselves(cast: Cast) -> None:
    with pytest.raises(SeparationOfDuties):
        receive(cast, cast.ada)


def test_a_reference_counts_once(cast: Cast) -> None:
    receive(cast, cast.bola, reference="TELLER-1")
    with pytest.raises(ReferenceTaken):
        receive(cast, cast.residents[1], "5.00", reference="TELLER-1")
    receive(cast, cast.bola, reference="TELLER-1", method=OfflineMethod.POS)
    assert wallet_balance(cast.bola) == "200.00"


@pytest.mark.parametrize("typed", ["teller-7", "TELLER 7", "Teller7", "TELLER/7"])
def test_a_reference_typed_otherwise_is_the_same(cast: Cast, typed: str) -> None:
    receive(cast, cast.bola, reference="TELLER-7")
    with pytest.raises(ReferenceTaken):
        receive(cast, cast.bola, reference=typed)
    assert wallet_balance(cast.bola) == "100.00"


def test_a_reference_counts_once_at_once(cast: Cast) -> None:
    ended = race(lambda: receive(cast, cast.bola, reference="TELLER-2")).only(ReferenceTaken)
    assert len(ended.results) == 1
    assert wallet_balance(cast.bola) == "100.00"


def test_a_reference_of_another_estate_is_free(cast: Cast) -> None:
    receive(cast, cast.bola, reference="TELLER-3")
    receive(cast, cast.chidi, reference="TELLER-3", actor=cast.dayo.actor)


def test_who_does_not_live_here_is_refused(cast: Cast) -> None:
    for stranger in (cast.chidi.user_id, cast.dayo.user_id, uuid4()):
        with pytest.raises(MemberNotFound):
            receive(cast, cast.bola, user_id=stranger)


def test_an_outsider_reaches_nothing_of_this_estate(cast: Cast) -> None:
    with pytest.raises(Refusal):
        receive(cast, cast.bola, actor=cast.dayo.actor)
    assert str(wallet_of(cast.bola).balance) == "0.00"
