"""Whatever anybody posts at the webhooks: never an error of ours, and without a right signature nothing is kept."""

from __future__ import annotations

import hashlib
import hmac
import json
import string
from typing import Any

import pytest
from django.test import Client
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from clustr.payments.models import Notice
from clustr.settlement import commands
from tests.settlement.stage import KEYS, PROVIDERS, Stage

SIGNED_BY = {"paystack": "x-paystack-signature", "flutterwave": "verif-hash"}
FEW = settings(
    max_examples=40,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)

told = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=30) | st.just("\x00"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
names = st.sampled_from(
    [
        "event",
        "event.type",
        "data",
        "id",
        "reference",
        "tx_ref",
        "txRef",
        "status",
        "transfer",
        "transfer_code",
        "transaction",
        "transaction_reference",
        "TransactionId",
        "AmountRefunded",
    ]
)
events = st.sampled_from(
    [
        "charge.success",
        "charge.completed",
        "transfer.success",
        "transfer.completed",
        "refund.processed",
        "charge.dispute.create",
        "dedicatedaccount.assign.success",
        "",
        "charge",
    ]
)
notices = st.builds(
    lambda event, data, rest: {**rest, "event": event, "data": data},
    events | told,
    st.dictionaries(names, told, max_size=5) | told,
    st.dictionaries(names, told, max_size=2),
)
written = (notices | told).map(lambda body: json.dumps(body).encode())
broken = st.builds(lambda body, cut: body[:cut], written, st.integers(0, 40))
bodies = written | broken | st.binary(max_size=200)
visible = st.text(string.ascii_letters + string.digits + string.punctuation + " \t", max_size=140)
headers = st.dictionaries(
    st.sampled_from([*SIGNED_BY.values(), "content-type", "content-encoding", "accept", "x-forwarded-for"]),
    visible,
    max_size=4,
)


def send(provider: str, body: bytes, sent: dict[str, str], **extra: Any) -> int:
    client = Client(raise_request_exception=False)
    kind = sent.get("content-type", "application/json")
    others = {name: value for name, value in sent.items() if name != "content-type"}
    address = f"/payments/webhooks/{provider}/"
    return client.post(address, body, content_type=kind, headers=others, **extra).status_code


def signed(provider: str, body: bytes) -> dict[str, str]:
    if provider == "flutterwave":
        return {"verif-hash": KEYS.FLUTTERWAVE_WEBHOOK_SECRET}
    key = KEYS.PAYSTACK_SECRET_KEY.encode()
    return {"x-paystack-signature": hmac.new(key, body, hashlib.sha512).hexdigest()}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_without_a_right_signature_nothing_is_kept(stage: Stage, provider: str) -> None:
    @FEW
    @given(body=bodies, sent=headers)
    @example(body=b"{}", sent={SIGNED_BY[provider]: "0" * 128})
    @example(body=b"{}", sent={SIGNED_BY[provider]: KEYS.FLUTTERWAVE_WEBHOOK_SECRET.upper()})
    @example(body=b"{}", sent={SIGNED_BY[provider]: KEYS.FLUTTERWAVE_WEBHOOK_SECRET + " x"})
    @example(body=b"{}", sent={"x-paystack-signature": KEYS.FLUTTERWAVE_WEBHOOK_SECRET, "verif-hash": "x"})
    def everything(body: bytes, sent: dict[str, str]) -> None:
        assert 400 <= send(provider, body, sent) < 500

    before = Notice.objects.count()
    everything()
    assert Notice.objects.count() == before


@pytest.mark.parametrize("provider", PROVIDERS)
def test_whatever_is_rightly_signed_is_kept_and_acted_on_without_an_error(stage: Stage, provider: str) -> None:
    seen = set[bytes]()

    @FEW
    @given(body=bodies)
    @example(body=b"")
    @example(body=b'{"event": "charge.completed", "data": {"id": "1\\u0000", "tx_ref": "\\ud800"}}')
    @example(body=b'{"event": "charge.success", "data": {"id": ' + b"9" * 4_500 + b', "reference": "x"}}')
    @example(body=b'{"event": "charge.success", "data": {"id": "' + b"9" * 4_500 + b'", "reference": "x"}}')
    @example(body=b"[" * 50_000)
    def everything(body: bytes) -> None:
        assert send(provider, body, signed(provider, body)) == 200
        notice = Notice.objects.get(provider=provider, digest=hashlib.sha256(body).digest())
        commands.handle_notice(notice_id=notice.id, now=stage.now)
        seen.add(body)

    everything()
    assert len(seen) > 15


@pytest.mark.parametrize("length", ["x", "-1", "1e9", "9" * 5_000, str(128 * 1024 + 1), "٣"])
def test_a_length_that_is_too_much_or_none(stage: Stage, length: str) -> None:
    body = b"{}"
    assert send("flutterwave", body, signed("flutterwave", body), CONTENT_LENGTH=length) == 413
