"""Posting transfers, one or many at once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import DatabaseError, IntegrityError

from clustr.kit.ids import new_id
from clustr.kit.money import Money
from clustr.kit.tenancy import TenantMismatch, tenant
from clustr.ledger import commands, queries
from clustr.ledger.refusals import (
    AccountCurrencyMismatch,
    AccountFrozen,
    AccountNotFound,
    InsufficientFunds,
    TransferKeyReused,
)
from clustr.ledger.types import AccountKind, Entry, TransferKind
from tests.ledger.books import Books, open_books

Batch = Any


@pytest.fixture(params=["alone", "in a batch"])
def post(request: pytest.FixtureRequest, ledger: Books) -> Any:
    """Post an entry by itself, or together with an innocent one: the two paths of the posting function."""

    def posting(entry: Entry) -> int:
        if request.param == "alone":
            return ledger.post(entry)
        return ledger.post(ledger.entry(ledger.cash, ledger.other, 1), entry) - 1

    return posting


def test_it_works(ledger: Books, post: Any) -> None:
    assert post(ledger.entry(ledger.cash, ledger.wallet, 500)) == 1
    assert post(ledger.entry(ledger.wallet, ledger.till, 200)) == 1
    assert ledger.balance(ledger.wallet) == 300
    assert ledger.balance(ledger.till) == 200


def test_from_wallet_to_wallet(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    assert post(ledger.entry(ledger.wallet, ledger.other, 200)) == 1
    assert ledger.balance(ledger.wallet) == 300
    assert ledger.balance(ledger.other) in (200, 201)  # the innocent one of a batch goes there too


def test_a_wallet_may_be_emptied_into_another(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    assert post(ledger.entry(ledger.wallet, ledger.other, 500)) == 1
    assert ledger.balance(ledger.wallet) == 0


def test_the_same_key_again_posts_nothing(ledger: Books, post: Any) -> None:
    entry = ledger.entry(ledger.cash, ledger.wallet, 500)
    assert post(entry) == 1
    assert post(entry) == 0
    assert ledger.balance(ledger.wallet) == 500


def test_a_repeat_is_known_by_its_key_even_when_the_money_is_gone(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    spend = ledger.entry(ledger.wallet, ledger.till, 500)
    assert post(spend) == 1
    assert post(spend) == 0


@pytest.mark.parametrize("changed", ["amount", "debit", "credit", "kind"])
def test_the_same_key_with_other_content_is_refused(ledger: Books, post: Any, changed: str) -> None:
    first = ledger.move(ledger.cash, ledger.wallet, 500)
    other = {
        "amount": Money(501, "NGN"),
        "debit": ledger.till,
        "credit": ledger.other,
        "kind": TransferKind.OPENING_BALANCE,
    }[changed]
    with pytest.raises(TransferKeyReused):
        post(replace(first, **{changed: other}))
    assert ledger.balance(ledger.wallet) == 500


@pytest.mark.parametrize("undoes_at_first", [True, False])
def test_the_same_key_that_undoes_another_transfer_is_refused(ledger: Books, post: Any, undoes_at_first: bool) -> None:
    paid = ledger.move(ledger.cash, ledger.wallet, 500)
    ledger.move(ledger.cash, ledger.wallet, 500)
    plain = ledger.entry(ledger.wallet, ledger.cash, 500)
    undoing = replace(plain, reverses=paid.id)
    first, second = (undoing, plain) if undoes_at_first else (plain, undoing)
    assert post(first) == 1
    with pytest.raises(TransferKeyReused):
        post(second)
    assert post(first) == 0
    assert ledger.balance(ledger.wallet) == 500


def test_overdraft_of_a_guarded_account_is_refused(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 99)
    with pytest.raises(InsufficientFunds):
        post(ledger.entry(ledger.wallet, ledger.till, 100))
    assert ledger.balance(ledger.wallet) == 99


def test_overdraft_of_a_growing_account_is_refused(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.till, 99)
    with pytest.raises(InsufficientFunds):
        post(ledger.entry(ledger.till, ledger.wallet, 100))
    assert ledger.balance(ledger.till) == 99


def test_a_growing_account_may_be_emptied(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.till, 99)
    ledger.close(ledger.till)
    assert post(ledger.entry(ledger.till, ledger.wallet, 99)) == 1
    assert ledger.balance(ledger.till) == 0


@pytest.mark.parametrize("account", ["wallet", "till"])
def test_debit_of_a_frozen_account_is_refused(ledger: Books, post: Any, account: str) -> None:
    frozen = getattr(ledger, account)
    ledger.move(ledger.cash, frozen, 500)
    with tenant(ledger.cluster_id):
        commands.freeze_account(account_id=frozen, at=ledger.cast.now)
    with pytest.raises(AccountFrozen):
        post(ledger.entry(frozen, ledger.other, 100))
    assert post(ledger.entry(ledger.cash, frozen, 100)) == 1, "money may still come in"
    assert ledger.balance(frozen) == 600


def test_a_frozen_wallet_pays_no_growing_account(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with tenant(ledger.cluster_id):
        commands.freeze_account(account_id=ledger.wallet, at=ledger.cast.now)
    with pytest.raises(AccountFrozen):
        post(ledger.entry(ledger.wallet, ledger.till, 100))
    assert ledger.balance(ledger.wallet) == 500


def test_a_frozen_neighbour_is_no_reason(ledger: Books, post: Any) -> None:
    """Also one that paid before it was frozen."""
    ledger.move(ledger.cash, ledger.other, 100)
    ledger.move(ledger.other, ledger.till, 100)
    with tenant(ledger.cluster_id):
        for account in (ledger.cash, ledger.other, ledger.till):
            commands.freeze_account(account_id=account, at=ledger.cast.now)
    with pytest.raises(InsufficientFunds):
        post(ledger.entry(ledger.wallet, ledger.till, 100))


@pytest.mark.parametrize("side", ["debit", "credit"])
def test_an_unknown_account_is_refused(ledger: Books, post: Any, side: str) -> None:
    sides = {"debit": ledger.cash, "credit": ledger.wallet} | {side: uuid4()}
    with pytest.raises(AccountNotFound):
        post(ledger.entry(sides["debit"], sides["credit"], 100))


@pytest.mark.parametrize("side", ["debit", "credit"])
def test_another_clusters_account_is_refused(ledger: Books, post: Any, side: str) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    strangers.move(strangers.cash, strangers.wallet, 500)
    sides = {"debit": ledger.cash, "credit": ledger.wallet} | {side: strangers.wallet}
    with pytest.raises(AccountNotFound):
        post(ledger.entry(sides["debit"], sides["credit"], 100))
    assert strangers.balance(strangers.wallet) == 500


def test_two_currencies_are_refused(ledger: Books, post: Any) -> None:
    with tenant(ledger.cluster_id):
        dollars = commands.open_account(kind=AccountKind.MEMBER_WALLET, currency="USD", subject_id=uuid4())
    with pytest.raises(AccountCurrencyMismatch):
        post(ledger.entry(ledger.cash, dollars, 100))


def test_a_wallet_pays_no_account_of_another_currency(ledger: Books, post: Any) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with tenant(ledger.cluster_id):
        dollars = commands.open_account(kind=AccountKind.CLUSTER_WALLET, currency="USD")
    with pytest.raises(AccountCurrencyMismatch):
        post(ledger.entry(ledger.wallet, dollars, 100))
    assert ledger.balance(ledger.wallet) == 500


def test_accounts_of_another_currency_beside_it_are_no_reason(ledger: Books, post: Any) -> None:
    with tenant(ledger.cluster_id):
        for kind in (AccountKind.CLUSTER_WALLET, AccountKind.EXTERNAL_FUNDS):
            commands.open_account(kind=kind, currency="USD")
    assert post(ledger.entry(ledger.cash, ledger.wallet, 100)) == 1
    assert ledger.balance(ledger.wallet) == 100


@pytest.mark.parametrize("minor", [0, -1, 10**15])
def test_an_impossible_amount_is_refused(ledger: Books, post: Any, minor: int) -> None:
    with pytest.raises(IntegrityError):
        post(ledger.entry(ledger.cash, ledger.wallet, minor))


def test_an_account_does_not_pay_itself(ledger: Books, post: Any) -> None:
    with pytest.raises(IntegrityError):
        post(ledger.entry(ledger.till, ledger.till, 100))


def test_a_batch_is_all_or_nothing(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.wallet, 500)
    with pytest.raises(InsufficientFunds):
        ledger.post(
            ledger.entry(ledger.cash, ledger.other, 100),
            ledger.entry(ledger.wallet, ledger.till, 400),
            ledger.entry(ledger.wallet, ledger.till, 101),
        )
    assert ledger.balance(ledger.wallet) == 500
    assert ledger.balance(ledger.other) == ledger.balance(ledger.till) == 0


def test_legs_of_a_batch_from_one_growing_account_are_judged_together(ledger: Books) -> None:
    ledger.move(ledger.cash, ledger.till, 199)
    with pytest.raises(InsufficientFunds):
        ledger.post(*(ledger.entry(ledger.till, ledger.wallet, 100) for _ in range(2)))
    assert (ledger.balance(ledger.till), ledger.balance(ledger.wallet)) == (199, 0)


def test_a_batch_is_judged_by_what_it_leaves(ledger: Books) -> None:
    """Within one batch money may pass through an account, whatever the order of its legs."""
    assert (
        ledger.post(
            ledger.entry(ledger.wallet, ledger.till, 100),
            ledger.entry(ledger.cash, ledger.wallet, 100),
        )
        == 2
    )
    assert ledger.balance(ledger.wallet) == 0


def test_a_batch_skips_what_was_posted_and_posts_the_rest(ledger: Books) -> None:
    known = ledger.move(ledger.cash, ledger.wallet, 500)
    fresh = ledger.entry(ledger.cash, ledger.wallet, 50)
    assert ledger.post(known, fresh) == 1
    assert ledger.balance(ledger.wallet) == 550


@pytest.mark.parametrize(("subject", "refusal"), [("USD", AccountCurrencyMismatch), ("", AccountNotFound)])
def test_a_wrong_account_beside_what_was_posted_is_refused(
    ledger: Books, subject: str, refusal: type[Exception]
) -> None:
    known = ledger.move(ledger.cash, ledger.wallet, 500)
    with tenant(ledger.cluster_id):
        account = (
            commands.open_account(kind=AccountKind.MEMBER_WALLET, currency=subject, subject_id=uuid4())
            if subject
            else uuid4()
        )
    with pytest.raises(refusal):
        ledger.post(known, ledger.entry(ledger.cash, account, 50))
    assert ledger.balance(ledger.cash) == -500


def test_one_key_twice_in_a_batch_posts_once(ledger: Books) -> None:
    entry = ledger.entry(ledger.cash, ledger.wallet, 500)
    assert ledger.post(entry, entry) == 1
    assert ledger.balance(ledger.wallet) == 500


def test_one_key_twice_in_a_batch_with_other_content_is_refused(ledger: Books) -> None:
    entry = ledger.entry(ledger.cash, ledger.wallet, 500)
    with pytest.raises(TransferKeyReused):
        ledger.post(entry, ledger.entry(ledger.cash, ledger.wallet, 400, id=entry.id))
    assert ledger.balance(ledger.wallet) == 0


def test_a_batch_of_thousands_is_one_statement(ledger: Books, django_assert_num_queries: Any) -> None:
    entries = [ledger.entry(ledger.cash, ledger.wallet, 1, journal=new_id()) for _ in range(3000)]
    with tenant(ledger.cluster_id), django_assert_num_queries(1):
        assert commands.post(entries=entries, at=ledger.cast.now) == 3000
    assert ledger.balance(ledger.wallet) == 3000


def test_an_empty_batch_is_nothing(ledger: Books) -> None:
    assert ledger.post() == 0


def test_nothing_is_posted_outside_a_cluster(ledger: Books) -> None:
    with pytest.raises(TenantMismatch):
        commands.post(entries=[ledger.entry(ledger.cash, ledger.wallet, 1)], at=ledger.cast.now)


def test_keys_of_two_clusters_are_apart(ledger: Books) -> None:
    strangers = open_books(ledger.cast, ledger.cast.lekki)
    entry = ledger.move(ledger.cash, ledger.wallet, 500)
    strangers.move(strangers.cash, strangers.wallet, 70, id=entry.id)
    assert (ledger.balance(ledger.wallet), strangers.balance(strangers.wallet)) == (500, 70)


def test_a_transfer_keeps_when_it_happened(ledger: Books) -> None:
    yesterday = ledger.cast.now - timedelta(days=1)
    with tenant(ledger.cluster_id):
        commands.post(entries=[ledger.entry(ledger.cash, ledger.wallet, 5)], at=yesterday)
        assert queries.statement(account_id=ledger.wallet)[0].at == yesterday


def test_a_refused_posting_leaves_its_key_free(ledger: Books, post: Any) -> None:
    spend = ledger.entry(ledger.wallet, ledger.till, 100)
    with pytest.raises((InsufficientFunds, DatabaseError)):
        post(spend)
    ledger.move(ledger.cash, ledger.wallet, 100)
    assert post(spend) == 1
