"""`/management/payments/settings/`: read, changed, refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cast import Cast

SETTINGS = "/management/payments/settings/"


def test_it_works(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    held = ada.get(SETTINGS)
    assert held.status_code == 200
    assert held.json() == {
        "cluster_id": str(cast.cluster_id),
        "name": "Palm Grove",
        "currency": "NGN",
        "timezone": "Africa/Lagos",
        "transfer_approval_limit": "1000000.00",
        "pending_transfer_approval_limit": None,
        "support_email": "",
        "fee_bearer": "cluster",
        "locale": "en-NG",
        "reminder_days": [7, 1],
    }
    changes = {"transfer_approval_limit": "0.50", "fee_bearer": "payer", "timezone": "Africa/Accra", "locale": "en-GH"}
    changed = ada.patch(SETTINGS, changes)
    assert (changed.status_code, changed.json()) == (200, held.json() | changes)
    assert cast.client_of(cast.dayo).get(SETTINGS).json()["name"] == "Lekki Gardens"


def test_a_limit_that_was_removed_is_shown_as_pending(cast: Cast) -> None:
    ada = cast.client_of(cast.ada)
    changed = ada.patch(SETTINGS, {"transfer_approval_limit": None}).json()
    assert changed["transfer_approval_limit"] == "1000000.00"
    pending = changed["pending_transfer_approval_limit"]
    assert (pending["limit"], pending["counts_from"] > cast.now.isoformat()) == (None, True)
    assert ada.get(SETTINGS).json() == changed


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"name": " "}, "name"),
        ({"timezone": "Lagos"}, "timezone"),
        ({"transfer_approval_limit": "1e3"}, "transfer_approval_limit"),
        ({"transfer_approval_limit": "1.005"}, "transfer_approval_limit"),
        ({"transfer_approval_limit": 5}, "transfer_approval_limit"),
        ({"support_email": "nobody"}, "support_email"),
        ({"fee_bearer": "nobody"}, "fee_bearer"),
        ({"locale": "fr-FR"}, "locale"),
        ({"currency": "USD"}, "currency"),
    ],
)
def test_invalid_values_are_named(cast: Cast, body: dict[str, Any], field: str) -> None:
    answer = cast.client_of(cast.ada).patch(SETTINGS, body)
    assert answer.status_code == 422
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize("who", ["efe", "bola"])
def test_it_needs_the_permission(cast: Cast, who: str) -> None:
    client = cast.client_of(getattr(cast, who))
    for answer in (client.get(SETTINGS), client.patch(SETTINGS, {"name": "Mine"})):
        assert (answer.status_code, answer.json()["code"]) == (403, "permission_missing")


def test_money_matters_are_the_administrators(cast: Cast) -> None:
    manager = cast.client_of(cast.manager("ManageMembers"))
    assert manager.patch(SETTINGS, {"name": "Palm Grove II"}).status_code == 200
    refused = manager.patch(SETTINGS, {"transfer_approval_limit": None})
    assert (refused.status_code, refused.json()["code"]) == (403, "admin_only")
