"""`/members/utilities/automations/`: set up, change, switch, look at, look ahead, limit; and the walk of a resident through all
of utilities with the clock moved."""

from __future__ import annotations

import io
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.core.management import call_command

from clustr.kit import clock
from tests.canaries import stored
from tests.cast import ApiClient, Cast
from tests.databases import administrator
from tests.money import fund
from tests.recurring.automating import Automations, automations, to_the_second
from tests.utilities.counter import CABLE, METER, POSTPAID, PREPAID
from tests.web.asking import refused, statements
from tests.web.members.test_utilities import fresh_number, have_it_named, written

__all__ = ["automations", "written"]
pytestmark = pytest.mark.usefixtures("books")
MINE = "/members/utilities/"
PIN = "482915"
WEEKLY = {"kind": "weekday", "every": 5, "at": "09:30"}


@pytest.fixture
def bola(automations: Automations, cast: Cast) -> ApiClient:
    fund(cast, cast.bola, "10000.00")
    return cast.client_of(cast.bola)


def ordered(automations: Automations, client: ApiClient, **more: Any) -> Any:
    body = {"account_id": str(automations.number()), "schedule": WEEKLY, "amount": "2000.00", **more}
    return client.post(MINE + "automations/", body)


def test_it_works(automations: Automations, bola: ApiClient) -> None:
    made = ordered(automations, bola, spending_limit="9000.00", minimum_balance="500.00", priority=3)
    assert made.status_code == 201
    mine = made.json()
    assert (mine["status"], mine["next_run_at"], mine["ending"]) == ("off", None, METER[-4:])
    assert mine["schedule"] == WEEKLY
    assert (mine["spending_limit"], mine["minimum_balance"], mine["priority"]) == ("9000.00", "500.00", 3)
    assert bola.get(MINE + "automations/").json()["results"] == [mine]
    one = f"{MINE}automations/{mine['id']}/"
    on = bola.patch(one, {"is_enabled": True}).json()
    assert on["status"] == "on"
    assert on["next_run_at"].endswith("08:30:00Z")
    assert datetime.fromisoformat(on["next_run_at"]).isoweekday() == 5
    changed = bola.patch(one, {"amount": "1500.00", "spending_limit": None, "notify": ["limit"]}).json()
    assert (changed["amount"], changed["spending_limit"], changed["notify"]) == ("1500.00", None, ["limit"])
    assert bola.patch(one, {"is_enabled": False}).json()["status"] == "off"
    assert bola.get(one + "history/").json() == {"results": [], "next": None}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"schedule": {"kind": "weekday", "every": 8}}, 422, "automation_schedule_invalid"),
        ({"amount": None}, 422, "automation_amount_invalid"),
        ({"payment_source": "card"}, 422, "automation_card_invalid"),
        ({"amount": None, "max_amount": "2000.00"}, 409, "too_little_history"),
        ({"payment_method_id": str(uuid4())}, 404, "payment_method_not_found"),
        ({"amount": "60000.00"}, 409, "utility_pin_needed"),
        ({"account_id": str(uuid4())}, 404, "utility_account_not_found"),
    ],
)
def test_what_is_refused(automations: Automations, bola: ApiClient, change: Any, status: int, code: str) -> None:
    refused(ordered(automations, bola, **change), status, code)


def test_one_that_is_removed_buys_nothing_and_is_shown_no_more(
    automations: Automations, bola: ApiClient, cast: Cast
) -> None:
    """It makes room for another; what it bought stays."""
    id = automations.set_up(amount="500.00")
    automations.next_day()
    one = f"{MINE}automations/{id}/"
    refused(cast.client_of(cast.chidi).delete(one), 404, "automation_not_found")
    for _ in range(2):
        assert bola.delete(one).status_code in (200, 404)
    refused(bola.patch(one, {"is_enabled": True}), 404, "automation_not_found")
    refused(bola.get(one + "history/"), 404, "automation_not_found")
    assert bola.get(MINE + "automations/").json()["results"] == []
    assert automations.next_day().bought == 0
    assert len(bola.get(MINE + "bills/").json()["results"]) == 1


@pytest.mark.parametrize("at", ["24:00", "9:30", "09:30:00", "", "aa:bb"])
def test_what_is_no_time_of_day(automations: Automations, bola: ApiClient, at: str) -> None:
    assert ordered(automations, bola, schedule={**WEEKLY, "at": at}).status_code == 422


def test_what_cannot_be_taken_away(automations: Automations, bola: ApiClient) -> None:
    one = f"{MINE}automations/{ordered(automations, bola).json()['id']}/"
    for field in ("schedule", "priority", "is_enabled", "notify", "allow_partial", "payment_source"):
        answer = bola.patch(one, {field: None})
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    assert bola.patch(one, {"minimum_balance": None}).json()["minimum_balance"] == "0.00"


