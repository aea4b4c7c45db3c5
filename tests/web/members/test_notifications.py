"""`/members/notifications/`: the list, read marks, preferences."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from clustr.notifications.types import Audience, NotificationEvents
from tests.cast import Cast
from tests.notifications.acts import everybody, tell

HERE = "/members/notifications/"


def test_it_works(cast: Cast) -> None:
    tell(cast, everybody(cast))
    bola = cast.client_of(cast.bola)
    answer = bola.get(HERE).json()
    (notice,) = answer["results"]
    assert (answer["unread_count"], answer["next"]) == (1, None)
    assert (notice["event"], notice["about"], notice["priority"]) == ("payment_due", "member", "normal")
    assert notice["title"] == "New bill: Gate repair"
    assert notice["read_at"] is None
    assert bola.post(f"{HERE}read/", {"notification_ids": [notice["id"]]}).json() == {"unread_count": 0}
    assert bola.get(HERE).json()["results"][0]["read_at"] is not None
    assert bola.get(HERE, {"unread": "true"}).json()["results"] == []


def test_the_office_sees_what_it_may(cast: Cast) -> None:
    facts = {"member_user_id": str(cast.bola.user_id), "reason": "Why"}
    tell(cast, Audience.holders("ViewPayments"), NotificationEvents.BILL_DISPUTED, **facts)
    (notice,) = cast.client_of(cast.efe).get(HERE).json()["results"]
    assert (notice["about"], notice["priority"]) == ("office", "high")
    assert cast.client_of(cast.bola).get(HERE).json()["results"] == []


def test_pages(cast: Cast) -> None:
    for number in range(3):
        tell(cast, everybody(cast), bill=f"Bill {number}")
    bola = cast.client_of(cast.bola)
    first = bola.get(HERE, {"limit": "2"}).json()
    second = bola.get(HERE, {"limit": "2", "cursor": first["next"]}).json()
    titles = [row["title"] for row in (*first["results"], *second["results"])]
    assert titles == [f"New bill: Bill {number}" for number in (2, 1, 0)]
    assert second["next"] is None


def test_everything_is_read_at_once(cast: Cast) -> None:
    for _ in range(3):
        tell(cast, everybody(cast))
    assert cast.client_of(cast.bola).post(f"{HERE}read/", {"all": True}).json() == {"unread_count": 0}


def test_what_is_not_there_is_not_found(cast: Cast) -> None:
    answer = cast.client_of(cast.bola).post(f"{HERE}read/", {"notification_ids": [str(uuid4())]})
    assert (answer.status_code, answer.json()["code"]) == (404, "notification_not_found")


def test_preferences(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)
    wish = {"event": "bill_acknowledged", "channel": "email", "enabled": False}
    answer = bola.patch(f"{HERE}preferences/", {"preferences": [wish]})
    assert answer.status_code == 200
    shown = {row["event"]: row for row in bola.get(f"{HERE}preferences/").json()["results"]}
    assert {"channel": "email", "enabled": False, "can_change": True} in shown["bill_acknowledged"]["channels"]
    assert {"channel": "email", "enabled": True, "can_change": False} in shown["pin_locked"]["channels"]


@pytest.mark.parametrize(
    ("wish", "status", "code"),
    [
        ({"event": "pin_locked", "channel": "email", "enabled": False}, 409, "always_told"),
        ({"event": "payment_due", "channel": "sms", "enabled": True}, 422, "channel_not_offered"),
        ({"event": "made_up", "channel": "email", "enabled": True}, 422, "invalid"),
        ({"event": "payment_due", "channel": "pigeon", "enabled": True}, 422, "invalid"),
    ],
)
def test_refusals(cast: Cast, wish: dict[str, object], status: int, code: str) -> None:
    answer = cast.client_of(cast.bola).patch(f"{HERE}preferences/", {"preferences": [wish]})
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_the_number_of_queries_does_not_grow(cast: Cast) -> None:
    bola = cast.client_of(cast.bola)

    def queries() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert bola.get(HERE).status_code == 200
        return len(seen)

    tell(cast, everybody(cast))
    few = queries()
    for _ in range(20):
        tell(cast, everybody(cast))
        tell(cast, Audience.one(cast.bola.user_id))
    assert queries() == few
