"""Undoing a transfer."""

from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from django.db import IntegrityError, connections, transaction

from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.ledger import commands, queries
from clustr.ledger.refusals import (
    AccountFrozen,
    AccountNotFound,
    AlreadyReversed,
    InsufficientFunds,
    NotAMirrorImage,
)
from clustr.ledger.types import TransferKind
from tests.ledger.books import Books, open_books
from tests.races import one_after_the_other, race


def reverse(ledger: Books, transfer_id: UUID, kind: TransferKind = TransferKind.REVERSAL) -> UUID:
    with tenant(ledger.cluster_id):
        return commands.reverse(transfer_id=transfer_id, journal=new_id(), at=ledger.cast.now, kind=kind)


def test_it_works(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500, label="water")
    undone = reverse(ledger, paid.id)
    assert ledger.balance(ledger.wallet) == 0
    with tenant(ledger.cluster_id):
        last = queries.statement(account_id=ledger.wallet)[0]
    assert (last.id, last.reverses, last.amount_minor, last.label) == (undone, paid.id, -500, "water")


def test_once(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 500)
    reverse(ledger, paid.id)
    with pytest.raises(AlreadyReversed):
        reverse(ledger, paid.id)
    assert ledger.balance(ledger.wallet) == 500


def test_once_whatever_it_is_called(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    reverse(ledger, paid.id)
    with pytest.raises(AlreadyReversed):
        reverse(ledger, paid.id, TransferKind.PAYOUT_RETURN)


def test_once_whatever_the_key(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 500)
    reverse(ledger, paid.id)
    with pytest.raises(AlreadyReversed):
        ledger.post(ledger.entry(ledger.wallet, ledger.cash, 500, reverses=paid.id))


@pytest.mark.parametrize("wrong", ["amount", "sides", "unknown"])
def test_what_undoes_is_the_mirror_image(ledger: Books, wrong: str) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    entry = {
        "amount": ledger.entry(ledger.wallet, ledger.cash, 499, reverses=paid.id),
        "sides": ledger.entry(ledger.cash, ledger.wallet, 500, reverses=paid.id),
        "unknown": ledger.entry(ledger.wallet, ledger.cash, 500, reverses=uuid4()),
    }[wrong]
    with pytest.raises(NotAMirrorImage):
        ledger.post(entry)
    with pytest.raises(NotAMirrorImage):
        ledger.post(entry, ledger.entry(ledger.cash, ledger.wallet, 1))


def test_unknown_transfer_is_refused(ledger: Books) -> None:
    with pytest.raises(AccountNotFound):
        reverse(ledger, uuid4())


def test_another_clusters_transfer_is_refused(ledger: Books) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    paid = strangers.move(strangers.cash, strangers.wallet, 500)
    with pytest.raises(AccountNotFound):
        reverse(ledger, paid.id)
    assert strangers.balance(strangers.wallet) == 500


def test_money_that_is_gone_cannot_be_taken_back(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.wallet, ledger.till, 1)
    with pytest.raises(InsufficientFunds):
        reverse(ledger, paid.id)


def test_nothing_is_taken_back_from_a_frozen_account(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    with tenant(ledger.cluster_id):
        commands.freeze_account(account_id=ledger.wallet, at=ledger.cast.now)
    with pytest.raises(AccountFrozen):
        reverse(ledger, paid.id)


def test_twenty_at_once_undo_it_once(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 5000)
    ended = race(lambda: reverse(ledger, paid.id)).only(AlreadyReversed)
    assert len(ended.results) == 1
    assert ledger.balance(ledger.wallet) == 5000


def test_twenty_keys_at_once_undo_it_once(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 50_000)
    ended = race(lambda: ledger.post(ledger.entry(ledger.wallet, ledger.cash, 500, reverses=paid.id)))
    assert ended.only(AlreadyReversed).results == [1]
    assert ledger.balance(ledger.wallet) == 50_000


@pytest.mark.parametrize("companions", [0, 1])
def test_the_second_waits_and_is_told(ledger: Books, companions: int) -> None:
    """Alone or in a batch, and also where the first is not committed yet: a refusal, never an error of the index."""
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 50_000)

    def undo() -> int:
        others = [ledger.entry(ledger.cash, ledger.till, 1) for _ in range(companions)]
        return ledger.post(ledger.entry(ledger.wallet, ledger.cash, 500, reverses=paid.id), *others)

    ended, waited = one_after_the_other(ledger.cluster_id, undo, undo)
    assert waited
    assert ended.only(AlreadyReversed).results == [1 + companions]
    assert ledger.balance(ledger.wallet) == 50_000


def test_the_table_takes_one_reversal(ledger: Books) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    reverse(ledger, paid.id)
    with (
        pytest.raises(IntegrityError, match="ledger_transfer_reversed_once"),
        transaction.atomic(using="owner"),
        connections["owner"].cursor() as cursor,
    ):
        cursor.execute("SELECT set_config('clustr.cluster', %s, true)", [str(ledger.cluster_id)])
        cursor.execute(
            "INSERT INTO ledger_transfer (cluster_id, id, debit, credit, amount, kind, journal, reverses, at)"
            " SELECT cluster_id, gen_random_uuid(), debit, credit, amount, kind, journal, reverses, at"
            " FROM ledger_transfer WHERE reverses = %s",
            [paid.id],
        )