def test_the_pin(automations: Automations, bola: ApiClient) -> None:
    account = str(automations.number())
    bola.post("/members/wallet/set_pin/", {"pin": PIN})
    body = {"account_id": account, "schedule": WEEKLY, "amount": "2000.00", "is_enabled": True}
    refused(bola.post(MINE + "automations/", body), 422, "pin_required")
    refused(bola.post(MINE + "automations/", {**body, "pin": "111111"}), 403, "pin_incorrect")
    one = f"{MINE}automations/{bola.post(MINE + 'automations/', {**body, 'pin': PIN}).json()['id']}/"
    refused(bola.patch(one, {"amount": "2000.01"}), 422, "pin_required")
    assert bola.patch(one, {"amount": "1999.99"}).status_code == 200
    refused(bola.patch(one, {"allow_partial": True}), 422, "pin_required")
    assert bola.patch(one, {"allow_partial": True, "pin": PIN}).status_code == 200
    assert bola.patch(one, {"allow_partial": False}).status_code == 200
    assert bola.patch(one, {"is_enabled": False}).status_code == 200
    refused(bola.patch(one, {"is_enabled": True}), 422, "pin_required")
    limit = {"service_type": "electricity_utility", "limit": "4000.00"}
    assert bola.post(MINE + "spending_limits/", limit).status_code == 200
    refused(bola.post(MINE + "spending_limits/", {**limit, "limit": "4000.01"}), 422, "pin_required")
    refused(bola.post(MINE + "spending_limits/", {**limit, "limit": None}), 422, "pin_required")
    assert bola.post(MINE + "spending_limits/", {**limit, "limit": None, "pin": PIN}).status_code == 200


def test_a_first_answer_is_kept_without_the_customers_name(automations: Automations, bola: ApiClient) -> None:
    named = {"provider_id": str(automations.counter.provider().id), "customer_id": METER}
    whose = bola.post(MINE + "validate_customer/", named, key="whose").json()
    quoted = bola.post(MINE + "quote/", {**named, "amount": "2000.00"}, key="how much").json()
    name = whose["customer_name"]
    assert name
    assert name == quoted["customer_name"]
    again = bola.post(MINE + "validate_customer/", named, key="whose")
    assert (again.json(), again["Idempotent-Replayed"]) == (whose, "true")
    again = bola.post(MINE + "quote/", {**named, "amount": "2000.00"}, key="how much")
    assert (again.json(), again["Idempotent-Replayed"]) == (quoted, "true")
    with administrator() as server:
        (kept,) = server.execute("SELECT string_agg(t::text, '') FROM audit_idempotency_key t").fetchall()[0]
    assert quoted["id"] in kept
    assert name not in kept
    assert METER not in kept


@pytest.mark.parametrize(("code", "shape"), [(PREPAID, "9" * 11), (POSTPAID, "9" * 8), (CABLE, "A" * 6)])
def test_number_and_token_of_an_automation_stand_nowhere_in_clear(
    automations: Automations, cast: Cast, written: io.StringIO, code: str, shape: str
) -> None:
    fund(cast, cast.bola, "10000.00")
    number, counter = fresh_number(shape), automations.counter
    have_it_named(counter, number)
    account = automations.number(number, code)
    id = automations.set_up(account, spending_limit="3000.00", minimum_balance="100.00")
    counter.dial(bill__timeout_after=1)
    automations.next_day()
    counter.wait(minutes=6)
    (bought,) = counter.undecided()
    token = counter.ask(bought).token
    automations.follow()
    automations.next_day()
    (_run, _limited) = automations.history(id)
    assert cast.client_of(cast.bola).get(f"/members/transactions/{bought}/receipt/").status_code == 200
    assert bool(token) is (code == PREPAID)
    secrets = [number, *([token, token.replace("-", "")] if token else [])]
    assert {text: stored(text) for text in secrets} == {text: [] for text in secrets}
    assert [text for text in secrets if text in written.getvalue()] == []


# --- The walk -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def movable(tmp_path: Path, automations: Automations) -> Iterator[Automations]:
    """The demonstration's clock, which `move_clock` moves; the utility's stand-in follows it."""
    clock.use_offset_file(tmp_path / "offset")
    clock.move(to_the_second(clock.now()))
    _follow(automations)
    yield automations
    clock.use_offset_file(None)


def _follow(automations: Automations) -> None:
    automations.counter.clock.move(by=clock.now() - automations.counter.now)


def move(automations: Automations, by: str) -> None:
    """`bin/manage move_clock`, and what the workers then do by themselves."""
    call_command("move_clock", by)
    _follow(automations)
    automations.run()


