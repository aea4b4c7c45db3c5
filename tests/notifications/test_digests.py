"""Once a day, the office reads in one mail what it was told in the list."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from django.core.mail import EmailMultiAlternatives

from clustr.kit.tenancy import tenant
from clustr.notifications import commands
from clustr.notifications.models import Event
from clustr.notifications.types import Audience, NotificationEvents
from tests.bills.acts import pay
from tests.cast import Cast
from tests.money import acknowledge, fund, issue
from tests.notifications.acts import listed, sent, tell
from tests.races import race

E = NotificationEvents
DAY = timedelta(days=1)


def happened(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    for person in cast.residents[:2]:
        acknowledge(cast, person, bill)
    fund(cast, cast.bola, "5000.00")
    pay(cast, cast.bola, bill)
    sent(cast)


def digests(cast: Cast, at: datetime) -> int:
    return commands.make_digests(cluster_id=cast.cluster_id, now=at)


def test_it_works(cast: Cast) -> None:
    happened(cast)
    assert digests(cast, cast.now + DAY) == 2
    mails: dict[str, list[EmailMultiAlternatives]] = {}
    for mail in sent(cast):
        mails.setdefault(mail.to[0], []).append(mail)
    assert {address: len(held) for address, held in mails.items()} == {cast.ada.email: 2, cast.efe.email: 1}
    (acknowledged,) = mails[cast.efe.email]
    assert "2 acknowledgments" in acknowledged.subject
    assert "- Service charge: 2" in acknowledged.body
    (credited,) = [mail for mail in mails[cast.ada.email] if "credited" in mail.subject]
    assert "₦5,000.00 credited" in credited.subject
    assert "- Service charge: ₦5,000.00 (1)" in credited.body


def test_once_a_day_whoever_runs_it(cast: Cast) -> None:
    happened(cast)
    race(lambda: digests(cast, cast.now + DAY), runners=4).only()
    assert digests(cast, cast.now + DAY) == 0
    assert digests(cast, cast.now + 2 * DAY) == 0
    with tenant(cast.cluster_id):
        assert Event.objects.filter(office_event=E.ACKNOWLEDGMENT_DIGEST).count() == 1


def test_not_before_the_day_has_ended(cast: Cast) -> None:
    happened(cast)
    assert digests(cast, cast.now) == 0


def test_days_without_a_worker_are_made_up_for(cast: Cast) -> None:
    happened(cast)
    assert digests(cast, cast.now + 3 * DAY) == 2


def test_nothing_happened_nothing_is_said(cast: Cast) -> None:
    assert digests(cast, cast.now + DAY) == 0


def test_a_digest_is_a_mail_and_no_line_of_the_list(cast: Cast) -> None:
    happened(cast)
    digests(cast, cast.now + DAY)
    assert not {notice.event for notice in listed(cast.ada)} & {E.ACKNOWLEDGMENT_DIGEST, E.CLUSTER_WALLET_DIGEST}


def test_the_day_is_the_estates(cast: Cast) -> None:
    """Half past midnight in Lagos is still the day before in UTC."""
    lagos = ZoneInfo("Africa/Lagos")
    today = cast.now.astimezone(lagos).date()
    early = datetime(today.year, today.month, today.day, 0, 30, tzinfo=lagos)
    assert early.astimezone(UTC).date() < today
    facts = {"member_user_id": str(cast.bola.user_id), "bill": "Late"}
    commands.notify(
        event=E.BILL_ACKNOWLEDGED,
        cluster_id=cast.cluster_id,
        audience=Audience.holders("ViewPayments"),
        subject_id=None,
        facts=facts | {"amount_minor": 1, "currency": "NGN"},
        now=early,
    )
    assert digests(cast, cast.now) == 0
    assert digests(cast, early + DAY) == 1


def test_strangers_hear_nothing(cast: Cast) -> None:
    tell(cast, Audience.one(cast.bola.user_id))
    happened(cast)
    digests(cast, cast.now + DAY)
    assert sent(cast, cluster_id=cast.lekki.id) == []
