"""A monthly payment in the running demonstration, its clock moved forward: it runs, warns of a shortfall, fails, is tried
again, pauses, and is resumed; each of it in the member's list and in the mail folder. And one that a card pays."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from email import message_from_bytes, policy
from typing import Any

import httpx
import pytest
from django.conf import settings

from clustr.kit import clock, stand_ins
from tests.kit.test_serve import Running

pytestmark = pytest.mark.early

ORDERS, NOTES = "/members/recurring-payments/", "/members/notifications/"


class Walk:
    """Bola, who lives in the demonstration's Palm Grove."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.address = f"http://127.0.0.1:{running.port}"
        signed_in = httpx.post(
            f"{self.address}/_allauth/app/v1/auth/login",
            json={"email": "bola@palmgrove.test", "password": "clustr-demo"},
        ).json()
        self.http = httpx.Client(
            base_url=self.address, headers={"Authorization": f"Bearer {signed_in['meta']['access_token']}"}
        )

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        answer = self.http.request(method, path, json=body)
        assert answer.is_success, answer.text
        return answer.json()

    def manage(self, *words: str) -> str:
        unset = ("DATABASE_URL", "DATABASE_APP_URL", "CLUSTR_BASE_URL", "DATABASE_ROLE_PREFIX", *stand_ins.NAMES)
        kept = {name: value for name, value in os.environ.items() if name not in unset}
        told = {
            "CLUSTR_ENV": "demo",
            "CLUSTR_DATA_DIR": str(self.running.data_dir),
            "DJANGO_SETTINGS_MODULE": "clustr.settings",
        }
        done = subprocess.run(
            [sys.executable, str(settings.PROJECT_ROOT / "manage.py"), *words],
            env=kept | told,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def later(self, by: str) -> dict[str, str]:
        """Move the clock and do what is due; what each task said."""
        self.manage("move_clock", by)
        said = self.manage("process_payments", "--task", "all")
        return dict(line.split(": ", 1) for line in said.splitlines() if not line.startswith(" "))

    def listed(self, what: str) -> list[tuple[str, str]]:
        """What Bola's list says of a recurring payment, the oldest first: event and body."""
        rows = self.ask("GET", f"{NOTES}?limit=100")["results"]
        mine = [row for row in reversed(rows) if row["event"].startswith("recurring_payment_") and what in row["body"]]
        return [(row["event"].removeprefix("recurring_payment_"), row["body"]) for row in mine]

    def mailed(self, what: str) -> list[str]:
        """The subjects of the mails to Bola that speak of it, in the order in which they were written."""
        found = sorted((self.running.data_dir / "mail").glob("*.eml"), key=lambda path: path.stat().st_mtime_ns)
        mails = [message_from_bytes(path.read_bytes(), policy=policy.default) for path in found]
        return [
            str(mail["Subject"])
            for mail in mails
            if "bola@palmgrove.test" in str(mail["To"]) and what in mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]
        ]

    def hears(self, what: str, *events: str) -> str:
        """Wait until she was told this in her list, and nothing else; answers what the last of it says."""
        self.running.until(lambda: [event for event, _ in self.listed(what)] == list(events))
        return self.listed(what)[-1][1]

    def gets(self, what: str, *subjects: str) -> None:
        """Wait until she has these mails, and no others."""
        self.running.until(lambda: len(self.mailed(what)) >= len(subjects))
        assert [subject.split(":")[0].strip() for subject in self.mailed(what)] == list(subjects)


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Walk]:
    run = Running(tmp_path_factory.mktemp("walk") / "data")
    run.until(run.ready)
    run.until(lambda: "ClustR is ready" in run.said())
    yield Walk(run)
    if run.process.poll() is None:
        run.process.kill()
        run.process.wait()


def soon() -> str:
    return (clock.now() + timedelta(hours=1)).isoformat()


def test_it_works(walk: Walk) -> None:
    balance = Decimal(walk.ask("GET", "/members/wallet/balance/")["balance"])
    amount = f"{(balance * Decimal('0.6')).quantize(Decimal(1))}.00"
    order = walk.ask(
        "POST",
        f"{ORDERS}create/",
        {"title": "Garden fund", "amount": amount, "frequency": "monthly", "start_date": soon()},
    )
    events = ["set_up"]

    def then(by: str, event: str, task: str = "recurring_payments") -> tuple[str, str]:
        """What the task said, and what Bola is told."""
        said = walk.later(by)[task]
        events.append(event)
        return said, walk.hears("Garden fund", *events)

    said, told = then("+2h", "processed")
    assert said.startswith("1 paid") and "The next one is on" in told
    said, told = then("+28d", "reminder", "recurring_reminders")
    assert not said.startswith("0 notices") and "Your wallet does not hold enough" in told
    for by in ("+4d", "+7h"):
        said, told = then(by, "failed")
        assert "1 to be tried again" in said and "your wallet lacks" in told
    said, told = then("+13h", "paused")
    assert "1 paused after failing" in said and "it failed 3 times" in told
    found = walk.ask("GET", f"{ORDERS}{order['id']}/")
    assert (found["status"], found["stopped_by"]) == ("paused", "failures")
    assert [run["status"] for run in found["history"]] == ["failed", "completed"]
    assert walk.ask("POST", f"{ORDERS}resume/", {"recurring_payment_id": order["id"]})["status"] == "active"
    walk.hears("Garden fund", *events, "resumed")
    walk.gets(
        "Garden fund",
        *("Recurring payment set up", "Recurring payment made", "Coming up", "Recurring payment failed"),
        *("Recurring payment failed", "Recurring payment paused", "Recurring payment resumed"),
    )
    assert "recurring_payments: 0 to look at, nothing done" in walk.manage("process_payments", "--dry-run")
    assert "invariants hold" in walk.manage("check_books")


def test_a_card_pays(walk: Walk) -> None:
    deposit = walk.ask(
        "POST", "/members/wallet/deposit/", {"amount": "500.00", "provider": "paystack", "save_card": True}
    )
    sandbox = re.search(r"no money moves\): (\S+)", walk.running.said())
    assert sandbox is not None
    body = {"provider": "paystack", "reference": deposit["reference"].lower(), "outcome": "success"}
    assert httpx.post(f"{sandbox[1]}/_sandbox/complete", json=body).is_success
    walk.running.until(lambda: walk.ask("GET", "/members/payment-methods/")["results"])
    card = walk.ask("GET", "/members/payment-methods/")["results"][0]
    begin = walk.ask("GET", f"{NOTES}?limit=1")["results"][0]["created_at"]
    start = (datetime.fromisoformat(begin) + timedelta(hours=1)).isoformat()
    order = walk.ask(
        "POST",
        f"{ORDERS}create/",
        {
            "title": "Road fund",
            "amount": "750.00",
            "frequency": "monthly",
            "start_date": start,
            "payment_source": "card",
            "payment_method_id": card["id"],
        },
    )
    assert "1 being charged to cards" in walk.later("+2h")["recurring_payments"]
    walk.running.until(lambda: walk.ask("GET", f"{ORDERS}{order['id']}/")["history"][0]["status"] == "completed")
    walk.later("+1h")
    assert "has paid ₦750.00" in walk.hears("Road fund", "set_up", "processed")
    walk.gets("Road fund", "Recurring payment set up", "Recurring payment made")
