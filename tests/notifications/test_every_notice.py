"""The notices of the customer's list, one by one: who is told, on which channel, and what it says. Nobody else is told."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any

import pytest
from django.core.mail import EmailMultiAlternatives

from clustr.bills.telling import STILL_OWED, audience_of, facts_of
from clustr.clusters import commands as clusters
from clustr.kit.tenancy import tenant
from clustr.notifications import commands
from clustr.notifications.types import Audience, NotificationEvents, Priority
from clustr.payments import commands as payments
from clustr.payments.models import Transaction
from clustr.payments.states import CaseKind
from clustr.wallets import commands as wallets
from clustr.wallets.types import OfflineMethod
from tests.bills.acts import cancel, dispute, edit, offline, pay, refund, reject, uphold
from tests.cast import Cast, Person
from tests.money import acknowledge, fund, issue, naira
from tests.notifications.acts import listed, sent, tell, told
from tests.settlement.stage import Stage

E = NotificationEvents


@pytest.fixture
def stage(cast: Cast, monkeypatch: pytest.MonkeyPatch) -> Stage:
    from clustr.payments.providers import registry

    made = Stage(cast)
    monkeypatch.setattr(registry, "_registry", lambda: made.registry)
    return made


def quiet(cast: Cast) -> None:
    """Let what was told so far be gone: mail sent, lists read."""
    sent(cast)
    for person in cast.palm_grove.people.values():
        commands.mark_all_read(actor=person.actor, now=cast.now)


def unread(person: Person) -> list[str]:
    return [notice.event.value for notice in listed(person) if notice.read_at is None]


def hears(cast: Cast, event: NotificationEvents, readers: Iterable[Person], *says: str) -> None:
    """These people have one unread notice of this kind, which says this; the others of both estates have none."""
    readers = list(readers)
    for person in (*cast.palm_grove.people.values(), *cast.lekki.people.values()):
        expected = int(any(person is reader for reader in readers))
        assert unread(person).count(event.value) == expected, (person.name, event, unread(person))
    for reader in readers:
        notice = told(reader, event)[-1]
        for words in says:
            assert words in f"{notice.title}\n{notice.body}", (words, notice)


def mailed(
    cast: Cast, event: NotificationEvents, readers: Iterable[Person], *says: str
) -> list[EmailMultiAlternatives]:
    """What is mailed now goes to these people, once each, and says this, in text and in HTML."""
    mails = sent(cast)
    assert sorted(mail.to[0] for mail in mails) == sorted(person.email for person in readers), event
    for mail in mails:
        html = str(mail.alternatives[0][0])
        assert "Palm Grove" in mail.subject
        for words in says:
            assert words in mail.subject + mail.body, (words, mail.body)
            assert words in html, (words, html)
    return mails


# --- Bills -----------------------------------------------------------------------------------------------------------


def test_new_bill_for_the_whole_estate_is_told_to_every_member(cast: Cast) -> None:
    issue(cast, "5000.00", title="Service charge")
    hears(cast, E.PAYMENT_DUE, cast.residents, "New bill: Service charge", "₦5,000.00", "acknowledge")
    mailed(cast, E.PAYMENT_DUE, cast.residents, "New bill: Service charge", "₦5,000.00", "Bill number")


def test_new_bill_for_one_member_is_told_to_that_member_only(cast: Cast) -> None:
    issue(cast, "5000.00", to=cast.bola)
    hears(cast, E.PAYMENT_DUE, [cast.bola], "New bill: Service charge", "₦5,000.00")
    mailed(cast, E.PAYMENT_DUE, [cast.bola], "New bill: Service charge")


def test_a_changed_bill_is_told_to_whom_it_reaches(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    quiet(cast)
    edit(cast, bill, amount=naira("6000.00"))
    hears(cast, E.BILL_CHANGED, cast.residents, "A bill was changed", "₦6,000.00", "acknowledge it again")
    mailed(cast, E.BILL_CHANGED, cast.residents, "₦6,000.00")


def test_acknowledgment_is_confirmed_to_the_member_and_shown_to_the_office(cast: Cast) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    quiet(cast)
    acknowledge(cast, cast.bola, bill)
    hears(cast, E.BILL_ACKNOWLEDGED, [cast.bola, cast.ada, cast.efe], "acknowledged Service charge", "₦5,000.00")
    assert told(cast.ada, E.BILL_ACKNOWLEDGED)[-1].title == "Bola acknowledged Service charge"
    mailed(cast, E.BILL_ACKNOWLEDGED, [cast.bola], "You acknowledged Service charge")
    acknowledge(cast, cast.bola, bill)
    assert len(told(cast.bola, E.BILL_ACKNOWLEDGED)) == 1, "a repeat changes nothing"


def test_dispute_reaches_the_office_at_once_with_high_priority(cast: Cast) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    quiet(cast)
    dispute(cast, cast.bola, bill)
    hears(cast, E.BILL_DISPUTED, [cast.bola, cast.ada, cast.efe], "Service charge", "not mine")
    for office in (cast.ada, cast.efe):
        notice = told(office, E.BILL_DISPUTED)[-1]
        assert (notice.priority, notice.title) == (Priority.HIGH, "Disputed: Service charge, by Bola")
    mailed(cast, E.BILL_DISPUTED, [cast.bola, cast.ada, cast.efe], "not mine")


@pytest.mark.parametrize("upheld", [True, False])
def test_a_resolved_dispute_is_told_to_its_member(cast: Cast, upheld: bool) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    opened = dispute(cast, cast.bola, bill)
    quiet(cast)
    if upheld:
        uphold(cast, opened, "1000.00")
    else:
        reject(cast, opened)
    says = ("was upheld", "You now owe ₦1,000.00", "agreed") if upheld else ("was rejected", "it stands")
    hears(cast, E.DISPUTE_RESOLVED, [cast.bola], *says)
    mailed(cast, E.DISPUTE_RESOLVED, [cast.bola], *says)


def test_a_reminder_goes_to_who_still_owes(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    payer, objector, debtor = cast.residents[:3]
    acknowledge(cast, payer, bill)
    fund(cast, payer, "5000.00")
    pay(cast, payer, bill)
    dispute(cast, objector, bill)
    quiet(cast)
    remind(cast, bill, E.PAYMENT_DUE, reminder=True)
    hears(cast, E.PAYMENT_DUE, [debtor], "Reminder: Service charge is due", "has not been paid in full")
    mailed(cast, E.PAYMENT_DUE, [debtor], "Reminder: Service charge is due")


def test_overdue_goes_to_who_still_owes(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    pay(cast, cast.bola, bill)
    quiet(cast)
    remind(cast, bill, E.BILL_OVERDUE)
    hears(cast, E.BILL_OVERDUE, cast.residents[1:], "Overdue: Service charge", "speak to the office")
    mailed(cast, E.BILL_OVERDUE, cast.residents[1:], "Overdue: Service charge")


def remind(cast: Cast, bill: Any, event: NotificationEvents, **more: object) -> None:
    commands.notify(
        event=event,
        cluster_id=cast.cluster_id,
        audience=audience_of(bill, condition=STILL_OWED),
        subject_id=bill.id,
        facts=facts_of(bill) | more,
        now=cast.now,
    )


def test_a_wallet_payment_is_confirmed_and_credits_the_estate(cast: Cast) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    quiet(cast)
    pay(cast, cast.bola, bill, "2000.00")
    hears(cast, E.PAYMENT_CONFIRMED, [cast.bola], "Payment received: ₦2,000.00", "paid from your wallet")
    hears(cast, E.CLUSTER_WALLET_CREDITED, [cast.ada], "₦2,000.00 for Service charge", "from Bola")
    mailed(cast, E.PAYMENT_CONFIRMED, [cast.bola], "Payment received: ₦2,000.00", "Reference")


def test_a_direct_payment_is_confirmed_and_credits_the_estate(cast: Cast, stage: Stage) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    quiet(cast)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.end(checkout)
    stage.confirm(checkout)
    hears(cast, E.PAYMENT_CONFIRMED, [cast.bola], "Payment received: ₦5,000.00", "directly through Paystack")
    hears(cast, E.CLUSTER_WALLET_CREDITED, [cast.ada], "₦5,000.00 for Service charge")
    stage.confirm(checkout)
    mailed(cast, E.PAYMENT_CONFIRMED, [cast.bola], "Payment received: ₦5,000.00")


def test_a_payment_by_hand_is_confirmed(cast: Cast) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    quiet(cast)
    offline(cast, cast.bola, bill, "5000.00", method=OfflineMethod.CASH)
    hears(cast, E.PAYMENT_CONFIRMED, [cast.bola], "paid in cash")
    mailed(cast, E.PAYMENT_CONFIRMED, [cast.bola], "paid in cash")


def test_what_was_recorded_by_mistake_is_told(cast: Cast) -> None:
    fund(cast, cast.bola, "50.00")
    quiet(cast)
    with tenant(cast.cluster_id):
        receipt = Transaction.objects.get(cluster_id=cast.cluster_id, user_id=cast.bola.user_id)
    wallets.reverse_offline_receipt(
        actor=cast.ada.actor, transaction_id=receipt.id, amount=None, reason="Another's slip.", now=cast.now
    )
    hears(cast, E.WALLET_CORRECTED, [cast.bola], "₦50.00 was taken back from your wallet", "Another's slip.")
    mailed(cast, E.WALLET_CORRECTED, [cast.bola], "₦50.00 was taken back")


def test_a_credit_of_the_cluster_wallet_is_shown_to_who_may_see_it(cast: Cast) -> None:
    wallets.credit_cluster_wallet(
        actor=cast.ada.actor, amount=naira("750.00"), description="Hall rent", source="Bank", now=cast.now
    )
    hears(cast, E.CLUSTER_WALLET_CREDITED, [cast.ada], "₦750.00 for Hall rent")
    mailed(cast, E.CLUSTER_WALLET_CREDITED, [])


def test_a_cancelled_bill_is_told_to_whom_it_reached(cast: Cast) -> None:
    bill = issue(cast, "5000.00")
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    pay(cast, cast.bola, bill)
    quiet(cast)
    cancel(cast, bill, refund=True)
    says = ("A bill was cancelled: Service charge", "back in their wallet", "issued in error")
    hears(cast, E.BILL_CANCELLED, cast.residents, *says)
    mailed(cast, E.BILL_CANCELLED, cast.residents, *says)


def test_a_refund_is_told_to_the_payer(cast: Cast) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    fund(cast, cast.bola, "5000.00")
    transaction, _bill = pay(cast, cast.bola, bill)
    quiet(cast)
    refund(cast, transaction, "500.00")
    hears(cast, E.PAYMENT_REFUNDED, [cast.bola], "Refunded: ₦500.00", "paid twice")
    mailed(cast, E.PAYMENT_REFUNDED, [cast.bola], "Refunded: ₦500.00")
    hears(cast, E.PAYMENT_CONFIRMED, [])


# --- Errors ----------------------------------------------------------------------------------------------------------


def test_a_failed_payment_is_told_with_what_can_be_done(cast: Cast, stage: Stage) -> None:
    bill = issue(cast, "5000.00", to=cast.bola)
    acknowledge(cast, cast.bola, bill)
    quiet(cast)
    checkout = stage.pay_bill(cast.bola, bill.id)
    stage.end(checkout, "insufficient_funds")
    stage.confirm(checkout)
    says = ("Payment failed: ₦5,000.00", "What you can do:", "Try again in ClustR.", "No money was taken")
    hears(cast, E.PAYMENT_FAILED, [cast.bola], *says)
    assert told(cast.bola, E.PAYMENT_FAILED)[-1].priority is Priority.HIGH
    stage.confirm(checkout)
    mailed(cast, E.PAYMENT_FAILED, [cast.bola], *says)


def test_what_needs_a_person_reaches_who_may_decide(cast: Cast) -> None:
    with tenant(cast.cluster_id):
        facts = {"provider": "paystack", "reference": "abc"}
        for _time in range(2):
            payments.open_case(kind=CaseKind.CHARGEBACK, subject="one", facts=facts, now=cast.now)
    hears(cast, E.ADMIN_ALERT, [cast.ada], "bank takes a payment back", "Nothing is changed until a person has decided")
    assert told(cast.ada, E.ADMIN_ALERT)[-1].priority is Priority.HIGH
    mailed(cast, E.ADMIN_ALERT, [cast.ada], "bank takes a payment back")


@pytest.mark.parametrize("kind", list(CaseKind))
def test_every_kind_of_case_has_words(cast: Cast, kind: CaseKind) -> None:
    with tenant(cast.cluster_id):
        payments.open_case(kind=kind, subject="one", facts={"provider": "flutterwave"}, now=cast.now)
    (alert,) = told(cast.ada, E.ADMIN_ALERT)
    assert alert.title and alert.body.endswith('under "Reconciliation" in ClustR.')
    assert not alert.body.startswith("\n")


# --- Recurring payments, as the rooms that run them ask for it ---------------------------------------------------------

RECURRING: dict[NotificationEvents, tuple[dict[str, object], tuple[str, ...]]] = {
    E.RECURRING_PAYMENT_SET_UP: (
        {"frequency": "monthly", "next_run_date": "2026-12-01T08:00:00+00:00"},
        (
            "Recurring payment set up: Water",
            "paid monthly from your wallet, the first time on 1 December 2026, 09:00 WAT",
        ),
    ),
    E.RECURRING_PAYMENT_REMINDER: (
        {"next_run_date": "2026-12-01T08:00:00+00:00", "shortfall_minor": 12_345},
        ("Coming up: ₦5,000.00 for Water", "₦123.45 is missing"),
    ),
    E.RECURRING_PAYMENT_PROCESSED: (
        {"next_run_date": "2027-01-01T08:00:00+00:00"},
        ("Recurring payment made: ₦5,000.00", "The next one is on 1 January 2027"),
    ),
    E.RECURRING_PAYMENT_FAILED: (
        {
            "failure": "The wallet holds less.",
            "retry_at": "2026-12-02T08:00:00+00:00",
            "options": ["Add money to your wallet."],
        },
        ("Recurring payment failed: Water", "The wallet holds less.", "Add money to your wallet.", "2 December 2026"),
    ),
    E.RECURRING_PAYMENT_PAUSED: (
        {"reason": "it failed three times."},
        ("is paused.", "The reason: it failed three times."),
    ),
    E.RECURRING_PAYMENT_RESUMED: ({}, ("Recurring payment resumed: Water", "runs again")),
    E.RECURRING_PAYMENT_CANCELLED: ({}, ("Recurring payment cancelled: Water", "not pay anything any more")),
}


@pytest.mark.parametrize(
    ("fact", "says"),
    [
        ("held", ("Recurring payment paused: Water", "She called", "you can resume it only once the office lets you")),
        ("released", ("You may resume a recurring payment: Water", "lets you resume it")),
    ],
)
def test_a_pause_by_the_office_says_who_ends_it(cast: Cast, fact: str, says: tuple[str, ...]) -> None:
    event = E.RECURRING_PAYMENT_PAUSED
    tell(cast, Audience.one(cast.bola.user_id), event, what="Water", reason="She called", **{fact: True})
    hears(cast, event, [cast.bola], *says)


@pytest.mark.parametrize("event", list(RECURRING))
def test_recurring_payments_are_told_to_their_owner(cast: Cast, event: NotificationEvents) -> None:
    facts, says = RECURRING[event]
    tell(cast, Audience.one(cast.bola.user_id), event, what="Water", **facts)
    hears(cast, event, [cast.bola], *says)
    mailed(cast, event, [cast.bola], *says)


# --- Money of one's own, and its safety ----------------------------------------------------------------------------------


def test_money_that_arrived_in_the_wallet_is_told(cast: Cast, stage: Stage) -> None:
    checkout = stage.deposit(cast.bola, "1000.00")
    stage.end(checkout)
    stage.confirm(checkout)
    hears(cast, E.WALLET_CREDITED, [cast.bola], "₦1,000.00 is in your wallet", "through Paystack")
    mailed(cast, E.WALLET_CREDITED, [cast.bola], "₦1,000.00 is in your wallet")


def test_nobody_hears_of_who_left_before(cast: Cast) -> None:
    gone = cast.residents[-1]
    clusters.end_membership(
        actor=cast.ada.actor,
        membership_id=gone.membership_id,
        left_at=cast.now - timedelta(days=1),
        now=cast.now,
    )
    issue(cast, "5000.00")
    hears(cast, E.PAYMENT_DUE, cast.residents[:-1], "New bill")
    mailed(cast, E.PAYMENT_DUE, cast.residents[:-1], "New bill")
