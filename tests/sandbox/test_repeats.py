"""Two sandboxes with the same seed, clock and requests are the same, byte for byte; and a restart changes nothing."""

from __future__ import annotations

from pathlib import Path

from sandbox import Answer
from tests.sandbox.rig import Rig

FAULTS = {
    "any.timeout_after": 0.1,
    "any.error_before": 0.1,
    "charge.decline": 0.3,
    "webhook.drop": 0.2,
    "webhook.duplicate": 0.3,
    "webhook.bad_signature": 0.1,
    "refund.failed": 0.5,
    "transfer.failed": 0.3,
}


def lived(*, seed: int) -> list[object]:
    """Everything that a sandbox answers and sends in a busy day."""
    rig = Rig(seed=seed)
    rig.control("PUT", "/dials", FAULTS)
    seen: list[object] = []
    recipient = ""
    for number in range(40):
        reference = f"payment-{number:012d}"
        body: dict[str, object] = {"email": "a@b.co", "amount": 100_000, "reference": reference}
        seen.append(rig.raw("paystack", "POST", "/transaction/initialize", body))
        rig.sandbox.handle(
            "POST", "/_sandbox/complete", {}, f'{{"provider":"paystack","reference":"{reference}"}}'.encode()
        )
        seen.append(rig.raw("paystack", "GET", f"/transaction/verify/{reference}"))
        seen.append(rig.raw("paystack", "POST", "/refund", {"transaction": reference, "amount": 50_000}))
        made = rig.raw(
            "paystack",
            "POST",
            "/transferrecipient",
            {"type": "nuban", "name": "A", "account_number": "0123456789", "bank_code": "044"},
        )
        if isinstance(made, Answer) and made.status == 201:
            recipient = made.body.decode().split('"recipient_code": "')[1].split('"')[0]
        transfer = {"source": "balance", "amount": 10_000, "recipient": recipient, "reference": reference}
        seen.append(rig.raw("paystack", "POST", "/transfer", transfer))
        rig.wait(seconds=3)
        seen += [(delivery.headers, delivery.body) for delivery in rig.hooks(answered=500 if number % 3 else 200)]
    return [*seen, rig.control("GET", "/state")]


def test_it_works() -> None:
    assert lived(seed=7) == lived(seed=7)


def test_another_seed_is_another_run() -> None:
    assert lived(seed=7) != lived(seed=8)


def test_a_restart_keeps_everything(tmp_path: Path) -> None:
    first = Rig(folder=tmp_path)
    first.paid("paystack", "done")
    first.paystack_checkout("open")
    first.paid("flutterwave", "done")
    first.ask("paystack", "POST", "/refund", {"transaction": "done"})
    first.transfer("paystack")
    first.hooks(answered=500)
    second = Rig(folder=tmp_path)
    assert second.control("GET", "/state") == first.control("GET", "/state")
    for rig in (first, second):
        rig.wait(hours=1)
    assert second.told() == first.told()
    assert second.verified("paystack", "done")["status"] == "reversed"
    second.end("paystack", "open")
    third = Rig(folder=tmp_path)
    assert third.verified("paystack", "open")["status"] == "success"


def test_a_line_cut_short_by_a_kill_is_passed_over(tmp_path: Path) -> None:
    Rig(folder=tmp_path).paid("paystack")
    with (tmp_path / "journal.jsonl").open("a") as journal:
        journal.write('["charge", {"id": 1, "prov')
    assert Rig(folder=tmp_path).verified("paystack")["status"] == "success"


def test_a_reset_forgets_everything_but_never_gives_an_id_twice(rig: Rig) -> None:
    first = rig.paid("paystack")["id"]
    rig.control("POST", "/reset", {"seed": 7})
    rig.ask("paystack", "GET", "/transaction/verify/ref-1", status=400)
    assert rig.paid("paystack")["id"] > first
