"""`/management/payments/settings/bank_details/`: the estate's own account, its holder's name seen before it is kept."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.db import connection

from clustr.kit.tenancy import tenant
from clustr.notifications.types import NotificationEvents
from clustr.wallets import commands as wallets
from clustr.wallets.models import BankDetails, Payout
from sandbox.banks import holder_of
from tests.cast import Cast, client_of
from tests.money import naira
from tests.notifications.acts import told
from tests.settlement.stage import Stage

PATH = "/management/payments/settings/bank_details/"
BANK = {"bank_code": "058", "account_number": "0123456789"}
NAME = str(holder_of(**BANK))


def kept(cast: Cast) -> int:
    with tenant(cast.cluster_id):
        return BankDetails.objects.filter(cluster_id=cast.cluster_id).count()


def ask(cast: Cast, path: str, body: Any) -> Any:
    return client_of(cast.ada).post(path, body)


@pytest.mark.usefixtures("stage")
def test_it_works(cast: Cast) -> None:
    """The name is shown, then kept; everybody who may send money is told; money for it waits its time."""
    assert client_of(cast.ada).get(PATH).json() == {"bank_details": None}
    assert ask(cast, f"{PATH}resolve/", BANK).json() == {**BANK, "account_name": NAME}
    assert kept(cast) == 0
    answer = ask(cast, PATH, BANK | {"account_name": NAME})
    assert answer.status_code == 200, answer.content
    shown = answer.json()["bank_details"]
    assert (shown["account_number"], shown["account_name"]) == (BANK["account_number"], NAME)
    assert client_of(cast.ada).get(PATH).json()["bank_details"]["account_name"] == NAME
    assert len(told(cast.ada, NotificationEvents.NEW_PAYEE)) == 1
    with tenant(cast.cluster_id):
        row = BankDetails.objects.get(cluster_id=cast.cluster_id)
        assert BANK["account_number"].encode() not in bytes(row.destination)


@pytest.mark.usefixtures("stage")
def test_a_repeat_is_answered_the_same_though_no_number_is_kept(cast: Cast) -> None:
    for path, body in ((f"{PATH}resolve/", BANK), (PATH, BANK | {"account_name": NAME})):
        client, key = client_of(cast.ada), uuid4().hex
        first, again = client.post(path, body, key=key), client.post(path, body, key=key)
        assert first.status_code == 200, first.content
        assert BANK["account_number"] in first.text
        assert (again.content, again.headers["Idempotent-Replayed"]) == (first.content, "true")
    with tenant(cast.cluster_id), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*), count(*) FILTER (WHERE position(%s in k::text) > 0) FROM audit_idempotency_key k"
            " WHERE cluster_id = %s",
            [BANK["account_number"], cast.cluster_id],
        )
        assert cursor.fetchone() == (2, 0)


def test_money_sent_there_waits_from_when_it_was_kept(stage: Stage, cast: Cast) -> None:
    assert ask(cast, PATH, BANK | {"account_name": NAME}).status_code == 200
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("1000.00"), description="Hall", source="Hire", now=stage.now
    )
    sent = {"amount": "300.00", "description": "Home", "destination": BANK | {"account_name": NAME}}
    made = ask(cast, "/management/payments/cluster_wallet_transfer/", sent).json()
    with tenant(cast.cluster_id):
        waits = Payout.objects.get(cluster_id=cast.cluster_id, id=made["id"])
        first = BankDetails.objects.get(cluster_id=cast.cluster_id)
    assert waits.payee_id == first.payee_id
    assert waits.sendable_at == first.kept_at + timedelta(hours=24)
    assert len(told(cast.ada, NotificationEvents.NEW_PAYEE)) == 1


@pytest.mark.usefixtures("stage")
def test_another_name_than_the_one_that_was_shown(cast: Cast) -> None:
    answer = ask(cast, PATH, BANK | {"account_name": "Somebody else"})
    assert (answer.status_code, answer.json()["code"]) == (409, "account_name_differs")
    assert kept(cast) == 0
    assert not told(cast.ada, NotificationEvents.NEW_PAYEE)


@pytest.mark.usefixtures("stage")
def test_an_account_that_is_not_there(cast: Cast) -> None:
    for path, more in ((f"{PATH}resolve/", {}), (PATH, {"account_name": NAME})):
        answer = ask(cast, path, {"bank_code": "999", "account_number": "0123456789", **more})
        assert (answer.status_code, answer.json()["code"]) == (422, "bank_account_not_found")
    assert kept(cast) == 0


def test_who_may_not_send_money(cast: Cast) -> None:
    clerk = client_of(cast.manager("ManageMembers", "ViewWallet"))
    assert clerk.get(PATH).status_code == 403
    assert clerk.post(f"{PATH}resolve/", BANK).status_code == 403
    assert clerk.post(PATH, BANK | {"account_name": NAME}).status_code == 403
    assert kept(cast) == 0
