"""What residents were told, whole: what happened at a glance, and behind it what to do and where."""

from __future__ import annotations

from clustr.notifications.types import Audience, NotificationEvents
from tests.cast import Cast
from tests.notifications.acts import tell
from tests.web.pages.browsing import Browser

PAGE = "https://checkout.example/confirm/1"


def test_what_to_do_stands_in_the_list_with_its_link(cast: Cast) -> None:
    facts = {"what": "Prepaid meter", "ending": "4567", "page": PAGE, "link": PAGE, "amount_minor": 70_000}
    event = NotificationEvents.UTILITY_AUTOMATION_CARD
    tell(cast, Audience.one(cast.bola.user_id), event, **facts)
    bola = Browser(cast.bola)
    bola.open("/app/notices/")
    assert "Your card asks for you: Prepaid meter" in bola.text
    assert f'<a href="{PAGE}" rel="nofollow">' in bola.text
    assert "If you do nothing, nothing is taken." in bola.text


def test_what_has_nothing_more_to_say_has_nothing_to_open(cast: Cast) -> None:
    bola = Browser(cast.bola)
    bola.open("/app/notices/")
    assert "What to do" not in bola.text
