"""`POST /payments/webhooks/...` and `POST /payments/verify-payment/`."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
from django.test import Client

from clustr.clusters.models import Membership
from clustr.kit.tenancy import tenant
from clustr.payments.models import Notice
from clustr.settlement import commands
from sandbox.hooks import Delivery
from tests.cast import Cast, anonymous
from tests.money import wallet_balance
from tests.settlement.stage import PROVIDERS, Stage
from tests.web.asking import refused

pytestmark = pytest.mark.usefixtures("books")

VERIFY = "/payments/verify-payment/"


def post(delivery: Delivery, *, body: bytes | None = None, **headers: str) -> Any:
    sent = {**delivery.headers, **headers}
    return Client().post(
        f"/payments/webhooks/{delivery.provider}/",
        delivery.body if body is None else body,
        content_type="application/json",
        headers={name: value for name, value in sent.items() if value and name.lower() != "content-type"},
    )


def paid(stage: Stage, cast: Cast, provider: str) -> Delivery:
    checkout = stage.deposit(cast.bola, provider=provider)
    stage.end(checkout)
    (delivery,) = stage.sandbox.due_webhooks()
    return delivery


def notices(delivery: Delivery) -> list[Notice]:
    import hashlib

    digest = hashlib.sha256(delivery.body).digest()
    return list(Notice.objects.filter(provider=delivery.provider, digest=digest))


@pytest.mark.parametrize("provider", PROVIDERS)
def test_it_works(stage: Stage, cast: Cast, provider: str) -> None:
    delivery = paid(stage, cast, provider)
    answer = post(delivery)
    assert (answer.status_code, answer.json()) == (200, {"received": True})
    (notice,) = notices(delivery)
    assert wallet_balance(cast.bola) == "0.00"  # stored, not believed
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
def test_fifty_deliveries_are_one(stage: Stage, cast: Cast, provider: str) -> None:
    delivery = paid(stage, cast, provider)
    for _ in range(50):
        assert post(delivery).status_code == 200
    (notice,) = notices(delivery)
    assert notice.deliveries == 50
    for _ in range(3):
        commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert wallet_balance(cast.bola) == "1000.00"


@pytest.mark.parametrize("provider", PROVIDERS)
@pytest.mark.parametrize("signature", ["", "wrong", "0" * 128, "\t"])
def test_a_wrong_signature_keeps_nothing(stage: Stage, cast: Cast, provider: str, signature: str) -> None:
    delivery = paid(stage, cast, provider)
    name = {"paystack": "x-paystack-signature", "flutterwave": "verif-hash"}[provider]
    refused(post(delivery, **{name: signature}), 401, "signature_invalid")
    assert notices(delivery) == []


def test_a_changed_body_breaks_paystacks_signature(stage: Stage, cast: Cast) -> None:
    delivery = paid(stage, cast, "paystack")
    refused(post(delivery, body=delivery.body + b" "), 401, "signature_invalid")


def test_a_forged_flutterwave_notice_has_no_effect(stage: Stage, cast: Cast) -> None:
    """Whoever stole the secret hash can write notices; the provider says what is true."""
    checkout = stage.deposit(cast.bola, provider="flutterwave")
    said = {
        "event": "charge.completed",
        "data": {
            "id": 1,
            "tx_ref": checkout.transaction.reference.lower(),
            "status": "successful",
            "amount": 1000,
            "currency": "NGN",
        },
    }
    answer = Client().post(
        "/payments/webhooks/flutterwave/",
        json.dumps(said),
        content_type="application/json",
        headers={"verif-hash": "sandbox-secret-hash"},
    )
    assert answer.status_code == 200
    notice = Notice.objects.filter(provider="flutterwave").latest("received_at")
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert wallet_balance(cast.bola) == "0.00"


def test_a_provider_without_keys_answers_401(cast: Cast) -> None:
    for provider in PROVIDERS:
        answer = Client().post(f"/payments/webhooks/{provider}/", b"{}", content_type="application/json")
        refused(answer, 401, "signature_invalid")


def test_an_unknown_kind_of_notice_is_kept_and_ignored(stage: Stage, cast: Cast) -> None:
    body = json.dumps({"event": "something.new", "data": {"id": 5}}).encode()
    answer = Client().post(
        "/payments/webhooks/flutterwave/",
        body,
        content_type="application/json",
        headers={"verif-hash": "sandbox-secret-hash"},
    )
    assert answer.status_code == 200
    notice = Notice.objects.get(provider="flutterwave", digest=hashlib.sha256(body).digest())
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    notice.refresh_from_db()
    assert notice.state == "ignored"


def test_while_the_provider_is_silent_a_notice_waits(stage: Stage, cast: Cast) -> None:
    delivery = paid(stage, cast, "paystack")
    post(delivery)
    (notice,) = notices(delivery)
    stage.dial(verify__timeout_after=1.0)
    commands.handle_notice(notice_id=notice.id, now=stage.now)
    assert wallet_balance(cast.bola) == "0.00"
    stage.heal()
    stage.wait(minutes=1)
    stage.sweep()
    assert wallet_balance(cast.bola) == "1000.00"


def test_nothing_of_it_can_be_read_in_the_database(stage: Stage, cast: Cast) -> None:
    delivery = paid(stage, cast, "paystack")
    post(delivery)
    (notice,) = notices(delivery)
    assert cast.bola.email.encode() in delivery.body
    assert cast.bola.email.encode() not in bytes(notice.body)


# --- verify-payment --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", PROVIDERS)
def test_verify_asks_now(stage: Stage, cast: Cast, provider: str) -> None:
    checkout = stage.deposit(cast.bola, provider=provider)
    bola = cast.client_of(cast.bola)
    asked = {"reference": checkout.transaction.reference}
    assert bola.post(VERIFY, asked).json()["status"] == "processing"
    stage.end(checkout)
    answer = bola.post(VERIFY, asked)
    assert (answer.status_code, answer.json()["status"]) == (200, "completed")
    assert answer.json()["provider_reference"]
    assert wallet_balance(cast.bola) == "1000.00"


def test_the_office_may_verify_and_strangers_may_not(stage: Stage, cast: Cast) -> None:
    checkout = stage.deposit(cast.bola)
    asked = {"reference": checkout.transaction.reference}
    assert cast.client_of(cast.ada).post(VERIFY, asked).status_code == 200
    assert cast.client_of(cast.efe).post(VERIFY, asked).status_code == 200
    for stranger in (cast.chidi, cast.dayo, cast.palm_grove["Resident 2"]):
        before = stage.heard(checkout.transaction.id)
        refused(cast.client_of(stranger).post(VERIFY, asked), 404, "transaction_not_found")
        assert stage.heard(checkout.transaction.id) == before
    refused(anonymous().post(VERIFY, asked), 401, "not_signed_in")


def test_an_unknown_reference(stage: Stage, cast: Cast) -> None:
    refused(cast.client_of(cast.bola).post(VERIFY, {"reference": "A" * 26}), 404, "transaction_not_found")
    for no_reference in ("nope-123", "../..", "Ünbekannt"):
        refused(cast.client_of(cast.bola).post(VERIFY, {"reference": no_reference}), 404, "transaction_not_found")


def test_a_repeat_is_told_only_who_still_may_know(stage: Stage, cast: Cast) -> None:
    asked = {"reference": stage.deposit(cast.bola).transaction.reference}
    helper = cast.manager("ViewPayments", name="Helper")
    client = cast.client_of(helper)
    assert client.post(VERIFY, asked, key="again").status_code == 200
    with tenant(cast.cluster_id):
        Membership.objects.filter(cluster_id=cast.cluster_id, id=helper.membership_id).update(permissions=[])
    refused(client.post(VERIFY, asked, key="again"), 403, "permission_missing")
