"""A member's own wallet: opening, looking, freezing, withdrawing."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

import pytest
from django.db import IntegrityError, connection

from clustr.audit import queries as audit
from clustr.kit.ids import new_id
from clustr.kit.tenancy import tenant
from clustr.ledger.commands import open_account
from clustr.ledger.refusals import AccountFrozen, InsufficientFunds
from clustr.ledger.types import AccountKind
from clustr.wallets import commands as wallets
from clustr.wallets.member_queries import my_movements
from clustr.wallets.models import Payout, Wallet
from clustr.wallets.queries import destination_of, destination_place
from clustr.wallets.types import SpendAuthorization
from tests.cast import Cast, Person
from tests.money import fund, naira, no_pin, wallet_balance
from tests.pool import at
from tests.races import race
from tests.wallets.acts import BANK, receive, status_of, wallet_of, withdraw

pytestmark = pytest.mark.usefixtures("books")


def test_it_works(cast: Cast) -> None:
    fund(cast, cast.bola, "800.00")
    seen = wallet_of(cast.bola)
    assert (str(seen.balance), str(seen.available), seen.is_frozen, seen.has_pin) == ("800.00", "800.00", False, False)


def test_what_comes_in_meanwhile_moves_no_balance_beside_a_movement(cast: Cast) -> None:
    for amount in ("800.00", "50.00"):
        fund(cast, cast.bola, amount)

    def and_more(go_on: Callable[..., Any], _sql: str, _params: Any) -> Any:
        found = go_on()
        race([partial(fund, cast, cast.bola, "7.00")]).only()
        return found

    with at("FROM ledger_transfer", and_more), tenant(cast.cluster_id):
        seen = my_movements(actor=cast.bola.actor, limit=10)
    assert [str(each.balance) for each in seen] == ["850.00", "800.00"]
    assert wallet_balance(cast.bola) == "857.00"


def test_before_any_money_it_is_empty(cast: Cast) -> None:
    seen = wallet_of(cast.bola)
    assert (str(seen.balance), str(seen.available), seen.is_frozen, seen.has_pin) == ("0.00", "0.00", False, False)


def test_twenty_at_once_open_one_wallet(cast: Cast) -> None:
    def opening() -> UUID:
        with tenant(cast.cluster_id):
            return wallets.open_wallet(user_id=cast.bola.user_id, currency="NGN", now=cast.now)

    ended = race(opening).only()
    assert len(ended.results) == 20
    assert len(set(ended.results)) == 1
    with tenant(cast.cluster_id):
        assert Wallet.objects.filter(user_id=cast.bola.user_id).count() == 1


def test_the_table_too_takes_one_wallet_of_a_currency(cast: Cast) -> None:
    fund(cast, cast.bola, "1.00")
    with pytest.raises(IntegrityError, match="wallets_wallet_one_each"), tenant(cast.cluster_id):
        another = open_account(kind=AccountKind.MEMBER_WALLET, currency="NGN", subject_id=new_id())
        Wallet.objects.create(
            id=another, cluster_id=cast.cluster_id, user_id=cast.bola.user_id, currency="NGN", created_at=cast.now
        )


def test_many_wallets_are_opened_in_a_few_statements(cast: Cast, django_assert_max_num_queries: Any) -> None:
    ids = [person.user_id for person in cast.residents]
    with tenant(cast.cluster_id):
        first = wallets.open_wallet(user_id=ids[0], currency="NGN", now=cast.now)
        with django_assert_max_num_queries(3):
            opened = wallets.open_wallets(user_ids=ids, currency="NGN", now=cast.now)
        assert opened[ids[0]] == first
        assert wallets.open_wallets(user_ids=ids, currency="NGN", now=cast.now) == opened
    assert set(opened) == set(ids)


# --- Freezing ------------------------------------------------------------------------------------------------------------


def freeze(cast: Cast, person: Person) -> None:
    wallets.freeze_wallet(actor=person.actor, now=cast.now)


def test_a_frozen_wallet_spends_nothing_and_takes_in(cast: Cast) -> None:
    fund(cast, cast.bola, "800.00")
    freeze(cast, cast.bola)
    with pytest.raises(AccountFrozen):
        withdraw(cast, cast.bola, "1.00")
    fund(cast, cast.bola, "50.00")
    seen = wallet_of(cast.bola)
    assert (str(seen.balance), str(seen.available), seen.is_frozen) == ("850.00", "0.00", True)


def test_unfrozen_it_spends_again(cast: Cast) -> None:
    fund(cast, cast.bola, "800.00")
    freeze(cast, cast.bola)
    wallets.unfreeze_wallet(actor=cast.bola.actor, authorization=None, now=cast.now)
    withdraw(cast, cast.bola, "800.00")
    assert wallet_of(cast.bola).is_frozen is False


def test_repeats_are_harmless_and_audited_once(cast: Cast) -> None:
    for _ in range(2):
        freeze(cast, cast.bola)
    for _ in range(2):
        wallets.unfreeze_wallet(actor=cast.bola.actor, authorization=None, now=cast.now)
    with tenant(cast.cluster_id):
        acts = [event.action for event in audit.audit_events(actor=cast.ada.actor)]
    assert sorted(act for act in acts if act.startswith("wallets.")) == ["wallets.frozen", "wallets.unfrozen"]


def test_an_empty_wallet_can_be_frozen_ahead(cast: Cast) -> None:
    freeze(cast, cast.bola)
    assert wallet_of(cast.bola).is_frozen


def test_a_neighbours_wallet_is_not_frozen(cast: Cast) -> None:
    freeze(cast, cast.bola)
    assert not wallet_of(cast.residents[1]).is_frozen


# --- Withdrawing ---------------------------------------------------------------------------------------------------------


def test_a_withdrawal_waits_in_the_payouts_account(cast: Cast) -> None:
    fund(cast, cast.bola, "800.00")
    made = withdraw(cast, cast.bola, "300.00")
    assert (made.status, made.type, str(made.amount)) == ("pending", "withdrawal", "300.00")
    assert made.user_id == cast.bola.user_id
    assert wallet_balance(cast.bola) == "500.00"


def test_more_than_there_is_is_refused_and_leaves_nothing(cast: Cast) -> None:
    fund(cast, cast.bola, "99.99")
    with pytest.raises(InsufficientFunds):
        withdraw(cast, cast.bola, "100.00")
    with tenant(cast.cluster_id):
        assert not Payout.objects.exists()


def test_another_currency_has_nothing_in_it(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    with pytest.raises(InsufficientFunds):
        wallets.withdraw(
            actor=cast.bola.actor,
            amount=naira("1.00").__class__(100, "USD"),
            destination=BANK,
            authorization=no_pin(cast.bola),
            now=cast.now,
        )


def test_twenty_withdrawals_of_what_there_is_once(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    ended = race(lambda: withdraw(cast, cast.bola, "100.00")).only(InsufficientFunds)
    assert len(ended.results) == 1
    assert wallet_balance(cast.bola) == "0.00"


def test_somebody_elses_authorization_is_a_bug(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    other = cast.residents[1]
    for wrong in (no_pin(other), SpendAuthorization(cast.bola.user_id, cast.lekki.id, pin_checked=True)):
        with pytest.raises(AssertionError):
            wallets.withdraw(
                actor=cast.bola.actor, amount=naira("1.00"), destination=BANK, authorization=wrong, now=cast.now
            )


def test_the_bank_account_is_sealed_in_the_database(cast: Cast) -> None:
    fund(cast, cast.bola, "100.00")
    made = withdraw(cast, cast.bola, "100.00")
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        payout = Payout.objects.get(id=made.id)
        cursor.execute("SELECT string_agg(p::text, ' ') || encode(min(destination), 'escape') FROM wallets_payout p")
        (dump,) = cursor.fetchone()
    assert payout.account_hint == "6789"
    for secret in (BANK.account_number, BANK.account_number[:6], BANK.account_name):
        assert secret not in dump
        assert secret.encode() not in bytes(payout.destination)
    assert destination_of(payout=payout) == BANK


def test_a_sealed_account_opens_only_in_its_place(cast: Cast) -> None:
    from cryptography.exceptions import InvalidTag

    from clustr.kit.vault import unseal

    fund(cast, cast.bola, "100.00")
    first, second = withdraw(cast, cast.bola, "10.00"), withdraw(cast, cast.bola, "10.00")
    with tenant(cast.cluster_id):
        payout = Payout.objects.get(id=first.id)
    with pytest.raises(InvalidTag):
        unseal(bytes(payout.destination), bound_to=destination_place(second.id))


# --- Money received by hand ----------------------------------------------------------------------------------------------


def test_money_received_by_hand_is_in_the_wallet(cast: Cast) -> None:
    made = receive(cast, cast.bola, "250.00", reference="TELLER-7")
    assert (made.status, made.type, made.provider, made.provider_reference) == (
        "completed",
        "deposit",
        "cash",
        "TELLER-7",
    )
    assert wallet_balance(cast.bola) == "250.00"
    assert status_of(cast, made.id) == "completed"
    with tenant(cast.cluster_id):
        (event,) = [found for found in audit.audit_events(actor=cast.ada.actor) if found.journal == made.id]
    assert (event.action, event.actor_id) == ("wallets.offline_payment_recorded", cast.ada.user_id)
    assert event.facts == {"amount": "250.00", "currency": "NGN"}