@pytest.mark.parametrize("trouble", ["", "bill__timeout_after"])
def test_a_resident_walks_through_it(movable: Automations, cast: Cast, trouble: str) -> None:
    """Find, validate, buy, see token and receipt, save, automate with limits, watch it run, hit the limit, be told, switch
    off. With a time-out after vending the same token comes once and is paid once."""
    fund(cast, cast.bola, "20000.00")
    bola, counter = cast.client_of(cast.bola), movable.counter
    found = bola.get(MINE + "providers/", {"service_type": "electricity_utility"}).json()["results"]
    provider = next(row for row in found if row["id"] == str(counter.provider().id))
    assert provider["allows_parts"]
    named = {"provider_id": provider["id"], "customer_id": METER}
    whose = bola.post(MINE + "validate_customer/", named).json()
    assert whose["status"] == "confirmed"
    quoted = bola.post(MINE + "quote/", {**named, "amount": "2000.00"}).json()
    counter.dial(**({trouble: 1} if trouble else {}))
    bought = bola.post(MINE + "pay/", {"quote_id": quoted["id"], "amount": "2000.00"}, key="walk").json()
    counter.vend(UUID(bought["id"]))
    told = bola.get(f"{MINE}purchases/{bought['id']}/").json()
    assert told["status"] == ("unknown" if trouble else "completed")
    counter.heal()
    if trouble:
        move(movable, "+6m")
        counter.ask(UUID(bought["id"]))
        told = bola.get(f"{MINE}purchases/{bought['id']}/").json()
    (vend,) = counter.vends()
    assert (told["status"], told["token"]) == ("completed", vend["token"])
    receipt = bola.get(f"/members/transactions/{bought['id']}/receipt/")
    assert receipt["Content-Type"] == "application/pdf"
    assert bola.get("/members/wallet/balance/").json()["balance"] == "17900.00"

    bola.post(MINE + "validate_customer/", named)
    account = bola.post(MINE + "accounts/", {**named, "label": "Flat"}).json()
    automation = bola.post(
        MINE + "automations/",
        {
            "account_id": account["id"],
            "schedule": {"kind": "every_days", "every": 7},
            "amount": "2000.00",
            "spending_limit": "4500.00",
            "minimum_balance": "1000.00",
            "is_enabled": True,
        },
    ).json()
    (ahead,) = bola.get(MINE + "upcoming/").json()["results"]
    assert (ahead["automation_id"], ahead["amount"], ahead["shortfall"]) == (automation["id"], "2000.00", "0.00")
    for _ in range(3):
        move(movable, "+7d")
    history = bola.get(f"{MINE}automations/{automation['id']}/history/").json()["results"]
    assert [(run["status"], run["failure"]) for run in history] == [
        ("skipped", "spending_limit"),
        ("completed", ""),
        ("completed", ""),
    ]
    notices = [row["title"] for row in bola.get("/members/notifications/").json()["results"]]
    assert any(title.startswith("Spending limit reached") for title in notices)
    assert sum(title.startswith("Your token is ready") for title in notices) == 3
    off = bola.patch(f"{MINE}automations/{automation['id']}/", {"is_enabled": False}).json()
    assert (off["status"], off["next_run_at"]) == ("off", None)
    move(movable, "+30d")
    assert len(counter.vends()) == 3
    assert bola.get("/members/wallet/balance/").json()["balance"] == "13700.00"
    sums = cast.client_of(cast.ada).get("/management/payments/utility_payments/").json()
    assert sums["automations"]["on"] == 0


def test_what_the_office_sees(automations: Automations, cast: Cast) -> None:
    fund(cast, cast.bola, "10000.00")
    automations.set_up(spending_limit="4200.00")
    for _ in range(3):
        automations.next_day()
    office = cast.client_of(cast.ada)
    from clustr.kit.tenancy import tenant
    from clustr.recurring.automation_queries import automation_sums_of_cluster

    with tenant(cast.cluster_id):
        sums = automation_sums_of_cluster(actor=cast.ada.actor, now=automations.counter.now)
    assert (sums.members, sums.on, sums.delivered, sums.limited, sums.failed) == (1, 1, 2, 1, 0)
    seen = office.get("/management/payments/utility_payments/").json()
    assert seen["automations"]["adoption_basis_points"] == 10_000 // seen["sums"]["residents"]
    assert METER not in str(seen)


def test_looking_ahead(automations: Automations, bola: ApiClient, cast: Cast) -> None:
    """In the order of time, with what the wallet will lack by then and whether a limit forbids it."""
    first = ordered(automations, bola, amount="6000.00", is_enabled=True).json()
    other = str(automations.number("04587654321"))
    second = ordered(
        automations, bola, account_id=other, amount="5000.00", is_enabled=True, schedule={"kind": "weekday", "every": 6}
    ).json()
    third = ordered(
        automations,
        bola,
        account_id=other,
        is_enabled=True,
        spending_limit="2000.00",
        schedule={"kind": "every_days", "every": 9},
    ).json()
    ahead = {row["automation_id"]: row for row in bola.get(MINE + "upcoming/").json()["results"]}
    assert ahead[first["id"]]["shortfall"] == "0.00"
    assert ahead[second["id"]]["shortfall"] == "1200.00"
    assert (ahead[third["id"]]["is_over_limit"], ahead[third["id"]]["shortfall"]) == (True, "0.00")


def test_lists_cost_the_same_however_long(automations: Automations, bola: ApiClient) -> None:
    lists = ("automations/", "upcoming/", "spending_limits/")

    def costs() -> list[int]:
        return [statements(lambda name=name: bola.get(MINE + name)) for name in lists]  # type: ignore[misc]

    ordered(automations, bola, is_enabled=True)
    few = costs()
    for number in ("04587654321", "04587654322", "04587654323"):
        ordered(automations, bola, account_id=str(automations.number(number)), is_enabled=True)
    assert costs() == few
